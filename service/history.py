"""History of one point, thinned for a picture: the lowest and highest of every stretch stay."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.readings import Readings


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


def as_answer(readings: Readings) -> Mapping[str, object]:
    return {
        "times": readings.event_time.tolist(),
        "values": _without_nan(readings.value),
        "qualities": readings.quality.tolist(),
    }


def _without_nan(values: NDArray[Any]) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
