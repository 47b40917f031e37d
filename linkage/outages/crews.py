"""Which crew to send: who can do it, is free and is near. Pure; a dispatcher decides."""

from collections.abc import Collection

from domain.feeders import Feeder, FeederPlan
from domain.outages import CrewChoice


def choices(
    plan: FeederPlan, feeder: Feeder, faulted: Collection[str], busy: Collection[str]
) -> tuple[CrewChoice, ...]:
    """The best first: skill before freedom before distance; an unknown way comes last."""
    where = _location(feeder, faulted)
    found = [
        CrewChoice(
            crew_id=crew.crew_id,
            km=plan.road_km(crew.location_id, where) if where else None,
            has_skill=not feeder.skill or feeder.skill in crew.skills,
            busy=crew.crew_id in busy,
        )
        for crew in plan.crews
    ]
    return tuple(sorted(found, key=_order))


def _order(choice: CrewChoice) -> tuple[bool, bool, bool, float, str]:
    km = choice.km if choice.km is not None else 0.0
    return (not choice.has_skill, choice.busy, choice.km is None, km, choice.crew_id)


def _location(feeder: Feeder, faulted: Collection[str]) -> str:
    """Of the fault where it is located, else where the feeder begins."""
    placed = [each for each in feeder.sections if each.location_id]
    near = [each for each in placed if each.section_id in faulted]
    return (near or placed)[0].location_id if placed else ""
