"""The journal: what `append` returned for is on the disk, in order, and is read back as it was written.

One SQLite file per segment, named after its first sequence number. The sequence has no holes: a reader that
meets one says so instead of going on.
"""

import fcntl
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
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
_NAME: Final = re.compile(r"journal-(\d{12})\.db")
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
        _make(folder)
        self._segments = _segments_in(folder)  # first sequence numbers, rising
        self._last_seq, self._newest_at_us = self._last_record()

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
            for seq, record in self._read_segment(first, due - 1, following - 1):
                if seq != due:
                    raise DamagedJournal(
                        f"{self._path(first)}: record {due} is missing before {seq}"
                    )
                due = seq + 1
                yield seq, record
        if due != last + 1:
            raise DamagedJournal(f"{self._folder}: record {due} is missing, the last one is {last}")

    def drop_through(self, seq: int) -> int:
        """Removes the segments that hold nothing above `seq`, never the current one; how many went."""
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
        lock_file = (self._folder / "journal.lock").open("ab")
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock_file.close()
            raise OSError("another process writes it") from error
        self._lock_file = lock_file

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
        for first in reversed(self._segments):
            newest = _newest_in(self._path(first))
            if newest is not None:
                return newest
        return (self._segments[-1] - 1 if self._segments else 0), None

    def _path(self, first: int) -> Path:
        return self._folder / f"journal-{first:012}.db"

    def _remove(self, first: int) -> None:
        # the database first: a write-ahead file without one is only litter
        for ending in ("", "-wal", "-shm"):
            path = self._path(first)
            path.with_name(path.name + ending).unlink(missing_ok=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(
            f"the journal's folder {folder} cannot be made: {error}"
        ) from error


def _segments_in(folder: Path) -> list[int]:
    names = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(name.group(1)) for name in names if name)


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
