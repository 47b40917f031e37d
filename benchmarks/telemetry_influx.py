"""InfluxDB 2 as the telemetry store: writing, summaries and pictures, beside the server on this machine.

python -m benchmarks telemetry_influx, after `make servers`; GRIDWARDEN_BENCH_ROWS for another number of rows.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.rows import Row, percentile
from domain.clock import SECOND_US
from domain.readings import Readings
from service.history import history
from storage.telemetry_influx import InfluxTelemetry
from storage.telemetry_upkeep import DAY_US, HOUR_US, Keeping
from tests.support.influx import influx_telemetry
from tests.support.series_servers import influx_server, influxd_program, set_up_influx

ROWS: Final = int(os.environ.get("GRIDWARDEN_BENCH_ROWS", "2_000_000"))
POINTS: Final = 1_000
EVERY_US: Final = 10 * SECOND_US
BATCH: Final = 50_000  # as much as the projection writes at once while it catches up
START_US: Final = 20_000 * DAY_US


def rows() -> Iterator[Row]:
    if influxd_program() is None:
        yield _row("not measured", "influxd is not here: make servers, with Go and Rust")
        return
    with (
        tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as folder,
        influx_server(Path(folder)) as server,
        closing(influx_telemetry(set_up_influx(server))) as store,
    ):
        yield _row(f"{ROWS:,} readings of 1,000 points in batches of 50 k", _write(store))
        yield _summaries(store)
        now_us = START_US + ROWS // POINTS * EVERY_US
        for what, span_us in (("last hour", HOUR_US), ("all of it by minute", now_us - START_US)):
            yield _timed(f"{what} of one point, as the console asks", store, now_us, span_us)
        began = time.perf_counter()
        found = len(store.latest(range(POINTS)))
        yield _row(f"newest of {found:,} points", f"{(time.perf_counter() - began) * 1_000:.0f} ms")


def _write(store: InfluxTelemetry) -> str:
    random = np.random.default_rng(1)
    took_s = 0.0
    for seq, first in enumerate(range(0, ROWS, BATCH), start=1):
        order = first + np.arange(BATCH)
        event_time = START_US + order // POINTS * EVERY_US + order % POINTS
        nothing = np.zeros(BATCH, np.uint8)
        batch = Readings(
            point=(order % POINTS).astype(np.int32),
            event_time=event_time,
            arrival_time=event_time + random.integers(1_000, 90_000, BATCH),
            value=np.round(random.normal(50, 3, BATCH), 2),
            quality=nothing,
            origin=nothing,
        )
        began = time.perf_counter()
        store.write(batch, seq)
        took_s += time.perf_counter() - began
    return f"{ROWS / took_s:,.0f} readings/s"


def _summaries(store: InfluxTelemetry) -> Row:
    steps = []
    more = True
    while more:
        began = time.perf_counter()
        more = store.keep_up(START_US + 30 * DAY_US)
        steps.append(time.perf_counter() - began)
    hours = ROWS / POINTS * EVERY_US / HOUR_US
    return _row(
        "both summaries",
        f"{sum(steps) / hours:.1f} s for an hour of {int(ROWS / hours):,} readings",
        beside=f"the longest step {max(steps) * 1_000:,.0f} ms",
    )


def _timed(what: str, store: InfluxTelemetry, now_us: int, span_us: int) -> Row:
    def picture(point: int) -> Callable[[], object]:
        return lambda: history(
            store, point, now_us - span_us, now_us, 1_500, now_us=now_us, keeping=Keeping()
        )

    took = []
    for point in range(0, POINTS, 50):
        began = time.perf_counter()
        picture(point)()
        took.append((time.perf_counter() - began) * 1_000)
    return _row(what, f"p50 {percentile(took, 0.5):.0f} ms, p99 {percentile(took, 0.99):.0f} ms")


def _row(what: str, figure: str, beside: str = "") -> Row:
    return Row(what=f"InfluxDB, {what}", figure=figure, budget="none", passed=None, beside=beside)


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
