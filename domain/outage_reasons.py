"""The words of reasons about outages and earth faults; domain.reasons says them. Pure."""

from typing import Final

_Words = dict[str, str]  # by language; {name} stands for a fact

# where the fault lies, or why a person must say (linkage.outages.location)
_LOCATED: Final[dict[str, _Words]] = {
    "fault_between": {
        "zh-CN": "故障在 {from} 之后, {to} 之前: {from} 有故障电流通过, 其后的指示器未动作",
        "en": "behind {from} and before {to}: {from} saw the current, the next flags did not",
    },
    "fault_widened": {
        "zh-CN": "故障在 {from} 之后, {to} 之前; {silent} 的指示器失效或未装, 区段因此放宽",
        "en": "behind {from} and before {to}; the flags at {silent} failed or are not fitted, so it is wider",
    },
    "fault_whole": {
        "zh-CN": "没有可用的故障指示, 从 {from} 起全线查找",
        "en": "no flag says anything: search the whole line from {from}",
    },
    "flags_contradict": {
        "zh-CN": "指示矛盾: {set} 动作而其上游 {clear} 未动作, 请人工判断故障区段",
        "en": "the flags contradict: {set} is set, {clear} before it is clear. Say where the fault lies",
    },
    "flags_two_branches": {
        "zh-CN": "不在同一支路的指示器都动作 ({flags}), 请人工判断故障区段",
        "en": "flags of two branches are set ({flags}): say where the fault lies",
    },
    "flags_generation": {
        "zh-CN": "线路上有 {mw} MW 分布式电源 (负荷 {load} MW), 指示器可能被反送电流触发, 请人工判断",
        "en": "{mw} MW of generation on {load} MW of load may set flags from behind: say where it lies",
    },
    "located_by_hand": {
        "zh-CN": "{by} 判断: {words}",
        "en": "by {by}: {words}",
    },
    "by_gasps": {
        "zh-CN": "由电表停电上报归集, 故障位置待查",
        "en": "grouped from last gasps of meters: where the fault lies is not known",
    },
    "by_report": {
        "zh-CN": "电话报修, 故障位置待查",
        "en": "reported by telephone: where the fault lies is not known",
    },
}
# lines of a proposal (linkage.outages.proposal)
_STEPS: Final[dict[str, _Words]] = {
    "step_keep_open": {
        "zh-CN": "确认 {switch} 断路器在分位, 不试送",
        "en": "make sure that breaker {switch} is open; do not close it",
    },
    "step_open": {
        "zh-CN": "拉开 {switch}, 隔离故障区段",
        "en": "open {switch} to isolate the fault",
    },
    "step_close_breaker": {
        "zh-CN": "合上 {switch} 断路器试送, 恢复 {restores} 段供电",
        "en": "close breaker {switch}; sections {restores} have supply again",
    },
    "step_close_tie": {
        "zh-CN": "合上联络开关 {switch}, 由 {neighbour} 转供 {restores} 段: 转移 {load} MW, "
        "备用 {spare} MW, 电压 {kilovolts} kV",
        "en": "close tie {switch}: {neighbour} supplies {restores}, {load} MW of {spare} MW to spare, "
        "at {kilovolts} kV",
    },
    "step_tie_no_spare": {
        "zh-CN": "不经 {switch} 转供: {neighbour} 备用 {spare} MW, 不足 {load} MW",
        "en": "not over {switch}: {neighbour} has {spare} MW to spare, {load} MW are needed",
    },
    "step_tie_voltage": {
        "zh-CN": "不经 {switch} 转供: {neighbour} 电压 {kilovolts} kV 超出允许范围",
        "en": "not over {switch}: {neighbour} is at {kilovolts} kV, outside the limits",
    },
    "step_tie_unknown": {
        "zh-CN": "{switch} 能否转供需核对: {neighbour} 备用 {spare} MW, 电压 {kilovolts} kV, 需 {load} MW",
        "en": "ask about {switch}: {neighbour} spare {spare} MW, {kilovolts} kV, needs {load} MW",
    },
    "step_no_tie": {
        "zh-CN": "{sections} 段没有联络开关, 待修复后送电",
        "en": "sections {sections} have no tie: they wait for the repair",
    },
}
# why a line is tried when (linkage.outages.earth)
_EARTH: Final[dict[str, _Words]] = {
    "earth_by_direction": {
        "zh-CN": "选线装置指示接地在此线",
        "en": "the relay says that the earth lies on it",
    },
    "earth_by_largest": {
        "zh-CN": "零序电流最大 ({i0} A)",
        "en": "largest zero-sequence current ({i0} A)",
    },
    "earth_by_current": {"zh-CN": "零序电流 {i0} A", "en": "zero-sequence current {i0} A"},
    "earth_by_order": {"zh-CN": "按试拉序位", "en": "by the site's order of trial trips"},
}
_REFUSALS: Final[dict[str, _Words]] = {
    "no_such_outage": {
        "zh-CN": "该停电事件已结束或不存在",
        "en": "this outage is over or does not exist",
    },
    "no_such_feeder": {"zh-CN": "没有线路 {what}", "en": "there is no feeder {what}"},
    "no_such_section": {
        "zh-CN": "请选择该线路仍停电的区段 ({what})",
        "en": "choose sections of this feeder that are meant ({what})",
    },
    "no_such_crew": {"zh-CN": "没有抢修队伍 {what}", "en": "there is no repair crew {what}"},
    "no_such_step": {
        "zh-CN": "方案已更新, 没有这一步, 请重新查看",
        "en": "the proposal has changed and has no such step: look again",
    },
    "already_ticked": {"zh-CN": "已由 {by} 完成", "en": "{by} has done it already"},
    "no_ping_needed": {
        "zh-CN": "该停电不需要召测确认",
        "en": "this outage needs no ping",
    },
    "nothing_to_locate": {
        "zh-CN": "该停电已复电或尚未判定, 不能指定故障区段",
        "en": "it is restored, or not declared yet: there is no section to name",
    },
    "nothing_to_restore": {
        "zh-CN": "尚未判定为持续停电, 无需确认复电",
        "en": "it is no permanent outage yet: there is nothing to confirm",
    },
    "say_when_restored": {
        "zh-CN": "遥测未显示 {section} 段复电, 请写明复电时间",
        "en": "telemetry does not show supply at {section}: say since when it has some",
    },
    "restored_times": {
        "zh-CN": "复电时间须在停电之后、现在之前",
        "en": "it came back after it went and not later than now",
    },
    "still_dark": {
        "zh-CN": "{what} 段尚未确认复电, 不能归档",
        "en": "sections {what} are not confirmed to have supply: it cannot be closed",
    },
    "dark_already": {
        "zh-CN": "{what} 段已在停电事件中",
        "en": "{what} belongs to an open outage already",
    },
    "plan_times": {
        "zh-CN": "计划结束时间须晚于开始时间和现在",
        "en": "the planned end must be after the beginning and in the future",
    },
    "announced_late": {
        "zh-CN": "不足提前 {days} 天公告, 请写明原因",
        "en": "this is less than {days} days ahead: say why it was not announced earlier",
    },
    "plan_overlaps": {
        "zh-CN": "与 {by} 公告的计划停电重叠",
        "en": "it overlaps the planned outage that {by} announced",
    },
    "only_its_end": {
        "zh-CN": "停电已开始, 只能变更结束时间和原因",
        "en": "it has begun: only its end and its reason can change",
    },
    "no_such_planned": {
        "zh-CN": "该计划停电已结束、已取消或不存在",
        "en": "this planned outage is over, cancelled or does not exist",
    },
    "no_such_earth_fault": {
        "zh-CN": "该接地已结束或不存在",
        "en": "this earth fault is over or does not exist",
    },
    "no_such_line": {
        "zh-CN": "{what} 不在该母线上",
        "en": "{what} is no line of this busbar",
    },
}
# what waits for a person (domain.outages.open_tasks)
_TASKS: Final[dict[str, _Words]] = {
    "task_ping": {"zh-CN": "召测电表, 确认是否停电", "en": "ping the meters: is it an outage?"},
    "task_locate": {"zh-CN": "人工判断故障区段", "en": "say where the fault lies"},
    "task_assign": {"zh-CN": "派抢修队伍", "en": "send a repair crew"},
    "task_accept": {"zh-CN": "确认 {crew} 已接单", "en": "has {crew} accepted?"},
    "task_on_site": {"zh-CN": "确认 {crew} 已到场", "en": "is {crew} on site?"},
    "task_note": {"zh-CN": "通报抢修进展", "en": "give a progress note"},
    "task_confirm": {
        "zh-CN": "遥测显示 {sections} 段已复电, 请确认",
        "en": "telemetry shows supply at {sections}: confirm it",
    },
    "task_close": {"zh-CN": "全部复电, 归档", "en": "all restored: close it"},
    "task_trial": {"zh-CN": "试拉 {number}", "en": "trial trip of {number}"},
    "task_earth_found": {
        "zh-CN": "{number} 接地, 转移负荷并停电处理",
        "en": "the earth lies on {number}: move its load and switch it off",
    },
}

OUTAGE_REASONS: Final = _LOCATED | _STEPS | _EARTH | _REFUSALS | _TASKS
