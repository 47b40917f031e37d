"""Back-test: other limits, on paper, over the history that is stored; through the function that is live.

What changes is told as alarms added and removed. Nothing is enabled by it, and nothing is written.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from detectors.evaluate import DetectorState, evaluate
from domain.assets import ActiveLimits, AlarmClass, Point, Priority
from domain.clock import MINUTE_US, SECOND_US
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.ids import SourceId
from domain.readings import Readings
from domain.records import LimitsActivated, ReadingsArrived, Record, SourceChanged, Ticked

DAY_US: Final = 24 * 60 * MINUTE_US
# before the period: held values, running delays and what stood are those of the time itself
WARM_UP_US: Final = DAY_US
# up to here every second of our clock is gone through as it was; beyond it, only where silence asks for it
EXACT_UP_TO_US: Final = 2 * DAY_US
ROWS_AT_ONCE: Final = 200_000
LONGEST_STRETCH_US: Final = 64 * DAY_US
# a point that crosses its limit takes all its readings of a group one by one: not too many of them
ROWS_IN_ONE_GROUP: Final = 4_000
EXAMPLES: Final = 3

OnProgress = Callable[[float], None]  # the share that is done


class History(Protocol):
    """What was stored, in the order in which it arrived."""

    def arrived(
        self, from_us: int, to_us: int, points: Sequence[int], limit: int, offset: int
    ) -> Readings:
        """Arrival from `from_us` up to but not including `to_us`."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """An alarm with its end, where it came within the history."""

    raised: AlarmRaised
    cleared: AlarmCleared | None = None

    @property
    def needs_a_person(self) -> bool:
        informs = self.raised.alarm_class is AlarmClass.INFORMATION
        return self.raised.priority is not Priority.NOTICE and not informs


@dataclass(frozen=True, slots=True)
class Trial:
    """What one version of the limits makes of the history."""

    alarms: tuple[Found, ...]
    floods: int
    most_in_ten_minutes: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Limits as they are and as they would be, over the same history."""

    hours: float
    readings: int
    before: Trial
    after: Trial

    @property
    def added(self) -> list[Found]:
        return _without(self.after.alarms, self.before.alarms)

    @property
    def removed(self) -> list[Found]:
        return _without(self.before.alarms, self.after.alarms)

    def per_hour(self, alarms: Sequence[Found]) -> float:
        return len(alarms) / self.hours


def compare(
    history: History,
    before: ActiveLimits,
    after: ActiveLimits,
    from_us: int,
    to_us: int,
    on_progress: OnProgress = lambda share: None,
) -> Comparison:
    """Both over the points that one of them watches differently; the others are alike by themselves.
    Raises StorageUnavailable; ValueError where the period has no length or no point differs."""
    points = that_differ(before, after)
    if not points:
        raise ValueError("nothing is different: change a limit or a delay")
    return _compared(history, before, after, points, (from_us, to_us), on_progress)


def today(
    history: History,
    limits: ActiveLimits,
    from_us: int,
    to_us: int,
    on_progress: OnProgress = lambda share: None,
) -> Trial:
    """Every alarm that these limits give in the period."""
    run = _Run(limits, limits.points, (from_us, to_us))
    for _ in _go_through(history, limits.points, [run], (from_us, to_us), on_progress):
        pass
    return run.trial()


def _compared(
    history: History,
    before: ActiveLimits,
    after: ActiveLimits,
    points: Sequence[Point],
    period: tuple[int, int],
    on_progress: OnProgress,
) -> Comparison:
    runs = [_Run(limits, points, period) for limits in (before, after)]
    rows = sum(_go_through(history, points, runs, period, on_progress))
    return Comparison(
        hours=(period[1] - period[0]) / (60 * MINUTE_US),
        readings=rows,
        before=runs[0].trial(),
        after=runs[1].trial(),
    )


class _Run:
    """One version of the limits on its way through the history."""

    def __init__(
        self, limits: ActiveLimits, points: Sequence[Point], period: tuple[int, int]
    ) -> None:
        wanted = {point.key for point in points}
        kept = tuple(point for point in limits.points if point.key in wanted)
        self._limits = ActiveLimits(site=limits.site, version=limits.version, points=kept)
        self._period = period
        self._state = DetectorState.initial()
        self._found: dict[UUID, Found] = {}

    def begin(self, at_us: int) -> None:
        self.take(LimitsActivated(at_us=at_us, limits=self._limits))
        for source in sorted({point.source_id for point in self._limits.points}):
            self.take(SourceChanged(at_us=at_us, source_id=SourceId(source), current=True))

    def take(self, record: Record) -> None:
        self._state, events = evaluate(self._state, record)
        for event in events:
            self._note(event)

    def trial(self) -> Trial:
        alarms = sorted(
            self._found.values(), key=lambda each: (each.raised.raised_at_us, each.raised.event_id)
        )
        floods, most = floods_in(
            [each.raised.raised_at_us for each in alarms if each.needs_a_person]
        )
        return Trial(tuple(alarms), floods, most)

    def _note(self, event: Event) -> None:
        if isinstance(event, AlarmCleared):
            known = self._found.get(event.event_id)
            if known is not None:
                self._found[event.event_id] = Found(known.raised, event)
        elif self._period[0] <= event.raised_at_us < self._period[1]:
            self._found[event.event_id] = Found(event)


def floods_in(raised_us: Sequence[int]) -> tuple[int, int]:
    """How many floods, and the most alarms within ten minutes; `raised_us` in order."""
    floods, most, begun, first = 0, 0, False, 0
    for place, at_us in enumerate(raised_us):
        while raised_us[first] <= at_us - 10 * MINUTE_US:
            first += 1
            begun = begun and place - first >= 5
        count = place - first + 1
        most = max(most, count)
        if count > 10 and not begun:
            floods, begun = floods + 1, True
    return floods, most


def _go_through(
    history: History,
    points: Sequence[Point],
    runs: Sequence[_Run],
    period: tuple[int, int],
    on_progress: OnProgress,
) -> Iterator[int]:
    """How many readings, stretch by stretch."""
    from_us, to_us = period
    if to_us <= from_us:
        raise ValueError("the period ends before it begins")
    start_us = from_us - WARM_UP_US
    for run in runs:
        run.begin(start_us)
    steps = _Steps(points, exact=to_us - from_us <= EXACT_UP_TO_US, start_us=start_us)
    for readings in _stretches(history, sorted(point.number for point in points), start_us, to_us):
        for record in steps.records(readings):
            for run in runs:
                run.take(record)
        on_progress((int(readings.arrival_time[-1]) - start_us) / (to_us - start_us))
        yield len(readings)
    for record in steps.rest(to_us):
        for run in runs:
            run.take(record)
    on_progress(1.0)


def _stretches(
    history: History, points: Sequence[int], from_us: int, to_us: int
) -> Iterator[Readings]:
    """As many days at once as hold few enough readings: every question costs a walk over the store."""
    begin_us, length_us = from_us, DAY_US
    while begin_us < to_us:
        end_us, offset, found = min(begin_us + length_us, to_us), 0, ROWS_AT_ONCE
        while found == ROWS_AT_ONCE:
            readings = history.arrived(begin_us, end_us, points, ROWS_AT_ONCE, offset)
            found = len(readings)
            offset += found
            if found:
                yield readings
        begin_us = end_us
        if offset < ROWS_AT_ONCE // 4:
            length_us = min(2 * length_us, LONGEST_STRETCH_US)
        elif offset > ROWS_AT_ONCE:
            length_us = max(length_us // 2, DAY_US)


class _Steps:
    """The records that the readings were when they arrived, with the ticks of our clock between them."""

    def __init__(self, points: Sequence[Point], *, exact: bool, start_us: int) -> None:
        self._exact = exact
        self._at_us = start_us
        self._source = next((point.source_id for point in points), SourceId(""))
        size = 1 + max((point.number for point in points), default=0)
        self._stale_us = np.full(size, 2**62, np.int64)  # by point number
        for point in points:
            if point.stale_after_us is not None:
                self._stale_us[point.number] = point.stale_after_us
        self._heard_us = np.full(size, start_us, np.int64)

    def records(self, readings: Readings) -> Iterator[Record]:
        arrival = readings.arrival_time
        began_us = self._at_us
        ticks = self._seconds(int(arrival[-1])) if self._exact else self._silences(readings)
        edges = np.searchsorted(arrival, ticks, side="right")
        place = 0
        for tick_us, edge in zip(ticks.tolist(), edges.tolist(), strict=True):
            if edge > place:
                yield self._group(readings, place, edge)
                place = edge
            yield Ticked(at_us=max(tick_us, began_us))
        while place < len(readings):
            edge = min(place + ROWS_IN_ONE_GROUP, len(readings))
            yield self._group(readings, place, edge)
            place = edge
        self._at_us = int(arrival[-1])

    def rest(self, to_us: int) -> Iterator[Record]:
        """What is due by the end of the period. A point may be silent since long before it."""
        due = (self._heard_us + self._stale_us)[self._stale_us < 2**62] + 1
        moments = np.unique(due[(due > self._at_us) & (due < to_us)])
        ticks = self._seconds(to_us) if self._exact else moments
        for tick_us in ticks.tolist():
            yield Ticked(at_us=tick_us)
        yield Ticked(at_us=max(to_us, self._at_us))

    def _group(self, readings: Readings, first: int, end: int) -> ReadingsArrived:
        some = readings.take(np.arange(first, end, dtype=np.intp))
        return ReadingsArrived(
            at_us=int(some.arrival_time[-1]), source_id=self._source, readings=some
        )

    def _seconds(self, until_us: int) -> NDArray[np.int64]:
        first = (self._at_us // SECOND_US + 1) * SECOND_US
        return np.arange(first, until_us + 1, SECOND_US, dtype=np.int64)

    def _silences(self, readings: Readings) -> NDArray[np.int64]:
        """Just after each moment at which a point had been silent for too long."""
        point, arrival = readings.point, readings.arrival_time
        order = np.lexsort((np.arange(len(point)), point))
        sorted_point, sorted_arrival = point[order], arrival[order]
        before = np.empty_like(sorted_arrival)
        before[1:] = sorted_arrival[:-1]
        first = np.ones(len(order), np.bool_)
        first[1:] = sorted_point[1:] != sorted_point[:-1]
        before[first] = self._heard_us[sorted_point[first]]
        stale_us = self._stale_us[sorted_point]
        silent = sorted_arrival - before > stale_us
        last = np.ones(len(order), np.bool_)
        last[:-1] = first[1:]
        self._heard_us[sorted_point[last]] = sorted_arrival[last]
        return np.unique(before[silent] + stale_us[silent] + 1)


def that_differ(before: ActiveLimits, after: ActiveLimits) -> list[Point]:
    """Points of `after` whose conditions changed, and the points that these conditions listen to."""
    old = {point.key: point for point in before.points}
    new = {point.key: point for point in after.points}
    changed = {key for key, point in new.items() if _watched(old.get(key)) != _watched(point)}
    needed = {
        other
        for key in changed
        for point in (old.get(key), new[key])
        if point is not None
        for limit in point.limits
        for other in (
            *(term.point for term in limit.terms),
            *(level.point for level in limit.by_mode if level.point),
        )
    }
    return [point for key, point in new.items() if key in changed | needed]


def _watched(point: Point | None) -> object:
    return None if point is None else (point.limits, point.stale_after_us)


def _without(some: Iterable[Found], others: Iterable[Found]) -> list[Found]:
    """An alarm is the same where it is of the same condition and began at the same reading."""
    known = {each.raised.event_id for each in others}
    return [each for each in some if each.raised.event_id not in known]
