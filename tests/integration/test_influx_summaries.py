"""Summaries in a real InfluxDB: due when their hour is over, also after a restart, again for a late one."""

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from domain.clock import MINUTE_US
from domain.ports import StorageUnavailable
from domain.readings import Origin, Readings
from domain.summaries import Resolution, Summaries
from storage import influx_summaries
from storage.telemetry_influx import InfluxTelemetry
from storage.telemetry_upkeep import DAY_US, HOUR_US
from tests.support.influx import influx_telemetry
from tests.support.series_servers import Influx, SeriesServer, set_up_influx
from tests.support.stored import reading

pytestmark = pytest.mark.influx

START_US = 20_000 * DAY_US
POINTS = 20


@pytest.fixture
def bucket(influx: Influx) -> str:
    return influx.new_bucket()


@pytest.fixture
def store(influx: Influx, bucket: str) -> Iterator[InfluxTelemetry]:
    with closing(influx_telemetry(influx, bucket)) as made:
        yield made


def _an_hour(hour: int) -> Readings:
    order = np.arange(600)
    event_time = START_US + hour * HOUR_US + order * (HOUR_US // 600)
    nothing = np.zeros(600, np.uint8)
    return Readings(
        point=(order % POINTS).astype(np.int32),
        event_time=event_time,
        arrival_time=event_time + 1,
        value=np.random.default_rng(hour).normal(50, 5, 600),
        quality=nothing,
        origin=nothing,
    )


def _steps(store: InfluxTelemetry, now_us: int) -> int:
    steps = 0
    while store.keep_up(now_us):
        steps += 1
    return steps


def _stored(store: InfluxTelemetry, point: int = 3) -> Summaries:
    """Without what is only computed when it is asked."""
    return store._summaries._stored(point, START_US, START_US + DAY_US, Resolution.MINUTE)


def _asked(store: InfluxTelemetry, point: int = 3) -> list[list[float]]:
    found = store.downsampled(point, START_US, START_US + DAY_US, Resolution.MINUTE)
    columns = (found.start, found.low, found.high, found.mean, found.last, found.count)
    return [column.tolist() for column in columns]


def test_an_hour_is_summarised_when_it_is_over_and_has_settled(store: InfluxTelemetry) -> None:
    store.write(_an_hour(0), 1)
    store.write(_an_hour(1), 2)
    before = _asked(store)
    assert _steps(store, START_US + HOUR_US + MINUTE_US) == 0
    assert len(_stored(store)) == 0
    assert _steps(store, START_US + HOUR_US + 6 * MINUTE_US) > 0
    assert set(_stored(store).start // HOUR_US * HOUR_US) == {START_US}
    assert _asked(store) == before
    assert _steps(store, START_US + HOUR_US + 7 * MINUTE_US) == 0


def test_what_an_earlier_life_left_half_done_is_done_whole(
    influx: Influx, bucket: str, store: InfluxTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influx_summaries, "ROWS_IN_ONE_STEP", 100)
    for hour in range(3):
        store.write(_an_hour(hour), hour + 1)
    before = [_asked(store, point) for point in range(POINTS)]
    for _ in range(3):
        assert store.keep_up(START_US + DAY_US)
    with closing(influx_telemetry(influx, bucket)) as next_life:
        assert [_asked(next_life, point) for point in range(POINTS)] == before
        assert _steps(next_life, START_US + DAY_US) > 3 * POINTS // 4
        assert [_asked(next_life, point) for point in range(POINTS)] == before
        assert len(_stored(next_life)) == len(before[3][0])


def test_a_late_reading_counts_at_once_and_its_hour_is_summarised_again(
    store: InfluxTelemetry,
) -> None:
    store.write(_an_hour(0), 1)
    _steps(store, START_US + DAY_US)
    late = reading(3, START_US + 7, 1e6, Origin.HISTORY)
    store.of_partition(2).write(
        Readings.from_rows([late]), 1
    )  # of another partition, by its numbers
    assert max(_asked(store)[2]) == 1e6
    assert _steps(store, START_US + DAY_US) == 0  # it was done a moment ago
    store._summaries.again_after_s = 0.0
    assert _steps(store, START_US + DAY_US) > 0
    assert _stored(store).high.max() == 1e6
    assert _steps(store, START_US + DAY_US) == 0


def test_a_server_that_goes_away_meanwhile_gets_the_rest_later(
    own_influx: SeriesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influx_summaries, "ROWS_IN_ONE_STEP", 100)
    with closing(influx_telemetry(set_up_influx(own_influx))) as store:
        store.write(_an_hour(0), 1)
        before = _asked(store)
        assert store.keep_up(START_US + DAY_US)
        own_influx.kill()
        for _ in range(3):
            with pytest.raises(StorageUnavailable):
                store.keep_up(START_US + DAY_US)
        own_influx.start()
        assert _steps(store, START_US + DAY_US) > 0
        assert _asked(store) == before
        assert len(_stored(store)) == len(before[0])
