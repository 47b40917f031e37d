"""Sign in, and choose a password of one's own."""

import asyncio

from fastapi import Request as HttpRequest
from nicegui import app, ui

from domain.ports import StorageUnavailable
from domain.requests import ChangePassword
from domain.wording import DEFAULT_LANGUAGE
from service.passwords import WeakPassword, hashed, refuse_weak
from web import words
from web.auth import TooManyTries
from web.shell import Visit, console, console_page, language_of_session, style


@ui.page("/login")
def login_page(request: HttpRequest) -> None:
    language = language_of_session()

    def say(key: str, **facts: object) -> str:
        return words.say(key, language, **facts)

    def switch() -> None:
        app.storage.user["language"] = "en" if language == DEFAULT_LANGUAGE else DEFAULT_LANGUAGE
        ui.navigate.reload()

    async def enter() -> None:
        address = request.client.host if request.client else ""
        wrong.text = ""
        try:
            user = await asyncio.to_thread(
                console().sign_in.check, name.value.strip(), password.value, address
            )
        except TooManyTries as error:
            wrong.text = say("common.wait", seconds=error.seconds)
            return
        except StorageUnavailable:
            wrong.text = say("common.records_away")
            return
        if user is None:
            wrong.text = say("common.wrong_password")
            return
        wanted = app.storage.user.pop("wanted", "/")
        app.storage.user.update(name=user.name, version=user.version)
        app.storage.user.setdefault("language", user.language)
        ui.navigate.to(wanted if str(wanted).startswith("/") else "/")

    style(f"{say('common.sign_in')} - {say('common.product')}")
    with ui.element("div").classes("gw-card gw-login"):
        with ui.row().classes("items-center justify-between w-full no-wrap"):
            ui.label(console().site.name).classes("gw-title")
            ui.button(say("common.language"), on_click=switch).props("flat dense no-caps")
        name = (
            ui.input(say("common.user")).classes("w-full").props("autofocus autocomplete=username")
        )
        password = (
            ui.input(say("common.password"), password=True, password_toggle_button=True)
            .classes("w-full")
            .props("autocomplete=current-password")
            .on("keydown.enter", enter)
        )
        wrong = ui.label("").classes("text-negative")
        ui.button(say("common.sign_in"), on_click=enter).classes("w-full").props("no-caps")


@console_page("/password", "common.change_password")
def password_page(visit: Visit) -> None:
    async def change() -> None:
        if first.value != second.value:
            wrong.text = visit.say("common.not_the_same")
            return
        try:
            refuse_weak(first.value)
        except WeakPassword:
            wrong.text = visit.say("common.weak")
            return
        made = await asyncio.to_thread(hashed, first.value)
        outcome = await visit.ask(ChangePassword(password=made))
        if outcome and outcome.done:
            # the change made a new version of the user: this session follows it
            app.storage.user["version"] = visit.user.version + 1
            ui.navigate.to("/")

    with ui.element("div").classes("gw-card gw-login"):
        ui.label(visit.say("common.change_password")).classes("gw-title")
        if visit.user.must_change:
            ui.label(visit.say("common.must_change")).classes("gw-note")
        options = "autocomplete=new-password"
        first = ui.input(visit.say("common.new_password"), password=True).classes("w-full")
        second = ui.input(visit.say("common.again"), password=True).classes("w-full")
        first.props(options)
        second.props(options).on("keydown.enter", change)
        wrong = ui.label("").classes("text-negative")
        ui.button(visit.say("common.ok"), on_click=change).classes("w-full").props("no-caps")
