"""The conditions beside the four limits in plain Python: slow, and the definition of what is right.

Shares no code with `detectors`. Every check keeps a dict; "phase" is one of rest, run, alarm, back. What a
condition compares is worked out anew from the held values each time.
"""

from collections.abc import Callable
from math import inf, isfinite, isnan
from typing import Any

from domain.assets import ActiveLimits, Condition, Limit, ModeLevel, Point
from domain.clock import MINUTE_US
from domain.events import AlarmCleared, AlarmRaised, ClearReason, Event
from domain.ids import event_id
from domain.readings import Origin, Quality

NAN = float("nan")
EARLIEST = -(2**63)
LEVELS = ("LL", "L", "H", "HH")
Check = dict[str, Any]
Add = Callable[[int, int, str, Event], None]


def is_check(limit: Limit) -> bool:
    """Not one of those that the plain limits know."""
    switched = any(level.point for level in limit.by_mode)
    return limit.condition not in LEVELS or limit.good_only or switched


def one_for_each(point: Point) -> list[Limit]:
    """The last that was given for each condition."""
    last: dict[str, Limit] = {}
    for limit in point.limits:
        if isfinite(limit.value):
            last[limit.condition] = limit
    return list(last.values())


class PlainChecks:
    """`add` takes time, point number, condition and event."""

    def __init__(self, add: Add) -> None:
        self.add = add
        self.limits = ActiveLimits(site="", version=0, points=())
        self.checks: dict[tuple[int, str], Check] = {}
        self.at = 0

    # what comes in

    def reading(
        self, number: int, time: int, arrival: int, value: float, quality: int, origin: int
    ) -> None:
        for check in self.in_order():
            for place, (which, _) in enumerate(check["inputs"]):
                if which == number:
                    self.hear(check, place, time, arrival, value, quality, origin)

    def time_passes(self, current: Callable[[str], bool]) -> None:
        for check in self.in_order():
            if current(check["point"].source_id):
                self.timers(check, self.at - check["lag"])

    def rebase(self, number: int, to: int) -> None:
        for check in self.in_order():
            for place, (which, _) in enumerate(check["inputs"]):
                if which == number:
                    self.unknown(check)
                    check["held"][place] |= {
                        "clock": to,
                        "time": to,
                        "quality": Quality.NOT_TOPICAL,
                        "behind": max(0, self.at - to),
                    }
                    check["clock"] = max(held["clock"] for held in check["held"])
                    check["lag"] = self.at - check["clock"]

    def activate(self, limits: ActiveLimits) -> None:
        before, same_site = self.checks, limits.site == self.limits.site
        keys_before = {number: check["point"].key for (number, _), check in before.items()}
        self.checks = {}
        old_limits, self.limits = self.limits, limits
        for point in sorted(limits.points, key=lambda one: one.number):
            for limit in self.watched(point):
                new = self.new(point, limit)
                old = before.get((point.number, limit.condition))
                keeps = (
                    old is not None
                    and same_site
                    and keys_before[point.number] == point.key
                    and shape(old["limit"]) == shape(limit)
                )
                if old is not None and keeps:
                    del before[point.number, limit.condition]
                    new |= {
                        name: old[name] for name in old if name not in ("point", "limit", "inputs")
                    }
                    self.checks[point.number, limit.condition] = new
                    if strength(old["limit"]) != strength(limit):
                        self.judge_changed(new, self.now(new))
                else:
                    self.checks[point.number, limit.condition] = new
        self.limits, limits = old_limits, self.limits
        for _, check in sorted(before.items(), key=lambda item: item[0]):
            if check["phase"] in ("alarm", "back"):
                self.clear_changed(check, self.now(check))
        self.limits = limits

    def watched(self, point: Point) -> list[Limit]:
        known = {one.key for one in self.limits.points}
        return [
            limit
            for limit in one_for_each(point)
            if is_check(limit) and all(key in known for key in others(limit))
        ]

    def new(self, point: Point, limit: Limit) -> Check:
        points = {one.key: one for one in self.limits.points}
        inputs = [point, *(points[key] for key in others(limit))]
        return {
            "point": point,
            "limit": limit,
            "inputs": [(one.number, one.stale_after_us) for one in inputs],
            "held": [
                {
                    "clock": EARLIEST,
                    "time": EARLIEST,
                    "value": NAN,
                    "quality": Quality.NOT_TOPICAL,
                    "live": False,
                    "behind": 0,
                }
                for _ in inputs
            ],
            "level": limit.value,
            "phase": "rest",
            "clock": EARLIEST,
            "lag": 0,
            "compared": NAN,
            "anchor": NAN,
            "went": NAN,
            "samples": [],
        }

    # one check

    def hear(
        self,
        check: Check,
        place: int,
        time: int,
        arrival: int,
        value: float,
        quality: int,
        origin: int,
    ) -> None:
        held = check["held"][place]
        if time <= held["clock"]:
            return
        now = max(time, check["clock"])
        self.timers(check, now)
        if now > self.hold_until(check):
            check["compared"], check["samples"] = NAN, []
        if origin != Origin.TIME_SUBSTITUTED:
            held["clock"], check["clock"] = time, now
        live = origin in (Origin.LIVE, Origin.TIME_SUBSTITUTED)
        held |= {"time": time, "value": value, "quality": quality, "live": live}
        check["lag"] = arrival - now
        if origin == Origin.LIVE:
            held["behind"] = min(held["behind"], max(0, arrival - time))
        level = self.level(check, now)
        if place < self.compared_count(check):
            check["level"] = level
            self.judge(check, held, now, arrival)
        elif level != check["level"]:
            self.judge_changed(check, now)

    def judge(self, check: Check, held: dict[str, Any], now: int, arrival: int) -> None:
        limit = check["limit"]
        if not all(self.usable(check, place, now) for place in range(self.compared_count(check))):
            self.unknown(check)
            return
        value = check["held"][0]["value"]
        match limit.condition:
            case Condition.CHANGE:
                self.judge_change(check, now, arrival)
            case Condition.STUCK:
                self.judge_stuck(check, held, value, now, arrival)
            case Condition.RISE | Condition.FALL:
                rate = self.rate(check, value, now)
                if isnan(rate):
                    samples = check["samples"]
                    self.unknown(check)
                    check["samples"] = samples
                else:
                    signed = rate if limit.condition == Condition.RISE else -rate
                    self.move(check, held, signed, now, arrival)
            case _:
                compared = self.compare(check)
                if isnan(compared):
                    self.unknown(check)
                else:
                    self.move(check, held, compared, now, arrival)

    def compare(self, check: Check) -> float:
        limit = check["limit"]
        values = [held["value"] for held in check["held"][: self.compared_count(check)]]
        if limit.condition == Condition.DEVIATION:
            computed = limit.offset
            summed = 0.0
            for term, value in zip(limit.terms, values[1:], strict=True):
                summed += term.factor * value
            expected: float = computed + summed
            return abs(float(values[0]) - expected)
        if limit.condition == Condition.PHASES:
            spread = float(max(values) - min(values))
            if not limit.relative:
                return spread
            mean = sum(abs(value) for value in values) / 3
            return 0.0 if mean == 0 else 100 * spread / mean
        if limit.condition == Condition.STATE:
            return 1.0 if values[0] in limit.states else 0.0
        return float(values[0])

    def rate(self, check: Check, value: float, now: int) -> float:
        """Since the newest kept reading that lies at least `over` back; kept are sixteen per `over`."""
        over = check["limit"].over_us
        samples = check["samples"]
        reference = None
        for time, earlier in samples:
            if now - time >= over:
                reference = (time, earlier)
        if not samples or now - samples[-1][0] >= over // 16:
            samples.append((now, value))
        if reference is None:
            return NAN
        minutes = (now - reference[0]) / MINUTE_US
        return float((value - reference[1]) / minutes)

    def judge_stuck(
        self, check: Check, held: dict[str, Any], value: float, now: int, arrival: int
    ) -> None:
        if isnan(check["anchor"]):
            check["anchor"] = value
        moved = abs(value - check["anchor"])
        if isnan(moved):
            self.unknown(check)
            return
        if check["phase"] == "run" and moved > check["limit"].value:
            check["phase"] = "rest"
            check["anchor"], moved = value, 0.0
        self.move(check, held, moved, now, arrival)
        if check["phase"] == "rest" and moved:
            check["anchor"] = value
            self.move(check, held, 0.0, now, arrival)

    def judge_change(self, check: Check, now: int, arrival: int) -> None:
        limit, held = check["limit"], check["held"][0]
        value, stood = held["value"], check["anchor"]
        if not held["live"] or isnan(stood):
            check["anchor"], check["phase"] = value, "rest"
        elif not abs(value - stood) > limit.deadband:
            check["phase"] = "rest"
        elif limit.states and value not in limit.states:
            check["anchor"], check["phase"] = value, "rest"
        elif check["phase"] == "run" and not abs(value - check["went"]) > limit.deadband:
            check["degraded"] = check["degraded"] or held["quality"] != Quality.GOOD
        else:
            check["went"] = value
            self.begin(check, held, now, arrival)
            if limit.on_delay_us == 0:
                self.raise_(check, now)

    def move(
        self, check: Check, held: dict[str, Any], compared: float, now: int, arrival: int
    ) -> None:
        limit = check["limit"]
        check["compared"] = compared
        if check["phase"] == "rest" and self.violates(check, compared):
            self.begin(check, held, now, arrival)
            if limit.on_delay_us == 0:
                self.raise_(check, now)
        elif check["phase"] == "run":
            if self.violates(check, compared):
                check["degraded"] = check["degraded"] or self.doubtful(check)
                check["live"] = check["live"] or held["live"]
            else:
                check["phase"] = "rest"
        elif check["phase"] == "alarm" and self.returned(check, compared):
            check["phase"] = "back"
            check["end"], check["end_value"] = now, self.told(check, compared)
            if limit.off_delay_us == 0:
                self.clear(check)
        elif check["phase"] == "back" and not self.returned(check, compared):
            check["phase"] = "alarm"

    def begin(self, check: Check, held: dict[str, Any], start: int, arrival: int) -> None:
        check["phase"], check["start"] = "run", start
        check["late"] = arrival - start - held["behind"] > 5 * MINUTE_US
        check["degraded"] = self.doubtful(check)
        check["live"] = held["live"]

    def judge_changed(self, check: Check, now: int) -> None:
        check["level"] = self.level(check, now)
        compared = check["compared"]
        known = not isnan(compared) and now <= self.hold_until(check)
        if check["phase"] == "run":
            if not self.violates(check, compared):
                check["phase"] = "rest"
        elif check["phase"] == "back":
            if not self.returned(check, compared):
                check["phase"] = "alarm"
        elif not known:
            return
        elif check["phase"] == "alarm":
            if self.returned(check, compared):
                self.clear_changed(check, now)
        elif self.violates(check, compared):
            self.begin(check, check["held"][0], now, self.at)

    def timers(self, check: Check, until: int) -> None:
        if check["phase"] not in ("run", "back"):
            return
        limit, hold_until = check["limit"], self.hold_until(check)
        if check["phase"] == "run":
            deadline = check["start"] + limit.on_delay_us
            if deadline <= until and deadline <= hold_until:
                self.raise_(check, deadline)
        else:
            deadline = check["end"] + limit.off_delay_us
            if deadline <= until and deadline <= hold_until:
                self.clear(check)
        if until > hold_until:
            self.unknown(check)

    def unknown(self, check: Check) -> None:
        check["compared"], check["samples"] = NAN, []
        check["phase"] = {"run": "rest", "back": "alarm"}.get(check["phase"], check["phase"])
        if check["limit"].condition == Condition.STUCK and check["phase"] == "rest":
            check["anchor"] = NAN

    # questions

    def in_order(self) -> list[Check]:
        return [check for _, check in sorted(self.checks.items(), key=lambda item: item[0][0])]

    def compared_count(self, check: Check) -> int:
        return 1 + len(check["limit"].terms)

    def usable(self, check: Check, place: int, now: int) -> bool:
        held, (_, stale_after) = check["held"][place], check["inputs"][place]
        allowed = [Quality.GOOD]
        if not check["limit"].good_only:
            allowed += [Quality.QUESTIONABLE, Quality.SUBSTITUTED]
        fresh = stale_after is None or now <= held["time"] + stale_after
        return held["quality"] in allowed and not isnan(held["value"]) and fresh

    def doubtful(self, check: Check) -> bool:
        held = check["held"][: self.compared_count(check)]
        return any(one["quality"] != Quality.GOOD for one in held)

    def hold_until(self, check: Check) -> float:
        of_each = [
            inf if stale_after is None else held["time"] + stale_after
            for held, (_, stale_after) in zip(check["held"], check["inputs"], strict=True)
        ]
        return min(of_each[: self.compared_count(check)])

    def level(self, check: Check, now: int) -> float:
        limit = check["limit"]
        switches: list[ModeLevel] = [one for one in limit.by_mode if one.point]
        for place, switch in enumerate(switches, start=self.compared_count(check)):
            if self.usable(check, place, now) and check["held"][place]["value"] == switch.state:
                return float(switch.value)
        return float(limit.value)

    def violates(self, check: Check, compared: float) -> bool:
        if check["limit"].condition in ("LL", "L", "stuck"):
            return bool(compared <= check["level"])
        return bool(compared >= check["level"])

    def returned(self, check: Check, compared: float) -> bool:
        level, deadband = check["level"], check["limit"].deadband
        if check["limit"].condition in ("LL", "L", "stuck"):
            return bool(compared > level and compared >= level + deadband)
        return bool(compared < level and compared <= level - deadband)

    def now(self, check: Check) -> int:
        return int(max(self.at - check["lag"], check["clock"]))

    def told(self, check: Check, compared: float) -> float:
        if check["limit"].condition in ("state", "stuck"):
            return float(check["held"][0]["value"])
        return compared

    # events

    def raise_(self, check: Check, raised: int) -> None:
        limit, point = check["limit"], check["point"]
        moved = limit.condition == Condition.CHANGE
        unit = point.unit
        if limit.condition in ("rise", "fall"):
            unit = f"{unit}/min"
        if limit.condition == "phases" and limit.relative:
            unit = "%"
        told = NAN if limit.condition in ("state", "stuck") else check["level"]
        event = AlarmRaised(
            event_id=event_id(self.limits.site, point.key, limit.condition, check["start"]),
            site=self.limits.site,
            point=point.key,
            asset_id=point.asset_id,
            signal=point.signal,
            unit=unit,
            condition=limit.condition,
            alarm_class=limit.alarm_class,
            priority=limit.priority,
            started_at_us=check["start"],
            raised_at_us=raised,
            detected_at_us=self.at,
            value=check["went"] if moved else self.told(check, check["compared"]),
            limit=check["anchor"] if moved else told,
            limits_version=self.limits.version,
            degraded=check["degraded"],
            found_late=check["late"],
            output_allowed=check["live"],
            latching=limit.latching,
        )
        check["phase"] = "rest" if moved else "alarm"
        if moved:
            check["anchor"] = check["went"]
        self.add(raised, point.number, limit.condition, event)

    def clear(self, check: Check) -> None:
        self.cleared(check, check["end"], check["end_value"], ClearReason.RETURNED)

    def clear_changed(self, check: Check, now: int) -> None:
        known = not isnan(check["compared"]) and now <= self.hold_until(check)
        value = self.told(check, check["compared"]) if known else NAN
        self.cleared(check, now, value, ClearReason.LIMIT_CHANGED)

    def cleared(self, check: Check, ended: int, value: float, reason: ClearReason) -> None:
        limit, point = check["limit"], check["point"]
        event = AlarmCleared(
            event_id=event_id(self.limits.site, point.key, limit.condition, check["start"]),
            ended_at_us=ended,
            detected_at_us=self.at,
            value=value,
            reason=reason,
        )
        check["phase"] = "rest"
        if limit.condition == Condition.STUCK:
            check["anchor"] = NAN
        self.add(ended, point.number, limit.condition, event)


def others(limit: Limit) -> list[Any]:
    """Keys of the points that it listens to besides its own."""
    return [
        *(term.point for term in limit.terms),
        *(one.point for one in limit.by_mode if one.point),
    ]


def shape(limit: Limit) -> tuple[Any, ...]:
    """What may not change if the condition is to be the same one."""
    parts: tuple[Any, ...] = (
        limit.terms,
        limit.offset,
        limit.relative,
        limit.over_us,
        limit.states,
        limit.good_only,
        [(one.point, one.state) for one in limit.by_mode if one.point],
    )
    if limit.condition in ("stuck", "change"):
        return (*parts, limit.value, limit.deadband)
    return parts


def strength(limit: Limit) -> tuple[Any, ...]:
    return limit.value, limit.deadband, limit.by_mode
