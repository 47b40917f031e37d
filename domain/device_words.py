"""Why a field device was asked to act, or was not: the words of linkage.device_desk and linkage.explain."""

from typing import Final

DEVICES: Final[dict[str, dict[str, str]]] = {
    "by_rule": {"zh-CN": "依据联动规则 {rule}", "en": "by the linkage rule {rule}"},
    "asked_by": {"zh-CN": "{by} 手动下令", "en": "{by} asked for it by hand"},
    "device_busy": {
        "zh-CN": "装置正为更紧急的 {priority} 级告警动作: {text}",
        "en": "the device acts for something more urgent (level {priority}): {text}",
    },
    "device_free": {
        "zh-CN": "更紧急的命令已结束, 继续动作",
        "en": "what was more urgent is over: it goes on",
    },
    "displaced": {
        "zh-CN": "被更紧急的 {priority} 级命令取代: {text}",
        "en": "displaced by something more urgent (level {priority}): {text}",
    },
    "recalled": {
        "zh-CN": "查明是后果, 停止鸣响, 由原因告警呼叫",
        "en": "it turned out a consequence: it stops, and its cause calls",
    },
    "left_to_another": {
        "zh-CN": "已消音; 装置仍为另一告警动作, 待那一告警消音",
        "en": "silenced; the device goes on for another alarm, until that one is silenced too",
    },
    "resumed_as": {"zh-CN": "随后已继续", "en": "taken up again afterwards"},
    "over_by_then": {
        "zh-CN": "轮到时已无必要 (已复归、已确认、已消音或已过时), 未再动作",
        "en": "by its turn nobody needed it (returned, taken, silenced or too late): it did not act again",
    },
    "second_person_awaited": {"zh-CN": "等待第二人同意", "en": "a second person must agree"},
    "second_person_agreed": {"zh-CN": "{by} 同意", "en": "{by} agreed"},
    "second_person_refused": {"zh-CN": "{by} 不同意", "en": "{by} did not agree"},
    "nobody_agreed": {
        "zh-CN": "10 分钟内无第二人同意, 作废",
        "en": "nobody agreed within 10 minutes: it is void",
    },
    # refusals, and reasons to be silent
    "quiet_hours": {
        "zh-CN": "室外静音时段 {hours}, 只有一级可以鸣响",
        "en": "quiet hours outdoors ({hours}): only level 1 sounds",
    },
    "no_such_action": {"zh-CN": "{what} 没有这个动作", "en": "{what} cannot do that"},
    "no_such_level": {"zh-CN": "请选择一级、二级或三级", "en": "choose level 1, 2 or 3"},
    "device_in_use": {
        "zh-CN": "{what} 正在动作, 请稍后再试验",
        "en": "{what} is acting now: test it later",
    },
    "call_is_over": {
        "zh-CN": "该手动命令已作废, 请重新下令",
        "en": "this call is void: make it anew",
    },
    # why not this one (linkage.explain)
    "no_rule": {"zh-CN": "没有规则涉及该装置", "en": "no rule names this device"},
    "rule_wants_level": {
        "zh-CN": "规则 {rule} 只对 {level} 级及以上",
        "en": "rule {rule} acts from level {level} upwards",
    },
    "rule_wants_condition": {
        "zh-CN": "规则 {rule} 不针对这种告警",
        "en": "rule {rule} is not about this kind of alarm",
    },
    "rule_wants_class": {
        "zh-CN": "规则 {rule} 不针对这个类别",
        "en": "rule {rule} is not about this class",
    },
    "rule_wants_place": {
        "zh-CN": "规则 {rule} 不针对这个地点",
        "en": "rule {rule} is not about this place",
    },
    "rule_wants_staffing": {
        "zh-CN": "规则 {rule} 不针对这种值守方式",
        "en": "rule {rule} is not about stations staffed like this",
    },
    "rule_wants_hours": {
        "zh-CN": "规则 {rule} 只在 {hours} 有效",
        "en": "rule {rule} holds {hours} only",
    },
    "is_consequence": {
        "zh-CN": "作为后果归并在另一事件之下, 不鸣响",
        "en": "it is the consequence of another incident: nothing sounds for it",
    },
    "found_late": {"zh-CN": "迟到数据, 不鸣响", "en": "found late: nothing sounds for it"},
}
