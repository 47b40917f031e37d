"""`gridwarden run` as an operator starts it: a hand on the field, a kill, an end."""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from service.broker import LocalBroker
from service.local_socket import SOCKET_NAME
from service.site.compiled import COMPILED_NAME
from tests.support.command import EXAMPLE, PATIENCE_S, ROOT, is_alive, running, wait_until
from tests.support.sites import limit, write_site

TELEMETRY = "gridwarden/changqing-like/telemetry/liuyuan"
COMMANDS = "gridwarden/changqing-like/device/siren-1T/command"


@pytest.fixture
def hand(broker: LocalBroker) -> Iterator["Hand"]:
    hand = Hand(broker)
    yield hand
    hand.close()


class Hand:
    """What a person does with mosquitto_pub and mosquitto_sub."""

    def __init__(self, broker: LocalBroker) -> None:
        self.commands: queue.Queue[dict[str, Any]] = queue.Queue()
        subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = lambda c, u, message: self.commands.put(
            json.loads(message.payload)
        )
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self._client.subscribe(COMMANDS, qos=1)
        assert subscribed.wait(PATIENCE_S)

    def publish(self, celsius: float) -> None:
        reading = {"point": "LY/1T/top_oil_temp", "time": time.time_ns() // 10**6, "value": celsius}
        self._client.publish(TELEMETRY, json.dumps({"readings": [reading]}), qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_a_limit_crossed_by_hand_sounds_the_siren_and_is_told_in_the_users_words(
    tmp_path: Path, broker: LocalBroker, hand: Hand
) -> None:
    with running(tmp_path / "data", broker) as run:
        hand.publish(96.2)

        command = hand.commands.get(timeout=PATIENCE_S)
        wait_until(lambda: run.said(r"1号主变 油温 越上上限 96\.2℃ \(限值 95℃\) 紧急"))

    assert command["device"] == "siren-1T"


def test_a_killed_core_comes_back_and_ctrl_c_ends_everything(
    tmp_path: Path, broker: LocalBroker, hand: Hand
) -> None:
    with running(tmp_path / "data", broker) as run:
        wait_until(lambda: len(run.core_pids) == 1)
        os.kill(run.core_pids[0], signal.SIGKILL)
        wait_until(lambda: not is_alive(run.core_pids[0]))
        wait_until(lambda: run.status() is not None)  # how soon: `benchmarks recovery`
        wait_until(run.is_current)
        hand.publish(96.0)
        hand.commands.get(timeout=PATIENCE_S)

        code = run.end(signal.SIGINT)

    assert code == 0
    assert len(run.core_pids) == 2
    assert not any(is_alive(pid) for pid in run.core_pids)
    assert not (tmp_path / "data" / SOCKET_NAME).exists()


def test_a_folder_that_is_being_edited_keeps_no_large_site_from_coming_back(
    tmp_path: Path, broker: LocalBroker
) -> None:
    site = large_site(tmp_path / "site", broker.port)
    with running(tmp_path / "data", broker, site) as run:
        wait_until(lambda: len(run.core_pids) == 1)
        for file in site.rglob("*.yaml"):
            file.write_text("points: [half a line", "utf-8")
        os.kill(run.core_pids[0], signal.SIGKILL)
        wait_until(lambda: not is_alive(run.core_pids[0]))
        wait_until(lambda: run.status() is not None)  # how soon: `benchmarks recovery`
        wait_until(run.is_current)

        assert run.end(signal.SIGINT) == 0


def test_a_second_run_leaves_the_site_of_the_first_alone(
    tmp_path: Path, broker: LocalBroker
) -> None:
    site = write_site(
        tmp_path / "site", port=broker.port, points=["N/1"], limits=[limit("N/1", "H", 85)]
    )
    with running(tmp_path / "data", broker):
        compiled = (tmp_path / "data" / COMPILED_NAME).read_bytes()

        second = gridwarden_run("--site", str(site), "--data", str(tmp_path / "data"))

        assert second.returncode == 2
        assert second.stderr.startswith("cannot run: another core serves")
        assert (tmp_path / "data" / COMPILED_NAME).read_bytes() == compiled


def test_run_says_in_one_sentence_why_core_cannot_start(tmp_path: Path) -> None:
    site = Path(shutil.copytree(EXAMPLE, tmp_path / "site"))
    first = (site / "sources" / "frontend.yaml").read_text("utf-8")
    second = first.replace("id: frontend", "id: second").replace(
        "client_id: ", "client_id: second-"
    )
    (site / "sources" / "second.yaml").write_text(second, "utf-8")

    ended = gridwarden_run("--site", str(site), "--data", str(tmp_path / "data"))

    assert ended.returncode == 2
    assert [line for line in ended.stderr.splitlines() if not line.startswith("{")] == [
        "core cannot start: this version runs one source; changqing-like has 2:"
        " keep one in sources/"
    ]


def large_site(folder: Path, port: int) -> Path:
    """1,000 points with four limits each."""
    points = [f"N/{number:04d}" for number in range(1_000)]
    levels = {"LL": 10, "L": 20, "H": 85, "HH": 95}
    four = ", ".join(
        f"{level}: {{value: {value}, priority: urgent, mark: D}}" for level, value in levels.items()
    )
    limits = [f"{{point: {point}, {four}}}" for point in points]
    return write_site(folder, port=port, points=points, limits=limits)


def gridwarden_run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "service.cli", "run", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_core_ends_in_order_however_many_signals_ask_for_it(
    tmp_path: Path, broker: LocalBroker
) -> None:
    with running(tmp_path / "data", broker) as run:
        wait_until(lambda: len(run.core_pids) == 1)
        with contextlib.suppress(ProcessLookupError):
            for _ in range(200):
                os.kill(run.core_pids[0], signal.SIGTERM)

        assert run.process.wait(PATIENCE_S) == 0  # it ends with core


def test_core_ends_with_a_killed_supervisor(tmp_path: Path, broker: LocalBroker) -> None:
    with running(tmp_path / "data", broker) as run:
        wait_until(lambda: len(run.core_pids) == 1)

        run.end(signal.SIGKILL)

        wait_until(lambda: not is_alive(run.core_pids[0]))
