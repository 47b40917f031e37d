"""Escalations, their deadlines and their notices as rows, and what a decision changes in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Executable,
    RowMapping,
    and_,
    bindparam,
    case,
    or_,
    select,
    update,
)

from domain.assets import Priority
from domain.changes import Changes
from domain.deadlines import Deadline
from domain.ids import AssetId, PersonId, notice_entry_id
from domain.notices import Escalation, Notice, NoticeEntry, NoticeMove, NoticeState, Who
from domain.responsibility import Kind, Reason
from storage.bulk import write_columns
from storage.inserts import insert, newest
from storage.notice_tables import escalations, notice_entries, notices
from storage.rows import (
    Columns,
    as_json,
    columns_of,
    columns_of_all,
    newest_versions,
    stored,
)
from storage.tables import deadlines
from storage.text import writable
from storage.typed import read_json

WAITING: Final = "waiting"
CANCELLED: Final = "cancelled"
OPEN: Final = select(escalations).where(escalations.c.ended_at_us.is_(None))

_Row = dict[str, Any]
# went out, or may have: whoever acknowledged, they have served
_TOLD: Final = [NoticeState.SENT.value, NoticeState.DELIVERED.value]
_OVER: Final = {"acknowledged", "closed"}


def write(connection: Connection, changes: Changes, partition: int | None) -> None:
    """In the transaction of the decision. May be repeated."""
    _write_escalations(connection, changes.escalations)
    ended = [each for each in changes.escalations if not each.is_open]
    # of what was taken or folded in the same commit, no step is ever due
    over = {str(each.escalation_id) for each in ended}
    due = [each for each in changes.deadlines if each.subject not in over]
    put_deadlines(connection, due, partition)
    put_notices(connection, changes.notices)
    if ended:
        _end(connection, ended)
    for move in changes.notice_moves:
        _move(connection, move)


def put_deadlines(
    connection: Connection, wanted: Iterable[Deadline], partition: int | None = None
) -> None:
    """What is there already, whatever became of it, stays as it is. `partition`: of all of them."""
    written = list(wanted)
    if not written:
        return
    columns = columns_of_all(written) | {"state": [WAITING] * len(written)}
    if partition is not None:
        columns["partition"] = [partition] * len(written)
    write_columns(connection, _statements(connection.dialect.name).deadline, columns)


def put_notices(connection: Connection, wanted: Iterable[Notice]) -> None:
    """Likewise."""
    written = [notice_row(each) for each in wanted]
    if written:
        statement = insert(connection.dialect.name, notices).on_conflict_do_nothing()
        connection.execute(statement, written)


def put_entries(connection: Connection, entries: Iterable[NoticeEntry]) -> None:
    written = [
        columns_of(each) | {"entry_id": notice_entry_id(each.notice_id, each.at_us, each.what)}
        for each in entries
    ]
    if written:
        statement = insert(connection.dialect.name, notice_entries).on_conflict_do_nothing()
        connection.execute(statement, written)


def escalation(row: RowMapping) -> Escalation:
    held: _Row = dict(row)
    held["asset_id"] = AssetId(held["asset_id"])
    held["level"] = Priority(held["level"])
    held["kind"] = Kind(held["kind"])
    return Escalation(**held)


def notice_row(notice: Notice) -> _Row:
    return columns_of(notice) | {"why": as_json(notice.why), "sender": "", "lease_until_us": 0}


def notice(row: RowMapping) -> Notice:
    held: _Row = dict(row)
    for name in ("number", "sender", "lease_until_us"):
        held.pop(name, None)
    held["asset_id"] = AssetId(held["asset_id"])
    held["person_id"] = PersonId(held["person_id"])
    held["who"] = Who(held["who"])
    held["level"] = Priority(held["level"])
    held["kind"] = Kind(held["kind"])
    held["state"] = NoticeState(held["state"])
    held["why"] = read_json(tuple[Reason, ...], held["why"])
    return Notice(**held)


def entry(row: RowMapping) -> NoticeEntry:
    held: _Row = dict(row)
    del held["entry_id"]
    return NoticeEntry(**held)


def _write_escalations(connection: Connection, changed: Sequence[Escalation]) -> None:
    now = newest_versions("escalation_id", changed)
    if now:
        statement = _statements(connection.dialect.name).escalation
        write_columns(connection, statement, columns_of_all(now))


def _end(connection: Connection, ended: Sequence[Escalation]) -> None:
    """What waits is not done any more; what was told has served, where a person took the incident."""
    statements = _statements(connection.dialect.name)
    over: Columns = {
        "of": [str(each.escalation_id) for each in ended],
        "over_us": [each.ended_at_us for each in ended],
    }
    write_columns(connection, statements.cancelled, over)
    _notices_become(connection, statements.withdrawn, ended)
    taken = [each for each in ended if each.ended in _OVER]
    if taken:
        _notices_become(connection, statements.served, taken)


def _notices_become(
    connection: Connection, statement: Executable, ended: Sequence[Escalation]
) -> None:
    of_them: Columns = {
        "of": [each.escalation_id for each in ended],
        "over_us": [each.ended_at_us for each in ended],
        "by_whom": [each.ended_by for each in ended],
    }
    write_columns(connection, statement, of_them)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statements:
    """Put together once."""

    escalation: Executable
    deadline: Executable
    cancelled: Executable  # the deadlines of what ended
    withdrawn: Executable  # its notices that wait
    served: Executable  # those that were told


@cache
def _statements(dialect: str) -> _Statements:
    waits = deadlines.c.state == WAITING
    return _Statements(
        escalation=newest(dialect, escalations, "escalation_id", "version"),
        deadline=insert(dialect, deadlines).on_conflict_do_nothing(),
        # found by the escalation alone: an index of what waits is no help while everything does
        cancelled=update(deadlines)
        .where(deadlines.c.subject == bindparam("of"))
        .values(
            state=case((waits, CANCELLED), else_=deadlines.c.state),
            ended_at_us=case((waits, bindparam("over_us")), else_=deadlines.c.ended_at_us),
        ),
        withdrawn=_becoming([NoticeState.QUEUED.value], NoticeState.WITHDRAWN.value),
        served=_becoming(_TOLD, NoticeState.ACKNOWLEDGED.value),
    )


def _becoming(before: Sequence[str], after: str) -> Executable:
    theirs = or_(*(notices.c.state == each for each in before))  # IN takes no list of rows
    return (
        update(notices)
        .where(notices.c.escalation_id == bindparam("of"))
        .values(
            state=case((theirs, after), else_=notices.c.state),
            ended_at_us=case((theirs, bindparam("over_us")), else_=notices.c.ended_at_us),
            answered_by=case((theirs, bindparam("by_whom")), else_=notices.c.answered_by),
        )
    )


def _move(connection: Connection, move: NoticeMove) -> None:
    changed: _Row = {"state": move.state.value, "error": ""}
    if move.state is NoticeState.QUEUED:
        changed |= {"next_try_us": move.at_us, "ended_at_us": None}
        changed |= {"valid_until_us": move.valid_until_us, "not_before_us": move.at_us}
    else:
        changed |= {"ended_at_us": move.at_us}
    if move.state is NoticeState.ACKNOWLEDGED:
        changed["answered_by"] = stored(move.by)
    which = [notices.c.notice_id == move.notice_id]
    if move.only_from:
        which.append(notices.c.state.in_([each.value for each in move.only_from]))
    elif move.state is not NoticeState.ACKNOWLEDGED:
        # what a person acknowledged stays so, whatever is said of a call afterwards
        which.append(notices.c.state != NoticeState.ACKNOWLEDGED.value)
    connection.execute(update(notices).where(and_(*which)).values(changed))
    put_entries(
        connection,
        [
            NoticeEntry(
                notice_id=move.notice_id,
                at_us=move.at_us,
                what=move.what,
                by=move.by,
                words=move.words,
            )
        ],
    )
    if move.hastens is not None:
        subject, step = move.hastens
        connection.execute(
            update(deadlines)
            .where(
                deadlines.c.subject == str(subject),
                deadlines.c.step == step,
                deadlines.c.state == WAITING,
                deadlines.c.due_at_us > move.at_us,
            )
            .values(due_at_us=move.at_us)
        )


def may_be_taken(worker: str, now_us: int) -> Any:
    """By this sender: nobody else has it, or not any more."""
    return or_(notices.c.lease_until_us <= now_us, notices.c.sender == writable(worker))
