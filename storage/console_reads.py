"""What the console reads of the records. Read-only, and never in the way of who writes."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Engine, RowMapping, Select, case, func, select

from domain.alarms import Alarm
from domain.arrangements import Arrangement
from domain.assets import Priority
from domain.commands import DeviceCare, DeviceCommand, Origin
from domain.credit import Account, CreditEntry, ReviewItem
from domain.events import AlarmRaised
from domain.findings import Case, Finding
from domain.ids import AssetId, PersonId
from domain.incidents import Incident, IncidentState
from domain.paperwork import Approval, SiteVersion, Tag, Ticket, TicketState, User
from domain.requests import Handled
from domain.responsibility import Kind
from storage import alarm_rows, arrangement_rows, credit_rows, finding_rows, rows
from storage.device_cares import every_device_care
from storage.engines import reading
from storage.records import STANDING, RecordedEvent, command_of, recorded_of
from storage.tables import (
    alarms,
    approvals,
    audit,
    cases,
    commands,
    entries,
    events,
    findings,
    incidents,
    reviews,
    seals,
    site_versions,
    tags,
    tickets,
    users,
)
from storage.text import writable

T = TypeVar("T")

_NOTHING: Final[frozenset[UUID]] = frozenset()
# who waits for a person comes first
_STATES: Final = {
    IncidentState.OPEN.value: 0,
    IncidentState.RETURNED.value: 1,
    IncidentState.ACKNOWLEDGED.value: 2,
    IncidentState.CLOSED.value: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFilter:
    """Empty collections mean everything."""

    states: Collection[IncidentState] = ()
    priorities: Collection[Priority] = ()
    classes: Collection[str] = ()
    kinds: Collection[Kind] = ()
    fold: bool = False  # consequences stand behind their cause; level 1 never does
    asset_ids: Collection[AssetId] | None = None  # None: every asset


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedIncident:
    """An incident with the alarm that speaks for it: its most urgent, and of those the newest."""

    incident: Incident
    alarm: AlarmRaised | None
    standing: int  # alarms that have not returned


class ConsoleReads:
    """Raises StorageUnavailable where the records do not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """For what else reads the same records."""
        return self._engine

    def incidents(
        self, wanted: IncidentFilter, limit: int = 50, offset: int = 0
    ) -> list[ListedIncident]:
        """What waits for a person first, then the most urgent, then the newest."""
        order: tuple[Any, ...] = (
            case(_STATES, value=incidents.c.state),
            incidents.c.priority,
            incidents.c.opened_at_us.desc(),
        )
        if wanted.states and set(wanted.states) <= {IncidentState.CLOSED}:
            order = (incidents.c.closed_at_us.desc(), incidents.c.priority, incidents.c.incident_id)
        query = _which(select(incidents), wanted).order_by(*order).limit(limit).offset(offset)
        found = self._all(query, lambda row: rows.incident(row, _NOTHING))
        return self._with_alarms(found)

    def consequences_of(self, incident_id: UUID, limit: int = 200) -> list[ListedIncident]:
        """What is listed beneath it: the most urgent first, then the oldest."""
        query = (
            select(incidents)
            .where(incidents.c.cause == incident_id)
            .order_by(incidents.c.priority, incidents.c.opened_at_us, incidents.c.incident_id)
            .limit(limit)
        )
        return self._with_alarms(self._all(query, lambda row: rows.incident(row, _NOTHING)))

    def count_beneath(self, causes: Collection[UUID]) -> dict[UUID, int]:
        """cause -> incidents beneath it that are not closed."""
        query = (
            select(incidents.c.cause, func.count())
            .where(
                incidents.c.cause.in_(list(causes)),
                incidents.c.state != IncidentState.CLOSED.value,
            )
            .group_by(incidents.c.cause)
        )
        with reading(self._engine) as connection:
            return {cause: int(count) for cause, count in connection.execute(query)}

    def handled_of(self, subjects: Collection[str], limit: int = 200) -> list[Handled]:
        """What people did to these things, the newest first; not what was refused."""
        query = (
            select(audit)
            .where(audit.c.subject.in_(list(subjects)), audit.c.done)
            .order_by(audit.c.at_us.desc())
            .limit(limit)
        )
        return self._all(query, rows.handled)

    def alarms_of(self, incident_id: UUID, limit: int = 100) -> list[Alarm]:
        """How the alarms of an incident are treated, the newest first."""
        query = (
            select(alarms)
            .where(alarms.c.incident_id == incident_id)
            .order_by(alarms.c.raised_at_us.desc())
            .limit(limit)
        )
        return self._all(query, alarm_rows.alarm)

    def findings_between(
        self, asset_id: AssetId, from_us: int, to_us: int, limit: int = 50
    ) -> list[Finding]:
        """Those of a device that stood in this time."""
        query = (
            select(findings)
            .where(
                findings.c.asset_id == writable(asset_id),
                findings.c.told_at_us <= to_us,
                findings.c.ended_at_us.is_(None) | (findings.c.ended_at_us >= from_us),
            )
            .order_by(findings.c.told_at_us.desc())
            .limit(limit)
        )
        return self._all(query, finding_rows.finding)

    def count(self, wanted: IncidentFilter) -> int:
        query = _which(select(func.count()).select_from(incidents), wanted)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def incident(self, incident_id: UUID) -> ListedIncident | None:
        query = select(incidents).where(incidents.c.incident_id == incident_id)
        found = self._with_alarms(self._all(query, lambda row: rows.incident(row, _NOTHING)))
        return found[0] if found else None

    def events_of(self, incident_id: UUID, limit: int = 100) -> list[RecordedEvent]:
        """The newest first."""
        query = (
            select(events)
            .where(events.c.incident_id == incident_id)
            .order_by(events.c.raised_at_us.desc())
            .limit(limit)
        )
        return self._all(query, recorded_of)

    def findings(
        self, *, standing: bool, asset_ids: Collection[AssetId] | None = None, limit: int = 200
    ) -> list[Finding]:
        """The newest first; of those that stand the most urgent."""
        query = select(findings)
        if standing:
            query = query.where(findings.c.ended_at_us.is_(None))
        if asset_ids is not None:
            query = query.where(findings.c.asset_id.in_(asset_ids))
        order = [findings.c.priority] if standing else []
        query = query.order_by(*order, findings.c.began_at_us.desc()).limit(limit)
        return self._all(query, finding_rows.finding)

    def finding(self, finding_id: UUID) -> Finding | None:
        query = select(findings).where(findings.c.finding_id == finding_id)
        found = self._all(query, finding_rows.finding)
        return found[0] if found else None

    def cases_like(self, signature: str, limit: int = 10) -> list[Case]:
        """What people said to findings of the same kind, the newest first."""
        query = (
            select(cases)
            .where(cases.c.signature == signature)
            .order_by(cases.c.at_us.desc())
            .limit(limit)
        )
        return self._all(query, finding_rows.case)

    def events_of_point(self, point: str, from_us: int, to_us: int) -> list[RecordedEvent]:
        query = (
            select(events)
            .where(
                events.c.point == writable(point), events.c.started_at_us.between(from_us, to_us)
            )
            .order_by(events.c.started_at_us)
            .limit(200)
        )
        return self._all(query, recorded_of)

    def standing_of_point(self, point: str) -> list[AlarmRaised]:
        """What is raised and not over."""
        query = (
            select(events)
            .where(events.c.point == writable(point), events.c.ended_at_us.is_(None))
            .order_by(events.c.started_at_us.desc())
            .limit(200)
        )
        return [each.raised for each in self._all(query, recorded_of)]

    def commands_of(self, event_ids: Collection[UUID]) -> list[DeviceCommand]:
        query = (
            select(commands)
            .where(commands.c.event_id.in_(event_ids))
            .order_by(commands.c.created_at_us)
        )
        return self._all(query, command_of)

    def command(self, command_id: UUID) -> DeviceCommand | None:
        found = self._all(select(commands).where(commands.c.command_id == command_id), command_of)
        return found[0] if found else None

    def event(self, event_id: UUID) -> RecordedEvent | None:
        found = self._all(select(events).where(events.c.event_id == event_id), recorded_of)
        return found[0] if found else None

    def events_detected(
        self, from_us: int, to_us: int, limit: int = 2_000
    ) -> list[tuple[AlarmRaised, bool]]:
        """The newest first, and whether each is of an incident that is a consequence."""
        query = (
            select(*events.c, incidents.c.cause.is_not(None).label("beneath"))
            .outerjoin(incidents, incidents.c.incident_id == events.c.incident_id)
            .where(events.c.detected_at_us.between(from_us, to_us))
            .order_by(events.c.detected_at_us.desc(), events.c.event_id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [
                (recorded_of(row).raised, bool(row["beneath"]))
                for row in connection.execute(query).mappings()
            ]

    def device_cares(self) -> dict[str, DeviceCare]:
        return {each.device_id: each for each in every_device_care(self._engine)}

    def last_commands(
        self,
        device_id: str | None = None,
        limit: int = 50,
        origins: Collection[Origin] = (),
    ) -> list[DeviceCommand]:
        """The newest first; of every origin where none is named."""
        query = select(commands).order_by(commands.c.created_at_us.desc()).limit(limit)
        if origins:
            query = query.where(commands.c.origin.in_([each.value for each in origins]))
        if device_id is not None:
            query = query.where(commands.c.device_id == writable(device_id))
        return self._all(query, command_of)

    def reviews(
        self, states: Sequence[str], kinds: Sequence[str] = (), limit: int = 200
    ) -> list[ReviewItem]:
        """The oldest open ones first, of judged ones the newest."""
        query = select(reviews).where(reviews.c.state.in_(states))
        if kinds:
            query = query.where(reviews.c.kind.in_(kinds))
        order = case((reviews.c.judged_at_us.is_(None), reviews.c.created_at_us), else_=None)
        query = query.order_by(order.nulls_last(), reviews.c.judged_at_us.desc()).limit(limit)
        return self._all(query, credit_rows.review)

    def review(self, review_id: UUID) -> ReviewItem | None:
        query = select(reviews).where(reviews.c.review_id == review_id)
        return next(iter(self._all(query, credit_rows.review)), None)

    def reviews_of_incident(self, incident_id: UUID) -> list[ReviewItem]:
        query = select(reviews).where(reviews.c.incident_id == incident_id)
        return self._all(query, credit_rows.review)

    def entries_of(self, person: PersonId, limit: int = 500) -> list[CreditEntry]:
        """The newest first."""
        query = (
            select(entries)
            .where(entries.c.person_id == writable(person))
            .order_by(entries.c.recorded_at_us.desc(), entries.c.entry_id)
            .limit(limit)
        )
        return self._all(query, credit_rows.entry)

    def balances(self) -> dict[PersonId, dict[tuple[Account, bool], int]]:
        """person -> (account, shadow) -> hundredths."""
        query = select(
            entries.c.person_id,
            entries.c.account,
            entries.c.shadow,
            func.sum(entries.c.points_hundredths),
        ).group_by(entries.c.person_id, entries.c.account, entries.c.shadow)
        found: dict[PersonId, dict[tuple[Account, bool], int]] = {}
        with reading(self._engine) as connection:
            for person, account, shadow, points in connection.execute(query):
                balance = found.setdefault(PersonId(person), {})
                balance[Account(account), bool(shadow)] = int(points)
        return found

    def seal_numbers(self, entry_ids: Collection[UUID]) -> dict[UUID, int]:
        query = select(seals.c.entry_id, seals.c.number).where(seals.c.entry_id.in_(entry_ids))
        with reading(self._engine) as connection:
            return dict(tuple(row) for row in connection.execute(query))

    def tickets(self, *, ended: bool = False, limit: int = 200) -> list[Ticket]:
        over = (TicketState.ENDED.value, TicketState.VOID.value)
        which = tickets.c.state.in_(over) if ended else tickets.c.state.not_in(over)
        query = select(tickets).where(which).order_by(tickets.c.from_us.desc()).limit(limit)
        return self._all(query, rows.ticket)

    def tags(self) -> list[Tag]:
        """Those that hang."""
        query = select(tags).where(tags.c.removed_at_us.is_(None)).order_by(tags.c.hung_at_us)
        return self._all(query, rows.tag)

    def approvals(self, *, waiting: bool, limit: int = 100) -> list[Approval]:
        which = approvals.c.decided_at_us.is_(None)
        query = (
            select(approvals)
            .where(which if waiting else ~which)
            .order_by(approvals.c.proposed_at_us.desc())
            .limit(limit)
        )
        return self._all(query, rows.approval)

    def audit(
        self, actor: str = "", act: str = "", limit: int = 200, offset: int = 0
    ) -> list[Handled]:
        """The newest first."""
        query = select(audit).order_by(audit.c.at_us.desc()).limit(limit).offset(offset)
        if actor:
            query = query.where(audit.c.actor == writable(actor))
        if act:
            query = query.where(audit.c.act == writable(act))
        return self._all(query, rows.handled)

    def users(self) -> list[User]:
        return self._all(select(users).order_by(users.c.name), rows.user)

    def user(self, name: str) -> User | None:
        found = self._all(select(users).where(users.c.name == writable(name)), rows.user)
        return found[0] if found else None

    def arrangements(self) -> list[Arrangement]:
        """Everything that was ever arranged, the oldest first."""
        return self._all(arrangement_rows.every(), arrangement_rows.arrangement)

    def site_versions(self) -> list[SiteVersion]:
        """The newest first."""
        query = select(site_versions).order_by(site_versions.c.number.desc())
        return self._all(query, rows.site_version)

    def _with_alarms(self, found: Sequence[Incident]) -> list[ListedIncident]:
        ids = [incident.incident_id for incident in found]
        speaking = self._speaking(ids)
        standing = self._standing(ids)
        return [
            ListedIncident(
                incident=incident,
                alarm=speaking.get(incident.incident_id),
                standing=standing.get(incident.incident_id, 0),
            )
            for incident in found
        ]

    def _speaking(self, ids: Sequence[UUID]) -> dict[UUID, AlarmRaised]:
        rank = func.row_number().over(
            partition_by=events.c.incident_id,
            order_by=(events.c.priority, events.c.raised_at_us.desc()),
        )
        ranked = (
            select(*events.c, rank.label("rank")).where(events.c.incident_id.in_(ids)).subquery()
        )
        query = select(ranked).where(ranked.c.rank == 1)
        with reading(self._engine) as connection:
            return {
                row["incident_id"]: recorded_of(row).raised
                for row in connection.execute(query).mappings()
            }

    def _standing(self, ids: Sequence[UUID]) -> dict[UUID, int]:
        query = (
            select(events.c.incident_id, func.count())
            .where(events.c.incident_id.in_(ids), *STANDING)
            .group_by(events.c.incident_id)
        )
        with reading(self._engine) as connection:
            return {incident: int(count) for incident, count in connection.execute(query)}

    def _all(self, query: Select[Any], made: Callable[[RowMapping], T]) -> list[T]:
        with reading(self._engine) as connection:
            return [made(row) for row in connection.execute(query).mappings()]


def _which(query: Select[Any], wanted: IncidentFilter) -> Select[Any]:
    if wanted.states:
        query = query.where(incidents.c.state.in_([state.value for state in wanted.states]))
    if wanted.priorities:
        query = query.where(incidents.c.priority.in_([int(each) for each in wanted.priorities]))
    if wanted.asset_ids is not None:
        query = query.where(incidents.c.asset_id.in_(list(map(writable, wanted.asset_ids))))
    if wanted.kinds:
        query = query.where(incidents.c.kind.in_([kind.value for kind in wanted.kinds]))
    if wanted.fold:
        level_1 = incidents.c.priority == Priority.URGENT.value
        query = query.where(incidents.c.cause.is_(None) | level_1)
    if wanted.classes:
        of_class = select(events.c.incident_id).where(
            events.c.alarm_class.in_(list(map(writable, wanted.classes))),
            events.c.incident_id.is_not(None),
        )
        query = query.where(incidents.c.incident_id.in_(of_class))
    return query
