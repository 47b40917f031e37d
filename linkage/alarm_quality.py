"""What is wrong with the alarms themselves, found as they come: chattering, fleeting, too many at once.

The figures are those of EEMUA 191 and ISA-18.2 (DOMAIN A5). Only what reaches an operator counts to a flood.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from domain.alarms import (
    FLOOD_ABOVE,
    FLOOD_UNTIL_BELOW,
    FLOOD_WINDOW_US,
    Alarm,
    Flood,
)
from domain.assets import Condition
from domain.changes import Changes
from domain.clock import SECOND_US
from domain.frozen import changed
from domain.ids import flood_id
from linkage.plan import LinkagePlan

CHATTERING_TIMES: Final = 3
CHATTERING_WITHIN_US: Final = 60 * SECOND_US
FLEETING_WITHIN_US: Final = 10 * SECOND_US  # shorter than anybody could have acted

_Key = tuple[str, Condition]


class AlarmQuality:
    """Remembers ten minutes."""

    def __init__(
        self, plan: LinkagePlan, recent: Iterable[Alarm] = (), floods: Iterable[Flood] = ()
    ) -> None:
        self._plan = plan
        self._raised: dict[_Key, deque[int]] = {}
        self._order: deque[tuple[int, _Key]] = deque()  # of all of them, as they came
        self._floods = {flood.position: flood for flood in floods}
        # to each position; a flood that lasted before we began is looked after as well
        self._came: dict[str, deque[int]] = {position: deque() for position in self._floods}
        for alarm in sorted(recent, key=lambda each: each.detected_at_us):
            self._note_raised(alarm)
            if alarm.position:
                self._came.setdefault(alarm.position, deque()).append(alarm.detected_at_us)

    def raised(self, alarm: Alarm, changes: Changes) -> Alarm:
        """Marked with its position, and whether it chatters; a flood may begin with it."""
        chattering = self._note_raised(alarm)
        if alarm.withheld is not None:
            return changed(alarm, chattering=chattering)
        station = self._plan.asset(alarm.asset_id).station
        position = self._plan.position_of(station)
        self._came_to(position, alarm.detected_at_us, changes)
        return changed(alarm, chattering=chattering, position=position)

    def returned(self, alarm: Alarm) -> Alarm:
        """An alarm that was over before anybody could have acted is noise."""
        if alarm.standing or alarm.acknowledged_at_us is not None or alarm.ended_at_us is None:
            return alarm
        fleeting = alarm.ended_at_us - alarm.detected_at_us < FLEETING_WITHIN_US
        return changed(alarm, fleeting=fleeting)

    def ticked(self, at_us: int, changes: Changes) -> None:
        for position, came in self._came.items():
            _forget(came, at_us - FLOOD_WINDOW_US)
            flood = self._floods.get(position)
            if flood is not None and len(came) < FLOOD_UNTIL_BELOW:
                changes.floods.append(changed(flood, ended_at_us=at_us, version=flood.version + 1))
                del self._floods[position]
        while self._order and self._order[0][0] < at_us - CHATTERING_WITHIN_US:
            self._forget_raised(*self._order.popleft())

    def _forget_raised(self, at_us: int, key: _Key) -> None:
        raised = self._raised.get(key)
        if raised is not None:
            _forget(raised, at_us)
            if not raised:
                del self._raised[key]

    def _note_raised(self, alarm: Alarm) -> bool:
        raised = self._raised.setdefault(
            (alarm.point, alarm.condition), deque(maxlen=CHATTERING_TIMES)
        )
        raised.append(alarm.detected_at_us)
        self._order.append((alarm.detected_at_us, (alarm.point, alarm.condition)))
        return len(raised) == CHATTERING_TIMES and raised[-1] - raised[0] <= CHATTERING_WITHIN_US

    def _came_to(self, position: str, at_us: int, changes: Changes) -> None:
        came = self._came.setdefault(position, deque())
        came.append(at_us)
        _forget(came, at_us - FLOOD_WINDOW_US)
        flood = self._floods.get(position)
        if flood is not None:
            flood = changed(
                flood,
                alarms=flood.alarms + 1,
                peak=max(flood.peak, len(came)),
                version=flood.version + 1,
            )
        elif len(came) > FLOOD_ABOVE:
            flood = Flood(
                flood_id=flood_id(self._plan.site, position, at_us),
                position=position,
                started_at_us=at_us,
                alarms=len(came),
                peak=len(came),
            )
        else:
            return
        self._floods[position] = flood
        changes.floods.append(flood)


def _forget(moments: deque[int], through_us: int) -> None:
    while moments and moments[0] <= through_us:
        moments.popleft()
