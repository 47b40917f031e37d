"""Every limit of the site as it holds now, the modes, what was changed, and the rationalisation as Excel."""

from dataclasses import dataclass
from urllib.parse import urlencode

from nicegui import ui

from domain.access import may
from domain.assets import Limit, Point
from domain.clock import system_clock
from domain.limit_changes import LimitChange
from domain.requests import PutRationalisations, SwitchCampaign
from domain.wording import duration_text, priority_word, quantity
from service.excel import BadWorkbook, read_sheet
from service.limiting import modes_on
from service.paper_limits import held_by
from service.rationale_sheet import headings, read_rationales, sheet_rows
from service.site.conditions import CONTACTS
from web.alarm_words import alarm_name
from web.components.download import excel_button
from web.components.table import Column, DataTable, Row
from web.components.upload import excel_upload
from web.finding import places
from web.shell import Visit, console_page

PAGE_SIZE = 50
_NAMES = ("name", "value", "deadband", "on_delay", "off_delay", "priority", "mark", "why")


@dataclass(slots=True)
class Chosen:
    words: str = ""
    page: int = 0


@console_page("/limits", "limits.title")
def limits_page(visit: Visit) -> None:
    chosen = Chosen()
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("limits.title")).classes("gw-title")
        search = ui.input(
            visit.say("common.search"), on_change=lambda event: find(event.value or "")
        )
        search.props("dense outlined clearable debounce=250").style("flex:1; min-width:180px")
        excel_button(visit, "rationalisation", lambda: _sheet(visit))
        if may(visit.user.roles, PutRationalisations):
            excel_upload(visit.say("limits.import"), lambda content: _import(visit, content))
    table = DataTable(
        [Column(name, visit.say(f"limits.{name}"), wide=name == "name") for name in _NAMES],
        visit.say("limits.empty"),
        on_open=ui.navigate.to,
    )
    with ui.element("div").classes("gw-bar"):
        back = ui.button(visit.say("common.back"), on_click=lambda: turn(-1)).props(
            "flat dense no-caps"
        )
        where = ui.label("").classes("gw-soft")
        more = ui.button(visit.say("common.more"), on_click=lambda: turn(1)).props(
            "flat dense no-caps"
        )
    campaigns = _Campaigns(visit)
    ui.label(visit.say("limits.changes")).classes("gw-head")
    names = ("when", "name", "value", "by", "reason", "state")
    changes = DataTable(
        [Column(name, visit.say(f"limits.{name}"), wide=name == "name") for name in names],
        visit.say("limits.no_changes"),
    )

    def refresh() -> None:
        every = _rows(visit, chosen.words)
        first = chosen.page * PAGE_SIZE
        table.show(every[first : first + PAGE_SIZE])
        where.text = visit.say("common.of_pages", page=chosen.page + 1, count=len(every))
        back.set_enabled(chosen.page > 0)
        more.set_enabled(first + PAGE_SIZE < len(every))
        campaigns.show()
        changes.show([_change_row(visit, each) for each in visit.console.alarms.limit_changes()])

    def find(words: str) -> None:
        chosen.words, chosen.page = words, 0
        refresh()

    def turn(by: int) -> None:
        chosen.page = max(0, chosen.page + by)
        refresh()

    refresh()
    visit.on_change({"limit", "campaign", "rationalisation"}, refresh)


def address_of(point: str, condition: str) -> str:
    return "/limit?" + urlencode({"point": point, "condition": condition})


def _rows(visit: Visit, words: str) -> list[Row]:
    found = places(visit, words)
    changes = [each for each in visit.console.alarms.limit_changes() if each.effective_at_us]
    written = {
        (each.rationale.point, each.rationale.condition)
        for each in visit.console.alarms.rationalisations()
    }
    return [
        _row(visit, point, limit, (point.key, limit.condition) in written)
        for point in held_by(visit.console.site, changes).points
        if found.asset_ids is None or point.asset_id in found.asset_ids or point.key in found.points
        for limit in point.limits
    ]


def _row(visit: Visit, point: Point, limit: Limit, has_why: bool) -> Row:
    provenance, unit = limit.provenance, limit.unit_of(point.unit)
    is_contact = point.unit in CONTACTS  # it has no limit to speak of
    return {
        "id": address_of(point.key, limit.condition),
        "opens": True,
        "row_class": "",
        "name": alarm_name(visit, point.key, limit.condition),
        "value": "-" if is_contact else quantity(limit.value, unit, visit.language),
        "deadband": "-" if is_contact else quantity(limit.deadband, unit, visit.language),
        "on_delay": duration_text(limit.on_delay_us),
        "off_delay": duration_text(limit.off_delay_us),
        "priority": priority_word(limit.priority, visit.language),
        "priority_chip": f"gw-p{int(limit.priority)}",
        "mark": f"{provenance.standard} {provenance.mark}".strip(),
        "why": visit.say("limits.has_why") if has_why else "-",
    }


class _Campaigns:
    """Seasons and campaigns, and the switch of the latter."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._allowed = may(visit.user.roles, SwitchCampaign)
        self._table: DataTable | None = None
        if visit.console.site.modes:
            ui.label(visit.say("limits.campaigns")).classes("gw-head")
            self._table = DataTable(
                [
                    Column("name", visit.say("limits.campaigns")),
                    Column("days", ""),
                    Column("state", visit.say("limits.state")),
                    Column("acts", ""),
                ],
                visit.say("common.nothing_found"),
                on_act=lambda act, mode: self._switch(mode, act == "begin"),
            )

    def show(self) -> None:
        if self._table is not None:
            self._table.show(self._rows())

    async def _switch(self, mode: str, is_on: bool) -> None:
        await self._visit.ask(SwitchCampaign(mode_id=mode, is_on=is_on))

    def _rows(self) -> list[Row]:
        visit = self._visit
        on = modes_on(visit.console.site, visit.console.alarms.campaigns(), system_clock())
        rows: list[Row] = []
        for mode in visit.console.site.modes:
            is_on = mode.mode_id in on
            act = "end" if is_on else "begin"
            by_hand = mode.days is None
            first, last = mode.days or ("", "")
            rows.append(
                {
                    "id": mode.mode_id,
                    "name": mode.name,
                    "days": visit.say("limits.by_hand")
                    if by_hand
                    else visit.say("limits.season", first=first, last=last),
                    "state": visit.say(f"limits.campaign_{'on' if is_on else 'off'}"),
                    "state_chip": "gw-wait" if is_on else "gw-plain",
                    "acts": [[act, visit.say(f"limits.{act}")]]
                    if by_hand and self._allowed
                    else [],
                }
            )
        return rows


def _change_row(visit: Visit, change: LimitChange) -> Row:
    unit = next(
        (each.unit for each in visit.console.site.points if each.key == change.setting.point), ""
    )

    def told(value: float | None) -> str:
        return visit.say("limits.off") if value is None else quantity(value, unit, visit.language)

    return {
        "id": str(change.change_id),
        "when": visit.time(change.effective_at_us or change.proposed_at_us),
        "name": alarm_name(visit, change.setting.point, change.setting.condition),
        "value": f"{told(change.was.value)} -> {told(change.setting.value)}",
        "by": change.proposed_by,
        "reason": change.reason,
        "state": visit.say(f"limits.state_{change.state.value}"),
        "state_chip": "gw-plain",
    }


def _sheet(visit: Visit) -> tuple[list[str], list[list[object]]]:
    written = visit.console.alarms.rationalisations()
    return headings(visit.language), sheet_rows(visit.console.site, written, visit.language)


async def _import(visit: Visit, content: bytes) -> None:
    """All rows or none: what is wrong is told row by row."""
    try:
        found = read_rationales(read_sheet(content), visit.console.site.points)
    except BadWorkbook as error:
        ui.notify(visit.say("limits.not_imported", words=error), type="negative", multi_line=True)
        return
    if found.problems:
        words = "; ".join(found.problems[:5])
        ui.notify(visit.say("limits.not_imported", words=words), type="negative", multi_line=True)
        return
    outcome = await visit.ask(PutRationalisations(entries=found.entries))
    if outcome and outcome.done:
        ui.notify(visit.say("limits.imported", count=outcome.subject), type="positive")
