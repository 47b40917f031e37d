"""The audit: every request with its outcome, the newest first."""

from nicegui import ui

from domain.access import ALLOWED, JUDGE, LOCAL_OPERATOR, NOTICE, VISION
from domain.reasons import reason_text
from web.components.download import excel_button
from web.components.table import Column, DataTable, Row
from web.shell import Visit, console_page

_NAMES = ("when", "actor", "act", "outcome", "subject")
_PAGE = 100


@console_page("/audit", "audit.title")
def audit_page(visit: Visit) -> None:
    page = [0]
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("audit.title")).classes("gw-title")
        everything = visit.say("common.all")
        actors = {"": everything} | {user.name: user.name for user in visit.console.reads.users()}
        actors |= {LOCAL_OPERATOR: visit.say("audit.local"), JUDGE: visit.say("audit.judge")}
        actors |= {VISION: visit.say("audit.vision")}
        actors |= {NOTICE: visit.say("audit.notice")}
        acts = {"": everything} | {
            each.__name__: visit.say(f"audit.{each.__name__}") for each in ALLOWED
        }
        actor = ui.select(
            actors, value="", label=visit.say("audit.actor"), on_change=lambda: first()
        )
        act = ui.select(acts, value="", label=visit.say("audit.act"), on_change=lambda: first())
        for field in (actor, act):
            field.props("dense outlined options-dense").style("min-width:140px")
        ui.space()
        excel_button(visit, "audit", lambda: _sheet(rows(10_000)))
    table = DataTable(
        [Column(name, visit.say(f"audit.{name}"), wide=name == "outcome") for name in _NAMES],
        visit.say("audit.empty"),
    )
    with ui.element("div").classes("gw-bar"):
        ui.button(visit.say("common.back"), on_click=lambda: turn(-1)).props("flat dense no-caps")
        ui.button(visit.say("common.more"), on_click=lambda: turn(1)).props("flat dense no-caps")

    def rows(limit: int = _PAGE) -> list[Row]:
        found = visit.console.reads.audit(
            str(actor.value), str(act.value), limit, page[0] * _PAGE if limit == _PAGE else 0
        )
        return [
            {
                "id": str(each.request_id),
                "when": visit.time(each.at_us, "%Y-%m-%d %H:%M:%S"),
                "actor": actors.get(each.actor, each.actor),
                "act": visit.say(f"audit.{type(each.request).__name__}"),
                "outcome": visit.say("audit.done")
                if each.why is None
                else visit.say("audit.refused", why=reason_text(each.why, visit.language)),
                "subject": each.subject,
            }
            for each in found
        ]

    def _sheet(found: list[Row]) -> tuple[list[str], list[list[object]]]:
        headings = [visit.say(f"audit.{name}") for name in _NAMES]
        return headings, [[row[name] for name in _NAMES] for row in found]

    def first() -> None:
        page[0] = 0
        refresh()

    def turn(by: int) -> None:
        page[0] = max(0, page[0] + by)
        refresh()

    def refresh() -> None:
        table.show(rows())

    refresh()
    visit.on_change({"handled"}, refresh)
