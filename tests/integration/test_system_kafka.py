"""What a worker on Kafka says of itself: its partitions with their lag, and what a Kafka that hangs means."""

import os
from pathlib import Path
from typing import Any

import pytest

from service.broker import LocalBroker
from service.local_socket import SOCKET_NAME, CoreUnreachable, request
from service.system import troubles
from tests.integration.test_bridge_health import bridge
from tests.support.command import running, wait_until
from tests.support.kafka import KafkaServer
from tests.support.publishing import Gateway
from tests.support.running import until

pytestmark = [pytest.mark.kafka, pytest.mark.mosquitto]


def test_a_worker_tells_its_partitions_and_that_kafka_hangs(
    broker: LocalBroker, kafka_server: KafkaServer, tmp_path: Path
) -> None:
    settings = {
        "GRIDWARDEN_KAFKA__BOOTSTRAP": kafka_server.bootstrap,
        "GRIDWARDEN_KAFKA__PARTITIONS": "3",
        "GRIDWARDEN_METRICS__PORT": "0",
    }
    data = tmp_path / "data"

    def facts() -> dict[str, Any]:
        try:
            return request(data / SOCKET_NAME, "system")
        except CoreUnreachable:
            return {"checks": [], "partitions": {}, "at_us": 0}

    def wrong() -> set[str]:
        return {each.code for each in troubles(facts())}

    with (
        bridge(broker, tmp_path / "bridge", {**os.environ, **settings}),
        running(data, broker, settings=settings),
    ):
        with Gateway(broker.port, "changqing-like", "liuyuan") as gateway:
            gateway.say({"LY/1T/top_oil_temp": 60.0})
            until(lambda: gateway.unacknowledged == 0, "the broker took it")
        wait_until(lambda: facts()["numbers"]["evaluated_rows"] == 1)
        wait_until(lambda: set(facts()["partitions"]) == {"0", "1", "2"})
        wait_until(lambda: wrong() == set())
        assert all(
            {"lag", "queued", "unrecorded", "telemetry_lag"} == set(each)
            for each in facts()["partitions"].values()
        )
        assert facts()["worker"]
        kafka_server.freeze()
        wait_until(lambda: bool(wrong() & {"journal", "source"}))
        kafka_server.thaw()
        wait_until(lambda: wrong() == set())
