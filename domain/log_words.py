"""The words of what the system writes into the operation log. Pure."""

from typing import Final

from domain.logbook import LogEntry
from domain.responsibility import Reason
from domain.wording import DEFAULT_LANGUAGE

_Words = dict[str, str]  # by language; {name} stands for a fact

_WORDS: Final[dict[str, _Words]] = {
    "trip": {"zh-CN": "{place} {signal} 事故跳闸", "en": "{place} {signal} tripped"},
    "acknowledged": {
        "zh-CN": "{by} 确认 {place} 的{level}级事件",
        "en": "{by} acknowledged the level {level} incident of {place}",
    },
    "tag_hung": {
        "zh-CN": "{by} 在 {place} 挂{tag} {note}",
        "en": "{by} hung a {tag} at {place} {note}",
    },
    "tag_removed": {
        "zh-CN": "{by} 摘除 {place} 的{tag}",
        "en": "{by} removed the {tag} of {place}",
    },
    "ticket_permitted": {
        "zh-CN": "工作票 {number} 许可: {task}",
        "en": "ticket {number} was permitted: {task}",
    },
    "ticket_ended": {
        "zh-CN": "工作票 {number} 终结: {task}",
        "en": "ticket {number} has ended: {task}",
    },
    "limit_changed": {
        "zh-CN": "{by} 将 {place} {signal} {condition} 限值由 {was} 改为 {value}: {reason}",
        "en": "{by} changed the limit {condition} of {place} {signal} from {was} to {value}: {reason}",
    },
    "mode_on": {"zh-CN": "{by} 开始 {mode}", "en": "{by} began {mode}"},
    "mode_off": {"zh-CN": "{by} 结束 {mode}", "en": "{by} ended {mode}"},
    "shift_changed": {
        "zh-CN": "{post} 交接班: {old} ({signed}) 交 {new} ({taken})",
        "en": "hand-over at {post}: {old} ({signed}) to {new} ({taken})",
    },
    "watch_began": {
        "zh-CN": "{post} 开始使用交接班: {new} 当值",
        "en": "hand-over begins at {post}: {new} has the watch",
    },
    "handover_refused": {
        "zh-CN": "{post}: {by} 不同意接班: {reason}",
        "en": "{post}: {by} did not take over: {reason}",
    },
    "handover_late": {
        "zh-CN": "{post}: {old} 超时未交接",
        "en": "{post}: {old} has not handed over in time",
    },
    "outage_declared": {"zh-CN": "{feeder} 判定停电 {by}", "en": "outage of {feeder} {by}"},
    "outage_momentary": {
        "zh-CN": "{feeder} 重合成功",
        "en": "the reclose of {feeder} succeeded",
    },
    "outage_assigned": {
        "zh-CN": "{by} 派 {crew} 抢修 {feeder}",
        "en": "{by} sent {crew} to {feeder}",
    },
    "outage_on_site": {
        "zh-CN": "{feeder} 抢修队伍到场 ({by})",
        "en": "the crew is on site at {feeder} ({by})",
    },
    "outage_isolated": {
        "zh-CN": "{feeder} 故障已隔离 ({by})",
        "en": "the fault of {feeder} is isolated ({by})",
    },
    "outage_repaired": {
        "zh-CN": "{feeder} 已修复 ({by})",
        "en": "{feeder} is repaired ({by})",
    },
    "outage_restored": {
        "zh-CN": "{feeder} 全部复电 ({by})",
        "en": "all of {feeder} has supply ({by})",
    },
    "section_supplied": {
        "zh-CN": "{feeder} {section} 段复电 ({by})",
        "en": "section {section} of {feeder} has supply ({by})",
    },
    "planned_announced": {
        "zh-CN": "{by} 公告 {feeder} 计划停电: {why}",
        "en": "{by} announced an outage of {feeder}: {why}",
    },
    "planned_began": {
        "zh-CN": "{feeder} 计划停电开始: {why} ({by})",
        "en": "the planned outage of {feeder} began: {why} ({by})",
    },
    "planned_over": {
        "zh-CN": "{feeder} 计划停电结束: {why} ({by})",
        "en": "the planned outage of {feeder} is over: {why} ({by})",
    },
    "planned_withdrawn": {
        "zh-CN": "{by} 取消 {feeder} 计划停电: {why}",
        "en": "{by} withdrew the outage of {feeder}: {why}",
    },
    "earth_began": {"zh-CN": "{network} 单相接地", "en": "single-phase earth on {network}"},
    "trial_gone": {
        "zh-CN": "试拉 {number}, 接地消失 ({by})",
        "en": "trial trip of {number}: the earth went with it ({by})",
    },
    "trial_still": {
        "zh-CN": "试拉 {number}, 接地仍在 ({by})",
        "en": "trial trip of {number}: the earth stayed ({by})",
    },
    "earth_over": {"zh-CN": "{network} 接地消失", "en": "the earth on {network} is gone"},
}


def log_text(entry: LogEntry, language: str = DEFAULT_LANGUAGE) -> str:
    """One line: a person's as it was written, the system's in the reader's language."""
    return entry.text if entry.what is None else what_text(entry.what, language)


def what_text(what: Reason, language: str = DEFAULT_LANGUAGE) -> str:
    """A word of another release is shown by its code and facts."""
    words = _WORDS.get(what.code)
    if words is None:
        return " ".join([what.code, *(fact for _, fact in what.facts)])
    return words[language].format(**dict(what.facts)).strip()
