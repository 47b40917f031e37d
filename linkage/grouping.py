"""Incidents beneath their causes: what the correlation finds, and what a person merges or splits by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final
from uuid import UUID

from domain.assets import Condition, Priority
from domain.changes import Changes
from domain.events import AlarmRaised
from domain.incidents import ITSELF, Explanation, Incident
from domain.paperwork import User
from domain.requests import MergeIncident, Refused, RegroupIncident, SplitIncident
from domain.responsibility import Reason
from domain.topology import Positions, nothing_known
from linkage.correlate import Correlation
from linkage.incidents import OpenIncidents
from linkage.plan import LinkagePlan

GroupingRequest = MergeIncident | SplitIncident | RegroupIncident
GROUPING_REQUESTS: Final = (MergeIncident, SplitIncident, RegroupIncident)

Kept = Callable[[Incident | None, Incident, Changes], None]


class Grouping:
    """A cause is never beneath another: what it explains goes with it to the one above."""

    def __init__(
        self, plan: LinkagePlan, incidents: OpenIncidents, correlation: Correlation, kept: Kept
    ) -> None:
        self._plan = plan
        self._incidents = incidents
        self._correlation = correlation
        self._kept = kept
        self.positions: Positions = nothing_known

    def told(self, event: AlarmRaised, changes: Changes) -> None:
        """It has joined its incident, if a person need take it."""
        incident_id = changes.memberships.get(event.event_id)
        incident = self._incidents.get(incident_id) if incident_id else None
        self._correlation.remember(event, incident.incident_id if incident else None)
        if incident is None or event.condition is Condition.COMMAND_FAILED:
            return  # a dead siren says nothing of what the incident follows from
        found = self._correlation.explanation_of(event)
        if incident.event_count == 1 and found is not None:
            self._explain(incident, found, changes)
        elif found is None and incident.found.cause is not None:
            # it was a consequence and nothing more: now there is trouble of its own
            of_its_own = Explanation(because=(Reason.of("own_trouble", signal=event.signal),))
            self._explain(incident, of_its_own, changes)
        disturbance = self._correlation.disturbed_by(event, incident.incident_id, self.positions)
        if disturbance is None:
            return
        changes.disturbances.append(disturbance)
        for explained, events, why in self._correlation.explained_by(disturbance):
            known = self._incidents.get(explained)
            if known is not None and known.event_count == events:
                self._explain(known, why, changes)

    def noticed(self, event: AlarmRaised) -> None:
        """Nobody need take it, or it is kept back: a switch that opened matters to what follows."""
        self._correlation.remember(event, None)

    def inhibits(self, event: AlarmRaised) -> bool:
        """No device acts for a consequence, unless it is of level 1."""
        if event.priority is Priority.URGENT:
            return False
        incident = self._incidents.of_event(event.event_id)
        if incident is not None and incident.grouped_by:
            return incident.cause is not None
        return self._correlation.explanation_of(event) is not None

    def passed(self, at_us: int) -> None:
        self._correlation.passed(at_us)

    def handle(self, request: GroupingRequest, user: User, at_us: int, changes: Changes) -> str:
        """The id of the incident. Raises Refused, IllegalMove."""
        incident = self._incident(request.incident_id, user)
        match request:
            case MergeIncident():
                explanation = self._merged(incident, request, user)
                after = incident.grouped(user.name, explanation)
            case SplitIncident():
                if incident.cause is None:
                    raise Refused(Reason.of("not_beneath"))
                if not request.words.strip():
                    raise Refused(Reason.of("words_needed"))
                because = Reason.of("split_by", by=user.name, words=request.words.strip())
                after = incident.grouped(user.name, Explanation(because=(because,)))
            case RegroupIncident():
                if not incident.grouped_by:
                    raise Refused(Reason.of("not_by_hand"))
                found = self._rooted(incident, incident.found)
                after = replace(incident, found=found).regrouped()
        self._move(incident, after, changes)
        return str(incident.incident_id)

    def _merged(self, incident: Incident, request: MergeIncident, user: User) -> Explanation:
        if not request.words.strip():
            raise Refused(Reason.of("words_needed"))
        if request.into == incident.incident_id:
            raise Refused(Reason.of("merged_into_itself"))
        into = self._incident(request.into, user)
        because = Reason.of("merged_by", by=user.name, words=request.words.strip())
        wanted = Explanation(cause=into.incident_id, because=(because,))
        explanation = self._rooted(incident, wanted)
        if explanation.cause is None:
            raise Refused(Reason.of("is_its_cause"))
        if explanation.cause == incident.cause:
            raise Refused(Reason.of("already_beneath"))
        return explanation

    def _incident(self, incident_id: UUID, user: User) -> Incident:
        incident = self._incidents.get(incident_id)
        if incident is None:
            raise Refused(Reason.of("no_such_incident"))
        station = self._plan.asset(incident.asset_id).station
        if not user.in_scope(station):
            raise Refused(Reason.of("out_of_scope", station=station))
        return incident

    def _explain(self, incident: Incident, found: Explanation, changes: Changes) -> None:
        self._move(incident, incident.explained(self._rooted(incident, found)), changes)

    def _move(self, before: Incident, after: Incident, changes: Changes) -> None:
        self._kept(before, after, changes)
        if after.cause is None:
            return
        above = Explanation(cause=after.cause, because=after.because)
        for each in self._incidents.beneath(after.incident_id):
            moved = Explanation(cause=above.cause, because=(*each.because, *above.because))
            if each.grouped_by:
                self._kept(each, each.grouped(each.grouped_by, moved), changes)
            else:
                self._kept(each, each.explained(moved), changes)

    def _rooted(self, incident: Incident, found: Explanation) -> Explanation:
        """Beneath the first cause, with the reasons of every step. What would stand beneath itself stands
        for itself."""
        cause, because = found.cause, found.because
        passed = {incident.incident_id}
        while cause is not None:
            if cause in passed:
                return ITSELF
            passed.add(cause)
            above = self._incidents.get(cause)
            if above is None or above.cause is None:
                return Explanation(cause=cause, because=because)
            cause, because = above.cause, (*because, *above.because)
        return found
