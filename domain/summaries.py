"""Summaries: what the readings of one point were in each minute, or each hour, as columns in order of time.

Only what may be used (domain.readings.USABLE_QUALITIES) and is finite makes the values; every reading
counts. A stretch in which nothing could be used has NaN for values, and says by its quality why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.clock import MINUTE_US


class Resolution(IntEnum):
    """How long one stretch is, in microseconds. Stretches begin at whole minutes or hours of UTC."""

    MINUTE = MINUTE_US
    HOUR = 60 * MINUTE_US


SUMMARY_COLUMNS: Final[Mapping[str, np.dtype[Any]]] = {
    "start": np.dtype("<i8"),
    "low": np.dtype("<f8"),
    "low_at": np.dtype("<i8"),
    "high": np.dtype("<f8"),
    "high_at": np.dtype("<i8"),
    "mean": np.dtype("<f8"),
    "first": np.dtype("<f8"),
    "last": np.dtype("<f8"),
    "usable": np.dtype("<i8"),
    "count": np.dtype("<i8"),
    "quality": np.dtype("u1"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Summaries:
    """n stretches that have readings; those without are not there. Every column has shape (n,)."""

    start: NDArray[np.int64]  # us since 1970 UTC
    low: NDArray[np.float64]  # in the point's unit; NaN where `usable` is 0
    low_at: NDArray[np.int64]  # when it was that low; `start` where `usable` is 0
    high: NDArray[np.float64]
    high_at: NDArray[np.int64]
    mean: NDArray[np.float64]  # each reading weighs the same, however long it held
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    usable: NDArray[np.int64]  # readings that made the values
    count: NDArray[np.int64]  # all readings
    quality: NDArray[np.uint8]  # the worst: the highest number of domain.readings.Quality

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def of_columns(cls, columns: Mapping[str, Any]) -> "Summaries":
        """From columns of these names in any numeric type."""
        return cls(
            **{
                name: np.ascontiguousarray(columns[name], dtype)
                for name, dtype in SUMMARY_COLUMNS.items()
            }
        )

    @classmethod
    def none(cls) -> "Summaries":
        return cls.of_columns(dict.fromkeys(SUMMARY_COLUMNS, ()))

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Summaries":
        """The stretches chosen by a mask or by positions."""
        return Summaries(**{name: getattr(self, name)[rows] for name in SUMMARY_COLUMNS})
