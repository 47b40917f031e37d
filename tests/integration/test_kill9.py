"""Core is killed twenty times under load, where it hurts. Nothing is lost, nothing doubled.

A separate process publishes numbered readings and keeps what the broker acknowledged to it; another is the
siren. What should be found at the end is computed in this process by one evaluation of the whole stream.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from detectors.evaluate import DetectorState, evaluate
from domain.assets import Priority
from domain.clock import SECOND_US
from domain.events import AlarmCleared, AlarmRaised
from domain.ids import DeviceId, PointKey, SourceId, command_id
from domain.readings import Readings
from domain.records import LimitsActivated, ReadingsArrived, Record, SourceChanged, Ticked
from service.broker import LocalBroker
from service.site.load import load
from service.site.model import telemetry_topic
from storage.engines import sqlite_engine
from storage.records import SqlRecords
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.support import numbered
from tests.support.killable_core import KILL_POINTS
from tests.support.running import ROOT, CoreProcess, Siren, core, until
from tests.support.sites import CODE, SIREN, SOURCE, limit, write_site

KILLS_PER_POINT = 4
SECONDS = 75  # more than the held point's 60 s on-delay
RATE = 5_000  # readings per second

Alarm = tuple[str, int, int, int | None]  # event id, started, raised, ended

KEYS = [numbered.key_of(point) for point in range(numbered.POINTS)]


def test_twenty_kills_lose_and_double_nothing(broker: LocalBroker, tmp_path: Path) -> None:
    site = a_site(tmp_path / "site", broker.port)
    data = tmp_path / "data"
    with core(site, data) as first:
        first.await_connected()  # the broker keeps our session from here on
    siren = Siren(broker.port, CODE, SIREN, tmp_path)
    messages = RATE * SECONDS // numbered.READINGS_PER_MESSAGE
    start_ms = int(time.time() * 1000) + 2_000
    publisher, acknowledged_file = publish(broker, messages, start_ms, tmp_path)
    try:
        kills = kill_again_and_again(site, data)
        until(lambda: publisher.poll() is not None, "the publisher has ended", SECONDS + 60)
        assert publisher.returncode == 0
        numbers = point_numbers(data)
        stream = the_stream(messages, start_ms, numbers)
        expected = alarms_without_kills(site, stream, numbers)
        with core(site, data) as last:
            last.await_status(everything_stored(len(stream)), "every reading is stored", 60)
            until(lambda: recorded_alarms(data) == expected, "the alarms are those without kills")
            until(lambda: not open_commands(data), "every command has ended")
    finally:
        publisher.kill()
        siren.__exit__(None, None, None)

    assert kills == dict.fromkeys(KILL_POINTS, KILLS_PER_POINT)
    assert set(json.loads(acknowledged_file.read_text())) == {-1, *range(messages)}
    assert stored(data) == sorted(row[:2] for row in stream)
    assert len(expected) > numbered.POINTS  # the load did raise alarms
    held = [raised_at for _, _, raised_at, _ in expected if raised_at == held_until_us(start_ms)]
    assert (
        len(held) == 1
    )  # the 60 s on-delay fired at its event time, however often core was killed
    assert Counter(siren.acted()) == Counter(str(command) for command in commands_due(data))


def a_site(folder: Path, port: int) -> Path:
    limits = [
        limit(key, "H", 85, deadband="2", on_delay="1s", off_delay="1s", priority=priority)
        for key, priority in zip(KEYS, ["urgent", "minor"] * (numbered.POINTS // 2), strict=True)
    ]
    return write_site(
        folder,
        port=port,
        points=[*KEYS, numbered.HELD_POINT],
        limits=[*limits, limit(numbered.HELD_POINT, "H", 90, on_delay="60s")],
        valid_for="5min",
        confirm_within="60s",
    )


def publish(
    broker: LocalBroker, messages: int, start_ms: int, folder: Path
) -> tuple[subprocess.Popen[bytes], Path]:
    out = folder / "acknowledged.json"
    topic = telemetry_topic(CODE, SourceId(SOURCE))
    command = [sys.executable, "-m", "tests.support.numbered", "--host", broker.host]
    command += ["--port", str(broker.port), "--topic", topic, "--start-ms", str(start_ms)]
    command += ["--messages", str(messages), "--out", str(out)]
    return subprocess.Popen(command, cwd=ROOT), out


def kill_again_and_again(site: Path, data: Path) -> dict[str, int]:
    """Each start ends itself at its point; a different passage each time."""
    kills: dict[str, int] = {}
    for turn in range(KILLS_PER_POINT):
        for point in KILL_POINTS:
            passage = 1 + turn * (
                20 if point in {"before_journal", "after_journal", "before_ack"} else 1
            )
            killed = CoreProcess(
                site, data, command=("-m", "tests.support.killable_core", point, str(passage))
            )
            assert killed.process.wait(60) == -9, killed.last_words()
            kills[point] = kills.get(point, 0) + 1
    return kills


def everything_stored(rows: int) -> Callable[[dict[str, Any]], bool]:
    def holds(status: dict[str, Any]) -> bool:
        return int(status["stored_rows"]) >= rows and bool(status["source"]["current"])

    return holds


def the_stream(
    messages: int, start_ms: int, numbers: Mapping[PointKey, int]
) -> list[tuple[int, int, float]]:
    """Point, event time and value of every reading that was published."""
    number_of = [numbers[PointKey(key)] for key in KEYS]
    readings = [
        (
            number_of[n % numbered.POINTS],
            numbered.time_ms_of(n, start_ms) * 1_000,
            numbered.value_of(n),
        )
        for n in range(messages * numbered.READINGS_PER_MESSAGE)
    ]
    return [(numbers[PointKey(numbered.HELD_POINT)], start_ms * 1_000, 99.0), *readings]


def alarms_without_kills(
    site: Path, stream: Sequence[tuple[int, int, float]], numbers: Mapping[PointKey, int]
) -> list[Alarm]:
    begin_us, end_us = stream[0][1], stream[-1][1]
    source = SourceId(SOURCE)
    readings = Readings.from_rows(
        [(point, time_us, time_us, value, 0, 0) for point, time_us, value in stream]
    )
    records: list[Record] = [
        LimitsActivated(at_us=begin_us, limits=load(site).active_limits(numbers, 1)),
        SourceChanged(at_us=begin_us, source_id=source, current=True),
        ReadingsArrived(at_us=end_us, source_id=source, readings=readings),
        Ticked(at_us=end_us + 120 * SECOND_US),
    ]
    state = DetectorState.initial()
    raised: dict[UUID, Alarm] = {}
    for record in records:
        state, events = evaluate(state, record)
        for event in events:
            if isinstance(event, AlarmRaised):
                raised[event.event_id] = of(event, None)
            else:
                raised[event.event_id] = (*raised[event.event_id][:3], event.ended_at_us)
    return sorted(raised.values(), key=str)


def recorded_alarms(data: Path) -> list[Alarm]:
    events = SqlRecords(sqlite_engine(data / "records.db")).events(limit=100_000)
    return sorted((of(each.raised, each.cleared) for each in events), key=str)


def of(raised: AlarmRaised, cleared: AlarmCleared | None) -> Alarm:
    ended_at_us = cleared.ended_at_us if cleared else None
    return (str(raised.event_id), raised.started_at_us, raised.raised_at_us, ended_at_us)


def commands_due(data: Path) -> list[UUID]:
    """One for each level-1 alarm, by its id."""
    return [
        command_id(each.raised.event_id, DeviceId(SIREN), "1")
        for each in SqlRecords(sqlite_engine(data / "records.db")).events(limit=100_000)
        if each.raised.priority is Priority.URGENT
    ]


def open_commands(data: Path) -> Sequence[object]:
    return SqlRecords(sqlite_engine(data / "records.db")).open_commands()


def point_numbers(data: Path) -> dict[PointKey, int]:
    keys = [PointKey(key) for key in (*KEYS, numbered.HELD_POINT)]
    return SqlRecords(sqlite_engine(data / "records.db")).point_numbers(keys)


def stored(data: Path) -> list[tuple[int, int]]:
    """Point and event time of every stored reading, repeats included."""
    telemetry = DuckDbTelemetry(data / "telemetry.duckdb")
    of_points = [telemetry.history(point, 0, 2**62) for point in point_numbers(data).values()]
    everything = Readings.concat(of_points)
    assert len(everything) == telemetry.count()
    return sorted(zip(everything.point.tolist(), everything.event_time.tolist(), strict=True))


def held_until_us(start_ms: int) -> int:
    return (start_ms + 60_000) * 1_000
