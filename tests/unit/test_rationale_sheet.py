"""Rationalisation records out to Excel and back: what was written comes in, what is wrong is told by row."""

from pathlib import Path

import pytest

from domain.alarms import Rationale, Rationalisation
from domain.assets import Condition
from domain.clock import MINUTE_US
from domain.ids import PointKey
from service.excel import read_sheet, write_sheet
from service.rationale_sheet import headings, read_rationales, sheet_rows
from service.site.load import load
from service.site.model import Site

OIL = PointKey("LY/1T/top_oil_temp")


@pytest.fixture(scope="module")
def site() -> Site:
    return load(Path(__file__).parents[1] / "sites" / "one-station")


def rationale(**more: object) -> Rationale:
    return Rationale(
        point=OIL,
        condition=Condition.HIGH,
        cause="过负荷或冷却故障",
        consequence="=绝缘老化",  # what looks like a formula stays text
        action="投入备用风机",
        respond_within_us=10 * MINUTE_US,
        severity=str(more.get("severity", "A")),
    )


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_goes_out_comes_in_again(site: Site, language: str) -> None:
    written = [Rationalisation(rationale=rationale(), by="chief", at_us=1)]
    rows = sheet_rows(site, written, language)
    assert len(rows) == sum(len(point.limits) for point in site.points)
    table = read_sheet(write_sheet("x", headings(language), rows))
    found = read_rationales(table, site.points)
    assert found.problems == ()
    assert found.entries == (rationale(),)


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        pytest.param(["LY/9T/oil", "H", "x", ""], "no point is named 'LY/9T/oil'", id="point"),
        pytest.param([OIL, "LL", "x", ""], "has no condition 'LL'", id="condition"),
        pytest.param([OIL, "H", "x", "soon"], "'soon' is no number of minutes", id="words"),
        pytest.param([OIL, "H", "x", -1], "is no number of minutes", id="before-it-began"),
    ],
)
def test_what_is_wrong_is_told_with_its_row(site: Site, cells: list[object], says: str) -> None:
    table = read_sheet(
        write_sheet("x", ["Point", "Condition", "Cause", "Time to respond (min)"], [cells])
    )
    found = read_rationales(table, site.points)
    (problem,) = found.problems
    assert problem.startswith("row 2: ")
    assert says in problem


def test_a_row_that_stands_twice_and_a_sheet_without_points_are_told(site: Site) -> None:
    twice = [[OIL, "H", "x"], [OIL, "H", "y"]]
    found = read_rationales(
        read_sheet(write_sheet("x", ["测点", "条件", "原因"], twice)), site.points
    )
    assert found.problems == (f"row 3: {OIL} H stands twice",)
    nothing = read_rationales(read_sheet(write_sheet("x", ["a"], [["b"]])), site.points)
    assert nothing.problems == ("the sheet has no column Point, Condition",)


def test_rows_of_which_nothing_is_written_are_passed_over(site: Site) -> None:
    table = read_sheet(write_sheet("x", headings("en"), sheet_rows(site, [], "en")))
    assert read_rationales(table, site.points).entries == ()
