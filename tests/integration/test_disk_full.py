"""A disk that is really full: each store says so, keeps what it had, and goes on once there is room."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from domain.changes import Changes
from domain.ids import PointKey
from domain.ports import StorageUnavailable
from domain.readings import Readings
from domain.records import DeadLetter
from storage.checkpoints import Checkpoints
from storage.engines import sqlite_engine
from storage.journal import SqliteJournal
from storage.migrate import upgrade
from storage.records import SqlRecords
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.support import stored
from tests.support.small_disk import DISK_BYTES, fill

ENOUGH = 400  # writes that would take several times the disk


def _writes_until_full(write: Callable[[int], object], said: str) -> int:
    """How many went in before one was refused three times running. Once is not enough: what a store
    closes after a refusal may give back the room that the next try needs."""
    number, refusals = 0, list[str]()
    while len(refusals) < 3:
        assert number < ENOUGH, "the disk does not fill"
        try:
            write(number)
        except StorageUnavailable as refusal:
            refusals.append(str(refusal))
        else:
            number, refusals = number + 1, []
    assert all(said in refusal for refusal in refusals)
    return number


def _rows(seqs: Iterator[tuple[int, object]]) -> list[int]:
    return [seq for seq, _ in seqs]


@pytest.mark.parametrize("segment_bytes", [2**20, 2**30], ids=["small-segments", "one-segment"])
def test_the_journal_on_a_full_disk(disk: Path, segment_bytes: int) -> None:
    with closing(SqliteJournal(disk / "journal", segment_bytes=segment_bytes)) as journal:
        filler = fill(disk, leave_bytes=DISK_BYTES // 2)
        written = _writes_until_full(
            lambda number: journal.append([stored.group(5_000), stored.tick(number)]),
            "takes nothing",
        )
        assert written > 5
        assert journal.last_seq == 2 * written
        filler.unlink()
        assert _rows(journal.read(0)) == list(range(1, 2 * written + 1))
        assert journal.append([stored.tick(7)]) == [2 * written + 1]
    with closing(SqliteJournal(disk / "journal")) as reopened:
        assert _rows(reopened.read(0)) == list(range(1, 2 * written + 2))


def test_the_journal_begins_on_a_full_disk(disk: Path) -> None:
    filler = fill(disk)
    with closing(SqliteJournal(disk)) as journal:
        for _ in range(3):
            with pytest.raises(StorageUnavailable):
                journal.append([stored.tick(1)])
        filler.unlink()
        assert journal.append([stored.tick(1)]) == [1]
        assert _rows(journal.read(0)) == [1]


def _letters(number: int) -> Changes:
    letter = DeadLetter(
        at_us=number,
        source_id=stored.SOURCE,
        reason="malformed_json",
        detail="",
        topic="t",
        payload=bytes(20_000),
    )
    return Changes(dead_letters=[letter, letter])


def test_the_records_on_a_full_disk(disk: Path) -> None:
    engine = sqlite_engine(disk / "records.db")
    upgrade(engine)
    records = SqlRecords(engine)
    filler = fill(disk, leave_bytes=DISK_BYTES // 2)
    seq = 1 + _writes_until_full(
        lambda number: records.commit(_letters(number + 1), number + 1), "records.db"
    )
    filler.unlink()
    assert records.applied_seq() == seq - 1
    assert len(records.dead_letters(10_000)) == 2 * (seq - 1)
    records.commit(_letters(seq), seq)
    assert records.applied_seq() == seq
    assert len(records.dead_letters(10_000)) == 2 * seq
    engine.dispose()


def test_the_telemetry_on_a_full_disk(disk: Path) -> None:
    with closing(DuckDbTelemetry(disk / "telemetry.duckdb")) as telemetry:
        telemetry.write(stored.random_readings(1_000), 1)
        filler = fill(disk, leave_bytes=DISK_BYTES // 2)
        seq = 2 + _writes_until_full(
            lambda number: telemetry.write(stored.random_readings(5_000, seed=number), number + 2),
            "telemetry.duckdb",
        )
        filler.unlink()
        assert telemetry.applied_seq() == seq - 1
        assert telemetry.count() == 1_000 + 5_000 * (seq - 2)
        telemetry.write(stored.random_readings(5_000, seed=seq), seq)
        assert telemetry.count() == 1_000 + 5_000 * (seq - 1)
    with closing(DuckDbTelemetry(disk / "telemetry.duckdb")) as reopened:
        assert reopened.applied_seq() == seq
        assert reopened.count() == 1_000 + 5_000 * (seq - 1)


def test_the_upkeep_of_the_telemetry_on_a_full_disk(disk: Path) -> None:
    """It cannot sort, loses nothing, and does it when there is room."""
    later_us = 30 * 24 * 3_600_000_000
    with closing(DuckDbTelemetry(disk / "telemetry.duckdb")) as telemetry:
        for number in range(4):
            telemetry.write(stored.random_readings(5_000, seed=number), number + 1)
        written = [telemetry.history(point, 0, 2**62).to_bytes() for point in range(50)]
        filler = fill(disk)
        with pytest.raises(StorageUnavailable, match=r"telemetry\.duckdb"):
            _all_steps(telemetry, later_us)
        filler.unlink()
        assert [telemetry.history(point, 0, 2**62).to_bytes() for point in range(50)] == written
        _all_steps(telemetry, later_us)
        assert telemetry.facts().unsorted_rows == 0
        found = [telemetry.history(point, 0, 2**62) for point in range(50)]
        assert telemetry.applied_seq() == 4
    # four readings share each moment of a point at most: their order among themselves is free
    assert [np.sort(each.value).tolist() for each in found] == [
        np.sort(Readings.from_bytes(each).value).tolist() for each in written
    ]


def _all_steps(telemetry: DuckDbTelemetry, now_us: int) -> None:
    while telemetry.keep_up(now_us):
        pass


def test_a_checkpoint_on_a_full_disk_leaves_the_one_before(disk: Path) -> None:
    checkpoints = Checkpoints(disk, "detectors")
    checkpoints.save(1, {"state": np.arange(1_000)})
    filler = fill(disk)
    with pytest.raises(StorageUnavailable, match="cannot be written"):
        checkpoints.save(2, {"state": np.zeros(100_000)})
    newest = checkpoints.latest()
    assert newest is not None
    assert newest.seq == 1
    assert not list(disk.glob("*.new"))
    filler.unlink()
    checkpoints.save(2, {"state": np.zeros(100_000)})
    newest = checkpoints.latest()
    assert newest is not None
    assert newest.seq == 2


def test_numbers_of_points_on_a_full_disk_are_given_whole_or_not_at_all(disk: Path) -> None:
    engine = sqlite_engine(disk / "records.db")
    upgrade(engine)
    records = SqlRecords(engine)
    filler = fill(disk)
    keys = [PointKey(f"35kV-liuyuan/{number}") for number in range(20_000)]
    with pytest.raises(StorageUnavailable):
        records.point_numbers(keys)
    filler.unlink()
    assert records.point_numbers([]) == {}
    assert sorted(records.point_numbers(keys).values()) == list(range(1, len(keys) + 1))
    engine.dispose()
