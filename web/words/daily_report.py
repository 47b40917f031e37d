"""Words of the daily report."""

WORDS = {
    "title": ("运行日报", "Daily report"),
    "day": ("日期", "Day"),
    "station": ("厂站", "Station"),
    "yesterday": ("昨天", "Yesterday"),
    "today": ("今天", "Today"),
    "bad_day": ("日期请写作 2026-11-24", "Write a day as 2026-11-24"),
    "figure": ("项目", "What"),
    "value": ("数值", "Count"),
    "query": ("查询语句", "Query"),
    "queries": ("显示查询语句", "Show the queries"),
    "trips": ("事故跳闸", "Trips"),
    "notices": ("提示级告知", "Notices (level 4)"),
    "no_trips": ("当日无事故跳闸.", "No trip on this day."),
    "no_notices": ("当日无提示级告知.", "No notice on this day."),
    "nothing": ("没有数据.", "No figures."),
    "when": ("时间", "Time"),
    "what": ("内容", "What"),
    "not_your_station": (
        "请选择您管辖的厂站",
        "Choose a station of your scope",
    ),
}
