"""History of one point for a picture, at the resolution that its number of dots needs: the lowest and highest
of every stretch stay, whether readings or summaries were read."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.ports import Telemetry
from domain.readings import Origin, Readings
from domain.summaries import Resolution, Summaries
from storage.telemetry_upkeep import DAY_US, Keeping

_LATEST_US: Final = 2**62  # far enough, and no sum overflows


def history(
    store: Telemetry,
    point: int,
    from_us: int,
    to_us: int,
    at_most: int,
    *,
    now_us: int,
    keeping: Keeping,
) -> Mapping[str, object]:
    """At most so many dots of it, in order. Raises StorageUnavailable."""
    from_us, to_us = (min(max(each, 0), _LATEST_US) for each in (from_us, to_us))
    resolution = resolution_for(from_us, to_us, at_most, now_us, keeping)
    if resolution is None:
        return as_answer(thinned(store.history(point, from_us, to_us), at_most), "raw")
    begin_us = from_us // resolution * resolution  # the stretch in which the picture begins
    found = dots(store.downsampled(point, begin_us, to_us, resolution))
    found = found.take((found.event_time >= from_us) & (found.event_time < to_us))
    return as_answer(thinned(found, at_most), resolution.name.lower())


def resolution_for(
    from_us: int, to_us: int, at_most: int, now_us: int, keeping: Keeping
) -> Resolution | None:
    """The coarsest that still gives a quarter of the dots wanted; none, the readings themselves, where
    that is no summary. What is older than a resolution is kept for is asked of a coarser one."""
    span_us, age_us = min(to_us, now_us) - from_us, now_us - from_us
    enough = max(1, at_most // 4)
    if span_us >= enough * Resolution.HOUR or age_us > keeping.minutes_days * DAY_US:
        return Resolution.HOUR
    if span_us >= enough * Resolution.MINUTE or age_us > keeping.raw_days * DAY_US:
        return Resolution.MINUTE
    return None


def thinned(readings: Readings, at_most: int) -> Readings:
    """At most so many rows, in their order, with the minimum and maximum of each stretch."""
    count = len(readings)
    if count <= at_most:
        return readings
    edges = np.linspace(0, count, max(1, at_most // 2) + 1).astype(np.intp)
    kept: list[int] = []
    for start, end in pairwise(edges):
        stretch = readings.value[start:end]
        if not len(stretch) or np.isnan(stretch).all():
            continue
        kept += [int(start + np.nanargmin(stretch)), int(start + np.nanargmax(stretch))]
    return readings.take(np.unique(np.array(kept, np.intp)))


def dots(summaries: Summaries) -> Readings:
    """The lowest and the highest of each stretch at their own moments, with the stretch's worst quality; one
    where they are the same. A stretch in which nothing was usable gives none."""
    found = summaries.take(summaries.usable > 0)
    times = np.concatenate([found.low_at, found.high_at])
    nothing = np.zeros(len(times), np.int32)
    both = Readings(
        point=nothing,
        event_time=times,
        arrival_time=times,
        value=np.concatenate([found.low, found.high]),
        quality=np.tile(found.quality, 2),
        origin=np.full(len(times), Origin.LIVE, np.uint8),
    )
    _, first = np.unique(times, return_index=True)
    return both.take(first)


def as_answer(readings: Readings, resolution: str) -> Mapping[str, object]:
    return {
        "times": readings.event_time.tolist(),
        "values": _without_nan(readings.value),
        "qualities": readings.quality.tolist(),
        "resolution": resolution,  # raw, minute or hour
    }


def _without_nan(values: NDArray[Any]) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
