"""Words of the calendar of planned outages."""

WORDS = {
    "title": ("计划停电日历", "Planned outages"),
    "none": (
        "本月没有计划停电. 在上面公告.",
        "No outage is planned in this month. Announce one above.",
    ),
    "together": (
        "同时有多处计划停电的日子: {days}. 请确认抢修力量和转供容量.",
        "More than one at the same time on {days}: check crews and the capacity to transfer.",
    ),
    "when": ("时间", "When"),
    "feeder": ("线路", "Feeder"),
    "sections": ("区段", "Sections"),
    "customers": ("用户数", "Customers"),
    "state": ("状态", "State"),
    "why": ("原因", "Why"),
    "by": ("公告人", "Announced by"),
    "withdraw": ("取消", "Withdraw"),
    "withdrawn": ("{by} 取消: {why}", "withdrawn by {by}: {why}"),
    "over": ("已全部送电", "All has supply"),
}
