"""Around the review queue in SQL: what somebody has seen, and rectification notices."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Executable,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    Uuid,
    select,
)

from domain.changes import Changes
from domain.credit import ReviewItem
from domain.evidence import EvidenceFile
from domain.rectification import Rectification, RectificationState
from storage import credit_rows
from storage.engines import reading
from storage.inserts import newest
from storage.rows import as_json, columns_of
from storage.tables import metadata, reviews, words
from storage.text import writable

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
    Column("version", Integer, nullable=False),
    Index("ix_rectifications_review_id", "review_id"),
    Index("ix_rectifications_state", "state"),
)


class ReviewReads:
    """Raises StorageUnavailable where the records do not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
    held["files"] = msgspec.json.decode(held["files"], type=tuple[EvidenceFile, ...])
    return Rectification(**held)
