"""Beneath which incident one is listed, and why; what is listed beneath it; merging and splitting by hand."""

from collections.abc import Callable, Collection
from typing import NamedTuple
from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.incidents import Incident, IncidentState
from domain.reasons import reason_text
from domain.requests import MergeIncident, RegroupIncident, SplitIncident
from storage.console_reads import IncidentFilter, ListedIncident
from web.components.lasting import lasting_dialog
from web.components.redrawn import redrawn
from web.components.table import Column, DataTable, Row
from web.shell import Visit, in_scope
from web.views import CURRENT, incident_text, priority_of

_CHOICES_AT_MOST = 200


def grouping(visit: Visit, kinds: Collection[str], read: Callable[[], ListedIncident]) -> None:
    wanted = read().incident.incident_id
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("grouping.title")).classes("gw-head")
        redrawn(visit, kinds, lambda: _cause_of(visit, read()), lambda found: _cause(visit, *found))
        redrawn(
            visit,
            kinds,
            lambda: _acts_on(visit, read().incident),
            lambda acts: _by_hand(visit, wanted, acts),
            "gw-bar q-mt-sm",
        )
    _consequences(visit, kinds, wanted)


def _cause_of(visit: Visit, listed: ListedIncident) -> tuple[Incident, ListedIncident | None]:
    cause = listed.incident.cause
    return listed.incident, visit.console.reads.incident(cause) if cause else None


def _cause(visit: Visit, incident: Incident, cause: ListedIncident | None) -> None:
    if cause is not None:
        ui.label(visit.say("grouping.beneath")).classes("gw-soft")
        with ui.link(target=f"/incident/{cause.incident.incident_id}"):
            ui.label(incident_text(visit.console.site, cause, visit.language))
        if not incident.calls:
            ui.label(visit.say("grouping.calls_nobody")).classes("gw-soft")
    else:
        ui.label(visit.say("grouping.itself")).classes("gw-soft")
    if incident.because:
        with ui.element("ol").classes("gw-chain q-mt-sm"):
            for reason in incident.because:
                with ui.element("li"):
                    ui.label(reason_text(reason, visit.language))


def _consequences(visit: Visit, kinds: Collection[str], incident_id: UUID) -> None:
    head = ui.label().classes("gw-head")
    table = DataTable(
        [
            Column("time", visit.say("incidents.time")),
            Column("priority", visit.say("incidents.priority")),
            Column("text", visit.say("incidents.text"), wide=True),
            Column("why", visit.say("grouping.why"), wide=True),
            Column("state", visit.say("incidents.state")),
        ],
        visit.say("common.nothing_found"),
        on_open=lambda incident: ui.navigate.to(f"/incident/{incident}"),
    )

    def load() -> None:
        found = visit.console.reads.consequences_of(incident_id)
        head.set_text(visit.say("grouping.consequences", count=len(found)))
        head.set_visibility(bool(found))
        table.show([_consequence_row(visit, each) for each in found])
        table.set_visible(bool(found))

    load()
    visit.on_change(kinds, load)


def _consequence_row(visit: Visit, listed: ListedIncident) -> Row:
    incident = listed.incident
    return {
        "id": str(incident.incident_id),
        "opens": True,
        "time": visit.time(incident.opened_at_us),
        "priority": priority_of(listed, visit.language),
        "priority_chip": f"gw-p{int(incident.priority)}",
        "text": incident_text(visit.console.site, listed, visit.language),
        "why": "; ".join(reason_text(reason, visit.language) for reason in incident.because),
        "state": visit.say(f"incidents.state_{incident.state.value}"),
    }


class _Acts(NamedTuple):
    merge: bool
    split: bool
    take_back: bool


def _acts_on(visit: Visit, incident: Incident) -> _Acts:
    """What whoever looks may do by hand with it as it stands."""
    open_to = may(visit.user.roles, MergeIncident) and incident.state is not IncidentState.CLOSED
    return _Acts(
        merge=open_to,
        split=open_to and incident.cause is not None,
        take_back=open_to and bool(incident.grouped_by),
    )


def _by_hand(visit: Visit, incident_id: UUID, acts: _Acts) -> None:
    if acts.merge:
        ui.button(visit.say("grouping.merge"), on_click=lambda: _merging(visit, incident_id)).props(
            "no-caps outline"
        )
    if acts.split:
        ui.button(
            visit.say("grouping.split"), on_click=lambda: _splitting(visit, incident_id)
        ).props("no-caps outline")
    if acts.take_back:
        ui.button(
            visit.say("grouping.take_back"),
            on_click=lambda: visit.ask(RegroupIncident(incident_id=incident_id)),
        ).props("no-caps flat")


def _merging(visit: Visit, incident_id: UUID) -> None:
    """Into one of the open incidents, the most urgent first."""
    wanted = in_scope(visit, IncidentFilter(states=CURRENT, fold=True))
    found = visit.console.reads.incidents(wanted, _CHOICES_AT_MOST)
    options = {
        str(each.incident.incident_id): incident_text(visit.console.site, each, visit.language)
        for each in found
        if each.incident.incident_id != incident_id
    }

    async def merge() -> None:
        if not into.value:
            ui.notify(visit.say("grouping.choose"), type="warning")
            return
        request = MergeIncident(
            incident_id=incident_id, into=UUID(into.value), words=words.value or ""
        )
        outcome = await visit.ask(request)
        if outcome and outcome.done:
            dialog.close()

    with lasting_dialog() as dialog, ui.card().style("width:520px; max-width:95vw"):
        ui.label(visit.say("grouping.merge")).classes("gw-head")
        into = ui.select(options, label=visit.say("grouping.into"), with_input=True)
        into.props("dense outlined options-dense").style("width:100%")
        words = ui.input(visit.say("grouping.words")).style("width:100%")
        with ui.row():
            ui.button(visit.say("grouping.merge"), on_click=merge).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")


def _splitting(visit: Visit, incident_id: UUID) -> None:
    async def split() -> None:
        request = SplitIncident(incident_id=incident_id, words=words.value or "")
        outcome = await visit.ask(request)
        if outcome and outcome.done:
            dialog.close()

    with lasting_dialog() as dialog, ui.card():
        ui.label(visit.say("grouping.split")).classes("gw-head")
        words = ui.input(visit.say("grouping.words")).style("min-width:260px")
        with ui.row():
            ui.button(visit.say("grouping.split"), on_click=split).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")
