"""The frame of every page: sign-in, header, navigation, the warning when core is away."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection, Sequence
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
from service.system import Trouble
from storage.console_reads import IncidentFilter
from web import theme, words
from web.console import Console
from web.views import WAITING

log = structlog.get_logger(__name__)

Build = Callable[..., Awaitable[None] | None]

NAVIGATION: Final = {
    "now": (
        ("/", "incidents", "notifications_active"),
        ("/alarms", "alarms", "list_alt"),
        ("/annunciator", "annunciator", "view_module"),
        ("/stations", "stations", "schema"),
        ("/outages", "outages", "power_off"),
        ("/planned-outages", "planned_outages", "event_busy"),
        ("/notices", "notices", "sms"),
        ("/devices", "devices", "campaign"),
    ),
    "conduct": (
        ("/reviews", "reviews", "rule"),
        ("/report-by-hand", "hand_report", "add_a_photo"),
        ("/rectifications", "rectification", "build_circle"),
        ("/paper", "paper", "assignment"),
        ("/credit", "credit", "workspace_premium"),
    ),
    "condition": (
        ("/judgement", "judgement", "psychology"),
        ("/equipment", "equipment", "electrical_services"),
        ("/reliability", "reliability", "query_stats"),
    ),
    "shift": (
        ("/log", "logbook", "menu_book"),
        ("/handover", "handover", "swap_horiz"),
        ("/report", "daily_report", "summarize"),
    ),
    "people": (
        ("/organisation", "organisation", "grid_view"),
        ("/rosters", "rosters", "calendar_month"),
        ("/arrangements", "arrangements", "event_note"),
    ),
    "settings": (
        ("/approvals", "approvals", "how_to_reg"),
        ("/limits", "limits", "tune"),
        ("/linkage", "linkage", "account_tree"),
        ("/alarm-quality", "alarm_quality", "insights"),
        ("/site", "site", "domain"),
    ),
    "system": (
        ("/system", "system", "monitor_heart"),
        ("/audit", "audit", "history"),
        ("/users", "users", "group"),
    ),
}
_ROLES_OF: Final = {
    "/audit": frozenset({Role.ADMINISTRATOR, Role.SAFETY_MANAGER}),
    "/users": frozenset({Role.ADMINISTRATOR}),
    "/dead-letters/{reason}": frozenset({Role.ADMINISTRATOR, Role.DISPATCHER}),
}
_console: list[Console] = []
# who was seen in the records: he stays signed in while they are away
_seen: dict[str, User] = {}


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
        """Live for as long as the page is open. What came before it was connected is made up for then."""
        client = ui.context.client
        missed = False

        async def refreshed() -> None:
            nonlocal missed
            missed = not client.has_socket_connection
            if not missed:
                with client:
                    waiting = refresh()
                    if waiting is not None:
                        await waiting

        async def made_up() -> None:
            if missed:
                await refreshed()

        client.on_connect(made_up)
        client.on_delete(self.console.feed.register(kinds, refreshed))


def language_of_session() -> str:
    chosen = app.storage.user.get("language")
    return chosen if chosen in {DEFAULT_LANGUAGE, "en"} else console().language


def console_page(path: str, title: str) -> Callable[[Build], Build]:
    """A page for who is signed in. The function gets the Visit first, then the path's parameters."""

    def decorate(build: Build) -> Build:
        async def page(request: HttpRequest, **parameters: Any) -> Any:
            user = signed_in()
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


def signed_in() -> User | None:
    name = app.storage.user.get("name")
    if not name:
        return None
    try:
        user = console().reads.user(name)
    except StorageUnavailable:
        user = _seen.get(name)
    else:
        _seen.update({name: user} if user else {})
    version = app.storage.user.get("version", 0)
    if user is None or user.disabled or version < user.version:
        app.storage.user.pop("name", None)
        return None
    if version > user.version:
        # a password that was just chosen: decided, and recorded a moment later
        return replace(user, must_change=False)
    return user


def style(title: str) -> None:
    ui.add_css(theme.CSS)
    ui.page_title(title)


def _section(visit: Visit, path: str, name: str, places: Sequence[tuple[str, str, str]]) -> None:
    """Nothing where the user may open none of it."""
    open_to_him = [
        place
        for place in places
        if not (roles := _ROLES_OF.get(place[0])) or roles & visit.user.roles
    ]
    if not open_to_him:
        return
    ui.label(visit.say(f"common.section_{name}")).classes("gw-nav-head")
    for target, word, icon in open_to_him:
        here = " gw-nav-here" if target == path else ""
        with ui.link(target=target).classes("gw-nav" + here):
            ui.icon(icon, size="20px")
            ui.label(visit.say(f"common.{word}"))


def _frame(visit: Visit, path: str, title: str) -> None:
    style(f"{visit.say(title)} - {visit.say('common.product')}")
    with (
        ui.left_drawer(value=None, bordered=False)
        .classes("gw-drawer")
        .props("width=210 breakpoint=900") as drawer
    ):
        for section, places in NAVIGATION.items():
            _section(visit, path, section, places)
    with ui.header().classes("gw-header items-center no-wrap"):
        ui.button(icon="menu", on_click=drawer.toggle).props(
            f'flat dense round aria-label="{visit.say("common.menu")}"'
        )
        ui.label(visit.console.site.name).classes("text-weight-medium ellipsis")
        ui.space()
        waiting = ui.link(target="/").classes("gw-chip gw-p1").style("text-decoration:none")
        _user_menu(visit)
    away = ui.label(visit.say("common.core_away")).classes("gw-away")
    banner = _Banner(visit)

    def look() -> None:
        away.set_visibility(not visit.console.core.connected)
        banner.look()
        wanted = in_scope(visit, IncidentFilter(states=WAITING))
        try:
            count = visit.console.feed.shared(wanted, lambda: visit.console.reads.count(wanted))
        except StorageUnavailable:
            return  # the banner says it; the number that was shown is the last that was true
        waiting.set_visibility(count > 0)
        waiting.text = visit.say("common.unacknowledged", count=count)

    waiting.set_visibility(False)
    look()
    visit.on_change({"incident", "system"}, look)


class _Banner:
    """What is away or behind, what goes on all the same, and what does not; nothing while all is well."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._said: list[str] | None = None
        self._box = ui.link(target="/system").classes("gw-banner")
        self._box.props('aria-live="polite"')

    def look(self) -> None:
        visit = self._visit
        connected = visit.console.core.connected
        said = [_trouble_sentence(visit, each) for each in visit.console.system.troubles]
        if not connected:
            said = []  # what was true of core before is not known any more
        if said == self._said:
            return
        self._said = said
        self._box.clear()
        self._box.set_visibility(bool(said))
        with self._box:
            for sentence in said:
                ui.label(sentence)


def trouble_text(visit: Visit, code: str, detail: str) -> str:
    """What does not work, and what does."""
    return visit.say(f"system.gone_{code}", **({"detail": detail} if detail else {}))


def _trouble_sentence(visit: Visit, trouble: Trouble) -> str:
    since = visit.say("system.gone_since", since=visit.time(trouble.since_us))
    return f"{trouble_text(visit, trouble.code, trouble.detail)} {since}"


def in_scope(visit: Visit, wanted: IncidentFilter) -> IncidentFilter:
    """Bounded to the stations that the user may see."""
    if not visit.user.stations:
        return wanted
    posts = [post.asset_id for post in visit.console.plan.posts]
    assets = frozenset(
        asset_id
        for asset_id in (*visit.console.site.assets, *posts)
        if visit.user.in_scope(visit.console.asset(asset_id).station)
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
