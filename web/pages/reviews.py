"""The review queue: what waits for a named person, the gravest first, judged in a few keystrokes."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from nicegui import ui
from nicegui.events import KeyEventArguments

from domain.access import may
from domain.assets import Priority
from domain.credit import OF_SIGHT, ReviewItem, ReviewKind, ReviewState
from domain.requests import JudgeReview
from domain.review_requests import AT_ONCE, MarkDuplicates, ReportByHand, SeeReviews
from domain.wording import priority_word
from storage.reviews import ReviewFilter
from web.components.download import excel_button
from web.components.judging import VERDICTS, open_judgement
from web.components.review_item import named_text, review_card
from web.finding import stations_in_sight
from web.people_meant import end_of, moment_of, station_of
from web.shell import Visit, console_page

_OPEN: Final = (ReviewState.PROPOSED, ReviewState.SENT_BACK)
_JUDGED: Final = (ReviewState.CONFIRMED, ReviewState.REJECTED, ReviewState.DUPLICATE)
_SHOWN: Final = 100
_SHEET_ROWS: Final = 10_000
_FULL: Final = "%Y-%m-%d %H:%M:%S"
_COLUMNS: Final = (
    *("time", "until", "kind", "code", "level", "text", "place", "zone", "proposed_by", "state"),
    *("person", "clause", "found_by", "judge", "judged_at", "words_given"),
)


@dataclass(slots=True)
class Queue:
    judged: bool = False
    items: list[ReviewItem] = field(default_factory=list)
    seen: dict[UUID, int] = field(default_factory=dict)
    picked: set[UUID] = field(default_factory=set)
    at: int = 0

    @property
    def chosen(self) -> ReviewItem | None:
        return self.items[self.at] if self.at < len(self.items) else None

    def move(self, by: int) -> None:
        self.at = max(0, min(len(self.items) - 1, self.at + by))

    def is_seen(self, review: ReviewItem) -> bool:
        return self.seen.get(review.review_id, 0) >= review.version


@console_page("/reviews", "reviews.title")
def reviews_page(visit: Visit) -> None:
    queue = Queue()
    if visit.console.site.rule_book.shadow:
        ui.label(visit.say("reviews.shadow")).classes("gw-note")
    with ui.element("div").classes("gw-bar"):
        states = {False: visit.say("reviews.waiting"), True: visit.say("reviews.judged")}
        ui.toggle(states, value=False, on_change=lambda event: show(event.value)).props(
            "no-caps dense"
        )
        ui.label(visit.say("reviews.keys")).classes("gw-soft gw-hide-small")
        ui.space()
        if may(visit.user.roles, ReportByHand):
            ui.button(
                visit.say("reviews.report"),
                icon="add_a_photo",
                on_click=lambda: ui.navigate.to("/report-by-hand"),
            ).props("no-caps unelevated dense")
        excel_button(visit, "reviews", lambda: _sheet(visit, wanted()))
    chosen = _Filters(visit, lambda: refresh(at_first=True))

    def wanted() -> ReviewFilter:
        return chosen.asked(visit, _JUDGED if queue.judged else _OPEN)

    @ui.refreshable
    def cards() -> None:
        if queue.picked:
            _bulk(visit, queue, refresh)
        if not queue.items:
            empty = "reviews.empty_judged" if queue.judged else "reviews.empty"
            ui.label(visit.say(empty)).classes("gw-card gw-soft")
        for number, review in enumerate(queue.items):
            here = number == queue.at and not queue.judged
            with review_card(visit, review, chosen=here, is_new=not queue.is_seen(review)):
                _acts(review, here)

    def _acts(review: ReviewItem, here: bool) -> None:
        with ui.element("div").classes("gw-bar q-mt-sm"):
            if here and may(visit.user.roles, JudgeReview):
                _verdicts(visit, review)
            if review.kind in OF_SIGHT:
                target = f"/review/{review.review_id}"
                ui.link(visit.say("reviews.details"), target)
            if not queue.judged and may(visit.user.roles, MarkDuplicates):
                picked = review.review_id in queue.picked
                box = ui.checkbox(visit.say("reviews.pick"), value=picked).props("dense")
                box.on_value_change(lambda event: pick(review, event.value))

    def pick(review: ReviewItem, is_picked: bool) -> None:
        (queue.picked.add if is_picked else queue.picked.discard)(review.review_id)
        cards.refresh()

    def load() -> None:
        before = queue.chosen.review_id if queue.chosen else None
        found = visit.console.review_reads.queue(wanted(), _SHOWN)
        queue.seen = dict(
            visit.console.review_reads.seen_by(visit.user.name, [r.review_id for r in found])
        )
        queue.items = [r for r in found if not (chosen.unseen.value and queue.is_seen(r))]
        places = [each.review_id for each in queue.items]
        queue.picked &= set(places)
        queue.at = places.index(before) if before in places else min(queue.at, len(places))
        queue.move(0)

    def show(judged: bool) -> None:
        queue.judged = judged
        refresh(at_first=True)

    def shown() -> list[tuple[UUID, int, bool]]:
        return [(each.review_id, each.version, queue.is_seen(each)) for each in queue.items]

    def refresh(*, at_first: bool = False) -> None:
        before = shown()
        if at_first:
            queue.at, queue.items = 0, []
        load()
        # what somebody is typing must not vanish because an alarm came elsewhere
        if at_first or before != shown():
            cards.refresh()

    async def pressed(event: KeyEventArguments) -> None:
        if not event.action.keydown or event.action.repeat or queue.judged:
            return
        if event.modifiers.ctrl or event.modifiers.alt or event.modifiers.meta:
            return
        key = str(event.key.name).lower()
        if key in {"j", "arrowdown", "k", "arrowup"}:
            queue.move(1 if key in {"j", "arrowdown"} else -1)
            cards.refresh()
        elif queue.chosen is None:
            return
        elif key == "s":
            await visit.ask(SeeReviews(review_ids=(queue.chosen.review_id,)))
        elif key == "x" and may(visit.user.roles, MarkDuplicates):
            pick(queue.chosen, queue.chosen.review_id not in queue.picked)
        elif key in VERDICTS and may(visit.user.roles, JudgeReview):
            open_judgement(visit, queue.chosen, key)

    load()
    cards()
    ui.keyboard(on_key=pressed)
    visit.on_change({"review", "review_mark"}, refresh)


class _Filters:
    """The fields above the list, and what they ask for."""

    def __init__(self, visit: Visit, changed: Callable[[], None]) -> None:
        everything = {"": visit.say("common.all")}
        kinds = {each.value: visit.say(f"reviews.kind_{each.value}") for each in ReviewKind}
        levels = {str(each.value): priority_word(each, visit.language) for each in Priority}
        stations = {each: each for each in stations_in_sight(visit)}
        cameras = {each.camera_id: each.name for each in visit.console.site.cameras}
        with ui.element("div").classes("gw-bar"):
            self._kind = ui.select(everything | kinds, value="", label=visit.say("reviews.kind"))
            self._level = ui.select(everything | levels, value="", label=visit.say("reviews.level"))
            self._station = ui.select(
                everything | stations, value="", label=visit.say("reviews.place")
            )
            self._camera = ui.select(
                everything | cameras, value="", label=visit.say("reviews.camera")
            )
            self._words = ui.input(visit.say("reviews.search")).style("flex:1; min-width:140px")
            self.unseen = ui.checkbox(visit.say("reviews.only_new"), on_change=changed)
        for select in (self._kind, self._level, self._station, self._camera):
            select.props("dense outlined options-dense").style("min-width:110px")
            select.on_value_change(changed)
        self._camera.set_visibility(bool(cameras))
        self._words.props("dense outlined clearable debounce=300").on_value_change(changed)

    def asked(self, visit: Visit, states: Collection[ReviewState]) -> ReviewFilter:
        """Bounded to the stations that the user may see."""
        station = str(self._station.value or "")
        everywhere = not station and not visit.user.stations
        stations = {station} if station else set(stations_in_sight(visit))
        assets = visit.console.site.assets
        return ReviewFilter(
            states=states,
            kinds=(ReviewKind(self._kind.value),) if self._kind.value else (),
            levels=(Priority(int(self._level.value)),) if self._level.value else (),
            stations=None if everywhere else stations,
            assets=[key for key, each in assets.items() if each.station in stations],
            camera_id=str(self._camera.value or ""),
            words=self._words.value or "",
        )


def _bulk(visit: Visit, queue: Queue, refresh: Callable[[], None]) -> None:
    """What is done with all that are picked; the chosen one is the one that stays."""

    async def duplicates() -> None:
        kept = queue.chosen
        if kept is None:
            return
        others = tuple(sorted(queue.picked - {kept.review_id}))
        outcome = await visit.ask(MarkDuplicates(review_ids=others[:AT_ONCE], of=kept.review_id))
        if outcome and outcome.done:
            queue.picked.clear()
            refresh()

    async def seen() -> None:
        outcome = await visit.ask(SeeReviews(review_ids=tuple(sorted(queue.picked))[:AT_ONCE]))
        if outcome and outcome.done:
            queue.picked.clear()
            refresh()

    def none() -> None:
        queue.picked.clear()
        refresh()

    with ui.element("div").classes("gw-bar gw-note"):
        ui.label(visit.say("reviews.picked", count=len(queue.picked)))
        kept = queue.chosen
        others = queue.picked - ({kept.review_id} if kept else set())
        if kept is not None and others:
            ui.button(
                visit.say("reviews.as_duplicates", count=len(others), text=kept.text[:40]),
                on_click=duplicates,
            ).props("no-caps unelevated dense")
        ui.button(visit.say("reviews.mark_seen"), on_click=seen).props("no-caps outline dense")
        ui.button(visit.say("common.cancel"), on_click=none).props("no-caps flat dense")


def _sheet(visit: Visit, wanted: ReviewFilter) -> tuple[list[str], list[list[object]]]:
    headings = [visit.say(f"reviews.{each}") for each in _COLUMNS]
    found = visit.console.review_reads.queue(wanted, _SHEET_ROWS)
    return headings, [_line(visit, review) for review in found]


def _line(visit: Visit, review: ReviewItem) -> list[object]:
    place = station_of(visit, review)
    if review.asset_id:
        place = f"{place} {visit.console.asset(review.asset_id).name}"
    found = review.established
    return [
        visit.time(moment_of(review), _FULL),
        visit.time(end_of(review), _FULL),
        visit.say(f"reviews.kind_{review.kind.value}"),
        review.code,
        priority_word(review.level, visit.language) if review.level else "",
        review.text,
        place,
        visit.console.zone_name(review.zone_id) if review.zone_id else "",
        review.proposed_by,
        visit.say(f"reviews.state_{review.state.value}"),
        named_text(visit, review),
        found.clause if found else "",
        visit.say(f"reviews.found_{found.found_by.value}") if found else "",
        review.judged_by or "",
        visit.time(review.judged_at_us, _FULL),
        review.judgement,
    ]


def _verdicts(visit: Visit, review: ReviewItem) -> None:
    for key, (_, word) in VERDICTS.items():
        ui.button(
            visit.say(f"reviews.{word}"),
            on_click=lambda key=key: open_judgement(visit, review, key),
        ).props("no-caps unelevated" if key == "c" else "no-caps outline")
