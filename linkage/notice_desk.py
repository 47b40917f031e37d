"""Which incidents climb, from when on and until when; and what people say to notices. Decisions only.

An incident climbs from the moment at which it calls for somebody until it is acknowledged, closed, or folded
under its cause. When its first step is due stands in the records, written with the incident itself; the later
steps are written when that one is due.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.alarms import Alarm
from domain.assets import Condition, Priority
from domain.changes import Changes
from domain.events import AlarmRaised
from domain.frozen import changed
from domain.ids import PersonId, PointKey, escalation_id
from domain.incidents import Incident, IncidentState
from domain.notices import (
    OPEN_STATES,
    CallOutcome,
    Escalation,
    NoticeMove,
    NoticeState,
)
from domain.paperwork import User
from domain.records import Requested
from domain.requests import AnswerNotice, LogCall, Refused, RetryNotice
from domain.responsibility import Reason
from domain.wording import alarm_text, condition_word, priority_word
from linkage.alarms import OpenAlarms
from linkage.escalation import first_deadline_of
from linkage.incidents import OpenIncidents
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility

NoticeRequest = AnswerNotice | LogCall | RetryNotice
NOTICE_REQUESTS: Final = (AnswerNotice, LogCall, RetryNotice)

_WAITING: Final = frozenset({IncidentState.OPEN, IncidentState.RETURNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeHands:
    """What linkage and the desk do for the notice desk."""

    responsibility: Callable[[], Responsibility]
    action_of: Callable[[str, Condition], str]  # what is to be done first, where somebody wrote it
    acknowledge: Callable[[Incident, str, int, Changes], str]
    acknowledge_alarms: Callable[[Incident, str, int, Changes], None]
    user_of: Callable[[PersonId], User | None]


@dataclass(frozen=True, slots=True)
class _Call:
    """An alarm that calls for somebody, or an incident that does again, until the decision is complete."""

    told: AlarmRaised | Alarm | Incident

    @property
    def level(self) -> Priority:
        return self.told.priority

    @property
    def event_id(self) -> UUID | None:
        return None if isinstance(self.told, Incident) else self.told.event_id


class NoticeDesk:
    """Holds the escalations that are open, one per incident."""

    def __init__(
        self,
        plan: LinkagePlan,
        incidents: OpenIncidents,
        alarms: OpenAlarms,
        escalations: Iterable[Escalation],
        hands: NoticeHands,
    ) -> None:
        self._plan = plan
        self._incidents = incidents
        self._alarms = alarms
        self._hands = hands
        self._open = {each.incident_id: each for each in escalations if each.is_open}
        self._folded = {each.incident_id for each in incidents.every() if not each.calls}
        self._calls: dict[UUID, _Call] = {}  # of the decision that is under way

    def raised(self, event: AlarmRaised, changes: Changes) -> None:
        """An alarm joined its incident and is to call. What was found late, or was only read as a
        state, calls nobody; that a siren failed does."""
        called = event.output_allowed or event.condition is Condition.COMMAND_FAILED
        if called and not event.found_late:
            self._calls_for(event, changes)

    def let_in(self, alarm: Alarm, changes: Changes) -> None:
        """It was kept from the operator and is his again."""
        self._calls_for(alarm, changes)

    def follow(self, at_us: int, changes: Changes) -> None:
        """At the end of a decision: what climbs from now on, and what does no more."""
        for incident_id, call in self._calls.items():
            self._begin(incident_id, call, at_us, changes)
        self._calls.clear()
        for incident in {each.incident_id: each for each in changes.incidents}.values():
            self._look(incident, at_us, changes)
        if self._open:
            self._look_at_alarms(at_us, changes)

    def handle(self, asked: Requested, request: NoticeRequest, user: User, changes: Changes) -> str:
        """The id of the notice, or of the incident that was acknowledged. Raises Refused."""
        station = self._plan.asset(request.asset_id).station
        if not user.in_scope(station):
            raise Refused(Reason.of("out_of_scope", station=station))
        match request:
            case AnswerNotice():
                return self._answer(request, asked.at_us, request.via, changes)
            case LogCall():
                return self._log(request, user, asked.at_us, changes)
            case RetryNotice():
                return self._retry(request, user, asked.at_us, changes)

    def _calls_for(self, told: AlarmRaised | Alarm, changes: Changes) -> None:
        """The most urgent alarm of one decision speaks for its incident."""
        incident_id = changes.memberships.get(told.event_id)
        known = self._calls.get(incident_id) if incident_id else None
        if incident_id is not None and (known is None or told.priority < known.level):
            self._calls[incident_id] = _Call(told)

    def _begin(self, incident_id: UUID, call: _Call, at_us: int, changes: Changes) -> None:
        """Unless it climbs as high already, or needs nobody any more."""
        incident = self._incidents.get(incident_id)
        known = self._open.get(incident_id)
        if incident is None or not incident.calls:
            return
        if known is not None and known.level <= call.level:
            return
        if incident.state is IncidentState.ACKNOWLEDGED and not self._is_worse(incident, call):
            return
        station = self._plan.asset(incident.asset_id).station
        if self._plan.notices.ladder(call.level, station) is None:
            return
        if known is not None:
            self._end(known, at_us, "raised", "", changes)
        escalation = Escalation(
            escalation_id=escalation_id(incident_id, call.level, at_us),
            incident_id=incident_id,
            event_id=call.event_id,
            asset_id=incident.asset_id,
            level=call.level,
            kind=incident.kind,
            text=self._words(call.told),
            action=self._action(call.told),
            began_at_us=at_us,
        )
        self._open[incident_id] = escalation
        changes.escalations.append(escalation)
        zone_id = incident.answer.zone_id
        changes.deadlines += first_deadline_of(escalation, self._plan, zone_id)

    def _is_worse(self, incident: Incident, call: _Call) -> bool:
        """Somebody has it in hand, but not this: every alarm that he acknowledged was less urgent."""
        others = self._alarms.of_incident(incident.incident_id)
        return all(call.level < each.priority for each in others if each.event_id != call.event_id)

    def _look(self, incident: Incident, at_us: int, changes: Changes) -> None:
        if not incident.calls:
            self._folded.add(incident.incident_id)
        elif incident.incident_id in self._folded:
            self._folded.discard(incident.incident_id)
            self._unfolded(incident, at_us, changes)
        escalation = self._open.get(incident.incident_id)
        if escalation is None:
            return
        acknowledged_at_us = incident.acknowledged_at_us
        if acknowledged_at_us is not None and acknowledged_at_us >= escalation.began_at_us:
            by = incident.acknowledged_by or ""
            self._end(escalation, at_us, "acknowledged", by, changes)
        elif incident.state is IncidentState.CLOSED:
            self._end(escalation, at_us, "closed", incident.closed_by or "", changes)
        elif not incident.calls:
            self._end(escalation, at_us, "consequence", "", changes)

    def _unfolded(self, incident: Incident, at_us: int, changes: Changes) -> None:
        """It was taken for a consequence and is none: it climbs from now on."""
        if incident.state not in _WAITING or incident.incident_id in self._open:
            return
        self._begin(incident.incident_id, _Call(incident), at_us, changes)

    def _look_at_alarms(self, at_us: int, changes: Changes) -> None:
        """Of an incident that was acknowledged before it got worse, the alarm that made it worse is what is
        acknowledged."""
        for alarm in changes.alarms:
            escalation = self._open.get(alarm.incident_id) if alarm.incident_id else None
            if escalation is None or escalation.event_id != alarm.event_id or alarm.waits:
                continue
            incident = self._incidents.get(escalation.incident_id)
            if incident is not None and incident.state not in _WAITING:
                by = alarm.acknowledged_by or ""
                self._end(escalation, at_us, "acknowledged", by, changes)

    def _end(self, escalation: Escalation, at_us: int, how: str, by: str, changes: Changes) -> None:
        self._open.pop(escalation.incident_id, None)
        changes.escalations.append(
            changed(
                escalation,
                ended_at_us=at_us,
                ended=how,
                ended_by=by,
                version=escalation.version + 1,
            )
        )

    def _answer(
        self, request: AnswerNotice | LogCall, at_us: int, words: str, changes: Changes
    ) -> str:
        incident = self._incidents.get(request.incident_id)
        if incident is None:
            raise Refused(Reason.of("no_such_incident"))
        user = self._hands.user_of(request.person_id)
        if user is not None and user.disabled:
            raise Refused(Reason.of("user_disabled", user=user.name))
        named = self._hands.responsibility().party(request.person_id).name
        by = user.name if user is not None else named
        climbs = self._open.get(incident.incident_id)
        if incident.state in _WAITING:
            self._hands.acknowledge(incident, by, at_us, changes)
        elif climbs is not None:
            self._hands.acknowledge_alarms(incident, by, at_us, changes)
            self._end(climbs, at_us, "acknowledged", by, changes)
        else:
            taken = incident.acknowledged_by or ""
            raise Refused(Reason.of("already_acknowledged", by=taken))
        changes.notice_moves.append(
            NoticeMove(
                notice_id=request.notice_id,
                at_us=at_us,
                state=NoticeState.ACKNOWLEDGED,
                what="acknowledged",
                by=by,
                words=words,
            )
        )
        return str(incident.incident_id)

    def _log(self, request: LogCall, user: User, at_us: int, changes: Changes) -> str:
        outcome = request.outcome
        reached = outcome is not CallOutcome.NOT_REACHED
        changes.notice_moves.append(
            NoticeMove(
                notice_id=request.notice_id,
                at_us=at_us,
                state=NoticeState.DELIVERED if reached else NoticeState.FAILED,
                what=outcome.value,
                by=user.name,
                words=request.words.strip(),
                hastens=None if reached else (request.escalation_id, request.step + 1),
            )
        )
        incident = self._incidents.get(request.incident_id)
        if outcome is CallOutcome.READ_BACK and incident is not None:
            is_open = incident.state in _WAITING or incident.incident_id in self._open
            if is_open:
                self._answer(request, at_us, outcome.value, changes)
        return str(request.notice_id)

    def _retry(self, request: RetryNotice, user: User, at_us: int, changes: Changes) -> str:
        changes.notice_moves.append(
            NoticeMove(
                notice_id=request.notice_id,
                at_us=at_us,
                state=NoticeState.QUEUED,
                what="retried",
                by=user.name,
                only_from=OPEN_STATES,
                valid_until_us=at_us + self._plan.notices.valid_for_us,
            )
        )
        return str(request.notice_id)

    def _action(self, told: AlarmRaised | Alarm | Incident) -> str:
        if isinstance(told, Incident):
            return ""
        return self._hands.action_of(told.point, told.condition)

    def _words(self, told: AlarmRaised | Alarm | Incident) -> str:
        """As much as is known of it; never a person's name."""
        asset, language = self._plan.asset(told.asset_id), self._plan.language
        if isinstance(told, AlarmRaised):
            return alarm_text(told, asset, self._plan.zone, language)
        parts = [asset.station, asset.voltage, asset.bay, asset.name]
        if isinstance(told, Alarm):
            point = self._plan.points.get(PointKey(told.point))
            parts += [
                point.signal if point else told.point,
                condition_word(told.condition, language),
            ]
        return " ".join(part for part in [*parts, priority_word(told.priority, language)] if part)
