"""The words of every Reason: why this person, why this proposal, why a request was refused. Pure."""

from typing import Final

from domain.correlation_words import CORRELATION
from domain.device_words import DEVICES
from domain.notice_words import REASONS as NOTICE_REASONS
from domain.outage_reasons import OUTAGE_REASONS
from domain.responsibility import Reason
from domain.wording import DEFAULT_LANGUAGE

_Words = dict[str, str]  # by language; {name} stands for a fact

# why this person (linkage.responsibility)
_RESPONSIBILITY: Final[dict[str, _Words]] = {
    "site_default": {"zh-CN": "{words}", "en": "{words}"},
    "no_zone": {"zh-CN": "{what} 不属于任何责任区", "en": "{what} belongs to no zone"},
    "zone_covers": {"zh-CN": "{what} 属责任区 {zone}", "en": "{what} belongs to zone {zone}"},
    "zone_covers_since": {
        "zh-CN": "{what} 属责任区 {zone}(自 {since} 起)",
        "en": "{what} belongs to zone {zone} (since {since})",
    },
    "owner": {"zh-CN": "{zone} 的责任党员是 {person}", "en": "{person} owns {zone}"},
    "zone_vacant": {"zh-CN": "{zone} 当时没有责任党员", "en": "{zone} had no owner then"},
    "owners_matter": {
        "zh-CN": "违章与督办由责任党员处理, 不看值班",
        "en": "violations and supervision go to the owner, whoever is on duty",
    },
    "on_duty": {
        "zh-CN": "{person} 当值: {crew} {day} {shift}",
        "en": "{person} is on duty: {crew}, {shift} of {day}",
    },
    "on_call": {
        "zh-CN": "{person} 听班(待召): {crew} {day} {shift}",
        "en": "{person} is on call: {crew}, {shift} of {day}",
    },
    "on_leave": {"zh-CN": "{person} 请假, 顺延", "en": "{person} is on leave: the next one"},
    "leave_deputy": {
        "zh-CN": "{person} 请假期间由 {other} 代行",
        "en": "{other} stands in while {person} is on leave",
    },
    "delegated": {
        "zh-CN": "{person} 已委托 {other}",
        "en": "{person} has delegated it to {other}",
    },
    "swapped": {
        "zh-CN": "{person} 与 {other} 换班",
        "en": "{person} took this turn from {other}",
    },
    "in_turn_of": {
        "zh-CN": "{person} 代 {other} 当班: {crew} {day} {shift}",
        "en": "{person} has the turn of {other}: {crew}, {shift} of {day}",
    },
    "in_place_of": {
        "zh-CN": "由 {person} 代 {other} 处理",
        "en": "{person} acts in place of {other}",
    },
    "work_site": {
        "zh-CN": "工作票 {number} 的工作现场, 由工作负责人 {person} 处理",
        "en": "on the work site of ticket {number} its leader {person} acts",
    },
    "leads_team": {"zh-CN": "{team} 由 {person} 负责", "en": "{person} leads {team}"},
    "no_zone_alone": {
        "zh-CN": "{what} 没有唯一的责任区",
        "en": "{what} is not in one zone alone",
    },
    "crew_away": {"zh-CN": "{crew} 当班人员都不在", "en": "nobody of {crew} is there"},
    "nobody_on_duty": {"zh-CN": "{roster} 当时无人当值", "en": "nobody of {roster} was on duty"},
    "owner_acts": {"zh-CN": "由责任党员 {person} 处理", "en": "the owner {person} acts"},
    "deputy_acts": {"zh-CN": "由副责任人 {person} 处理", "en": "the deputy {person} acts"},
    "head_acts": {
        "zh-CN": "由所在组织负责人 {person} 处理",
        "en": "{person}, who heads the unit, acts",
    },
    "nobody_left": {
        "zh-CN": "{zone} 没有可以处理的人, 请补充",
        "en": "{zone} has nobody to act: name somebody",
    },
}

# why this proposal, and what an entry is for (linkage.credit)
_CREDIT: Final[dict[str, _Words]] = {
    "violation_rule": {
        "zh-CN": "识别到 {rule}({code}), 且没有可用的工作票",
        "en": "{rule} ({code}) was recognised, and no ticket permits it",
    },
    "seen_by_camera": {
        "zh-CN": "{camera} 识别到 {rule}({code}), 识别得分 {percent}%",
        "en": "{camera} saw {rule} ({code}), score {percent} %",
    },
    "told_by_box": {
        "zh-CN": "{box} 上报 {camera} {rule}({code}), 置信度 {sure}",
        "en": "{box} told of {rule} ({code}) at {camera}, its confidence {sure}",
    },
    "seen_in_area": {"zh-CN": "位置: {area}", "en": "in {area}"},
    "seen_times": {
        "zh-CN": "{minutes} 分钟内识别到 {times} 次, 合并为一项",
        "en": "{times} times within {minutes} min, one item",
    },
    "reported_by_hand": {"zh-CN": "{by} 现场上报", "en": "reported by {by}"},
    "zone_of_station": {
        "zh-CN": "未指明设备: {station}有 {count} 台设备属{zone}",
        "en": "no device was named: {count} of {station} are in {zone}",
    },
    "seen_for": {"zh-CN": "持续 {seconds} 秒", "en": "for {seconds} s"},
    "seen_near": {
        "zh-CN": "距带电部位 {metres} 米 (误差 ±{error} 米), 要求不小于 {limit} 米",
        "en": "{metres} m from a live part (error {error} m), at least {limit} m are required",
    },
    "seen_uncertain": {
        "zh-CN": "数据存疑, 工作票或距离误差可能说明其正当: 不作定论",
        "en": "doubtful: a ticket, or the error of the distance, might excuse it",
    },
    "seen_with": {"zh-CN": "识别模型 {model}", "en": "recognised by {model}"},
    "ticket_valid": {"zh-CN": "有效工作票: {numbers}", "en": "valid ticket: {numbers}"},
    "ticket_valid_excuses_not": {
        "zh-CN": "有有效工作票 ({numbers}), 但工作票不免除这一条",
        "en": "there is a valid ticket ({numbers}), which does not excuse this",
    },
    "ticket_none": {"zh-CN": "本站没有工作票", "en": "there is no ticket at this station"},
    "ticket_expired": {
        "zh-CN": "工作票已过期或已终结: {numbers}",
        "en": "the ticket is over: {numbers}",
    },
    "ticket_wrong_place": {
        "zh-CN": "工作票不是这个地点的: {numbers}",
        "en": "the ticket is for another place: {numbers}",
    },
    "ticket_wrong_crew": {
        "zh-CN": "工作票不是这个班组的: {numbers}",
        "en": "the ticket is another crew's: {numbers}",
    },
    "ticket_questionable": {
        "zh-CN": "工作票不能断定 (未许可、间断或查询不到): {numbers}",
        "en": "the tickets do not settle it (not permitted yet, interrupted, or not to be asked): {numbers}",
    },
    "handled_within": {
        "zh-CN": "{seconds} 秒内确认, 且已全部复归",
        "en": "acknowledged within {seconds} s, and everything has returned",
    },
    "credit_rule": {
        "zh-CN": "依据 {book} 第 {version} 版: {item}",
        "en": "by {book}, version {version}: {item}",
    },
    "violation_confirmed": {
        "zh-CN": "违章 {code} 已由 {by} 认定",
        "en": "violation {code} was confirmed by {by}",
    },
    "said": {"zh-CN": "{words}", "en": "{words}"},
    "reversal": {"zh-CN": "撤销: {words}", "en": "reversal: {words}"},
    "capped": {
        "zh-CN": "已达本期上限 {cap} 分",
        "en": "the cap of {cap} points in this period was reached",
    },
}

# why a request was refused (linkage.desk and what it asks)
_REFUSALS: Final[dict[str, _Words]] = {
    "unknown_user": {"zh-CN": "没有用户 {user}", "en": "there is no user {user}"},
    "user_disabled": {"zh-CN": "用户 {user} 已停用", "en": "user {user} is disabled"},
    "not_allowed": {
        "zh-CN": "当前角色不能做这件事, 请联系管理员",
        "en": "your roles do not allow this: ask an administrator",
    },
    "out_of_scope": {
        "zh-CN": "{station} 不在您的管辖范围内",
        "en": "{station} is outside your scope",
    },
    "no_such_incident": {
        "zh-CN": "该事件已关闭或不存在",
        "en": "this incident is closed or does not exist",
    },
    "already_acknowledged": {"zh-CN": "已由 {by} 确认", "en": "{by} has acknowledged it already"},
    "no_such_alarm": {
        "zh-CN": "该告警已结束或不存在",
        "en": "this alarm is over or does not exist",
    },
    "alarm_withheld": {
        "zh-CN": "该告警已屏蔽、抑制或退出运行, 无需确认",
        "en": "this alarm is shelved, suppressed or out of service: there is nothing to acknowledge",
    },
    "alarm_still_stands": {
        "zh-CN": "告警仍未复归, 复归后才能复位",
        "en": "the alarm still stands: it can be reset once it has returned",
    },
    "acknowledge_first": {"zh-CN": "请先确认, 再复位", "en": "acknowledge it first, then reset it"},
    "shelve_too_long": {
        "zh-CN": "屏蔽时间须大于 0 且不超过 {hours} 小时",
        "en": "an alarm is shelved for more than nothing and at most {hours} h",
    },
    "already_withheld": {
        "zh-CN": "已由 {by} 屏蔽或退出运行",
        "en": "{by} has shelved it or taken it out of service already",
    },
    "no_open_ticket": {
        "zh-CN": "退出运行须绑定一张未结束的工作票",
        "en": "out of service needs a ticket that is open",
    },
    "no_such_withholding": {
        "zh-CN": "该屏蔽已解除或不存在",
        "en": "it has ended already, or there is no such shelf",
    },
    "withheld_by_design": {
        "zh-CN": "由抑制规则 {rule} 抑制: 条件消失即恢复, 要改请修改站点文件夹中的规则",
        "en": "the rule {rule} suppresses it by design: it ends with its condition, or change the rule in the"
        " site folder",
    },
    "no_such_limit": {"zh-CN": "{what} 没有这个限值", "en": "{what} has no such limit"},
    "limit_unchanged": {"zh-CN": "与现行限值相同", "en": "this is what holds already"},
    "limit_change_waits": {
        "zh-CN": "{by} 提出的修改还在等待审批, 请先办理",
        "en": "a change that {by} proposed waits for approval: decide that one first",
    },
    "limits_not_rising": {
        "zh-CN": "限值须满足 LL < L < H < HH, 但 {below} 不小于 {above}",
        "en": "limits must rise LL < L < H < HH, but {below} is not below {above}",
    },
    "deadband_too_wide": {
        "zh-CN": "{condition} 的回差不能为负, 也不能达到 L 与 H 之间的宽度",
        "en": "the deadband of {condition} must not be negative nor as wide as the band from L to H",
    },
    "negative_delay": {"zh-CN": "延时不能为负", "en": "a delay must not be negative"},
    "no_such_campaign": {
        "zh-CN": "没有可手动切换的模式 {what}",
        "en": "there is no campaign {what} to begin or end by hand",
    },
    "campaign_is_so": {"zh-CN": "{name} 已是这个状态", "en": "{name} is so already"},
    "nothing_given": {"zh-CN": "没有内容", "en": "nothing was given"},
    "note_needed": {
        "zh-CN": "告警仍未复归, 关闭时请写明原因",
        "en": "an alarm still stands: say why you close it",
    },
    "words_needed": {"zh-CN": "请写明理由", "en": "say why"},
    "named_only_when_confirmed": {
        "zh-CN": "只有认定违章时才填写涉及人员、条款和发现单位",
        "en": "persons, clause and finder are given only when a violation is confirmed",
    },
    "nobody_named": {
        "zh-CN": "请指明涉及人员; 不知姓名的外来人员选“承包商, 姓名不详”",
        "en": 'name who it was; for a stranger choose "contractor, unknown"',
    },
    "too_many_named": {
        "zh-CN": "一次最多指明 {most} 人",
        "en": "name at most {most} persons",
    },
    "named_twice": {"zh-CN": "{person} 填写了两次", "en": "{person} is named twice"},
    "clause_needed": {
        "zh-CN": "请填写违反的条款和由谁发现",
        "en": "give the clause that was broken and who found it",
    },
    "clause_too_long": {
        "zh-CN": "条款最多 {most} 字",
        "en": "the clause may have {most} characters",
    },
    "nothing_chosen": {"zh-CN": "请先选择", "en": "choose something first"},
    "too_many_chosen": {"zh-CN": "一次最多 {most} 项", "en": "at most {most} at once"},
    "is_a_duplicate": {
        "zh-CN": "所选的主项本身已标为重复, 请选另一项",
        "en": "the item to keep is a duplicate itself: choose another one",
    },
    "duplicate_of_itself": {
        "zh-CN": "一项不能是自己的重复",
        "en": "an item is no duplicate of itself",
    },
    "duplicates_of_sight": {
        "zh-CN": "只有违章、隐患和缺陷可以标为重复",
        "en": "only violations, hazards and defects can be duplicates",
    },
    "duplicate_elsewhere": {
        "zh-CN": "不在同一站, 不是重复",
        "en": "they are of different stations: no duplicates",
    },
    "report_kind": {
        "zh-CN": "请选择违章、隐患或缺陷",
        "en": "choose violation, hazard or defect",
    },
    "report_text_needed": {"zh-CN": "请写明看到了什么", "en": "say what you saw"},
    "report_too_long": {"zh-CN": "最多 {most} 字", "en": "at most {most} characters"},
    "report_code": {
        "zh-CN": "编号只用于违章, 由大写字母、数字和横线组成",
        "en": "a code is for violations: capitals, digits and dashes",
    },
    "report_time": {
        "zh-CN": "时间须在最近 30 天内, 不能晚于现在",
        "en": "the time must be within the last 30 days",
    },
    "too_many_photos": {"zh-CN": "最多 {most} 张照片", "en": "at most {most} photos"},
    "photo_bytes": {"zh-CN": "照片超过 {most} MB", "en": "the photo has more than {most} MB"},
    "photo_type": {
        "zh-CN": "不是 JPEG 或 PNG 图片",
        "en": "neither JPEG nor PNG: send one of the two",
    },
    "photo_pixels": {
        "zh-CN": "照片 {width} x {height} 太大, 最多 {most} 百万像素",
        "en": "{width} x {height}: up to {most} megapixels are taken",
    },
    "photo_small": {
        "zh-CN": "照片 {width} x {height} 太小, 看不清",
        "en": "{width} x {height}: that shows nothing",
    },
    "photo_cut": {
        "zh-CN": "照片不完整, 请重新上传",
        "en": "the photo was cut short: send it again",
    },
    "photo_broken": {"zh-CN": "照片已损坏, 无法解码", "en": "the photo cannot be decoded"},
    "no_photo": {
        "zh-CN": "照片无效, 请重新上传",
        "en": "that is no photo of ours: upload it again",
    },
    "rectify_confirmed_only": {
        "zh-CN": "只有已认定的违章、隐患或缺陷才能下发整改通知单",
        "en": "a rectification notice needs a confirmed violation, hazard or defect",
    },
    "rectification_open": {
        "zh-CN": "整改通知单 {number} 尚未销号",
        "en": "notice {number} is still open",
    },
    "measure_needed": {"zh-CN": "请写明整改要求", "en": "say what is demanded"},
    "due_time": {
        "zh-CN": "整改期限须在今后 {days} 天内",
        "en": "the due time must lie within the next {days} days",
    },
    "no_such_rectification": {
        "zh-CN": "没有这张整改通知单",
        "en": "there is no such rectification notice",
    },
    "rectification_not_issued": {
        "zh-CN": "{number} 不在整改中",
        "en": "{number} does not wait for rectification",
    },
    "rectification_not_done": {
        "zh-CN": "{number} 尚未报告整改完成, 不能验收",
        "en": "{number} is not reported as done yet",
    },
    "done_words_needed": {"zh-CN": "请写明做了什么", "en": "say what was done"},
    "root_cause_needed": {
        "zh-CN": "请写明根本原因",
        "en": "give the root cause: why it could happen at all",
    },
    "look_back_later": {
        "zh-CN": "{number} 到 {on} 才回头看",
        "en": "{number} is looked back at on {on}",
    },
    "look_back_over": {
        "zh-CN": "{number} 已完成全部回头看",
        "en": "{number} was looked back at for the last time",
    },
    "verified_by_another": {
        "zh-CN": "须由整改人以外的人验收",
        "en": "another person must look: not the one who did it",
    },
    "no_verdict": {"zh-CN": "请选择确认、驳回或退回", "en": "confirm, reject or send back"},
    "no_such_review": {"zh-CN": "没有这个待审核项", "en": "there is no such review item"},
    "already_judged": {"zh-CN": "已由 {by} 审核", "en": "{by} has judged it already"},
    "already_proposed": {"zh-CN": "已由 {by} 提出", "en": "{by} has proposed it already"},
    "not_the_authority": {
        "zh-CN": "此账户只能由相应的审核人({role})审核",
        "en": "only the authority of this account ({role}) may judge it",
    },
    "second_person": {
        "zh-CN": "须由提出人以外的第二人办理",
        "en": "a second person is needed: not the one who proposed it",
    },
    "concerns_yourself": {"zh-CN": "涉及本人, 不能自己审核", "en": "it concerns yourself"},
    "confirmed_it_yourself": {
        "zh-CN": "原记录由您确认, 须由他人复核",
        "en": "you confirmed the entry: somebody else must re-examine it",
    },
    "party_module_off": {"zh-CN": "党建积分模块已停用", "en": "the party module is switched off"},
    "no_item_by_hand": {
        "zh-CN": "规则中没有可手工提出的项目 {item}",
        "en": "the rule book has no item {item} to be proposed by hand",
    },
    "no_such_entry": {"zh-CN": "没有这条积分记录", "en": "there is no such entry"},
    "is_a_correction": {
        "zh-CN": "冲正记录不能再冲正",
        "en": "a correction cannot be corrected",
    },
    "already_corrected": {"zh-CN": "这条记录已冲正", "en": "this entry was corrected already"},
    "no_such_ticket": {"zh-CN": "没有这张工作票", "en": "there is no such ticket"},
    "ticket_cannot": {
        "zh-CN": "工作票 {number} 当前状态不能这样办理",
        "en": "ticket {number} cannot move there from where it is",
    },
    "ticket_times": {
        "zh-CN": "计划结束时间须晚于开始时间",
        "en": "the planned end must be after the beginning",
    },
    "number_taken": {"zh-CN": "票号 {number} 已被使用", "en": "number {number} is taken"},
    "unknown_place": {"zh-CN": "没有 {what}", "en": "there is no {what}"},
    "field_needed": {"zh-CN": "请填写 {field}", "en": "{field} is needed"},
    "tag_times": {
        "zh-CN": "预计摘牌时间须在现在之后",
        "en": "the tag's expected end must be in the future",
    },
    "earth_needs_number_and_place": {
        "zh-CN": "请写明接地线编号和挂接位置",
        "en": "write the number of the portable earth and where it is applied",
    },
    "earth_is_applied": {
        "zh-CN": "{number} 接地线已挂在 {place}, 请先拆除登记",
        "en": "portable earth {number} is applied at {place}: register its removal first",
    },
    "no_such_tag": {"zh-CN": "没有这块牌, 或已摘除", "en": "no such tag hangs"},
    "no_such_approval": {"zh-CN": "没有这项审批", "en": "there is no such approval"},
    "already_decided": {"zh-CN": "已由 {by} 办理", "en": "{by} has decided it already"},
    "site_unchanged": {
        "zh-CN": "与当前生效的站点版本相同",
        "en": "this is the site version that is effective already",
    },
    "site_waits": {
        "zh-CN": "已有待审批的站点版本 {number}, 请先办理",
        "en": "site version {number} waits for approval: decide that one first",
    },
    "last_administrator": {
        "zh-CN": "这是最后一个管理员, 不能停用或取消角色",
        "en": "this is the last administrator: he cannot be disabled or lose the role",
    },
    "not_possible": {"zh-CN": "现在不能这样做: {words}", "en": "not possible now: {words}"},
    "no_such_finding": {
        "zh-CN": "没有这条研判结论, 或已结束",
        "en": "there is no such finding, or it is over",
    },
    "already_answered": {"zh-CN": "{by} 已会诊", "en": "{by} has answered it already"},
    "unknown_person": {"zh-CN": "没有人员 {what}", "en": "there is no person {what}"},
    "person_out_of_scope": {
        "zh-CN": "{person} 不在您的班组, 请由其班组或管理员办理",
        "en": "{person} is not in your team: his team or an administrator may do it",
    },
    "times_needed": {
        "zh-CN": "结束时间须晚于开始时间, 且在现在之后",
        "en": "the end must be after the beginning and in the future",
    },
    "not_himself": {
        "zh-CN": "{person} 不能代行自己, 请另选一人",
        "en": "{person} cannot stand in for himself: choose somebody else",
    },
    "on_leave_already": {
        "zh-CN": "{person} 在这段时间已请假",
        "en": "{person} is on leave in that time already",
    },
    "unknown_roster": {"zh-CN": "没有排班 {what}", "en": "there is no roster {what}"},
    "unknown_shift": {
        "zh-CN": "{roster} 没有班次 {shift}",
        "en": "{roster} has no shift {shift}",
    },
    "not_his_turn": {
        "zh-CN": "{person} 在 {day} 没有 {shift}",
        "en": "{person} has no {shift} on {day}",
    },
    "turn_begun": {
        "zh-CN": "{day} {shift} 已经开始或结束, 不能再调",
        "en": "{shift} of {day} has begun: it can be changed no more",
    },
    "on_duty_already": {
        "zh-CN": "{person} 在 {day} {shift} 的时间里已当班",
        "en": "{person} is on duty during {shift} of {day} already",
    },
    "swap_waits": {
        "zh-CN": "这个班次已有待同意的换班, 请先办理",
        "en": "a swap of this turn waits for agreement: settle that one first",
    },
    "no_duty_lead": {
        "zh-CN": "{roster} 没有可以同意换班的值班负责人",
        "en": "{roster} has no duty lead who could agree to a swap",
    },
    "not_asked_to_agree": {
        "zh-CN": "须由 {persons} 本人同意",
        "en": "it waits for {persons} in person",
    },
    "agreed_already": {"zh-CN": "您已同意", "en": "you have agreed already"},
    "planned_twice": {
        "zh-CN": "{person} 在 {day} 写了两次",
        "en": "{person} is given twice on {day}",
    },
    "too_many_days": {
        "zh-CN": "一次最多调整 {count} 人日",
        "en": "at most {count} days of persons at a time",
    },
    "holiday_days": {
        "zh-CN": "节假日须有名称, 首日不晚于末日, 最长 {days} 天, 末日不早于今天",
        "en": "a holiday needs a name, a first day not after its last, at most {days} days, not all past",
    },
    "sheet_first_column": {
        "zh-CN": "第一列的标题应为 {what}, 请用导出的表格填写",
        "en": "the first column must be headed {what}: fill in the sheet that was downloaded",
    },
    "sheet_no_day": {
        "zh-CN": "{what} 不是日期, 请写作 2026-12-01",
        "en": "{what} is no day: write it as 2026-12-01",
    },
    "sheet_person_twice": {"zh-CN": "{what} 出现了两行", "en": "{what} has two rows"},
    "sheet_no_shift": {
        "zh-CN": "没有班次 {what}; 可写 {known}",
        "en": "no shift is named {what}; there are {known}",
    },
    "unknown_team": {"zh-CN": "没有班组 {what}", "en": "there is no team {what}"},
    "unknown_zone": {"zh-CN": "没有责任区 {what}", "en": "there is no zone {what}"},
    "unknown_crew": {
        "zh-CN": "{team} 的排班中没有 {what}",
        "en": "no roster of {team} has the crew {what}",
    },
    "no_member": {
        "zh-CN": "{person} 不是党员, 不能做责任党员",
        "en": "{person} is no member: the owner and the deputy of a zone must be",
    },
    "no_such_arrangement": {
        "zh-CN": "没有这项安排, 或已结束",
        "en": "there is no such arrangement, or it is over",
    },
    "ends_with_ticket": {
        "zh-CN": "工作现场随工作票 {number} 终结而结束",
        "en": "the work site ends with its ticket {number}",
    },
    "password_needed": {"zh-CN": "新用户须有密码", "en": "a new user needs a password"},
}

# hand-over and log: why the old shift still answers, and why a signature was not taken
_HANDOVER: Final[dict[str, _Words]] = {
    "not_handed_over": {
        "zh-CN": "{post} 尚未交接班: 仍由 {crew} ({day} {shift}) 负责",
        "en": "{post} is not yet handed over: {crew} ({shift} of {day}) still answers",
    },
    "handed_over_early": {
        "zh-CN": "{post} 已提前交接班: {crew} ({day} {shift}) 已接班",
        "en": "{post} was handed over early: {crew} ({shift} of {day}) has taken over",
    },
    "no_such_watch": {
        "zh-CN": "该班次已交接或不存在, 请刷新",
        "en": "this watch is handed over or does not exist: look again",
    },
    "not_of_the_crew": {
        "zh-CN": "须由 {crew} 的人员或其上级签字; 用户须关联人员",
        "en": "somebody of {crew}, or who leads it, must sign; the user must be that person",
    },
    "sign_too_early": {
        "zh-CN": "交接班最早可在 {when} 办理",
        "en": "hand-over may begin at {when}",
    },
    "outgoing_signs_first": {
        "zh-CN": "请交班人先签字",
        "en": "the outgoing shift must sign first",
    },
    "page_changed": {
        "zh-CN": "交班人已重新签字, 请看新的交接内容后再签",
        "en": "the outgoing shift has signed another page: read that one, then sign",
    },
    "page_too_large": {
        "zh-CN": "交接内容过多, 请先处理一部分",
        "en": "the page is too large: deal with some of it first",
    },
    "not_in_the_dispatch_room": {
        "zh-CN": "调度室日志不在您的管辖范围内",
        "en": "the dispatch room's log is outside your scope",
    },
    "log_text_needed": {"zh-CN": "请写内容", "en": "write what happened"},
    "log_too_long": {
        "zh-CN": "内容不能超过 {most} 个字, 请分条书写",
        "en": "a line has at most {most} characters: write several",
    },
    "log_kind": {
        "zh-CN": "这类记录由系统书写",
        "en": "lines of this kind are the system's",
    },
    "log_time": {
        "zh-CN": "时间须在最近 7 天内, 且不晚于现在",
        "en": "the time must lie within the last 7 days and not in the future",
    },
    "order_incomplete": {
        "zh-CN": "调度命令须写明发令人、受令人和发令时间",
        "en": "an order needs who gave it, who received it, and when",
    },
    "read_back_first": {
        "zh-CN": "复诵无误后才能执行",
        "en": "an order is executed after it was read back and confirmed",
    },
    "executed_before_given": {
        "zh-CN": "执行时间不能早于发令时间",
        "en": "it cannot have been executed before it was given",
    },
    "no_such_line": {
        "zh-CN": "没有这条记录, 或已超过 7 天, 不能再更正",
        "en": "there is no such line, or it is older than 7 days and cannot be corrected",
    },
    "line_corrected": {
        "zh-CN": "{by} 已更正, 请更正新的一条",
        "en": "{by} has corrected it already: correct the newer line",
    },
}

# what an expert says of a piece of equipment, and what would change its mind (detectors.judgement)
_JUDGEMENT: Final[dict[str, _Words]] = {
    "inputs_missing": {"zh-CN": "缺少输入: {what}", "en": "inputs are missing: {what}"},
    "beyond_limit": {
        "zh-CN": "实测 {measured} {unit}, 限值 {limit} {unit}",
        "en": "measured {measured} {unit}, the limit is {limit} {unit}",
    },
    "within_limit": {
        "zh-CN": "回到 {limit} {unit} 以内即不再成立",
        "en": "back within {limit} {unit} it would no longer hold",
    },
    "oil_against_model": {
        "zh-CN": "顶层油温实测 {measured}℃, 按负载与环境温度应为 {expected}℃",
        "en": "top oil is {measured} °C; load and ambient explain {expected} °C",
    },
    "oil_within_model": {
        "zh-CN": "与模型相差不超过 {kelvin} K 即不再成立",
        "en": "within {kelvin} K of the model it would no longer hold",
    },
    "hot_spot_will_pass": {
        "zh-CN": "负载不变时 30 分钟内热点将达 {celsius}℃ (限值 {limit}℃)",
        "en": "at this load the hot spot reaches {celsius} °C within 30 min (limit {limit} °C)",
    },
    "less_load": {
        "zh-CN": "负载率低于当前 {load} 可避免",
        "en": "less than the present load factor of {load} would avoid it",
    },
    "gases_say": {
        "zh-CN": "油中气体 {exceeded} 超过注意值, 判为 {fault}",
        "en": "{exceeded} in the oil above the attention value: {fault}",
    },
    "gases_below_attention": {
        "zh-CN": "各气体低于注意值时不作诊断",
        "en": "below the attention values no diagnosis is made",
    },
    "pentagon_says": {"zh-CN": "大卫五角形落在 {fault}", "en": "Duval pentagon 1 says {fault}"},
    "off_power_curve": {
        "zh-CN": "最近 {of} 个值中至少 {count} 个偏离功率曲线",
        "en": "at least {count} of the last {of} values are off the power curve",
    },
    "curtailed_would_explain": {
        "zh-CN": "若为限功率运行则不成立",
        "en": "curtailment would explain it",
    },
    "cells_apart": {
        "zh-CN": "单体 {cells} 与平均值 {mean} V 相差超过 {limit} V",
        "en": "cells {cells} are more than {limit} V away from the mean of {mean} V",
    },
    "cells_together": {
        "zh-CN": "与平均值相差回到 {limit} V 以内即不再成立",
        "en": "within {limit} V of the mean it would no longer hold",
    },
    "leaks": {
        "zh-CN": "近 {days} 天折算到 20℃ 的压力持续下降, 折合每年泄漏 {percent} % (限值 {limit} %)",
        "en": "pressure at 20 °C fell over {days} days: {percent} % a year (limit {limit} %)",
    },
    "refilled_or_tight": {
        "zh-CN": "补气或压力不再下降后不再成立",
        "en": "refilled, or no longer falling, it would no longer hold",
    },
    "relay_took": {
        "zh-CN": "故障电流 {current} A 时动作用时 {recorded} s, 按整定曲线应为 {expected} s",
        "en": "it took {recorded} s at {current} A; its curve says {expected} s",
    },
    "relay_unwanted": {
        "zh-CN": "电流 {current} A 低于启动值 {pickup} A, 不应动作",
        "en": "it operated at {current} A, below its pickup of {pickup} A",
    },
    "next_trip_right": {
        "zh-CN": "下一次动作时间符合曲线, 或整定值有误时不再成立",
        "en": "a next trip on the curve, or another setting, would end it",
    },
    "event_instantaneous_sag": {
        "zh-CN": "瞬时电压暂降: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "instantaneous sag: {remaining} % of nominal for {lasted} s",
    },
    "event_instantaneous_swell": {
        "zh-CN": "瞬时电压暂升: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "instantaneous swell: {remaining} % of nominal for {lasted} s",
    },
    "event_momentary_interruption": {
        "zh-CN": "短时中断: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "momentary interruption: {remaining} % of nominal for {lasted} s",
    },
    "event_momentary_sag": {
        "zh-CN": "短时电压暂降: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "momentary sag: {remaining} % of nominal for {lasted} s",
    },
    "event_momentary_swell": {
        "zh-CN": "短时电压暂升: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "momentary swell: {remaining} % of nominal for {lasted} s",
    },
    "event_temporary_interruption": {
        "zh-CN": "暂时中断: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "temporary interruption: {remaining} % of nominal for {lasted} s",
    },
    "event_temporary_sag": {
        "zh-CN": "暂时电压暂降: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "temporary sag: {remaining} % of nominal for {lasted} s",
    },
    "event_temporary_swell": {
        "zh-CN": "暂时电压暂升: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "temporary swell: {remaining} % of nominal for {lasted} s",
    },
    "event_sustained_interruption": {
        "zh-CN": "持续中断: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "sustained interruption: {remaining} % of nominal for {lasted} s",
    },
    "event_undervoltage": {
        "zh-CN": "欠电压: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "undervoltage: {remaining} % of nominal for {lasted} s",
    },
    "event_overvoltage": {
        "zh-CN": "过电压: 剩余电压为额定的 {remaining} %, 持续 {lasted} s",
        "en": "overvoltage: {remaining} % of nominal for {lasted} s",
    },
    "a_day_without_event": {
        "zh-CN": "24 小时内不再记录到事件即不再成立",
        "en": "a day without another event would end it",
    },
    "gas_grows": {
        "zh-CN": "{gas} 近 {days} 天产气速率 {rate} {unit}",
        "en": "{gas} grows by {rate} {unit}, over {days} days",
    },
    "grows_slower": {
        "zh-CN": "增长速率低于 {limit} {unit} 即不再成立",
        "en": "below {limit} {unit} it would no longer hold",
    },
    "sun_explains": {
        "zh-CN": "按辐照度与组件温度应发 {expected} kW, 实发 {measured} kW",
        "en": "sun and warmth explain {expected} kW; it makes {measured} kW",
    },
    "curtailed_or_snow_would_explain": {
        "zh-CN": "若限功率、积雪或检修则不成立",
        "en": "curtailment, snow or work on it would explain it",
    },
    "strings_low": {
        "zh-CN": "组串 {strings} 低于同逆变器中位值 {percent} % 以上达半小时",
        "en": "strings {strings} were {percent} % below the inverter's median for half an hour",
    },
    "strings_together": {
        "zh-CN": "清洗或修复后与其他组串一致即不再成立",
        "en": "cleaned or mended, level with the others, it would no longer hold",
    },
    "low_ratio": {
        "zh-CN": "日性能比 (折算 25℃) {ratio}, 近 30 天中位值 {usual}",
        "en": "the day's performance ratio at 25 °C is {ratio}, its month's median {usual}",
    },
    "turns_shorted": {
        "zh-CN": "负序为正序的 {share} %, 健康时 ({runs} 次) 不超过 {limit} %; 指向 {phase} 相",
        "en": "negative sequence {share} %, at most {limit} % while it was well ({runs} runs); phase {phase}",
    },
    "supply_would_explain": {
        "zh-CN": "若电源电压不平衡则可由其解释",
        "en": "an unbalanced supply would explain it",
    },
    "off_level": {
        "zh-CN": "滑动平均偏离学习期水平 {spreads} 倍离散度",
        "en": "its running mean is {spreads} spreads off the level that was learnt",
    },
    "never_seen": {
        "zh-CN": "与本测点以往相比极为少见 (10 的 -{rarity} 次方)",
        "en": "very rare for this point's own past (10 to the -{rarity})",
    },
    "usual_again": {
        "zh-CN": "回到以往的范围即不再成立",
        "en": "back in its usual range it would no longer hold",
    },
    "sensor_stands_still": {
        "zh-CN": "测量值不动, 而同设备其他量在变",
        "en": "the value stands still while others of the asset move",
    },
}

_WORDS: Final = (
    _RESPONSIBILITY
    | _CREDIT
    | _REFUSALS
    | _HANDOVER
    | _JUDGEMENT
    | CORRELATION
    | DEVICES
    | NOTICE_REASONS
    | OUTAGE_REASONS
)


def reason_text(reason: Reason, language: str = DEFAULT_LANGUAGE) -> str:
    """One sentence. A reason of another release is shown by its code and facts."""
    words = _WORDS.get(reason.code)
    if words is None:
        return " ".join([reason.code, *(fact for _, fact in reason.facts)])
    return words[language].format(**dict(reason.facts))
