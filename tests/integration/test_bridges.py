"""Bridges between a real MQTT broker and a real Kafka: killed, beside each other, with nonsense to carry."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import publish

from domain.ids import SourceId
from service.broker import LocalBroker
from service.site.model import telemetry_topic
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.integration.test_kafka_worker import (
    engine_of,
    evaluated,
    everything_on,
    expect_all_as_without_trouble,
)
from tests.support import numbered
from tests.support.kafka import Kafka
from tests.support.kafka_chain import RATE, Chain, point_numbers, start_soon_ms, the_stream
from tests.support.running import ROOT, until
from tests.support.sites import CODE, SOURCE

pytestmark = [pytest.mark.kafka, pytest.mark.mosquitto]


@pytest.fixture
def chain(tmp_path: Path, broker: LocalBroker, kafka: Kafka) -> Iterator[Chain]:
    with Chain(tmp_path, broker, kafka.bootstrap) as made:
        yield made


def test_a_bridge_that_is_killed_again_and_again_loses_and_reorders_nothing(chain: Chain) -> None:
    seconds = 20
    bridge = chain.bridge()
    bridge.await_running()
    worker = chain.worker("one")
    worker.await_connected()
    messages, start_ms = RATE * seconds // numbered.READINGS_PER_MESSAGE, start_soon_ms()
    publisher = chain.publish(messages, start_ms)
    for _ in range(3):
        before = evaluated(worker)
        until(lambda: evaluated(worker) > before + 2 * RATE, "it works", 60)  # noqa: B023
        bridge.kill()
        bridge = chain.bridge()
    publisher.await_everything_acknowledged(seconds + 60)
    expect_all_as_without_trouble(chain, messages, start_ms, sirens=False)


def test_two_bridges_that_share_carry_everything_though_one_is_killed(chain: Chain) -> None:
    seconds = 12
    first, second = chain.bridge("a", share="both"), chain.bridge("b", share="both")
    first.await_running()
    second.await_running()
    worker = chain.worker("one")
    worker.await_connected()
    messages, start_ms = RATE * seconds // numbered.READINGS_PER_MESSAGE, start_soon_ms()
    publisher = chain.publish(messages, start_ms)
    until(lambda: evaluated(worker) > 2 * RATE, "it works", 60)
    second.kill()
    publisher.await_everything_acknowledged(seconds + 60)
    second = chain.bridge("b", share="both")  # what its session holds comes with it
    numbers = point_numbers(engine_of(chain))
    stream = the_stream(messages, start_ms, numbers)
    worker.await_status(lambda s: s["stored_rows"] >= len(stream), "all is stored", 90)
    worker.stop()
    second.process.terminate()
    second.process.wait(30)
    first.process.terminate()
    first.process.wait(30)
    assert min(moved(first.log), moved(second.log)) > 0
    telemetry = DuckDbTelemetry(chain.folder / "one" / "telemetry.duckdb")
    stored = [
        (point, time_us)
        for point in numbers.values()
        for time_us in telemetry.history(point, 0, 2**61).event_time.tolist()
    ]
    telemetry.close()
    assert sorted(stored) == sorted(row[:2] for row in stream)


def moved(log: Path) -> int:
    (line,) = [line for line in log.read_text().splitlines() if "messages moved" in line][-1:]
    return int(line.split(":")[1].split()[0])


def test_nonsense_is_carried_and_refused_behind_the_bridge(
    chain: Chain, broker: LocalBroker
) -> None:
    chain.bridge().await_running()
    chain.worker("one").await_connected()
    nonsense = (b"", b"\xff\x00", b'{"readings":[' + b"[" * 2_000, b"x" * (2 * 2**20))
    topic = telemetry_topic(CODE, SourceId(SOURCE))
    publish.multiple([(topic, payload, 1, False) for payload in nonsense], broker.host, broker.port)
    letters = everything_on(chain, chain.topic.replace(".telemetry", ".dead-letters"), 4)
    reasons = sorted(dict(letter.headers)["reason"].decode() for letter in letters)
    assert len(reasons) == 4
    assert "too_large" in reasons


def test_a_topic_that_the_source_has_not_and_a_bridge_without_kafka_are_told(chain: Chain) -> None:
    command = [sys.executable, "-m", "service.cli", "bridge", "--site", str(chain.site)]
    without = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (without.returncode, without.stdout) == (2, "")
    assert "set GRIDWARDEN_KAFKA__BOOTSTRAP" in without.stderr
    wrong = subprocess.run(
        [*command, "--topic", "nobody/speaks/here"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **chain.kafka_settings},
    )
    assert wrong.returncode == 2
    assert "the source has no topic nobody/speaks/here; it has " in wrong.stderr
