"""How rare a score is for its own stream: peaks over threshold on everything that the stream showed before.

Siffer et al., KDD 2017, doi:10.1145/3097983.3098144. One limit on the rarity then serves every stream. The
past is kept as counts on a logarithmic scale, so that a stream costs the same after a day and after a year.
"""

from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

_PER_OCTAVE: Final = 16
_OCTAVES_BELOW: Final = 10  # of the scale that the first scores gave
_OCTAVES_ABOVE: Final = 22
_BINS: Final = _PER_OCTAVE * (_OCTAVES_BELOW + _OCTAVES_ABOVE)
_LOG_10: Final = float(np.log(10.0))
_FEWEST_PEAKS: Final = 5
_HEAVIEST_SHAPE: Final = 0.5  # beyond it the mean of the tail is no longer trustworthy


@dataclass(frozen=True, slots=True)
class TailConfig:
    warm_up: int = 100  # scores before the first answer
    share: float = 0.02  # of the past that counts as its tail
    refit_every: int = 50  # scores
    learns_below: float = inf  # rarity; what is rarer is a fault, and not the stream's own way


class TailTable:
    """n streams, one kind of score, larger = stranger."""

    def __init__(self, streams: int, config: TailConfig = TailConfig()) -> None:
        self._config = config
        self._first = np.full((streams, config.warm_up), np.nan)  # until the scale is known
        self._seen = np.zeros(streams, np.int64)
        self._unit = np.full(streams, np.nan)  # (n,) the score in the middle of the scale
        self._counts = np.zeros((streams, _BINS + 1), np.int32)  # last: nothing at all, or nearly
        self._from = np.full(streams, np.inf)  # (n,) where the tail begins
        self._mean = np.ones(streams)  # (n,) generalised Pareto scale and shape of what is beyond
        self._shape = np.zeros(streams)
        self._base = np.zeros(streams)  # (n,) rarity of the tail as a whole
        edges = np.arange(_BINS) / _PER_OCTAVE - _OCTAVES_BELOW
        self._middles = np.append(2.0 ** (edges + 0.5 / _PER_OCTAVE), 0.0)  # (bins + 1,)

    def rarity(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) minus log10 of the tail probability; 0 within the bulk, for NaN, and while warming up."""
        beyond = np.nan_to_num(score - self._from, nan=-1.0, neginf=-1.0)
        z = np.maximum(beyond, 0.0) / self._mean
        shape = np.maximum(self._shape, 1e-9)
        tail = np.log1p(shape * z) / shape / _LOG_10
        return np.where(beyond > 0.0, tail + self._base, 0.0)

    def learn(self, score: NDArray[np.float64], rows: NDArray[np.bool_]) -> None:
        """Takes the scores of `rows` into the past. Leave out what an alarm stands on."""
        wanted = rows & np.isfinite(score) & (self.rarity(score) < self._config.learns_below)
        self._take(np.flatnonzero(wanted), score)

    def _take(self, rows: NDArray[np.intp], score: NDArray[np.float64]) -> None:
        if not len(rows):
            return
        seen = self._seen[rows]
        self._seen[rows] += 1
        young = seen < self._config.warm_up
        self._first[rows[young], seen[young]] = score[rows[young]]
        self._count(rows[~young], score[rows[~young]])
        grown = rows[seen + 1 == self._config.warm_up]
        for row in grown.tolist():
            self._find_unit(row)
        due = rows[
            (seen + 1 >= self._config.warm_up) & ((seen + 1) % self._config.refit_every == 0)
        ]
        if len(due):
            self._refit(due)

    def _find_unit(self, row: int) -> None:
        first = self._first[row]
        positive = first[first > 0.0]
        self._unit[row] = np.quantile(positive, 0.75) if len(positive) else 1.0
        self._count(np.full(len(first), row), first)

    def _count(self, rows: NDArray[np.intp], score: NDArray[np.float64]) -> None:
        with np.errstate(divide="ignore"):
            place = (np.log2(score / self._unit[rows]) + _OCTAVES_BELOW) * _PER_OCTAVE
        bins = np.where(place < 0.0, _BINS, np.minimum(place, _BINS - 1)).astype(np.intp)
        np.add.at(self._counts, (rows, bins), 1)

    def _refit(self, rows: NDArray[np.intp]) -> None:
        counts = self._counts[rows][:, :_BINS].astype(np.float64)
        total = self._counts[rows].sum(axis=1)
        above = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]  # (r, bins) at or above each bin
        # the tail is the highest bins that hold at most `share` of the past
        first = np.argmax(above <= self._config.share * total[:, None], axis=1)
        in_tail = np.arange(_BINS) >= first[:, None]
        unit = self._unit[rows]
        start = 2.0 ** (first / _PER_OCTAVE - _OCTAVES_BELOW)
        excess = np.maximum(self._middles[:_BINS] - start[:, None], 0.0)
        peaks = np.where(in_tail, counts, 0.0)
        count = peaks.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (peaks * excess).sum(axis=1) / count
            variance = (peaks * excess**2).sum(axis=1) / count - mean**2
            shape = np.clip(0.5 * (1.0 - mean**2 / variance), 0.0, _HEAVIEST_SHAPE)
        # too few to know how they fall off: as wide as the stream's own size at least
        few = count < _FEWEST_PEAKS
        mean = np.where(few, np.fmax(mean, 1.0), mean)
        shape = np.where(few | ~np.isfinite(shape), 0.0, shape)
        self._from[rows] = np.where(above[:, 0] > 0, start * unit, 0.0)
        self._mean[rows] = np.maximum(mean * (1.0 - shape), 1e-12) * unit
        self._shape[rows] = shape
        self._base[rows] = np.log10((total + 1) / np.maximum(count, 1.0))
