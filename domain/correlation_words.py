"""Why an incident is listed beneath another, or why not: the words of linkage.correlate and its desk."""

from typing import Final

CORRELATION: Final[dict[str, dict[str, str]]] = {
    "same_bay": {
        "zh-CN": "{what} 与跳闸的 {cause} 同属 {bay}",
        "en": "{what} is in the bay {bay} of {cause}, which tripped",
    },
    "on_its_busbar": {
        "zh-CN": "{what} 在 {via} 上, 该母线由跳闸的 {cause} 供电",
        "en": "{what} is on {via}, which {cause} supplied until it tripped",
    },
    "fed_from": {
        "zh-CN": "{what} 经 {via} 由跳闸的 {cause} 供电",
        "en": "{what} was supplied by {cause}, which tripped, through {via}",
    },
    "fed_over_line": {
        "zh-CN": "{what} 由对侧跳闸的 {cause} 经站间线路供电: {via}",
        "en": "{what} was supplied over the line from {cause}, which tripped: {via}",
    },
    "may_be_connected": {
        "zh-CN": "开关 {switches} 位置未知或不可信, 按可能连通处理",
        "en": "the position of {switches} is not known: it is taken to be connected",
    },
    "cause_told_later": {
        "zh-CN": "跳闸信号晚到 {seconds} 秒",
        "en": "the trip was told {seconds} s later",
    },
    "own_trouble": {
        "zh-CN": "又出现 {signal}, 不能由该跳闸解释, 单独列出",
        "en": "{signal} came too, which the trip does not explain: it stands for itself",
    },
    "merged_by": {"zh-CN": "{by} 归并: {words}", "en": "merged by {by}: {words}"},
    "split_by": {"zh-CN": "{by} 拆分: {words}", "en": "split off by {by}: {words}"},
    # refusals
    "not_beneath": {
        "zh-CN": "该事件没有归并在别的事件之下",
        "en": "this incident is not listed beneath another",
    },
    "not_by_hand": {
        "zh-CN": "该事件没有人工归并或拆分过",
        "en": "nobody merged or split this incident by hand",
    },
    "merged_into_itself": {
        "zh-CN": "不能归并到自己, 请选另一个事件",
        "en": "an incident cannot be merged into itself: choose another",
    },
    "is_its_cause": {
        "zh-CN": "那个事件正归并在本事件之下, 请先拆分",
        "en": "that incident is listed beneath this one: split it off first",
    },
    "already_beneath": {
        "zh-CN": "已归并在该事件之下",
        "en": "it is listed beneath that incident already",
    },
}
