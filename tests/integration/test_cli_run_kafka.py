"""`gridwarden run` as a worker on Kafka, with a bridge beside it, on the example site."""

import os
import signal
import time
from pathlib import Path
from uuid import uuid4

import pytest

from service.broker import LocalBroker
from tests.support.command import EXAMPLE, running
from tests.support.kafka import Kafka
from tests.support.kafka_chain import BridgeProcess
from tests.support.publishing import Gateway
from tests.support.running import until

pytestmark = [pytest.mark.kafka, pytest.mark.mosquitto]


def test_a_worker_under_the_supervisor_tells_alarms_and_comes_back_after_kill_9(
    tmp_path: Path, broker: LocalBroker, kafka: Kafka
) -> None:
    topic = f"run-{uuid4().hex[:8]}.telemetry"
    settings = {
        "GRIDWARDEN_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "GRIDWARDEN_KAFKA__TOPIC": topic,
        "GRIDWARDEN_KAFKA__GROUP": topic,
        "GRIDWARDEN_METRICS__PORT": "0",
    }
    with running(tmp_path / "data", broker, settings=settings) as run:
        until(run.is_current, "the worker is current", 60)
        more = ["--broker", f"{broker.host}:{broker.port}"]
        with BridgeProcess(EXAMPLE, tmp_path, "1", settings, more) as bridge:
            bridge.await_running()
            hot(broker, "LY/1T/top_oil_temp")
            until(lambda: run.said("油温 越上上限"), "the alarm is told", 60)
            os.kill(run.core_pids[-1], signal.SIGKILL)
            until(lambda: len(run.core_pids) > 1 and run.is_current(), "core is back", 60)
            hot(broker, "GC/1T/top_oil_temp")
            until(lambda: run.said("35kV沟岔变"), "it goes on", 60)
        assert bridge.process.returncode == 0


def hot(broker: LocalBroker, point: str) -> None:
    station = {"LY": "liuyuan", "GC": "goucha"}[point[:2]]
    with Gateway(broker.port, "changqing-like", station) as gateway:
        for second in range(15):
            gateway.say({point: 97.0}, int(time.time() * 1_000) - (15 - second) * 1_000)
        until(lambda: not gateway.unacknowledged, "the broker has them")
