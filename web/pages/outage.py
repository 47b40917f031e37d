"""One outage: what is dark and where it lies, what is proposed, who drives, its clocks, what happened."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from nicegui import ui

from domain.clock import MINUTE_US, system_clock
from domain.feeders import Feeder, Impact, impact_of
from domain.outage_words import flag_word, impact_text, load_word, overdue_word, phase_word
from domain.outages import Outage, Phase
from service.outage_view import Clock, clocks, happened, sections_of
from web.components.download import excel_button
from web.components.feeder_drawing import feeder_svg
from web.components.outage_card import acts, crew_names, located, notes, steps, tasks, title
from web.components.outage_forms import OutageForms
from web.components.redrawn import redrawn
from web.components.table import Column, DataTable, Row
from web.components.timeline import timeline
from web.moments import shown, worded
from web.shell import Visit, console_page

_OF_SECTION: Final = ("section", "flag", "customers", "out", "back", "confirmed", "minutes")
_OF_CREW: Final = ("crew", "distance", "skill", "free")
_CHANGES: Final = frozenset({"outage"})
_EXPORTED: Final = ("when", "what", "who")


@console_page("/outage/{outage_id}", "outages.one")
def outage_page(visit: Visit, outage_id: str) -> None:
    try:
        wanted = UUID(outage_id)
    except ValueError:
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    outage = visit.console.outages.outage(wanted)
    if outage is None or not visit.user.in_scope(outage.station):
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    forms = OutageForms(visit)
    with ui.element("div").classes("gw-bar"):
        ui.link(visit.say("outages.title"), "/outages")
        if outage.incident_id is not None:
            ui.link(visit.say("outages.incident"), f"/incident/{outage.incident_id}")
        ui.space()
        excel_button(visit, "outage", lambda: _sheet(visit, wanted))
    known = outage

    def now() -> Outage:
        return visit.console.outages.outage(wanted) or known

    def part(
        shows: Callable[[Outage], object], draw: Callable[[Outage], object], classes: str = ""
    ) -> None:
        """Drawn anew only when what it `shows` has changed: a press beside that is not lost."""
        redrawn(visit, _CHANGES, lambda: shows(now()), lambda _: draw(now()), classes)

    part(_of_head, lambda it: _head(visit, it, forms), "gw-card")
    with ui.element("div").classes("gw-grid"):
        with ui.element("div").classes("gw-column"):
            part(_of_place, lambda it: _where(visit, it), "gw-card")
            part(lambda it: (it.sections, it.flags), lambda it: _sections(visit, it))
            part(lambda it: (it.steps, it.is_open), lambda it: _proposal(visit, it))
            part(lambda it: (it.crews, it.crew_id), lambda it: _crews(visit, it))
        with ui.element("div").classes("gw-column"):
            part(
                lambda it: (it.moves, it.note_due_us, it.told),
                lambda it: _clocks(visit, it),
                "gw-card",
            )
            part(lambda it: it.sections, lambda it: _impact(visit, it), "gw-card")
            part(lambda it: it.notes, lambda it: _notes(visit, it), "gw-card")
            part(lambda it: it, lambda it: _happened(visit, it), "gw-card")


def _of_head(outage: Outage) -> object:
    """Its title, what waits for a person and the buttons."""
    return (
        *(outage.phase, outage.cause, outage.sections, outage.located, outage.faulted),
        *(outage.crews, outage.crew_id, outage.note_due_us),
    )


def _of_place(outage: Outage) -> object:
    return outage.sections, outage.flags, outage.faulted, outage.located


def _head(visit: Visit, outage: Outage, forms: OutageForms) -> None:
    with ui.element("div").classes("gw-bar"):
        chip = "gw-wait" if outage.is_open else "gw-plain"
        ui.label(phase_word(outage.phase, visit.language)).classes(f"gw-chip {chip}")
    ui.label(title(visit, outage)).classes("gw-title")
    tasks(visit, outage)
    acts(visit, outage, forms)


def _feeder(visit: Visit, outage: Outage) -> Feeder | None:
    return visit.console.plan.feeders.feeder(outage.feeder_id)


def _where(visit: Visit, outage: Outage) -> None:
    feeder = _feeder(visit, outage)
    ui.label(visit.say("outages.where")).classes("gw-head")
    located(visit, outage)
    if feeder is None:
        return
    drawn = feeder_svg(
        sections_of(outage, feeder),
        visit.say("outages.where"),
        lambda flag: flag_word(flag, visit.language),
    )
    ui.html(drawn, sanitize=False).classes("w-full")
    ui.label(visit.say("outages.legend")).classes("gw-soft")


def _sections(visit: Visit, outage: Outage) -> None:
    ui.label(visit.say("outages.sections")).classes("gw-head")
    columns = [Column(name, visit.say(f"outages.{name}")) for name in _OF_SECTION]
    table = DataTable(columns, visit.say("outages.nothing_dark"))
    flags, now_us = dict(outage.flags), system_clock()
    rows: list[Row] = []
    for each in outage.sections:
        flag = flags.get(each.section_id)
        ended = each.restored_at_us if each.restored_at_us is not None else now_us
        rows.append(
            {
                "id": each.section_id,
                "section": _section_name(_feeder(visit, outage), each.section_id),
                "flag": flag_word(flag, visit.language) if flag is not None else "",
                "customers": each.customers,
                "out": visit.time(each.out_at_us),
                "back": visit.time(each.back_at_us),
                "confirmed": f"{visit.time(each.restored_at_us)} {each.restored_by}".strip(),
                "minutes": f"{(ended - each.out_at_us) / MINUTE_US:.1f}",
            }
        )
    table.show(rows)


def _section_name(feeder: Feeder | None, section_id: str) -> str:
    section = feeder.section(section_id) if feeder else None
    if section is None or section.name.startswith(section_id):
        return section.name if section else section_id
    return f"{section_id} {section.name}"


def _proposal(visit: Visit, outage: Outage) -> None:
    if outage.steps:
        with ui.element("div").classes("gw-card"):
            steps(visit, outage)


def _crews(visit: Visit, outage: Outage) -> None:
    if not outage.crews:
        return
    ui.label(visit.say("outages.crews")).classes("gw-head")
    columns = [Column(name, visit.say(f"outages.{name}")) for name in _OF_CREW]
    names = crew_names(visit)
    rows: list[Row] = []
    for choice in outage.crews:
        sent = choice.crew_id == outage.crew_id
        rows.append(
            {
                "id": choice.crew_id,
                "crew": names.get(choice.crew_id, choice.crew_id),
                "crew_chip": "gw-strong" if sent else "",
                "distance": "-" if choice.km is None else f"{choice.km:.1f} km",
                "skill": visit.say(f"outages.{'has_skill' if choice.has_skill else 'no_skill'}"),
                "free": visit.say(f"outages.{'is_busy' if choice.busy else 'is_free'}"),
            }
        )
    DataTable(columns, "").show(rows)


def _clocks(visit: Visit, outage: Outage) -> None:
    found = clocks(outage, visit.console.plan.feeders)
    now_us = system_clock()
    ui.label(visit.say("outages.clocks")).classes("gw-head")
    with ui.element("div").classes("gw-facts"):
        for clock in found:
            ui.label(visit.say(f"outages.clock_{clock.what.value}"))
            late = clock.is_late(now_us)
            ui.label(_told(visit, clock)).classes("gw-chip gw-p2" if late else "").style(
                "justify-self:start; white-space:normal"
            )
        for phase in (Phase.RESTORED, Phase.CLOSED):
            at_us = outage.at(phase)
            if at_us is not None:
                ui.label(phase_word(phase, visit.language))
                ui.label(_after(visit, outage.started_at_us, at_us))


def _told(visit: Visit, clock: Clock) -> str:
    """Done after so long; else by when it is due, and what is said where it is late."""
    limit = f"{(clock.due_us - clock.since_us) // MINUTE_US}"
    if clock.done_us is not None:
        took = f"{(clock.done_us - clock.since_us) / MINUTE_US:.1f}"
        return visit.say("outages.took", minutes=took, limit=limit)
    due = visit.time(clock.due_us, "%H:%M")
    if clock.is_late(system_clock()):
        word = overdue_word(clock.what, visit.language)
        return visit.say("outages.late_since", what=word, due=due)
    return visit.say("outages.due", due=due, limit=limit)


def _after(visit: Visit, since_us: int, at_us: int) -> str:
    minutes = f"{(at_us - since_us) / MINUTE_US:.1f}"
    return visit.say("outages.after", when=visit.time(at_us), minutes=minutes)


def _impact(visit: Visit, outage: Outage) -> None:
    """Of what is dark now, and of everything that was."""
    feeder = _feeder(visit, outage)
    whole = tuple(each.section_id for each in outage.sections)
    now = impact_of(feeder, outage.dark) if feeder else Impact()
    all_of_it = impact_of(feeder, whole) if feeder else Impact()
    ui.label(visit.say("outages.impact")).classes("gw-head")
    with ui.element("div").classes("gw-facts"):
        for word, impact in (("impact_now", now), ("impact_all", all_of_it)):
            ui.label(visit.say(f"outages.{word}"))
            users = visit.say("outages.users", count=impact.customers)
            ui.label(f"{impact_text(impact, visit.language)}, {users}")
        ui.label(visit.say("outages.lost"))
        ui.label(visit.say("outages.customer_minutes", minutes=f"{_lost(outage):.0f}"))
        if outage.load_before_mw is not None:
            ui.label(visit.say("outages.load_before"))
            ui.label(f"{outage.load_before_mw:g} MW")
    if now.loads:
        ui.label(visit.say("outages.first_back")).classes("gw-soft q-mt-sm")
    for load in now.loads:
        ui.label(f"{load.name} ({load_word(load.kind, visit.language)})")


def _lost(outage: Outage) -> float:
    """Customer-minutes until now, section by section."""
    now_us = system_clock()
    return sum(
        each.customers
        * ((now_us if each.restored_at_us is None else each.restored_at_us) - each.out_at_us)
        / MINUTE_US
        for each in outage.sections
    )


def _notes(visit: Visit, outage: Outage) -> None:
    ui.label(visit.say("outages.notes")).classes("gw-head")
    notes(visit, outage.notes)
    if not outage.notes:
        ui.label(visit.say("outages.no_notes")).classes("gw-soft")


def _happened(visit: Visit, outage: Outage) -> None:
    ui.label(visit.say("incidents.timeline")).classes("gw-head")
    timeline(shown(visit, moment) for moment in happened(outage))


def _sheet(visit: Visit, wanted: UUID) -> tuple[list[str], list[list[object]]]:
    """The time line as it stands when it is asked for."""
    outage = visit.console.outages.outage(wanted)
    moments = happened(outage) if outage is not None else []
    headings = [visit.say(f"outages.{name}") for name in _EXPORTED]
    rows: list[list[object]] = [
        [visit.time(each.at_us, "%Y-%m-%d %H:%M:%S"), worded(visit, each.what), each.actor]
        for each in moments
    ]
    return headings, rows
