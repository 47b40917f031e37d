"""A limit changed from the console, or on paper: what becomes of the points, and what would be nonsense.

The site folder stays what it is. A change counts as long as the site's own limit is the one that it
replaced: who changes that one in the folder has the newer word.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from uuid import UUID

from domain.assets import LEVELS, Condition, Limit, Point
from domain.ids import PointKey
from domain.paperwork import ApprovalState
from domain.responsibility import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSetting:
    """What can be changed of one condition of one point. Without a value it is switched off."""

    point: PointKey
    condition: Condition
    value: float | None
    deadband: float = 0.0
    on_delay_us: int = 0
    off_delay_us: int = 0

    @classmethod
    def of(cls, point: PointKey, limit: Limit) -> "LimitSetting":
        return cls(
            point=point,
            condition=limit.condition,
            value=limit.value,
            deadband=limit.deadband,
            on_delay_us=limit.on_delay_us,
            off_delay_us=limit.off_delay_us,
        )

    def applied_to(self, limit: Limit) -> Limit | None:
        if self.value is None:
            return None
        return replace(
            limit,
            value=self.value,
            deadband=self.deadband,
            on_delay_us=self.on_delay_us,
            off_delay_us=self.off_delay_us,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChange:
    """A setting with who wanted it, why, and what became of it."""

    change_id: UUID
    setting: LimitSetting
    was: LimitSetting  # the site's own limit that it replaces
    reason: str
    proposed_by: str
    proposed_at_us: int
    state: ApprovalState = ApprovalState.PROPOSED
    effective_at_us: int | None = None
    version: int = 1

    def decided(self, state: ApprovalState, at_us: int) -> "LimitChange":
        effective = at_us if state is ApprovalState.EFFECTIVE else None
        return replace(self, state=state, effective_at_us=effective, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A mode that a person began or ended."""

    mode_id: str
    is_on: bool
    by: str
    at_us: int
    version: int = 1


def limit_of(point: Point, condition: Condition) -> Limit | None:
    """The last that the site gives for it counts, as in the engine."""
    given = [limit for limit in point.limits if limit.condition is condition]
    return given[-1] if given else None


def with_settings(points: Iterable[Point], settings: Iterable[LimitSetting]) -> tuple[Point, ...]:
    """The points as they would be; of two settings for one condition the later counts."""
    wanted: dict[PointKey, dict[Condition, LimitSetting]] = {}
    for setting in settings:
        wanted.setdefault(setting.point, {})[setting.condition] = setting
    return tuple(
        replace(point, limits=tuple(_limits(point, wanted[point.key])))
        if point.key in wanted
        else point
        for point in points
    )


def with_changes(points: Iterable[Point], changes: Iterable[LimitChange]) -> tuple[Point, ...]:
    """With those that are effective and still replace what the site says."""
    known = {point.key: point for point in points}
    ordered = sorted(changes, key=lambda each: (each.effective_at_us or 0, each.change_id))
    return with_settings(
        known.values(),
        [
            change.setting
            for change in ordered
            if change.state is ApprovalState.EFFECTIVE and still_replaces(change, known)
        ],
    )


def faults(point: Point) -> Iterator[Reason]:
    """Why the limits of a point make no sense together."""
    levels = sorted(
        (limit for limit in point.limits if limit.condition in LEVELS),
        key=lambda limit: LEVELS.index(limit.condition),
    )
    for below, above in pairwise(levels):
        if below.value >= above.value:
            yield Reason.of("limits_not_rising", below=below.condition, above=above.condition)
    low = [limit.value for limit in levels if limit.condition in LEVELS[:2]]
    high = [limit.value for limit in levels if limit.condition in LEVELS[2:]]
    band = min(high) - max(low) if low and high else float("inf")
    for limit in point.limits:
        if limit.deadband < 0 or (limit.condition in LEVELS and 0 < band <= limit.deadband):
            yield Reason.of("deadband_too_wide", condition=limit.condition)


def _limits(point: Point, wanted: Mapping[Condition, LimitSetting]) -> Iterator[Limit]:
    for limit in point.limits:
        setting = wanted.get(limit.condition)
        changed = limit if setting is None else setting.applied_to(limit)
        if changed is not None:
            yield changed


def still_replaces(change: LimitChange, points: Mapping[PointKey, Point]) -> bool:
    point = points.get(change.setting.point)
    limit = limit_of(point, change.setting.condition) if point else None
    return limit is not None and LimitSetting.of(change.setting.point, limit) == change.was
