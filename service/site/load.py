"""Reads a site folder: `check` tells every mistake with file and line, `load` gives the Site.

site.yaml  assets/*.yaml  limits/*.yaml  linkage.yaml  sources/*.yaml  replay.yaml (optional)
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from domain.assets import AlarmClass, Asset, Condition, Limit, Point, Priority, Provenance
from domain.clock import SECOND_US
from domain.commands import FieldDevice
from domain.ids import AssetId, DeviceId, PointKey, SourceId
from linkage.plan import LinkageRule, Responsible
from service.site.model import (
    UNNUMBERED,
    RecordingMap,
    Site,
    SourceSettings,
    Subscription,
    frozen_map,
    replies_topic,
    telemetry_topic,
)
from service.site.nodes import Fields, Value, read_document
from service.site.problems import BrokenSite, Problem, did_you_mean

__all__ = ["BrokenSite", "Problem", "Site", "check", "load"]

_T = TypeVar("_T")

UNITS: Final = frozenset(
    [
        *("", "pu", "%", "degC", "K", "s", "Hz", "rpm", "m/s", "mm", "dB", "dBm", "dBmV"),
        *("V", "kV", "A", "mA", "kA", "kW", "MW", "kvar", "Mvar", "kVA", "MVA", "kWh", "MWh"),
        *("ohm", "mohm", "kohm", "kPa", "MPa", "uL/L", "W/m2"),
    ]
)
PRIORITIES: Final = {priority.name.lower(): priority for priority in Priority}
CLASSES: Final = {alarm_class.value: alarm_class for alarm_class in AlarmClass}
CONDITIONS: Final = {condition.value: condition for condition in Condition}
LEVELS: Final = (Condition.LOW_LOW, Condition.LOW, Condition.HIGH, Condition.HIGH_HIGH)
MARKS: Final = {mark: mark for mark in "VCUD"}  # read, computed, unverified, our default
STAFFING: Final = {"attended": "3", "unattended": "2"}
KINDS: Final = {"mqtt": "mqtt"}
ACTIONS: Final = {action: action for action in ("sound", "light", "speak")}

_NAMED_IN: Final = {
    "sources": {"source"},
    "assets": {"station", "device", "point"},
    "limits": set[str](),
}
_TOPIC_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_POINT_KEY: Final = re.compile(r"[^\s#+\x00-\x1f]+")
_ENVIRONMENT_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def load(folder: Path) -> Site:
    """Raises BrokenSite with every mistake."""
    site, problems = _read(folder)
    if site is None:
        raise BrokenSite(folder, problems)
    return site


def check(folder: Path) -> list[Problem]:
    """Every mistake, in order of file and line; none means that the site can run."""
    return _read(folder)[1]


@dataclass(slots=True)
class _Found:
    """What has been read so far, and where each name was given first."""

    problems: list[Problem] = field(default_factory=list)
    assets: dict[AssetId, Asset] = field(default_factory=dict)
    points: dict[PointKey, Point] = field(default_factory=dict)
    sources: dict[SourceId, SourceSettings] = field(default_factory=dict)
    devices: dict[DeviceId, FieldDevice] = field(default_factory=dict)
    rules: dict[str, LinkageRule] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)  # kinds of which a file could not be read

    def expect(self, value: Value, kind: str, name: str, known: Iterable[str]) -> bool:
        """Notes the mistake where nothing of that kind has the name."""
        if name in known:
            return True
        if kind not in self.unreadable:  # else it may stand there: one mistake, one problem
            value.wrong(f"no {kind} is named {name!r}{did_you_mean(name, known)}")
        return False

    def is_new(self, kind: str, name: str, at: Value | Fields) -> bool:
        """Notes the mistake where the same name was given before."""
        first = self.places.setdefault((kind, name), f"{at.file} line {at.line}")
        if first != f"{at.file} line {at.line}":
            at.wrong(f"{kind} {name} is given twice, first in {first}")
            return False
        return True


@dataclass(slots=True)
class _Head:
    """site.yaml"""

    name: str = ""
    code: str = ""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    numbering: str = ""
    responsible: Responsible = field(
        default_factory=lambda: Responsible(name="", role="", because="")
    )


def _read(folder: Path) -> tuple[Site | None, list[Problem]]:
    found = _Found()
    if not folder.is_dir():
        return None, [Problem(str(folder), 0, "there is no such folder")]
    head = _read_head(folder, found)
    for document in _documents(folder, "sources", found):
        _read_source(document, head.code, found)
    for document in _documents(folder, "assets", found):
        _read_station(document, found)
    for document in _documents(folder, "limits", found):
        _read_limits(document, found)
    _read_linkage(folder, found)
    recording = _read_recording(folder, head.zone, found)
    problems = sorted(found.problems)
    if problems:
        return None, problems
    return _site(head, found, recording), []


def _site(head: _Head, found: _Found, recording: RecordingMap | None) -> Site:
    return Site(
        name=head.name,
        code=head.code,
        zone=head.zone,
        numbering=head.numbering,
        assets=found.assets,
        points=tuple(found.points.values()),
        devices=tuple(found.devices.values()),
        rules=tuple(found.rules.values()),
        responsible=head.responsible,
        sources=_reachable_by_devices(head.code, tuple(found.sources.values())),
        recording=recording,
    )


def _reachable_by_devices(
    site: str, sources: tuple[SourceSettings, ...]
) -> tuple[SourceSettings, ...]:
    """The first source listens to the devices' words too: commands go out over it."""
    first, *others = sources
    words = Subscription(topic=replies_topic(site))
    if words.topic in {subscription.topic for subscription in first.subscriptions}:
        return sources
    return (replace(first, subscriptions=(*first.subscriptions, words)), *others)


def _documents(folder: Path, kind: str, found: _Found) -> Iterator[Fields]:
    """The YAML files of one subfolder, in order of their names."""
    paths = sorted(path for path in (folder / kind).glob("*.y*ml") if path.is_file())
    if not paths:
        found.unreadable |= _NAMED_IN[kind]
        found.problems.append(Problem(f"{kind}/", 0, "needs at least one .yaml file"))
    for path in paths:
        fields = _document(folder, path, found)
        if fields is None:
            found.unreadable |= _NAMED_IN[kind]
        else:
            yield fields


def _document(folder: Path, path: Path, found: _Found) -> Fields | None:
    if not path.is_file():
        found.problems.append(Problem(path.name, 0, "the file is missing"))
        return None
    document = read_document(folder, path, found.problems)
    return document.fields() if document else None


def _read_head(folder: Path, found: _Found) -> _Head:
    fields = _document(folder, folder / "site.yaml", found)
    if fields is None:
        return _Head()
    fields.name = "site.yaml"
    head = _Head(
        name=fields.text("name"),
        code=_topic_word(fields, "code"),
        zone=_zone(fields),
        numbering=fields.text("numbering", fallback=""),
    )
    value = fields.value("responsible", required=True)
    person = value.fields() if value else None
    if person:
        head.responsible = Responsible(
            name=person.text("name"), role=person.text("role"), because=person.text("because")
        )
        person.done()
    fields.done()
    return head


def _zone(fields: Fields) -> ZoneInfo:
    value = fields.value("zone", required=True)
    name = value.text() if value else None
    if value is None or name is None:
        return ZoneInfo("UTC")
    try:
        return ZoneInfo(name)
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ):  # unknown, ill-formed, or a folder of zones
        value.wrong(f"no time zone is named {name!r}{did_you_mean(name, available_timezones())}")
        return ZoneInfo("UTC")


def _topic_word(fields: Fields, key: str) -> str:
    """A name that becomes a part of a topic."""
    word = fields.text(key)
    value = fields.value(key)
    if value and word and not _TOPIC_WORD.fullmatch(word):
        value.wrong(f"{key} {word!r} stands in topics: use letters, digits, '-', '_' and '.' only")
    return word


def _read_source(fields: Fields, site: str, found: _Found) -> None:
    fields.name = "a source"
    source_id = SourceId(_topic_word(fields, "id"))
    fields.choice("kind", KINDS, "mqtt")
    password_env = fields.text("password_env", fallback="") or None
    value = fields.value("password_env")
    if value and password_env and not _ENVIRONMENT_NAME.fullmatch(password_env):
        value.wrong(
            "password_env holds the name of an environment variable, never the password itself"
        )
    source = SourceSettings(
        source_id=source_id,
        host=fields.text("host"),
        port=fields.whole("port", 1, 65535, fallback=1883),
        client_id=fields.text("client_id"),
        username=fields.text("user", fallback="") or None,
        password_env=password_env,
        subscriptions=_subscriptions(fields)
        or (Subscription(topic=telemetry_topic(site, source_id)),),
    )
    fields.done()
    client = fields.value("client_id")
    if client and source.client_id:
        # two connections under one client id throw each other out for ever
        found.is_new("client id", source.client_id, client)
    if source_id and found.is_new("source", source_id, fields.value("id") or fields):
        found.sources[source_id] = source


def _subscriptions(fields: Fields) -> tuple[Subscription, ...]:
    subscriptions = []
    for value in fields.texts("subscriptions"):
        topic = value.text()
        if topic is None:
            continue
        if not _is_filter(topic):
            value.wrong(f"{topic!r} is no topic filter: '+' and '#' stand alone, '#' at the end")
        subscriptions.append(Subscription(topic=topic))
    return tuple(subscriptions)


def _is_filter(topic: str) -> bool:
    parts = topic.split("/")
    wild = all(part in {"+", "#"} or not {"+", "#"} & set(part) for part in parts)
    return bool(topic) and wild and "#" not in parts[:-1] and "\0" not in topic


def _read_station(fields: Fields, found: _Found) -> None:
    fields.name = "a station's file"
    station = fields.text("station")
    fields.choice("staffing", STAFFING, "2")
    for bay in fields.groups("bays", "a bay"):
        name, voltage = bay.text("name"), bay.text("voltage")
        for device in bay.groups("devices", "a device"):
            _read_asset(
                device,
                Asset(asset_id=AssetId(""), station=station, voltage=voltage, bay=name, name=""),
                found,
            )
        bay.done()
    fields.done()


def _read_asset(fields: Fields, frame: Asset, found: _Found) -> None:
    asset = replace(frame, asset_id=AssetId(fields.text("id")), name=fields.text("name"))
    if asset.asset_id and found.is_new("device", asset.asset_id, fields.value("id") or fields):
        found.assets[asset.asset_id] = asset
    for point in fields.groups("points", "a point"):
        _read_point(point, asset, found)
    fields.done()


def _read_point(fields: Fields, asset: Asset, found: _Found) -> None:
    key = PointKey(fields.text("key"))
    point = Point(
        number=UNNUMBERED,
        key=key,
        asset_id=asset.asset_id,
        source_id=SourceId(fields.text("source")),
        signal=fields.text("signal"),
        unit=_unit(fields),
        stale_after_us=_stale_after(fields),
        silence_priority=fields.choice("silence", PRIORITIES, Priority.MINOR),
    )
    fields.done()
    value = fields.value("key") or fields
    if key and not _POINT_KEY.fullmatch(key):
        value.wrong(f"key {key!r} must have no blanks, '#' or '+'")
    source = fields.value("source")
    if source and point.source_id:
        found.expect(source, "source", point.source_id, found.sources)
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


def _read_limits(fields: Fields, found: _Found) -> None:
    fields.name = "a limits file"
    for group in fields.groups("limits", "a limit"):
        _read_point_limits(group, found)
    fields.done()


def _read_point_limits(fields: Fields, found: _Found) -> None:
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
    _check_order([(level, at, limit) for level, at, limit in given if not math.isnan(limit.value)])


def _limit(level: Condition, at: Value) -> Limit | None:
    fields = at.fields()
    if fields is None:
        return None
    value = fields.number("value")
    deadband = fields.number("deadband", fallback=0.0)
    width = fields.value("deadband")
    if width and deadband < 0:
        width.wrong(f"deadband must not be negative, but is {deadband:g}")
    limit = Limit(
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
    # for the people who read the file: why this limit, and from where
    fields.text("note", fallback="")
    fields.done()
    return limit


_Given = tuple[Condition, Value, Limit]


def _check_order(given: list[_Given]) -> None:
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


def _read_linkage(folder: Path, found: _Found) -> None:
    fields = _document(folder, folder / "linkage.yaml", found)
    if fields is None:
        return
    fields.name = "linkage.yaml"
    for device in fields.groups("devices", "a device", required=False):
        _read_device(device, found)
    for rule in fields.groups("rules", "a rule", required=False):
        _read_rule(rule, found)
    fields.done()


def _read_device(fields: Fields, found: _Found) -> None:
    device = FieldDevice(
        device_id=DeviceId(_topic_word(fields, "id")),
        asset_id=AssetId(fields.text("at")),
        name=fields.text("name"),
        confirm_within_us=_positive(fields, "confirm_within", 3 * SECOND_US),
        attempts=fields.whole("attempts", 1, 10, fallback=3),
        valid_for_us=_positive(fields, "valid_for", 60 * SECOND_US),
        max_on_s=max(1, _positive(fields, "max_on", 120 * SECOND_US) // SECOND_US),
    )
    fields.done()
    at = fields.value("at")
    if at and device.asset_id:
        found.expect(at, "device", device.asset_id, found.assets)
    value = fields.value("id") or fields
    if device.device_id and found.is_new("field device", device.device_id, value):
        found.devices[device.device_id] = device


def _positive(fields: Fields, key: str, fallback: int) -> int:
    duration = fields.duration(key, fallback=fallback)
    value = fields.value(key)
    if value and duration == 0 and value.is_word("0", "0s", "0ms", "0min"):
        value.wrong(f"{key} must be longer than 0")
    return duration


def _read_rule(fields: Fields, found: _Found) -> None:
    stations = {asset.station for asset in found.assets.values()}
    rule = LinkageRule(
        rule_id=fields.text("id"),
        device_id=DeviceId(fields.text("device")),
        conditions=frozenset(_choices(fields, "conditions", CONDITIONS)),
        classes=frozenset(_choices(fields, "classes", CLASSES)),
        at_least=fields.choice("at_least", PRIORITIES, Priority.MINOR),
        stations=frozenset(_known(fields, "stations", "station", stations, found)),
        asset_ids=frozenset(
            AssetId(name) for name in _known(fields, "at", "device", found.assets, found)
        ),
        action=fields.choice("action", ACTIONS, "sound"),
        step=fields.text("step", fallback="1"),
    )
    fields.done()
    device = fields.value("device")
    if device and rule.device_id:
        found.expect(device, "field device", rule.device_id, found.devices)
    if rule.rule_id and found.is_new("rule", rule.rule_id, fields.value("id") or fields):
        found.rules[rule.rule_id] = rule


def _choices(fields: Fields, key: str, choices: Mapping[str, _T]) -> Iterator[_T]:
    for value in fields.texts(key):
        chosen = value.choice(choices)
        if chosen is not None:
            yield chosen


def _known(
    fields: Fields, key: str, kind: str, known: Iterable[str], found: _Found
) -> Iterator[str]:
    for value in fields.texts(key):
        name = value.text()
        if name is not None and found.expect(value, kind, name, known):
            yield name


def _read_recording(folder: Path, zone: ZoneInfo, found: _Found) -> RecordingMap | None:
    if not (folder / "replay.yaml").exists():
        return None
    fields = _document(folder, folder / "replay.yaml", found)
    if fields is None:
        return None
    fields.name = "replay.yaml"
    time_column = fields.text("time_column")
    if fields.value("zone"):
        zone = _zone(fields)
    columns = _columns(fields, found)
    fields.done()
    return RecordingMap(time_column=time_column, zone=zone, columns=frozen_map(columns))


def _columns(fields: Fields, found: _Found) -> dict[str, PointKey]:
    columns: dict[str, PointKey] = {}
    value = fields.value("columns", required=True)
    for column, point in value.pairs() if value else []:
        name, key = column.text(), point.text()
        if name is None or key is None:
            continue
        if name in columns:
            column.wrong(f"column {name} is given twice")
        if found.expect(point, "point", key, found.points):
            columns[name] = PointKey(key)
    return columns
