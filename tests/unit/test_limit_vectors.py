"""The worked examples that define the limit engine: readings in, events out, in seconds.

The plain reference and the engine must both give exactly these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pytest

from detectors.evaluate import DetectorState, evaluate
from domain.assets import Condition, Limit, Point
from domain.clock import SECOND_US
from domain.events import Event
from domain.readings import Origin, Quality
from domain.records import ClockRebased, Record
from tests.support.limit_records import (
    OIL,
    SOURCE,
    activated,
    current,
    group,
    limit,
    not_current,
    point,
    reading,
    restarted,
    row,
    story,
    tick,
    us,
)
from tests.support.plain_limits import PlainEngine

RESTART: Literal["restart"] = "restart"
Step = Record | Literal["restart"]

H80 = limit(Condition.HIGH, 80)
H80_FOR_10S = limit(Condition.HIGH, 80, on_delay=10)


def stepped_back(*, at: float, to: float) -> ClockRebased:
    """The clock of the watched point stood at 600 seconds, or at twice that; it stands at `to`."""
    return ClockRebased(at_us=us(at), source_id=SOURCE, point=OIL, from_us=us(at - 3), to_us=us(to))


NAN, INFINITE = float("nan"), float("inf")


@dataclass(frozen=True)
class Vector:
    rule: str
    limits: Sequence[Limit]
    steps: Sequence[Step]
    events: Sequence[str]
    stale_after: float | None = None
    more_points: Sequence[Point] = ()


VECTORS = [
    Vector(
        "raised at the first value at the limit and cleared at the first below it",
        [H80],
        [reading(0, 79), reading(10, 80), reading(20, 85), reading(30, 79), reading(40, 70)],
        ["H raised 10 since 10 at 80", "H cleared 30 at 79"],
    ),
    Vector(
        "a low limit is the mirror of a high one",
        [limit(Condition.LOW, 20, deadband=2)],
        [reading(0, 21), reading(10, 20), reading(20, 21), reading(30, 22)],
        ["L raised 10 since 10 at 20", "L cleared 30 at 22"],
    ),
    Vector(
        "four limits of one point go their own ways",
        [
            limit(Condition.LOW_LOW, 0),
            limit(Condition.LOW, 10),
            H80,
            limit(Condition.HIGH_HIGH, 90),
        ],
        [reading(0, 95), reading(10, 85), reading(20, -5)],
        [
            "H raised 0 since 0 at 95",
            "HH raised 0 since 0 at 95",
            "HH cleared 10 at 85",
            "LL raised 20 since 20 at -5",
            "L raised 20 since 20 at -5",
            "H cleared 20 at -5",
        ],
    ),
    Vector(
        "the deadband counts on the return only, and its edge has returned",
        [limit(Condition.HIGH, 80, deadband=2)],
        [reading(0, 79), reading(10, 80), reading(20, 79), reading(30, 78.5), reading(40, 78)],
        ["H raised 10 since 10 at 80", "H cleared 40 at 78"],
    ),
    Vector(
        "a deadband too small for a float to show is none: at the limit is not returned",
        [limit(Condition.HIGH, 80, deadband=1e-17)],
        [reading(0, 80), reading(10, 80), reading(20, 79.9)],
        ["H raised 0 since 0 at 80", "H cleared 20 at 79.9"],
    ),
    Vector(
        "an on-delay that is not met raises nothing, and a drop inside the deadband ends it too",
        [limit(Condition.HIGH, 80, deadband=5, on_delay=10)],
        [reading(0, 85), reading(5, 79), reading(9, 85), reading(14, 85), reading(18, 70)],
        [],
    ),
    Vector(
        "an on-delay that is met raises at start plus delay, with the value held then",
        [H80_FOR_10S],
        [reading(0, 81), reading(6, 85), reading(13, 90)],
        ["H raised 10 since 0 at 85"],
    ),
    Vector(
        "at equal time the timer goes before the reading",
        [H80_FOR_10S],
        [reading(0, 81), reading(10, 70)],
        ["H raised 10 since 0 at 81", "H cleared 10 at 70"],
    ),
    Vector(
        "at equal time the alarm bears the value held before the reading",
        [H80_FOR_10S],
        [reading(0, 81), reading(10, 85)],
        ["H raised 10 since 0 at 81"],
    ),
    Vector(
        "an on-delay elapses at the tick when no reading comes, behind our clock by the point's lag",
        [H80_FOR_10S],
        [reading(0, 81, arrived=3), tick(12), tick(13)],
        ["H raised 10 since 0 at 81"],
    ),
    Vector(
        "a relapse starts the off-delay again, and the end is the first value of the return that lasted",
        [limit(Condition.HIGH, 80, off_delay=10)],
        [
            reading(0, 85),
            reading(20, 70),
            reading(25, 82),
            reading(30, 75),
            reading(35, 72),
            tick(40),
        ],
        ["H raised 0 since 0 at 85", "H cleared 30 at 75"],
    ),
    Vector(
        "staleness ends a pending run",
        [limit(Condition.HIGH, 80, on_delay=60)],
        [reading(0, 85), reading(31, 85), tick(85), reading(92, 79)],
        ["silence raised 61 since 31 at nan", "silence cleared 92 at nan"],
        stale_after=30,
    ),
    Vector(
        "a value is stale the first microsecond after its time, whatever is read of the time before",
        [limit(Condition.HIGH, 80, on_delay=60)],
        [
            reading(0, 85),
            tick(30),
            tick(30.000001),
            *(reading(t, 85, arrived=t + 21) for t in (10, 30, 50)),
            tick(90),
            tick(91),
        ],
        [
            "silence raised 30 since 0 at nan",
            "silence cleared 31 at nan",
            "H raised 70 since 10 at 85",
        ],
        stale_after=30,
    ),
    Vector(
        "a delay that is over when the value goes stale has elapsed",
        [limit(Condition.HIGH, 80, on_delay=30)],
        [reading(0, 85), reading(300, 85)],
        ["H raised 30 since 0 at 85"],
        stale_after=30,
    ),
    Vector(
        "staleness keeps a standing alarm, and its off-delay starts again",
        [limit(Condition.HIGH, 80, off_delay=60)],
        [
            reading(0, 85),
            reading(10, 70),
            reading(100, 70),
            reading(125, 70),
            reading(150, 70),
            reading(160, 70),
        ],
        ["H raised 0 since 0 at 85", "H cleared 100 at 70"],
        stale_after=30,
    ),
    Vector(
        "a value of no use keeps a standing alarm and ends a run",
        [H80, limit(Condition.HIGH_HIGH, 90, on_delay=10)],
        [
            reading(0, 95),
            reading(5, 20, quality=Quality.INVALID),
            reading(11, 95),
            reading(15, NAN),
            reading(20, 20, quality=Quality.NOT_TOPICAL),
            reading(30, 70),
        ],
        ["H raised 0 since 0 at 95", "H cleared 30 at 70"],
    ),
    Vector(
        "a value of no use still moves the point's clock",
        [H80],
        [reading(10, 99, quality=Quality.INVALID), reading(5, 99), reading(10, 99)],
        [],
    ),
    Vector(
        "a doubtful reading in the run marks the alarm as degraded",
        [H80_FOR_10S],
        [reading(0, 81), reading(5, 82, quality=Quality.QUESTIONABLE), reading(9, 83), tick(10)],
        ["H raised 10 since 0 at 83 degraded"],
    ),
    Vector(
        "a late reading does not open an ended alarm again",
        [H80],
        [reading(0, 85), reading(10, 70), reading(5, 99, arrived=12, origin=Origin.HISTORY)],
        ["H raised 0 since 0 at 85", "H cleared 10 at 70"],
    ),
    Vector(
        "a reading with a substituted time counts and never moves the point's clock",
        [H80],
        [
            reading(0, 70),
            reading(100, 85, origin=Origin.TIME_SUBSTITUTED, quality=Quality.QUESTIONABLE),
            reading(50, 86, arrived=101),
            reading(60, 70, arrived=102),
        ],
        ["H raised 100 since 100 at 85 degraded", "H cleared 60 at 70"],
    ),
    Vector(
        "a quiet reading with a substituted time does not hide what comes behind it",
        [H80],
        [reading(0, 70), reading(100, 60, origin=Origin.TIME_SUBSTITUTED), reading(50, 85)],
        ["H raised 50 since 50 at 85"],
    ),
    Vector(
        "an alarm is told before its end, also where a substituted time lies after the end",
        [H80],
        [
            group(
                row(0, 70),
                row(100, 85, origin=Origin.TIME_SUBSTITUTED),
                row(60, 70, arrived=101),
            )
        ],
        ["H raised 100 since 100 at 85", "H cleared 60 at 70"],
    ),
    Vector(
        "of two readings with one time the first counts",
        [H80],
        [
            group(row(10, 70), row(10, 60)),
            activated(point(limit(Condition.HIGH, 65)), at=20, version=2),
            tick(21),
        ],
        ["H raised 20 since 20 at 70"],
    ),
    Vector(
        "one point's back-fill is not judged by the other point's clock",
        [H80_FOR_10S],
        [
            group(*(row(t, 85, arrived=100) for t in range(0, 60, 4)), row(60, 70, arrived=100)),
            group(
                *(row(t, 85, arrived=101, number=8) for t in range(0, 60, 4)),
                row(60, 70, arrived=101, number=8),
            ),
        ],
        [
            "H raised 10 since 0 at 85",
            "H cleared 60 at 70",
            "H raised 10 since 0 at 85",
            "H cleared 60 at 70",
        ],
        more_points=[point(H80_FOR_10S, number=8)],
    ),
    Vector(
        "what began more than five minutes before it arrived is found late",
        [H80],
        [reading(0, 85, arrived=300), reading(10, 70, arrived=310), reading(20, 85, arrived=321)],
        ["H raised 0 since 0 at 85", "H cleared 10 at 70", "H raised 20 since 20 at 85 found late"],
    ),
    Vector(
        "state is listed and sounds nothing, until a live reading says the same",
        [H80, limit(Condition.HIGH_HIGH, 90, on_delay=10)],
        [reading(0, 95, origin=Origin.STATE), reading(5, 95), tick(10)],
        ["H raised 0 since 0 at 95 no output", "HH raised 10 since 0 at 95"],
    ),
    Vector(
        "any live value that violates will do for that, an endless one too",
        [limit(Condition.HIGH, 80, on_delay=10)],
        [reading(0, 95, origin=Origin.STATE), reading(5, INFINITE), tick(10)],
        ["H raised 10 since 0 at inf"],
    ),
    Vector(
        "history newer than the point's clock is listed and sounds nothing",
        [H80],
        [reading(0, 70), reading(10, 85, origin=Origin.HISTORY, arrived=12)],
        ["H raised 10 since 10 at 85 no output"],
    ),
    Vector(
        "a restart in the middle of an on-delay changes nothing",
        [H80_FOR_10S],
        [reading(0, 81), RESTART, reading(6, 85), RESTART, tick(10), RESTART, reading(12, 70)],
        ["H raised 10 since 0 at 85", "H cleared 12 at 70"],
    ),
    Vector(
        "no delay elapses while the source is not current",
        [H80_FOR_10S],
        [reading(0, 81), not_current(5), tick(60), reading(8, 70, arrived=61), current(62)],
        [],
    ),
    Vector(
        "silence is counted by our clock, from the last arrival or from becoming current",
        [H80],
        [
            tick(30),
            tick(31),
            reading(5, 70, arrived=40),
            tick(70),
            not_current(71),
            tick(200),
            current(210),
            tick(240),
            tick(241),
        ],
        [
            "silence raised 30 since 0 at nan",
            "silence cleared 40 at nan",
            "silence raised 240 since 210 at nan",
        ],
        stale_after=30,
    ),
    Vector(
        "a source that says again that it is current does not put silence off",
        [H80],
        [reading(0, 70), current(20), tick(31)],
        ["silence raised 30 since 0 at nan"],
        stale_after=30,
    ),
    Vector(
        "a clock that steps back ends runs, keeps alarms and is an alarm itself",
        [H80, limit(Condition.HIGH_HIGH, 90, on_delay=10)],
        [
            reading(100, 95),
            ClockRebased(at_us=us(105), source_id=SOURCE, point=OIL, from_us=us(100), to_us=us(39)),
            reading(40, 85, arrived=105),
            reading(51, 70, arrived=116),
        ],
        [
            "H raised 100 since 100 at 95",
            "clock_stepped_back raised 39 since 39 at 61",
            "H cleared 51 at 70",
        ],
    ),
    Vector(
        "a clock ten minutes behind since it stepped back does not make what it says late",
        [H80],
        [
            reading(600, 70),
            stepped_back(at=603, to=2),
            RESTART,
            reading(3, 70, arrived=603),
            reading(4, 85, arrived=604),
            reading(5, 70, arrived=605),
            RESTART,
            reading(6, 85, arrived=905),
            reading(7, 70, arrived=906),
            reading(8, 85, arrived=909),
        ],
        [
            "clock_stepped_back raised 2 since 2 at 598",
            "H raised 4 since 4 at 85",
            "H cleared 5 at 70",
            "H raised 6 since 6 at 85",
            "H cleared 7 at 70",
            "H raised 8 since 8 at 85 found late",
        ],
    ),
    Vector(
        "once the clock is set right again, what comes late is late again",
        [H80],
        [
            reading(600, 70),
            stepped_back(at=603, to=2),
            reading(3, 70, arrived=603),
            reading(610, 70, arrived=610),
            reading(611, 85, arrived=912),
        ],
        ["clock_stepped_back raised 2 since 2 at 598", "H raised 611 since 611 at 85 found late"],
    ),
    Vector(
        "a clock that then runs ahead makes nothing later than it is",
        [H80],
        [
            reading(600, 70),
            stepped_back(at=603, to=2),
            reading(710, 70, arrived=610),
            reading(711, 85, arrived=1010),
        ],
        ["clock_stepped_back raised 2 since 2 at 598", "H raised 711 since 711 at 85"],
    ),
    Vector(
        "a clock that is set right by half is allowed the other half only",
        [H80],
        [
            reading(1200, 70),
            stepped_back(at=1203, to=2),
            reading(604, 70, arrived=1204),
            reading(605, 85, arrived=1505),
            reading(606, 70, arrived=1506),
            reading(607, 85, arrived=1508),
        ],
        [
            "clock_stepped_back raised 2 since 2 at 1198",
            "H raised 605 since 605 at 85",
            "H cleared 606 at 70",
            "H raised 607 since 607 at 85 found late",
        ],
    ),
    Vector(
        "state, history and a substituted time do not say that the clock is right again",
        [H80],
        [
            reading(600, 70),
            stepped_back(at=603, to=2),
            reading(700, 70, origin=Origin.TIME_SUBSTITUTED),
            reading(3, 70, arrived=4, origin=Origin.STATE),
            reading(4, 70, arrived=5, origin=Origin.HISTORY),
            reading(5, 85, arrived=905),
        ],
        ["clock_stepped_back raised 2 since 2 at 598", "H raised 5 since 5 at 85"],
    ),
    Vector(
        "whether a run is late shows at its first reading, whatever the clock does until it is raised",
        [H80_FOR_10S],
        [
            reading(600, 70),
            stepped_back(at=603, to=2),
            reading(4, 85, arrived=604),
            reading(13, 85, arrived=13),
            tick(20),
        ],
        ["clock_stepped_back raised 2 since 2 at 598", "H raised 14 since 4 at 85"],
    ),
    Vector(
        "a standing alarm goes on under a moved limit that it has not returned under",
        [H80],
        [
            reading(0, 85),
            activated(point(limit(Condition.HIGH, 86, deadband=5)), at=5, version=2),
            reading(10, 82),
            reading(20, 81),
        ],
        ["H raised 0 since 0 at 85", "H cleared 20 at 81"],
    ),
    Vector(
        "a standing alarm without ground under the moved limit clears as limit changed",
        [H80, limit(Condition.HIGH_HIGH, 84)],
        [reading(0, 85), activated(point(limit(Condition.HIGH, 90)), at=5, version=2)],
        [
            "H raised 0 since 0 at 85",
            "HH raised 0 since 0 at 85",
            "H cleared 5 at 85 limit_changed",
            "HH cleared 5 at 85 limit_changed",
        ],
    ),
    Vector(
        "what is due at the activation is due by the old limits",
        [H80_FOR_10S],
        [reading(0, 85), activated(point(limit(Condition.HIGH, 90)), at=10, version=2)],
        ["H raised 10 since 0 at 85", "H cleared 10 at 85 limit_changed"],
    ),
    Vector(
        "a point with another key or another number is another point",
        [H80],
        [
            reading(0, 85),
            activated(point(H80, number=8, key=point().key), at=5, version=2),
            reading(6, 85, number=8),
            activated(point(H80, number=8, key="other"), at=10, version=3),
        ],
        [
            "H raised 0 since 0 at 85",
            "H cleared 5 at 85 limit_changed",
            "H raised 6 since 6 at 85",
            "H cleared 10 at 85 limit_changed",
        ],
    ),
    Vector(
        "a limit moved below the held value counts from its activation, not from the past",
        [limit(Condition.HIGH, 90, on_delay=10)],
        [reading(0, 85), activated(point(H80_FOR_10S), at=5, version=2), tick(14), tick(15)],
        ["H raised 15 since 5 at 85"],
    ),
]


def steps_of(vector: Vector) -> list[Step]:
    watched = point(*vector.limits, stale_after=vector.stale_after)
    return [activated(watched, *vector.more_points), current(), *vector.steps]


def plain_events(steps: Sequence[Step]) -> list[Event]:
    engine = PlainEngine()
    return [event for step in steps if step != RESTART for event in engine.evaluate(step)]


def engine_events(steps: Sequence[Step]) -> list[Event]:
    state = DetectorState.initial()
    events: list[Event] = []
    for step in steps:
        if step == RESTART:
            state = restarted(state)
        else:
            state, found = evaluate(state, step)
            events += found
    return events


@pytest.mark.parametrize("vector", [pytest.param(one, id=one.rule) for one in VECTORS])
def test_the_plain_reference_gives_the_worked_example(vector: Vector) -> None:
    assert story(plain_events(steps_of(vector))) == list(vector.events)


@pytest.mark.parametrize("vector", [pytest.param(one, id=one.rule) for one in VECTORS])
def test_the_engine_gives_the_worked_example(vector: Vector) -> None:
    assert story(engine_events(steps_of(vector))) == list(vector.events)


def test_a_delay_elapses_at_the_latest_its_length_after_the_arrival() -> None:
    """However far the point's clock is behind ours."""
    steps: list[Step] = [activated(point(H80_FOR_10S)), current(), reading(0, 85, arrived=4000)]
    assert engine_events([*steps, tick(4009)]) == []
    (raised,) = engine_events([*steps, tick(4010)])
    assert raised.detected_at_us == us(4000) + 10 * SECOND_US
