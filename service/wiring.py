"""Hands the objects of the rooms to each other: from settings and a site to a core that can run."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog

from delivery.dispatcher import Dispatcher
from delivery.mqtt import MqttCommandSender, MqttSenderConfig
from domain.changes import Changes
from domain.clock import MINUTE_US, Clock, system_clock
from domain.commands import DeviceCommand
from domain.ids import PointKey
from domain.logbook import CORRECTED_WITHIN_US
from domain.ports import StorageUnavailable
from domain.readings import Readings
from domain.records import ReadingsArrived, Record, Requested, SourceChanged
from domain.requests import Request
from ingest.inbox import Inbox
from ingest.intake import Intake
from ingest.mqtt import MqttConfig, MqttSource
from linkage.arrangement_desk import REMEMBER_OVER_US
from linkage.desk import Held
from linkage.linkage import (
    REMEMBER_DISTURBED_US,
    REMEMBER_ENDED_US,
    REMEMBER_RECENT_US,
    Linkage,
)
from linkage.outages.book import HeldOutages
from linkage.plan import LinkagePlan, RejectionBound
from linkage.watches import REMEMBERED_US
from service.counting import Counted
from service.deciding import Decider
from service.evidence_keeping import evidence_keeper
from service.history import history
from service.janitor import Janitor
from service.journalling import JournalWriter, Ticker
from service.latest import LatestValues
from service.limiting import LimitsKeeper
from service.live import LiveView
from service.notifying import Notifier
from service.projecting import DETECTORS, INTAKE, Checkpointer, TelemetryProjection
from service.recorder import Recorder
from service.recovery import Unwirable as Unwirable  # for core.py: how we recover is not its matter
from service.recovery import (
    go_on_beyond_what_was_applied,
    numbers_of_points,
    open_journal,
    open_records,
    recover_intake,
    recovered_detectors,
)
from service.sealing import HEADS_NAME, Sealer
from service.settings import Settings, secret
from service.site.model import Site, SourceSettings
from service.stored_history import arrived
from service.stores import keeping, open_telemetry
from service.upkeep import StoreKeeper
from service.vitals import Stage, Vitals
from service.workers import Worker
from storage.checkpoints import Checkpoints
from storage.device_cares import every_device_care
from storage.disturbances import disturbances_since
from storage.ledger import SqlLedger
from storage.outages import OutageReads
from storage.records import SqlRecords
from storage.reviews import ReviewReads

log = structlog.get_logger(__name__)

RECENT_AT_MOST: Final = 100_000  # events of ten minutes


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


class UnknownPoint(KeyError):
    """A point that the site has not."""


class RecordingClock:
    """The recording's time: that of its first row, then the newest event time that came in."""

    def __init__(self, start_us: int) -> None:
        self._now_us = start_us

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

        Raises StorageUnavailable where a store cannot be opened, AlreadyServed beside another core,
        Unwirable where site or data folder and this version do not fit. With `recording`, the clock is the
        recording's and nothing ticks."""
        self._settings = settings
        self._site = site if outputs else site.without_outputs()
        self._source = only_source(site)
        self._recording = recording
        self._clock: Clock = recording or system_clock
        self.on_site_effective: Callable[[], None] = lambda: None
        self.counters = Counted()
        self.vitals = Vitals(self)
        self._open_stores()
        self.latest = LatestValues({})
        self._assemble_decision()
        self.decider.recover(self.journal)
        self._numbers = numbers_of_points(
            self.records, [point.key for point in site.points], self.decider.limits
        )
        self.latest = LatestValues(self._numbers)
        self.store_keeper = StoreKeeper(
            self._telemetry_store, self.latest, clock=self._clock, counters=self.counters
        )
        self._assemble_intake()

    def start(self) -> None:
        unsent = self.records.unsent_outbox()
        self.dispatcher.release(unsent)  # recorded before the restart, perhaps sent, perhaps not
        self.sender.start()
        self.dispatcher.start()
        self.notifier.start()
        self.inbox.put(self._first_records())
        self.recorder.on_site_effective = self.on_site_effective
        self.vitals.recovered(self._oldest_unpassed())
        self.source.start()
        for worker in self.workers():
            worker.start()
        log.info("core_started", seq=self.journal.last_seq, unsent=len(unsent))

    def stop(self) -> None:
        """From the sources to the stores: what was taken in is journalled and decided."""
        self.source.stop()
        for worker in self.workers():
            worker.stop()
        self.notifier.stop()
        self.dispatcher.stop()
        self.sender.stop()
        log.info("core_stopped", seq=self.journal.last_seq)

    def status(self) -> dict[str, object]:
        """How far everything is, and every counter."""
        return {**self.progress(), "stored_rows": self._stored_rows()}

    def progress(self) -> dict[str, Any]:
        """The same without a question to a store: what may be asked often."""
        return {
            "pid": os.getpid(),
            "journal_seq": self.journal.last_seq,
            "decided_seq": self.decider.decided_seq,
            "recorded_seq": self.recorder.recorded_seq,
            "telemetry_seq": self.telemetry.applied_seq,
            "telemetry_lag": max(0, self.journal.last_seq - self.telemetry.passed_seq),
            "evaluated_rows": self.decider.evaluated_rows,
            "unrecorded": self.recorder.pending,
            "unjournalled": len(self.writer.unwritten(0.0)),
            "inbox_depth": self.inbox.depth,
            "journal_share": self.vitals.share.last,
            "commands_connected": self.sender.connected,
            "source": {
                "connected": self.source.connected,
                "current": self.source.current,
                "unacknowledged": self.source.unacknowledged,
                "generation": self.source.generation,
                "session": self.source.session,
                "id": self._source.source_id,
                "lag": {},  # MQTT tells none
            },
            "counters": self.counters.snapshot(),
        }

    @property
    def has_desk(self) -> bool:
        """What there is once for a site is decided here; of several workers, by one."""
        return True

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def ticks(self) -> bool:
        return self.ticker is not None

    def stages(self) -> Sequence[Stage]:
        recorded = self.recorder.recorded_seq if self.recorder.pending else self.decider.decided_seq
        return [
            Stage(
                name="journal",
                newest_seq=self.journal.last_seq,
                newest_at_us=self.journal.newest_at_us,
                decided_seq=self.decider.decided_seq,
                passed_seq=min(recorded, self.telemetry.passed_seq),
                telemetry_seq=self.telemetry.passed_seq,
            )
        ]

    def sources(self) -> Mapping[str, bool]:
        return {self._source.source_id: self.source.connected}

    def journal_away_s(self) -> float:
        return self.writer.away_s

    def records_away_s(self) -> float:
        return self.recorder.away_s

    def journal_share(self) -> float:
        return self.journal.share_used

    def _oldest_unpassed(self) -> tuple[int, int] | None:
        try:
            first = next(iter(self.journal.read(after=self.stages()[0].passed_seq)), None)
        except StorageUnavailable:
            return None  # then its age is known a second later
        return None if first is None else (first[0], first[1].at_us)

    @property
    def site_version(self) -> int:
        return self._site.version

    @property
    def outdated(self) -> bool:
        """Whether the records hold a newer site than the one we were started with."""
        effective = self.records.effective_site()
        return effective is not None and effective.number > self._site.version

    def ask(self, request_id: UUID, actor: str, request: Request) -> None:
        """Journalled and decided in its turn; watchers hear what became of it."""
        asked = Requested(at_us=self._clock(), request_id=request_id, actor=actor, request=request)
        self.inbox.put([asked])

    def history(self, point: str, from_us: int, to_us: int, at_most: int) -> Mapping[str, object]:
        """Raises UnknownPoint, StorageUnavailable."""
        number = self._numbers.get(PointKey(point))
        if number is None:
            raise UnknownPoint(f"no point is named {point}")
        return history(
            self._telemetry_store,
            number,
            from_us,
            to_us,
            at_most,
            now_us=self._clock(),
            keeping=keeping(self._settings.telemetry),
        )

    def stored_readings(
        self, from_us: int, to_us: int, points: Sequence[str], at_most: int, offset: int
    ) -> Readings:
        """What is stored of these points, in the order of arrival. Raises StorageUnavailable."""
        numbers = [self._numbers[PointKey(each)] for each in points if each in self._numbers]
        return arrived(self._telemetry_store, from_us, to_us, numbers, at_most, offset)

    def _publish(self, record: Record | None, changes: Changes) -> None:
        if isinstance(record, ReadingsArrived):
            self.latest.take(record.readings)
        self.vitals.time(changes.commands)
        self.live.publish(record, changes)

    def _open_stores(self) -> None:
        folders, settings = Folders(self._settings.data), self._settings
        self.journal = open_journal(folders.journal, settings.journal)
        self.records = open_records(folders.records, settings.records, self.journal.last_seq)
        self._telemetry_store = open_telemetry(settings.telemetry, folders.telemetry, self.counters)
        self.telemetry = TelemetryProjection(
            journal=self.journal,
            telemetry=self._telemetry_store,
            every_s=settings.telemetry.commit_every_ms / 1000,
            counters=self.counters,
        )
        self._checkpoints = {
            name: Checkpoints(folders.checkpoints, name) for name in (DETECTORS, INTAKE)
        }
        go_on_beyond_what_was_applied(
            self.journal,
            self.records,
            self._telemetry_store,
            self._checkpoints.values(),
            self.counters,
        )
        self.checkpointer = Checkpointer(
            stores=self._checkpoints,
            drop_through=self.journal.drop_through,
            passed=lambda: min(self.telemetry.applied_seq, self.recorder.recorded_seq),
            every_s=settings.checkpoints.every_s,
            every_readings=settings.checkpoints.every_readings,
        )

    def _assemble_decision(self) -> None:
        plan = plan_of(self._site, self._settings)
        self.sender = MqttCommandSender(
            sender_config(self._source), self._site.code, self.counters, clock=self._clock
        )
        self.dispatcher = Dispatcher(
            self.sender,
            lambda done: self.decider.delivered(done),
            self.counters,
            self._clock,
            self._settings.delivery.fail_open_ms * 1000,
        )
        self.sealer = Sealer(
            SqlLedger(self.records.engine),
            self._settings.data / HEADS_NAME,
            self._site.zone,
            self._clock,
        )
        self.janitor = Janitor(
            self.records.engine,
            self._settings.keep,
            clock=self._clock,
            counters=self.counters,
            evidence=evidence_keeper(self._settings, self.records.engine, self._clock),
        )
        self.live = LiveView(plan, self.records.standing_events())
        self.notifier = Notifier(
            self.records.engine,
            plan,
            lambda: self.decider.responsibility,
            clock=self._clock,
            counters=self.counters,
            tell=lambda change: self.live.tell(change),
        )
        self.recorder = Recorder(
            records=self.records,
            dispatcher=self.dispatcher,
            checkpointer=self.checkpointer,
            counters=self.counters,
        )
        self.decider = Decider(
            start=recovered_detectors(
                self._checkpoints[DETECTORS],
                self.journal,
                self.recorder.recorded_seq,
                self.counters,
            ),
            linkage=Linkage(
                plan,
                self.records.open_incidents(),
                commands_that_may_be_answered(self.records, self._clock()),
                held_by(self.records, self._clock()),
            ),
            recorder=self.recorder,
            dispatcher=self.dispatcher,
            checkpointer=self.checkpointer,
            counters=self.counters,
            publish=self._publish,
            unwritten=lambda for_s: self.writer.unwritten(for_s),
        )

    def _assemble_intake(self) -> None:
        settings = self._settings
        self.inbox = Inbox(settings.queues.inbox_messages, settings.queues.inbox_bytes)
        intake = Intake(
            self._site.code,
            self._source.source_id,
            self.decider.limits,
            self.counters,
            settings.dead_letters.payloads_kept,
            recording=self._recording.advance if self._recording else None,
        )
        recover_intake(
            intake, self._checkpoints[INTAKE], self.journal, self.decider.limits, self.counters
        )
        self.source = MqttSource(
            source_config(self._source, self._settings.queues.receive_maximum),
            self.inbox,
            self.counters,
            clock=self._clock,
            known_session=intake.session,
        )
        self.writer = JournalWriter(
            inbox=self.inbox,
            intake=intake,
            journal=self.journal,
            acknowledge=self.source.acknowledge,
            hand_over=self.decider.hand_over,
            checkpointer=self.checkpointer,
            counters=self.counters,
            share_used=self.vitals.share,
        )
        self.ticker = None if self._recording else Ticker(self.inbox, self._clock)
        self.limits = LimitsKeeper(
            self._site,
            self._numbers,
            self.records,
            self._clock,
            self.inbox.put,
            self.decider.limits,
        )
        self.recorder.on_limits_changed = self.limits.renew

    def _first_records(self) -> list[Record]:
        """Before anything else of this life: while we were away no time passed for the source, since
        what would have ended a delay may wait at the broker. Then the limits, where they are new."""
        source_id, now_us = self._source.source_id, self._clock()
        away = SourceChanged(at_us=now_us, source_id=source_id, current=False)
        return [away, *self.limits.first_records()]

    def _stored_rows(self) -> int | None:
        try:
            return self._telemetry_store.count()
        except StorageUnavailable:
            return None

    def workers(self) -> list[Worker]:
        """In the order in which a reading meets them; they stop in that order too."""
        ticker = [self.ticker.worker] if self.ticker else []
        return [
            *ticker,
            self.writer.absorbing,
            self.writer.writing,
            self.decider.worker,
            self.recorder.worker,
            self.telemetry.worker,
            self.store_keeper.worker,
            self.checkpointer.worker,
            self.sealer.worker,
            self.limits.worker,
            self.janitor.worker,
            *self.notifier.workers(),
        ]


def only_source(site: Site) -> SourceSettings:
    if len(site.sources) != 1:
        raise Unwirable(
            f"this version runs one source; {site.code} has {len(site.sources)}: keep one in sources/"
        )
    return site.sources[0]


def commands_that_may_be_answered(records: SqlRecords, now_us: int) -> list[DeviceCommand]:
    """The open ones, and those whose device may still send a late word."""
    known = {
        command.command_id: command for command in records.commands(now_us - REMEMBER_ENDED_US)
    }
    return list((known | {each.command_id: each for each in records.open_commands()}).values())


def plan_of(site: Site, settings: Settings) -> LinkagePlan:
    """What linkage decides by: the site's word, and the bounds that the installation sets."""
    return replace(
        site.plan(settings.language),
        shelve_at_most_us=round(settings.alarms.shelve_at_most_hours * 60 * MINUTE_US),
        rejections=RejectionBound(
            percent=settings.reviews.rejected_percent,
            at_least=settings.reviews.rejected_at_least,
            within_us=settings.reviews.rejected_days * 24 * 60 * MINUTE_US,
        ),
    )


def held_by(records: SqlRecords, now_us: int) -> Held:
    """What the desk and the credit desk begin with."""
    every_entry = records.entries_since(0)
    return Held(
        users=tuple(records.users()),
        tickets=tuple(records.open_tickets()),
        tags=tuple(records.hanging_tags()),
        approvals=tuple(records.waiting_approvals()),
        site_versions=tuple(records.site_versions()),
        reviews=tuple(records.reviews_since(0)),
        entries=tuple(every_entry),
        handled=records.handled_since(now_us - REMEMBER_ENDED_US),
        limit_changes=tuple(records.limit_changes()),
        campaigns=tuple(records.campaigns()),
        rationalisations=tuple(records.rationalisations()),
        alarms=tuple(records.open_alarms()),
        withholdings=tuple(records.withholdings()),
        recent=tuple(
            each.raised for each in records.events(now_us - REMEMBER_RECENT_US, RECENT_AT_MOST)
        ),
        recent_alarms=tuple(records.alarms_since(now_us - REMEMBER_RECENT_US)),
        floods=tuple(records.open_floods()),
        findings=tuple(records.open_findings()),
        escalations=tuple(records.open_escalations()),
        device_cares=tuple(every_device_care(records.engine)),
        watches=tuple(records.logbook.watches_since(now_us - REMEMBERED_US)),
        log=tuple(records.logbook.written_since(now_us - CORRECTED_WITHIN_US)),
        arrangements=tuple(records.arrangements(now_us - REMEMBER_OVER_US)),
        disturbances=tuple(disturbances_since(records.engine, now_us - REMEMBER_DISTURBED_US)),
        outages=_outages_held_by(records, now_us),
        rectifications=tuple(ReviewReads(records.engine).every_rectification()),
    )


def _outages_held_by(records: SqlRecords, now_us: int) -> HeldOutages:
    reads = OutageReads(records.engine)
    return HeldOutages(
        outages=tuple(reads.open_outages()),
        planned=tuple(reads.open_planned()),
        earth_faults=tuple(reads.earth_faults(now_us - REMEMBER_ENDED_US)),
    )


def source_config(source: SourceSettings, receive_maximum: int) -> MqttConfig:
    return MqttConfig(
        source_id=source.source_id,
        host=source.host,
        port=source.port,
        client_id=source.client_id,
        username=source.username,
        password=_password(source),
        subscriptions=tuple((each.topic, each.qos) for each in source.subscriptions),
        receive_maximum=receive_maximum,
    )


def sender_config(source: SourceSettings) -> MqttSenderConfig:
    return MqttSenderConfig(
        host=source.host,
        port=source.port,
        client_id=f"{source.client_id}-commands",
        username=source.username,
        password=_password(source),
    )


def _password(source: SourceSettings) -> str | None:
    return secret(source.password_env).get_secret_value() if source.password_env else None
