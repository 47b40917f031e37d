"""The 联动 table: what holds, what an edited one would do, and proposing it."""

import asyncio
from typing import Any

from nicegui import ui

from domain.access import may
from domain.assets import AlarmClass, Condition, Priority
from domain.clock import MINUTE_US, system_clock, to_datetime
from domain.ids import AssetId
from domain.paperwork import SiteVersion
from domain.requests import ProposeSite
from domain.wording import alarm_text, class_word, condition_word, priority_word
from linkage.explain import Considered
from linkage.plan import LinkagePlan, LinkageRule
from service.linkage_trial import (
    Day,
    Sample,
    at_minute,
    plan_with,
    proposal_of,
    table_of,
    try_day,
    try_sample,
)
from service.site.load import BrokenSite
from service.site.versions import MalformedVersion, NotPackable
from web.components.considered import considered_table
from web.components.table import Column, DataTable
from web.shell import Visit, console_page

_DAY_US = 24 * 60 * MINUTE_US
_PROBLEMS_AT_MOST = 20
_CHANGED_AT_MOST = 50


@console_page("/linkage", "linkage.title")
def linkage_page(visit: Visit) -> None:
    ui.label(visit.say("linkage.title")).classes("gw-title")
    ui.label(visit.say("linkage.rules")).classes("gw-head")
    _rules(visit)
    version = _effective(visit)
    if version is not None and may(visit.user.roles, ProposeSite):
        _Editor(visit, version)


def _effective(visit: Visit) -> SiteVersion | None:
    versions = visit.console.reads.site_versions()
    return next((each for each in versions if each.effective_at_us is not None), None)


def _rules(visit: Visit) -> None:
    table = DataTable(
        [
            Column("rule", visit.say("linkage.rule")),
            Column("when", visit.say("linkage.when"), wide=True),
            Column("device", visit.say("linkage.device")),
            Column("action", visit.say("linkage.action")),
        ],
        visit.say("linkage.no_rules"),
    )
    rows = []
    for rule in visit.console.site.rules:
        device = visit.console.plan.device(rule.device_id)
        action = visit.say(f"devices.{rule.action}")
        rows.append(
            {
                "id": rule.rule_id,
                "rule": rule.rule_id,
                "when": _when(visit, rule),
                "device": device.name if device else rule.device_id,
                "action": f"{action} {rule.words}".strip(),
            }
        )
    table.show(rows)


def _when(visit: Visit, rule: LinkageRule) -> str:
    language = visit.language
    staffing = {True: "linkage.attended", False: "linkage.unattended"}
    parts = [
        visit.say("linkage.level_up", level=priority_word(rule.at_least, language)),
        *(class_word(each, language) for each in sorted(rule.classes)),
        *(condition_word(each, language) for each in sorted(rule.conditions)),
        *sorted(rule.stations),
        *(visit.console.asset(each).name for each in sorted(rule.asset_ids)),
        visit.say(staffing[rule.attended]) if rule.attended is not None else "",
        str(rule.hours) if rule.hours else "",
    ]
    return " · ".join(filter(None, parts))


class _Editor:
    """The text as it was written, comments and all; nothing holds before it was proposed and agreed to."""

    def __init__(self, visit: Visit, version: SiteVersion) -> None:
        self._visit = visit
        self._version = version
        ui.label(visit.say("linkage.edit")).classes("gw-head")
        with ui.element("div").classes("gw-card"):
            ui.label(visit.say("linkage.edit_note")).classes("gw-soft")
            self._text = ui.textarea(value=table_of(version)).classes("w-full")
            self._text.props('outlined input-style="font-family:monospace; height:320px"')
            with ui.element("div").classes("gw-bar"):
                for word, act in (
                    ("linkage.check", self._check),
                    ("linkage.try_day", self._on_a_day),
                    ("linkage.propose", self._propose),
                ):
                    ui.button(visit.say(word), on_click=act).props("no-caps outline")
            self._sample_choices()
        self._answer = ui.element("div").classes("gw-column w-full")

    def _sample_choices(self) -> None:
        visit, language = self._visit, self._visit.language
        assets = {
            str(each.asset_id): f"{each.station} {each.name}"
            for each in visit.console.site.assets.values()
            if visit.user.in_scope(each.station)
        }
        ui.label(visit.say("linkage.try_one")).classes("gw-head")
        with ui.element("div").classes("gw-bar"):
            self._asset = self._choice("asset", assets, next(iter(assets), None), with_input=True)
            self._condition = self._choice(
                "condition",
                {each.value: condition_word(each, language) for each in Condition},
                Condition.HIGH.value,
            )
            self._class = self._choice(
                "class",
                {each.value: class_word(each, language) for each in AlarmClass},
                AlarmClass.FAULT.value,
            )
            self._level = self._choice(
                "level",
                {int(each): priority_word(each, language) for each in Priority},
                int(Priority.URGENT),
            )
            self._hour = self._choice("hour", {each: f"{each:02d}:00" for each in range(24)}, 10)
            self._consequence = ui.checkbox(visit.say("linkage.consequence"))
            ui.button(visit.say("linkage.try"), on_click=self._on_one).props("no-caps unelevated")

    def _choice(self, name: str, options: Any, value: Any, *, with_input: bool = False) -> Any:
        chosen = ui.select(
            options, value=value, label=self._visit.say(f"linkage.{name}"), with_input=with_input
        )
        return chosen.props("dense outlined options-dense").style("min-width:130px")

    async def _plan(self) -> LinkagePlan | None:
        """Of the text as it stands; its mistakes are shown where it has some."""
        self._answer.clear()
        try:
            return await asyncio.to_thread(
                plan_with, self._version, self._text.value or "", self._visit.language
            )
        except BrokenSite as error:
            self._mistakes(error)
        except MalformedVersion as error:
            self._say(str(error))
        return None

    async def _check(self) -> None:
        if await self._plan() is not None:
            self._say(self._visit.say("linkage.fits"))

    async def _on_one(self) -> None:
        plan = await self._plan()
        if plan is None or not self._asset.value:
            return
        sample = Sample(
            asset_id=AssetId(self._asset.value),
            condition=Condition(self._condition.value),
            alarm_class=AlarmClass(self._class.value),
            priority=Priority(int(self._level.value)),
            at_us=at_minute(self._midnight_us(), 60 * int(self._hour.value)),
            is_consequence=bool(self._consequence.value),
        )
        with self._answer:
            considered_table(self._visit, try_sample(plan, sample))

    async def _on_a_day(self) -> None:
        plan = await self._plan()
        if plan is None:
            return
        now_us = system_clock()
        events = await asyncio.to_thread(
            self._visit.console.reads.events_detected, now_us - _DAY_US, now_us
        )
        ours = [
            (event, beneath)
            for event, beneath in events
            if self._visit.user.in_scope(self._visit.console.asset(event.asset_id).station)
        ]
        self._show_day(try_day(self._visit.console.plan, plan, ours))

    def _show_day(self, day: Day) -> None:
        visit = self._visit
        if not day.alarms:
            self._say(visit.say("linkage.no_alarms"))
            return
        with self._answer, ui.element("div").classes("gw-card"):
            ui.label(visit.say("linkage.day", alarms=day.alarms, changed=len(day.changed)))
            for device, count in day.acts.items():
                ui.label(visit.say("linkage.acts", device=self._device(device), count=count))
            if not day.changed:
                ui.label(visit.say("linkage.nothing_changed")).classes("gw-soft")
            for changed in day.changed[:_CHANGED_AT_MOST]:
                asset = visit.console.asset(changed.event.asset_id)
                ui.label(
                    alarm_text(changed.event, asset, visit.console.site.zone, visit.language)
                ).classes("text-weight-medium q-mt-sm")
                for word, found in (("added", changed.added), ("dropped", changed.dropped)):
                    for each in found:
                        ui.label(visit.say(f"linkage.{word}", what=self._act(each)))

    async def _propose(self) -> None:
        visit = self._visit
        self._answer.clear()
        try:
            compared = await asyncio.to_thread(
                proposal_of, self._version, self._text.value or "", visit.language
            )
        except BrokenSite as error:
            self._mistakes(error)
            return
        except (MalformedVersion, NotPackable) as error:
            self._say(str(error))
            return
        if compared.changes_nothing:
            self._say(visit.say("linkage.same"))
            return
        outcome = await visit.ask(compared.proposal)
        if outcome and outcome.done:
            self._say(visit.say("linkage.proposed"))

    def _mistakes(self, error: BrokenSite) -> None:
        with self._answer, ui.element("div").classes("gw-note"):
            for problem in error.problems[:_PROBLEMS_AT_MOST]:
                ui.label(str(problem)).style("overflow-wrap:anywhere")

    def _say(self, words: str) -> None:
        with self._answer:
            ui.label(words).classes("gw-card")

    def _act(self, each: Considered) -> str:
        action = self._visit.say(f"devices.{each.action}")
        return f"{self._device(each.device_id)} {action} {each.words}".strip()

    def _device(self, device_id: Any) -> str:
        device = self._visit.console.plan.device(device_id)
        return device.name if device else str(device_id)

    def _midnight_us(self) -> int:
        """Of this day by the site's clock."""
        now_us = system_clock()
        local = to_datetime(now_us).astimezone(self._visit.console.site.zone)
        into_day = (local.hour * 60 + local.minute) * MINUTE_US + local.second * 1_000_000
        return now_us - into_day
