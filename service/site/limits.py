"""Limits: four levels of a point, checked against each other, and its other conditions."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Final

from domain.assets import LEVELS, AlarmClass, Condition, Limit, Priority, Provenance
from domain.ids import PointKey
from service.site.conditions import (
    CHECKS,
    Naming,
    delays,
    expect_sense,
    needs_value,
    read_details,
    value_key,
)
from service.site.found import Found
from service.site.nodes import Fields, Value
from service.site.words import CLASSES, MARKS, PRIORITIES

WATCHED: Final = (*LEVELS, *CHECKS)
# what a condition says of itself where the site does not say it
_CLASSES: Final = {
    Condition.STATE: AlarmClass.ABNORMAL,
    Condition.STUCK: AlarmClass.ABNORMAL,
    Condition.CHANGE: AlarmClass.STATE_CHANGE,
}
_PRIORITIES: Final = {Condition.CHANGE: Priority.NOTICE}


def read_limits(fields: Fields, found: Found) -> list[Fields]:
    """What the file suppresses is given back: it is read when all limits are."""
    fields.name = "a limits file"
    suppressing = list(fields.groups("suppress", "a suppression", required=False))
    for group in fields.groups("limits", "a limit", required=not suppressing):
        _read_point_limits(group, found)
    fields.done()
    return suppressing


def _read_point_limits(fields: Fields, found: Found) -> None:
    key = PointKey(fields.text("point"))
    value = fields.value("point")
    point = found.points.get(key)
    naming = Naming(
        known=lambda at, name: found.expect(at, "point", name, found.points),
        unit_of=lambda name: found.points[PointKey(name)].unit if name in found.points else None,
        own_unit=point.unit if point else "",
    )
    given = [
        (level, at, limit)
        for level in WATCHED
        if (at := fields.value(level.value)) and (limit := _limit(level, at, naming, found))
    ]
    fields.done()
    if not any(fields.value(level.value) for level in WATCHED):
        fields.wrong(
            f"the limits of {key or 'a point'} are empty: give LL, L, H or HH, or another condition"
        )
    if value is None or not key:
        return
    is_point = found.expect(value, "point", key, found.points)
    if is_point and found.is_new("limits of point", key, value):
        limits = tuple(limit for _, _, limit in given)
        found.points[key] = replace(found.points[key], limits=limits)
    check_order(given)


def _limit(level: Condition, at: Value, naming: Naming, found: Found) -> Limit | None:
    fields = at.fields()
    if fields is None:
        return None
    value = fields.number(value_key(level)) if needs_value(level) else 1.0
    deadband = 0.0
    if level is not Condition.STATE:
        deadband = fields.number("deadband", fallback=0.0)
    width = fields.value("deadband") if level is not Condition.STATE else None
    if width and deadband < 0:
        width.wrong(f"deadband must not be negative, but is {deadband:g}")
    expect_sense(level, fields, value)
    limit = limit_of(level, fields, value, deadband, naming, found)
    fields.done()
    return limit


def limit_of(
    level: Condition,
    fields: Fields,
    value: float,
    deadband: float,
    naming: Naming,
    found: Found,
) -> Limit:
    """All that a limit says besides how high it is."""
    # for the people who read the file: why this limit, and from where
    fields.text("note", fallback="")
    on_delay_us, off_delay_us = delays(level, fields)
    return Limit(
        condition=level,
        value=value,
        deadband=deadband,
        on_delay_us=on_delay_us,
        off_delay_us=off_delay_us,
        priority=fields.choice("priority", PRIORITIES, _PRIORITIES.get(level, Priority.MINOR)),
        alarm_class=fields.choice("class", CLASSES, _CLASSES.get(level, AlarmClass.LIMIT)),
        provenance=Provenance(
            standard=fields.text("standard", fallback=""),
            edition=fields.text("edition", fallback=""),
            clause=fields.text("clause", fallback=""),
            mark=fields.choice("mark", MARKS, "D"),
        ),
        **read_details(level, fields, naming, found),
    )


Given = tuple[Condition, Value, Limit]


def check_order(all_given: list[Given]) -> None:
    """Those of them that are levels stand in the order LL, L, H, HH."""
    given = [
        (level, at, limit)
        for level, at, limit in all_given
        if level in LEVELS and not math.isnan(limit.value)
    ]
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
