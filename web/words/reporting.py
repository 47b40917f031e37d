"""Words of the report by hand."""

WORDS = {
    "title": ("现场上报", "Report what you see"),
    "what_for": (
        "违章、隐患、缺陷: 拍照上报, 由安全管理人员审核后才生效.",
        "Violation, hazard or defect: it counts only once a safety manager has judged it.",
    ),
    "station": ("站 (必填)", "Station (needed)"),
    "station_needed": ("请选择站", "Choose the station"),
    "device": ("设备 (可不填)", "Device (may stay empty)"),
    "rule": ("违章编号 (可不填)", "Rule (may stay empty)"),
    "no_rule": ("不确定", "not known"),
    "level": ("等级", "Level"),
    "text": ("看到了什么 (必填)", "What you see (needed)"),
    "send": ("上报", "Send"),
    "sent": ("已上报, 等待审核: {text}", "Sent, it waits for judgement: {text}"),
}
