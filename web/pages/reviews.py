"""The review queue: what waits for a named person, judged in a few keystrokes."""

from dataclasses import dataclass, field

from nicegui import ui
from nicegui.events import KeyEventArguments

from domain.access import may
from domain.credit import ReviewItem, ReviewKind, ReviewState
from domain.ids import PersonId
from domain.requests import JudgeReview
from web.components.review_item import review_card
from web.shell import Visit, console_page

_OPEN = (ReviewState.PROPOSED.value, ReviewState.SENT_BACK.value)
_JUDGED = (ReviewState.CONFIRMED.value, ReviewState.REJECTED.value)
_VERDICTS = {
    "c": (ReviewState.CONFIRMED, "confirm"),
    "r": (ReviewState.REJECTED, "reject"),
    "b": (ReviewState.SENT_BACK, "send_back"),
}


@dataclass(slots=True)
class Queue:
    judged: bool = False
    items: list[ReviewItem] = field(default_factory=list)
    at: int = 0

    @property
    def chosen(self) -> ReviewItem | None:
        return self.items[self.at] if self.at < len(self.items) else None

    def move(self, by: int) -> None:
        self.at = max(0, min(len(self.items) - 1, self.at + by))


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

    @ui.refreshable
    def cards() -> None:
        if not queue.items:
            empty = "reviews.empty_judged" if queue.judged else "reviews.empty"
            ui.label(visit.say(empty)).classes("gw-card gw-soft")
        for number, review in enumerate(queue.items):
            chosen = number == queue.at and not queue.judged
            with review_card(visit, review, chosen=chosen):
                if chosen and may(visit.user.roles, JudgeReview):
                    _verdicts(visit, review)

    def load() -> None:
        before = queue.chosen.review_id if queue.chosen else None
        states = _JUDGED if queue.judged else _OPEN
        queue.items = visit.console.reads.reviews(states)
        places = [each.review_id for each in queue.items]
        queue.at = places.index(before) if before in places else min(queue.at, len(places))
        queue.move(0)

    def show(judged: bool) -> None:
        queue.judged, queue.at = judged, 0
        refresh()

    def refresh() -> None:
        before = [(each.review_id, each.version) for each in queue.items]
        load()
        # what somebody is typing must not vanish because an alarm came elsewhere
        if before != [(each.review_id, each.version) for each in queue.items]:
            cards.refresh()

    async def pressed(event: KeyEventArguments) -> None:
        if not event.action.keydown or event.action.repeat or queue.judged:
            return
        key = str(event.key.name).lower()
        if key in {"j", "arrowdown", "k", "arrowup"}:
            queue.move(1 if key in {"j", "arrowdown"} else -1)
            cards.refresh()
        elif key in _VERDICTS and queue.chosen and may(visit.user.roles, JudgeReview):
            _open_dialog(visit, queue.chosen, key)

    load()
    cards()
    ui.keyboard(on_key=pressed)
    visit.on_change({"review"}, refresh)


def _verdicts(visit: Visit, review: ReviewItem) -> None:
    with ui.element("div").classes("gw-bar q-mt-sm"):
        for key, (_, word) in _VERDICTS.items():
            ui.button(
                visit.say(f"reviews.{word}"),
                on_click=lambda key=key: _open_dialog(visit, review, key),
            ).props("no-caps unelevated" if key == "c" else "no-caps outline")


def _open_dialog(visit: Visit, review: ReviewItem, key: str) -> None:
    """Asks for the judge's words; Enter sends them."""
    verdict, word = _VERDICTS[key]

    async def judge() -> None:
        person = doer.value if doer else None
        outcome = await visit.ask(
            JudgeReview(
                review_id=review.review_id,
                verdict=verdict,
                words=words.value or "",
                person_id=PersonId(person) if person else None,
            )
        )
        if outcome and outcome.done:
            dialog.close()

    with ui.dialog(value=True) as dialog, ui.card().style("min-width:300px"):
        ui.label(f"{visit.say(f'reviews.{word}')}: {review.text}").classes("gw-head")
        doer = None
        if review.kind is ReviewKind.VIOLATION and verdict is ReviewState.CONFIRMED:
            persons = {p.person_id: p.name for p in visit.console.site.organisation.persons}
            doer = ui.select(
                persons, label=visit.say("reviews.doer"), with_input=True, clearable=True
            )
            doer.classes("w-full")
        words = ui.input(visit.say("reviews.words")).classes("w-full").props("autofocus")
        words.on("keydown.enter", judge)
        with ui.row():
            ui.button(visit.say("common.ok"), on_click=judge).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")
