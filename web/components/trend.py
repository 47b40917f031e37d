"""The one trend: readings of a point with its limits and its alarms, by ECharts from the package."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from domain.assets import Point
from domain.clock import to_datetime
from domain.wording import condition_word
from storage.records import RecordedEvent

_COLOURS = {"HH": "#c62828", "H": "#ef6c00", "L": "#ef6c00", "LL": "#c62828"}


def trend_options(
    point: Point,
    history: Mapping[str, Sequence[Any]],
    events: Iterable[RecordedEvent],
    window: tuple[int, int],
    language: str,
    zone: tzinfo,
) -> dict[str, Any]:
    """ECharts options. Its times are milliseconds, and the wall clock is the plant's, wherever one looks."""

    def wall(at_us: int) -> int:
        offset = to_datetime(at_us).astimezone(zone).utcoffset()
        return at_us // 1000 + int(offset.total_seconds() * 1000 if offset else 0)

    contact = point.unit in {"status", "position"}
    return {
        "animation": False,
        "useUTC": True,
        "grid": {"left": 52, "right": 60, "top": 24, "bottom": 48},
        "tooltip": {"trigger": "axis"},
        "xAxis": {
            "type": "time",
            "axisLabel": {"hideOverlap": True},
            "min": wall(window[0]),
            "max": wall(window[1]),
        },
        "yAxis": {"type": "value", "scale": True, "name": "" if contact else point.unit},
        "dataZoom": [{"type": "inside"}, {"type": "slider", "height": 16, "bottom": 6}],
        "series": [
            {
                "type": "line",
                "name": point.signal,
                "step": "end" if contact else False,
                "showSymbol": len(history["times"]) < 40,
                "symbolSize": 5,
                "lineStyle": {"width": 1.6, "color": "#1565c0"},
                "itemStyle": {"color": "#1565c0"},
                "data": [
                    [wall(at), value]
                    for at, value in zip(history["times"], history["values"], strict=True)
                ],
                "markLine": _limits(point, language, contact),
                "markArea": _alarms(events, window, wall),
            }
        ],
    }


def _limits(point: Point, language: str, contact: bool) -> dict[str, Any]:
    lines = [
        {
            "yAxis": limit.value,
            "name": condition_word(limit.condition, language),
            "lineStyle": {
                "color": _COLOURS.get(limit.condition.value, "#78909c"),
                "type": "dashed",
            },
            "label": {"formatter": f"{limit.condition.value} {limit.value:g}"},
        }
        for limit in point.limits
        if not contact
    ]
    return {"symbol": "none", "silent": True, "data": lines}


def _alarms(
    events: Iterable[RecordedEvent], window: tuple[int, int], wall: Callable[[int], int]
) -> dict[str, Any]:
    """From beginning to return, shaded."""
    areas = []
    for event in events:
        end_us = event.cleared.ended_at_us if event.cleared else window[1]
        colour = "rgba(198,40,40,0.12)" if event.raised.priority == 1 else "rgba(239,108,0,0.12)"
        areas.append(
            [
                {
                    "xAxis": wall(event.raised.started_at_us),
                    "name": event.raised.condition.value,
                    "itemStyle": {"color": colour},
                },
                {"xAxis": wall(end_us)},
            ]
        )
    return {"silent": True, "label": {"fontSize": 10}, "data": areas}
