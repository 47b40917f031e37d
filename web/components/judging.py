"""The dialog of a judgement: who it was, in what role, by which clause, found by whom; all by keyboard."""

from collections.abc import Iterator
from typing import Final

from nicegui import ui
from nicegui.events import KeyEventArguments

from domain.credit import ReviewItem, ReviewKind, ReviewState
from domain.ids import PersonId
from domain.judgements import FoundBy, Named, WorkRole
from domain.requests import JudgeReview
from linkage.candidates import Candidate, Why
from web.components.lasting import lasting_dialog
from web.people_meant import people_meant
from web.shell import Visit

VERDICTS: Final = {
    "c": (ReviewState.CONFIRMED, "confirm"),
    "r": (ReviewState.REJECTED, "reject"),
    "b": (ReviewState.SENT_BACK, "send_back"),
}
_SHOWN_AT_MOST: Final = 15  # the first nine by a digit, the stranger by 0
_NOBODY: Final = ""


class _Naming:
    """The rows of persons: one select for the role of each; no role, not named."""

    def __init__(self, visit: Visit, review: ReviewItem) -> None:
        self._visit = visit
        self._roles: list[tuple[Candidate, ui.select]] = []
        ui.label(visit.say("reviews.who")).classes("gw-soft q-mt-sm")
        self._rows = ui.element("div").classes("gw-naming")
        found = people_meant(visit, review)
        known, stranger = found[:-1], found[-1]
        self._row(stranger)
        for each in known[:_SHOWN_AT_MOST]:
            self._row(each)
        persons = {p.person_id: p.name for p in visit.console.site.organisation.persons}
        more = ui.select(persons, label=visit.say("reviews.another"), with_input=True)
        more.props("dense outlined options-dense").classes("w-full")
        more.on_value_change(lambda event: self._add(event.value))
        self._more = more

    @property
    def named(self) -> tuple[Named, ...]:
        return tuple(
            Named(person_id=candidate.person_id, role=WorkRole(role.value))
            for candidate, role in self._roles
            if role.value
        )

    def toggle(self, number: int) -> None:
        """Alt and a digit: named in his likely role, or not."""
        if number < len(self._roles):
            candidate, role = self._roles[number]
            role.value = _NOBODY if role.value else candidate.role.value

    def _add(self, person: str | None) -> None:
        if not person:
            return
        for candidate, role in self._roles:
            if candidate.person_id == person:
                role.value = role.value or candidate.role.value
                break
        else:
            with self._rows:
                row = self._row(Candidate(person_id=PersonId(person), why=Why.UNKNOWN))
                row.value = WorkRole.DOER.value
        self._more.value = None

    def _row(self, candidate: Candidate) -> ui.select:
        visit, number = self._visit, len(self._roles)
        roles = {_NOBODY: visit.say("reviews.not_named")}
        roles |= {each.value: visit.say(f"reviews.role_{each.value}") for each in WorkRole}
        with self._rows:
            name = _name(visit, candidate)
            label = ui.label(f"{number}. {name}").style("overflow-wrap:anywhere")
            role = ui.select(roles, value=_NOBODY).props(
                f'dense outlined options-dense aria-label="{name}"'
            )
        if candidate.person_id is None:  # the last resort stands last
            for each in (label, role):
                each.style("order:1")
        self._roles.append((candidate, role))
        return role


def _name(visit: Visit, candidate: Candidate) -> str:
    if candidate.person_id is None:
        return visit.say("reviews.stranger")
    name = visit.console.person(candidate.person_id)
    match candidate.why:
        case Why.CREW:
            return visit.say("reviews.of_crew", name=name, ticket=candidate.ticket)
        case Why.ON_DUTY:
            return visit.say("reviews.of_duty", name=name)
        case Why.UNKNOWN:
            return name


def open_judgement(visit: Visit, review: ReviewItem, key: str) -> None:
    """Asks for what the verdict needs; Enter sends it, Escape leaves it."""
    verdict, word = VERDICTS[key]
    establishes = review.kind is ReviewKind.VIOLATION and verdict is ReviewState.CONFIRMED

    async def judge() -> None:
        outcome = await visit.ask(
            JudgeReview(
                review_id=review.review_id,
                verdict=verdict,
                words=words.value or "",
                named=naming.named if naming else (),
                clause=(clause.value or "") if clause else "",
                found_by=FoundBy(finder.value) if finder and finder.value else None,
            )
        )
        if outcome and outcome.done:
            dialog.close()

    def pressed(event: KeyEventArguments) -> None:
        if (
            naming
            and event.action.keydown
            and event.modifiers.alt
            and event.key.code[:5] == "Digit"
        ):
            naming.toggle(int(event.key.code[5:]))

    with lasting_dialog() as dialog, ui.card().classes("gw-judging"):
        ui.label(f"{visit.say(f'reviews.{word}')}: {review.text}").classes("gw-head")
        naming = clause = finder = None
        if establishes:
            naming = _Naming(visit, review)
            clause = ui.input(visit.say("reviews.clause"), value=_clause_of(visit, review))
            finders = {each.value: visit.say(f"reviews.found_{each.value}") for each in FoundBy}
            finder = ui.select(
                finders,
                label=visit.say("reviews.found_by"),
                value=FoundBy.MACHINE.value if review.proposed_by.startswith("rule:") else None,
            )
        words = ui.input(visit.say("reviews.words"))
        for field in _given(clause, finder, words):
            field.classes("w-full").props("dense outlined")
        for text in _given(clause, words):
            text.on("keydown.enter", judge)
        words.props("autofocus")
        if establishes:
            ui.label(visit.say("reviews.judging_keys")).classes("gw-soft gw-hide-small")
            ui.keyboard(on_key=pressed, repeating=False, ignore=[])  # wherever the cursor stands
        with ui.row():
            ui.button(visit.say("common.ok"), on_click=judge).props("no-caps unelevated")
            ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")


def _given(*fields: ui.element | None) -> Iterator[ui.element]:
    return (each for each in fields if each is not None)


def _clause_of(visit: Visit, review: ReviewItem) -> str:
    """As the site words the rule; the judge may word it better."""
    rules = (rule for rule in visit.console.site.machine_rules if rule.code == review.code)
    rule = next(rules, None)
    said = (rule.source, rule.code, rule.text) if rule else (review.code,)
    return " ".join(each for each in said if each)
