"""Suppression by design: which alarms follow from a contact's state, in limits/ or in a template.

suppress:
  - id: dead-bay
    while: {point: LY/113/position, is: [1]}
    points: [LY/113/uab, LY/113/ubc]
    conditions: [L]
    hold: 30s
    because: 断路器在分位, 线路失压是其后果
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from domain.assets import AlarmClass, Condition, Limit, Point, Priority
from domain.ids import PointKey
from linkage.plan import Suppression
from service.site.found import Found
from service.site.limits import WATCHED
from service.site.nodes import Fields, Value
from service.site.problems import did_you_mean

_CONDITIONS = {each.value: each for each in (*WATCHED, Condition.SILENCE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The points that a suppression may name: those of the site, or of one template by suffix."""

    points: Mapping[PointKey, Point]
    unreadable: Collection[str] = ()  # kinds of which a file could not be read

    def point(self, at: Value) -> Point | None:
        """Notes the mistake where no point goes by the name."""
        name = at.text()
        point = self.points.get(PointKey(name)) if name is not None else None
        if name is not None and point is None and "point" not in self.unreadable:
            at.wrong(f"no point is named {name!r}{did_you_mean(name, self.points)}")
        return point


def read_suppression(fields: Fields, found: Found) -> None:
    """One of limits/. Who decides a station's alarms hears that station's contacts."""
    rule = suppression_of(fields, Known(points=found.points, unreadable=found.unreadable))
    at = fields.value("id") or fields
    if rule is None or not found.is_new("suppression", rule.rule_id, at):
        return
    stations = {
        found.assets[point.asset_id].station
        for key in (rule.gate, *rule.points)
        if (point := found.points[key]).asset_id in found.assets
    }
    if len(stations) > 1:
        (fields.value("points") or at).wrong(
            f"suppression {rule.rule_id} goes over several stations: give each its own"
        )
    found.suppressions[rule.rule_id] = rule


def suppression_of(fields: Fields, known: Known) -> Suppression | None:
    """None where it says nothing that can be used; then what is wrong is noted."""
    rule_id, because = fields.text("id"), fields.text("because")
    gate, states = _gate(fields, known)
    points = dict(_points(fields, known, gate))
    conditions = tuple(_conditions(fields, points))
    hold_us = fields.duration("hold", fallback=0)
    fields.done()
    if not rule_id or gate is None or not states or not points or not conditions:
        return None
    return Suppression(
        rule_id=rule_id,
        because=because,
        gate=gate,
        states=states,
        points=tuple(points),
        conditions=conditions,
        hold_us=hold_us,
    )


def _gate(fields: Fields, known: Known) -> tuple[PointKey | None, tuple[float, ...]]:
    """`while: {point: LY/113/position, is: [1]}`"""
    value = fields.value("while", required=True)
    group = value.fields() if value else None
    if group is None:
        return None, ()
    at = group.value("point", required=True)
    point = known.point(at) if at else None
    states = tuple(
        state for each in group.items("is", required=True) if (state := each.number()) is not None
    )
    group.done()
    return (PointKey(at.text() or "") if at and point else None), states


def _points(
    fields: Fields, known: Known, gate: PointKey | None
) -> Iterator[tuple[PointKey, Point]]:
    for at in fields.items("points", required=True):
        point = known.point(at)
        if point is None:
            continue
        key = PointKey(at.text() or "")
        if key == gate:
            at.wrong(
                f"{key} names the cause: a rule never suppresses the alarms of its own contact"
            )
        yield key, point


def _conditions(fields: Fields, points: Mapping[PointKey, Point]) -> Iterator[Condition]:
    """Each of which every point has, and none of which names a cause."""
    for at in fields.items("conditions", required=True):
        condition = at.choice(_CONDITIONS)
        if condition is None:
            continue
        for key, point in points.items():
            _expect_suppressible(at, condition, key, point)
        yield condition


def _expect_suppressible(at: Value, condition: Condition, key: PointKey, point: Point) -> None:
    if condition is Condition.SILENCE:
        if point.stale_after_us is None:
            at.wrong(f"{key} has stale_after: never, so it is never silent")
        return
    limits = [limit for limit in point.limits if limit.condition is condition]
    if not limits:
        given = ", ".join(limit.condition.value for limit in point.limits) or "none"
        at.wrong(f"{key} has no {condition.value}; it has {given}")
    for limit in limits:
        if _names_a_cause(limit):
            at.wrong(
                f"{condition.value} of {key} is urgent or a fault: it names a cause and is never suppressed"
            )


def _names_a_cause(limit: Limit) -> bool:
    return limit.priority is Priority.URGENT or limit.alarm_class is AlarmClass.FAULT
