"""A feeder as SVG: each section behind its switch, dark or live, with what its indicator says. Pure."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from domain.outages import Flag
from service.outage_view import ShownSection

_ROW: Final = 44.0
_STEP: Final = 26.0  # further right with each section from the breaker
_WIDTH: Final = 330.0
_LIVE: Final = "#c62828"  # live is red on a dispatcher's drawing
_DARK: Final = "#78909c"
_FAULT: Final = "#ef6c00"
_INK: Final = "#37474f"
_MARKS: Final = {Flag.SET: "▲", Flag.CLEAR: "△", Flag.FAILED: "✕", Flag.NOT_FITTED: "-"}


def feeder_svg(
    sections: Sequence[ShownSection], title: str, flag_word: Callable[[Flag], str]
) -> str:
    """The breaker at the top; what hangs behind a section stands beneath it and to its right."""
    height = _ROW * len(sections) + 12
    places = {each.section.section_id: row for row, each in enumerate(sections)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" '
        f'style="width:100%;max-width:{1.3 * _WIDTH:g}px" aria-label="{escape(title)}">'
    ]
    for row, each in enumerate(sections):
        before = places.get(each.section.after)
        if before is not None:
            parts.append(_way(_x(sections[before]), _y(before), _x(each), _y(row), _colour(each)))
        parts.append(_section(each, row, flag_word))
    return "".join([*parts, "</svg>"])


def _x(each: ShownSection) -> float:
    return 16 + _STEP * min(each.depth, 6)


def _y(row: int) -> float:
    return 22 + _ROW * row


def _colour(each: ShownSection) -> str:
    if each.faulted:
        return _FAULT
    return _DARK if each.is_dark else _LIVE


def _way(from_x: float, from_y: float, x: float, y: float, colour: str) -> str:
    return (
        f'<polyline points="{from_x:g},{from_y + 8:g} {from_x:g},{y:g} {x - 8:g},{y:g}" fill="none" '
        f'stroke="{colour}" stroke-width="2"/>'
    )


def _section(each: ShownSection, row: int, flag_word: Callable[[Flag], str]) -> str:
    x, y, colour = _x(each), _y(row), _colour(each)
    fill = "#fff" if each.is_dark else colour
    mark = ""
    if each.flag is not None:
        words = f"{_MARKS[each.flag]} {flag_word(each.flag)}"
        mark = _text(x + 16, y + 18, words, 10.5)
    return (
        f'<rect x="{x - 8:g}" y="{y - 8:g}" width="16" height="16" fill="{fill}" stroke="{colour}" '
        f'stroke-width="{3 if each.faulted else 2}"/>'
        + _text(x + 16, y + 4, _named(each), 12.5)
        + mark
    )


def _named(each: ShownSection) -> str:
    """Its name mostly begins with its number already."""
    number, name = each.section.section_id, each.section.name
    return name if name.startswith(number) else f"{number} {name}"


def _text(x: float, y: float, words: str, size: float) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{_INK}">{escape(words)}</text>'
