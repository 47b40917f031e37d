"""How long a back-test over a year of one-minute data of 100 points takes, and with it the reading.

python -m benchmarks.backtest [DAYS]
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.rows import Row
from domain.assets import ActiveLimits, Condition, Limit, Point
from domain.clock import MINUTE_US, SECOND_US
from domain.ids import AssetId, PointKey, SourceId
from domain.readings import Readings
from service.backtest import DAY_US, Comparison, compare
from storage.telemetry_duckdb import DuckDbTelemetry

POINTS = 100
START_US = 1_750_000_000 * SECOND_US
BUDGET_S = 60.0


def rows(days: int = 365) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as folder:
        history = DuckDbTelemetry(Path(folder) / "telemetry.duckdb")
        fill(history, days)
        one = changed(1)
        every = changed(POINTS)
        yield of_run(f"1 of {POINTS} points changed, {days} days", days, history, one, 10.0)
        yield of_run(f"all {POINTS} points changed, {days} days", days, history, every, BUDGET_S)
        history.close()


def of_run(
    what: str, days: int, history: DuckDbTelemetry, after: ActiveLimits, budget_s: float
) -> Row:
    began, worked = time.perf_counter(), time.process_time()
    result = compare(history, limits(), after, START_US, START_US + days * DAY_US, progress())
    took_s, worked_s = time.perf_counter() - began, time.process_time() - worked
    return Row(
        what=f"back-test, {what}",
        figure=f"{took_s:,.1f} s, {told(result)}",
        budget=f"{budget_s:g} s",
        passed=took_s <= budget_s,
        beside=f"{worked_s:,.1f} s of processor",
    )


def told(result: Comparison) -> str:
    return (
        f"{result.readings:,} readings, {len(result.before.alarms):,} alarms now, "
        f"+{len(result.added):,} -{len(result.removed):,}"
    )


def progress() -> Callable[[float], None]:
    """A line per tenth, on stderr."""
    shown = -1

    def show(share: float) -> None:
        nonlocal shown
        if int(10 * share) > shown:
            shown = int(10 * share)
            print(f"\r{share:4.0%}", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)

    return show


def limits() -> ActiveLimits:
    points = tuple(
        Point(
            number=number,
            key=PointKey(f"station/{number}/oil"),
            asset_id=AssetId(f"station/{number}"),
            source_id=SourceId("bench"),
            signal="油温",
            unit="degC",
            stale_after_us=5 * MINUTE_US,
            limits=(
                Limit(condition=Condition.LOW, value=5, deadband=2),
                Limit(condition=Condition.HIGH, value=85, deadband=2, on_delay_us=2 * MINUTE_US),
            ),
        )
        for number in range(POINTS)
    )
    return ActiveLimits(site="bench", version=1, points=points)


def changed(count: int) -> ActiveLimits:
    """The first `count` points at 80 instead of 85."""
    now = limits()
    return replace(
        now,
        version=2,
        points=tuple(
            replace(point, limits=(point.limits[0], replace(point.limits[1], value=80)))
            if point.number < count
            else point
            for point in now.points
        ),
    )


def fill(history: DuckDbTelemetry, days: int) -> None:
    """A day in one transaction; loads follow the day, with noise."""
    random = np.random.default_rng(1)
    minutes = np.repeat(np.arange(24 * 60), POINTS)
    number = np.tile(np.arange(POINTS, dtype=np.int32), 24 * 60)
    nothing = np.zeros(len(number), np.uint8)
    level = random.uniform(45, 75, POINTS)[number]
    for day in range(days):
        event_us = START_US + day * DAY_US + minutes * MINUTE_US + number.astype(np.int64)
        value = level + 8 * np.sin(minutes / 229) + random.normal(0, 2.0, len(number))
        readings = Readings(
            point=number,
            event_time=event_us,
            arrival_time=event_us + 50_000,
            value=value,
            quality=nothing,
            origin=nothing,
        )
        history.write(readings, day + 1)


if __name__ == "__main__":
    for row in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 365):
        print(row, flush=True)
