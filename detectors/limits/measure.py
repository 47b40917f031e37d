"""What a condition compares with its limit: a number made of the held values of one point or several."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Final

from detectors.limits.plan import Plan, chosen, stale_us
from domain.assets import Condition, Limit, Point
from domain.ids import PointKey

# how finely the past of a point is kept for its rate of change
SAMPLES_PER_SPAN: Final = 16

_LOW: Final = frozenset({Condition.LOW_LOW, Condition.LOW, Condition.STUCK})
_OF_TIME: Final = frozenset({Condition.RISE, Condition.FALL, Condition.STUCK, Condition.CHANGE})
_SAMPLED: Final = frozenset({Condition.RISE, Condition.FALL})


@dataclass(frozen=True, slots=True)
class Input:
    """A point that a check listens to. A value holds until the next, or until it is stale."""

    row: int
    stale_us: int


@dataclass(frozen=True, slots=True)
class Check:
    """One condition that the quick table cannot watch, ready to be asked."""

    point: Point
    limit: Limit
    inputs: tuple[Input, ...]  # the point itself, the terms' points, then the modes' points
    values: int  # so many of them, the first, are compared; the others only choose the level

    @property
    def row(self) -> int:
        return self.inputs[0].row

    @property
    def condition(self) -> Condition:
        return self.limit.condition

    @property
    def is_sampled(self) -> bool:
        return self.condition in _SAMPLED

    @property
    def identity(self) -> tuple[object, ...]:
        """While this stays, the state goes on under another limit."""
        limit = self.limit
        moved_by = limit.value, limit.deadband
        return (
            self.condition,
            limit.terms,
            limit.offset,
            limit.relative,
            limit.over_us,
            limit.states,
            limit.good_only,
            tuple((level.point, level.state) for level in limit.by_mode if level.point),
            moved_by if self.condition in _OF_TIME and not self.is_sampled else None,
        )

    def violated_by(self, signal: float, level: float) -> bool:
        return signal <= level if self.condition in _LOW else signal >= level

    def returned_by(self, signal: float, level: float) -> bool:
        """Inside the limit even where the deadband is nothing, or too small for a float to show."""
        deadband = self.limit.deadband
        if self.condition in _LOW:
            return signal > level and signal >= level + deadband
        return signal < level and signal <= level - deadband

    def signal(self, values: list[float]) -> float:
        """Of the values that are held now; NaN where they give none. Not for conditions of time."""
        own, others = values[0], values[1:]
        match self.condition:
            case Condition.DEVIATION:
                terms = zip(self.limit.terms, others, strict=True)
                expected = self.limit.offset + sum(term.factor * value for term, value in terms)
                return abs(own - expected)
            case Condition.PHASES:
                return _spread(values, self.limit.relative)
            case Condition.STATE:
                return 1.0 if own in self.limit.states else 0.0
            case _:
                return own


def _spread(values: list[float], relative: bool) -> float:
    spread = max(values) - min(values)
    if not relative:
        return spread
    mean = sum(map(abs, values)) / len(values)
    return 100.0 * spread / mean if mean else 0.0


def checks_of(plan: Plan) -> tuple[Check, ...]:
    """In the order of their points."""
    rows = {point.key: row for row, point in enumerate(plan.points)}
    found = []
    for point in plan.points:
        for limit in chosen(point):
            check = None if limit.is_plain else _check(point, limit, rows, plan)
            if check is not None:
                found.append(check)
    return tuple(found)


def _check(point: Point, limit: Limit, rows: Mapping[PointKey, int], plan: Plan) -> Check | None:
    """None where it watches nothing: a point that it needs is not there."""
    of_modes = [level.point for level in limit.by_mode if level.point]
    keys = [point.key, *(term.point for term in limit.terms), *of_modes]
    if any(key not in rows for key in keys):
        return None
    inputs = tuple(Input(rows[key], stale_us(plan.points[rows[key]])) for key in keys)
    return Check(point, limit, inputs, values=len(keys) - len(of_modes))


def limit_told(check: Check, level: float) -> float:
    """NaN where the limit says nothing to a person."""
    return nan if check.condition in {Condition.STUCK, Condition.STATE} else level
