"""Engines for the records: how SQLite is opened, when its file counts as gone, and transactions on either
database (storage.postgres opens the other one).

A file that was deleted is never made anew in silence: an empty database would have forgotten everything.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InvalidatePoolError,
    OperationalError,
    TimeoutError,
)

from domain.ports import StorageUnavailable

_POOL_WAIT_S: Final = 5
_Identity = tuple[int, int]  # device and inode
_WRITES: Final = "gridwarden_writes"
_SEES_ONE_STATE: Final = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Turn(IntEnum):
    """What writers of several processes do one after the other; numbers of PostgreSQL's advisory locks."""

    MIGRATE = 4_703_001
    WRITE_PAPER = 4_703_002
    SEAL = 4_703_003


def sqlite_engine(path: Path, *, busy_ms: int = 50) -> Engine:
    """Opens nothing yet and never makes the file: `storage.migrate.upgrade` does. A lock held by somebody
    else is waited for no longer than `busy_ms`."""
    file = _SqliteFile(path.absolute(), busy_ms)
    engine = create_engine(
        f"sqlite:///{file.path}", creator=file.connect, pool_timeout=_POOL_WAIT_S
    )
    event.listen(engine, "begin", _begin)
    event.listen(engine, "connect", lambda _, record: record.info.update(file=file.opened))
    event.listen(engine, "checkout", lambda _, record, __: file.expect(record.info["file"]))
    return engine


def file_of(engine: Engine) -> Path | None:
    """The file behind it; None where there is a server."""
    name = engine.url.database
    return Path(name) if engine.dialect.name == "sqlite" and name else None


def is_missing(engine: Engine) -> bool:
    """Whether there is no file where there should be one."""
    path = file_of(engine)
    return path is not None and not path.exists()


def is_server(engine: Engine) -> bool:
    """Whether it is PostgreSQL, which others may write too."""
    return engine.dialect.name == "postgresql"


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that sees one state. Raises StorageUnavailable."""
    options = _SEES_ONE_STATE if is_server(engine) else {}
    with available(engine), engine.execution_options(**options).begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, all or nothing. Raises StorageUnavailable."""
    path = file_of(engine)
    opened = _identity(path) if path else None
    with available(engine), engine.execution_options(**{_WRITES: True}).begin() as connection:
        yield connection
    if path and _identity(path) != opened:
        # committed into a file that nobody can find any more
        raise StorageUnavailable(f"the records file {path} was taken away while it was written")


def take_turn(connection: Connection, turn: Turn) -> None:
    """Waits until nobody else has it; given back with the end of the transaction. In SQLite whoever writes
    has every turn."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(turn.value)))


@contextmanager
def available(engine: Engine) -> Iterator[None]:
    """Says StorageUnavailable where the store cannot answer; a bug in a statement stays what it is."""
    try:
        yield
    except TimeoutError as error:
        raise StorageUnavailable(f"{_name(engine)}: all connections are in use") from error
    except DBAPIError as error:
        if not _is_unavailability(engine, error):
            raise
        if not is_server(engine) and not _is_busy(error.orig):
            engine.dispose()  # after a full or failing disk a fresh connection is the one to trust
        raise StorageUnavailable(f"{_name(engine)} cannot answer: {_said(error)}") from error


class _SqliteFile:
    """The file of one engine: which one it is, and whether it is still that one."""

    def __init__(self, path: Path, busy_ms: int) -> None:
        self.path = path
        self.opened: _Identity | None = None  # by the newest connection
        self._busy_s = busy_ms / 1_000

    def connect(self) -> sqlite3.Connection:
        found = _identity(self.path)
        self._refuse_a_mixed_pair(found)
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode=rw",
            uri=True,
            timeout=self._busy_s,
            isolation_level=None,  # we say BEGIN ourselves
            check_same_thread=False,  # the pool hands it from thread to thread, never to two at once
        )
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
        except BaseException:
            connection.close()
            raise
        self.opened = found
        return connection

    def expect(self, opened: _Identity | None) -> None:
        """A connection to a file that was deleted or replaced goes on working, into nowhere."""
        if _identity(self.path) != opened:
            raise InvalidatePoolError(f"{self.path} is not the file that was opened")

    def _refuse_a_mixed_pair(self, found: _Identity | None) -> None:
        """SQLite would take the pages of the write-ahead file that the old database left for pages of the
        new one, and damage it."""
        ahead = self.path.with_name(self.path.name + "-wal")
        if self.opened is None or found in {None, self.opened} or not ahead.exists():
            return
        raise sqlite3.OperationalError(
            f"another file was put in its place and {ahead} is still that of the old one: delete {ahead}"
            " if the new file came from a backup, restart if it is the old one copied back"
        )


def _begin(connection: Connection) -> None:
    # a writer asks for the lock at once: one that began by reading could be refused at its first write
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _identity(path: Path) -> _Identity | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _is_unavailability(engine: Engine, error: DBAPIError) -> bool:
    if is_server(engine):
        from storage.postgres import is_unavailability  # a start with SQLite does without psycopg

        return is_unavailability(error.orig)
    # DatabaseError itself, and not what is derived from it: "file is not a database"
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError


def _is_busy(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _said(error: DBAPIError) -> str:
    """In one line; a server adds hints and the place in the statement."""
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__


def _name(engine: Engine) -> str:
    path = file_of(engine)
    if path is None:
        url = engine.url
        return f"the records database {url.database} at {url.host or 'this machine'}:{url.port or 5432}"
    if not path.exists():
        return f"the records file {path} is gone: put it back, or begin with a new data folder; it"
    return f"the records file {path}"
