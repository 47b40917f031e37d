"""The conditions of a point beside its four limits, as a site folder writes them.

rise: {value: 5, over: 5min}             deviation: {value: 10, from: LY/2T/top_oil_temp}
stuck: {band: 0.1, for: 6h}              phases: {value: 10, with: [LY/113/ib, LY/113/ic]}
state: {in: [0, 3], on_delay: 10s}       change: {into: [1]}
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from domain.assets import Condition, ModeLevel, Term
from domain.clock import MINUTE_US
from domain.ids import PointKey
from service.site.found import Found
from service.site.nodes import Fields, Value
from service.site.problems import did_you_mean

CHECKS: Final = (
    *(Condition.RISE, Condition.FALL, Condition.DEVIATION, Condition.STUCK),
    *(Condition.STATE, Condition.CHANGE, Condition.PHASES),
)
CONTACTS: Final = frozenset({"status", "position"})

_OF_CONTACTS: Final = frozenset({Condition.STATE, Condition.CHANGE})
# they have no level that a mode could move
_WITHOUT_MODES: Final = frozenset({Condition.STATE, Condition.CHANGE, Condition.STUCK})
_SAMPLED: Final = frozenset({Condition.RISE, Condition.FALL})
_QUALITIES: Final = {"usable": False, "good": True}


@dataclass(frozen=True, slots=True)
class Naming:
    """How a condition names other points: by key in limits/, by suffix in a template."""

    known: Callable[[Value, str], bool]  # notes the mistake where nothing goes by the name
    unit_of: Callable[[str], str | None]
    own_unit: str


def read_details(
    condition: Condition, fields: Fields, naming: Naming, found: Found
) -> dict[str, Any]:
    """What the fields say beside value, deadband, delays, class and priority."""
    if naming.own_unit in CONTACTS and condition in set(CHECKS) - _OF_CONTACTS:
        fields.wrong(f"{condition.value} is of measurements, and this point is a {naming.own_unit}")
    details: dict[str, Any] = {
        "latching": fields.flag("latching", False),
        "good_only": fields.choice("quality", _QUALITIES, False),
    }
    match condition:
        case Condition.RISE | Condition.FALL:
            details["over_us"] = _longer_than_nothing(fields, "over", MINUTE_US)
        case Condition.DEVIATION:
            details |= _computed(fields, naming)
        case Condition.PHASES:
            details["terms"] = tuple(_phases(fields, naming))
            details["relative"] = fields.flag("relative", False)
        case Condition.STATE:
            details["states"] = _states(fields, "in", required=True)
        case Condition.CHANGE:
            details["states"] = _states(fields, "into", required=False)
        case _:
            pass
    if condition not in _WITHOUT_MODES:
        details["by_mode"] = tuple(_mode_levels(fields, naming, found))
    return details


def needs_value(condition: Condition) -> bool:
    """The others say with other words what they compare."""
    return condition not in _OF_CONTACTS


def value_key(condition: Condition) -> str:
    return "band" if condition is Condition.STUCK else "value"


def expect_sense(condition: Condition, fields: Fields, value: float) -> None:
    """A rate, a deviation or a spread of nothing would stand for ever."""
    of_size = {*_SAMPLED, Condition.DEVIATION, Condition.PHASES}
    at = fields.value(value_key(condition))
    if at and condition in of_size and value <= 0:
        at.wrong(f"{at.name} must be greater than 0, but is {value:g}")
    if at and condition is Condition.STUCK and value < 0:
        at.wrong(f"{at.name} must not be negative, but is {value:g}")


def delays(condition: Condition, fields: Fields) -> tuple[int, int]:
    """On-delay and off-delay."""
    if condition is Condition.STUCK:
        # how long it stands still is what the condition is about
        return _longer_than_nothing(fields, "for", None), fields.duration("off_delay", fallback=0)
    on_delay_us = fields.duration("on_delay", fallback=0)
    if condition is Condition.CHANGE:
        return on_delay_us, 0
    return on_delay_us, fields.duration("off_delay", fallback=0)


def _longer_than_nothing(fields: Fields, key: str, fallback: int | None) -> int:
    duration = fields.duration(key, fallback=fallback)
    value = fields.value(key)
    if value and duration == 0 and value.is_word("0", "0s", "0ms", "0min", "0h"):
        value.wrong(f"{key} must be longer than 0")
    return duration


def _computed(fields: Fields, naming: Naming) -> dict[str, Any]:
    """`from: POINT`, or `from: {offset: 20, terms: [{point: POINT, factor: 0.5}]}`."""
    at = fields.value("from", required=True)
    if at is None:
        return {}
    if not at.is_group:
        name = at.text()
        if name is None or not naming.known(at, name):
            return {}
        _expect_same_unit(at, name, naming)
        return {"terms": (Term(point=PointKey(name)),)}
    group = at.fields()
    assert group is not None
    offset = group.number("offset", fallback=0.0)
    terms = []
    for each in group.groups("terms", "a term"):
        name, factor = each.text("point"), each.number("factor", fallback=1.0)
        each.done()
        value = each.value("point")
        if value and name and naming.known(value, name):
            terms.append(Term(point=PointKey(name), factor=factor))
    group.done()
    return {"terms": tuple(terms), "offset": offset}


def _phases(fields: Fields, naming: Naming) -> Iterator[Term]:
    at = fields.value("with", required=True)
    names = at.items() if at else []
    if at and at.is_list and len(names) != 2:
        at.wrong("with names the two other phases")
    for value in names:
        name = value.text()
        if name is not None and naming.known(value, name):
            _expect_same_unit(value, name, naming)
            yield Term(point=PointKey(name))


def _expect_same_unit(at: Value, name: str, naming: Naming) -> None:
    unit = naming.unit_of(name)
    if unit is not None and unit != naming.own_unit:
        at.wrong(
            f"{name} is measured in {unit or 'no unit'}, this point in {naming.own_unit or 'no unit'}"
        )


def _states(fields: Fields, key: str, *, required: bool) -> tuple[float, ...]:
    values = fields.items(key, required=required)
    return tuple(state for value in values if (state := value.number()) is not None)


def _mode_levels(fields: Fields, naming: Naming, found: Found) -> Iterator[ModeLevel]:
    """`while: [{mode: flood, value: 80}, {point: LY/1T/fan_run, is: 1, value: 85}]`."""
    for group in fields.groups("while", "a mode", required=False):
        value = group.number("value")
        mode, point = group.value("mode"), group.value("point")
        if (mode is None) == (point is None):
            group.wrong("a mode is either one of site.yaml (`mode`) or a point's state (`point`)")
        elif mode is not None:
            name = mode.text()
            if name is not None and name not in found.modes:
                mode.wrong(f"site.yaml has no mode {name!r}{did_you_mean(name, found.modes)}")
            yield ModeLevel(value=value, mode=name or "")
        elif point is not None:
            key, state = point.text(), group.number("is", fallback=1.0)
            if key is not None and naming.known(point, key):
                yield ModeLevel(value=value, point=PointKey(key), state=state)
        group.done()
