"""`gridwarden report` and `who` on a data folder: as text, for a program, as a sheet, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from domain.changes import Changes
from domain.clock import MINUTE_US, system_clock, to_datetime
from domain.logbook import LogEntry, LogKind, PhoneOrder
from domain.responsibility import Reason
from linkage.rosters import duties
from linkage.watches import watch_of
from service.beginning import begin, stored_records
from service.cli import BAD_INPUT, app
from service.excel import read_sheet
from service.site.load import load
from tests.support.console import EXAMPLE

STATION = "110kV石坪变"


def gridwarden(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trip and an order of today; the station's shift of yesterday has not handed over."""
    data = tmp_path_factory.mktemp("report") / "data"
    begin(data, EXAMPLE)
    now_us, site = system_clock(), load(EXAMPLE)
    trip = LogEntry(
        entry_id=UUID(int=1),
        station=STATION,
        kind=LogKind.TRIP,
        at_us=now_us,
        written_at_us=now_us,
        what=Reason.of("trip", place=f"{STATION} 111集输站一线", signal="断路器位置"),
    )
    order = PhoneOrder(giver="地调", receiver="正值", given_at_us=now_us)
    told = replace(
        trip, entry_id=UUID(int=2), kind=LogKind.ORDER_RECEIVED, what=None, text="x", order=order
    )
    (post,) = [each for each in site.plan().posts if each.post_id == "sp"]
    (roster,) = [each for each in site.organisation.rosters if each.roster_id == "sp"]
    (yesterday,) = duties(roster, now_us - 24 * 60 * MINUTE_US, site.zone)
    watch = watch_of(yesterday, post, yesterday.starts_us, None)
    stored_records(data).commit(Changes(log=[trip, told], watches=[watch]), 1)
    return data


def today() -> str:
    return to_datetime(system_clock()).astimezone(load(EXAMPLE).zone).date().isoformat()


def test_a_day_is_told_in_both_languages(data: Path) -> None:
    chinese = gridwarden("report", "--day", today(), "--data", data)
    assert chinese.exit_code == 0, chinese.output
    assert "事故跳闸: 1" in chinese.output
    assert "111集输站一线 断路器位置 事故跳闸" in chinese.output
    english = gridwarden("report", "--day", today(), "--data", data, "--language", "en")
    assert "trips: 1" in english.output
    assert "orders received: 1" in english.output


def test_a_day_is_told_to_a_program_and_in_a_sheet(data: Path, tmp_path: Path) -> None:
    told = gridwarden("report", "--day", today(), "--data", data, "--station", STATION, "--json")
    facts = json.loads(told.output)
    assert facts["station"] == STATION
    assert facts["figures"]["trips"]["value"] == 1
    assert f"station IN ('{STATION}')" in facts["figures"]["trips"]["query"]
    sheet = tmp_path / "day.xlsx"
    written = gridwarden("report", "--day", today(), "--data", data, "--excel", sheet)
    assert written.exit_code == 0, written.output
    rows = {row.cells[0]: row.cells[1] for row in read_sheet(sheet).rows}
    assert rows["受令"] == 1


def test_yesterday_is_reported_without_a_day(data: Path) -> None:
    assert json.loads(gridwarden("report", "--data", data, "--json").output)["day"] < today()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("--day", "gestern"), "write it as in 2026-11-24", id="no-day"),
        pytest.param(("--station", "110kV石坪"), "did you mean", id="no-station"),
        pytest.param(("--excel", "/nowhere/day.xlsx"), "/nowhere/day.xlsx", id="no-folder"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence(
    data: Path, arguments: tuple[str, str], says: str
) -> None:
    result = gridwarden("report", "--data", data, *arguments)
    assert result.exit_code in {1, BAD_INPUT}
    assert says in result.output
    assert "Traceback" not in result.output


def test_who_says_that_the_old_shift_still_answers(data: Path) -> None:
    told = gridwarden("who", "SP/1T", "--data", data)
    assert told.exit_code == 0, told.output
    assert "石坪变值班 尚未交接班" in told.output
    folder = gridwarden("who", "SP/1T", "--site", EXAMPLE)
    assert "尚未交接班" not in folder.output
