"""Outages, earth faults and what is announced: each with what waits for a person, who may do it here."""

from collections.abc import Sequence
from typing import Final

from nicegui import ui

from domain.clock import system_clock
from domain.feeders import DAY_US
from domain.outage_requests import ChangePlannedOutage, EndPlannedOutage
from domain.outage_words import earth_line, planned_line
from domain.outages import EarthFault, PlannedOutage
from web.components.outage_card import earth_card, network_of, outage_card, title
from web.components.outage_forms import OutageForms, act, form_act
from web.shell import Visit, console_page

_EARTH_SHOWN_US: Final = 7 * DAY_US  # of those that are over
_CHANGES: Final = frozenset({"outage", "planned_outage", "earth_fault"})


@console_page("/outages", "outages.title")
def outages_page(visit: Visit) -> None:
    forms = OutageForms(visit)
    with ui.element("div").classes("gw-bar"):
        forms.buttons()
    frame = ui.element("div").classes("gw-column w-full")

    def refresh() -> None:
        frame.clear()
        with frame:
            _show(visit, forms)

    refresh()
    visit.on_change(_CHANGES, refresh)


def _show(visit: Visit, forms: OutageForms) -> None:
    reads, seen = visit.console.outages, visit.user.in_scope
    if not visit.console.plan.feeders.feeders:
        ui.label(visit.say("outages.no_feeders")).classes("gw-card gw-soft")
    _head(visit, "open")
    outages = [each for each in reads.open_outages() if seen(each.station)]
    for outage in outages:
        outage_card(visit, outage, forms)
    _empty(visit, "none", outages)
    _head(visit, "earth")
    known = reads.earth_faults(since_us=system_clock() - _EARTH_SHOWN_US)
    faults = [each for each in known if seen(each.station)]
    for fault in faults:
        if fault.is_open:
            earth_card(visit, fault, forms)
    _empty(visit, "no_earth", [each for each in faults if each.is_open])
    _gone(visit, [each for each in faults if not each.is_open])
    _head(visit, "planned")
    planned = [each for each in reads.open_planned() if seen(each.station)]
    for each in planned:
        _planned(visit, each, forms)
    _empty(visit, "no_planned", planned)
    _head(visit, "past")
    past = [each for each in reads.past_outages(20) if seen(each.station)]
    for outage in past:
        with ui.element("div").classes("gw-card"):
            ui.link(title(visit, outage), f"/outage/{outage.outage_id}")
    _empty(visit, "no_past", past)


def _head(visit: Visit, key: str) -> None:
    ui.label(visit.say(f"outages.{key}")).classes("gw-title")


def _empty(visit: Visit, key: str, found: Sequence[object]) -> None:
    if not found:
        ui.label(visit.say(f"outages.{key}")).classes("gw-card gw-soft")


def _gone(visit: Visit, faults: Sequence[EarthFault]) -> None:
    if faults:
        ui.label(visit.say("earth.past")).classes("gw-soft")
    for fault in faults:
        with ui.element("div").classes("gw-card"):
            network, zone = network_of(visit, fault), visit.console.site.zone
            text = earth_line(fault, network, zone, visit.language)
            ui.link(text, f"/earth/{fault.earth_id}")


def _planned(visit: Visit, planned: PlannedOutage, forms: OutageForms) -> None:
    feeder = visit.console.plan.feeders.feeder(planned.feeder_id)
    with ui.element("div").classes("gw-card"):
        ui.label(planned_line(planned, feeder, visit.console.site.zone, visit.language))
        with ui.element("div").classes("gw-bar"):
            form_act(
                visit,
                visit.say("outages.change"),
                ChangePlannedOutage,
                lambda: forms.change(planned),
            )
            word = "planned.over" if planned.began_at_us is not None else "planned.withdraw"
            act(visit, visit.say(word), EndPlannedOutage(planned_id=planned.planned_id))
