"""Moments. Inside the house a moment is an integer: microseconds since 1970-01-01 UTC.

Integers are exact, sort, fit a numpy column and have no time zone to forget. Aware datetimes exist at the
edges only: `from_datetime` on the way in, `to_datetime` on the way out.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
NEVER_US: Final = -(2**63)  # before every moment: "no reading yet"

Clock = Callable[[], int]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def system_clock() -> int:
    """Now by the clock of this machine, in microseconds since 1970 UTC."""
    return time.time_ns() // 1_000


def from_datetime(moment: datetime) -> int:
    """Raises ValueError on a datetime without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"a moment needs a time zone: {moment.isoformat()}")
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(moment_us: int) -> datetime:
    """The same moment as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=moment_us)
