"""A bridge answers for its health and its metrics like core, and says which side is away."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.broker import LocalBroker
from tests.integration.test_supervision import free_port
from tests.support.command import EXAMPLE, ROOT, wait_until
from tests.support.kafka import KafkaServer
from tests.support.publishing import Gateway
from tests.support.running import until

pytestmark = [pytest.mark.kafka, pytest.mark.mosquitto]


@contextmanager
def bridge(broker: LocalBroker, data: Path, environ: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "service.cli", "bridge", "--site", str(EXAMPLE)]
    command += ["--data", str(data), "--broker", f"{broker.host}:{broker.port}"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
        process.terminate()
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def health(environ: dict[str, str], *more: str) -> tuple[int, dict[str, Any]]:
    """As a container's health check asks."""
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "health", "--json", *more],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def wrong(said: tuple[int, dict[str, Any]]) -> list[str]:
    return [name for name, check in said[1].get("checks", {}).items() if not check["ok"]]


def test_a_bridge_says_which_side_is_away_and_what_it_moved(
    broker: LocalBroker, kafka_server: KafkaServer, tmp_path: Path
) -> None:
    port = free_port()
    environ = {
        **os.environ,
        "GRIDWARDEN_METRICS__PORT": str(port),
        "GRIDWARDEN_KAFKA__BOOTSTRAP": kafka_server.bootstrap,
    }
    assert health(environ)[0] == 1
    with bridge(broker, tmp_path / "data", environ):
        wait_until(lambda: health(environ)[0] == 0)
        with Gateway(broker.port, "changqing-like", "liuyuan") as gateway:
            gateway.say({"LY/1T/top_oil_temp": 60.0})
            until(lambda: gateway.unacknowledged == 0, "the broker took it")

        def metrics() -> dict[str, float]:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                families = text_string_to_metric_families(answer.read().decode())
                return {s.name: s.value for family in families for s in family.samples}

        wait_until(lambda: metrics()["gridwarden_bridge_moved_total"] == 1)
        broker.stop()
        wait_until(lambda: wrong(health(environ)) == ["source"])
        assert health(environ, "--live")[0] == 0  # starting it again would not help
        assert metrics()["gridwarden_bridge_up"] == 0
        broker.start()
        wait_until(lambda: health(environ)[0] == 0)
