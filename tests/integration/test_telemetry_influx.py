"""The InfluxDB store and real servers: what they refuse, away and back, killed in between."""

import json
import math
import os
import signal
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from typer.testing import CliRunner

from domain.clock import SECOND_US
from domain.ids import PointKey, SourceId
from domain.ports import StorageUnavailable
from domain.readings import Origin, Quality, Readings
from domain.records import ReadingsArrived
from service.broker import LocalBroker
from service.cli import app
from service.counting import Counted
from service.projecting import TelemetryProjection
from service.settings import load_settings
from service.site.model import telemetry_topic
from service.stores import influx_config, open_telemetry
from storage.engines import sqlite_engine
from storage.influx_server import InfluxConfig
from storage.journal import SqliteJournal
from storage.records import SqlRecords
from storage.telemetry_influx import InfluxTelemetry
from tests.support.influx import Rejected, influx_telemetry
from tests.support.running import CoreProcess, core, until
from tests.support.series_servers import Influx, SeriesServer, ask, set_up_influx
from tests.support.sites import CODE, SOURCE, limit, write_site
from tests.support.stored import reading

NOW_US = time.time_ns() // 1_000 // SECOND_US * SECOND_US

NO_LIMIT = limit("B/1", "HH", 1e9)  # a site needs one


def _rows(*rows: tuple[int, int, int, float, int, int]) -> Readings:
    return Readings.from_rows(rows)


@pytest.mark.influx
def test_live_readings_of_one_moment_are_one_and_the_last_counts(influx: Influx) -> None:
    """Where a DuckDB file has both: InfluxDB knows a reading by its point and moment."""
    with closing(influx_telemetry(influx)) as store:
        store.write(_rows(reading(1, 10, 1.0), reading(1, 10, 2.0)), 1)
        assert (store.count(), store.history(1, 0, 100).value.tolist()) == (1, [2.0])


@pytest.mark.influx
def test_sites_that_share_a_bucket_do_not_meet(influx: Influx) -> None:
    bucket = influx.new_bucket()
    names = ["reading", "柳园, 1号=a", 'quo"te']
    stores = [influx_telemetry(influx, bucket, measurement=name) for name in names]
    for value, store in enumerate(stores):
        store.write(_rows(reading(7, 10, float(value))), 5 + value)
    for value, store in enumerate(stores):
        assert store.history(7, 0, 100).value.tolist() == [float(value)]
        assert (store.count(), store.applied_seq()) == (1, 5 + value)
        store.close()


@pytest.mark.influx
def test_a_type_that_another_program_wrote_puts_aside_only_what_meets_it(influx: Influx) -> None:
    bucket, rejected, counters = influx.new_bucket(), Rejected(), Counted()
    _write(influx, bucket, f"reading,point=3 value=7i {NOW_US}")
    with closing(influx_telemetry(influx, bucket, rejected=rejected, counters=counters)) as store:
        store.write(_rows(*(reading(point, NOW_US + 5, 1.5) for point in range(40))), 9)
        assert store.applied_seq() == 9
        stored = store.latest(range(40)).point.tolist()
    # the type is the measurement's: whatever InfluxDB takes stands, the rest lies aside
    assert len(stored) + len(rejected.lines) >= 40
    assert counters.count("telemetry_rejected", reason="refused") == len(rejected.lines) > 0
    assert all("field type conflict" in reason for reason in rejected.reasons)


@pytest.mark.influx
def test_what_is_older_than_the_bucket_keeps_is_counted_and_the_rest_stands(influx: Influx) -> None:
    bucket, rejected, counters = influx.new_bucket(retention_s=3_600), Rejected(), Counted()
    with closing(influx_telemetry(influx, bucket, rejected=rejected, counters=counters)) as store:
        old = [reading(1, NOW_US - hours * 3_600 * SECOND_US) for hours in (2, 3, 4)]
        store.write(_rows(*old, reading(1, NOW_US)), 9)
        assert (store.count(), store.applied_seq()) == (1, 9)
    assert counters.count("telemetry_rejected", reason="beyond_retention") == 3
    assert rejected.lines == []


@pytest.mark.influx
@pytest.mark.parametrize("what", ["token", "bucket", "organisation", "read-only", "address"])
def test_each_wrong_setting_says_what_to_mend(influx: Influx, what: str) -> None:
    bucket = influx.new_bucket()
    told = {
        "token": ("GRIDWARDEN_TELEMETRY__TOKEN", {"token": "wrong"}),
        "bucket": ("gridwarden telemetry setup", {"bucket": "nowhere"}),
        "organisation": ("GRIDWARDEN_TELEMETRY__ORG", {"org": "nobody"}),
        "read-only": ("may read and write", {"token": _reading_token(influx)}),
        "address": ("does not answer", {"url": "http://127.0.0.1:9"}),
    }
    words, wrong = told[what]
    config = InfluxConfig(url=influx.url, org=influx.org, bucket=bucket, token=influx.token)
    config = replace(config, **wrong)  # type: ignore[arg-type]
    rejected = Rejected()
    with closing(InfluxTelemetry(config, Counted(), rejected)) as store:
        store._applied[-1] = 0  # the first question would be refused already
        with pytest.raises(StorageUnavailable, match=words) as error:
            store.write(_rows(reading(1, NOW_US)), 9)
        assert config.token not in str(error.value)
        with pytest.raises(StorageUnavailable):
            store._server.write(["reading,point=1 value=1 1"])
    assert rejected.lines == []


@pytest.mark.influx
def test_setup_makes_the_bucket_once_and_the_store_works_with_it(
    influx: Influx, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _settings_of(monkeypatch, influx, f"made-{os.getpid()}", org="another oilfield")
    first = CliRunner().invoke(app, ["telemetry", "setup", "--keep-days", "20"])
    again = CliRunner().invoke(app, ["telemetry", "setup"])
    assert first.exit_code == again.exit_code == 0, first.output + again.output
    assert "made the organisation another oilfield" in first.output
    assert "which keeps 20 days" in first.output
    assert "is there already" in again.output
    with closing(
        open_telemetry(load_settings().telemetry, tmp_path / "t.duckdb", Counted())
    ) as store:
        store.write(_rows(reading(1, NOW_US, 2.5)), 3)
        assert store.last(1).value.tolist() == [2.5]
    monkeypatch.setenv("GRIDWARDEN_TELEMETRY__TOKEN", "wrong")
    refused = CliRunner().invoke(app, ["telemetry", "setup"])
    assert refused.exit_code == 1
    assert "give a token that may make buckets" in refused.output


@pytest.mark.victoria
def test_what_is_written_stands_in_victoria_metrics_bit_by_bit(victoria: str) -> None:
    """Another server that reads the line protocol by itself. It keeps milliseconds, and values of a block
    with one decimal exponent: a tiny one beside a huge one is lost there."""
    measurement = f"m{os.getpid()}_{time.monotonic_ns()}"
    store = InfluxTelemetry(
        InfluxConfig(url=victoria, org="any", bucket="any", token="any", measurement=measurement),
        Counted(),
        Rejected(),
    )
    store._applied[-1] = 0  # it answers no Flux
    random = np.random.default_rng(4)
    values = [*np.round(random.normal(50, 20, 500), 3).tolist(), 0.0, -1.5, 123456.75]
    rows = [
        (7, NOW_US + place * 1_000, NOW_US + 20_000, value, Quality.QUESTIONABLE, Origin.STATE)
        for place, value in enumerate(values)
    ]
    store.write(_rows(*rows, (8, NOW_US, NOW_US, math.nan, Quality.INVALID, 0)), 5)
    store.close()

    def exported(name: str, point: int) -> dict[int, float]:
        urllib.request.urlopen(f"{victoria}/internal/force_flush", timeout=10).close()
        which = f'{{__name__="{measurement}_{name}",point="{point}"}}'
        text = ask(f"{victoria}/api/v1/export?match[]={urllib.parse.quote(which)}")
        found = [json.loads(line) for line in text.splitlines()]
        return {
            at: value
            for each in found
            for at, value in zip(each["timestamps"], each["values"], strict=True)
        }

    until(lambda: len(exported("value", 7)) == len(values), "every value can be read")
    expected = {row[1] // 1_000: row[3] for row in rows}
    assert exported("value", 7) == expected
    assert set(exported("quality", 7).values()) == {float(Quality.QUESTIONABLE)}
    assert set(exported("arrival", 7).values()) == {float(NOW_US + 20_000)}
    assert exported("value", 8) == {}
    assert exported("quality", 8) == {NOW_US // 1_000: float(Quality.INVALID)}


@pytest.mark.influx
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_server_that_was_away_for_two_minutes_of_load_gets_all_of_it_in_order(
    own_influx: SeriesServer, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """120 seconds of 2,000 readings come while it is away, as fast as the journal takes them."""
    if how == "frozen":  # a read that waits is given up sooner than in the field
        monkeypatch.setattr("storage.influx_server._WRITE_MS", (1_000, 1_500))
        monkeypatch.setattr("storage.influx_server._QUERY_MS", (1_000, 1_500))
    influx = set_up_influx(own_influx)
    journal = SqliteJournal(tmp_path / "journal")
    journal.open_for_writing()
    store = influx_telemetry(influx)
    counters = Counted()
    applied: list[int] = []
    real_write = store.write

    def noting(readings: Readings, seq: int) -> None:
        real_write(readings, seq)
        applied.append(seq)

    monkeypatch.setattr(store, "write", noting)
    projection = TelemetryProjection(
        journal=journal, telemetry=store, every_s=0.02, counters=counters
    )
    projection.worker.start()
    try:
        _load(journal, 0, 20)
        until(lambda: projection.applied_seq > 0, "it writes")
        own_influx.kill() if how == "killed" else own_influx.freeze()
        _load(journal, 20, 140)
        until(lambda: counters.count("telemetry_unavailable") > 1, "it is missed")
        behind = projection.applied_seq
        assert behind < journal.last_seq
        own_influx.start() if how == "killed" else own_influx.thaw()
        _load(journal, 140, 150)
        until(lambda: projection.applied_seq == journal.last_seq, "all is there", 120)
    finally:
        projection.worker.stop()
        journal.close()
    assert applied == sorted(applied)
    assert store.applied_seq() == journal.last_seq
    assert store.count() == 150 * 2_000
    for point in (0, 7, 49):
        _assert_as_in_journal(store.history(point, 0, 2**62), journal, point)
    store.close()


@pytest.mark.influx
def test_core_killed_in_mid_write_loses_and_doubles_nothing(
    own_influx: SeriesServer, broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    influx = set_up_influx(own_influx)
    bucket = influx.new_bucket()
    _settings_of(monkeypatch, influx, bucket)
    points = [f"B/{number}" for number in range(1, 21)]
    site = write_site(
        tmp_path / "site", port=broker.port, points=points, limits=[limit(points[0], "HH", 1e9)]
    )
    data = tmp_path / "data"
    with core(site, data) as first:
        first.await_connected()  # the broker keeps our session from here on
    published = 0
    with _publisher(broker) as publish:
        for count in (1, 3, 6):  # requests of this life before the end: rows and marks in turn
            killed = CoreProcess(
                site, data, command=("-m", "tests.support.killed_writing", str(count))
            )
            while killed.process.poll() is None:
                publish(points, published)
                published += 1
            assert killed.process.wait(60) == -signal.SIGKILL, killed.last_words()
        with core(site, data) as last:
            publish(points, published)
            published += 1
            rows = published * len(points)
            last.await_status(
                lambda status: status["stored_rows"] == rows, f"{rows} rows are stored", 60
            )
    numbers = SqlRecords(sqlite_engine(data / "records.db")).point_numbers(
        [PointKey(key) for key in points]
    )
    with closing(influx_telemetry(influx, bucket)) as store:
        for key in points:
            found = store.history(numbers[PointKey(key)], 0, 2**62)
            assert found.event_time.tolist() == [_moment(each) for each in range(published)]
            assert found.value.tolist() == [float(each) for each in range(published)]


@pytest.mark.influx
def test_the_console_gets_history_and_latest_values_from_it(
    influx: Influx, broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.core_client import CoreClient

    _settings_of(monkeypatch, influx, influx.new_bucket())
    site = write_site(
        tmp_path / "site", port=broker.port, points=["B/1", "B/2"], limits=[limit("B/1", "HH", 1e9)]
    )
    data = tmp_path / "data"
    with core(site, data) as running, _publisher(broker) as publish:
        running.await_connected()
        publish(["B/1"], 5)
        client = CoreClient(data)
        until(lambda: client.history("B/1", 0, 2**62)["values"] == [5.0], "it is stored")
    with core(site, data) as next_life:
        next_life.await_connected()
        client = CoreClient(data)
        # nobody has spoken since the start
        until(lambda: "B/1" in client.latest(), "the newest is known")
        assert list(client.latest()["B/1"]) == [5.0, _moment(5), 0]


def _load(journal: SqliteJournal, first_second: int, last_second: int) -> None:
    """2,000 readings of 50 points in each second."""
    for second in range(first_second, last_second):
        order = np.arange(2_000)
        event_time = NOW_US + second * SECOND_US + order * 500
        nothing = np.zeros(2_000, np.uint8)
        readings = Readings(
            point=(order % 50).astype(np.int32),
            event_time=event_time,
            arrival_time=event_time + 1,
            value=np.random.default_rng(second).normal(50, 9, 2_000),
            quality=nothing,
            origin=nothing,
        )
        journal.append(
            [ReadingsArrived(at_us=int(event_time[-1]), source_id=SourceId("x"), readings=readings)]
        )


def _assert_as_in_journal(found: Readings, journal: SqliteJournal, point: int) -> None:
    every = Readings.concat(
        [
            record.readings
            for _, record in journal.read(after=0)
            if isinstance(record, ReadingsArrived)
        ]
    )
    assert found.to_bytes() == every.take(every.point == point).to_bytes()


def _settings_of(
    monkeypatch: pytest.MonkeyPatch, influx: Influx, bucket: str, org: str = ""
) -> None:
    for name, value in {
        "URL": influx.url,
        "ORG": org or influx.org,
        "BUCKET": bucket,
        "TOKEN": influx.token,
    }.items():
        monkeypatch.setenv(f"GRIDWARDEN_TELEMETRY__{name}", value)
    assert influx.token not in repr(load_settings()) + repr(
        influx_config(load_settings().telemetry)
    )


def _reading_token(influx: Influx) -> str:
    return influx.new_token(
        [{"action": "read", "resource": {"type": "buckets", "orgID": influx.org_id()}}]
    )


def _write(influx: Influx, bucket: str, line: str) -> None:
    where = f"{influx.url}/api/v2/write?org={influx.org}&bucket={bucket}&precision=us"
    request = urllib.request.Request(
        where, line.encode(), {"Authorization": f"Token {influx.token}"}
    )
    urllib.request.urlopen(request, timeout=10).close()


def _moment(number: int) -> int:
    return NOW_US + number * 1_000


Publish = Callable[[Sequence[str], int], None]


@contextmanager
def _publisher(broker: LocalBroker) -> Iterator[Publish]:
    """One reading of each point, acknowledged by the broker when it returns."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect(broker.host, broker.port)
    client.loop_start()

    def publish(points: Sequence[str], number: int) -> None:
        readings: list[dict[str, Any]] = [
            {"point": point, "time": _moment(number) // 1_000, "value": number} for point in points
        ]
        body = msgspec.json.encode({"readings": readings})
        topic = telemetry_topic(CODE, SourceId(SOURCE))
        client.publish(topic, body, qos=1).wait_for_publish(10)

    try:
        yield publish
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.influx
def test_refused_lines_can_be_sent_again_as_they_lie(influx: Influx, tmp_path: Path) -> None:
    """What `RejectedLines` keeps is line protocol with comments, which InfluxDB takes."""
    from storage.rejected_lines import RejectedLines

    keep = RejectedLines(tmp_path, clock=lambda: NOW_US)
    keep([f"reading,point=1 value=1.5,quality=0i {NOW_US}"], "field type conflict")
    (path,) = tmp_path.iterdir()
    bucket = influx.new_bucket()
    _write(influx, bucket, path.read_text())
    with closing(influx_telemetry(influx, bucket)) as store:
        assert store.history(1, 0, 2**62).value.tolist() == [1.5]
