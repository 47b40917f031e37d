"""Outages, earth faults and what is announced: each with what waits for a person, who may do it here."""

from collections.abc import Iterable, Sequence
from typing import Final

from nicegui import ui

from domain.outage_requests import (
    AssignCrew,
    ConfirmRestored,
    MoveOutage,
    NoteOutage,
    TickOutageStep,
    TickTrial,
)
from domain.outage_words import (
    earth_line,
    flag_word,
    outage_line,
    phase_word,
    planned_line,
    trial_word,
)
from domain.outages import (
    BY_HAND,
    WORK,
    EarthFault,
    OpenTask,
    Outage,
    Phase,
    TrialResult,
    earth_tasks,
    open_tasks,
)
from domain.reasons import reason_text
from domain.requests import Request
from web.shell import Visit, console_page

_CHANGES: Final = frozenset({"outage", "planned_outage", "earth_fault"})


@console_page("/outages", "outages.title")
def outages_page(visit: Visit) -> None:
    frame = ui.element("div").classes("gw-column w-full")

    def refresh() -> None:
        frame.clear()
        with frame:
            _show(visit)

    refresh()
    visit.on_change(_CHANGES, refresh)


def _show(visit: Visit) -> None:
    reads, plan, zone = visit.console.outages, visit.console.plan.feeders, visit.console.site.zone
    if not plan.feeders:
        ui.label(visit.say("outages.no_feeders")).classes("gw-card gw-soft")
    _head(visit, "open")
    outages = reads.open_outages()
    for outage in outages:
        _outage(visit, outage)
    _empty(visit, "none", outages)
    _head(visit, "earth")
    faults = [each for each in reads.earth_faults() if each.is_open]
    for fault in faults:
        _earth(visit, fault)
    _empty(visit, "no_earth", faults)
    _head(visit, "planned")
    planned = reads.open_planned()
    for each in planned:
        _line(planned_line(each, plan.feeder(each.feeder_id), zone, visit.language))
    _empty(visit, "no_planned", planned)
    _head(visit, "past")
    past = reads.past_outages(20)
    for outage in past:
        _line(outage_line(outage, plan.feeder(outage.feeder_id), zone, visit.language))
    _empty(visit, "no_past", past)


def _head(visit: Visit, key: str) -> None:
    ui.label(visit.say(f"outages.{key}")).classes("gw-title")


def _empty(visit: Visit, key: str, found: Sequence[object]) -> None:
    if not found:
        ui.label(visit.say(f"outages.{key}")).classes("gw-card gw-soft")


def _line(text: str) -> None:
    ui.label(text).classes("gw-card").style("overflow-wrap:anywhere")


def _outage(visit: Visit, outage: Outage) -> None:
    plan, language = visit.console.plan.feeders, visit.language
    feeder = plan.feeder(outage.feeder_id)
    crews = {each.crew_id: each.name for each in plan.crews}
    with ui.element("div").classes("gw-card"):
        ui.label(outage_line(outage, feeder, visit.console.site.zone, language)).classes("gw-head")
        if outage.incident_id is not None:
            ui.link(visit.say("outages.incident"), f"/incident/{outage.incident_id}")
        _tasks(visit, open_tasks(outage, crews.get(outage.crew_id, "")))
        if outage.dark:
            ui.label(visit.say("outages.dark", sections=", ".join(outage.dark)))
        if outage.flags:
            said = ", ".join(f"{name} {flag_word(flag, language)}" for name, flag in outage.flags)
            ui.label(f"{visit.say('outages.flags')}: {said}")
        if outage.located is not None:
            ui.label(reason_text(outage.located, language))
        _steps(visit, outage)
        _acts(visit, outage, crews)
        for note in outage.notes:
            ui.label(f"{visit.time(note.at_us)} {note.by}: {note.words}").classes("gw-soft")
        if outage.is_permanent:
            _note(visit, outage)


def _tasks(visit: Visit, tasks: Iterable[OpenTask]) -> None:
    for task in tasks:
        due = f" ({visit.time(task.due_us)})" if task.due_us is not None else ""
        ui.label(reason_text(task.text, visit.language) + due)


def _steps(visit: Visit, outage: Outage) -> None:
    if outage.steps:
        ui.label(visit.say("outages.proposal")).classes("gw-soft")
    for step in outage.steps:
        with ui.element("div").classes("gw-bar"):
            ui.label(reason_text(step.text, visit.language))
            if step.done_at_us is not None:
                ui.label(f"{visit.time(step.done_at_us)} {step.done_by}").classes("gw-soft")
            else:
                request = TickOutageStep(outage_id=outage.outage_id, step_id=step.step_id)
                _button(visit, visit.say("outages.tick"), request)


def _acts(visit: Visit, outage: Outage, crews: dict[str, str]) -> None:
    with ui.element("div").classes("gw-bar"):
        if outage.phase in {Phase.PROPOSED, Phase.ASSIGNED, Phase.ACCEPTED}:
            for choice in outage.crews:
                name = crews.get(choice.crew_id, choice.crew_id)
                far = "" if choice.km is None else f" {choice.km:.1f} km"
                request = AssignCrew(outage_id=outage.outage_id, crew_id=choice.crew_id)
                _button(visit, visit.say("outages.send", crew=name + far), request)
        phase = _next(outage.phase)
        if phase is not None:
            move = MoveOutage(outage_id=outage.outage_id, phase=phase)
            _button(visit, phase_word(phase, visit.language), move)
        back = tuple(
            each.section_id
            for each in outage.sections
            if each.is_dark and each.back_at_us is not None
        )
        if back:
            confirm = ConfirmRestored(outage_id=outage.outage_id, sections=back)
            _button(visit, visit.say("outages.confirm", sections=", ".join(back)), confirm)


def _next(phase: Phase) -> Phase | None:
    """What a person ticks next; None where it comes by assigning or by confirmed sections."""
    if phase not in WORK or phase is WORK[-1]:
        return None
    after = WORK[WORK.index(phase) + 1]
    return after if after in BY_HAND else None


def _note(visit: Visit, outage: Outage) -> None:
    with ui.element("div").classes("gw-bar"):
        words = ui.input(visit.say("outages.note"))

        async def write() -> None:
            await visit.ask(NoteOutage(outage_id=outage.outage_id, words=words.value or ""))

        ui.button(visit.say("outages.write"), on_click=write).props("no-caps dense outline")


def _earth(visit: Visit, fault: EarthFault) -> None:
    networks = {each.network_id: each for each in visit.console.plan.feeders.networks}
    zone, language = visit.console.site.zone, visit.language
    with ui.element("div").classes("gw-card"):
        text = earth_line(fault, networks.get(fault.network_id), zone, language)
        ui.label(text).classes("gw-head")
        _tasks(visit, earth_tasks(fault))
        for trial in fault.trials:
            with ui.element("div").classes("gw-bar"):
                ui.label(f"{trial.number} {trial.name}: {reason_text(trial.because, language)}")
                if trial.result is not None:
                    ui.label(trial_word(trial.result, language)).classes("gw-soft")
                    continue
                for result in TrialResult:
                    request = TickTrial(earth_id=fault.earth_id, number=trial.number, result=result)
                    _button(visit, trial_word(result, language), request)


def _button(visit: Visit, label: str, request: Request) -> None:
    async def ask() -> None:
        await visit.ask(request)

    ui.button(label, on_click=ask).props("no-caps dense outline")
