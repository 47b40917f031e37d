"""The keeper of the telemetry store: newest values after a start, upkeep, and patience with a store away."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from domain.ids import PointKey
from domain.readings import Readings
from service import upkeep
from service.counting import Counted
from service.latest import LatestValues
from service.upkeep import StoreKeeper
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_upkeep import DAY_US, HOUR_US
from tests.support.running import until
from tests.support.stored import reading

NOW_US = 20_000 * DAY_US
KEYS = {PointKey("a"): 1, PointKey("b"): 2, PointKey("silent"): 3}


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[DuckDbTelemetry]:
    with closing(DuckDbTelemetry(tmp_path / "telemetry.duckdb")) as made:
        yield made


def _keeper(store: DuckDbTelemetry, latest: LatestValues, counters: Counted) -> StoreKeeper:
    return StoreKeeper(store, latest, clock=lambda: NOW_US, counters=counters)


def test_after_a_start_the_newest_values_are_those_that_were_stored(
    telemetry: DuckDbTelemetry,
) -> None:
    telemetry.write(
        Readings.from_rows(
            [
                reading(1, NOW_US - 3 * HOUR_US, 10.0),
                reading(1, NOW_US - 2 * HOUR_US, 11.0),
                reading(2, NOW_US - 2 * HOUR_US, 20.0),
                reading(77, NOW_US, 1.0),  # a point that this site has no more
            ]
        ),
        1,
    )
    latest = LatestValues(KEYS)
    latest.take(Readings.from_rows([reading(2, NOW_US - 5 * HOUR_US, 19.0)]))
    keeper = _keeper(telemetry, latest, Counted())
    keeper.worker.start()
    try:
        until(lambda: "a" in latest.of(), "the newest value is known again")
        # b has spoken since the start; its clock was set back, and what it says now counts all the same
        assert latest.of() == {
            "a": (11.0, NOW_US - 2 * HOUR_US, 0),
            "b": (19.0, NOW_US - 5 * HOUR_US, 0),
        }
        until(lambda: keeper.facts is not None, "the facts are known")
        until(lambda: telemetry.facts().unsorted_rows == 1, "the hours that are over are sorted")
    finally:
        keeper.worker.stop()


def test_of_a_shared_store_it_takes_what_other_workers_took_in(
    telemetry: DuckDbTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LOOK_EVERY_S", 0.02)
    latest = LatestValues(KEYS)
    keeper = StoreKeeper(telemetry, latest, clock=lambda: NOW_US, counters=Counted(), shared=True)
    keeper.worker.start()
    try:
        telemetry.write(Readings.from_rows([reading(1, NOW_US, 10.0)]), 1)
        until(lambda: latest.of().get("a") == (10.0, NOW_US, 0), "it is known")
        telemetry.write(Readings.from_rows([reading(1, NOW_US + 1, 11.0)]), 2)
        latest.take(Readings.from_rows([reading(2, NOW_US + 9, 20.0)]))  # ours, not stored yet
        telemetry.write(Readings.from_rows([reading(2, NOW_US + 1, 19.0)]), 3)
        until(lambda: latest.of().get("a") == (11.0, NOW_US + 1, 0), "what is newer is known")
        assert latest.of()["b"] == (20.0, NOW_US + 9, 0)
    finally:
        keeper.worker.stop()


def test_an_error_that_nobody_foresaw_ends_no_watch(telemetry: DuckDbTelemetry) -> None:
    """A worker that fails takes its process down: this one is not worth it."""

    class Odd(DuckDbTelemetry):
        def keep_up(self, now_us: int) -> bool:
            raise ZeroDivisionError

    counters = Counted()
    keeper = _keeper(Odd(Path("unused")), LatestValues({}), counters)
    keeper._filled = True
    keeper._facts_at = float("inf")
    with capture_logs() as logs:
        keeper.worker.start()
        until(lambda: counters.count("telemetry_upkeep_failed") == 1, "it is counted")
        keeper.worker.stop()
    assert logs[0]["exc_info"]


def test_while_the_store_is_away_it_waits_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "telemetry.duckdb").write_bytes(b"poem" * 5_000)
    latest, counters = LatestValues(KEYS), Counted()
    with closing(DuckDbTelemetry(tmp_path / "telemetry.duckdb")) as broken:
        keeper = _keeper(broken, latest, counters)
        with capture_logs() as logs:
            keeper.worker.start()
            until(lambda: counters.count("telemetry_upkeep_failed") == 1, "it is counted")
            keeper.worker.stop()
    assert [each["event"] for each in logs] == ["telemetry_upkeep_failed"]
    assert latest.of() == {}
