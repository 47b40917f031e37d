"""What the history of readings promises."""

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from domain.ports import StorageUnavailable
from domain.readings import Origin, Readings
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.support.stored import random_readings, reading


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[DuckDbTelemetry]:
    with closing(DuckDbTelemetry(tmp_path / "telemetry.duckdb")) as made:
        yield made


def _rows(*rows: tuple[int, int, int, float, int, int]) -> Readings:
    return Readings.from_rows(rows)


def _values(readings: Readings) -> list[float]:
    values: list[float] = readings.value.tolist()
    return values


def test_a_new_history_is_empty(telemetry: DuckDbTelemetry) -> None:
    assert (telemetry.applied_seq(), telemetry.count()) == (0, 0)
    assert len(telemetry.history(1, 0, 100)) == 0
    assert len(telemetry.last(1)) == 0


def test_readings_come_back_in_every_column(telemetry: DuckDbTelemetry) -> None:
    written = _rows(
        (7, 10, 11, 1.5, 2, 1), (7, 20, 21, -math.inf, 6, 3), (7, 30, 31, math.nan, 5, 0)
    )
    telemetry.write(written, 1)
    assert telemetry.history(7, 0, 100).to_bytes() == written.to_bytes()


def test_columns_as_the_journal_gives_them_can_be_written(telemetry: DuckDbTelemetry) -> None:
    """They are read-only, and an odd count puts the wide columns at odd addresses."""
    written = Readings.from_bytes(random_readings(3).to_bytes())
    assert not written.event_time.flags.writeable
    telemetry.write(written, 1)
    assert telemetry.count() == 3


def test_history_is_one_points_from_and_up_to_but_not_including(telemetry: DuckDbTelemetry) -> None:
    telemetry.write(
        _rows(*(reading(point, time, time) for time in (3, 1, 2, 4) for point in (1, 2))), 1
    )
    found = telemetry.history(1, 2, 4)
    assert _values(found) == [2, 3]
    assert set(found.point.tolist()) == {1}


def test_the_last_is_the_newest_by_event_time(telemetry: DuckDbTelemetry) -> None:
    telemetry.write(_rows(reading(1, 5, 50), reading(2, 9, 90)), 1)
    telemetry.write(_rows(reading(1, 4, 40, Origin.HISTORY)), 2)
    assert _values(telemetry.last(1)) == [50]


def test_what_is_in_already_is_not_written_again(telemetry: DuckDbTelemetry) -> None:
    telemetry.write(_rows(reading(1, 1)), 5)
    telemetry.write(_rows(reading(1, 2)), 5)
    telemetry.write(_rows(reading(1, 3)), 4)
    assert (telemetry.count(), telemetry.applied_seq()) == (1, 5)


def test_no_readings_move_the_applied_number_all_the_same(telemetry: DuckDbTelemetry) -> None:
    telemetry.write(_rows(), 3)
    assert (telemetry.count(), telemetry.applied_seq()) == (0, 3)


def test_late_readings_that_stand_already_are_left_out(telemetry: DuckDbTelemetry) -> None:
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


def test_live_readings_are_not_compared(telemetry: DuckDbTelemetry) -> None:
    telemetry.write(_rows(reading(1, 10), reading(1, 10)), 1)
    assert telemetry.count() == 2


def test_closed_and_opened_it_goes_on(telemetry: DuckDbTelemetry, tmp_path: Path) -> None:
    telemetry.write(random_readings(1_000), 4)
    telemetry.close()
    with closing(DuckDbTelemetry(tmp_path / "telemetry.duckdb")) as reopened:
        assert (reopened.count(), reopened.applied_seq()) == (1_000, 4)
        reopened.write(random_readings(10), 5)
        assert reopened.count() == 1_010


def test_a_file_taken_away_is_missed_and_works_when_it_is_back(
    telemetry: DuckDbTelemetry, tmp_path: Path
) -> None:
    telemetry.write(_rows(reading(1, 1)), 1)
    telemetry.close()
    file, elsewhere = tmp_path / "telemetry.duckdb", tmp_path / "elsewhere"
    file.rename(elsewhere)
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="gone"):
            telemetry.write(_rows(reading(1, 2)), 2)
    assert not file.exists()
    elsewhere.rename(file)
    telemetry.write(_rows(reading(1, 2)), 2)
    assert telemetry.count() == 2


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "telemetry.duckdb").write_bytes(b"poem" * 5_000)
    with pytest.raises(StorageUnavailable, match=r"telemetry\.duckdb"):
        DuckDbTelemetry(tmp_path / "telemetry.duckdb").applied_seq()


def test_a_mistake_in_the_columns_leaves_nothing_and_the_next_write_works(
    telemetry: DuckDbTelemetry,
) -> None:
    telemetry.write(_rows(reading(1, 1)), 1)
    two = _rows(reading(1, 2), reading(1, 3))
    uneven = Readings(
        point=two.point,
        event_time=np.empty(0, np.int64),
        arrival_time=two.arrival_time,
        value=two.value,
        quality=two.quality,
        origin=two.origin,
    )
    with pytest.raises(StorageUnavailable):
        telemetry.write(uneven, 2)
    assert (telemetry.count(), telemetry.applied_seq()) == (1, 1)
    telemetry.write(two, 2)
    assert telemetry.count() == 3
