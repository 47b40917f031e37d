"""One incident: what, who and why, its trend, its device commands, what happened when."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.commands import DeviceCommand
from domain.credit import ReviewItem
from domain.incidents import IncidentState
from domain.outages import EarthFault, Outage
from domain.paperwork import Tag, TagKind
from domain.reasons import reason_text
from domain.requests import AcknowledgeIncident, CloseIncident, SilenceIncident
from domain.wording import alarm_text, priority_word
from service.timeline import timeline_of
from storage.console_reads import ListedIncident
from storage.records import RecordedEvent
from web.components.grouping import grouping
from web.components.lasting import lasting_dialog
from web.components.live_trend import live_trend
from web.components.redrawn import redrawn
from web.components.table import Column, DataTable, Row
from web.components.timeline import timeline
from web.components.told import told
from web.moments import shown
from web.shell import Visit, console_page
from web.views import chain, class_of, incident_text, priority_of

_CHANGES: Final = frozenset(
    {"incident", "notice", "alarm", "command", "finding", "review", "tag", "outage", "earth_fault"}
)

Read = Callable[[], ListedIncident]


@console_page("/incident/{incident_id}", "incidents.title")
def incident_page(visit: Visit, incident_id: str) -> None:
    try:
        wanted = UUID(incident_id)
    except ValueError:
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    listed = visit.console.reads.incident(wanted)
    station = visit.console.asset(listed.incident.asset_id).station if listed else ""
    if listed is None or not visit.user.in_scope(station):
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return

    read = _reader(visit, listed)
    _head(visit, read)
    with ui.element("div").classes("gw-grid"):
        with ui.element("div").classes("gw-column"):
            if listed.alarm:
                _trend(visit, listed)
            _lists(visit, read)
        with ui.element("div").classes("gw-column"):
            _who(visit, listed)
            with ui.element("div").classes("gw-card"):
                ui.label(visit.say("incidents.timeline")).classes("gw-head")
                redrawn(
                    visit,
                    _CHANGES,
                    lambda: timeline_of(visit.console.reads, read().incident),
                    lambda moments: timeline(shown(visit, moment) for moment in moments),
                )


def _reader(visit: Visit, listed: ListedIncident) -> Read:
    def read() -> ListedIncident:
        return visit.console.reads.incident(listed.incident.incident_id) or listed

    return read


def _head(visit: Visit, read: Read) -> None:
    wanted, outages = read().incident.incident_id, visit.console.outages
    with ui.element("div").classes("gw-card"):
        redrawn(visit, _CHANGES, read, lambda listed: _summary(visit, listed))
        redrawn(
            visit,
            _CHANGES,
            lambda: (outages.outage_of_incident(wanted), outages.earth_fault_of_incident(wanted)),
            lambda found: _to_outage(visit, *found),
        )
        redrawn(
            visit,
            _CHANGES,
            lambda: read().incident.state,
            lambda state: _actions(visit, wanted, state),
            "gw-bar q-mt-sm",
        )


def _summary(visit: Visit, listed: ListedIncident) -> None:
    incident = listed.incident
    with ui.element("div").classes("gw-bar"):
        for word, chip in (
            (priority_of(listed, visit.language), f"gw-p{int(incident.priority)}"),
            (class_of(listed, visit.language), "gw-plain"),
            (visit.say(f"incidents.kind_{incident.kind.value}"), "gw-plain"),
            (visit.say(f"incidents.state_{incident.state.value}"), "gw-wait"),
        ):
            if word:
                ui.label(word).classes(f"gw-chip {chip}")
    ui.label(incident_text(visit.console.site, listed, visit.language)).classes("gw-title q-my-sm")
    ui.label(
        visit.say("incidents.count", count=incident.event_count, standing=listed.standing)
    ).classes("gw-soft")


def _to_outage(visit: Visit, outage: Outage | None, fault: EarthFault | None) -> None:
    if outage is not None:
        ui.link(visit.say("outages.of_incident"), f"/outage/{outage.outage_id}")
    if fault is not None:
        ui.link(visit.say("earth.of_incident"), f"/earth/{fault.earth_id}")


def _actions(visit: Visit, wanted: UUID, state: IncidentState) -> None:
    if state is IncidentState.CLOSED or not may(visit.user.roles, AcknowledgeIncident):
        return
    if state is not IncidentState.ACKNOWLEDGED:
        ui.button(
            visit.say("incidents.acknowledge"),
            on_click=lambda: visit.ask(AcknowledgeIncident(incident_id=wanted)),
        ).props("no-caps unelevated")
    ui.button(
        visit.say("incidents.silence"),
        icon="volume_off",
        on_click=lambda: visit.ask(SilenceIncident(incident_id=wanted)),
    ).props("no-caps outline")
    ui.button(visit.say("incidents.close"), on_click=lambda: _closing(visit, wanted)).props(
        "no-caps outline"
    )


def _closing(visit: Visit, wanted: UUID) -> None:
    async def close() -> None:
        outcome = await visit.ask(CloseIncident(incident_id=wanted, note=note.value or ""))
        if outcome and outcome.done:
            dialog.close()

    with lasting_dialog() as dialog, ui.card():
        ui.label(visit.say("incidents.close")).classes("gw-head")
        note = ui.input(visit.say("incidents.close_note")).style("min-width:260px")
        with ui.row():
            ui.button(visit.say("incidents.close"), on_click=close).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")


def _who(visit: Visit, listed: ListedIncident) -> None:
    answer = listed.incident.answer
    nobody = visit.say("incidents.nobody")
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("incidents.why")).classes("gw-head")
        with ui.element("div").classes("gw-facts"):
            for key, value in (
                ("acting", answer.acting.name if answer.acting else nobody),
                ("zone", answer.zone or "-"),
                ("owner", answer.owner.name if answer.owner else nobody),
                ("deputy", answer.deputy.name if answer.deputy else nobody),
                ("unit", answer.unit or "-"),
            ):
                ui.label(visit.say(f"incidents.{key}"))
                ui.label(value).classes("text-weight-medium" if key == "acting" else "")
        with ui.element("ol").classes("gw-chain q-mt-sm"):
            for sentence in chain(answer, visit.language):
                with ui.element("li"):
                    ui.label(sentence)


def _trend(visit: Visit, listed: ListedIncident) -> None:
    assert listed.alarm is not None
    key = listed.alarm.point
    point = next((each for each in visit.console.site.points if each.key == key), None)
    if point is None:
        return
    live_trend(visit, point)


def _lists(visit: Visit, read: Read) -> None:
    wanted = read().incident.incident_id
    grouping(visit, _CHANGES, read)
    _events(visit, wanted)
    _commands(visit, wanted)
    told(visit, _CHANGES, wanted)
    redrawn(
        visit, _CHANGES, lambda: _papers_of(visit, read()), lambda found: _papers(visit, *found)
    )


def _events(visit: Visit, incident_id: UUID) -> None:
    ui.label(visit.say("incidents.events")).classes("gw-head")
    table = DataTable(
        [
            Column("started", visit.say("incidents.started")),
            Column("priority", visit.say("incidents.priority")),
            Column("text", visit.say("incidents.text"), wide=True),
            Column("ended", visit.say("incidents.ended")),
        ],
        visit.say("common.nothing_found"),
    )

    def load() -> None:
        found = visit.console.reads.events_of(incident_id)
        table.show([_event_row(visit, event) for event in found])

    load()
    visit.on_change(_CHANGES, load)


def _event_row(visit: Visit, event: RecordedEvent) -> Row:
    raised, site = event.raised, visit.console.site
    asset = visit.console.asset(raised.asset_id)
    if event.cleared:
        ended = visit.time(event.cleared.ended_at_us)
    else:
        ended = "-" if raised.momentary else visit.say("incidents.still")
    return {
        "id": str(raised.event_id),
        "started": visit.time(raised.started_at_us),
        "priority": priority_word(raised.priority, visit.language),
        "priority_chip": f"gw-p{int(raised.priority)}",
        "text": alarm_text(raised, asset, site.zone, visit.language),
        "ended": ended,
    }


def _commands(visit: Visit, incident_id: UUID) -> None:
    ui.label(visit.say("incidents.commands")).classes("gw-head")
    table = DataTable(
        [
            Column("time", visit.say("devices.time")),
            Column("device", visit.say("devices.device")),
            Column("action", visit.say("devices.action")),
            Column("state", visit.say("devices.state")),
            Column("attempt", visit.say("devices.attempt")),
            Column("why", visit.say("devices.why"), wide=True),
        ],
        visit.say("incidents.no_commands"),
        on_open=lambda command: ui.navigate.to(f"/devices/command/{command}"),
    )

    def load() -> None:
        events = visit.console.reads.events_of(incident_id)
        found = visit.console.reads.commands_of([event.raised.event_id for event in events])
        table.show([command_row(visit, command) for command in found])

    load()
    visit.on_change(_CHANGES, load)


def command_row(visit: Visit, command: DeviceCommand) -> Row:
    device = visit.console.plan.device(command.device_id)
    bad = command.state.value in {"failed", "expired"}
    why = command.because[-1] if command.because else None
    return {
        "id": str(command.command_id),
        "opens": True,
        "why": reason_text(why, visit.language) if why else "",
        "time": visit.time(command.created_at_us),
        "device": device.name if device else command.device_id,
        "action": visit.say(f"devices.{command.action}"),
        "state": visit.say(f"devices.{command.state.value}"),
        "state_chip": "gw-p2" if bad else "gw-plain",
        "attempt": command.attempt,
        "outcome": command.outcome,
        "text": command.text,
    }


def _papers_of(visit: Visit, listed: ListedIncident) -> tuple[list[ReviewItem], list[Tag]]:
    reviews = visit.console.reads.reviews_of_incident(listed.incident.incident_id)
    tags = [tag for tag in visit.console.reads.tags() if tag.asset_id == listed.incident.asset_id]
    return reviews, tags


def _papers(visit: Visit, reviews: list[ReviewItem], tags: list[Tag]) -> None:
    if reviews:
        ui.label(visit.say("incidents.reviews")).classes("gw-head")
        for review in reviews:
            with ui.link(target="/reviews").classes("gw-card"):
                ui.label(f"{visit.say('reviews.state_' + review.state.value)}: {review.text}")
    if tags:
        ui.label(visit.say("incidents.tags")).classes("gw-head")
        for tag in tags:
            word = f"{visit.say(f'paper.tag_{TagKind(tag.kind).value}')} {tag.number}".rstrip()
            ui.label(f"{word} {tag.note} ({tag.hung_by} {visit.time(tag.hung_at_us)})")
