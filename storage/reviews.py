"""Around the review queue in SQL: what somebody has seen, and rectification notices."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
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
    case,
    or_,
    select,
)

from domain.assets import Priority
from domain.changes import Changes
from domain.credit import ReviewItem, ReviewKind, ReviewState
from domain.evidence import EvidenceFile
from domain.paperwork import Ticket, TicketState
from domain.rectification import Rectification, RectificationState
from storage import credit_rows, rows
from storage.engines import reading
from storage.inserts import newest
from storage.rows import as_json, columns_of
from storage.tables import metadata, reviews, tickets, words
from storage.text import writable
from storage.typed import read_json

review_marks: Final = Table(
    "review_marks",
    metadata,
    Column("user", words(200), primary_key=True),
    Column("review_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),  # that he has seen
    Column("at_us", BigInteger, nullable=False),
)

rectifications: Final = Table(
    "rectifications",
    metadata,
    Column("rectification_id", Uuid, primary_key=True),
    Column("number", words(40), nullable=False),
    Column("review_id", Uuid, nullable=False),
    Column("asset_id", words(200)),
    Column("station", words(200), nullable=False),
    Column("zone_id", words(200)),
    Column("member_id", words(200)),
    Column("measure", Text, nullable=False),
    Column("issued_by", words(200), nullable=False),
    Column("issued_at_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("state", words(40), nullable=False),
    Column("root_cause", Text, nullable=False),
    Column("done_words", Text, nullable=False),
    Column("done_by", words(200)),
    Column("done_at_us", BigInteger),
    Column("files", Text, nullable=False),  # JSON
    Column("looked_by", words(200)),
    Column("looked_at_us", BigInteger),
    Column("looked_words", Text, nullable=False),
    Column("sent_back", Integer, nullable=False),
    Column("looked_back", Integer, nullable=False),
    Column("looked_back_by", words(200)),
    Column("looked_back_at_us", BigInteger),
    Column("looked_back_words", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_rectifications_review_id", "review_id"),
    Index("ix_rectifications_state", "state"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFilter:
    """Empty collections mean everything."""

    states: Collection[ReviewState]
    kinds: Collection[ReviewKind] = ()
    levels: Collection[Priority] = ()
    stations: Collection[str] | None = None  # None: every one
    assets: Collection[str] = ()  # that stand in these stations
    camera_id: str = ""
    words: str = ""
    from_us: int | None = None
    to_us: int | None = None


class ReviewReads:
    """Raises StorageUnavailable where the records do not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def queue(self, wanted: ReviewFilter, limit: int = 200) -> list[ReviewItem]:
        """What waits by its level, the oldest first; then what was judged, the newest first."""
        query = _which(wanted).order_by(
            reviews.c.judged_at_us.is_not(None),
            case((reviews.c.judged_at_us.is_(None), reviews.c.level), else_=None).nulls_last(),
            case((reviews.c.judged_at_us.is_(None), reviews.c.created_at_us), else_=None),
            reviews.c.judged_at_us.desc(),
            reviews.c.review_id,
        )
        with reading(self._engine) as connection:
            found = connection.execute(query.limit(limit)).mappings()
            return [credit_rows.review(row) for row in found]

    def tickets_at(self, station: str, at_us: int, limit: int = 50) -> list[Ticket]:
        """That were for the station at that moment, ended since or not; void ones are none."""
        query = (
            select(tickets)
            .where(
                tickets.c.station == writable(station),
                tickets.c.from_us <= at_us,
                tickets.c.to_us > at_us,
                tickets.c.state != TicketState.VOID.value,
            )
            .order_by(tickets.c.from_us.desc(), tickets.c.ticket_id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [rows.ticket(row) for row in connection.execute(query).mappings()]

    def seen_by(self, user: str, of: Collection[UUID]) -> Mapping[UUID, int]:
        """item -> the version that this user has seen last."""
        query = select(review_marks.c.review_id, review_marks.c.version).where(
            review_marks.c.user == writable(user), review_marks.c.review_id.in_(list(of))
        )
        with reading(self._engine) as connection:
            return {row.review_id: row.version for row in connection.execute(query)}

    def rectification(self, rectification_id: UUID) -> Rectification | None:
        query = select(rectifications).where(rectifications.c.rectification_id == rectification_id)
        return next(iter(self._rectifications(query)), None)

    def rectifications_of(self, of: Collection[UUID]) -> list[Rectification]:
        """Of these items, the newest first."""
        query = select(rectifications).where(rectifications.c.review_id.in_(list(of)))
        return self._rectifications(query.order_by(rectifications.c.issued_at_us.desc()))

    def every_rectification(self, limit: int = 10_000) -> list[Rectification]:
        """The newest first."""
        query = select(rectifications).order_by(rectifications.c.issued_at_us.desc()).limit(limit)
        return self._rectifications(query)

    def with_files(self) -> list[ReviewItem]:
        """Every item that names evidence."""
        query = select(reviews).where(reviews.c.files != "[]")
        with reading(self._engine) as connection:
            return [credit_rows.review(row) for row in connection.execute(query).mappings()]

    def _rectifications(self, query: Any) -> list[Rectification]:
        with reading(self._engine) as connection:
            return [rectification(row) for row in connection.execute(query).mappings()]


def _which(wanted: ReviewFilter) -> Select[Any]:
    query = select(reviews).where(reviews.c.state.in_([each.value for each in wanted.states]))
    if wanted.kinds:
        query = query.where(reviews.c.kind.in_([each.value for each in wanted.kinds]))
    if wanted.levels:
        query = query.where(reviews.c.level.in_([each.value for each in wanted.levels]))
    if wanted.stations is not None:
        there = reviews.c.asset_id.in_(list(wanted.assets))
        without = reviews.c.asset_id.is_(None) & reviews.c.station.in_([*wanted.stations, ""])
        query = query.where(or_(there, without))
    if wanted.camera_id:
        named = as_json({"camera_id": wanted.camera_id})[1:-1]
        query = query.where(reviews.c.sighting.contains(named, autoescape=True))
    for word in writable(wanted.words).split():
        in_any = (reviews.c.text, reviews.c.code, reviews.c.judgement, reviews.c.proposed_by)
        query = query.where(or_(*(each.icontains(word, autoescape=True) for each in in_any)))
    if wanted.from_us is not None:
        query = query.where(reviews.c.created_at_us >= wanted.from_us)
    if wanted.to_us is not None:
        query = query.where(reviews.c.created_at_us < wanted.to_us)
    return query


@dataclass(frozen=True, slots=True)
class _Statements:
    mark: Executable
    rectification: Executable


@cache
def _statements(dialect: str) -> _Statements:
    return _Statements(
        mark=newest(dialect, review_marks, ("user", "review_id"), "version"),
        rectification=newest(dialect, rectifications, "rectification_id", "version"),
    )


def write(connection: Connection, changes: Changes) -> None:
    """In the transaction of the other changes. May be repeated."""
    statements = _statements(connection.dialect.name)
    marks = {
        (each.user, each.review_id): each
        for each in sorted(changes.review_marks, key=lambda each: each.version)
    }
    notices = {
        each.rectification_id: each
        for each in sorted(changes.rectifications, key=lambda each: each.version)
    }
    for statement, written in (
        (statements.mark, [columns_of(marks[key]) for key in sorted(marks)]),
        (statements.rectification, [rectification_row(notices[key]) for key in sorted(notices)]),
    ):
        if written:
            connection.execute(statement, written)


def rectification_row(notice: Rectification) -> dict[str, Any]:
    return columns_of(notice) | {"files": as_json(notice.files)}


def rectification(row: RowMapping) -> Rectification:
    held: dict[str, Any] = dict(row)
    held["state"] = RectificationState(held["state"])
    held["files"] = read_json(tuple[EvidenceFile, ...], held["files"])
    return Rectification(**held)
