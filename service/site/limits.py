"""Limits: four levels of a point, checked against each other."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Final

from domain.assets import AlarmClass, Condition, Limit, Priority, Provenance
from domain.ids import PointKey
from service.site.found import Found
from service.site.nodes import Fields, Value
from service.site.words import CLASSES, MARKS, PRIORITIES

LEVELS: Final = (Condition.LOW_LOW, Condition.LOW, Condition.HIGH, Condition.HIGH_HIGH)


def read_limits(fields: Fields, found: Found) -> None:
    fields.name = "a limits file"
    for group in fields.groups("limits", "a limit"):
        _read_point_limits(group, found)
    fields.done()


def _read_point_limits(fields: Fields, found: Found) -> None:
    key = PointKey(fields.text("point"))
    value = fields.value("point")
    given = [
        (level, at, limit)
        for level in LEVELS
        if (at := fields.value(level.value)) and (limit := _limit(level, at))
    ]
    fields.done()
    if not any(fields.value(level.value) for level in LEVELS):
        fields.wrong(f"the limits of {key or 'a point'} are empty: give LL, L, H or HH")
    if value is None or not key:
        return
    is_point = found.expect(value, "point", key, found.points)
    if is_point and found.is_new("limits of point", key, value):
        limits = tuple(limit for _, _, limit in given)
        found.points[key] = replace(found.points[key], limits=limits)
    check_order([(level, at, limit) for level, at, limit in given if not math.isnan(limit.value)])


def _limit(level: Condition, at: Value) -> Limit | None:
    fields = at.fields()
    if fields is None:
        return None
    value = fields.number("value")
    deadband = fields.number("deadband", fallback=0.0)
    width = fields.value("deadband")
    if width and deadband < 0:
        width.wrong(f"deadband must not be negative, but is {deadband:g}")
    limit = limit_of(level, fields, value, deadband)
    fields.done()
    return limit


def limit_of(level: Condition, fields: Fields, value: float, deadband: float) -> Limit:
    """All that a limit says besides how high it is."""
    # for the people who read the file: why this limit, and from where
    fields.text("note", fallback="")
    return Limit(
        condition=level,
        value=value,
        deadband=deadband,
        on_delay_us=fields.duration("on_delay", fallback=0),
        off_delay_us=fields.duration("off_delay", fallback=0),
        priority=fields.choice("priority", PRIORITIES, Priority.MINOR),
        alarm_class=fields.choice("class", CLASSES, AlarmClass.LIMIT),
        provenance=Provenance(
            standard=fields.text("standard", fallback=""),
            edition=fields.text("edition", fallback=""),
            clause=fields.text("clause", fallback=""),
            mark=fields.choice("mark", MARKS, "D"),
        ),
    )


Given = tuple[Condition, Value, Limit]


def check_order(given: list[Given]) -> None:
    """`given` stands in the order LL, L, H, HH."""
    for (below, _, lower), (above, at, upper) in pairwise(given):
        if lower.value >= upper.value:
            at.wrong(
                f"limits must rise LL < L < H < HH, but {below.value} is {lower.value:g}"
                f" and {above.value} is {upper.value:g}"
            )
    low = [limit for level, _, limit in given if level in LEVELS[:2]]
    high = [limit for level, _, limit in given if level in LEVELS[2:]]
    if not low or not high or low[-1].value >= high[0].value:
        return
    band = high[0].value - low[-1].value
    for level, at, limit in given:
        # such an alarm could only return where the opposite one stands
        if limit.deadband >= band:
            at.wrong(
                f"the deadband {limit.deadband:g} of {level.value} is not smaller than the band"
                f" {band:g} between L and H: the alarm could never return"
            )
