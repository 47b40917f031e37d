"""Kafka, where it is used: does it answer, is the topic fit to be a journal, does a message stay, is its
clock ours. What is sent goes to a topic of the doctor's own, which is deleted again."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from ingest.kafka import KafkaConfig
from service.doctor.finding import Finding, good, mend, note, warn
from service.settings import KafkaSettings
from service.topic import topic_settings

_SUBJECT: Final = "Kafka"
_CONNECT_WITHIN_S: Final = 5.0
_PROBE_WITHIN_S: Final = 20.0
_CLOCKS_APART_S: Final = 1.0
_CLOCKS_FAR_APART_S: Final = 60.0
_HOUR_MS: Final = 3_600_000
_FOREVER: Final = -1


@dataclass(frozen=True, slots=True)
class PartitionSeen:
    leader: int  # -1: none
    replicas: int
    in_sync: int


@dataclass(slots=True)
class Seen:
    """What Kafka says of itself."""

    partitions: list[PartitionSeen] = field(
        default_factory=list
    )  # of our topic; none: it is not there
    topic: Mapping[str, str] = field(default_factory=dict)  # settings of it
    makes_topics: bool = False  # a name that nobody made becomes a topic
    probe_failed: str = ""  # why a message was not taken
    ahead_s: float = 0.0  # its clock before ours


def kafka_findings(config: KafkaConfig, chosen: KafkaSettings) -> Iterator[Finding]:
    silent = [where for where in _addresses(config) if not _accepts(*where)]
    for host, port in silent:
        yield mend(
            _SUBJECT,
            f"nothing answers at {host}:{port}",
            "start Kafka, or mend GRIDWARDEN_KAFKA__BOOTSTRAP",
        )
    if len(silent) == len(_addresses(config)):
        return
    try:
        seen = asyncio.run(_look(config))
    except (ssl.SSLError, FileNotFoundError) as error:
        yield mend(_SUBJECT, f"its certificate: {error}", "mend GRIDWARDEN_KAFKA__CA_FILE")
        return
    except (KafkaError, OSError, TimeoutError) as error:
        yield mend(
            _SUBJECT,
            f"{config.bootstrap} answers and does not let us in ({config.security}): {error}",
            "mend GRIDWARDEN_KAFKA__SECURITY, __USERNAME, __PASSWORD or __CA_FILE",
        )
        return
    yield good(_SUBJECT, f"answers at {config.bootstrap}")
    yield from topic_findings(config.topic, seen, chosen)
    yield from _probe_findings(seen)


def topic_findings(topic: str, seen: Seen, chosen: KafkaSettings) -> Iterator[Finding]:
    """Is it fit to be a journal? Pure: of what was seen."""
    subject = f"topic {topic}"
    if seen.makes_topics:
        yield warn(
            _SUBJECT,
            "a misspelt topic becomes a new one, and what is sent there is read by nobody",
            "set auto.create.topics.enable=false at the brokers",
        )
    if not seen.partitions:
        yield note(subject, f"not there yet: `run` makes it with {chosen.partitions} partitions")
        return
    yield from _copies(subject, seen)
    yield from _keeping(subject, seen.topic, chosen)


def _copies(subject: str, seen: Seen) -> Iterator[Finding]:
    count = len(seen.partitions)
    headless = sum(partition.leader < 0 for partition in seen.partitions)
    behind = sum(partition.in_sync < partition.replicas for partition in seen.partitions)
    copies = min(partition.replicas for partition in seen.partitions)
    wanted = int(seen.topic.get("min.insync.replicas", "1"))
    if headless:
        yield mend(
            subject,
            f"{headless} of {count} partitions have no leader: nothing is read or written there",
            "start the brokers that hold them",
        )
    elif any(partition.in_sync < wanted for partition in seen.partitions):
        yield mend(
            subject,
            f"fewer than min.insync.replicas={wanted} copies are in sync: nothing can be written",
            "start the brokers that are away",
        )
    elif behind:
        yield warn(
            subject,
            f"copies of {behind} of {count} partitions are behind",
            "look at the brokers that are away or slow",
        )
    else:
        yield good(subject, f"{count} partitions, {copies} copies each, all in sync")
    if copies == 1:
        yield warn(
            subject,
            "one copy of each reading: the loss of a broker's disk loses what nobody has read",
            "run three brokers with replication factor 3 and min.insync.replicas=2",
        )
    elif wanted < 2:
        yield warn(
            subject,
            "min.insync.replicas=1: what one broker took may be gone with it",
            "set min.insync.replicas=2 on the topic",
        )
    elif wanted >= copies:
        yield warn(
            subject,
            f"min.insync.replicas={wanted} of {copies} copies: one broker away stops all writing",
            f"set it to {copies - 1}, or have more copies",
        )


def _keeping(subject: str, topic: Mapping[str, str], chosen: KafkaSettings) -> Iterator[Finding]:
    if "compact" in topic.get("cleanup.policy", "delete"):
        yield mend(
            subject,
            "cleanup.policy=compact removes readings that were not read yet",
            "set cleanup.policy=delete on the topic",
        )
    kept_ms = int(topic.get("retention.ms", _FOREVER))
    if kept_ms != _FOREVER and kept_ms < chosen.retention_hours * _HOUR_MS:
        yield mend(
            subject,
            f"keeps {kept_ms / _HOUR_MS:.1f} h: a longer outage of ours loses readings",
            f"set retention.ms={chosen.retention_hours * _HOUR_MS} on the topic,"
            " or GRIDWARDEN_KAFKA__RETENTION_HOURS lower",
        )
    if int(topic.get("retention.bytes", _FOREVER)) != _FOREVER:
        yield warn(
            subject,
            f"retention.bytes={topic['retention.bytes']} removes readings before their time is over",
            "unset it, or watch the lag",
        )
    largest = int(topic_settings(chosen.retention_hours)["max.message.bytes"])
    if int(topic.get("max.message.bytes", largest)) < largest:
        yield warn(
            subject,
            f"max.message.bytes={topic['max.message.bytes']}: larger messages of gateways are refused",
            f"set max.message.bytes={largest} on the topic",
        )
    if topic.get("message.timestamp.type", "LogAppendTime") != "LogAppendTime":
        yield mend(
            subject,
            "message.timestamp.type is CreateTime: readings arrive when their sender says",
            "set message.timestamp.type=LogAppendTime on the topic",
        )


def _probe_findings(seen: Seen) -> Iterator[Finding]:
    if seen.probe_failed:
        yield mend(
            _SUBJECT,
            f"it did not take a message of ours: {seen.probe_failed}",
            "give this user the right to make, write and delete topics that begin with ours, and look"
            " at the brokers' logs",
        )
        return
    says = f"its clock stands {abs(seen.ahead_s):.1f} s {'before' if seen.ahead_s > 0 else 'behind'} ours"
    cure = "let a time service keep the clocks of both machines"
    if abs(seen.ahead_s) >= _CLOCKS_FAR_APART_S:
        yield mend(_SUBJECT, f"{says}: readings seem late or from the future", cure)
    elif abs(seen.ahead_s) >= _CLOCKS_APART_S:
        yield warn(_SUBJECT, says, cure)
    else:
        yield good(_SUBJECT, "took a message on all copies; its clock is ours")


def _addresses(config: KafkaConfig) -> list[tuple[str, int]]:
    pairs = (each.strip().rpartition(":") for each in config.bootstrap.split(","))
    return [(host.strip("[]"), int(port)) for host, _, port in pairs if port.isdecimal()]


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), _CONNECT_WITHIN_S):
            return True
    except OSError:
        return False


async def _look(config: KafkaConfig) -> Seen:
    async with _admin(config) as admin, asyncio.timeout(_PROBE_WITHIN_S * 2):
        seen = Seen()
        (described,) = await admin.describe_topics([config.topic])
        seen.partitions = [
            PartitionSeen(each["leader"], len(each["replicas"]), len(each["isr"]))
            for each in described["partitions"]
        ]
        if seen.partitions:
            seen.topic = await _settings_of(admin, ConfigResourceType.TOPIC, config.topic)
        cluster = await admin.describe_cluster()
        broker = str(cluster["brokers"][0]["node_id"])
        brokers = await _settings_of(admin, ConfigResourceType.BROKER, broker)
        seen.makes_topics = brokers.get("auto.create.topics.enable") == "true"
        try:
            seen.ahead_s = await _probe(admin, config)
        except (KafkaError, TimeoutError) as error:
            seen.probe_failed = str(error) or type(error).__name__
        return seen


async def _settings_of(
    admin: AIOKafkaAdminClient, kind: ConfigResourceType, name: str
) -> dict[str, str]:
    """Those that we may see."""
    found: dict[str, str] = {}
    for answer in await admin.describe_configs([ConfigResource(kind, name)]):
        for _, _, _, _, entries in answer.resources:
            found |= {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return found


async def _probe(admin: AIOKafkaAdminClient, config: KafkaConfig) -> float:
    """How far its clock stands before ours. Raises KafkaError, TimeoutError."""
    topic = NewTopic(
        f"{config.topic}.doctor-{uuid4().hex[:8]}",
        1,
        1,
        topic_configs={"message.timestamp.type": "LogAppendTime"},
    )
    topic.replication_factor = -1  # as many as the cluster keeps by default
    for _, code, *words in (await admin.create_topics([topic])).topic_errors:
        if code:
            raise for_code(code)(*words)
    producer = AIOKafkaProducer(**config.connection(), acks="all")
    try:
        async with asyncio.timeout(_PROBE_WITHIN_S):
            await producer.start()
            await producer.send_and_wait(topic.name, b"probe")  # the first one asks where to send
            before = time.time()
            taken = await producer.send_and_wait(topic.name, b"probe")
            return _ahead_s(taken.timestamp / 1000, before, time.time())
    finally:
        with suppress(KafkaError, TimeoutError):
            await producer.stop()
        with suppress(KafkaError):
            await admin.delete_topics([topic.name])


def _ahead_s(theirs: float, before: float, after: float) -> float:
    """0 where it may have been said at the same time."""
    if theirs < before - 0.001:
        return theirs - before
    return max(0.0, theirs - after)


@asynccontextmanager
async def _admin(config: KafkaConfig) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**config.connection())
    try:
        await asyncio.wait_for(admin.start(), _PROBE_WITHIN_S)
        yield admin
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()
