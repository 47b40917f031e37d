"""A message that could not be used is sent through again after mending, and counts once."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.broker import LocalBroker
from service.cli import app
from service.dead_letters import NotReplayed, dead_letters_of, replay_dead_letters
from service.local_socket import CoreUnreachable
from service.site.load import load
from storage.dead_letters import KeptDeadLetter
from tests.support.command import running, wait_until
from tests.support.publishing import Gateway
from tests.support.running import core, until
from tests.support.sites import CODE, SOURCE, limit, write_site

pytestmark = pytest.mark.mosquitto


def send(broker: LocalBroker, site: str, source: str, *payloads: bytes) -> None:
    with Gateway(broker.port, site, source) as gateway:
        for payload in payloads:
            gateway.send(payload)
        until(lambda: gateway.unacknowledged == 0, "the broker took them")


def reading(point: str, value: float, time_ms: int) -> bytes:
    return json.dumps({"readings": [{"point": point, "time": time_ms, "value": value}]}).encode()


def kept(data: Path) -> list[KeptDeadLetter]:
    return dead_letters_of(data).kept()


def test_after_the_point_was_added_its_readings_are_sent_through_and_nothing_counts_twice(
    broker: LocalBroker, tmp_path: Path
) -> None:
    def site(*points: str) -> Path:
        limits = [limit(point, "H", 85) for point in points]
        name = f"site-{len(points)}"
        return write_site(tmp_path / name, port=broker.port, points=points, limits=limits)

    data, source = tmp_path / "data", load(site("A")).sources[0]
    at_ms = 1_790_000_000_000
    with core(site("A"), data) as first:
        first.await_connected()
        payloads = [reading("B", 50 + number, at_ms + 1000 * number) for number in range(3)]
        send(broker, CODE, SOURCE, *payloads)
        first.await_status(lambda status: len(kept(data)) == 3, "three are kept")
        assert {each.letter.reason for each in kept(data)} == {"unknown_point"}

    with pytest.raises(CoreUnreachable):
        replay_dead_letters(data, source)  # without a core nobody would note it

    with core(site("A", "B"), data) as mended:
        mended.await_connected()
        numbers = [each.number for each in kept(data)]
        only_one = replay_dead_letters(data, source, numbers=[*numbers[:1], 10_000])
        assert (only_one.sent, only_one.already) == (1, 1)
        assert replay_dead_letters(data, source, reason="malformed_json").sent == 0
        assert replay_dead_letters(data, source, reason="unknown_point").sent == 2
        assert replay_dead_letters(data, source).sent == 0
        assert replay_dead_letters(data, source, numbers=numbers).already == 3
        mended.await_status(lambda status: status["stored_rows"] == 3, "three are stored")
        # once more by hand, as if it had not been noted
        send(broker, CODE, SOURCE, *payloads)
        status = mended.await_status(
            lambda status: (
                status["counters"].get("repeats{source=field}") == 1
                and status["counters"]["late{source=field}"] == 4  # the newest had gone first
                and status["telemetry_lag"] == 0
            ),
            "they came once more",
        )
        assert status["stored_rows"] == 3
        assert all(each.replayed_at_us for each in kept(data))
        assert len(kept(data)) == 3

        broker.stop()
        with pytest.raises(NotReplayed, match="start the broker"):
            replay_dead_letters(data, source)
        broker.start()
        mended.await_connected()


def test_the_command_line_lists_shows_and_replays(broker: LocalBroker, tmp_path: Path) -> None:
    data = tmp_path / "data"

    def say(*arguments: str) -> list[str]:
        done = CliRunner().invoke(app, ["dead-letters", *arguments, "--data", str(data)])
        assert done.exit_code == 0, done.output
        return done.output.splitlines()

    with running(data, broker):
        assert say("list") == ["none"]
        send(broker, "changqing-like", "liuyuan", b"<xml>\xff</xml>")
        wait_until(lambda: len(kept(data)) == 1)
        counted, line = say("list")
        assert counted == "1 malformed_json from frontend in 7 days; 1 kept, 0 replayed"
        assert "malformed_json: The payload is not JSON" in line
        number = str(kept(data)[0].number)
        assert say("show", number)[-1] == "<xml>\\xff</xml>"
        raw = CliRunner().invoke(
            app, ["dead-letters", "show", number, "--raw", "--data", str(data)]
        )
        assert raw.stdout_bytes == b"<xml>\xff</xml>"
        facts = json.loads(say("show", number, "--json")[0])
        assert facts["topic"] == "gridwarden/changqing-like/telemetry/liuyuan"
        assert facts["replayed_at"] is None
        address = f"{broker.host}:{broker.port}"
        (said,) = say("replay", "--broker", address)
        assert said == "1 sent through again; what still cannot be used is listed anew"
        # it is as unusable as before, and stands there anew: it is not sent in circles
        wait_until(lambda: len(kept(data)) == 2)
        newest, first = kept(data)
        assert (newest.replayed_at_us, first.replayed_at_us is None) == (None, False)
        assert newest.letter.payload == first.letter.payload == b"<xml>\xff</xml>"
    missing = CliRunner().invoke(app, ["dead-letters", "show", "99", "--data", str(data)])
    assert missing.exit_code == 2
    assert "no dead letter has the number 99" in missing.output
