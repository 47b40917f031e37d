"""What pages show of domain objects, in words. No rules and no connections."""

from typing import Final

from domain.incidents import IncidentState
from domain.reasons import reason_text
from domain.responsibility import Answer
from domain.wording import alarm_text, class_word, priority_word
from service.site.model import Site
from storage.console_reads import ListedIncident

WAITING: Final = (IncidentState.OPEN, IncidentState.RETURNED)
CURRENT: Final = (IncidentState.OPEN, IncidentState.RETURNED, IncidentState.ACKNOWLEDGED)


def points(hundredths: int) -> str:
    """+2, -0.5."""
    return f"{hundredths / 100:+g}" if hundredths else "0"


def incident_text(site: Site, listed: ListedIncident, language: str) -> str:
    plan = site.plan(language)
    asset = plan.asset(listed.incident.asset_id)
    if listed.alarm is None:
        return f"{asset.station} {asset.name}"
    return alarm_text(listed.alarm, asset, site.zone, language)


def class_of(listed: ListedIncident, language: str) -> str:
    return class_word(listed.alarm.alarm_class, language) if listed.alarm else ""


def priority_of(listed: ListedIncident, language: str) -> str:
    return priority_word(listed.incident.priority, language)


def chain(answer: Answer, language: str) -> list[str]:
    return [reason_text(reason, language) for reason in answer.reasons]
