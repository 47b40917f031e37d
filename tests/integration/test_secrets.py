"""No secret leaves the process: not in its log, its answers, its files nor its command line."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from service.broker import LocalBroker
from service.local_socket import SOCKET_NAME, request
from tests.integration.test_supervision import free_port
from tests.support.command import wait_until
from tests.support.publishing import Gateway
from tests.support.running import CoreProcess, until
from tests.support.sites import CODE, SOURCE, limit, write_site

SECRETS = {
    "GRIDWARDEN_SECRET_BROKER": "broker-s3cret-1f2e",
    "GRIDWARDEN_RECORDS__PASSWORD": "records-s3cret-3c4d",
    "GRIDWARDEN_KAFKA__PASSWORD": "kafka-s3cret-5a6b",
}


def test_no_secret_is_in_the_log_the_answers_the_files_or_the_command_line(
    broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    port, data = free_port(), tmp_path / "data"
    site = write_site(
        tmp_path / "site", port=broker.port, points=["A"], limits=[limit("A", "H", 85)]
    )
    source = site / "sources" / f"{SOURCE}.yaml"
    source.write_text(
        source.read_text() + "user: gridwarden\npassword_env: GRIDWARDEN_SECRET_BROKER\n"
    )
    core = CoreProcess(site, data, "--metrics", f"127.0.0.1:{port}")
    try:
        core.await_connected()
        with Gateway(broker.port, CODE, SOURCE) as gateway:
            gateway.send(b"no json")
            gateway.say({"A": 90})
            until(lambda: gateway.unacknowledged == 0, "the broker took it")
        core.await_status(lambda status: status["evaluated_rows"] == 1, "it was judged")
        broker.stop()  # every retry and its reason is logged
        wait_until(lambda: "connect_failures" in json.dumps(core.status()))
        said = [json.dumps(core.status()), json.dumps(request(data / SOCKET_NAME, "system"))]
        for path in ("metrics", "health/ready"):
            address = f"http://127.0.0.1:{port}/{path}"
            try:
                with urllib.request.urlopen(address, timeout=5) as answer:
                    said.append(answer.read().decode())
            except urllib.error.HTTPError as error:  # 503: the broker is away
                said.append(error.read().decode())
        said.append(Path(f"/proc/{core.process.pid}/cmdline").read_bytes().decode())
    finally:
        assert core.stop() == 0, core.last_words()
    said.append(core.log.read_text())
    kept = [path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file()]
    assert "connect" in said[-1]
    assert len(kept) > 3
    for secret in SECRETS.values():
        assert not any(secret in each for each in said), secret
        assert not any(secret.encode() in each for each in kept), secret
