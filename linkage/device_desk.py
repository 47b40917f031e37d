"""Field devices: which of two commands has one, quiet hours, calls by hand, tests, and whether each lives.

Decisions only. A device that must be silent, or is busy with something more urgent, is not sent the command;
that it was not, and why, is recorded like what was sent.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from math import nan
from typing import Final
from uuid import UUID

from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.clock import MINUTE_US, SECOND_US, to_datetime
from domain.commands import (
    ACTIONS,
    AUDIBLE,
    LASTING,
    PING,
    SILENCEABLE,
    CommandState,
    DeviceCare,
    DeviceCommand,
    DeviceKind,
    FieldDevice,
    Origin,
)
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.ids import AssetId, DeviceId, call_id, command_id, event_id, from_request
from domain.paperwork import Approval, ApprovalState, User
from domain.records import Requested
from domain.requests import CallDevice, Refused, StopDevice, TryDevice
from domain.responsibility import Reason
from linkage.alarms import OpenAlarms
from linkage.commands import LET_GO, KnownCommands, last_word, may_act
from linkage.plan import LinkagePlan

DeviceRequest = CallDevice | TryDevice | StopDevice
DEVICE_REQUESTS: Final = (CallDevice, TryDevice, StopDevice)
CALL_SUBJECT: Final = "device"  # of an approval
# what was withheld for so long is not sent any more: nothing shouts late
LET_GO_WITHIN_US: Final = 5 * MINUTE_US
SECOND_PERSON_WITHIN_US: Final = 10 * MINUTE_US
TEST_FOR_S: Final = 5
TEST_TEXT: Final = {"zh-CN": "试验", "en": "test"}
TRIED_BY: Final = {
    DeviceKind.SIREN: "sound",
    DeviceKind.LIGHT: "light",
    DeviceKind.VOICE: "speak",
    DeviceKind.CAMERA: "picture",
    DeviceKind.DOOR: "refuse_entry",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceHands:
    """What linkage does for the device desk."""

    issue: Callable[[DeviceCommand, Changes], None]
    stopping: Callable[[DeviceCommand, int], DeviceCommand]  # the command that ends it
    told: Callable[[Event, Changes], None]
    wanted: Callable[[UUID], bool]  # the alarm stands, and nobody has taken or silenced it
    concerns: Callable[[AssetId], bool]  # a device is ours, not another worker's


class DeviceDesk:
    """Holds since when each device is looked after and when its last test passed."""

    def __init__(
        self,
        plan: LinkagePlan,
        commands: KnownCommands,
        alarms: OpenAlarms,
        cares: Iterable[DeviceCare],
        hands: DeviceHands,
    ) -> None:
        self._plan = plan
        self._commands = commands
        self._alarms = alarms
        self._cares = {care.device_id: care for care in cares}
        self._hands = hands

    def admit(self, command: DeviceCommand, changes: Changes) -> None:
        """Issues it, or withholds it and says why."""
        at_us = command.created_at_us
        device = self._plan.device(command.device_id)
        if device and self._must_be_silent(device, command, at_us):
            reason = Reason.of("quiet_hours", hours=device.quiet)
            self._keep(command.withheld(reason), changes)
            return
        self._contend(command, at_us, changes)

    def recall(
        self, event: UUID, because: tuple[Reason, ...], at_us: int, changes: Changes
    ) -> None:
        """What was asked for it turned out a consequence, and says so. A device that acts for somebody else
        as well goes on."""
        for command in self._commands.of_event(event):
            if command.state is CommandState.WITHHELD and command.ended_at_us is None:
                self._keep(command.noted(at_us, Reason.of("recalled")), changes)
            if command.priority is Priority.URGENT or not may_act(command, at_us):
                continue
            if command.action not in SILENCEABLE or self.silenced(command):
                continue
            self._keep(command.remarked(Reason.of("recalled")), changes)
            if not self._acts_for_others(command.device_id, {command.event_id}, at_us):
                stop = self._hands.stopping(command, at_us)
                told = (Reason.of("recalled"), *because)
                self._hands.issue(replace(stop, because=told), changes)

    def stop_for(self, events: Collection[UUID], at_us: int, changes: Changes) -> None:
        """What sounds or shows for them stops. A device that acts for another alarm as well goes on."""
        acting: dict[DeviceId, list[DeviceCommand]] = {}
        for event in sorted(events):
            for command in self._commands.of_event(event):
                if may_act(command, at_us) and command.action in SILENCEABLE:
                    acting.setdefault(command.device_id, []).append(command)
        for device, commands in acting.items():
            goes_on = self._acts_for_others(device, events, at_us)
            for command in commands:
                if not goes_on:
                    self._hands.issue(self._hands.stopping(command, at_us), changes)
                elif last_word(command) not in LET_GO:
                    self._keep(command.remarked(Reason.of("left_to_another")), changes)

    def _acts_for_others(self, device: DeviceId, events: Collection[UUID], at_us: int) -> bool:
        return any(
            each.event_id not in events
            for priority in Priority
            for each in self._holding(device, priority, at_us)
        )

    def handle(
        self, asked: Requested, request: DeviceRequest, user: User, changes: Changes
    ) -> tuple[str, Approval | None]:
        """The id of the command, and the approval that it waits for. Raises Refused."""
        device = self._known(request.device_id, user)
        match request:
            case CallDevice():
                return self._call(asked, request, device, user, changes)
            case TryDevice():
                return self._test(asked, device, user, changes), None
            case StopDevice():
                stop = self._by_hand(asked, device, user, device.ending, Origin.HAND, "stop")
                self._hands.issue(stop, changes)
                return str(stop.command_id), None

    def expect_waiting(self, approval: Approval) -> None:
        """Raises Refused where the call waits for nobody any more."""
        if self._awaiting(approval) is None:
            raise Refused(Reason.of("call_is_over"))

    def decided(self, approval: Approval, at_us: int, changes: Changes) -> None:
        """A second person agreed, or did not."""
        command = self._awaiting(approval)
        if command is None:
            return
        by = approval.decided_by or ""
        if approval.state is not ApprovalState.EFFECTIVE:
            self._keep(command.noted(at_us, Reason.of("second_person_refused", by=by)), changes)
            return
        device = self._plan.device(command.device_id)
        valid_for_us = device.valid_for_us if device else MINUTE_US
        agreed = Reason.of("second_person_agreed", by=by)
        self._contend(command.let_go(at_us, valid_for_us, agreed), at_us, changes)

    def heard(self, command: DeviceCommand, at_us: int, changes: Changes) -> None:
        """The device said something: it lives. A test that it confirms has passed."""
        self._over(command.device_id, Condition.DEVICE_SILENT, at_us, changes)
        if command.origin is Origin.TEST and command.state is CommandState.CONFIRMED:
            care = self._care(command.device_id, at_us).tested(at_us, command.by)
            self._keep_care(care, changes)
            self._over(command.device_id, Condition.TEST_OVERDUE, at_us, changes)

    def not_answered(self, ping: DeviceCommand, at_us: int, changes: Changes) -> None:
        """It is dead, and known before it is needed. That we could not ask says nothing of it."""
        device = self._plan.device(ping.device_id)
        if device is None or ping.state is CommandState.EXPIRED:
            return
        self._raise(
            device, Condition.DEVICE_SILENT, Priority.MAJOR, ping.created_at_us, at_us, changes
        )

    def ticked(self, at_us: int, changes: Changes) -> None:
        for device in self._plan.devices:
            if not self._hands.concerns(device.asset_id):
                continue
            self._resume(device, at_us, changes)
            self._ping(device, at_us, changes)
            self._look_at_tests(device, at_us, changes)

    def silenced(self, command: DeviceCommand) -> bool:
        """Something ended it after it was given: for its alarm, or for the whole device."""
        return any(
            each.created_at_us >= command.created_at_us
            for each in self._commands.ending(command.device_id, command.event_id)
        )

    def _contend(self, command: DeviceCommand, at_us: int, changes: Changes) -> None:
        """The more urgent command has the device; of two alike the later."""
        if command.action not in LASTING:
            self._hands.issue(command, changes)
            return
        above = self._more_urgent_than(command, at_us)
        if above and command.state is CommandState.PENDING:
            busy = Reason.of("device_busy", priority=int(above[0].priority), text=above[0].text)
            self._keep(command.withheld(busy), changes)
            return
        self._hands.issue(command, changes)
        for priority in Priority:
            if priority > command.priority:
                for each in self._holding(command.device_id, priority, at_us):
                    reason = Reason.of(
                        "displaced", priority=int(command.priority), text=command.text
                    )
                    self._keep(each.remarked(reason), changes)

    def _holding(self, device: DeviceId, priority: Priority, at_us: int) -> list[DeviceCommand]:
        """What it sounds or shows now of this priority, as far as we know."""
        acting = self._commands.acting(device, priority, at_us)
        return [each for each in acting if not self.silenced(each)]

    def _resume(self, device: FieldDevice, at_us: int, changes: Changes) -> None:
        for command in self._commands.waiting(device.device_id):
            word = last_word(command)
            waits = command.state is CommandState.WITHHELD and command.ended_at_us is None
            if waits and word == "second_person_awaited":
                if at_us >= command.created_at_us + SECOND_PERSON_WITHIN_US:
                    self._keep(command.noted(at_us, Reason.of("nobody_agreed")), changes)
            elif waits and word == "device_busy":
                self._let_go(command, device, at_us, changes)
            elif word == "displaced":
                self._take_up_again(command, device, at_us, changes)

    def _let_go(
        self, command: DeviceCommand, device: FieldDevice, at_us: int, changes: Changes
    ) -> None:
        late = at_us >= command.created_at_us + LET_GO_WITHIN_US
        if late or not self._still_wanted(command):
            self._keep(command.noted(at_us, Reason.of("over_by_then")), changes)
        elif not self._more_urgent_than(command, at_us):
            let_go = command.let_go(at_us, device.valid_for_us, Reason.of("device_free"))
            self._hands.issue(let_go, changes)

    def _take_up_again(
        self, command: DeviceCommand, device: FieldDevice, at_us: int, changes: Changes
    ) -> None:
        """What was displaced goes on for the rest of its time."""
        since_us = command.sent_at_us or command.created_at_us
        rest_s = (since_us + command.max_on_s * SECOND_US - at_us) // SECOND_US
        if rest_s <= 0 or not self._still_wanted(command):
            self._keep(command.remarked(Reason.of("over_by_then")), changes)
            return
        if self._more_urgent_than(command, at_us):
            return
        resumed = replace(
            command,
            command_id=command_id(
                command.event_id, command.device_id, f"resumed {command.command_id}"
            ),
            created_at_us=at_us,
            valid_until_us=at_us + device.valid_for_us,
            max_on_s=rest_s,
            state=CommandState.PENDING,
            attempt=1,
            sent_at_us=None,
            ended_at_us=None,
            outcome="",
            sent_before_recorded=False,
            because=(*command.because, Reason.of("device_free")),
            version=1,
        )
        self._keep(command.remarked(Reason.of("resumed_as")), changes)
        self._hands.issue(resumed, changes)

    def _more_urgent_than(self, command: DeviceCommand, at_us: int) -> list[DeviceCommand]:
        """What has the device before it."""
        return [
            each
            for priority in Priority
            if priority < command.priority
            for each in self._holding(command.device_id, priority, at_us)
        ]

    def _still_wanted(self, command: DeviceCommand) -> bool:
        if self.silenced(command):
            return False
        return command.origin is not Origin.EVENT or self._hands.wanted(command.event_id)

    def _must_be_silent(self, device: FieldDevice, command: DeviceCommand, at_us: int) -> bool:
        """Never for level 1."""
        return command.priority is not Priority.URGENT and self._is_quiet(
            device, command.action, at_us
        )

    def _is_quiet(self, device: FieldDevice, action: str, at_us: int) -> bool:
        if device.quiet is None or action not in AUDIBLE:
            return False
        local = to_datetime(at_us).astimezone(self._plan.zone)
        return device.quiet.cover(local.hour * 60 + local.minute)

    def _known(self, device_id: DeviceId, user: User) -> FieldDevice:
        device = self._plan.device(device_id)
        if device is None:
            raise Refused(Reason.of("unknown_place", what=device_id))
        station = self._plan.asset(device.asset_id).station
        if not user.in_scope(station):
            raise Refused(Reason.of("out_of_scope", station=station))
        return device

    def _call(
        self,
        asked: Requested,
        request: CallDevice,
        device: FieldDevice,
        user: User,
        changes: Changes,
    ) -> tuple[str, Approval | None]:
        if request.action not in ACTIONS[device.kind]:
            raise Refused(Reason.of("no_such_action", what=device.name))
        if not request.words.strip():
            raise Refused(Reason.of("words_needed"))
        if request.priority not in {Priority.URGENT, Priority.MAJOR, Priority.MINOR}:
            raise Refused(Reason.of("no_such_level"))
        command = replace(
            self._by_hand(asked, device, user, request.action, Origin.HAND, "call"),
            text=request.words.strip(),
            priority=request.priority,
        )
        if self._must_be_silent(device, command, asked.at_us):
            raise Refused(Reason.of("quiet_hours", hours=device.quiet))
        if not device.two_persons:
            self._contend(command, asked.at_us, changes)
            return str(command.command_id), None
        self._keep(command.withheld(Reason.of("second_person_awaited")), changes)
        approval = Approval(
            approval_id=from_request(asked.request_id, "approval"),
            subject=CALL_SUBJECT,
            subject_id=str(command.command_id),
            summary=(device.name, command.text),
            proposed_by=user.name,
            proposed_at_us=asked.at_us,
        )
        changes.approvals.append(approval)
        return str(command.command_id), approval

    def _test(self, asked: Requested, device: FieldDevice, user: User, changes: Changes) -> str:
        action = TRIED_BY[device.kind]
        if self._is_quiet(device, action, asked.at_us):
            raise Refused(Reason.of("quiet_hours", hours=device.quiet))
        if any(self._holding(device.device_id, each, asked.at_us) for each in Priority):
            raise Refused(Reason.of("device_in_use", what=device.name))
        command = replace(
            self._by_hand(asked, device, user, action, Origin.TEST, "test"),
            text=TEST_TEXT[self._plan.language],
            max_on_s=min(TEST_FOR_S, device.max_on_s),
        )
        self._hands.issue(command, changes)
        return str(command.command_id)

    def _by_hand(
        self,
        asked: Requested,
        device: FieldDevice,
        user: User,
        action: str,
        origin: Origin,
        what: str,
    ) -> DeviceCommand:
        return DeviceCommand(
            command_id=from_request(asked.request_id, what),
            event_id=call_id(self._plan.site, device.device_id, what, asked.at_us),
            device_id=device.device_id,
            action=action,
            text="",
            priority=Priority.MAJOR,
            created_at_us=asked.at_us,
            valid_until_us=asked.at_us + device.valid_for_us,
            max_on_s=device.max_on_s,
            origin=origin,
            by=user.name,
            because=(Reason.of("asked_by", by=user.name),),
        )

    def _awaiting(self, approval: Approval) -> DeviceCommand | None:
        command = self._commands.get(UUID(approval.subject_id))
        if command is None or command.state is not CommandState.WITHHELD:
            return None
        return command if command.ended_at_us is None else None

    def _ping(self, device: FieldDevice, at_us: int, changes: Changes) -> None:
        """Unless it has said something since: any word will do."""
        if device.ping_every_us is None:
            return
        known = self._commands.of_device(device.device_id)
        if any(each.origin is Origin.PING and each.is_open for each in known):
            return
        heard_us = [each.ended_at_us or 0 for each in known if each.state is CommandState.CONFIRMED]
        asked_us = [each.created_at_us for each in known if each.origin is Origin.PING]
        if at_us - max([*heard_us, *asked_us], default=0) < device.ping_every_us:
            return
        call = call_id(self._plan.site, device.device_id, PING, at_us)
        self._hands.issue(
            DeviceCommand(
                command_id=command_id(call, device.device_id, PING),
                event_id=call,
                device_id=device.device_id,
                action=PING,
                text="",
                priority=Priority.NOTICE,
                created_at_us=at_us,
                valid_until_us=at_us + device.valid_for_us,
                max_on_s=1,
                origin=Origin.PING,
            ),
            changes,
        )

    def _look_at_tests(self, device: FieldDevice, at_us: int, changes: Changes) -> None:
        if device.test_every_us is None:
            return
        care = self._care(device.device_id, at_us)
        if device.device_id not in self._cares:
            self._keep_care(care, changes)
        due_us = care.counts_from_us + device.test_every_us
        if at_us >= due_us:
            self._raise(device, Condition.TEST_OVERDUE, Priority.MINOR, due_us, at_us, changes)

    def _care(self, device: DeviceId, at_us: int) -> DeviceCare:
        return self._cares.get(device) or DeviceCare(device_id=device, since_us=at_us)

    def _keep_care(self, care: DeviceCare, changes: Changes) -> None:
        self._cares[care.device_id] = care
        changes.device_cares.append(care)

    def _keep(self, command: DeviceCommand, changes: Changes) -> None:
        self._commands.keep(command)
        changes.commands.append(command)

    def _raise(
        self,
        device: FieldDevice,
        condition: Condition,
        priority: Priority,
        since_us: int,
        at_us: int,
        changes: Changes,
    ) -> None:
        """Once: it stands until the device says otherwise."""
        if any(self._standing(device.device_id, condition)):
            return
        event = AlarmRaised(
            event_id=event_id(self._plan.site, device.device_id, condition, since_us),
            site=self._plan.site,
            point=device.device_id,
            asset_id=device.asset_id,
            signal=device.name,
            unit="",
            condition=condition,
            alarm_class=AlarmClass.ABNORMAL,
            priority=priority,
            started_at_us=since_us,
            raised_at_us=at_us,
            detected_at_us=at_us,
            value=nan,
            limit=nan,
            limits_version=0,
            output_allowed=False,  # no device announces that another is ill: people look after them
        )
        self._hands.told(event, changes)

    def _over(self, device: DeviceId, condition: Condition, at_us: int, changes: Changes) -> None:
        for event in list(self._standing(device, condition)):
            cleared = AlarmCleared(
                event_id=event, ended_at_us=at_us, detected_at_us=at_us, value=nan
            )
            self._hands.told(cleared, changes)

    def _standing(self, device: DeviceId, condition: Condition) -> Iterator[UUID]:
        for alarm in self._alarms.of_point(device):
            if alarm.condition is condition and alarm.standing:
                yield alarm.event_id
