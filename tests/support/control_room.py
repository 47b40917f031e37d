"""A control room for tests: linkage over two bays, with what the records would hold and restarts from it."""

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from domain.alarms import Alarm
from domain.assets import AlarmClass, Asset, Condition, Limit, Mode, Point, Priority
from domain.changes import Changes
from domain.clock import SECOND_US
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.ids import AssetId, PersonId, PointKey, SourceId, TeamId
from domain.incidents import Incident, IncidentState
from domain.paperwork import ApprovalState, Role, Tag, Ticket, TicketState, TicketType, User
from domain.records import Requested, Ticked
from domain.requests import HangTag, MoveTicket, OpenTicket, Request
from domain.topology import SwitchState
from linkage.desk import Held
from linkage.linkage import Linkage
from linkage.plan import LinkagePlan, LinkageRule
from tests.support.alarms import PLAN, SIREN, TEN_US, TRANSFORMER, alarm
from tests.support.field import SaidField

STATION: Final = TRANSFORMER.station
SIDE: Final = Asset(
    asset_id=AssetId("LY/301"), station=STATION, voltage="35kV", bay=TRANSFORMER.bay, name="301"
)
NEIGHBOUR: Final = Asset(
    asset_id=AssetId("LY/113"), station=STATION, voltage="10kV", bay="113间隔", name="113联合站线"
)


def _point(key: str, asset: Asset, unit: str, *limits: Limit) -> Point:
    return Point(
        number=-1,
        key=PointKey(key),
        asset_id=asset.asset_id,
        source_id=SourceId("field"),
        signal="油温",
        unit=unit,
        limits=limits,
    )


POINTS: Final = {
    each.key: each
    for each in (
        _point(
            "LY/1T/top_oil_temp",
            TRANSFORMER,
            "degC",
            Limit(condition=Condition.LOW, value=0, priority=Priority.MINOR),
            Limit(condition=Condition.HIGH, value=85, deadband=2, priority=Priority.MAJOR),
            Limit(condition=Condition.HIGH_HIGH, value=95, priority=Priority.URGENT),
        ),
        _point("LY/1T/heavy_gas", TRANSFORMER, "status"),
        _point("LY/301/position", SIDE, "position"),
        _point("LY/113/position", NEIGHBOUR, "position"),
        _point("LY/113/quick_break", NEIGHBOUR, "status"),
    )
}
ROOM: Final = replace(
    PLAN,
    assets={each.asset_id: each for each in (TRANSFORMER, SIDE, NEIGHBOUR)},
    rules=(LinkageRule(rule_id="all", device_id=SIREN.device_id, at_least=Priority.MINOR),),
    points=POINTS,
    modes=(
        Mode(mode_id="flood", name="防汛", days=("06-01", "09-30")),
        Mode(mode_id="winter", name="冬季保供"),
    ),
)
CHIEF: Final = User(
    name="chief",
    password="x",
    roles=frozenset({Role.ADMINISTRATOR, Role.DISPATCHER, Role.SAFETY_MANAGER}),
)
SAFETY: Final = User(name="safety", password="x", roles=frozenset({Role.SAFETY_MANAGER}))
DUTY: Final = User(name="duty", password="x", roles=frozenset({Role.DUTY}))
VIEWER: Final = User(name="viewer", password="x", roles=frozenset({Role.VIEWER}))
ELSEWHERE: Final = replace(DUTY, name="elsewhere", stations=frozenset({"另一站"}))
USERS: Final = (CHIEF, SAFETY, DUTY, VIEWER, ELSEWHERE)


class ControlRoom:
    """Folds every change as the records do: the newest version of each thing."""

    def __init__(
        self, plan: LinkagePlan = ROOM, users: tuple[User, ...] = USERS, at_us: int = TEN_US
    ) -> None:
        self.plan = plan
        self.users = users
        self.at_us = at_us
        self.events: dict[UUID, AlarmRaised] = {}
        self.cleared: dict[UUID, AlarmCleared] = {}
        self.alarms: dict[UUID, Alarm] = {}
        self.incidents: dict[UUID, Incident] = {}
        self.everything = Changes()
        self.positions: dict[PointKey, SwitchState] = {}
        self._asked = 0
        self.linkage = Linkage(plan, held=Held(users=self.users))

    def raises(self, **facts: Any) -> AlarmRaised:
        """An alarm of the transformer's oil, or of what `facts` say, now."""
        times = dict.fromkeys(("started_at_us", "raised_at_us", "detected_at_us"), self.at_us)
        event = alarm(**(times | facts))
        self.happens(event)
        return event

    def clears(self, event: AlarmRaised) -> None:
        self.happens(
            AlarmCleared(
                event_id=event.event_id,
                ended_at_us=self.at_us,
                detected_at_us=self.at_us,
                value=80.0,
            )
        )

    def happens(self, *events: Event) -> Changes:
        record = Ticked(at_us=self.at_us)
        return self._fold(self.linkage.decide(record, events, SaidField(self._position_of)))

    def passes(self, seconds: float) -> Changes:
        self.at_us += round(seconds * SECOND_US)
        return self._fold(self.linkage.decide(Ticked(at_us=self.at_us), []))

    def ask(self, request: Request, actor: str = "duty") -> Changes:
        self._asked += 1
        asked = Requested(
            at_us=self.at_us, request_id=UUID(int=self._asked), actor=actor, request=request
        )
        return self._fold(self.linkage.decide(asked, []))

    def refuses(self, request: Request, actor: str = "duty") -> str:
        """The code of the reason."""
        changes = self.ask(request, actor)
        (handled,) = changes.handled
        assert not handled.done, "it was done"
        assert handled.why is not None
        changes.handled = []
        assert not changes, "a refusal changes nothing"
        return handled.why.code

    def does(self, request: Request, actor: str = "duty") -> str:
        """What it changed or made."""
        (handled,) = self.ask(request, actor).handled
        assert handled.done, handled.why
        return handled.subject

    def restarts(self) -> None:
        """Everything is forgotten but what the records hold."""
        kept = self.everything
        tickets = {each.ticket_id: each for each in kept.tickets}
        tags = {each.tag_id: each for each in kept.tags}
        withholdings = {each.withholding_id: each for each in kept.withholdings}
        floods = {each.flood_id: each for each in kept.floods}
        approvals = {each.approval_id: each for each in kept.approvals}
        limit_changes = {each.change_id: each for each in kept.limit_changes}
        campaigns = {each.mode_id: each for each in kept.campaigns}
        self.linkage = Linkage(
            self.plan,
            [each for each in self.incidents.values() if each.state is not IncidentState.CLOSED],
            [*{each.command_id: each for each in kept.commands}.values()],
            Held(
                users=self.users,
                tickets=tuple(each for each in tickets.values() if each.is_open),
                tags=tuple(each for each in tags.values() if each.hangs),
                alarms=tuple(each for each in self.alarms.values() if each.is_open),
                withholdings=tuple(each for each in withholdings.values() if each.holds),
                recent=tuple(
                    each
                    for each in self.events.values()
                    if each.raised_at_us >= self.at_us - 600_000_000
                ),
                recent_alarms=tuple(
                    each
                    for each in self.alarms.values()
                    if each.detected_at_us >= self.at_us - 600_000_000
                ),
                floods=tuple(each for each in floods.values() if each.ended_at_us is None),
                approvals=tuple(
                    each for each in approvals.values() if each.state is ApprovalState.PROPOSED
                ),
                limit_changes=tuple(
                    each
                    for each in limit_changes.values()
                    if each.state is not ApprovalState.REJECTED
                ),
                campaigns=tuple(campaigns.values()),
                rationalisations=tuple(kept.rationalisations),
                escalations=tuple(
                    each
                    for each in {each.escalation_id: each for each in kept.escalations}.values()
                    if each.is_open
                ),
                reviews=tuple(kept.reviews),
                entries=tuple(kept.entries),
                device_cares=tuple({each.device_id: each for each in kept.device_cares}.values()),
                watches=tuple({each.watch_id: each for each in kept.watches}.values()),
                log=tuple(each for each in kept.log if each.by_a_person),
                disturbances=tuple(
                    {each.disturbance_id: each for each in kept.disturbances}.values()
                ),
            ),
        )

    def _position_of(self, point: PointKey) -> SwitchState:
        return self.positions.get(point, SwitchState.UNKNOWN)

    def alarm(self, event: AlarmRaised) -> Alarm:
        return self.alarms[event.event_id]

    def open_incidents(self) -> list[Incident]:
        return [each for each in self.incidents.values() if each.state is not IncidentState.CLOSED]

    def opens_ticket(self, *asset_ids: AssetId, state: TicketState = TicketState.PERMITTED) -> UUID:
        ticket = UUID(
            self.does(
                OpenTicket(
                    number=f"柳塬变-{self._asked}",
                    type=TicketType.WORK_1,
                    task="1号主变传动试验",
                    station=STATION,
                    asset_ids=asset_ids,
                    team_id=TeamId("xs"),
                    leader=PersonId("xs-bz"),
                    from_us=self.at_us - SECOND_US,
                    to_us=self.at_us + 8 * 3600 * SECOND_US,
                )
            )
        )
        way = {
            TicketState.ISSUED: (),
            TicketState.PERMITTED: (TicketState.PERMITTED,),
            TicketState.WORKING: (TicketState.PERMITTED, TicketState.WORKING),
        }
        for step in way[state]:
            self.does(MoveTicket(ticket_id=ticket, state=step))
        return ticket

    def hangs(self, tag: HangTag) -> Tag:
        wanted = UUID(self.does(tag))
        return {each.tag_id: each for each in self.everything.tags}[wanted]

    def ticket(self, ticket_id: UUID) -> Ticket:
        return {each.ticket_id: each for each in self.everything.tickets}[ticket_id]

    def _fold(self, changes: Changes) -> Changes:
        self.everything.extend(changes)
        for event in changes.events:
            if isinstance(event, AlarmRaised):
                self.events.setdefault(event.event_id, event)
            else:
                self.cleared[event.event_id] = event
        for each in changes.alarms:
            known = self.alarms.get(each.event_id)
            if known is None or known.version < each.version:
                self.alarms[each.event_id] = each
        for incident in changes.incidents:
            known_incident = self.incidents.get(incident.incident_id)
            if known_incident is None or known_incident.version < incident.version:
                self.incidents[incident.incident_id] = incident
        return changes


def opening(**facts: Any) -> dict[str, Any]:
    """Breaker 113 opens: what the site calls a notice."""
    return {
        "point": "LY/113/position",
        "asset_id": NEIGHBOUR.asset_id,
        "signal": "断路器位置",
        "unit": "position",
        "condition": Condition.LOW,
        "alarm_class": AlarmClass.STATE_CHANGE,
        "priority": Priority.NOTICE,
        "value": 1.0,
        "limit": 1.0,
    } | facts


def protection(**facts: Any) -> dict[str, Any]:
    """The quick-break protection of bay 113 operates."""
    return {
        "point": "LY/113/quick_break",
        "asset_id": NEIGHBOUR.asset_id,
        "signal": "速断保护",
        "unit": "status",
        "condition": Condition.HIGH,
        "alarm_class": AlarmClass.FAULT,
        "priority": Priority.URGENT,
        "value": 1.0,
        "limit": 1.0,
    } | facts
