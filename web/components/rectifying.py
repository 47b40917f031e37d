"""整改: the notices of what was confirmed, and what can be done with each."""

from datetime import datetime, time, timedelta

from nicegui import ui

from domain.access import may
from domain.clock import from_datetime, system_clock, to_datetime
from domain.credit import ReviewItem
from domain.rectification import Rectification, RectificationState
from domain.review_requests import IssueRectification, ReportRectified, VerifyRectification
from web.components.lasting import lasting_dialog
from web.components.photos import Photos
from web.shell import Visit

_DAYS = 7  # that are proposed


def rectifications_of(visit: Visit, review: ReviewItem) -> None:
    """A card with every notice of the item, and the button for the first one."""
    notices = visit.console.review_reads.rectifications_of([review.review_id])
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("rectification.title")).classes("gw-head")
        if not notices:
            ui.label(visit.say("rectification.none")).classes("gw-soft")
        for notice in notices:
            _line(visit, notice)
        is_open = any(each.is_open for each in notices)
        if not is_open and may(visit.user.roles, IssueRectification):
            ui.button(
                visit.say("rectification.issue"), on_click=lambda: _open_issue(visit, review)
            ).props("no-caps unelevated")


def _line(visit: Visit, notice: Rectification) -> None:
    with ui.element("div").classes("gw-bar q-mb-sm"):
        ui.link(notice.number, f"/rectification/{notice.rectification_id}")
        state_chip(visit, notice)
        ui.label(visit.time(notice.due_us, "%Y-%m-%d")).classes("gw-soft")


def state_word(notice: Rectification) -> tuple[str, bool]:
    """And whether it presses."""
    now_us = system_clock()
    if notice.wants_look_back(now_us):
        return "state_look_back", True
    return ("late", True) if notice.is_late(now_us) else (f"state_{notice.state.value}", False)


def state_chip(visit: Visit, notice: Rectification) -> None:
    word, presses = state_word(notice)
    style = {RectificationState.CLOSED: "gw-plain", RectificationState.DONE: "gw-p3"}
    chip = "gw-p2" if presses else style.get(notice.state, "gw-wait")
    ui.label(visit.say(f"rectification.{word}")).classes(f"gw-chip {chip}")


def acts_on(visit: Visit, notice: Rectification) -> None:
    """The next step, for who may do it."""
    with ui.element("div").classes("gw-bar gw-noprint"):
        if notice.state is RectificationState.ISSUED and may(visit.user.roles, ReportRectified):
            ui.button(
                visit.say("rectification.done"), on_click=lambda: _open_done(visit, notice)
            ).props("no-caps unelevated")
        if notice.state is RectificationState.DONE and may(visit.user.roles, VerifyRectification):
            ui.button(
                visit.say("rectification.verify"),
                on_click=lambda: _open_verify(visit, notice, "verify"),
            ).props("no-caps unelevated")
        if notice.wants_look_back(system_clock()) and may(visit.user.roles, VerifyRectification):
            ui.button(
                visit.say("rectification.look_back"),
                on_click=lambda: _open_verify(visit, notice, "look_back"),
            ).props("no-caps unelevated")


def _open_issue(visit: Visit, review: ReviewItem) -> None:
    async def issue() -> None:
        due_us = _end_of_day(visit, str(due.value or ""))
        if due_us is None:
            ui.notify(visit.say("rectification.due_format"), type="warning")
            return
        outcome = await visit.ask(
            IssueRectification(
                review_id=review.review_id, measure=measure.value or "", due_us=due_us
            )
        )
        if outcome and outcome.done:
            dialog.close()

    proposed = to_datetime(system_clock()).astimezone(visit.console.site.zone)
    with lasting_dialog() as dialog, ui.card().classes("gw-judging"):
        ui.label(f"{visit.say('rectification.issue')}: {review.text}").classes("gw-head")
        measure = ui.textarea(visit.say("rectification.measure")).props("autofocus autogrow")
        due = ui.input(
            visit.say("rectification.due"),
            value=f"{proposed + timedelta(days=_DAYS):%Y-%m-%d}",
        ).props("type=date stack-label")
        for field in (measure, due):
            field.classes("w-full").props("dense outlined")
        _buttons(visit, dialog, issue)


def _open_done(visit: Visit, notice: Rectification) -> None:
    async def done() -> None:
        files = await photos.kept()
        if files is None:
            return
        outcome = await visit.ask(
            ReportRectified(
                rectification_id=notice.rectification_id,
                words=words.value or "",
                root_cause=cause.value or "",
                files=files,
            )
        )
        if outcome and outcome.done:
            dialog.close()

    with lasting_dialog() as dialog, ui.card().classes("gw-judging"):
        ui.label(f"{notice.number} {visit.say('rectification.done')}").classes("gw-head")
        words = ui.textarea(visit.say("rectification.done_words")).props("autofocus autogrow")
        cause = ui.textarea(visit.say("rectification.root_cause")).props("autogrow")
        for field in (words, cause):
            field.classes("w-full").props("dense outlined")
        photos = Photos(visit)
        _buttons(visit, dialog, done)


def _open_verify(visit: Visit, notice: Rectification, step: str) -> None:
    """`step`: verify, or look_back, which is the same question later."""

    async def verify() -> None:
        if gone.value is None:
            ui.notify(visit.say("rectification.say_gone"), type="warning")
            return
        outcome = await visit.ask(
            VerifyRectification(
                rectification_id=notice.rectification_id,
                cause_gone=bool(gone.value),
                words=words.value or "",
            )
        )
        if outcome and outcome.done:
            dialog.close()

    with lasting_dialog() as dialog, ui.card().classes("gw-judging"):
        ui.label(f"{notice.number} {visit.say(f'rectification.{step}')}").classes("gw-head")
        ui.label(f"{visit.say('rectification.root_cause')}: {notice.root_cause}")
        answers = {
            True: visit.say(f"rectification.{step}_gone"),
            False: visit.say(f"rectification.{step}_stays"),
        }
        gone = ui.radio(answers, value=None)
        words = ui.input(visit.say("rectification.looked_words")).props("dense outlined")
        words.classes("w-full").on("keydown.enter", verify)
        _buttons(visit, dialog, verify)


def _buttons(visit: Visit, dialog: ui.dialog, act: object) -> None:
    with ui.row():
        ui.button(visit.say("common.ok"), on_click=act).props("no-caps unelevated")  # type: ignore[arg-type]
        ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")


def _end_of_day(visit: Visit, written: str) -> int | None:
    try:
        day = datetime.strptime(written, "%Y-%m-%d").date()
    except ValueError:
        return None
    return from_datetime(datetime.combine(day, time(23, 59, 59), visit.console.site.zone))
