"""四遥点表: a station's signal list as a vendor writes it in Excel, read row by row.

Columns are known by their headings, in whatever order and under several names. Every row becomes a signal or
is told with its number and the reason; nothing is left out in silence.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import Final

from domain.assets import LEVELS, AlarmClass, Condition, Priority
from service.excel import Row, Sheet, text_of
from service.site.problems import did_you_mean
from service.site.words import UNITS


class SignalKind(Enum):
    MEASUREMENT = "遥测"
    STATUS = "遥信"
    DOUBLE_STATUS = "双点遥信"
    COUNTER = "遥脉"
    CONTROL = "遥控"
    SETTING = "遥调"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One row that can be used."""

    at: str  # sheet and row, for people
    kind: SignalKind
    bay: str
    device: str
    signal: str  # without the names of bay and device before it
    unit: str
    voltage: str = ""
    number: str = ""  # 点号
    limits: Mapping[Condition, float] = field(default_factory=dict)
    alarm_class: AlarmClass | None = None  # None: the list says nothing of an alarm
    priority: Priority | None = None


@dataclass(slots=True)
class PointList:
    signals: list[Signal] = field(default_factory=list)
    not_used: list[str] = field(default_factory=list)  # rows, each with its reason
    notes: list[str] = field(default_factory=list)  # of rows that are used in part, and of columns


NO_VOLTAGE: Final = "—"

_HEADINGS: Final[dict[str, tuple[str, ...]]] = {
    "signal": (
        *("信号名称", "信号描述", "信号名", "信号", "名称", "描述", "点名", "点名称", "测点名称"),
        *("信息名称", "信息描述", "遥测名称", "遥信名称", "遥脉名称", "遥控名称", "量测名称"),
    ),
    "bay": ("间隔", "间隔名称", "所属间隔", "单元", "单元名称"),
    "device": ("设备", "设备名称", "所属设备", "一次设备"),
    "voltage": ("电压等级", "电压"),
    "kind": ("类型", "信号类型", "点类型", "四遥类型", "信息类型", "数据类型", "类别"),
    "unit": ("单位", "工程单位", "量纲"),
    "number": ("点号", "遥测点号", "遥信点号", "遥脉点号", "遥控点号", "信息体地址", "地址"),
    "factor": ("系数", "转换系数", "工程系数", "比例系数", "乘系数"),
    "level": ("告警级别", "告警等级", "告警类型", "信号级别", "级别", "等级", "分类", "告警分类"),
    "LL": ("下下限", "低低限", "紧急下限", "告警下下限", "下限2", "ll"),
    "L": ("下限", "低限", "告警下限", "越下限", "下限1", "l"),
    "H": ("上限", "高限", "告警上限", "越上限", "上限1", "h"),
    "HH": ("上上限", "高高限", "紧急上限", "告警上上限", "上限2", "hh"),
}
_COLUMN_OF: Final = {name: column for column, names in _HEADINGS.items() for name in names}
# they say nothing that a site needs
_NO_MATTER: Final = frozenset({"", "序号", "备注", "说明", "no", "no.", "编号"})
_KINDS: Final[dict[str, SignalKind]] = {
    **dict.fromkeys(("遥测", "yc", "模拟量", "ai", "测量"), SignalKind.MEASUREMENT),
    **dict.fromkeys(("遥信", "单点遥信", "yx", "开关量", "状态量", "di"), SignalKind.STATUS),
    **dict.fromkeys(("双点遥信", "双点", "dpi"), SignalKind.DOUBLE_STATUS),
    **dict.fromkeys(("遥脉", "ym", "脉冲量", "电度", "电度量", "pi"), SignalKind.COUNTER),
    **dict.fromkeys(("遥控", "yk", "do"), SignalKind.CONTROL),
    **dict.fromkeys(("遥调", "yt", "ao"), SignalKind.SETTING),
}
_UNITS: Final = {unit.casefold(): unit for unit in UNITS} | {
    **dict.fromkeys(("", "无", "-", "/", "--"), ""),
    **dict.fromkeys(("°c", "c", "度"), "degC"),
    **dict.fromkeys(("μl/l", "ppm"), "uL/L"),
    "ω": "ohm",
    "kω": "kohm",
    "mω": "mohm",
    "r/min": "rpm",
}
_PRIORITIES: Final[dict[str, Priority]] = {
    **dict.fromkeys(("紧急", "一级", "1", "1级", "i", "危急"), Priority.URGENT),
    **dict.fromkeys(("重要", "二级", "2", "2级", "ii", "严重"), Priority.MAJOR),
    **dict.fromkeys(("一般", "次要", "三级", "3", "3级", "iii"), Priority.MINOR),
    **dict.fromkeys(("提示", "四级", "4", "4级", "iv"), Priority.NOTICE),
}
# 事故 / 异常 / 越限 / 变位 / 告知 (DOMAIN G1) imply a priority, as our editable default
_CLASSES: Final[dict[str, tuple[AlarmClass, Priority]]] = {
    **dict.fromkeys(("事故", "事故信号"), (AlarmClass.FAULT, Priority.URGENT)),
    **dict.fromkeys(("异常", "异常信号"), (AlarmClass.ABNORMAL, Priority.MAJOR)),
    **dict.fromkeys(("越限", "越限信号"), (AlarmClass.LIMIT, Priority.MINOR)),
    **dict.fromkeys(("变位", "变位信号"), (AlarmClass.STATE_CHANGE, Priority.NOTICE)),
    **dict.fromkeys(("告知", "告知信号"), (AlarmClass.INFORMATION, Priority.NOTICE)),
}
_NOTHING: Final = frozenset({"", "-", "--", "—", "/", "无", "不告警", "无告警", "0级"})
_SPARE: Final = re.compile(r"^(备用|预留|spare)[\d\s#]*$", re.I)
_NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?")
_VOLTAGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*kV", re.I)
_HEADING_WITHIN: Final = 20  # rows: a title, a date and a legend may stand above it
_FULL_WIDTH: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def read_point_list(sheets: Sequence[Sheet], station: str) -> PointList:
    found = PointList()
    for sheet in sheets:
        heading = _heading_row(sheet)
        if heading is None:
            if sheet.rows:
                found.notes.append(
                    f"sheet {sheet.title}: no row of headings with 信号名称 was found, left out"
                )
            continue
        _SheetReader(sheet, heading, station, found).read()
    return found


def plain(text: str) -> str:
    """Full-width letters and blanks as ordinary ones; Ⅰ stays Ⅰ, as the people write it."""
    return " ".join(text.translate(_FULL_WIDTH).split())


def _loosely(text: str) -> str:
    """For comparing: without blanks, brackets, and differences of width and case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"\s|\(.*?\)|[*:]", "", folded)


def _heading_row(sheet: Sheet) -> Row | None:
    """The one that names most columns, the first of those: a list repeats it on each page. Where merged
    headings stand in two rows the lower one names more."""
    best, most = None, 1
    for row in sheet.rows[:_HEADING_WITHIN]:
        columns = {_COLUMN_OF.get(_loosely(text_of(cell))) for cell in row.cells} - {None}
        if "signal" in columns and len(columns) > most:
            best, most = row, len(columns)
    return best


@dataclass(slots=True)
class _SheetReader:
    sheet: Sheet
    heading: Row
    station: str
    found: PointList
    section: str = ""  # a line over the whole width names the bay of those below

    def read(self) -> None:
        columns = self._columns()
        headings = [_loosely(text_of(cell)) for cell in self.heading.cells]
        for row in self.sheet.rows:
            if row.number <= self.heading.number:
                continue
            texts = [plain(text_of(cell)) for cell in row.cells]
            if [_loosely(text) for text in texts] == headings:
                continue  # repeated on each page
            if (section := _section(texts)) is not None:
                self.section = section
                continue
            self._read_row(
                row, {name: texts[at] for name, at in columns.items() if at < len(texts)}
            )

    def _columns(self) -> dict[str, int]:
        columns: dict[str, int] = {}
        unknown = []
        for at, cell in enumerate(self.heading.cells):
            heading = text_of(cell)
            column = _COLUMN_OF.get(_loosely(heading))
            if column is not None and column not in columns:
                columns[column] = at
            elif _loosely(heading) not in _NO_MATTER:
                unknown.append(plain(heading))
        if unknown:
            self.found.notes.append(
                f"sheet {self.sheet.title}: columns that are not used: {', '.join(unknown)}"
            )
        return columns

    def _read_row(self, row: Row, texts: Mapping[str, str]) -> None:
        at = f"{self.sheet.title} row {row.number}"
        try:
            signal = self._signal(at, texts)
        except _NotUsable as error:
            self.found.not_used.append(f"{at}: {error}")
            return
        self.found.signals.append(signal)

    def _signal(self, at: str, texts: Mapping[str, str]) -> Signal:
        name = texts.get("signal", "")
        if not name:
            raise _NotUsable("it has no signal name")
        if _SPARE.fullmatch(name):
            raise _NotUsable("a spare")
        kind = self._kind(texts.get("kind", ""))
        if kind in {SignalKind.CONTROL, SignalKind.SETTING}:
            raise _NotUsable(f"{kind.value}: gridwarden proposes switching, it never switches")
        bay, device, signal = self._place(texts, name)
        unit = self._unit(texts.get("unit", ""), kind)
        alarm_class, priority = self._level(at, texts.get("level", ""), kind)
        if _loosely(texts.get("factor", "")) not in _NOTHING | {"1", "1.0"}:
            self.found.notes.append(
                f"{at}: factor {texts['factor']} is not applied, the gateway sends {unit or 'values'}"
            )
        return Signal(
            at=at,
            kind=kind,
            bay=bay,
            device=device,
            signal=signal,
            unit=unit,
            voltage=_voltage(texts.get("voltage", ""), bay, device),
            number=texts.get("number", ""),
            limits=self._limits(at, texts) if kind is SignalKind.MEASUREMENT else {},
            alarm_class=alarm_class,
            priority=priority,
        )

    def _kind(self, written: str) -> SignalKind:
        kind = _KINDS.get(_loosely(written))
        if kind is not None:
            return kind
        if written:
            raise _NotUsable(f"type {written!r} is none of 遥测, 遥信, 双点遥信, 遥脉, 遥控, 遥调")
        title = _loosely(self.sheet.title)
        in_title = [each for each in SignalKind if each.value in title]
        if in_title:
            return max(in_title, key=lambda each: len(each.value))  # 双点遥信 is also 遥信
        if title in _KINDS:
            return _KINDS[title]
        raise _NotUsable("neither a column 类型 nor the sheet's name says 遥测, 遥信 or 遥脉")

    def _place(self, texts: Mapping[str, str], name: str) -> tuple[str, str, str]:
        """Bay, device and signal."""
        name = _after(self.station, name)
        bay = texts.get("bay", "") or self.section
        device = texts.get("device", "") or bay.removesuffix("间隔")
        if not device and " " in name:
            device, name = name.split(" ", 1)
        device = device or "公用"
        bay = bay or device
        return bay, device, _after(device, _after(bay, name))

    def _unit(self, written: str, kind: SignalKind) -> str:
        if kind is SignalKind.STATUS:
            return "status"
        if kind is SignalKind.DOUBLE_STATUS:
            return "position"
        unit = _unit_of(written)
        if unit is None:
            raise _NotUsable(f"no unit is written {written!r}{did_you_mean(written, UNITS - {''})}")
        return unit

    def _level(
        self, at: str, written: str, kind: SignalKind
    ) -> tuple[AlarmClass | None, Priority | None]:
        level = _loosely(written)
        if level in _NOTHING:
            return None, None
        if level in _CLASSES:
            return _CLASSES[level]
        if level in _PRIORITIES:
            of_limits = kind is SignalKind.MEASUREMENT
            return AlarmClass.LIMIT if of_limits else AlarmClass.ABNORMAL, _PRIORITIES[level]
        self.found.notes.append(
            f"{at}: alarm level {written!r} is not known, none was taken from it"
        )
        return None, None

    def _limits(self, at: str, texts: Mapping[str, str]) -> dict[Condition, float]:
        limits: dict[Condition, float] = {}
        for level in LEVELS:
            written = unicodedata.normalize("NFKC", texts.get(level.value, ""))
            if _loosely(written) in _NOTHING:
                continue
            numbers = _NUMBER.findall(written.replace(",", ""))
            if len(numbers) != 1:
                self.found.notes.append(
                    f"{at}: limit {level.value} {written!r} is no number, left out"
                )
                continue
            limits[level] = float(numbers[0])
        if any(lower >= upper for lower, upper in pairwise(limits.values())):
            given = ", ".join(f"{level.value} {value:g}" for level, value in limits.items())
            self.found.notes.append(f"{at}: limits must rise LL < L < H < HH, left out: {given}")
            return {}
        return limits


def _unit_of(written: str) -> str | None:
    """Whatever its case, but never a thousand million times another: MW is not mW."""
    folded = unicodedata.normalize("NFKC", written).strip()
    unit = _UNITS.get(_loosely(folded))
    if unit and unit[0] in "mM" and folded[0] in "mM" and unit[0] != folded[0]:
        return None
    return unit


class _NotUsable(ValueError):
    """Why a row becomes no point."""


def _section(texts: Sequence[str]) -> str | None:
    """A merged line names what follows; a line with one cell alone is a row with too little."""
    said = [text for text in texts if text]
    return said[0] if len(said) >= 3 and len(set(said)) == 1 else None


def _after(prefix: str, name: str) -> str:
    """`113联合站线A相电流` is A相电流 of 113联合站线."""
    for each in (prefix, prefix.removesuffix("间隔")):
        if each and name.startswith(each) and name != each:
            return name.removeprefix(each).lstrip(" -_.:") or name
    return name


def _voltage(*texts: str) -> str:
    """The first that says one: the column, the names of bay and device. Not the station's name: its feeders
    have another voltage."""
    for text in texts:
        match = _VOLTAGE.search(unicodedata.normalize("NFKC", text))
        if match:
            return f"{float(match[1]):g}kV"
    return NO_VOLTAGE
