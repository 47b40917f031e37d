"""The frame of every page: sign-in, header, navigation, the warning when core is away."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse
from nicegui import app, ui

from domain.clock import to_datetime
from domain.paperwork import Role, User
from domain.ports import StorageUnavailable
from domain.reasons import reason_text
from domain.requests import Request
from domain.wording import DEFAULT_LANGUAGE
from service.core_client import Outcome
from service.local_socket import CoreUnreachable, RequestRefused
from storage.console_reads import IncidentFilter
from web import theme, words
from web.console import Console
from web.views import WAITING

log = structlog.get_logger(__name__)

Build = Callable[..., Awaitable[None] | None]

NAVIGATION: Final = (
    ("/", "incidents", "notifications_active"),
    ("/stations", "stations", "schema"),
    ("/devices", "devices", "campaign"),
    ("/judgement", "judgement", "psychology"),
    ("/equipment", "equipment", "monitor_heart"),
    ("/reviews", "reviews", "rule"),
    ("/credit", "credit", "workspace_premium"),
    ("/paper", "paper", "assignment"),
    ("/organisation", "organisation", "grid_view"),
    ("/approvals", "approvals", "how_to_reg"),
    ("/site", "site", "tune"),
    ("/audit", "audit", "history"),
    ("/users", "users", "group"),
)
_ROLES_OF: Final = {
    "/audit": frozenset({Role.ADMINISTRATOR, Role.SAFETY_MANAGER}),
    "/users": frozenset({Role.ADMINISTRATOR}),
}
_console: list[Console] = []


def use(console: Console) -> None:
    """The one console of this process."""
    _console[:] = [console]


def console() -> Console:
    return _console[0]


@dataclass(slots=True)
class Visit:
    """One person's view of one page."""

    user: User
    language: str
    console: Console

    def say(self, key: str, **facts: object) -> str:
        return words.say(key, self.language, **facts)

    def time(self, moment_us: int | None, pattern: str = "%m-%d %H:%M:%S") -> str:
        if moment_us is None:
            return ""
        return to_datetime(moment_us).astimezone(self.console.site.zone).strftime(pattern)

    async def ask(self, request: Request) -> Outcome | None:
        """Through core; the person is told what became of it. None where core did not answer."""
        try:
            outcome = await asyncio.to_thread(
                self.console.core.ask, request, self.user.name, timeout_s=5.0
            )
        except (CoreUnreachable, RequestRefused, TimeoutError) as error:
            log.warning("request_without_answer", reason=str(error))
            ui.notify(self.say("common.no_answer"), type="negative")
            return None
        if outcome.done:
            ui.notify(self.say("common.done"), type="positive", timeout=1500)
        elif outcome.why:
            ui.notify(reason_text(outcome.why, self.language), type="warning", multi_line=True)
        return outcome

    def on_change(self, kinds: Collection[str], refresh: Callable[[], Any]) -> None:
        """Live for as long as the page is open."""
        client = ui.context.client

        async def refreshed() -> None:
            if client.has_socket_connection:
                with client:
                    waiting = refresh()
                    if waiting is not None:
                        await waiting

        client.on_delete(self.console.feed.register(kinds, refreshed))


def language_of_session() -> str:
    chosen = app.storage.user.get("language")
    return chosen if chosen in {DEFAULT_LANGUAGE, "en"} else console().language


def console_page(path: str, title: str) -> Callable[[Build], Build]:
    """A page for who is signed in. The function gets the Visit first, then the path's parameters."""

    def decorate(build: Build) -> Build:
        async def page(request: HttpRequest, **parameters: Any) -> Any:
            user = _signed_in()
            if user is None:
                app.storage.user["wanted"] = request.url.path
                return RedirectResponse("/login")
            if user.must_change and path != "/password":
                return RedirectResponse("/password")
            visit = Visit(user, language_of_session(), console())
            _frame(visit, path, title)
            allowed = _ROLES_OF.get(path)
            if allowed and not allowed & user.roles:
                ui.label(visit.say("common.not_allowed")).classes("gw-note")
                return None
            try:
                waiting = build(visit, **parameters)
                if waiting is not None:
                    await waiting
            except StorageUnavailable as error:
                log.warning("records_away", reason=str(error))
                ui.label(visit.say("common.records_away")).classes("gw-away")
                ui.timer(3.0, lambda: ui.navigate.reload(), once=True)
            return None

        page.__name__ = build.__name__
        page.__signature__ = _signature(build)  # type: ignore[attr-defined]
        ui.page(path)(page)
        return build

    return decorate


def _signature(build: Build) -> Any:
    """FastAPI reads the path's parameters from it; the Visit is ours, the request FastAPI's."""
    own = list(inspect.signature(build).parameters.values())[1:]
    request = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=HttpRequest)
    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    return inspect.Signature([request, *keyword])


def _signed_in() -> User | None:
    name = app.storage.user.get("name")
    if not name:
        return None
    try:
        user = console().reads.user(name)
    except StorageUnavailable:
        return None
    if user is None or user.disabled or app.storage.user.get("version") != user.version:
        app.storage.user.pop("name", None)
        return None
    return user


def style(title: str) -> None:
    ui.add_css(theme.CSS)
    ui.page_title(title)


def _frame(visit: Visit, path: str, title: str) -> None:
    style(f"{visit.say(title)} - {visit.say('common.product')}")
    with (
        ui.left_drawer(value=None, bordered=False)
        .classes("gw-drawer")
        .props("width=210 breakpoint=900") as drawer
    ):
        for target, name, icon in NAVIGATION:
            allowed = _ROLES_OF.get(target)
            if allowed and not allowed & visit.user.roles:
                continue
            here = " gw-nav-here" if target == path else ""
            with ui.link(target=target).classes("gw-nav" + here):
                ui.icon(icon, size="20px")
                ui.label(visit.say(f"common.{name}"))
    with ui.header().classes("gw-header items-center no-wrap"):
        ui.button(icon="menu", on_click=drawer.toggle).props(
            f'flat dense round aria-label="{visit.say("common.menu")}"'
        )
        ui.label(visit.console.site.name).classes("text-weight-medium ellipsis")
        ui.space()
        waiting = ui.link(target="/").classes("gw-chip gw-p1").style("text-decoration:none")
        _user_menu(visit)
    away = ui.label(visit.say("common.core_away")).classes("gw-away")

    def look() -> None:
        away.set_visibility(not visit.console.core.connected)
        wanted = in_scope(visit, IncidentFilter(states=WAITING))
        count = visit.console.feed.shared(wanted, lambda: visit.console.reads.count(wanted))
        waiting.set_visibility(count > 0)
        waiting.text = visit.say("common.unacknowledged", count=count)

    look()
    visit.on_change({"incident"}, look)


def in_scope(visit: Visit, wanted: IncidentFilter) -> IncidentFilter:
    """Bounded to the stations that the user may see."""
    if not visit.user.stations:
        return wanted
    assets = frozenset(
        asset_id
        for asset_id, asset in visit.console.site.assets.items()
        if visit.user.in_scope(asset.station)
    )
    chosen = assets if wanted.asset_ids is None else assets & set(wanted.asset_ids)
    return replace(wanted, asset_ids=chosen)


def _user_menu(visit: Visit) -> None:
    def switch() -> None:
        other = "en" if visit.language == DEFAULT_LANGUAGE else DEFAULT_LANGUAGE
        app.storage.user["language"] = other
        ui.navigate.reload()

    def leave() -> None:
        app.storage.user.pop("name", None)
        ui.navigate.to("/login")

    ui.button(visit.say("common.language"), on_click=switch).props("flat dense no-caps")
    button = ui.button(icon="account_circle")
    button.props(f'flat dense round aria-label="{visit.user.name}"')
    with button, ui.menu():
        ui.menu_item(visit.user.name).props("disable")
        ui.menu_item(visit.say("common.change_password"), lambda: ui.navigate.to("/password"))
        ui.menu_item(visit.say("common.sign_out"), leave)
