"""Parts of an outage and of an earth fault, as lists and their own page show them; who may, acts here."""

from collections.abc import Iterable

from nicegui import ui

from domain.feeders import EarthNetwork
from domain.outage_requests import (
    AssignCrew,
    ConfirmPing,
    ConfirmRestored,
    LocateFault,
    MoveOutage,
    NoteEarthFault,
    NoteOutage,
    TickOutageStep,
    TickTrial,
)
from domain.outage_words import earth_line, flag_word, outage_line, phase_word, trial_word
from domain.outages import (
    BY_HAND,
    WORK,
    EarthFault,
    Note,
    OpenTask,
    Outage,
    Phase,
    Trial,
    TrialResult,
    earth_tasks,
    open_tasks,
)
from domain.reasons import reason_text
from web.components.outage_forms import OutageForms, act, form_act
from web.shell import Visit

_MAY_BE_LOCATED = frozenset(WORK) - {Phase.RESTORED, Phase.CLOSED}


def title(visit: Visit, outage: Outage) -> str:
    feeder = visit.console.plan.feeders.feeder(outage.feeder_id)
    return outage_line(outage, feeder, visit.console.site.zone, visit.language)


def outage_card(visit: Visit, outage: Outage, forms: OutageForms) -> None:
    """What a list shows of one that is open."""
    with ui.element("div").classes("gw-card"):
        ui.link(title(visit, outage), f"/outage/{outage.outage_id}").classes("gw-head")
        tasks(visit, outage)
        if outage.dark:
            ui.label(visit.say("outages.dark", sections=", ".join(outage.dark)))
        if outage.flags:
            said = ", ".join(
                f"{name} {flag_word(flag, visit.language)}" for name, flag in outage.flags
            )
            ui.label(f"{visit.say('outages.flags')}: {said}")
        located(visit, outage)
        steps(visit, outage)
        acts(visit, outage, forms)
        notes(visit, outage.notes)


def tasks(visit: Visit, outage: Outage) -> None:
    crew = crew_names(visit).get(outage.crew_id, "")
    _say_tasks(visit, open_tasks(outage, crew))


def located(visit: Visit, outage: Outage) -> None:
    if outage.located is not None:
        ui.label(reason_text(outage.located, visit.language))


def steps(visit: Visit, outage: Outage) -> None:
    if outage.steps:
        ui.label(visit.say("outages.proposal")).classes("gw-soft")
    for step in outage.steps:
        with ui.element("div").classes("gw-bar"):
            ui.label(reason_text(step.text, visit.language))
            if step.done_at_us is not None:
                ui.label(f"{visit.time(step.done_at_us)} {step.done_by}").classes("gw-soft")
            elif outage.is_open:
                request = TickOutageStep(outage_id=outage.outage_id, step_id=step.step_id)
                act(visit, visit.say("outages.tick"), request)


def acts(visit: Visit, outage: Outage, forms: OutageForms) -> None:
    """Every button that its phase leaves; forms open beside it."""
    wanted = outage.outage_id
    with ui.element("div").classes("gw-bar"):
        if outage.phase is Phase.SUSPECTED:
            for answered, word in ((False, "ping_silent"), (True, "ping_answered")):
                act(
                    visit,
                    visit.say(f"outages.{word}"),
                    ConfirmPing(outage_id=wanted, answered=answered),
                )
        _crews(visit, outage)
        phase = next_by_hand(outage.phase)
        if phase is not None and not (phase is Phase.CLOSED and outage.dark):
            move = MoveOutage(outage_id=wanted, phase=phase)
            act(visit, phase_word(phase, visit.language), move)
        _supply(visit, outage, forms)
        if outage.phase in _MAY_BE_LOCATED:
            form_act(visit, visit.say("outages.locate"), LocateFault, lambda: forms.locate(outage))
        if outage.is_permanent and outage.is_open:
            form_act(visit, visit.say("outages.write"), NoteOutage, lambda: forms.note(outage))


def _crews(visit: Visit, outage: Outage) -> None:
    if outage.phase not in {Phase.PROPOSED, Phase.ASSIGNED, Phase.ACCEPTED}:
        return
    names = crew_names(visit)
    for choice in outage.crews:
        if choice.crew_id == outage.crew_id:
            continue
        far = "" if choice.km is None else f" {choice.km:.1f} km"
        label = visit.say("outages.send", crew=names.get(choice.crew_id, choice.crew_id) + far)
        act(visit, label, AssignCrew(outage_id=outage.outage_id, crew_id=choice.crew_id))


def _supply(visit: Visit, outage: Outage, forms: OutageForms) -> None:
    if not outage.is_permanent or not outage.dark:
        return
    back = tuple(
        each.section_id for each in outage.sections if each.is_dark and each.back_at_us is not None
    )
    if back:
        confirm = ConfirmRestored(outage_id=outage.outage_id, sections=back)
        act(visit, visit.say("outages.confirm", sections=", ".join(back)), confirm)
    form_act(visit, visit.say("outages.restored"), ConfirmRestored, lambda: forms.restored(outage))


def next_by_hand(phase: Phase) -> Phase | None:
    """What a person ticks next; None where it comes by assigning or by confirmed sections."""
    if phase not in WORK or phase is WORK[-1]:
        return None
    after = WORK[WORK.index(phase) + 1]
    return after if after in BY_HAND else None


def notes(visit: Visit, written: Iterable[Note]) -> None:
    for note in written:
        ui.label(f"{visit.time(note.at_us)} {note.by}: {note.words}").classes("gw-soft").style(
            "overflow-wrap:anywhere"
        )


def earth_card(visit: Visit, fault: EarthFault, forms: OutageForms) -> None:
    """What a list shows of one that stands: the lines in order, and what each trial gave."""
    with ui.element("div").classes("gw-card"):
        ui.link(earth_title(visit, fault), f"/earth/{fault.earth_id}").classes("gw-head")
        earth_tasks_of(visit, fault)
        for trial in fault.trials:
            _trial(visit, fault, trial)
        notes(visit, fault.notes)
        write_note(visit, fault, forms)


def _trial(visit: Visit, fault: EarthFault, trial: Trial) -> None:
    language = visit.language
    with ui.element("div").classes("gw-bar"):
        ui.label(f"{trial.number} {trial.name}: {reason_text(trial.because, language)}")
        if trial.result is not None:
            who = f"{visit.time(trial.done_at_us)} {trial.done_by}"
            ui.label(f"{trial_word(trial.result, language)} {who}").classes("gw-soft")
            return
        for result in TrialResult:
            request = TickTrial(earth_id=fault.earth_id, number=trial.number, result=result)
            act(visit, trial_word(result, language), request)


def earth_title(visit: Visit, fault: EarthFault) -> str:
    return earth_line(fault, network_of(visit, fault), visit.console.site.zone, visit.language)


def network_of(visit: Visit, fault: EarthFault) -> EarthNetwork | None:
    networks = visit.console.plan.feeders.networks
    return next((each for each in networks if each.network_id == fault.network_id), None)


def earth_tasks_of(visit: Visit, fault: EarthFault) -> None:
    _say_tasks(visit, earth_tasks(fault))


def write_note(visit: Visit, fault: EarthFault, forms: OutageForms) -> None:
    label = visit.say("outages.write")
    form_act(visit, label, NoteEarthFault, lambda: forms.note_earth(fault))


def crew_names(visit: Visit) -> dict[str, str]:
    return {each.crew_id: each.name for each in visit.console.plan.feeders.crews}


def _say_tasks(visit: Visit, waiting: Iterable[OpenTask]) -> None:
    for task in waiting:
        due = f" ({visit.time(task.due_us)})" if task.due_us is not None else ""
        ui.label(reason_text(task.text, visit.language) + due)
