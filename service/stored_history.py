"""What a telemetry store holds in the order in which it arrived, for back-tests."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from domain.clock import MINUTE_US
from domain.ports import Telemetry
from domain.readings import Readings
from storage.telemetry_duckdb import DuckDbTelemetry

# a store that is asked by event time is asked for a little more: what was late arrived in the period
_LATE_AT_MOST_US: Final = 60 * MINUTE_US


def arrived(
    store: Telemetry, from_us: int, to_us: int, points: Sequence[int], limit: int, offset: int
) -> Readings:
    """Arrival from `from_us` up to but not including `to_us`. Raises StorageUnavailable."""
    if isinstance(store, DuckDbTelemetry):
        return store.arrived(from_us, to_us, points, limit, offset)
    found = Readings.concat(
        [store.history(point, from_us - _LATE_AT_MOST_US, to_us) for point in points]
    )
    inside = (found.arrival_time >= from_us) & (found.arrival_time < to_us)
    found = found.take(inside)
    order = np.lexsort((found.point, found.event_time, found.arrival_time))
    return found.take(order[offset : offset + limit])
