"""Field devices: what stands where, and whether it did what it was asked."""

from nicegui import ui

from web.components.table import Column, DataTable
from web.pages.incident import command_row
from web.shell import Visit, console_page


@console_page("/devices", "devices.title")
def devices_page(visit: Visit) -> None:
    ui.label(visit.say("devices.title")).classes("gw-title")
    devices = DataTable(
        [
            Column("device", visit.say("devices.device")),
            Column("place", visit.say("devices.place")),
            Column("last", visit.say("devices.last")),
            Column("state", visit.say("devices.state")),
        ],
        visit.say("devices.no_devices"),
    )
    ui.label(visit.say("devices.commands")).classes("gw-head")
    commands = DataTable(
        [
            Column("time", visit.say("devices.time")),
            Column("device", visit.say("devices.device")),
            Column("action", visit.say("devices.action")),
            Column("text", visit.say("devices.text"), wide=True),
            Column("attempt", visit.say("devices.attempt")),
            Column("state", visit.say("devices.state")),
            Column("outcome", visit.say("devices.outcome")),
        ],
        visit.say("devices.empty"),
    )

    def refresh() -> None:
        found = visit.console.reads.last_commands()
        commands.show([command_row(visit, command) for command in found])
        rows = []
        for device in visit.console.site.devices:
            asset = visit.console.asset(device.asset_id)
            if not visit.user.in_scope(asset.station):
                continue
            last = visit.console.reads.last_commands(device.device_id, limit=1)
            shown = command_row(visit, last[0]) if last else {}
            rows.append(
                {
                    "id": device.device_id,
                    "device": device.name,
                    "place": f"{asset.station} {asset.name}",
                    "last": shown.get("time", visit.say("devices.never")),
                    "state": shown.get("state", "-"),
                    "state_chip": shown.get("state_chip", ""),
                }
            )
        devices.show(rows)

    refresh()
    visit.on_change({"command"}, refresh)
