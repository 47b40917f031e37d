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
