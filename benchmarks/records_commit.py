"""What the records cost in each database: 10,000 events in batches, and the smallest commit there is.

PostgreSQL runs on this machine beside us, with its own syncs: fsync and synchronous_commit are on.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
from sqlalchemy import Engine

from benchmarks.rows import Row, percentile
from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.events import AlarmRaised
from domain.ids import AssetId
from storage.engines import sqlite_engine
from storage.migrate import upgrade
from storage.postgres import postgres_engine
from storage.records import SqlRecords
from tests.support import postgres
from tests.support.postgres import PASSWORD, PostgresServer

EVENTS, IN_ONE_BATCH, SMALL_COMMITS = 10_000, 500, 300


def rows() -> Iterator[Row]:
    for name, engine in _engines():
        records = SqlRecords(engine)
        batches_s = _batches(records)
        small_ms = _small(records)
        yield Row(
            what=f"{EVENTS:,} events into {name}, {IN_ONE_BATCH} in one transaction",
            figure=f"{batches_s:.2f} s",
            budget="none",
            passed=None,
            beside=f"a commit of one event: p50 {percentile(small_ms, 0.5):.1f} ms,"
            f" p99 {percentile(small_ms, 0.99):.1f} ms",
        )


def _engines() -> Iterator[tuple[str, Engine]]:
    with tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as folder:
        engine = sqlite_engine(Path(folder) / "records.db")
        upgrade(engine)
        yield "SQLite", engine
        engine.dispose()
    if postgres.programs() is None:
        return
    with _server() as server:
        engine = postgres_engine(server.url, password=PASSWORD)
        upgrade(engine)
        yield "PostgreSQL on loopback", engine
        engine.dispose()


@contextmanager
def _server() -> Iterator[PostgresServer]:
    found = postgres.programs()
    assert found is not None
    server = PostgresServer(found)
    server.start()
    try:
        with psycopg.connect(server.url, password=PASSWORD, autocommit=True) as connection:
            connection.execute("alter system set fsync = on")
            connection.execute("select pg_reload_conf()")
        yield server
    finally:
        server.stop()


def _batches(records: SqlRecords) -> float:
    began = time.perf_counter()
    for first in range(0, EVENTS, IN_ONE_BATCH):
        changes = Changes(events=[_alarm(first + each) for each in range(IN_ONE_BATCH)])
        records.commit(changes, first + IN_ONE_BATCH)
    return time.perf_counter() - began


def _small(records: SqlRecords) -> list[float]:
    took = []
    for number in range(EVENTS, EVENTS + SMALL_COMMITS):
        began = time.perf_counter()
        records.commit(Changes(events=[_alarm(number)]), number + 1)
        took.append((time.perf_counter() - began) * 1_000)
    return took


def _alarm(number: int) -> AlarmRaised:
    return AlarmRaised(
        event_id=UUID(int=number),
        site="changqing",
        point="35kV-liuyuan/1T/top_oil_temp",
        asset_id=AssetId("1T"),
        signal="油温",
        unit="degC",
        condition=Condition.HIGH,
        alarm_class=AlarmClass.LIMIT,
        priority=Priority.URGENT,
        started_at_us=number,
        raised_at_us=number,
        detected_at_us=number,
        value=86.5,
        limit=85.0,
        limits_version=3,
        degraded=False,
        found_late=False,
        output_allowed=True,
    )
