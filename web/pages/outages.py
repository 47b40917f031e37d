"""Outages, earth faults and what is announced: each with what waits for a person, who may do it here."""

from collections.abc import Callable, Hashable, Mapping
from typing import Final, TypeVar
from uuid import UUID

from nicegui import ui

from domain.clock import system_clock
from domain.outage_requests import ChangePlannedOutage, EndPlannedOutage
from domain.outage_words import planned_line
from domain.outages import EarthFault, Outage, PlannedOutage, PlanState
from web.components.outage_card import earth_card, earth_title, outage_card, title
from web.components.outage_forms import OutageForms, act, form_act
from web.components.redrawn import redrawn_each
from web.shell import Visit, console_page

_PAST_AT_MOST: Final = 20
_T = TypeVar("_T")
_CHANGES: Final = frozenset({"outage", "planned_outage", "earth_fault"})


@console_page("/outages", "outages.title")
def outages_page(visit: Visit) -> None:
    forms = OutageForms(visit)
    with ui.element("div").classes("gw-bar"):
        forms.buttons()
    if not visit.console.plan.feeders.feeders:
        ui.label(visit.say("outages.no_feeders")).classes("gw-card gw-soft")
    _list(visit, "open", "none", lambda: _outages(visit), lambda it: outage_card(visit, it, forms))
    _list(
        visit, "earth", "no_earth", lambda: _faults(visit), lambda it: earth_card(visit, it, forms)
    )
    _list(
        visit,
        "planned",
        "no_planned",
        lambda: _announced(visit),
        lambda it: _planned(visit, it, forms),
    )
    _list(visit, "past", "no_past", lambda: _past(visit), lambda it: _over(visit, it))


def _list(
    visit: Visit,
    head: str,
    empty: str,
    read: Callable[[], Mapping[Hashable, _T]],
    draw: Callable[[_T], object],
) -> None:
    """Each card is drawn anew when its own thing changes: a press on another one is not lost."""
    ui.label(visit.say(f"outages.{head}")).classes("gw-title")
    redrawn_each(visit, _CHANGES, read, draw, visit.say(f"outages.{empty}"))


def _outages(visit: Visit) -> dict[Hashable, Outage]:
    found = visit.console.outages.open_outages()
    return {each.outage_id: each for each in found if visit.user.in_scope(each.station)}


def _faults(visit: Visit) -> dict[Hashable, EarthFault]:
    found = visit.console.outages.earth_faults(since_us=system_clock())
    seen = visit.user.in_scope
    return {each.earth_id: each for each in found if each.is_open and seen(each.station)}


def _announced(visit: Visit) -> dict[Hashable, PlannedOutage]:
    found = visit.console.outages.open_planned()
    return {each.planned_id: each for each in found if visit.user.in_scope(each.station)}


def _past(visit: Visit) -> dict[Hashable, Outage | EarthFault]:
    """Outages and earth faults that are over, the newest first."""
    reads, seen = visit.console.outages, visit.user.in_scope
    faults = reads.earth_faults(since_us=0, limit=_PAST_AT_MOST)
    over: list[Outage | EarthFault] = [
        *(each for each in reads.past_outages(_PAST_AT_MOST) if seen(each.station)),
        *(each for each in faults if not each.is_open and seen(each.station)),
    ]
    over.sort(key=lambda each: -each.started_at_us)
    return {_id_of(each): each for each in over[:_PAST_AT_MOST]}


def _id_of(over: Outage | EarthFault) -> UUID:
    return over.outage_id if isinstance(over, Outage) else over.earth_id


def _over(visit: Visit, over: Outage | EarthFault) -> None:
    with ui.element("div").classes("gw-card"):
        if isinstance(over, Outage):
            ui.link(title(visit, over), f"/outage/{over.outage_id}")
        else:
            ui.link(earth_title(visit, over), f"/earth/{over.earth_id}")


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
            if planned.state is PlanState.UNDER_WAY:
                over = EndPlannedOutage(planned_id=planned.planned_id)
                act(visit, visit.say("planned.over"), over)
            else:
                label = visit.say("planned.withdraw")
                form_act(visit, label, EndPlannedOutage, lambda: forms.withdraw(planned))
