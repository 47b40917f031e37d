"""Processor time of all learned detectors together over 10,000 points, at one tick a second.

python -m benchmarks.judgement_tick
"""

import time
from collections.abc import Iterator
from typing import Final

import numpy as np

from benchmarks.rows import Row
from detectors.judgement.registry import Channel, Kind, build_judge
from detectors.judgement.tick import Tick

POINTS: Final = 10_000
STEP_US: Final = 300_000_000
START_US: Final = 1_790_000_000_000_000
WARM_UP_TICKS: Final = 420  # the longest warm-up of any kind is over
MEASURED_TICKS: Final = 60
BUDGET_S: Final = 0.5  # of processor time per tick of one second


def rows() -> Iterator[Row]:
    total = 0.0
    for kind in Kind:
        seconds = seconds_per_tick(kind)
        total += seconds
        yield Row(
            what=f"learned detectors, {POINTS:,} points of kind {kind.value}",
            figure=f"{seconds * 1_000:,.0f} ms of a core per tick",
            budget="none",
            passed=None,
        )
    yield Row(
        what=f"learned detectors, all kinds over {POINTS:,} points each, one tick a second",
        figure=f"{total:.2f} of a core",
        budget=f"{BUDGET_S:g}",
        passed=total < BUDGET_S,
    )


def seconds_per_tick(kind: Kind) -> float:
    """The mean, after the detectors were warmed up: with refits, which come in some ticks only."""
    judge = build_judge(kind, _channels(kind), STEP_US)
    noise = np.random.default_rng(0)
    level = noise.normal(50.0, 10.0, POINTS)
    began = 0.0
    for row in range(WARM_UP_TICKS + MEASURED_TICKS):
        tick = Tick(START_US + row * STEP_US, level + noise.normal(0.0, 1.0, POINTS))
        if row == WARM_UP_TICKS:
            began = time.process_time()
        judge.tick(tick)
    return (time.process_time() - began) / MEASURED_TICKS


def _channels(kind: Kind) -> list[Channel]:
    unit = "degC" if kind is Kind.THERMAL else "A"
    return [Channel(f"point-{place}", unit) for place in range(POINTS)]


if __name__ == "__main__":
    for each in rows():
        print(each)
