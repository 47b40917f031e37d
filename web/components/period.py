"""From when to when: two fields and the usual spans beside them."""

from collections.abc import Callable, Mapping
from datetime import datetime

from nicegui import ui

from domain.clock import from_datetime
from web.shell import Visit

PATTERN = "%Y-%m-%d %H:%M"

Span = tuple[int, int]  # microseconds, the second one excluded


class Period:
    """`spans` are named by words; the first is chosen by `begin`. `on_chosen` hears of every period that has
    a length."""

    def __init__(
        self,
        visit: Visit,
        spans: Mapping[str, Callable[[], Span]],
        on_chosen: Callable[[int, int], None],
    ) -> None:
        self._visit = visit
        self._spans = spans
        self._on_chosen = on_chosen
        self._begins = ui.input(visit.say("alarm_kpis.from")).props("dense outlined")
        self._ends = ui.input(visit.say("alarm_kpis.to")).props("dense outlined")
        ui.button(visit.say("alarm_kpis.show"), on_click=self.look).props("no-caps unelevated")
        for word in spans:
            ui.button(visit.say(word), on_click=lambda word=word: self._choose(word)).props(
                "no-caps flat dense"
            )

    def begin(self) -> None:
        self._choose(next(iter(self._spans)))

    def look(self) -> None:
        begins, ends = self._moment(self._begins.value), self._moment(self._ends.value)
        if begins is None or ends is None or ends <= begins:
            ui.notify(self._visit.say("alarm_kpis.bad_period"), type="warning")
            return
        self._on_chosen(begins, ends)

    def _choose(self, word: str) -> None:
        begins, ends = self._spans[word]()
        self._begins.value = self._visit.time(begins, PATTERN)
        self._ends.value = self._visit.time(ends, PATTERN)
        self.look()

    def _moment(self, written: str | None) -> int | None:
        try:
            local = datetime.strptime((written or "").strip(), PATTERN)
        except ValueError:
            return None
        return from_datetime(local.replace(tzinfo=self._visit.console.site.zone))
