"""Hands the objects of the rooms to each other: from settings and a site to a core that can run."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from delivery.dispatcher import Dispatcher
from delivery.mqtt import MqttCommandSender, MqttSenderConfig
from detectors.evaluate import DetectorState
from domain.assets import ActiveLimits
from domain.clock import Clock, system_clock
from domain.commands import DeviceCommand
from domain.ports import StorageUnavailable
from domain.records import LimitsActivated
from ingest.inbox import Inbox
from ingest.intake import Intake
from ingest.mqtt import MqttConfig, MqttSource
from linkage.linkage import REMEMBER_ENDED_US, Linkage
from service.counting import Counted
from service.deciding import Decider, Start
from service.journalling import Journalled, JournalWriter, Ticker
from service.live import LiveView
from service.projecting import Checkpointer, TelemetryProjection
from service.settings import Settings, secret
from service.site.model import Site, SourceSettings
from service.workers import Worker
from storage.checkpoints import Checkpoints
from storage.engines import sqlite_engine
from storage.journal import SqliteJournal
from storage.migrate import upgrade
from storage.records import SqlRecords
from storage.telemetry_duckdb import DuckDbTelemetry

log = structlog.get_logger(__name__)

DETECTORS, INTAKE = "detectors", "intake"


class Unwirable(Exception):
    """Site or data folder and this version do not fit; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where everything of one data folder lies."""

    data: Path

    @property
    def journal(self) -> Path:
        return self.data / "journal"

    @property
    def checkpoints(self) -> Path:
        return self.data / "checkpoints"

    @property
    def records(self) -> Path:
        return self.data / "records.db"

    @property
    def telemetry(self) -> Path:
        return self.data / "telemetry.duckdb"


class RecordingClock:
    """The recording's time: the newest event time that came in."""

    def __init__(self) -> None:
        self._now_us = 0

    def __call__(self) -> int:
        return self._now_us

    def advance(self, to_us: int) -> int:
        """Never back; the time it is then."""
        self._now_us = max(self._now_us, to_us)
        return self._now_us


class Core:
    """Everything of the core process, in the order in which it starts and stops."""

    def __init__(
        self,
        settings: Settings,
        site: Site,
        *,
        recording: RecordingClock | None = None,
        outputs: bool = True,
    ) -> None:
        """Opens the stores and recovers: afterwards the state is that of the journal's last record.

        Raises StorageUnavailable where a store cannot be opened, Unwirable for a site that this version
        cannot run. With `recording`, the clock is the recording's and nothing ticks."""
        source = _only_source(site)
        folders = Folders(settings.data)
        clock: Clock = recording or system_clock
        plan = site.plan(settings.language)
        if not outputs:
            plan = replace(plan, rules=())
        self.counters = Counted()
        self.journal = SqliteJournal(
            folders.journal,
            segment_bytes=settings.journal.segment_bytes,
            share_bytes=settings.journal.share_bytes,
        )
        self.records = _open_records(folders.records, settings, self.journal.last_seq)
        self._telemetry_store = DuckDbTelemetry(folders.telemetry)
        self.telemetry = TelemetryProjection(
            journal=self.journal,
            telemetry=self._telemetry_store,
            every_s=settings.telemetry.commit_every_ms / 1000,
            counters=self.counters,
        )
        checkpoints = {name: Checkpoints(folders.checkpoints, name) for name in (DETECTORS, INTAKE)}
        self.checkpointer = Checkpointer(
            stores=checkpoints,
            drop_through=self.journal.drop_through,
            passed=lambda: min(self.telemetry.applied_seq, self.decider.progress.recorded_seq),
            every_s=settings.checkpoints.every_s,
            every_readings=settings.checkpoints.every_readings,
        )
        self.sender = MqttCommandSender(_sender_config(source), site.code, clock=clock)
        self.dispatcher = Dispatcher(
            self.sender,
            lambda done: self.decider.delivered(done),
            clock,
            settings.delivery.fail_open_ms * 1000,
        )
        self.live = LiveView(plan, self.records.standing_events())
        self.decider = Decider(
            start=_recovered_detectors(checkpoints[DETECTORS]),
            linkage=Linkage(
                plan,
                self.records.open_incidents(),
                _commands_that_may_be_answered(self.records, clock()),
            ),
            records=self.records,
            dispatcher=self.dispatcher,
            counters=self.counters,
            publish=self.live.publish,
            unwritten=lambda for_s: self.writer.unwritten(for_s),
            at_rest=self._checkpoint_detectors,
        )
        self.decider.recover(self.journal)
        limits = self._activated(site, clock)
        self.inbox = Inbox(settings.queues.inbox_messages, settings.queues.inbox_bytes)
        intake = Intake(
            site.code,
            source.source_id,
            limits,
            self.counters,
            settings.dead_letters.payloads_kept,
            recording=recording.advance if recording else None,
        )
        _recover_intake(intake, checkpoints[INTAKE], self.journal)
        self.source = MqttSource(
            _source_config(source),
            self.inbox,
            self.counters,
            clock=clock,
            known_session=intake.session,
        )
        self.writer = JournalWriter(
            inbox=self.inbox,
            intake=intake,
            journal=self.journal,
            acknowledge=self.source.acknowledge,
            hand_over=self.decider.hand_over,
            counters=self.counters,
            share_used=lambda: self.journal.share_used,
            after_write=self._checkpoint_intake,
        )
        self.ticker = None if recording else Ticker(self.inbox, clock)

    def start(self) -> None:
        unsent = self.records.unsent_outbox()
        self.dispatcher.release(unsent)  # recorded before the restart, perhaps sent, perhaps not
        self.sender.start()
        self.dispatcher.start()
        for worker in self._workers():
            worker.start()
        self.source.start()
        log.info("core_started", seq=self.journal.last_seq, unsent=len(unsent))

    def stop(self) -> None:
        """From the sources to the stores: what was taken in is journalled and decided."""
        self.source.stop()
        for worker in self._workers():
            worker.stop()
        self.dispatcher.stop()
        self.sender.stop()
        self.decider.record()
        self.checkpointer.flush()
        log.info("core_stopped", seq=self.journal.last_seq)

    def status(self) -> dict[str, object]:
        """How far everything is, and every counter."""
        progress = self.decider.progress
        return {
            "pid": os.getpid(),
            "journal_seq": self.journal.last_seq,
            "decided_seq": progress.decided_seq,
            "recorded_seq": progress.recorded_seq,
            "telemetry_seq": self.telemetry.applied_seq,
            "evaluated_rows": progress.evaluated_rows,
            "stored_rows": self._stored_rows(),
            "unrecorded_events": progress.unrecorded_events,
            "unjournalled": len(self.writer.unwritten(0.0)[1]),
            "inbox_depth": self.inbox.depth,
            "journal_share": self.journal.share_used,
            "source": {
                "connected": self.source.connected,
                "current": self.source.current,
                "unacknowledged": self.source.unacknowledged,
                "generation": self.source.generation,
                "session": self.source.session,
            },
            "counters": self.counters.snapshot(),
        }

    def _stored_rows(self) -> int | None:
        try:
            return self._telemetry_store.count()
        except StorageUnavailable:
            return None

    def _workers(self) -> list[Worker]:
        ticker = [self.ticker.worker] if self.ticker else []
        return [
            *ticker,
            self.writer.worker,
            self.decider.worker,
            self.telemetry.worker,
            self.checkpointer.worker,
        ]

    def _activated(self, site: Site, clock: Clock) -> ActiveLimits:
        """The site's points and limits, journalled as a new version where they differ from the last."""
        last = self.decider.limits
        numbers = self.records.point_numbers([point.key for point in site.points])
        wanted = site.active_limits(numbers, last.version)
        if wanted != last:
            wanted = replace(wanted, version=last.version + 1)
            record = LimitsActivated(at_us=clock(), limits=wanted)
            (seq,) = self.journal.append([record])
            self.decider.decide(Journalled(seq, record))
            self.decider.record()
            log.info("limits_activated", version=wanted.version, points=len(wanted.points))
        return wanted

    def _checkpoint_detectors(self, seq: int, state: DetectorState) -> None:
        readings = self.decider.progress.evaluated_rows
        if not self.checkpointer.due(DETECTORS, seq, readings):
            return
        if self.decider.record_position():
            self.checkpointer.offer(
                DETECTORS, seq, readings, state.arrays(), state.meta(), state.parts()
            )
        else:
            self.checkpointer.put_off(DETECTORS)

    def _checkpoint_intake(self, seq: int, intake: Intake) -> None:
        if self.checkpointer.due(INTAKE, seq, 0):
            copies = {name: array.copy() for name, array in intake.arrays().items()}
            self.checkpointer.offer(INTAKE, seq, 0, copies, intake.meta())


def _only_source(site: Site) -> SourceSettings:
    if len(site.sources) != 1:
        raise Unwirable(
            f"this version runs one source; {site.code} has {len(site.sources)}: keep one in sources/"
        )
    return site.sources[0]


def _open_records(path: Path, settings: Settings, journal_seq: int) -> SqlRecords:
    """A missing file is made anew only where the journal is empty: else it was lost, and silently
    beginning again would forget every incident."""
    engine = sqlite_engine(path, busy_ms=settings.records.busy_timeout_ms)
    upgrade(engine, create=journal_seq == 0)
    return SqlRecords(engine)


def _commands_that_may_be_answered(records: SqlRecords, now_us: int) -> list[DeviceCommand]:
    """The open ones, and those whose device may still send a late word."""
    known = {
        command.command_id: command for command in records.commands(now_us - REMEMBER_ENDED_US)
    }
    return list((known | {each.command_id: each for each in records.open_commands()}).values())


def _recovered_detectors(checkpoints: Checkpoints) -> Start:
    checkpoint = checkpoints.latest()
    if checkpoint is None:
        return Start(0, DetectorState.initial())
    state = DetectorState.restore(checkpoint.arrays, checkpoint.meta, checkpoint.parts)
    return Start(checkpoint.seq, state)


def _recover_intake(intake: Intake, checkpoints: Checkpoints, journal: SqliteJournal) -> None:
    checkpoint = checkpoints.latest()
    if checkpoint is not None:
        intake.restore(checkpoint.arrays, checkpoint.meta)
    for _, record in journal.read(after=checkpoint.seq if checkpoint else 0):
        intake.replay(record)


def _source_config(source: SourceSettings) -> MqttConfig:
    return MqttConfig(
        source_id=source.source_id,
        host=source.host,
        port=source.port,
        client_id=source.client_id,
        username=source.username,
        password=_password(source),
        subscriptions=tuple((each.topic, each.qos) for each in source.subscriptions),
    )


def _sender_config(source: SourceSettings) -> MqttSenderConfig:
    return MqttSenderConfig(
        host=source.host,
        port=source.port,
        client_id=f"{source.client_id}-commands",
        username=source.username,
        password=_password(source),
    )


def _password(source: SourceSettings) -> str | None:
    return secret(source.password_env).get_secret_value() if source.password_env else None
