"""SIGTERM under load: what was taken in is journalled, decided, recorded and stored; the rest comes later."""

import itertools
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from domain.readings import Readings
from domain.records import ReadingsArrived
from service.broker import LocalBroker
from storage.engines import sqlite_engine
from storage.journal import SqliteJournal
from storage.tables import events
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.support.command import running, wait_until
from tests.support.publishing import Gateway
from tests.support.running import until
from tests.support.sites import CODE, SOURCE, limit, write_site

pytestmark = pytest.mark.mosquitto

POINTS = [f"P{number}" for number in range(50)]
LIMIT, ABOVE, BELOW = 85.0, 90.0, 50.0


class Load:
    """Each message crosses the limit of every point, up and down by turns."""

    def __init__(self, port: int) -> None:
        self._gateway = Gateway(port, CODE, SOURCE)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent = 0

    @contextmanager
    def running(self) -> Iterator["Load"]:
        self._thread.start()
        try:
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def close(self) -> None:
        with self._gateway:
            until(lambda: self._gateway.unacknowledged == 0, "the broker took everything")

    def _run(self) -> None:
        at_ms = time.time_ns() // 1_000_000 - 200_000
        for number in itertools.count():
            if self._stopping.is_set():
                return
            value = BELOW if number % 2 else ABOVE
            said = [{"point": point, "time": at_ms + number, "value": value} for point in POINTS]
            self._gateway.send(json.dumps({"readings": said}).encode())
            self.sent = number + 1
            self._stopping.wait(0.002)


def journalled(data: Path) -> Readings:
    with closing(SqliteJournal(data / "journal")) as journal:
        return Readings.concat(
            [
                record.readings
                for _, record in journal.read(after=0)
                if isinstance(record, ReadingsArrived)
            ]
        )


def stored_rows(data: Path) -> int:
    telemetry = DuckDbTelemetry(data / "telemetry.duckdb")
    try:
        return telemetry.count()
    finally:
        telemetry.close()


def raised(data: Path) -> int:
    engine = sqlite_engine(data / "records.db")
    try:
        with engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(events)) or 0
    finally:
        engine.dispose()


def test_everything_that_was_taken_in_is_journalled_decided_recorded_and_stored(
    broker: LocalBroker, tmp_path: Path
) -> None:
    site = write_site(
        tmp_path / "site",
        port=broker.port,
        points=POINTS,
        limits=[limit(point, "H", LIMIT, priority="minor") for point in POINTS],
    )
    data = tmp_path / "data"
    with running(data, broker, site) as run:
        with Load(broker.port).running() as load:
            wait_until(lambda: (run.status() or {}).get("evaluated_rows", 0) > 5_000)
            assert run.end(signal.SIGTERM) == 0  # while the gateway goes on
        assert "core_stopped" in "".join(run.log)

    readings = journalled(data)
    assert 5_000 < len(readings) < load.sent * len(POINTS)
    assert stored_rows(data) == len(readings)
    assert raised(data) == int((readings.value == ABOVE).sum())

    load.close()
    with running(data, broker, site) as again:
        everything = load.sent * len(POINTS)
        wait_until(lambda: (again.status() or {}).get("stored_rows") == everything)
        assert again.end(signal.SIGTERM) == 0
    assert raised(data) == len(POINTS) * ((load.sent + 1) // 2)
