"""All points under watch, as arrays, and the quick way for the many readings that change nothing.

For every point stands the band of values, and the time until which, a reading leaves all its limits as they
are. A group is compared with these in a few array steps. A point with any reading outside is lifted out as
a Watch, takes its readings one by one, and is put back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.limits.found import Found
from detectors.limits.plan import CONDITIONS, FOREVER_US, PENDING, RETURNING, Plan
from detectors.limits.watch import LIVE_ORIGINS, USABLE, Watch
from domain.clock import NEVER_US
from domain.ids import PointKey
from domain.readings import HeldValue, Origin, Quality, Readings

Rows = NDArray[np.intp]

# what a checkpoint keeps; shapes (n,) and (n, 4). Everything else follows from it and the plan.
_POINT_FIELDS: Final[Mapping[str, tuple[type[np.generic], int | float]]] = {
    "evaluated_us": (np.int64, NEVER_US),
    "held_us": (np.int64, NEVER_US),
    "held_value": (np.float64, np.nan),
    "held_quality": (np.uint8, int(Quality.NOT_TOPICAL)),
    "held_live": (np.bool_, False),
    "lag_us": (np.int64, 0),
    "clock_lag_us": (np.int64, 0),
}
_LIMIT_FIELDS: Final[Mapping[str, tuple[type[np.generic], int | float]]] = {
    "phase": (np.uint8, 0),
    "start_us": (np.int64, 0),
    "late": (np.bool_, False),
    "degraded": (np.bool_, False),
    "live": (np.bool_, False),
    "end_us": (np.int64, 0),
    "end_value": (np.float64, np.nan),
}
FIELDS: Final = (*_POINT_FIELDS, *_LIMIT_FIELDS)
_STATE_OF: Final = attrgetter(*FIELDS)

_COLUMNS: Final = np.arange(len(CONDITIONS))
_USABLE: Final = np.isin(np.arange(256), list(USABLE))
_LIVE: Final = np.isin(np.arange(256), list(LIVE_ORIGINS))


class LimitTable:
    """The state of every point and limit, one row per point of the plan."""

    def __init__(self, plan: Plan, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        self.plan = plan
        self._fields = _blank(len(plan)) if arrays is None else {n: arrays[n] for n in FIELDS}
        # derived: the band in which nothing changes, and when time alone changes something
        self._lowest = np.empty(len(plan))
        self._highest = np.empty(len(plan))
        self._quiet_until_us = np.empty(len(plan), np.int64)  # FOREVER_US: no delay runs
        self._wake_us = np.empty(len(plan), np.int64)  # by our clock
        self._last_row = np.empty(len(plan), np.intp)  # scratch
        self._lifted = np.zeros(len(plan), np.bool_)  # scratch, all False between groups
        self._settle(np.arange(len(plan)))

    def copy(self) -> "LimitTable":
        twin = copy(self)
        for name, part in vars(self).items():
            if isinstance(part, np.ndarray):
                setattr(twin, name, part.copy())
        twin._fields = self.arrays()
        return twin

    def held(self, rows: Rows) -> NDArray[np.float64]:
        """(k,) the last value of each point, NaN where it had none that is usable."""
        usable = _USABLE[self._fields["held_quality"][rows]]
        return np.where(usable, self._fields["held_value"][rows], np.nan)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Copies: what is done with them does not reach the table."""
        return {name: array.copy() for name, array in self._fields.items()}

    def last_reading(self, row: int) -> tuple[float, Quality]:
        """The last reading of a point, as it came."""
        fields = self._fields
        return float(fields["held_value"][row]), Quality(int(fields["held_quality"][row]))

    def value_of(self, key: PointKey) -> HeldValue | None:
        """None where nothing was heard of it."""
        row = self.plan.row_of(key)
        if row is None or self._fields["held_us"][row] == NEVER_US:
            return None
        return HeldValue(
            value=float(self._fields["held_value"][row]),
            quality=int(self._fields["held_quality"][row]),
            at_us=int(self._fields["held_us"][row]),
        )

    def carried_to(self, plan: Plan, old: Rows, new: Rows) -> "LimitTable":
        """The same state under another plan: row `old` of this is row `new` of that."""
        fields = _blank(len(plan))
        for name, array in self._fields.items():
            fields[name][new] = array[old]
        return LimitTable(plan, fields)

    def read(self, rows: Rows, readings: Readings, at_us: int, found: Found) -> None:
        """Take readings in order of arrival; `rows` says which point each belongs to."""
        fresh = readings.event_time > self._fields["evaluated_us"][rows]
        if not fresh.all():
            rows, readings = rows[fresh], readings.take(fresh)
        quiet = self._quiet(rows, readings)
        if quiet.all():
            self._keep(rows, readings)
            return
        self._lifted[rows[~quiet]] = True
        lifted = self._lifted[rows]
        self._lifted[rows] = False
        self._keep(rows[~lifted], readings.take(~lifted))
        self._read_singly(rows[lifted], readings.take(lifted), at_us, found)

    def pass_time(self, at_us: int, current: NDArray[np.bool_], found: Found) -> None:
        """Let delays elapse and values go stale. `current` (n,): the point's source is current."""
        due = np.flatnonzero(self._wake_us <= at_us)
        due = due[current[due]]
        if not len(due):
            return
        with self.lifted(due, at_us, found) as watches:
            for watch in watches:
                watch.pass_time(at_us - watch.lag_us)

    @contextmanager
    def lifted(self, points: Rows, at_us: int, found: Found) -> Iterator[list[Watch]]:
        """These points (each once) to be worked on singly; put back at the end."""
        watches = self._lift(points, at_us, found)
        yield watches
        if not watches:
            return
        columns = zip(*map(_STATE_OF, watches), strict=True)
        for name, column in zip(FIELDS, columns, strict=True):
            self._fields[name][points] = column
        self._settle(points)

    def _quiet(self, rows: Rows, readings: Readings) -> NDArray[np.bool_]:
        """(k,) readings that leave everything as it is, provided all others of the point do too."""
        value, time_us = readings.value, readings.event_time
        quiet_until = self._quiet_until_us[rows]
        quiet = (value >= self._lowest[rows]) & (value <= self._highest[rows])  # NaN is neither
        quiet &= time_us <= quiet_until
        if readings.quality.any():
            # a run must learn of doubtful quality; where none runs, any usable value will do
            good = readings.quality == Quality.GOOD
            quiet &= good | (_USABLE[readings.quality] & (quiet_until == FOREVER_US))
        quiet &= readings.origin != Origin.TIME_SUBSTITUTED
        # the last reading is what is held afterwards, if none before it is newer
        order = np.arange(len(rows))
        self._last_row[rows] = order
        last = self._last_row[rows]
        quiet &= (last == order) | (time_us < time_us[last])
        return quiet

    def _keep(self, rows: Rows, readings: Readings) -> None:
        """Hold the last reading of each point; where an index repeats, numpy keeps the last."""
        fields = self._fields
        fields["evaluated_us"][rows] = readings.event_time
        fields["held_us"][rows] = readings.event_time
        fields["held_value"][rows] = readings.value
        fields["held_quality"][rows] = readings.quality
        fields["held_live"][rows] = _LIVE[readings.origin]
        lag_us = readings.arrival_time - readings.event_time
        fields["lag_us"][rows] = lag_us
        if fields["clock_lag_us"][rows].any():
            live = readings.origin == Origin.LIVE
            np.minimum.at(fields["clock_lag_us"], rows[live], np.maximum(lag_us[live], 0))
        running = self._quiet_until_us[rows] < FOREVER_US
        if running.any():
            self._settle(np.unique(rows[running]))  # they are held for longer now

    def _read_singly(self, rows: Rows, readings: Readings, at_us: int, found: Found) -> None:
        points, place = np.unique(rows, return_inverse=True)
        with self.lifted(points, at_us, found) as watches:
            for which, time_us, arrival_us, value, quality, origin in zip(
                place.tolist(),
                readings.event_time.tolist(),
                readings.arrival_time.tolist(),
                readings.value.tolist(),
                readings.quality.tolist(),
                readings.origin.tolist(),
                strict=True,
            ):
                watches[which].read(time_us, arrival_us, value, quality, origin)

    def _lift(self, points: Rows, at_us: int, found: Found) -> list[Watch]:
        plan = self.plan
        states = zip(*(self._fields[name][points].tolist() for name in FIELDS), strict=True)
        rows, stale_us = points.tolist(), plan.stale_us[points].tolist()
        return [
            Watch(plan.limits, found, at_us, plan.points[row], plan.rules[row], stale, state)
            for row, stale, state in zip(rows, stale_us, states, strict=True)
        ]

    def _settle(self, points: Rows) -> None:
        """Work out anew what leaves these points as they are, and when time alone changes them."""
        fields, plan = self._fields, self.plan
        phase = fields["phase"][points]  # (k, 4)
        pending, returning = phase == PENDING, phase == RETURNING
        # a run that only state or history saw must hear of the first live reading: no value is quiet
        unheard = (pending & ~fields["live"][points]).any(axis=1)
        at = (points[:, None], _COLUMNS, phase)
        self._lowest[points] = np.where(unheard, np.nan, plan.lowest[at].max(axis=1))
        self._highest[points] = plan.highest[at].min(axis=1)

        on_deadline = fields["start_us"][points] + plan.on_delay_us[points]
        off_deadline = fields["end_us"][points] + plan.off_delay_us[points]
        deadline = np.where(pending, on_deadline, np.where(returning, off_deadline, FOREVER_US))
        deadline = deadline.min(axis=1)  # (k,)
        hold_until = fields["held_us"][points] + plan.stale_us[points]
        runs = (pending | returning).any(axis=1)
        self._quiet_until_us[points] = np.where(
            runs, np.minimum(deadline - 1, hold_until), FOREVER_US
        )
        self._wake_us[points] = np.where(
            runs, np.minimum(deadline, hold_until + 1) + fields["lag_us"][points], FOREVER_US
        )


def _blank(points: int) -> dict[str, NDArray[Any]]:
    return {
        **{name: np.full(points, start, kind) for name, (kind, start) in _POINT_FIELDS.items()},
        **{
            name: np.full((points, len(CONDITIONS)), start, kind)
            for name, (kind, start) in _LIMIT_FIELDS.items()
        },
    }
