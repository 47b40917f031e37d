"""Words of the reliability of supply."""

WORDS = {
    "title": ("供电可靠性", "Supply reliability"),
    "whole": ("全部线路", "All feeders"),
    "all": ("全部", "All"),
    "unplanned": ("故障停电", "Unplanned"),
    "planned": ("计划停电", "Planned"),
    "this_month": ("本月", "This month"),
    "last_month": ("上月", "Last month"),
    "this_year": ("本年", "This year"),
    "last_year": ("上年", "Last year"),
    "index": ("指标", "Index"),
    "value": ("值", "Value"),
    "query": ("查询语句", "Query"),
    "nothing": ("本期内没有停电", "Nothing was interrupted in this period"),
    "rules": (
        "停电超过 {momentary} 分钟计入 SAIFI 与 SAIDI, 不超过的计入 MAIFI (IEEE 1366); "
        "DL/T 836 的指标计超过 {short} 分钟的停电. 分步复电按各区段各自的时间计. "
        "停电计入其开始的期间, 结束后才计入.",
        "Longer than {momentary} min counts in SAIFI and SAIDI, up to it in MAIFI (IEEE 1366); "
        "the indices of DL/T 836 count from {short} min. "
        "Sections that come back earlier count for their own time. "
        "An interruption counts in the period in which it began, once it is over.",
    ),
    "major": ("重大事件日 (单列)", "Major event days (reported apart)"),
    "major_limit": (
        "故障停电的日 SAIDI 超过 {limit} 的为重大事件日: 由本期之前五年按 2.5β 法得出 (IEEE 1366).",
        "A day whose unplanned SAIDI is above {limit} is one: by 2.5 beta over the five years "
        "before this period (IEEE 1366).",
    ),
    "no_major_limit": (
        "本期之前五年有故障停电的日子不足两天, 算不出重大事件日的界限.",
        "Fewer than two days of the five years before had an unplanned outage: there is no limit yet.",
    ),
    "major_day": ("{day}: SAIDI {minutes}", "{day}: SAIDI {minutes}"),
    "no_major_day": ("本期没有重大事件日.", "No day of this period is one."),
    "by_feeder": ("按线路", "By feeder"),
    "feeder": ("线路", "Feeder"),
    "customers": ("用户数", "Customers"),
    "saifi": ("SAIFI", "SAIFI"),
    "saidi": ("SAIDI", "SAIDI"),
    "caidi": ("CAIDI", "CAIDI"),
    "maifi": ("MAIFI", "MAIFI"),
    "counted": ("停电次数", "Interruptions"),
    "interruptions": ("计入的停电", "What is counted"),
    "began": ("开始", "Began"),
    "section": ("区段", "Section"),
    "as_planned": ("计划范围", "As planned"),
    "kind": ("类别", "Kind"),
    "lost": ("停电用户", "Customers lost"),
    "minutes": ("时长 (min)", "Minutes"),
    "lasts": ("未复电", "lasts"),
    "index_saifi": ("SAIFI 平均停电频率 (次/户)", "SAIFI, interruptions per customer"),
    "index_saidi": ("SAIDI 平均停电时间", "SAIDI, time lost per customer"),
    "index_caidi": ("CAIDI 平均每次停电时间", "CAIDI, time per interruption"),
    "index_maifi": ("MAIFI 平均瞬时停电频率 (次/户)", "MAIFI, momentary ones per customer"),
    "index_asai": ("ASAI 供电可用率", "ASAI, availability of supply"),
    "index_aihc_1": ("AIHC-1 用户平均停电时间 (DL/T 836)", "AIHC-1, hours per user (DL/T 836)"),
    "index_rs_1": ("RS-1 供电可靠率 (DL/T 836)", "RS-1, reliability of supply (DL/T 836)"),
    "index_interrupted": ("停电户次", "Customers interrupted"),
    "index_customer_minutes": ("停电户·分钟", "Customer minutes"),
    "index_momentary": ("瞬时停电户次", "Customers of momentary ones"),
}
