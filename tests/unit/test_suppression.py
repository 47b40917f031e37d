"""Suppression by design: what follows from a contact's state is kept back, listed, counted, and comes through
when it no longer follows. Through the detectors and linkage, as core runs them."""

from dataclasses import replace
from math import nan
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.evaluate import DetectorState, evaluate
from domain.alarms import Alarm, AlarmState, Withheld, Withholding
from domain.assets import AlarmClass, Condition, Limit, Point, Priority
from domain.changes import Changes
from domain.clock import SECOND_US
from domain.ids import PointKey
from domain.incidents import Incident, IncidentState
from domain.readings import Quality
from domain.records import Record, Requested
from domain.requests import EndWithholding, Request, ShelveAlarm
from linkage.desk import Held
from linkage.linkage import Linkage
from linkage.plan import InvalidPlan, LinkagePlan, Suppression
from tests.support.control_room import NEIGHBOUR, ROOM, USERS
from tests.support.limit_records import (
    activated,
    current,
    group,
    point,
    reading,
    restarted,
    row,
    tick,
    us,
)

BREAKER, VOLTAGE, CURRENT = 1, 2, 3  # numbers of points
OPEN, CLOSED = 1.0, 2.0
RULE = Suppression(
    rule_id="dead-bay",
    because="断路器在分位, 失压是其后果",
    gate=PointKey("113/position"),
    states=(OPEN,),
    points=(PointKey("113/uab"),),
    conditions=(Condition.LOW,),
)
MINOR_LOW = Limit(condition=Condition.LOW, value=9.3)


def of_113(number: int, key: str, *limits: Limit, stale_after: float | None = None) -> Point:
    made = point(*limits, number=number, key=key, stale_after=stale_after)
    return replace(made, asset_id=NEIGHBOUR.asset_id)


POINTS = (
    of_113(BREAKER, "113/position", stale_after=60),
    of_113(
        VOLTAGE,
        "113/uab",
        MINOR_LOW,
        Limit(condition=Condition.LOW_LOW, value=5, priority=Priority.URGENT),
    ),
    of_113(CURRENT, "113/ia", Limit(condition=Condition.HIGH, value=180)),
)


class Bay:
    """Detectors and linkage over one bay, and what the records keep of it."""

    def __init__(self, *rules: Suppression, points: tuple[Point, ...] = POINTS) -> None:
        self.plan = plan_with(rules, points)
        self.state = DetectorState.initial()
        self.linkage = Linkage(self.plan, held=Held(users=USERS))
        self.everything = Changes()
        self._asked = 0
        self.takes(activated(*points), current())

    def takes(self, *records: Record) -> None:
        for record in records:
            self.state, events = evaluate(self.state, record)
            self.everything.extend(self.linkage.decide(record, events, self.state))

    def asks(self, request: Request, at: float) -> bool:
        self._asked += 1
        asked = Requested(
            at_us=us(at), request_id=UUID(int=self._asked), actor="duty", request=request
        )
        before = len(self.everything.handled)
        self.takes(asked)
        return self.everything.handled[before].done

    def restarts(self, *rules: Suppression) -> None:
        """From the checkpoint and the records; with other rules where the site has changed."""
        self.plan = plan_with(rules or self.plan.suppressions, tuple(self.plan.points.values()))
        self.state = restarted(self.state)
        self.linkage = Linkage(
            self.plan,
            [each for each in self.incidents.values() if each.state is not IncidentState.CLOSED],
            held=Held(
                users=USERS,
                alarms=tuple(each for each in self.alarms.values() if each.is_open),
                withholdings=tuple(each for each in self.withholdings if each.holds),
            ),
        )

    @property
    def alarms(self) -> dict[UUID, Alarm]:
        return {each.event_id: each for each in self.everything.alarms}

    @property
    def incidents(self) -> dict[UUID, Incident]:
        return {each.incident_id: each for each in self.everything.incidents}

    @property
    def withholdings(self) -> list[Withholding]:
        return list({each.withholding_id: each for each in self.everything.withholdings}.values())

    def alarm(self, condition: Condition) -> Alarm:
        (found,) = (each for each in self.alarms.values() if each.condition is condition)
        return found


def plan_with(rules: tuple[Suppression, ...], points: tuple[Point, ...]) -> LinkagePlan:
    return replace(ROOM, points={each.key: each for each in points}, suppressions=rules)


def position(at: float, state: float, quality: Quality = Quality.GOOD) -> Record:
    return reading(at, state, number=BREAKER, quality=quality)


def voltage(at: float, kilovolts: float) -> Record:
    return reading(at, kilovolts, number=VOLTAGE)


def test_what_follows_from_an_open_breaker_is_listed_with_its_reason_and_calls_nobody() -> None:
    bay = Bay(RULE)
    bay.takes(voltage(1, 10), position(2, OPEN), voltage(3, 7))

    low = bay.alarm(Condition.LOW)
    assert (low.withheld, low.state) == (Withheld.SUPPRESSED, AlarmState.UNACKNOWLEDGED)
    (kept,) = bay.withholdings
    assert low.withheld_by == kept.withholding_id
    assert (kept.kind, kept.by, kept.reason) == (
        Withheld.SUPPRESSED,
        "dead-bay",
        "断路器在分位, 失压是其后果",
    )
    assert len(bay.everything.events) == 1, "it was evaluated and recorded"
    assert not bay.everything.incidents
    assert not bay.everything.commands


def test_level_1_and_what_no_rule_names_come_through() -> None:
    bay = Bay(RULE, replace(RULE, rule_id="all", conditions=(Condition.LOW_LOW,)))
    bay.takes(position(1, OPEN), voltage(2, 3), reading(3, 200, number=CURRENT))

    assert bay.alarm(Condition.LOW_LOW).withheld is None
    assert bay.alarm(Condition.HIGH).withheld is None
    assert bay.alarm(Condition.LOW).withheld is Withheld.SUPPRESSED
    assert bay.everything.commands, "the siren of level 1"


def test_what_came_before_its_cause_leaves_the_list_and_its_incident() -> None:
    bay = Bay(RULE)
    bay.takes(voltage(1, 7))
    assert bay.alarm(Condition.LOW).withheld is None
    bay.takes(position(2, OPEN))

    assert bay.alarm(Condition.LOW).withheld is Withheld.SUPPRESSED
    (incident,) = bay.incidents.values()
    assert incident.state is IncidentState.CLOSED


def test_both_in_one_message_is_enough() -> None:
    bay = Bay(RULE)
    bay.takes(group(row(1, 7, number=VOLTAGE), row(1, OPEN, number=BREAKER)))
    assert not bay.everything.incidents


@pytest.mark.parametrize(
    ("then", "told"),
    [
        pytest.param([position(5, CLOSED)], True, id="the-contact-moves-back"),
        pytest.param([voltage(5, 10), position(6, CLOSED)], False, id="over-before-that"),
        pytest.param([position(5, OPEN)], False, id="the-same-state-again"),
        pytest.param([position(0.5, CLOSED)], False, id="an-old-reading-changes-nothing"),
        pytest.param(
            [position(5, OPEN, Quality.INVALID)], True, id="an-unusable-state-suppresses-nothing"
        ),
        pytest.param([tick(70)], True, id="nor-does-a-silent-one"),
        pytest.param([tick(50)], False, id="not-yet-silent"),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_it_comes_through_when_it_no_longer_follows(
    then: list[Record], told: bool, restarts: bool
) -> None:
    bay = Bay(RULE)
    bay.takes(position(2, OPEN), voltage(3, 7))
    if restarts:
        bay.restarts()
    bay.takes(*then)

    incidents = [each for each in bay.incidents.values() if each.asset_id == NEIGHBOUR.asset_id]
    low = bay.alarm(Condition.LOW)
    assert (low.withheld is None and low.is_open) is told
    assert any(low.event_id in each.standing for each in incidents) is told


def test_a_hold_gives_the_voltage_time_to_come_back() -> None:
    bay = Bay(replace(RULE, hold_us=10 * SECOND_US))
    bay.takes(position(2, OPEN), voltage(3, 7), position(20, CLOSED), tick(25))
    assert bay.alarm(Condition.LOW).withheld is Withheld.SUPPRESSED
    bay.restarts()
    bay.takes(tick(29))
    assert bay.alarm(Condition.LOW).withheld is Withheld.SUPPRESSED
    bay.takes(tick(30))
    assert bay.alarm(Condition.LOW).withheld is None


def test_a_contact_that_moves_again_within_the_hold_goes_on_suppressing() -> None:
    bay = Bay(replace(RULE, hold_us=10 * SECOND_US))
    bay.takes(position(2, OPEN), voltage(3, 7), position(20, CLOSED), position(25, OPEN), tick(59))
    (kept,) = bay.withholdings
    assert kept.holds
    assert bay.alarm(Condition.LOW).withheld is Withheld.SUPPRESSED


def test_a_state_known_before_a_rule_counts_from_its_first_tick() -> None:
    bay = Bay()
    bay.takes(position(2, OPEN), voltage(3, 7))
    assert bay.alarm(Condition.LOW).withheld is None
    bay.restarts(RULE)
    bay.takes(tick(4))
    assert bay.alarm(Condition.LOW).withheld is Withheld.SUPPRESSED


def test_a_rule_that_the_site_no_longer_has_ends() -> None:
    bay = Bay(RULE)
    bay.takes(position(2, OPEN), voltage(3, 7))
    bay.restarts(replace(RULE, rule_id="another", points=(PointKey("113/ia"),)))
    bay.takes(tick(4))
    assert bay.alarm(Condition.LOW).withheld is None


def test_a_person_cannot_end_a_design_but_may_shelve_beside_it() -> None:
    bay = Bay(RULE)
    bay.takes(position(2, OPEN), voltage(3, 7))
    (kept,) = bay.withholdings
    assert not bay.asks(EndWithholding(withholding_id=kept.withholding_id), at=4)
    why = bay.everything.handled[-1].why
    assert why is not None
    assert why.code == "withheld_by_design"
    shelf = ShelveAlarm(
        point="113/uab", condition=Condition.LOW, reason="计划停电", for_us=3600 * SECOND_US
    )
    assert bay.asks(shelf, at=5)
    bay.takes(position(6, CLOSED))
    assert bay.alarm(Condition.LOW).withheld is Withheld.SHELVED


def test_an_opening_that_turns_out_to_be_a_trip_comes_through() -> None:
    position_alarms = of_113(
        BREAKER,
        "113/position",
        Limit(
            condition=Condition.STATE,
            value=1,
            states=(OPEN,),
            priority=Priority.MINOR,
            alarm_class=AlarmClass.STATE_CHANGE,
        ),
    )
    protection = of_113(
        4,
        "113/quick_break",
        Limit(
            condition=Condition.HIGH,
            value=1,
            priority=Priority.URGENT,
            alarm_class=AlarmClass.FAULT,
        ),
    )
    protection = replace(protection, unit="status")
    isolated = replace(
        RULE, gate=PointKey("113/ia"), states=(0.0,), points=(PointKey("113/position"),)
    )
    bay = Bay(
        replace(isolated, conditions=(Condition.STATE,)),
        points=(replace(position_alarms, unit="position"), *POINTS[1:], protection),
    )
    bay.takes(reading(1, 0, number=CURRENT), position(2, OPEN))
    assert bay.alarm(Condition.STATE).withheld is Withheld.SUPPRESSED
    bay.takes(reading(3, 1, number=4))
    trip = bay.alarm(Condition.STATE)
    assert (trip.withheld, trip.alarm_class) == (None, AlarmClass.FAULT)
    assert trip.incident_id is not None


def test_no_rule_keeps_back_the_alarms_of_its_own_contact() -> None:
    with pytest.raises(InvalidPlan, match="its own gate"):
        plan_with((replace(RULE, points=(RULE.gate,)),), POINTS)


def test_a_point_that_never_came_is_no_state() -> None:
    state, _ = evaluate(DetectorState.initial(), activated(*POINTS))
    values = state.held([BREAKER, 99])
    assert [value == value for value in values] == [False, False]
    assert not RULE.on(nan)


_MOVES = st.lists(
    st.tuples(
        st.sampled_from([BREAKER, VOLTAGE]),
        st.sampled_from([OPEN, CLOSED, 7.0, 10.0]),
        st.sampled_from([Quality.GOOD, Quality.INVALID]),
    ),
    max_size=25,
)


@given(_MOVES, st.sets(st.integers(0, 24)))
@settings(max_examples=60, deadline=None)
def test_restarts_change_nothing_and_what_is_kept_back_agrees_with_the_plain_rule(
    moves: list[tuple[int, float, Quality]], restarts: set[int]
) -> None:
    through, again = Bay(RULE), Bay(RULE)
    held = {BREAKER: nan, VOLTAGE: nan}
    for second, (number, value, quality) in enumerate(moves, start=1):
        record = reading(second, value, number=number, quality=quality)
        through.takes(record)
        if second in restarts:
            again.restarts()
        again.takes(record)
        held[number] = value if quality is Quality.GOOD else nan
        kept_back = [each for each in through.alarms.values() if each.is_open and each.withheld]
        assert all(each.condition is Condition.LOW for each in kept_back)
        assert bool(kept_back) <= (held[BREAKER] == OPEN), "kept back only while it is open"
        shown = [
            each
            for each in through.alarms.values()
            if each.standing and each.condition is Condition.LOW and each.withheld is None
        ]
        assert bool(shown) <= (held[BREAKER] != OPEN), "and shown only while it is not"
    assert again.alarms == through.alarms
    assert again.withholdings == through.withholdings
    assert {each.incident_id for each in again.everything.incidents} == {
        each.incident_id for each in through.everything.incidents
    }
