"""Notices: the calls that somebody must make, and everything that went out or could not."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.clock import system_clock
from domain.ids import AssetId
from domain.notice_codes import code_of
from domain.notice_words import STATE_WORDS, WHO_WORDS
from domain.notices import PHONE, CallOutcome, ChannelKind, Notice, NoticeState
from domain.reasons import reason_text
from domain.requests import AnswerNotice, LogCall, RetryNotice
from domain.wording import priority_word
from storage.notices import NoticeFilter
from web.components.table import Column, DataTable
from web.shell import Visit, console_page

PAGE_SIZE: Final = 50
_BAD: Final = frozenset({NoticeState.FAILED})
_WAITS: Final = frozenset({NoticeState.QUEUED})


@dataclass(slots=True)
class Chosen:
    """What the person wants to see."""

    state: str = ""
    person: str = ""
    page: int = 0


@console_page("/notices", "notices.title")
def notices_page(visit: Visit) -> None:
    chosen = Chosen()
    calls_here = may(visit.user.roles, LogCall)
    ui.label(visit.say("notices.calls")).classes("gw-title")
    calls = DataTable(
        [
            Column("level", visit.say("notices.level")),
            Column("person", visit.say("notices.person")),
            *([Column("number", visit.say("notices.number"))] if calls_here else []),
            Column("text", visit.say("notices.text"), wide=True),
            Column("next", visit.say("notices.next"), wide=True),
            Column("acts", ""),
        ],
        visit.say("notices.no_calls"),
        on_act=lambda act, notice: _log_call(visit, UUID(notice), CallOutcome(act)),
    )
    if calls_here:
        _code_entry(visit)
    ui.label(visit.say("notices.title")).classes("gw-title")
    with ui.element("div").classes("gw-bar"):
        _filters(visit, chosen, lambda: refresh())
    table = DataTable(
        notice_columns(visit),
        visit.say("notices.empty"),
        on_open=lambda notice: _open(visit, UUID(notice)),
        on_act=lambda act, notice: _retry(visit, UUID(notice)),
    )
    with ui.element("div").classes("gw-bar"):
        back = ui.button(visit.say("common.back"), on_click=lambda: turn(-1))
        where = ui.label("").classes("gw-soft")
        more = ui.button(visit.say("common.more"), on_click=lambda: turn(1))
    for button in (back, more):
        button.props("flat dense no-caps")

    def refresh() -> None:
        waiting = visit.console.notices.find(
            NoticeFilter(
                states=[NoticeState.QUEUED],
                channels=phone_channels(visit),
                asset_ids=_assets(visit),
            )
        )
        now_us = system_clock()
        due = [each for each in waiting if each.not_before_us <= now_us]
        due.sort(key=lambda each: (each.level, each.created_at_us))
        calls.show([_call_row(visit, each) for each in due])
        wanted = _wanted(visit, chosen)
        found = visit.console.notices.find(wanted, PAGE_SIZE, chosen.page * PAGE_SIZE)
        count = visit.console.notices.count(wanted)
        table.show([notice_row(visit, each) for each in found])
        where.text = visit.say("common.of_pages", page=chosen.page + 1, count=count)
        back.set_enabled(chosen.page > 0)
        more.set_enabled((chosen.page + 1) * PAGE_SIZE < count)

    def turn(by: int) -> None:
        chosen.page = max(0, chosen.page + by)
        refresh()

    refresh()
    visit.on_change({"notice", "incident"}, refresh)


def notice_columns(visit: Visit) -> list[Column]:
    return [
        Column("time", visit.say("notices.time")),
        Column("level", visit.say("notices.level")),
        Column("person", visit.say("notices.person")),
        Column("channel", visit.say("notices.channel")),
        Column("state", visit.say("notices.state")),
        Column("text", visit.say("notices.text"), wide=True),
        Column("why", visit.say("notices.why"), wide=True),
        Column("acts", ""),
    ]


def notice_row(visit: Visit, notice: Notice) -> dict[str, Any]:
    """Who got it, when, and why he; or why it has not left."""
    acts = []
    tried = notice.state is NoticeState.FAILED or (notice.state in _WAITS and notice.error)
    if tried and may(visit.user.roles, RetryNotice):
        acts.append(["retry", visit.say("notices.retry")])
    state = STATE_WORDS[notice.state][visit.language]
    told = visit.time(notice.sent_at_us, "%H:%M:%S") if notice.sent_at_us else ""
    who = WHO_WORDS[notice.who][visit.language]
    return {
        "id": str(notice.notice_id),
        "opens": True,
        "time": visit.time(notice.created_at_us),
        **_level(visit, notice),
        "person": f"{notice.person} ({who})",
        "channel": visit.say("notices.phone") if notice.channel == PHONE else notice.channel,
        "state": " ".join(each for each in (state, told, notice.error) if each),
        "state_chip": "gw-p2" if notice.state in _BAD or notice.error else "gw-plain",
        "text": notice.text,
        "why": "; ".join(reason_text(reason, visit.language) for reason in notice.why),
        "acts": acts,
    }


def phone_channels(visit: Visit) -> list[str]:
    """Those by which a person calls."""
    channels = visit.console.site.notices.channels.values()
    return [each.channel_id for each in channels if each.kind is ChannelKind.PHONE] or ["phone"]


def next_step(visit: Visit, notice: Notice) -> str:
    """Who is told next, and when."""
    due = visit.console.notices.next_due(notice.escalation_id)
    ladder = visit.console.plan.notices.ladder(
        notice.level, visit.console.asset(notice.asset_id).station
    )
    if due is None or ladder is None or due[0] >= len(ladder.steps):
        return visit.say("notices.last_step")
    who = WHO_WORDS[ladder.steps[due[0]].who][visit.language]
    return visit.say("notices.at", who=who, time=visit.time(due[1], "%H:%M:%S"))


def _level(visit: Visit, notice: Notice) -> dict[str, str]:
    return {
        "level": priority_word(notice.level, visit.language),
        "level_chip": f"gw-p{int(notice.level)}",
    }


def _call_row(visit: Visit, notice: Notice) -> dict[str, Any]:
    contact = visit.console.site.notices.contact(notice.person_id)
    acts = [[each.value, visit.say(f"notices.{each.value}")] for each in CallOutcome]
    return {
        "id": str(notice.notice_id),
        **_level(visit, notice),
        "person": notice.person,
        "number": contact.mobile or visit.say("notices.unknown_number"),
        "text": f"{notice.text} {notice.action}".strip(),
        "next": next_step(visit, notice),
        "acts": acts if may(visit.user.roles, LogCall) else [],
    }


def _filters(visit: Visit, chosen: Chosen, refresh: Any) -> None:
    states = {"": visit.say("notices.any_state")} | {
        each.value: STATE_WORDS[each][visit.language] for each in NoticeState
    }

    def choose(**what: str) -> None:
        for name, value in what.items():
            setattr(chosen, name, value)
        chosen.page = 0
        refresh()

    ui.select(states, value="", on_change=lambda e: choose(state=e.value or "")).props("dense")
    ui.input(visit.say("notices.person"), on_change=lambda e: choose(person=e.value or "")).props(
        "dense clearable debounce=300"
    )


def _wanted(visit: Visit, chosen: Chosen) -> NoticeFilter:
    return NoticeFilter(
        states=[NoticeState(chosen.state)] if chosen.state else (),
        person=chosen.person.strip(),
        asset_ids=_assets(visit),
    )


def _assets(visit: Visit) -> list[AssetId] | None:
    """Of the stations that the user may see."""
    if not visit.user.stations:
        return None
    assets = visit.console.site.assets.items()
    return [asset_id for asset_id, asset in assets if visit.user.in_scope(asset.station)]


def _code_entry(visit: Visit) -> None:
    """Who was told reads both out over the telephone."""

    async def enter() -> None:
        notice = _by_code(visit, short.value or "", code.value or "")
        if notice is None:
            ui.notify(visit.say("notices.wrong_code"), type="warning")
            return
        await visit.ask(
            AnswerNotice(
                notice_id=notice.notice_id,
                incident_id=notice.incident_id,
                asset_id=notice.asset_id,
                person_id=notice.person_id,
                via="code",
            )
        )
        short.value = code.value = ""

    with ui.element("div").classes("gw-bar"):
        short = ui.input(visit.say("notices.short")).props("dense maxlength=8")
        code = ui.input(visit.say("notices.code")).props("dense maxlength=6")
        ui.button(visit.say("notices.enter_code"), on_click=enter).props("no-caps outline")


def _by_code(visit: Visit, short: str, code: str) -> Notice | None:
    key = visit.console.notices.known_key()
    recent = visit.console.notices.find(NoticeFilter(asset_ids=_assets(visit)), 500)
    for notice in recent if key else ():
        if notice.short_id == short.strip().lower():
            assert key is not None
            return notice if code_of(key, notice.notice_id) == code.strip() else None
    return None


def _open(visit: Visit, notice_id: UUID) -> None:
    notice = visit.console.notices.notice(notice_id)
    if notice is not None:
        ui.navigate.to(f"/incident/{notice.incident_id}")


async def _log_call(visit: Visit, notice_id: UUID, outcome: CallOutcome) -> None:
    notice = visit.console.notices.notice(notice_id)
    if notice is None:
        return
    await visit.ask(
        LogCall(
            notice_id=notice.notice_id,
            escalation_id=notice.escalation_id,
            step=notice.step,
            incident_id=notice.incident_id,
            asset_id=notice.asset_id,
            person_id=notice.person_id,
            outcome=outcome,
        )
    )


async def _retry(visit: Visit, notice_id: UUID) -> None:
    notice = visit.console.notices.notice(notice_id)
    if notice is not None:
        await visit.ask(RetryNotice(notice_id=notice.notice_id, asset_id=notice.asset_id))
