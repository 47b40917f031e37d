"""From events to incidents and device commands, and from replies and ticks to what became of them.

Decisions only: nothing is read, written or sent here. The same records in the same order give the same
changes, with the same ids; a repeated event, reply or mark changes nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import nan
from typing import Final
from uuid import UUID

from domain.alarms import Alarm, AlarmState
from domain.assets import SUPERVISED, AlarmClass, Condition, Priority
from domain.changes import Changes, OutboxDone
from domain.clock import MINUTE_US
from domain.commands import (
    SILENCE,
    CommandState,
    DeviceCommand,
    FieldDevice,
    Origin,
    OutboxItem,
)
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.handover import POST
from domain.ids import (
    AssetId,
    DeviceId,
    SourceId,
    command_id,
    event_id,
    incident_id,
    incident_id_again,
)
from domain.incidents import Incident, IncidentState
from domain.logbook import CORRECTED_WITHIN_US
from domain.readings import Values
from domain.records import (
    DeadLetter,
    DeviceReplied,
    PaperLearned,
    Record,
    ReplyOutcome,
    Requested,
    Ticked,
)
from domain.responsibility import Answer, Kind, Reason
from domain.wording import alarm_text
from linkage.alarm_desk import AlarmDesk, Hands
from linkage.alarm_quality import AlarmQuality
from linkage.alarms import OpenAlarms, Withholdings
from linkage.arrangement_desk import ArrangementDesk
from linkage.arrangements import Arrangements
from linkage.commands import KnownCommands
from linkage.correlate import Correlation, incidents_of
from linkage.credit import CreditDesk
from linkage.desk import Desk, Held
from linkage.device_desk import DeviceDesk, DeviceHands
from linkage.field import NOTHING_HEARD, Field
from linkage.grouping import Grouping
from linkage.handover_desk import HandoverDesk
from linkage.incidents import OpenIncidents
from linkage.log_desk import LogDesk
from linkage.notice_desk import NoticeDesk, NoticeHands
from linkage.outages.book import Hands as OutageHands
from linkage.outages.log_lines import OutageLines
from linkage.outages.outages import Outages
from linkage.plan import LinkagePlan, LinkageRule
from linkage.rejections import RejectionDesk
from linkage.responsibility import Responsibility
from linkage.supervision_desk import SupervisionDesk
from linkage.suppression import Suppressions
from linkage.trips import TOGETHER_WITHIN_US, Trips
from linkage.watches import Watches

# so long a reply to an ended command still finds it
REMEMBER_ENDED_US: Final = 60 * MINUTE_US
# events of so long ago are needed to begin with: an opening may wait for its protection, a flood go on
REMEMBER_RECENT_US: Final = 10 * MINUTE_US
_OF_ORDER: Final = SUPERVISED | {Condition.REJECTED}  # about us, not about the plant
REMEMBER_DISTURBED_US: Final = 20 * MINUTE_US  # trips, of which only the first ten are looked at


class Linkage:
    """Holds what is open: one incident per asset that takes more events, and the commands under way."""

    def __init__(
        self,
        plan: LinkagePlan,
        incidents: Iterable[Incident] = (),
        commands: Iterable[DeviceCommand] = (),
        held: Held | None = None,
        concerns: Callable[[AssetId], bool] = lambda asset_id: True,
    ) -> None:
        """`concerns` says which devices are ours: another worker's desk watches over its own tags."""
        held = held or Held()
        self._plan = plan
        self._incidents = OpenIncidents(incidents)
        arranged = Arrangements(held.arrangements, plan.organisation.holidays)
        self._watches = Watches(plan.posts, held.watches)
        self._responsibility = Responsibility(
            plan.organisation, plan.zone, plan.version, plan.responsible, self._watches, arranged
        )
        self._arrangement_desk = ArrangementDesk(plan, arranged, self._responsibility, concerns)
        self._handover = HandoverDesk(
            plan, self._watches, self._responsibility, self._link, concerns
        )
        self._log = LogDesk(plan, held.log)
        self._credit = CreditDesk(
            plan.rule_book,
            plan.violations,
            plan.zone,
            held.reviews,
            held.entries,
            [person.person_id for person in plan.organisation.persons],
        )
        self._alarms = OpenAlarms(held.alarms)
        self._commands = KnownCommands(commands)
        self._devices = DeviceDesk(
            plan,
            self._commands,
            self._alarms,
            held.device_cares,
            DeviceHands(
                issue=self._issue,
                stopping=self._stopping,
                told=self._link,
                wanted=self._still_calls,
                concerns=concerns,
            ),
        )
        self._trips = Trips(plan, held.recent)
        self._grouping = Grouping(
            plan,
            self._incidents,
            Correlation(plan, held.disturbances, held.recent, incidents_of(held.recent_alarms)),
            self._kept,
        )
        self._quality = AlarmQuality(plan, held.recent_alarms, held.floods)
        self._desk = Desk(
            plan,
            held,
            self._incidents,
            self._credit,
            self._silence,
            lambda: self._alarm_desk,
            lambda: self._notice_desk,
            lambda: self._outages,
            self._handover,
            self._log,
            self._arrangement_desk,
            self._grouping,
            self._devices,
            self._answer_for,
        )
        withholdings = Withholdings(held.withholdings)
        self._alarm_desk = AlarmDesk(
            plan, self._incidents, self._alarms, withholdings, self._hands(concerns)
        )
        self._suppressions = Suppressions(plan, withholdings, self._alarm_desk)
        self._supervision = SupervisionDesk(
            plan, self._responsibility, self._alarms, self._link, concerns
        )
        self._rejections = RejectionDesk(plan, self._alarms, held.reviews, self._link, concerns)
        self._notice_desk = NoticeDesk(
            plan, self._incidents, self._alarms, held.escalations, self._notice_hands()
        )
        self._outage_lines = OutageLines(plan)
        self._outages = Outages(
            plan,
            held.outages,
            held.recent,
            OutageHands(answer=self._answer_for, told=self._link),
        )
        self._failures = _ToldFailures()
        self._told: list[AlarmRaised] = []  # in this decision, and as judged: devices may act
        self._folded: dict[UUID, None] = {}  # incidents that in this decision ceased to call

    @property
    def responsibility(self) -> Responsibility:
        """As it answers now, with everything that was arranged."""
        return self._responsibility

    def decide(
        self,
        record: Record,
        events: Sequence[Event],
        field: Field = NOTHING_HEARD,
    ) -> Changes:
        """What `record`, and the events that the detectors found in it, change; the `field` as it is once
        the record is taken in."""
        changes = Changes()
        self._watches.known_until(record.at_us)
        self._grouping.positions = field.position_of
        self._outages.values = field.value_of
        if field is not NOTHING_HEARD:
            self._suppressions.look(record, field, changes)
        for event in events:
            self._link(event, changes)
        match record:
            case DeviceReplied():
                self._replied(record, changes)
            case Ticked():
                self._ticked(record.at_us, changes)
            case Requested():
                changes.extend(self._desk.handle(record))
                self._rejections.follow(list(changes.reviews), record.at_us, changes)
            case PaperLearned():
                self._desk.learn(record)
            case DeadLetter():
                changes.dead_letters.append(record)
            case _:
                pass
        self._call_out(changes)
        self._recall(record.at_us, changes)
        self._notice_desk.follow(record.at_us, changes)
        changes.log += self._log.lines_of(changes)
        changes.log += self._outage_lines.of(changes, record.at_us)
        return changes

    def recollect(self, record: Record, values: Values) -> None:
        """A record that was decided in the life before this one: only what must be remembered of it."""
        if isinstance(record, Ticked):
            self._outages.recollect(record.at_us, values)

    def delivered(self, done: OutboxDone) -> Changes:
        """What became of one outbox item."""
        changes = Changes(outbox_done=[done])
        command = self._commands.of_outbox(done.outbox_id)
        if command is None:
            return changes
        match done.outcome:
            case "expired" if command.state is CommandState.PENDING:
                self._failed(command.expired(done.at_us), changes)
            case "sent" | "sent_before_recorded" if command.state is not CommandState.EXPIRED:
                self._moved(command, _marked_sent(command, done), changes)
            case _:
                pass
        self._call_out(changes)
        self._recall(done.at_us, changes)
        self._notice_desk.follow(done.at_us, changes)
        return changes

    def commands_for(self, event: AlarmRaised) -> list[DeviceCommand]:
        """The commands that `decide` issues for this event: one per device and step of the rules."""
        judged = self._judged(event)
        treatment = self._alarm_desk.treatment(judged)
        if not treatment.calls:
            return []
        return self._commands_by_rules(replace(judged, priority=treatment.priority))

    def _commands_by_rules(self, event: AlarmRaised) -> list[DeviceCommand]:
        if event.found_late or not event.output_allowed:
            return []
        if not self._plan.rules:
            return []
        where = self._plan.where(event)
        issued: dict[UUID, DeviceCommand] = {}
        for rule in self._plan.rules:
            if rule.mismatch(event, where) is None and not _blames(event, rule.device_id):
                command = self._command(event, rule)
                issued.setdefault(command.command_id, command)
        return list(issued.values())

    def _link(self, event: Event, changes: Changes) -> None:
        changes.events.append(event)
        match event:
            case AlarmRaised():
                self._raised(event, changes)
                for opening in self._trips.explained_by(event):
                    self._becomes_a_trip(opening, event.detected_at_us, changes)
                self._trips.remember(event)
            case AlarmCleared():
                self._cleared(event, changes)

    def _judged(self, event: AlarmRaised) -> AlarmRaised:
        """As it is by the rule that it breaks, among what happened beside it, and in what was planned."""
        tickets, station = self._desk.open_tickets, self._plan.asset(event.asset_id).station
        event = self._credit.at_its_level(event, tickets, station)
        return self._outages.judged(self._trips.judged(event, tickets))

    def _raised(self, event: AlarmRaised, changes: Changes) -> None:
        judged = self._judged(event)
        treatment = self._alarm_desk.treatment(judged)
        if judged.priority is not treatment.priority:
            judged = replace(judged, priority=treatment.priority)
        if treatment.withheld is not None and treatment.because is not None:
            if _needs_a_person(judged) and self._alarms.get(event.event_id) is None:
                alarm = Alarm.of(judged).kept_from_operator(treatment.withheld, treatment.because)
                self._alarm_desk.keep(self._quality.raised(alarm, changes), changes)
            self._grouping.noticed(judged)
            return
        if _needs_a_person(judged):
            self._annunciate(judged, changes)
            if treatment.calls:
                self._notice_desk.raised(judged, changes)
        elif _needs_a_person(event):
            # it was judged to be information: that is on record, and nobody need do anything
            told = replace(Alarm.of(judged), state=AlarmState.NORMAL)
            self._alarm_desk.keep(told, changes)
        if not _needs_a_person(judged):
            self._grouping.noticed(judged)
        if self._credit.breaks_a_rule(event):
            self._propose_violation(event, changes)
        if treatment.calls:
            self._told.append(judged)
        self._outages.raised(judged, changes.memberships.get(event.event_id), changes)

    def _call_out(self, changes: Changes) -> None:
        """Once everything of a record is linked: a cause may stand behind its consequences in it."""
        told, self._told = self._told, []
        for judged in told:
            commands = self._commands_by_rules(judged)
            if commands and self._grouping.inhibits(judged):
                continue
            for command in commands:
                if command.command_id not in self._commands:
                    self._devices.admit(command, changes)

    def _recall(self, at_us: int, changes: Changes) -> None:
        """What sounds for an incident stops once a cause is found above it, by us or by a person. After the
        devices were called for the cause: one that it has goes on."""
        folded, self._folded = self._folded, {}
        for each in folded:
            incident = self._incidents.get(each)
            if incident is None or incident.calls:
                continue
            for event in sorted(self._incidents.events_of(each)):
                self._devices.recall(event, incident.because, at_us, changes)

    def _still_calls(self, event: UUID) -> bool:
        """It stands, and nobody has taken or silenced it."""
        alarm = self._alarms.get(event)
        if alarm is None or not alarm.standing or alarm.silenced_at_us is not None:
            return False
        incident = self._incidents.of_event(event)
        taken = incident is not None and (
            incident.state is not IncidentState.OPEN or incident.silenced_at_us is not None
        )
        return alarm.waits and not taken and (incident is None or incident.calls)

    def _cleared(self, event: AlarmCleared, changes: Changes) -> None:
        self._trips.cleared(event.event_id)
        self._outages.cleared(event, changes)
        incident = self._incidents.of_event(event.event_id)
        if incident:
            cleared = incident.event_cleared(event.event_id, event.detected_at_us)
            self._kept(incident, cleared, changes)
        alarm = self._alarms.get(event.event_id)
        if alarm and alarm.standing:
            over = self._quality.returned(alarm.returned(event.detected_at_us))
            self._alarm_desk.keep(over, changes)

    def _annunciate(self, event: AlarmRaised, changes: Changes) -> None:
        self._join(event, changes)
        self._grouping.told(event, changes)
        if self._alarms.get(event.event_id) is None:
            incident = changes.memberships.get(event.event_id)
            alarm = Alarm.of(event, incident)
            self._alarm_desk.keep(self._quality.raised(alarm, changes), changes)

    def _becomes_a_trip(self, opening: AlarmRaised, at_us: int, changes: Changes) -> None:
        """It was told before the protection that explains it."""
        opening = self._outages.judged(opening)
        if opening.alarm_class is not AlarmClass.FAULT:
            return
        known = self._alarms.get(opening.event_id)
        treatment = self._alarm_desk.treatment(opening)
        if known is not None:
            judged = known.judged(opening.alarm_class, opening.priority)
            if known.withheld is None and known.alarm_class is not AlarmClass.FAULT:
                self._alarm_desk.keep(judged, changes)
                self._outages.raised(opening, known.incident_id, changes)
            elif known.withheld is not None and treatment.withheld is None:
                # what kept it back never keeps back what names a cause
                told = self._let_in(judged.let_through(), at_us, changes)
                self._alarm_desk.keep(told, changes)
                self._grouping.told(opening, changes)
                self._outages.raised(opening, told.incident_id, changes)
            return
        if treatment.withheld is None:
            told = replace(Alarm.of(opening), version=2)  # after what it may have been judged first
            if self._trips.is_closed_again(opening.event_id):
                told = told.returned(at_us)
            told = self._quality.raised(told, changes)
            self._alarm_desk.keep(self._let_in(told, at_us, changes), changes)
            self._grouping.told(opening, changes)
            self._outages.raised(opening, changes.memberships.get(opening.event_id), changes)

    def _hands(self, concerns: Callable[[AssetId], bool]) -> Hands:
        return Hands(
            silence=self._devices.stop_for,
            let_in=self._let_in,
            moved=self._desk.moved,
            told=self._link,
            tickets=lambda: self._desk.open_tickets,
            tags=lambda: self._desk.hanging_tags,
            concerns=concerns,
        )

    def _notice_hands(self) -> NoticeHands:
        return NoticeHands(
            responsibility=lambda: self._responsibility,
            action_of=self._desk.action_of,
            acknowledge=self._desk.acknowledge_incident,
            acknowledge_alarms=self._alarm_desk.incident_acknowledged,
            user_of=self._desk.user_of,
        )

    def _let_in(self, alarm: Alarm, at_us: int, changes: Changes) -> Alarm:
        """Into the incident of its asset, or into a new one: what once was told may be closed."""
        before = self._incidents.at_asset(alarm.asset_id)
        if before is None:
            after = Incident(
                incident_id=incident_id_again(alarm.event_id, at_us),
                asset_id=alarm.asset_id,
                priority=alarm.priority,
                opened_at_us=at_us,
                answer=self._answer_for(alarm.asset_id, alarm.started_at_us, Kind.FAULT),
                standing=frozenset({alarm.event_id}),
            )
        else:
            after = before.joined(alarm.event_id, alarm.priority)
        changes.memberships[alarm.event_id] = after.incident_id
        if not alarm.standing:
            after = after.event_cleared(alarm.event_id, at_us)
        self._kept(before, after, changes)
        self._incidents.joined(after, alarm.event_id)
        self._notice_desk.let_in(alarm, changes)
        station = self._plan.asset(alarm.asset_id).station
        return replace(alarm.joined(after.incident_id), position=self._plan.position_of(station))

    def _join(self, event: AlarmRaised, changes: Changes) -> None:
        before = self._incidents.at_asset(event.asset_id)
        after = before.joined(event.event_id, event.priority) if before else self._opened(event)
        if after is before:
            return  # it stands in it already
        changes.memberships[event.event_id] = after.incident_id
        if event.momentary:
            # it happened and is over: it waits for an acknowledgement, not for a return
            after = after.event_cleared(event.event_id, event.detected_at_us)
        self._kept(before, after, changes)
        self._incidents.joined(after, event.event_id)

    def _opened(self, event: AlarmRaised) -> Incident:
        return Incident(
            incident_id=incident_id(event.event_id),
            asset_id=event.asset_id,
            priority=event.priority,
            opened_at_us=event.detected_at_us,
            answer=self._answer(event),
            kind=self._kind(event),
            standing=frozenset({event.event_id}),
        )

    def _answer(self, event: AlarmRaised) -> Answer:
        """Who answered for the asset when it began, by the plant's clock."""
        if event.condition is Condition.HANDOVER_LATE:
            return self._responsibility.of_roster(
                event.point.removeprefix(POST), event.started_at_us
            )
        if event.condition in _OF_ORDER:
            return self._supervision.answer(event)
        return self._answer_for(event.asset_id, event.started_at_us, self._kind(event))

    def _kind(self, event: AlarmRaised) -> Kind:
        if event.condition is Condition.HANDOVER_LATE or event.condition in _OF_ORDER:
            return Kind.SUPERVISION
        return Kind.VIOLATION if self._credit.breaks_a_rule(event) else Kind.FAULT

    def _answer_for(self, asset_id: AssetId, at_us: int, kind: Kind) -> Answer:
        asset = self._plan.asset(asset_id)
        called = f"{asset.station} {asset.name}".strip()
        return self._responsibility.of_asset(asset_id, at_us, kind, called)

    def _propose_violation(self, event: AlarmRaised, changes: Changes) -> None:
        if self._desk.earns_nothing(event.asset_id):
            return
        changes.reviews += self._credit.violation_of(
            event,
            self._answer(event),
            changes.memberships.get(event.event_id),
            self._desk.open_tickets,
            self._plan.asset(event.asset_id).station,
        )

    def _kept(self, before: Incident | None, after: Incident, changes: Changes) -> None:
        if after is before:
            return
        if before is not None and before.calls and not after.calls:
            self._folded[after.incident_id] = None
        self._incidents.keep(after)
        changes.incidents.append(after)
        if after.state is IncidentState.CLOSED and not self._desk.earns_nothing(after.asset_id):
            changes.reviews += self._credit.handled(after)

    def _silence(self, incident: Incident, at_us: int, changes: Changes) -> None:
        events = self._incidents.events_of(incident.incident_id)
        self._devices.stop_for(events, at_us, changes)

    def _stopping(self, command: DeviceCommand, at_us: int) -> DeviceCommand:
        device = self._device(command.device_id)
        return DeviceCommand(
            command_id=command_id(command.event_id, command.device_id, f"{SILENCE} {at_us}"),
            event_id=command.event_id,
            device_id=command.device_id,
            action=SILENCE,
            text="",
            priority=command.priority,
            created_at_us=at_us,
            valid_until_us=at_us + device.valid_for_us,
            max_on_s=command.max_on_s,
        )

    def _command(self, event: AlarmRaised, rule: LinkageRule) -> DeviceCommand:
        device = self._device(rule.device_id)
        return DeviceCommand(
            command_id=command_id(event.event_id, rule.device_id, rule.step),
            event_id=event.event_id,
            device_id=rule.device_id,
            action=rule.action,
            text=rule.words
            or alarm_text(
                event, self._plan.asset(event.asset_id), self._plan.zone, self._plan.language
            ),
            priority=event.priority,
            created_at_us=event.detected_at_us,
            valid_until_us=event.detected_at_us + device.valid_for_us,
            max_on_s=device.max_on_s,
            because=(Reason.of("by_rule", rule=rule.rule_id),),
        )

    def _issue(self, command: DeviceCommand, changes: Changes) -> None:
        self._commands.keep(command)
        changes.commands.append(command)
        changes.outbox.append(OutboxItem.of(command))

    def _moved(self, before: DeviceCommand, after: DeviceCommand, changes: Changes) -> None:
        if after is not before:
            self._commands.keep(after)
            changes.commands.append(after)

    def _replied(self, reply: DeviceReplied, changes: Changes) -> None:
        command = self._commands.get(reply.command_id)
        if command is None or command.device_id != reply.device_id:
            changes.dead_letters.append(self._not_asked_for(reply))
        elif reply.outcome is ReplyOutcome.DONE:
            confirmed = command.confirmed(reply.at_us, _outcome(command, reply))
            self._moved(command, confirmed, changes)
            self._devices.heard(confirmed, reply.at_us, changes)
        elif command.is_open:
            # it did not sound: that is an alarm however promptly it said so
            self._failed(command.refused(reply.at_us, _outcome(command, reply)), changes)

    def _ticked(self, at_us: int, changes: Changes) -> None:
        for command in self._commands.open():
            device = self._device(command.device_id)
            if not _overdue(command, device, at_us):
                continue
            if command.attempt < device.attempts and at_us < command.valid_until_us:
                self._issue(command.retried(), changes)
            else:
                tried = f"{command.attempt} attempt{'s' if command.attempt > 1 else ''}"
                self._failed(command.failed(at_us, f"no confirmation after {tried}"), changes)
        self._devices.ticked(at_us, changes)
        self._desk.note_forgotten(self._alarm_desk.ticked(at_us, changes))
        self._handover.ticked(at_us, changes)
        self._log.forget_before(at_us - CORRECTED_WITHIN_US)
        self._quality.ticked(at_us, changes)
        self._desk.swaps_lapsed(self._arrangement_desk.ticked(at_us, changes), at_us, changes)
        self._supervision.ticked(at_us, changes)
        self._rejections.ticked(at_us, changes)
        self._outages.ticked(at_us, changes)
        self._trips.forget_before(at_us - 2 * TOGETHER_WITHIN_US)
        self._grouping.passed(at_us)
        self._commands.forget_ended_before(at_us - REMEMBER_ENDED_US)
        self._failures.forget_before(at_us - REMEMBER_ENDED_US)
        self._desk.forget_handled_before(at_us - REMEMBER_ENDED_US)

    def _failed(self, command: DeviceCommand, changes: Changes) -> None:
        self._commands.keep(command)
        changes.commands.append(command)
        if command.origin is Origin.PING:
            self._devices.not_answered(command, command.ended_at_us or 0, changes)
            return
        event = self._failure_of(command)
        if self._failures.is_new(event):
            self._link(event, changes)

    def _failure_of(self, command: DeviceCommand) -> AlarmRaised:
        device = self._device(command.device_id)
        known_at_us = command.ended_at_us or command.created_at_us
        return AlarmRaised(
            event_id=event_id(
                self._plan.site, device.device_id, Condition.COMMAND_FAILED, command.created_at_us
            ),
            site=self._plan.site,
            point=device.device_id,
            asset_id=device.asset_id,
            signal=device.name,
            unit="",
            condition=Condition.COMMAND_FAILED,
            alarm_class=AlarmClass.ABNORMAL,
            priority=Priority.MAJOR,
            started_at_us=command.created_at_us,
            raised_at_us=known_at_us,
            detected_at_us=known_at_us,
            value=nan,
            limit=nan,
            limits_version=0,
            # another device may stand in for a level-1 command only: its own failure (level 2) then
            # commands nothing, and two dead devices do not call for each other for ever
            output_allowed=command.priority is Priority.URGENT,
        )

    def _device(self, device_id: DeviceId) -> FieldDevice:
        """A command may outlive its device in the plan; it then ends by the defaults."""
        return self._plan.device(device_id) or FieldDevice(
            device_id=device_id, asset_id=AssetId(device_id), name=device_id
        )

    def _not_asked_for(self, reply: DeviceReplied) -> DeadLetter:
        return DeadLetter(
            at_us=reply.at_us,
            source_id=SourceId(reply.device_id),
            reason="unknown_command",
            detail=f"{reply.device_id} says {reply.outcome} to {reply.command_id}, "
            "which is no command of it that we know",
            topic=f"gridwarden/{self._plan.site}/device/{reply.device_id}/reply",
            payload=None,
        )


class _ToldFailures:
    """Two commands of one moment to one dead device are one alarm."""

    def __init__(self) -> None:
        self._told: dict[UUID, int] = {}  # when it was detected, oldest first

    def is_new(self, event: AlarmRaised) -> bool:
        if event.event_id in self._told:
            return False
        self._told[event.event_id] = event.detected_at_us
        return True

    def forget_before(self, at_us: int) -> None:
        while self._told:
            event, told_at_us = next(iter(self._told.items()))
            if told_at_us >= at_us:
                return
            del self._told[event]


def _needs_a_person(event: AlarmRaised) -> bool:
    return event.priority is not Priority.NOTICE and event.alarm_class is not AlarmClass.INFORMATION


def _blames(event: AlarmRaised, device_id: DeviceId) -> bool:
    """A device is not asked to announce that it does not answer."""
    return event.condition is Condition.COMMAND_FAILED and event.point == device_id


def _overdue(command: DeviceCommand, device: FieldDevice, at_us: int) -> bool:
    sent_at_us = command.sent_at_us if command.state is CommandState.SENT else None
    return sent_at_us is not None and at_us - sent_at_us >= device.confirm_within_us


def _marked_sent(command: DeviceCommand, done: OutboxDone) -> DeviceCommand:
    return command.sent(done.at_us, before_recorded=done.outcome == "sent_before_recorded")


def _outcome(command: DeviceCommand, reply: DeviceReplied) -> str:
    word = reply.outcome.value
    if reply.outcome is ReplyOutcome.DONE and not command.is_open:
        word = "confirmed late"
    return f"{word}: {reply.detail}" if reply.detail else word
