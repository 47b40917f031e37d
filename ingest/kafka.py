"""Messages of a Kafka topic whose partitions are the journal: in order, from where their owner says.

One thread owns an event loop with one consumer. The group decides which partitions are
ours; what it gives us is opened by the owner (`Partitions`), which says where to read on. Nothing is
acknowledged: what is in the topic is durable, and an offset is a place in it. Offsets are committed to the
group all the same, for those who look at its lag.
"""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol, TypeVar

import structlog
from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    for_code,
)
from aiokafka.partitioner import murmur2

from domain.ports import Counters, StorageUnavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")

# headers of a message; one without any is a gateway's own, with the reading JSON as its value
TOPIC: Final = "mqtt_topic"  # where the bridge heard it
RETAINED: Final = "retained"  # "1": it stood at the broker
RECORD: Final = "gridwarden_record"  # one of our own records; its value is the seal
BRIDGE: Final = "gridwarden_bridge"  # a bridge says how it is; its value is the bridge's name

LARGEST_MESSAGE: Final = 4 * 2**20
_LOOK_EVERY_MS: Final = 200
_MESSAGES_AT_ONCE: Final = 2_000
_COMMIT_EVERY_S: Final = 2.0
_COMMIT_WITHIN_S: Final = 1.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 10.0
_CLOSE_WITHIN_S: Final = 5.0
_ADMIN_WITHIN_S: Final = 15.0
_READ_WITHIN_S: Final = 20.0
_LOOKS_FOR_A_NEW_TOPIC: Final = 50


class KafkaUnusable(Exception):
    """The topic and this version do not fit; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConfig:
    bootstrap: str  # host:port,host:port
    topic: str
    group: str
    client_id: str
    security: str = "plaintext"  # ssl, sasl_plaintext, sasl_ssl
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: str = "PLAIN"
    ca_file: Path | None = None
    session_timeout_ms: int = 10_000
    fetch_max_wait_ms: int = 100

    def connection(self) -> dict[str, Any]:
        """What every client of ours is made with."""
        said: dict[str, Any] = {
            "bootstrap_servers": [each.strip() for each in self.bootstrap.split(",")],
            "client_id": self.client_id,
            "security_protocol": self.security.upper(),
            "request_timeout_ms": 10_000,
            "metadata_max_age_ms": 30_000,
        }
        if self.security in {"ssl", "sasl_ssl"}:
            said["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        if self.security.startswith("sasl"):
            said["sasl_mechanism"] = self.mechanism
            said["sasl_plain_username"] = self.username
            said["sasl_plain_password"] = self.password
        return said


def partition_of(key: str, partitions: int) -> int:
    """Where every standard producer puts a message with this key."""
    hashed: int = murmur2(key.encode())
    return (hashed & 0x7FFF_FFFF) % partitions


@dataclass(slots=True, kw_only=True)
class Fetched:
    """One message of a partition."""

    offset: int
    at_us: int  # the topic's clock: when the broker appended it
    headers: Mapping[str, bytes]
    value: bytes


class Partitions(Protocol):
    """Who owns what is read. `assigned` may wait for a database: it is called in a thread of its own, one at
    a time; `arrived` must not wait."""

    def assigned(self, partitions: int, ours: frozenset[int]) -> Mapping[int, int]:
        """The partitions that are ours now, of so many; the offset from which each is read. Raises
        StorageUnavailable where that cannot be said now."""
        ...

    def arrived(self, partition: int, messages: Sequence[Fetched]) -> None: ...

    def is_full(self, partition: int) -> bool: ...

    def recorded(self) -> Mapping[int, int]:
        """The offset after the last one that is in the records, of each open partition."""
        ...


class KafkaSource:
    """`start`, `stop`. The properties may be read from any thread."""

    def __init__(self, config: KafkaConfig, owner: Partitions, counters: Counters) -> None:
        self._config = config
        self._owner = owner
        self._counters = counters
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="kafka-source", daemon=True)
        self._stopping = asyncio.Event()
        self._consumer: AIOKafkaConsumer | None = None
        self._generation = 0  # of the assignment
        self._open: frozenset[int] = frozenset()  # those that are read
        self._partitions = 0
        self._opening: asyncio.Task[None] | None = None
        self._opener = asyncio.Lock()
        self._position: dict[int, int] = {}  # the offset that is fetched next
        self._lag: dict[int, int] = {}

    @property
    def connected(self) -> bool:
        """Whether the group has given us partitions and they are read."""
        return self._consumer is not None and bool(self._open)

    @property
    def current(self) -> bool:
        """Connected, and nothing that waits is older than a moment."""
        return self.connected and sum(self._lag.values()) < _MESSAGES_AT_ONCE

    @property
    def generation(self) -> int:
        return self._generation

    @property
    def partitions(self) -> int:
        """Of the topic; 0 until it is known."""
        return self._partitions

    @property
    def lag(self) -> Mapping[int, int]:
        """Messages of each open partition that we have not fetched."""
        return dict(self._lag)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Leaves the group, so that another may go on at once."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout_s)

    def open_again(self) -> None:
        """The owner has lost what the group still calls ours: ask him anew."""
        self._loop.call_soon_threadsafe(self._given_again)

    def _given_again(self) -> None:
        consumer = self._consumer
        if consumer is not None:
            self.given(consumer, frozenset(each.partition for each in consumer.assignment()))

    def reading_back(self, partition: int, first: int) -> "Reader":
        """Older messages of a partition, beside those that are read; close it."""
        return Reader(self, partition, first)

    def _from_outside(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    # -- the thread of the event loop --------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._keep_going())
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _keep_going(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stopping.is_set():
            try:
                await self._serve()
                wait_s = _FIRST_WAIT_S
            except (KafkaError, OSError) as error:
                self._counters.add("connect_failures", source="kafka")
                log.warning("kafka_unavailable", reason=str(error), retry_in_s=wait_s)
            except Exception:
                # what is in the topic comes again
                self._counters.add("kafka_source_failed")
                log.exception("kafka_source_failed")
            if not self._stopping.is_set():
                await _wait(self._stopping, wait_s)
                wait_s = min(_LONGEST_WAIT_S, wait_s * 2)

    async def _serve(self) -> None:
        """Until `stop`, or an error that only a new connection mends."""
        consumer = AIOKafkaConsumer(
            **self._config.connection(),
            group_id=self._config.group,
            # known by name: who comes back after kill -9 has his partitions at once
            group_instance_id=self._config.client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=self._config.fetch_max_wait_ms,
            max_partition_fetch_bytes=LARGEST_MESSAGE,
            session_timeout_ms=self._config.session_timeout_ms,
            heartbeat_interval_ms=self._config.session_timeout_ms // 5,
            rebalance_timeout_ms=self._config.session_timeout_ms * 3,
            partition_assignment_strategy=(StickyPartitionAssignor,),
        )
        try:
            await consumer.start()
            self._consumer = consumer
            consumer.subscribe([self._config.topic], listener=_Listener(self))
            await self._read(consumer)
        finally:
            self._consumer = None
            self._generation += 1
            self._open = frozenset()
            _leave(consumer)
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(consumer.stop(), _CLOSE_WITHIN_S)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        commit_at = 0.0
        while not self._stopping.is_set():
            found = await consumer.getmany(timeout_ms=_LOOK_EVERY_MS, max_records=_MESSAGES_AT_ONCE)
            for place, messages in found.items():
                if place.partition in self._open and messages:
                    self._position[place.partition] = messages[-1].offset + 1
                    self._owner.arrived(place.partition, [_fetched(each) for each in messages])
            self._let_flow(consumer)
            self._measure(consumer)
            if monotonic() >= commit_at:
                commit_at = monotonic() + _COMMIT_EVERY_S
                await self._commit(consumer)

    def _let_flow(self, consumer: AIOKafkaConsumer) -> None:
        """A full partition is not fetched; one that has room again, or was just opened, is."""
        paused = {place.partition for place in consumer.paused()}
        for partition in self._open:
            place = TopicPartition(self._config.topic, partition)
            full = self._owner.is_full(partition)
            if full and partition not in paused:
                self._counters.add("source_paused", source="kafka")
                consumer.pause(place)
            elif not full and partition in paused:
                consumer.resume(place)

    def _measure(self, consumer: AIOKafkaConsumer) -> None:
        for partition in self._open:
            end = consumer.highwater(TopicPartition(self._config.topic, partition))
            if end is not None:
                self._lag[partition] = max(0, end - self._position[partition])

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        """For those who look at the group; we ourselves go by our own records."""
        reached = {
            TopicPartition(self._config.topic, partition): offset
            for partition, offset in self._owner.recorded().items()
            if partition in self._open and offset > 0
        }
        if reached:
            with suppress(KafkaError, TimeoutError):  # reading does not wait for a coordinator
                await asyncio.wait_for(consumer.commit(reached), _COMMIT_WITHIN_S)

    def revoked(self) -> None:
        """The group is being divided anew. What is under way goes on until it is somebody else's."""
        self._generation += 1

    def given(self, consumer: AIOKafkaConsumer, ours: frozenset[int]) -> None:
        self._generation += 1
        self._open = frozenset()
        self._lag = {}
        for partition in ours:
            consumer.pause(TopicPartition(self._config.topic, partition))
        self._opening = asyncio.get_running_loop().create_task(
            self._open_all(consumer, ours, self._generation)
        )

    async def _open_all(
        self, consumer: AIOKafkaConsumer, ours: frozenset[int], generation: int
    ) -> None:
        wait_s = _FIRST_WAIT_S
        async with self._opener:
            while generation == self._generation and not self._stopping.is_set():
                try:
                    self._partitions = len(consumer.partitions_for_topic(self._config.topic) or ())
                    starts = await asyncio.to_thread(self._owner.assigned, self._partitions, ours)
                except StorageUnavailable as error:
                    log.error("partitions_not_opened", reason=str(error), retry_in_s=wait_s)
                    await _wait(self._stopping, wait_s)
                    wait_s = min(_LONGEST_WAIT_S, wait_s * 2)
                    continue
                except Exception:
                    self._counters.add("kafka_source_failed")
                    log.exception("partitions_not_opened")
                    await _wait(self._stopping, _LONGEST_WAIT_S)
                    continue
                if generation == self._generation:
                    await self._begin(consumer, starts, generation)
                return

    async def _begin(
        self, consumer: AIOKafkaConsumer, starts: Mapping[int, int], generation: int
    ) -> None:
        places = {partition: TopicPartition(self._config.topic, partition) for partition in starts}
        oldest = await consumer.beginning_offsets(list(places.values()))
        ends = await consumer.end_offsets(list(places.values()))
        if generation != self._generation:
            return
        opened: dict[int, int] = {}
        for partition, offset in starts.items():
            place = places[partition]
            if offset > ends[place]:
                # its numbers are known already: nothing of it would be judged, in silence
                self._counters.add("topic_shorter_than_records")
                log.error(
                    "topic_shorter_than_records",
                    partition=partition,
                    recorded=offset,
                    end=ends[place],
                    cure="bring back the topic that belongs to the records, or begin with new records",
                )
                continue
            if offset < oldest[place]:
                self._counters.add("history_missing", of="topic")
                log.error("history_missing", partition=partition, count=oldest[place] - offset)
            consumer.seek(place, max(offset, oldest[place]))
            consumer.resume(place)
            opened[partition] = max(offset, oldest[place])
        self._position = opened
        self._open = frozenset(opened)
        log.info("partitions_opened", ours=sorted(opened), of=self._partitions)

    async def _reader(self, partition: int) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._config.connection(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=LARGEST_MESSAGE,
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        consumer.assign([TopicPartition(self._config.topic, partition)])
        return consumer


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to write. Without `partition` the key says where."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: Mapping[str, bytes] = field(default_factory=dict)


class KafkaWriter:
    """Writes with an idempotent producer in a thread of its own. `write` may be called from any thread and
    never waits."""

    def __init__(self, config: KafkaConfig, counters: Counters) -> None:
        self._config = config
        self._counters = counters
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="kafka-writer", daemon=True)
        self._stopping = asyncio.Event()
        self._renew = (
            asyncio.Event()
        )  # the producer has failed: its sequence numbers may have a hole
        self._producer: AIOKafkaProducer | None = None

    @property
    def connected(self) -> bool:
        return self._producer is not None

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """What was given is written first, where Kafka takes it."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout_s)

    def write(self, messages: Sequence[Outgoing]) -> "Future[None]":
        """Done when every replica has all of them; fails with StorageUnavailable, and then some may be in.
        Messages of one partition stand in their order."""
        if not self._thread.is_alive():
            refused: Future[None] = Future()
            refused.set_exception(StorageUnavailable("the writer is stopped"))
            return refused
        return asyncio.run_coroutine_threadsafe(self._write(messages), self._loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._keep_going())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    async def _keep_going(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stopping.is_set():
            producer = AIOKafkaProducer(
                **self._config.connection(),
                enable_idempotence=True,
                acks="all",
                linger_ms=1,
                max_batch_size=256 * 1024,
                max_request_size=LARGEST_MESSAGE,
            )
            try:
                await producer.start()
            except (KafkaError, OSError) as error:
                with suppress(KafkaError, OSError):
                    await producer.stop()
                self._counters.add("connect_failures", source="kafka")
                log.warning("kafka_unavailable", reason=str(error), retry_in_s=wait_s)
                await _wait(self._stopping, wait_s)
                wait_s = min(_LONGEST_WAIT_S, wait_s * 2)
                continue
            self._renew.clear()
            self._producer = producer  # it finds the brokers again by itself
            await _first_of(self._stopping, self._renew)
            self._producer = None
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), _CLOSE_WITHIN_S)

    async def _write(self, messages: Sequence[Outgoing]) -> None:
        producer = self._producer
        if producer is None:
            raise StorageUnavailable(f"Kafka at {self._config.bootstrap} is not connected")
        try:
            written = [
                await producer.send(
                    each.topic,
                    each.value,
                    key=each.key,
                    partition=each.partition,
                    headers=list(each.headers.items()),
                )
                for each in messages
            ]
            outcomes = await asyncio.gather(*written, return_exceptions=True)
        except (KafkaError, OSError, RuntimeError) as error:
            raise StorageUnavailable(f"Kafka takes nothing: {error!r}") from error
        failed = [each for each in outcomes if isinstance(each, BaseException)]
        if failed:
            if self._producer is producer:
                self._renew.set()
            raise StorageUnavailable(f"Kafka takes nothing: {failed[0]!r}") from failed[0]


class Reader:
    """For a thread of the caller's. Raises StorageUnavailable."""

    def __init__(self, source: KafkaSource, partition: int, first: int) -> None:
        self._source = source
        self._place = TopicPartition(source._config.topic, partition)
        self._first = first
        self.missing = 0
        self._consumer: AIOKafkaConsumer | None = None

    def open(self) -> None:
        self._consumer = self._ask(self._source._reader(self._place.partition))
        oldest = self._ask(self._consumer.beginning_offsets([self._place]))[self._place]
        self.missing = max(0, oldest - self._first)  # messages that the topic keeps no more
        self._consumer.seek(self._place, max(self._first, oldest))

    def close(self) -> None:
        if self._consumer is not None:
            with suppress(StorageUnavailable):
                self._ask(self._consumer.stop())

    def next(self) -> list[Fetched]:
        """The next piece; empty where nothing came for a moment."""
        assert self._consumer is not None
        found = self._ask(
            self._consumer.getmany(
                self._place, timeout_ms=_LOOK_EVERY_MS, max_records=_MESSAGES_AT_ONCE
            )
        )
        return [_fetched(each) for each in found.get(self._place, ())]

    def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self._source._from_outside(work).result(_READ_WITHIN_S)
        except (KafkaError, OSError, RuntimeError, TimeoutError, CancelledError) as error:
            work.close()  # where the loop has ended meanwhile
            raise StorageUnavailable(f"Kafka gives nothing: {error!r}") from error


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, source: KafkaSource) -> None:
        self._source = source

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._source.revoked()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        consumer = self._source._consumer
        if consumer is not None:
            self._source.given(consumer, frozenset(place.partition for place in assigned))


def _leave(consumer: AIOKafkaConsumer) -> None:
    """A member with a name of its own does not leave the group when it stops, so that a short absence divides
    nothing anew. We stop in order only for good or for long: others shall go on at once."""
    consumer._coordinator._group_instance_id = None


async def _first_of(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _fetched(message: ConsumerRecord) -> Fetched:
    return Fetched(
        offset=message.offset,
        at_us=message.timestamp * 1_000,
        headers={name: value or b"" for name, value in message.headers},  # Kafka knows null
        value=message.value or b"",
    )


class KafkaTail:
    """Tells every new message of a topic from its start on, whatever partition; for who wants news and no
    history. In a thread of its own."""

    def __init__(
        self, config: KafkaConfig, topic: str, tell: Callable[[Fetched], None], counters: Counters
    ) -> None:
        self._config = config
        self._topic = topic
        self._tell = tell
        self._counters = counters
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="kafka-tail", daemon=True)
        self._stopping = asyncio.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout_s)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._keep_going())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    async def _keep_going(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stopping.is_set():
            consumer = AIOKafkaConsumer(
                self._topic,
                **self._config.connection(),
                enable_auto_commit=False,
                auto_offset_reset="latest",
                max_partition_fetch_bytes=LARGEST_MESSAGE,
            )
            try:
                await consumer.start()
                wait_s = _FIRST_WAIT_S
                while not self._stopping.is_set():
                    found = await consumer.getmany(timeout_ms=_LOOK_EVERY_MS)
                    for message in chain.from_iterable(found.values()):
                        self._tell(_fetched(message))
            except (KafkaError, OSError) as error:
                log.warning("kafka_unavailable", reason=str(error), retry_in_s=wait_s)
            except Exception:
                self._counters.add("kafka_source_failed")
                log.exception("kafka_tail_failed")
            finally:
                with suppress(KafkaError, OSError, TimeoutError):
                    await asyncio.wait_for(consumer.stop(), _CLOSE_WITHIN_S)
            await _wait(self._stopping, wait_s)
            wait_s = min(_LONGEST_WAIT_S, wait_s * 2)


def prepare_topic(config: KafkaConfig, topic: str, partitions: int, **settings: str) -> int:
    """Makes the topic where it is not there; the number of its partitions. Raises StorageUnavailable while no
    broker answers, KafkaUnusable where it cannot be made."""
    return asyncio.run(_prepare_topic(config, topic, partitions, settings))


def members_of(config: KafkaConfig) -> list[str]:
    """The client ids of those that are in the group now. Raises StorageUnavailable."""
    return asyncio.run(_members_of(config))


async def _prepare_topic(
    config: KafkaConfig, topic: str, partitions: int, settings: Mapping[str, str]
) -> int:
    async with _admin(config) as admin:
        made = NewTopic(topic, partitions, 1, topic_configs=dict(settings))
        # -1: as many replicas as the cluster keeps by default
        made.replication_factor = -1
        answer = await admin.create_topics([made])
        for _, code, *words in answer.topic_errors:
            error = for_code(code)
            if error is not NoError and error is not TopicAlreadyExistsError:
                raise KafkaUnusable(
                    f"the topic {topic} cannot be made ({error.__name__} {words}): make it by hand with "
                    f"{partitions} partitions"
                )
        for _ in range(_LOOKS_FOR_A_NEW_TOPIC):
            found = await admin.describe_topics([topic])
            if found and found[0]["error_code"] == 0 and found[0]["partitions"]:
                return len(found[0]["partitions"])
            await asyncio.sleep(0.1)  # a new topic is known to all brokers a moment later
    raise StorageUnavailable(f"Kafka does not tell the partitions of {topic} yet")


async def _members_of(config: KafkaConfig) -> list[str]:
    async with _admin(config) as admin:
        while True:
            try:
                answers = await admin.describe_consumer_groups([config.group])
            except GroupCoordinatorNotAvailableError:
                await asyncio.sleep(0.2)  # the first question of all makes its topic
                continue
            groups = [group for answer in answers for group in answer.groups]
            return [client_id for group in groups for _, client_id, *_ in group[5]]


@asynccontextmanager
async def _admin(config: KafkaConfig) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**config.connection())
    try:
        async with asyncio.timeout(_ADMIN_WITHIN_S):
            await admin.start()
            yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise StorageUnavailable(
            f"Kafka at {config.bootstrap} does not answer: {error!r}"
        ) from error
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()
