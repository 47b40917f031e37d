"""`replay`: a recording, row by row, through a real broker into a core whose clock is the recording's."""

import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any, Final

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from domain.clock import to_datetime
from domain.ids import PointKey, SourceId
from domain.ports import StorageUnavailable
from service.broker import BrokerNotStarted, LocalBroker
from service.local_socket import (
    SOCKET_NAME,
    CoreUnreachable,
    RequestRefused,
    is_served,
    request,
)
from service.processes import CoreOptions, Supervisor
from service.recordings import MalformedRecording, Recording, Row
from service.site.compiled import compile_into
from service.site.model import Site, telemetry_topic
from storage.engines import sqlite_engine
from storage.records import RecordedEvent, SqlRecords

MARK: Final = "replay.json"  # a data folder with this file was made by a replay

_AHEAD_AT_MOST: Final = 2_000  # rows published and not yet evaluated: the broker queues no more
_ASK_EVERY_S: Final = 0.05
_START_WITHIN_S: Final = 60.0
_STALLED_AFTER_S: Final = 60.0
_EVENTS_PER_QUESTION: Final = 1_000


class ReplayFailed(Exception):
    """The replay did not get to its end; the message says where to look."""


class ForeignFolder(ValueError):
    """A data folder that a replay must not touch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    recording: Path
    site_folder: Path
    site: Site
    data: Path
    outputs: bool = False
    broker: tuple[str, int] | None = None  # None: one of our own
    language: str = "zh-CN"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    rows: int
    readings: int
    left_out: Counter[str]
    alarms: tuple[RecordedEvent, ...]
    seconds: float


OnProgress = Callable[[int, int], None]  # rows evaluated (about), rows in the file


def replay(plan: ReplayPlan, on_progress: OnProgress = lambda done, total: None) -> ReplayResult:
    """Raises MalformedRecording, ForeignFolder, ReplayFailed. Main thread only: it starts children."""
    if plan.site.recording is None:
        raise MalformedRecording(
            f"site {plan.site_folder} has no replay.yaml: it says which column is which point"
        )
    recording = Recording(plan.recording, plan.site.recording)
    start_us = recording.begins_at_us()
    prepare_folder(plan.data, plan.recording)
    began = time.monotonic()
    with _broker(plan) as (host, port):
        options = CoreOptions(
            compiled=_compiled(plan, host, port),
            data=plan.data,
            language=plan.language,
            # without a usable row there is nothing to time, and the feeder says why
            replay_from_us=start_us or 0,
            outputs=plan.outputs,
        )
        core_log = plan.data / "core.log"
        feeder = _Feeder(plan, recording, on_progress, host, port)
        supervisor = Supervisor([options.spec(stderr=core_log)])
        feeder.start()
        try:
            code = supervisor.run(until=lambda: feeder.ended or supervisor.restarts("core") > 0)
        finally:
            feeder.stop()
    feeder.raise_failure()
    if not feeder.ended or code != 0:
        raise ReplayFailed(f"core ended during the replay: {_last_line(core_log)}")
    return ReplayResult(
        rows=feeder.rows,
        readings=feeder.readings,
        left_out=recording.left_out,
        alarms=tuple(_alarms(plan.data / "records.db")),
        seconds=time.monotonic() - began,
    )


def prepare_folder(data: Path, recording: Path) -> None:
    """A new or empty folder, or one that an earlier replay made: that one begins anew."""
    if data.exists() and not data.is_dir():
        raise ForeignFolder(f"{data} is a file: give a folder that does not exist yet")
    if data.exists() and any(data.iterdir()):
        if not (data / MARK).is_file():
            raise ForeignFolder(
                f"{data} holds something else: a replay needs its own folder, give a new one"
            )
        if (data / SOCKET_NAME).exists() and is_served(data / SOCKET_NAME):
            raise ForeignFolder(f"another replay runs in {data}: wait for it or give a new folder")
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
    mark = {"recording": recording.name}
    (data / MARK).write_text(json.dumps(mark, ensure_ascii=False) + "\n", encoding="utf-8")


def _compiled(plan: ReplayPlan, host: str, port: int) -> Path:
    try:
        return compile_into(plan.data, plan.site.at_broker(host, port))
    except StorageUnavailable as error:
        raise ReplayFailed(str(error)) from error


@contextmanager
def _broker(plan: ReplayPlan) -> Iterator[tuple[str, int]]:
    if plan.broker is not None:
        yield plan.broker
        return
    try:
        with LocalBroker(plan.data / "broker") as broker:
            yield broker.host, broker.port
    except BrokerNotStarted as error:
        raise ReplayFailed(f"no broker for the replay: {error}") from error


@dataclass(slots=True)
class _Status:
    """What the feeder needs of core's answer."""

    is_current: bool
    evaluated_rows: int
    at_rest: bool

    @classmethod
    def of(cls, status: dict[str, Any]) -> "_Status":
        source = status["source"]
        return cls(
            is_current=bool(source.get("current", source["connected"])),
            evaluated_rows=status["evaluated_rows"],
            at_rest=status["decided_seq"] == status["journal_seq"]
            and status["unrecorded"] == 0
            and status["inbox_depth"] == 0,
        )


@dataclass(slots=True)
class _Feeder:
    """Publishes the rows from a thread of its own, never far ahead of what core has evaluated."""

    plan: ReplayPlan
    recording: Recording
    on_progress: OnProgress
    host: str
    port: int
    rows: int = 0
    readings: int = 0
    ended: bool = False
    _failure: Exception | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join(10.0)

    def raise_failure(self) -> None:
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        try:
            self._await(lambda status: status.is_current, "connected", _START_WITHIN_S)
            self._feed()
        except _Stopped:
            return
        except Exception as error:
            self._failure = error
        self.ended = True

    def _feed(self) -> None:
        total = self.recording.count()
        source_of = {point.key: point.source_id for point in self.plan.site.points}
        with _publisher(self.plan, self.host, self.port) as client:
            in_flight: list[mqtt.MQTTMessageInfo] = []
            for row in self.recording.rows():
                in_flight += _publish(client, self.plan.site.code, row, source_of)
                self.rows += 1
                self.readings += len(row.values)
                if self.rows % (_AHEAD_AT_MOST // 2) == 0:
                    self._keep_near(in_flight)
                    self.on_progress(self.rows, total)
            if not self.rows:
                raise MalformedRecording(
                    f"{self.plan.recording} has no usable row: {_reasons(self.recording.left_out)}"
                )
            self._settle(in_flight)
        # a limit that would be reached after the last row is not the recording's to tell
        self._await(
            lambda status: status.evaluated_rows >= self.readings and status.at_rest, "ready"
        )
        self.on_progress(total, total)

    def _keep_near(self, in_flight: list[mqtt.MQTTMessageInfo]) -> None:
        self._settle(in_flight)
        points = max(1, len(self.recording_points))
        behind = self.readings - points * _AHEAD_AT_MOST // 2
        self._await(lambda status: status.evaluated_rows >= behind, "at work")

    @property
    def recording_points(self) -> Sequence[PointKey]:
        assert self.plan.site.recording is not None
        return list(self.plan.site.recording.columns.values())

    def _settle(self, in_flight: list[mqtt.MQTTMessageInfo]) -> None:
        """Until the broker has every message."""
        give_up_at = time.monotonic() + _STALLED_AFTER_S
        while in_flight:
            self._pause(0.0)
            in_flight[-1].wait_for_publish(0.2)
            in_flight[:] = [info for info in in_flight if not info.is_published()]
            if in_flight and time.monotonic() > give_up_at:
                raise ReplayFailed("the broker takes no more messages: look at its log")

    def _await(
        self,
        wanted: Callable[[_Status], bool],
        state: str,
        patience_s: float = _STALLED_AFTER_S,
    ) -> None:
        """Patience begins anew with every reading that core evaluates."""
        newest = -1
        give_up_at = time.monotonic() + patience_s
        while True:
            status = self._status()
            if status is not None and wanted(status):
                return
            if status is not None and status.evaluated_rows > newest:
                newest = status.evaluated_rows
                give_up_at = time.monotonic() + patience_s
            if time.monotonic() > give_up_at:
                raise ReplayFailed(
                    f"core was not {state} after {patience_s:g} s ({newest} of {self.readings}"
                    f" readings evaluated): look at {self.plan.data / 'core.log'}"
                )
            self._pause(_ASK_EVERY_S)

    def _status(self) -> _Status | None:
        try:
            return _Status.of(request(self.plan.data / SOCKET_NAME, "status"))
        except (CoreUnreachable, RequestRefused):
            return None

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Stopped


class _Stopped(Exception):
    pass


@contextmanager
def _publisher(plan: ReplayPlan, host: str, port: int) -> Iterator[mqtt.Client]:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"gridwarden-replay-{plan.site.code}",
        protocol=mqtt.MQTTv5,
    )
    client.max_inflight_messages_set(500)
    try:
        client.connect(host, port)
    except OSError as error:
        raise ReplayFailed(f"no broker answers at {host}:{port}: {error}") from error
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def _publish(
    client: mqtt.Client, site: str, row: Row, source_of: dict[PointKey, SourceId]
) -> list[mqtt.MQTTMessageInfo]:
    """One message per source; a site with one source has one message per row."""
    by_source: dict[SourceId, list[dict[str, object]]] = {}
    for point, value in row.values:
        reading = {"point": point, "time": row.time_us // 1_000, "value": value}
        by_source.setdefault(source_of[point], []).append(reading)
    return [
        client.publish(
            telemetry_topic(site, source), msgspec.json.encode({"readings": readings}), qos=1
        )
        for source, readings in by_source.items()
    ]


def _alarms(records: Path) -> list[RecordedEvent]:
    """Every alarm, oldest first, asked in pages: a long recording may have many."""
    store = SqlRecords(sqlite_engine(records))
    found: dict[Any, RecordedEvent] = {}
    since_us, limit = 0, _EVENTS_PER_QUESTION
    while True:
        page = store.events(since_us, limit)
        new = [event for event in page if event.raised.event_id not in found]
        found.update((event.raised.event_id, event) for event in new)
        if len(page) < limit:
            return list(found.values())
        # more events at one moment than a page holds: a longer page
        limit = limit if new else limit * 2
        since_us = page[-1].raised.raised_at_us


def alarm_facts(event: RecordedEvent, zone: tzinfo) -> dict[str, object]:
    """One alarm for a program: times with offset."""
    raised, cleared = event.raised, event.cleared
    return {
        "event_id": str(raised.event_id),
        "point": raised.point,
        "condition": raised.condition.value,
        "priority": raised.priority.name.lower(),
        "started_at": _written(raised.started_at_us, zone),
        "raised_at": _written(raised.raised_at_us, zone),
        "ended_at": _written(cleared.ended_at_us, zone) if cleared else None,
        "value": raised.value,
        "limit": raised.limit,
        "unit": raised.unit,
    }


def _written(moment_us: int, zone: tzinfo) -> str:
    return to_datetime(moment_us).astimezone(zone).isoformat()


def _reasons(left_out: Counter[str]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in left_out.items()) or "no rows at all"


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return f"{lines[-1]} (more in {path})" if lines else f"it said nothing in {path}"
