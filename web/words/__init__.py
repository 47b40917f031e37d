"""The words of the console in both languages: `say("incidents.title", language)`.

Each module here holds the words of one area as (Chinese, English); facts stand in braces.
"""

from importlib import import_module
from typing import Final

from domain.wording import DEFAULT_LANGUAGE

AREAS: Final = (
    *("common", "incidents", "devices", "stations", "reviews", "credit", "paper"),
    *("approvals", "audit", "users", "organisation", "site", "system"),
    *("rosters", "arrangements"),
    *("alarms", "alarm_kpis", "limits", "judgement", "timeline", "grouping", "linkage"),
    *("notices", "outages", "earth", "planned", "reliability"),
    *("logbook", "handover", "daily_report"),
    *("reporting", "photos", "rectification"),
)


def _every() -> dict[str, tuple[str, str]]:
    return {
        f"{area}.{key}": pair
        for area in AREAS
        for key, pair in import_module(f"web.words.{area}").WORDS.items()
    }


WORDS: Final = _every()


def say(key: str, language: str = DEFAULT_LANGUAGE, **facts: object) -> str:
    """Raises KeyError for a word that nobody wrote; a test looks for those."""
    chinese, english = WORDS[key]
    text = chinese if language == DEFAULT_LANGUAGE else english
    return text.format(**facts) if facts else text
