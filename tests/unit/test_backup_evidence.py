"""Evidence is in a backup and comes back with it; a file that was changed in the backup is found."""

from pathlib import Path

import pytest

from service.backup.manifest import BackupFailed
from service.backup.restoring import restore
from service.backup.taking import take
from service.evidence_files import EVIDENCE
from service.records import records_engine
from service.settings import load_settings
from storage.evidence import EvidenceFiles
from storage.migrate import upgrade


def told(line: str) -> None:
    del line


def test_evidence_comes_back_with_the_records(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "data")
    engine = records_engine(settings.data, settings.records, role="test", busy_ms=1_000)
    upgrade(engine)
    engine.dispose()
    names = {EvidenceFiles(settings.data / EVIDENCE).put(content) for content in (b"one", b"two")}
    take(settings, tmp_path / "backup", told)
    elsewhere = load_settings(data=tmp_path / "elsewhere")
    restore(tmp_path / "backup", elsewhere.data, elsewhere, told)
    restored = EvidenceFiles(elsewhere.data / EVIDENCE)
    assert set(restored.names()) == names
    assert {restored.get(name) for name in names} == {b"one", b"two"}
    name = min(names)
    (tmp_path / "backup" / EVIDENCE / name[:2] / name).write_bytes(b"another")
    again = load_settings(data=tmp_path / "again")
    with pytest.raises(BackupFailed):
        restore(tmp_path / "backup", again.data, again, told)
