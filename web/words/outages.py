"""Words of outages, planned outages and earth faults."""

WORDS = {
    "title": ("停电与接地", "Outages"),
    "open": ("停电", "Outages"),
    "none": ("当前无停电.", "Nothing is without supply."),
    "no_feeders": (
        "未写 feeders.yaml: 跳闸只成为事件, 不判断停电.",
        "There is no feeders.yaml: a trip becomes an incident and no outage.",
    ),
    "earth": ("单相接地", "Single-phase earth faults"),
    "no_earth": ("当前无单相接地.", "No network has an earth fault."),
    "planned": ("计划停电", "Planned outages"),
    "no_planned": ("无已公告的计划停电.", "No outage is announced."),
    "past": ("已结束的停电", "Past outages"),
    "no_past": ("尚无已结束的停电.", "No outage is over yet."),
    "flags": ("故障指示", "Fault passage"),
    "dark": ("未复电区段: {sections}", "Without supply: {sections}"),
    "proposal": (
        "建议步骤 (仅建议, 由人操作)",
        "Proposed steps (a proposal: people switch)",
    ),
    "tick": ("已执行", "Done"),
    "send": ("派 {crew}", "Send {crew}"),
    "note": ("进展", "Progress"),
    "write": ("通报", "Write the note"),
    "confirm": ("确认复电: {sections}", "Confirm supply: {sections}"),
    "incident": ("事件", "Incident"),
}
