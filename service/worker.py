"""A core whose journal is a Kafka topic: one of several workers, each the owner of some partitions.

What differs from the core of one machine: messages are durable before we see them; ticks, limits and requests
are written into the partition that they concern and come back in their place; every commit is made under an
owner epoch; what people decided in one partition is learned by the others from the records.
"""

import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog

from delivery.cloud_events import dead_letter_of, outbound_of
from delivery.dispatcher import Dispatcher
from delivery.mqtt import MqttCommandSender
from domain.assets import ActiveLimits
from domain.changes import Changes
from domain.clock import Clock, system_clock
from domain.ids import AssetId, PointKey
from domain.limit_changes import LimitChange
from domain.outbound import Outbound, Outlet
from domain.paperwork import ApprovalState
from domain.ports import StorageUnavailable
from domain.readings import Readings
from domain.records import (
    DeadLetter,
    LimitsActivated,
    PaperLearned,
    ReadingsArrived,
    Record,
    Requested,
    Ticked,
)
from domain.requests import (
    Request,
)
from ingest.intake import Intake
from ingest.kafka import (
    LARGEST_MESSAGE,
    RECORD,
    Fetched,
    KafkaSource,
    KafkaTail,
    KafkaWriter,
    Outgoing,
    members_of,
    partition_of,
    prepare_topic,
)
from ingest.partition_intake import PartitionIntake, seal_of
from linkage.desk import Held
from linkage.linkage import Linkage
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility
from service.counting import Counted
from service.evidence_keeping import evidence_keeper
from service.fail_open import FailOpen
from service.history import history
from service.janitor import Janitor
from service.latest import LatestValues
from service.limiting import limits_now, modes_on
from service.live import LiveView
from service.notifying import Notifier
from service.outbound import Publisher, change_of
from service.partition import PartitionPath, PathSettings, SharedDispatcher, Stores
from service.partitioning import DESK, Partitioning
from service.recovery import Unwirable
from service.request_routes import RequestRoutes
from service.sealing import HEADS_NAME, Sealer
from service.settings import Settings
from service.site.model import Site
from service.stored_history import arrived
from service.stores import can_be_shared, keeping, open_records_engine, open_telemetry
from service.topic import kafka_config, topic_beside, topic_settings
from service.upkeep import StoreKeeper
from service.vitals import Stage, Vitals
from service.wiring import (
    Folders,
    UnknownPoint,
    commands_that_may_be_answered,
    held_by,
    only_source,
    plan_of,
    sender_config,
    source_config,
)
from service.workers import Worker as Thread
from storage.checkpoints_sql import SqlCheckpoints
from storage.codec import from_bytes, to_bytes
from storage.ledger import SqlLedger
from storage.outages import OutageReads
from storage.outbound import OutboundQueue
from storage.ownership import Owners, PartitionsChanged
from storage.records import SqlRecords

log = structlog.get_logger(__name__)

TICK_S: Final = 1.0
LEARN_S: Final = 0.5
ASK_WITHIN_S: Final = 5.0
ANSWER_WITHIN_S: Final = 30.0
LIMITS_AGAIN_S: Final = 30.0
OPEN_AGAIN_S: Final = 5.0
_LOOK_FOR_ANSWERS_S: Final = 0.2


class KafkaCore:
    """Implements service.vitals.Watched and ingest.kafka.Partitions."""

    def __init__(self, settings: Settings, site: Site, *, outputs: bool = True) -> None:
        """Opens the stores and looks at the topic; partitions come when the group gives them. Raises
        StorageUnavailable, Unwirable, KafkaUnusable."""
        self._settings = settings
        self._site = site if outputs else site.without_outputs()
        self._mqtt = only_source(site)
        self.clock: Clock = system_clock
        self.counters = Counted()
        self.vitals = Vitals(self)
        self.on_site_effective: Callable[[], None] = lambda: None
        self.name = settings.kafka.worker or name_of(settings.data)
        self._config = kafka_config(settings.kafka, site.code, self.name)
        self._engine = open_records_engine(settings)
        self.records = SqlRecords(self._engine)
        self._owners = Owners(self._engine)
        self._telemetry_store = open_telemetry(
            settings.telemetry, Folders(settings.data).telemetry, self.counters
        )
        self._shared = can_be_shared(settings)
        self._prepare()
        self._plan = plan_of(self._site, settings)
        self._routes = RequestRoutes(
            self._plan, self._places, self.records, OutageReads(self._engine)
        )
        self._numbers = self._numbers_of_points()
        self._limit_words: tuple[Sequence[LimitChange], tuple[str, ...]] | None = None
        self._limits: ActiveLimits
        self._look_for_limits()
        self._key = self._owners.key()
        self.latest = LatestValues(self._numbers)
        self.store_keeper = StoreKeeper(
            self._telemetry_store,
            self.latest,
            clock=self.clock,
            counters=self.counters,
            shared=self._shared,
        )
        self.live = LiveView(self._plan, self.records.standing_events())
        self.notifier = Notifier(
            self._engine,
            self._plan,
            self._responsibility,
            clock=self.clock,
            counters=self.counters,
            tell=self.live.tell,
            name=self.name,
            ours=lambda: list(self._paths),
            may_send=lambda: self.has_desk,
        )
        self.source = KafkaSource(self._config, self, self.counters)
        self._writer = KafkaWriter(self._config, self.counters)
        self._commands: SharedDispatcher
        self.sender = MqttCommandSender(
            replace(
                sender_config(self._mqtt), client_id=f"{self._mqtt.client_id}-commands-{self.name}"
            ),
            self._site.code,
            self.counters,
            clock=self.clock,
        )
        self.dispatcher = Dispatcher(
            self.sender,
            lambda done: self._commands.done(done),
            self.counters,
            self.clock,
            settings.delivery.fail_open_ms * 1_000,
        )
        self._commands = SharedDispatcher(self.dispatcher)
        self._paths: dict[int, PartitionPath] = {}
        self._changing = threading.Lock()  # who opens and closes paths
        self._ticks_under_way: dict[int, Future[Any]] = {}
        self._opened_again_at = float("-inf")
        self._wanted: frozenset[int] = frozenset()  # what the group gave us
        self._asked: dict[UUID, float] = {}  # requests whose outcome another worker may tell
        self._sealer = Sealer(
            SqlLedger(self.records.engine),
            settings.data / HEADS_NAME,
            self._site.zone,
            self.clock,
        )
        self._partition_of_number = {
            number: self._places.of_point[key] for key, number in self._numbers.items()
        }
        self._fail_open = FailOpen(
            source_config(self._mqtt, settings.queues.receive_maximum),
            self._site.code,
            self._limits_of_ours,
            lambda number: self._partition_of_number.get(number, DESK),
            lambda: bool(self._paths) and self.journal_away_s() > 0,
            self._came_us,
            self.counters,
        )
        outlets = self._outlets()
        self._tail = KafkaTail(
            self._config, outlets[Outlet.EVENTS], self._hear_another_worker, self.counters
        )
        self._publisher = Publisher(
            OutboundQueue(self._engine),
            self._writer,
            outlets,
            lambda: list(self._paths),
            self.counters,
        )
        self._threads = [
            Thread("ticker", self._tick),
            Thread("learner", self._learn_step),
            Thread("answers", self._look_for_answers),
            self._sealer.worker,
            self._publisher.worker,
            self.store_keeper.worker,
            Janitor(
                self._engine,
                settings.keep,
                clock=self.clock,
                counters=self.counters,
                evidence=evidence_keeper(settings, self._engine, self.clock),
            ).worker,
            *self.notifier.workers(),
        ]

    # -- what run_core and the socket ask ------------------------------------------------------

    def start(self) -> None:
        self.sender.start()
        self.dispatcher.start()
        self.notifier.start()
        self.vitals.recovered()
        self._writer.start()
        self.source.start()
        for thread in self._threads:
            thread.start()
        if self._settings.kafka.fail_open:
            self._fail_open.start()
        if self._shared:
            self._tail.start()
        log.info("worker_started", worker=self.name, partitions=self._partitions)

    def stop(self) -> None:
        """Leaves the group first: another worker may go on while we write what we have."""
        for thread in self._threads:
            thread.stop()
        if self._settings.kafka.fail_open:
            self._fail_open.stop()
        self._tail.stop()
        self.source.stop()
        for path in list(self._paths.values()):
            path.stop()
        self._writer.stop()
        self.notifier.stop()
        self.dispatcher.stop()
        self.sender.stop()
        self._telemetry_store.close()
        log.info("worker_stopped", worker=self.name)

    @property
    def has_desk(self) -> bool:
        """What there is once for a site is decided by the worker that has the desk's partition."""
        return DESK in self._paths

    @property
    def site_version(self) -> int:
        return self._site.version

    @property
    def outdated(self) -> bool:
        effective = self.records.effective_site()
        return effective is not None and effective.number > self._site.version

    def ask(self, request_id: UUID, actor: str, request: Request) -> None:
        """Written into the partition that it concerns; its owner decides it. Raises StorageUnavailable."""
        asked = Requested(at_us=self.clock(), request_id=request_id, actor=actor, request=request)
        partition = self._routes.partition_of(request)
        self._asked[request_id] = monotonic()
        try:
            self._write(partition, asked).result(ASK_WITHIN_S)
        except TimeoutError as error:
            raise StorageUnavailable(
                "Kafka has not taken it yet: it may still be done within two minutes"
            ) from error

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
            now_us=self.clock(),
            keeping=keeping(self._settings.telemetry),
        )

    def stored_readings(
        self, from_us: int, to_us: int, points: Sequence[str], at_most: int, offset: int
    ) -> Readings:
        """What is stored of these points, in the order of arrival. Raises StorageUnavailable."""
        numbers = [self._numbers[PointKey(each)] for each in points if each in self._numbers]
        return arrived(self._telemetry_store, from_us, to_us, numbers, at_most, offset)

    def status(self) -> dict[str, object]:
        return {**self.progress(), "stored_rows": self._stored_rows()}

    def progress(self) -> dict[str, Any]:
        """Sums over our partitions, and each of them."""
        paths = list(self._paths.values())
        each = {
            str(path.partition): {
                "epoch": path.epoch,
                "journal_seq": path.journal.last_seq,
                "decided_seq": path.decider.decided_seq,
                "recorded_seq": path.recorder.recorded_seq,
                "telemetry_seq": path.telemetry.applied_seq,
                "evaluated_rows": path.decider.evaluated_rows,
                "unrecorded": path.recorder.pending,
                "queued": path.queued,
                "limits_version": path.decider.limits.version,
            }
            for path in paths
        }
        summed = {
            name: sum(one[name] for one in each.values())
            for name in (
                "journal_seq",
                "decided_seq",
                "recorded_seq",
                "telemetry_seq",
                "evaluated_rows",
                "unrecorded",
            )
        }
        return {
            "pid": os.getpid(),
            "worker": self.name,
            **summed,
            "partitions": each,
            "of_partitions": self._partitions,
            "telemetry_lag": sum(
                max(0, path.journal.last_seq - path.telemetry.passed_seq) for path in paths
            ),
            "unjournalled": sum(not each.done() for each in list(self._ticks_under_way.values())),
            "inbox_depth": sum(path.queued for path in paths),
            "journal_share": 0.0,
            "commands_connected": self.sender.connected,
            "source": {
                "id": "kafka",
                "connected": self.source.connected,
                "current": self.source.current and self._caught_up,
                "unacknowledged": 0,
                "generation": self.source.generation,
                "session": self.name,
                "lag": {str(partition): lag for partition, lag in self.source.lag.items()},
            },
            "counters": self.counters.snapshot(),
        }

    # -- service.vitals.Watched ----------------------------------------------------------------

    @property
    def ticks(self) -> bool:
        return bool(self._paths)

    def stages(self) -> Sequence[Stage]:
        return [
            Stage(
                name=f"partition {path.partition}",
                newest_seq=path.journal.last_seq,
                newest_at_us=path.journal.newest_at_us,
                decided_seq=path.decider.decided_seq,
                passed_seq=path.passed_seq,
                telemetry_seq=path.telemetry.passed_seq,
            )
            for path in list(self._paths.values())
        ]

    def workers(self) -> Sequence[Thread]:
        of_paths = [thread for path in list(self._paths.values()) for thread in path.workers()]
        return [*self._threads, *of_paths]

    def sources(self) -> Mapping[str, bool]:
        return {"kafka": self.source.connected}

    def journal_away_s(self) -> float:
        """For how long nothing of the topic has come, of the worst partition: our own ticks come each second,
        whether it is the writing that fails or the reading."""
        quiet = [path.quiet_s for path in list(self._paths.values()) if not path.stale]
        waited = max(quiet, default=0.0)
        return waited if waited > _TICKS_MISSED * TICK_S else 0.0

    def _came_us(self) -> int:
        """The topic's clock at the newest message of the partition that is most behind."""
        newest = [path.journal.newest_at_us for path in list(self._paths.values())]
        return min((at_us for at_us in newest if at_us is not None), default=self.clock())

    def records_away_s(self) -> float:
        return max((path.recorder.away_s for path in list(self._paths.values())), default=0.0)

    def journal_share(self) -> float:
        return 0.0  # the topic's disk is the broker's

    # -- ingest.kafka.Partitions ---------------------------------------------------------------

    def assigned(self, partitions: int, ours: frozenset[int]) -> Mapping[int, int]:
        if partitions != self._partitions:
            raise StorageUnavailable(
                f"the topic {self._config.topic} has {partitions} partitions now instead of"
                f" {self._partitions}: stop every worker, and see the docs on changing their number"
            )
        if not self._shared and len(ours) < partitions:
            raise StorageUnavailable(
                "another worker is in the group, and our records or telemetry lie on this machine: more than"
                " one worker needs PostgreSQL and InfluxDB"
            )
        with self._changing:
            for partition in list(self._paths):
                if partition not in ours or not self._is_still_ours(self._paths[partition]):
                    self._close(partition)
            self._wanted = ours
            for partition in sorted(ours - self._paths.keys()):
                try:
                    self._open(partition)
                except StorageUnavailable as error:
                    # what is open goes on without a database; the rest is asked for again
                    log.error("partition_not_opened", partition=partition, reason=str(error))
            return {
                partition: path.next_offset
                for partition, path in self._paths.items()
                if partition in ours
            }

    def arrived(self, partition: int, messages: Sequence[Fetched]) -> None:
        path = self._paths.get(partition)
        if path is not None:
            path.feed(messages)

    def is_full(self, partition: int) -> bool:
        path = self._paths.get(partition)
        return path is not None and path.is_full

    def recorded(self) -> Mapping[int, int]:
        return {path.partition: path.recorder.recorded_seq for path in list(self._paths.values())}

    # -- opening and closing -------------------------------------------------------------------

    def _prepare(self) -> None:
        chosen = self._settings.kafka
        self._partitions: int = prepare_topic(
            self._config,
            self._config.topic,
            chosen.partitions,
            **topic_settings(chosen.retention_hours),
        )
        try:
            self._owners.expect_partitions(self._partitions)
        except PartitionsChanged as error:
            raise Unwirable(str(error)) from error
        others = set(members_of(self._config)) - {self._config.client_id}
        if not self._shared and others:
            raise Unwirable(
                f"another worker is in the group {self._config.group}, and our records or telemetry lie on"
                " this machine: more than one worker needs PostgreSQL and InfluxDB"
                " (GRIDWARDEN_RECORDS__URL, GRIDWARDEN_TELEMETRY__URL)"
            )
        self._places: Partitioning = Partitioning.of(
            self._site.plan(), self._site.points, self._partitions, partition_of
        )

    def _outlets(self) -> dict[Outlet, str]:
        topics = {outlet: topic_beside(self._config.topic, outlet) for outlet in Outlet}
        for topic in topics.values():
            prepare_topic(
                self._config,
                topic,
                self._settings.kafka.partitions,
                **{"max.message.bytes": str(LARGEST_MESSAGE)},
            )
        return topics

    def _numbers_of_points(self) -> Mapping[PointKey, int]:
        return self.records.point_numbers([point.key for point in self._site.points])

    def _is_still_ours(self, path: PartitionPath) -> bool:
        if path.stale:
            return False
        try:
            owner = self._owners.owner(path.partition)
        except StorageUnavailable:
            return True  # each commit asks again
        return owner is not None and owner.epoch == path.epoch

    def _open(self, partition: int) -> None:
        epoch = self._owners.claim(partition, self.name, self.clock())
        records = SqlRecords(self._engine, partition=partition, epoch=epoch)
        telemetry = self._telemetry_store.of_partition(partition)
        learned = records.paper_number()  # before what it has made is read
        path = PartitionPath(
            partition,
            epoch,
            stores=Stores(
                records=records,
                checkpoints=SqlCheckpoints(
                    self._engine, "path", partition, epoch, needed=lambda: self._needed(partition)
                ),
                telemetry=telemetry,
            ),
            linkage=self._linkage(partition, records),
            commands=self._commands,
            fresh_intake=lambda: self._fresh_intake(partition),
            reading_back=lambda offset: self.source.reading_back(partition, offset),
            counters=self.counters,
            publish=lambda record, changes: self._publish(partition, record, changes),
            settings=PathSettings(
                checkpoint_every_s=self._settings.checkpoints.every_s,
                checkpoint_every_readings=self._settings.checkpoints.every_readings,
                telemetry_every_s=self._settings.telemetry.commit_every_ms / 1_000,
                queued_messages=self._settings.kafka.queued_messages,
            ),
            unwritten=lambda for_s: self._fail_open.heard(partition),
            first_limits=self._limits_of(partition, 1),
            on_stale=self._gave_up,
        )
        path.learned = learned
        path.recorder.on_site_effective = self.on_site_effective
        self._paths[partition] = path
        path.start(
            [
                item
                for item in records.unsent_outbox()
                if self._places.of_device.get(item.command.device_id, DESK) == partition
            ]
        )
        log.info("partition_opened", partition=partition, epoch=epoch, offset=path.next_offset)

    def _close(self, partition: int) -> None:
        path = self._paths.pop(partition)
        self._ticks_under_way.pop(partition, None)
        path.stop()
        log.info("partition_closed", partition=partition, epoch=path.epoch)

    def _gave_up(self, partition: int) -> None:
        """From the recorder of the partition: it must not be joined from there."""
        log.warning("partition_is_another_workers", partition=partition)

    def _linkage(self, partition: int, records: SqlRecords) -> Linkage:
        def is_ours(asset_id: AssetId) -> bool:
            return self._places.partition_of_asset(asset_id) == partition

        def is_here(device: str) -> bool:
            return self._places.of_device.get(device, DESK) == partition  # type: ignore[call-overload,no-any-return]

        return Linkage(
            self._plan,
            [
                incident
                for incident in records.open_incidents()
                if self._places.partition_of_asset(incident.asset_id) == partition
            ],
            [
                command
                for command in commands_that_may_be_answered(records, self.clock())
                if is_here(command.device_id)
            ],
            _held_of(
                held_by(records, self.clock()), self._plan, is_ours, at_desk=partition == DESK
            ),
            is_ours,
        )

    def _fresh_intake(self, partition: int) -> PartitionIntake:
        intake = Intake(
            self._site.code,
            self._mqtt.source_id,
            ActiveLimits(site="", version=0, points=()),
            self.counters,
            self._settings.dead_letters.payloads_kept,
        )
        return PartitionIntake(
            intake,
            self._mqtt.source_id,
            self._site.code,
            partition,
            self._key,
            from_bytes,
            self.counters,
        )

    def _needed(self, partition: int) -> int:
        path = self._paths.get(partition)
        return 0 if path is None else min(path.recorder.recorded_seq, path.telemetry.applied_seq)

    # -- what we write into the topic ----------------------------------------------------------

    def _write(self, partition: int, record: Record) -> "Future[Any]":
        value = to_bytes(record)
        headers = {RECORD: seal_of(self._key, partition, value)}
        topic = self._config.topic
        return self._writer.write(
            [Outgoing(topic=topic, value=value, partition=partition, headers=headers)]
        )

    def _look_for_limits(self) -> None:
        """The site's, with the changes and modes that hold, whichever worker decided them. Raises
        StorageUnavailable."""
        on = modes_on(self._site, self.records.campaigns(), self.clock())
        words = self.records.effective_limit_changes(), on
        if words != self._limit_words:
            self._limits = limits_now(self._site, self._numbers, *words, 0)
            self._limit_words = words

    def _tick(self) -> None:
        """One under way per partition: what waits would only pile up."""
        for path in list(self._paths.values()):
            if path.stale:
                continue
            under_way = self._ticks_under_way.get(path.partition)
            if under_way is None or under_way.done():
                self._ticks_under_way[path.partition] = self._tick_of(path.partition)
            self._activate_limits(path)
        self._look_for_lost_paths()
        self._threads[0].wait(TICK_S)

    def _tick_of(self, partition: int) -> "Future[Any]":
        def told(written: "Future[Any]") -> None:
            if written.cancelled() or written.exception() is not None:
                self.counters.add("journal_unavailable")

        written = self._write(partition, Ticked(at_us=self.clock()))
        written.add_done_callback(told)
        return written

    def _look_for_lost_paths(self) -> None:
        """Partitions that the group calls ours and that we do not have: a database was away when they were
        given. Or somebody claimed one who is gone again, or is no member of our group: where a worker is
        gone, the group divides anew by itself."""
        patience_s = 3 * self._settings.kafka.session_timeout_ms / 1_000
        stolen = any(path.stale_for_s > patience_s for path in list(self._paths.values()))
        missing = bool(self._wanted - self._paths.keys())
        since_s = monotonic() - self._opened_again_at
        if since_s > (patience_s if stolen else OPEN_AGAIN_S) and (stolen or missing):
            self._opened_again_at = monotonic()
            log.error("partitions_opened_again", stolen=stolen, missing=missing)
            self.source.open_again()

    def _activate_limits(self, path: PartitionPath) -> None:
        """Where those that hold are not those that its state goes by; once it has caught up."""
        lag = self.source.lag.get(path.partition)
        if lag is None or lag + path.queued > _TOLERATED:
            return
        last, asked = path.decider.limits, path.limits_asked
        wanted = self._limits_of(path.partition, last.version)
        if wanted == last:
            return
        is_asked = asked is not None and wanted.points == asked.points
        if is_asked and monotonic() - path.limits_asked_at < LIMITS_AGAIN_S:
            return  # it is on its way
        newest = max(last.version, asked.version if asked else 0)
        wanted = replace(wanted, version=newest + 1)
        path.limits_asked, path.limits_asked_at = wanted, monotonic()
        log.info("limits_activated", partition=path.partition, version=wanted.version)
        self._write(path.partition, LimitsActivated(at_us=self.clock(), limits=wanted))

    def _limits_of(self, partition: int, version: int) -> ActiveLimits:
        every = self._limits.points
        ours = [each for each in every if self._places.of_point[each.key] == partition]
        return replace(self._limits, version=version, points=tuple(ours))

    def _limits_of_ours(self) -> ActiveLimits:
        every = self._limits.points
        ours = [each for each in every if self._places.of_point[each.key] in self._paths]
        return replace(self._limits, points=tuple(ours))

    def _learn_step(self) -> None:
        with suppress(StorageUnavailable):  # the recorder tells that they are away
            self._look_for_limits()
        for path in list(self._paths.values()):
            with suppress(StorageUnavailable, TimeoutError):  # one partition holds up no other
                self._learn(path)
        self._threads[1].wait(LEARN_S)

    def _learn(self, path: PartitionPath) -> None:
        number, changes = self.records.paper_since(
            path.learned, but_not_of=path.partition, limit=500
        )
        if number == path.learned:
            return
        if any(_is_effective(each, self._site.version) for each in changes.site_versions):
            self.on_site_effective()
        learned = PaperLearned(
            at_us=self.clock(),
            number=number,
            users=tuple(changes.users),
            tickets=tuple(changes.tickets),
            tags=tuple(changes.tags),
            approvals=tuple(changes.approvals),
            reviews=tuple(changes.reviews),
            entries=tuple(changes.entries),
            watches=tuple(changes.watches),
            arrangements=tuple(changes.arrangements),
        )
        self._write(path.partition, learned).result(ASK_WITHIN_S)
        path.learned = number

    # -- requests ------------------------------------------------------------------------------

    def _look_for_answers(self) -> None:
        """Whoever asked us hears from us, also where another worker decided."""
        now = monotonic()
        for request_id, asked_at in list(self._asked.items()):
            if now - asked_at > ANSWER_WITHIN_S:
                self._asked.pop(request_id, None)
                continue
            try:
                handled = self.records.handled(request_id)
            except StorageUnavailable:
                break
            if handled is not None and self._asked.pop(request_id, None) is not None:
                self.live.publish(None, Changes(handled=[handled]))
        self._threads[2].wait(_LOOK_FOR_ANSWERS_S)

    def _responsibility(self) -> Responsibility:
        """Every partition learns what is arranged; the escalator asks only while one is ours."""
        path = next(iter(list(self._paths.values())), None)
        if path is None:
            return Responsibility(self._plan.organisation, self._plan.zone, self._plan.version)
        return path.decider.responsibility

    def _publish(self, partition: int, record: Record | None, changes: Changes) -> None:
        """From the deciding thread of a partition, before the changes are recorded."""
        if isinstance(record, ReadingsArrived):
            self.latest.take(record.readings)
        if isinstance(record, PaperLearned) and partition in self._paths:
            # an owner of before may have told it and what came after; then that is told once more
            path = self._paths[partition]
            path.learned = min(path.learned, record.number)
        for handled in changes.handled:
            self._asked.pop(handled.request_id, None)
        self.vitals.time(changes.commands)
        self.live.publish(record, changes)
        if changes:
            changes.outbound += outbound_of(changes, self._site.code, self.name, self.clock())
            changes.outbound += self._letters(partition, changes.dead_letters)

    def _letters(self, partition: int, letters: Sequence[DeadLetter]) -> list[Outbound]:
        return [
            dead_letter_of(letter, self._site.code, f"{self._config.topic}/{partition}")
            for letter in letters
            if letter.payload is not None
        ]

    def _hear_another_worker(self, event: Fetched) -> None:
        change = change_of(event.headers, self.name)
        if change is not None:
            self.live.tell(change)

    @property
    def _caught_up(self) -> bool:
        return all(
            path.decider.decided_seq >= path.next_offset - _TOLERATED
            for path in list(self._paths.values())
        )

    def _stored_rows(self) -> int | None:
        try:
            return self._telemetry_store.count()
        except StorageUnavailable:
            return None


_TOLERATED: Final = 100  # messages under way
_TICKS_MISSED: Final = 2.5


def name_of(data: Path) -> str:
    """The same at every start: the group knows us by it."""
    kept = data / "worker"
    if not kept.exists():
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept.write_text(f"{socket.gethostname()}-{token_hex(2)}\n", encoding="utf-8")
    return kept.read_text(encoding="utf-8").strip()


def _held_of(
    held: Held, plan: LinkagePlan, is_ours: Callable[[AssetId], bool], *, at_desk: bool
) -> Held:
    """The alarms and findings of our devices alone: another worker holds the others. A flood is counted where
    its alarms came; the desk's partition ends one that lasts nowhere any more."""

    def is_point_ours(key: str) -> bool:
        point = plan.points.get(PointKey(key))
        return at_desk if point is None else is_ours(point.asset_id)

    recent_alarms = tuple(each for each in held.recent_alarms if is_ours(each.asset_id))
    ours = {each.position for each in recent_alarms}
    anywhere = {each.position for each in held.recent_alarms}
    return replace(
        held,
        alarms=tuple(each for each in held.alarms if is_ours(each.asset_id)),
        recent=tuple(each for each in held.recent if is_ours(each.asset_id)),
        recent_alarms=recent_alarms,
        withholdings=tuple(each for each in held.withholdings if is_point_ours(each.point)),
        findings=tuple(each for each in held.findings if is_ours(each.asset_id)),
        escalations=tuple(each for each in held.escalations if is_ours(each.asset_id)),
        disturbances=tuple(each for each in held.disturbances if is_ours(each.asset_id)),
        outages=held.outages.of(is_ours),
        floods=tuple(
            each
            for each in held.floods
            if each.position in ours or (at_desk and each.position not in anywhere)
        ),
    )


def _is_effective(version: Any, ours: int) -> bool:
    return version.state is ApprovalState.EFFECTIVE and version.number > ours
