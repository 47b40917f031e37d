"""What is old enough to go, class by class, in small transactions. What stands, is open, was judged or counts
for somebody's credit never goes; entries, seals, reviews and site versions are not touched at all."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    delete,
    exists,
    or_,
    select,
    update,
)

from domain.clock import to_datetime
from domain.commands import CommandState
from domain.incidents import IncidentState
from domain.notices import OPEN_STATES
from storage.alarm_rows import CLOSED_RANK
from storage.engines import writing
from storage.notice_tables import escalations, notice_entries, notices
from storage.records import STANDING
from storage.tables import (
    alarms,
    arrangements,
    audit,
    commands,
    dead_letter_counts,
    dead_letters,
    deadlines,
    entries,
    events,
    incidents,
    outbox,
    reviews,
)

AT_ONCE: Final = 500

_OPEN: Final = (CommandState.PENDING.value, CommandState.SENT.value)


class Kept(StrEnum):
    """A class of data that has its own time."""

    INCIDENTS = "incidents"  # with their events, alarms, commands and notices
    AUDIT = "audit"
    DEAD_LETTERS = "dead_letters"
    LEAVE_REASONS = "leave_reasons"  # why somebody was away; not that he was


def delete_some(engine: Engine, kept: Kept, before_us: int, at_most: int = AT_ONCE) -> int:
    """Rows that went in one transaction; 0: no more of that class. Raises StorageUnavailable."""
    with writing(engine) as connection:
        return sum(step(connection, before_us, at_most) for step in _STEPS[kept])


def _commands(connection: Connection, before_us: int, at_most: int) -> int:
    ended = and_(commands.c.state.not_in(_OPEN), commands.c.created_at_us < before_us)
    chosen = select(commands.c.command_id).where(ended).limit(at_most)
    ids = list(connection.scalars(chosen))
    connection.execute(delete(outbox).where(outbox.c.command_id.in_(ids)))
    return _gone(connection, commands, commands.c.command_id.in_(ids))


def _incidents(connection: Connection, before_us: int, at_most: int) -> int:
    chosen = (
        select(incidents.c.incident_id)
        .where(
            incidents.c.state == IncidentState.CLOSED.value,
            incidents.c.closed_at_us < before_us,
            ~exists().where(events.c.incident_id == incidents.c.incident_id, *STANDING),
            ~exists().where(reviews.c.incident_id == incidents.c.incident_id),
            ~exists().where(
                events.c.incident_id == incidents.c.incident_id, _counts(events.c.event_id)
            ),
            ~exists().where(
                events.c.incident_id == incidents.c.incident_id, _is_open(events.c.event_id)
            ),
        )
        .limit(at_most)
    )
    ids = list(connection.scalars(chosen))
    told = select(events.c.event_id).where(events.c.incident_id.in_(ids))
    _gone(connection, alarms, alarms.c.event_id.in_(told))
    _gone(connection, events, events.c.incident_id.in_(ids))
    return _gone(connection, incidents, incidents.c.incident_id.in_(ids))


def _events_of_no_incident(connection: Connection, before_us: int, at_most: int) -> int:
    over = or_(
        events.c.ended_at_us < before_us, and_(events.c.ended_at_us.is_(None), ~and_(*STANDING))
    )
    chosen = (
        select(events.c.event_id)
        .where(
            events.c.incident_id.is_(None),
            events.c.raised_at_us < before_us,
            over,
            ~_counts(events.c.event_id),
            ~_is_open(events.c.event_id),
        )
        .limit(at_most)
    )
    ids = list(connection.scalars(chosen))
    _gone(connection, alarms, alarms.c.event_id.in_(ids))
    return _gone(connection, events, events.c.event_id.in_(ids))


def _is_open(event_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether it stands in the operator's list: a latched one waits for its reset."""
    return exists().where(alarms.c.event_id == event_id, alarms.c.rank < CLOSED_RANK)


def _counts(event_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether somebody's credit or a judgement leans on it."""
    return or_(
        exists().where(entries.c.event_id == event_id),
        exists().where(reviews.c.event_id == event_id),
    )


def _notices(connection: Connection, before_us: int, at_most: int) -> int:
    """With what happened to each; those that somebody may still send or answer stay."""
    over = notices.c.state.not_in([each.value for each in OPEN_STATES])
    old = or_(over, notices.c.valid_until_us < before_us)
    chosen = select(notices.c.notice_id).where(old, notices.c.created_at_us < before_us)
    ids = list(connection.scalars(chosen.limit(at_most)))
    connection.execute(delete(notice_entries).where(notice_entries.c.notice_id.in_(ids)))
    return _gone(connection, notices, notices.c.notice_id.in_(ids))


def _escalations(connection: Connection, before_us: int, at_most: int) -> int:
    """That ended, with their deadlines."""
    chosen = (
        select(escalations.c.escalation_id)
        .where(
            escalations.c.ended_at_us < before_us,
            ~exists().where(notices.c.escalation_id == escalations.c.escalation_id),
        )
        .limit(at_most)
    )
    ids = list(connection.scalars(chosen))
    connection.execute(
        delete(deadlines).where(deadlines.c.subject.in_([str(each) for each in ids]))
    )
    return _gone(connection, escalations, escalations.c.escalation_id.in_(ids))


def _audit(connection: Connection, before_us: int, at_most: int) -> int:
    chosen = select(audit.c.request_id).where(audit.c.at_us < before_us).limit(at_most)
    return _gone(connection, audit, audit.c.request_id.in_(list(connection.scalars(chosen))))


def _dead_letters(connection: Connection, before_us: int, at_most: int) -> int:
    chosen = select(dead_letters.c.number).where(dead_letters.c.at_us < before_us).limit(at_most)
    gone = _gone(
        connection, dead_letters, dead_letters.c.number.in_(list(connection.scalars(chosen)))
    )
    day = to_datetime(before_us).date().isoformat()
    return gone + _gone(connection, dead_letter_counts, dead_letter_counts.c.day < day)


def _leave_reasons(connection: Connection, before_us: int, at_most: int) -> int:
    over = or_(arrangements.c.until_us < before_us, arrangements.c.ended_at_us < before_us)
    chosen = (
        select(arrangements.c.arrangement_id)
        .where(arrangements.c.private != "", over)
        .limit(at_most)
    )
    ids = list(connection.scalars(chosen))
    wiped = update(arrangements).where(arrangements.c.arrangement_id.in_(ids)).values(private="")
    return connection.execute(wiped).rowcount


def _gone(connection: Connection, table: Table, which: ColumnElement[bool]) -> int:
    return connection.execute(delete(table).where(which)).rowcount


_Step = Callable[[Connection, int, int], int]
_STEPS: Final[Mapping[Kept, tuple[_Step, ...]]] = {
    Kept.INCIDENTS: (_commands, _incidents, _events_of_no_incident, _notices, _escalations),
    Kept.AUDIT: (_audit,),
    Kept.DEAD_LETTERS: (_dead_letters,),
    Kept.LEAVE_REASONS: (_leave_reasons,),
}
