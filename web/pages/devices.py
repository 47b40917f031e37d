"""Field devices: what stands where, whether it did what it was asked, and calls, tests and stops by hand."""

from typing import Any

from nicegui import ui

from domain.access import may
from domain.assets import Priority
from domain.clock import system_clock
from domain.commands import ACTIONS, DeviceKind, FieldDevice, Origin
from domain.ids import DeviceId
from domain.requests import CallDevice, StopDevice, TryDevice
from domain.wording import priority_word
from web.components.lasting import lasting_dialog
from web.components.table import Column, DataTable, Row
from web.pages.incident import command_row
from web.shell import Visit, console_page

_SHOWN = (Origin.EVENT, Origin.HAND, Origin.TEST)
_LEVELS = (Priority.URGENT, Priority.MAJOR, Priority.MINOR)


@console_page("/devices", "devices.title")
def devices_page(visit: Visit) -> None:
    ui.label(visit.say("devices.title")).classes("gw-title")
    names = ("device", "place", "kind", "heard", "tested", "last", "state")
    devices = DataTable(
        [*(Column(name, visit.say(f"devices.{name}")) for name in names), Column("acts", "")],
        visit.say("devices.no_devices"),
        on_act=lambda act, device: _act(visit, act, DeviceId(device)),
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
            Column("why", visit.say("devices.why"), wide=True),
        ],
        visit.say("devices.empty"),
        on_open=lambda command: ui.navigate.to(f"/devices/command/{command}"),
    )

    def refresh() -> None:
        found = visit.console.reads.last_commands(origins=_SHOWN)
        commands.show([command_row(visit, command) for command in found])
        devices.show(_devices(visit))

    refresh()
    visit.on_change({"command", "alarm"}, refresh)


def _devices(visit: Visit) -> list[Row]:
    cares = visit.console.reads.device_cares()
    rows = []
    for device in visit.console.site.devices:
        asset = visit.console.asset(device.asset_id)
        if not visit.user.in_scope(asset.station):
            continue
        last = visit.console.reads.last_commands(device.device_id, 1, _SHOWN)
        shown = command_row(visit, last[0]) if last else {}
        tested, overdue = _tested(visit, device, cares.get(device.device_id))
        marks = [
            visit.say("devices.quiet", hours=device.quiet) if device.quiet else "",
            visit.say("devices.two_persons") if device.two_persons else "",
        ]
        rows.append(
            {
                "id": device.device_id,
                "device": " · ".join([device.name, *filter(None, marks)]),
                "place": f"{asset.station} {asset.name}",
                "kind": visit.say(f"devices.kind_{device.kind.value}"),
                "heard": _heard(visit, device),
                "tested": tested,
                "tested_chip": "gw-p3" if overdue else "",
                "last": shown.get("time", visit.say("devices.never")),
                "state": shown.get("state", "-"),
                "state_chip": shown.get("state_chip", ""),
                "acts": _acts(visit),
            }
        )
    return rows


def _heard(visit: Visit, device: FieldDevice) -> str:
    """Its newest word, to whatever it was asked."""
    known = visit.console.reads.last_commands(device.device_id, 20)
    words = [each.ended_at_us for each in known if each.state.value == "confirmed"]
    return visit.time(max(filter(None, words), default=None)) or "-"


def _tested(visit: Visit, device: FieldDevice, care: Any) -> tuple[str, bool]:
    if device.test_every_us is None:
        return "-", False
    if care is None:
        return visit.say("devices.no_test"), False
    overdue = system_clock() >= care.counts_from_us + device.test_every_us
    if care.tested_at_us is None:
        words = visit.say("devices.no_test")
    else:
        when = visit.time(care.tested_at_us, "%m-%d %H:%M")
        words = visit.say("devices.tested_by", when=when, by=care.tested_by)
    return (f"{words} ({visit.say('devices.overdue')})" if overdue else words), overdue


def _acts(visit: Visit) -> list[list[str]]:
    allowed = [("call", CallDevice), ("try", TryDevice), ("stop", StopDevice)]
    return [
        [name, visit.say(f"devices.{name}")]
        for name, request in allowed
        if may(visit.user.roles, request)
    ]


async def _act(visit: Visit, act: str, device_id: DeviceId) -> None:
    device = visit.console.plan.device(device_id)
    if device is None:
        return
    match act:
        case "call":
            _calling(visit, device)
        case "try":
            await visit.ask(TryDevice(device_id=device_id))
        case "stop":
            await visit.ask(StopDevice(device_id=device_id))


def _calling(visit: Visit, device: FieldDevice) -> None:
    actions = {each: visit.say(f"devices.{each}") for each in sorted(ACTIONS[device.kind])}
    levels = {int(each): priority_word(each, visit.language) for each in _LEVELS}

    async def call() -> None:
        outcome = await visit.ask(
            CallDevice(
                device_id=device.device_id,
                action=str(action.value),
                words=words.value or "",
                priority=Priority(int(level.value or Priority.MAJOR)),
            )
        )
        if outcome and outcome.done:
            dialog.close()

    with lasting_dialog() as dialog, ui.card().style("min-width:280px"):
        ui.label(f"{visit.say('devices.call')}: {device.name}").classes("gw-head")
        if device.two_persons:
            ui.label(visit.say("devices.needs_other")).classes("gw-note")
        if device.kind is DeviceKind.DOOR:
            ui.label(visit.say("devices.door_note")).classes("gw-note")
        action = ui.select(actions, value=next(iter(actions)), label=visit.say("devices.action"))
        level = ui.select(levels, value=int(Priority.MAJOR), label=visit.say("devices.level"))
        words = ui.input(visit.say("devices.words")).classes("w-full")
        for each in (action, level):
            each.props("dense outlined options-dense").classes("w-full")
        with ui.row():
            ui.button(visit.say("devices.call"), on_click=call).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")
