"""A month as a table: one row for each person or zone, a column for each day; on a telephone a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """One row on one day."""

    text: str
    colour: int | None = None  # number of the shift; None: rest
    away: bool = False
    bad: bool = False  # nobody is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    day: date
    weekday: str
    today: bool = False
    holiday: str = ""
    rests: bool = False  # a weekend or a holiday


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    name: str
    squares: Sequence[Square]  # one for each day


def month_table(corner: str, days: Sequence[Day], lines: Sequence[Line]) -> str:
    head = "".join(
        f'<th class="{_day_class(each)}">{each.day.day}<br><small>{escape(each.weekday)}</small>'
        f"<br><small>{escape(each.holiday)}</small></th>"
        for each in days
    )
    rows = "".join(
        f"<tr><th>{escape(line.name)}</th>"
        + "".join(
            f'<td class="{_class(square)}{" gw-today" if day.today else ""}">'
            f"{escape(square.text)}</td>"
            for day, square in zip(days, line.squares, strict=True)
        )
        + "</tr>"
        for line in lines
    )
    return (
        f'<div class="gw-month gw-hide-small"><table><thead><tr><th>{escape(corner)}</th>{head}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def day_list(days: Sequence[Day], lines: Sequence[Line]) -> str:
    """What a telephone shows: each day with those who have something on it."""
    cards = []
    for place, day in enumerate(days):
        has = [(line.name, line.squares[place]) for line in lines]
        rows = "".join(
            f'<div class="gw-figures"><span>{escape(name)}</span>'
            f'<span class="gw-chip {_class(square)}">{escape(square.text)}</span></div>'
            for name, square in has
            if square.colour is not None or square.away or square.bad
        )
        title = f"{day.day:%m-%d} {day.weekday} {day.holiday}"
        cards.append(
            f'<div class="gw-card {_day_class(day)}"><div class="gw-head">{escape(title)}</div>'
            f"{rows}</div>"
        )
    return f'<div class="gw-days gw-column">{"".join(cards)}</div>'


def _class(square: Square) -> str:
    if square.bad:
        return "gw-p2"
    if square.away:
        return "gw-away-day"
    return "gw-rest" if square.colour is None else f"gw-shift-{square.colour % 6}"


def _day_class(day: Day) -> str:
    return " ".join(
        name for name, holds in (("gw-today", day.today), ("gw-rests", day.rests)) if holds
    )
