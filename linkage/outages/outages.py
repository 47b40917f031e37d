"""Outages, planned outages and earth faults as linkage asks for them: one door to the package."""

from uuid import UUID

from domain.assets import AlarmClass
from domain.changes import Changes
from domain.events import AlarmCleared, AlarmRaised
from domain.ids import PointKey
from domain.outage_requests import (
    ChangePlannedOutage,
    EndPlannedOutage,
    NoteEarthFault,
    OutageRequest,
    PlanOutage,
    TickTrial,
)
from domain.paperwork import User
from domain.readings import Values, nothing_held
from domain.records import Requested
from domain.wording import is_opening
from linkage.outages.book import Hands, HeldOutages, OpenOutages
from linkage.outages.desk import OutageDesk
from linkage.outages.earth import EarthFaults
from linkage.outages.gasps import Gasps
from linkage.outages.planned import PlannedOutages
from linkage.outages.watch import OutageWatch
from linkage.plan import LinkagePlan


class Outages:
    """`values` is what the points hold at the record that is being decided."""

    def __init__(
        self,
        plan: LinkagePlan,
        held: HeldOutages,
        recent: tuple[AlarmRaised, ...],
        hands: Hands,
    ) -> None:
        self.values: Values = nothing_held
        self._by_position = {each.position: each for each in plan.feeders.feeders if each.position}
        self._by_lockout = {each.lockout: each for each in plan.feeders.feeders if each.lockout}
        self._gasps = Gasps(plan.feeders.feeders, plan.feeders.rules)
        for event in recent:
            self._gasps.hear(event.point, event.started_at_us)
        outages = OpenOutages(held.outages)
        self._watch = OutageWatch(plan, outages, self._gasps, hands)
        self._desk = OutageDesk(plan, outages, self._watch, hands)
        self._planned = PlannedOutages(plan, held.planned)
        self._earth = EarthFaults(plan, hands, held.earth_faults)

    def judged(self, event: AlarmRaised) -> AlarmRaised:
        """Inside a planned outage what the plan does is information."""
        return self._planned.judged(event)

    def raised(self, event: AlarmRaised, incident: UUID | None, changes: Changes) -> None:
        """An event as it was judged, that nothing keeps from the operator."""
        key = PointKey(event.point)
        if self._planned.over(event) is not None:
            self._planned.happened(event, changes)
            return
        feeder = self._by_position.get(key)
        if feeder and is_opening(event) and event.alarm_class is AlarmClass.FAULT:
            self._watch.tripped(feeder, event, incident, self.values, changes)
        locked = self._by_lockout.get(key)
        if locked and event.value == 1.0:
            self._watch.locked(locked, event, changes)
        metered = self._gasps.feeder_of(event.point)
        if metered and event.value == 1.0:
            self._gasps.hear(event.point, event.started_at_us)
            self._watch.gasped(metered, event, changes)
        self._earth.raised(event, incident, self.values, changes)

    def cleared(self, event: AlarmCleared, changes: Changes) -> None:
        self._watch.closed(event, self.values, changes)
        self._planned.closed(event, changes)
        self._earth.cleared(event, changes)

    def ticked(self, at_us: int, changes: Changes) -> None:
        self._watch.ticked(at_us, self.values, changes)
        self._planned.ticked(at_us, changes)
        self._earth.ticked(at_us, self.values, changes)

    def recollect(self, at_us: int, values: Values) -> None:
        """Of a record that was decided in the life before this one: only what is remembered of it."""
        self._watch.recollect(at_us, values)

    def handle(self, asked: Requested, request: OutageRequest, user: User, changes: Changes) -> str:
        """The id of what it changed or made. Raises Refused or IllegalMove."""
        match request:
            case PlanOutage():
                return self._planned.plan(asked, request, user, changes)
            case ChangePlannedOutage():
                return self._planned.change(request, user, asked.at_us, changes)
            case EndPlannedOutage():
                return self._planned.end(request, user, asked.at_us, changes)
            case TickTrial():
                return self._earth.tried(request, user, asked.at_us, changes)
            case NoteEarthFault():
                return self._earth.noted(request, user, asked.at_us, changes)
            case _:
                return self._desk.handle(request, user, asked.at_us, self.values, changes)
