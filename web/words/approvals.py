"""Words of approvals."""

WORDS = {
    "title": ("审批", "Approvals"),
    "site": ("站点第 {number} 版", "Site version {number}"),
    "limit": ("限值修改", "A changed limit"),
    "swap": ("换班", "A swap of shifts"),
    "agree": (
        "换班双方和值班负责人都同意后生效.",
        "Effective when both persons and the duty lead have agreed.",
    ),
    "waits_for": ("等待同意: {persons}", "Waits for: {persons}"),
    "at_once": (
        "批准后一秒内生效, 不重启.",
        "When approved, it is valid within a second; nothing is restarted.",
    ),
    "proposed": ("{by} 于 {when} 提出", "proposed by {by} at {when}"),
    "needs_other": (
        "须由提出人以外的第二人批准",
        "A second person must approve: not the one who proposed",
    ),
    "device": ("手动启动现场装置", "Call of a field device"),
    "approve": ("批准并生效", "Approve"),
    "reject": ("驳回", "Reject"),
    "words": ("理由(驳回时必填)", "Why (needed to reject)"),
    "state_effective": ("已生效", "effective"),
    "state_rejected": ("已驳回", "rejected"),
    "decided": ("{by} 于 {when} {state} {words}", "{state} by {by} at {when} {words}"),
    "unusable": (
        "这一版无法读取, 不能批准: 请驳回, 用 gridwarden check 检查后重新提出",
        "This version cannot be read: reject it, run `gridwarden check`, propose it again",
    ),
    "waiting": ("等待批准", "Waiting"),
    "past": ("已办理", "Decided"),
    "restarts": (
        "批准后核心进程会用新版本重启, 约需几秒.",
        "When approved, the core starts again with the new version; that takes seconds.",
    ),
    "empty": (
        "没有等待批准的变更. 用 gridwarden apply 提出站点新版本.",
        "Nothing waits. A new version of the site is proposed with `gridwarden apply`.",
    ),
}
