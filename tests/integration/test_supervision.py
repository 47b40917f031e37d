"""Metrics, health and the watchdog of a real `gridwarden run` at a real broker."""

import json
import os
import queue
import signal
import socket
import stat
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client.parser import text_string_to_metric_families

from service.broker import LocalBroker
from tests.support.command import PATIENCE_S, Run, is_alive, running, wait_until

TOPIC = "gridwarden/changqing-like/supervision"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class Told:
    """What somebody hears who subscribed to the supervision topic."""

    def __init__(self, broker: LocalBroker) -> None:
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = lambda c, u, message: self.said.put(json.loads(message.payload))
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self._client.subscribe(TOPIC, qos=1)
        assert subscribed.wait(PATIENCE_S)

    def until(self, state: str) -> dict[str, Any]:
        while True:
            said = self.said.get(timeout=PATIENCE_S)
            if said["state"] == state:
                return said

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def told(broker: LocalBroker) -> Iterator[Told]:
    told = Told(broker)
    yield told
    told.close()


class Asked:
    """The port on which core tells how it is."""

    def __init__(self) -> None:
        self.port = free_port()

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wrong(self) -> set[str]:
        _, body = self.get("/health/ready")
        return {name for name, check in json.loads(body)["checks"].items() if not check["ok"]}

    def metrics(self) -> dict[str, dict[str, float]]:
        """Sample name -> labels -> value."""
        found: dict[str, dict[str, float]] = {}
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
                found.setdefault(sample.name, {})[labels] = sample.value
        return found

    def settings(self, **more: str) -> dict[str, str]:
        return {"GRIDWARDEN_METRICS__PORT": str(self.port), **more}


def publish(broker: LocalBroker, payload: bytes) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish("gridwarden/changqing-like/telemetry/liuyuan", payload, qos=1).wait_for_publish(
        PATIENCE_S
    )
    client.disconnect()
    client.loop_stop()


def test_metrics_tell_what_came_in_and_how_long_a_command_took(
    tmp_path: Path, broker: LocalBroker
) -> None:
    asked = Asked()
    with running(tmp_path / "data", broker, settings=asked.settings()) as run:
        publish(broker, b"no json")
        reading = {"point": "LY/1T/top_oil_temp", "time": time.time_ns() // 10**6, "value": 96.2}
        publish(broker, json.dumps({"readings": [reading]}).encode())
        wait_until(
            lambda: asked.metrics()["gridwarden_event_to_command_seconds_count"].get("", 0) >= 1
        )
        metrics = asked.metrics()
        assert metrics["gridwarden_up"][""] == 1
        assert (
            metrics["gridwarden_dead_letters_total"]["reason=malformed_json,source=frontend"] == 1
        )
        assert metrics["gridwarden_readings_evaluated_total"][""] >= 1
        assert metrics["gridwarden_source_connected"]["source=frontend"] == 1
        assert metrics["gridwarden_event_to_command_seconds_bucket"]["le=+Inf"] >= 1
        assert metrics["gridwarden_process_restarts_total"]["process=core"] == 0
        wait_until(
            lambda: asked.metrics().get("gridwarden_telemetry_file_bytes", {}).get("", 0) > 0
        )
        # a counter is announced before it first counts
        assert "# TYPE gridwarden_duplicates_total counter" in asked.get("/metrics")[1]
        assert metrics["gridwarden_journal_age_seconds"][""] < 10
        assert asked.get("/health/live")[0] == asked.get("/health")[0] == 200
        assert asked.get("/elsewhere")[0] == 404
        os.kill(run.core_pids[0], signal.SIGKILL)
        wait_until(lambda: not is_alive(run.core_pids[0]))
        wait_until(lambda: asked.get("/health/ready")[0] == 200)
        assert asked.metrics()["gridwarden_process_restarts_total"]["process=core"] == 1


def test_without_its_broker_core_lives_and_is_not_ready(
    tmp_path: Path, broker: LocalBroker
) -> None:
    asked = Asked()
    settings = asked.settings(GRIDWARDEN_WATCHDOG__AWAY_S="1")
    with running(tmp_path / "data", broker, settings=settings) as run:
        wait_until(lambda: asked.get("/health/ready")[0] == 200)
        broker.stop()
        wait_until(lambda: asked.wrong() == {"source:frontend"})
        assert asked.get("/health/live")[0] == 200
        assert asked.metrics()["gridwarden_up"][""] == 0
        wait_until(lambda: any("数据源未连接 (frontend)" in line for line in run.warnings))
        broker.start()
        wait_until(lambda: asked.get("/health/ready")[0] == 200)
        wait_until(lambda: any("监视已恢复正常" in line for line in run.warnings))
        assert len(run.core_pids) == 1


def test_a_core_that_hangs_is_killed_and_started_anew_and_people_are_told(
    tmp_path: Path, broker: LocalBroker, told: Told
) -> None:
    noted = tmp_path / "noted"
    program = tmp_path / "tell"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> "{noted}"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    settings = {
        "GRIDWARDEN_WATCHDOG__SILENCE_S": "3",
        "GRIDWARDEN_WATCHDOG__COMMAND": str(program),
    }
    with running(tmp_path / "data", broker, settings=settings) as run:
        assert told.until("ok")["troubles"] == []
        os.kill(run.core_pids[0], signal.SIGSTOP)

        trouble = told.until("trouble")
        assert trouble["troubles"][0]["code"] == "core_silent"
        assert "监视核心无响应" in trouble["text"]
        told.until("ok")
        assert not is_alive(run.core_pids[0])
        assert len(run.core_pids) == 2
        wait_until(lambda: noted.exists() and len(noted.read_text().splitlines()) == 2)
        assert "监视核心无响应" in noted.read_text()
    assert told.until("stopped")["state"] == "stopped"


def test_when_the_supervisor_itself_dies_the_broker_tells_it(
    tmp_path: Path, broker: LocalBroker, told: Told
) -> None:
    with running(tmp_path / "data", broker) as run:
        told.until("ok")
        run.process.kill()
        assert "监护进程已消失" in told.until("lost")["text"]
        end_orphan(run)


def end_orphan(run: Run) -> None:
    for pid in run.core_pids:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not any(is_alive(pid) for pid in run.core_pids))


def test_a_port_that_is_taken_is_told_and_stops_no_watch(
    tmp_path: Path, broker: LocalBroker
) -> None:
    asked = Asked()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", asked.port))
        taken.listen()
        with running(tmp_path / "data", broker, settings=asked.settings()) as run:
            assert run.is_current()


def test_systemd_is_told_ready_when_core_runs_and_then_that_we_turn(
    tmp_path: Path, broker: LocalBroker
) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(address))
        listening.settimeout(PATIENCE_S)
        with running(tmp_path / "data", broker, settings={"NOTIFY_SOCKET": str(address)}):
            heard: list[str] = []
            while not any(words.startswith("WATCHDOG=1") for words in heard[-1:]) or (
                "READY=1" not in heard
            ):
                heard.append(listening.recv(500).decode())
        while "STOPPING=1" not in heard:
            heard.append(listening.recv(500).decode())
