"""What one record brought to light, put in an order that a replay repeats."""

from typing import Final

from domain.assets import Condition
from domain.events import Event

ORDER: Final = {
    condition: place
    for place, condition in enumerate(
        (
            Condition.LOW_LOW,
            Condition.LOW,
            Condition.HIGH,
            Condition.HIGH_HIGH,
            Condition.RISE,
            Condition.FALL,
            Condition.DEVIATION,
            Condition.STUCK,
            Condition.STATE,
            Condition.CHANGE,
            Condition.PHASES,
            Condition.SILENCE,
            Condition.CLOCK_STEPPED_BACK,
            Condition.JUDGED,
            Condition.CAMERA,
            Condition.SEEN,
        )
    )
}


class Found:
    """Collects the events of one record."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int]] = []
        self._events: list[Event] = []
        self._latest: dict[tuple[int, int], int] = {}

    def add(self, time_us: int, number: int, condition: Condition, event: Event) -> None:
        """Events of one point and condition are added in the order in which they happened."""
        place = ORDER[condition]
        # a substituted time may lie after the return that follows it: cleared never before raised
        time_us = max(time_us, self._latest.get((number, place), time_us))
        self._latest[number, place] = time_us
        self._rows.append((time_us, number, place))
        self._events.append(event)

    def in_order(self) -> list[Event]:
        """By the time raised or ended, then point number, then condition."""
        if len(self._events) < 2:
            return self._events
        order = sorted(range(len(self._rows)), key=self._rows.__getitem__)
        return [self._events[row] for row in order]
