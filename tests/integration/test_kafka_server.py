"""The Kafka of the tests is a real one: it keeps what it acknowledged, and asks for passwords."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from tests.support.kafka import Kafka, KafkaServer

pytestmark = pytest.mark.kafka


async def _produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def _consume(bootstrap: str, topic: str, count: int, **login: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", **login)
    try:
        await consumer.start()
        consumer.assign([TopicPartition(topic, 0)])
        return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]
    finally:
        await consumer.stop()


def test_what_was_produced_is_consumed_in_order(kafka: Kafka) -> None:
    topic, values = kafka.new_topic(), [b"%d" % number for number in range(100)]
    asyncio.run(_produce(kafka.bootstrap, topic, values))
    assert asyncio.run(_consume(kafka.bootstrap, topic, 100)) == values


def test_a_topic_has_the_partitions_it_was_made_with_and_none_makes_itself(kafka: Kafka) -> None:
    assert kafka.partitions(kafka.new_topic(partitions=3)) == 3
    assert kafka.partitions("nobody-made-me") == 0
    assert "nobody-made-me" not in kafka.topics()


def test_a_killed_server_comes_back_with_what_it_had(kafka_server: KafkaServer) -> None:
    topic = kafka_server.inside.create_topic("kept")
    asyncio.run(_produce(kafka_server.bootstrap, topic, [b"before"]))
    port = kafka_server.port
    kafka_server.kill()
    assert not kafka_server.inside.answers()
    kafka_server.start()
    assert kafka_server.port == port
    asyncio.run(_produce(kafka_server.bootstrap, topic, [b"after"]))
    assert asyncio.run(_consume(kafka_server.bootstrap, topic, 2)) == [b"before", b"after"]


def test_a_server_with_users_refuses_a_wrong_password(tmp_path: Path, needs_kafka: None) -> None:
    def login(password: str) -> dict[str, str]:
        return {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": "warden",
            "sasl_plain_password": password,
        }

    with KafkaServer(tmp_path / "kafka", users={"warden": "right"}) as server:
        topic = server.inside.create_topic("guarded")
        asyncio.run(_produce(server.inside.bootstrap, topic, [b"told"]))
        with pytest.raises(KafkaError):
            asyncio.run(_consume(server.bootstrap, topic, 1, **login("wrong")))
        assert asyncio.run(_consume(server.bootstrap, topic, 1, **login("right"))) == [b"told"]
