"""The records in SQL: events, incidents, commands, the outbox, dead letters, the numbers of points.

A commit is one transaction and may be repeated: what is in already is left as it is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import chain
from math import nan
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    RowMapping,
    Select,
    bindparam,
    select,
    update,
)

from domain.alarms import Alarm, Flood, Rationalisation, Withholding
from domain.arrangements import Arrangement
from domain.assets import MOMENTARY, AlarmClass, Condition, Priority
from domain.changes import Changes, OutboxDone
from domain.clock import Clock, system_clock, to_datetime
from domain.commands import CommandState, DeviceCommand, Origin, OutboxItem
from domain.credit import CreditEntry, ReviewItem, ReviewState
from domain.events import AlarmCleared, AlarmRaised, ClearReason
from domain.findings import Finding, Verdict
from domain.ids import AssetId, DeviceId, PointKey, SourceId
from domain.incidents import Incident, IncidentState
from domain.limit_changes import Campaign, LimitChange
from domain.notices import Escalation
from domain.paperwork import Approval, ApprovalState, SiteVersion, Tag, Ticket, User
from domain.records import DeadLetter
from domain.requests import Handled
from storage import (
    alarm_rows,
    arrangement_rows,
    credit_rows,
    escalation_rows,
    finding_rows,
    logbook,
    outages,
    outbound,
    paper,
    rows,
)
from storage import reviews as review_tables
from storage.bulk import write_columns
from storage.device_cares import write_device_cares
from storage.disturbances import write_disturbances
from storage.engines import reading, writing
from storage.inserts import insert, latest, newest
from storage.ownership import expect_owner
from storage.rows import columns_of, columns_of_all, newest_versions, stored
from storage.tables import (
    alarms,
    applied,
    approvals,
    arrangements,
    audit,
    campaigns,
    cases,
    commands,
    dead_letter_counts,
    dead_letters,
    entries,
    events,
    findings,
    floods,
    incidents,
    limit_changes,
    outbox,
    points,
    rationalisations,
    reviews,
    site_versions,
    tags,
    tickets,
    users,
    withholdings,
)
from storage.text import writable

T = TypeVar("T")

_PROJECTION: Final = "records"
_FINDINGS_AT_MOST: Final = 2_000
_OPEN_COMMANDS: Final = (CommandState.PENDING.value, CommandState.SENT.value)
_OPEN_REVIEWS: Final = (ReviewState.PROPOSED.value, ReviewState.SENT_BACK.value)
_MOMENTARY: Final = sorted(condition.value for condition in MOMENTARY)
STANDING: Final = (events.c.ended_at_us.is_(None), events.c.condition.not_in(_MOMENTARY))

log = structlog.get_logger(__name__)


class NumbersDisagree(Exception):
    """A point has one number here and another elsewhere, or a number two points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """An alarm and, once it is there, its clearing."""

    raised: AlarmRaised
    cleared: AlarmCleared | None = None


class SqlRecords:
    """Implements domain.ports.Records. Every method raises StorageUnavailable where it cannot answer, and
    works again when the database does. The schema is made by storage.migrate."""

    def __init__(
        self,
        engine: Engine,
        *,
        partition: int | None = None,
        epoch: int | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """With a `partition` every commit is that of its owner in `epoch`."""
        self._engine = engine
        self._partition = partition
        self._epoch = epoch
        self._clock = clock
        self._projection = _PROJECTION if partition is None else f"{_PROJECTION}/{partition}"

    @property
    def engine(self) -> Engine:
        """For what stands in the same database."""
        return self._engine

    @property
    def logbook(self) -> logbook.LogReads:
        return logbook.LogReads(self._engine)

    def applied_seq(self) -> int:
        with reading(self._engine) as connection:
            return _applied_seq(connection, self._projection)

    def commit(self, changes: Changes, applied_seq: int) -> None:
        """Dead letters count only in a commit that raises the applied number: they have no id by which a
        repetition could be told, and each stands in a journal record of its own.

        Raises StaleOwner where another worker has the partition; then nothing of it is in."""
        with writing(self._engine) as connection:
            if self._partition is not None:
                expect_owner(connection, self._partition, self._epoch)
            statements = _statements(connection.dialect.name)
            is_new = applied_seq > _applied_seq(connection, self._projection)
            write_changes(connection, changes, self._partition)
            if is_new:
                _write_dead_letters(connection, statements, changes.dead_letters)
                connection.execute(
                    statements.applied, {"projection": self._projection, "seq": applied_seq}
                )
            if self._partition is not None:
                outbound.write(connection, changes.outbound, self._partition)
            # last, for until the end of the transaction no other worker can
            paper.write(connection, changes, self._partition, self._clock())

    def paper_number(self) -> int:
        """Of the newest change of paper; to be asked before what it has made is read."""
        with reading(self._engine) as connection:
            return paper.newest(connection)

    def paper_since(
        self, number: int, *, but_not_of: int | None, limit: int = 1_000
    ) -> tuple[int, Changes]:
        """What was decided about people and paper after the change `number`, as it stands now, and the
        number of the newest change that was looked at. A worker's own decisions are left out."""
        with reading(self._engine) as connection:
            return paper.since(connection, number, but_not_of, limit)

    def handled(self, request_id: UUID) -> Handled | None:
        """What became of a request, whoever decided it."""
        query = select(audit).where(audit.c.request_id == request_id)
        found = self._all(query, rows.handled)
        return found[0] if found else None

    def open_incidents(self) -> list[Incident]:
        """With the events of each that still stand."""
        query = (
            select(incidents)
            .where(incidents.c.state != IncidentState.CLOSED.value)
            .order_by(incidents.c.opened_at_us, incidents.c.incident_id)
        )
        withheld = select(alarms.c.event_id).where(
            alarms.c.standing, alarms.c.withheld.is_not(None)
        )  # taken off the operator's hands after it had joined
        of_them = select(events.c.incident_id, events.c.event_id).where(
            events.c.incident_id.is_not(None), *STANDING, events.c.event_id.not_in(withheld)
        )
        with reading(self._engine) as connection:
            standing: dict[UUID, set[UUID]] = {}
            for incident, event in connection.execute(of_them):
                standing.setdefault(incident, set()).add(event)
            return [
                rows.incident(row, frozenset(standing.get(row["incident_id"], ())))
                for row in connection.execute(query).mappings()
            ]

    def asset_of_alarm(self, event_id: UUID) -> AssetId | None:
        query = select(alarms.c.asset_id).where(alarms.c.event_id == event_id)
        with reading(self._engine) as connection:
            found = connection.execute(query).scalar()
            return None if found is None else AssetId(found)

    def point_of_withholding(self, withholding_id: UUID) -> str | None:
        query = select(withholdings.c.point).where(withholdings.c.withholding_id == withholding_id)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar()

    def asset_of_finding(self, finding_id: UUID) -> AssetId | None:
        query = select(findings.c.asset_id).where(findings.c.finding_id == finding_id)
        with reading(self._engine) as connection:
            found = connection.execute(query).scalar()
            return None if found is None else AssetId(found)

    def asset_of_tag(self, tag_id: UUID) -> AssetId | None:
        query = select(tags.c.asset_id).where(tags.c.tag_id == tag_id)
        with reading(self._engine) as connection:
            found = connection.execute(query).scalar()
            return None if found is None else AssetId(found)

    def device_of_call(self, approval_id: UUID) -> DeviceId | None:
        """Of a call by hand that waits for a second person; None for another approval."""
        query = select(approvals.c.subject_id).where(
            approvals.c.approval_id == approval_id, approvals.c.subject == "device"
        )
        with reading(self._engine) as connection:
            command = connection.execute(query).scalar()
            if command is None:
                return None
            of_it = select(commands.c.device_id).where(commands.c.command_id == UUID(command))
            found = connection.execute(of_it).scalar()
            return None if found is None else DeviceId(found)

    def asset_of_incident(self, incident_id: UUID) -> AssetId | None:
        query = select(incidents.c.asset_id).where(incidents.c.incident_id == incident_id)
        with reading(self._engine) as connection:
            found = connection.execute(query).scalar()
            return None if found is None else AssetId(found)

    def open_commands(self) -> list[DeviceCommand]:
        """Those that are neither confirmed nor given up."""
        query = (
            select(commands)
            .where(commands.c.state.in_(_OPEN_COMMANDS))
            .order_by(commands.c.created_at_us, commands.c.command_id)
        )
        with reading(self._engine) as connection:
            return [command_of(row) for row in connection.execute(query).mappings()]

    def open_reviews(self) -> list[ReviewItem]:
        """Those that wait for judgement."""
        return self._all(
            select(reviews).where(reviews.c.state.in_(_OPEN_REVIEWS)), credit_rows.review
        )

    def reviews_since(self, since_us: int) -> list[ReviewItem]:
        """Judged or not, made at `since_us` or later: what must not be proposed again."""
        return self._all(
            select(reviews).where(reviews.c.created_at_us >= since_us), credit_rows.review
        )

    def entries_since(self, since_us: int) -> list[CreditEntry]:
        return self._all(
            select(entries).where(entries.c.effective_at_us >= since_us), credit_rows.entry
        )

    def entry(self, entry_id: UUID) -> CreditEntry | None:
        found = self._all(select(entries).where(entries.c.entry_id == entry_id), credit_rows.entry)
        return found[0] if found else None

    def open_findings(self) -> list[Finding]:
        """Those that stand, and those that wait for a consultation."""
        waiting = (findings.c.verdict == Verdict.CANNOT_TELL.value) & (findings.c.answered_by == "")
        query = (
            select(findings)
            .where(findings.c.ended_at_us.is_(None) | waiting)
            .order_by(findings.c.told_at_us.desc())
            .limit(_FINDINGS_AT_MOST)
        )
        return self._all(query, finding_rows.finding)

    def users(self) -> list[User]:
        return self._all(select(users).order_by(users.c.name), rows.user)

    def open_tickets(self) -> list[Ticket]:
        every = self._all(select(tickets).order_by(tickets.c.from_us), rows.ticket)
        return [ticket for ticket in every if ticket.is_open]

    def hanging_tags(self) -> list[Tag]:
        return self._all(select(tags).where(tags.c.removed_at_us.is_(None)), rows.tag)

    def open_alarms(self) -> list[Alarm]:
        return self._all(
            select(alarms)
            .where(alarms.c.rank < alarm_rows.CLOSED_RANK)
            .order_by(alarms.c.raised_at_us, alarms.c.event_id),
            alarm_rows.alarm,
        )

    def alarms_since(self, since_us: int) -> list[Alarm]:
        """Open or not, that were detected at `since_us` or later."""
        return self._all(
            select(alarms)
            .where(alarms.c.detected_at_us >= since_us)
            .order_by(alarms.c.detected_at_us),
            alarm_rows.alarm,
        )

    def withholdings(self) -> list[Withholding]:
        """Those that hold."""
        return self._all(
            select(withholdings).where(withholdings.c.ended_at_us.is_(None)),
            alarm_rows.withholding,
        )

    def limit_changes(self) -> list[LimitChange]:
        """Those that are effective, or wait for a second person."""
        return self._all(
            select(limit_changes).where(limit_changes.c.state != ApprovalState.REJECTED.value),
            alarm_rows.limit_change,
        )

    def effective_limit_changes(self) -> list[LimitChange]:
        return self._all(
            select(limit_changes).where(limit_changes.c.state == ApprovalState.EFFECTIVE.value),
            alarm_rows.limit_change,
        )

    def campaigns(self) -> list[Campaign]:
        """Every one that was ever switched, as it stands."""
        return self._all(select(campaigns), alarm_rows.campaign)

    def rationalisations(self) -> list[Rationalisation]:
        return self._all(select(rationalisations), alarm_rows.rationalisation)

    def open_escalations(self) -> list[Escalation]:
        return self._all(escalation_rows.OPEN, escalation_rows.escalation)

    def arrangements(self, since_us: int) -> list[Arrangement]:
        """Those that are not over, or were not at `since_us`."""
        return self._all(arrangement_rows.not_over_at(since_us), arrangement_rows.arrangement)

    def open_floods(self) -> list[Flood]:
        return self._all(select(floods).where(floods.c.ended_at_us.is_(None)), alarm_rows.flood)

    def waiting_approvals(self) -> list[Approval]:
        return self._all(
            select(approvals).where(approvals.c.state == ApprovalState.PROPOSED.value),
            rows.approval,
        )

    def site_versions(self) -> list[SiteVersion]:
        """The oldest first."""
        return self._all(select(site_versions).order_by(site_versions.c.number), rows.site_version)

    def effective_site(self) -> SiteVersion | None:
        """The newest version that two persons agreed to, or the first one."""
        effective = self._all(
            select(site_versions)
            .where(site_versions.c.state == ApprovalState.EFFECTIVE.value)
            .order_by(site_versions.c.number.desc())
            .limit(1),
            rows.site_version,
        )
        return effective[0] if effective else None

    def handled_since(self, since_us: int) -> dict[UUID, Handled]:
        """The oldest first."""
        query = select(audit).where(audit.c.at_us >= since_us).order_by(audit.c.at_us)
        return {handled.request_id: handled for handled in self._all(query, rows.handled)}

    def seed(self, version: SiteVersion, first_users: Iterable[User]) -> None:
        """What a fresh data folder begins with. Only while no core serves it."""
        with writing(self._engine) as connection:
            connection.execute(site_versions.insert(), rows.site_version_row(version))
            for user in first_users:
                connection.execute(users.insert(), rows.user_row(user))

    def _all(self, query: Select[Any], made: Callable[[RowMapping], T]) -> list[T]:
        with reading(self._engine) as connection:
            return [made(row) for row in connection.execute(query).mappings()]

    def unsent_outbox(self) -> list[OutboxItem]:
        """Attempts of which nothing has been reported, with their command as it stands; not those that a
        later attempt or the device's word has overtaken."""
        query = (
            select(outbox.c.outbox_id, *commands.c)
            .join(commands, commands.c.command_id == outbox.c.command_id)
            .where(
                outbox.c.done_at_us.is_(None),
                commands.c.state.in_(_OPEN_COMMANDS),
                commands.c.attempt == outbox.c.attempt,
            )
            .order_by(outbox.c.created_at_us, outbox.c.outbox_id)
        )
        with reading(self._engine) as connection:
            return [
                OutboxItem(outbox_id=row["outbox_id"], command=command_of(row))
                for row in connection.execute(query).mappings()
            ]

    def known_numbers(self) -> dict[PointKey, int]:
        """Of every point that ever had one; none is given."""
        with reading(self._engine) as connection:
            return _point_numbers(connection)

    def events(self, since_us: int = 0, limit: int = 1_000) -> list[RecordedEvent]:
        """Alarms raised at `since_us` or later, the oldest first."""
        query = (
            select(events)
            .where(events.c.raised_at_us >= since_us)
            .order_by(events.c.raised_at_us, events.c.event_id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [recorded_of(row) for row in connection.execute(query).mappings()]

    def standing_events(self) -> list[AlarmRaised]:
        """Alarms that have not cleared; what only happened (a clock stepped back) does not stand."""
        query = select(events).where(*STANDING).order_by(events.c.raised_at_us, events.c.event_id)
        with reading(self._engine) as connection:
            return [_raised(row) for row in connection.execute(query).mappings()]

    def commands(self, since_us: int = 0, limit: int = 1_000) -> list[DeviceCommand]:
        """Commands created at `since_us` or later with what became of them, the oldest first."""
        query = (
            select(commands)
            .where(commands.c.created_at_us >= since_us)
            .order_by(commands.c.created_at_us, commands.c.command_id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [command_of(row) for row in connection.execute(query).mappings()]

    def dead_letters(self, limit: int = 1_000) -> list[DeadLetter]:
        """Those whose payload was kept, the oldest first."""
        query = select(dead_letters).order_by(dead_letters.c.number).limit(limit)
        with reading(self._engine) as connection:
            return [_dead_letter(row) for row in connection.execute(query).mappings()]

    def dead_letter_counts(self) -> dict[tuple[SourceId, str, str], int]:
        """(source, reason, day) -> how many, with those whose payload was not kept."""
        counts = dead_letter_counts.c
        query = select(counts.source_id, counts.reason, counts.day, counts.count).order_by(
            counts.day, counts.source_id, counts.reason
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query)
            return {(SourceId(source), reason, day): count for source, reason, day, count in rows}

    def point_numbers(
        self, keys: Iterable[PointKey], in_use: Iterable[tuple[PointKey, int]] = ()
    ) -> dict[PointKey, int]:
        """The number of each point; a point that is new gets one that was never given before. Raises
        NumbersDisagree where ours and those `in_use` elsewhere cannot both be; then none is given.

        Where nothing is new nothing is written: a start must not wait for somebody else's lock."""
        wanted = list(dict.fromkeys(keys))
        used = list(in_use)
        with reading(self._engine) as connection:
            known = _point_numbers(connection)
        if not known.keys() >= set(wanted):
            with writing(self._engine) as connection:
                known = _with_numbers(connection, wanted)
                _expect_agreement(known, used)
        _expect_agreement(known, used)
        return {key: known[key] for key in wanted}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statements:
    """What a commit says, put together once: that takes longer than the commit itself."""

    applied: Executable
    event: Executable
    clear: Executable
    incident: Executable
    command: Executable
    outbox: Executable
    outbox_done: Executable
    review: Executable
    entry: Executable
    ticket: Executable
    tag: Executable
    approval: Executable
    site_version: Executable
    user: Executable
    handled: Executable
    join: Executable
    alarm: Executable
    withholding: Executable
    flood: Executable
    limit_change: Executable
    campaign: Executable
    rationalisation: Executable
    finding: Executable
    case: Executable
    arrangement: Executable
    dead_letter: Executable
    dead_letter_count: Executable


@cache
def _statements(dialect: str) -> _Statements:
    count = insert(dialect, dead_letter_counts)
    return _Statements(
        applied=newest(dialect, applied, "projection", "seq"),
        event=insert(dialect, events).on_conflict_do_nothing(),
        clear=update(events).where(events.c.event_id == bindparam("of_event")),
        incident=newest(dialect, incidents, "incident_id", "version"),
        command=newest(dialect, commands, "command_id", "version"),
        outbox=insert(dialect, outbox).on_conflict_do_nothing(),
        outbox_done=update(outbox).where(
            outbox.c.outbox_id == bindparam("of_item"),
            outbox.c.done_at_us.is_(None),  # the first word stands
        ),
        review=newest(dialect, reviews, "review_id", "version"),
        entry=insert(dialect, entries).on_conflict_do_nothing(),  # an entry is never changed
        ticket=newest(dialect, tickets, "ticket_id", "version"),
        tag=newest(dialect, tags, "tag_id", "version"),
        approval=newest(dialect, approvals, "approval_id", "version"),
        site_version=latest(dialect, site_versions, "number"),
        user=newest(dialect, users, "name", "version"),
        handled=insert(dialect, audit).on_conflict_do_nothing(),  # the first word stands
        join=update(events)
        .where(events.c.event_id == bindparam("of_event"))
        .values(incident_id=bindparam("into")),
        alarm=newest(dialect, alarms, "event_id", "version"),
        withholding=newest(dialect, withholdings, "withholding_id", "version"),
        flood=newest(dialect, floods, "flood_id", "version"),
        limit_change=newest(dialect, limit_changes, "change_id", "version"),
        campaign=newest(dialect, campaigns, "mode_id", "version"),
        rationalisation=newest(dialect, rationalisations, ("point", "condition"), "version"),
        finding=newest(dialect, findings, "finding_id", "version"),
        case=insert(dialect, cases).on_conflict_do_nothing(),  # settled once
        arrangement=newest(dialect, arrangements, "arrangement_id", "version"),
        dead_letter=dead_letters.insert(),
        dead_letter_count=count.on_conflict_do_update(
            index_elements=list(dead_letter_counts.primary_key),
            set_={"count": dead_letter_counts.c.count + count.excluded["count"]},
        ),
    )


def _applied_seq(connection: Connection, projection: str) -> int:
    query = select(applied.c.seq).where(applied.c.projection == projection)
    return connection.execute(query).scalar() or 0


def write_changes(connection: Connection, changes: Changes, partition: int | None = None) -> None:
    """All but the dead letters, in the caller's transaction. May be repeated."""
    statements = _statements(connection.dialect.name)
    _write_events(connection, statements, changes)
    incidents_now = newest_versions("incident_id", changes.incidents)
    if incidents_now:
        write_columns(connection, statements.incident, rows.incident_columns(incidents_now))
    # an attempt carries its command, so that it never stands alone
    of_outbox = (item.command for item in changes.outbox)
    _write_newest(
        connection,
        statements.command,
        "command_id",
        rows.command_row,
        chain(changes.commands, of_outbox),
    )
    _write_outbox(connection, statements, changes.outbox, changes.outbox_done)
    _write_people_and_paper(connection, statements, changes)
    escalation_rows.write(connection, changes, partition)
    logbook.write(connection, changes)
    write_disturbances(connection, changes)
    write_device_cares(connection, changes)
    outages.write(connection, changes)
    review_tables.write(connection, changes)


def _write_events(connection: Connection, statements: _Statements, changes: Changes) -> None:
    raised = [event for event in changes.events if isinstance(event, AlarmRaised)]
    cleared = [_clear_row(event) for event in changes.events if isinstance(event, AlarmCleared)]
    if raised:
        write_columns(connection, statements.event, _event_columns(raised, changes.memberships))
    joined = changes.memberships.keys() - {event.event_id for event in raised}
    if (
        joined
    ):  # raised before, and only now an incident's: it was withheld, or not known for a fault
        connection.execute(
            statements.join,
            [{"of_event": each, "into": changes.memberships[each]} for each in sorted(joined)],
        )
    if cleared:
        changed = connection.execute(statements.clear, cleared).rowcount
        if 0 <= changed < len(cleared):
            log.warning("cleared_without_alarm", count=len(cleared) - changed)


def _write_newest(
    connection: Connection,
    statement: Executable,
    key: str,
    row_of: Callable[[Any], dict[str, Any]],
    versions: Iterable[Any],
) -> None:
    now = newest_versions(key, versions)
    if now:
        connection.execute(statement, [row_of(each) for each in now])


def _write_outbox(
    connection: Connection,
    statements: _Statements,
    items: Sequence[OutboxItem],
    done: Sequence[OutboxDone],
) -> None:
    if items:
        connection.execute(
            statements.outbox,
            [
                {
                    "outbox_id": item.outbox_id,
                    "command_id": item.command.command_id,
                    "attempt": item.command.attempt,
                    "created_at_us": item.command.created_at_us,
                }
                for item in items
            ],
        )
    if done:
        connection.execute(
            statements.outbox_done,
            [
                {"of_item": item.outbox_id, "done_at_us": item.at_us, "outcome": item.outcome}
                for item in done
            ],
        )


def _write_people_and_paper(
    connection: Connection, statements: _Statements, changes: Changes
) -> None:
    alarms_now = newest_versions("event_id", changes.alarms)
    if alarms_now:
        write_columns(connection, statements.alarm, alarm_rows.alarm_columns(alarms_now))
    of_versions = (
        (statements.review, "review_id", credit_rows.review_row, changes.reviews),
        (statements.withholding, "withholding_id", columns_of, changes.withholdings),
        (statements.flood, "flood_id", columns_of, changes.floods),
        (
            statements.limit_change,
            "change_id",
            alarm_rows.limit_change_row,
            changes.limit_changes,
        ),
        (statements.campaign, "mode_id", columns_of, changes.campaigns),
        (statements.ticket, "ticket_id", rows.ticket_row, changes.tickets),
        (statements.tag, "tag_id", rows.tag_row, changes.tags),
        (statements.approval, "approval_id", rows.approval_row, changes.approvals),
        (statements.user, "name", rows.user_row, changes.users),
        (statements.finding, "finding_id", finding_rows.finding_row, changes.findings),
        (
            statements.arrangement,
            "arrangement_id",
            arrangement_rows.arrangement_row,
            changes.arrangements,
        ),
    )
    for statement, key, row_of, versions in of_versions:
        _write_newest(connection, statement, key, row_of, versions)
    as_they_are = (
        (
            statements.rationalisation,
            [alarm_rows.rationalisation_row(each) for each in changes.rationalisations],
        ),
        (statements.entry, [credit_rows.entry_row(entry) for entry in changes.entries]),
        (statements.site_version, [rows.site_version_row(each) for each in changes.site_versions]),
        (statements.handled, [rows.audit_row(handled) for handled in changes.handled]),
        (statements.case, [finding_rows.case_row(each) for each in changes.cases]),
    )
    for statement, written in as_they_are:
        for row in written:
            connection.execute(statement, row)


def _write_dead_letters(
    connection: Connection, statements: _Statements, letters: Sequence[DeadLetter]
) -> None:
    kept = [_letter_row(letter) for letter in letters if letter.payload is not None]
    if kept:
        connection.execute(statements.dead_letter, kept)
    counts = Counter((letter.source_id, letter.reason, _day(letter.at_us)) for letter in letters)
    if counts:
        connection.execute(
            statements.dead_letter_count,
            [
                {"source_id": source, "reason": reason, "day": day, "count": count}
                for (source, reason, day), count in sorted(counts.items())
            ],
        )


def _point_numbers(connection: Connection) -> dict[PointKey, int]:
    rows = connection.execute(select(points.c.key, points.c.number))
    return {PointKey(key): number for key, number in rows}


def _with_numbers(connection: Connection, wanted: Iterable[PointKey]) -> dict[PointKey, int]:
    known = _point_numbers(connection)
    missing = [{"key": key} for key in wanted if key not in known]
    if missing:
        # another worker may give the same ones at the same moment
        connection.execute(
            insert(connection.dialect.name, points).on_conflict_do_nothing(), missing
        )
        known = _point_numbers(connection)
    return known


def _expect_agreement(known: Mapping[PointKey, int], used: Iterable[tuple[PointKey, int]]) -> None:
    key_of = {number: key for key, number in known.items()}
    for key, number in used:
        if known.get(key, number) != number:
            raise NumbersDisagree(f"point {key} has the numbers {known[key]} and {number}")
        if key_of.get(number, key) != key:
            raise NumbersDisagree(
                f"number {number} is that of the points {key_of[number]} and {key}"
            )


def _event_columns(raised: Sequence[AlarmRaised], incident_of: Mapping[UUID, UUID]) -> rows.Columns:
    columns = columns_of_all(raised)
    columns["incident_id"] = [incident_of.get(each) for each in columns["event_id"]]
    columns["limit_value"] = columns.pop("limit")  # LIMIT is a word of SQL
    return columns


def _clear_row(cleared: AlarmCleared) -> dict[str, Any]:
    return {
        "of_event": cleared.event_id,
        "ended_at_us": cleared.ended_at_us,
        "cleared_detected_at_us": cleared.detected_at_us,
        "cleared_value": stored(cleared.value),
        "clear_reason": cleared.reason.value,
    }


def _letter_row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "at_us": letter.at_us,
        "source_id": letter.source_id,
        "reason": letter.reason,
        "detail": writable(letter.detail),
        "topic": writable(letter.topic),
        "payload": letter.payload,
    }


def recorded_of(row: RowMapping) -> RecordedEvent:
    return RecordedEvent(raised=_raised(row), cleared=_cleared(row))


def _raised(row: RowMapping) -> AlarmRaised:
    return AlarmRaised(
        event_id=row["event_id"],
        site=row["site"],
        point=row["point"],
        asset_id=AssetId(row["asset_id"]),
        signal=row["signal"],
        unit=row["unit"],
        condition=Condition(row["condition"]),
        alarm_class=AlarmClass(row["alarm_class"]),
        priority=Priority(row["priority"]),
        started_at_us=row["started_at_us"],
        raised_at_us=row["raised_at_us"],
        detected_at_us=row["detected_at_us"],
        value=_number(row["value"]),
        limit=_number(row["limit_value"]),
        limits_version=row["limits_version"],
        degraded=row["degraded"],
        found_late=row["found_late"],
        output_allowed=row["output_allowed"],
        latching=row["latching"],
    )


def _cleared(row: RowMapping) -> AlarmCleared | None:
    if row["ended_at_us"] is None:
        return None
    return AlarmCleared(
        event_id=row["event_id"],
        ended_at_us=row["ended_at_us"],
        detected_at_us=row["cleared_detected_at_us"],
        value=_number(row["cleared_value"]),
        reason=ClearReason(row["clear_reason"]),
    )


def _number(stored: float | None) -> float:
    return nan if stored is None else stored


def command_of(row: RowMapping) -> DeviceCommand:
    stored = {field.name: row[field.name] for field in fields(DeviceCommand)}
    stored["device_id"] = DeviceId(stored["device_id"])
    stored["priority"] = Priority(stored["priority"])
    stored["state"] = CommandState(stored["state"])
    stored["origin"] = Origin(stored["origin"])
    stored["because"] = rows.reasons(stored["because"])
    return DeviceCommand(**stored)


def _dead_letter(row: RowMapping) -> DeadLetter:
    return DeadLetter(
        at_us=row["at_us"],
        source_id=SourceId(row["source_id"]),
        reason=row["reason"],
        detail=row["detail"],
        topic=row["topic"],
        payload=row["payload"],
    )


def _day(at_us: int) -> str:
    return to_datetime(at_us).date().isoformat()
