"""What the operation log tells of outages, planned outages and earth faults. Decisions only.

Each version of one comes by here. A line has its id from what it tells: told again, it is the same line.
"""

from collections.abc import Iterator
from typing import Final

from domain.changes import Changes
from domain.ids import log_id
from domain.logbook import LogEntry, LogKind
from domain.outages import EarthFault, Outage, Phase, PlannedOutage, PlanState, TrialResult
from domain.responsibility import Reason
from linkage.plan import LinkagePlan

_MOVES: Final = {
    Phase.PROPOSED: "outage_declared",
    Phase.MOMENTARY: "outage_momentary",
    Phase.ASSIGNED: "outage_assigned",
    Phase.ON_SITE: "outage_on_site",
    Phase.ISOLATED: "outage_isolated",
    Phase.REPAIRED: "outage_repaired",
    Phase.RESTORED: "outage_restored",
}
_PLANS: Final = {
    PlanState.ANNOUNCED: "planned_announced",
    PlanState.UNDER_WAY: "planned_began",
    PlanState.OVER: "planned_over",
    PlanState.CANCELLED: "planned_withdrawn",
}
_TRIALS: Final = {TrialResult.GONE: "trial_gone", TrialResult.STILL: "trial_still"}


class OutageLines:
    def __init__(self, plan: LinkagePlan) -> None:
        self._plan = plan

    def of(self, changes: Changes, at_us: int) -> Iterator[LogEntry]:
        """What is written at `at_us` about these changes."""
        for outage in changes.outages:
            yield from self._outage(outage, at_us)
        for planned in changes.planned_outages:
            yield self._planned(planned, at_us)
        for fault in changes.earth_faults:
            yield from self._earth(fault, at_us)

    def _outage(self, outage: Outage, at_us: int) -> Iterator[LogEntry]:
        feeder, kind = self._feeder(outage.feeder_id), LogKind.OUTAGE
        move = outage.moves[-1] if outage.moves else None
        if move is not None and move.phase in _MOVES:
            facts = {"feeder": feeder, "by": move.by}
            if move.phase is Phase.ASSIGNED:
                facts["crew"] = self._crew(outage.crew_id)
            what = Reason.of(_MOVES[move.phase], **facts)
            named = (outage.outage_id, move.phase, move.at_us)
            yield _line(kind, outage.station, (move.at_us, at_us), what, *named)
        for section in outage.sections:
            if section.restored_at_us is not None and outage.is_permanent:
                what = Reason.of(
                    "section_supplied",
                    feeder=feeder,
                    section=section.section_id,
                    by=section.restored_by,
                )
                named_section = (outage.outage_id, section.section_id)
                times = (section.restored_at_us, at_us)
                yield _line(kind, outage.station, times, what, *named_section)

    def _planned(self, planned: PlannedOutage, at_us: int) -> LogEntry:
        happened_us = {
            PlanState.UNDER_WAY: planned.began_at_us,
            PlanState.OVER: planned.ended_at_us,
        }.get(planned.state)
        what = Reason.of(
            _PLANS[planned.state],
            feeder=self._feeder(planned.feeder_id),
            by=planned.ended_by or planned.announced_by,
            why=planned.withdrawn_because or planned.why,
        )
        times = (at_us if happened_us is None else happened_us, at_us)
        named = (planned.planned_id, planned.state)
        return _line(LogKind.PLANNED_OUTAGE, planned.station, times, what, *named)

    def _earth(self, fault: EarthFault, at_us: int) -> Iterator[LogEntry]:
        network, kind = self._network(fault.network_id), LogKind.EARTH_FAULT
        if fault.version == 1:
            what = Reason.of("earth_began", network=network)
            times = (fault.started_at_us, at_us)
            yield _line(kind, fault.station, times, what, fault.earth_id)
        for trial in fault.trials:
            if trial.result is not None and trial.done_at_us is not None:
                what = Reason.of(_TRIALS[trial.result], number=trial.number, by=trial.done_by)
                times = (trial.done_at_us, at_us)
                named = (fault.earth_id, trial.number, trial.done_at_us)
                yield _line(kind, fault.station, times, what, *named)
        if fault.ended_at_us is not None:
            what = Reason.of("earth_over", network=network)
            times, named_end = (fault.ended_at_us, at_us), (fault.earth_id, fault.ended_at_us)
            yield _line(kind, fault.station, times, what, *named_end)

    def _feeder(self, feeder_id: str) -> str:
        feeder = self._plan.feeders.feeder(feeder_id)
        return feeder.name if feeder else feeder_id

    def _crew(self, crew_id: str) -> str:
        crews = self._plan.feeders.crews
        return next((each.name for each in crews if each.crew_id == crew_id), crew_id)

    def _network(self, network_id: str) -> str:
        networks = self._plan.feeders.networks
        return next((each.name for each in networks if each.network_id == network_id), network_id)


def _line(
    kind: LogKind, station: str, happened_and_written_us: tuple[int, int], what: Reason, *of: object
) -> LogEntry:
    at_us, written_at_us = happened_and_written_us
    return LogEntry(
        entry_id=log_id(kind, *of),
        station=station,
        kind=kind,
        at_us=at_us,
        written_at_us=written_at_us,
        what=what,
    )
