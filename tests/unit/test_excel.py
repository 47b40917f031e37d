"""Excel in and out: what people write is read, what would harm is refused with a sentence."""

import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from domain.assets import AlarmClass, Priority
from service.excel import (
    CELLS_AT_MOST,
    BadWorkbook,
    Row,
    read_sheet,
    read_workbook,
    text_of,
    write_sheet,
)


def made(fill: Callable[[Worksheet], None]) -> bytes:
    workbook = Workbook()
    assert isinstance(workbook.active, Worksheet)
    fill(workbook.active)
    content = BytesIO()
    workbook.save(content)
    return content.getvalue()


def with_part(workbook: bytes, name: str, part: bytes) -> bytes:
    """The workbook with one of its parts replaced."""
    content = BytesIO()
    with zipfile.ZipFile(BytesIO(workbook)) as before, zipfile.ZipFile(content, "w") as after:
        for each in before.namelist():
            after.writestr(each, part if each == name else before.read(each), zipfile.ZIP_DEFLATED)
    return content.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
XML = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%s</worksheet>'
PLAIN = write_sheet("测点", ["点号", "值"], [["a", 1]])


def sheet_of(inside: bytes) -> bytes:
    return with_part(PLAIN, SHEET, XML % inside)


def test_what_was_written_is_read_again() -> None:
    rows = [
        ["1号主变油温", 85.5, 7, True, None, datetime(2026, 7, 31, 12, 30), date(2026, 7, 31)],
        ["", -1, 0.1, False, "第二行\n换行", None, None],
    ]

    table = read_sheet(write_sheet("限值/测点", list("abcdefg"), rows))

    assert (table.title, table.headings) == ("限值 测点", tuple("abcdefg"))
    assert [row.number for row in table.rows] == [2, 3]
    # a day comes back as its midnight: Excel has one kind of moment
    assert table.rows[0].cells == (*rows[0][:6], datetime(2026, 7, 31))
    assert table.rows[1].cells == (None, *rows[1][1:])


@pytest.mark.parametrize(
    ("value", "read"),
    [
        pytest.param(Priority.URGENT, 1, id="a-number-of-ours"),
        pytest.param(AlarmClass.FAULT, "fault", id="a-word-of-ours"),
        pytest.param(UUID(int=7), str(UUID(int=7)), id="an-id"),
        pytest.param(float("nan"), None, id="not-a-number"),
        pytest.param(float("inf"), None, id="without-end"),
        pytest.param(10**17 + 1, str(10**17 + 1), id="a-number-that-excel-would-round"),
        pytest.param("a\x00b\x1f", "ab", id="control-characters"),
        pytest.param("长" * 40_000, "长" * 32_767, id="longer-than-a-cell"),
        pytest.param(
            datetime(2026, 7, 31, 12, tzinfo=timezone(timedelta(hours=8))),
            datetime(2026, 7, 31, 12),
            id="a-moment-by-its-own-clock",
        ),
        pytest.param(datetime(2026, 7, 31, tzinfo=UTC), datetime(2026, 7, 31), id="a-moment-utc"),
    ],
)
def test_a_value_is_written_as_excel_can_hold_it(value: object, read: object) -> None:
    (row,) = read_sheet(write_sheet("t", ["a", "b"], [[value, "end"]])).rows

    assert row.cells == (read, "end")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "\tx"])
def test_a_text_that_looks_like_a_formula_stays_text(text: str) -> None:
    content = write_sheet("t", [text], [[text]])

    sheet = load_workbook(BytesIO(content)).worksheets[0]
    for cell in (sheet["A1"], sheet["A2"]):
        assert (cell.value, cell.data_type, cell.quotePrefix) == (text, "s", True)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert b"<f>" not in archive.read(SHEET)


def test_a_formula_that_comes_in_is_not_computed() -> None:
    content = made(lambda sheet: sheet.append(["a", "=1/0", '=WEBSERVICE("http://127.0.0.1/")', 4]))

    assert read_workbook(content)[0].rows == (Row(1, ("a", None, None, 4)),)


def test_empty_rows_are_left_out_and_the_others_keep_their_numbers() -> None:
    def fill(sheet: Worksheet) -> None:
        sheet["A1"], sheet["A4"], sheet["B4"], sheet["A6"] = "点号", 4, "  ", " "

    table = read_sheet(made(fill))

    assert table.rows == (Row(4, (4,)),)


def test_a_merged_cell_stands_in_every_cell_that_it_covers() -> None:
    def fill(sheet: Worksheet) -> None:
        sheet.append(["间隔", "信号"])
        sheet.append(["113联合站线", "Ia"])
        sheet.append([None, "Ib"])
        sheet.append([None, "Ic"])
        sheet.merge_cells("A2:A4")

    rows = read_workbook(made(fill))[0].rows

    assert [row.cells[0] for row in rows] == ["间隔", *["113联合站线"] * 3]


def test_two_headings_alike_are_refused() -> None:
    with pytest.raises(BadWorkbook, match="sheet 't' row 1: heading 'a' stands twice"):
        read_sheet(write_sheet("t", ["a", "b", "a"], []))


def test_an_empty_sheet_is_refused() -> None:
    with pytest.raises(BadWorkbook, match="the first sheet is empty"):
        read_sheet(made(lambda sheet: None))


def test_a_path_is_read_and_a_missing_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(PLAIN)

    assert read_sheet(tmp_path / "a.xlsx").headings == ("点号", "值")
    with pytest.raises(BadWorkbook, match=r"b\.xlsx cannot be read: No such file"):
        read_sheet(tmp_path / "b.xlsx")


def entities(encoding: str = "utf-8") -> bytes:
    """Each is ten times the one before: a gigabyte from a few lines."""
    lines = ['<!ENTITY a0 "aaaaaaaaaa">']
    lines += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9)]
    row = '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&a8;</t></is></c></row></sheetData>'
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [{"".join(lines)}]>'
    return (text + (XML % row.encode()).decode()).encode(encoding)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "is no Excel workbook", id="nothing"),
        pytest.param("点号,值\n".encode(), "is no Excel workbook", id="a-csv"),
        pytest.param(PLAIN[:-200], "is no Excel workbook", id="cut-off"),
        pytest.param(b"\xd0\xcf\x11\xe0" + bytes(600), "save it as .xlsx", id="an-old-xls"),
        pytest.param(with_part(PLAIN, SHEET, b"<a"), "is no Excel workbook", id="broken-xml"),
        pytest.param(bytes(20 * 2**20 + 1), "larger than 20 MiB", id="too-large"),
        pytest.param(
            with_part(PLAIN, SHEET, b" " * 60 * 2**20), "unpacks to more", id="a-zip-bomb"
        ),
        pytest.param(with_part(PLAIN, SHEET, entities()), "declares entities", id="entities"),
        pytest.param(
            with_part(PLAIN, SHEET, entities("utf-16")), "declares entities", id="entities-utf-16"
        ),
        pytest.param(
            with_part(PLAIN, SHEET, entities("cp037")), "is no Excel workbook", id="entities-ebcdic"
        ),
        pytest.param(
            with_part(PLAIN, "xl/workbook.xml", entities()), "xl/workbook.xml", id="another-part"
        ),
        pytest.param(
            sheet_of(b'<sheetData/><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'),
            "or merges them",
            id="everything-merged",
        ),
        pytest.param(
            sheet_of(b'<sheetData/><mergeCells><mergeCell ref="A:A"/></mergeCells>'),
            "or merges them",
            id="a-column-merged",
        ),
        pytest.param(
            sheet_of(b'<sheetData><row r="1"><c r="XFD1048576"><v>1</v></c></row></sheetData>'),
            "delete the empty rows and columns",
            id="a-cell-far-away",
        ),
        pytest.param(
            sheet_of(b"<sheetData><row>" + b"<c/>" * (CELLS_AT_MOST + 1) + b"</row></sheetData>"),
            "more than 100000 cells",
            id="too-many-cells",
        ),
    ],
)
def test_a_file_that_would_harm_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(BadWorkbook, match=says):
        read_workbook(content)


@given(st.binary(max_size=300))
def test_no_bytes_bring_anything_but_a_sentence(content: bytes) -> None:
    with pytest.raises(BadWorkbook):
        read_workbook(content)


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), max_size=5))
def test_any_text_can_be_written_and_read(rows: list[list[str]]) -> None:
    read_sheet(write_sheet("t", ["a", "b"], rows))


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, ""), (1.0, "1"), (1.5, "1.5"), (" a ", "a"), (7, "7"), (1e300, "1e+300")],
)
def test_a_cell_reads_as_a_person_sees_it(cell: float | str | None, text: str) -> None:
    assert text_of(cell) == text
