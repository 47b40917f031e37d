"""One life of core after the other: what happened in between must not be guessed."""

import time
from pathlib import Path

from domain.records import LimitsActivated, Record, SourceChanged
from service.broker import LocalBroker
from storage.engines import sqlite_engine
from storage.journal import SqliteJournal
from storage.records import SqlRecords
from tests.support.publishing import Gateway
from tests.support.running import CoreProcess, core, until
from tests.support.sites import CODE, SOURCE, limit, write_site

POINT = "N/1"
DELAY_S = 4


def a_site(tmp_path: Path, broker: LocalBroker, high: float = 85) -> Path:
    return write_site(
        tmp_path / "site",
        port=broker.port,
        points=[POINT],
        limits=[limit(POINT, "H", high, on_delay=f"{DELAY_S}s")],
        stale_after="1h",
    )


def test_a_delay_does_not_run_out_while_its_end_waits_at_the_broker(
    broker: LocalBroker, tmp_path: Path
) -> None:
    site, data = a_site(tmp_path, broker), tmp_path / "data"
    with Gateway(broker.port, CODE, SOURCE) as gateway:
        killed = CoreProcess(site, data)
        killed.await_connected()
        began_ms = time.time_ns() // 1_000_000
        gateway.say({POINT: 95.0}, began_ms)
        killed.await_status(lambda status: status["evaluated_rows"] == 1, "it saw the crossing")
        killed.kill()
        gateway.say({POINT: 50.0}, began_ms + 1_000)
        until(lambda: gateway.unacknowledged == 0, "the broker keeps the return")
        until(lambda: time.time() * 1_000 > began_ms + (DELAY_S + 1) * 1_000, "the delay is over")
        with core(site, data) as next_life:
            next_life.await_connected()
            next_life.await_status(lambda status: status["stored_rows"] == 2, "the return is in")
    assert SqlRecords(sqlite_engine(data / "records.db")).events() == []


def test_every_life_begins_with_the_source_away_and_then_what_limits_are_new(
    broker: LocalBroker, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    lives: list[list[Record]] = []
    for high in (85.0, 85.0, 70.0):
        before = SqliteJournal(data / "journal").last_seq if lives else 0
        with core(a_site(tmp_path, broker, high), data) as life:
            life.await_connected()
        records = [record for _, record in SqliteJournal(data / "journal").read(after=before)]
        lives.append(records)
        assert isinstance(records[0], SourceChanged)
        assert not records[0].current
    activated = [
        [record.limits.version for record in life if isinstance(record, LimitsActivated)]
        for life in lives
    ]
    assert activated == [[1], [], [2]]
