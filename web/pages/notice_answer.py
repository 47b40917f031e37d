"""Where the link of a notice leads: what happened, and one button. Opening it changes nothing, since a
chat program opens links to show what stands behind them. No sign-in: the link is signed, expires, and
serves once.
"""

import asyncio
import time
from uuid import UUID

import structlog
from nicegui import ui

from domain.access import NOTICE
from domain.notice_codes import BadToken, notice_of
from domain.notice_words import title_of
from domain.notices import Notice, NoticeState
from domain.ports import StorageUnavailable
from domain.reasons import reason_text
from domain.requests import AnswerNotice
from service.local_socket import CoreUnreachable, RequestRefused
from web import words
from web.shell import console, language_of_session, style

log = structlog.get_logger(__name__)

_OVER = frozenset({NoticeState.ACKNOWLEDGED, NoticeState.WITHDRAWN})


@ui.page("/n/{token}")
def notice_answer_page(token: str) -> None:
    language = language_of_session()

    def say(key: str, **facts: object) -> str:
        return words.say(key, language, **facts)

    style(f"{say('notices.answer_title')} - {say('common.product')}")
    with ui.element("div").classes("gw-card gw-login"):
        ui.label(console().site.name).classes("gw-title")
        try:
            notice = _noticed(token)
        except BadToken as bad:
            ui.label(say("notices.answer_expired" if bad.expired else "notices.answer_bad"))
            return
        except StorageUnavailable:
            ui.label(say("common.records_away"))
            return
        if notice is None or notice.state in _OVER:
            ui.label(say("notices.answer_over"))
            return
        ui.label(say("notices.answer_who", person=notice.person)).classes("text-weight-medium")
        ui.label(title_of(notice.level, language) + notice.text).style("overflow-wrap:anywhere")
        if notice.action:
            ui.label(notice.action).classes("gw-soft")
        told = ui.label("").props('aria-live="polite"')
        button = ui.button(say("notices.answer_button")).classes("w-full").props("no-caps")

    async def take() -> None:
        button.disable()
        try:
            outcome = await asyncio.to_thread(
                console().core.ask, _answer(notice), NOTICE, timeout_s=5.0
            )
        except (CoreUnreachable, RequestRefused, TimeoutError) as error:
            log.warning("answer_without_answer", reason=str(error))
            told.text = say("common.no_answer")
            button.enable()
            return
        told.text = (
            say("notices.answer_done")
            if outcome.done or outcome.why is None
            else reason_text(outcome.why, language)
        )

    button.on_click(take)


def _noticed(token: str) -> Notice | None:
    """Raises BadToken, StorageUnavailable."""
    notices = console().notices
    key = notices.known_key()
    if key is None:
        raise BadToken
    wanted: UUID = notice_of(key, token, time.time())
    return notices.notice(wanted)


def _answer(notice: Notice) -> AnswerNotice:
    return AnswerNotice(
        notice_id=notice.notice_id,
        incident_id=notice.incident_id,
        asset_id=notice.asset_id,
        person_id=notice.person_id,
        via="link",
    )
