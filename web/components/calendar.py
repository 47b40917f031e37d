"""Months of the site's clock: which one is looked at, and what its days are called."""

from collections.abc import Callable
from datetime import date
from typing import Final

from nicegui import ui

from domain.clock import system_clock, to_datetime
from web.components.month import Day
from web.shell import Visit

WEEKDAYS: Final = {"zh-CN": "一二三四五六日", "en": ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")}
LISTED_DAYS: Final = 7  # on a telephone
_TO_TODAY: Final = """setTimeout(() => document.querySelector(".gw-month th.gw-today")
  ?.scrollIntoView({inline: "center", block: "nearest"}), 50)"""


def today(visit: Visit) -> date:
    return to_datetime(system_clock()).astimezone(visit.console.site.zone).date()


def month_from(month: date, months: int) -> date:
    years, place = divmod(month.month - 1 + months, 12)
    return date(month.year + years, place + 1, 1)


def day_of(visit: Visit, day: date) -> Day:
    """With its holiday, as it is arranged now."""
    holiday = visit.console.responsibility.holiday_on(day, system_clock())
    name = holiday.name if holiday else ""
    if holiday and holiday.working:
        name = visit.say("rosters.working_day", name=holiday.name)
    weekend = day.weekday() >= 5
    return Day(
        day=day,
        weekday=WEEKDAYS[visit.language][day.weekday()],
        today=day == today(visit),
        holiday=name,
        rests=not holiday.working if holiday else weekend,
    )


def listed_days(visit: Visit, dates: list[date]) -> slice:
    """What a telephone shows of a month: from today on, else from its first day."""
    now = today(visit)
    first = (now - dates[0]).days if now in dates else 0
    return slice(first, first + LISTED_DAYS)


class MonthBar:
    """Earlier, today, later; `on_month` hears of each month that is chosen."""

    def __init__(self, visit: Visit, on_month: Callable[[], None]) -> None:
        self.month = today(visit).replace(day=1)
        self._visit = visit
        self._on_month = on_month
        with ui.element("div").classes("gw-bar"):
            for word, months in (("earlier", -1), ("today", 0), ("later", 1)):
                ui.button(
                    visit.say(f"rosters.{word}"), on_click=lambda months=months: self._go(months)
                ).props("flat dense no-caps")
            self._title = ui.label("").classes("gw-head q-mb-none")
        self._name()

    def begin(self) -> None:
        """With the month of today in sight."""
        self._on_month()
        ui.run_javascript(_TO_TODAY)

    def _go(self, months: int) -> None:
        now = today(self._visit).replace(day=1)
        self.month = month_from(self.month, months) if months else now
        self._name()
        self.begin()

    def _name(self) -> None:
        self._title.text = self._visit.say(
            "rosters.month", year=self.month.year, month=self.month.month
        )
