"""What the page of one outage says: its clocks, what happened in order, its sections. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.feeders import ON_SITE_WITHIN_US, Feeder, FeederPlan, Section, Terrain
from domain.outages import DarkSection, Flag, Outage, Overdue, Phase
from domain.responsibility import Reason
from service.moments import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Something that is expected of people: from when, by when, and when it was done."""

    what: Overdue
    since_us: int
    due_us: int
    done_us: int | None = None

    def is_late(self, now_us: int) -> bool:
        return (self.done_us if self.done_us is not None else now_us) > self.due_us


def clocks(outage: Outage, plan: FeederPlan) -> tuple[Clock, ...]:
    """Acceptance from the dispatch, arrival from the declaration, the next note (DOMAIN E2)."""
    rules, feeder = plan.rules, plan.feeder(outage.feeder_id)
    terrain = feeder.terrain if feeder else Terrain.RURAL
    declared, assigned = outage.at(Phase.PROPOSED), outage.at(Phase.ASSIGNED)
    found = list[Clock]()
    if assigned is not None:
        due_us = assigned + rules.accept_within_us
        accepted = outage.at(Phase.ACCEPTED)
        found.append(Clock(what=Overdue.ACCEPT, since_us=assigned, due_us=due_us, done_us=accepted))
    if declared is not None:
        due_us = declared + ON_SITE_WITHIN_US[terrain]
        there = outage.at(Phase.ON_SITE) or outage.at(Phase.RESTORED)
        found.append(Clock(what=Overdue.ON_SITE, since_us=declared, due_us=due_us, done_us=there))
    if outage.note_due_us is not None:
        since_us = outage.note_due_us - rules.note_every_us
        found.append(Clock(what=Overdue.NOTE, since_us=since_us, due_us=outage.note_due_us))
    return tuple(found)


def happened(outage: Outage) -> list[Moment]:
    """The oldest first; worded by web.words.timeline, else by domain.reasons."""
    moments = [*_its_moves(outage), *_its_steps(outage), *_its_notes(outage)]
    for section in outage.sections:
        moments += _of_section(section)
    return sorted(moments, key=lambda moment: (moment.at_us, moment.what.code, moment.what.facts))


def _its_moves(outage: Outage) -> Iterator[Moment]:
    for move in outage.moves:
        yield Moment(
            at_us=move.at_us,
            what=Reason.of("outage_phase", phase=move.phase.value),
            actor=move.by,
            icon="flag",
        )


def _its_steps(outage: Outage) -> Iterator[Moment]:
    for step in outage.steps:
        if step.done_at_us is not None:
            yield Moment(at_us=step.done_at_us, what=step.text, actor=step.done_by, icon="task_alt")


def _its_notes(outage: Outage) -> Iterator[Moment]:
    for note in outage.notes:
        yield Moment(
            at_us=note.at_us,
            what=Reason.of("outage_note", words=note.words),
            actor=note.by,
            icon="chat",
        )


def _of_section(section: DarkSection) -> Iterator[Moment]:
    def moment(code: str, at_us: int, icon: str, by: str = "") -> Moment:
        what = Reason.of(code, section=section.section_id)
        return Moment(at_us=at_us, what=what, actor=by, icon=icon)

    yield moment("section_out", section.out_at_us, "power_off")
    if section.back_at_us is not None:
        yield moment("section_back", section.back_at_us, "sensors")
    if section.restored_at_us is not None:
        yield moment("section_restored", section.restored_at_us, "power", section.restored_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSection:
    """One section of the feeder as it stands in this outage."""

    section: Section
    depth: int  # sections between it and the breaker
    flag: Flag | None  # None: nobody has asked yet, or it begins at the breaker
    faulted: bool
    out: DarkSection | None

    @property
    def is_dark(self) -> bool:
        return self.out is not None and self.out.is_dark


def sections_of(outage: Outage, feeder: Feeder) -> tuple[ShownSection, ...]:
    """From the source outwards, each behind the one that supplies it."""
    flags, out = dict(outage.flags), {each.section_id: each for each in outage.sections}
    depths = dict[str, int]()
    for section in feeder.sections:
        depths[section.section_id] = depths[section.after] + 1 if section.after else 0
    return tuple(
        ShownSection(
            section=section,
            depth=depths[section.section_id],
            flag=flags.get(section.section_id),
            faulted=section.section_id in outage.faulted,
            out=out.get(section.section_id),
        )
        for section in feeder.sections
    )
