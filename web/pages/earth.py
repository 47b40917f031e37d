"""One single-phase earth fault: where, which phase, its clock, the lines to try in order, what happened."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.clock import MINUTE_US, system_clock
from domain.outage_requests import TickTrial
from domain.outage_words import trial_word
from domain.outages import EarthFault, Trial, TrialResult
from domain.reasons import reason_text
from service.earth_view import earth_clock, earth_happened
from web.components.download import excel_button
from web.components.outage_card import earth_tasks_of, earth_title, network_of, notes, write_note
from web.components.outage_forms import OutageForms
from web.components.redrawn import redrawn
from web.components.table import Column, DataTable, Row
from web.components.timeline import timeline
from web.moments import shown, worded
from web.shell import Visit, console_page

_OF_TRIAL: Final = ("place", "line", "because", "result", "tried")
_CHANGES: Final = frozenset({"earth_fault"})
_EXPORTED: Final = ("when", "what", "who")


@console_page("/earth/{earth_id}", "earth.title")
def earth_page(visit: Visit, earth_id: str) -> None:
    try:
        wanted = UUID(earth_id)
    except ValueError:
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    outages = visit.console.outages
    fault = outages.earth_fault(wanted)
    if fault is None or not visit.user.in_scope(fault.station):
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    standing, forms = fault, OutageForms(visit)
    with ui.element("div").classes("gw-bar"):
        ui.link(visit.say("outages.title"), "/outages")
        if fault.incident_id is not None:
            ui.link(visit.say("outages.incident"), f"/incident/{fault.incident_id}")
        ui.space()
        excel_button(visit, "earth-fault", lambda: _sheet(visit, wanted))

    def part(draw: Callable[[EarthFault], object], classes: str) -> None:
        """Drawn anew only when the fault has changed: a note in writing is not lost."""
        redrawn(visit, _CHANGES, lambda: outages.earth_fault(wanted) or standing, draw, classes)

    part(lambda now: _head(visit, now, forms), "gw-card")
    with ui.element("div").classes("gw-grid"):
        part(lambda now: _facts(visit, now), "gw-card")
        part(lambda now: _notes(visit, now), "gw-card")
    _search(visit, wanted)
    part(lambda now: _happened(visit, now), "gw-card")


def _head(visit: Visit, fault: EarthFault, forms: OutageForms) -> None:
    with ui.element("div").classes("gw-bar"):
        chip, word = ("gw-wait", "open") if fault.is_open else ("gw-plain", "over")
        ui.label(visit.say(f"earth.{word}")).classes(f"gw-chip {chip}")
    ui.label(earth_title(visit, fault)).classes("gw-title")
    earth_tasks_of(visit, fault)
    with ui.element("div").classes("gw-bar"):
        write_note(visit, fault, forms)


def _facts(visit: Visit, fault: EarthFault) -> None:
    network = network_of(visit, fault)
    warned = [visit.say("earth.minutes", minutes=each // MINUTE_US) for each in fault.warned]
    ui.label(visit.say("earth.facts")).classes("gw-head")
    with ui.element("div").classes("gw-facts"):
        _fact(visit, "station", fault.station)
        _fact(visit, "network", network.name if network else fault.network_id)
        _fact(visit, "phase", _phase(visit, fault))
        _fact(visit, "since", visit.time(fault.started_at_us))
        if fault.ended_at_us is not None:
            _fact(visit, "ended", visit.time(fault.ended_at_us))
        _fact(visit, "found", fault.found or visit.say("earth.not_found"))
        _clock(visit, fault)
        _fact(visit, "warned", ", ".join(warned) or visit.say("earth.not_warned"))


def _fact(visit: Visit, word: str, said: str) -> None:
    ui.label(visit.say(f"earth.{word}"))
    ui.label(said)


def _phase(visit: Visit, fault: EarthFault) -> str:
    if not fault.phase:
        return visit.say("earth.no_phase")
    return visit.say("earth.one_phase", phase=fault.phase)


def _clock(visit: Visit, fault: EarthFault) -> None:
    clock, now_us = earth_clock(fault), system_clock()
    late = clock.is_late(now_us)
    word = "lasted" if not fault.is_open else "too_long" if late else "may_run"
    facts: dict[str, object] = {
        "minutes": clock.passed_us(now_us) // MINUTE_US,
        "limit": (clock.due_us - clock.since_us) // MINUTE_US,
    }
    if fault.is_open:
        facts["due"] = visit.time(clock.due_us, "%H:%M")
    ui.label(visit.say("earth.clock"))
    said = ui.label(visit.say(f"earth.{word}", **facts))
    said.classes("gw-chip gw-p2" if late else "").style("justify-self:start; white-space:normal")


def _search(visit: Visit, wanted: UUID) -> None:
    """Each line in its turn; who may, says what became of the trial."""

    async def tick(result: str, number: str) -> None:
        await visit.ask(TickTrial(earth_id=wanted, number=number, result=TrialResult(result)))

    def load() -> None:
        fault = visit.console.outages.earth_fault(wanted)
        if fault is not None:
            numbered = enumerate(fault.trials, start=1)
            table.show([_row(visit, fault, trial, place) for place, trial in numbered])

    ui.label(visit.say("earth.search")).classes("gw-head")
    columns = [
        Column(name, visit.say(f"earth.{name}"), wide=name == "because") for name in _OF_TRIAL
    ]
    table = DataTable([*columns, Column("acts", "")], visit.say("earth.no_lines"), on_act=tick)
    load()
    visit.on_change(_CHANGES, load)


def _row(visit: Visit, fault: EarthFault, trial: Trial, place: int) -> Row:
    language = visit.language
    asks = trial.result is None and may(visit.user.roles, TickTrial)
    row: Row = {
        "id": trial.number,
        "place": place,
        "line": f"{trial.number} {trial.name}",
        "because": reason_text(trial.because, language),
        "result": "" if trial.result is None else trial_word(trial.result, language),
        "tried": f"{visit.time(trial.done_at_us)} {trial.done_by}".strip(),
        "acts": [[each.value, trial_word(each, language)] for each in TrialResult] if asks else [],
    }
    if trial.number == fault.found:
        row["result_chip"] = "gw-p2"
    return row


def _notes(visit: Visit, fault: EarthFault) -> None:
    ui.label(visit.say("outages.notes")).classes("gw-head")
    notes(visit, fault.notes)
    if not fault.notes:
        ui.label(visit.say("outages.no_notes")).classes("gw-soft")


def _happened(visit: Visit, fault: EarthFault) -> None:
    ui.label(visit.say("incidents.timeline")).classes("gw-head")
    timeline(shown(visit, moment) for moment in earth_happened(fault))


def _sheet(visit: Visit, wanted: UUID) -> tuple[list[str], list[list[object]]]:
    """The time line as it stands when it is asked for."""
    fault = visit.console.outages.earth_fault(wanted)
    moments = earth_happened(fault) if fault is not None else []
    headings = [visit.say(f"outages.{name}") for name in _EXPORTED]
    rows: list[list[object]] = [
        [visit.time(each.at_us, "%Y-%m-%d %H:%M:%S"), worded(visit, each.what), each.actor]
        for each in moments
    ]
    return headings, rows
