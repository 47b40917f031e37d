"""What each stream showed at this time of day on the days before."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

DAY_US: Final = 86_400_000_000
_FINEST_US: Final = 60_000_000  # a minute; finer would only cost memory


class DayMemory:
    """n streams; one value per step of the day, for some days back. Local time is the caller's matter."""

    def __init__(self, streams: int, step_us: int, days: int) -> None:
        self._step_us = max(step_us, _FINEST_US)
        self.steps = max(1, round(DAY_US / self._step_us))
        self.days = days
        self._kept = np.full((days, self.steps, streams), np.nan, np.float32)
        self._written = np.full((days, self.steps), -1, np.int64)  # the day that each slot holds

    def at(self, at_us: int, days_back: int) -> NDArray[np.float64]:
        """(n,) the value of that step `days_back` days ago; NaN where there was none."""
        day, step = self._place(at_us)
        slot = (day - days_back) % self.days
        if self._written[slot, step] != day - days_back:
            return np.full(self._kept.shape[2], np.nan)
        found: NDArray[np.float64] = self._kept[slot, step].astype(np.float64)
        return found

    def around(self, at_us: int, reach_us: int) -> NDArray[np.float32]:
        """(days, steps, n) the values within `reach_us` of this time on each earlier day, newest day
        first; NaN where there was none."""
        reach = max(1, reach_us // self._step_us)
        back = np.arange(1, self.days + 1)[:, None]
        place = at_us // self._step_us + np.arange(-reach, reach + 1)
        day = place * self._step_us // DAY_US - back
        step = np.minimum(place * self._step_us % DAY_US // self._step_us, self.steps - 1)
        step = np.broadcast_to(step, day.shape)
        slot = day % self.days
        found: NDArray[np.float32] = self._kept[slot, step]
        found[self._written[slot, step] != day] = np.nan
        return found

    def keep(self, at_us: int, values: NDArray[np.float64]) -> None:
        """The newest of a step counts; a value that is NaN leaves what stands."""
        day, step = self._place(at_us)
        slot = day % self.days
        if self._written[slot, step] != day:
            self._written[slot, step] = day
            self._kept[slot, step] = np.nan
        known = np.isfinite(values)
        self._kept[slot, step, known] = values[known]

    def _place(self, at_us: int) -> tuple[int, int]:
        return at_us // DAY_US, min(at_us % DAY_US // self._step_us, self.steps - 1)


def distances(
    now: NDArray[np.float64], around: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) how far `now` lies outside everything seen at this time of day, and (n,) how far from the
    nearest such value on a usual day (the median over the days). NaN before the first whole day."""
    with np.errstate(invalid="ignore"):
        low = np.fmin.reduce(around, axis=(0, 1))
        high = np.fmax.reduce(around, axis=(0, 1))
        outside = np.maximum(np.maximum(low - now, now - high), 0.0)
        nearest = np.fmin.reduce(np.abs(around - now), axis=1)  # (days, n)
    nearest = np.sort(nearest, axis=0)  # NaN last
    known = np.isfinite(nearest).sum(axis=0)
    # of one or two days the nearer: a median of two would call their mean usual
    middle = np.where(known > 2, known // 2, 0)
    lower = np.where((known > 2) & (known % 2 == 0), middle - 1, middle)
    columns = np.arange(nearest.shape[1])
    usual = 0.5 * (nearest[middle, columns] + nearest[lower, columns])
    return outside.astype(np.float64), usual.astype(np.float64)
