"""How many readings a second the limit engine takes: 10,000 points with four limits each, mostly quiet.

python -m benchmarks.limit_engine [--json]
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from benchmarks.rows import Row
from detectors.evaluate import DetectorState, evaluate
from domain.assets import ActiveLimits, Condition, Limit, Point
from domain.clock import SECOND_US
from domain.events import Event
from domain.ids import AssetId, PointKey, SourceId
from domain.readings import Readings
from domain.records import LimitsActivated, ReadingsArrived, Record, SourceChanged
from tests.support.plain_limits import PlainEngine

POINTS = 10_000
START_US = 1_790_000_000 * SECOND_US
SOURCE = SourceId("bench")


def rows() -> Iterator[Row]:
    yield of_rate("groups of 1 k, 1 % crossing", rate(1_000, 0.01), 1e6)
    yield of_rate("groups of 10 k, 1 % crossing", rate(10_000, 0.01), 4e6)
    yield of_rate("groups of 10 k, 2 % crossing", rate(10_000, 0.02))
    yield of_rate("groups of 10, 1 % crossing", rate(10, 0.01))
    yield of_rate("groups of 10 k, none crossing", rate(10_000, 0))
    yield of_rate("groups of 10 k, all crossing", rate(10_000, 1))
    yield of_rate("plain reference, groups of 1 k, 1 % crossing", plain_rate())
    yield of_duration("one point 1,000 times in a group, quiet", one_point(50, 50), 30)
    yield of_duration("one point 1,000 times, crossing each time", one_point(50, 99), 30)
    yield of_duration("copy for speculation", duration_ms(lambda state: state.copy()))
    yield of_duration("checkpoint arrays", duration_ms(lambda state: state.arrays()))


def of_rate(what: str, per_second: float, budget: float | None = None) -> Row:
    return Row(
        what=f"limit engine, {what}",
        figure=f"{per_second:,.0f} readings/s",
        budget="none" if budget is None else f"{budget:,.0f}",
        passed=None if budget is None else per_second >= budget,
    )


def of_duration(what: str, took_ms: float, budget: float | None = None) -> Row:
    return Row(
        what=f"limit engine, {what}",
        figure=f"{took_ms:,.1f} ms",
        budget="none" if budget is None else f"{budget:,.0f}",
        passed=None if budget is None else took_ms <= budget,
    )


def rate(size: int, crossing: float) -> float:
    """Readings a second, the median of several stretches."""
    total = {10: 20_000, 1_000: 400_000, 10_000: 1_000_000}[size]
    if crossing == 1:
        total = 50_000
    state = opened()
    groups = random_groups(total // size, size, crossing)
    rates = []
    for stretch in np.array_split(np.arange(len(groups)), 5):
        records = [groups[place] for place in stretch.tolist()]
        began = time.perf_counter()
        for record in records:
            state, _ = evaluate(state, record)
        rates.append(len(records) * size / (time.perf_counter() - began))
    return float(np.median(rates))


def plain_rate() -> float:
    """The reference on a small sample; the engine must find the same in it."""
    groups = random_groups(20, 1_000, 0.01)
    plain = PlainEngine()
    for record in opening():
        plain.evaluate(record)
    events = []
    began = time.perf_counter()
    for group in groups:
        # without the walk over all points that the reference makes for every record
        events += readings_only(plain, group)
    seconds = time.perf_counter() - began
    _, found = run(DetectorState.initial(), [*opening(), *groups])
    if [event.event_id for event in events] != [event.event_id for event in found]:
        raise SystemExit("the engine and the plain reference disagree")
    return 20_000 / seconds


def readings_only(plain: PlainEngine, group: ReadingsArrived) -> list[Event]:
    plain.found, plain.at = [], group.at_us
    plain.readings(group.readings)
    return plain.sorted_events()


def one_point(first: float, second: float) -> float:
    """Milliseconds for a group of 1,000 readings of one point."""
    state = opened()
    order = np.arange(1_000)
    arrival = START_US + SECOND_US + order * 1_000
    record = group_of(np.zeros(1_000, np.int32), arrival, np.where(order % 2, second, first))
    began = time.perf_counter()
    evaluate(state, record)
    return (time.perf_counter() - began) * 1_000


def duration_ms(action: Callable[[DetectorState], object]) -> float:
    state = opened()
    took = []
    for _ in range(9):
        began = time.perf_counter()
        action(state)
        took.append(time.perf_counter() - began)
    return float(np.median(took)) * 1_000


def run(state: DetectorState, records: Sequence[Record]) -> tuple[DetectorState, list[Event]]:
    events: list[Event] = []
    for record in records:
        state, found = evaluate(state, record)
        events += found
    return state, events


def opened() -> DetectorState:
    """Limits active, source current."""
    state, _ = run(DetectorState.initial(), opening())
    # the limits are many small objects that stay: a service too keeps them from being walked over
    gc.collect()
    gc.freeze()
    return state


def opening() -> list[Record]:
    limits = (
        Limit(condition=Condition.LOW_LOW, value=5, deadband=2),
        Limit(condition=Condition.LOW, value=10, deadband=2, on_delay_us=10 * SECOND_US),
        Limit(condition=Condition.HIGH, value=85, deadband=2),
        Limit(condition=Condition.HIGH_HIGH, value=95, deadband=2, on_delay_us=10 * SECOND_US),
    )
    points = tuple(
        Point(
            number=number,
            key=PointKey(f"station/bay/{number}"),
            asset_id=AssetId(f"station/{number // 10}"),
            source_id=SOURCE,
            signal="油温",
            unit="degC",
            stale_after_us=300 * SECOND_US,
            limits=limits,
        )
        for number in range(POINTS)
    )
    active = ActiveLimits(site="bench", version=1, points=points)
    return [
        LimitsActivated(at_us=START_US, limits=active),
        SourceChanged(at_us=START_US, source_id=SOURCE, current=True),
    ]


def random_groups(groups: int, size: int, crossing: float) -> list[ReadingsArrived]:
    """Every point about once a second. `crossing` of the readings cross a limit, half of them back."""
    random = np.random.default_rng(1)
    records = []
    for place in range(groups):
        order = place * size + np.arange(size)
        arrival = START_US + SECOND_US + order * SECOND_US // POINTS
        points = random.integers(0, POINTS, size, np.int32)
        value = random.normal(50, 5, size)
        beyond = random.random(size) < (crossing / 2 if crossing < 1 else 1)
        value[beyond] = random.choice([7.0, 87.0, 99.0], int(beyond.sum()))
        records.append(group_of(points, arrival, value))
    return records


def group_of(
    points: np.ndarray[tuple[int, ...], np.dtype[np.int32]],
    arrival: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    value: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> ReadingsArrived:
    nothing = np.zeros(len(points), np.uint8)
    readings = Readings(
        point=points,
        event_time=arrival - 20_000,
        arrival_time=arrival,
        value=value,
        quality=nothing,
        origin=nothing,
    )
    return ReadingsArrived(at_us=int(arrival[-1]), source_id=SOURCE, readings=readings)


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
