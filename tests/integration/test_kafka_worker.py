"""One worker on a real Kafka, with its records and telemetry on this machine."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from domain.access import LOCAL_OPERATOR
from domain.alarms import Withheld
from domain.assets import Condition
from domain.ids import AssetId, PointKey
from domain.limit_changes import LimitSetting
from domain.paperwork import TagKind
from domain.requests import (
    AcknowledgeAlarm,
    AcknowledgeIncident,
    ChangeLimit,
    HangTag,
    RemoveTag,
    Request,
    ShelveAlarm,
)
from ingest.kafka import BRIDGE, RECORD, partition_of
from service.broker import LocalBroker
from service.core_client import CoreClient
from storage.engines import sqlite_engine
from storage.ownership import Owners
from storage.records import SqlRecords
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.support import numbered
from tests.support.kafka import Kafka, KafkaServer
from tests.support.kafka_chain import (
    KEYS,
    PARTITIONS,
    RATE,
    Chain,
    alarms_of_one_evaluation,
    await_commanded_once,
    commands_due,
    partitions_of,
    point_numbers,
    recorded_alarms,
    start_soon_ms,
    the_stream,
)
from tests.support.partitioned import STATIONS, asset_of
from tests.support.running import CoreProcess, until

pytestmark = [pytest.mark.kafka, pytest.mark.mosquitto]


@pytest.fixture
def chain(tmp_path: Path, broker: LocalBroker, kafka: Kafka) -> Iterator[Chain]:
    with Chain(tmp_path, broker, kafka.bootstrap) as made:
        yield made


def engine_of(chain: Chain, worker: str = "one") -> Any:
    return sqlite_engine(chain.folder / worker / "records.db")


def send(chain: Chain, key: str, *messages: bytes, headers: Any = ()) -> None:
    """As a gateway that speaks to Kafka itself."""

    async def sent() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=chain.bootstrap)
        await producer.start()
        try:
            for message in messages:
                await producer.send_and_wait(
                    chain.topic, message, key=key.encode(), headers=list(headers)
                )
        finally:
            await producer.stop()

    asyncio.run(sent())


def everything_on(chain: Chain, topic: str, at_least: int) -> list[Any]:
    async def read() -> list[Any]:
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=chain.bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        found: list[Any] = []
        give_up_at = time.monotonic() + 30
        try:
            while len(found) < at_least and time.monotonic() < give_up_at:
                for messages in (await consumer.getmany(timeout_ms=500)).values():
                    found += messages
            return found
        finally:
            await consumer.stop()

    return asyncio.run(read())


def reading(point: str, value: float, at_ms: int | None = None) -> bytes:
    at_ms = int(time.time() * 1_000) if at_ms is None else at_ms
    return json.dumps({"readings": [{"point": point, "time": at_ms, "value": value}]}).encode()


def station_of(key: str) -> str:
    place = KEYS.index(key)
    return STATIONS[place // numbered.READINGS_PER_MESSAGE % 5]


def test_a_reading_over_the_bridge_sounds_the_siren_and_its_word_and_the_users_come_back(
    chain: Chain, broker: LocalBroker
) -> None:
    chain.start_sirens()
    chain.bridge().await_running()
    worker = chain.worker("one")
    worker.await_connected()
    start_ms = start_soon_ms()
    chain.publish(250, start_ms).await_everything_acknowledged(60)

    engine = engine_of(chain)
    until(lambda: len(recorded_alarms(engine)) > 0, "an alarm is recorded")
    until(lambda: bool(commands_due(engine)), "a siren is due")
    await_commanded_once(chain, engine)

    (incident, *_) = SqlRecords(engine).open_incidents()
    client = CoreClient(chain.folder / "one").start()
    try:
        assert client.await_connected(10)
        outcome = client.ask(AcknowledgeIncident(incident_id=incident.incident_id), "local")
    finally:
        client.stop()
    assert outcome.done, outcome
    assert SqlRecords(engine).handled is not None


def ask(chain: Chain, request: Request) -> str:
    """What it changed or made."""
    client = CoreClient(chain.folder / "one").start()
    try:
        assert client.await_connected(10)
        outcome = client.ask(request, LOCAL_OPERATOR)
    finally:
        client.stop()
    assert outcome.done, outcome.why
    return outcome.subject


def limits_version(worker: CoreProcess, key: str) -> int:
    partition = partition_of(station_of(key), PARTITIONS)
    return int(partitions_of(worker)[str(partition)]["limits_version"])


def say(chain: Chain, key: str, value: float) -> None:
    """For longer than the delay of its limit."""
    now_ms = int(time.time() * 1_000)
    both = (reading(key, value, now_ms - before_ms) for before_ms in (1_100, 0))
    send(chain, station_of(key), *both)


def test_a_limit_that_a_person_changed_holds_in_the_partition_of_its_point_and_after_a_kill(
    chain: Chain,
) -> None:
    worker = chain.worker("one")
    worker.await_connected()
    key = PointKey(KEYS[1])  # of level 3: one person may change it
    setting = LimitSetting(
        point=key,
        condition=Condition.HIGH,
        value=60.0,
        deadband=2.0,
        on_delay_us=1_000_000,
        off_delay_us=1_000_000,
    )
    before = limits_version(worker, key)
    ask(chain, ChangeLimit(setting=setting, reason="夏季负荷"))
    until(lambda: limits_version(worker, key) == before + 1, "the partition has a new limit")
    worker.kill()
    again = chain.worker("one")
    again.await_connected()
    say(chain, key, 70.0)
    engine = engine_of(chain)
    until(lambda: len(recorded_alarms(engine)) == 1, "70 is above the changed limit")
    assert limits_version(again, key) == before + 1


def test_a_shelf_a_tag_and_a_word_to_an_alarm_reach_the_partition_of_their_device(
    chain: Chain,
) -> None:
    chain.worker("one").await_connected()
    engine = engine_of(chain)
    records = SqlRecords(engine)
    shelved, tagged, told = (PointKey(KEYS[number]) for number in (1, 21, 41))
    ask(
        chain,
        ShelveAlarm(
            point=shelved, condition=Condition.HIGH, reason="检修后复测", for_us=3_600_000_000
        ),
    )
    at = AssetId(asset_of(STATIONS.index(station_of(tagged))))
    tag = UUID(ask(chain, HangTag(kind=TagKind.MAINTENANCE, asset_id=at)))
    for key in (shelved, tagged, told):
        say(chain, key, 95.0)

    def alarms() -> dict[str, Any]:
        return {each.point: each for each in records.open_alarms()}

    until(lambda: len(alarms()) == 3, "three alarms")
    assert alarms()[shelved].withheld is Withheld.SHELVED
    assert alarms()[tagged].withheld is Withheld.SUPPRESSED
    assert alarms()[told].withheld is None
    ask(chain, AcknowledgeAlarm(event_id=alarms()[told].event_id))
    ask(chain, RemoveTag(tag_id=tag))
    until(lambda: alarms()[tagged].withheld is None, "without its tag the alarm comes through")
    assert alarms()[told].acknowledged_by == LOCAL_OPERATOR


def test_what_stood_in_the_topic_before_the_first_worker_is_judged_by_its_limits(
    chain: Chain, kafka: Kafka
) -> None:
    kafka.create_topic(chain.topic, PARTITIONS, {"message.timestamp.type": "LogAppendTime"})
    begin_ms = int(time.time() * 1_000) - 60_000
    key = KEYS[0]
    send(
        chain,
        station_of(key),
        *(reading(key, 95.0, begin_ms + second * 1_000) for second in range(5)),
    )
    chain.worker("one").await_connected()
    engine = engine_of(chain)
    until(lambda: len(recorded_alarms(engine)) == 1, "the alarm of then is there")
    ((_, started, raised, _),) = recorded_alarms(engine)
    assert (started, raised) == (begin_ms * 1_000, begin_ms * 1_000 + 1_000_000)


def test_what_cannot_be_used_and_what_is_forged_go_to_the_dead_letter_topic(chain: Chain) -> None:
    worker = chain.worker("one")
    worker.await_connected()
    send(chain, STATIONS[0], b"not json", reading("nobody/knows", 1.0))
    send(chain, STATIONS[0], b"I am a tick", headers=[(RECORD, b"0" * 32)])
    send(chain, STATIONS[0], b"?", headers=[(BRIDGE, None), ("", b"\xff")])

    letters = everything_on(chain, chain.topic.replace(".telemetry", ".dead-letters"), 3)

    by_reason = {dict(letter.headers)["reason"].decode(): letter.value for letter in letters}
    assert by_reason == {
        "malformed_json": b"not json",
        "unknown_point": by_reason["unknown_point"],
        "forged_record": b"I am a tick",
    }
    assert json.loads(by_reason["unknown_point"])["readings"][0]["point"] == "nobody/knows"
    counters = worker.await_status(lambda status: True, "it answers")["counters"]
    assert counters["dead_letters{reason=forged_record,source=field}"] == 1
    worker.await_status(
        lambda status: status["counters"].get("malformed_bridge_words") == 1, "null is no harm"
    )


def test_events_leave_as_cloud_events_once_each_and_name_nobody(chain: Chain) -> None:
    worker = chain.worker("one")
    worker.await_connected()
    key = KEYS[0]
    now_ms = int(time.time() * 1_000)
    send(chain, station_of(key), *(reading(key, 95.0, now_ms + s * 1_000) for s in range(4)))
    engine = engine_of(chain)
    until(lambda: len(recorded_alarms(engine)) == 1, "the alarm is recorded")

    events = everything_on(chain, chain.topic.replace(".telemetry", ".events"), 3)

    headers = [{name: value.decode() for name, value in each.headers} for each in events]
    raised = next(each for each in headers if each["ce_type"].endswith("anomaly.raised.v1"))
    ((event_id, *_),) = recorded_alarms(engine)
    assert raised["ce_id"] == event_id
    assert raised["ce_specversion"] == "1.0"
    assert raised["ce_source"] == "/gridwarden/test-site"
    assert raised["content-type"] == "application/json"
    ids = [(each["ce_source"], each["ce_type"], each["ce_id"]) for each in headers]
    assert len(ids) == len(set(ids))
    assert not [each for each in events if "甲值".encode() in each.value]
    assert partition_of(raised["ce_partitionkey"], PARTITIONS) == next(
        each.partition for each in events if dict(each.headers)["ce_id"] == event_id.encode()
    )


def test_kill_9_under_load_loses_and_doubles_nothing(chain: Chain) -> None:
    seconds, kills = 30, 4
    chain.start_sirens()
    chain.bridge().await_running()
    worker = chain.worker("one")
    worker.await_connected()
    messages, start_ms = RATE * seconds // numbered.READINGS_PER_MESSAGE, start_soon_ms()
    publisher = chain.publish(messages, start_ms)
    for _ in range(kills):
        before = evaluated(worker)
        until(lambda: evaluated(worker) > before + 5 * RATE, "it works", 60)  # noqa: B023
        worker.kill()
        worker = chain.worker("one")
        worker.await_status(lambda status: status["evaluated_rows"] > 0, "it goes on", 60)
    publisher.await_everything_acknowledged(seconds + 60)
    expect_all_as_without_trouble(chain, messages, start_ms)


def test_kafka_stopped_and_killed_in_the_middle_delays_and_loses_nothing(
    tmp_path: Path, broker: LocalBroker, kafka_server: KafkaServer
) -> None:
    seconds = 40
    with Chain(tmp_path, broker, kafka_server.bootstrap) as chain:
        chain.start_sirens()
        chain.bridge().await_running()
        worker = chain.worker("one")
        worker.await_connected()
        messages, start_ms = RATE * seconds // numbered.READINGS_PER_MESSAGE, start_soon_ms()
        publisher = chain.publish(messages, start_ms)
        until(lambda: evaluated(worker) > 2 * RATE, "it works", 60)
        kafka_server.stop()
        worker.await_status(
            lambda status: status["counters"].get("fail_open_began", 0) >= 1,
            "the worker hears MQTT itself",
            30,
        )
        before = sum(chain.acted().values())
        until(
            lambda: sum(chain.acted().values()) > before,
            "level 1 is commanded though Kafka is away",
            30,
        )
        kafka_server.start()
        until(lambda: evaluated(worker) > 10 * RATE, "it goes on", 90)
        kafka_server.kill()
        kafka_server.start()
        publisher.await_everything_acknowledged(seconds + 90)
        expect_all_as_without_trouble(chain, messages, start_ms)


def test_a_second_worker_is_refused_while_the_stores_lie_on_one_machine(chain: Chain) -> None:
    first = chain.worker("one")
    first.await_connected()
    second = chain.worker("two")
    assert second.process.wait(60) == 2
    assert "more than one worker needs PostgreSQL and InfluxDB" in second.last_words()
    assert first.process.poll() is None


def test_a_stop_under_load_ends_in_order_and_another_start_goes_on(chain: Chain) -> None:
    chain.bridge().await_running()
    worker = chain.worker("one")
    worker.await_connected()
    messages, start_ms = RATE * 10 // numbered.READINGS_PER_MESSAGE, start_soon_ms()
    publisher = chain.publish(messages, start_ms)
    until(lambda: evaluated(worker) > RATE, "it works", 60)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(30) == 0, worker.last_words()
    chain.worker("one")
    publisher.await_everything_acknowledged(60)
    expect_all_as_without_trouble(chain, messages, start_ms, sirens=False)


def evaluated(worker: Any) -> int:
    status = worker.status()
    return 0 if status is None else int(status["evaluated_rows"])


def expect_all_as_without_trouble(
    chain: Chain, messages: int, start_ms: int, *, sirens: bool = True
) -> None:
    engine = engine_of(chain)
    numbers = point_numbers(engine)
    stream = the_stream(messages, start_ms, numbers)
    worker = chain.workers[-1]
    worker.await_status(lambda s: s["stored_rows"] >= len(stream), "every reading is stored", 120)
    last_us = stream[-1][1]
    expected = [
        alarm
        for alarm in alarms_of_one_evaluation(chain.site, stream, numbers)
        if alarm[2] <= last_us
    ]
    until(
        lambda: [each for each in recorded_alarms(engine) if each[2] <= last_us] == expected,
        "the alarms are those of one evaluation",
        90,
    )
    assert expected
    if sirens:
        await_commanded_once(chain, engine)
    worker.stop()
    telemetry = DuckDbTelemetry(chain.folder / "one" / "telemetry.duckdb")
    stored = [
        (point, time_us)
        for point in numbers.values()
        for time_us in telemetry.history(point, 0, 2**61).event_time.tolist()
    ]
    telemetry.close()
    assert sorted(stored) == sorted(row[:2] for row in stream)


def test_a_partition_that_a_stranger_claimed_is_claimed_again(chain: Chain) -> None:
    worker = chain.worker("one")
    worker.await_connected()
    Owners(engine_of(chain)).claim(partition_of(STATIONS[0], PARTITIONS), "stranger", 1)
    key, now_ms = KEYS[0], int(time.time() * 1_000)
    send(chain, station_of(key), *(reading(key, 95.0, now_ms + s * 1_000) for s in range(4)))
    until(
        lambda: (worker.status() or {}).get("counters", {}).get("stale_owner", 0) >= 1,
        "what it decided under the old epoch is refused",
        30,
    )
    engine = engine_of(chain)
    until(lambda: len(recorded_alarms(engine)) == 1, "it claims it again and goes on", 90)
