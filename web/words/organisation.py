"""Words of the grid of zones."""

WORDS = {
    "title": ("责任网格", "Responsibility grid"),
    "who": ("谁负责", "Who answers"),
    "what": ("设备、编号、场所、人员或拼音首字母", "Device, number, place, person or initials"),
    "at": ("时间(留空为现在)", "Time (empty: now)"),
    "ask": ("查询", "Ask"),
    "zones": ("责任区", "Zones"),
    "zone": ("责任区", "Zone"),
    "owner": ("责任党员", "Owner"),
    "deputy": ("副责任人", "Deputy"),
    "acting": ("现在处理人", "Acting now"),
    "unit": ("所属组织", "Unit"),
    "covers": ("范围", "Covers"),
    "covers_text": (
        "{assets} 台设备, {places} 处场所, {people} 人",
        "{assets} devices, {places} places, {people} people",
    ),
    "vacant": ("空缺", "vacant"),
    "tree": ("组织", "Organisation"),
    "count": ("{count} 名党员(名单不显示)", "{count} members (not shown)"),
    "team": ("班组: {name}, {count} 人", "team: {name}, {count} people"),
    "rosters": ("轮班", "Rosters"),
    "day": ("日期", "Day"),
    "next": ("今后 {days} 天", "The next {days} days"),
    "rest": ("休", "rest"),
    "bad_time": ("时间请写作 2026-11-24 03:00", "Write a time as 2026-11-24 03:00"),
    "no_organisation": (
        "站点没有组织数据, 由 site.yaml 中的责任人负责一切.",
        "The site has no organisation: the person in site.yaml answers for everything.",
    ),
}
