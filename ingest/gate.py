"""The gate: what a reading's time says of it. New, known already, late, impossible, or a clock that
stepped back.

A pure fold over the readings in order of arrival, however they are grouped. Its state is arrays indexed
by point, and the readings that it let through, with its ClockRebased records, lead to the same state.

A step back and a back-fill both come from behind the clock; only the pace tells them apart. It is
measured over at least PACE_US of our time and three readings, and may be off by half. So a back-fill that
sends 50 readings a second of its past all at once is too fast over any two seconds, however little the
times of three neighbours differ; a 50 Hz source whose clock did step back is believed after two seconds;
one of 0.1 Hz at its third reading; one that sends in batches at the next batch but one at the latest. Half
of two seconds is the jitter that a source of 1 Hz may have. A back-fill that is throttled to live pace
cannot be told from a step back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.clock import MINUTE_US, NEVER_US, SECOND_US
from domain.ids import SourceId
from domain.ports import Counters
from domain.readings import Origin, Quality, Readings
from domain.records import ClockRebased

AHEAD_US: Final = 5 * MINUTE_US  # a time further ahead of its arrival is not believed
BEHIND_US: Final = SECOND_US  # less than this behind its clock is jitter, not a step
PACE_US: Final = 2 * SECOND_US  # pace is measured over no less than this, by our clock
KNOWN_TIMES: Final = 8  # accepted times per point by which a repeat is found

_Bools = NDArray[np.bool_]
_Rows = NDArray[np.intp]


class Verdict(IntEnum):
    ACCEPTED = 0
    LATE = 1
    REPEAT = 2
    CONFLICT = 3
    REBASED = 4  # accepted, after the point's clock was set back to just before it


@dataclass(slots=True)
class _Judged:
    verdicts: NDArray[np.uint8]  # (n,)
    rebases: dict[int, int] = field(default_factory=dict)  # row -> where the clock stood


class Gate:
    """Times of one source. One thread."""

    def __init__(self, source_id: SourceId, counters: Counters, points: int = 0) -> None:
        self._source_id = source_id
        self._counters = counters
        self._clock = np.full(points, NEVER_US)  # newest accepted time
        self._times = np.full((points, KNOWN_TIMES), NEVER_US)  # a ring of accepted times
        self._values = np.zeros((points, KNOWN_TIMES))
        self._next = np.zeros(points, np.uint8)  # where the ring goes on
        # readings in a row that were behind the clock: the first, from which the pace is measured, and
        # the last
        self._behind = np.zeros(points, np.uint8)  # how many of these two there are
        self._behind_times = np.zeros((points, 2), np.int64)
        self._behind_arrivals = np.zeros((points, 2), np.int64)

    def make_room(self, points: int) -> None:
        """Point numbers below `points` are known from now on; none is forgotten."""
        missing = points - len(self._clock)
        if missing <= 0:
            return
        fresh = Gate(self._source_id, self._counters, missing).arrays()
        self.restore({name: np.concatenate([have, fresh[name]]) for name, have in self._state()})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """A copy of the state."""
        return {name: array.copy() for name, array in self._state()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        for name, _ in self._state():
            setattr(self, f"_{name}", np.array(arrays[name]))

    def admit(self, readings: Readings) -> list[Readings | ClockRebased]:
        """What passes, in order; a clock that stepped back splits the readings."""
        readings = self._with_believable_times(readings)
        judged = self._judge(readings)
        self._count(judged)
        return self._passed(readings, judged)

    def replay(self, readings: Readings) -> None:
        """Fold in what `admit` gave before."""
        self._judge(readings)

    def replay_rebase(self, point: int, to_us: int) -> None:
        clock = self._load(point)
        clock.rebase(to_us)
        self._store(point, clock)

    def _state(self) -> list[tuple[str, NDArray[Any]]]:
        names = (
            "clock", "times", "values", "next", "behind", "behind_times", "behind_arrivals",
        )  # fmt: skip
        return [(name, getattr(self, f"_{name}")) for name in names]

    def _with_believable_times(self, readings: Readings) -> Readings:
        ahead = readings.event_time > readings.arrival_time + AHEAD_US
        if not ahead.any():
            return readings
        self._counters.add("time_substituted", int(ahead.sum()), source=self._source_id)
        good = readings.quality == Quality.GOOD
        return replace(
            readings,
            event_time=np.where(ahead, readings.arrival_time, readings.event_time),
            quality=np.where(ahead & good, Quality.QUESTIONABLE, readings.quality).astype(np.uint8),
            origin=np.where(ahead, Origin.TIME_SUBSTITUTED, readings.origin).astype(np.uint8),
        )

    def _judge(self, readings: Readings) -> _Judged:
        judged = _Judged(np.zeros(len(readings), np.uint8))
        # a substituted time passes and leaves no trace: it is ours, not the point's
        timed = np.flatnonzero(readings.origin != Origin.TIME_SUBSTITUTED)
        if not len(timed):
            return judged
        rows = timed[np.argsort(readings.point[timed], kind="stable")]
        point, time = readings.point[rows], readings.event_time[rows]
        first = np.ones(len(rows), np.bool_)  # of its point in this group
        first[1:] = point[1:] != point[:-1]
        before = np.empty_like(time)
        before[1:] = time[:-1]
        before[first] = self._clock[point[first]]
        behind = time <= before
        if not behind.any():
            self._accept_rising(readings, rows, first)
            return judged
        starts = np.flatnonzero(first)
        untidy = np.logical_or.reduceat(behind, starts)  # one per point
        tidy_rows = ~np.repeat(untidy, np.diff(starts, append=len(rows)))
        if tidy_rows.any():
            self._accept_rising(readings, rows[tidy_rows], first[tidy_rows])
        ends = np.append(starts[1:], len(rows))
        for start, end in zip(starts[untidy].tolist(), ends[untidy].tolist(), strict=True):
            self._judge_one_by_one(readings, rows[start:end], judged)
        return judged

    def _accept_rising(self, readings: Readings, rows: _Rows, first: _Bools) -> None:
        """Rows sorted by point, each newer than the one before it of its point."""
        starts = np.flatnonzero(first)
        counts = np.diff(starts, append=len(rows))
        last = rows[starts + counts - 1]
        points = readings.point[last]
        self._clock[points] = readings.event_time[last]
        self._behind[points] = 0
        rank = np.arange(len(rows)) - np.repeat(starts, counts)
        slot = (np.repeat(self._next[points], counts) + rank) % KNOWN_TIMES
        self._next[points] = (self._next[points] + counts) % KNOWN_TIMES
        # older ones would be written over: numpy gives no order for equal places
        recent = rank >= np.repeat(counts, counts) - KNOWN_TIMES
        kept, slot = rows[recent], slot[recent]
        self._times[readings.point[kept], slot] = readings.event_time[kept]
        self._values[readings.point[kept], slot] = readings.value[kept]

    def _judge_one_by_one(self, readings: Readings, rows: _Rows, judged: _Judged) -> None:
        point = int(readings.point[rows[0]])
        clock = self._load(point)
        for row, time, arrival, value, origin in zip(
            rows.tolist(),
            readings.event_time[rows].tolist(),
            readings.arrival_time[rows].tolist(),
            readings.value[rows].tolist(),
            readings.origin[rows].tolist(),
            strict=True,
        ):
            stood_at = clock.now
            verdict = clock.judge(time, value, arrival, live=origin == Origin.LIVE)
            judged.verdicts[row] = verdict
            if verdict is Verdict.REBASED:
                judged.rebases[row] = stood_at
        self._store(point, clock)

    def _load(self, point: int) -> "_PointClock":
        return _PointClock(
            now=int(self._clock[point]),
            times=self._times[point].tolist(),
            values=self._values[point].tolist(),
            next_slot=int(self._next[point]),
            behind=int(self._behind[point]),
            behind_times=self._behind_times[point].tolist(),
            behind_arrivals=self._behind_arrivals[point].tolist(),
        )

    def _store(self, point: int, clock: "_PointClock") -> None:
        self._clock[point] = clock.now
        self._times[point] = clock.times
        self._values[point] = clock.values
        self._next[point] = clock.next_slot
        self._behind[point] = clock.behind
        self._behind_times[point] = clock.behind_times
        self._behind_arrivals[point] = clock.behind_arrivals

    def _count(self, judged: _Judged) -> None:
        counts = np.bincount(judged.verdicts, minlength=len(Verdict)).tolist()
        for verdict, name in _COUNTED:
            if counts[verdict]:
                self._counters.add(name, counts[verdict], source=self._source_id)

    def _passed(self, readings: Readings, judged: _Judged) -> list[Readings | ClockRebased]:
        verdicts = judged.verdicts
        if not verdicts.any():
            return [readings] if len(readings) else []
        late = verdicts == Verdict.LATE
        readings = replace(
            readings, origin=np.where(late, Origin.HISTORY, readings.origin).astype(np.uint8)
        )
        kept = (verdicts != Verdict.REPEAT) & (verdicts != Verdict.CONFLICT)
        passed: list[Readings | ClockRebased] = []
        start = 0
        for row in sorted(judged.rebases):
            _append_some(passed, readings, kept, start, row)
            passed.append(self._rebased(readings, row, judged.rebases[row]))
            start = row
        _append_some(passed, readings, kept, start, len(readings))
        return passed

    def _rebased(self, readings: Readings, row: int, stood_at: int) -> ClockRebased:
        return ClockRebased(
            at_us=int(readings.arrival_time[row]),
            source_id=self._source_id,
            point=int(readings.point[row]),
            from_us=stood_at,
            to_us=int(readings.event_time[row]) - 1,
        )


_COUNTED: Final = (
    (Verdict.LATE, "late"),
    (Verdict.REPEAT, "repeats"),
    (Verdict.CONFLICT, "conflicts"),
    (Verdict.REBASED, "clock_rebased"),
)


def _append_some(
    passed: list[Readings | ClockRebased], readings: Readings, kept: _Bools, start: int, end: int
) -> None:
    rows = np.flatnonzero(kept[start:end]) + start
    if len(rows):
        passed.append(readings.take(rows))


@dataclass(slots=True, kw_only=True)
class _PointClock:
    """The state of one point, for its readings that are not simply newer."""

    now: int
    times: list[int]
    values: list[float]
    next_slot: int
    behind: int
    behind_times: list[int]
    behind_arrivals: list[int]

    def judge(self, time: int, value: float, arrival: int, *, live: bool) -> Verdict:
        if time > self.now:
            self._accept(time, value)
            return Verdict.ACCEPTED
        if time in self.times:  # dropped, and as if it never came
            known = self.values[self.times.index(time)]
            same = known == value or (known != known and value != value)  # NaN repeats NaN
            return Verdict.REPEAT if same else Verdict.CONFLICT
        if live and self._stepped_back(time, arrival):
            self.rebase(time - 1)
            self._accept(time, value)
            return Verdict.REBASED
        self._note_behind(time, arrival)
        return Verdict.LATE

    def rebase(self, to_us: int) -> None:
        """Times of before the step say nothing about those after it."""
        self.now = to_us
        self.times = [NEVER_US] * KNOWN_TIMES
        self.values = [0.0] * KNOWN_TIMES
        self.behind = 0

    def _accept(self, time: int, value: float) -> None:
        self.now = time
        self.times[self.next_slot] = time
        self.values[self.next_slot] = value
        self.next_slot = (self.next_slot + 1) % KNOWN_TIMES
        self.behind = 0

    def _stepped_back(self, time: int, arrival: int) -> bool:
        """At least the third in a row behind the clock, rising, and at live pace since the first."""
        if self.behind < 2 or time <= self.behind_times[1] or self.now - time <= BEHIND_US:
            return False
        passed_here = arrival - self.behind_arrivals[0]
        passed_there = time - self.behind_times[0]
        return passed_here >= PACE_US and 2 * abs(passed_there - passed_here) <= passed_here

    def _note_behind(self, time: int, arrival: int) -> None:
        if self.now - time <= BEHIND_US:
            self.behind = 0
            return
        if self.behind and time <= self.behind_times[self.behind - 1]:
            self.behind = 0  # not rising: a row of its own begins
        if self.behind == 2:
            if not 0 <= arrival - self.behind_arrivals[0] < PACE_US:
                # not live since the first one: measure anew (and where our own clock was set back)
                self.behind_times[0] = self.behind_times[1]
                self.behind_arrivals[0] = self.behind_arrivals[1]
            self.behind = 1
        self.behind_times[self.behind] = time
        self.behind_arrivals[self.behind] = arrival
        self.behind += 1
