"""Upkeep of the telemetry file: sorted in bounded steps, kept as long as it should be, nothing lost."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from domain.clock import MINUTE_US
from domain.readings import Origin, Readings
from domain.summaries import Resolution
from storage import telemetry_upkeep
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_upkeep import DAY_US, HOUR_US, Keeping
from tests.support.running import ROOT
from tests.support.stored import reading

KEEPING = Keeping(raw_days=2, minutes_days=5, hours_days=20)
START_US = 20_000 * DAY_US
POINTS = 50


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[DuckDbTelemetry]:
    with closing(DuckDbTelemetry(tmp_path / "telemetry.duckdb", KEEPING)) as made:
        yield made


def _an_hour(hour: int, rows: int = 3_000) -> Readings:
    """Every point in turn, in the order of arrival."""
    order = np.arange(rows)
    event_time = START_US + hour * HOUR_US + order * (HOUR_US // rows)
    return Readings(
        point=(order % POINTS).astype(np.int32),
        event_time=event_time,
        arrival_time=event_time + 1,
        value=np.random.default_rng(hour).normal(50, 5, rows),
        quality=np.zeros(rows, np.uint8),
        origin=np.zeros(rows, np.uint8),
    )


def _all_steps(telemetry: DuckDbTelemetry, now_us: int) -> int:
    steps = 0
    while telemetry.keep_up(now_us):
        steps += 1
    return steps


def _everything(telemetry: DuckDbTelemetry) -> list[tuple[object, ...]]:
    every = Readings.concat([telemetry.history(point, 0, 2**62) for point in range(POINTS)])
    columns = (every.point, every.event_time, every.value)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_an_hour_is_sorted_when_it_is_over_and_has_settled(telemetry: DuckDbTelemetry) -> None:
    telemetry.write(_an_hour(0), 1)
    telemetry.write(_an_hour(1, 100), 2)
    assert not telemetry.keep_up(START_US + HOUR_US + MINUTE_US)
    before = _everything(telemetry)
    assert _all_steps(telemetry, START_US + HOUR_US + 6 * MINUTE_US) == 1
    assert telemetry.facts().unsorted_rows == 100
    assert _everything(telemetry) == before


def test_a_step_takes_no_more_than_its_bound(
    telemetry: DuckDbTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry_upkeep, "ROWS_IN_ONE_STEP", 1_000)
    telemetry.write(_an_hour(0), 1)
    before, left = _everything(telemetry), [3_000]
    while telemetry.keep_up(START_US + 2 * HOUR_US):
        left.append(telemetry.facts().unsorted_rows)
        assert _everything(telemetry) == before
    moved = [earlier - later for earlier, later in pairwise(left)]
    assert sum(moved) == 3_000
    assert max(moved) <= 1_000


def test_too_much_is_sorted_before_its_hour_is_over(
    telemetry: DuckDbTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry_upkeep, "UNSORTED_AT_MOST", 2_500)
    telemetry.write(_an_hour(0, 2_400), 1)
    assert _all_steps(telemetry, START_US + HOUR_US // 2) == 0
    telemetry.write(_an_hour(0, 101), 2)
    before = telemetry.downsampled(1, START_US, START_US + HOUR_US, Resolution.MINUTE)
    assert _all_steps(telemetry, START_US + HOUR_US // 2) == 1
    telemetry.write(Readings.from_rows([reading(1, START_US + 7, 1e6)]), 3)
    after = telemetry.downsampled(1, START_US, START_US + HOUR_US, Resolution.MINUTE)
    # what was sorted and what came since stand in one stretch
    assert (after.high[0], after.count[0]) == (1e6, before.count[0] + 1)
    assert after.high[1:].tolist() == before.high[1:].tolist()


def test_readings_go_first_their_minutes_later_their_hours_last(
    telemetry: DuckDbTelemetry,
) -> None:
    for hour in range(30):
        telemetry.write(_an_hour(hour, 600), hour + 1)
    written = _everything(telemetry)
    of_hours = telemetry.downsampled(3, START_US, START_US + 30 * HOUR_US, Resolution.HOUR)

    _all_steps(telemetry, START_US + 2 * DAY_US + 10 * HOUR_US)
    kept_from = START_US + 10 * HOUR_US
    assert _everything(telemetry) == [row for row in written if int(str(row[1])) >= kept_from]
    assert telemetry.facts().oldest_us == kept_from
    first_day = (3, START_US, START_US + DAY_US)
    assert len(telemetry.downsampled(*first_day, Resolution.MINUTE)) > 200

    _all_steps(telemetry, START_US + 7 * DAY_US)
    assert telemetry.count() == 0
    assert len(telemetry.downsampled(*first_day, Resolution.MINUTE)) == 0
    kept = telemetry.downsampled(3, START_US, START_US + 30 * HOUR_US, Resolution.HOUR)
    assert kept.mean.tolist() == of_hours.mean.tolist()
    # the newest value stays known however old it is
    assert telemetry.last(3).event_time.tolist() == [
        max(int(str(time)) for point, time, _ in written if point == 3)
    ]

    _all_steps(telemetry, START_US + 30 * DAY_US)
    assert len(telemetry.downsampled(3, 0, 2**62, Resolution.HOUR)) == 0


def test_a_late_reading_joins_the_summary_of_an_hour_whose_readings_are_gone(
    telemetry: DuckDbTelemetry,
) -> None:
    telemetry.write(_an_hour(0), 1)
    now_us = START_US + 4 * DAY_US
    _all_steps(telemetry, now_us)
    assert telemetry.count() == 0
    telemetry.write(Readings.from_rows([reading(3, START_US + 5, 1e6, Origin.HISTORY)]), 2)
    _all_steps(telemetry, now_us)
    assert telemetry.count() == 0
    found = telemetry.downsampled(3, START_US, START_US + HOUR_US, Resolution.HOUR)
    assert (found.high.tolist(), found.count.tolist()) == ([1e6], [3_000 // POINTS + 1])


def test_the_file_stops_growing_when_as_much_goes_as_comes(tmp_path: Path) -> None:
    a_day = Keeping(raw_days=1, minutes_days=1, hours_days=1)
    telemetry, sizes = DuckDbTelemetry(tmp_path / "telemetry.duckdb", a_day), []
    for hour in range(60):
        telemetry.write(_an_hour(hour, 20_000), hour + 1)
        now_us = START_US + (hour + 1) * HOUR_US + DAY_US
        _all_steps(telemetry, now_us)
        sizes.append(telemetry.facts().file_bytes or 0)
    assert telemetry.count() == 0
    telemetry.close()
    assert max(sizes[30:]) <= 2 * max(sizes[:10])


def test_pieces_of_a_stretch_become_one_when_its_day_is_over(telemetry: DuckDbTelemetry) -> None:
    for hour in range(24):
        telemetry.write(_an_hour(hour, 600), hour + 1)
        _all_steps(telemetry, START_US + (hour + 1) * HOUR_US + MINUTE_US)
    for late in range(3):
        row = reading(3, START_US + HOUR_US + late, 1e6 + late, Origin.HISTORY)
        telemetry.write(Readings.from_rows([row]), 100 + late)
        _all_steps(telemetry, START_US + 3 * HOUR_US)
    before = _summaries(telemetry, 3)
    _all_steps(telemetry, START_US + 26 * HOUR_US)
    assert _summaries(telemetry, 3) == before
    assert max(high for _, _, high, *_ in before) == 1e6 + 2
    stretches = 24 * 60 * POINTS // 5  # each point speaks every fifth minute
    with telemetry._file.open() as connection:
        rows = connection.execute("select point, start from gathered_minutes").fetchall()
        left = connection.execute("select count(*) from minutes").fetchone()
    assert (len(rows), left) == (stretches, (0,))
    assert rows == sorted(rows)
    # what comes late for a gathered day counts too, and what comes while its day is half gathered
    row = reading(3, START_US + HOUR_US + 7, 2e6, Origin.HISTORY)
    telemetry.write(Readings.from_rows([row]), 200)
    _all_steps(telemetry, START_US + 26 * HOUR_US)
    assert max(high for _, _, high, *_ in _summaries(telemetry, 3)) == 2e6


def test_what_comes_while_its_day_is_half_gathered_counts_once(
    telemetry: DuckDbTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hour in range(24):
        telemetry.write(_an_hour(hour, 600), hour + 1)
    _all_steps(telemetry, START_US + DAY_US + 10 * MINUTE_US)
    monkeypatch.setattr(telemetry_upkeep, "ROWS_IN_ONE_STEP", 2_000)
    now_us = START_US + 26 * HOUR_US
    before = [_summaries(telemetry, point) for point in range(POINTS)]
    for _ in range(3):
        assert telemetry.keep_up(now_us)
        assert [_summaries(telemetry, point) for point in range(POINTS)] == before
    row = reading(0, START_US + HOUR_US + 7, 2e6, Origin.HISTORY)
    telemetry.write(Readings.from_rows([row]), 200)
    _all_steps(telemetry, now_us)
    assert max(high for _, _, high, *_ in _summaries(telemetry, 0)) == 2e6
    assert [_summaries(telemetry, point) for point in range(1, POINTS)] == before[1:]
    assert sum(each[-1] for each in _summaries(telemetry, 0)) == 24 * 600 // POINTS + 1


CHILD = """
import sys
from pathlib import Path
from storage import telemetry_upkeep
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.unit.test_telemetry_upkeep import KEEPING, START_US, HOUR_US
telemetry_upkeep.ROWS_IN_ONE_STEP = 1_000
telemetry = DuckDbTelemetry(Path(sys.argv[1]), KEEPING)
print("open", flush=True)
while telemetry.keep_up(START_US + 30 * HOUR_US):
    print("step", flush=True)
"""


def test_kill_9_while_it_is_sorted_loses_and_doubles_nothing(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.duckdb"
    random = np.random.default_rng(5)
    with closing(DuckDbTelemetry(path)) as telemetry:
        for hour in range(6):
            telemetry.write(_an_hour(hour, 12_000), hour + 1)
        written = _everything(telemetry)
        summaries = _summaries(telemetry)
    survived = []
    for kill_after in [1, 2, 3, 5, 7]:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        for _ in range(kill_after):
            child.stdout.readline()
        try:  # somewhere inside the next step
            child.wait(float(random.uniform(0, 0.03)))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        with closing(DuckDbTelemetry(path)) as telemetry:
            survived.append(telemetry.facts().unsorted_rows)
            assert telemetry.applied_seq() == 6
            assert _everything(telemetry) == written
            assert _summaries(telemetry) == summaries
    assert survived == sorted(survived, reverse=True)
    assert 0 < survived[-1] < 72_000  # it was killed in the middle of its work


def _summaries(telemetry: DuckDbTelemetry, point: int = 7) -> list[tuple[float, ...]]:
    found = telemetry.downsampled(point, START_US, START_US + DAY_US, Resolution.MINUTE)
    columns = (found.start, found.low, found.high, found.first, found.last, found.count)
    return list(zip(*(column.tolist() for column in columns), strict=True))
