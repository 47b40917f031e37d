"""The open alarms and what is kept from the operator: held in memory, found by event, incident and point."""

from collections.abc import Collection, Iterable
from typing import Final, TypeVar
from uuid import UUID

from domain.alarms import Alarm, Withheld, Withholding
from domain.assets import Condition
from domain.events import AlarmRaised
from linkage.tagging import names_the_cause

_K = TypeVar("_K")

_SAYS_MORE: Final = (Withheld.OUT_OF_SERVICE, Withheld.SHELVED, Withheld.SUPPRESSED)


class OpenAlarms:
    """Every alarm that is not over and done with."""

    def __init__(self, alarms: Iterable[Alarm] = ()) -> None:
        self._open: dict[UUID, Alarm] = {}
        self._of_incident: dict[UUID, set[UUID]] = {}
        self._of_point: dict[str, set[UUID]] = {}
        self._kept_back: dict[UUID, set[UUID]] = {}  # by what keeps them back
        for alarm in alarms:
            self.keep(alarm)

    def __len__(self) -> int:
        return len(self._open)

    def get(self, event_id: UUID) -> Alarm | None:
        return self._open.get(event_id)

    def of_incident(self, incident_id: UUID) -> list[Alarm]:
        """In an order that a replay repeats."""
        return [self._open[each] for each in sorted(self._of_incident.get(incident_id, ()))]

    def of_point(self, point: str) -> list[Alarm]:
        return [self._open[each] for each in sorted(self._of_point.get(point, ()))]

    def of_conditions(self, conditions: Collection[Condition]) -> list[Alarm]:
        return [each for each in self._open.values() if each.condition in conditions]

    def kept_back_by(self) -> list[UUID]:
        """The tags, shelves and tickets that keep something back."""
        return sorted(self._kept_back)

    def withheld_by(self, because: UUID) -> list[Alarm]:
        found = [self._open[each] for each in self._kept_back.get(because, ())]
        return sorted(found, key=lambda alarm: (alarm.raised_at_us, alarm.event_id))

    def keep(self, alarm: Alarm) -> None:
        before = self._open.get(alarm.event_id)
        if before is not None and before.incident_id != alarm.incident_id:
            _discard(self._of_incident, before.incident_id, alarm.event_id)
        if before is not None and before.withheld_by != alarm.withheld_by:
            _discard(self._kept_back, before.withheld_by, alarm.event_id)
        if not alarm.is_open:
            self._forget(alarm)
            return
        self._open[alarm.event_id] = alarm
        self._of_point.setdefault(alarm.point, set()).add(alarm.event_id)
        if alarm.incident_id is not None:
            self._of_incident.setdefault(alarm.incident_id, set()).add(alarm.event_id)
        if alarm.withheld_by is not None:
            self._kept_back.setdefault(alarm.withheld_by, set()).add(alarm.event_id)

    def _forget(self, alarm: Alarm) -> None:
        self._open.pop(alarm.event_id, None)
        _discard(self._of_point, alarm.point, alarm.event_id)
        _discard(self._of_incident, alarm.incident_id, alarm.event_id)
        _discard(self._kept_back, alarm.withheld_by, alarm.event_id)


class Withholdings:
    """Shelves and what is out of service, as long as they hold."""

    def __init__(self, holding: Iterable[Withholding] = ()) -> None:
        self._by_id: dict[UUID, Withholding] = {}
        self._of_point: dict[str, set[UUID]] = {}
        for each in holding:
            self.keep(each)

    def get(self, withholding_id: UUID) -> Withholding | None:
        return self._by_id.get(withholding_id)

    def keep(self, withholding: Withholding) -> None:
        self._by_id[withholding.withholding_id] = withholding
        self._of_point.setdefault(withholding.point, set()).add(withholding.withholding_id)
        if not withholding.holds:
            del self._by_id[withholding.withholding_id]
            _discard(self._of_point, withholding.point, withholding.withholding_id)

    def every(self) -> list[Withholding]:
        return list(self._by_id.values())

    def of_point(self, point: str) -> list[Withholding]:
        return [self._by_id[each] for each in sorted(self._of_point.get(point, ()))]

    def over(self, alarm: AlarmRaised | Alarm) -> Withholding | None:
        """Out of service says more than a shelf, and a person's word more than the design's."""
        if alarm.point not in self._of_point:
            return None
        found = [each for each in self.of_point(alarm.point) if keeps_back(each, alarm)]
        found.sort(key=lambda each: (_SAYS_MORE.index(each.kind), each.at_us))
        return found[0] if found else None


def keeps_back(withholding: Withholding, alarm: AlarmRaised | Alarm) -> bool:
    """A person may keep back what he answers for; a design never keeps back what names a cause."""
    covered = withholding.covers(alarm.point, alarm.condition)
    return covered and not (withholding.by_design and names_the_cause(alarm))


def _discard(index: dict[_K, set[UUID]], key: _K | None, event_id: UUID) -> None:
    if key is None or key not in index:
        return
    index[key].discard(event_id)
    if not index[key]:
        del index[key]
