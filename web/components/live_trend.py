"""A trend that follows the time: the readings of a point with its limits and alarms."""

import asyncio
from typing import Any

from nicegui import ui

from domain.assets import Point
from domain.clock import SECOND_US, system_clock
from service.local_socket import CoreUnreachable, RequestRefused
from web.components.trend import trend_options
from web.shell import Visit

_HOURS = (1, 6, 24, 168, 720, 8760)


def live_trend(visit: Visit, point: Point) -> None:
    with ui.element("div").classes("gw-card"):
        with ui.element("div").classes("gw-bar"):
            ui.label(f"{visit.say('incidents.trend')}: {point.signal}").classes("gw-head")
            ui.space()
            hours = ui.toggle(
                {each: visit.say(f"incidents.hours_{each}") for each in _HOURS},
                value=1,
                on_change=lambda: draw(),
            ).props("dense no-caps")
        # filled in by the first tick of the timer below
        nothing = ui.label(visit.say("incidents.no_history")).classes("gw-soft")
        chart = ui.echart({}).style("height:300px; width:100%")

    async def draw() -> None:
        # core may be slow to answer: other pages must not wait for it
        options = await asyncio.to_thread(_options, visit, point, int(hours.value or 1))
        nothing.set_visibility(options is None)
        chart.set_visibility(options is not None)
        if options is not None:
            chart.options.clear()
            chart.options.update(options)
            chart.update()

    ui.timer(5.0, draw)


def _options(visit: Visit, point: Point, hours: int) -> dict[str, Any] | None:
    to_us = system_clock()
    from_us = to_us - hours * 3600 * SECOND_US
    try:
        history = visit.console.core.history(point.key, from_us, to_us, 1_500)
    except (CoreUnreachable, RequestRefused):
        return None
    if not history["times"]:
        return None
    events = visit.console.reads.events_of_point(point.key, from_us, to_us)
    return trend_options(
        point, history, events, (from_us, to_us), visit.language, visit.console.site.zone
    )
