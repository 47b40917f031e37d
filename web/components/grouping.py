"""Beneath which incident one is listed, and why; what is listed beneath it; merging and splitting by hand."""

from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.incidents import Incident, IncidentState
from domain.reasons import reason_text
from domain.requests import MergeIncident, RegroupIncident, SplitIncident
from storage.console_reads import IncidentFilter, ListedIncident
from web.components.table import Column, DataTable
from web.shell import Visit, in_scope
from web.views import CURRENT, incident_text, priority_of

_CHOICES_AT_MOST = 200


def grouping(visit: Visit, listed: ListedIncident) -> None:
    incident = listed.incident
    consequences = visit.console.reads.consequences_of(incident.incident_id)
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("grouping.title")).classes("gw-head")
        _cause(visit, incident)
        if may(visit.user.roles, MergeIncident) and incident.state is not IncidentState.CLOSED:
            with ui.element("div").classes("gw-bar q-mt-sm"):
                _by_hand(visit, incident)
    if consequences:
        _consequences(visit, consequences)


def _cause(visit: Visit, incident: Incident) -> None:
    cause = visit.console.reads.incident(incident.cause) if incident.cause else None
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


def _consequences(visit: Visit, consequences: list[ListedIncident]) -> None:
    ui.label(visit.say("grouping.consequences", count=len(consequences))).classes("gw-head")
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
    table.show(
        [
            {
                "id": str(each.incident.incident_id),
                "opens": True,
                "time": visit.time(each.incident.opened_at_us),
                "priority": priority_of(each, visit.language),
                "priority_chip": f"gw-p{int(each.incident.priority)}",
                "text": incident_text(visit.console.site, each, visit.language),
                "why": "; ".join(
                    reason_text(reason, visit.language) for reason in each.incident.because
                ),
                "state": visit.say(f"incidents.state_{each.incident.state.value}"),
            }
            for each in consequences
        ]
    )


def _by_hand(visit: Visit, incident: Incident) -> None:
    ui.button(visit.say("grouping.merge"), on_click=lambda: _merging(visit, incident)).props(
        "no-caps outline"
    )
    if incident.cause is not None:
        ui.button(visit.say("grouping.split"), on_click=lambda: _splitting(visit, incident)).props(
            "no-caps outline"
        )
    if incident.grouped_by:
        ui.button(
            visit.say("grouping.take_back"),
            on_click=lambda: visit.ask(RegroupIncident(incident_id=incident.incident_id)),
        ).props("no-caps flat")


def _merging(visit: Visit, incident: Incident) -> None:
    """Into one of the open incidents, the most urgent first."""
    wanted = in_scope(visit, IncidentFilter(states=CURRENT, fold=True))
    found = visit.console.reads.incidents(wanted, _CHOICES_AT_MOST)
    options = {
        str(each.incident.incident_id): incident_text(visit.console.site, each, visit.language)
        for each in found
        if each.incident.incident_id != incident.incident_id
    }

    async def merge() -> None:
        if not into.value:
            ui.notify(visit.say("grouping.choose"), type="warning")
            return
        request = MergeIncident(
            incident_id=incident.incident_id, into=UUID(into.value), words=words.value or ""
        )
        outcome = await visit.ask(request)
        if outcome and outcome.done:
            dialog.close()

    with _outside() as dialog, ui.card().style("width:520px; max-width:95vw"):
        ui.label(visit.say("grouping.merge")).classes("gw-head")
        into = ui.select(options, label=visit.say("grouping.into"), with_input=True)
        into.props("dense outlined options-dense").style("width:100%")
        words = ui.input(visit.say("grouping.words")).style("width:100%")
        with ui.row():
            ui.button(visit.say("grouping.merge"), on_click=merge).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")
    dialog.open()


def _splitting(visit: Visit, incident: Incident) -> None:
    async def split() -> None:
        request = SplitIncident(incident_id=incident.incident_id, words=words.value or "")
        outcome = await visit.ask(request)
        if outcome and outcome.done:
            dialog.close()

    with _outside() as dialog, ui.card():
        ui.label(visit.say("grouping.split")).classes("gw-head")
        words = ui.input(visit.say("grouping.words")).style("min-width:260px")
        with ui.row():
            ui.button(visit.say("grouping.split"), on_click=split).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")
    dialog.open()


def _outside() -> ui.dialog:
    """A dialog that stays while what it was opened from is shown anew."""
    with ui.context.client.content:
        dialog = ui.dialog()
    dialog.on("hide", dialog.delete)
    return dialog
