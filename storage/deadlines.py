"""Deadlines in SQL: each is handed out once, to one worker, and is done when that worker's commit is.

After downtime only the highest step of a subject that is due is handed out; the lower ones are closed as
overtaken. Nobody wants to be called as the second in line a minute before the fourth.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import (
    Connection,
    Engine,
    RowMapping,
    and_,
    bindparam,
    exists,
    func,
    select,
    update,
)

from domain.changes import Changes
from domain.deadlines import Deadline
from storage.engines import reading, writing
from storage.escalation_rows import CANCELLED, WAITING, put_deadlines
from storage.records import write_changes
from storage.tables import deadlines
from storage.text import writable

DONE: Final = "done"
OVERTAKEN: Final = "overtaken"
_FIELDS: Final = tuple(field.name for field in fields(Deadline))


@dataclass(frozen=True, slots=True)
class Claimed:
    """Due deadlines that are ours until the end of the transaction, and done with it."""

    due: tuple[Deadline, ...]
    _connection: Connection

    def write(self, changes: Changes) -> None:
        """What follows from them, in the same commit."""
        write_changes(self._connection, changes)

    def put(self, following: Iterable[Deadline]) -> None:
        """The next steps, in the same commit."""
        put_deadlines(self._connection, following)

    @property
    def connection(self) -> Connection:
        """For what must be read in the same transaction."""
        return self._connection


class SqlDeadlines:
    """Raises StorageUnavailable where the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, wanted: Iterable[Deadline]) -> None:
        """What is there already, whatever became of it, stays as it is."""
        with writing(self._engine) as connection:
            put_deadlines(connection, wanted)

    def cancel(self, subject: str, at_us: int) -> int:
        """Those of the subject that still wait; how many that were."""
        cancelled = (
            update(deadlines)
            .where(deadlines.c.subject == writable(subject), deadlines.c.state == WAITING)
            .values(state=CANCELLED, ended_at_us=at_us)
        )
        with writing(self._engine) as connection:
            return connection.execute(cancelled).rowcount

    @contextmanager
    def claim_due(
        self,
        now_us: int,
        limit: int,
        worker: str,
        partitions: Collection[int] | None = None,
        kind: str | None = None,
        later_of: Callable[[Claimed], Iterable[Deadline]] = lambda claimed: (),
    ) -> Iterator[Claimed]:
        """Leaving it commits; an exception, or the end of the process, gives them back. Other workers do
        not wait meanwhile: they pass over what is ours. `partitions`, `kind`: only theirs. `later_of`: the
        steps after those that are due, where they may not be written yet."""
        with writing(self._engine) as connection:
            due = tuple(_claim(connection, now_us, limit, partitions, kind))
            later = list(later_of(Claimed(due, connection))) if due else []
            if later:
                put_deadlines(connection, later)
                # after downtime one of them may be due as well
                due = tuple(_claim(connection, now_us, limit, partitions, kind))
            _close(connection, due, now_us, worker)
            yield Claimed(due, connection)

    def next_due_us(self, kind: str, partitions: Collection[int] | None = None) -> int | None:
        """When the earliest of those that wait is due: to look costs less than to claim."""
        query = select(func.min(deadlines.c.due_at_us)).where(
            deadlines.c.state == WAITING, deadlines.c.kind == kind
        )
        if partitions is not None:
            query = query.where(deadlines.c.partition.in_(list(partitions)))
        with reading(self._engine) as connection:
            return connection.execute(query).scalar()

    def waiting(self, subject: str | None = None) -> list[Deadline]:
        query = select(deadlines).where(deadlines.c.state == WAITING)
        if subject is not None:
            query = query.where(deadlines.c.subject == writable(subject))
        query = query.order_by(deadlines.c.due_at_us, deadlines.c.deadline_id)
        with reading(self._engine) as connection:
            return [_deadline(row) for row in connection.execute(query).mappings()]

    def states(self, subject: str) -> dict[int, str]:
        """step -> waiting, done, cancelled or overtaken."""
        query = select(deadlines.c.step, deadlines.c.state).where(
            deadlines.c.subject == writable(subject)
        )
        with reading(self._engine) as connection:
            return {row.step: row.state for row in connection.execute(query)}


def _claim(
    connection: Connection,
    now_us: int,
    limit: int,
    partitions: Collection[int] | None,
    kind: str | None,
) -> list[Deadline]:
    higher = deadlines.alias("higher")
    overtaken = exists().where(
        higher.c.kind == deadlines.c.kind,
        higher.c.subject == deadlines.c.subject,
        higher.c.step > deadlines.c.step,
        higher.c.state == WAITING,
        higher.c.due_at_us <= now_us,
    )
    query = (
        select(deadlines)
        .where(deadlines.c.state == WAITING, deadlines.c.due_at_us <= now_us, ~overtaken)
        .order_by(deadlines.c.due_at_us, deadlines.c.deadline_id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=deadlines)
    )
    if partitions is not None:
        query = query.where(deadlines.c.partition.in_(list(partitions)))
    if kind is not None:
        query = query.where(deadlines.c.kind == kind)
    return [_deadline(row) for row in connection.execute(query).mappings()]


def _close(connection: Connection, due: Collection[Deadline], now_us: int, worker: str) -> None:
    if not due:
        return
    connection.execute(
        update(deadlines)
        .where(deadlines.c.deadline_id == bindparam("of_deadline"))
        .values(state=DONE, ended_at_us=now_us, worker=writable(worker)),
        [{"of_deadline": deadline.deadline_id} for deadline in due],
    )
    lower = and_(
        deadlines.c.kind == bindparam("of_kind"),
        deadlines.c.subject == bindparam("of_subject"),
        deadlines.c.step < bindparam("below"),
        deadlines.c.state == WAITING,
    )
    connection.execute(
        update(deadlines).where(lower).values(state=OVERTAKEN, ended_at_us=now_us),
        [
            {"of_kind": each.kind, "of_subject": each.subject, "below": each.step}
            for each in sorted(due, key=lambda each: (each.kind, each.subject))
        ],
    )


def _deadline(row: RowMapping) -> Deadline:
    return Deadline(**{name: row[name] for name in _FIELDS})
