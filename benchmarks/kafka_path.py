"""Kafka to the telemetry store, every limit evaluated; beside it a bare aiokafka loop over the same topic.

The messages lie in the topic before the clock starts, so that the broker and the readers share the cores, and
no generator with them. The bare loop takes every message and looks into none.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.rows import Row
from benchmarks.stage import POINTS, QUIET, payload_of
from ingest.kafka import partition_of
from service.broker import LocalBroker
from service.topic import topic_settings
from tests.support import postgres
from tests.support.kafka import Kafka, KafkaServer
from tests.support.partitioned import STATIONS, partitioned_site, telemetry_topic_of
from tests.support.running import CoreProcess, until
from tests.support.series_servers import Influx, influx_server, influxd_program, set_up_influx

READINGS, MESSAGES, PARTITIONS = 100, 60_000, 6
BUDGET = 300_000
AT_ONCE = 500
WORKERS_COMPARED = (1, 2)


@dataclass(frozen=True, slots=True)
class Stage:
    kafka: KafkaServer
    site: Path
    folder: Path
    topic: str


def rows() -> Iterator[Row]:
    with stage() as here:
        asyncio.run(fill(here))
        floor = asyncio.run(bare_rate(here))
        ours = our_rate(here)
        yield Row(
            what=f"Kafka to telemetry store, {READINGS} readings per message, one worker",
            figure=f"{ours * READINGS:,.0f} readings/s ({ours:,.0f} messages/s)",
            budget=f"{BUDGET:,} readings/s",
            passed=ours * READINGS >= BUDGET,
            beside=f"bare aiokafka {floor:,.0f} messages/s: {ours / floor:.0%} of it",
        )
        yield from shared_rows(here)


def shared_rows(here: Stage) -> Iterator[Row]:
    """Workers that share PostgreSQL and InfluxDB: how fast the same topic is decided by one and by two."""
    programs = postgres.programs()
    if programs is None or influxd_program() is None:
        print("no PostgreSQL or InfluxDB is here: workers that share are left out", flush=True)
        return
    server = postgres.PostgresServer(programs)
    server.start()
    try:
        with influx_server(here.folder / "influx") as series:
            influx = set_up_influx(series)
            rates = {count: workers_rate(here, server, influx, count) for count in WORKERS_COMPARED}
    finally:
        server.stop()
    one, two = rates[1], rates[2]
    yield Row(
        what="Kafka to decisions recorded in PostgreSQL, telemetry in InfluxDB, two workers",
        figure=f"{two.readings_per_s:,.0f} readings/s",
        budget="none: two cores hold workers, Kafka, PostgreSQL and InfluxDB alike",
        passed=None,
        beside=f"one worker {one.readings_per_s:,.0f} readings/s,"
        f" two {two.readings_per_s / one.readings_per_s:.2f} x;"
        f" of {os.cpu_count()} cores one worker took {one.cores:.2f}, two took {two.cores:.2f} together,"
        f" of {two.partitions} partitions each",
    )


@dataclass(frozen=True, slots=True)
class Shared:
    readings_per_s: float
    cores: float  # that the workers took together
    partitions: str


def workers_rate(
    here: Stage, server: postgres.PostgresServer, influx: Influx, count: int
) -> Shared:
    """From the first reading that one of them decides until the last."""
    with ExitStack() as open_now:
        database = open_now.enter_context(postgres.fresh_database(server.url, postgres.PASSWORD))
        env = {
            "GRIDWARDEN_KAFKA__BOOTSTRAP": here.kafka.bootstrap,
            "GRIDWARDEN_KAFKA__PARTITIONS": str(PARTITIONS),
            "GRIDWARDEN_KAFKA__GROUP": f"bench-{count}",
            "GRIDWARDEN_RECORDS__URL": database,
            "GRIDWARDEN_RECORDS__PASSWORD": postgres.PASSWORD,
            "GRIDWARDEN_TELEMETRY__URL": influx.url,
            "GRIDWARDEN_TELEMETRY__ORG": influx.org,
            "GRIDWARDEN_TELEMETRY__TOKEN": influx.token,
            "GRIDWARDEN_TELEMETRY__BUCKET": influx.new_bucket(),
        }
        workers = [
            CoreProcess(
                here.site,
                here.folder / f"data-{count}-{number}",
                env={**env, "GRIDWARDEN_KAFKA__WORKER": f"w{number}"},
            )
            for number in range(count)
        ]
        for worker in workers:
            open_now.callback(worker.kill)
        until(lambda: decided(workers) > 0, "it began", 90)
        began, before, spent = time.perf_counter(), decided(workers), cpu_s(workers)
        wanted = MESSAGES * READINGS
        until(lambda: decided(workers) >= wanted, "all decided", 300)
        took = time.perf_counter() - began
        shares = [len((worker.status() or {}).get("partitions", {})) for worker in workers]
        return Shared(
            readings_per_s=(wanted - before) / took,
            cores=(cpu_s(workers) - spent) / took,
            partitions=" and ".join(map(str, shares)),
        )


def decided(workers: Sequence[CoreProcess]) -> int:
    return sum(int((worker.status() or {}).get("evaluated_rows", 0)) for worker in workers)


def cpu_s(workers: Sequence[CoreProcess]) -> float:
    ticks = 0
    for worker in workers:
        said = Path(f"/proc/{worker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(said[11]) + int(said[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def stage() -> Iterator[Stage]:
    with (
        tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as name,
        KafkaServer(Path(name) / "kafka") as kafka,
        LocalBroker(Path(name) / "broker") as broker,
    ):
        folder = Path(name)
        site = partitioned_site(folder / "site", broker.port, POINTS)
        topic = telemetry_topic_of()
        Kafka(kafka.bootstrap).create_topic(topic, PARTITIONS, topic_settings(24))
        yield Stage(kafka, site, folder, topic)


def payloads() -> list[tuple[str, bytes]]:
    """(key, message): each of one station, its points a millisecond later than before."""
    start_ms = time.time_ns() // 1_000_000 - 240_000
    of_station = {
        station: [point for place, point in enumerate(POINTS) if place % len(STATIONS) == number]
        for number, station in enumerate(STATIONS)
    }
    made = []
    for index in range(MESSAGES):
        station = STATIONS[index % len(STATIONS)]
        points = of_station[station]
        turn = index // len(STATIONS)
        first = turn * READINGS % len(points)
        chosen = [points[(first + place) % len(points)] for place in range(READINGS)]
        made.append((station, payload_of(chosen, start_ms + turn, QUIET)))
    return made


async def fill(here: Stage) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=here.kafka.bootstrap, linger_ms=5, max_batch_size=512 * 1024
    )
    await producer.start()
    try:
        messages = payloads()
        for first in range(0, len(messages), AT_ONCE):
            sent = [
                await producer.send(
                    here.topic, value, key=key.encode(), partition=partition_of(key, PARTITIONS)
                )
                for key, value in messages[first : first + AT_ONCE]
            ]
            await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def bare_rate(here: Stage) -> float:
    """Messages per second of a loop that does nothing with them."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=here.kafka.bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * 2**20,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(here.topic, number) for number in range(PARTITIONS)])
        began, taken = time.perf_counter(), 0
        while taken < MESSAGES:
            found = await consumer.getmany(timeout_ms=1_000, max_records=2_000)
            taken += sum(map(len, found.values()))
        return taken / (time.perf_counter() - began)
    finally:
        await consumer.stop()


def our_rate(here: Stage) -> float:
    """Messages per second, from the first that is decided until the last reading is stored."""
    env = {
        "GRIDWARDEN_KAFKA__BOOTSTRAP": here.kafka.bootstrap,
        "GRIDWARDEN_KAFKA__PARTITIONS": str(PARTITIONS),
        **{name: os.environ[name] for name in ("PATH",) if name in os.environ},
    }
    core = CoreProcess(here.site, here.folder / "data", env=env)
    try:
        core.await_status(lambda status: status["evaluated_rows"] > 0, "it began", 60)
        began = time.perf_counter()
        before = int(core.await_status(lambda status: True, "it answers")["stored_rows"])
        wanted = MESSAGES * READINGS
        core.await_status(lambda status: status["stored_rows"] >= wanted, "all stored", 300)
        return (wanted - before) / READINGS / (time.perf_counter() - began)
    finally:
        core.stop()


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
