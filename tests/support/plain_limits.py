"""The limit rules in plain Python: slow, one limit at a time, and the definition of what is right.

Shares no code with `detectors`. A point and a limit are dicts; a limit without "run", "alarm" and "back" is
at rest. "run" is a violation whose on-delay has not elapsed, "alarm" stands, "back" is a return whose
off-delay has not elapsed.
"""

from math import inf, isnan
from typing import Any

from domain.assets import ActiveLimits, AlarmClass, Condition, Limit, Point, Priority
from domain.clock import MINUTE_US
from domain.events import AlarmCleared, AlarmRaised, ClearReason, Event
from domain.ids import event_id
from domain.readings import Origin, Quality, Readings
from domain.records import ClockRebased, LimitsActivated, ReadingsArrived, Record, SourceChanged
from tests.support.plain_checks import PlainChecks, is_check, one_for_each

LEVELS = ["LL", "L", "H", "HH"]
CHECKS = ["rise", "fall", "deviation", "stuck", "state", "change", "phases"]
ORDER = [*LEVELS, *CHECKS, "silence", "clock_stepped_back"]
NAN = float("nan")


def violates(limit: Limit, value: float) -> bool:
    if limit.condition in ("H", "HH"):
        return value >= limit.value
    return value <= limit.value


def has_returned(limit: Limit, value: float) -> bool:
    if limit.condition in ("H", "HH"):
        return value < limit.value and value <= limit.value - limit.deadband
    return value > limit.value and value >= limit.value + limit.deadband


def is_usable(value: float, quality: int) -> bool:
    return quality in (Quality.GOOD, Quality.QUESTIONABLE, Quality.SUBSTITUTED) and not isnan(value)


class PlainEngine:
    def __init__(self) -> None:
        self.limits = ActiveLimits(site="", version=0, points=())
        self.points: dict[int, dict[str, Any]] = {}
        self.sources: dict[str, int] = {}  # the current ones, with the moment they became so
        self.found: list[tuple[int, int, str, Event]] = []
        self.at = 0
        self.checks = PlainChecks(lambda *found: self.found.append(found))

    def evaluate(self, record: Record) -> list[Event]:
        self.found = []
        self.at = self.checks.at = record.at_us
        if isinstance(record, ReadingsArrived):
            self.readings(record.readings)
        if isinstance(record, SourceChanged) and record.current:
            self.sources.setdefault(record.source_id, record.at_us)
        if isinstance(record, SourceChanged) and not record.current:
            self.sources.pop(record.source_id, None)
        if isinstance(record, ClockRebased) and record.point in self.points:
            self.rebase(self.points[record.point], record)
            self.checks.rebase(record.point, record.to_us)
        if isinstance(record, LimitsActivated):
            self.time_passes()
            self.checks.activate(record.limits)
            self.activate(record.limits)
        self.time_passes()
        return self.sorted_events()

    def sorted_events(self) -> list[Event]:
        """By time, point, condition; but a later event of the same condition never goes first."""
        keys: list[tuple[int, int, int]] = []
        for time, number, condition, _ in self.found:
            place = ORDER.index(condition)
            earlier = [key[0] for key in keys if key[1:] == (number, place)]
            keys.append((max([time, *earlier]), number, place))
        return [self.found[row][3] for row in sorted(range(len(keys)), key=lambda row: keys[row])]

    # readings

    def readings(self, readings: Readings) -> None:
        for number, time, arrival, value, quality, origin in zip(
            readings.point.tolist(),
            readings.event_time.tolist(),
            readings.arrival_time.tolist(),
            readings.value.tolist(),
            readings.quality.tolist(),
            readings.origin.tolist(),
            strict=True,
        ):
            state = self.points.get(number)
            if state is None:
                continue
            if state["silent_since"] is not None:
                self.end_silence(state, arrival, ClearReason.RETURNED)
            state["heard"] = arrival
            if state["clock"] is None or time > state["clock"]:
                self.reading(state, time, arrival, value, quality, origin)
            self.checks.reading(number, time, arrival, value, quality, origin)

    def reading(
        self,
        state: dict[str, Any],
        time: int,
        arrival: int,
        value: float,
        quality: int,
        origin: int,
    ) -> None:
        self.timers(state, time)
        if origin != Origin.TIME_SUBSTITUTED:
            state["clock"] = time
        held = {
            "time": time,
            "value": value,
            "lag": arrival - time,
            "usable": is_usable(value, quality),
            "doubtful": quality != Quality.GOOD,
            "live": origin in (Origin.LIVE, Origin.TIME_SUBSTITUTED),
        }
        state["held"] = held
        if origin == Origin.LIVE and held["lag"] < state["clock_lag"]:
            state["clock_lag"] = max(0, held["lag"])
        for alarm in self.in_order(state):
            if held["usable"]:
                self.judge(state, alarm, held, arrival)
            else:
                self.unknown(alarm)

    def judge(
        self, state: dict[str, Any], alarm: dict[str, Any], held: dict[str, Any], arrival: int
    ) -> None:
        limit, time, value = alarm["limit"], held["time"], held["value"]
        if alarm["alarm"]:
            if not has_returned(limit, value):
                alarm["back"] = None
            elif alarm["back"] is None:
                alarm["back"] = {"time": time, "value": value}
                if limit.off_delay_us == 0:
                    self.clear(state, alarm)
        elif not violates(limit, value):
            alarm["run"] = None
        elif alarm["run"] is None:
            alarm["run"] = self.new_run(state, time, arrival, held)
            if limit.on_delay_us == 0:
                self.raise_(state, alarm, time)
        else:
            alarm["run"]["degraded"] = alarm["run"]["degraded"] or held["doubtful"]
            alarm["run"]["live"] = alarm["run"]["live"] or held["live"]

    def new_run(
        self, state: dict[str, Any], start: int, arrival: int, held: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "start": start,
            "late": arrival - start - state["clock_lag"] > 5 * MINUTE_US,
            "degraded": held["doubtful"],
            "live": held["live"],
        }

    def unknown(self, alarm: dict[str, Any]) -> None:
        alarm["run"] = None
        alarm["back"] = None

    # time

    def timers(self, state: dict[str, Any], until: int) -> None:
        if state["held"] is None:
            return
        for alarm in self.in_order(state):
            limit = alarm["limit"]
            if alarm["run"]:
                deadline = alarm["run"]["start"] + limit.on_delay_us
                if deadline <= until and deadline <= self.hold_until(state):
                    self.raise_(state, alarm, deadline)
            elif alarm["back"]:
                deadline = alarm["back"]["time"] + limit.off_delay_us
                if deadline <= until and deadline <= self.hold_until(state):
                    self.clear(state, alarm)
            if until > self.hold_until(state):
                self.unknown(alarm)

    def hold_until(self, state: dict[str, Any]) -> float:
        stale_after = state["point"].stale_after_us
        return float(inf) if stale_after is None else state["held"]["time"] + stale_after

    def time_passes(self) -> None:
        self.checks.time_passes(lambda source: source in self.sources)
        for _, state in sorted(self.points.items()):
            since = self.sources.get(state["point"].source_id)
            if since is None:
                continue
            if state["held"] is not None:
                self.timers(state, self.at - state["held"]["lag"])
            stale_after = state["point"].stale_after_us
            if stale_after is None or state["silent_since"] is not None:
                continue
            base = max(state["heard"], since)
            if self.at - base > stale_after:
                self.begin_silence(state, base)

    def rebase(self, state: dict[str, Any], record: ClockRebased) -> None:
        for alarm in self.in_order(state):
            self.unknown(alarm)
        state["clock"] = record.to_us
        state["held"] = {
            "time": record.to_us,
            "value": NAN,
            "lag": self.at - record.to_us,
            "usable": False,
        }
        state["clock_lag"] = max(0, self.at - record.to_us)
        seconds = (record.from_us - record.to_us) / 1_000_000
        self.raise_other(
            state, Condition.CLOCK_STEPPED_BACK, Priority.MINOR, record.to_us, record.to_us, seconds
        )

    # a new version of the limits

    def activate(self, limits: ActiveLimits) -> None:
        before, self.points = self.points, {}
        same_site = limits.site == self.limits.site
        for point in limits.points:
            old = before.get(point.number)
            if old is not None and same_site and old["point"].key == point.key:
                del before[point.number]
                self.change(old, point)
                self.points[point.number] = old
        for _, state in sorted(before.items()):
            self.change(state, None)
        self.limits = limits
        for point in limits.points:
            state = self.points.setdefault(point.number, self.new_point(point))
            state["point"] = point
            self.take_limits(state, point)

    def new_point(self, point: Point) -> dict[str, Any]:
        return {
            "point": point,
            "clock": None,
            "held": None,
            "clock_lag": 0,
            "heard": self.at,
            "silent_since": None,
            "alarms": {},
        }

    def change(self, state: dict[str, Any], point: Point | None) -> None:
        """End what has no place in the new version. The old one still counts here."""
        if state["silent_since"] is not None and (point is None or point.stale_after_us is None):
            self.end_silence(state, self.at, ClearReason.LIMIT_CHANGED)
        kept = {limit.condition for limit in self.limits_of(point)} if point else set()
        for alarm in self.in_order(state):
            if alarm["limit"].condition not in kept:
                if alarm["alarm"]:
                    self.clear_changed(state, alarm)
                del state["alarms"][alarm["limit"].condition]

    def take_limits(self, state: dict[str, Any], point: Point) -> None:
        for limit in self.limits_of(point):
            alarm = state["alarms"].get(limit.condition)
            if alarm is None:
                alarm = {"limit": limit, "run": None, "alarm": None, "back": None}
                state["alarms"][limit.condition] = alarm
                self.judge_changed(state, alarm)
                continue
            old, alarm["limit"] = alarm["limit"], limit
            if (old.value, old.deadband) != (limit.value, limit.deadband):
                self.judge_changed(state, alarm)

    def judge_changed(self, state: dict[str, Any], alarm: dict[str, Any]) -> None:
        limit, held = alarm["limit"], state["held"]
        if held is None:
            return
        if alarm["run"]:
            if not violates(limit, held["value"]):
                alarm["run"] = None
        elif alarm["back"]:
            if not has_returned(limit, held["value"]):
                alarm["back"] = None
        elif not self.known_now(state):
            return
        elif alarm["alarm"]:
            if has_returned(limit, held["value"]):
                self.clear_changed(state, alarm)
        elif violates(limit, held["value"]):
            alarm["run"] = self.new_run(state, self.now(state), self.at, held)

    def now(self, state: dict[str, Any]) -> int:
        """Now by the clock of the point."""
        return max(self.at - int(state["held"]["lag"]), int(state["held"]["time"]))

    def known_now(self, state: dict[str, Any]) -> bool:
        return state["held"]["usable"] and self.now(state) <= self.hold_until(state)

    def limits_of(self, point: Point) -> list[Limit]:
        return [one for one in one_for_each(point) if not is_check(one)]

    def in_order(self, state: dict[str, Any]) -> list[dict[str, Any]]:
        return [state["alarms"][level] for level in LEVELS if level in state["alarms"]]

    # events

    def add(self, time: int, state: dict[str, Any], condition: str, event: Event) -> None:
        self.found.append((time, state["point"].number, condition, event))

    def raise_(self, state: dict[str, Any], alarm: dict[str, Any], raised: int) -> None:
        limit, run, point = alarm["limit"], alarm["run"], state["point"]
        identity = event_id(self.limits.site, point.key, limit.condition, run["start"])
        event = AlarmRaised(
            event_id=identity,
            site=self.limits.site,
            point=point.key,
            asset_id=point.asset_id,
            signal=point.signal,
            unit=point.unit,
            condition=limit.condition,
            alarm_class=limit.alarm_class,
            priority=limit.priority,
            started_at_us=run["start"],
            raised_at_us=raised,
            detected_at_us=self.at,
            value=state["held"]["value"],
            limit=limit.value,
            limits_version=self.limits.version,
            degraded=run["degraded"],
            found_late=run["late"],
            output_allowed=run["live"],
            latching=limit.latching,
        )
        alarm["run"], alarm["alarm"] = None, identity
        self.add(raised, state, limit.condition, event)

    def clear(self, state: dict[str, Any], alarm: dict[str, Any]) -> None:
        ended, value = alarm["back"]["time"], alarm["back"]["value"]
        self.cleared(state, alarm, ended, value, ClearReason.RETURNED)

    def clear_changed(self, state: dict[str, Any], alarm: dict[str, Any]) -> None:
        value = state["held"]["value"] if self.known_now(state) else NAN
        self.cleared(state, alarm, self.now(state), value, ClearReason.LIMIT_CHANGED)

    def cleared(
        self,
        state: dict[str, Any],
        alarm: dict[str, Any],
        ended: int,
        value: float,
        reason: ClearReason,
    ) -> None:
        event = AlarmCleared(
            event_id=alarm["alarm"],
            ended_at_us=ended,
            detected_at_us=self.at,
            value=value,
            reason=reason,
        )
        alarm["alarm"] = alarm["back"] = None
        self.add(ended, state, alarm["limit"].condition, event)

    def begin_silence(self, state: dict[str, Any], base: int) -> None:
        state["silent_since"] = base
        point = state["point"]
        self.raise_other(
            state,
            Condition.SILENCE,
            point.silence_priority,
            base,
            base + point.stale_after_us,
            NAN,
        )

    def end_silence(self, state: dict[str, Any], ended: int, reason: ClearReason) -> None:
        identity = event_id(
            self.limits.site, state["point"].key, Condition.SILENCE, state["silent_since"]
        )
        event = AlarmCleared(
            event_id=identity, ended_at_us=ended, detected_at_us=self.at, value=NAN, reason=reason
        )
        state["silent_since"] = None
        self.add(ended, state, Condition.SILENCE, event)

    def raise_other(
        self,
        state: dict[str, Any],
        condition: Condition,
        priority: Priority,
        started: int,
        raised: int,
        value: float,
    ) -> None:
        point = state["point"]
        event = AlarmRaised(
            event_id=event_id(self.limits.site, point.key, condition, started),
            site=self.limits.site,
            point=point.key,
            asset_id=point.asset_id,
            signal=point.signal,
            unit=point.unit,
            condition=condition,
            alarm_class=AlarmClass.ABNORMAL,
            priority=priority,
            started_at_us=started,
            raised_at_us=raised,
            detected_at_us=self.at,
            value=value,
            limit=NAN,
            limits_version=self.limits.version,
        )
        self.add(raised, state, condition, event)
