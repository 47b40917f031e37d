"""Messages that could not be used: how many of each kind, those whose payload was kept, and what was sent
through again. Core writes them with its decisions (storage.records)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Engine, RowMapping, Select, func, select, update

from domain.clock import Clock, system_clock, to_datetime
from domain.ids import SourceId
from domain.records import DeadLetter
from storage.engines import reading, writing
from storage.tables import dead_letter_counts, dead_letters

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class KeptDeadLetter:
    """One with its payload."""

    number: int
    letter: DeadLetter
    replayed_at_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDeadLetters:
    """Of one reason and source."""

    reason: str
    source_id: str
    count: int  # with those whose payload was not kept
    kept: int
    replayed: int
    last_us: int | None  # of those that were kept


class SqlDeadLetters:
    """Raises StorageUnavailable."""

    def __init__(self, engine: Engine, clock: Clock = system_clock) -> None:
        self._engine = engine
        self._clock = clock

    def counted(self, days: int = 7) -> list[CountedDeadLetters]:
        """Of the last days, the most frequent first."""
        since = to_datetime(self._clock()) - timedelta(days=days)
        counts, letters = dead_letter_counts.c, dead_letters.c
        total = func.sum(counts.count)
        query = (
            select(counts.reason, counts.source_id, total)
            .where(counts.day > since.date().isoformat())
            .group_by(counts.reason, counts.source_id)
            .order_by(total.desc(), counts.reason)
        )
        kept = select(
            letters.reason,
            letters.source_id,
            func.count(),
            func.count(letters.replayed_at_us),
            func.max(letters.at_us),
        ).group_by(letters.reason, letters.source_id)
        with reading(self._engine) as connection:
            of_kind = {(reason, source): more for reason, source, *more in connection.execute(kept)}
            found = [
                (reason, source, int(count), *of_kind.get((reason, source), (0, 0, None)))
                for reason, source, count in connection.execute(query)
            ]
        return [
            CountedDeadLetters(
                reason=reason,
                source_id=source,
                count=count,
                kept=kept,
                replayed=again,
                last_us=last,
            )
            for reason, source, count, kept, again, last in found
        ]

    def kept(self, reason: str | None = None, at_most: int = 200) -> list[KeptDeadLetter]:
        """The newest first."""
        query = select(dead_letters).order_by(dead_letters.c.number.desc()).limit(at_most)
        return self._all(query if reason is None else query.where(dead_letters.c.reason == reason))

    def numbered(self, number: int) -> KeptDeadLetter | None:
        found = self._all(select(dead_letters).where(dead_letters.c.number == number))
        return found[0] if found else None

    def to_replay(
        self, reason: str | None, after: int, at_most: int = _AT_ONCE
    ) -> list[KeptDeadLetter]:
        """Those that were not sent through again, beyond a number, in the order in which they came."""
        query = (
            select(dead_letters)
            .where(dead_letters.c.number > after, dead_letters.c.replayed_at_us.is_(None))
            .order_by(dead_letters.c.number)
            .limit(at_most)
        )
        return self._all(query if reason is None else query.where(dead_letters.c.reason == reason))

    def note_replayed(self, numbers: Collection[int]) -> int:
        """How many of them were not noted before."""
        statement = (
            update(dead_letters)
            .where(
                dead_letters.c.number.in_(list(numbers)), dead_letters.c.replayed_at_us.is_(None)
            )
            .values(replayed_at_us=self._clock())
        )
        with writing(self._engine) as connection:
            return connection.execute(statement).rowcount

    def _all(self, query: Select[Any]) -> list[KeptDeadLetter]:
        with reading(self._engine) as connection:
            return _kept(connection.execute(query).mappings().all())


def _kept(rows: Sequence[RowMapping]) -> list[KeptDeadLetter]:
    return [
        KeptDeadLetter(
            row["number"],
            DeadLetter(
                at_us=row["at_us"],
                source_id=SourceId(row["source_id"]),
                reason=row["reason"],
                detail=row["detail"],
                topic=row["topic"],
                payload=row["payload"],
            ),
            row["replayed_at_us"],
        )
        for row in rows
    ]
