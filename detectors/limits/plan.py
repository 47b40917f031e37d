"""The active limits laid out for arrays: one row per point, one column per limit condition."""

from dataclasses import dataclass
from math import inf, isfinite, nextafter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.assets import LEVELS, ActiveLimits, Condition, Limit, Point
from domain.ids import PointKey

CONDITIONS: Final = LEVELS
FOREVER_US: Final = 2**62  # later than every moment, with room to add one

NORMAL: Final = 0
PENDING: Final = 1  # violated, the on-delay runs
ACTIVE: Final = 2
RETURNING: Final = 3  # returned, the off-delay runs

Band = tuple[float, float]  # values from the first to the second leave a limit as it is

_COLUMN: Final = {condition: column for column, condition in enumerate(CONDITIONS)}
# a table of numbers is quick but as long as the highest number; beyond this the numbers are searched
_TABLE_ROOM: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit of one point, ready to be asked."""

    column: int
    limit: Limit
    high: bool
    level: float
    return_at: float  # the value nearest to the limit that counts as returned
    on_delay_us: int
    off_delay_us: int
    bands: tuple[Band, ...]  # for each phase

    @classmethod
    def of(cls, limit: Limit) -> "Rule":
        high = limit.condition in {Condition.HIGH, Condition.HIGH_HIGH}
        return_at = _return_at(limit, high)
        return cls(
            column=_COLUMN[limit.condition],
            limit=limit,
            high=high,
            level=limit.value,
            return_at=return_at,
            on_delay_us=limit.on_delay_us,
            off_delay_us=limit.off_delay_us,
            bands=_bands(limit.value, return_at, high),
        )

    def violated_by(self, value: float) -> bool:
        return value >= self.level if self.high else value <= self.level

    def returned_by(self, value: float) -> bool:
        return value <= self.return_at if self.high else value >= self.return_at


def _bands(level: float, return_at: float, high: bool) -> tuple[Band, ...]:
    """Exact complements: a value outside the band of its limit's phase moves the limit on."""
    up_to = [_beside(level, high), return_at]  # normal, returning
    beyond = [level, _beside(return_at, not high)]  # pending, active
    if high:
        return (-inf, up_to[0]), (beyond[0], inf), (beyond[1], inf), (-inf, up_to[1])
    return (up_to[0], inf), (-inf, beyond[0]), (-inf, beyond[1]), (up_to[1], inf)


def _return_at(limit: Limit, high: bool) -> float:
    # inside the limit even where the deadband is nothing, or too small for a float to show
    inside = _beside(limit.value, high)
    if high:
        return min(inside, limit.value - limit.deadband)
    return max(inside, limit.value + limit.deadband)


def _beside(value: float, below: bool) -> float:
    return nextafter(value, -inf if below else inf)


class Plan:
    """One version of the limits. Never changed; n points in the order of their numbers."""

    def __init__(self, limits: ActiveLimits) -> None:
        self.limits = limits
        self.points: tuple[Point, ...] = tuple(sorted(limits.points, key=lambda one: one.number))
        self.rules: tuple[tuple[Rule, ...], ...] = tuple(map(_rules_of, self.points))
        self.numbers = np.array([point.number for point in self.points], np.int64)  # (n,)
        self.stale_us = np.array([stale_us(point) for point in self.points], np.int64)  # (n,)
        self.sources: tuple[str, ...] = tuple(sorted({point.source_id for point in self.points}))
        place = {source: row for row, source in enumerate(self.sources)}
        self.source_of = np.array([place[point.source_id] for point in self.points], np.intp)
        self._lay_out_rules()
        self._rows = self._table_of_rows()
        self._row_of_key: dict[PointKey, int] | None = None  # made when somebody asks

    def __len__(self) -> int:
        return len(self.points)

    def row_of(self, key: PointKey) -> int | None:
        """None for a point that is not ours."""
        if self._row_of_key is None:
            self._row_of_key = {point.key: row for row, point in enumerate(self.points)}
        return self._row_of_key.get(key)

    def rows_of(self, numbers: NDArray[np.int32]) -> NDArray[np.intp]:
        """(k,) the row of each point number, -1 for a number that is not ours."""
        if self._rows is not None:
            inside = (numbers >= 0) & (numbers < len(self._rows))
            if inside.all():
                return self._rows[numbers]
            return np.where(inside, self._rows[np.where(inside, numbers, 0)], -1)
        rows = np.minimum(np.searchsorted(self.numbers, numbers), len(self) - 1)
        return np.where(self.numbers[rows] == numbers, rows, -1)

    def _lay_out_rules(self) -> None:
        shape = (len(self), len(CONDITIONS))
        self.on_delay_us = np.zeros(shape, np.int64)
        self.off_delay_us = np.zeros(shape, np.int64)
        # (n, 4 conditions, 4 phases) the band of values in which nothing changes
        self.lowest = np.full((*shape, 4), -inf)
        self.highest = np.full((*shape, 4), inf)
        rules = [(row, rule) for row, rules in enumerate(self.rules) for rule in rules]
        if not rules:
            return
        at = [row for row, _ in rules], [rule.column for _, rule in rules]
        self.on_delay_us[at] = [rule.on_delay_us for _, rule in rules]
        self.off_delay_us[at] = [rule.off_delay_us for _, rule in rules]
        bands = np.array([rule.bands for _, rule in rules])  # (limits, 4 phases, 2)
        self.lowest[at], self.highest[at] = bands[..., 0], bands[..., 1]

    def _table_of_rows(self) -> NDArray[np.intp] | None:
        if len(self) == 0:
            return np.full(1, -1, np.intp)
        highest, lowest = int(self.numbers[-1]), int(self.numbers[0])
        if lowest < 0 or highest > _TABLE_ROOM + 8 * len(self):
            return None
        rows = np.full(highest + 1, -1, np.intp)
        rows[self.numbers] = np.arange(len(self))
        return rows


def chosen(point: Point) -> list[Limit]:
    """What is watched of a point: of two limits for one condition the later counts, and one that is not a
    number watches nothing."""
    finite = [limit for limit in point.limits if isfinite(limit.value)]
    return list({limit.condition: limit for limit in finite}.values())


def _rules_of(point: Point) -> tuple[Rule, ...]:
    rules = [Rule.of(limit) for limit in chosen(point) if limit.is_plain]
    return tuple(sorted(rules, key=lambda rule: rule.column))


def stale_us(point: Point) -> int:
    return FOREVER_US if point.stale_after_us is None else point.stale_after_us
