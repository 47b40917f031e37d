"""The conditions beside the four limits: worked examples, and the engine against the plain reference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.evaluate import DetectorState, evaluate
from domain.assets import Condition, Limit, ModeLevel, Point, Term
from domain.clock import MINUTE_US, SECOND_US
from domain.events import AlarmRaised, Event
from domain.ids import PointKey
from domain.readings import Origin, Quality
from domain.records import ClockRebased, Record
from tests.support.limit_records import (
    OIL,
    SOURCE,
    activated,
    current,
    group,
    limit,
    point,
    reading,
    restarted,
    row,
    story,
    tick,
    us,
)
from tests.support.plain_limits import PlainEngine
from tests.unit.test_limit_engine import (
    DEADBANDS,
    DELAYS,
    NUMBERS,
    SMALL_NUMBERS,
    STALE_AFTER,
    UNITS,
    Drawn,
    DrawnLimits,
    Moments,
    Walk,
    assert_agreement,
    drawn_steps,
)

RESTART: Literal["restart"] = "restart"
Step = Record | Literal["restart"]

B, C = 21, 22
KEY_B, KEY_C = PointKey("B"), PointKey("C")
PARTNERS = (point(number=B, key="B"), point(number=C, key="C"))


def check(condition: Condition, value: float, **more: Any) -> Limit:
    """Delays in seconds, as everywhere in these tests."""
    delays = {name: more.pop(name, 0) for name in ("deadband", "on_delay", "off_delay")}
    return replace(limit(condition, value, **delays), **more)


RISE = check(Condition.RISE, 5, over_us=MINUTE_US)
FALL = check(Condition.FALL, 5, over_us=MINUTE_US)
DEVIATION = check(Condition.DEVIATION, 10, deadband=2, terms=(Term(point=KEY_B),))
COMPUTED = check(
    Condition.DEVIATION,
    10,
    offset=20,
    terms=(Term(point=KEY_B, factor=0.5), Term(point=KEY_C, factor=-1)),
)
STUCK = check(Condition.STUCK, 0.1, on_delay=60)
FAULTY = check(Condition.STATE, 1, states=(0.0, 3.0), on_delay=5)
MOVED = check(Condition.CHANGE, 0)
OPENED = check(Condition.CHANGE, 0, states=(1.0,), on_delay=2)
PHASES = check(Condition.PHASES, 10, terms=(Term(point=KEY_B), Term(point=KEY_C)))
UNBALANCE = replace(PHASES, relative=True, value=20)
WITH_FANS = check(
    Condition.HIGH, 75, deadband=2, by_mode=(ModeLevel(value=85, point=KEY_B, state=1),)
)
GOOD_ONLY = check(Condition.HIGH, 80, good_only=True)


@dataclass(frozen=True)
class Vector:
    rule: str
    limits: Sequence[Limit]
    steps: Sequence[Step]
    events: Sequence[str]
    stale_after: float | None = None


VECTORS = (
    Vector(
        "rise-is-told-per-minute-over-a-minute-at-least",
        [RISE],
        [reading(0, 50), reading(30, 52), reading(60, 55), reading(90, 57), reading(150, 57)],
        ["rise raised 60 since 60 at 5", "rise cleared 150 at 0"],
    ),
    Vector(
        "a-single-spike-within-the-minute-is-measured-against-what-was-a-minute-ago",
        [RISE],
        [reading(0, 50), reading(1, 54), reading(2, 50), reading(60, 50), reading(62, 54)],
        [],
    ),
    Vector(
        "fall-is-the-other-way",
        [FALL],
        [reading(0, 50), reading(60, 55), reading(120, 50)],
        ["fall raised 120 since 120 at 5"],
    ),
    Vector(
        "a-slow-point-is-measured-from-one-reading-to-the-next",
        [RISE],
        [reading(0, 50), reading(600, 75), reading(1200, 125)],
        ["rise raised 1200 since 1200 at 5"],
    ),
    Vector(
        "what-was-lost-from-sight-is-no-past-to-measure-from",
        [RISE],
        [reading(0, 50), reading(30, 51, quality=Quality.INVALID), reading(60, 99)],
        [],
    ),
    Vector(
        "deviation-from-a-partner-begins-when-either-moves",
        [DEVIATION],
        [reading(0, 50), reading(1, 45, number=B), reading(5, 40, number=B), reading(9, 49)],
        ["deviation raised 5 since 5 at 10"],
    ),
    Vector(
        "deviation-returns-beyond-the-deadband",
        [DEVIATION],
        [
            group(row(0, 50), row(0, 40, number=B)),
            reading(1, 49),
            reading(2, 41.5, number=B),
        ],
        ["deviation raised 0 since 0 at 10", "deviation cleared 2 at 7.5"],
    ),
    Vector(
        "deviation-is-unknown-while-the-partner-is-silent",
        [DEVIATION],
        [reading(0, 50), reading(100, 99)],
        [],
    ),
    Vector(
        "a-partner-gone-stale-ends-a-run-and-leaves-an-alarm",
        [replace(DEVIATION, on_delay_us=20 * SECOND_US)],
        [group(row(0, 60), row(0, 40, number=B)), reading(8, 60), reading(16, 60), tick(25)],
        [],
        stale_after=10,
    ),
    Vector(
        "deviation-from-a-computed-value",
        [COMPUTED],
        [group(row(0, 50), row(0, 40, number=B), row(0, 5, number=C)), reading(3, 45)],
        ["deviation raised 0 since 0 at 15"],
    ),
    Vector(
        "a-value-that-does-not-move-for-its-time-is-stuck-since-it-stood-still",
        [STUCK],
        [reading(0, 50), reading(10, 51), reading(40, 51.05), reading(69, 51), reading(70, 51)],
        ["stuck raised 70 since 10 at 51"],
    ),
    Vector(
        "a-stuck-value-moves-and-may-stick-again",
        [STUCK],
        [reading(0, 50), reading(60, 50), reading(65, 52), reading(120, 52), reading(125, 52)],
        [
            "stuck raised 60 since 0 at 50",
            "stuck cleared 65 at 52",
            "stuck raised 125 since 65 at 52",
        ],
    ),
    Vector(
        "silence-is-not-being-stuck",
        [STUCK],
        [reading(0, 50), tick(200), reading(201, 50)],
        ["silence raised 30 since 0 at nan", "silence cleared 201 at nan"],
        stale_after=30,
    ),
    Vector(
        "a-contact-in-a-state-that-must-not-be",
        [FAULTY],
        [
            reading(0, 2),
            reading(1, 0),
            reading(2, 1),
            reading(10, 3),
            reading(20, 3),
            reading(21, 2),
        ],
        ["state raised 15 since 10 at 3", "state cleared 21 at 2"],
    ),
    Vector(
        "each-move-is-an-event-of-its-own",
        [MOVED],
        [reading(0, 2), reading(5, 1), reading(9, 1), reading(10, 2)],
        ["change raised 5 since 5 at 1", "change raised 10 since 10 at 2"],
    ),
    Vector(
        "what-an-interrogation-tells-is-state-and-no-move",
        [MOVED],
        [
            reading(0, 2),
            reading(5, 1, origin=Origin.STATE),
            reading(6, 2, origin=Origin.HISTORY),
            reading(7, 2),
        ],
        [],
    ),
    Vector(
        "a-move-must-last-for-its-delay",
        [OPENED],
        [
            reading(0, 2),
            reading(5, 1),
            reading(6, 2),
            reading(10, 1),
            reading(20, 1),
            reading(21, 2),
        ],
        ["change raised 12 since 10 at 1"],
    ),
    Vector(
        "three-phases-apart",
        [PHASES],
        [
            group(row(0, 70), row(0, 71, number=B), row(0, 69, number=C)),
            reading(1, 80, number=C),
            reading(2, 75, number=C),
        ],
        ["phases raised 1 since 1 at 10", "phases cleared 2 at 5"],
    ),
    Vector(
        "three-phases-apart-in-per-cent-of-their-mean",
        [UNBALANCE],
        [
            group(row(0, 100), row(0, 100, number=B), row(0, 100, number=C)),
            reading(1, 76, number=C),
        ],
        ["phases raised 1 since 1 at 26.087"],
    ),
    Vector(
        "the-limit-follows-the-fans",
        [WITH_FANS],
        [
            group(row(0, 1, number=B), row(0, 80)),
            reading(5, 0, number=B),
            reading(9, 80),
            reading(10, 1, number=B),
        ],
        ["H raised 5 since 5 at 80", "H cleared 10 at 80 limit_changed"],
    ),
    Vector(
        "a-fan-that-is-not-known-turns-no-mode-on",
        [WITH_FANS],
        [reading(0, 80)],
        ["H raised 0 since 0 at 80"],
    ),
    Vector(
        "a-doubtful-value-is-unknown-where-only-good-ones-count",
        [GOOD_ONLY],
        [reading(0, 85, quality=Quality.QUESTIONABLE), reading(1, 85), reading(2, 85)],
        ["H raised 1 since 1 at 85"],
    ),
    Vector(
        "a-run-goes-on-over-a-restart",
        [STUCK],
        [reading(0, 50), RESTART, reading(30, 50), RESTART, tick(61)],
        ["stuck raised 60 since 0 at 50"],
    ),
    Vector(
        "a-standing-alarm-clears-as-changed-when-its-condition-goes",
        [DEVIATION],
        [group(row(0, 60), row(0, 40, number=B)), activated(point(), *PARTNERS, at=5, version=2)],
        ["deviation raised 0 since 0 at 20", "deviation cleared 5 at 20 limit_changed"],
    ),
    Vector(
        "a-standing-alarm-goes-on-under-its-id-when-its-limit-moves",
        [DEVIATION],
        [
            group(row(0, 60), row(0, 40, number=B)),
            activated(point(replace(DEVIATION, value=15)), *PARTNERS, at=5, version=2),
            reading(6, 50),
        ],
        ["deviation raised 0 since 0 at 20", "deviation cleared 6 at 10"],
    ),
    Vector(
        "a-clock-that-steps-back-ends-a-run",
        [STUCK],
        [
            reading(100, 50),
            ClockRebased(at_us=us(130), source_id=SOURCE, point=OIL, from_us=us(100), to_us=us(40)),
            reading(41, 50, arrived=131),
            reading(101, 50, arrived=191),
        ],
        ["clock_stepped_back raised 40 since 40 at 60", "stuck raised 101 since 41 at 50"],
    ),
)


def _evaluated(vector: Vector) -> list[Event]:
    state, events = DetectorState.initial(), list[Event]()
    for step in _records(vector):
        if step == RESTART:
            state = restarted(state)
        else:
            assert not isinstance(step, str)
            state, found = evaluate(state, step)
            events += found
    return events


def _records(vector: Vector) -> list[Step]:
    watched = point(*vector.limits, stale_after=vector.stale_after)
    partners = [
        replace(each, stale_after_us=None if vector.stale_after is None else 10 * SECOND_US)
        if each.key == KEY_B and vector.stale_after == 10
        else each
        for each in PARTNERS
    ]
    return [activated(watched, *partners), current(), *vector.steps]


def _told(events: Sequence[Event]) -> list[str]:
    """Silence of the partners is not what the vector is about."""
    return [line for line in story(events) if "unknown" not in line]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector.rule for vector in VECTORS])
def test_the_engine_gives_the_worked_example(vector: Vector) -> None:
    own = [event for event in _evaluated(vector) if not _is_of_a_partner(event)]
    assert _told(own) == list(vector.events)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector.rule for vector in VECTORS])
def test_the_plain_reference_gives_the_worked_example(vector: Vector) -> None:
    plain, events = PlainEngine(), list[Event]()
    for step in _records(vector):
        if not isinstance(step, str):
            events += plain.evaluate(step)
    assert _told([event for event in events if not _is_of_a_partner(event)]) == list(vector.events)


def _is_of_a_partner(event: Event) -> bool:
    return isinstance(event, AlarmRaised) and event.point in (KEY_B, KEY_C)


# Equal to the reference, whatever comes: the steps of the limit engine's scenarios, with checks beside
# the limits. A partner is drawn as the place of another point, since the numbers differ by scenario.

PLACES = ("0", "1", "2")
CHECK_VALUES = (0.0, 5.0, 10.0, 40.0)
STATE_SETS = ((50.0,), (78.0, 80.0), (9.0, 10.0, 12.0))
FACTORS = (1.0, -0.5)


def _some_check(pick: Any) -> Limit:
    """`pick` takes one of several."""
    condition = pick(
        [
            *(Condition.RISE, Condition.FALL, Condition.DEVIATION, Condition.STUCK),
            *(Condition.STATE, Condition.CHANGE, Condition.PHASES, Condition.HIGH, Condition.LOW),
        ]
    )
    made = limit(
        condition,
        pick(CHECK_VALUES),
        deadband=pick(DEADBANDS),
        on_delay=pick(DELAYS),
        off_delay=pick(DELAYS),
    )
    switched = pick([True, False])
    by_mode = (
        ModeLevel(value=pick([20.0, 85.0]), point=PointKey(pick(PLACES)), state=pick([50.0, 80.0])),
    )
    match condition:
        case Condition.RISE | Condition.FALL:
            made = replace(made, over_us=pick([1, 3, 10]) * SECOND_US)
        case Condition.DEVIATION:
            terms = tuple(
                Term(point=PointKey(pick(PLACES)), factor=pick(FACTORS))
                for _ in range(pick([0, 1, 1, 2]))
            )
            made = replace(made, terms=terms, offset=pick([0.0, 45.0]))
        case Condition.STUCK:
            return replace(made, value=pick([0.0, 1.0]), on_delay_us=pick([1, 3, 10]) * SECOND_US)
        case Condition.STATE:
            return replace(made, value=1.0, deadband=0.0, states=pick(STATE_SETS))
        case Condition.CHANGE:
            return replace(made, off_delay_us=0, states=pick([(), *STATE_SETS]))
        case Condition.PHASES:
            terms = (Term(point=PointKey("1")), Term(point=PointKey("2")))
            made = replace(made, terms=terms, relative=pick([True, False]))
        case _:
            made = replace(
                made, value=80.0 if condition is Condition.HIGH else 20.0, good_only=True
            )
    return replace(
        made, by_mode=by_mode if switched else (), good_only=made.good_only or pick([True, False])
    )


@st.composite
def drawn_checks(draw: st.DrawFn) -> Limit:
    return _some_check(lambda options: draw(st.sampled_from(options)))


class CheckMoments(Moments):
    """Names the partners of a drawn check, and gives its span in the scenario's unit."""

    def in_units(self, drawn: Limit) -> Limit:
        return replace(
            super().in_units(drawn),
            over_us=max(1, round(drawn.over_us * self.unit)),
            terms=tuple(replace(term, point=self.key(term.point)) for term in drawn.terms),
            by_mode=tuple(
                replace(level, point=self.key(level.point or "")) for level in drawn.by_mode
            ),
        )

    def key(self, place: str) -> PointKey:
        return PointKey(f"35kV-liuyuan/{self.numbers[int(place)]}/top_oil_temp")


def some_limits(draw_set: Any, pick: Any) -> DrawnLimits:
    return DrawnLimits(
        tuple(
            (pick([True] * 9 + [False]), pick([0, 1]), pick(STALE_AFTER), draw_set())
            for _ in NUMBERS
        )
    )


check_limits = st.builds(
    DrawnLimits,
    st.tuples(
        *(
            st.tuples(
                st.sampled_from([True, True, True, False]),
                st.integers(0, 1),
                st.sampled_from(STALE_AFTER),
                st.lists(drawn_checks(), max_size=3).map(tuple),
            )
            for _ in NUMBERS
        )
    ),
)
scenarios = st.tuples(
    st.sampled_from([NUMBERS, SMALL_NUMBERS]),
    st.sampled_from(UNITS),
    check_limits,
    st.lists(st.one_of(drawn_steps, check_limits), min_size=1, max_size=25),
)


@settings(max_examples=200, deadline=None)
@given(scenarios)
def test_the_engine_agrees_with_the_plain_reference(
    scenario: tuple[tuple[int, ...], float, DrawnLimits, list[Drawn]],
) -> None:
    numbers, unit, first_limits, steps = scenario
    assert_agreement(CheckMoments(numbers, unit), first_limits, steps)


class CheckWalk(Walk):
    def limit_set(self) -> tuple[Limit, ...]:
        few = tuple(_some_check(self.random.choice) for _ in range(self.random.randrange(1, 5)))
        return (*few, *super().limit_set()[:2])


@pytest.mark.parametrize("seed", range(20))
def test_the_engine_agrees_on_a_long_walk(seed: int) -> None:
    """With restarts at random places: what a kill would leave behind is what the checkpoint holds."""
    walk = CheckWalk(Random(seed))
    moments = CheckMoments(walk.random.choice([NUMBERS, SMALL_NUMBERS]), UNITS[seed % 2])
    first_limits, steps = walk.limits(), [walk.step() for _ in range(500)]
    assert assert_agreement(moments, first_limits, steps) > 10


# What a checkpoint keeps


def test_a_checkpoint_of_the_release_before_restores_and_its_checks_begin_anew() -> None:
    state, _ = evaluate(DetectorState.initial(), activated(point(STUCK)))
    arrays = {name: array for name, array in state.arrays().items() if name != "checks"}
    again = DetectorState.restore(arrays, {**state.meta(), "format": 2}, state.parts())
    state, _ = evaluate(again, current())
    state, events = evaluate(state, group(row(0, 50), row(60, 50)))
    assert story(events) == ["stuck raised 60 since 0 at 50"]


def test_a_copy_goes_its_own_way() -> None:
    state, _ = evaluate(DetectorState.initial(), activated(point(MOVED)))
    state, _ = evaluate(state, reading(0, 2))
    _, events = evaluate(state.copy(), reading(1, 1))
    assert story(events) == ["change raised 1 since 1 at 1"]
    _, events = evaluate(state, reading(2, 2))
    assert events == []


def test_a_check_whose_partner_is_not_there_watches_nothing() -> None:
    lonely: Point = point(DEVIATION)
    state, _ = evaluate(DetectorState.initial(), activated(lonely))
    _, events = evaluate(state, reading(0, 1e9))
    assert events == []


def test_many_quiet_points_do_not_meet_the_checks_of_one() -> None:
    points = [point(number=number) for number in range(100, 200)]
    state, _ = evaluate(DetectorState.initial(), activated(point(MOVED), *points))
    rows = [row(1, float(number), number=number) for number in range(100, 200)]
    state, events = evaluate(state, group(*rows))
    assert events == []
    assert np.frombuffer(state.arrays()["checks"], np.uint8).size < 200
