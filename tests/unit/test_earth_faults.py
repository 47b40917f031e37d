"""Single-phase earth faults: selection, trial trips, the clock of two hours (DOMAIN G1, E2)."""

import pytest

from domain.assets import Condition, Priority
from domain.clock import MINUTE_US, SECOND_US
from domain.events import AlarmCleared, AlarmRaised
from domain.outage_requests import NoteEarthFault, TickTrial
from domain.outages import TrialResult, earth_tasks
from domain.readings import Quality
from domain.responsibility import Reason
from service.earth_view import earth_clock, earth_happened
from tests.support.alarms import TEN_US
from tests.support.outages import Room, earth, returned

CURRENTS = {"LY/113/i0": 2.0, "LY/114/i0": 9.5, "LY/115/i0": 1.0}


def order(room: Room) -> list[str]:
    return [f"{each.number} {each.because.code}" for each in room.fault.trials]


def warnings(room: Room) -> list[tuple[str, int]]:
    """Told and not returned: minutes and priority."""
    cleared = {each.event_id for each in room.events if isinstance(each, AlarmCleared)}
    return [
        (each.point.rsplit("/", 1)[1], int(each.priority))
        for each in room.events
        if isinstance(each, AlarmRaised)
        and each.condition is Condition.OVERDUE
        and each.event_id not in cleared
    ]


def test_voltage_of_the_open_delta_above_its_limit_is_an_earth_fault_without_any_trip() -> None:
    room = Room()
    earth(room)
    assert not room.outages
    assert (room.fault.network_id, room.fault.is_open) == ("LY-10-1", True)
    assert room.fault.due_us == TEN_US + 120 * MINUTE_US
    assert room.fault.incident_id is not None


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        pytest.param(
            {},
            ["115 earth_by_order", "114 earth_by_order", "113 earth_by_order"],
            id="nothing-measured-the-sites-order",
        ),
        pytest.param(
            CURRENTS,
            ["114 earth_by_largest", "113 earth_by_current", "115 earth_by_current"],
            id="by-zero-sequence-current",
        ),
        pytest.param(
            CURRENTS | {"LY/115/earth_direction": 1.0},
            ["115 earth_by_direction", "114 earth_by_largest", "113 earth_by_current"],
            id="a-relay-that-points-at-it-comes-first",
        ),
        pytest.param(
            {"LY/113/i0": 2.0},
            ["113 earth_by_largest", "115 earth_by_order", "114 earth_by_order"],
            id="those-without-a-current-keep-their-order",
        ),
    ],
)
def test_the_lines_are_proposed_in_the_order_of_what_points_at_them(
    values: dict[str, float], lines: list[str]
) -> None:
    room = Room()
    room.stand(values)
    earth(room)
    assert order(room) == lines


def test_a_current_of_bad_quality_points_at_nothing() -> None:
    room = Room()
    room.stand(CURRENTS, Quality.INVALID)
    earth(room)
    assert order(room)[0] == "115 earth_by_order"


def test_currents_that_come_a_moment_later_still_move_the_order_until_a_line_was_tried() -> None:
    room = Room()
    earth(room)
    room.stand(CURRENTS)
    room.until(1)
    assert order(room)[0] == "114 earth_by_largest"
    trial = TickTrial(earth_id=room.fault.earth_id, number="114", result=TrialResult.STILL)
    assert room.ask(trial).done
    room.stand({"LY/115/i0": 20.0})
    room.until(2)
    assert order(room)[0] == "114 earth_by_largest"


def phase_voltages(a: float, b: float, c: float) -> dict[str, float]:
    return {"LY/PT10-1/ua": a, "LY/PT10-1/ub": b, "LY/PT10-1/uc": c}


@pytest.mark.parametrize(
    ("values", "phase"),
    [
        pytest.param(phase_voltages(0.1, 9.9, 10.0), "A", id="a-solid-earth"),
        pytest.param(phase_voltages(7.6, 3.1, 8.8), "B", id="an-earth-over-a-resistance"),
        pytest.param(phase_voltages(9.9, 10.0, 0.2), "C", id="the-last-phase"),
        pytest.param(phase_voltages(0.1, 5.8, 5.8), "", id="a-blown-fuse-raises-no-other-phase"),
        pytest.param(phase_voltages(0.1, 0.2, 9.8), "", id="two-phases-have-fallen"),
        pytest.param(phase_voltages(5.8, 5.8, 5.8), "", id="none-has-fallen"),
        pytest.param({"LY/PT10-1/ua": 0.1}, "", id="the-others-are-not-known"),
        pytest.param({}, "", id="nothing-is-measured"),
    ],
)
def test_the_phase_is_the_one_that_fell_while_both_others_rose(
    values: dict[str, float], phase: str
) -> None:
    room = Room()
    room.stand(values)
    earth(room)
    assert room.fault.phase == phase


def test_voltages_that_come_a_moment_later_tell_the_phase_and_it_stays_told() -> None:
    room = Room()
    earth(room)
    assert room.fault.phase == ""
    room.stand(phase_voltages(0.1, 9.9, 10.0))
    room.until(1)
    assert room.fault.phase == "A"
    room.stand(phase_voltages(5.8, 5.8, 5.8))
    room.until(2)
    assert room.fault.phase == "A"


def test_its_page_tells_what_happened_in_order_and_how_long_it_lasted() -> None:
    room = Room()
    event = earth(room)
    wanted = room.fault.earth_id
    room.until(60)
    assert room.ask(NoteEarthFault(earth_id=wanted, words="巡视 115 线")).done
    room.ask(TickTrial(earth_id=wanted, number="115", result=TrialResult.STILL))
    room.jump(61 * 60)
    room.tell(returned(event, room.at_us))
    room.ask(TickTrial(earth_id=wanted, number="114", result=TrialResult.GONE))
    assert [(each.what.code, each.actor) for each in earth_happened(room.fault)] == [
        ("earth_began", ""),
        ("earth_trial", "dd"),
        ("outage_note", "dd"),
        ("earth_warned", ""),
        ("earth_gone", ""),
        ("earth_trial", "dd"),
    ]
    clock = earth_clock(room.fault)
    assert (clock.passed_us(10**18), clock.is_late(10**18)) == (61 * MINUTE_US, False)


def test_two_hours_are_over_after_two_hours() -> None:
    room = Room()
    earth(room)
    clock = earth_clock(room.fault)
    assert not clock.is_late(TEN_US + 120 * MINUTE_US)
    assert clock.is_late(TEN_US + 120 * MINUTE_US + 1)


def test_trials_are_ticked_by_hand_until_the_earth_goes_with_a_line() -> None:
    room = Room()
    room.stand(CURRENTS)
    event = earth(room)
    wanted = room.fault.earth_id
    assert earth_tasks(room.fault)[0].text == Reason.of("task_trial", number="114")
    room.ask(TickTrial(earth_id=wanted, number="114", result=TrialResult.STILL))
    assert earth_tasks(room.fault)[0].text == Reason.of("task_trial", number="113")
    room.until(60)
    room.tell(returned(event, room.at_us))  # while 113 is open
    assert not room.fault.is_open
    assert room.ask(TickTrial(earth_id=wanted, number="113", result=TrialResult.GONE)).done
    assert room.fault.found == "113"
    assert [(each.done_by, each.done_at_us) for each in room.fault.trials][1] == ("dd", room.at_us)


def test_the_same_earth_after_a_trial_keeps_its_clock() -> None:
    room = Room()
    event = earth(room)
    room.until(600)
    room.tell(returned(event, room.at_us))
    room.until(610)
    earth(room)
    assert room.fault.is_open
    assert room.fault.started_at_us == TEN_US
    assert earth_tasks(room.fault)


def test_an_earth_long_after_is_another_one() -> None:
    room = Room()
    event = earth(room)
    room.tell(returned(event, room.at_us))
    room.jump(11 * 60)
    earth(room)
    assert len(room.earth) == 2


def test_it_ends_when_the_last_of_its_limits_has_returned() -> None:
    room = Room()
    low, high = earth(room), earth(room, condition=Condition.HIGH_HIGH, priority=Priority.URGENT)
    room.tell(returned(low, room.at_us))
    assert room.fault.is_open
    room.tell(returned(high, TEN_US + SECOND_US))
    assert room.fault.ended_at_us == TEN_US + SECOND_US


def test_its_clock_warns_at_60_90_and_110_minutes_and_urgently_at_two_hours() -> None:
    room = Room()
    event = earth(room)
    told = []
    for minute in (59, 60, 90, 110, 120):
        room.jump(minute * 60)
        told.append([each for each, _ in warnings(room)])
    assert told == [[], ["60"], ["60", "90"], ["60", "90", "110"], ["60", "90", "110", "120"]]
    assert warnings(room)[-1] == ("120", 1)
    room.tell(returned(event, room.at_us))
    assert warnings(room) == []


def test_after_a_downtime_only_the_highest_warning_fires_and_a_restart_repeats_none() -> None:
    room = Room()
    earth(room)
    room.jump(100 * 60)
    assert warnings(room) == [("90", 2)]
    again = room.restarted()
    again.jump(101 * 60)
    assert warnings(again) == []


@pytest.mark.parametrize(
    ("number", "user", "code"),
    [
        pytest.param("999", "dd", "no_such_line", id="no-line-of-the-busbar"),
        pytest.param("113", "other", "out_of_scope", id="another-station"),
    ],
)
def test_a_trial_that_cannot_be_is_refused(number: str, user: str, code: str) -> None:
    room = Room()
    earth(room)
    wanted = TickTrial(earth_id=room.fault.earth_id, number=number, result=TrialResult.STILL)
    handled = room.ask(wanted, user)
    assert handled.why
    assert handled.why.code == code


def test_notes_are_kept_with_it() -> None:
    room = Room()
    earth(room)
    assert not room.ask(NoteEarthFault(earth_id=room.fault.earth_id, words="")).done
    assert room.ask(NoteEarthFault(earth_id=room.fault.earth_id, words="巡视 115 线")).done
    assert room.fault.notes[0].words == "巡视 115 线"


def test_another_points_voltage_is_no_earth_fault() -> None:
    room = Room()
    earth(room, point="LY/PT10-2/u0")
    earth(room, condition=Condition.SILENCE)
    assert not room.earth
