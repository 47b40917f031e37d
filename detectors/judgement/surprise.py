"""The residual of a forecast, judged by how rare it is for its stream: both ways together, or each apart."""

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.forecast import Forecast, ForecastConfig
from detectors.judgement.tail import TailConfig, TailTable
from detectors.judgement.tick import Tick

Side = Literal["both", "rise", "fall"]

_HOURS: Final = 24
_CLIP: Final = (
    9.0  # a square beyond so many usual ones counts as that: one fault must not widen the band
)


@dataclass(frozen=True, slots=True)
class SurpriseConfig:
    forecast: ForecastConfig = field(default_factory=ForecastConfig)
    sides: tuple[Side, ...] = ("both",)
    fall_handicap: float = 0.0  # rarity taken off a fall: what has a natural cause must be rarer
    by_hour: bool = False  # divide by how wide the residual is at this hour and lately
    tail: TailConfig = field(default_factory=TailConfig)


class Surprise:
    """n streams, one horizon. A rise and a fall have tails of their own: oil cools at once in the rain,
    and nothing heats it at once."""

    def __init__(self, streams: int, config: SurpriseConfig) -> None:
        self._config = config
        self._forecast = Forecast(streams, config.forecast)
        self._tails = {side: TailTable(streams, config.tail) for side in config.sides}
        self._width = _Width(streams) if config.by_hour else None
        self._residual = np.full(streams, np.nan)
        self._score = self._residual

    @property
    def residual(self) -> NDArray[np.float64]:
        """(n,) measured minus expected of the last tick, in the stream's unit."""
        return self._residual

    def rarity(self, tick: Tick) -> NDArray[np.float64]:
        self._residual = self._forecast.residual(tick.values, tick.share_of_day)
        width = 1.0 if self._width is None else self._width.at(tick.hour)
        self._score = self._residual / width
        rarities = [
            tail.rarity(_turned(self._score, side)) - self._handicap(side)
            for side, tail in self._tails.items()
        ]
        found: NDArray[np.float64] = np.max(rarities, axis=0, initial=0.0)
        return found

    def _handicap(self, side: Side) -> float:
        return self._config.fall_handicap if side == "fall" else 0.0

    def learn(self, tick: Tick, rows: NDArray[np.bool_]) -> None:
        known = rows & np.isfinite(tick.values)
        for side, tail in self._tails.items():
            score = _turned(self._score, side)
            if self._width is None:
                score = np.nan_to_num(score)  # before the first forecast nothing surprises
            tail.learn(np.maximum(score, 0.0), known)
        if self._width is not None:
            self._width.learn(tick.hour, self._residual, known)
        self._forecast.learn(rows)


def _turned(score: NDArray[np.float64], side: Side) -> NDArray[np.float64]:
    if side == "both":
        return np.abs(score)
    return score if side == "rise" else -score


class _Width:
    """How wide a residual is: the mean of its square at this hour over days, and over the last two days."""

    def __init__(self, streams: int) -> None:
        self._by_hour = np.full((_HOURS, streams), np.nan)
        self._lately = np.full(streams, np.nan)
        self._hour_share = 1.0 - 0.5 ** (1.0 / 10.0)  # half of the weight within ten days
        self._late_share = 1.0 - 0.5 ** (1.0 / 48.0)  # ... and within 48 rows

    def at(self, hour: int) -> NDArray[np.float64]:
        """(n,) NaN until every needed hour was seen."""
        before, after = self._by_hour[hour - 1], self._by_hour[(hour + 1) % _HOURS]
        at_this_hour = 0.25 * before + 0.5 * self._by_hour[hour] + 0.25 * after
        width: NDArray[np.float64] = np.sqrt(0.5 * at_this_hour + 0.5 * self._lately)
        return np.maximum(width, 1e-9)

    def learn(self, hour: int, residual: NDArray[np.float64], rows: NDArray[np.bool_]) -> None:
        rows = rows & np.isfinite(residual)
        square = np.fmin(residual**2, _CLIP * self.at(hour) ** 2)
        for kept, share in (
            (self._by_hour[hour], self._hour_share),
            (self._lately, self._late_share),
        ):
            newer = np.where(np.isfinite(kept), kept + share * (square - kept), square)
            np.copyto(kept, newer, where=rows)
