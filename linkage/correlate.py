"""Which alarm is the consequence of which trip: by device, bay, busbar, line and supply. Decisions only.

A trip is a cause. What follows within a minute in its bay, or on what it supplied, is its consequence, also
where the trip is told up to a minute after it. Where no trip is ever told nothing is made up: everything
stands for itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from domain.alarms import Alarm
from domain.assets import SUPERVISED, AlarmClass, Asset, Condition
from domain.clock import SECOND_US
from domain.disturbances import Disturbance, Reached
from domain.events import AlarmRaised
from domain.ids import AssetId, PointKey
from domain.incidents import Explanation
from domain.responsibility import Reason
from domain.topology import Positions
from domain.wording import is_opening
from linkage.network import Bay, Network
from linkage.plan import LinkagePlan
from linkage.trips import TOGETHER_WITHIN_US, is_protection

_K = TypeVar("_K")
_V = TypeVar("_V")

# by the plant's clock: what begins so long after a trip may follow from it
FOLLOWS_WITHIN_US: Final = 60 * SECOND_US
# by our clock: a trip that is told so long after its consequences still takes them
LATE_CAUSE_WITHIN_US: Final = 60 * SECOND_US
# a protection that operates so long after the supply was lost saw no fault current any more
AFTER_THE_TRIP_US: Final = SECOND_US
# by our clock: what is told later than so long after the trip stands for itself
TOLD_WITHIN_US: Final = 600 * SECOND_US
FORGETS_EVERY_US: Final = 10 * SECOND_US
REMEMBER_AT_MOST: Final = (
    100  # alarms of a device: a chattering contact is not a hundred consequences
)

# what lost supply looks like; a quantity that rises does not follow from it
_OF_LOST_SUPPLY: Final = frozenset(
    {
        Condition.LOW,
        Condition.LOW_LOW,
        Condition.FALL,
        Condition.DEVIATION,
        Condition.PHASES,
        Condition.STUCK,
        Condition.STATE,
        Condition.CHANGE,
        Condition.SILENCE,
    }
)
# about us, or about the judgement of many hours: no trip explains them
_OF_NO_TRIP: Final = SUPERVISED | frozenset(
    {
        Condition.HANDOVER_LATE,
        Condition.COMMAND_FAILED,
        Condition.DEVICE_SILENT,
        Condition.TEST_OVERDUE,
        Condition.TAG_FORGOTTEN,
        Condition.JUDGED,
        Condition.REJECTED,
        Condition.CLOCK_STEPPED_BACK,
    }
)


@dataclass(frozen=True, slots=True)
class _Remembered:
    event: AlarmRaised
    incident_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Grounds:
    """Why an event would be the consequence of a disturbance; fewer hops are better grounds."""

    disturbance: Disturbance
    reached: Reached | None  # None: the same bay

    def is_of(self, disturbance: Disturbance) -> bool:
        return self.disturbance.disturbance_id == disturbance.disturbance_id

    @property
    def rank(self) -> tuple[int, int, UUID]:
        hops = self.reached.hops if self.reached else 0
        return hops, self.disturbance.started_at_us, self.disturbance.disturbance_id


class Correlation:
    """Holds the trips of the last minutes with what each reached, and what was told beside them."""

    def __init__(
        self,
        plan: LinkagePlan,
        disturbances: Iterable[Disturbance] = (),
        recent: Iterable[AlarmRaised] = (),
        incident_of: Mapping[UUID, UUID] | None = None,
    ) -> None:
        """`recent` events, the oldest first, with the incidents that they are of."""
        self._plan = plan
        self._network = Network(plan.topology, plan.assets)
        self._disturbances: dict[UUID, Disturbance] = {}
        self._of_bay: dict[Bay, dict[UUID, Disturbance]] = {}
        self._reaching: dict[AssetId, dict[UUID, tuple[Disturbance, Reached]]] = {}
        self._told: dict[AssetId, list[_Remembered]] = {}
        # commands that failed for an incident, and when the last did: no trouble of the plant's
        self._failed: dict[UUID, tuple[int, int]] = {}
        self._looks_again_us = 0
        self._opened: dict[PointKey, int] = {}  # when each switch opened, by the plant's clock
        for disturbance in disturbances:
            self._keep(disturbance)
        for event in recent:
            self.remember(event, (incident_of or {}).get(event.event_id))

    def remember(self, event: AlarmRaised, incident_id: UUID | None) -> None:
        if event.condition is Condition.COMMAND_FAILED:
            if incident_id is not None:
                times, _ = self._failed.get(incident_id, (0, 0))
                self._failed[incident_id] = times + 1, event.detected_at_us
            return
        if is_opening(event):
            self._opened[PointKey(event.point)] = event.started_at_us
        told = self._told.setdefault(event.asset_id, [])
        told.append(_Remembered(event, incident_id))
        del told[:-REMEMBER_AT_MOST]

    def explanation_of(self, event: AlarmRaised) -> Explanation | None:
        """The incident of the trip that it follows from, and why."""
        grounds = self._grounds_of(event)
        return None if grounds is None else self._explanation(event, grounds)

    def disturbed_by(
        self, event: AlarmRaised, incident_id: UUID, positions: Positions
    ) -> Disturbance | None:
        """What the event, if it is a trip, disturbs as the switches stand now; None where nothing more than
        is known."""
        if not is_trip(event):
            return None
        station, bay = self._bay(event.asset_id)
        known = self._same_trip(event)
        reached = tuple(self._reached(event, positions))
        if known is None:
            made = Disturbance(
                disturbance_id=event.event_id,
                asset_id=event.asset_id,
                station=station,
                bay=bay,
                incident_id=incident_id,
                started_at_us=event.started_at_us,
                known_at_us=event.detected_at_us,
                reached=reached,
            )
        elif set(reached) - set(known.reached):
            made = known.reaching(_joined(known.reached, reached))
        else:
            return None
        self._keep(made)
        return made

    def explained_by(self, disturbance: Disturbance) -> Iterator[tuple[UUID, int, Explanation]]:
        """Incidents told before it that follow from it: the id, of how many events, and why."""
        bay = disturbance.station, disturbance.bay
        assets = dict.fromkeys([*self._network.assets_of(bay)] if disturbance.bay else [])
        assets |= dict.fromkeys(each.asset_id for each in disturbance.reached)
        for asset_id in assets:
            by_incident: dict[UUID, list[AlarmRaised]] = {}
            for each in self._told.get(asset_id, ()):
                if each.incident_id is not None:  # else nobody need take it
                    by_incident.setdefault(each.incident_id, []).append(each.event)
            for incident_id, events in by_incident.items():
                if incident_id == disturbance.incident_id:
                    continue
                grounds = [self._grounds_of(event) for event in events]
                of_it = [each for each in grounds if each and each.is_of(disturbance)]
                if len(of_it) == len(events):
                    failed, _ = self._failed.get(incident_id, (0, 0))
                    yield incident_id, len(events) + failed, self._explanation(events[0], of_it[0])

    def passed(self, at_us: int) -> None:
        """Forgets what no rule looks at any more; now and then, for the rules go by times, not by memory."""
        if at_us < self._looks_again_us:
            return
        self._looks_again_us = at_us + FORGETS_EVERY_US
        for disturbance in list(self._disturbances.values()):
            if disturbance.known_at_us < at_us - TOLD_WITHIN_US:
                self._forget(disturbance)
        for asset_id, told in list(self._told.items()):
            if told[-1].event.detected_at_us < at_us - LATE_CAUSE_WITHIN_US:
                del self._told[asset_id]
        for point, opened_us in list(self._opened.items()):
            if opened_us < at_us - TOLD_WITHIN_US:
                del self._opened[point]
        for incident_id, (_, failed_us) in list(self._failed.items()):
            if failed_us < at_us - LATE_CAUSE_WITHIN_US:
                del self._failed[incident_id]

    def _grounds_of(self, event: AlarmRaised) -> _Grounds | None:
        if event.condition in _OF_NO_TRIP or not self._disturbances:
            return None
        bay = self._bay(event.asset_id)
        possible = [
            _Grounds(each, None)
            for each in (self._of_bay.get(bay, {}).values() if bay[1] else ())
            if each.asset_id != event.asset_id and _follows(event, each)
        ]
        possible += [
            _Grounds(each, reached)
            for each, reached in self._reaching.get(event.asset_id, {}).values()
            if _follows(event, each) and _of_lost_supply(event, each, reached)
        ]
        return min(possible, key=lambda each: each.rank, default=None)

    def _explanation(self, event: AlarmRaised, grounds: _Grounds) -> Explanation:
        disturbance, reached = grounds.disturbance, grounds.reached
        cause = self._called(disturbance.asset_id)
        what = self._called(event.asset_id)
        reasons = []
        if reached is None:
            reasons.append(Reason.of("same_bay", what=what, cause=cause, bay=disturbance.bay))
        else:
            code = "fed_over_line" if reached.over_line else "fed_from"
            if reached.hops == 1 and not reached.over_line:
                code = "on_its_busbar"
            via = " - ".join(dict.fromkeys(reached.via))
            reasons.append(Reason.of(code, what=what, cause=cause, via=via))
            if reached.unknown:
                switches = ", ".join(reached.unknown)
                reasons.append(Reason.of("may_be_connected", switches=switches))
        late_us = disturbance.known_at_us - event.detected_at_us
        if late_us >= SECOND_US:
            reasons.append(Reason.of("cause_told_later", seconds=late_us // SECOND_US))
        return Explanation(cause=disturbance.incident_id, because=tuple(reasons))

    def _reached(self, trip: AlarmRaised, positions: Positions) -> list[Reached]:
        opened_since = {
            point
            for point, at_us in self._opened.items()
            if at_us >= trip.started_at_us - TOGETHER_WITHIN_US
        }
        bay = self._bay(trip.asset_id)
        return self._network.supplied_through(bay, positions, opened_since)

    def _same_trip(self, event: AlarmRaised) -> Disturbance | None:
        """A bay trips once, by however many protections and breakers."""
        near = [
            each
            for each in self._of_bay.get(self._bay(event.asset_id), {}).values()
            if abs(each.started_at_us - event.started_at_us) <= TOGETHER_WITHIN_US
        ]
        return min(near, key=lambda each: (each.started_at_us, each.disturbance_id), default=None)

    def _keep(self, disturbance: Disturbance) -> None:
        self._forget(disturbance)
        key = disturbance.disturbance_id
        self._disturbances[key] = disturbance
        self._of_bay.setdefault(self._bay(disturbance.asset_id), {})[key] = disturbance
        for reached in disturbance.reached:
            self._reaching.setdefault(reached.asset_id, {})[key] = disturbance, reached

    def _forget(self, disturbance: Disturbance) -> None:
        key = disturbance.disturbance_id
        known = self._disturbances.pop(key, None)
        if known is None:
            return
        _take_out(self._of_bay, self._bay(known.asset_id), key)
        for reached in known.reached:
            _take_out(self._reaching, reached.asset_id, key)

    def _bay(self, asset_id: AssetId) -> Bay:
        """A device without a bay is a place of its own."""
        asset = self._plan.asset(asset_id)
        return (asset.station, asset.bay) if asset.bay else (asset_id, "")

    def _called(self, asset_id: AssetId) -> str:
        return called(self._plan.asset(asset_id))


def called(asset: Asset) -> str:
    return f"{asset.station} {asset.name}".strip()


def is_trip(event: AlarmRaised) -> bool:
    """A protection operated, or a breaker opened by one."""
    return event.alarm_class is AlarmClass.FAULT and (is_protection(event) or is_opening(event))


def _follows(event: AlarmRaised, trip: Disturbance) -> bool:
    """In time. Silence begins with the last word, which came before the supply was lost."""
    if event.event_id == trip.disturbance_id:
        return False
    if event.detected_at_us - trip.known_at_us > TOLD_WITHIN_US:
        return False
    if trip.known_at_us - event.detected_at_us > LATE_CAUSE_WITHIN_US:
        return False
    earliest_us = trip.started_at_us - TOGETHER_WITHIN_US
    latest_us = trip.started_at_us + FOLLOWS_WITHIN_US
    if event.condition is Condition.SILENCE:
        return event.started_at_us <= latest_us and event.raised_at_us >= earliest_us
    return earliest_us <= event.started_at_us <= latest_us


def _of_lost_supply(event: AlarmRaised, trip: Disturbance, reached: Reached) -> bool:
    """What a device shows that lost its supply. A protection that operates with the trip saw a fault of its
    own; one that operates a while after saw the voltage go."""
    if event.alarm_class is AlarmClass.FAULT:
        after = event.started_at_us >= trip.started_at_us + AFTER_THE_TRIP_US
        return after and not reached.unknown
    return event.condition in _OF_LOST_SUPPLY or event.unit in {"status", "position"}


def _joined(first: Iterable[Reached], more: Iterable[Reached]) -> tuple[Reached, ...]:
    """Of two ways to a device the one that is surer, then the shorter."""
    of_each: dict[AssetId, Reached] = {}
    for each in (*first, *more):
        known = of_each.get(each.asset_id)
        if known is None or (len(each.unknown), each.hops) < (len(known.unknown), known.hops):
            of_each[each.asset_id] = each
    return tuple(of_each.values())


def _take_out(index: dict[_K, dict[UUID, _V]], where: _K, key: UUID) -> None:
    found = index.get(where)
    if found is not None:
        found.pop(key, None)
        if not found:
            del index[where]


def incidents_of(alarms: Iterable[Alarm]) -> dict[UUID, UUID]:
    """event -> the incident that it is of."""
    return {each.event_id: each.incident_id for each in alarms if each.incident_id is not None}
