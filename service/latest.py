"""The newest value of every point, for whoever looks at a picture of the plant. Kept in memory; after a start
filled from the telemetry store."""

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock

import numpy as np

from domain.ids import PointKey
from domain.readings import Origin, Readings


class LatestValues:
    """`take` from the deciding thread, all else from any."""

    def __init__(self, numbers: Mapping[PointKey, int]) -> None:
        self._numbers = numbers
        size = max(numbers.values(), default=0) + 1
        self._value = np.full(size, np.nan)  # (n,) by point number
        self._time = np.zeros(size, np.int64)  # 0: none yet
        self._quality = np.zeros(size, np.uint8)
        self._lock = Lock()

    @property
    def points(self) -> Sequence[int]:
        return sorted(self._numbers.values())

    def take(self, readings: Readings) -> None:
        """Readings are in order per point, so the last row of a point is its newest."""
        fresh = (readings.origin != Origin.HISTORY) & (readings.point < len(self._time))
        if not fresh.all():
            readings = readings.take(fresh)
        with self._lock:
            self._put(readings)

    def fill(self, stored: Readings) -> None:
        """What the store knew last, one row per point. A point that has spoken since keeps what it said:
        its clock may have been set back, so that what is stored looks newer."""
        with self._lock:
            known = stored.point < len(self._time)
            known[known] = self._time[stored.point[known]] == 0
            self._put(stored.take(known))

    def catch_up(self, stored: Readings) -> None:
        """What the store has newer than we do, one row per point: what others took in."""
        with self._lock:
            newer = stored.point < len(self._time)
            newer[newer] = self._time[stored.point[newer]] < stored.event_time[newer]
            self._put(stored.take(newer))

    def of(self, keys: Iterable[PointKey] = ()) -> dict[str, tuple[float | None, int, int]]:
        """key -> value, event time, quality; every point without keys; none that is silent."""
        with self._lock:
            value, time, quality = self._value.copy(), self._time.copy(), self._quality.copy()
        found = {}
        for key in keys or self._numbers:
            number = self._numbers.get(key)
            if number is not None and time[number]:
                said = float(value[number])
                known = None if np.isnan(said) else said
                found[str(key)] = (known, int(time[number]), int(quality[number]))
        return found

    def _put(self, readings: Readings) -> None:
        self._value[readings.point] = readings.value
        self._time[readings.point] = readings.event_time
        self._quality[readings.point] = readings.quality
