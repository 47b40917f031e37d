"""计划停电: inside one the feeder's own signals are information, and its time is what really happened.

Decisions only; raises Refused.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from uuid import UUID

from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.events import AlarmCleared, AlarmRaised
from domain.feeders import Feeder, Section
from domain.ids import PointKey, from_request
from domain.outage_requests import ChangePlannedOutage, EndPlannedOutage, PlanOutage
from domain.outages import PlannedOutage, PlanState
from domain.paperwork import User
from domain.records import Requested
from domain.requests import Refused
from domain.responsibility import Reason
from domain.wording import is_opening
from linkage.plan import LinkagePlan

# what a supply that is switched off on purpose says of itself
_WITHOUT_SUPPLY: Final = frozenset({Condition.LOW, Condition.LOW_LOW, Condition.SILENCE})


class PlannedOutages:
    """Holds those that are announced or under way."""

    def __init__(self, plan: LinkagePlan, held: Iterable[PlannedOutage] = ()) -> None:
        self._plan = plan
        self._held = {each.planned_id: each for each in held if each.is_open}

    def judged(self, event: AlarmRaised) -> AlarmRaised:
        """Information, where it is what the plan does."""
        if self.over(event) is None or not _is_expected(event):
            return event
        return replace(
            event, alarm_class=AlarmClass.INFORMATION, priority=Priority.NOTICE, latching=False
        )

    def over(self, event: AlarmRaised) -> PlannedOutage | None:
        """The planned outage in whose time and sections it happens."""
        for planned in self._held.values():
            feeder = self._plan.feeders.feeder(planned.feeder_id)
            if feeder is None or not planned.covers(event.started_at_us):
                continue
            whole = feeder.sections[0].section_id in planned.sections
            if whole and event.asset_id == feeder.asset_id:
                return planned
            if PointKey(event.point) in _points_of(feeder, planned.sections):
                return planned
        return None

    def happened(self, event: AlarmRaised, changes: Changes) -> None:
        """A switch of it opened: it is under way."""
        planned = self.over(event)
        if planned is None or not is_opening(event) or planned.state is not PlanState.ANNOUNCED:
            return
        began = planned.next(
            state=PlanState.UNDER_WAY, began_at_us=event.started_at_us, opening=event.event_id
        )
        self._keep(began, changes)

    def closed(self, event: AlarmCleared, changes: Changes) -> None:
        for planned in list(self._held.values()):
            if planned.opening == event.event_id:
                over = planned.next(state=PlanState.OVER, ended_at_us=event.ended_at_us)
                self._keep(over, changes)

    def ticked(self, at_us: int, changes: Changes) -> None:
        """What nobody telemeters begins by its time; what never began is over with it."""
        for planned in list(self._held.values()):
            if planned.state is not PlanState.ANNOUNCED:
                continue
            if at_us >= planned.to_us:
                self._keep(planned.next(state=PlanState.OVER), changes)
            elif at_us >= planned.from_us and not self._is_telemetered(planned):
                began = planned.next(state=PlanState.UNDER_WAY, began_at_us=planned.from_us)
                self._keep(began, changes)

    def plan(self, asked: Requested, request: PlanOutage, user: User, changes: Changes) -> str:
        feeder = self._plan.feeders.feeder(request.feeder_id)
        if feeder is None:
            raise Refused(Reason.of("no_such_feeder", what=request.feeder_id))
        if not user.in_scope(feeder.station):
            raise Refused(Reason.of("out_of_scope", station=feeder.station))
        chosen = self._agreed(feeder, request, asked.at_us)
        planned = PlannedOutage(
            planned_id=from_request(asked.request_id, "planned outage"),
            feeder_id=feeder.feeder_id,
            station=feeder.station,
            asset_id=feeder.asset_id,
            sections=tuple(each.section_id for each in chosen),
            from_us=request.from_us,
            to_us=request.to_us,
            why=request.why.strip(),
            announced_by=user.name,
            announced_at_us=asked.at_us,
            late_because=request.late_because.strip(),
            customers=sum(each.customers for each in chosen),
            transformer_users=sum(each.transformer_users for each in chosen),
        )
        self._keep(planned, changes)
        return str(planned.planned_id)

    def change(self, request: ChangePlannedOutage, user: User, at_us: int, changes: Changes) -> str:
        """It keeps its id; who announced it stays written, and when."""
        planned = self._planned(request.planned_id, user)
        feeder = self._plan.feeders.feeder(planned.feeder_id)
        if feeder is None:
            raise Refused(Reason.of("no_such_feeder", what=planned.feeder_id))
        began = planned.state is PlanState.UNDER_WAY
        moved = request.from_us != planned.from_us or set(request.sections) != set(planned.sections)
        if began and moved:
            raise Refused(Reason.of("only_its_end"))
        known_us = planned.announced_at_us if not moved else at_us
        chosen = self._agreed(feeder, request, at_us, planned, known_us)
        changed = planned.next(
            sections=tuple(each.section_id for each in chosen),
            from_us=request.from_us,
            to_us=request.to_us,
            why=request.why.strip(),
            late_because=request.late_because.strip() or planned.late_because,
            customers=sum(each.customers for each in chosen),
            transformer_users=sum(each.transformer_users for each in chosen),
        )
        self._keep(changed, changes)
        return str(planned.planned_id)

    def end(self, request: EndPlannedOutage, user: User, at_us: int, changes: Changes) -> str:
        planned = self._planned(request.planned_id, user)
        under_way, why = planned.state is PlanState.UNDER_WAY, request.why.strip()
        if not under_way and not why:
            raise Refused(Reason.of("words_needed"))
        ended = planned.next(
            state=PlanState.OVER if under_way else PlanState.CANCELLED,
            ended_at_us=at_us if under_way else None,
            ended_by=user.name,
            withdrawn_because="" if under_way else why,
        )
        self._keep(ended, changes)
        return str(planned.planned_id)

    def _planned(self, wanted: UUID, user: User) -> PlannedOutage:
        planned = self._held.get(wanted)
        if planned is None:
            raise Refused(Reason.of("no_such_planned"))
        if not user.in_scope(planned.station):
            raise Refused(Reason.of("out_of_scope", station=planned.station))
        return planned

    def _agreed(
        self,
        feeder: Feeder,
        request: PlanOutage | ChangePlannedOutage,
        at_us: int,
        before: PlannedOutage | None = None,
        known_us: int | None = None,
    ) -> list[Section]:
        """The sections that it takes, where its time and its words are in order; else raises Refused.

        `before` is what is changed: it does not overlap itself. Who was told of this beginning has known it
        since `known_us`.
        """
        chosen = [each for each in feeder.sections if each.section_id in request.sections]
        if not chosen or len(chosen) != len(set(request.sections)):
            raise Refused(Reason.of("no_such_section", what=", ".join(request.sections)))
        if not request.why.strip():
            raise Refused(Reason.of("words_needed"))
        if request.to_us <= request.from_us or request.to_us <= at_us:
            raise Refused(Reason.of("plan_times"))
        ahead_us = self._plan.feeders.rules.announce_ahead_us
        ahead = request.from_us - (at_us if known_us is None else known_us)
        said_why = request.late_because.strip() or (before and before.late_because)
        if ahead < ahead_us and not said_why:
            raise Refused(Reason.of("announced_late", days=f"{ahead_us / 86_400_000_000:g}"))
        for other in self._held.values():
            if other is before or other.feeder_id != feeder.feeder_id:
                continue
            if _overlap(other, request):
                raise Refused(Reason.of("plan_overlaps", by=other.announced_by))
        return chosen

    def _is_telemetered(self, planned: PlannedOutage) -> bool:
        feeder = self._plan.feeders.feeder(planned.feeder_id)
        if feeder is None:
            return False
        if feeder.sections[0].section_id in planned.sections:
            return feeder.position is not None
        chosen = [each for each in feeder.sections if each.section_id in planned.sections]
        return any(each.position is not None for each in chosen)

    def _keep(self, planned: PlannedOutage, changes: Changes) -> None:
        self._held[planned.planned_id] = planned
        if not planned.is_open:
            del self._held[planned.planned_id]
        changes.planned_outages.append(planned)


def _is_expected(event: AlarmRaised) -> bool:
    """An opening, with or without its protection, and what follows from having no supply."""
    return event.unit in {"status", "position"} or event.condition in _WITHOUT_SUPPLY


def _points_of(feeder: Feeder, sections: tuple[str, ...]) -> set[PointKey]:
    """Switches, flags and meters of these sections."""
    found = set[PointKey]()
    for section in feeder.sections:
        if section.section_id in sections:
            found |= {section.position} if section.position else set()
            found |= set(section.flags)
            found |= {meter for each in section.transformers for meter in each.meters}
    return found


def _overlap(one: PlannedOutage, other: PlanOutage | ChangePlannedOutage) -> bool:
    return (
        one.from_us < other.to_us
        and other.from_us < one.to_us
        and bool(set(one.sections) & set(other.sections))
    )
