"""A fast process against the level it had while it was learnt: each channel's running mean, and its spread
there. Alarms at five spreads and stands until all channels are within two and a half."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SETTLING_ROWS: Final = 30  # of the learnt rows before the running mean is one


@dataclass(frozen=True, slots=True)
class LevelConfig:
    learnt_rows: int = 400
    span: int = 8  # rows of the running mean
    alarm_at: float = 5.0  # spreads of the running mean
    back_at: float = 2.5
    least_spread: float = (
        0.15  # of the channel's own spread: a still channel is not infinitely sure
    )


class Level:
    """n channels of one process, judged together."""

    def __init__(self, channels: int, config: LevelConfig) -> None:
        self._config = config
        self._learnt: list[NDArray[np.float64]] = []
        self._middle = np.zeros(channels)
        self._width = np.ones(channels)
        self._spread = np.ones(channels)
        self._mean: NDArray[np.float64] | None = None  # (n,) in widths; None while learning
        self._standing = False

    @property
    def ready(self) -> bool:
        return self._mean is not None

    def deviations(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) spreads that each channel's running mean is away from what was learnt; 0 while learning.
        A silent channel keeps its last."""
        if self._mean is None:
            self._learn(values)
            return np.zeros(len(values))
        now = (values - self._middle) / self._width
        share = 2.0 / (self._config.span + 1.0)
        self._mean = np.where(np.isfinite(now), self._mean + share * (now - self._mean), self._mean)
        return np.abs(self._mean) / self._spread

    def alarm(self, deviations: NDArray[np.float64]) -> bool:
        """Whether the process is off its level: begins at five spreads, ends below two and a half."""
        worst = float(np.max(deviations, initial=0.0))
        self._standing = worst >= (
            self._config.back_at if self._standing else self._config.alarm_at
        )
        return self._standing

    def _learn(self, values: NDArray[np.float64]) -> None:
        self._learnt.append(np.array(values, np.float64))
        if len(self._learnt) < self._config.learnt_rows:
            return
        rows = np.array(self._learnt)
        self._learnt = []
        known = np.isfinite(rows)
        count = np.maximum(known.sum(axis=0), 1)
        self._middle = np.where(known, rows, 0.0).sum(axis=0) / count
        square = np.where(known, rows - self._middle, 0.0) ** 2
        self._width = np.sqrt(square.sum(axis=0) / count) + 1e-9
        scaled = np.nan_to_num((rows - self._middle) / self._width)
        share = 2.0 / (self._config.span + 1.0)
        means = np.empty_like(scaled)
        means[0] = scaled[0]
        for row in range(1, len(scaled)):
            means[row] = means[row - 1] + share * (scaled[row] - means[row - 1])
        self._spread = np.maximum(means[_SETTLING_ROWS:].std(axis=0), self._config.least_spread)
        self._mean = means[-1]
