"""The journal: what `append` returned for is on the disk, in order, and is read back as it was written.

One SQLite file per segment, named after its first sequence number. The sequence has no holes but those that
`begin_after` announced, in the name of the segment behind it: a reader that meets another says so instead of
going on.
"""

import fcntl
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import IO, Final
from urllib.parse import quote

from domain.ports import StorageUnavailable
from domain.records import Record
from storage.codec import DamagedRecord, Row, decode, encode
from storage.files import sync_folder

MIB: Final = 2**20
GIB: Final = 2**30
_NAME: Final = re.compile(r"journal-(\d{12})(?:-after-(\d{12}))?\.db")
HOLD_NAME: Final = "backup.lock"  # locked while a backup needs what is there
HELD_SHARE_AT_MOST: Final = 0.6
_ROWS_PER_LOOK: Final = (
    64  # a reader holds no transaction longer than this: it would stop checkpointing
)
_BUSY_S: Final = 1.0

_CREATE: Final = """
create table if not exists record (
    seq integer primary key,
    kind text not null,
    at_us integer not null,
    source text not null,
    session text not null,
    packet_ids blob not null,
    digests blob not null,
    body blob not null,
    checksum integer not null
)"""
_INSERT: Final = "insert into record values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT: Final = "select * from record where seq > ? and seq <= ? order by seq limit ?"
_StoredRow = tuple[int, str, int, str, str, bytes, bytes, bytes, int]


class DamagedJournal(Exception):
    """A segment, or a record in it, cannot be read back. The message names the file and the number."""


class JournalInUse(StorageUnavailable):
    """Another process writes this journal."""


class SqliteJournal:
    """One process writes (the file lock sees to it); any thread may read or append."""

    def __init__(
        self, folder: Path, *, segment_bytes: int = 64 * MIB, share_bytes: int = 4 * GIB
    ) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._share_bytes = share_bytes
        self._lock = Lock()
        self._writer: sqlite3.Connection | None = None
        self._lock_file: IO[bytes] | None = None
        self._segments: list[int] = []  # first sequence numbers, rising
        self._holes: dict[int, int] = {}  # of segments behind a hole: first number, last before it
        self._last_seq = 0
        self._newest_at_us: int | None = None
        _make(folder)
        self._look()

    def open_for_writing(self) -> None:
        """Takes the file lock now and not with the first append, until `close`. Raises JournalInUse, and
        StorageUnavailable where the lock cannot be asked for."""
        with self._lock:
            self._take_lock()

    @property
    def last_seq(self) -> int:
        """The newest durable record; 0 while there is none."""
        return self._last_seq

    @property
    def oldest_seq(self) -> int:
        """The oldest record that is still here; last_seq + 1 while there is none."""
        return self._segments[0] if self._segments else self._last_seq + 1

    @property
    def newest_at_us(self) -> int | None:
        """`at_us` of the newest record."""
        return self._newest_at_us

    @property
    def share_used(self) -> float:
        """Part of our share of the disk that is taken; 1 and more means full."""
        return self.size_bytes() / self._share_bytes

    def size_bytes(self) -> int:
        total = 0
        for path in self._folder.glob("journal-*.db*"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue  # a write-ahead file went while we counted
        return total

    def missing_after(self, seq: int) -> list[tuple[int, int]]:
        """What `read(after=seq)` would have to give and cannot: first and last number of each stretch."""
        due = max(seq + 1, self.oldest_seq)
        dropped = [(seq + 1, due - 1)] if due > seq + 1 else []
        holes = [(max(due, last + 1), first - 1) for first, last in sorted(self._holes.items())]
        return dropped + [(first, last) for first, last in holes if first <= last]

    def begin_after(self, seq: int) -> None:
        """Goes on numbering behind `seq`, in a new segment; readers pass over the numbers between. For a
        journal that was lost, or came back from a backup, while what was made of it goes further."""
        with self._lock:
            self._take_lock()
            if seq <= self._last_seq:
                return
            self._forget_writer()
            self._holes = {**self._holes, seq + 1: self._last_seq}
            self._segments = [*self._segments, seq + 1]  # the next append makes it
            self._last_seq = seq

    def append(self, records: Sequence[Record]) -> list[int]:
        """All or none, one sync. After a StorageUnavailable the next call tries anew."""
        if not records:
            return []
        rows = [encode(record) for record in records]
        with self._lock:
            try:
                self._insert(rows)
            except BaseException as error:
                self._forget_writer()  # with its open transaction; the next append begins afresh
                if not isinstance(error, sqlite3.Error | OSError):
                    raise
                raise StorageUnavailable(
                    f"the journal in {self._folder} takes nothing: {error}"
                ) from error
            first = self._last_seq + 1
            self._last_seq += len(rows)
            self._newest_at_us = rows[-1].at_us
            return list(range(first, self._last_seq + 1))

    def read(self, after: int) -> Iterator[tuple[int, Record]]:
        """Records after `after` up to the one that is last as this is called. What has been dropped is not
        here any more: compare with `oldest_seq`. Raises DamagedJournal, StorageUnavailable."""
        # without the lock, which an append holds while the disk is slow; first `last`, then the segments
        last = self._last_seq
        segments = [first for first in self._segments if first <= last]
        if not segments or after >= last:
            return
        due = max(after + 1, segments[0])  # the number that must come next
        for first, following in pairwise([*segments, last + 1]):
            if following <= due:
                continue
            due = self._beyond_hole(first, due)
            for seq, record in self._read_segment(first, due - 1, following - 1):
                if seq != due:
                    raise DamagedJournal(
                        f"{self._path(first)}: record {due} is missing before {seq}"
                    )
                due = seq + 1
                yield seq, record
        if self._beyond_hole(last + 1, due) != last + 1:
            raise DamagedJournal(f"{self._folder}: record {due} is missing, the last one is {last}")

    def drop_through(self, seq: int) -> int:
        """Removes the segments that hold nothing above `seq`, never the current one; how many went. None
        while a backup holds them, unless our share of the disk gets short."""
        if self.share_used < HELD_SHARE_AT_MOST and _is_held(self._folder):
            return 0
        with self._lock:
            ends = [following - 1 for following in self._segments[1:]]
            gone = [first for first, end in zip(self._segments, ends, strict=False) if end <= seq]
            self._segments = self._segments[len(gone) :]
            for first in gone:
                self._remove(first)
        return len(gone)

    def close(self) -> None:
        """Lets the next process have it. An append opens it again."""
        with self._lock:
            self._forget_writer()
            if self._lock_file is not None:
                self._lock_file.close()
                self._lock_file = None

    def _insert(self, rows: Sequence[Row]) -> None:
        writer = self._writer_for_next()
        writer.execute("begin immediate")
        first = self._last_seq + 1
        writer.executemany(
            _INSERT,
            [
                (
                    seq,
                    row.kind,
                    row.at_us,
                    row.source,
                    row.session,
                    row.packet_ids,
                    row.digests,
                    row.body,
                    row.checksum(),
                )
                for seq, row in enumerate(rows, first)
            ],
        )
        writer.execute("commit")

    def _writer_for_next(self) -> sqlite3.Connection:
        if self._writer is None:
            self._take_lock()
            if not self._segments:
                self._segments = [self._last_seq + 1]
            self._writer = self._open_segment(self._segments[-1])
        elif not self._path(self._segments[-1]).exists():
            raise OSError(f"{self._path(self._segments[-1])} is gone")
        elif self._last_seq >= self._segments[-1] and _size_of(self._writer) >= self._segment_bytes:
            self._forget_writer()
            # listed before it is made: if making it fails, the next append must not go on in the old one
            self._segments = [*self._segments, self._last_seq + 1]
            self._writer = self._open_segment(self._segments[-1])
        return self._writer

    def _open_segment(self, first: int) -> sqlite3.Connection:
        """Opens the segment for writing, and makes it where it is new or half made."""
        writer = _connect(self._path(first), "rw" if first <= self._last_seq else "rwc")
        try:
            writer.execute("pragma journal_mode = wal")
            writer.execute("pragma synchronous = full")
            writer.execute(_CREATE)
            # a commit whose sync failed may still be in the file; it was reported as failed, and the
            # records of it come again
            writer.execute("delete from record where seq > ?", (self._last_seq,))
            sync_folder(self._folder)
        except BaseException:
            writer.close()
            raise
        return writer

    def _take_lock(self) -> None:
        if self._lock_file is not None:
            return
        try:
            with ExitStack() as on_failure:
                lock_file = on_failure.enter_context((self._folder / "journal.lock").open("ab"))
                fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                on_failure.pop_all()
        except BlockingIOError as error:
            raise JournalInUse(
                f"the journal in {self._folder}: another process writes it"
            ) from error
        except OSError as error:
            raise StorageUnavailable(
                f"the journal in {self._folder} cannot be locked: {error}"
            ) from error
        self._lock_file = lock_file
        self._look()  # since we looked last, another process may have written

    def _look(self) -> None:
        """What the folder holds."""
        holes = _segments_in(self._folder)
        self._holes = {first: last for first, last in holes.items() if last is not None}
        self._segments = list(holes)
        self._last_seq, self._newest_at_us = self._last_record()

    def _forget_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _read_segment(self, first: int, after: int, through: int) -> Iterator[tuple[int, Record]]:
        path = self._path(first)
        try:
            with closing(_connect(path)) as reader:
                reader.execute("pragma query_only = on")
                while rows := reader.execute(_SELECT, (after, through, _ROWS_PER_LOOK)).fetchall():
                    for stored in rows:
                        after = stored[0]
                        yield after, _checked(path, stored)
        except sqlite3.OperationalError as error:
            raise StorageUnavailable(f"{path} cannot be read: {error}") from error
        except sqlite3.DatabaseError as error:
            raise DamagedJournal(f"{path} is damaged after record {after}: {error}") from error

    def _last_record(self) -> tuple[int, int | None]:
        """The newest one; a segment that was only just begun is empty, so the one before it is asked."""
        announced = max((first - 1 for first in self._holes), default=0)
        for first in reversed(self._segments):
            newest = _newest_in(self._path(first))
            if newest is not None:
                return max(newest[0], announced), newest[1]
        return (self._segments[-1] - 1 if self._segments else 0), None

    def _beyond_hole(self, first: int, due: int) -> int:
        """The number that must come next at the segment `first`: `due`, but for an announced hole."""
        return first if self._holes.get(first, due) < due <= first else due

    def _path(self, first: int) -> Path:
        hole = f"-after-{self._holes[first]:012}" if first in self._holes else ""
        return self._folder / f"journal-{first:012}{hole}.db"

    def _remove(self, first: int) -> None:
        # the database first: a write-ahead file without one is only litter
        for ending in ("", "-wal", "-shm"):
            path = self._path(first)
            path.with_name(path.name + ending).unlink(missing_ok=True)


def segments_in(folder: Path) -> list[str]:
    """The names of the segments' files, the oldest first."""
    return sorted(path.name for path in folder.iterdir() if _NAME.fullmatch(path.name))


def reach_of(folder: Path) -> tuple[int, int]:
    """Numbers of the oldest and the newest record of a journal that nobody writes. Raises DamagedJournal,
    StorageUnavailable."""
    journal = SqliteJournal(folder)
    return journal.oldest_seq, journal.last_seq


def _is_held(folder: Path) -> bool:
    try:
        with (folder / HOLD_NAME).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # there is none
    return False


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(
            f"the journal's folder {folder} cannot be made: {error}"
        ) from error


def _segments_in(folder: Path) -> dict[int, int | None]:
    """First numbers, rising; with the last number before it where the name announces a hole."""
    names = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    found = [(int(name[1]), int(name[2]) if name[2] else None) for name in names if name]
    return dict(sorted(found, key=itemgetter(0)))


def _connect(path: Path, mode: str = "rw") -> sqlite3.Connection:
    # "rw" never makes a file: a segment that has gone must not come back empty
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(
        uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )


def _size_of(connection: sqlite3.Connection) -> int:
    pages: int = connection.execute("pragma page_count").fetchone()[0]
    page_bytes: int = connection.execute("pragma page_size").fetchone()[0]
    return pages * page_bytes


def _newest_in(path: Path) -> tuple[int, int] | None:
    """(seq, at_us) of the last record of a segment; None where it has none."""
    try:
        with closing(_connect(path)) as reader:
            made = reader.execute("select 1 from sqlite_schema where name = 'record'").fetchone()
            if made is None:
                return None
            newest: tuple[int, int] | None = reader.execute(
                "select seq, at_us from record order by seq desc limit 1"
            ).fetchone()
            return newest
    except sqlite3.OperationalError as error:
        raise StorageUnavailable(f"{path} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DamagedJournal(f"{path} is damaged: {error}") from error


def _checked(path: Path, stored: _StoredRow) -> Record:
    seq, kind, at_us, source, session, packet_ids, digests, body, checksum = stored
    row = Row(
        kind=kind,
        at_us=at_us,
        source=source,
        session=session,
        packet_ids=packet_ids,
        digests=digests,
        body=body,
    )
    if row.checksum() != checksum:
        raise DamagedJournal(f"{path}: record {seq} is damaged, its checksum does not match")
    try:
        return decode(row)
    except DamagedRecord as error:
        raise DamagedJournal(f"{path}: record {seq}: {error}") from error
