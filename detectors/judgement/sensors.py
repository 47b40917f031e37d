"""Deterministic checks of the measurement itself: frozen, out of range, too fast, missing, contradicted.

They say "this sensor is suspect", never "this equipment is faulty" (DOMAIN B15).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

# what a quantity cannot be, and by how much it cannot change from one row to the next (an hour, for oil)
PLAUSIBLE: Final[Mapping[str, tuple[float, float]]] = {
    "degC": (-60.0, 250.0),
    "Hz": (40.0, 60.0),
    "pu": (-5.0, 5.0),
}
FASTEST: Final[Mapping[str, float]] = {"degC": 20.0}
_CONTRADICTED: Final = 3.0  # usual sizes of a balance's residual
_USUAL_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Balance:
    """total = sum of parts, as columns of the group: the high side carries what the others take."""

    total: int
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SensorConfig:
    frozen_rows: int = 12  # one channel repeats itself while its peers move
    lost_rows: int = 6  # two channels or more stand still at once and contradict their balance
    gap_rows: int = 3  # a channel is silent while its peers speak


class Sensors:
    """The n channels of one asset. A row in which nothing at all moved is a record held over by the
    source: it says nothing about a sensor."""

    def __init__(
        self,
        channels: int,
        config: SensorConfig,
        restless: Sequence[int],
        balances: Sequence[Balance] = (),
        units: Sequence[str] = (),
    ) -> None:
        """`restless` channels never stand still by themselves; a load does when it is switched off."""
        self._config = config
        ranges = [PLAUSIBLE.get(unit, (-inf, inf)) for unit in units] or [(-inf, inf)] * channels
        self._lowest, self._highest = np.array(ranges).T
        self._fastest = np.array([FASTEST.get(unit, inf) for unit in units] or [inf] * channels)
        self._silent = np.zeros(channels, np.int64)  # (n,) rows without a value
        self._restless = np.zeros(channels, np.bool_)
        self._restless[list(restless)] = True
        self._balances = tuple(balances)
        self._last = np.full(channels, np.nan)
        self._run = np.zeros(channels, np.int64)  # (n,) rows since the channel moved
        self._usual = np.full(len(self._balances), np.nan)  # (b,) size of the residual
        self._broken = np.zeros(len(self._balances), np.int64)  # (b,) rows that it is too large for

    @property
    def held_over(self) -> bool:
        """Nothing at all moved since the tick before: the source repeats its last record."""
        return int(self._run.min()) > 1

    def suspects(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) channels that cannot be measuring."""
        known = np.isfinite(values)
        impossible = self._impossible(values, known)
        self._run = np.where(known & (values == self._last), self._run + 1, known.astype(np.int64))
        self._last = values.copy()
        if int(self._run.min()) >= self._config.lost_rows:
            return impossible
        frozen = self._restless & (self._run >= self._config.frozen_rows)
        return impossible | frozen | self._lost(values)

    def _impossible(
        self, values: NDArray[np.float64], known: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Out of range, too fast, or missing alone; NaN is in no range and too fast for nothing."""
        self._silent = np.where(known, 0, self._silent + 1)
        missing = (self._silent >= self._config.gap_rows) & known.any()
        outside = known & ((values < self._lowest) | (values > self._highest))
        with np.errstate(invalid="ignore"):
            fast = np.abs(values - self._last) > self._fastest
        found: NDArray[np.bool_] = missing | outside | fast
        return found

    def _lost(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        lost = np.zeros(len(values), np.bool_)
        still = self._run >= self._config.lost_rows
        for place, balance in enumerate(self._balances):
            parts = list(balance.parts)
            residual = abs(float(values[balance.total] - values[parts].sum()))
            if not np.isfinite(residual):
                continue
            usual = self._usual[place]
            broken = bool(residual > _CONTRADICTED * usual)
            self._broken[place] = self._broken[place] + 1 if broken else 0
            step = 0.0 if np.isnan(usual) else _USUAL_SHARE * usual
            # follows the median: up and down by the same small step
            self._usual[place] = (
                residual if np.isnan(usual) else usual + step * np.sign(residual - usual)
            )
            members = [balance.total, *parts]
            if self._broken[place] >= self._config.lost_rows and still[members].sum() >= 2:
                lost[members] |= still[members]
        return lost
