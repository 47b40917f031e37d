"""Excel in and out: the one place that knows the format.

What comes in was made by somebody else: it is bounded before it is read, no formula is run, and a file that
brings its own XML entities is refused. What goes out holds text as text: a name that begins with "=" must
not become a formula on the reader's machine.
"""

import contextlib
import math
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.parsers import expat

if TYPE_CHECKING:
    from openpyxl.cell import Cell as WrittenCell
    from openpyxl.worksheet.worksheet import Worksheet

Cell = str | float | int | bool | datetime | date | time | None

MIB: Final = 2**20
FILE_BYTES_AT_MOST: Final = 20 * MIB
UNPACKED_BYTES_AT_MOST: Final = 48 * MIB  # a sheet of 100,000 cells has some 6 MiB
PARTS_AT_MOST: Final = 2_000
CELLS_AT_MOST: Final = 100_000
# the square from A1 to the last cell: one cell far below makes millions that must be looked at
SQUARE_AT_MOST: Final = 400_000
_ROWS_PER_SHEET: Final = 1_048_575  # under the headings
_TEXT_AT_MOST: Final = 32_767  # that a cell holds

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # no cell may hold them
_LIKE_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NOT_IN_A_TITLE: Final = re.compile(r"[\\/*?:\[\]]")
_WIDEST: Final = 60


class BadWorkbook(ValueError):
    """A file that cannot be read as Excel; one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    number: int  # as Excel counts them
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Its rows that hold something. A merged cell's value stands in every cell that it covers."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet with one row of headings; every row is as long as they are."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]


def write_sheet(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """An .xlsx file: headings fixed at the top with a filter, columns wide enough to read. A moment is
    written by the clock of its own zone. Raises ValueError where there are more rows than a sheet holds."""
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = _NOT_IN_A_TITLE.sub(" ", title)[:31] or "1"
    widths = [0] * len(headings)
    for number, values in enumerate((headings, *_bounded(rows)), start=1):
        for column, value in enumerate(values, start=1):
            cell = sheet.cell(number, column)
            _put(cell, value)
            widths[column - 1] = max(widths[column - 1], _width(cell.value))
    for column, width in enumerate(widths, start=1):
        sheet.cell(1, column).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = min(width + 2, _WIDEST)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    content = BytesIO()
    workbook.save(content)
    return content.getvalue()


def read_workbook(source: Path | bytes) -> tuple[Sheet, ...]:
    """Every sheet, in order, with the values that were shown; no formula is computed. Raises BadWorkbook."""
    from openpyxl import load_workbook

    content = _content(source)
    _refuse_what_would_harm(content)
    with _anything_wrong_is_a_bad_workbook():
        workbook = load_workbook(BytesIO(content), data_only=True, keep_links=False)
        try:
            sheets = [_refuse_too_large(sheet) for sheet in workbook.worksheets]
            return tuple(Sheet(sheet.title, tuple(_rows(sheet))) for sheet in sheets)
        finally:
            workbook.close()


def read_sheet(source: Path | bytes) -> Table:
    """The first sheet; its first row that holds something are the headings. Raises BadWorkbook."""
    sheets = read_workbook(source)
    if not sheets or not sheets[0].rows:
        raise BadWorkbook("the first sheet is empty: write headings in its first row")
    first, *rest = sheets[0].rows
    headings = tuple(text_of(cell) for cell in first.cells)
    while headings and not headings[-1]:
        headings = headings[:-1]
    for position, heading in enumerate(headings):
        if heading and heading in headings[:position]:
            raise BadWorkbook(
                f"sheet {sheets[0].title!r} row {first.number}: heading {heading!r} stands twice"
            )
    rows = tuple(Row(row.number, _as_long_as(headings, row.cells)) for row in rest)
    return Table(sheets[0].title, headings, rows)


def text_of(cell: Cell) -> str:
    """As a person reads it: no blanks around, and a whole number without its point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()


def _as_long_as(headings: Sequence[str], cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    return (*cells[: len(headings)], *(None,) * (len(headings) - len(cells)))


def _bounded(rows: Iterable[Sequence[object]]) -> Iterator[Sequence[object]]:
    for count, row in enumerate(rows, start=1):
        if count > _ROWS_PER_SHEET:
            raise ValueError(f"a sheet holds {_ROWS_PER_SHEET} rows: choose a shorter time")
        yield row


def _put(cell: "WrittenCell | Any", value: object) -> None:
    plain = _plain(value)
    cell.value = plain
    if isinstance(plain, str):
        cell.data_type = "s"  # else "=1+1" would be a formula
        # for whoever edits the cell or saves the sheet as CSV
        cell.quotePrefix = plain.startswith(_LIKE_A_FORMULA)
    elif isinstance(plain, datetime):
        cell.number_format = "yyyy-mm-dd hh:mm:ss"


def _plain(value: object) -> Cell:
    match value:
        case None | bool() | date() | time() if not isinstance(value, datetime):
            return value
        case datetime():
            return value.replace(tzinfo=None)  # Excel has no zones
        case Enum():
            return _plain(value.value)
        case float():
            return value if math.isfinite(value) else None
        case int():
            # beyond this Excel would round it, and an id would be another one
            return value if abs(value) < 10**15 else str(value)
    return _CONTROL.sub("", str(value))[:_TEXT_AT_MOST]


def _width(value: object) -> int:
    """In characters; a Chinese one is as wide as two."""
    lines = str("" if value is None else value).splitlines() or [""]
    return max(sum(2 if ord(each) > 0x2E80 else 1 for each in line) for line in lines)


def _content(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        content = source
    else:
        try:
            with source.open("rb") as file:
                content = file.read(FILE_BYTES_AT_MOST + 1)
        except OSError as error:
            raise BadWorkbook(f"{source} cannot be read: {error.strerror}") from error
    if len(content) > FILE_BYTES_AT_MOST:
        raise BadWorkbook(f"the file is larger than {FILE_BYTES_AT_MOST // MIB} MiB: split it")
    return content


def _refuse_what_would_harm(content: bytes) -> None:
    """Before anything parses it. A zip's reader gives no more of a part than its directory says."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise BadWorkbook(
            "this is an old .xls file or has a password: save it as .xlsx without one"
        )
    with _anything_wrong_is_a_bad_workbook(), zipfile.ZipFile(BytesIO(content)) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS_AT_MOST or (
            sum(part.file_size for part in parts) > UNPACKED_BYTES_AT_MOST
        ):
            raise BadWorkbook(
                f"the workbook unpacks to more than {UNPACKED_BYTES_AT_MOST // MIB} MiB:"
                " copy what is needed into a new one"
            )
        for part in parts:
            _Glance(part.filename).at(archive.read(part))


class _Glance:
    """A first look at one part: what would fill the memory when the library reads it is refused before.

    Every part is looked at, whatever its name: the workbook itself says which of them are sheets."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._cells = 0

    def at(self, part: bytes) -> None:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._declared
        parser.StartElementHandler = self._began
        with contextlib.suppress(expat.ExpatError):  # a picture; a broken sheet the library reports
            parser.Parse(part, True)

    def _declared(self, *_: object) -> None:
        # Excel writes none; entities that expand each other make gigabytes of a few lines
        raise BadWorkbook(f"the workbook declares entities in {self._name}: save it anew in Excel")

    def _began(self, name: str, attributes: dict[str, str]) -> None:
        element = name.rpartition(":")[2]
        if element == "c":
            self._cells += 1
        elif element == "mergeCell":
            self._cells += _cells_in(attributes.get("ref", ""))
        if self._cells > CELLS_AT_MOST:
            raise BadWorkbook(
                f"the workbook has more than {CELLS_AT_MOST} cells in {self._name}, or merges them:"
                " delete what is empty, or split it"
            )


def _cells_in(reference: str) -> int:
    from openpyxl.utils import range_boundaries

    try:
        left, top, right, bottom = range_boundaries(reference)
    except (ValueError, TypeError):
        return 0  # the library refuses it
    if left is None or top is None or right is None or bottom is None:
        return CELLS_AT_MOST + 1  # whole columns
    return (right - left + 1) * (bottom - top + 1)


def _refuse_too_large(sheet: "Worksheet") -> "Worksheet":
    if sheet.max_row * sheet.max_column > SQUARE_AT_MOST:
        raise BadWorkbook(
            f"sheet {sheet.title!r} reaches to row {sheet.max_row}, column {sheet.max_column}:"
            " delete the empty rows and columns at its end, or split it"
        )
    return sheet


def _rows(sheet: "Worksheet") -> Iterator[Row]:
    merged = dict(_merged(sheet))
    for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells: list[Cell] = [
            _known(merged.get((number, column)) if value is None else value)
            for column, value in enumerate(values, start=1)
        ]
        while cells and _is_empty(cells[-1]):
            cells.pop()
        if cells:
            yield Row(number, tuple(cells))


def _merged(sheet: "Worksheet") -> Iterator[tuple[tuple[int, int], Any]]:
    """The value of each cell that a merged one covers. Only inside the square that holds something."""
    for merged in sheet.merged_cells.ranges:
        value = sheet.cell(merged.min_row, merged.min_col).value
        for row in range(merged.min_row, min(merged.max_row, sheet.max_row) + 1):
            for column in range(merged.min_col, min(merged.max_col, sheet.max_column) + 1):
                yield (row, column), value


def _known(value: Any) -> Cell:
    known = isinstance(value, str | float | int | datetime | date | time | None)
    return value if known else str(value)


def _is_empty(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


@contextlib.contextmanager
def _anything_wrong_is_a_bad_workbook() -> Iterator[None]:
    """A library that meets a strange file raises what it will: KeyError, XML and zip errors, ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions that it leaves out
            yield
    except BadWorkbook:
        raise
    except (Exception, RecursionError) as error:
        raise BadWorkbook("the file is no Excel workbook (.xlsx), or it is damaged") from error
