"""The single lines: closed red, open green, live values beside the bays."""

import asyncio
from urllib.parse import quote

from nicegui import ui

from service.local_socket import CoreUnreachable, RequestRefused
from storage.console_reads import IncidentFilter
from web.components.one_line import draw, points_of
from web.shell import Visit, console_page
from web.views import CURRENT

_EVERY_S = 1.0


@console_page("/stations", "stations.title")
def stations_page(visit: Visit) -> None:
    ui.label(visit.say("stations.title")).classes("gw-title")
    topology = visit.console.site.topology
    names = list(dict.fromkeys(each.station for each in topology.busbars))
    names = [name for name in names if visit.user.in_scope(name)]
    if not names:
        ui.label(visit.say("stations.empty")).classes("gw-note")
    for name in names:
        cells = [cell for cell in topology.cells if cell.station == name]
        troubled = _troubled(visit, name)
        with (
            ui.link(target=f"/station/{quote(name)}")
            .classes("gw-card")
            .style("text-decoration:none; color:inherit")
        ):
            ui.label(name).classes("gw-head")
            words = visit.say("stations.cells", count=len(cells))
            standing = visit.say("stations.standing", count=len(troubled))
            ui.label(f"{words}, {standing}").classes("gw-soft")


@console_page("/station/{name}", "stations.title")
def station_page(visit: Visit, name: str) -> None:
    topology = visit.console.site.topology
    points = points_of(topology, name)
    known = any(each.station == name for each in topology.busbars)
    if not known or not visit.user.in_scope(name):
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    ui.label(name).classes("gw-title")
    ui.label(visit.say("stations.legend")).classes("gw-soft")
    with ui.element("div").classes("gw-oneline"):
        # our own drawing: every word in it is escaped where it is drawn
        picture = ui.html("", sanitize=False)

    async def refresh() -> None:
        try:
            latest = await asyncio.to_thread(visit.console.core.latest, points)
        except (CoreUnreachable, RequestRefused):
            latest = {}
        tagged: dict[str, str] = {
            tag.asset_id: visit.say(f"paper.tag_{tag.kind.value}")
            for tag in visit.console.reads.tags()
        }
        drawn = draw(
            topology,
            name,
            latest,
            _troubled(visit, name),
            tagged,
            lambda asset: f"/?asset={quote(asset)}",
        )
        if picture.content != drawn.svg:
            picture.content = drawn.svg

    ui.timer(_EVERY_S, refresh)


def _troubled(visit: Visit, station: str) -> set[str]:
    assets = {
        asset_id
        for asset_id, asset in visit.console.site.assets.items()
        if asset.station == station
    }
    wanted = IncidentFilter(states=CURRENT, asset_ids=assets)
    return {each.incident.asset_id for each in visit.console.reads.incidents(wanted, limit=500)}
