"""A breaker that opens: under an executing ticket information, together with a protection a fault trip."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from uuid import UUID

from domain.assets import AlarmClass, Condition, Priority
from domain.clock import SECOND_US
from domain.events import AlarmRaised
from domain.paperwork import Ticket
from domain.wording import is_opening
from linkage.plan import LinkagePlan

# opening and protection belong together by the plant's clock; the later of them may arrive first
TOGETHER_WITHIN_US: Final = 5 * SECOND_US
REMEMBER_AT_MOST: Final = 100  # of a bay: a chattering contact is not a hundred trips
_Bay = tuple[str, str]  # station and bay

_OPERATES: Final = frozenset({Condition.HIGH, Condition.HIGH_HIGH, Condition.STATE})


class Trips:
    """Remembers openings and operated protections, by bay, for as long as their partner may come."""

    def __init__(self, plan: LinkagePlan, recent: Iterable[AlarmRaised] = ()) -> None:
        self._plan = plan
        self._openings: dict[_Bay, list[AlarmRaised]] = {}
        self._protections: dict[_Bay, list[AlarmRaised]] = {}
        self._closed_again: set[UUID] = set()
        for event in recent:
            self.remember(event)

    def judged(self, event: AlarmRaised, tickets: Iterable[Ticket]) -> AlarmRaised:
        """The event with the class and the priority that it has among what happened beside it."""
        if not is_opening(event):
            return event
        if any(_together(event, each) for each in self._protections.get(self._bay(event), ())):
            return _tripped(event)
        asset = self._plan.asset(event.asset_id)
        if any(
            ticket.permits_work(asset.asset_id, asset.station, event.started_at_us)
            for ticket in tickets
        ):
            return replace(
                event, alarm_class=AlarmClass.INFORMATION, priority=Priority.NOTICE, latching=False
            )
        return event

    def explained_by(self, event: AlarmRaised) -> list[AlarmRaised]:
        """Openings that were told already, and that this protection makes fault trips."""
        if not is_protection(event):
            return []
        openings = self._openings.get(self._bay(event), ())
        return [_tripped(each) for each in openings if _together(each, event)]

    def remember(self, event: AlarmRaised) -> None:
        if is_opening(event):
            self._openings.setdefault(self._bay(event), []).append(event)
        elif is_protection(event):
            self._protections.setdefault(self._bay(event), []).append(event)

    def cleared(self, opening: UUID) -> None:
        self._closed_again.add(opening)

    def is_closed_again(self, opening: UUID) -> bool:
        return opening in self._closed_again

    def forget_before(self, at_us: int) -> None:
        for remembered in (self._openings, self._protections):
            for bay, events in list(remembered.items()):
                kept = [event for event in events if event.detected_at_us >= at_us]
                if kept:
                    remembered[bay] = kept[-REMEMBER_AT_MOST:]
                else:
                    del remembered[bay]
        if self._closed_again:
            known = {event.event_id for each in self._openings.values() for event in each}
            self._closed_again &= known

    def _bay(self, event: AlarmRaised) -> _Bay:
        """A device without a bay is a place of its own."""
        asset = self._plan.asset(event.asset_id)
        return (asset.station, asset.bay) if asset.bay else ("", event.asset_id)


def _together(opening: AlarmRaised, protection: AlarmRaised) -> bool:
    return abs(opening.started_at_us - protection.started_at_us) <= TOGETHER_WITHIN_US


def _tripped(event: AlarmRaised) -> AlarmRaised:
    return replace(event, alarm_class=AlarmClass.FAULT, priority=Priority.URGENT)


def is_protection(event: AlarmRaised) -> bool:
    return (
        event.unit == "status"
        and event.alarm_class is AlarmClass.FAULT
        and event.condition in _OPERATES
    )
