"""Tickets and tags: permits to work with their states, and what hangs on devices."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.clock import from_datetime, system_clock
from domain.ids import AssetId, PersonId, TeamId
from domain.paperwork import TagKind, Ticket, TicketState, TicketType
from domain.requests import HangTag, MoveTicket, OpenTicket, RemoveTag
from web.components.table import Column, DataTable, Row
from web.shell import Visit, console_page

_PATTERN = "%Y-%m-%d %H:%M"


@console_page("/paper", "paper.title")
def paper_page(visit: Visit) -> None:
    allowed = may(visit.user.roles, OpenTicket)
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("paper.tickets")).classes("gw-title")
        states = {False: visit.say("paper.open_tickets"), True: visit.say("paper.ended_tickets")}
        over = ui.toggle(states, value=False, on_change=lambda: refresh()).props("no-caps dense")
        ui.space()
        if allowed:
            ui.button(visit.say("paper.new_ticket"), on_click=lambda: _new_ticket(visit)).props(
                "no-caps unelevated"
            )
    names = ("number", "type", "task", "station", "team", "leader", "from", "to", "state")
    tickets = DataTable(
        [
            *(Column(name, visit.say(f"paper.{name}"), wide=name == "task") for name in names),
            Column("acts", ""),
        ],
        visit.say("paper.no_tickets"),
        on_act=lambda state, ticket: _move(visit, ticket, state),
    )
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("paper.tags")).classes("gw-title")
        ui.space()
        if allowed:
            ui.button(visit.say("paper.hang"), on_click=lambda: _hang(visit)).props(
                "no-caps unelevated"
            )
    tags = DataTable(
        [
            *(Column(name, visit.say(f"paper.{name}")) for name in ("kind", "asset", "note")),
            *(Column(name, visit.say(f"paper.{name}")) for name in ("by", "when", "tag_until")),
            Column("acts", ""),
        ],
        visit.say("paper.no_tags"),
        on_act=lambda act, tag: _take_off(visit, tag),
    )

    def refresh() -> None:
        found = visit.console.reads.tickets(ended=bool(over.value))
        in_scope = [each for each in found if visit.user.in_scope(each.station)]
        tickets.show([_ticket_row(visit, each, allowed) for each in in_scope])
        tags.show(_tag_rows(visit, allowed))

    refresh()
    visit.on_change({"ticket", "tag"}, refresh)


async def _move(visit: Visit, ticket: str, state: str) -> None:
    await visit.ask(MoveTicket(ticket_id=UUID(ticket), state=TicketState(state)))


async def _take_off(visit: Visit, tag: str) -> None:
    await visit.ask(RemoveTag(tag_id=UUID(tag)))


def _ticket_row(visit: Visit, ticket: Ticket, allowed: bool) -> Row:
    teams = {team.team_id: team.name for team in visit.console.site.organisation.teams}
    assets = ", ".join(visit.console.asset(each).name for each in ticket.asset_ids)
    moves = sorted(ticket.may_become, key=list(TicketState).index)
    return {
        "id": str(ticket.ticket_id),
        "number": ticket.number,
        "type": visit.say(f"paper.type_{ticket.type.value}"),
        "task": ticket.task,
        "station": f"{ticket.station} {assets}".strip(),
        "team": teams.get(ticket.team_id, ticket.team_id),
        "leader": visit.console.person(ticket.leader),
        "from": visit.time(ticket.from_us, "%m-%d %H:%M"),
        "to": visit.time(ticket.to_us, "%m-%d %H:%M"),
        "state": visit.say(f"paper.state_{ticket.state.value}"),
        "state_chip": "gw-wait" if ticket.is_open else "gw-plain",
        "acts": [[each.value, visit.say(f"paper.to_{each.value}")] for each in moves]
        if allowed
        else [],
    }


def _tag_rows(visit: Visit, allowed: bool) -> list[Row]:
    rows = []
    for tag in visit.console.reads.tags():
        asset = visit.console.asset(tag.asset_id)
        if not visit.user.in_scope(asset.station):
            continue
        rows.append(
            {
                "id": str(tag.tag_id),
                "kind": f"{visit.say(f'paper.tag_{tag.kind.value}')} {tag.number}".rstrip(),
                "kind_chip": "gw-strong",
                "asset": f"{asset.station} {asset.bay if tag.covers_bay else asset.name}",
                "note": tag.note,
                "by": tag.hung_by,
                "when": visit.time(tag.hung_at_us),
                "tag_until": visit.say("paper.forgotten")
                if tag.forgotten_at_us
                else visit.time(tag.until_us, "%m-%d %H:%M"),
                "tag_until_chip": "gw-p2" if tag.forgotten_at_us else "",
                "acts": [["remove", visit.say("paper.remove")]] if allowed else [],
            }
        )
    return rows


def _asset_names(visit: Visit, station: str = "") -> dict[str, str]:
    return {
        asset_id: f"{asset.station} {asset.name}"
        for asset_id, asset in visit.console.site.assets.items()
        if (not station or asset.station == station) and visit.user.in_scope(asset.station)
    }


def _new_ticket(visit: Visit) -> None:
    organisation = visit.console.site.organisation
    stations = sorted({asset.station for asset in visit.console.site.assets.values()})
    stations = [name for name in stations if visit.user.in_scope(name)]
    now = datetime.fromisoformat(visit.time(system_clock(), "%Y-%m-%d %H:00"))

    with ui.dialog(value=True) as dialog, ui.card().style("min-width:320px; max-width:560px"):
        ui.label(visit.say("paper.new_ticket")).classes("gw-head")
        number = ui.input(visit.say("paper.number")).classes("w-full")
        types = {each.value: visit.say(f"paper.type_{each.value}") for each in TicketType}
        kind = ui.select(types, value=TicketType.WORK_1.value, label=visit.say("paper.type"))
        task = ui.input(visit.say("paper.task")).classes("w-full")
        station = ui.select(
            stations,
            value=stations[0] if stations else None,
            label=visit.say("paper.station"),
        )
        options = _asset_names(visit, stations[0]) if stations else {}
        assets = ui.select(options, multiple=True, label=visit.say("paper.assets"), with_input=True)
        station.on_value_change(
            lambda event: assets.set_options(_asset_names(visit, event.value), value=[])
        )
        teams = {each.team_id: each.name for each in organisation.teams}
        team = ui.select(teams, label=visit.say("paper.team"))
        persons = {each.person_id: each.name for each in organisation.persons}
        leader = ui.select(persons, label=visit.say("paper.leader"), with_input=True)
        begins = ui.input(visit.say("paper.from"), value=now.strftime(_PATTERN))
        ends = ui.input(visit.say("paper.to"), value=(now + timedelta(hours=8)).strftime(_PATTERN))
        for field in (kind, station, assets, team, leader, begins, ends):
            field.classes("w-full")

        async def send() -> None:
            from_us, to_us = _moment(visit, begins.value), _moment(visit, ends.value)
            if from_us is None or to_us is None or not team.value or not leader.value:
                return
            outcome = await visit.ask(
                OpenTicket(
                    number=number.value or "",
                    type=TicketType(kind.value),
                    task=task.value or "",
                    station=str(station.value),
                    asset_ids=tuple(AssetId(each) for each in assets.value or ()),
                    team_id=TeamId(str(team.value)),
                    leader=PersonId(str(leader.value)),
                    from_us=from_us,
                    to_us=to_us,
                )
            )
            if outcome and outcome.done:
                dialog.close()

        _buttons(visit, dialog, send)


def _hang(visit: Visit) -> None:
    async def send() -> None:
        if not asset.value:
            return
        until_us = _moment(visit, until.value) if until.value else None
        if until.value and until_us is None:
            return
        outcome = await visit.ask(
            HangTag(
                kind=TagKind(kind.value),
                asset_id=AssetId(asset.value),
                note=note.value or "",
                ticket_id=UUID(ticket.value) if ticket.value else None,
                whole_bay=bool(whole_bay.value),
                number=number.value or "",
                until_us=until_us,
            )
        )
        if outcome and outcome.done:
            dialog.close()

    with ui.dialog(value=True) as dialog, ui.card().style("min-width:320px"):
        ui.label(visit.say("paper.hang")).classes("gw-head")
        kinds = {each.value: visit.say(f"paper.tag_{each.value}") for each in TagKind}
        kind = ui.select(kinds, value=TagKind.MAINTENANCE.value, label=visit.say("paper.kind"))
        asset = ui.select(_asset_names(visit), label=visit.say("paper.asset"), with_input=True)
        whole_bay = ui.checkbox(visit.say("paper.whole_bay"))
        tickets = {str(each.ticket_id): each.number for each in visit.console.reads.tickets()}
        ticket = ui.select(tickets, label=visit.say("paper.for_ticket"), clearable=True)
        until = ui.input(visit.say("paper.tag_until"), placeholder="2026-11-24 18:00")
        number = ui.input(visit.say("paper.earth_number"))
        note = ui.input(visit.say("paper.note"))
        for field in (kind, asset, ticket, until, number, note):
            field.classes("w-full")

        def chosen() -> None:
            """A portable earth has a number and a place, and speaks for no bay."""
            earth = kind.value == TagKind.EARTHED.value
            number.set_visibility(earth)
            whole_bay.set_visibility(not earth)
            note.props["label"] = visit.say("paper.earth_place" if earth else "paper.note")
            note.update()

        kind.on_value_change(chosen)
        chosen()
        ui.label(visit.say("paper.tag_effects")).classes("gw-soft")
        _buttons(visit, dialog, send)


def _buttons(visit: Visit, dialog: ui.dialog, send: Any) -> None:
    with ui.row():
        ui.button(visit.say("common.ok"), on_click=send).props("no-caps unelevated")
        ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")


def _moment(visit: Visit, written: str) -> int | None:
    try:
        local = datetime.strptime(written.strip(), _PATTERN)
    except ValueError:
        ui.notify(visit.say("paper.bad_time"), type="warning")
        return None
    return from_datetime(local.replace(tzinfo=visit.console.site.zone))
