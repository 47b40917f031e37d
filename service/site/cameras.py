"""cameras.yaml: the cameras, what each looks for, and the words of the rules that the machine may propose."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from domain.assets import Priority
from domain.cameras import (
    Camera,
    CameraKind,
    Ground,
    GroundPoint,
    LivePart,
    MachineRule,
    WatchedArea,
)
from domain.clock import SECOND_US
from domain.ids import AssetId, CameraId, DeviceId, SourceId
from service.site.found import Found, document
from service.site.nodes import Fields, Value
from service.site.words import PRIORITIES, topic_word

KINDS: Final = {kind.value: kind for kind in CameraKind}
GRADES: Final = {grade: grade for grade in ("general", "serious")}
MARKS: Final = {mark: mark for mark in ("V", "C", "U", "D")}
# what the product can see (docs/vision.md); a rule of another code would never be proposed
CODES: Final = {
    code: code for code in ("PPE-01", "PPE-02", "ZONE-01", "ZONE-02", "DIST-01", "ALONE-01")
}

_ENVIRONMENT_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_cameras(folder: Path, found: Found) -> tuple[tuple[Camera, ...], tuple[MachineRule, ...]]:
    """None where there is no such file."""
    path = folder / "cameras.yaml"
    fields = document(folder, path, found) if path.exists() else None
    if fields is None:
        return (), ()
    fields.name = "cameras.yaml"
    rules = dict(_rules(fields, found))
    cameras = dict(_cameras(fields, rules, found))
    fields.done()
    return tuple(cameras.values()), tuple(rules.values())


def _rules(fields: Fields, found: Found) -> Iterator[tuple[str, MachineRule]]:
    for group in fields.groups("rules", "a rule", required=False):
        rule = MachineRule(
            code=group.choice("code", CODES, ""),
            text=group.text("text"),
            grade=group.choice("grade", GRADES, "general"),
            priority=group.choice("priority", PRIORITIES, Priority.MAJOR),
            mark=group.choice("mark", MARKS, "D"),
            source=group.text("source", fallback=""),
        )
        code = group.value("code", required=True)
        group.done()
        if not rule.code:
            found.unreadable.add("rule of code")  # a camera may name what was meant
        elif found.is_new("rule of code", rule.code, code or group):
            yield rule.code, rule


def _cameras(
    fields: Fields, rules: dict[str, MachineRule], found: Found
) -> Iterator[tuple[CameraId, Camera]]:
    for group in fields.groups("cameras", "a camera"):
        camera = _camera(group, rules, found)
        if camera and found.is_new("camera", camera.camera_id, group.value("id") or group):
            yield camera.camera_id, camera


def _camera(fields: Fields, rules: dict[str, MachineRule], found: Found) -> Camera | None:
    at = AssetId(fields.text("at"))
    asset = found.assets.get(at)
    where = fields.value("at")
    if where and at:
        found.expect(where, "device", at, found.assets)
    voice = fields.text("voice", fallback="")
    speaking = fields.value("voice")
    if speaking and voice:
        found.expect(speaking, "field device", voice, found.devices)
    camera = Camera(
        camera_id=CameraId(topic_word(fields, "id")),
        name=fields.text("name"),
        station=asset.station if asset else "",
        asset_id=at,
        kind=fields.choice("kind", KINDS, CameraKind.RTSP),
        address=_address(fields),
        source=_source(fields, found),
        username=fields.text("username", fallback=""),
        password_env=_password_env(fields),
        frames_per_second=_between(fields, "frames_per_second", 0.1, 25.0, 2.0),
        silent_after_s=_seconds(fields, "silent_after", 10.0),
        watch_dark=fields.flag("watch_dark", True),
        watch_moved=fields.flag("watch_moved", True),
        codes=tuple(_known_codes(fields, rules, found)),
        tiles=fields.whole("tiles", 1, 4, fallback=1),
        areas=tuple(_areas(fields, found)),
        ground=_ground(fields),
        voice=DeviceId(voice) if voice else None,
        enabled=fields.flag("enabled", True),
    )
    fields.done()
    return camera if camera.camera_id else None


def _address(fields: Fields) -> str:
    address = fields.text("address")
    value = fields.value("address")
    if value and "@" in address.partition("//")[2].partition("/")[0]:
        value.wrong("address holds a user or a password: give username and password_env instead")
        return ""
    return address


def _source(fields: Fields, found: Found) -> SourceId | None:
    """Whose broker it is; none: of the site's first source."""
    name = fields.text("source", fallback="")
    value = fields.value("source")
    if value and name:
        found.expect(value, "source", name, found.sources)
    return SourceId(name) if name else None


def _password_env(fields: Fields) -> str:
    name = fields.text("password_env", fallback="")
    value = fields.value("password_env")
    if value and name and not _ENVIRONMENT_NAME.fullmatch(name):
        value.wrong(
            "password_env holds the name of an environment variable, never the password itself"
        )
    return name


def _known_codes(fields: Fields, rules: dict[str, MachineRule], found: Found) -> Iterator[str]:
    for value in fields.texts("looks_for"):
        code = value.text()
        if code is not None and found.expect(value, "rule of code", code, rules):
            yield code


def _areas(fields: Fields, found: Found) -> Iterator[WatchedArea]:
    seen: set[str] = set()
    for group in fields.groups("areas", "an area", required=False):
        area = WatchedArea(
            area_id=topic_word(group, "id"),
            name=group.text("name"),
            polygon=tuple(_corners(group)),
            asset_ids=tuple(_assets(group, found)),
            dwell_s=_seconds(group, "dwell", 2.0),
        )
        group.done()
        if area.area_id in seen:
            group.wrong(f"area {area.area_id} stands twice at this camera")
        seen.add(area.area_id)
        yield area


def _assets(fields: Fields, found: Found) -> Iterator[AssetId]:
    for value in fields.texts("assets"):
        name = value.text()
        if name is not None and found.expect(value, "device", name, found.assets):
            yield AssetId(name)


def _corners(fields: Fields) -> Iterator[tuple[float, float]]:
    polygon = fields.value("polygon", required=True)
    corners = polygon.items() if polygon else []
    if polygon and len(corners) < 3:
        polygon.wrong("polygon needs three corners or more, each as [x, y] from 0 to 1")
    for corner in corners:
        numbers = _numbers(corner, 2)
        if numbers and not all(0.0 <= each <= 1.0 for each in numbers):
            corner.wrong("a corner is given in parts of the picture, from 0 to 1")
        elif numbers:
            yield numbers[0], numbers[1]


def _ground(fields: Fields) -> Ground | None:
    value = fields.value("ground")
    group = value.fields() if value else None
    if group is None:
        return None
    given = group.items("points")
    points = [
        GroundPoint(x=numbers[0], y=numbers[1], east_m=numbers[2], north_m=numbers[3])
        for each in given
        if (numbers := _numbers(each, 4))
    ]
    if len(given) < 4:
        group.wrong("ground needs four points or more, each as [x, y, east, north]")
    ground = Ground(
        points=tuple(points),
        error_m=_between(group, "error_m", 0.01, 20.0, None),
        live_parts=tuple(_live_parts(group)),
    )
    group.done()
    return ground


def _live_parts(fields: Fields) -> Iterator[LivePart]:
    for group in fields.groups("live_parts", "a live part", required=False):
        yield LivePart(
            name=group.text("name"),
            voltage_kv=_between(group, "voltage_kv", 0.1, 1_000.0, None),
            east_m=group.number("east_m"),
            north_m=group.number("north_m"),
        )
        group.done()


def _numbers(value: Value, count: int) -> list[float] | None:
    """`count` of them; a mistake is noted."""
    items = value.items()
    numbers = [number for item in items if (number := item.number()) is not None]
    if len(items) == len(numbers) == count:
        return numbers
    if len(items) != count:
        value.wrong(f"this needs {count} numbers, not {len(items)}")
    return None


def _between(fields: Fields, key: str, least: float, most: float, fallback: float | None) -> float:
    number = fields.number(key, fallback=fallback)
    value = fields.value(key)
    if value and not math.isnan(number) and not least <= number <= most:
        value.wrong(f"{key} must be from {least:g} to {most:g}, but is {number:g}")
    return number


def _seconds(fields: Fields, key: str, fallback: float) -> float:
    duration = fields.duration(key, fallback=round(fallback * SECOND_US))
    value = fields.value(key)
    if value and duration == 0 and value.is_word("0", "0s", "0ms", "0min"):
        value.wrong(f"{key} must be longer than 0")
    return duration / SECOND_US
