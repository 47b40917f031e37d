"""An oil transformer by its thermal model: the day that was, half an hour ahead, the life that it took."""

import asyncio

from nicegui import ui

from domain.assets import Asset
from domain.clock import system_clock
from domain.wording import quantity
from service.local_socket import CoreUnreachable, RequestRefused
from service.thermal_day import ThermalDay, learnt_plate, thermal_day
from web.components.drawings import series_svg
from web.shell import Visit

_AMBIENT = "ambient_temp"


async def thermal_card(visit: Visit, asset: Asset) -> None:
    """Nothing but a sentence where the model lacks an input."""
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("judgement.thermal")).classes("gw-head")
        # core may be slow to answer: other pages must not wait for it
        found = await asyncio.to_thread(_found, visit, asset)
        if found is None:
            ui.label(visit.say("judgement.thermal_lacks")).classes("gw-soft")
            return
        _facts(visit, found)
        _drawings(visit, found)
        ui.label(_basis(visit, found)).classes("gw-soft")


def _found(visit: Visit, asset: Asset) -> ThermalDay | None:
    console = visit.console
    ambient = next(
        (point.key for point in console.site.points if point.key.endswith(f"/{_AMBIENT}")), None
    )
    if ambient is None:
        return None
    learnt = learnt_plate(console.data, asset.asset_id)
    try:
        return thermal_day(
            asset.asset_id, ambient, asset.plate, learnt, console.core.history, system_clock()
        )
    except (CoreUnreachable, RequestRefused):
        return None


def _facts(visit: Visit, found: ThermalDay) -> None:
    lost_hours = 24.0 * found.life_lost_days
    facts = (
        ("hot_spot_now", quantity(round(found.hot_spot, 1), "degC", visit.language)),
        ("ageing_now", f"{found.ageing_rate:.2g}"),
        (
            "life_lost",
            visit.say("judgement.life", lost=f"{lost_hours:.2g}", of=f"{found.hours:.3g}"),
        ),
    )
    with ui.element("div").classes("gw-facts q-mb-sm"):
        for key, value in facts:
            ui.label(visit.say(f"judgement.{key}"))
            ui.label(value)


def _drawings(visit: Visit, found: ThermalDay) -> None:
    zone = visit.console.site.zone
    drawn = (
        ("plot_day", found.day, ("measured", "expected")),
        ("forecast", found.ahead, ("oil", "hot_spot")),
    )
    with ui.element("div").style("display:flex; flex-wrap:wrap; gap:16px; width:100%"):
        for title, drawing, words in drawn:
            named = (visit.say(f"judgement.{words[0]}"), visit.say(f"judgement.{words[1]}"))
            told = visit.say(f"judgement.{title}")
            with ui.element("div").style("flex:1 1 280px; min-width:0"):
                ui.label(told).classes("gw-soft")
                ui.html(series_svg(drawing, named, zone, told), sanitize=False)


def _basis(visit: Visit, found: ThermalDay) -> str:
    source, plate = found.source, found.plate
    return visit.say(
        "judgement.thermal_basis",
        standard=f"{source.standard} {source.edition} ({source.mark})",
        rise=f"{plate.oil_rise_k:g}",
        gradient=f"{plate.gradient_k:g}",
        ratio=f"{plate.loss_ratio:g}",
    )
