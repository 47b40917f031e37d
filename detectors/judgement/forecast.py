"""What each stream should read now, from its own past: ridge regression, refitted as time goes on.

All streams together: one small matrix each, a rank-one update per tick and a few solutions per tick in turn.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LONGEST_MEMORY: Final = 1e9


@dataclass(frozen=True, slots=True)
class ForecastConfig:
    horizon: int = 1  # ticks ahead
    lags: int = 8  # newest values that the forecast sees
    averages: tuple[int, ...] = (24, 96)  # spans in ticks of the running means that it sees
    harmonics: int = 0  # of the day
    warm_up: int = 64  # rows before the first fit
    refit_every: int = 64  # rows
    memory: int = 2_000  # rows after which an old one counts 1/e
    ridge: float = 1.0  # rows' worth of distrust


class Forecast:
    """n streams. `residual` first, then `learn` with the rows that may be learnt from."""

    def __init__(self, streams: int, config: ForecastConfig) -> None:
        self._config = config
        self._fade = 1.0 - 1.0 / config.memory
        depth = config.horizon + config.lags
        self._recent = np.full((depth, streams), np.nan)  # newest first, in scaled units
        self._means = np.full((config.horizon, len(config.averages), streams), np.nan)
        self._offset = np.full(streams, np.nan)
        self._scale = np.ones(streams)
        size = 1 + config.lags + len(config.averages) + 2 * config.harmonics
        self._moments = np.zeros((streams, size, size))
        self._targets = np.zeros((streams, size))
        self._weights = np.zeros((streams, size))
        self._rows = np.zeros(streams, np.int64)
        self._inputs: NDArray[np.float64] | None = None
        self._now = np.full(streams, np.nan)
        self._first: list[NDArray[np.float64]] = []

    def residual(self, values: NDArray[np.float64], share_of_day: float) -> NDArray[np.float64]:
        """(n,) measured minus expected in the stream's own unit; NaN while it cannot be told."""
        self._find_scale(values)
        self._now = (values - self._offset) / self._scale
        self._inputs = self._look_back(share_of_day)
        expected = np.einsum("np,np->n", self._weights, np.nan_to_num(self._inputs))
        ready = (self._rows >= self._config.warm_up) & np.isfinite(self._inputs).all(axis=1)
        return np.where(ready, self._now - expected, np.nan) * self._scale

    def learn(self, rows: NDArray[np.bool_]) -> None:
        """Takes the tick that `residual` saw into the past, and its rows of `rows` into the fit."""
        assert self._inputs is not None
        usable = rows & np.isfinite(self._inputs).all(axis=1) & np.isfinite(self._now)
        inputs = np.where(usable[:, None], self._inputs, 0.0)
        target = np.where(usable, self._now, 0.0)
        fade = np.where(usable, self._fade, 1.0)
        self._moments *= fade[:, None, None]
        self._moments += inputs[:, :, None] * inputs[:, None, :]
        self._targets = self._targets * fade[:, None] + inputs * target[:, None]
        self._rows += usable
        due = usable & (self._rows >= self._config.warm_up)
        due &= (self._rows - self._config.warm_up) % self._config.refit_every == 0
        if due.any():
            self._refit(np.flatnonzero(due))
        self._remember()

    def _find_scale(self, values: NDArray[np.float64]) -> None:
        """From the first values: raw ones of 1e8 beside a constant 1 could not be solved for."""
        unknown = ~np.isfinite(self._offset) & np.isfinite(values)
        self._offset[unknown] = values[unknown]
        self._scale[unknown] = np.maximum(np.abs(values[unknown]), 1.0)

    def _look_back(self, share_of_day: float) -> NDArray[np.float64]:
        horizon = self._config.horizon
        parts = [
            np.ones((1, len(self._now))),
            self._recent[horizon - 1 : horizon - 1 + self._config.lags],
        ]
        parts.append(self._means[-1])
        angles = 2.0 * np.pi * share_of_day * np.arange(1, self._config.harmonics + 1)
        waves = np.concatenate([np.sin(angles), np.cos(angles)])
        parts.append(np.repeat(waves[:, None], len(self._now), axis=1))
        return np.concatenate(parts).T

    def _refit(self, rows: NDArray[np.intp]) -> None:
        moments = self._moments[rows].copy()
        diagonal = np.einsum("npp->np", moments)
        weight = np.maximum(moments[:, 0, 0], 1.0)
        # the distrust is in rows of the input's own size; the constant is not distrusted
        diagonal += self._config.ridge * diagonal / weight[:, None] + 1e-9
        self._weights[rows] = np.linalg.solve(moments, self._targets[rows][:, :, None])[:, :, 0]

    def _remember(self) -> None:
        # a lag across a gap would call the way that was gone meanwhile a jump
        self._recent = np.concatenate([self._now[None], self._recent[:-1]])
        spans = np.array(self._config.averages, np.float64)[:, None]
        newer = self._means[0] + 2.0 / (spans + 1.0) * (self._now - self._means[0])
        newer = np.where(np.isfinite(self._means[0]), newer, self._now)
        newer = np.where(np.isfinite(self._now), newer, self._means[0])
        self._means = np.concatenate([newer[None], self._means[:-1]])
