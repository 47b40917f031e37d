"""`gridwarden backtest`: over a core that runs, over a folder at rest, and with what it cannot do."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from domain.ids import PointKey
from service.beginning import begin
from service.broker import LocalBroker
from service.cli import app
from storage.engines import sqlite_engine
from storage.records import SqlRecords
from tests.support.publishing import Gateway
from tests.support.running import CoreProcess, core, until
from tests.support.sites import CODE, SOURCE, limit, write_site

pytestmark = pytest.mark.mosquitto

POINT = "N/1"
VALUES = (50.0, 81.0, 86.0, 50.0, 83.0, 50.0, 90.0, 50.0)


@pytest.fixture
def site(broker: LocalBroker, tmp_path: Path) -> Path:
    limits = [limit(POINT, "H", 85, priority="major")]
    return write_site(tmp_path / "site", port=broker.port, points=[POINT], limits=limits)


@pytest.fixture
def running(broker: LocalBroker, site: Path, tmp_path: Path) -> Iterator[CoreProcess]:
    """A core that has seen two alarms, seconds apart."""
    begin(tmp_path / "data", site)
    with core(site, tmp_path / "data") as started:
        started.await_connected()
        now_ms = time.time_ns() // 1_000_000 - 60_000
        with Gateway(broker.port, CODE, SOURCE) as gateway:
            for number, value in enumerate(VALUES):
                gateway.say({POINT: value}, now_ms + 1_000 * number)
            started.await_status(
                lambda status: (
                    status["telemetry_seq"] == status["journal_seq"] > 3
                    and status["stored_rows"] == len(VALUES)
                ),
                "all is stored",
            )
        yield started


def backtest(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        app, ["backtest", "--data", str(data), "--language", "en", *arguments]
    )


def event_ids(data: Path) -> list[str]:
    records = SqlRecords(sqlite_engine(data / "records.db", busy_ms=2_000))
    return [str(each.raised.event_id) for each in records.events() if each.raised.point == POINT]


def test_todays_limits_give_the_events_that_were_recorded(running: CoreProcess) -> None:
    until(lambda: len(event_ids(running.data)) == 2, "both alarms are recorded")
    result = backtest(running.data, "--json")
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["event_id"] for each in found] == event_ids(running.data)


def test_a_change_on_paper_over_a_folder_at_rest_enables_nothing(running: CoreProcess) -> None:
    status = running.status()
    assert status
    live = backtest(running.data, "--set", f"{POINT} H value=80", "--json")
    assert running.stop() == 0
    rest = backtest(running.data, "--set", f"{POINT} H value=80", "--json")
    for result in (live, rest):
        assert result.exit_code == 0, result.output
        facts = json.loads(result.stdout)
        assert (facts["before"], facts["after"]) == (2, 3)
        assert [each["limit"] for each in facts["added"]] == [80.0, 80.0]
        assert len(facts["removed"]) == 1  # it begins one reading earlier now: another alarm
    words = backtest(running.data, "--set", f"{POINT} H off")
    assert "removed 2" in words.stdout
    assert "nothing was enabled" in words.stdout
    records = SqlRecords(sqlite_engine(running.data / "records.db", busy_ms=2_000))
    assert records.limit_changes() == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("--set", "N/1 H"), "is no change", id="nothing-changed"),
        pytest.param(("--set", "N/9 H value=1"), "no point is named 'N/9'", id="no-point"),
        pytest.param(("--set", "N/1 HH value=1"), "N/1 has no HH; it has H", id="no-limit"),
        pytest.param(("--set", "N/1 H value=high"), "could not convert", id="no-number"),
        pytest.param(("--set", "N/1 H on_delay=5 years"), "no duration", id="no-duration"),
        pytest.param(("--set", "N/1 H value=85"), "nothing is different", id="the-same"),
        pytest.param(
            ("--from", "2026-11-24 00:00", "--to", "2026-11-23 00:00"), "before", id="time"
        ),
    ],
)
def test_what_cannot_be_tried_is_said_in_one_sentence(
    site: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    data = tmp_path / "data"
    begin(data, site)
    SqlRecords(sqlite_engine(data / "records.db", busy_ms=2_000)).point_numbers([PointKey(POINT)])
    result = backtest(data, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_folder_without_an_installation_is_said(tmp_path: Path) -> None:
    result = backtest(tmp_path / "nothing")
    assert result.exit_code == 2
    assert "holds no records" in result.stderr
