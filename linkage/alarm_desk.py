"""What a person does with an alarm, and what the passing of time does: moves, shelves, service, tags.

Decisions only; raises Refused with the reason, and then nothing has changed.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.alarms import Alarm, AlarmState, Withheld, Withholding
from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.clock import MINUTE_US
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.ids import AssetId, PointKey, event_id, from_request
from domain.incidents import Incident, IncidentState
from domain.paperwork import Tag, Ticket, User
from domain.records import Requested
from domain.requests import (
    AcknowledgeAlarm,
    EndWithholding,
    Refused,
    ResetAlarm,
    ShelveAlarm,
    SilenceAlarm,
    TakeOutOfService,
)
from domain.responsibility import Reason
from domain.wording import tag_word
from linkage.alarms import OpenAlarms, Withholdings, keeps_back
from linkage.incidents import OpenIncidents
from linkage.plan import LinkagePlan
from linkage.tagging import Treatment, tags_on, treatment_by

AlarmRequest = (
    AcknowledgeAlarm | SilenceAlarm | ResetAlarm | ShelveAlarm | TakeOutOfService | EndWithholding
)
ALARM_REQUESTS: Final = (
    AcknowledgeAlarm,
    SilenceAlarm,
    ResetAlarm,
    ShelveAlarm,
    TakeOutOfService,
    EndWithholding,
)

_WAITING: Final = frozenset({IncidentState.OPEN, IncidentState.RETURNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What linkage and the desk do for the alarm desk."""

    silence: Callable[[Collection[UUID], int, Changes], None]  # what sounds for these events
    let_in: Callable[[Alarm, int, Changes], Alarm]  # into an incident: it is the operator's again
    moved: Callable[[Incident, Changes], str]
    told: Callable[[Event, Changes], None]
    tickets: Callable[[], Iterable[Ticket]]  # open ones
    tags: Callable[[], Iterable[Tag]]  # hanging ones
    concerns: Callable[[AssetId], bool]  # a device is ours, not another worker's


class AlarmDesk:
    """Holds the open alarms and what is kept from the operator."""

    def __init__(
        self,
        plan: LinkagePlan,
        incidents: OpenIncidents,
        alarms: OpenAlarms,
        withholdings: Withholdings,
        hands: Hands,
    ) -> None:
        self._plan = plan
        self._incidents = incidents
        self._alarms = alarms
        self._withholdings = withholdings
        self._hands = hands

    def treatment(self, event: AlarmRaised) -> Treatment:
        """Of an alarm that is raised now."""
        withholding = self._withholdings.over(event)
        asset = self._plan.asset(event.asset_id)
        by_tags = treatment_by(event, tags_on(self._hands.tags(), asset, self._plan.assets))
        if withholding is None:
            return by_tags
        return Treatment(
            withheld=withholding.kind,
            because=withholding.withholding_id,
            calls=False,
            priority=by_tags.priority,
        )

    def keep(self, alarm: Alarm, changes: Changes) -> None:
        self._alarms.keep(alarm)
        changes.alarms.append(alarm)

    def handle(self, asked: Requested, request: AlarmRequest, user: User, changes: Changes) -> str:
        """The id of what it changed or made. Raises Refused."""
        at_us = asked.at_us
        match request:
            case AcknowledgeAlarm():
                return self._acknowledge(request, user, at_us, changes)
            case SilenceAlarm():
                alarm = self._alarm(request.event_id, user)
                self._hands.silence([alarm.event_id], at_us, changes)
                self.keep(alarm.silenced(user.name, at_us), changes)
                return str(alarm.event_id)
            case ResetAlarm():
                return self._reset(request, user, at_us, changes)
            case ShelveAlarm():
                return self._shelve(request, user, asked, changes)
            case TakeOutOfService():
                return self._take_out_of_service(request, user, asked, changes)
            case EndWithholding():
                return self._end(request, user, at_us, changes)

    def incident_acknowledged(
        self, incident: Incident, by: str, at_us: int, changes: Changes
    ) -> None:
        """Who takes the incident takes all of its alarms."""
        for alarm in self._alarms.of_incident(incident.incident_id):
            if alarm.waits:
                self.keep(alarm.acknowledged(by, at_us), changes)

    def tag_removed(self, tag: Tag, at_us: int, changes: Changes) -> None:
        """What it kept back and still stands comes through; and nobody has forgotten it any more."""
        self._release(tag.tag_id, at_us, changes)
        if tag.forgotten_at_us is not None:
            self._hands.told(
                AlarmCleared(
                    event_id=self._forgotten_id(tag, tag.forgotten_at_us),
                    ended_at_us=at_us,
                    detected_at_us=at_us,
                    value=float("nan"),
                ),
                changes,
            )

    def ticked(self, at_us: int, changes: Changes) -> list[Tag]:
        """Shelves whose time is over, service whose ticket has ended; the tags found forgotten."""
        open_tickets = {ticket.ticket_id for ticket in self._hands.tickets()}
        for each in self._withholdings.every():
            over = each.until_us is not None and at_us >= each.until_us
            ended = each.ticket_id is not None and each.ticket_id not in open_tickets
            if over or ended:
                self.end_withholding(each.ended(at_us), at_us, changes)
        # a tag that another desk took off, as we have learned
        hanging = {tag.tag_id for tag in self._hands.tags()}
        for because in self._alarms.kept_back_by():
            if because not in hanging and self._withholdings.get(because) is None:
                self._release(because, at_us, changes)
        return list(self._forgotten(at_us, open_tickets, changes))

    def _alarm(self, wanted: UUID, user: User) -> Alarm:
        alarm = self._alarms.get(wanted)
        if alarm is None:
            raise Refused(Reason.of("no_such_alarm"))
        self._expect_in_scope(user, alarm.asset_id)
        return alarm

    def _expect_in_scope(self, user: User, asset_id: AssetId) -> None:
        station = self._plan.asset(asset_id).station
        if not user.in_scope(station):
            raise Refused(Reason.of("out_of_scope", station=station))

    def _acknowledge(
        self, request: AcknowledgeAlarm, user: User, at_us: int, changes: Changes
    ) -> str:
        alarm = self._alarm(request.event_id, user)
        if alarm.withheld is not None:
            raise Refused(Reason.of("alarm_withheld"))
        if not alarm.waits:
            raise Refused(Reason.of("already_acknowledged", by=alarm.acknowledged_by or ""))
        self.keep(alarm.acknowledged(user.name, at_us), changes)
        incident = self._incidents.get(alarm.incident_id) if alarm.incident_id else None
        if incident is not None and incident.state in _WAITING:
            others = self._alarms.of_incident(incident.incident_id)
            if not any(each.waits for each in others):
                self._hands.moved(incident.acknowledged(user.name, at_us), changes)
        return str(alarm.event_id)

    def _reset(self, request: ResetAlarm, user: User, at_us: int, changes: Changes) -> str:
        alarm = self._alarm(request.event_id, user)
        if alarm.standing:
            raise Refused(Reason.of("alarm_still_stands"))
        if alarm.state is AlarmState.RETURNED:
            raise Refused(Reason.of("acknowledge_first"))
        self.keep(alarm.reset(user.name, at_us), changes)
        return str(alarm.event_id)

    def _shelve(self, request: ShelveAlarm, user: User, asked: Requested, changes: Changes) -> str:
        at_most_us = self._plan.shelve_at_most_us
        if request.for_us <= 0 or request.for_us > at_most_us:
            raise Refused(Reason.of("shelve_too_long", hours=f"{at_most_us / 60 / MINUTE_US:g}"))
        self._expect_free(request.point, request.condition, request.reason, user)
        withholding = Withholding(
            withholding_id=from_request(asked.request_id, "shelf"),
            kind=Withheld.SHELVED,
            point=request.point,
            condition=request.condition,
            reason=request.reason.strip(),
            by=user.name,
            at_us=asked.at_us,
            until_us=asked.at_us + request.for_us,
        )
        return self.withhold(withholding, changes)

    def _take_out_of_service(
        self, request: TakeOutOfService, user: User, asked: Requested, changes: Changes
    ) -> str:
        tickets = {ticket.ticket_id: ticket for ticket in self._hands.tickets()}
        if request.ticket_id not in tickets:
            raise Refused(Reason.of("no_open_ticket"))
        self._expect_free(request.point, request.condition, request.reason, user)
        withholding = Withholding(
            withholding_id=from_request(asked.request_id, "out of service"),
            kind=Withheld.OUT_OF_SERVICE,
            point=request.point,
            condition=request.condition,
            reason=request.reason.strip(),
            by=user.name,
            at_us=asked.at_us,
            ticket_id=request.ticket_id,
        )
        return self.withhold(withholding, changes)

    def _expect_free(
        self, point: str, condition: Condition | None, reason: str, user: User
    ) -> None:
        """Known, in the user's scope, said why, and not kept back already."""
        known = self._plan.points.get(PointKey(point))
        if known is None:
            raise Refused(Reason.of("unknown_place", what=point))
        self._expect_in_scope(user, known.asset_id)
        if not reason.strip():
            raise Refused(Reason.of("words_needed"))
        holding = [each for each in self._withholdings.of_point(point) if not each.by_design]
        if any(each.condition in (None, condition) for each in holding):
            raise Refused(Reason.of("already_withheld", by=holding[0].by))

    def withhold(self, withholding: Withholding, changes: Changes) -> str:
        """From now on, and what of it stands in the operator's list."""
        self.keep_withholding(withholding, changes)
        for alarm in self._alarms.of_point(withholding.point):
            if alarm.withheld is None and keeps_back(withholding, alarm):
                self._take_from_operator(alarm, withholding, changes)
        return str(withholding.withholding_id)

    def keep_withholding(self, withholding: Withholding, changes: Changes) -> None:
        self._withholdings.keep(withholding)
        changes.withholdings.append(withholding)

    def end_withholding(self, ended: Withholding, at_us: int, changes: Changes) -> None:
        self.keep_withholding(ended, changes)
        self._release(ended.withholding_id, at_us, changes)

    def _take_from_operator(self, alarm: Alarm, withholding: Withholding, changes: Changes) -> None:
        """It leaves its incident, which ends by this hand where nothing else stands in it."""
        by, at_us = withholding.by, withholding.at_us
        incident = self._incidents.get(alarm.incident_id) if alarm.incident_id else None
        if incident is not None:
            self._hands.silence([alarm.event_id], at_us, changes)
            if incident.standing <= {alarm.event_id}:
                self._hands.moved(incident.closed(by, at_us, withholding.reason), changes)
            else:
                self._hands.moved(incident.event_cleared(alarm.event_id, at_us), changes)
        self.keep(alarm.kept_from_operator(withholding.kind, withholding.withholding_id), changes)

    def _end(self, request: EndWithholding, user: User, at_us: int, changes: Changes) -> str:
        withholding = self._withholdings.get(request.withholding_id)
        if withholding is None:
            raise Refused(Reason.of("no_such_withholding"))
        if withholding.by_design:
            raise Refused(Reason.of("withheld_by_design", rule=withholding.by))
        known = self._plan.points.get(PointKey(withholding.point))
        if known is not None:
            self._expect_in_scope(user, known.asset_id)
        self.end_withholding(withholding.ended(at_us, user.name), at_us, changes)
        return str(withholding.withholding_id)

    def _release(self, because: UUID, at_us: int, changes: Changes) -> None:
        """What stood behind it comes to the operator, unless something else keeps it back."""
        for alarm in self._alarms.withheld_by(because):
            other = self._withholdings.over(alarm)
            if other is not None:
                self.keep(alarm.kept_from_operator(other.kind, other.withholding_id), changes)
            else:
                self.keep(self._hands.let_in(alarm.let_through(), at_us, changes), changes)

    def _forgotten(self, at_us: int, open_tickets: set[UUID], changes: Changes) -> Iterable[Tag]:
        """Hanging beyond its expected end, or without the ticket that it was hung for."""
        for tag in list(self._hands.tags()):
            if tag.forgotten_at_us is not None or not self._hands.concerns(tag.asset_id):
                continue
            overdue = tag.until_us is not None and at_us >= tag.until_us
            orphaned = tag.ticket_id is not None and tag.ticket_id not in open_tickets
            if not overdue and not orphaned:
                continue
            since_us = tag.until_us if overdue and tag.until_us is not None else at_us
            yield (told := tag.forgotten(since_us))
            changes.tags.append(told)
            self._hands.told(self._forgotten_event(told, since_us, at_us), changes)

    def _forgotten_event(self, tag: Tag, since_us: int, at_us: int) -> AlarmRaised:
        return AlarmRaised(
            event_id=self._forgotten_id(tag, since_us),
            site=self._plan.site,
            point=_point_of(tag),
            asset_id=tag.asset_id,
            signal=tag_word(tag.kind, self._plan.language),
            unit="",
            condition=Condition.TAG_FORGOTTEN,
            alarm_class=AlarmClass.ABNORMAL,
            priority=Priority.MINOR,
            started_at_us=since_us,
            raised_at_us=since_us,
            detected_at_us=at_us,
            value=float("nan"),
            limit=float("nan"),
            limits_version=0,
            output_allowed=False,  # it calls nobody: it is a matter of order
        )

    def _forgotten_id(self, tag: Tag, since_us: int) -> UUID:
        return event_id(self._plan.site, _point_of(tag), Condition.TAG_FORGOTTEN, since_us)


def _point_of(tag: Tag) -> str:
    return f"tag/{tag.tag_id}"
