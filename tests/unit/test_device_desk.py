"""Which command has a device, when it must be silent, who may call it, and whether it lives (DESIGN 7)."""

import json
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from delivery.mqtt import command_payload
from domain.alarms import AlarmState
from domain.assets import Condition, Priority
from domain.changes import OutboxDone
from domain.clock import MINUTE_US, SECOND_US
from domain.commands import (
    SILENCE,
    CommandState,
    DeviceCommand,
    DeviceKind,
    FieldDevice,
    Origin,
    OutboxItem,
    QuietHours,
)
from domain.events import AlarmRaised
from domain.ids import DeviceId
from domain.records import DeviceReplied, ReplyOutcome
from domain.requests import (
    AcknowledgeIncident,
    CallDevice,
    CloseIncident,
    DecideApproval,
    SilenceIncident,
    StopDevice,
    TryDevice,
)
from linkage.plan import InvalidPlan, LinkageRule
from tests.support.alarms import SIREN
from tests.support.control_room import NEIGHBOUR, ROOM, ControlRoom

DAY_US = 24 * 60 * MINUTE_US
DOOR = FieldDevice(
    device_id=DeviceId("door"), asset_id=SIREN.asset_id, name="10kV高压室门禁", kind=DeviceKind.DOOR
)


def room(**of_siren: Any) -> ControlRoom:
    siren = replace(SIREN, **of_siren)
    return ControlRoom(replace(ROOM, devices=(siren, DOOR)))


def commands(control: ControlRoom, *states: CommandState) -> list[DeviceCommand]:
    """In their newest version, in the order in which they were first made."""
    newest = {each.command_id: each for each in control.everything.commands}
    return [each for each in newest.values() if not states or each.state in states]


def last_word(command: DeviceCommand) -> str:
    return command.because[-1].code


def incident_of(control: ControlRoom, event: AlarmRaised) -> UUID:
    found = control.alarm(event).incident_id
    assert found is not None
    return found


def neighbour(**facts: Any) -> dict[str, Any]:
    return {"asset_id": NEIGHBOUR.asset_id, "point": "LY/113/u"} | facts


def urgent_then(control: ControlRoom, priority: Priority) -> tuple[AlarmRaised, AlarmRaised]:
    first = control.raises(priority=Priority.URGENT)
    control.passes(1)
    return first, control.raises(**neighbour(priority=priority))


def reply(control: ControlRoom, command: DeviceCommand, outcome: ReplyOutcome) -> None:
    record = DeviceReplied(
        at_us=control.at_us,
        device_id=command.device_id,
        command_id=command.command_id,
        outcome=outcome,
    )
    control._fold(control.linkage.decide(record, []))


def sent(control: ControlRoom, command: DeviceCommand) -> None:
    done = OutboxDone(
        outbox_id=OutboxItem.of(command).outbox_id, at_us=control.at_us, outcome="sent"
    )
    control._fold(control.linkage.delivered(done))


def never_answers(control: ControlRoom, command_id: UUID) -> None:
    for _ in range(SIREN.attempts):
        sent(control, {each.command_id: each for each in commands(control)}[command_id])
        control.passes(SIREN.confirm_within_us / SECOND_US)


# -- two commands for one device ----------------------------------------------------------------


def test_what_is_less_urgent_waits_and_goes_on_when_the_device_is_free() -> None:
    control = room()
    urgent, minor = urgent_then(control, Priority.MINOR)
    (waiting,) = commands(control, CommandState.WITHHELD)
    assert (waiting.event_id, last_word(waiting)) == (minor.event_id, "device_busy")
    assert waiting.command_id not in {item.command.command_id for item in control.everything.outbox}
    control.restarts()
    control.passes(SIREN.max_on_s - 2)
    assert commands(control, CommandState.WITHHELD), "the urgent one still has it"
    control.passes(1)
    assert not commands(control, CommandState.WITHHELD)
    assert control.everything.outbox[-1].command.event_id == minor.event_id
    assert urgent.event_id != minor.event_id


@pytest.mark.parametrize(
    "taken",
    [
        pytest.param(AcknowledgeIncident, id="acknowledged"),
        pytest.param(SilenceIncident, id="silenced"),
        pytest.param(None, id="returned"),
    ],
)
def test_what_nobody_needs_by_then_is_noted_and_not_sent(taken: Any) -> None:
    control = room()
    _, minor = urgent_then(control, Priority.MINOR)
    if taken is None:
        control.clears(minor)
    else:
        of_it = control.alarm(minor).incident_id
        control.does(taken(incident_id=of_it))
    control.passes(SIREN.max_on_s)
    (noted,) = commands(control, CommandState.WITHHELD)
    assert last_word(noted) == "over_by_then"
    assert noted.ended_at_us is not None
    assert minor.event_id not in {item.command.event_id for item in control.everything.outbox}


def test_nothing_that_waited_for_five_minutes_shouts() -> None:
    control = room(max_on_s=600)
    urgent_then(control, Priority.MINOR)
    control.passes(301)
    (noted,) = commands(control, CommandState.WITHHELD)
    assert last_word(noted) == "over_by_then"


def test_the_more_urgent_one_takes_the_device_and_the_other_goes_on_afterwards() -> None:
    control = room(max_on_s=100)
    minor = control.raises(**neighbour(priority=Priority.MINOR))
    (first,) = commands(control)
    sent(control, first)
    control.passes(10)
    urgent = control.raises(priority=Priority.URGENT)
    displaced = commands(control)[0]
    assert (displaced.event_id, last_word(displaced)) == (minor.event_id, "displaced")
    assert control.everything.outbox[-1].command.event_id == urgent.event_id
    control.does(SilenceIncident(incident_id=incident_of(control, urgent)))
    control.restarts()
    control.passes(5)
    resumed = control.everything.outbox[-1].command
    assert (resumed.event_id, resumed.max_on_s) == (minor.event_id, 85)
    assert resumed.command_id != first.command_id, "the device acts once per id"
    control.passes(30)
    assert control.everything.outbox[-1].command == resumed, "once"


@pytest.mark.parametrize("priority", [Priority.URGENT, Priority.MINOR])
@pytest.mark.parametrize(
    "stopping",
    [
        pytest.param(SilenceIncident, id="silenced"),
        pytest.param(partial(CloseIncident, note="查过"), id="closed"),
    ],
)
def test_who_silences_one_alarm_does_not_stop_what_sounds_for_another(
    stopping: Any, priority: Priority
) -> None:
    """Whether it was displaced by the other or sounds beside it."""
    control = room()
    first = control.raises(**neighbour(priority=priority))
    control.passes(1)
    other = control.raises(priority=Priority.URGENT)
    control.does(stopping(incident_id=incident_of(control, first)))
    assert silences(control) == []
    of_first = next(each for each in commands(control) if each.event_id == first.event_id)
    beside = priority is Priority.URGENT
    assert last_word(of_first) == ("left_to_another" if beside else "displaced")
    control.restarts()
    control.does(stopping(incident_id=incident_of(control, other)))
    (stop,) = silences(control)
    assert stop.event_id == other.event_id
    control.passes(5)
    assert control.everything.outbox[-1].command == stop, "neither goes on"


def silences(control: ControlRoom) -> list[DeviceCommand]:
    return [each for each in commands(control) if each.action == SILENCE]


def test_of_two_alike_both_are_sent() -> None:
    control = room()
    urgent_then(control, Priority.URGENT)
    assert {each.state for each in commands(control)} == {CommandState.PENDING}
    assert len(commands(control)) == 2


# -- quiet hours ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "priority", "sounds"),
    [
        pytest.param((9 * 60, 11 * 60), Priority.MAJOR, False, id="in-them"),
        pytest.param((9 * 60, 11 * 60), Priority.URGENT, True, id="level-1-always"),
        pytest.param((22 * 60, 6 * 60), Priority.MAJOR, True, id="outside-of-them"),
        pytest.param((22 * 60, 10 * 60 + 1), Priority.MAJOR, False, id="over-midnight"),
        pytest.param((22 * 60, 10 * 60), Priority.MAJOR, True, id="they-end-at-their-end"),
    ],
)
def test_quiet_hours_outdoors(hours: tuple[int, int], priority: Priority, sounds: bool) -> None:
    """It is 10:00:03 in Beijing."""
    control = room(quiet=QuietHours(from_minute=hours[0], to_minute=hours[1]))
    control.raises(priority=priority)
    (command,) = commands(control)
    assert (command.state is CommandState.PENDING) is sounds
    if not sounds:
        assert last_word(command) == "quiet_hours"
        control.passes(DAY_US / SECOND_US / 4)
        assert not control.everything.outbox, "what was kept silent is not made up for at dawn"


def test_a_light_may_flash_in_quiet_hours() -> None:
    quiet = QuietHours(from_minute=0, to_minute=24 * 60 - 1)
    control = room(quiet=quiet)
    control.does(CallDevice(device_id=SIREN.device_id, action="light", words="疏散"))
    call = CallDevice(device_id=SIREN.device_id, action="sound", words="疏散")
    assert control.refuses(call) == "quiet_hours"
    assert control.refuses(TryDevice(device_id=SIREN.device_id)) in {
        "device_in_use",
        "quiet_hours",
    }
    control.does(replace(call, priority=Priority.URGENT))


# -- by hand -------------------------------------------------------------------------------------


def test_a_call_by_hand_says_who_asked() -> None:
    control = room()
    call = CallDevice(device_id=SIREN.device_id, action="speak", words="请立即撤离")
    made = control.does(call)
    (command,) = commands(control)
    assert (str(command.command_id), command.text, command.by) == (made, "请立即撤离", "duty")
    assert command.origin is Origin.HAND
    assert dict(command.because[0].facts) == {"by": "duty"}
    control.does(StopDevice(device_id=SIREN.device_id))
    assert commands(control)[-1].action == "silence"


@pytest.mark.parametrize(
    ("request_", "actor", "refusal"),
    [
        (CallDevice(device_id=DeviceId("x"), action="sound", words="x"), "duty", "unknown_place"),
        (
            CallDevice(device_id=SIREN.device_id, action="dance", words="x"),
            "duty",
            "no_such_action",
        ),
        (CallDevice(device_id=SIREN.device_id, action="sound", words=" "), "duty", "words_needed"),
        (
            CallDevice(
                device_id=SIREN.device_id, action="sound", words="x", priority=Priority.NOTICE
            ),
            "duty",
            "no_such_level",
        ),
        (CallDevice(device_id=SIREN.device_id, action="sound", words="x"), "viewer", "not_allowed"),
        (TryDevice(device_id=SIREN.device_id), "elsewhere", "out_of_scope"),
        (CallDevice(device_id=DOOR.device_id, action="lock", words="x"), "duty", "no_such_action"),
    ],
)
def test_what_is_refused(request_: Any, actor: str, refusal: str) -> None:
    assert room().refuses(request_, actor) == refusal


def test_where_the_site_says_so_a_second_person_must_agree() -> None:
    control = room(two_persons=True)
    call = CallDevice(device_id=SIREN.device_id, action="sound", words="演习")
    control.does(call, "chief")
    (waiting,) = commands(control)
    assert waiting.state is CommandState.WITHHELD
    (approval,) = control.everything.approvals
    yes = DecideApproval(approval_id=approval.approval_id, approve=True)
    assert control.refuses(yes, "chief") == "second_person"
    control.restarts()
    control.does(yes, "safety")
    (command,) = commands(control)
    assert command.state is CommandState.PENDING
    assert control.everything.outbox[-1].command.command_id == command.command_id
    assert [reason.code for reason in command.because][-1] == "second_person_agreed"


def test_a_call_that_nobody_agrees_to_is_void() -> None:
    control = room(two_persons=True)
    call = CallDevice(device_id=SIREN.device_id, action="sound", words="演习")
    for answer in ("refused", "late"):
        control.does(call, "chief")
        approval = control.everything.approvals[-1].approval_id
        if answer == "refused":
            control.does(
                DecideApproval(approval_id=approval, approve=False, words="不必"), "safety"
            )
        else:
            control.passes(601)
            yes = DecideApproval(approval_id=approval, approve=True)
            assert control.refuses(yes, "safety") == "call_is_over"
    assert [last_word(each) for each in commands(control)] == [
        "second_person_refused",
        "nobody_agreed",
    ]
    assert control.everything.outbox == []


# -- doors ---------------------------------------------------------------------------------------


def test_a_door_can_refuse_entry_and_nothing_else() -> None:
    with pytest.raises(InvalidPlan, match="asks a door to sound"):
        replace(ROOM, devices=(DOOR,), rules=(LinkageRule(rule_id="r", device_id=DOOR.device_id),))
    control = room()
    control.does(CallDevice(device_id=DOOR.device_id, action="refuse_entry", words="SF6泄漏"))
    control.does(StopDevice(device_id=DOOR.device_id))
    said = [json.loads(command_payload(each)) for each in commands(control)]
    assert [(each["action"], each["exit"]) for each in said] == [
        ("refuse_entry", "free"),
        ("release", "free"),
    ]
    assert said[0]["max_on_s"] == DOOR.max_on_s, "it ends by itself: entry is free then"


def test_silencing_leaves_a_door_as_it_is() -> None:
    refuse = LinkageRule(rule_id="door", device_id=DOOR.device_id, action="refuse_entry")
    control = ControlRoom(replace(ROOM, devices=(SIREN, DOOR), rules=(*ROOM.rules, refuse)))
    event = control.raises()
    control.does(SilenceIncident(incident_id=incident_of(control, event)))
    ending = [each.device_id for each in commands(control) if each.action in {"silence", "release"}]
    assert ending == [SIREN.device_id]


# -- tests, and whether it lives -------------------------------------------------------------------


def test_a_test_passes_when_the_device_confirms_it() -> None:
    control = room(test_every_us=7 * DAY_US)
    control.passes(1)
    (care,) = control.everything.device_cares
    assert care.tested_at_us is None
    control.does(TryDevice(device_id=SIREN.device_id))
    (command,) = commands(control)
    assert (command.origin, command.action, command.max_on_s) == (Origin.TEST, "sound", 5)
    sent(control, command)
    reply(control, command, ReplyOutcome.DONE)
    assert control.everything.device_cares[-1].tested_at_us == control.at_us
    assert control.everything.device_cares[-1].tested_by == "duty"


def test_an_overdue_test_is_an_alarm_until_one_passes() -> None:
    control = room(test_every_us=7 * DAY_US)
    control.passes(1)
    control.passes(7 * DAY_US / SECOND_US - 1)
    assert not control.alarms
    control.passes(1)
    control.restarts()
    control.passes(1)
    (alarm,) = control.alarms.values()
    assert (alarm.condition, alarm.priority) == (Condition.TEST_OVERDUE, Priority.MINOR)
    assert not control.everything.commands, "it calls nobody"
    control.does(TryDevice(device_id=SIREN.device_id))
    (command,) = commands(control)
    sent(control, command)
    reply(control, command, ReplyOutcome.REFUSED)
    assert control.alarms[alarm.event_id].standing, "a refused test is none"
    control.does(TryDevice(device_id=SIREN.device_id))
    command = commands(control)[-1]
    sent(control, command)
    reply(control, command, ReplyOutcome.DONE)
    assert not control.alarms[alarm.event_id].standing


def test_a_dead_siren_is_an_alarm_before_it_is_needed() -> None:
    control = room(ping_every_us=5 * MINUTE_US)
    control.passes(1)
    (ping,) = commands(control)
    assert (ping.action, ping.origin) == ("ping", Origin.PING)
    never_answers(control, ping.command_id)
    (alarm,) = control.alarms.values()
    assert (alarm.condition, alarm.state) == (Condition.DEVICE_SILENT, AlarmState.UNACKNOWLEDGED)
    control.restarts()
    control.passes(300)
    again = commands(control)[-1]
    never_answers(control, again.command_id)
    assert len(control.alarms) == 1, "one alarm, however often it is asked"
    control.passes(300)
    sent(control, commands(control)[-1])
    reply(control, commands(control)[-1], ReplyOutcome.DONE)
    assert not control.alarms[alarm.event_id].standing


def test_a_device_that_spoke_is_not_asked() -> None:
    control = room(ping_every_us=5 * MINUTE_US)

    def asked() -> list[DeviceCommand]:
        return [each for each in commands(control) if each.origin is Origin.PING]

    control.passes(1)
    sent(control, asked()[0])
    reply(control, asked()[0], ReplyOutcome.DONE)
    control.passes(200)
    control.raises()
    (command,) = (each for each in commands(control) if each.origin is Origin.EVENT)
    sent(control, command)
    reply(control, command, ReplyOutcome.DONE)
    control.passes(299)
    assert len(asked()) == 1
    control.passes(1)
    assert len(asked()) == 2


def test_that_we_could_not_ask_says_nothing_of_the_device() -> None:
    control = room(ping_every_us=5 * MINUTE_US)
    control.passes(1)
    (ping,) = commands(control)
    done = OutboxDone(
        outbox_id=OutboxItem.of(ping).outbox_id, at_us=control.at_us, outcome="expired"
    )
    control._fold(control.linkage.delivered(done))
    assert not control.alarms
