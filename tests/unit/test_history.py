"""Pictures of a point: at the resolution that they need, with the peaks that a person looks for."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.clock import MINUTE_US
from domain.readings import Readings
from domain.summaries import Resolution
from service.history import history, resolution_for
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_upkeep import DAY_US, HOUR_US, Keeping
from tests.support.stored import reading

NOW_US = 20_000 * DAY_US
KEEPING = Keeping(raw_days=31, minutes_days=93, hours_days=3_660)


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[DuckDbTelemetry]:
    with closing(DuckDbTelemetry(tmp_path / "telemetry.duckdb", KEEPING)) as made:
        yield made


def _picture(telemetry: DuckDbTelemetry, from_us: int, to_us: int, at_most: int) -> Any:
    return history(telemetry, 1, from_us, to_us, at_most, now_us=NOW_US, keeping=KEEPING)


@pytest.mark.parametrize(
    ("from_us", "to_us", "resolution"),
    [
        pytest.param(NOW_US - HOUR_US, NOW_US, None, id="an-hour"),
        pytest.param(NOW_US - 6 * HOUR_US, NOW_US, None, id="six-hours"),
        pytest.param(NOW_US - DAY_US, NOW_US, Resolution.MINUTE, id="a-day"),
        pytest.param(NOW_US - 7 * DAY_US, NOW_US, Resolution.MINUTE, id="a-week"),
        pytest.param(NOW_US - 30 * DAY_US, NOW_US, Resolution.HOUR, id="a-month"),
        pytest.param(NOW_US - 365 * DAY_US, NOW_US, Resolution.HOUR, id="a-year"),
        pytest.param(NOW_US - HOUR_US, 2**62, None, id="until-the-end-of-time"),
        pytest.param(
            NOW_US - 40 * DAY_US,
            NOW_US - 40 * DAY_US + HOUR_US,
            Resolution.MINUTE,
            id="raw-is-gone",
        ),
        pytest.param(
            NOW_US - 100 * DAY_US,
            NOW_US - 100 * DAY_US + HOUR_US,
            Resolution.HOUR,
            id="minutes-are-gone",
        ),
        pytest.param(NOW_US + HOUR_US, NOW_US + 2 * HOUR_US, None, id="what-is-to-come"),
        pytest.param(NOW_US, NOW_US - HOUR_US, None, id="the-wrong-way-round"),
    ],
)
def test_the_resolution_follows_from_the_span_and_the_age(
    from_us: int, to_us: int, resolution: Resolution | None
) -> None:
    assert resolution_for(from_us, to_us, 1_500, NOW_US, KEEPING) is resolution


def test_a_long_picture_keeps_every_peak_at_its_moment(telemetry: DuckDbTelemetry) -> None:
    order = np.arange(30 * 1_440)
    times = NOW_US - 30 * DAY_US + order * MINUTE_US + 7
    values = np.random.default_rng(2).normal(50, 1, len(order))
    peaks = {int(times[place]): 90.0 + place / 1e6 for place in (5, 20_000, 43_199)}
    values[[5, 20_000, 43_199]] = list(peaks.values())
    rows = [reading(1, int(time), float(value)) for time, value in zip(times, values, strict=True)]
    telemetry.write(Readings.from_rows(rows), 1)
    while telemetry.keep_up(NOW_US):
        pass
    found = _picture(telemetry, NOW_US - 30 * DAY_US, NOW_US, 1_500)
    assert found["resolution"] == "hour"
    assert len(found["times"]) <= 1_500
    assert found["times"] == sorted(set(found["times"]))
    shown = dict(zip(found["times"], found["values"], strict=True))
    assert {time: shown.get(time) for time in peaks} == peaks


def test_a_stretch_shows_nothing_from_before_or_after_the_picture(
    telemetry: DuckDbTelemetry,
) -> None:
    start_us = NOW_US - 2 * DAY_US
    rows = [reading(1, start_us + place * 10 * MINUTE_US, float(place)) for place in range(200)]
    telemetry.write(Readings.from_rows(rows), 1)
    from_us, to_us = start_us + 25 * MINUTE_US, start_us + 1_001 * MINUTE_US
    found = _picture(telemetry, from_us, to_us, 400)
    assert found["resolution"] == "minute"
    assert found["values"] == [float(place) for place in range(3, 101)]


def test_a_point_without_readings_gives_an_empty_picture(telemetry: DuckDbTelemetry) -> None:
    for span_us in (HOUR_US, DAY_US, 365 * DAY_US):
        assert _picture(telemetry, NOW_US - span_us, NOW_US, 1_500)["times"] == []
