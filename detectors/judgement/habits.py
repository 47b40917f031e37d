"""Against the stream's own habits: the same hour of earlier days, and everything it ever showed."""

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.day_memory import DayMemory, distances
from detectors.judgement.tail import TailConfig, TailTable
from detectors.judgement.tick import Tick

_HALF_AN_HOUR_US = 1_800_000_000


class SameHour:
    """How far a value lies from those within half an hour of this time on the last days."""

    def __init__(self, streams: int, step_us: int, days: int, tail: TailConfig) -> None:
        self._memory = DayMemory(streams, step_us, days)
        self._outside = TailTable(streams, tail)
        self._usual = TailTable(streams, tail)
        self._last = np.zeros((2, streams))

    def rarity(self, tick: Tick) -> NDArray[np.float64]:
        around = self._memory.around(tick.at_us, _HALF_AN_HOUR_US)
        outside, usual = distances(tick.values, around)
        self._last = np.nan_to_num(np.array([outside, usual]))
        return self._outside.rarity(outside) + self._usual.rarity(usual)

    def learn(self, tick: Tick, rows: NDArray[np.bool_]) -> None:
        rows = rows & np.isfinite(tick.values)
        self._outside.learn(self._last[0], rows)
        self._usual.learn(self._last[1], rows)
        # the memory takes alarmed rows too: a new regime must become the habit in the end
        self._memory.keep(tick.at_us, tick.values)


class Extremes:
    """By how much a value exceeds everything that its stream ever showed, upwards or downwards."""

    def __init__(self, streams: int, tail: TailConfig) -> None:
        self._highest = np.full(streams, np.nan)
        self._lowest = np.full(streams, np.nan)
        self._above = TailTable(streams, tail)
        self._below = TailTable(streams, tail)

    def rarity(self, tick: Tick) -> NDArray[np.float64]:
        above, below = self._beyond(tick.values)
        return self._above.rarity(above) + self._below.rarity(below)

    def learn(self, tick: Tick, rows: NDArray[np.bool_]) -> None:
        above, below = self._beyond(tick.values)
        rows = rows & np.isfinite(tick.values)
        self._above.learn(above, rows)
        self._below.learn(below, rows)
        self._highest = np.fmax(self._highest, tick.values)
        self._lowest = np.fmin(self._lowest, tick.values)

    def _beyond(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        above = np.nan_to_num(np.maximum(values - self._highest, 0.0))
        below = np.nan_to_num(np.maximum(self._lowest - values, 0.0))
        return above, below
