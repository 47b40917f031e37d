"""A month of a roster goes out as Excel and comes back: only what was changed is planned."""

from collections.abc import Callable
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from domain.arrangements import PlannedDay
from domain.reasons import reason_text
from domain.requests import PlanDays
from service.excel import read_sheet, write_sheet
from service.roster_sheet import ReadMonth, days_of_month, month_sheet, read_month
from tests.support.alarms import BEIJING
from tests.support.people import A1, C1, PEOPLE, WATCH, People

JUNE = date(2026, 6, 1)
NAMES = {each.person_id: each.name for each in PEOPLE.persons}


def sheet(people: People, language: str = "zh-CN") -> bytes:
    return write_sheet("watch", *month_sheet(people.who, WATCH, JUNE, NAMES, language))


def read(content: bytes, people: People) -> ReadMonth:
    return read_month(read_sheet(content), people.who, WATCH, PEOPLE.persons, people.at_us, BEIJING)


def edited(content: bytes, **cells: Any) -> bytes:
    workbook = load_workbook(BytesIO(content))
    for address, value in cells.items():
        workbook.worksheets[0][address] = value
    changed = BytesIO()
    workbook.save(changed)
    return changed.getvalue()


def problems(found: ReadMonth, language: str = "en") -> list[str]:
    return [f"{each.cell}: {reason_text(each.why, language)}" for each in found.problems]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_what_goes_out_and_comes_back_plans_nothing(language: str) -> None:
    people = People()
    table = read_sheet(sheet(people, language))
    assert len(table.headings) == 2 + 30
    assert [str(each) for each in table.rows[0].cells[:5]] == [
        *("a1", "岗位a1", "白班", "夜班", "休" if language == "zh-CN" else "rest")
    ]
    found = read(sheet(people, language), people)
    assert (found.planned.days, found.problems) == ((), ())


@pytest.mark.parametrize(
    ("address", "value", "expected"),
    [
        pytest.param("D6", "休", (C1, date(2026, 6, 2), ()), id="rest"),
        pytest.param("D6", "夜班", (C1, date(2026, 6, 2), ("夜班",)), id="another-shift"),
        pytest.param("D6", "白班、夜班", (C1, date(2026, 6, 2), ("白班", "夜班")), id="two-shifts"),
        pytest.param("D6", "白班", None, id="as-it-is"),
        pytest.param("D6", None, None, id="empty-says-nothing"),
        pytest.param("AF2", "白班", (A1, date(2026, 6, 30), ("白班",)), id="the-last-day"),
    ],
)
def test_only_what_was_changed_is_planned(
    address: str, value: str | None, expected: tuple[str, date, tuple[str, ...]] | None
) -> None:
    people = People()
    found = read(edited(sheet(people), **{address: value}), people)
    assert problems(found) == []
    wanted = [] if expected is None else [expected]
    assert [(each.person_id, each.duty_date, each.shifts) for each in found.planned.days] == wanted


@pytest.mark.parametrize(
    ("address", "value", "said"),
    [
        pytest.param("D6", "早班", "D6: no shift is named 早班; there are 白班", id="no-shift"),
        pytest.param("C2", "休", "C2: 白班 of 2026-06-01 has begun", id="has-begun"),
        pytest.param("A6", "c9", "A6: there is no person c9", id="nobody"),
        pytest.param("A6", "a1", "A6: a1 has two rows", id="twice"),
        pytest.param("E1", "Wednesday", "E1: Wednesday is no day", id="no-day"),
        pytest.param("A1", "Who", "A1: the first column must be headed", id="another-sheet"),
        pytest.param("D6", 7, "D6: no shift is named 7", id="a-number"),
    ],
)
def test_a_mistake_is_told_with_its_cell(address: str, value: object, said: str) -> None:
    people = People()
    found = read(edited(sheet(people), **{address: value}), people)
    assert len(problems(found)) == 1
    assert problems(found)[0].startswith(said)
    assert problems(found, "zh-CN")[0].startswith(address)


def test_days_that_excel_made_dates_of_are_read() -> None:
    people = People()
    content = edited(sheet(people), D1=date(2026, 6, 2), D6="休")
    found = read(content, people)
    assert [each.duty_date for each in found.planned.days] == [date(2026, 6, 2)]


def test_a_person_may_be_written_by_name() -> None:
    people = People()
    found = read(edited(sheet(people), A6="岗位c1", D6="休"), people)
    assert [each.person_id for each in found.planned.days] == [C1]


def test_what_was_read_is_taken_by_the_desk_and_then_it_goes_out() -> None:
    people = People()
    found = read(edited(sheet(people), D6="夜班"), people)
    people.does(PlanDays(planned=found.planned))
    again = read_sheet(sheet(people))
    (row,) = [each for each in again.rows if each.cells[0] == C1]
    assert row.cells[3] == "夜班"
    assert isinstance(found.planned.days[0], PlannedDay)


def _empty() -> bytes:
    content = BytesIO()
    workbook = Workbook()
    assert workbook.active is not None
    workbook.active["A1"] = "x"
    workbook.save(content)
    return content.getvalue()


@pytest.mark.parametrize("made", [_empty], ids=["another-workbook"])
def test_another_workbook_is_told_to_be_one(made: Callable[[], bytes]) -> None:
    found = read(made(), People())
    assert [each.cell for each in found.problems] == ["A1"]


@pytest.mark.parametrize(
    ("month", "days"), [(date(2026, 2, 3), 28), (date(2028, 2, 1), 29), (date(2026, 12, 31), 31)]
)
def test_the_days_of_a_month(month: date, days: int) -> None:
    found = days_of_month(month)
    assert (len(found), found[0].day, found[-1].month) == (days, 1, month.month)
