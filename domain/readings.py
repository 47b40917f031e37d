"""Readings: what the field measured, as columns in order of arrival."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.ids import PointKey


class Quality(IntEnum):
    """Quality of a value, mapped from the QDS bits of IEC 60870-5-104 (DOMAIN A1)."""

    GOOD = 0
    QUESTIONABLE = 1
    SUBSTITUTED = 2
    BLOCKED = 3
    NOT_TOPICAL = 4
    INVALID = 5
    OVERFLOW = 6


class Origin(IntEnum):
    """How a reading came to us. STATE and HISTORY never raise a change alarm nor an output."""

    LIVE = 0
    STATE = 1  # retained, birth or interrogation: what stands, not what happened
    HISTORY = 2  # back-filled, or behind its point's clock
    TIME_SUBSTITUTED = 3  # its time was absurd: it bears the arrival time and never moves the clock


# values that a detector may use; the others mean "unknown" (DOMAIN A1)
USABLE_QUALITIES: Final = frozenset({Quality.GOOD, Quality.QUESTIONABLE, Quality.SUBSTITUTED})


@dataclass(frozen=True, slots=True)
class HeldValue:
    """What a point holds: its last reading in order."""

    value: float
    quality: int
    at_us: int  # by its source's clock


# what a point holds at the record that is being decided; None: nothing was heard of it yet
Values = Callable[[PointKey], HeldValue | None]


def nothing_held(key: PointKey) -> HeldValue | None:
    return None


_COLUMNS: Final[tuple[tuple[str, np.dtype[Any]], ...]] = (
    ("point", np.dtype("<i4")),
    ("event_time", np.dtype("<i8")),
    ("arrival_time", np.dtype("<i8")),
    ("value", np.dtype("<f8")),
    ("quality", np.dtype("u1")),
    ("origin", np.dtype("u1")),
)
_ROW_BYTES: Final = sum(dtype.itemsize for _, dtype in _COLUMNS)


class MalformedReadings(ValueError):
    """Stored columns that cannot be read back."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Readings:
    """n readings. Every column has shape (n,); times are microseconds since 1970 UTC."""

    point: NDArray[np.int32]  # number of the point; given once, never reused
    event_time: NDArray[np.int64]  # by the source's clock
    arrival_time: NDArray[np.int64]  # by ours
    value: NDArray[np.float64]  # in the point's unit
    quality: NDArray[np.uint8]
    origin: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.point)

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[int, int, int, float, int, int]]) -> "Readings":
        """Rows of (point, event_time, arrival_time, value, quality, origin)."""
        columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * 6
        return cls(
            **{
                name: np.array(column, dtype)
                for (name, dtype), column in zip(_COLUMNS, columns, strict=True)
            }
        )

    @classmethod
    def concat(cls, parts: Sequence["Readings"]) -> "Readings":
        if not parts:
            return cls.from_rows([])
        return cls(
            **{
                name: np.concatenate([getattr(part, name) for part in parts])
                for name, _ in _COLUMNS
            }
        )

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Readings":
        """The rows chosen by a mask or by positions."""
        return Readings(**{name: getattr(self, name)[rows] for name, _ in _COLUMNS})

    def to_bytes(self) -> bytes:
        """Little-endian columns one after the other; the count follows from the length."""
        return b"".join(
            np.ascontiguousarray(getattr(self, name), dtype).tobytes() for name, dtype in _COLUMNS
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Readings":
        count, rest = divmod(len(raw), _ROW_BYTES)
        if rest:
            raise MalformedReadings(f"{len(raw)} bytes are no whole number of readings")
        columns: dict[str, NDArray[Any]] = {}
        offset = 0
        for name, dtype in _COLUMNS:
            columns[name] = np.frombuffer(raw, dtype, count, offset)
            offset += count * dtype.itemsize
        return cls(**columns)
