"""Summaries: what the readings of one point were in each minute, or each hour, as columns in order of time.

Only what may be used (domain.readings.USABLE_QUALITIES) and is finite makes the values; every reading
counts. A stretch in which nothing could be used has NaN for values, and says by its quality why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.clock import MINUTE_US
from domain.readings import USABLE_QUALITIES, Readings


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

    @classmethod
    def concat(cls, parts: Sequence["Summaries"]) -> "Summaries":
        return cls.of_columns(
            {
                name: np.concatenate([getattr(part, name) for part in parts])
                for name in SUMMARY_COLUMNS
            }
        )

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Summaries":
        """The stretches chosen by a mask or by positions."""
        return Summaries(**{name: getattr(self, name)[rows] for name in SUMMARY_COLUMNS})


def summarise(readings: Readings, resolution: Resolution) -> tuple[NDArray[np.int32], Summaries]:
    """The point of each stretch, and the stretches by point and time. Of several lowest the first counts."""
    readings = readings.take(np.lexsort((readings.event_time, readings.point)))
    count, value = len(readings), readings.value
    if not count:
        return np.empty(0, np.int32), Summaries.none()
    start = readings.event_time // int(resolution) * int(resolution)
    begins = np.flatnonzero(
        np.concatenate([[True], (np.diff(start) != 0) | (np.diff(readings.point) != 0)])
    )
    stretch = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, count)))  # (count,)
    usable = _USABLE[readings.quality] & np.isfinite(value)
    row = np.arange(count)

    def first_row(of: NDArray[np.bool_]) -> NDArray[np.intp]:
        return np.minimum.reduceat(np.where(of, row, count - 1), begins)

    low = np.minimum.reduceat(np.where(usable, value, np.inf), begins)
    high = np.maximum.reduceat(np.where(usable, value, -np.inf), begins)
    used = np.add.reduceat(usable.astype(np.int64), begins)
    known = used > 0
    with np.errstate(invalid="ignore"):
        mean = np.add.reduceat(np.where(usable, value, 0.0), begins) / used

    def where_known(column: NDArray[Any], otherwise: Any = np.nan) -> NDArray[Any]:
        return np.where(known, column, otherwise)

    began, time = start[begins], readings.event_time
    return readings.point[begins], Summaries(
        start=began,
        low=where_known(low),
        low_at=where_known(time[first_row(usable & (value == low[stretch]))], began),
        high=where_known(high),
        high_at=where_known(time[first_row(usable & (value == high[stretch]))], began),
        mean=where_known(mean),
        first=where_known(value[first_row(usable)]),
        last=where_known(value[np.maximum.reduceat(np.where(usable, row, 0), begins)]),
        usable=used,
        count=np.diff(np.append(begins, count)),
        quality=np.maximum.reduceat(readings.quality, begins),
    )


_USABLE: Final = np.array([quality in USABLE_QUALITIES for quality in range(256)])
