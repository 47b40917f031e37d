"""The operation log and the hand-overs in SQL: tables, rows, and what is asked of them.

Lines and signed pages are only ever inserted; a watch stands in its newest version.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Executable,
    Index,
    Integer,
    RowMapping,
    Select,
    Table,
    Text,
    Uuid,
    func,
    select,
)

from domain.changes import Changes
from domain.handover import SignedPage, Watch, WatchState
from domain.ids import PersonId
from domain.log_words import log_text
from domain.logbook import BY_PEOPLE, LogEntry, LogKind, PhoneOrder
from domain.responsibility import Reason
from domain.wording import LANGUAGES
from storage.engines import reading
from storage.inserts import insert, newest
from storage.rows import as_json, columns_of, stored
from storage.tables import metadata, words
from storage.text import writable
from storage.typed import read_json

T = TypeVar("T")

log_entries: Final = Table(
    "log_entries",
    metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("station", words(200), nullable=False),  # empty: the dispatch room
    Column("kind", words(40), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("written_at_us", BigInteger, nullable=False),
    Column("by", words(200), nullable=False),  # empty: the system
    Column("text", Text, nullable=False),
    Column("what", Text, nullable=False),  # JSON of a Reason; empty: a person wrote it
    Column("giver", words(200), nullable=False),
    Column("receiver", words(200), nullable=False),
    Column("given_at_us", BigInteger),  # NULL: it is no order
    Column("read_back", Boolean, nullable=False),
    Column("executed_at_us", BigInteger),
    Column("corrects", Uuid),
    Column("words", Text, nullable=False),  # everything that is searched, in small letters
    Index("ix_log_entries_at_us", "at_us"),
    Index("ix_log_entries_station", "station", "at_us"),
    Index("ix_log_entries_corrects", "corrects"),
)

watches: Final = Table(
    "watches",
    metadata,
    Column("watch_id", Uuid, primary_key=True),
    Column("post_id", words(80), nullable=False),
    Column("crew_id", words(80), nullable=False),
    Column("crew", words(200), nullable=False),
    Column("persons", Text, nullable=False),  # JSON list
    Column("duty_date", words(10), nullable=False),
    Column("shift", words(80), nullable=False),
    Column("starts_us", BigInteger, nullable=False),
    Column("ends_us", BigInteger, nullable=False),
    Column("began_at_us", BigInteger, nullable=False),
    Column("before", Uuid),
    Column("state", words(40), nullable=False),
    Column("notes", Text, nullable=False),
    Column("page", words(64), nullable=False),
    Column("signed_by", words(200)),
    Column("signed_at_us", BigInteger),
    Column("taken_by", words(200)),
    Column("taken_at_us", BigInteger),
    Column("refused_by", words(200)),
    Column("refused_at_us", BigInteger),
    Column("refusal", Text, nullable=False),
    Column("late_since_us", BigInteger),
    Column("version", Integer, nullable=False),
    Index("ix_watches_post_id", "post_id", "began_at_us"),
)

signed_pages: Final = Table(
    "signed_pages",
    metadata,
    Column("digest", words(64), primary_key=True),
    Column("content", Text, nullable=False),
)

_OPEN: Final = (WatchState.ON_WATCH.value, WatchState.SIGNED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Empty collections mean everything."""

    from_us: int | None = None
    to_us: int | None = None  # excluded
    stations: Collection[str] | None = None  # None: every one, and the dispatch room
    kinds: Collection[LogKind] = ()
    words: str = ""


class LogReads:
    """Raises StorageUnavailable where the records do not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def entries(self, wanted: LogFilter, limit: int = 100, offset: int = 0) -> list[LogEntry]:
        """The newest first."""
        query = _which(select(log_entries), wanted)
        query = query.order_by(log_entries.c.at_us.desc(), log_entries.c.entry_id)
        return self._all(query.limit(limit).offset(offset), entry)

    def count(self, wanted: LogFilter) -> int:
        query = _which(select(func.count()).select_from(log_entries), wanted)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def entry(self, entry_id: UUID) -> LogEntry | None:
        found = self._all(select(log_entries).where(log_entries.c.entry_id == entry_id), entry)
        return found[0] if found else None

    def corrections(self, of: Collection[UUID]) -> dict[UUID, LogEntry]:
        """line -> the one that corrects it."""
        query = select(log_entries).where(log_entries.c.corrects.in_(list(of)))
        return {each.corrects: each for each in self._all(query, entry) if each.corrects}

    def written_since(self, since_us: int) -> list[LogEntry]:
        """By people, the oldest first."""
        query = (
            select(log_entries)
            .where(
                log_entries.c.written_at_us >= since_us,
                log_entries.c.kind.in_([kind.value for kind in BY_PEOPLE]),
            )
            .order_by(log_entries.c.written_at_us, log_entries.c.entry_id)
        )
        return self._all(query, entry)

    def watches_since(self, since_us: int) -> list[Watch]:
        """Those that are open, and those that were handed over at `since_us` or later."""
        query = select(watches).where(
            watches.c.state.in_(_OPEN) | (watches.c.taken_at_us >= since_us)
        )
        return self._all(query, watch)

    def open_watches(self) -> list[Watch]:
        return self._all(select(watches).where(watches.c.state.in_(_OPEN)), watch)

    def watches_of(self, post_id: str, limit: int = 50, offset: int = 0) -> list[Watch]:
        """The newest first."""
        query = (
            select(watches)
            .where(watches.c.post_id == writable(post_id))
            .order_by(watches.c.began_at_us.desc())
            .limit(limit)
            .offset(offset)
        )
        return self._all(query, watch)

    def watch(self, watch_id: UUID) -> Watch | None:
        found = self._all(select(watches).where(watches.c.watch_id == watch_id), watch)
        return found[0] if found else None

    def page(self, digest: str) -> SignedPage | None:
        query = select(signed_pages).where(signed_pages.c.digest == writable(digest))
        found = self._all(query, lambda row: SignedPage(**row))
        return found[0] if found else None

    def _all(self, query: Select[Any], made: Callable[[RowMapping], T]) -> list[T]:
        with reading(self._engine) as connection:
            return [made(row) for row in connection.execute(query).mappings()]


@dataclass(frozen=True, slots=True)
class _Statements:
    entry: Executable
    watch: Executable
    page: Executable


@cache
def _statements(dialect: str) -> _Statements:
    return _Statements(
        entry=insert(dialect, log_entries).on_conflict_do_nothing(),  # a line is never changed
        watch=newest(dialect, watches, "watch_id", "version"),
        page=insert(dialect, signed_pages).on_conflict_do_nothing(),
    )


def write(connection: Connection, changes: Changes) -> None:
    """In the transaction of the other changes. May be repeated."""
    statements = _statements(connection.dialect.name)
    lines = {each.entry_id: entry_row(each) for each in reversed(changes.log)}
    newest_of = {each.watch_id: each for each in sorted(changes.watches, key=lambda w: w.version)}
    for statement, rows in (
        (statements.entry, [lines[key] for key in sorted(lines)]),
        (statements.watch, [watch_row(newest_of[key]) for key in sorted(newest_of)]),
        (statements.page, [columns_of(page) for page in changes.pages]),
    ):
        if rows:
            connection.execute(statement, rows)


def entry_row(line: LogEntry) -> dict[str, Any]:
    order = line.order
    return {
        "entry_id": line.entry_id,
        "station": writable(line.station),
        "kind": line.kind.value,
        "at_us": line.at_us,
        "written_at_us": line.written_at_us,
        "by": writable(line.by),
        "text": writable(line.text),
        "what": as_json(line.what) if line.what else "",
        "giver": writable(order.giver) if order else "",
        "receiver": writable(order.receiver) if order else "",
        "given_at_us": order.given_at_us if order else None,
        "read_back": bool(order and order.read_back),
        "executed_at_us": order.executed_at_us if order else None,
        "corrects": line.corrects,
        "words": writable(_searched(line)),
    }


def entry(row: RowMapping) -> LogEntry:
    order = None
    if row["given_at_us"] is not None:
        order = PhoneOrder(
            giver=row["giver"],
            receiver=row["receiver"],
            given_at_us=row["given_at_us"],
            read_back=row["read_back"],
            executed_at_us=row["executed_at_us"],
        )
    return LogEntry(
        entry_id=row["entry_id"],
        station=row["station"],
        kind=LogKind(row["kind"]),
        at_us=row["at_us"],
        written_at_us=row["written_at_us"],
        by=row["by"],
        text=row["text"],
        what=read_json(Reason, row["what"]) if row["what"] else None,
        order=order,
        corrects=row["corrects"],
    )


def watch_row(held: Watch) -> dict[str, Any]:
    row = {each.name: stored(getattr(held, each.name)) for each in fields(held)}
    return row | {"persons": as_json(held.persons)}


def watch(row: RowMapping) -> Watch:
    held: dict[str, Any] = dict(row)
    held["persons"] = read_json(tuple[PersonId, ...], held["persons"])
    held["state"] = WatchState(held["state"])
    return Watch(**held)


def _searched(line: LogEntry) -> str:
    """Of a line of the system its words in every language: whoever reads it searches for those."""
    texts = [log_text(line, language) for language in LANGUAGES] if line.what else [line.text]
    order = [line.order.giver, line.order.receiver] if line.order else []
    return " ".join([line.station, line.by, *order, *texts]).lower()


def _which(query: Select[Any], wanted: LogFilter) -> Select[Any]:
    columns = log_entries.c
    if wanted.from_us is not None:
        query = query.where(columns.at_us >= wanted.from_us)
    if wanted.to_us is not None:
        query = query.where(columns.at_us < wanted.to_us)
    if wanted.stations is not None:
        query = query.where(columns.station.in_([writable(each) for each in wanted.stations]))
    if wanted.kinds:
        query = query.where(columns.kind.in_([kind.value for kind in wanted.kinds]))
    for word in wanted.words.lower().split():
        query = query.where(columns.words.contains(writable(word), autoescape=True))
    return query
