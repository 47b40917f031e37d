"""What every journal promises, on disk and in memory."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domain.ports import Journal
from domain.records import Record
from storage.journal import SqliteJournal
from tests.support import stored
from tests.support.memory_journal import MemoryJournal

AnyJournal = SqliteJournal | MemoryJournal


def _memory(folder: Path) -> MemoryJournal:
    return MemoryJournal()


def _sqlite(folder: Path) -> SqliteJournal:
    return SqliteJournal(folder)


def _sqlite_small_segments(folder: Path) -> SqliteJournal:
    return SqliteJournal(folder, segment_bytes=16 * 1024)


@pytest.fixture(params=[_memory, _sqlite, _sqlite_small_segments])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyJournal]:
    make: Callable[[Path], AnyJournal] = request.param
    with closing(make(tmp_path)) as made:
        yield made


def _seqs(journal: Journal, after: int) -> list[int]:
    return [seq for seq, _ in journal.read(after)]


def test_an_empty_journal_has_nothing_to_read(journal: AnyJournal) -> None:
    assert _seqs(journal, 0) == []
    assert (journal.last_seq, journal.oldest_seq, journal.newest_at_us) == (0, 1, None)


def test_numbers_rise_by_one_over_all_appends(journal: AnyJournal) -> None:
    assert list(journal.append([stored.tick(10), stored.tick(20)])) == [1, 2]
    assert list(journal.append([])) == []
    assert list(journal.append([stored.tick(30)])) == [3]
    assert (journal.last_seq, journal.newest_at_us) == (3, 30)


def test_records_come_back_in_order_as_they_were(journal: AnyJournal) -> None:
    written: list[Record] = [stored.tick(1), stored.group(200, at_us=2), stored.group(3, at_us=3)]
    for record in written:
        journal.append([record])
    read = [record for _, record in journal.read(0)]
    assert len(read) == 3
    assert all(map(stored.same, read, written))


@pytest.mark.parametrize("after", [0, 1, 149, 199, 200, 500])
def test_reading_starts_after_the_number_given(journal: AnyJournal, after: int) -> None:
    for start in range(0, 200, 5):
        journal.append([stored.group(20, at_us=start + row) for row in range(5)])
    assert _seqs(journal, after) == list(range(after + 1, 201))


def test_dropping_keeps_everything_above_the_number(journal: AnyJournal) -> None:
    for at_us in range(60):
        journal.append([stored.group(30, at_us=at_us)])
    journal.drop_through(40)
    assert journal.oldest_seq <= 41
    assert _seqs(journal, 40) == list(range(41, 61))


def test_the_current_end_is_never_dropped(journal: AnyJournal) -> None:
    for at_us in range(40):
        journal.append([stored.group(30, at_us=at_us)])
    journal.drop_through(1_000)
    assert journal.last_seq == 40
    assert _seqs(journal, 39) == [40]
    assert list(journal.append([stored.tick(1)])) == [41]
