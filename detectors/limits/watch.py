"""One point under watch: the moves of its limits, one reading or one stretch of time after the other.

    normal -> pending -> active -> returning -> normal
       <---------|          <---------|

Only points at which something may change come here (table.py); the many quiet readings stay in arrays.
"""

from math import isnan, nan
from typing import Any, Final
from uuid import UUID

from detectors.limits.found import Found
from detectors.limits.plan import ACTIVE, NORMAL, PENDING, RETURNING, Rule
from domain.assets import ActiveLimits, Point
from domain.events import FOUND_LATE_AFTER_US, AlarmCleared, AlarmRaised, ClearReason
from domain.ids import event_id
from domain.readings import USABLE_QUALITIES, Origin, Quality

USABLE: Final = frozenset(int(quality) for quality in USABLE_QUALITIES)
GOOD: Final = int(Quality.GOOD)
# what a run may sound a siren for; state and history are only listed
LIVE_ORIGINS: Final = frozenset({int(Origin.LIVE), int(Origin.TIME_SUBSTITUTED)})
_LIVE: Final = int(Origin.LIVE)
_TIME_SUBSTITUTED: Final = int(Origin.TIME_SUBSTITUTED)
_NOT_TOPICAL: Final = int(Quality.NOT_TOPICAL)


class Watch:
    """The state of one point. The lists have one place per limit condition (plan.CONDITIONS)."""

    __slots__ = (
        "at_us",
        "clock_lag_us",
        "degraded",
        "end_us",
        "end_value",
        "evaluated_us",
        "found",
        "held_live",
        "held_quality",
        "held_us",
        "held_value",
        "lag_us",
        "late",
        "limits",
        "live",
        "phase",
        "point",
        "rules",
        "stale_us",
        "start_us",
    )

    def __init__(
        self,
        limits: ActiveLimits,
        found: Found,
        at_us: int,  # our clock at the record that is being evaluated
        point: Point,
        rules: tuple[Rule, ...],
        stale_us: int,
        state: tuple[Any, ...],  # in the order of FIELDS
    ) -> None:
        self.limits = limits
        self.found = found
        self.at_us = at_us
        self.point = point
        self.rules = rules
        self.stale_us = stale_us
        self.evaluated_us: int  # time of the newest reading in order: the point's clock
        self.held_us: int  # time of the last evaluated reading; not that clock where substituted
        self.held_value: float
        self.held_quality: int
        self.held_live: bool
        self.lag_us: int  # arrival - event time of the last evaluated reading
        self.clock_lag_us: int  # how far a clock that stepped back is behind ours; else 0
        self.phase: list[int]
        self.start_us: list[int]  # first violating reading of the run
        self.late: list[bool]  # that reading came too late to shout about
        self.degraded: list[bool]
        self.live: list[bool]  # a live reading took part in the run
        self.end_us: list[int]  # first returning reading
        self.end_value: list[float]
        (
            self.evaluated_us,
            self.held_us,
            self.held_value,
            self.held_quality,
            self.held_live,
            self.lag_us,
            self.clock_lag_us,
            self.phase,
            self.start_us,
            self.late,
            self.degraded,
            self.live,
            self.end_us,
            self.end_value,
        ) = state

    @property
    def _known(self) -> bool:
        """The last reading had a usable value. It may have gone stale since."""
        return self.held_quality in USABLE and not isnan(self.held_value)

    def read(self, time_us: int, arrival_us: int, value: float, quality: int, origin: int) -> None:
        if time_us <= self.evaluated_us:
            return  # late: history keeps it, nothing is decided from it
        self.pass_time(time_us)
        if origin != _TIME_SUBSTITUTED:
            self.evaluated_us = time_us
        self.held_us = time_us
        self.held_value = value
        self.held_quality = quality
        self.held_live = origin in LIVE_ORIGINS
        self.lag_us = arrival_us - time_us
        if origin == _LIVE:
            self.clock_lag_us = min(self.clock_lag_us, max(0, self.lag_us))
        if not self._known:
            self.lose_sight()
            return
        for rule in self.rules:
            phase = self.phase[rule.column]
            lowest, highest = rule.bands[phase]
            if not lowest <= value <= highest:
                self._move_on(rule, time_us, arrival_us, value)
            elif phase == PENDING:
                self.degraded[rule.column] |= quality != GOOD
                self.live[rule.column] |= self.held_live

    def pass_time(self, until_us: int) -> None:
        """Delays elapse, at equal time before the reading; then the held value may go stale."""
        phase = self.phase
        if PENDING not in phase and RETURNING not in phase:
            return
        hold_until = self.held_us + self.stale_us
        horizon = min(until_us, hold_until)
        for rule in self.rules:
            column = rule.column
            raise_at = self.start_us[column] + rule.on_delay_us
            if phase[column] == PENDING and raise_at <= horizon:
                self._raise(rule, raise_at)
            elif phase[column] == RETURNING and self.end_us[column] + rule.off_delay_us <= horizon:
                self._clear(rule)
        if until_us > hold_until:
            self.lose_sight()

    def lose_sight(self) -> None:
        """The value is unknown: no run goes on, a standing alarm stands."""
        phase = self.phase
        for rule in self.rules:
            column = rule.column
            if phase[column] == PENDING:
                phase[column] = NORMAL
            elif phase[column] == RETURNING:
                phase[column] = ACTIVE

    def begin(self, rule: Rule, start_us: int, arrival_us: int) -> None:
        """The held value violates: a run begins. Its delay is for pass_time to end."""
        column = rule.column
        self.phase[column] = PENDING
        self.start_us[column] = start_us
        late_us = arrival_us - start_us - self.clock_lag_us
        self.late[column] = late_us > FOUND_LATE_AFTER_US
        self.degraded[column] = self.held_quality != GOOD
        self.live[column] = self.held_live

    def step_back(self, to_us: int) -> None:
        """The point's clock starts again at `to_us`; what was held, was held by another clock."""
        self.lose_sight()
        self.evaluated_us = self.held_us = to_us
        self.held_quality = _NOT_TOPICAL
        self.lag_us = self.at_us - to_us
        # what it says from now on is no later than its clock; else no siren would sound for it again
        self.clock_lag_us = max(0, self.lag_us)

    def drop(self, rule: Rule) -> None:
        """The limit is gone: a run ends, and a standing alarm clears as changed."""
        column = rule.column
        if self.phase[column] in (ACTIVE, RETURNING):
            self._clear_as_changed(rule)
        self.phase[column] = NORMAL

    def meet(self, rule: Rule) -> None:
        """The limit is new or has moved: judge it by the held value, from now on, not from the past."""
        column = rule.column
        phase = self.phase[column]
        value = self.held_value
        if phase == PENDING and not rule.violated_by(value):
            self.phase[column] = NORMAL
        elif phase == RETURNING and not rule.returned_by(value):
            self.phase[column] = ACTIVE
        elif phase == ACTIVE and self._known_now and rule.returned_by(value):
            self._clear_as_changed(rule)
        elif phase == NORMAL and self._known_now and rule.violated_by(value):
            self.begin(rule, self._now_us, self.at_us)

    @property
    def _now_us(self) -> int:
        """Now by the point's clock, as far as we can tell."""
        return max(self.at_us - self.lag_us, self.held_us)

    @property
    def _known_now(self) -> bool:
        return self._known and self._now_us <= self.held_us + self.stale_us

    def _clear_as_changed(self, rule: Rule) -> None:
        ended_us = self._now_us
        event = AlarmCleared(
            event_id=self._event_id(rule),
            ended_at_us=ended_us,
            detected_at_us=self.at_us,
            value=self.held_value if self._known_now else nan,
            reason=ClearReason.LIMIT_CHANGED,
        )
        self.phase[rule.column] = NORMAL
        self.found.add(ended_us, self.point.number, rule.limit.condition, event)

    def _move_on(self, rule: Rule, time_us: int, arrival_us: int, value: float) -> None:
        """The value is outside the band of the limit's phase, so the limit moves on."""
        column = rule.column
        phase = self.phase[column]
        if phase == NORMAL:
            self.begin(rule, time_us, arrival_us)
            if rule.on_delay_us <= 0:
                self._raise(rule, time_us)
        elif phase == PENDING:
            self.phase[column] = NORMAL
        elif phase == ACTIVE:
            self.phase[column] = RETURNING
            self.end_us[column] = time_us
            self.end_value[column] = value
            if rule.off_delay_us <= 0:
                self._clear(rule)
        else:
            self.phase[column] = ACTIVE

    def _raise(self, rule: Rule, raised_us: int) -> None:
        column = rule.column
        limit, point, started_us = rule.limit, self.point, self.start_us[column]
        event = AlarmRaised(
            event_id=self._event_id(rule),
            site=self.limits.site,
            point=point.key,
            asset_id=point.asset_id,
            signal=point.signal,
            unit=point.unit,
            condition=limit.condition,
            alarm_class=limit.alarm_class,
            priority=limit.priority,
            started_at_us=started_us,
            raised_at_us=raised_us,
            detected_at_us=self.at_us,
            value=self.held_value,
            limit=limit.value,
            limits_version=self.limits.version,
            degraded=self.degraded[column],
            found_late=self.late[column],
            output_allowed=self.live[column],
            latching=limit.latching,
        )
        self.phase[column] = ACTIVE
        self.found.add(raised_us, point.number, limit.condition, event)

    def _clear(self, rule: Rule) -> None:
        ended_us = self.end_us[rule.column]
        event = AlarmCleared(
            event_id=self._event_id(rule),
            ended_at_us=ended_us,
            detected_at_us=self.at_us,
            value=self.end_value[rule.column],
        )
        self.phase[rule.column] = NORMAL
        self.found.add(ended_us, self.point.number, rule.limit.condition, event)

    def _event_id(self, rule: Rule) -> UUID:
        started_us = self.start_us[rule.column]
        return event_id(self.limits.site, self.point.key, rule.limit.condition, started_us)
