"""What people write about outages: each form stands in a dialog beside the part that is drawn anew.

A change of anything draws the cards again; what somebody is typing meanwhile is not among them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from nicegui import ui

from domain.access import may
from domain.clock import from_datetime, system_clock
from domain.feeders import Feeder
from domain.outage_requests import (
    ChangePlannedOutage,
    ConfirmRestored,
    EndPlannedOutage,
    LocateFault,
    NoteEarthFault,
    NoteOutage,
    PlanOutage,
    ReportOutage,
)
from domain.outages import EarthFault, Outage, PlannedOutage, PlanState
from domain.requests import Request
from web.components.period import PATTERN
from web.shell import Visit

_Ask = Callable[[], Request | None]

_DAY_US: Final = 24 * 3_600_000_000
_USUAL_US: Final = 8 * 3_600_000_000  # of a planned outage


class OutageForms:
    """Made where its dialogs shall live, outside whatever is drawn anew."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._place = ui.element("div").classes("w-full")

    def buttons(self) -> None:
        """What can be asked without any outage."""
        if self._feeders():
            self._button("report", ReportOutage, self.report)
        self.announcing()

    def announcing(self) -> None:
        if self._feeders():
            self._button("announce", PlanOutage, self.announce)

    def report(self) -> None:
        """A call from the field."""

        def form() -> _Ask:
            feeder, sections = self._feeder_and_sections()
            words = _words(self._visit.say("outages.who_said_what"))
            return lambda: ReportOutage(
                feeder_id=str(feeder.value or ""),
                sections=_chosen(sections),
                words=words.value or "",
            )

        self._open("report", form)

    def announce(self) -> None:
        def form() -> _Ask:
            feeder, sections = self._feeder_and_sections()
            ahead = self._visit.console.plan.feeders.rules.announce_ahead_us
            begins_us = _at_eight(self._visit, system_clock() + ahead + _DAY_US)
            times = self._times(begins_us, begins_us + _USUAL_US)
            why, late = self._reasons()

            def asked() -> Request | None:
                moments = self._moments(*times)
                if moments is None:
                    return None
                return PlanOutage(
                    feeder_id=str(feeder.value or ""),
                    sections=_chosen(sections),
                    from_us=moments[0],
                    to_us=moments[1],
                    why=why.value or "",
                    late_because=late.value or "",
                )

            return asked

        self._open("announce", form)

    def change(self, planned: PlannedOutage) -> None:
        def form() -> _Ask:
            feeder = self._visit.console.plan.feeders.feeder(planned.feeder_id)
            sections = self._sections(feeder, planned.sections)
            times = self._times(planned.from_us, planned.to_us)
            why, late = self._reasons(planned)
            if planned.state is PlanState.UNDER_WAY:
                sections.disable()
                times[0].disable()

            def asked() -> Request | None:
                moments = self._moments(*times)
                if moments is None:
                    return None
                unmoved = times[0].value == self._visit.time(planned.from_us, PATTERN)
                return ChangePlannedOutage(
                    planned_id=planned.planned_id,
                    sections=_chosen(sections),
                    from_us=planned.from_us if unmoved else moments[0],  # it has seconds, too
                    to_us=moments[1],
                    why=why.value or "",
                    late_because=late.value or "",
                )

            return asked

        self._open("change", form)

    def withdraw(self, planned: PlannedOutage) -> None:
        """Who was told of it is told why it does not take place."""

        def form() -> _Ask:
            words = _words(self._visit.say("outages.withdrawn_because"))
            return lambda: EndPlannedOutage(planned_id=planned.planned_id, why=words.value or "")

        self._open("withdraw", form)

    def locate(self, outage: Outage) -> None:
        def form() -> _Ask:
            feeder = self._visit.console.plan.feeders.feeder(outage.feeder_id)
            sections = self._sections(feeder, outage.faulted)
            words = _words(self._visit.say("outages.by_what"))
            return lambda: LocateFault(
                outage_id=outage.outage_id, sections=_chosen(sections), words=words.value or ""
            )

        self._open("locate", form)

    def restored(self, outage: Outage) -> None:
        """What nobody telemeters came back when a person says so."""

        def form() -> _Ask:
            feeder = self._visit.console.plan.feeders.feeder(outage.feeder_id)
            sections = self._sections(feeder, outage.dark, only=outage.dark)
            now = self._visit.time(system_clock(), PATTERN)
            when = self._line("since_when", now)

            def asked() -> Request | None:
                at_us = self._moment(when.value)
                if at_us is None:
                    return None
                return ConfirmRestored(
                    outage_id=outage.outage_id, sections=_chosen(sections), at_us=at_us
                )

            return asked

        self._open("restored", form)

    def note(self, outage: Outage) -> None:
        def form() -> _Ask:
            words = _words(self._visit.say("outages.note"))
            return lambda: NoteOutage(outage_id=outage.outage_id, words=words.value or "")

        self._open("write", form)

    def note_earth(self, fault: EarthFault) -> None:
        def form() -> _Ask:
            words = _words(self._visit.say("outages.note"))
            return lambda: NoteEarthFault(earth_id=fault.earth_id, words=words.value or "")

        self._open("write", form)

    def _button(self, word: str, request: type[Request], opens: Callable[[], None]) -> None:
        if may(self._visit.user.roles, request):
            ui.button(self._visit.say(f"outages.{word}"), on_click=opens).props(
                "no-caps unelevated"
            )

    def _open(self, title: str, form: Callable[[], _Ask]) -> None:
        """It stays open until core has done it; what was refused can be mended."""
        visit = self._visit
        with self._place, ui.dialog(value=True) as dialog, ui.card().classes("gw-form"):
            ui.label(visit.say(f"outages.{title}")).classes("gw-head")
            asked = form()

            async def send() -> None:
                request = asked()
                if request is None:
                    return
                outcome = await visit.ask(request)
                if outcome and outcome.done:
                    dialog.close()

            with ui.row():
                ui.button(visit.say("common.ok"), on_click=send).props("no-caps unelevated")
                ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")
        dialog.on("hide", dialog.delete)

    def _feeders(self) -> dict[str, str]:
        return {
            each.feeder_id: f"{each.station} {each.name}"
            for each in self._visit.console.plan.feeders.feeders
            if self._visit.user.in_scope(each.station)
        }

    def _feeder_and_sections(self) -> tuple[ui.select, ui.select]:
        plan, names = self._visit.console.plan.feeders, self._feeders()
        first = next(iter(names), None)
        feeder = ui.select(names, value=first, label=self._visit.say("outages.feeder"))
        feeder.classes("w-full")
        sections = self._sections(plan.feeder(first) if first else None, ())

        def other() -> None:
            chosen = plan.feeder(str(feeder.value))
            sections.set_options(_named(chosen) if chosen else {}, value=[])

        feeder.on_value_change(other)
        return feeder, sections

    def _sections(
        self,
        feeder: Feeder | None,
        chosen: tuple[str, ...],
        only: tuple[str, ...] | None = None,
    ) -> ui.select:
        names = _named(feeder) if feeder else {each: each for each in chosen}
        if only is not None:
            names = {each: name for each, name in names.items() if each in only}
        value = [each for each in names if each in chosen]
        return ui.select(
            names, value=value, multiple=True, label=self._visit.say("outages.sections")
        ).classes("w-full")

    def _times(self, from_us: int, to_us: int) -> tuple[ui.input, ui.input]:
        begins = self._line("from", self._visit.time(from_us, PATTERN))
        return begins, self._line("to", self._visit.time(to_us, PATTERN))

    def _reasons(self, planned: PlannedOutage | None = None) -> tuple[ui.input, ui.input]:
        why = self._line("why", planned.why if planned else "")
        late = self._line("late", planned.late_because if planned else "")
        return why, late

    def _line(self, word: str, value: str) -> ui.input:
        return ui.input(self._visit.say(f"outages.{word}"), value=value).classes("w-full")

    def _moments(self, begins: ui.input, ends: ui.input) -> tuple[int, int] | None:
        from_us, to_us = self._moment(begins.value), self._moment(ends.value)
        return None if from_us is None or to_us is None else (from_us, to_us)

    def _moment(self, written: str | None) -> int | None:
        try:
            local = datetime.strptime((written or "").strip(), PATTERN)
        except ValueError:
            ui.notify(self._visit.say("paper.bad_time"), type="warning")
            return None
        return from_datetime(local.replace(tzinfo=self._visit.console.site.zone))


def act(visit: Visit, label: str, request: Request) -> None:
    """A button for whoever may ask for that."""

    async def ask() -> None:
        await visit.ask(request)

    form_act(visit, label, type(request), ask)


def form_act(visit: Visit, label: str, kind: type[Request], opens: Callable[[], Any]) -> None:
    if may(visit.user.roles, kind):
        ui.button(label, on_click=opens).props("no-caps dense outline")


def _words(label: str) -> ui.textarea:
    return ui.textarea(label).props("autogrow autofocus").classes("w-full")


def _named(feeder: Feeder) -> dict[str, str]:
    return {each.section_id: f"{each.section_id} {each.name}" for each in feeder.sections}


def _chosen(sections: ui.select) -> tuple[str, ...]:
    """In the order of the feeder, whatever was clicked first."""
    picked = sections.value or ()
    return tuple(each for each in sections.options if each in picked)


def _at_eight(visit: Visit, at_us: int) -> int:
    local = datetime.fromisoformat(visit.time(at_us, "%Y-%m-%d 08:00"))
    return from_datetime(local.replace(tzinfo=visit.console.site.zone))
