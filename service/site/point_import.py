"""A signal list becomes a part of a site folder: assets/STATION.yaml and limits/STATION.yaml.

Names and keys, so that everybody can tell what a key will be:

- the station's code is the initials of its name: 35kV柳塬变 is LY;
- a device is the dispatcher's number in its name (LY/113), NT for N号主变 (LY/1T), else initials (LY/GY);
- a point is the suffix that the site's templates give that signal (ia), else initials (thwcn).

What the folder says already stays: importing the same list again changes nothing, and a limit that somebody
edited is not put back. What the list does not say (delays, deadbands, silence) is our default, mark U.
"""

import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from domain.assets import LEVELS, AlarmClass, Asset, Condition, Point, Priority
from domain.ids import AssetId
from service.excel import read_workbook
from service.site.load import check, load
from service.site.model import Site
from service.site.point_list import (
    NO_VOLTAGE,
    PointList,
    Signal,
    SignalKind,
    plain,
    read_point_list,
)
from service.site.problems import Problem

_STALE_AFTER: Final = {
    SignalKind.MEASUREMENT: "5min"
}  # else never: a status is sent when it changes
_DELAY: Final = "10s"
_OF_THE_VALUE: Final = 0.01  # the deadband
_OF_THE_BAND: Final = 0.1  # at most, between L and H
_HEADER: Final = """\
# {station}: 由点表导入, 请核对. 点表没有写明的 (时限, 死区, 中断时间) 为本产品默认值, 标记 U.
# status: 1 动作 0 复归; position: 1 分 2 合 0 中间 3 坏.
"""


class ImportRefused(ValueError):
    """A list that cannot be brought into this folder; one sentence that says what to do."""


@dataclass(slots=True)
class Report:
    """What the import did, or would do, and what it could not use."""

    new_devices: int = 0
    new_points: int = 0
    new_limits: int = 0  # points that got limits
    known_points: int = 0
    not_used: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)  # of the folder as it is then
    files: dict[str, str] = field(default_factory=dict)  # path -> text, of those that change

    def lines(self, *, dry_run: bool = False) -> Iterator[str]:
        """For a person: what could not be used first in detail, then the sum."""
        yield from (f"not used: {line}" for line in self.not_used)
        yield from (f"note: {line}" for line in self.notes)
        yield from (f"to mend: {problem}" for problem in self.problems)
        yield (
            f"{self.new_points} new points on {self.new_devices} new devices, {self.new_limits} with"
            f" limits; {self.known_points} known already, {len(self.not_used)} rows not used"
        )
        where = ", ".join(self.files) or "nothing"
        yield f"would write {where}" if dry_run else f"wrote {where}"


def import_points(
    workbook: Path | bytes,
    folder: Path,
    station: str,
    *,
    source: str | None = None,
    dry_run: bool = False,
) -> Report:
    """Raises BadWorkbook, BrokenSite, ImportRefused."""
    site = load(folder)
    found = read_point_list(read_workbook(workbook), station)
    merge = _Merge(folder, site, plain(station), _source(site, source), found)
    report = merge.report()
    report.problems = _problems_with(folder, report.files)
    if not dry_run:
        _write(folder, report.files)
    return report


def _source(site: Site, wanted: str | None) -> str:
    known = [str(source.source_id) for source in site.sources]
    if wanted is None and len(known) == 1:
        return known[0]
    if wanted in known:
        return wanted or ""
    raise ImportRefused(f"name the source that brings these readings: --source {'|'.join(known)}")


def _problems_with(folder: Path, files: Mapping[str, str]) -> list[Problem]:
    with tempfile.TemporaryDirectory(prefix="gridwarden-import-") as temporary:
        copy = Path(shutil.copytree(folder, Path(temporary) / "site"))
        _write(copy, files)
        return check(copy)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")


class _Merge:
    """One list into one folder. Files are changed where they stand, with their comments."""

    def __init__(
        self, folder: Path, site: Site, station: str, source: str, found: PointList
    ) -> None:
        self._folder = folder
        self._station = station
        self._source = source
        self._found = found
        self._assets = [each for each in site.assets.values() if each.station == station]
        self._points = {(str(each.asset_id), each.signal): each for each in site.points}
        self._ids = {str(asset_id) for asset_id in site.assets}
        self._keys = {str(point.key) for point in site.points}
        self._suffixes = dict(_suffixes_of_templates(folder))
        self._taken: dict[tuple[str, str], str] = {}  # by this list -> its row
        self._code = _code_of(station, self._assets, self._ids)
        self._report = Report(not_used=list(found.not_used), notes=list(found.notes))

    def report(self) -> Report:
        assets = _Document.of_station(self._folder, self._station, self._code)
        limits = _Document.of_limits(self._folder, assets.path.name)
        for signal in self._found.signals:
            self._take(signal, assets, limits)
        self._note_bays_without_voltage(assets)
        for document in (assets, limits):
            if document.grew:
                self._report.files[document.name] = document.text(self._station)
        return self._report

    def _note_bays_without_voltage(self, assets: "_Document") -> None:
        bays = [bay["name"] for bay in assets.bays if bay["voltage"] == NO_VOLTAGE]
        if bays:
            self._report.notes.append(
                f"no voltage is known for {', '.join(bays)}: write it in {assets.name}"
            )

    def _take(self, signal: Signal, assets: "_Document", limits: "_Document") -> None:
        asset = self._asset_of(signal) or self._new_asset(signal)
        name = (asset, signal.signal)
        if name in self._taken:
            self._report.not_used.append(f"{signal.at}: the same signal as {self._taken[name]}")
            return
        self._taken[name] = signal.at
        if name in self._points:
            self._keep(self._points[name], signal)
            return
        key = self._new_key(asset, signal)
        _device_of(assets, signal, asset).append(_point(key, signal, self._source))
        self._report.new_points += 1
        levels = _limits_of(signal)
        if levels:
            limits.list_at("limits").append(CommentedMap({"point": key, **levels}))
            self._report.new_limits += 1

    def _keep(self, point: Point, signal: Signal) -> None:
        self._report.known_points += 1
        if point.unit != signal.unit:
            self._report.notes.append(
                f"{signal.at}: {point.key} is in {point.unit or 'no unit'} here and in"
                f" {signal.unit or 'no unit'} in the list; it stays as it is"
            )

    def _asset_of(self, signal: Signal) -> str | None:
        """By name and bay, for many bays have a 断路器; by the name alone where the list tells no bay."""
        named = [asset for asset in self._assets if asset.name == signal.device]
        in_bay = [asset for asset in named if _same_bay(asset.bay, signal.bay)]
        tells_no_bay = signal.bay == signal.device and len(named) == 1
        chosen = in_bay or (named if tells_no_bay else [])
        return str(chosen[0].asset_id) if chosen else None

    def _new_asset(self, signal: Signal) -> str:
        asset_id = _free(f"{self._code}/{device_code(signal.device)}", self._ids)
        self._ids.add(asset_id)
        self._assets.append(
            Asset(
                asset_id=AssetId(asset_id),
                station=self._station,
                voltage=signal.voltage,
                bay=signal.bay,
                name=signal.device,
            )
        )
        self._report.new_devices += 1
        return asset_id

    def _new_key(self, asset: str, signal: Signal) -> str:
        suffix = self._suffixes.get(signal.signal) or initials(signal.signal).lower()
        key = _free(f"{asset}/{suffix}", self._keys)
        self._keys.add(key)
        return key


def _device_of(assets: "_Document", signal: Signal, asset: str) -> CommentedSeq:
    """The points of the signal's device, in its bay; both are begun where they are missing."""
    bays = assets.list_at("bays")
    for device in (device for bay in assets.bays for device in bay["devices"]):
        if device["id"] == asset:
            return _list_in(device, "points")
    device = CommentedMap({"id": asset, "name": signal.device})
    bay = next((each for each in bays if _same_bay(each["name"], signal.bay)), None)
    if bay is None:
        bay = CommentedMap({"name": signal.bay, "voltage": signal.voltage})
        bays.append(bay)
    _list_in(bay, "devices").append(device)
    return _list_in(device, "points")


def _list_in(group: CommentedMap, key: str) -> CommentedSeq:
    if not isinstance(group.get(key), CommentedSeq):
        group[key] = CommentedSeq()
        group.fa.set_block_style()  # a device of one line grows to several
    found: CommentedSeq = group[key]
    return found


def _point(key: str, signal: Signal, source: str) -> CommentedMap:
    return _in_one_line(
        {
            "key": key,
            "signal": signal.signal,
            "unit": signal.unit,
            "source": source,
            "stale_after": _STALE_AFTER.get(signal.kind, "never"),
        }
    )


class _Document:
    """One YAML file that is there, or is begun. It is written only where something was added."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(folder).as_posix()
        self.grew = False
        self._is_new = not path.exists()
        self._yaml = _yaml()
        self._content: CommentedMap = (
            CommentedMap() if self._is_new else self._yaml.load(path.read_text("utf-8"))
        )

    @classmethod
    def of_station(cls, folder: Path, station: str, code: str) -> "_Document":
        """The file that describes the station already, else a new one under its code."""
        for path in sorted((folder / "assets").glob("*.y*ml")):
            document = cls(folder, path)
            if document._content.get("station") == station:
                return document
        document = cls(folder, _free_file(folder / "assets", code.lower()))
        document._content.update({"station": station, "staffing": "unattended"})
        return document

    @classmethod
    def of_limits(cls, folder: Path, name: str) -> "_Document":
        return cls(folder, folder / "limits" / name)

    @property
    def bays(self) -> Iterable[CommentedMap]:
        found: Iterable[CommentedMap] = self._content.get("bays", ())
        return found

    def list_at(self, key: str) -> CommentedSeq:
        """To add to."""
        self.grew = True
        return _list_in(self._content, key)

    def text(self, station: str) -> str:
        written = StringIO()
        self._yaml.dump(self._content, written)
        return (_HEADER.format(station=station) if self._is_new else "") + written.getvalue()


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4_096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _in_one_line(fields: Mapping[str, Any]) -> CommentedMap:
    line = CommentedMap(fields)
    line.fa.set_flow_style()
    return line


def _limits_of(signal: Signal) -> dict[str, CommentedMap]:
    if signal.kind is SignalKind.MEASUREMENT:
        return {
            level.value: _level(signal, level, signal.limits[level])
            for level in LEVELS
            if level in signal.limits
        }
    if signal.alarm_class is None or signal.kind is SignalKind.COUNTER:
        return {}
    # a status that operated is at 1; of a double one 1 is open, and opening is what is told
    level = Condition.LOW if signal.kind is SignalKind.DOUBLE_STATUS else Condition.HIGH
    told = {"value": 1, "priority": _word(signal.priority), "class": signal.alarm_class.value}
    return {level.value: _in_one_line({**told, "mark": "U"})}


def _level(signal: Signal, level: Condition, value: float) -> CommentedMap:
    outer = level in {Condition.LOW_LOW, Condition.HIGH_HIGH}
    priority = signal.priority or (Priority.MAJOR if outer else Priority.MINOR)
    alarm_class = signal.alarm_class or AlarmClass.LIMIT
    return _in_one_line(
        {
            "value": _short(value),
            "deadband": _short(_deadband(signal.limits, value)),
            "on_delay": _DELAY,
            "off_delay": _DELAY,
            "priority": _word(priority),
            "class": alarm_class.value,
            "mark": "U",
        }
    )


def _deadband(limits: Mapping[Condition, float], value: float) -> float:
    wide = abs(value) * _OF_THE_VALUE
    low = limits.get(Condition.LOW, limits.get(Condition.LOW_LOW))
    high = limits.get(Condition.HIGH, limits.get(Condition.HIGH_HIGH))
    if low is not None and high is not None:
        wide = min(wide, (high - low) * _OF_THE_BAND)
    return float(f"{wide:.3g}")


def _word(priority: Priority | None) -> str:
    return (priority or Priority.MINOR).name.lower()


def _short(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _same_bay(one: str, other: str) -> bool:
    return one.removesuffix("间隔") == other.removesuffix("间隔")


def _code_of(station: str, assets: Iterable[Asset], ids: Iterable[str]) -> str:
    """That of its devices where it has some, else new initials."""
    for asset in assets:
        if "/" in asset.asset_id:
            return str(asset.asset_id).split("/", 1)[0]
    place = re.sub(r"^\d+(\.\d+)?kV", "", station, flags=re.I)
    place = re.sub(r"(变电站|变电所|变|站)$", "", place) or station
    return _free(initials(place), {asset_id.split("/", 1)[0] for asset_id in ids})


def device_code(name: str) -> str:
    """113联合站线 -> 113, 1号主变 -> 1T, 公用 -> GY."""
    transformer = re.fullmatch(r"#?(\d+)(?:号|#)?主变(?:压器)?(?:本体)?", name)
    if transformer:
        return f"{transformer[1]}T"
    number = re.search(r"(?<![\d.])\d{3,5}(?![\d.]*\s*kV)(?!\d)", name, flags=re.I)
    return number[0] if number else initials(name)


def initials(name: str) -> str:
    """Of Chinese words the first letters, everything else that may stand in a key as it is; in capitals."""
    from pypinyin import Style, lazy_pinyin

    folded = unicodedata.normalize("NFKC", name)
    letters = lazy_pinyin(folded, style=Style.FIRST_LETTER, errors=lambda other: other)
    return re.sub(r"[^A-Za-z0-9_.-]", "", "".join(letters)).upper() or "X"


def _free(wanted: str, taken: Iterable[str]) -> str:
    known = set(taken)
    name, number = wanted, 1
    while name in known:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _free_file(folder: Path, name: str) -> Path:
    return folder / f"{_free(name, {path.stem for path in folder.glob('*.y*ml')})}.yaml"


def _suffixes_of_templates(folder: Path) -> Iterator[tuple[str, str]]:
    """The folder was checked before: its templates are what they should be."""
    for path in sorted((folder / "assets" / "templates").glob("*.y*ml"), reverse=True):
        for point in YAML(typ="safe").load(path.read_text("utf-8"))["points"]:
            yield point["signal"], point["suffix"]
