"""The users' words (DOMAIN G1): one template for every alarm, in Chinese and in English. Pure.

    time, station, voltage level, bay, device, signal, then what happened, value and limit, priority

Names of places and signals are the site's own and are never translated.
"""

import math
from collections.abc import Iterable
from datetime import tzinfo
from typing import Final

from domain.assets import AlarmClass, Asset, Condition, Priority
from domain.clock import to_datetime
from domain.events import AlarmCleared, AlarmRaised, ClearReason
from domain.paperwork import TagKind

DEFAULT_LANGUAGE: Final = "zh-CN"
LANGUAGES: Final = (DEFAULT_LANGUAGE, "en")

_Words = dict[str, str]  # by language

_PRIORITIES: Final[dict[Priority, _Words]] = {
    Priority.URGENT: {"zh-CN": "紧急", "en": "urgent"},
    Priority.MAJOR: {"zh-CN": "重要", "en": "major"},
    Priority.MINOR: {"zh-CN": "一般", "en": "minor"},
    Priority.NOTICE: {"zh-CN": "提示", "en": "notice"},
}
_CLASSES: Final[dict[AlarmClass, _Words]] = {
    AlarmClass.FAULT: {"zh-CN": "事故", "en": "fault"},
    AlarmClass.ABNORMAL: {"zh-CN": "异常", "en": "abnormal"},
    AlarmClass.LIMIT: {"zh-CN": "越限", "en": "limit violation"},
    AlarmClass.STATE_CHANGE: {"zh-CN": "变位", "en": "state change"},
    AlarmClass.INFORMATION: {"zh-CN": "告知", "en": "information"},
}
_CONDITIONS: Final[dict[Condition, _Words]] = {
    Condition.LOW_LOW: {"zh-CN": "越下下限", "en": "below low-low limit"},
    Condition.LOW: {"zh-CN": "越下限", "en": "below low limit"},
    Condition.HIGH: {"zh-CN": "越上限", "en": "above high limit"},
    Condition.HIGH_HIGH: {"zh-CN": "越上上限", "en": "above high-high limit"},
    Condition.RISE: {"zh-CN": "上升过快", "en": "rising too fast"},
    Condition.FALL: {"zh-CN": "下降过快", "en": "falling too fast"},
    Condition.DEVIATION: {"zh-CN": "偏差越限", "en": "deviation too large"},
    Condition.STUCK: {"zh-CN": "数值不变化", "en": "value does not move"},
    Condition.STATE: {"zh-CN": "状态异常", "en": "abnormal state"},
    Condition.CHANGE: {"zh-CN": "变位", "en": "changed"},
    Condition.PHASES: {"zh-CN": "三相不平衡", "en": "phases apart"},
    Condition.TAG_FORGOTTEN: {"zh-CN": "挂牌超期未摘", "en": "tag left hanging"},
    Condition.HANDOVER_LATE: {"zh-CN": "超时未交接", "en": "not handed over in time"},
    Condition.OVERDUE: {"zh-CN": "超时", "en": "overdue"},
    Condition.SILENCE: {"zh-CN": "数据中断", "en": "no data"},
    Condition.CLOCK_STEPPED_BACK: {"zh-CN": "时钟回退", "en": "clock stepped back"},
    Condition.DEVICE_SILENT: {"zh-CN": "装置无应答", "en": "device does not answer"},
    Condition.TEST_OVERDUE: {"zh-CN": "试验超期", "en": "test overdue"},
    Condition.COMMAND_FAILED: {"zh-CN": "命令未执行", "en": "command not carried out"},
    Condition.NO_ZONE: {"zh-CN": "不属于任何责任区", "en": "in no zone"},
    Condition.TWO_ZONES: {"zh-CN": "同时属于多个责任区", "en": "in more than one zone"},
    Condition.NO_OWNER: {"zh-CN": "没有责任党员", "en": "without an owner"},
    Condition.NOBODY_ON_DUTY: {"zh-CN": "无人当班", "en": "nobody on duty"},
    Condition.SEEN: {"zh-CN": "图像识别", "en": "seen by a camera"},
    Condition.CAMERA: {"zh-CN": "摄像机异常", "en": "camera does not see"},
    Condition.REJECTED: {"zh-CN": "提议驳回率过高", "en": "rejected too often"},
    Condition.JUDGED: {"zh-CN": "研判", "en": "by judgement"},
}
_TAGS: Final[dict[TagKind, _Words]] = {
    TagKind.MAINTENANCE: {"zh-CN": "检修牌", "en": "maintenance tag"},
    TagKind.DRIVE_TEST: {"zh-CN": "传动试验牌", "en": "drive test tag"},
    TagKind.SUPPLY_SECURITY: {"zh-CN": "保电牌", "en": "supply security tag"},
    TagKind.DEFECT: {"zh-CN": "缺陷牌", "en": "defect tag"},
    TagKind.BLOCKED: {"zh-CN": "封锁牌", "en": "blocked value tag"},
    TagKind.SUPPRESSED: {"zh-CN": "抑制告警牌", "en": "alarm suppression tag"},
    TagKind.EARTHED: {"zh-CN": "接地线", "en": "portable earth"},
}
# a contact has no limit: it operates, a switch opens and closes (unit -> condition -> words)
_CONTACTS: Final[dict[str, dict[Condition, _Words]]] = {
    "status": {
        Condition.HIGH: {"zh-CN": "动作", "en": "operated"},
        Condition.LOW: {"zh-CN": "未动作", "en": "not operated"},
    },
    "position": {
        Condition.HIGH: {"zh-CN": "合闸", "en": "closed"},
        Condition.LOW: {"zh-CN": "分闸", "en": "opened"},
    },
}
# what a contact that moved, or stands where it must not, says of itself (unit -> value -> words)
_POSITIONS: Final[dict[str, dict[float, _Words]]] = {
    "status": {
        0: {"zh-CN": "复归", "en": "returned"},
        1: {"zh-CN": "动作", "en": "operated"},
    },
    "position": {
        0: {"zh-CN": "位置中间态", "en": "between positions"},
        1: {"zh-CN": "分闸", "en": "opened"},
        2: {"zh-CN": "合闸", "en": "closed"},
        3: {"zh-CN": "位置异常", "en": "position faulty"},
    },
}
_OF_POSITION: Final = frozenset({Condition.STATE, Condition.CHANGE})
# an opening together with an operated protection (linkage.trips)
_TRIPPED: Final[_Words] = {"zh-CN": "事故跳闸", "en": "tripped"}
_RETURNS: Final[dict[ClearReason, _Words]] = {
    ClearReason.RETURNED: {"zh-CN": "复归", "en": "returned"},
    ClearReason.LIMIT_CHANGED: {"zh-CN": "限值变更后解除", "en": "ended by a changed limit"},
}
_LIMIT: Final[_Words] = {"zh-CN": "(限值 {})", "en": "(limit {})"}
_FOUND_LATE: Final[_Words] = {"zh-CN": "迟到数据(始于 {})", "en": "found late (began {})"}
_DEGRADED: Final[_Words] = {"zh-CN": "数据质量存疑", "en": "data quality questionable"}

_UNITS: Final[dict[str, _Words]] = {
    "degC": {"zh-CN": "℃", "en": " °C"},
    "percent": {"zh-CN": "%", "en": "%"},
    "s": {"zh-CN": "秒", "en": " s"},
}


_PER_MINUTE: Final = "/min"


class UnknownLanguage(ValueError):
    """A language that has no words here."""


def priority_word(priority: Priority, language: str = DEFAULT_LANGUAGE) -> str:
    return _PRIORITIES[priority][_known(language)]


def class_word(alarm_class: AlarmClass, language: str = DEFAULT_LANGUAGE) -> str:
    return _CLASSES[alarm_class][_known(language)]


def condition_word(condition: Condition, language: str = DEFAULT_LANGUAGE) -> str:
    return _CONDITIONS[condition][_known(language)]


def signal_word(condition: Condition, unit: str, language: str = DEFAULT_LANGUAGE) -> str:
    """越上限; of a contact 动作, of a switch 分闸."""
    contact = _CONTACTS.get(unit, {}).get(condition)
    return contact[_known(language)] if contact else condition_word(condition, language)


def tag_word(kind: TagKind, language: str = DEFAULT_LANGUAGE) -> str:
    return _TAGS[kind][_known(language)]


def what_happened(event: AlarmRaised, language: str = DEFAULT_LANGUAGE) -> str:
    """越上限, 数据中断; of a contact 动作, of a switch 分闸, together with a protection 事故跳闸."""
    if is_opening(event) and event.alarm_class is AlarmClass.FAULT:
        return _TRIPPED[_known(language)]
    contact = _of_contact(event)
    return contact[_known(language)] if contact else condition_word(event.condition, language)


def is_opening(event: AlarmRaised) -> bool:
    """A breaker, or another switch, opened."""
    moved = event.condition in _OF_POSITION and event.value == 1
    return event.unit == "position" and (event.condition is Condition.LOW or moved)


def _of_contact(event: AlarmRaised) -> _Words | None:
    if event.condition in _OF_POSITION:
        return _POSITIONS.get(event.unit, {}).get(event.value)
    return _CONTACTS.get(event.unit, {}).get(event.condition)


def duration_text(us: int) -> str:
    """10s, 1.5min, 2h: as a site folder writes it."""
    for unit, size in (("h", 3_600_000_000), ("min", 60_000_000)):
        if us and us % (size // 2) == 0:
            return f"{us / size:g}{unit}"
    return f"{us / 1_000_000:g}s"


def quantity(value: float, unit: str, language: str = DEFAULT_LANGUAGE) -> str:
    """86.2℃, 10.5kV, in English 86.2 °C; empty where there is no value."""
    if math.isnan(value):
        return ""
    number = f"{value:.3f}".rstrip("0").rstrip(".")
    number = "0" if number == "-0" else number
    per_minute = unit.endswith(_PER_MINUTE)
    spelled = _UNITS.get(unit.removesuffix(_PER_MINUTE))
    if spelled:
        return number + spelled[_known(language)] + (_PER_MINUTE if per_minute else "")
    gap = " " if unit and _known(language) == "en" else ""
    return f"{number}{gap}{unit}"


def alarm_text(
    event: AlarmRaised, asset: Asset, zone: tzinfo, language: str = DEFAULT_LANGUAGE
) -> str:
    """10:00:03 35kV柳塬变 35kV 1号主变间隔 1号主变 油温 越上限 86.2℃ (限值 85℃) 紧急"""
    return _joined(
        [
            _time(event.raised_at_us, event.detected_at_us, zone),
            *_place(event, asset),
            what_happened(event, language),
            _value(event, event.value, language),
            _limit(event, language),
            priority_word(event.priority, language),
            _found_late(event, zone, language),
            _DEGRADED[language] if event.degraded else "",
        ]
    )


def cleared_text(
    raised: AlarmRaised,
    cleared: AlarmCleared,
    asset: Asset,
    zone: tzinfo,
    language: str = DEFAULT_LANGUAGE,
) -> str:
    """10:20:00 35kV柳塬变 35kV 1号主变间隔 1号主变 油温 越上限 复归 82.9℃ (限值 85℃)"""
    return _joined(
        [
            _time(cleared.ended_at_us, cleared.detected_at_us, zone),
            *_place(raised, asset),
            what_happened(raised, language),
            _RETURNS[cleared.reason][language],
            _value(raised, cleared.value, language),
            _limit(raised, language),
        ]
    )


def _place(event: AlarmRaised, asset: Asset) -> tuple[str, ...]:
    return (asset.station, asset.voltage, asset.bay, asset.name, event.signal)


def _value(event: AlarmRaised, value: float, language: str) -> str:
    return "" if _of_contact(event) else quantity(value, _unit(event), language)


def _unit(event: AlarmRaised) -> str:
    # a step of the clock is measured in seconds, whatever the point measures
    return "s" if event.condition is Condition.CLOCK_STEPPED_BACK else event.unit


def _limit(event: AlarmRaised, language: str) -> str:
    limit = _value(event, event.limit, language)
    return _LIMIT[language].format(limit) if limit else ""


def _found_late(event: AlarmRaised, zone: tzinfo, language: str) -> str:
    if not event.found_late:
        return ""
    return _FOUND_LATE[language].format(_time(event.started_at_us, event.detected_at_us, zone))


def _time(moment_us: int, seen_at_us: int, zone: tzinfo) -> str:
    """The time of day; with its date where it was not the day on which we saw it."""
    moment = to_datetime(moment_us).astimezone(zone)
    seen = moment if seen_at_us == moment_us else to_datetime(seen_at_us).astimezone(zone)
    pattern = "%H:%M:%S" if moment.date() == seen.date() else "%Y-%m-%d %H:%M:%S"
    return moment.strftime(pattern)


def _joined(words: Iterable[str]) -> str:
    return " ".join(word for word in words if word)


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise UnknownLanguage(f"no words in {language}; there are {', '.join(LANGUAGES)}")
    return language
