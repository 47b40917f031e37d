"""One limit: what it is, what it would do on history, and the way to change it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nicegui import ui

from domain.access import may
from domain.assets import Condition, Limit, Point
from domain.clock import MINUTE_US, system_clock
from domain.limit_changes import LimitSetting, limit_of
from domain.ports import StorageUnavailable
from domain.requests import ChangeLimit
from domain.wording import duration_text
from service.backtest import DAY_US, EXAMPLES, Comparison, Found, compare, that_differ
from service.backtest_report import comparison_lines
from service.local_socket import CoreUnreachable, RequestRefused
from service.paper_limits import BadSetting, CoreHistory, held_by, with_paper
from service.site.durations import BadDuration, parse_duration
from storage.records import RecordedEvent, SqlRecords
from web.alarm_words import alarm_name
from web.components.rationale import edit_rationale
from web.components.trend import trend_options
from web.shell import Visit, console_page

_DAYS = (1, 7, 30)
_MARGIN_US = 30 * MINUTE_US  # around an example


@console_page("/limit", "limits.title")
def limit_page(visit: Visit, point: str = "", condition: str = "") -> None:
    found = _found(visit, point, condition)
    if found is None:
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    known, limit = found
    ui.label(alarm_name(visit, point, condition)).classes("gw-title")
    with ui.element("div").classes("gw-grid"):
        with ui.element("div").classes("gw-column"):
            form = _Form(visit, known, limit)
            _Trial(visit, known, form)
        with ui.element("div").classes("gw-column"):
            edit_rationale(visit, known.key, limit.condition)


def _found(visit: Visit, key: str, condition: str) -> tuple[Point, Limit] | None:
    """As it holds now; None where there is none, or where the user may not look."""
    changes = [each for each in visit.console.alarms.limit_changes() if each.effective_at_us]
    for site in (held_by(visit.console.site, changes), visit.console.site):
        point = next((each for each in site.points if each.key == key), None)
        if point is None or not visit.user.in_scope(visit.console.asset(point.asset_id).station):
            return None
        limit = limit_of(point, Condition(condition)) if condition in set(Condition) else None
        if limit is not None:  # what is switched off is shown as the site has it
            return point, limit
    return None


class _Form:
    """What the limit would be."""

    def __init__(self, visit: Visit, point: Point, limit: Limit) -> None:
        self._visit = visit
        self._now = LimitSetting.of(point.key, limit)
        with ui.element("div").classes("gw-card"):
            with ui.element("div").classes("gw-bar"):
                self._value = self._input("value", f"{limit.value:g}")
                self._deadband = self._input("deadband", f"{limit.deadband:g}")
                self._on_delay = self._input("on_delay", duration_text(limit.on_delay_us))
                self._off_delay = self._input("off_delay", duration_text(limit.off_delay_us))
            self._off = ui.checkbox(visit.say("limits.off"))
            if may(visit.user.roles, ChangeLimit):
                self._reason = ui.input(visit.say("limits.reason")).classes("w-full")
                ui.button(visit.say("limits.propose"), on_click=self._propose).props(
                    "no-caps unelevated"
                )
            ui.label(visit.say("limits.second_person")).classes("gw-soft")

    def setting(self) -> LimitSetting | None:
        """None, and the person is told, where something is no number."""
        try:
            written = replace(
                self._now,
                value=None if self._off.value else float(self._value.value or ""),
                deadband=float(self._deadband.value or "0"),
                on_delay_us=parse_duration(self._on_delay.value or "0s"),
                off_delay_us=parse_duration(self._off_delay.value or "0s"),
            )
        except (ValueError, BadDuration):
            ui.notify(self._visit.say("limits.bad_number"), type="warning")
            return None
        return written

    def _input(self, name: str, value: str) -> ui.input:
        field = ui.input(self._visit.say(f"limits.{name}"), value=value)
        field.props("dense outlined").style("width:130px")
        return field

    async def _propose(self) -> None:
        setting = self.setting()
        if setting is not None:
            await self._visit.ask(ChangeLimit(setting=setting, reason=self._reason.value or ""))


@dataclass(frozen=True, slots=True)
class _Example:
    word: str
    found: Found
    history: Mapping[str, Any]
    window: tuple[int, int]


class _Trial:
    """The back-test: in a thread, with its progress; nothing is enabled."""

    def __init__(self, visit: Visit, point: Point, form: _Form) -> None:
        self._visit = visit
        self._point = point
        self._form = form
        self._share = 0.0
        with ui.element("div").classes("gw-card"):
            with ui.element("div").classes("gw-bar"):
                self._days = ui.select(list(_DAYS), value=1, label=visit.say("limits.days")).style(
                    "min-width:130px"
                )
                self._button = ui.button(visit.say("limits.try"), on_click=self._run)
                self._button.props("no-caps outline")
            ui.label(visit.say("limits.enables_nothing")).classes("gw-soft")
            self._progress = ui.linear_progress(0.0, show_value=False)
            self._progress.set_visibility(False)
            self._told = ui.element("div").classes("gw-column")

    async def _run(self) -> None:
        setting = self._form.setting()
        if setting is None:
            return
        self._share = 0.0
        self._button.set_enabled(False)
        self._progress.set_visibility(True)
        timer = ui.timer(0.3, lambda: self._progress.set_value(round(self._share, 2)))
        try:
            result = await asyncio.to_thread(self._compared, setting, int(self._days.value or 1))
            examples = await asyncio.to_thread(self._examples, result)
        except (
            *(BadSetting, ValueError),
            *(CoreUnreachable, RequestRefused, StorageUnavailable),
        ) as error:
            ui.notify(self._visit.say("limits.cannot_try", words=error), type="warning")
            return
        finally:
            timer.cancel()
            self._progress.set_visibility(False)
            self._button.set_enabled(True)
        self._show(result, examples, setting)

    def _compared(self, setting: LimitSetting, days: int) -> Comparison:
        visit = self._visit
        paper = with_paper(visit.console.site, SqlRecords(visit.console.alarms.engine), [setting])
        if not that_differ(paper.before, paper.after):
            raise ValueError("nothing is different: change a limit or a delay")
        history = CoreHistory(visit.console.data).knows(paper.before)
        to_us = system_clock()

        def on_progress(share: float) -> None:
            self._share = share

        return compare(
            history, paper.before, paper.after, to_us - days * DAY_US, to_us, on_progress
        )

    def _examples(self, result: Comparison) -> list[_Example]:
        """A few of what changes, with what the point did around them."""
        chosen = [
            *(("added", each) for each in result.added[:EXAMPLES]),
            *(("removed", each) for each in result.removed[:EXAMPLES]),
        ]
        examples = []
        for word, found in chosen:
            window = found.raised.started_at_us - _MARGIN_US, found.raised.raised_at_us + _MARGIN_US
            history = self._visit.console.core.history(self._point.key, *window, 600)
            examples.append(_Example(word, found, history, window))
        return examples

    def _show(self, result: Comparison, examples: list[_Example], setting: LimitSetting) -> None:
        visit = self._visit
        self._told.clear()
        with self._told:
            for line in comparison_lines(result, visit.console.site, visit.language):
                ui.label(line).style("overflow-wrap:anywhere")
            tried = tuple(
                setting.applied_to(each) or each if each.condition is setting.condition else each
                for each in self._point.limits
            )
            for example in examples:
                ui.label(visit.say(f"limits.{example.word}")).classes("gw-soft")
                limits = tried if example.word == "added" else self._point.limits
                options = trend_options(
                    replace(self._point, limits=limits),
                    example.history,
                    [RecordedEvent(raised=example.found.raised, cleared=example.found.cleared)],
                    example.window,
                    visit.language,
                    visit.console.site.zone,
                )
                ui.echart(options).style("height:200px; width:100%")
