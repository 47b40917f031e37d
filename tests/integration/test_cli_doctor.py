"""`gridwarden doctor` and real brokers: one that keeps what it acknowledged, and those that do not."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import service.broker
from service.broker import LocalBroker
from service.cli import app
from service.doctor.broker import PROBE_MESSAGES, BrokerProbe, Kept
from service.processes import CoreOptions, Supervisor
from service.site.compiled import compile_into
from service.site.load import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "changqing-like"


def probe_of(broker: LocalBroker) -> BrokerProbe:
    return BrokerProbe(
        host=broker.host,
        port=broker.port,
        topic="gridwarden/test/doctor/probe",
        client_id="gridwarden-test-doctor",
    )


def test_a_broker_with_our_settings_keeps_everything(broker: LocalBroker) -> None:
    assert probe_of(broker).examine() == Kept(session=True, messages=PROBE_MESSAGES)


def test_a_probe_leaves_no_session_behind(broker: LocalBroker) -> None:
    probe_of(broker).examine()

    again = probe_of(broker)
    with again._connected(expiry_s=0) as (_, session):
        assert session is False


def test_a_broker_with_its_own_defaults_is_found_to_drop(
    broker: LocalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.broker, "MOSQUITTO_SETTINGS", "persistence true\n")
    broker.restart()

    kept = probe_of(broker).examine()

    assert kept.session
    assert kept.messages < PROBE_MESSAGES


def test_doctor_tells_the_cure_of_a_broker_that_drops(
    broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.broker, "MOSQUITTO_SETTINGS", "persistence true\n")
    broker.restart()

    findings = doctor(broker, tmp_path)

    (finding,) = [f for f in findings if f["verdict"] == "mend"]
    assert "dropped" in finding["says"]
    assert "max_queued_messages 0" in finding["cure"]


def test_doctor_finds_everything_well_beside_a_running_core(
    broker: LocalBroker, tmp_path: Path
) -> None:
    site = load(EXAMPLE).at_broker(broker.host, broker.port)
    (tmp_path / "data").mkdir(mode=0o700)  # as `run` makes it
    compiled = compile_into(tmp_path / "data", site)
    options = CoreOptions(compiled=compiled, data=tmp_path / "data")
    supervisor = Supervisor([options.spec(stderr=tmp_path / "core.log")])
    findings: list[dict[str, str]] = []

    def ask_once_core_runs() -> bool:
        if not (tmp_path / "data" / "core.sock").exists():
            return False
        findings.extend(doctor(broker, tmp_path))
        return True

    assert supervisor.run(until=ask_once_core_runs) == 0
    said = {finding["subject"]: finding for finding in findings}
    assert [f["subject"] for f in findings if f["verdict"] == "mend"] == []
    assert said["core"]["says"].startswith("runs, journal at record")
    assert said["records"]["verdict"] == "good"
    assert said["journal"]["verdict"] == "good"


def doctor(broker: LocalBroker, tmp_path: Path) -> list[dict[str, str]]:
    site = tmp_path / "site"
    if not site.exists():
        for path in EXAMPLE.rglob("*.yaml"):
            copy = site / path.relative_to(EXAMPLE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8")
            copy.write_text(text.replace("port: 1883", f"port: {broker.port}"), encoding="utf-8")
    arguments = ["doctor", "--site", str(site), "--data", str(tmp_path / "data"), "--json"]
    result = CliRunner().invoke(app, arguments)
    return [json.loads(line) for line in result.output.splitlines()]
