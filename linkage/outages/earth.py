"""单相接地 on an ungrounded network: no trip, a search by trial trips, a clock of two hours (DOMAIN G1, E2).

Decisions only; raises Refused. The lines are proposed in the order of what points at them: a relay that says
the fault lies on it, then the largest zero-sequence current, then the site's own order. A person opens, and
ticks what came of it.
"""

from collections.abc import Iterable
from math import sqrt
from typing import Final
from uuid import UUID

from domain.assets import Condition, Priority
from domain.changes import Changes
from domain.clock import MINUTE_US
from domain.events import AlarmCleared, AlarmRaised
from domain.feeders import EarthLine, EarthNetwork, OutageRules
from domain.ids import PointKey, earth_fault_id
from domain.outage_requests import NoteEarthFault, TickTrial
from domain.outage_words import earth_warning
from domain.outages import EarthFault, Note, Trial, TrialResult
from domain.paperwork import User
from domain.readings import USABLE_QUALITIES, Values
from domain.requests import Refused
from domain.responsibility import Kind, Reason
from linkage.outages.book import Hands
from linkage.outages.overdue import OverdueAlarms
from linkage.plan import LinkagePlan

_OF_VOLTAGE: Final = frozenset({Condition.HIGH, Condition.HIGH_HIGH})
# so long after the beginning zero-sequence currents may still move the order
_SETTLES_US: Final = MINUTE_US


class EarthFaults:
    """Holds the open ones, and those that may come again or whose last trial is not ticked yet."""

    def __init__(self, plan: LinkagePlan, hands: Hands, held: Iterable[EarthFault] = ()) -> None:
        self._plan = plan
        self._rules = plan.feeders.rules
        self._hands = hands
        self._overdue = OverdueAlarms(plan, hands)
        self._by_u0 = {each.u0: each for each in plan.feeders.networks}
        self._networks = {each.network_id: each for each in plan.feeders.networks}
        self._held = {each.earth_id: each for each in held}

    def raised(
        self, event: AlarmRaised, incident: UUID | None, values: Values, changes: Changes
    ) -> None:
        network = self._by_u0.get(PointKey(event.point))
        if network is None or event.condition not in _OF_VOLTAGE:
            return
        known = self._goes_on(network, event)
        if known is None:
            fault = self._begun(network, event, incident, values)
        elif event.event_id in known.standing:
            return
        else:
            fault = known.next(standing=known.standing | {event.event_id}, ended_at_us=None)
        self._keep(fault, changes)

    def cleared(self, event: AlarmCleared, changes: Changes) -> None:
        for fault in list(self._held.values()):
            if event.event_id not in fault.standing:
                continue
            standing = fault.standing - {event.event_id}
            after = fault.next(
                standing=standing, ended_at_us=None if standing else event.ended_at_us
            )
            if not standing:
                self._settle(after, event.detected_at_us, changes)
            self._keep(after, changes)

    def ticked(self, at_us: int, values: Values, changes: Changes) -> None:
        for fault in list(self._held.values()):
            if fault.ended_at_us is not None:
                if at_us - fault.ended_at_us > self._rules.earth_again_us:
                    del self._held[fault.earth_id]
                continue
            self._keep(self._warned(self._ordered(fault, at_us, values), at_us, changes), changes)

    def tried(self, request: TickTrial, user: User, at_us: int, changes: Changes) -> str:
        fault = self._fault(request.earth_id, user)
        if request.number not in {each.number for each in fault.trials}:
            raise Refused(Reason.of("no_such_line", what=request.number))
        self._keep(fault.tried(request.number, request.result, at_us, user.name), changes)
        return str(fault.earth_id)

    def noted(self, request: NoteEarthFault, user: User, at_us: int, changes: Changes) -> str:
        fault = self._fault(request.earth_id, user)
        if not request.words.strip():
            raise Refused(Reason.of("words_needed"))
        note = Note(at_us=at_us, by=user.name, words=request.words.strip())
        self._keep(fault.next(notes=(*fault.notes, note)), changes)
        return str(fault.earth_id)

    def _fault(self, earth_id: UUID, user: User) -> EarthFault:
        fault = self._held.get(earth_id)
        if fault is None:
            raise Refused(Reason.of("no_such_earth_fault"))
        if not user.in_scope(fault.station):
            raise Refused(Reason.of("out_of_scope", station=fault.station))
        return fault

    def _goes_on(self, network: EarthNetwork, event: AlarmRaised) -> EarthFault | None:
        """Its second limit, or the same earth after a trial that took it away for a moment."""
        for fault in self._held.values():
            if fault.network_id != network.network_id:
                continue
            gone_us = event.started_at_us - (fault.ended_at_us or event.started_at_us)
            if fault.is_open or gone_us <= self._rules.earth_again_us:
                return fault
        return None

    def _begun(
        self, network: EarthNetwork, event: AlarmRaised, incident: UUID | None, values: Values
    ) -> EarthFault:
        return EarthFault(
            earth_id=earth_fault_id(network.network_id, event.started_at_us),
            network_id=network.network_id,
            station=network.station,
            asset_id=network.asset_id,
            started_at_us=event.started_at_us,
            due_us=event.started_at_us + self._rules.earth_within_us,
            answer=self._hands.answer(network.asset_id, event.started_at_us, Kind.EARTH_FAULT),
            incident_id=incident,
            phase=earthed_phase(network, values, self._rules),
            standing=frozenset({event.event_id}),
            trials=selection(network, values),
        )

    def _ordered(self, fault: EarthFault, at_us: int, values: Values) -> EarthFault:
        """Voltages and currents need a moment; once a line was tried the order stays."""
        network = self._networks.get(fault.network_id)
        tried = any(each.result is not None for each in fault.trials)
        if network is None or tried or at_us - fault.started_at_us > _SETTLES_US:
            return fault
        phase = earthed_phase(network, values, self._rules) or fault.phase
        trials = selection(network, values)
        before = [(each.number, each.because.code) for each in fault.trials]
        now = [(each.number, each.because.code) for each in trials]
        if before == now and phase == fault.phase:
            return fault
        return fault.next(trials=trials, phase=phase)

    def _warned(self, fault: EarthFault, at_us: int, changes: Changes) -> EarthFault:
        """An alarm at each of the site's warnings, and the last one when the time is over."""
        passed_us = at_us - fault.started_at_us
        steps = (*self._rules.earth_warn_us, self._rules.earth_within_us)
        due = [each for each in steps if passed_us >= each and each not in fault.warned]
        if not due:
            return fault
        newest = max(due)  # after an hour's downtime only the highest one fires
        is_last = newest >= self._rules.earth_within_us
        self._overdue.late(
            _name(fault, newest),
            earth_warning(newest, self._rules.earth_within_us, self._plan.language),
            fault.asset_id,
            Priority.URGENT if is_last else Priority.MAJOR,
            (fault.started_at_us + newest, at_us),
            changes,
        )
        return fault.next(warned=(*fault.warned, *due))

    def _settle(self, fault: EarthFault, at_us: int, changes: Changes) -> None:
        for warned in fault.warned:
            since_us = fault.started_at_us + warned
            self._overdue.over(_name(fault, warned), since_us, at_us, changes)

    def _keep(self, fault: EarthFault, changes: Changes) -> None:
        if self._held.get(fault.earth_id) is fault:
            return
        self._held[fault.earth_id] = fault
        changes.earth_faults.append(fault)


def earthed_phase(network: EarthNetwork, values: Values, rules: OutageRules) -> str:
    """The phase that fell while both others rose; a blown fuse of the transformer raises none (D)."""
    rated_kv = network.rated_kv / sqrt(3)
    volts = [_value(key, values) for key in network.phases]
    fallen = [
        name
        for name, kv in zip("ABC", volts, strict=False)
        if kv is not None and kv <= rules.earth_phase_below * rated_kv
    ]
    risen = [kv for kv in volts if kv is not None and kv >= rules.earth_phase_above * rated_kv]
    return fallen[0] if len(fallen) == 1 and len(risen) == 2 else ""


def selection(network: EarthNetwork, values: Values) -> tuple[Trial, ...]:
    """选线: which line to try first, and why."""
    currents = {line.number: _value(line.i0, values) for line in network.lines}
    known = [current for current in currents.values() if current is not None]

    def rank(line: EarthLine) -> tuple[int, float]:
        if _value(line.direction, values) == 1.0:
            return 0, 0.0
        current = currents[line.number]
        return (1, -current) if current is not None else (2, 0.0)

    def because(line: EarthLine, place: int) -> Reason:
        current = currents[line.number]
        if _value(line.direction, values) == 1.0:
            return Reason.of("earth_by_direction")
        if current is None:
            return Reason.of("earth_by_order")
        largest = current == max(known)
        return Reason.of("earth_by_largest" if largest else "earth_by_current", i0=f"{current:g}")

    ordered = sorted(network.lines, key=rank)
    return tuple(
        Trial(
            number=line.number,
            name=line.name,
            asset_id=line.asset_id,
            because=because(line, place),
            i0=currents[line.number],
        )
        for place, line in enumerate(ordered)
    )


def is_gone(fault: EarthFault) -> bool:
    return any(each.result is TrialResult.GONE for each in fault.trials)


def _value(key: PointKey | None, values: Values) -> float | None:
    held = values(key) if key else None
    return held.value if held is not None and held.quality in USABLE_QUALITIES else None


def _name(fault: EarthFault, warned_us: int) -> str:
    return f"earth/{fault.earth_id}/{warned_us // MINUTE_US}"
