"""The evidence store: what is put is there, what was changed is refused, what is half written is nobody's."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

import storage.evidence
from domain.ports import StorageUnavailable
from storage.evidence import DamagedEvidence, EvidenceFiles, EvidenceTooLarge, NoSuchEvidence

PICTURE = b"\xff\xd8 a picture \xff\xd9"
HOUR_US = 3_600_000_000


@pytest.fixture
def files(tmp_path: Path) -> EvidenceFiles:
    return EvidenceFiles(tmp_path / "evidence")


def test_what_is_put_is_there_under_its_hash(files: EvidenceFiles) -> None:
    name = files.put(PICTURE)
    assert name == hashlib.sha256(PICTURE).hexdigest()
    assert files.get(name) == PICTURE
    assert list(files.names()) == [name]


def test_the_same_twice_is_one_file(files: EvidenceFiles) -> None:
    assert files.put(PICTURE) == files.put(PICTURE)
    assert len(list(files.names())) == 1


def test_many_may_put_the_same_at_once(files: EvidenceFiles) -> None:
    putting = [threading.Thread(target=files.put, args=(PICTURE,)) for _ in range(8)]
    for thread in putting:
        thread.start()
    for thread in putting:
        thread.join()
    (name,) = files.names()
    assert files.get(name) == PICTURE


def test_a_changed_file_is_refused(files: EvidenceFiles, tmp_path: Path) -> None:
    name = files.put(PICTURE)
    path = tmp_path / "evidence" / name[:2] / name
    path.write_bytes(PICTURE.replace(b"a", b"b"))
    with pytest.raises(DamagedEvidence, match="changed on disk"):
        files.get(name)


@pytest.mark.parametrize("name", ["", "../../records.db", "ab" * 40, "g" * 64, "A" * 64])
def test_only_a_hash_is_a_name(files: EvidenceFiles, name: str) -> None:
    with pytest.raises(NoSuchEvidence, match="is no name"):
        files.get(name)


def test_what_never_was_here(files: EvidenceFiles) -> None:
    with pytest.raises(NoSuchEvidence, match="there is no evidence"):
        files.get("0" * 64)
    assert files.forget(["0" * 64]) == 0


def test_what_is_too_large_is_refused(
    files: EvidenceFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.evidence, "LARGEST_BYTES", 10)
    with pytest.raises(EvidenceTooLarge, match="shorten the clip"):
        files.put(PICTURE)
    assert list(files.names()) == []


def test_a_full_disk_leaves_nothing_half_written(
    files: EvidenceFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StorageUnavailable, match="No space left"):
            files.put(PICTURE)
    assert list((tmp_path / "evidence" / "new").iterdir()) == []
    assert files.get(files.put(PICTURE)) == PICTURE


def test_what_a_killed_process_left_goes_after_a_while(
    files: EvidenceFiles, tmp_path: Path
) -> None:
    files.put(PICTURE)
    left = tmp_path / "evidence" / "new" / "half"
    left.write_bytes(b"half")
    written_us = left.stat().st_mtime_ns // 1_000
    assert files.sweep_unfinished(HOUR_US, written_us + HOUR_US) == 0
    assert files.sweep_unfinished(HOUR_US, written_us + HOUR_US + 1) == 1
    assert len(list(files.names())) == 1


def test_whose_time_is_over_goes(files: EvidenceFiles) -> None:
    name = files.put(PICTURE)
    assert files.forget([name]) == 1
    assert not files.has(name)
