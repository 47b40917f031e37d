"""One item of the queue: pictures, tickets, what happened around it, and its rectification."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from uuid import UUID

from nicegui import ui
from nicegui.events import KeyEventArguments

from domain.access import may
from domain.clock import SECOND_US, system_clock
from domain.credit import OF_SIGHT, ReviewItem, ReviewState
from domain.paperwork import Ticket
from domain.requests import JudgeReview
from domain.review_requests import SeeReviews
from domain.wording import alarm_text
from service.local_socket import CoreUnreachable, RequestRefused
from web.components.around import telemetry_around
from web.components.judging import VERDICTS, open_judgement
from web.components.rectifying import rectifications_of
from web.components.redrawn import redrawn
from web.components.review_item import review_card
from web.components.timeline import Moment, timeline
from web.people_meant import AROUND_US, end_of, moment_of, station_of
from web.shell import Visit, console_page

_EVENTS_AT_MOST = 200


@console_page("/review/{review_id}", "reviews.title")
def review_page(visit: Visit, review_id: str) -> None:
    review = _found(visit, review_id)
    if review is None:
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return

    def read() -> ReviewItem:
        return visit.console.reads.review(review.review_id) or review

    def card(now: ReviewItem) -> None:
        with review_card(visit, now):
            if now.same_as:
                ui.link(visit.say("reviews.to_original"), f"/review/{now.same_as}")
            if now.is_open and may(visit.user.roles, JudgeReview):
                with ui.element("div").classes("gw-bar q-mt-sm"):
                    for key, (_, word) in VERDICTS.items():
                        ui.button(
                            visit.say(f"reviews.{word}"),
                            on_click=lambda key=key: open_judgement(visit, now, key),
                        ).props("no-caps unelevated" if key == "c" else "no-caps outline")
        if now.kind in OF_SIGHT and now.state is ReviewState.CONFIRMED:
            rectifications_of(visit, now)

    with ui.element("div").classes("gw-grid"):
        with ui.element("div").classes("gw-column"):
            redrawn(
                visit,
                {"review", "rectification"},
                lambda: (read(), visit.console.review_reads.rectifications_of([review.review_id])),
                lambda found: card(found[0]),
            )
        with ui.element("div").classes("gw-column"):
            _around(visit, review)

    def pressed(event: KeyEventArguments) -> None:
        held = event.modifiers.ctrl or event.modifiers.alt or event.modifiers.meta
        if not event.action.keydown or event.action.repeat or held:
            return
        now = read()
        key = str(event.key.name).lower()
        if now.is_open and key in VERDICTS and may(visit.user.roles, JudgeReview):
            open_judgement(visit, now, key)

    ui.keyboard(on_key=pressed)
    ui.timer(0.2, lambda: _note_seen(visit, review), once=True)


async def _note_seen(visit: Visit, review: ReviewItem) -> None:
    """Who opens it has seen it. Told without a word, and only what is new."""
    seen = visit.console.review_reads.seen_by(visit.user.name, [review.review_id])
    if seen.get(review.review_id, 0) >= review.version:
        return
    with suppress(CoreUnreachable, RequestRefused, TimeoutError):  # then it stays new to him
        await asyncio.to_thread(
            visit.console.core.ask,
            SeeReviews(review_ids=(review.review_id,)),
            visit.user.name,
            timeout_s=5.0,
        )


def _found(visit: Visit, review_id: str) -> ReviewItem | None:
    try:
        review = visit.console.reads.review(UUID(review_id))
    except ValueError:
        return None
    if review is None or not visit.user.in_scope(station_of(visit, review)):
        return None
    return review


def _around(visit: Visit, review: ReviewItem) -> None:
    began_us, ended_us = moment_of(review), end_of(review)
    window = began_us - AROUND_US, ended_us + AROUND_US
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("reviews.tickets")).classes("gw-head")
        tickets = visit.console.review_reads.tickets_at(station_of(visit, review), began_us)
        if not tickets:
            ui.label(visit.say("reviews.no_ticket")).classes("gw-soft")
        for ticket in tickets:
            ui.label(_ticket_text(visit, ticket)).style("overflow-wrap:anywhere")
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("reviews.around")).classes("gw-head")
        if review.asset_id:
            marked = began_us, max(ended_us, began_us + SECOND_US)
            telemetry_around(visit, review.asset_id, window, marked)
        timeline(_moments(visit, review, window))


def _ticket_text(visit: Visit, ticket: Ticket) -> str:
    state = visit.say(f"paper.state_{ticket.state.value}")
    return visit.say("reviews.ticket_there", number=ticket.number, task=ticket.task, state=state)


def _moments(visit: Visit, review: ReviewItem, window: tuple[int, int]) -> Iterator[Moment]:
    """What was seen, and every alarm of the station around it."""
    began_us, ended_us = moment_of(review), end_of(review)
    word = "was_seen" if review.sighting else "was_reported"
    yield _moment(visit, began_us, visit.say(f"reviews.{word}", text=review.text), "visibility")
    if ended_us > began_us:
        yield _moment(visit, ended_us, visit.say("reviews.seen_last"), "visibility_off")
    station, plan = station_of(visit, review), visit.console.plan
    until_us = min(window[1], system_clock())
    for event, _ in visit.console.reads.events_detected(window[0], until_us, _EVENTS_AT_MOST):
        asset = plan.asset(event.asset_id)
        if asset.station == station and event.event_id != review.event_id:
            text = alarm_text(event, asset, visit.console.site.zone, visit.language)
            yield _moment(
                visit,
                event.detected_at_us,
                text,
                "notifications_active",
                f"/alarm/{event.event_id}",
            )


def _moment(visit: Visit, at_us: int, what: str, icon: str, link: str = "") -> Moment:
    return Moment(at_us=at_us, when=visit.time(at_us), what=what, icon=icon, link=link)
