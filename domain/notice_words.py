"""The words of notices: texts that leave the house, and why a person was told. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from domain.assets import Priority
from domain.notices import CallOutcome, Notice, NoticeState, Who
from domain.wording import DEFAULT_LANGUAGE, priority_word

_Words = dict[str, str]  # by language

WHO_WORDS: Final[dict[Who, _Words]] = {
    Who.ACTING: {"zh-CN": "当值处理人", "en": "who acts"},
    Who.REMOTE_DUTY: {"zh-CN": "远方值班", "en": "remote duty"},
    Who.ON_CALL: {"zh-CN": "听班人员", "en": "on call"},
    Who.DUTY_LEAD: {"zh-CN": "值班负责人", "en": "duty lead"},
    Who.STATION_HEAD: {"zh-CN": "站(调度)负责人", "en": "station head"},
    Who.PRODUCTION_LEADER: {"zh-CN": "生产负责人", "en": "production leader"},
}
STATE_WORDS: Final[dict[NoticeState, _Words]] = {
    NoticeState.QUEUED: {"zh-CN": "待发", "en": "waits"},
    NoticeState.SENT: {"zh-CN": "已发出", "en": "sent"},
    NoticeState.DELIVERED: {"zh-CN": "已通知到", "en": "delivered"},
    NoticeState.FAILED: {"zh-CN": "未送达", "en": "failed"},
    NoticeState.ACKNOWLEDGED: {"zh-CN": "已确认", "en": "acknowledged"},
    NoticeState.WITHDRAWN: {"zh-CN": "无需再发", "en": "not needed any more"},
}
OUTCOME_WORDS: Final[dict[CallOutcome, _Words]] = {
    CallOutcome.REACHED: {"zh-CN": "已接通", "en": "reached"},
    CallOutcome.NOT_REACHED: {"zh-CN": "未接通", "en": "not reached"},
    CallOutcome.READ_BACK: {"zh-CN": "已复诵, 由其处理", "en": "read back: he takes it"},
}

_ESCALATED: Final = {
    "zh-CN": "{minutes} 分钟内无人确认, 升级到%s",
    "en": "nobody acknowledged within {minutes} min: now the %s",
}
# why him, and why somebody else not (linkage.escalation)
REASONS: Final[dict[str, _Words]] = {
    f"escalated_{who.value}": {
        language: _ESCALATED[language] % words[language] for language in _ESCALATED
    }
    for who, words in WHO_WORDS.items()
} | {
    "escalated_next_shift": {
        "zh-CN": "上一班无人确认, 由下一班继续",
        "en": "the shift before did not acknowledge: the next one goes on",
    },
    "remote_duty": {
        "zh-CN": "{station} 无人值守, 远方值班 {person} 先处理",
        "en": "nobody is at {station}: {person} on remote duty acts first",
    },
    "no_remote_duty": {
        "zh-CN": "{station} 无人值守, 而远方值班当时无人",
        "en": "nobody is at {station}, and nobody was on remote duty",
    },
    "in_command": {
        "zh-CN": "{person} 在生产指挥链上",
        "en": "{person} is in the chain of command",
    },
    "told_again": {
        "zh-CN": "{person} 之前已通知过, 再次提醒",
        "en": "{person} was told before and is reminded",
    },
    "stands_in": {
        "zh-CN": "{person} 不当班, 由当班的 {other} 代",
        "en": "{person} is off shift: {other} does his duty now",
    },
    "waits_for_hours": {
        "zh-CN": "{person} 不当班, 紧急以下不打扰, {at} 再通知",
        "en": "{person} is off shift and this is below level 1: he is told at {at}",
    },
    "nobody_to_tell": {
        "zh-CN": "找不到可通知的人, 请调度电话安排",
        "en": "nobody is found to be told: the dispatch room must find somebody",
    },
    "not_on_ladder": {
        "zh-CN": "{person} 不是处理人, 也不在这里的生产指挥链上",
        "en": "{person} neither acts here nor is in this chain of command",
    },
    "step_not_due": {
        "zh-CN": "{person} 是第 {step} 级, {at} 仍无人确认才通知",
        "en": "{person} is step {step}: told at {at} if nobody has acknowledged by then",
    },
    "taken_before": {
        "zh-CN": "在轮到之前已由 {by} 确认",
        "en": "{by} had acknowledged before it was his turn",
    },
}

_FIRST: Final = {"zh-CN": "先做: {}", "en": "First: {}"}
_WHY: Final = {"zh-CN": "为什么是您: {}", "en": "Why you: {}"}
_CODE: Final = {"zh-CN": "通知号 {number}, 确认码 {code}", "en": "Notice {number}, code {code}"}
_NUMBER: Final = {"zh-CN": "通知号 {number}", "en": "Notice {number}"}
_LINK: Final = {"zh-CN": "确认: {}", "en": "Acknowledge: {}"}
_DIGEST: Final = {
    "zh-CN": "{count} 条通知合并: {levels}",
    "en": "{count} notices in one: {levels}",
}
_MORE: Final = {"zh-CN": "另有 {count} 条, 见通知页", "en": "{count} more: see the page of notices"}
_TRIAL: Final = {
    "zh-CN": "【测试】gridwarden 通知渠道测试, 无需处理",
    "en": "[TEST] gridwarden tries this channel: nothing to do",
}


def title_of(level: Priority, language: str = DEFAULT_LANGUAGE) -> str:
    """【紧急】"""
    word = priority_word(level, language)
    return f"【{word}】" if language == DEFAULT_LANGUAGE else f"[{word.upper()}]"


def notice_body(notice: Notice, why: str, language: str = DEFAULT_LANGUAGE) -> str:
    """Level and what, what to do first, why him, each on its line."""
    lines = [
        f"{title_of(notice.level, language)}{notice.text}",
        _FIRST[language].format(notice.action) if notice.action else "",
        _WHY[language].format(why) if why else "",
    ]
    return "\n".join(line for line in lines if line)


def digest_head(notices: Sequence[Notice], language: str = DEFAULT_LANGUAGE) -> str:
    """37 条通知合并: 紧急 2, 重要 30, 一般 5"""
    counts = Counter(each.level for each in notices)
    levels = ", ".join(
        f"{priority_word(level, language)} {count}" for level, count in sorted(counts.items())
    )
    return _DIGEST[language].format(count=len(notices), levels=levels)


def more_words(count: int, language: str = DEFAULT_LANGUAGE) -> str:
    return _MORE[language].format(count=count)


def number_words(number: str, language: str = DEFAULT_LANGUAGE) -> str:
    return _NUMBER[language].format(number=number)


def code_words(number: str, code: str, language: str = DEFAULT_LANGUAGE) -> str:
    return _CODE[language].format(number=number, code=code)


def link_words(link: str, language: str = DEFAULT_LANGUAGE) -> str:
    return _LINK[language].format(link)


def trial_words(language: str = DEFAULT_LANGUAGE) -> str:
    return _TRIAL[language]
