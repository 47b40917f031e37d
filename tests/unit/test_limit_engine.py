"""The limit engine against the plain reference, and what every detector must keep."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.evaluate import DetectorState, UnreadableCheckpoint, evaluate
from domain.assets import Condition, Limit, Point
from domain.clock import SECOND_US
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.ids import DeviceId, SourceId
from domain.readings import Origin, Quality, Readings
from domain.records import (
    ClockRebased,
    DeadLetter,
    DeviceReplied,
    LimitsActivated,
    ReadingsArrived,
    Record,
    ReplyOutcome,
    SourceChanged,
    Ticked,
)
from tests.support.limit_records import (
    OIL,
    SOURCE,
    activated,
    current,
    facts,
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

H80 = limit(Condition.HIGH, 80)
NAN = float("nan")


def evaluated(records: Sequence[Record]) -> tuple[DetectorState, list[Event]]:
    state = DetectorState.initial()
    events: list[Event] = []
    for record in records:
        state, found = evaluate(state, record)
        events += found
    return state, events


# Equal to the reference, whatever comes. A scenario is drawn as steps in units of time after the step
# before, so that a shrunk example stays readable; `Moments` makes records of them.

SOURCES = ("north", "south")
NUMBERS = (3, 8, 2**31 - 1)  # far apart: numbers are sparse
SMALL_NUMBERS = (3, 8, 9)
UNKNOWN_NUMBER = 5
LEVELS = {
    Condition.LOW_LOW: (0.0, 10.0),
    Condition.LOW: (10.0, 20.0),
    Condition.HIGH: (80.0, 90.0),
    Condition.HIGH_HIGH: (20.0, 90.0, 95.0),  # 20: limits may overlap
}
DEADBANDS = (0.0, 2.0, 1e-17)
DELAYS = (0, 0, 1, 3, 10)
STALE_AFTER = (None, 2, 8, 30)
LOW_VALUES = (0.0, 9.0, 10.0, 12.0, 20.0, 22.0)
HIGH_VALUES = (78.0, 79.0, 80.0, 88.0, 90.0, 95.0)
VALUES = (50.0, 50.0, *LOW_VALUES, *HIGH_VALUES, NAN, float("inf"), float("-inf"))
QUALITIES = (*[0] * 5, *map(int, Quality))
ORIGINS = (*[0] * 4, *map(int, Origin))
LATER = (0, 0, 1, 1, 3, 12)
AHEAD = (0, 0, 0, 0, -1, -2, -5, -20, -400, 1, 4, 300)
BACK = (-4, 2, 5, 60, 350, 900)  # of our clock, after a step back
TICKS = (0, 1, 1, 1, 2, 2, 5, 5, 10, 40, -3)
# the shortest time there is, for what happens at the very edge of a delay, and the usual one
UNITS = (1e-6, 1.0)  # seconds


@dataclass(frozen=True)
class DrawnReading:
    which: int  # 3: a point that is not ours
    later: int  # by our clock, after the reading before
    ahead: int  # of the event time before our clock
    value: float
    quality: int
    origin: int


@dataclass(frozen=True)
class DrawnGroup:
    readings: tuple[DrawnReading, ...]


@dataclass(frozen=True)
class DrawnTick:
    later: int


@dataclass(frozen=True)
class DrawnSource:
    which: int
    current: bool


@dataclass(frozen=True)
class DrawnStepBack:
    which: int
    back: int


@dataclass(frozen=True)
class DrawnLimits:
    points: tuple[tuple[bool, int, int | None, tuple[Limit, ...]], ...]


@dataclass(frozen=True)
class Restart:
    pass


@dataclass(frozen=True)
class Speculation:
    """A copy goes its own way through this group and is thrown away."""

    group: DrawnGroup


Drawn = DrawnGroup | DrawnTick | DrawnSource | DrawnStepBack | DrawnLimits | Restart | Speculation

limit_sets = st.tuples(
    *(
        st.none()
        | st.builds(
            limit,
            st.just(condition),
            st.sampled_from(levels),
            deadband=st.sampled_from(DEADBANDS),
            on_delay=st.sampled_from(DELAYS),
            off_delay=st.sampled_from(DELAYS),
        )
        for condition, levels in LEVELS.items()
    )
).map(lambda some: tuple(one for one in some if one is not None))
drawn_limits = st.builds(
    DrawnLimits,
    st.tuples(
        *(
            st.tuples(
                st.sampled_from([True, True, True, False]),  # is there
                st.integers(0, 1),  # source
                st.sampled_from(STALE_AFTER),  # stale after
                limit_sets,
            )
            for _ in NUMBERS
        )
    ),
)
drawn_readings = st.builds(
    DrawnReading,
    which=st.sampled_from([0, 0, 0, 1, 1, 2, 3]),
    later=st.sampled_from(LATER),
    ahead=st.sampled_from(AHEAD),
    value=st.sampled_from(VALUES),
    quality=st.sampled_from(QUALITIES),
    origin=st.sampled_from(ORIGINS),
)
drawn_groups = st.builds(DrawnGroup, st.lists(drawn_readings, max_size=8).map(tuple))
drawn_steps: st.SearchStrategy[Drawn] = st.one_of(
    drawn_groups,
    drawn_groups,
    drawn_groups,
    drawn_groups,
    st.builds(DrawnTick, st.sampled_from(TICKS)),
    st.builds(DrawnTick, st.sampled_from(TICKS)),
    st.builds(DrawnSource, st.integers(0, 1), st.booleans()),
    st.builds(DrawnStepBack, st.integers(0, 3), st.sampled_from(BACK)),
    drawn_limits,
    st.just(Restart()),
    st.builds(Speculation, drawn_groups),
)
scenarios = st.tuples(
    st.sampled_from([NUMBERS, SMALL_NUMBERS]),
    st.sampled_from(UNITS),
    drawn_limits,
    st.lists(drawn_steps, min_size=1, max_size=25),
)


class Moments:
    """Turns drawn steps into records, with one clock for all."""

    def __init__(self, numbers: tuple[int, ...], unit: float) -> None:
        self.numbers = (*numbers, UNKNOWN_NUMBER)
        self.unit = unit
        self.now = 0
        self.version = 0

    def seconds(self, units: int) -> float:
        return units * self.unit

    def group(self, drawn: DrawnGroup) -> ReadingsArrived:
        rows = []
        for one in drawn.readings:
            self.now += one.later
            substituted = one.origin == Origin.TIME_SUBSTITUTED
            rows.append(
                row(
                    self.seconds(self.now + (0 if substituted else one.ahead)),
                    one.value,
                    number=self.numbers[one.which],
                    arrived=self.seconds(self.now),
                    quality=Quality(one.quality),
                    origin=Origin(one.origin),
                )
            )
        readings = Readings.from_rows(rows)
        return ReadingsArrived(at_us=self.now_us, source_id=SOURCE, readings=readings)

    def limits(self, drawn: DrawnLimits) -> LimitsActivated:
        self.version += 1
        points: list[Point] = [
            point(
                *map(self.in_units, limits),
                number=number,
                stale_after=None if stale_after is None else self.seconds(stale_after),
                source=SOURCES[source],
            )
            for number, (there, source, stale_after, limits) in zip(
                self.numbers, drawn.points, strict=False
            )
            if there
        ]
        return activated(*points, at=self.seconds(self.now), version=self.version)

    def in_units(self, drawn: Limit) -> Limit:
        return replace(
            drawn,
            on_delay_us=round(drawn.on_delay_us * self.unit),
            off_delay_us=round(drawn.off_delay_us * self.unit),
        )

    def record(self, drawn: Drawn) -> Record:
        match drawn:
            case DrawnGroup():
                return self.group(drawn)
            case DrawnTick(later):
                self.now += later
                return Ticked(at_us=self.now_us)
            case DrawnSource(which, is_current):
                source = SourceId(SOURCES[which])
                return SourceChanged(at_us=self.now_us, source_id=source, current=is_current)
            case DrawnStepBack(which, back):
                return ClockRebased(
                    at_us=self.now_us,
                    source_id=SOURCE,
                    point=self.numbers[which],
                    from_us=self.now_us,
                    to_us=us(self.seconds(self.now - back)),
                )
            case DrawnLimits():
                return self.limits(drawn)
            case Restart() | Speculation():
                raise AssertionError("these are no records")

    @property
    def now_us(self) -> int:
        return us(self.seconds(self.now))


def assert_agreement(moments: Moments, first_limits: DrawnLimits, steps: Sequence[Drawn]) -> int:
    """Step by step, each event with every field; the number of events."""
    plain, state, found = PlainEngine(), DetectorState.initial(), 0
    for step in (first_limits, DrawnSource(0, True), DrawnSource(1, True), *steps):
        if isinstance(step, Restart):
            state = restarted(state)
        elif isinstance(step, Speculation):
            before = moments.now
            evaluate(state.copy(), moments.group(step.group))
            moments.now = before
        else:
            record = moments.record(step)
            state, events = evaluate(state, record)
            assert facts(events) == facts(plain.evaluate(record)), record
            found += len(events)
    return found


@settings(max_examples=200, deadline=None)
@given(scenarios)
def test_the_engine_agrees_with_the_plain_reference(
    scenario: tuple[tuple[int, ...], float, DrawnLimits, list[Drawn]],
) -> None:
    numbers, unit, first_limits, steps = scenario
    assert_agreement(Moments(numbers, unit), first_limits, steps)


@pytest.mark.parametrize("seed", range(20))
def test_the_engine_agrees_on_a_long_walk(seed: int) -> None:
    """Hypothesis shrinks, but walks shortly; rare meetings of rules need many steps."""
    walk = Walk(Random(seed))
    moments = Moments(walk.random.choice([NUMBERS, SMALL_NUMBERS]), UNITS[seed % 2])
    first_limits, steps = walk.limits(), [walk.step() for _ in range(500)]
    assert assert_agreement(moments, first_limits, steps) > 20


class Walk:
    def __init__(self, random: Random) -> None:
        self.random = random

    def step(self) -> Drawn:
        pick = self.random.choice
        kind = self.random.random()
        if kind < 0.6:
            return self.group()
        if kind < 0.85:
            return DrawnTick(pick(TICKS))
        if kind < 0.91:
            return DrawnSource(pick((0, 1)), pick((True, True, False)))
        if kind < 0.93:
            return DrawnStepBack(pick((0, 1, 2, 3)), pick(BACK))
        if kind < 0.96:
            return self.limits()
        return Restart() if kind < 0.98 else Speculation(self.group())

    def group(self) -> DrawnGroup:
        return DrawnGroup(tuple(self.reading() for _ in range(self.random.randrange(6))))

    def reading(self) -> DrawnReading:
        pick = self.random.choice
        return DrawnReading(
            which=pick((0, 0, 0, 1, 2, 3)),
            later=pick(LATER),
            ahead=pick(AHEAD) if self.random.random() < 0.3 else 0,
            value=pick(VALUES),
            quality=pick(QUALITIES),
            origin=pick(ORIGINS),
        )

    def limits(self) -> DrawnLimits:
        pick = self.random.choice
        return DrawnLimits(
            tuple(
                (self.random.random() < 0.9, pick((0, 1)), pick(STALE_AFTER), self.limit_set())
                for _ in NUMBERS
            )
        )

    def limit_set(self) -> tuple[Limit, ...]:
        pick = self.random.choice
        return tuple(
            limit(
                condition,
                pick(levels),
                deadband=pick(DEADBANDS),
                on_delay=pick(DELAYS),
                off_delay=pick(DELAYS),
            )
            for condition, levels in LEVELS.items()
            if self.random.random() < 0.7
        )


@pytest.mark.parametrize("seed", range(3))
def test_large_groups_agree_with_the_plain_reference(seed: int) -> None:
    """Hundreds of points per group, most of them quiet: the way of the arrays."""
    random = np.random.default_rng(seed)
    rules = (
        limit(Condition.LOW, 20, deadband=2, on_delay=2),
        limit(Condition.HIGH, 80, deadband=2, off_delay=2),
        limit(Condition.HIGH_HIGH, 90, on_delay=3, off_delay=1),
    )
    watched = [point(*rules, number=n, stale_after=(None, 4)[n % 2]) for n in range(100, 400)]
    plain, state = PlainEngine(), DetectorState.initial()
    raised = 0
    groups = random_groups(random, groups=40, size=400)
    records: list[Record] = [activated(*watched), current(), *groups]
    for record in records:
        state, events = evaluate(state, record)
        assert facts(events) == facts(plain.evaluate(record))
        raised += len(events)
    assert raised > 200


def random_groups(random: np.random.Generator, *, groups: int, size: int) -> list[ReadingsArrived]:
    records = []
    for second in range(groups):
        arrival = us(second) + np.sort(random.integers(0, SECOND_US, size))
        value = random.normal(50, 5, size)
        crossing = random.random(size) < 0.03
        value[crossing] = random.choice([10.0, 20.0, 80.0, 85.0, 95.0, NAN], int(crossing.sum()))
        odd = random.random(size) < 0.02
        readings = Readings(
            point=random.integers(95, 400, size).astype(np.int32),
            event_time=arrival - random.choice([0, 1000, SECOND_US], size, p=[0.9, 0.05, 0.05]),
            arrival_time=arrival,
            value=value,
            quality=np.where(odd, random.integers(0, 7, size), 0).astype(np.uint8),
            origin=np.where(random.random(size) < 0.02, 2, 0).astype(np.uint8),
        )
        at_us = int(arrival[-1])
        records.append(ReadingsArrived(at_us=at_us, source_id=SOURCE, readings=readings))
    return records


# What every detector must keep


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(group(), id="a-group-of-no-readings"),
        pytest.param(Ticked(at_us=us(0)), id="a-tick"),
        pytest.param(
            DeviceReplied(
                at_us=us(0),
                device_id=DeviceId("siren"),
                command_id=UUID(int=1),
                outcome=ReplyOutcome.DONE,
            ),
            id="a-device's-word",
        ),
        pytest.param(
            DeadLetter(
                at_us=us(0),
                source_id=SOURCE,
                reason="malformed_json",
                detail="",
                topic="t",
                payload=None,
            ),
            id="a-dead-letter",
        ),
    ],
)
def test_nothing_is_found_where_nothing_was_read(record: Record) -> None:
    _, events = evaluated([activated(point(H80)), current(), record])
    assert events == []


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(
            DeviceReplied(
                at_us=us(10),
                device_id=DeviceId("siren"),
                command_id=UUID(int=1),
                outcome=ReplyOutcome.DONE,
            ),
            id="a-device's-word",
        ),
        pytest.param(tick(10), id="a-tick"),
    ],
)
def test_every_record_lets_delays_elapse(record: Record) -> None:
    delayed = limit(Condition.HIGH, 80, on_delay=10)
    _, events = evaluated([activated(point(delayed)), current(), reading(0, 85), record])
    assert story(events) == ["H raised 10 since 0 at 85"]


def test_nothing_is_watched_before_limits_are_activated() -> None:
    _, events = evaluated([current(), reading(0, 1e9), tick(1000)])
    assert events == []


def test_the_same_records_give_the_same_events() -> None:
    groups = random_groups(np.random.default_rng(0), groups=5, size=400)
    watched = [point(H80, number=number) for number in range(100, 400)]
    records: list[Record] = [activated(*watched), current(), *groups]
    _, first = evaluated(records)
    _, second = evaluated(records)
    assert facts(first) == facts(second)
    assert first


@pytest.mark.parametrize(
    ("value", "quality"),
    [(99.0, quality) for quality in Quality if quality > Quality.SUBSTITUTED]
    + [(NAN, Quality.GOOD)],
)
def test_a_value_of_no_use_never_raises(value: float, quality: Quality) -> None:
    readings = [reading(second, value, quality=quality) for second in range(10)]
    _, events = evaluated([activated(point(H80)), current(), *readings, tick(100)])
    assert events == []


def test_a_limit_that_is_no_number_watches_nothing() -> None:
    _, events = evaluated(
        [activated(point(limit(Condition.HIGH, NAN))), current(), reading(0, 1e9)]
    )
    assert events == []


def test_an_event_carries_its_point_its_limit_and_the_version() -> None:
    watched = point(H80)
    _, (event,) = evaluated([activated(watched, version=4), current(), reading(3, 85, arrived=4)])
    assert isinstance(event, AlarmRaised)
    assert (event.site, event.point, event.asset_id) == ("liuyuan", watched.key, watched.asset_id)
    assert (event.signal, event.unit, event.limit) == ("油温", "degC", 80)
    assert (event.alarm_class, event.priority) == (H80.alarm_class, H80.priority)
    assert (event.limits_version, event.detected_at_us) == (4, us(4))


def test_a_standing_alarm_keeps_its_id_through_a_new_version() -> None:
    _, events = evaluated(
        [
            activated(point(H80), version=1),
            current(),
            reading(0, 85),
            activated(point(limit(Condition.HIGH, 82)), at=5, version=2),
            reading(10, 70),
        ]
    )
    raised, cleared = events
    assert isinstance(cleared, AlarmCleared)
    assert cleared.event_id == raised.event_id


def test_speculation_on_a_copy_leaves_the_original_untouched() -> None:
    state, _ = evaluated([activated(point(H80, stale_after=5)), current(), reading(0, 70)])
    before = _kept(state)
    copy, events = evaluate(state.copy(), reading(10, 85))
    evaluate(copy, activated(at=11, version=2))
    assert events
    assert _kept(state) == before


def test_a_checkpoint_does_not_change_with_the_state_it_was_taken_from() -> None:
    state, _ = evaluated([activated(point(H80)), current(), reading(0, 70)])
    arrays, before = state.arrays(), _kept(state)
    evaluate(state, reading(10, 85))
    assert {name: array.tobytes() for name, array in arrays.items()} == before[0]


def test_a_checkpoint_of_other_points_or_another_format_is_refused() -> None:
    state, _ = evaluated([activated(point(H80))])
    other, _ = evaluated([activated(point(H80, number=OIL + 1))])
    with pytest.raises(UnreadableCheckpoint, match="other points"):
        DetectorState.restore(state.arrays(), state.meta(), other.parts())
    with pytest.raises(UnreadableCheckpoint, match="format"):
        DetectorState.restore(state.arrays(), {**state.meta(), "format": 99}, state.parts())
    with pytest.raises(UnreadableCheckpoint, match="cannot be read"):
        DetectorState.restore({"number": state.arrays()["number"]}, state.meta(), state.parts())
    with pytest.raises(UnreadableCheckpoint, match="cannot be read"):
        DetectorState.restore(state.arrays(), state.meta(), {"limits": b"no limits"})


def test_the_limits_are_packed_once_per_version_and_kept_over_a_restart() -> None:
    """Ten thousand points are megabytes: too much to write every other second."""
    state, _ = evaluated([activated(point(limit(Condition.HIGH, NAN)))])
    first = state.parts()["limits"]
    state, _ = evaluate(state, reading(0, 85))
    assert state.parts()["limits"] is first
    again = DetectorState.restore(state.arrays(), state.meta(), state.parts())
    assert again.parts()["limits"] is first
    assert np.isnan(again.limits.points[0].limits[0].value)
    state, _ = evaluate(again, activated(point(H80), at=10, version=2))
    assert state.parts()["limits"] != first


def _kept(state: DetectorState) -> tuple[dict[str, bytes], dict[str, object], dict[str, bytes]]:
    arrays = {name: array.tobytes() for name, array in state.arrays().items()}
    return arrays, state.meta(), state.parts()


Shape = Callable[[int], float]


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(lambda k: 50.0, id="quiet"),
        pytest.param(lambda k: (85.0, 50.0)[k % 2], id="crossing-every-time"),
        pytest.param(lambda k: 85.0, id="standing"),
    ],
)
def test_one_point_may_fill_a_group(shape: Shape) -> None:
    rows = [row(k / 100, shape(k)) for k in range(1000)]
    watched = point(H80, limit(Condition.HIGH_HIGH, 84, on_delay=1))
    records: list[Record] = [activated(watched), current(), group(*rows)]
    plain = PlainEngine()
    expected = [event for record in records for event in plain.evaluate(record)]
    _, events = evaluated(records)
    assert facts(events) == facts(expected)
