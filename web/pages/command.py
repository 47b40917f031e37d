"""One device command: who got it, when, what became of it, and why no other device did."""

from uuid import UUID

from nicegui import ui

from domain.commands import DeviceCommand, Origin
from domain.reasons import reason_text
from domain.wording import alarm_text
from linkage.explain import considered
from storage.records import RecordedEvent
from web.components.considered import considered_table
from web.components.redrawn import redrawn
from web.pages.incident import command_row
from web.shell import Visit, console_page


@console_page("/devices/command/{command_id}", "devices.command")
def command_page(visit: Visit, command_id: str) -> None:
    try:
        wanted = UUID(command_id)
    except ValueError:
        wanted = UUID(int=0)
    command = visit.console.reads.command(wanted)
    device = visit.console.plan.device(command.device_id) if command else None
    station = visit.console.asset(device.asset_id).station if device else ""
    if command is None or not visit.user.in_scope(station):
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return

    redrawn(
        visit,
        {"command"},
        lambda: visit.console.reads.command(wanted) or command,
        lambda now: _facts(visit, now),
    )
    event = visit.console.reads.event(command.event_id)
    if event is not None:
        _others(visit, command, event)


def _facts(visit: Visit, command: DeviceCommand) -> None:
    row = command_row(visit, command)
    device = visit.console.plan.device(command.device_id)
    place = visit.console.asset(device.asset_id) if device else None
    with ui.element("div").classes("gw-card"):
        ui.label(f"{row['device']} · {row['action']}").classes("gw-title")
        with ui.element("div").classes("gw-facts"):
            for name, value in (
                ("got", row["device"]),
                ("place", f"{place.station} {place.name}" if place else "-"),
                ("made_at", visit.time(command.created_at_us)),
                ("sent_at", visit.time(command.sent_at_us) or "-"),
                ("ended_at", visit.time(command.ended_at_us) or "-"),
                ("state", row["state"]),
                ("attempt", str(command.attempt)),
                ("outcome", command.outcome or "-"),
                ("text", command.text or "-"),
            ):
                ui.label(visit.say(f"devices.{name}"))
                ui.label(value).style("overflow-wrap:anywhere")
        if command.because:
            ui.label(visit.say("devices.why")).classes("gw-head")
            with ui.element("ol").classes("gw-chain"):
                for reason in command.because:
                    with ui.element("li"):
                        ui.label(reason_text(reason, visit.language))


def _others(visit: Visit, command: DeviceCommand, event: RecordedEvent) -> None:
    raised = event.raised
    asset = visit.console.asset(raised.asset_id)
    with ui.link(target=f"/alarm/{raised.event_id}").classes("gw-card"):
        ui.label(alarm_text(raised, asset, visit.console.site.zone, visit.language))
    if command.origin is Origin.EVENT:
        ui.label(visit.say("devices.why_not")).classes("gw-head")
        others = [
            each
            for each in considered(visit.console.plan, raised)
            if each.device_id != command.device_id
        ]
        considered_table(visit, others)
