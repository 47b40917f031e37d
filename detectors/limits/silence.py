"""Silence: nothing arrived for a point's stale time, by our clock, while its source was current."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from detectors.limits.found import Found
from detectors.limits.plan import FOREVER_US, Plan
from domain.assets import AlarmClass, Condition
from domain.clock import NEVER_US
from domain.events import AlarmCleared, AlarmRaised, ClearReason
from domain.ids import event_id

FIELDS: Final = ("heard_us", "silent_from_us")
_NAN: Final = float("nan")


class SilenceTable:
    """When each point was last heard, and which points stand as silent."""

    def __init__(self, plan: Plan, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.plan = plan
        self.heard_us: NDArray[np.int64] = arrays["heard_us"]  # (n,) at first: when it became ours
        self.silent_from_us: NDArray[np.int64] = arrays["silent_from_us"]  # (n,) NEVER_US: heard
        self._next_us = NEVER_US  # nothing falls silent up to here; worked out when it is passed

    @classmethod
    def starting(cls, plan: Plan, at_us: int) -> "SilenceTable":
        heard_us = np.full(len(plan), at_us, np.int64)
        silent_from_us = np.full(len(plan), NEVER_US, np.int64)
        return cls(plan, {"heard_us": heard_us, "silent_from_us": silent_from_us})

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"heard_us": self.heard_us.copy(), "silent_from_us": self.silent_from_us.copy()}

    def silent(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        silent: NDArray[np.bool_] = self.silent_from_us[rows] != NEVER_US
        return silent

    def look_again(self) -> None:
        """Something changed that may bring the next silence nearer."""
        self._next_us = NEVER_US

    def hear(
        self, rows: NDArray[np.intp], arrival: NDArray[np.int64], at_us: int, found: Found
    ) -> None:
        """Every reading ends a silence, whatever its time, quality or origin."""
        before = self.heard_us[rows]
        if (self.silent_from_us[rows] != NEVER_US).any():
            self._end_silences(rows, arrival, at_us, found)
            self.look_again()
        if (arrival < before).any():  # our own clock was set back
            self.look_again()
        self.heard_us[rows] = arrival  # where a row repeats, numpy keeps the last

    def pass_time(
        self, at_us: int, current: NDArray[np.bool_], since_us: NDArray[np.int64], found: Found
    ) -> None:
        """`current`, `since_us` (n,): of the point's source."""
        if at_us <= self._next_us:
            return
        base_us = np.maximum(self.heard_us, since_us)
        watched = current & (self.silent_from_us == NEVER_US) & (self.plan.stale_us < FOREVER_US)
        allowed_us = base_us + self.plan.stale_us
        silent = watched & (at_us > allowed_us)
        for row in np.flatnonzero(silent).tolist():
            self._raise(row, int(base_us[row]), at_us, found)
        self._next_us = int(np.min(allowed_us[watched & ~silent], initial=FOREVER_US))

    def forget(self, row: int, at_us: int, found: Found) -> None:
        """The point is not watched for silence any more."""
        if self.silent_from_us[row] != NEVER_US:
            self._clear(row, at_us, at_us, ClearReason.LIMIT_CHANGED, found)

    def _end_silences(
        self, rows: NDArray[np.intp], arrival: NDArray[np.int64], at_us: int, found: Found
    ) -> None:
        points, first = np.unique(rows, return_index=True)
        for row, ended_us in zip(points.tolist(), arrival[first].tolist(), strict=True):
            if self.silent_from_us[row] != NEVER_US:
                self._clear(row, ended_us, at_us, ClearReason.RETURNED, found)

    def _raise(self, row: int, base_us: int, at_us: int, found: Found) -> None:
        self.silent_from_us[row] = base_us
        point, limits = self.plan.points[row], self.plan.limits
        raised_us = base_us + int(self.plan.stale_us[row])
        event = AlarmRaised(
            event_id=self._event_id(row),
            site=limits.site,
            point=point.key,
            asset_id=point.asset_id,
            signal=point.signal,
            unit=point.unit,
            condition=Condition.SILENCE,
            alarm_class=AlarmClass.ABNORMAL,
            priority=point.silence_priority,
            started_at_us=base_us,
            raised_at_us=raised_us,
            detected_at_us=at_us,
            value=_NAN,
            limit=_NAN,
            limits_version=limits.version,
        )
        found.add(raised_us, point.number, Condition.SILENCE, event)

    def _clear(
        self, row: int, ended_us: int, at_us: int, reason: ClearReason, found: Found
    ) -> None:
        event = AlarmCleared(
            event_id=self._event_id(row),
            ended_at_us=ended_us,
            detected_at_us=at_us,
            value=_NAN,
            reason=reason,
        )
        self.silent_from_us[row] = NEVER_US
        found.add(ended_us, self.plan.points[row].number, Condition.SILENCE, event)

    def _event_id(self, row: int) -> UUID:
        started_us = int(self.silent_from_us[row])
        return event_id(
            self.plan.limits.site, self.plan.points[row].key, Condition.SILENCE, started_us
        )
