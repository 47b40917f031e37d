"""The telemetry file at 50 M readings: 1,000 points, one reading each in 50 s, for 29 days, written and kept
in order as in service. In a folder of its own that ends with it (some GB; a few minutes).

python -m benchmarks telemetry_store; GRIDWARDEN_BENCH_ROWS=5000000 for a smaller one.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.rows import Row, percentile
from domain.clock import SECOND_US
from domain.readings import Readings
from domain.summaries import Resolution
from service.history import history
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_upkeep import DAY_US, HOUR_US, UNSORTED_AT_MOST, Keeping

ROWS: Final = int(os.environ.get("GRIDWARDEN_BENCH_ROWS", "50_000_000"))
POINTS: Final = 1_000
EVERY_US: Final = 50 * SECOND_US
BATCH: Final = 10_000  # ten rounds of every point
START_US: Final = 20_000 * DAY_US
KEEPING: Final = Keeping(raw_days=60, minutes_days=93, hours_days=3_660)
BUSY_HOUR_ROWS: Final = UNSORTED_AT_MOST


@dataclass(slots=True)
class Built:
    """A file, and what it took."""

    telemetry: DuckDbTelemetry
    rows: int = 0
    now_us: int = START_US
    write_s: float = 0.0
    step_s: list[float] = field(default_factory=list)


def rows() -> Iterator[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as folder,
        closing(DuckDbTelemetry(Path(folder) / "telemetry.duckdb", KEEPING)) as telemetry,
    ):
        yield from figures(build(telemetry))


def build(telemetry: DuckDbTelemetry) -> Built:
    """Every hour is written and, when it is over, sorted."""
    built = Built(telemetry)
    rounds = ROWS // POINTS
    random = np.random.default_rng(1)
    walk = np.round(np.cumsum(random.normal(0, 0.3, (BATCH // POINTS, POINTS)), axis=0) + 50, 2)
    per_batch = BATCH // POINTS
    for seq, first in enumerate(range(0, rounds, per_batch), start=1):
        batch = _batch(first, walk + first % 97 / 100, random)
        began = time.perf_counter()
        telemetry.write(batch, seq)
        built.write_s += time.perf_counter() - began
        built.rows += len(batch)
        built.now_us = int(batch.event_time[-1]) + SECOND_US
        if seq % 8 == 0:
            _tidy(built)
    _tidy(built)
    return built


def figures(built: Built) -> Iterator[Row]:
    telemetry, now_us = built.telemetry, built.now_us
    days = built.rows / POINTS * EVERY_US / DAY_US
    hours = built.rows / POINTS * EVERY_US / HOUR_US
    what = f"telemetry file of {built.rows:,} rows"
    yield _row(f"{what}: written in batches of 10 k", f"{built.rows / built.write_s:,.0f} rows/s")
    yield _row(
        f"{what}: upkeep",
        f"{sum(built.step_s) / hours * 1_000:,.0f} ms for an hour of {built.rows / hours:,.0f} rows",
        beside=f"the longest step {max(built.step_s) * 1_000:,.0f} ms, {len(built.step_s):,} steps",
    )
    size = telemetry.facts().file_bytes or 0
    yield _row(
        f"{what}: size",
        f"{size / 2**20:,.0f} MiB",
        beside=f"{size / built.rows:.1f} bytes a row, summaries included; {days:.1f} days",
    )
    random = np.random.default_rng(7)
    points = [int(each) for each in random.integers(0, POINTS, 50)]
    yield _timed(
        "last hour of one point",
        [lambda p=point: telemetry.history(p, now_us - HOUR_US, now_us) for point in points],  # type: ignore[misc]
        budget_ms=20,
    )
    yield _timed(
        "last hour of one point, as the console asks",
        [lambda p=point: _picture(built, p, HOUR_US) for point in points],  # type: ignore[misc]
        budget_ms=20,
    )
    then = [int(each) for each in random.integers(START_US, now_us - HOUR_US, len(points))]
    yield _timed(
        "any earlier hour of one point",
        [
            lambda p=point, t=at: telemetry.history(p, t, t + HOUR_US)  # type: ignore[misc]
            for point, at in zip(points, then, strict=True)
        ],
    )
    for name, span_us in (("a day", DAY_US), ("a month", 29 * DAY_US)):
        yield _timed(
            f"{name} of one point, as the console asks",
            [lambda p=point, s=span_us: _picture(built, p, s) for point in points[:20]],  # type: ignore[misc]
        )
    yield _timed(
        "a month of one point by minute, 41,760 stretches",
        [
            lambda p=point: telemetry.downsampled(p, START_US, now_us, Resolution.MINUTE)  # type: ignore[misc]
            for point in points[:10]
        ],
    )
    yield _timed("newest of 1,000 points", [lambda: telemetry.latest(range(POINTS))] * 10)
    _busy_hour(built)
    yield _timed(
        f"last hour of one point with {BUSY_HOUR_ROWS:,} rows of it not sorted yet",
        [
            lambda p=point: telemetry.history(p, now_us, now_us + HOUR_US)  # type: ignore[misc]
            for point in points
        ],
        budget_ms=20,
    )
    yield _late(built)


def _busy_hour(built: Built) -> None:
    rounds = BUSY_HOUR_ROWS // POINTS
    random = np.random.default_rng(3)
    for first in range(0, rounds, 50):
        walk = np.round(random.normal(50, 1, (50, POINTS)), 2)
        batch = _batch(first, walk, random, built.now_us, HOUR_US // rounds)
        built.telemetry.write(batch, 10**9 + first)


def _late(built: Built) -> Row:
    """A gateway sends an hour of ten points again, of a fortnight ago."""
    times = START_US + built.rows // POINTS // 2 * EVERY_US + np.arange(72) * EVERY_US
    point = np.repeat(np.arange(10, dtype=np.int32), 72)
    nothing = np.zeros(720, np.uint8)
    again = Readings(
        point=point,
        event_time=np.tile(times + 1, 10),
        arrival_time=np.tile(times, 10),
        value=np.zeros(720),
        quality=nothing,
        origin=nothing + 2,
    )
    began = time.perf_counter()
    built.telemetry.write(again, 2 * 10**9)
    took_ms = (time.perf_counter() - began) * 1_000
    return _row(
        "an hour of ten points that comes late, compared with what stands", f"{took_ms:.1f} ms"
    )


def _picture(built: Built, point: int, span_us: int) -> object:
    now_us = built.now_us
    return history(
        built.telemetry, point, now_us - span_us, now_us, 1_500, now_us=now_us, keeping=KEEPING
    )


def _tidy(built: Built) -> None:
    more = True
    while more:
        began = time.perf_counter()
        more = built.telemetry.keep_up(built.now_us)
        if more:
            built.step_s.append(time.perf_counter() - began)


def _batch(
    first: int,
    values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
    random: np.random.Generator,
    start_us: int = START_US,
    every_us: int = EVERY_US,
) -> Readings:
    """Rounds of every point, each at a moment of its own within the round."""
    rounds, points = values.shape
    count = rounds * points
    begin = start_us + (first + np.repeat(np.arange(rounds), points)) * every_us
    event_time = begin + np.tile(np.arange(points), rounds) * (every_us // points)
    nothing = np.zeros(count, np.uint8)
    return Readings(
        point=np.tile(np.arange(points, dtype=np.int32), rounds),
        event_time=event_time,
        arrival_time=event_time + random.integers(1_000, 90_000, count),
        value=values.ravel(),
        quality=nothing,
        origin=nothing,
    )


def _timed(what: str, questions: list[Callable[[], object]], budget_ms: float | None = None) -> Row:
    """The median and the slowest; PASS is about the slowest of a hundred, near enough."""
    took = []
    for question in questions:
        began = time.perf_counter()
        question()
        took.append((time.perf_counter() - began) * 1_000)
    p99 = percentile(took, 0.99)
    return Row(
        what=f"telemetry file, {what}",
        figure=f"p50 {percentile(took, 0.5):.1f} ms, p99 {p99:.1f} ms",
        budget="none" if budget_ms is None else f"{budget_ms:.0f} ms",
        passed=None if budget_ms is None else p99 <= budget_ms,
    )


def _row(what: str, figure: str, beside: str = "") -> Row:
    return Row(what=what, figure=figure, budget="none", passed=None, beside=beside)


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
