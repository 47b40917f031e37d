"""cameras.yaml: the cameras, what each looks for, and the words of the rules that the machine may propose."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.assets import Priority
from domain.cameras import (
    AnalysisBox,
    Camera,
    CameraKind,
    Ground,
    GroundPoint,
    LivePart,
    MachineRule,
    WatchedArea,
)
from domain.clock import SECOND_US
from domain.ids import AssetId, BoxId, CameraId, DeviceId, SourceId
from domain.violations import ONLY_OF_BOXES, Code
from service.site.found import Found, document
from service.site.nodes import Fields, Value
from service.site.words import PRIORITIES, topic_word

KINDS: Final = {kind.value: kind for kind in CameraKind}
GRADES: Final = {grade: grade for grade in ("general", "serious")}
MARKS: Final = {mark: mark for mark in ("V", "C", "U", "D")}
# what the product can see (docs/vision.md); a rule of another code would never be proposed
CODES: Final = {code.value: code.value for code in Code if code not in ONLY_OF_BOXES}
# a rule may also be of a code that only another maker's box can see
RULE_CODES: Final = {code.value: code.value for code in Code}

_ENVIRONMENT_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Eyes:
    """Everything of cameras.yaml."""

    cameras: tuple[Camera, ...] = ()
    rules: tuple[MachineRule, ...] = ()
    boxes: tuple[AnalysisBox, ...] = ()


def read_cameras(folder: Path, site: str, found: Found) -> Eyes:
    """Nothing where there is no such file."""
    path = folder / "cameras.yaml"
    fields = document(folder, path, found) if path.exists() else None
    if fields is None:
        return Eyes()
    fields.name = "cameras.yaml"
    rules = dict(_rules(fields, found))
    cameras = dict(_cameras(fields, rules, found))
    boxes = dict(_boxes(fields, site, cameras, rules, found))
    fields.done()
    return Eyes(tuple(cameras.values()), tuple(rules.values()), tuple(boxes.values()))


def _rules(fields: Fields, found: Found) -> Iterator[tuple[str, MachineRule]]:
    for group in fields.groups("rules", "a rule", required=False):
        rule = MachineRule(
            code=group.choice("code", RULE_CODES, ""),
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
        kind=(kind := fields.choice("kind", KINDS, CameraKind.RTSP)),
        address=_address(fields, needed=kind is not CameraKind.BOX),
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


def _address(fields: Fields, *, needed: bool) -> str:
    address = fields.text("address", fallback=None if needed else "")
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


def _password_env(fields: Fields, key: str = "password_env") -> str:
    name = fields.text(key, fallback="")
    value = fields.value(key)
    if value and name and not _ENVIRONMENT_NAME.fullmatch(name):
        value.wrong(f"{key} holds the name of an environment variable, never the password itself")
    return name


def _known_codes(fields: Fields, rules: dict[str, MachineRule], found: Found) -> Iterator[str]:
    for value in fields.texts("looks_for"):
        code = value.text()
        if code is None or not found.expect(value, "rule of code", code, rules):
            continue
        if code in CODES:
            yield code
        else:
            value.wrong(f"{code} is not recognised by our net: only a box can tell of it")


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


def _boxes(
    fields: Fields,
    site: str,
    cameras: Mapping[CameraId, Camera],
    rules: Mapping[str, MachineRule],
    found: Found,
) -> Iterator[tuple[BoxId, AnalysisBox]]:
    for group in fields.groups("boxes", "a box", required=False):
        box_id = BoxId(topic_word(group, "id"))
        box = AnalysisBox(
            box_id=box_id,
            name=group.text("name"),
            topic=group.text("topic", fallback="") or box_topic(site, box_id),
            source=_source(group, found),
            secret_env=_password_env(group, "secret_env"),
            codes=dict(_named(group, "codes", "rule of code", rules, found)),
            cameras={
                word: CameraId(name)
                for word, name in _named(group, "cameras", "camera", cameras, found)
            },
            enabled=group.flag("enabled", True),
        )
        if Code.NO_VEST in box.codes.values():
            group.wrong(f"{Code.NO_VEST} is only a hint, a box cannot propose it")
        topic = group.value("topic")
        if topic and any(each in box.topic for each in "+#"):
            topic.wrong("the topic of a box holds no '+' and no '#'")
        group.done()
        if box_id and found.is_new("box", box_id, group.value("id") or group):
            yield box_id, box


def box_topic(site: str, box_id: BoxId) -> str:
    return f"gridwarden/{site}/box/{box_id}"


def _named(
    fields: Fields, key: str, kind: str, known: Iterable[str], found: Found
) -> Iterator[tuple[str, str]]:
    """A box's words, each with our name for it."""
    value = fields.value(key, required=True)
    for word, name in value.pairs() if value else []:
        ours = name.text()
        if ours is not None and found.expect(name, kind, ours, known):
            yield str(word.written()), ours
