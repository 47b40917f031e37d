"""The whole chain for tests: MQTT broker, bridges, Kafka, workers and sirens as processes, and its outcome.

The stream is that of tests.support.numbered, its points dealt out to stations by blocks of one message, so
that every message is of one station.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from sqlalchemy import Engine

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
from storage.records import SqlRecords
from tests.support import numbered
from tests.support.partitioned import partitioned_site, siren_of
from tests.support.running import ROOT, CoreProcess, Siren, until
from tests.support.sites import CODE, SOURCE, limit

STATIONS = 5
PARTITIONS = 6
KEYS = [numbered.key_of(point) for point in range(numbered.POINTS)]
RATE = numbered.POINTS * 1_000 // numbered.STEP_MS  # readings per second

Alarm = tuple[str, int, int, int | None]  # event id, started, raised, ended


def chain_site(folder: Path, port: int) -> Path:
    limits = [
        limit(key, "H", 85, deadband="2", on_delay="1s", off_delay="1s", priority=priority)
        for key, priority in zip(KEYS, ["urgent", "minor"] * (numbered.POINTS // 2), strict=True)
    ]
    return partitioned_site(
        folder,
        port,
        [*KEYS, numbered.HELD_POINT],
        block=numbered.READINGS_PER_MESSAGE,
        stations=STATIONS,
        limits=[*limits, limit(numbered.HELD_POINT, "H", 90, on_delay="60s")],
        confirm_within="60s",
    )


@dataclass
class Chain:
    """Ends every process that it started."""

    folder: Path
    broker: LocalBroker
    bootstrap: str
    settings: Mapping[str, str] = field(default_factory=dict)  # of workers, beside Kafka's

    def __post_init__(self) -> None:
        self.site = chain_site(self.folder / "site", self.broker.port)
        self.topic = f"test-{uuid4().hex[:8]}.telemetry"
        self._open = ExitStack()
        self.sirens: list[Siren] = []
        self.workers: list[CoreProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.kill()
        self._open.close()

    @property
    def kafka_settings(self) -> dict[str, str]:
        return {
            "GRIDWARDEN_KAFKA__BOOTSTRAP": self.bootstrap,
            "GRIDWARDEN_KAFKA__TOPIC": self.topic,
            "GRIDWARDEN_KAFKA__GROUP": self.topic,
            "GRIDWARDEN_KAFKA__PARTITIONS": str(PARTITIONS),
            "GRIDWARDEN_KAFKA__SESSION_TIMEOUT_MS": "6000",
        }

    def worker(self, name: str) -> CoreProcess:
        """A name comes back as the same worker on the same data folder."""
        started = CoreProcess(
            self.site,
            self.folder / name,
            env={**self.kafka_settings, **self.settings, "GRIDWARDEN_KAFKA__WORKER": name},
        )
        self.workers.append(started)
        return started

    def bridge(self, name: str = "1", share: str | None = None) -> "BridgeProcess":
        more = ["--share", share] if share else []
        return self._open.enter_context(
            BridgeProcess(self.site, self.folder, name, self.kafka_settings, more)
        )

    def start_sirens(self) -> None:
        for station in range(STATIONS):
            siren = Siren(self.broker.port, CODE, siren_of(station), self.folder)
            self.sirens.append(self._open.enter_context(siren))
        for siren in self.sirens:
            siren.await_listening()

    def acted(self) -> Counter[str]:
        return Counter(command for siren in self.sirens for command in siren.acted())

    def publish(self, messages: int, start_ms: int) -> "Publisher":
        return self._open.enter_context(Publisher(self.broker, self.folder, messages, start_ms))


class BridgeProcess:
    def __init__(
        self,
        site: Path,
        folder: Path,
        name: str,
        settings: Mapping[str, str],
        more: Sequence[str] = (),
    ) -> None:
        self.log = folder / f"bridge-{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "service.cli", "bridge", "--site", str(site)),
                    *("--data", str(folder), "--name", name, *more),
                ],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings},
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def await_running(self) -> None:
        until(lambda: "from the MQTT broker" in self.log.read_text(), "the bridge runs", 60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Publisher:
    """The numbered stream over MQTT; keeps what the broker acknowledged."""

    def __init__(self, broker: LocalBroker, folder: Path, messages: int, start_ms: int) -> None:
        self._messages = messages
        self._out = folder / "acknowledged.json"
        topic = telemetry_topic(CODE, SourceId(SOURCE))
        command = [sys.executable, "-m", "tests.support.numbered", "--host", broker.host]
        command += ["--port", str(broker.port), "--topic", topic, "--start-ms", str(start_ms)]
        command += ["--messages", str(messages), "--out", str(self._out)]
        self.process = subprocess.Popen(command, cwd=ROOT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()

    def await_everything_acknowledged(self, within_s: float) -> None:
        until(lambda: self.process.poll() is not None, "the publisher has ended", within_s)
        assert self.process.returncode == 0
        assert set(json.loads(self._out.read_text())) == {-1, *range(self._messages)}


def start_soon_ms() -> int:
    return int(time.time() * 1_000) + 2_000


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


def alarms_of_one_evaluation(
    site: Path, stream: Sequence[tuple[int, int, float]], numbers: Mapping[PointKey, int]
) -> list[Alarm]:
    """What a single worker without any trouble finds."""
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
                raised[event.event_id] = _of(event, None)
            else:
                raised[event.event_id] = (*raised[event.event_id][:3], event.ended_at_us)
    return sorted(raised.values(), key=str)


def recorded_alarms(engine: Engine) -> list[Alarm]:
    events = SqlRecords(engine).events(limit=100_000)
    return sorted((_of(each.raised, each.cleared) for each in events), key=str)


def point_numbers(engine: Engine) -> dict[PointKey, int]:
    keys = [PointKey(key) for key in (*KEYS, numbered.HELD_POINT)]
    return SqlRecords(engine).point_numbers(keys)


def commands_due(engine: Engine) -> Counter[str]:
    """One for each level-1 alarm, at its own station's siren."""
    stations = {
        point: place // numbered.READINGS_PER_MESSAGE % STATIONS
        for place, point in enumerate([*KEYS, numbered.HELD_POINT])
    }
    return Counter(
        str(command_id(each.raised.event_id, DeviceId(siren_of(stations[each.raised.point])), "1"))
        for each in SqlRecords(engine).events(limit=100_000)
        if each.raised.priority is Priority.URGENT
    )


def await_commanded_once(chain: Chain, engine: Engine) -> None:
    """Every command has ended, and the sirens acted once for each level-1 alarm and for nothing else. A delay
    may run out after the stream's end, and a siren acts before the records know."""
    records = SqlRecords(engine)

    def holds() -> bool:
        return not records.open_commands() and chain.acted() == commands_due(engine)

    until(holds, "each level-1 alarm was commanded once, and nothing else", 60)


def _of(raised: AlarmRaised, cleared: AlarmCleared | None) -> Alarm:
    ended_at_us = cleared.ended_at_us if cleared else None
    return (str(raised.event_id), raised.started_at_us, raised.raised_at_us, ended_at_us)


def partitions_of(worker: CoreProcess) -> dict[str, Any]:
    status = worker.status()
    return {} if status is None else dict(status.get("partitions", {}))
