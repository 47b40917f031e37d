"""The journal on disk: segments, re-opening, damage, a second writer, many threads."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from domain.ports import StorageUnavailable
from storage.journal import DamagedJournal, JournalInUse, SqliteJournal
from tests.support import stored

SMALL = 16 * 1024


def _filled(folder: Path, records: int, segment_bytes: int = SMALL) -> SqliteJournal:
    journal = SqliteJournal(folder, segment_bytes=segment_bytes)
    for at_us in range(1, records + 1):
        journal.append([stored.group(50, at_us=at_us)])
    return journal


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("journal-*.db"))


def _seqs(journal: SqliteJournal, after: int = 0) -> list[int]:
    return [seq for seq, _ in journal.read(after)]


def test_a_segment_is_named_after_its_first_record(tmp_path: Path) -> None:
    with closing(_filled(tmp_path, 60)) as journal:
        firsts = [int(path.stem.removeprefix("journal-")) for path in _segments(tmp_path)]
        assert len(firsts) > 3
        assert firsts[0] == 1
        for first in firsts:
            assert _seqs(journal, first - 1)[0] == first


def test_reopened_it_goes_on_with_the_next_number(tmp_path: Path) -> None:
    _filled(tmp_path, 60).close()
    with closing(SqliteJournal(tmp_path, segment_bytes=SMALL)) as journal:
        assert (journal.last_seq, journal.newest_at_us) == (60, 60)
        assert journal.append([stored.tick(61)]) == [61]
        assert _seqs(journal) == list(range(1, 62))


def test_dropped_segments_leave_the_disk_and_stay_gone(tmp_path: Path) -> None:
    with closing(_filled(tmp_path, 60)) as journal:
        before = journal.size_bytes()
        assert journal.drop_through(30) > 0
        assert journal.size_bytes() < before
        oldest = journal.oldest_seq
    with closing(SqliteJournal(tmp_path)) as reopened:
        assert reopened.oldest_seq == oldest > 1
        assert _seqs(reopened, oldest - 1) == list(range(oldest, 61))


def test_the_share_of_the_disk_is_told(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path, share_bytes=100_000)) as journal:
        assert journal.share_used < 1
        journal.append([stored.group(10_000)])
        assert journal.share_used > 1


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param("", id="no-table-yet"),
        pytest.param(
            "create table record (seq integer primary key, at_us integer)", id="no-row-yet"
        ),
    ],
)
def test_a_segment_that_was_only_begun_is_no_loss(tmp_path: Path, begun: str) -> None:
    _filled(tmp_path, 3, segment_bytes=10**9).close()
    with closing(sqlite3.connect(tmp_path / "journal-000000000004.db")) as half_made:
        half_made.execute(begun or "pragma user_version = 1")
        half_made.commit()
    with closing(SqliteJournal(tmp_path)) as journal:
        assert (journal.last_seq, journal.newest_at_us) == (3, 3)
        assert _seqs(journal) == [1, 2, 3]
    if not begun:
        with closing(SqliteJournal(tmp_path)) as journal:
            assert journal.append([stored.tick(4)]) == [4]
            assert _seqs(journal) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("update record set body = zeroblob(length(body)) where seq = 2", id="body"),
        pytest.param("update record set at_us = 9 where seq = 2", id="moment"),
        pytest.param("update record set kind = 'tick' where seq = 2", id="kind"),
        pytest.param("update record set packet_ids = x'00' where seq = 2", id="receipts"),
    ],
)
def test_a_damaged_record_is_named_and_not_believed(tmp_path: Path, damage: str) -> None:
    _filled(tmp_path, 3).close()
    path = _segments(tmp_path)[0]
    with closing(sqlite3.connect(path)) as vandal:
        vandal.execute(damage)
        vandal.commit()
    with closing(SqliteJournal(tmp_path)) as journal:
        reader = journal.read(0)
        assert next(reader)[0] == 1
        with pytest.raises(DamagedJournal, match=rf"{path.name}: record 2"):
            next(reader)


def test_a_missing_record_is_an_error_and_no_silence(tmp_path: Path) -> None:
    _filled(tmp_path, 3).close()
    with closing(sqlite3.connect(_segments(tmp_path)[0])) as vandal:
        vandal.execute("delete from record where seq = 2")
        vandal.commit()
    with (
        closing(SqliteJournal(tmp_path)) as journal,
        pytest.raises(DamagedJournal, match="record 2 is missing"),
    ):
        _seqs(journal)


def test_a_missing_segment_is_an_error_and_no_silence(tmp_path: Path) -> None:
    _filled(tmp_path, 60).close()
    _segments(tmp_path)[1].unlink()
    with (
        closing(SqliteJournal(tmp_path)) as journal,
        pytest.raises(DamagedJournal, match="missing"),
    ):
        _seqs(journal)


def test_a_file_that_is_no_segment_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal-000000000001.db").write_bytes(b"poem" * 2_000)
    with pytest.raises(DamagedJournal, match=r"journal-000000000001\.db"):
        SqliteJournal(tmp_path)


def test_a_second_writer_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    first = _filled(tmp_path, 3)
    second = SqliteJournal(tmp_path)
    with pytest.raises(StorageUnavailable, match="another process writes it"):
        second.append([stored.tick(4)])
    assert _seqs(second) == [1, 2, 3]
    first.close()
    assert second.append([stored.tick(4)]) == [4]
    second.close()


def test_opened_for_writing_it_is_refused_to_others_before_anything_is_appended(
    tmp_path: Path,
) -> None:
    first, second = SqliteJournal(tmp_path), SqliteJournal(tmp_path)
    first.open_for_writing()
    with pytest.raises(JournalInUse, match="another process writes it"):
        second.open_for_writing()
    first.close()
    second.open_for_writing()
    second.close()


def test_a_writer_goes_on_after_what_another_wrote_since_it_looked(tmp_path: Path) -> None:
    early = SqliteJournal(tmp_path, segment_bytes=SMALL)
    _filled(tmp_path, 60).close()
    with closing(early):
        assert early.append([stored.tick(61)]) == [61]
        assert _seqs(early) == list(range(1, 62))


def _with_hole(folder: Path, records: int, segment_bytes: int = SMALL) -> SqliteJournal:
    journal = _filled(folder, records, segment_bytes)
    journal.begin_after(205)
    return journal


@pytest.mark.parametrize("records", [0, 3, 60])
def test_it_goes_on_after_a_given_number_and_readers_pass_over_the_hole(
    tmp_path: Path, records: int
) -> None:
    before = list(range(1, records + 1))
    with closing(_with_hole(tmp_path, records)) as journal:
        assert journal.last_seq == 205
        assert _seqs(journal) == before
        assert journal.append([stored.tick(1), stored.tick(2)]) == [206, 207]
        assert _seqs(journal) == [*before, 206, 207]
    with closing(SqliteJournal(tmp_path)) as reopened:
        assert reopened.last_seq == 207
        assert reopened.append([stored.tick(3)]) == [208]
        assert _seqs(reopened) == [*before, 206, 207, 208]
        for after in (records, 100, 204, 205):
            assert _seqs(reopened, after) == [206, 207, 208]
        assert _seqs(reopened, 206) == [207, 208]


def test_a_number_that_is_reached_already_makes_no_hole(tmp_path: Path) -> None:
    with closing(_filled(tmp_path, 3)) as journal:
        journal.begin_after(3)
        journal.begin_after(2)
        assert journal.append([stored.tick(4)]) == [4]
        assert journal.missing_after(0) == []


def test_a_hole_whose_first_record_never_came_is_still_one(tmp_path: Path) -> None:
    """Ended between making the segment and the commit of its first record."""
    with closing(_with_hole(tmp_path, 3)) as journal, pytest.raises(OverflowError):
        journal.append([stored.tick(2**70)])
    with closing(SqliteJournal(tmp_path)) as reopened:
        assert reopened.last_seq == 205
        assert _seqs(reopened) == [1, 2, 3]
        assert reopened.append([stored.tick(1)]) == [206]


def test_only_the_announced_numbers_may_be_missing(tmp_path: Path) -> None:
    with closing(_with_hole(tmp_path, 60)) as journal:
        journal.append([stored.tick(1)])
    _segments(tmp_path)[1].unlink()
    with (
        closing(SqliteJournal(tmp_path)) as reopened,
        pytest.raises(DamagedJournal, match="missing"),
    ):
        _seqs(reopened)


def test_what_is_missing_is_told_by_its_numbers(tmp_path: Path) -> None:
    with closing(_with_hole(tmp_path, 60)) as journal:
        journal.append([stored.tick(1)])
        assert journal.missing_after(0) == [(61, 205)]
        assert journal.missing_after(100) == [(101, 205)]
        assert journal.missing_after(205) == []
        journal.drop_through(30)
        oldest = journal.oldest_seq
        assert journal.missing_after(oldest - 1) == [(61, 205)]
        assert journal.missing_after(0) == [(1, oldest - 1), (61, 205)]
        journal.drop_through(205)
        assert journal.missing_after(0) == [(1, 205)]


def test_a_failed_append_that_reached_the_file_is_not_doubled(tmp_path: Path) -> None:
    """A sync may fail after the commit stands in the file: reported as failed, it must not come back."""
    with closing(_filled(tmp_path, 2, segment_bytes=10**9)) as journal:
        with closing(sqlite3.connect(_segments(tmp_path)[0])) as ghost:
            ghost.execute(
                "insert into record select 3, kind, at_us, source, session, packet_ids, digests, body,"
                " checksum from record where seq = 2"
            )
            ghost.commit()
        assert _seqs(journal) == [1, 2]
        with pytest.raises(StorageUnavailable):
            journal.append([stored.tick(30)])
        assert journal.append([stored.tick(30)]) == [3]
        assert [record.at_us for _, record in journal.read(0)] == [1, 2, 30]


def test_a_locked_segment_refuses_and_then_works_again(tmp_path: Path) -> None:
    with closing(_filled(tmp_path, 2, segment_bytes=10**9)) as journal:
        with closing(sqlite3.connect(_segments(tmp_path)[0], isolation_level=None)) as other:
            other.execute("begin immediate")
            with pytest.raises(StorageUnavailable, match="locked"):
                journal.append([stored.tick(3)])
        assert journal.append([stored.tick(3)]) == [3]


def test_a_segment_that_was_taken_away_is_told_and_not_made_anew(tmp_path: Path) -> None:
    with closing(_filled(tmp_path, 2, segment_bytes=10**9)) as journal:
        (path,) = _segments(tmp_path)
        path.rename(tmp_path / "elsewhere")
        for _ in range(2):
            with pytest.raises(StorageUnavailable):
                journal.append([stored.tick(3)])
        assert not path.exists()
        (tmp_path / "elsewhere").rename(path)
        assert journal.append([stored.tick(3)]) == [3]
        assert _seqs(journal) == [1, 2, 3]


def test_a_bug_in_a_record_leaves_the_journal_usable(tmp_path: Path) -> None:
    with closing(_filled(tmp_path, 1)) as journal:
        with pytest.raises(OverflowError):
            journal.append([stored.tick(2), stored.tick(2**70)])
        assert journal.append([stored.tick(2)]) == [2]


def test_readers_in_other_threads_see_whole_appends_in_order(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path, segment_bytes=64 * 1024)) as journal:
        finished = Event()
        seen: list[list[int]] = [[], []]

        def follow(numbers: list[int]) -> None:
            while True:
                last_look = finished.is_set()
                numbers += _seqs(journal, numbers[-1] if numbers else 0)
                if last_look:
                    return

        readers = [Thread(target=follow, args=(numbers,)) for numbers in seen]
        for reader in readers:
            reader.start()
        for at_us in range(150):
            journal.append([stored.group(20, at_us=at_us), stored.tick(at_us)])
        finished.set()
        for reader in readers:
            reader.join(timeout=20)
            assert not reader.is_alive()
        assert seen == [list(range(1, 301))] * 2


_APPENDER = """
import sys
from pathlib import Path
from storage.journal import SqliteJournal
from tests.support import stored
journal = SqliteJournal(Path(sys.argv[1]), segment_bytes=64 * 1024)
at_us = 0
while True:
    at_us += 1
    print(*journal.append([stored.group(20, at_us=at_us), stored.tick(at_us)]), flush=True)
"""


@pytest.mark.parametrize("lines", [1, 40, 120])
def test_what_was_reported_is_there_after_kill_9(tmp_path: Path, lines: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _APPENDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    with process.stdout as stdout:
        reported = [stdout.readline() for _ in range(lines)]
        process.kill()
        reported += stdout.readlines()
    process.wait(timeout=20)
    newest = max(int(seq) for line in reported if line.endswith("\n") for seq in line.split())
    with closing(SqliteJournal(tmp_path)) as journal:
        assert journal.last_seq >= newest >= 2 * lines
        assert journal.last_seq % 2 == 0  # two records an append: all or none
        assert _seqs(journal) == list(range(1, journal.last_seq + 1))
        assert journal.append([stored.tick(1)]) == [journal.last_seq]
