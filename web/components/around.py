"""What telemetry said around a moment: points of the place, one above the other on one time line."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

from nicegui import ui

from domain.assets import Point
from domain.clock import to_datetime
from domain.ids import AssetId
from service.local_socket import CoreUnreachable, RequestRefused
from web.shell import Visit

_POINTS_AT_MOST: Final = 5
_DOTS: Final = 600
_HEIGHT: Final = 74  # of one point, in pixels
_CONTACTS: Final = frozenset({"status", "position"})
History = Mapping[str, Sequence[Any]]


def telemetry_around(
    visit: Visit, asset_id: AssetId, window: tuple[int, int], marked: tuple[int, int]
) -> None:
    """`marked`: the stretch that it is about."""
    points = points_near(visit, asset_id)
    nothing = ui.label(visit.say("reviews.no_telemetry")).classes("gw-soft")
    chart = ui.echart({}).style("width:100%")
    chart.set_visibility(False)

    async def draw() -> None:
        # core may be slow to answer: other pages must not wait for it
        found = await asyncio.to_thread(_read, visit, points, window)
        nothing.set_visibility(not found)
        chart.set_visibility(bool(found))
        if found:
            chart.style(f"height:{60 + len(found) * _HEIGHT}px")
            chart.options.update(options(found, window, marked, visit.console.site.zone))
            chart.update()

    ui.timer(0.1, draw, once=True)


def points_near(visit: Visit, asset_id: AssetId) -> list[Point]:
    """Of the device, then of its bay, then of its station; contacts first, since they moved or did not."""
    plan, asset = visit.console.plan, visit.console.asset(asset_id)

    def nearness(point: Point) -> tuple[bool, bool, bool, str]:
        there = plan.asset(point.asset_id)
        same_bay = bool(asset.bay) and there.bay == asset.bay
        return point.asset_id != asset_id, not same_bay, point.unit not in _CONTACTS, point.key

    here = [
        point
        for point in plan.points.values()
        if plan.asset(point.asset_id).station == asset.station
    ]
    return sorted(here, key=nearness)[: 3 * _POINTS_AT_MOST]


def _read(
    visit: Visit, points: Iterable[Point], window: tuple[int, int]
) -> list[tuple[Point, History]]:
    """Those that said something, as many as fit."""
    found: list[tuple[Point, History]] = []
    for point in points:
        try:
            history = visit.console.core.history(point.key, *window, _DOTS)
        except (CoreUnreachable, RequestRefused):
            return found
        if history["times"]:
            found.append((point, history))
        if len(found) == _POINTS_AT_MOST:
            break
    return found


def options(
    found: Sequence[tuple[Point, History]],
    window: tuple[int, int],
    marked: tuple[int, int],
    zone: tzinfo,
) -> dict[str, Any]:
    """ECharts options: one grid per point, one time for all; the wall clock is the plant's."""

    def wall(at_us: int) -> int:
        offset = to_datetime(at_us).astimezone(zone).utcoffset()
        return at_us // 1000 + int(offset.total_seconds() * 1000 if offset else 0)

    rows = range(len(found))
    last = len(found) - 1
    return {
        "animation": False,
        "useUTC": True,
        "tooltip": {"trigger": "axis"},
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "title": [
            {
                "text": _named(point),
                "left": 44,
                "top": row * _HEIGHT,
                "padding": 2,
                "textStyle": {"fontSize": 11, "fontWeight": "normal"},
            }
            for row, (point, _) in enumerate(found)
        ],
        "grid": [
            {"left": 48, "right": 16, "top": 24 + row * _HEIGHT, "height": _HEIGHT - 34}
            for row in rows
        ],
        "xAxis": [
            {
                "type": "time",
                "gridIndex": row,
                "min": wall(window[0]),
                "max": wall(window[1]),
                "axisLabel": {"show": row == last, "hideOverlap": True},
            }
            for row in rows
        ],
        "yAxis": [
            {"type": "value", "gridIndex": row, "scale": True, "splitNumber": 2} for row in rows
        ],
        "series": [
            _series(row, point, history, marked, wall) for row, (point, history) in enumerate(found)
        ],
    }


def _named(point: Point) -> str:
    unit = {"degC": "℃", "percent": "%"}.get(point.unit, point.unit)
    return point.signal if point.unit in _CONTACTS else f"{point.signal} {unit}".strip()


def _series(
    row: int,
    point: Point,
    history: History,
    marked: tuple[int, int],
    wall: Callable[[int], int],
) -> dict[str, Any]:
    return {
        "type": "line",
        "name": point.signal,
        "xAxisIndex": row,
        "yAxisIndex": row,
        "step": "end" if point.unit in _CONTACTS else False,
        "showSymbol": len(history["times"]) < 40,
        "symbolSize": 4,
        "lineStyle": {"width": 1.4, "color": "#1565c0"},
        "itemStyle": {"color": "#1565c0"},
        "data": [
            [wall(at), value] for at, value in zip(history["times"], history["values"], strict=True)
        ],
        "markArea": {
            "silent": True,
            "itemStyle": {"color": "rgba(198,40,40,0.18)"},
            "data": [[{"xAxis": wall(marked[0])}, {"xAxis": wall(marked[1])}]],
        },
    }
