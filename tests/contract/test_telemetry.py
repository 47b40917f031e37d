"""What the history of readings promises."""

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from domain.clock import MINUTE_US
from domain.ports import Telemetry
from domain.readings import USABLE_QUALITIES, Origin, Quality, Readings
from domain.summaries import Resolution, Summaries
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_influx import InfluxTelemetry
from storage.telemetry_upkeep import Keeping
from tests.support.influx import influx_telemetry
from tests.support.stored import random_readings, reading

HOUR_US = int(Resolution.HOUR)
_LATER_US = 10 * 24 * HOUR_US
_FOR_EVER = Keeping(raw_days=99, minutes_days=99, hours_days=99)


class TidiedTelemetry(DuckDbTelemetry):
    """Whatever is written is sorted at once, so that every question is answered from there."""

    def write(self, readings: Readings, applied_seq: int) -> None:
        super().write(readings, applied_seq)
        while self.keep_up(_LATER_US):
            pass
        assert self.facts().unsorted_rows == 0


class TidiedInflux(InfluxTelemetry):
    """Whatever is written is summarised at once."""

    def write(self, readings: Readings, applied_seq: int) -> None:
        super().write(readings, applied_seq)
        self._summaries.again_after_s = 0.0
        while self.keep_up(_LATER_US):
            pass


@pytest.fixture(
    params=[
        "duckdb",
        "duckdb-tidied",
        pytest.param("influx", marks=pytest.mark.influx),
        pytest.param("influx-tidied", marks=pytest.mark.influx),
    ]
)
def telemetry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Telemetry]:
    with closing(_made(request, tmp_path / "telemetry.duckdb")) as made:
        yield made


def _made(request: pytest.FixtureRequest, file: Path) -> Telemetry:
    match request.param:
        case "influx":
            return influx_telemetry(request.getfixturevalue("influx"))
        case "influx-tidied":
            return influx_telemetry(request.getfixturevalue("influx"), kind=TidiedInflux)
        case "duckdb-tidied":
            return TidiedTelemetry(file, _FOR_EVER)
    return DuckDbTelemetry(file, _FOR_EVER)


def _rows(*rows: tuple[int, int, int, float, int, int]) -> Readings:
    return Readings.from_rows(rows)


def _values(readings: Readings) -> list[float]:
    values: list[float] = readings.value.tolist()
    return values


def test_a_new_history_is_empty(telemetry: Telemetry) -> None:
    assert (telemetry.applied_seq(), telemetry.count()) == (0, 0)
    assert len(telemetry.history(1, 0, 100)) == 0
    assert len(telemetry.last(1)) == 0


def test_readings_come_back_in_every_column(telemetry: Telemetry) -> None:
    written = _rows(
        (7, 10, 11, 1.5, 2, 1), (7, 20, 21, -math.inf, 6, 3), (7, 30, 31, math.nan, 5, 0)
    )
    telemetry.write(written, 1)
    assert telemetry.history(7, 0, 100).to_bytes() == written.to_bytes()


@pytest.mark.parametrize(
    "value",
    [
        *(0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 1e16, 123456789.123456789, 1.7976931348623157e308),
        *(5e-324, 2.2250738585072014e-308, -1e-10, 9007199254740993.0, math.pi, math.inf),
    ],
)
@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.INVALID])
def test_a_value_comes_back_bit_by_bit(
    telemetry: Telemetry, value: float, quality: Quality
) -> None:
    written = _rows((7, 10, 11, value, quality, 0))
    telemetry.write(written, 1)
    assert telemetry.history(7, 0, 100).to_bytes() == written.to_bytes()
    assert telemetry.last(7).to_bytes() == written.to_bytes()


def test_columns_as_the_journal_gives_them_can_be_written(telemetry: Telemetry) -> None:
    """They are read-only, and an odd count puts the wide columns at odd addresses."""
    written = Readings.from_bytes(random_readings(3).to_bytes())
    assert not written.event_time.flags.writeable
    telemetry.write(written, 1)
    assert telemetry.count() == 3


def test_history_is_one_points_from_and_up_to_but_not_including(telemetry: Telemetry) -> None:
    telemetry.write(
        _rows(*(reading(point, time, time) for time in (3, 1, 2, 4) for point in (1, 2))), 1
    )
    found = telemetry.history(1, 2, 4)
    assert _values(found) == [2, 3]
    assert set(found.point.tolist()) == {1}


def test_the_last_is_the_newest_by_event_time(telemetry: Telemetry) -> None:
    telemetry.write(_rows(reading(1, 5, 50), reading(2, 9, 90)), 1)
    telemetry.write(_rows(reading(1, 4, 40, Origin.HISTORY)), 2)
    assert _values(telemetry.last(1)) == [50]


def test_what_is_in_already_is_not_written_again(telemetry: Telemetry) -> None:
    telemetry.write(_rows(reading(1, 1)), 5)
    telemetry.write(_rows(reading(1, 2)), 5)
    telemetry.write(_rows(reading(1, 3)), 4)
    assert (telemetry.count(), telemetry.applied_seq()) == (1, 5)


def test_no_readings_move_the_applied_number_all_the_same(telemetry: Telemetry) -> None:
    telemetry.write(_rows(), 3)
    assert (telemetry.count(), telemetry.applied_seq()) == (0, 3)


def test_late_readings_that_stand_already_are_left_out(telemetry: Telemetry) -> None:
    late = Origin.HISTORY
    telemetry.write(_rows(reading(1, 10, 1.0), reading(2, 20, 2.0)), 1)
    telemetry.write(
        _rows(
            reading(1, 10, 9.0, late),  # stands
            reading(1, 20, 3.0, late),  # the moment of another point
            reading(1, 20, 9.0, late),  # of which the first one counts
            reading(2, 30, 9.0, late),  # the live one of the same group counts
            reading(2, 30, 4.0),
            reading(1, 5, 0.0, late),
        ),
        2,
    )
    assert _values(telemetry.history(1, 0, 100)) == [0, 1, 3]
    assert _values(telemetry.history(2, 0, 100)) == [2, 4]


def test_the_latest_of_many_are_the_newest_of_each_by_event_time(telemetry: Telemetry) -> None:
    telemetry.write(_rows(reading(3, 7, 70), reading(1, 5, 50), reading(2, 9, 90)), 1)
    telemetry.write(_rows(reading(1, 4, 40, Origin.HISTORY), reading(3, 8, 80)), 2)
    found = telemetry.latest([3, 1, 99])
    assert (found.point.tolist(), _values(found)) == ([1, 3], [50, 80])
    assert len(telemetry.latest([])) == 0


def test_each_partition_has_its_applied_number_and_all_have_the_readings(
    telemetry: Telemetry,
) -> None:
    first, second = telemetry.of_partition(0), telemetry.of_partition(1)
    telemetry.write(_rows(reading(1, 10)), 7)
    first.write(_rows(reading(2, 10)), 3)
    second.write(_rows(reading(3, 10)), 900)
    first.write(_rows(reading(2, 11)), 3)  # in already
    assert [each.applied_seq() for each in (telemetry, first, second)] == [7, 3, 900]
    assert telemetry.of_partition(0).applied_seq() == 3
    assert [each.count() for each in (telemetry, first, second)] == [3, 3, 3]
    assert telemetry.of_partition(2).applied_seq() == 0


@pytest.mark.parametrize("resolution", list(Resolution))
def test_summaries_agree_with_the_plain_loop(telemetry: Telemetry, resolution: Resolution) -> None:
    readings = _hours_of_readings()
    telemetry.write(readings, 1)
    width = int(resolution)
    found = telemetry.downsampled(7, 0, 5 * HOUR_US, resolution)
    _assert_as_plain(found, readings, width)
    # what begins in the time asked for comes, and comes whole
    part = telemetry.downsampled(7, 1, 3 * HOUR_US + 1, resolution)
    inside = (found.start >= 1) & (found.start < 3 * HOUR_US + 1)
    _assert_as_plain(part, readings, width, inside.nonzero()[0].tolist())
    assert len(telemetry.downsampled(8, 0, 5 * HOUR_US, resolution)) == 0


def test_late_readings_change_their_stretch(telemetry: Telemetry) -> None:
    telemetry.write(_rows(reading(1, MINUTE_US, 5.0), reading(1, 3 * MINUTE_US, 6.0)), 1)
    late = reading(1, MINUTE_US + 1, 9.0, Origin.HISTORY)
    telemetry.write(_rows(late, reading(1, MINUTE_US, 99.0, Origin.HISTORY)), 2)
    found = telemetry.downsampled(1, 0, HOUR_US, Resolution.MINUTE)
    assert found.high.tolist() == [9.0, 6.0]
    assert (found.first.tolist(), found.last.tolist()) == ([5.0, 6.0], [9.0, 6.0])
    assert found.count.tolist() == [2, 1]


def _hours_of_readings() -> Readings:
    """Point 7 for five hours with gaps, one stretch in which nothing is usable, and another point."""
    random = np.random.default_rng(3)
    times = np.unique(random.integers(0, 5 * HOUR_US, 2_000))
    times = times[(times < HOUR_US) | (times > HOUR_US + 7 * MINUTE_US)]
    values = np.round(random.normal(50, 20, len(times)), 3)
    values[random.random(len(times)) < 0.05] = math.nan
    values[random.random(len(times)) < 0.02] = math.inf
    quality = random.integers(0, len(Quality), len(times))
    quality[(times >= 2 * HOUR_US) & (times < 3 * HOUR_US)] = Quality.INVALID
    rows = [
        (7, time, time + 1, value, how, Origin.LIVE)
        for time, value, how in zip(times.tolist(), values, quality.tolist(), strict=True)
    ]
    random.shuffle(rows)
    return _rows(*rows, reading(9, 10, 1e9))


def _assert_as_plain(
    found: Summaries, readings: Readings, width: int, rows: list[int] | None = None
) -> None:
    expected = _plain(readings, width)
    expected = expected if rows is None else [expected[row] for row in rows]
    assert len(found) == len(expected)
    for place, (start, stretch) in enumerate(expected):
        usable = [
            (time, value)
            for time, value, how in stretch
            if how in USABLE_QUALITIES and math.isfinite(value)
        ]
        assert found.start[place] == start
        assert (found.usable[place], found.count[place]) == (len(usable), len(stretch))
        assert found.quality[place] == max(how for _, _, how in stretch)
        if not usable:
            nothing = (found.low, found.high, found.mean, found.first, found.last)
            assert all(math.isnan(column[place]) for column in nothing)
            assert found.low_at[place] == found.high_at[place] == start
            continue
        values = [value for _, value in usable]
        assert (found.low[place], found.high[place]) == (min(values), max(values))
        assert (found.low_at[place], found.low[place]) in usable
        assert (found.high_at[place], found.high[place]) in usable
        assert (found.first[place], found.last[place]) == (values[0], values[-1])
        assert found.mean[place] == pytest.approx(sum(values) / len(values))


def _plain(readings: Readings, width: int) -> list[tuple[int, list[tuple[int, float, int]]]]:
    """(start, readings in order) of point 7."""
    stretches: dict[int, list[tuple[int, float, int]]] = {}
    mine = readings.take(readings.point == 7)
    mine = mine.take(np.argsort(mine.event_time))
    columns = (mine.event_time.tolist(), mine.value.tolist(), mine.quality.tolist())
    for time, value, how in zip(*columns, strict=True):
        stretches.setdefault(time // width * width, []).append((time, value, how))
    return sorted(stretches.items())
