"""Rationalisation records as an Excel sheet: one row for each condition of each point, out and in again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from domain.alarms import Rationale, Rationalisation
from domain.assets import Condition, Point
from domain.clock import MINUTE_US
from domain.ids import PointKey
from domain.wording import condition_word
from service.excel import Table, text_of
from service.site.model import Site

_COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "point": ("测点", "Point"),
    "condition": ("条件", "Condition"),
    "name": ("名称(只读)", "Name (not read)"),
    "cause": ("原因", "Cause"),
    "consequence": ("后果", "Consequence"),
    "action": ("处置措施", "Corrective action"),
    "minutes": ("响应时限(分钟)", "Time to respond (min)"),
    "severity": ("分类", "Class"),
    "by": ("编写人(只读)", "Written by (not read)"),
}
_WRITTEN: Final = ("cause", "consequence", "action", "minutes", "severity")


@dataclass(frozen=True, slots=True)
class ReadRationales:
    """What could be read, and what could not: a sentence for each row."""

    entries: tuple[Rationale, ...]
    problems: tuple[str, ...]


def headings(language: str) -> list[str]:
    return [each[language != "zh-CN"] for each in _COLUMNS.values()]


def sheet_rows(site: Site, written: Iterable[Rationalisation], language: str) -> list[list[object]]:
    """Every condition of every point, empty where nobody has written why it is there."""
    known = {(each.rationale.point, each.rationale.condition): each for each in written}
    return [
        _row(site, point, limit.condition, known.get((point.key, limit.condition)), language)
        for point in site.points
        for limit in point.limits
    ]


def read_rationales(table: Table, points: Iterable[Point]) -> ReadRationales:
    """By the headings in either language; a row of which nothing is written is passed over."""
    place = {heading: column for column, heading in enumerate(table.headings)}
    columns = {
        key: next((place[name] for name in names if name in place), None)
        for key, names in _COLUMNS.items()
    }
    missing = [_COLUMNS[key][1] for key in ("point", "condition") if columns[key] is None]
    if missing:
        return ReadRationales((), (f"the sheet has no column {', '.join(missing)}",))
    conditions = {point.key: {limit.condition for limit in point.limits} for point in points}
    entries: dict[tuple[PointKey, Condition], Rationale] = {}
    problems = []
    for row in table.rows:
        cells = {
            key: "" if column is None else text_of(row.cells[column])
            for key, column in columns.items()
        }
        if not any(cells[key] for key in _WRITTEN):
            continue
        found = _rationale(cells, conditions)
        if isinstance(found, str):
            problems.append(f"row {row.number}: {found}")
        elif (found.point, found.condition) in entries:
            problems.append(f"row {row.number}: {found.point} {found.condition} stands twice")
        else:
            entries[found.point, found.condition] = found
    return ReadRationales(tuple(entries.values()), tuple(problems))


def _row(
    site: Site, point: Point, condition: Condition, known: Rationalisation | None, language: str
) -> list[object]:
    asset = site.assets[point.asset_id]
    name = f"{asset.station} {asset.name} {point.signal} {condition_word(condition, language)}"
    if known is None:
        return [point.key, condition.value, name, "", "", "", None, "", ""]
    told = known.rationale
    within = told.respond_within_us
    minutes = None if within is None else within / MINUTE_US
    return [
        *(point.key, condition.value, name, told.cause, told.consequence, told.action),
        *(minutes, told.severity, known.by),
    ]


def _rationale(
    cells: Mapping[str, str], conditions: Mapping[PointKey, set[Condition]]
) -> Rationale | str:
    """A sentence where it cannot be read."""
    key = PointKey(cells["point"])
    if key not in conditions:
        return f"no point is named {cells['point']!r}"
    if cells["condition"] not in {each.value for each in conditions[key]}:
        return f"{key} has no condition {cells['condition']!r}"
    within_us = None
    if cells["minutes"]:
        try:
            within_us = round(float(cells["minutes"]) * MINUTE_US)
        except (ValueError, OverflowError):
            within_us = -1
        if within_us <= 0:
            return f"{cells['minutes']!r} is no number of minutes"
    return Rationale(
        point=key,
        condition=Condition(cells["condition"]),
        cause=cells["cause"],
        consequence=cells["consequence"],
        action=cells["action"],
        respond_within_us=within_us,
        severity=cells["severity"],
    )
