"""光字牌: a window for every signal of a bay; lit while the alarm stands, flashing until somebody knows.

Shown are the contacts that have a condition, and whatever else of the bay alarms at the moment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from nicegui import ui

from domain.alarms import Alarm
from domain.assets import Point
from web.finding import stations_in_sight
from web.shell import Visit, console_page


@dataclass(frozen=True, slots=True)
class Tile:
    """One window: a signal with its open alarms, the most urgent first."""

    point: Point
    alarms: tuple[Alarm, ...]

    @property
    def is_lit(self) -> bool:
        return any(alarm.withheld is None for alarm in self.alarms)

    @property
    def look(self) -> str:
        if not self.alarms:
            return ""
        told = [alarm for alarm in self.alarms if alarm.withheld is None]
        if not told:
            return "gw-kept"
        flashing = " gw-flash" if any(alarm.waits for alarm in told) else ""
        return f"gw-lit-{int(told[0].priority)}{flashing}"


@console_page("/annunciator", "alarms.annunciator")
def stations_page(visit: Visit) -> None:
    ui.label(visit.say("alarms.annunciator")).classes("gw-title")
    for station in stations_in_sight(visit):
        with (
            ui.link(target=f"/annunciator/{quote(station)}")
            .classes("gw-card")
            .style("text-decoration:none; color:inherit")
        ):
            ui.label(station).classes("gw-head")
            lit = sum(tile.is_lit for tile in tiles_of(visit, station))
            ui.label(visit.say("stations.standing", count=lit)).classes("gw-soft")


@console_page("/annunciator/{station}", "alarms.annunciator")
def annunciator_page(visit: Visit, station: str) -> None:
    if station not in stations_in_sight(visit):
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    ui.label(visit.say("alarms.annunciator_of", station=station)).classes("gw-title")
    ui.label(visit.say("alarms.legend")).classes("gw-soft")
    frame = ui.element("div").classes("gw-column w-full")
    shown: list[Tile] = []

    def refresh() -> None:
        tiles = tiles_of(visit, station)
        if tiles == shown:
            return
        shown[:] = tiles
        frame.clear()
        with frame:
            for bay, of_bay in _by_bay(visit, tiles).items():
                _show_bay(visit, bay, of_bay)

    refresh()
    visit.on_change({"alarm"}, refresh)


def tiles_of(visit: Visit, station: str) -> list[Tile]:
    site = visit.console.site
    assets = {each.asset_id for each in site.assets.values() if each.station == station}
    of_point: dict[str, list[Alarm]] = {}
    for alarm in visit.console.alarms.of_assets(assets):
        of_point.setdefault(alarm.point, []).append(alarm)
    return [
        Tile(point, tuple(sorted(of_point.get(point.key, ()), key=_most_urgent_first)))
        for point in site.points
        if point.asset_id in assets
        and ((point.unit == "status" and point.limits) or point.key in of_point)
    ]


def _most_urgent_first(alarm: Alarm) -> tuple[bool, int, int]:
    return alarm.withheld is not None, int(alarm.priority), -alarm.raised_at_us


def _show_bay(visit: Visit, bay: str, tiles: Iterable[Tile]) -> None:
    with ui.element("div").classes("gw-card"):
        ui.label(bay).classes("gw-head")
        with ui.element("div").classes("gw-tiles"):
            for tile in tiles:
                name = visit.console.asset(tile.point.asset_id).name
                with _window(tile).classes(f"gw-tile {tile.look}"):
                    ui.label(f"{name} {tile.point.signal}")


def _window(tile: Tile) -> ui.element:
    if not tile.alarms:
        return ui.element("div")
    return ui.link(target=f"/alarm/{tile.alarms[0].event_id}")


def _by_bay(visit: Visit, tiles: Iterable[Tile]) -> dict[str, list[Tile]]:
    bays: dict[str, list[Tile]] = {}
    for tile in tiles:
        bays.setdefault(visit.console.asset(tile.point.asset_id).bay, []).append(tile)
    return bays
