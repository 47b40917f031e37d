"""The live list of incidents: what waits for a person first."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.assets import AlarmClass, Priority
from domain.ids import AssetId
from domain.incidents import IncidentState
from domain.requests import AcknowledgeIncident
from domain.responsibility import Kind
from domain.wording import class_word, priority_word
from service.who import initials
from storage.console_reads import IncidentFilter, ListedIncident
from web.components.table import Column, DataTable, Row
from web.shell import Visit, console_page, in_scope
from web.views import CURRENT, class_of, incident_text, priority_of

PAGE_SIZE = 50


@dataclass(slots=True)
class Chosen:
    """What the person wants to see."""

    closed: bool = False
    priority: int = 0
    alarm_class: str = ""
    kind: str = ""
    fold: bool = True
    station: str = ""
    words: str = ""
    page: int = 0
    asset: str = ""
    initials: dict[AssetId, str] = field(default_factory=dict)


@console_page("/", "incidents.title")
def incidents_page(visit: Visit, asset: str = "") -> None:
    chosen = Chosen(asset=asset)
    with ui.element("div").classes("gw-bar"):
        _filters(visit, chosen, lambda: refresh())
    table = DataTable(
        _columns(visit),
        visit.say("incidents.empty"),
        on_open=lambda incident: ui.navigate.to(f"/incident/{incident}"),
        on_act=lambda act, incident: acknowledge(visit, incident),
    )
    with ui.element("div").classes("gw-bar"):
        back = ui.button(visit.say("common.back"), on_click=lambda: turn(-1)).props(
            "flat dense no-caps"
        )
        where = ui.label("").classes("gw-soft")
        more = ui.button(visit.say("common.more"), on_click=lambda: turn(1)).props(
            "flat dense no-caps"
        )

    def refresh() -> None:
        wanted = in_scope(visit, _wanted(visit, chosen))
        rows, count = _page(visit, wanted, chosen.page)
        table.show(rows)
        where.text = visit.say("common.of_pages", page=chosen.page + 1, count=count)
        back.set_enabled(chosen.page > 0)
        more.set_enabled((chosen.page + 1) * PAGE_SIZE < count)

    def turn(by: int) -> None:
        chosen.page = max(0, chosen.page + by)
        refresh()

    refresh()
    visit.on_change({"incident"}, refresh)


def _page(visit: Visit, wanted: IncidentFilter, page: int) -> tuple[list[Row], int]:
    """Everybody who looks at the same page in the same language and may do the same shares it."""

    def made() -> tuple[list[Row], int]:
        found = visit.console.reads.incidents(wanted, PAGE_SIZE, page * PAGE_SIZE)
        beneath = visit.console.reads.count_beneath([each.incident.incident_id for each in found])
        rows = [row_of(visit, each, beneath.get(each.incident.incident_id, 0)) for each in found]
        return rows, visit.console.reads.count(wanted)

    allowed = may(visit.user.roles, AcknowledgeIncident)
    return visit.console.feed.shared((wanted, page, visit.language, allowed), made)


async def acknowledge(visit: Visit, incident: str) -> None:
    await visit.ask(AcknowledgeIncident(incident_id=UUID(incident)))


def row_of(visit: Visit, listed: ListedIncident, beneath: int = 0) -> Row:
    incident, answer = listed.incident, listed.incident.answer
    text = incident_text(visit.console.site, listed, visit.language)
    if beneath:
        text = f"{text} [{visit.say('grouping.folded', count=beneath)}]"
    waits = incident.state in {IncidentState.OPEN, IncidentState.RETURNED}
    acts = []
    if waits and may(visit.user.roles, AcknowledgeIncident):
        acts.append(["acknowledge", visit.say("incidents.acknowledge")])
    return {
        "id": str(incident.incident_id),
        "opens": True,
        "row_class": "gw-urgent" if waits and incident.priority is Priority.URGENT else "",
        "time": visit.time(incident.opened_at_us),
        "priority": priority_of(listed, visit.language),
        "priority_chip": f"gw-p{int(incident.priority)}",
        "class": class_of(listed, visit.language),
        "class_chip": "gw-plain" if listed.alarm else "",
        "text": text,
        "zone": answer.zone or "-",
        "acting": answer.acting.name if answer.acting else visit.say("incidents.nobody"),
        "state": visit.say(f"incidents.state_{incident.state.value}"),
        "state_chip": "gw-wait" if waits else "gw-plain",
        "acts": acts,
    }


def _columns(visit: Visit) -> list[Column]:
    names = ("time", "priority", "class", "text", "zone", "acting", "state")
    return [
        *(Column(name, visit.say(f"incidents.{name}"), wide=name == "text") for name in names),
        Column("acts", ""),
    ]


def _filters(visit: Visit, chosen: Chosen, refresh: Any) -> None:
    everything = visit.say("common.all")

    def choose(name: str, value: Any) -> None:
        setattr(chosen, name, value)
        chosen.page = 0
        refresh()

    states = {False: visit.say("incidents.open"), True: visit.say("incidents.closed")}
    ui.toggle(states, value=False, on_change=lambda event: choose("closed", event.value)).props(
        "no-caps dense"
    )
    priorities = {0: everything} | {
        int(each): priority_word(each, visit.language) for each in Priority
    }
    classes = {"": everything} | {
        each.value: class_word(each, visit.language) for each in AlarmClass
    }
    kinds = {"": everything} | {
        each.value: visit.say(f"incidents.kind_{each.value}") for each in Kind
    }
    stations = {"": everything} | {name: name for name in _stations(visit)}
    for name, word, options in (
        ("priority", "incidents.priority", priorities),
        ("alarm_class", "incidents.class", classes),
        ("kind", "incidents.kind", kinds),
        ("station", "incidents.station", stations),
    ):
        ui.select(
            options,
            value=getattr(chosen, name),
            label=visit.say(word),
            on_change=lambda event, name=name: choose(name, event.value),
        ).props("dense outlined options-dense").style("min-width:120px")
    ui.checkbox(
        visit.say("grouping.fold"),
        value=chosen.fold,
        on_change=lambda event: choose("fold", event.value),
    ).props("dense")
    search = ui.input(
        visit.say("common.search"), on_change=lambda event: choose("words", event.value or "")
    )
    search.props("dense outlined clearable debounce=250").style("flex:1; min-width:180px")


def _stations(visit: Visit) -> Iterable[str]:
    stations = {asset.station for asset in visit.console.site.assets.values()}
    return sorted(station for station in stations if visit.user.in_scope(station))


def _wanted(visit: Visit, chosen: Chosen) -> IncidentFilter:
    return IncidentFilter(
        states=(IncidentState.CLOSED,) if chosen.closed else CURRENT,
        priorities=(Priority(chosen.priority),) if chosen.priority else (),
        classes=(chosen.alarm_class,) if chosen.alarm_class else (),
        kinds=(Kind(chosen.kind),) if chosen.kind else (),
        fold=chosen.fold and not chosen.closed,
        asset_ids=_assets(visit, chosen),
    )


def _assets(visit: Visit, chosen: Chosen) -> frozenset[AssetId] | None:
    """By station, and by number, name or initials: "113", 联合站, lhz."""
    wanted = chosen.words.strip().lower()
    if not wanted and not chosen.station and not chosen.asset:
        return None
    found = set()
    for asset_id, asset in visit.console.site.assets.items():
        if chosen.asset and asset_id != chosen.asset:
            continue
        if chosen.station and asset.station != chosen.station:
            continue
        name = f"{asset_id} {asset.station} {asset.bay} {asset.name}"
        if wanted and wanted not in name.lower():
            if asset_id not in chosen.initials:
                chosen.initials[asset_id] = initials(f"{asset.station} {asset.name}")
            if wanted not in chosen.initials[asset_id]:
                continue
        found.add(asset_id)
    return frozenset(found)
