"""assets/: stations with their bays, devices and points, and the templates that give them points."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from domain.assets import Asset, Condition, Limit, Point, Priority
from domain.ids import AssetId, PointKey, SourceId
from domain.plates import NUMBERS as PLATE_NUMBERS
from domain.plates import Curve, Plate
from linkage.plan import Suppression
from service.site.conditions import Naming, expect_sense, needs_value, value_key
from service.site.found import Found
from service.site.limits import WATCHED, check_order, limit_of
from service.site.model import UNNUMBERED
from service.site.nodes import Fields, Value
from service.site.problems import did_you_mean
from service.site.suppressions import Known, suppression_of
from service.site.words import PRIORITIES, UNITS

STAFFING: Final = {"attended": "3", "unattended": "2"}

_POINT_KEY: Final = re.compile(r"[^\s#+\x00-\x1f]+")
_ANY_RATED: Final = 100.0  # a template's limits are checked as if this were rated


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number, or so many times what is rated for the device."""

    number: float = math.nan
    of: str = ""  # "current_a"

    def at(self, rated: Mapping[str, float]) -> float:
        return self.number * rated[self.of] if self.of else self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateLimit:
    limit: Limit  # value and deadband are those below
    value: Amount
    deadband: Amount

    def at(self, rated: Mapping[str, float], asset_id: AssetId) -> Limit:
        """For a device; a condition that names points of its template names those of the device."""

        def key(suffix: PointKey) -> PointKey:
            return PointKey(f"{asset_id}/{suffix}")

        return replace(
            self.limit,
            value=self.value.at(rated),
            deadband=self.deadband.at(rated),
            terms=tuple(replace(each, point=key(each.point)) for each in self.limit.terms),
            by_mode=tuple(
                replace(each, point=key(each.point)) if each.point else each
                for each in self.limit.by_mode
            ),
        )

    @property
    def others(self) -> frozenset[str]:
        """Suffixes of the points that it listens to besides its own."""
        of_modes = (each.point for each in self.limit.by_mode if each.point)
        return frozenset([*(term.point for term in self.limit.terms), *of_modes])


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePoint:
    suffix: str
    point: Point  # without key, asset and source
    limits: tuple[TemplateLimit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    name: str
    points: tuple[TemplatePoint, ...]
    suppressions: tuple[Suppression, ...] = ()  # they name points by suffix

    @property
    def rated(self) -> frozenset[str]:
        """What a device must say of itself."""
        amounts = [
            amount
            for point in self.points
            for limit in point.limits
            for amount in (limit.value, limit.deadband)
        ]
        return frozenset(amount.of for amount in amounts if amount.of)


def read_template(fields: Fields, found: Found, templates: dict[str, Template]) -> None:
    fields.name = "a template"
    name = fields.text("template")
    fields.text("name", fallback="")
    units: dict[str, str] = {}
    points = [_template_point(point, found, units) for point in fields.groups("points", "a point")]
    suppressions = list(_template_suppressions(fields, points, found))
    fields.done()
    _expect_suffixes(points, fields, name)
    suffixes = [point.suffix for point in points]
    for suffix in sorted({each for each in suffixes if suffixes.count(each) > 1}):
        fields.wrong(f"template {name} gives {suffix} twice")
    if name and found.is_new("template", name, fields.value("template") or fields):
        templates[name] = Template(
            name=name, points=tuple(points), suppressions=tuple(suppressions)
        )


def _template_suppressions(
    fields: Fields, points: list[TemplatePoint], found: Found
) -> Iterator[Suppression]:
    own = {
        PointKey(each.suffix): replace(
            each.point, limits=tuple(limit.limit for limit in each.limits)
        )
        for each in points
    }
    known = Known(points=own, unreadable=found.unreadable)
    for group in fields.groups("suppress", "a suppression", required=False):
        rule = suppression_of(group, known)
        if rule is not None:
            yield rule


def _expect_suffixes(points: list[TemplatePoint], fields: Fields, template: str) -> None:
    """A condition may name a point that stands further down, so this is looked at in the end."""
    units = {point.suffix: point.point.unit for point in points}
    for point in points:
        for limit in point.limits:
            for name in sorted(limit.others - units.keys()):
                fields.wrong(
                    f"template {template}: {limit.limit.condition.value} of {point.suffix} names the"
                    f" point {name!r}, which it has not{did_you_mean(name, units)}"
                )


def _template_point(fields: Fields, found: Found, units: dict[str, str]) -> TemplatePoint:
    suffix = fields.text("suffix")
    point = _bare_point(fields)
    units[suffix] = point.unit
    naming = Naming(
        known=lambda at, name: True,  # _expect_suffixes looks when all are read
        unit_of=units.get,
        own_unit=point.unit,
    )
    value = fields.value("limits")
    group = value.fields() if value else None
    limits = tuple(_template_limits(group, naming, found)) if group else ()
    fields.done()
    return TemplatePoint(suffix=suffix, point=point, limits=limits)


def _template_limits(group: Fields, naming: Naming, found: Found) -> Iterator[TemplateLimit]:
    given: list[tuple[Condition, Value, Limit]] = []
    for level in WATCHED:
        at = group.value(level.value)
        fields = at.fields() if at else None
        if at is None or fields is None:
            continue
        value = _amount(fields, value_key(level)) if needs_value(level) else Amount(number=1.0)
        deadband = Amount(number=0.0)
        if level is not Condition.STATE:
            deadband = _amount(fields, "deadband", 0.0)
        limit = limit_of(level, fields, math.nan, 0.0, naming, found)
        made = TemplateLimit(limit=limit, value=value, deadband=deadband)
        expect_sense(level, fields, value.number)
        fields.done()
        yield made
        any_rated = dict.fromkeys([value.of, deadband.of], _ANY_RATED)
        given.append((level, at, made.at(any_rated, AssetId(""))))
    group.done()
    check_order(given)


def _amount(fields: Fields, key: str, fallback: float | None = None) -> Amount:
    value = fields.value(key)
    if value is None or not value.is_group:
        return Amount(number=fields.number(key, fallback))
    group = value.fields()
    assert group is not None
    amount = Amount(number=group.number("times"), of=group.text("of"))
    group.done()
    return amount


def read_station(fields: Fields, found: Found, templates: Mapping[str, Template]) -> None:
    fields.name = "a station's file"
    station = fields.text("station")
    if fields.choice("staffing", STAFFING, "2") == "3" and station:
        found.attended.add(station)
    source = fields.text("source", fallback="")
    named = fields.value("source")
    if named and source:
        found.expect(named, "source", source, found.sources)
    for bay in fields.groups("bays", "a bay"):
        name, voltage = bay.text("name"), bay.text("voltage")
        if station and name:
            found.is_new("bay", f"{station} {name}", bay.value("name") or bay)
            found.declared["bay", f"{station} {name}"] = bay.value("name") or bay
        for device in bay.groups("devices", "a device"):
            frame = Asset(asset_id=AssetId(""), station=station, voltage=voltage, bay=name, name="")
            _read_device(device, frame, SourceId(source), found, templates)
        bay.done()
    fields.done()


def _read_device(
    fields: Fields,
    frame: Asset,
    source: SourceId,
    found: Found,
    templates: Mapping[str, Template],
) -> None:
    asset = replace(
        frame,
        asset_id=AssetId(fields.text("id")),
        name=fields.text("name"),
        plate=_plate(fields),
    )
    if asset.asset_id and found.is_new("device", asset.asset_id, fields.value("id") or fields):
        found.assets[asset.asset_id] = asset
    template = fields.value("template")
    if template:
        _from_template(fields, template, asset, source, found, templates)
    for point in fields.groups("points", "a point", required=template is None):
        _read_point(point, asset, source, found)
    fields.done()


def _from_template(
    fields: Fields,
    at: Value,
    asset: Asset,
    source: SourceId,
    found: Found,
    templates: Mapping[str, Template],
) -> None:
    rated = _rated(fields)
    left_out = {name for value in fields.texts("without") if (name := value.text())}
    name = at.text()
    if name is None or not found.expect(at, "template", name, templates):
        found.unreadable.add("point")  # those that it would have had
        return
    template = templates[name]
    fits = _fits(fields, template, rated, left_out)
    if not source:
        fields.wrong("a device with a template needs the station's source")
    if not fits or not source:
        found.unreadable.add("point")
        return
    for each in template.points:
        key = PointKey(f"{asset.asset_id}/{each.suffix}")
        if each.suffix in left_out or not found.is_new("point", key, fields):
            continue
        found.points[key] = replace(
            each.point,
            key=key,
            asset_id=asset.asset_id,
            source_id=source,
            limits=tuple(
                limit.at(rated, asset.asset_id)
                for limit in each.limits
                if not limit.others & left_out  # without the other phase there is no comparison
            ),
        )
    _suppress(template, asset.asset_id, left_out, fields, found)


def _suppress(
    template: Template, asset_id: AssetId, left_out: set[str], at: Fields, found: Found
) -> None:
    """Of the points that the device has; without the contact there is nothing to go by."""

    def key(suffix: PointKey) -> PointKey:
        return PointKey(f"{asset_id}/{suffix}")

    for rule in template.suppressions:
        points = tuple(key(each) for each in rule.points if each not in left_out)
        rule_id = f"{asset_id}/{rule.rule_id}"
        if rule.gate in left_out or not points or not found.is_new("suppression", rule_id, at):
            continue
        found.suppressions[rule_id] = replace(
            rule, rule_id=rule_id, gate=key(rule.gate), points=points
        )


def _fits(
    fields: Fields, template: Template, rated: Mapping[str, float], left_out: set[str]
) -> bool:
    """Notes what the device says too much or too little for its template."""
    for name in sorted(template.rated - rated.keys()):
        fields.wrong(f"template {template.name} needs rated {name}")
    at = fields.value("rated")
    for name in sorted(rated.keys() - template.rated):
        (at or fields).wrong(
            f"template {template.name} has no rated {name!r}{did_you_mean(name, template.rated)}"
        )
    suffixes = {point.suffix for point in template.points}
    for name in sorted(left_out - suffixes):
        (fields.value("without") or fields).wrong(
            f"template {template.name} has no point {name!r}{did_you_mean(name, suffixes)}"
        )
    return rated.keys() == template.rated and left_out <= suffixes


def _rated(fields: Fields) -> dict[str, float]:
    rated: dict[str, float] = {}
    value = fields.value("rated")
    for name, number in value.pairs() if value else []:
        word, amount = name.text(), number.number()
        if word is None or amount is None:
            continue
        if amount <= 0:
            number.wrong(f"rated {word} must be greater than 0, but is {amount:g}")
        rated[word] = amount
    return rated


def _plate(fields: Fields) -> Plate:
    numbers: dict[str, float] = {}
    curve = Curve.NORMAL
    value = fields.value("plate")
    for name, at in value.pairs() if value else []:
        word = name.text()
        if word == "curve":
            curve = at.choice({each.value: each for each in Curve}) or curve
        elif word not in PLATE_NUMBERS:
            name.wrong(f"no plate says {word!r}{did_you_mean(word or '', PLATE_NUMBERS)}")
        elif (amount := at.number()) is not None and amount > 0:
            numbers[word] = amount
        elif amount is not None:
            at.wrong(f"plate {word} must be greater than 0, but is {amount:g}")
    return Plate(curve=curve, **numbers)


def _bare_point(fields: Fields) -> Point:
    return Point(
        number=UNNUMBERED,
        key=PointKey(""),
        asset_id=AssetId(""),
        source_id=SourceId(""),
        signal=fields.text("signal"),
        unit=_unit(fields),
        stale_after_us=_stale_after(fields),
        silence_priority=fields.choice("silence", PRIORITIES, Priority.MINOR),
    )


def _read_point(fields: Fields, asset: Asset, source: SourceId, found: Found) -> None:
    key = PointKey(fields.text("key"))
    named = fields.text("source", fallback=source or None)
    point = replace(
        _bare_point(fields), key=key, asset_id=asset.asset_id, source_id=SourceId(named)
    )
    fields.done()
    value = fields.value("key") or fields
    if key and not _POINT_KEY.fullmatch(key):
        value.wrong(f"key {key!r} must have no blanks, '#' or '+'")
    at = fields.value("source")
    if at and point.source_id:
        found.expect(at, "source", point.source_id, found.sources)
    if key and found.is_new("point", key, value):
        found.points[key] = point


def _unit(fields: Fields) -> str:
    value = fields.value("unit", required=True)
    unit = value.text() if value else None
    if value and unit is not None and unit not in UNITS:
        value.wrong(f"no unit is written {unit!r}{did_you_mean(unit, UNITS - {''})}")
    return unit or ""


def _stale_after(fields: Fields) -> int | None:
    """Said for every point: `never` is a decision too, forgetting it is none."""
    value = fields.value("stale_after", required=True)
    if value is None or value.is_word("never"):
        return None
    duration = value.duration()
    if duration == 0:
        value.wrong("stale_after must be longer than 0; write `never` if silence means nothing")
    return duration
