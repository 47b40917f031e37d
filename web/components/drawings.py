"""Drawings of a finding as SVG: the Duval triangle, and measured against expected over time. Pure."""

from collections.abc import Sequence
from datetime import tzinfo
from html import escape
from typing import Final

from detectors.judgement.dga import TRIANGLE_1, Fault
from domain.clock import to_datetime
from domain.findings import Drawing
from domain.wording import quantity

_SIDE: Final = 300.0
_HEIGHT: Final = _SIDE * 3**0.5 / 2
_MARGIN: Final = 40.0
_ZONES: Final = {
    Fault.PD: "#b39ddb",
    Fault.T1: "#fff3cd",
    Fault.T2: "#ffd180",
    Fault.T3: "#ffab91",
    Fault.DT: "#e0e0e0",
    Fault.D1: "#b3e5fc",
    Fault.D2: "#81d4fa",
}
_TWO_DAYS_US: Final = 2 * 86_400_000_000
_MEASURED: Final = "#1565c0"
_EXPECTED: Final = "#6a1b9a"
_LIMIT: Final = "#c62828"
_INK: Final = "#37474f"


def _place(ch4: float, c2h2: float, c2h4: float) -> tuple[float, float]:
    """CH4 at the top, C2H4 at the lower right, C2H2 at the lower left."""
    total = (ch4 + c2h2 + c2h4) or 1.0
    x = (c2h4 + 0.5 * ch4) / total * _SIDE + _MARGIN
    y = _HEIGHT * (1.0 - ch4 / total) + _MARGIN
    return round(x, 1), round(y, 1)


def triangle_svg(place: Sequence[float], title: str) -> str:
    """`place`: per cent of CH4, C2H2, C2H4; without it the empty triangle."""
    width, height = _SIDE + 2 * _MARGIN, _HEIGHT + 2 * _MARGIN
    parts = [_opening(width, height, title)]
    for fault, zone in TRIANGLE_1.items():
        corners = [_place(*corner) for corner in zone]
        points = " ".join(f"{x},{y}" for x, y in corners)
        parts.append(
            f'<polygon points="{points}" fill="{_ZONES[fault]}" stroke="#90a4ae" stroke-width="1"/>'
        )
    for fault, zone in TRIANGLE_1.items():
        corners = [_place(*corner) for corner in zone]
        x = sum(corner[0] for corner in corners) / len(corners)
        y = sum(corner[1] for corner in corners) / len(corners)
        if fault is Fault.PD:
            x, y = x + 26.0, y - 2.0  # the zone is smaller than its name
        parts.append(_text(x, y + 4.0, fault.value))
    parts += [
        _text(_MARGIN + _SIDE / 2, _MARGIN - 10, "CH4 100 %"),
        _text(4.0, height - 12, "C2H2 100 %", "start"),
        _text(width - 4.0, height - 12, "C2H4 100 %", "end"),
    ]
    if len(place) == 3:
        x, y = _place(*place)
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="6" fill="{_LIMIT}" stroke="#fff" stroke-width="2"/>'
        )
    return "".join([*parts, "</svg>"])


def series_svg(drawing: Drawing, words: tuple[str, str], zone: tzinfo, title: str) -> str:
    """Two lines over the plant's time of day, and the limit. `words` name the measured and the expected."""
    width, height, left, bottom = 460.0, 220.0, 44.0, 30.0
    rows = [
        (at, measured, expected)
        for at, measured, expected in zip(
            drawing.times_us, drawing.measured, drawing.expected, strict=True
        )
        if measured is not None and expected is not None
    ]
    if not rows:
        return ""
    values = [value for _, *both in rows for value in both]
    if drawing.limit is not None:
        values.append(drawing.limit)
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 1.0
    low, high = low - room, high + room
    first, last = rows[0][0], rows[-1][0]

    def x(at_us: int) -> float:
        return round(left + (width - left - 10) * (at_us - first) / max(last - first, 1), 1)

    def y(value: float) -> float:
        return round(10 + (height - bottom - 10) * (high - value) / (high - low), 1)

    parts = [_opening(width, height + 22, title)]
    for step in range(5):
        value = low + (high - low) * step / 4
        parts.append(
            f'<line x1="{left}" x2="{width - 10}" y1="{y(value)}" y2="{y(value)}" stroke="#eceff1"/>'
        )
        digits = 1 if high - low >= 1.0 else 3
        parts.append(_text(left - 6, y(value) + 4, f"{value:.{digits}f}", "end"))
    clock = "%H:%M" if last - first <= _TWO_DAYS_US else "%m-%d"
    for share in (0.0, 0.5, 1.0):
        at_us = int(first + (last - first) * share)
        when = to_datetime(at_us).astimezone(zone).strftime(clock)
        anchor = "start" if share == 0.0 else "end" if share == 1.0 else "middle"
        parts.append(_text(x(at_us), height - 10, when, anchor))
    if drawing.limit is not None:
        at = y(drawing.limit)
        parts.append(
            f'<line x1="{left}" x2="{width - 10}" y1="{at}" y2="{at}" stroke="{_LIMIT}" '
            'stroke-dasharray="5 4"/>'
        )
        parts.append(_text(left + 4, at - 5, quantity(drawing.limit, drawing.unit, "en"), "start"))
    for place, colour in ((1, _MEASURED), (2, _EXPECTED)):
        points = " ".join(f"{x(row[0])},{y(float(row[place]))}" for row in rows)
        dash = "" if place == 1 else ' stroke-dasharray="6 3"'
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        )
    for place, (word, colour) in enumerate(zip(words, (_MEASURED, _EXPECTED), strict=True)):
        at = left + 170 * place
        parts.append(
            f'<line x1="{at}" x2="{at + 22}" y1="{height + 8}" y2="{height + 8}" '
            f'stroke="{colour}" stroke-width="3"/>'
        )
        parts.append(_text(at + 28, height + 12, word, "start"))
    return "".join([*parts, "</svg>"])


def _opening(width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'style="width:100%;max-width:{width:g}px" aria-label="{escape(title)}">'
    )


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="{_INK}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )
