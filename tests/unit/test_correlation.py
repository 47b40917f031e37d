"""Causes inhibit their consequences, which stay listed; nothing is made up (DESIGN 7)."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assets import AlarmClass, Condition, Priority
from domain.changes import OutboxDone
from domain.clock import SECOND_US
from domain.commands import SILENCE, CommandState, DeviceCommand, FieldDevice, OutboxItem
from domain.events import AlarmRaised
from domain.ids import AssetId, DeviceId
from domain.incidents import Incident
from domain.paperwork import TagKind
from domain.reasons import reason_text
from domain.requests import (
    AcknowledgeIncident,
    CloseIncident,
    HangTag,
    MergeIncident,
    RegroupIncident,
    SilenceIncident,
    SplitIncident,
)
from domain.topology import SwitchState
from linkage.plan import LinkageRule
from tests.support.control_room import ControlRoom, opening, protection
from tests.support.switches import as_usual, example_plan

HORN = FieldDevice(device_id=DeviceId("horn"), asset_id=AssetId("LY/HJ"), name="大门警报器")
PLAN = replace(
    example_plan(),
    devices=(HORN,),
    rules=(LinkageRule(rule_id="all", device_id=HORN.device_id, at_least=Priority.MINOR),),
    violations=(),
)


def room(**states: Any) -> ControlRoom:
    made = ControlRoom(PLAN)
    made.positions = as_usual(**states)
    return made


def trips(at: str, name: str = "quick_break", **facts: Any) -> dict[str, Any]:
    return protection(asset_id=AssetId(at), point=f"{at}/{name}", **facts)


def opens(at: str, **facts: Any) -> dict[str, Any]:
    return opening(asset_id=AssetId(at), point=f"{at}/position", **facts)


def loses(at: str, name: str = "uab", **facts: Any) -> dict[str, Any]:
    """The voltage of a device falls below its limit."""
    return {
        "asset_id": AssetId(at),
        "point": f"{at}/{name}",
        "signal": "AB线电压",
        "unit": "kV",
        "condition": Condition.LOW,
        "priority": Priority.MINOR,
        "value": 0.0,
        "limit": 9.3,
    } | facts


def breaker_trips(control: ControlRoom, at: str, **facts: Any) -> AlarmRaised:
    """Protection and breaker in one moment, as a bay unit reports them."""
    control.positions |= {f"{at}/position": SwitchState.OPEN}  # type: ignore[dict-item]
    cause = control.raises(**trips(at, **facts))
    control.raises(**opens(at, started_at_us=cause.started_at_us))
    return cause


def incident_at(control: ControlRoom, at: str) -> Incident:
    (found,) = (each for each in control.incidents.values() if each.asset_id == at)
    return found


def why(incident: Incident) -> list[str]:
    return [reason.code for reason in incident.because]


def test_over_the_line_between_stations_down_to_the_last_feeder() -> None:
    control = room()
    breaker_trips(control, "SP/311")
    control.passes(1)
    for at in ("LY/311", "LY/PT35-1", "LY/113", "LY/114"):
        control.raises(**loses(at))
    other_side = control.raises(**loses("LY/121"))
    cause = incident_at(control, "SP/311")
    for at in ("LY/311", "LY/PT35-1", "LY/113", "LY/114"):
        beneath = incident_at(control, at)
        assert beneath.cause == cause.incident_id
        assert why(beneath) == ["fed_over_line"]
        assert not beneath.calls
    assert incident_at(control, "LY/121").cause is None, "the second transformer supplies it"
    sentence = reason_text(incident_at(control, "LY/113").because[0], "zh-CN")
    assert "311石柳Ⅰ线" in sentence
    assert "10kVⅠ段母线" in sentence
    sounded = {command.event_id for command in control.everything.commands}
    assert other_side.event_id in sounded
    assert len(sounded) == 3, "protection and breaker of the trip, and what does not follow from it"


def test_the_same_bay_and_its_busbar() -> None:
    control = room()
    control.positions |= as_usual(opened=["LY/101/position"])
    control.raises(**trips("LY/1T", "differential"))
    control.raises(**opens("LY/101"))
    control.raises(**loses("LY/301", "spring", unit="status", condition=Condition.HIGH))
    control.raises(**loses("LY/113"))
    cause = incident_at(control, "LY/1T")
    assert incident_at(control, "LY/101").cause == cause.incident_id
    assert why(incident_at(control, "LY/101")) == ["same_bay"]
    assert why(incident_at(control, "LY/301")) == ["same_bay"]
    assert why(incident_at(control, "LY/113")) == ["on_its_busbar"]


def test_consequences_before_their_cause_in_one_record_sound_nothing() -> None:
    control = room()
    control.positions |= as_usual(opened=["LY/101/position"])
    before = ControlRoom(PLAN)  # only to make the events
    events = [before.raises(**facts) for facts in (loses("LY/113"), trips("LY/1T", "heavy_gas"))]
    changes = control.happens(*events)
    assert incident_at(control, "LY/113").cause == incident_at(control, "LY/1T").incident_id
    assert {command.event_id for command in changes.commands} == {events[1].event_id}


def test_a_cause_told_three_seconds_later_takes_what_is_open_beneath_it() -> None:
    control = room()
    consequence = control.raises(**loses("LY/113"))
    assert incident_at(control, "LY/113").cause is None
    at_us = control.at_us
    control.passes(3)
    breaker_trips(control, "LY/101", started_at_us=at_us)
    beneath = incident_at(control, "LY/113")
    assert beneath.cause == incident_at(control, "LY/101").incident_id
    assert why(beneath) == ["on_its_busbar", "cause_told_later"]
    assert dict(beneath.because[1].facts) == {"seconds": "3"}
    assert consequence.event_id in beneath.standing


def sounding(control: ControlRoom, event: AlarmRaised) -> DeviceCommand:
    """What the horn was asked for it."""
    newest = {each.command_id: each for each in control.everything.commands}
    (found,) = (each for each in newest.values() if each.event_id == event.event_id)
    return found


def stops(control: ControlRoom) -> list[DeviceCommand]:
    return [each for each in control.everything.commands if each.action == SILENCE]


def test_a_siren_that_sounds_for_a_consequence_stops_when_a_person_names_its_cause() -> None:
    control = room()
    cause = control.raises(**trips("LY/301", output_allowed=False))  # no device announces it
    consequence = control.raises(**loses("FF/1T"))
    assert stops(control) == []
    beneath, into = incident_at(control, "FF/1T"), incident_at(control, "LY/301")
    assert cause.event_id in into.standing
    control.does(
        MergeIncident(incident_id=beneath.incident_id, into=into.incident_id, words="同一故障")
    )
    (stop,) = stops(control)
    assert stop.event_id == consequence.event_id
    assert [each.code for each in stop.because] == ["recalled", "merged_by"]


def test_a_siren_that_its_cause_has_as_well_goes_on_for_it() -> None:
    control = room()
    consequence = control.raises(**loses("LY/113"))
    at_us = control.at_us
    control.passes(3)
    breaker_trips(control, "LY/101", started_at_us=at_us)
    assert stops(control) == []
    assert sounding(control, consequence).because[-1].code == "recalled"
    control.passes(119)  # what was displaced would go on now
    assert sounding(control, consequence).because[-1].code == "recalled"


def test_who_silences_a_consequence_does_not_stop_the_siren_of_its_cause() -> None:
    control = room()
    control.raises(**loses("LY/113"))
    at_us = control.at_us
    control.passes(3)
    breaker_trips(control, "LY/101", started_at_us=at_us)
    control.does(SilenceIncident(incident_id=incident_at(control, "LY/113").incident_id))
    assert stops(control) == []
    control.does(SilenceIncident(incident_id=incident_at(control, "LY/101").incident_id))
    of_cause = set(incident_at(control, "LY/101").standing)
    assert {each.event_id for each in stops(control)} <= of_cause
    assert stops(control)


@pytest.mark.parametrize("told_s", [0, 40], ids=["cause-before-it-fails", "cause-after-it-failed"])
def test_a_siren_that_does_not_answer_is_no_trouble_of_the_plants_own(told_s: int) -> None:
    control = ControlRoom(replace(PLAN, devices=(replace(HORN, asset_id=AssetId("LY/113")),)))
    control.positions = as_usual()
    consequence = control.raises(**loses("LY/113"))
    happened_us, asked = control.at_us, sounding(control, consequence)
    if told_s == 0:
        breaker_trips(control, "LY/101", started_at_us=happened_us)
    for _ in range(HORN.attempts):
        done = OutboxDone(
            outbox_id=OutboxItem.of(sounding_now(control, asked)).outbox_id,
            at_us=control.at_us,
            outcome="sent",
        )
        control._fold(control.linkage.delivered(done))
        control.passes(HORN.confirm_within_us / SECOND_US)
    assert sounding_now(control, asked).state is CommandState.FAILED
    assert incident_at(control, "LY/113").event_count == 2
    if told_s:
        control.restarts()
        breaker_trips(control, "LY/101", started_at_us=happened_us)
    beneath = incident_at(control, "LY/113")
    assert beneath.cause == incident_at(control, "LY/101").incident_id


def sounding_now(control: ControlRoom, asked: DeviceCommand) -> DeviceCommand:
    return {each.command_id: each for each in control.everything.commands}[asked.command_id]


def test_a_siren_goes_on_for_a_consequence_of_level_1() -> None:
    control = room()
    urgent = control.raises(**loses("LY/113", priority=Priority.URGENT))
    at_us = control.at_us
    control.passes(3)
    breaker_trips(control, "LY/101", started_at_us=at_us, output_allowed=False)
    assert incident_at(control, "LY/113").cause is not None
    assert stops(control) == []
    assert sounding(control, urgent).because[-1].code == "by_rule"


def test_what_was_there_long_before_the_trip_stands_for_itself() -> None:
    control = room()
    control.raises(**loses("LY/113"))
    control.passes(120)
    breaker_trips(control, "LY/101")
    control.raises(**loses("LY/113", "ubc"))
    assert incident_at(control, "LY/113").cause is None


def test_two_unrelated_trips_in_one_minute_stay_two() -> None:
    control = room()
    breaker_trips(control, "LY/101")
    control.passes(20)
    breaker_trips(control, "LY/102")
    control.raises(**loses("LY/113"))
    control.raises(**loses("LY/121"))
    one, other = incident_at(control, "LY/101"), incident_at(control, "LY/102")
    assert one.cause is None
    assert other.cause is None
    assert incident_at(control, "LY/113").cause == one.incident_id
    assert incident_at(control, "LY/121").cause == other.incident_id


def test_of_two_trips_above_it_the_nearer_one_explains() -> None:
    control = room()
    breaker_trips(control, "SP/311")
    breaker_trips(control, "LY/101")
    control.raises(**loses("LY/113"))
    assert incident_at(control, "LY/113").cause == incident_at(control, "LY/101").incident_id
    assert incident_at(control, "LY/101").cause is None, "its protection saw a fault of its own"


def test_a_protection_that_operates_after_the_supply_was_lost_saw_the_voltage_go() -> None:
    control = room()
    breaker_trips(control, "SP/311")
    control.passes(2)
    control.positions |= as_usual(opened=["SP/311/position", "LY/117/position"])
    control.raises(**trips("LY/117", "under_voltage", priority=Priority.MAJOR))
    control.raises(**opens("LY/117"))
    beneath = incident_at(control, "LY/117")
    assert beneath.cause == incident_at(control, "SP/311").incident_id
    control.raises(**loses("LY/113"))
    assert incident_at(control, "LY/113").cause == beneath.cause


def test_where_no_trip_is_told_nothing_is_made_up() -> None:
    control = room()
    for at in ("LY/113", "LY/114", "LY/115", "LY/PT10-1"):
        control.raises(**loses(at))
    control.passes(60)
    assert {each.cause for each in control.incidents.values()} == {None}
    assert control.everything.disturbances == []


def test_level_1_is_beneath_its_cause_and_calls_all_the_same() -> None:
    control = room()
    breaker_trips(control, "LY/101")
    control.raises(**loses("LY/113"))
    control.raises(**loses("LY/114", priority=Priority.URGENT))
    assert not incident_at(control, "LY/113").calls
    urgent = incident_at(control, "LY/114")
    assert urgent.cause is not None
    assert urgent.calls
    assert any(command.event_id in urgent.standing for command in control.everything.commands)


def test_trouble_of_its_own_takes_an_incident_out_again() -> None:
    control = room()
    breaker_trips(control, "LY/101")
    control.raises(**loses("LY/113"))
    control.passes(300)
    hot = {"condition": Condition.HIGH, "unit": "degC", "priority": Priority.MAJOR}
    event = control.raises(**loses("LY/113", "cable_head_temp_a", **hot))
    stands = incident_at(control, "LY/113")
    assert stands.cause is None
    assert why(stands) == ["own_trouble"]
    assert any(command.event_id == event.event_id for command in control.everything.commands)


def test_a_quantity_that_rises_does_not_follow_from_lost_supply() -> None:
    control = room()
    breaker_trips(control, "LY/101")
    control.raises(**loses("LY/114", "temp", condition=Condition.HIGH, unit="degC"))
    assert incident_at(control, "LY/114").cause is None


def test_silence_began_with_the_last_word_before_the_trip() -> None:
    control = room()
    last_word_us = control.at_us
    control.passes(200)
    breaker_trips(control, "LY/101")
    control.passes(100)
    control.raises(**loses("LY/113", condition=Condition.SILENCE, started_at_us=last_word_us))
    assert incident_at(control, "LY/113").cause is not None


def test_a_position_that_is_not_known_is_said_in_the_reason() -> None:
    control = room(unknown=["LY/301/position"])
    breaker_trips(control, "LY/311")
    control.raises(**loses("LY/113"))
    assert why(incident_at(control, "LY/113")) == ["fed_from", "may_be_connected"]


def test_a_protection_whose_breaker_still_stands_closed_has_parted_nothing_yet() -> None:
    """The opening is told a moment later, and then takes what hung on it."""
    control = room()
    control.raises(**trips("LY/101"))
    control.raises(**loses("LY/113"))
    assert incident_at(control, "LY/113").cause is None
    control.passes(1)
    control.positions |= as_usual(opened=["LY/101/position"])
    control.raises(**opens("LY/101"))
    assert incident_at(control, "LY/113").cause == incident_at(control, "LY/101").incident_id
    assert [each.version for each in control.everything.disturbances] == [1, 2]


def test_under_a_drive_test_a_trip_explains_nothing() -> None:
    control = room()
    control.hangs(HangTag(kind=TagKind.DRIVE_TEST, asset_id=AssetId("LY/101")))
    breaker_trips(control, "LY/101")
    control.raises(**loses("LY/113"))
    assert incident_at(control, "LY/113").cause is None


@pytest.mark.parametrize("restart", [False, True])
def test_an_opening_that_is_kept_back_is_seen_all_the_same(restart: bool) -> None:
    """It opened minor and suppressed; without it nothing would seem to hang on the bay that tripped."""
    control = room()
    control.hangs(HangTag(kind=TagKind.SUPPRESSED, asset_id=AssetId("LY/101")))
    control.positions |= as_usual(opened=["LY/101/position"])
    hidden = control.raises(**opens("LY/101", priority=Priority.MINOR))
    assert control.alarms[hidden.event_id].withheld is not None
    control.raises(**loses("LY/113"))
    assert incident_at(control, "LY/113").cause is None, "so far it is an opening like any other"
    if restart:
        control.restarts()
    control.passes(3)
    control.raises(**trips("LY/1T", "differential"))
    cause = incident_at(control, "LY/1T")
    assert control.alarms[hidden.event_id].withheld is None, "what names a cause comes through"
    assert incident_at(control, "LY/101").cause == cause.incident_id
    assert incident_at(control, "LY/113").cause == cause.incident_id


def test_a_switch_beneath_the_trip_that_opens_kept_back_still_leads_on() -> None:
    control = room()
    control.hangs(HangTag(kind=TagKind.SUPPRESSED, asset_id=AssetId("LY/301")))
    control.positions |= as_usual(opened=["LY/301/position"])
    control.raises(**opens("LY/301", priority=Priority.MINOR))
    breaker_trips(control, "SP/311")
    control.raises(**loses("LY/113"))
    assert incident_at(control, "LY/113").cause == incident_at(control, "SP/311").incident_id


def test_merge_split_and_take_back_by_hand() -> None:
    control = room()
    breaker_trips(control, "LY/101")
    control.raises(**loses("LY/113"))
    control.raises(**loses("LY/121"))
    cause, found = incident_at(control, "LY/101"), incident_at(control, "LY/113")
    other = incident_at(control, "LY/121")

    control.does(SplitIncident(incident_id=found.incident_id, words="另有原因"))
    assert incident_at(control, "LY/113").cause is None
    control.raises(**loses("LY/113", "ubc"))
    assert incident_at(control, "LY/113").cause is None, "the hand's word stands"
    control.does(
        MergeIncident(incident_id=other.incident_id, into=cause.incident_id, words="同一故障")
    )
    merged = incident_at(control, "LY/121")
    assert (merged.cause, why(merged), merged.grouped_by) == (
        cause.incident_id,
        ["merged_by"],
        "duty",
    )
    sounded = len(control.everything.commands)
    control.raises(**loses("LY/121", "ubc"))
    assert len(control.everything.commands) == sounded, "beneath a cause it calls nobody"

    control.restarts()
    for at in ("LY/113", "LY/121"):
        control.does(RegroupIncident(incident_id=incident_at(control, at).incident_id))
    assert incident_at(control, "LY/113").cause == cause.incident_id
    assert why(incident_at(control, "LY/113")) == ["on_its_busbar"]
    assert incident_at(control, "LY/121").cause is None


def test_what_is_merged_takes_its_own_consequences_along() -> None:
    control = room()
    breaker_trips(control, "LY/101")
    control.raises(**loses("LY/113"))
    control.raises(**loses("LY/121"))
    top, middle = incident_at(control, "LY/121"), incident_at(control, "LY/101")
    control.does(
        MergeIncident(incident_id=middle.incident_id, into=top.incident_id, words="同一故障")
    )
    leaf = incident_at(control, "LY/113")
    assert leaf.cause == top.incident_id
    assert why(leaf) == ["on_its_busbar", "merged_by"]
    control.raises(**loses("LY/114"))
    assert incident_at(control, "LY/114").cause == top.incident_id, "also what comes later"


@pytest.mark.parametrize(
    ("ask", "refusal"),
    [
        pytest.param(
            lambda ids: MergeIncident(incident_id=ids["LY/121"], into=ids["LY/121"], words="x"),
            "merged_into_itself",
            id="into-itself",
        ),
        pytest.param(
            lambda ids: MergeIncident(incident_id=ids["LY/121"], into=ids["LY/101"], words=" "),
            "words_needed",
            id="without-words",
        ),
        pytest.param(
            lambda ids: MergeIncident(incident_id=ids["LY/101"], into=ids["LY/113"], words="x"),
            "is_its_cause",
            id="a-cause-beneath-its-consequence",
        ),
        pytest.param(
            lambda ids: MergeIncident(incident_id=ids["LY/113"], into=ids["LY/101"], words="x"),
            "already_beneath",
            id="where-it-is",
        ),
        pytest.param(
            lambda ids: MergeIncident(incident_id=ids["LY/121"], into=UUID(int=5), words="x"),
            "no_such_incident",
            id="into-what-is-not-there",
        ),
        pytest.param(
            lambda ids: SplitIncident(incident_id=ids["LY/121"], words="x"),
            "not_beneath",
            id="split-what-stands-alone",
        ),
        pytest.param(
            lambda ids: SplitIncident(incident_id=ids["LY/113"], words=""),
            "words_needed",
            id="split-without-words",
        ),
        pytest.param(
            lambda ids: RegroupIncident(incident_id=ids["LY/113"]),
            "not_by_hand",
            id="take-back-what-nobody-did",
        ),
    ],
)
def test_grouping_by_hand_is_refused_with_a_reason(ask: Any, refusal: str) -> None:
    control = room()
    breaker_trips(control, "LY/101")
    control.raises(**loses("LY/113"))
    control.raises(**loses("LY/121"))
    ids = {each.asset_id: each.incident_id for each in control.incidents.values()}
    assert control.refuses(ask(ids)) == refusal
    assert control.refuses(ask(ids), actor="viewer") == "not_allowed"


def test_a_cause_that_is_closed_keeps_what_is_beneath_it() -> None:
    control = room()
    breaker_trips(control, "LY/101")
    control.raises(**loses("LY/113"))
    cause = incident_at(control, "LY/101")
    control.does(CloseIncident(incident_id=cause.incident_id, note="已恢复"))
    control.restarts()
    control.raises(**loses("LY/113", "ubc"))
    control.does(AcknowledgeIncident(incident_id=incident_at(control, "LY/113").incident_id))
    assert incident_at(control, "LY/113").cause == cause.incident_id


_STEPS: dict[str, Any] = {
    "line trips": lambda control: breaker_trips(control, "SP/311"),
    "transformer trips": lambda control: breaker_trips(control, "LY/101"),
    "other transformer trips": lambda control: breaker_trips(control, "LY/102"),
    "113 loses": lambda control: control.raises(**loses("LY/113", f"u{control.at_us}")),
    "121 loses": lambda control: control.raises(**loses("LY/121", f"u{control.at_us}")),
    "1T loses": lambda control: control.raises(
        **loses("LY/1T", f"u{control.at_us}", priority=Priority.URGENT)
    ),
    "301 opens": lambda control: control.raises(**opens("LY/301")),
    "a second": lambda control: control.passes(1),
    "half a minute": lambda control: control.passes(30),
}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(_STEPS)), max_size=14), st.sets(st.integers(0, 13), max_size=4)
)
def test_a_restart_anywhere_changes_nothing(steps: list[str], restarts: set[int]) -> None:
    through, stopped = room(), room()
    for number, step in enumerate(steps):
        if number in restarts:
            stopped.restarts()
        for control in (through, stopped):
            control.at_us += SECOND_US // 10
            _STEPS[step](control)
    assert stopped.incidents == through.incidents
    assert stopped.everything.disturbances == through.everything.disturbances
    ours = {command.command_id for command in through.everything.commands}
    assert {command.command_id for command in stopped.everything.commands} == ours


def test_the_class_is_what_makes_a_trip() -> None:
    control = room()
    control.positions |= as_usual(opened=["LY/101/position"])
    control.raises(**trips("LY/101", alarm_class=AlarmClass.ABNORMAL))
    control.raises(**loses("LY/113"))
    assert incident_at(control, "LY/113").cause is None
