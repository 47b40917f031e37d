"""One check under watch: the moves of a condition that is made of several values, or of the past of one.

    normal -> pending -> active -> returning -> normal
       <---------|          <---------|

The same moves as those of a limit (watch.py). A check hears the readings of all its inputs; its clock is the
newest of theirs and never goes back.
"""

from math import isnan, nan
from typing import Final

import msgspec

from detectors.limits.found import Found
from detectors.limits.measure import SAMPLES_PER_SPAN, Check, limit_told
from detectors.limits.plan import ACTIVE, NORMAL, PENDING, RETURNING
from detectors.limits.watch import GOOD, LIVE_ORIGINS, USABLE
from domain.assets import ActiveLimits, Condition
from domain.clock import MINUTE_US, NEVER_US
from domain.events import FOUND_LATE_AFTER_US, AlarmCleared, AlarmRaised, ClearReason
from domain.ids import event_id
from domain.readings import Origin, Quality

_NOT_TOPICAL: Final = int(Quality.NOT_TOPICAL)
_LIVE: Final = int(Origin.LIVE)
_TIME_SUBSTITUTED: Final = int(Origin.TIME_SUBSTITUTED)


class InputState(msgspec.Struct, array_like=True):
    """What is known of one input."""

    clock_us: int = NEVER_US  # time of its newest reading in order
    held_us: int = NEVER_US
    value: float = nan
    quality: int = _NOT_TOPICAL
    live: bool = False
    clock_lag_us: int = 0  # how far a clock that stepped back is behind ours


class CheckState(msgspec.Struct, array_like=True):
    """What a checkpoint keeps of one check."""

    inputs: list[InputState]
    level: float  # the limit as the modes have it
    phase: int = NORMAL
    clock_us: int = NEVER_US
    lag_us: int = 0  # of the last reading behind our clock
    signal: float = nan  # what was compared last; NaN: unknown
    start_us: int = 0
    late: bool = False
    degraded: bool = False
    live: bool = False
    end_us: int = 0
    end_value: float = nan
    anchor: float = nan  # stuck: where it stands still; change: where it stood; NaN: not known
    moved_to: float = nan  # change: where it went
    samples: list[tuple[int, float]] = []  # rise and fall: of the past, the oldest first

    @classmethod
    def blank(cls, check: Check) -> "CheckState":
        return cls(inputs=[InputState() for _ in check.inputs], level=check.limit.value)


class CheckWatch:
    """A check for the time of one record. What it does, it does to the state."""

    __slots__ = ("at_us", "check", "found", "limits", "state")

    def __init__(
        self, check: Check, state: CheckState, limits: ActiveLimits, at_us: int, found: Found
    ) -> None:
        self.check = check
        self.state = state
        self.limits = limits
        self.at_us = at_us
        self.found = found

    def read(
        self, which: int, time_us: int, arrival_us: int, value: float, quality: int, origin: int
    ) -> None:
        """A reading of the input `which`."""
        one, state = self.state.inputs[which], self.state
        if time_us <= one.clock_us:
            return  # late: nothing is decided from it
        now_us = max(time_us, state.clock_us)
        self.pass_time(now_us)
        if now_us > self._hold_until:
            state.samples, state.signal = [], nan
        if origin != _TIME_SUBSTITUTED:
            one.clock_us, state.clock_us = time_us, now_us
        one.held_us, one.value, one.quality = time_us, value, quality
        one.live = origin in LIVE_ORIGINS
        state.lag_us = arrival_us - now_us
        if origin == _LIVE:
            one.clock_lag_us = min(one.clock_lag_us, max(0, arrival_us - time_us))
        if which < self.check.values:
            state.level = self._level(now_us)
            self._judge(which, now_us, arrival_us)
        else:
            self._follow_modes(now_us)

    def pass_time(self, until_us: int) -> None:
        """A delay elapses, at equal time before the reading; then what is held may go stale."""
        state, limit = self.state, self.check.limit
        if state.phase not in (PENDING, RETURNING):
            return
        horizon = min(until_us, self._hold_until)
        if state.phase == PENDING and state.start_us + limit.on_delay_us <= horizon:
            self._raise(state.start_us + limit.on_delay_us)
        elif state.phase == RETURNING and state.end_us + limit.off_delay_us <= horizon:
            self._clear()
        if until_us > self._hold_until:
            self.lose_sight()

    def lose_sight(self) -> None:
        """Something is unknown: no run goes on, a standing alarm stands."""
        state = self.state
        state.samples, state.signal = [], nan
        if state.phase == PENDING:
            state.phase = NORMAL
        elif state.phase == RETURNING:
            state.phase = ACTIVE
        if self.check.condition is Condition.STUCK and state.phase == NORMAL:
            state.anchor = nan

    def step_back(self, which: int, to_us: int) -> None:
        """The clock of that input starts again at `to_us`."""
        self.lose_sight()
        state = self.state
        one = state.inputs[which]
        one.clock_us = one.held_us = to_us
        one.quality = _NOT_TOPICAL
        one.clock_lag_us = max(0, self.at_us - to_us)
        state.clock_us = max(each.clock_us for each in state.inputs)
        state.lag_us = self.at_us - state.clock_us

    def drop(self) -> None:
        """The condition is gone: a standing alarm clears as changed."""
        if self.state.phase in (ACTIVE, RETURNING):
            self._clear_as_changed(self._now_us)
        self.state.phase = NORMAL

    def meet(self) -> None:
        """The limit, its deadband or its modes are others now."""
        self._meet(self._level(self._now_us), self._now_us)

    def _follow_modes(self, now_us: int) -> None:
        level = self._level(now_us)
        if level != self.state.level:
            self._meet(level, now_us)

    def _meet(self, level: float, now_us: int) -> None:
        """Judged by what was compared last, from now on, not from the past."""
        state, check = self.state, self.check
        state.level = level
        signal, known = state.signal, now_us <= self._hold_until and not isnan(state.signal)
        if state.phase == PENDING and not check.violated_by(signal, level):
            state.phase = NORMAL
        elif state.phase == RETURNING and not check.returned_by(signal, level):
            state.phase = ACTIVE
        elif state.phase == ACTIVE and known and check.returned_by(signal, level):
            self._clear_as_changed(now_us)
        elif state.phase == NORMAL and known and check.violated_by(signal, level):
            self._begin(now_us, self.at_us, state.inputs[0])

    def _level(self, now_us: int) -> float:
        """Of the first mode that is on. A point that is not known turns no mode on."""
        of_points = (level for level in self.check.limit.by_mode if level.point)
        for level, number in zip(
            of_points, range(self.check.values, len(self.check.inputs)), strict=True
        ):
            if self._is_held(number, now_us) and self.state.inputs[number].value == level.state:
                return level.value
        return self.check.limit.value

    def _judge(self, which: int, now_us: int, arrival_us: int) -> None:
        state, check = self.state, self.check
        if not all(self._is_held(number, now_us) for number in range(check.values)):
            self.lose_sight()
            return
        if check.condition is Condition.CHANGE:
            self._follow_change(now_us, arrival_us)
            return
        signal = self._signal(now_us)
        if isnan(signal):
            self._wait_for_more()
            return
        state.signal = signal
        if check.condition is Condition.STUCK and state.phase == PENDING and signal > state.level:
            state.phase, state.anchor = NORMAL, state.inputs[0].value
            state.signal = signal = 0.0
        self._move(which, signal, now_us, arrival_us)
        if check.condition is Condition.STUCK and state.phase == NORMAL and signal:
            # it has moved and cleared: from here on it may stand still again
            state.anchor, state.signal = state.inputs[0].value, 0.0
            self._move(which, 0.0, now_us, arrival_us)

    def _signal(self, now_us: int) -> float:
        state, check = self.state, self.check
        values = [one.value for one in state.inputs[: check.values]]
        if check.is_sampled:
            return self._rate(now_us, values[0])
        if check.condition is not Condition.STUCK:
            return check.signal(values)
        if isnan(state.anchor):
            state.anchor = values[0]
        return abs(values[0] - state.anchor)

    def _rate(self, now_us: int, value: float) -> float:
        """Per minute, since the newest sample that is old enough; NaN while there is none."""
        state, over_us = self.state, self.check.limit.over_us
        old = [sample for sample in state.samples if now_us - sample[0] >= over_us]
        state.samples = [*old[-1:], *state.samples[len(old) :]]
        newest_us = state.samples[-1][0] if state.samples else NEVER_US
        if now_us - newest_us >= over_us // SAMPLES_PER_SPAN:
            state.samples.append((now_us, value))
        if not old:
            return nan
        then_us, before = old[-1]
        rate = (value - before) / ((now_us - then_us) / MINUTE_US)
        return rate if self.check.condition is Condition.RISE else -rate

    def _wait_for_more(self) -> None:
        """It cannot be told yet: as if out of sight, but what was sampled stays."""
        samples = self.state.samples
        self.lose_sight()
        self.state.samples = samples

    def _move(self, which: int, signal: float, now_us: int, arrival_us: int) -> None:
        state, check, limit = self.state, self.check, self.check.limit
        one = state.inputs[which]
        if state.phase == NORMAL:
            if check.violated_by(signal, state.level):
                self._begin(now_us, arrival_us, one)
                if limit.on_delay_us <= 0:
                    self._raise(now_us)
        elif state.phase == PENDING:
            if not check.violated_by(signal, state.level):
                state.phase = NORMAL
                return
            state.degraded |= self._is_degraded
            state.live |= one.live
        elif state.phase == ACTIVE:
            if check.returned_by(signal, state.level):
                state.phase, state.end_us = RETURNING, now_us
                state.end_value = self._told(signal)
                if limit.off_delay_us <= 0:
                    self._clear()
        elif not check.returned_by(signal, state.level):
            state.phase = ACTIVE

    def _follow_change(self, now_us: int, arrival_us: int) -> None:
        """A position that moves. What state and history tell is where it stands, not that it moved."""
        state, limit, one = self.state, self.check.limit, self.state.inputs[0]
        value = one.value
        into = not limit.states or value in limit.states
        if not one.live or isnan(state.anchor) or not (self._is_away(state.anchor) and into):
            state.phase = NORMAL
            if not one.live or isnan(state.anchor) or self._is_away(state.anchor):
                state.anchor = value
            return
        if state.phase == PENDING and not self._is_away(state.moved_to):
            state.degraded |= self._is_degraded
            return
        state.moved_to = value
        self._begin(now_us, arrival_us, one)
        if limit.on_delay_us <= 0:
            self._raise(now_us)

    def _is_away(self, from_value: float) -> bool:
        return abs(self.state.inputs[0].value - from_value) > self.check.limit.deadband

    def _begin(self, start_us: int, arrival_us: int, one: InputState) -> None:
        state = self.state
        state.phase, state.start_us = PENDING, start_us
        state.late = arrival_us - start_us - one.clock_lag_us > FOUND_LATE_AFTER_US
        state.degraded = self._is_degraded
        state.live = one.live

    @property
    def _is_degraded(self) -> bool:
        return any(one.quality != GOOD for one in self.state.inputs[: self.check.values])

    def _is_held(self, number: int, now_us: int) -> bool:
        one = self.state.inputs[number]
        usable = one.quality == GOOD if self.check.limit.good_only else one.quality in USABLE
        return (
            usable
            and not isnan(one.value)
            and now_us <= one.held_us + self.check.inputs[number].stale_us
        )

    @property
    def _hold_until(self) -> int:
        """What is compared holds until the first of its values is stale."""
        return min(
            one.held_us + each.stale_us
            for one, each in zip(
                self.state.inputs[: self.check.values], self.check.inputs, strict=False
            )
        )

    @property
    def _now_us(self) -> int:
        return max(self.at_us - self.state.lag_us, self.state.clock_us)

    def _told(self, signal: float) -> float:
        """The value that a person is told."""
        own = self.state.inputs[0].value
        return own if self.check.condition in (Condition.STATE, Condition.STUCK) else signal

    def _raise(self, raised_us: int) -> None:
        state, check, point = self.state, self.check, self.check.point
        moved = check.condition is Condition.CHANGE
        event = AlarmRaised(
            event_id=event_id(self.limits.site, point.key, check.condition, state.start_us),
            site=self.limits.site,
            point=point.key,
            asset_id=point.asset_id,
            signal=point.signal,
            unit=check.limit.unit_of(point.unit),
            condition=check.condition,
            alarm_class=check.limit.alarm_class,
            priority=check.limit.priority,
            started_at_us=state.start_us,
            raised_at_us=raised_us,
            detected_at_us=self.at_us,
            value=state.moved_to if moved else self._told(state.signal),
            limit=state.anchor if moved else limit_told(check, state.level),
            limits_version=self.limits.version,
            degraded=state.degraded,
            found_late=state.late,
            output_allowed=state.live,
            latching=check.limit.latching,
        )
        state.phase = NORMAL if moved else ACTIVE
        if moved:
            state.anchor = state.moved_to
        self.found.add(raised_us, point.number, check.condition, event)

    def _clear(self) -> None:
        state = self.state
        self._cleared(state.end_us, state.end_value, ClearReason.RETURNED)

    def _clear_as_changed(self, now_us: int) -> None:
        state = self.state
        known = now_us <= self._hold_until and not isnan(state.signal)
        value = self._told(state.signal) if known else nan
        self._cleared(now_us, value, ClearReason.LIMIT_CHANGED)

    def _cleared(self, ended_us: int, value: float, reason: ClearReason) -> None:
        check, state = self.check, self.state
        event = AlarmCleared(
            event_id=event_id(self.limits.site, check.point.key, check.condition, state.start_us),
            ended_at_us=ended_us,
            detected_at_us=self.at_us,
            value=value,
            reason=reason,
        )
        state.phase = NORMAL
        if check.condition is Condition.STUCK:
            state.anchor = nan
        self.found.add(ended_us, check.point.number, check.condition, event)
