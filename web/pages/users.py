"""Users: administrators add and change them; a new password is shown once."""

import asyncio
from dataclasses import replace

from nicegui import ui

from domain.ids import PersonId
from domain.paperwork import Role, User
from domain.requests import PutUser
from service.passwords import hashed, random_password
from web.components.table import Column, DataTable, Row
from web.shell import Visit, console_page


@console_page("/users", "users.title")
def users_page(visit: Visit) -> None:
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("users.title")).classes("gw-title")
        ui.space()
        ui.button(visit.say("users.add"), on_click=lambda: _edit(visit, None)).props(
            "no-caps unelevated"
        )
    names = ("name", "roles", "person", "stations", "state")
    table = DataTable(
        [*(Column(name, visit.say(f"users.{name}")) for name in names), Column("acts", "")],
        visit.say("common.nothing_found"),
        on_act=lambda act, name: _act(visit, act, name),
    )

    def refresh() -> None:
        table.show([_row(visit, user) for user in visit.console.reads.users()])

    refresh()
    visit.on_change({"user"}, refresh)


def _row(visit: Visit, user: User) -> Row:
    switch = "enable" if user.disabled else "disable"
    return {
        "id": user.name,
        "name": user.name,
        "roles": ", ".join(visit.say(f"users.role_{role.value}") for role in sorted(user.roles)),
        "person": visit.console.person(user.person_id),
        "stations": ", ".join(sorted(user.stations)) or visit.say("common.all"),
        "state": visit.say("users.disabled" if user.disabled else "users.active"),
        "state_chip": "gw-p4" if user.disabled else "gw-plain",
        "acts": [[act, visit.say(f"users.{act}")] for act in ("edit", "reset", switch)],
    }


async def _act(visit: Visit, act: str, name: str) -> None:
    user = visit.console.reads.user(name)
    if user is None:
        return
    match act:
        case "edit":
            _edit(visit, user)
        case "reset":
            await _reset(visit, user)
        case _:
            await _put(visit, replace(user, disabled=not user.disabled), "")


async def _reset(visit: Visit, user: User) -> None:
    password = random_password()
    stored = await asyncio.to_thread(hashed, password)
    if await _put(visit, replace(user, must_change=True), stored):
        _show_once(visit, user.name, password)


async def _put(visit: Visit, user: User, password: str) -> bool:
    outcome = await visit.ask(
        PutUser(
            name=user.name,
            password=password,
            roles=user.roles,
            person_id=user.person_id,
            stations=user.stations,
            language=user.language,
            disabled=user.disabled,
            must_change=user.must_change,
        )
    )
    return bool(outcome and outcome.done)


def _show_once(visit: Visit, name: str, password: str) -> None:
    with ui.dialog(value=True).props("persistent") as dialog, ui.card():
        ui.label(visit.say("users.once", name=name, password=password)).style("user-select:all")
        ui.button(visit.say("common.close"), on_click=dialog.close).props("no-caps unelevated")


def _edit(visit: Visit, user: User | None) -> None:
    async def save() -> None:
        if not roles.value:
            ui.notify(visit.say("users.needs_role"), type="warning")
            return
        wanted = User(
            name=(name.value or "").strip(),
            password="",
            roles=frozenset(Role(role) for role in roles.value),
            person_id=PersonId(person.value) if person.value else None,
            stations=frozenset(stations.value or ()),
            language=str(language.value),
            disabled=user.disabled if user else False,
            must_change=user.must_change if user else True,
        )
        password = "" if user else random_password()
        stored = await asyncio.to_thread(hashed, password) if password else ""
        if await _put(visit, wanted, stored):
            dialog.close()
            if password:
                _show_once(visit, wanted.name, password)

    with ui.dialog(value=True) as dialog, ui.card().style("min-width:320px"):
        ui.label(visit.say("users.edit" if user else "users.add")).classes("gw-head")
        name = ui.input(visit.say("users.name"), value=user.name if user else "")
        name.set_enabled(user is None)
        words = {role.value: visit.say(f"users.role_{role.value}") for role in Role}
        roles = ui.select(
            words,
            multiple=True,
            value=[role.value for role in sorted(user.roles)] if user else [],
            label=visit.say("users.roles"),
        )
        people = {each.person_id: each.name for each in visit.console.site.organisation.persons}
        person = ui.select(
            people,
            value=user.person_id if user and user.person_id in people else None,
            label=visit.say("users.person"),
            with_input=True,
            clearable=True,
        )
        known = sorted({asset.station for asset in visit.console.site.assets.values()})
        stations = ui.select(
            known,
            multiple=True,
            value=[each for each in sorted(user.stations) if each in known] if user else [],
            label=visit.say("users.stations"),
        )
        languages = {"zh-CN": visit.say("common.zh"), "en": visit.say("common.en")}
        language = ui.select(
            languages,
            value=user.language if user else visit.language,
            label=visit.say("users.language"),
        )
        for field in (name, roles, person, stations, language):
            field.classes("w-full")
        with ui.row():
            ui.button(visit.say("common.ok"), on_click=save).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")
