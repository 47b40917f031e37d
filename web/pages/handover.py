"""Shift hand-over: one page per post, signed by both, and every page that was signed, to the letter."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import structlog
from nicegui import ui

from domain.access import may
from domain.clock import system_clock
from domain.handover import Post, Watch, WatchState
from domain.paperwork import User
from domain.reasons import reason_text
from domain.requests import NoteHandover, RefuseHandover, SignHandover, TakeOver
from service.core_client import Outcome
from service.handover_page import Page, Section, UnreadablePage, read, written
from service.local_socket import CoreUnreachable, RequestRefused
from web.auth import TooManyTries
from web.components.lasting import lasting_dialog
from web.components.printing import print_button
from web.components.table import Column, DataTable, Row
from web.handover_sections import page_of
from web.shell import Visit, console_page
from web.words import WORDS

log = structlog.get_logger(__name__)

_WHEN = "%m-%d %H:%M"
_CHANGES = frozenset(
    {
        *("incident", "alarm", "tag", "ticket", "withholding", "limit", "campaign", "command"),
        *("approval", "finding", "log", "watch", "outage", "planned_outage", "earth_fault"),
    }
)


@console_page("/handover", "handover.title")
def handover_page(visit: Visit) -> None:
    posts = _posts(visit)
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("handover.title")).classes("gw-title")
        names = {each.post_id: each.name for each in posts}
        chosen = ui.toggle(names, value=_first(visit, posts), on_change=lambda: another())
        chosen.props("no-caps dense").classes("gw-noprint")
        ui.space()
        print_button(visit)
    if not posts:
        ui.label(visit.say("handover.no_posts")).classes("gw-card gw-soft")
        return
    by_id = {each.post_id: each for each in posts}
    head = ui.element("div").classes("gw-card")
    acts = ui.element("div").classes("gw-card gw-noprint")
    body = ui.element("div").classes("gw-column")
    ui.label(visit.say("handover.history")).classes("gw-head gw-noprint")
    names_of = ("crew", "from", "until", "signed_by", "taken_by", "state")
    history = DataTable(
        [Column(each, visit.say(f"handover.{each}")) for each in names_of],
        visit.say("handover.no_history"),
        on_open=lambda watch: ui.navigate.to(f"/handover/{watch}"),
    )
    shown = _Shown()

    def another() -> None:
        shown.watch, shown.page = None, None
        refresh()

    def refresh() -> None:
        post = by_id[str(chosen.value)]
        found = visit.console.logbook.watches_of(post.post_id)
        watch = next((each for each in found if each.is_open), None)
        history.show([_history_row(visit, each) for each in found if not each.is_open])
        acts.set_visibility(watch is not None)
        head.clear()
        with head:
            if watch is None:
                ui.label(visit.say("handover.not_begun"))
                body.clear()
                return
            _head(visit, post, watch)
        if shown.watch != (watch.watch_id, watch.version):
            # what somebody is typing is not thrown away by a change elsewhere
            shown.watch, shown.page = (watch.watch_id, watch.version), None
            acts.clear()
            with acts:
                _acts(visit, post, watch)
        if watch.state is WatchState.SIGNED:
            if shown.page is None:
                shown.page = ()
                body.clear()
                with body:
                    ui.label(visit.say("handover.signed_page")).classes("gw-head")
                    _signed(visit, watch)
            return
        page = _page_now(visit, post, watch)
        if shown.page != page.sections:
            shown.page = page.sections
            body.clear()
            with body:
                ui.label(visit.say("handover.now")).classes("gw-head")
                show_page(visit, page, live=True)

    refresh()
    visit.on_change(_CHANGES, refresh)


@console_page("/handover/{watch_id}", "handover.title")
def past_handover_page(visit: Visit, watch_id: str) -> None:
    watch = visit.console.logbook.watch(_id(watch_id))
    posts = {each.post_id: each for each in visit.console.plan.posts}
    post = posts.get(watch.post_id) if watch else None
    if watch is None or (post is not None and not _may_see(visit.user, post)):
        ui.label(visit.say("common.not_here")).classes("gw-card")
        return
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("handover.title")).classes("gw-title")
        ui.space()
        print_button(visit)
    with ui.element("div").classes("gw-card"):
        ui.label(f"{post.name if post else watch.post_id} {_crew(watch)}").classes("gw-head")
        _facts(visit, watch)
    if watch.page:
        _signed(visit, watch)


@dataclass(slots=True)
class _Shown:
    """What stands on the page, so that it is put there anew only where it has changed."""

    watch: tuple[UUID, int] | None = None
    page: tuple[Section, ...] | None = None


def _page_now(visit: Visit, post: Post, watch: Watch) -> Page:
    """Made once for all who look at the post in one language."""
    key = ("handover", post.post_id, watch.watch_id, watch.version, visit.language)
    return visit.console.feed.shared(key, lambda: page_of(visit, post, watch))


def show_page(visit: Visit, page: Page, *, live: bool = False) -> None:
    """The page as data says it; of one that was signed nothing is made anew."""
    if not live:
        ui.label(f"{page.post} {page.crew} {page.duty_date} {page.shift}").classes("gw-soft")
        ui.label(visit.say("handover.made_at", when=page.made_at)).classes("gw-soft")
    if page.notes:
        with ui.element("div").classes("gw-note"):
            ui.label(visit.say("handover.notes")).classes("gw-head")
            ui.label(page.notes).style("white-space:pre-wrap; overflow-wrap:anywhere")
    for section in page.sections:
        if section.lines or section.unknown:
            _section(visit, section)
    empty = [each for each in page.sections if not each.lines and not each.unknown]
    if empty:
        with ui.element("div").classes("gw-card"), ui.element("div").classes("gw-figures"):
            for section in empty:
                ui.label(_title(visit, section))
                ui.label(visit.say("handover.none"))


def _title(visit: Visit, section: Section) -> str:
    """Of another release its name."""
    key = f"handover.{section.name}"
    return visit.say(key) if key in WORDS else section.name


def _section(visit: Visit, section: Section) -> None:
    count = len(section.lines) + section.more
    with ui.element("div").classes("gw-card"):
        with ui.element("div").classes("gw-bar"):
            ui.label(_title(visit, section)).classes("gw-head")
            if count:
                ui.label(str(count)).classes("gw-chip gw-strong")
        if section.unknown:
            ui.label(visit.say("handover.unknown")).classes("gw-away")
        for line in section.lines:
            with ui.element("div").classes("gw-line"):
                ui.label(line.when).classes("gw-soft")
                ui.label(line.what).classes("gw-line-what")
                ui.label(line.note).classes("gw-soft")
        if section.more:
            ui.label(visit.say("handover.more", count=section.more)).classes("gw-soft")


def _head(visit: Visit, post: Post, watch: Watch) -> None:
    with ui.element("div").classes("gw-bar"):
        ui.label(f"{post.name} {_crew(watch)}").classes("gw-head")
        waits = watch.state is WatchState.SIGNED
        ui.label(visit.say(f"handover.state_{watch.state.value}")).classes(
            "gw-chip " + ("gw-wait" if waits else "gw-plain")
        )
        if watch.late_since_us is not None:
            ui.label(visit.say("handover.late")).classes("gw-chip gw-p3")
    if system_clock() >= watch.ends_us:
        ui.label(visit.say("handover.held_over", crew=watch.crew)).classes("gw-note")
    _facts(visit, watch)


def _facts(visit: Visit, watch: Watch) -> None:
    persons = ", ".join(visit.console.person(each) for each in watch.persons)
    with ui.element("div").classes("gw-facts"):
        for name, value in (
            ("on_watch", persons),
            ("since", visit.time(watch.began_at_us, _WHEN)),
            ("ends", visit.time(watch.ends_us, _WHEN)),
            ("signed_by", _by(visit, watch.signed_by, watch.signed_at_us)),
            ("taken_by", _by(visit, watch.taken_by, watch.taken_at_us)),
        ):
            if value:
                ui.label(visit.say(f"handover.{name}"))
                ui.label(value)
    if watch.refused_by and watch.is_open:
        when = visit.time(watch.refused_at_us, _WHEN)
        ui.label(
            visit.say("handover.refused", by=watch.refused_by, when=when, why=watch.refusal)
        ).classes("gw-note")


def _acts(visit: Visit, post: Post, watch: Watch) -> None:
    if not may(visit.user.roles, SignHandover):
        return
    with ui.element("div").classes("gw-column"):
        _signing(visit, post, watch)
        if watch.state is WatchState.SIGNED:
            _incoming(visit, watch)


def _signing(visit: Visit, post: Post, watch: Watch) -> None:
    """Of the outgoing shift."""
    notes = ui.textarea(visit.say("handover.notes"), value=watch.notes)
    notes.props("outlined autogrow dense").classes("w-full")

    async def save() -> bool:
        if (notes.value or "").strip() == watch.notes:
            return True
        outcome = await visit.ask(
            NoteHandover(watch_id=watch.watch_id, notes=(notes.value or "").strip())
        )
        return bool(outcome and outcome.done)

    async def sign() -> None:
        if not await save():
            return
        noted = visit.console.logbook.watch(watch.watch_id) or watch
        page = page_of(visit, post, _with_notes(noted, notes.value or ""))
        await visit.ask(SignHandover(watch_id=watch.watch_id, page=written(page)))

    with ui.element("div").classes("gw-bar"):
        ui.button(visit.say("handover.save_notes"), on_click=save).props("no-caps outline")
        ui.button(visit.say("handover.sign"), on_click=sign).props("no-caps unelevated")


def _incoming(visit: Visit, watch: Watch) -> None:
    """In his own session, or with his own password on this screen."""
    taking = TakeOver(watch_id=watch.watch_id, page_digest=watch.page)
    ui.separator()
    with ui.element("div").classes("gw-bar"):
        ui.button(visit.say("handover.take_over_myself"), on_click=lambda: visit.ask(taking)).props(
            "no-caps unelevated"
        )
        ui.button(
            visit.say("handover.refuse"), on_click=lambda: _refuse(visit, watch, visit.user.name)
        ).props("no-caps outline")
    ui.label(visit.say("handover.other_signs")).classes("gw-soft")
    with ui.element("div").classes("gw-bar"):
        name = ui.input(visit.say("common.user")).props("dense outlined autocomplete=off")
        password = ui.input(visit.say("common.password"), password=True)
        password.props("dense outlined autocomplete=off")

        async def take() -> None:
            user = await _known(visit, name.value or "", password.value or "")
            password.value = ""
            if user is not None:
                await _ask_as(visit, user, taking)

        async def refuse() -> None:
            user = await _known(visit, name.value or "", password.value or "")
            password.value = ""
            if user is not None:
                _refuse(visit, watch, user.name)

        password.on("keydown.enter", take)
        ui.button(visit.say("handover.take_over"), on_click=take).props("no-caps unelevated")
        ui.button(visit.say("handover.refuse"), on_click=refuse).props("no-caps outline")


async def _known(visit: Visit, name: str, password: str) -> User | None:
    """By his own password; None where it is wrong, and that is told."""
    try:
        user = await asyncio.to_thread(
            visit.console.sign_in.check, name.strip(), password, f"hand-over by {visit.user.name}"
        )
    except TooManyTries as error:
        ui.notify(visit.say("common.wait", seconds=error.seconds), type="warning")
        return None
    if user is None:
        ui.notify(visit.say("handover.wrong_password"), type="warning")
    elif user.must_change:
        ui.notify(visit.say("common.must_change"), type="warning")
        return None
    return user


async def _ask_as(visit: Visit, user: User, request: TakeOver | RefuseHandover) -> Outcome | None:
    """In the name of who has just given his password."""
    try:
        outcome = await asyncio.to_thread(
            visit.console.core.ask, request, user.name, request_id=uuid4(), timeout_s=5.0
        )
    except (CoreUnreachable, RequestRefused, TimeoutError) as error:
        log.warning("request_without_answer", reason=str(error))
        ui.notify(visit.say("common.no_answer"), type="negative")
        return None
    if outcome.done:
        ui.notify(visit.say("common.done"), type="positive", timeout=1500)
    elif outcome.why:
        ui.notify(reason_text(outcome.why, visit.language), type="warning", multi_line=True)
    return outcome


def _refuse(visit: Visit, watch: Watch, by: str) -> None:
    with lasting_dialog() as dialog, ui.card().style("min-width:300px"):
        ui.label(visit.say("handover.refuse")).classes("gw-head")
        why = ui.input(visit.say("handover.why")).classes("w-full").props("autofocus")

        async def send() -> None:
            refusal = RefuseHandover(watch_id=watch.watch_id, words=why.value or "")
            other = visit.console.reads.user(by)
            if by == visit.user.name or other is None:
                outcome = await visit.ask(refusal)
            else:
                outcome = await _ask_as(visit, other, refusal)
            if outcome and outcome.done:
                dialog.close()

        _buttons(visit, dialog, send)


def _buttons(visit: Visit, dialog: ui.dialog, send: Callable[[], Any]) -> None:
    with ui.row():
        ui.button(visit.say("common.ok"), on_click=send).props("no-caps unelevated")
        ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")


def _signed(visit: Visit, watch: Watch) -> None:
    kept = visit.console.logbook.page(watch.page)
    if kept is None:
        ui.label(visit.say("common.not_here")).classes("gw-away")
        return
    if not kept.is_whole:
        ui.label(visit.say("handover.broken")).classes("gw-away")
    ui.label(visit.say("handover.as_signed")).classes("gw-soft")
    if kept.is_whole:
        ui.label(visit.say("handover.whole", digest=kept.digest)).classes("gw-soft").style(
            "overflow-wrap:anywhere"
        )
    try:
        show_page(visit, read(kept.content))
    except UnreadablePage:
        ui.label(visit.say("handover.unreadable")).classes("gw-note")
        ui.label(kept.content).style("white-space:pre-wrap; overflow-wrap:anywhere")


def _history_row(visit: Visit, watch: Watch) -> Row:
    return {
        "id": str(watch.watch_id),
        "opens": True,
        "crew": _crew(watch),
        "from": visit.time(watch.began_at_us, _WHEN),
        "until": visit.time(watch.taken_at_us, _WHEN),
        "signed_by": watch.signed_by or "",
        "taken_by": watch.taken_by or "",
        "state": visit.say("handover.late")
        if watch.late_since_us is not None
        else visit.say(f"handover.state_{watch.state.value}"),
        "state_chip": "gw-p3" if watch.late_since_us is not None else "gw-plain",
    }


def _crew(watch: Watch) -> str:
    return f"{watch.crew} {watch.duty_date} {watch.shift}"


def _by(visit: Visit, name: str | None, at_us: int | None) -> str:
    return f"{name} {visit.time(at_us, _WHEN)}" if name else ""


def _with_notes(watch: Watch, notes: str) -> Watch:
    """What was saved a moment ago may not be recorded yet."""
    return watch if watch.notes == notes.strip() else watch.noted(notes.strip())


def _posts(visit: Visit) -> list[Post]:
    return [each for each in visit.console.plan.posts if _may_see(visit.user, each)]


def _may_see(user: User, post: Post) -> bool:
    if not user.stations:
        return True
    return bool(post.stations) and all(map(user.in_scope, post.stations))


def _first(visit: Visit, posts: list[Post]) -> str | None:
    """The post whose watch the user's own crew has, else the first."""
    for watch in visit.console.logbook.open_watches():
        if visit.user.person_id in watch.persons and any(
            each.post_id == watch.post_id for each in posts
        ):
            return watch.post_id
    return posts[0].post_id if posts else None


def _id(written_id: str) -> UUID:
    try:
        return UUID(written_id)
    except ValueError:
        return UUID(int=0)
