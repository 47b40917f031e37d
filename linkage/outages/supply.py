"""Which sections of a feeder have supply, by where its switches stand. Pure.

A switch that nobody telemeters stands where the ticked steps of the proposal say it does: closed until its
step to open is ticked, and a tie open until its step to close is.
"""

from domain.feeders import Feeder, Tie
from domain.ids import PointKey
from domain.outages import Outage, StepKind
from domain.readings import USABLE_QUALITIES, Values

CLOSED = 2.0  # of a double point


def supplied(feeder: Feeder, outage: Outage, values: Values) -> frozenset[str]:
    """Sections that a closed breaker or tie reaches over closed switches. An unknown position counts as open:
    nothing is proposed from what is not known."""
    opened = _ticked(outage, StepKind.ISOLATE)
    closed = {
        section.section_id
        for section in feeder.sections
        if section.after and _is_closed(section.position, values, section.section_id not in opened)
    }
    has = {tie.section_id for tie in feeder.ties if _ties(tie, outage, values)}
    first = feeder.sections[0].section_id
    if _is_closed(feeder.position, values, False):
        has.add(first)
    while True:
        reached = has | _neighbours(feeder, has, closed)
        if reached == has:
            return frozenset(has)
        has = reached


def _neighbours(feeder: Feeder, has: set[str], closed: set[str]) -> set[str]:
    over = [each for each in feeder.sections if each.section_id in closed]
    outwards = {each.section_id for each in over if each.after in has}
    return outwards | {each.after for each in over if each.section_id in has}


def _ties(tie: Tie, outage: Outage, values: Values) -> bool:
    return _is_closed(tie.position, values, tie.number in _ticked(outage, StepKind.TRANSFER))


def _is_closed(position: PointKey | None, values: Values, otherwise: bool) -> bool:
    if position is None:
        return otherwise
    held = values(position)
    return held is not None and held.quality in USABLE_QUALITIES and held.value == CLOSED


def _ticked(outage: Outage, kind: StepKind) -> set[str]:
    """Numbers of the switches whose step of this kind is done."""
    return {
        step.step_id.rpartition(" ")[2]
        for step in outage.steps
        if step.kind is kind and step.done_at_us is not None
    }
