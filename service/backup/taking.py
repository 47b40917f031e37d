"""Takes a backup, of a site that runs or of one that does not."""

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from domain.clock import Clock, system_clock
from service.backup import manifest, records
from service.backup.manifest import (
    FORMAT,
    BackupFailed,
    JournalFacts,
    Manifest,
    RecordsFacts,
    TelemetryFacts,
)
from service.evidence_files import EVIDENCE
from service.local_socket import SOCKET_NAME, CoreUnreachable, RequestRefused, is_served, request
from service.projecting import DETECTORS, INTAKE
from service.records import ID_NAME
from service.sealing import HEADS_NAME
from service.settings import Settings
from service.site.compiled import COMPILED_NAME
from service.wiring import Folders
from storage.checkpoints import Checkpoints
from storage.copies import copy_checkpoints, copy_file, copy_journal, journal_kept_whole
from storage.evidence import EvidenceFiles
from storage.journal import DamagedJournal, reach_of, segments_in
from storage.telemetry_duckdb import DuckDbTelemetry

Say = Callable[[str], object]

_LOOK_EVERY_S: Final = 0.2
_CORE_AWAY_S: Final = 60.0  # a core that starts anew is waited for


def take(settings: Settings, folder: Path, say: Say, clock: Clock = system_clock) -> Manifest:
    """Into a new or an empty folder. Raises BackupFailed, StorageUnavailable, OSError."""
    here = Folders(settings.data)
    _make_empty(folder)
    taken_at_us = clock()
    with journal_kept_whole(here.journal) if here.journal.is_dir() else nullcontext():
        if here.checkpoints.is_dir():
            copy_checkpoints(here.checkpoints, folder / "checkpoints", (DETECTORS, INTAKE))
        # before the records: a head must never be newer than the ledger that it speaks of
        for name in (HEADS_NAME, COMPILED_NAME, ID_NAME):
            if (settings.data / name).is_file():
                copy_file(settings.data / name, folder / name)
        of_records = records.take(settings, folder, say)
        _take_evidence(
            settings.data / EVIDENCE, folder / EVIDENCE, say
        )  # what the records name is there
        of_telemetry = _take_telemetry(settings, here, folder / here.telemetry.name, say)
        of_journal = _take_journal(here, folder / "journal", say)
    if of_journal is not None:
        _expect_reach(folder, of_records, of_telemetry, of_journal)
    say("reading it all once more, for the digests")
    made = Manifest(
        format=FORMAT,
        release=version("gridwarden"),
        taken_at_us=taken_at_us,
        records=of_records,
        telemetry=of_telemetry,
        journal=of_journal,
        files=tuple(manifest.files_of(folder)),
    )
    manifest.write(folder, made)
    return made


def _make_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupFailed(f"{folder} is not empty: name a folder that does not exist yet")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _take_evidence(source: Path, target: Path, say: Say) -> None:
    """A file is there before the record that names it, and never changes. What is deleted meanwhile is left
    out."""
    count = 0
    for name in EvidenceFiles(source).names():
        kept = target / name[:2] / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            copy_file(source / name[:2] / name, kept)
            count += 1
    if count:
        say(f"evidence: {count} files")


def _take_telemetry(settings: Settings, here: Folders, target: Path, say: Say) -> TelemetryFacts:
    if settings.telemetry.url:
        say("telemetry: in a server of its own, which has backups of its own")
        return TelemetryFacts(kind="elsewhere", applied={})
    if not here.telemetry.exists() and not is_served(here.data / SOCKET_NAME):
        return TelemetryFacts(kind="none", applied={})
    if not is_served(here.data / SOCKET_NAME):
        say("telemetry: copying the DuckDB file")
        store = DuckDbTelemetry(here.telemetry)
        try:
            applied = {str(partition): seq for partition, seq in store.copy_to(target).items()}
        finally:
            store.close()
        return TelemetryFacts(kind="duckdb", applied=applied)
    return _ask_core_for_telemetry(here, target, say)


def _ask_core_for_telemetry(here: Folders, target: Path, say: Say) -> TelemetryFacts:
    """Raises BackupFailed."""
    away_at = time.monotonic()
    while True:
        try:
            told = request(here.data / SOCKET_NAME, "copy_telemetry", to=str(target.absolute()))
        except CoreUnreachable as error:
            if time.monotonic() - away_at > _CORE_AWAY_S:
                raise BackupFailed(
                    f"core went away while it copied the telemetry: {error}"
                ) from error
            time.sleep(_LOOK_EVERY_S)
            continue
        except RequestRefused as error:
            raise BackupFailed(f"core does not copy the telemetry: {error}") from error
        away_at = time.monotonic()
        match told["state"]:
            case "done":
                return TelemetryFacts(kind="duckdb", applied=told["applied"])
            case "elsewhere":  # core has other settings than we were given
                return TelemetryFacts(kind="elsewhere", applied={})
            case "failed":
                raise BackupFailed(f"core cannot copy the telemetry: {told['why']}")
        say(f"telemetry: {int(told.get('bytes', 0)) / 2**20:.0f} MiB")
        time.sleep(_LOOK_EVERY_S)


def _take_journal(here: Folders, target: Path, say: Say) -> JournalFacts | None:
    if not here.journal.is_dir() or not segments_in(here.journal):
        return None
    say(f"journal: {len(segments_in(here.journal))} segments")
    copy_journal(here.journal, target)
    try:
        oldest, newest = reach_of(target)
    except DamagedJournal as error:
        raise BackupFailed(f"the journal cannot be copied: {error}") from error
    return JournalFacts(oldest=oldest, newest=newest)


def _expect_reach(
    folder: Path, of_records: RecordsFacts, of_telemetry: TelemetryFacts, journal: JournalFacts
) -> None:
    """The journal covers what was made of it, and what core would begin from."""
    applied = of_records.applied.get("records", 0)
    furthest = max(applied, *of_telemetry.applied.values(), 0)
    if journal.newest < furthest:
        raise BackupFailed(
            f"the journal ends at {journal.newest} and its readers are at {furthest}: it does not belong to"
            " these records"
        )
    checkpoints = Checkpoints(folder / "checkpoints", DETECTORS).newest_first()
    begins_at = next((each.seq for each in checkpoints if each.seq <= applied), 0)
    if journal.oldest > begins_at + 1:
        raise BackupFailed(
            f"the journal was shortened while it was copied (it begins at {journal.oldest}, needed from"
            f" {begins_at + 1}): raise GRIDWARDEN_JOURNAL__SHARE_MIB and take it again"
        )


def verified(folder: Path, say: Say = lambda line: None) -> Manifest:
    """Reads everything back. Raises BackupFailed."""
    made = manifest.read(folder)
    say("comparing every file with its digest")
    broken = manifest.broken_files(folder, made)
    if broken:
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        raise BackupFailed(f"the backup in {folder} is damaged: {'; '.join(broken[:3])}{more}")
    return made


def summary(made: Manifest) -> dict[str, object]:
    """For a program to read."""
    return {
        "taken_at_us": made.taken_at_us,
        "release": made.release,
        "bytes": made.bytes,
        "files": len(made.files),
        "records": {
            "kind": made.records.kind,
            "revision": made.records.revision,
            "applied": made.records.applied,
            "rows": made.records.rows,
            "head_number": made.records.head_number,
        },
        "telemetry": {"kind": made.telemetry.kind, "applied": made.telemetry.applied},
        "journal": {"oldest": made.journal.oldest, "newest": made.journal.newest}
        if made.journal
        else None,
    }
