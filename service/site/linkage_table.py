"""linkage.yaml, the 联动 table: field devices, what makes them sound, and what is a violation."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

from domain.assets import Priority
from domain.clock import SECOND_US
from domain.commands import ACTIONS as ACTIONS_OF
from domain.commands import DeviceKind, FieldDevice, QuietHours
from domain.ids import AssetId, DeviceId, PointKey
from linkage.plan import LinkageRule, Position, ViolationRule
from service.site.found import Found, document
from service.site.nodes import Fields
from service.site.words import CLASSES, CONDITIONS, PRIORITIES, topic_word

_T = TypeVar("_T")

ACTIONS: Final = {action: action for of_kind in ACTIONS_OF.values() for action in sorted(of_kind)}
STAFFED: Final[Mapping[str, bool | None]] = {"attended": True, "unattended": False}
KINDS: Final = {kind.value: kind for kind in DeviceKind}
_TIME_OF_DAY: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
GRADES: Final = {grade: grade for grade in ("general", "serious")}


def read_linkage(folder: Path, found: Found) -> None:
    fields = document(folder, folder / "linkage.yaml", found)
    if fields is None:
        return
    fields.name = "linkage.yaml"
    for device in fields.groups("devices", "a device", required=False):
        _read_device(device, found)
    for rule in fields.groups("rules", "a rule", required=False):
        _read_rule(rule, found)
    for violation in fields.groups("violations", "a violation", required=False):
        _read_violation(violation, found)
    for position in fields.groups("positions", "a position", required=False):
        _read_position(position, found)
    fields.done()


def _read_device(fields: Fields, found: Found) -> None:
    device = FieldDevice(
        device_id=DeviceId(topic_word(fields, "id")),
        asset_id=AssetId(fields.text("at")),
        name=fields.text("name"),
        confirm_within_us=_positive(fields, "confirm_within", 3 * SECOND_US),
        attempts=fields.whole("attempts", 1, 10, fallback=3),
        valid_for_us=_positive(fields, "valid_for", 60 * SECOND_US),
        max_on_s=max(1, _positive(fields, "max_on", 120 * SECOND_US) // SECOND_US),
        kind=fields.choice("kind", KINDS, DeviceKind.SIREN),
        quiet=_hours(fields, "quiet"),
        two_persons=fields.flag("two_persons", False),
        ping_every_us=_positive(fields, "ping", 0) or None,
        test_every_us=_positive(fields, "test_every", 0) or None,
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


def _hours(fields: Fields, key: str) -> QuietHours | None:
    """22:00-06:00, by the site's clock."""
    value = fields.value(key)
    written = value.text() if value else None
    if value is None or written is None:
        return None
    first, _, last = written.replace(" ", "").partition("-")
    times = [_TIME_OF_DAY.fullmatch(each) for each in (first, last)]
    minutes = [int(each[1]) * 60 + int(each[2]) for each in times if each]
    if len(minutes) != 2 or minutes[0] == minutes[1]:
        value.wrong(f"{written!r} are no hours: write them like 22:00-06:00")
        return None
    return QuietHours(from_minute=minutes[0], to_minute=minutes[1])


def _read_rule(fields: Fields, found: Found) -> None:
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
        words=fields.text("words", fallback=""),
        hours=_hours(fields, "hours"),
        attended=fields.choice("staffing", STAFFED, None),
        step=fields.text("step", fallback="1"),
    )
    fields.done()
    device = fields.value("device")
    if device and rule.device_id:
        found.expect(device, "field device", rule.device_id, found.devices)
    asked = found.devices.get(rule.device_id)
    if asked and rule.action not in ACTIONS_OF[asked.kind]:
        can = ", ".join(sorted(ACTIONS_OF[asked.kind]))
        (fields.value("action") or fields).wrong(
            f"{asked.device_id} is a {asked.kind}: it can {can}, not {rule.action}"
        )
    if rule.action == "preset" and not rule.words:
        (fields.value("action") or fields).wrong("a preset needs words: the name of the preset")
    if rule.rule_id and found.is_new("rule", rule.rule_id, fields.value("id") or fields):
        found.rules[rule.rule_id] = rule


def _choices(fields: Fields, key: str, choices: Mapping[str, _T]) -> Iterator[_T]:
    for value in fields.texts(key):
        chosen = value.choice(choices)
        if chosen is not None:
            yield chosen


def _known(
    fields: Fields, key: str, kind: str, known: Iterable[str], found: Found
) -> Iterator[str]:
    for value in fields.texts(key):
        name = value.text()
        if name is not None and found.expect(value, kind, name, known):
            yield name


def _read_position(fields: Fields, found: Found) -> None:
    """Whose list the alarms of which stations come to; a station has one."""
    stations = {asset.station for asset in found.assets.values()}
    position = Position(
        position_id=topic_word(fields, "id"),
        name=fields.text("name"),
        stations=frozenset(_known(fields, "stations", "station", stations, found)),
    )
    named = fields.value("stations", required=True)
    fields.done()
    for station in sorted(position.stations):
        if named:
            found.is_new("position of", station, named)
    if found.is_new("position", position.position_id, fields.value("id") or fields):
        found.positions.append(position)


def _read_violation(fields: Fields, found: Found) -> None:
    level = fields.value("priority")
    rule = ViolationRule(
        rule_id=fields.text("id"),
        code=fields.text("code"),
        text=fields.text("text"),
        grade=fields.choice("grade", GRADES, "general"),
        points=frozenset(
            PointKey(key) for key in _known(fields, "points", "point", found.points, found)
        ),
        unless_ticket=fields.flag("unless_ticket", True),
        priority=level.choice(PRIORITIES) if level else None,
    )
    points = fields.value("points", required=True)
    fields.done()
    if points and not points.items():
        points.wrong("points is empty: list at least one")
    if rule.rule_id and found.is_new("violation", rule.rule_id, fields.value("id") or fields):
        found.violations[rule.rule_id] = rule
