"""Words of the site and its versions."""

WORDS = {
    "title": ("站点", "Site"),
    "facts": (
        "{points} 个测点, {assets} 台设备, {sirens} 个现场装置",
        "{points} points, {assets} devices, {sirens} field devices",
    ),
    "numbering": ("编号规则", "Numbering"),
    "versions": ("版本", "Versions"),
    "number": ("版本", "Version"),
    "state": ("状态", "State"),
    "proposed_by": ("提出", "Proposed by"),
    "when": ("时间", "Time"),
    "state_proposed": ("待批准", "waits for approval"),
    "state_effective": ("生效", "effective"),
    "state_rejected": ("驳回", "rejected"),
    "download": ("下载(zip)", "Download (zip)"),
    "rules": ("积分规则", "Credit rules"),
    "item": ("项目", "Item"),
    "account": ("账户", "Account"),
    "points": ("分值", "Points"),
    "cap": ("本期上限", "Cap per period"),
    "mark": ("出处", "Mark"),
    "marks": (
        "出处: V 读自资料, C 计算, U 未核实, D 本产品可编辑的默认值(不是任何单位的制度)",
        "Marks: V read, C computed, U unverified, D our editable default (no rule of any company)",
    ),
    "no_rules": (
        "没有积分规则, 请添加 credit-rules.yaml.",
        "No credit rules: add credit-rules.yaml.",
    ),
    "how": (
        "修改站点: gridwarden export 导出, 修改后 gridwarden apply 提出, 由第二人在“审批”中批准.",
        "To change it: gridwarden export, edit, gridwarden apply; a second person approves under Approvals.",
    ),
    "no_versions": ("本数据目录没有站点版本.", "This data folder holds no site version."),
}
