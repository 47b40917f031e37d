"""From the stores of the last life to the state of this one.

A store may have come back from a backup, or be damaged, or gone. What that costs is found here, told as an
error and counted, and core goes on with what there is: a watchman with a gap in his memory is one. Only what
would turn later records wrong stops the start.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import structlog

from detectors.evaluate import DetectorState, UnreadableCheckpoint
from domain.assets import ActiveLimits
from domain.ids import PointKey
from domain.ports import Counters, StorageUnavailable, Telemetry
from ingest.intake import Intake, UnreadableIntake
from service.deciding import Start
from service.local_socket import AlreadyServed
from service.projecting import DETECTORS, INTAKE
from service.records import ForeignRecords, expect_own_records, records_engine
from service.settings import JournalSettings, RecordsSettings
from storage.checkpoints import Checkpoint, Checkpoints
from storage.engines import is_server
from storage.journal import JournalInUse, SqliteJournal
from storage.migrate import upgrade
from storage.records import NumbersDisagree, SqlRecords

log = structlog.get_logger(__name__)

Restored = TypeVar("Restored")


class Unwirable(Exception):
    """Site or data folder and this version do not fit; the message says what to do."""


def open_journal(folder: Path, settings: JournalSettings) -> SqliteJournal:
    """Ours alone from here on, before anything is written. Raises AlreadyServed, StorageUnavailable."""
    journal = SqliteJournal(
        folder, segment_bytes=settings.segment_bytes, share_bytes=settings.share_bytes
    )
    try:
        journal.open_for_writing()
    except JournalInUse as error:
        raise AlreadyServed(
            f"another core serves {folder.parent}: stop it, or give another --data"
        ) from error
    return journal


def open_records(path: Path, settings: RecordsSettings, journal_seq: int) -> SqlRecords:
    """A missing file, or an empty database, is begun only where the journal is empty: else it was lost, and
    silently beginning again would forget every incident. Raises Unwirable where another data folder has
    them, StorageUnavailable."""
    engine = records_engine(path.parent, settings)
    try:
        upgrade(engine, create=journal_seq == 0)
        if is_server(engine):
            expect_own_records(engine, path.parent)
    except ForeignRecords as error:
        engine.dispose()
        raise Unwirable(str(error)) from error
    except BaseException:
        engine.dispose()
        raise
    return SqlRecords(engine)


def go_on_beyond_what_was_applied(
    journal: SqliteJournal,
    records: SqlRecords,
    telemetry: Telemetry,
    checkpoints: Iterable[Checkpoints],
    counters: Counters,
) -> None:
    """A journal that was lost, or is from an older backup, must not give out numbers that its readers
    have passed: they would take new records for known ones, and swallow them."""
    stored_seq = _applied_by(telemetry)
    reached = {
        "records": records.applied_seq(),
        "telemetry": stored_seq,
        **{each.name: each.newest_seq() for each in checkpoints},
    }
    newest = max(reached.values())
    if newest > journal.last_seq:
        counters.add("journal_behind")
        log.error(
            "journal_behind", journal_seq=journal.last_seq, goes_on_after=newest, reached=reached
        )
        journal.begin_after(newest)
    _tell_missing("telemetry", journal.missing_after(stored_seq), counters)


def recovered_detectors(
    checkpoints: Checkpoints, journal: SqliteJournal, applied_seq: int, counters: Counters
) -> Start:
    """From where deciding begins again: at or before what the records hold, so that records from an
    older backup get back what the journal still knows."""
    starts = _usable(checkpoints, lambda each: Start(each.seq, _detectors_of(each)), applied_seq)
    start = next(starts, None)
    if start is None and journal.oldest_seq > 1:
        # without its beginning the journal does not say which limits held: rather begin too late
        start = _last(_usable(checkpoints, lambda each: Start(each.seq, _detectors_of(each))))
    if start is None:
        start = Start(0, DetectorState.initial())
    undecided = [(applied_seq + 1, start.seq)] if applied_seq < start.seq else []
    _tell_missing(DETECTORS, [*undecided, *journal.missing_after(start.seq)], counters)
    return start


def recover_intake(
    intake: Intake,
    checkpoints: Checkpoints,
    journal: SqliteJournal,
    limits: ActiveLimits,
    counters: Counters,
) -> None:
    """Brings a fresh intake to the journal's last record; `limits` are those of that moment."""

    def restore(checkpoint: Checkpoint) -> int:
        intake.restore(checkpoint.arrays, checkpoint.meta)
        return checkpoint.seq

    after = next(_usable(checkpoints, restore), 0)
    _tell_missing(INTAKE, journal.missing_after(after), counters)
    for _, record in journal.read(after=after):
        intake.replay(record)
    intake.activate(limits)  # the records of their activation may be among the missing


def numbers_of_points(
    records: SqlRecords, keys: Iterable[PointKey], last: ActiveLimits
) -> Mapping[PointKey, int]:
    """Raises Unwirable where they are not those of the limits that held last: journal, checkpoints and
    telemetry know points by number alone, and would lend one the readings of another."""
    try:
        return records.point_numbers(keys, [(point.key, point.number) for point in last.points])
    except NumbersDisagree as error:
        raise Unwirable(
            f"records and journal do not belong together, {error}: put back the records.db that was"
            " saved together with the journal, or give a new --data"
        ) from error


def _applied_by(telemetry: Telemetry) -> int:
    try:
        return telemetry.applied_seq()
    except StorageUnavailable as error:
        log.error("telemetry_unavailable", reason=str(error))
        return 0  # alarms do not wait for the history


def _usable(
    checkpoints: Checkpoints,
    restore: Callable[[Checkpoint], Restored],
    through_seq: int | None = None,
) -> Iterator[Restored]:
    """What they say, the newest first; those that cannot be read, or are of another format, are told."""
    for checkpoint in checkpoints.newest_first():
        if through_seq is not None and checkpoint.seq > through_seq:
            continue
        try:
            yield restore(checkpoint)
        except (UnreadableCheckpoint, UnreadableIntake) as error:
            log.error(
                "checkpoint_unreadable",
                name=checkpoints.name,
                seq=checkpoint.seq,
                reason=str(error),
            )


def _detectors_of(checkpoint: Checkpoint) -> DetectorState:
    return DetectorState.restore(checkpoint.arrays, checkpoint.meta, checkpoint.parts)


def _last(starts: Iterable[Start]) -> Start | None:
    last = None
    for start in starts:
        last = start
    return last


def _tell_missing(of: str, stretches: Iterable[tuple[int, int]], counters: Counters) -> None:
    for first, last in stretches:
        counters.add("history_missing", of=of)
        log.error("history_missing", of=of, first=first, last=last)
