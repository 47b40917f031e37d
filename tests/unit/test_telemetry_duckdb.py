"""What is the DuckDB file's alone: a file that goes away, is none, is older, or half a write."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pytest

from domain.ports import StorageUnavailable
from domain.readings import Readings
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.support.stored import random_readings, reading

FIRST_VERSION = """
create table readings (
    point integer not null,
    event_time bigint not null,
    arrival_time bigint not null,
    value double,
    quality utinyint not null,
    origin utinyint not null
);
create table applied (seq bigint not null);
insert into applied values (41);
insert into readings values (1, 10, 11, 2.5, 0, 0), (1, 20, 21, null, 5, 0);
"""


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[DuckDbTelemetry]:
    with closing(DuckDbTelemetry(tmp_path / "telemetry.duckdb")) as made:
        yield made


def _rows(*rows: tuple[int, int, int, float, int, int]) -> Readings:
    return Readings.from_rows(rows)


def test_a_file_of_the_first_version_keeps_all_and_goes_on(
    telemetry: DuckDbTelemetry, tmp_path: Path
) -> None:
    with closing(duckdb.connect(tmp_path / "telemetry.duckdb")) as earlier:
        earlier.execute(FIRST_VERSION)
    kafka = telemetry.of_partition(0)
    assert (telemetry.applied_seq(), kafka.applied_seq()) == (41, 0)
    kafka.write(_rows(reading(1, 30, 4.0)), 5)
    telemetry.write(_rows(reading(1, 40, 5.0)), 42)
    telemetry.close()
    assert (telemetry.applied_seq(), kafka.applied_seq()) == (42, 5)
    assert telemetry.history(1, 0, 100).value.tolist() == pytest.approx(
        [2.5, np.nan, 4.0, 5.0], nan_ok=True
    )


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
