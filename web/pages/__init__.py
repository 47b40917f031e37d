"""The pages. Each module registers its own when it is imported."""

from importlib import import_module

_MODULES = (
    *("signing_in", "incidents", "incident", "devices", "stations", "reviews", "credit"),
    *("paper", "approvals", "audit", "users", "organisation", "site", "system"),
    *("rosters", "arrangements"),
    *("alarms", "alarm", "annunciator", "alarm_kpis", "limits", "limit", "judgement", "equipment"),
    *("notices", "notice_answer", "outages", "outage", "earth"),
    *("planned_outages", "reliability"),
    *("command", "linkage"),
    *("logbook", "handover", "daily_report"),
    *("review", "report_by_hand", "rectification"),
)


def every_page() -> None:
    for module in _MODULES:
        import_module(f"web.pages.{module}")
