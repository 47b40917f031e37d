"""What a person may do with an alarm, from the list and from its own page."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from nicegui import ui

from domain.alarms import Alarm
from domain.clock import MINUTE_US
from domain.requests import (
    AcknowledgeAlarm,
    ResetAlarm,
    ShelveAlarm,
    SilenceAlarm,
    TakeOutOfService,
)
from web.alarm_words import alarm_name
from web.components.lasting import lasting_dialog
from web.shell import Visit

_HOURS = (0.5, 1, 2, 4, 8)


async def act(visit: Visit, name: str, alarm: Alarm) -> None:
    match name:
        case "acknowledge":
            await visit.ask(AcknowledgeAlarm(event_id=alarm.event_id))
        case "silence":
            await visit.ask(SilenceAlarm(event_id=alarm.event_id))
        case "reset":
            await visit.ask(ResetAlarm(event_id=alarm.event_id))
        case "shelve":
            _shelve(visit, alarm)
        case "out_of_service":
            _out_of_service(visit, alarm)


def _shelve(visit: Visit, alarm: Alarm) -> None:
    async def send() -> None:
        outcome = await visit.ask(
            ShelveAlarm(
                point=alarm.point,
                condition=alarm.condition,
                reason=reason.value or "",
                for_us=round(float(hours.value or 0) * 60 * MINUTE_US),
            )
        )
        if outcome and outcome.done:
            dialog.close()

    with lasting_dialog() as dialog, ui.card().style("min-width:300px"):
        ui.label(visit.say("alarms.shelve")).classes("gw-head")
        ui.label(alarm_name(visit, alarm.point, alarm.condition)).classes("gw-soft")
        hours = ui.select(list(_HOURS), value=1, label=visit.say("alarms.hours")).classes("w-full")
        reason = ui.input(visit.say("alarms.reason")).classes("w-full").props("autofocus")
        reason.on("keydown.enter", send)
        _buttons(visit, dialog, send)


def _out_of_service(visit: Visit, alarm: Alarm) -> None:
    station = visit.console.asset(alarm.asset_id).station
    tickets = {
        str(each.ticket_id): f"{each.number} {each.task}"
        for each in visit.console.reads.tickets()
        if each.station == station
    }

    async def send() -> None:
        if not ticket.value:
            return
        outcome = await visit.ask(
            TakeOutOfService(
                point=alarm.point,
                condition=alarm.condition,
                ticket_id=UUID(ticket.value),
                reason=reason.value or "",
            )
        )
        if outcome and outcome.done:
            dialog.close()

    with lasting_dialog() as dialog, ui.card().style("min-width:300px"):
        ui.label(visit.say("alarms.out_of_service")).classes("gw-head")
        ui.label(alarm_name(visit, alarm.point, alarm.condition)).classes("gw-soft")
        ticket = ui.select(tickets, label=visit.say("alarms.ticket")).classes("w-full")
        reason = ui.input(visit.say("alarms.reason")).classes("w-full")
        _buttons(visit, dialog, send)


def _buttons(visit: Visit, dialog: ui.dialog, send: Callable[[], Awaitable[None]]) -> None:
    with ui.row():
        ui.button(visit.say("common.ok"), on_click=send).props("no-caps unelevated")
        ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")
