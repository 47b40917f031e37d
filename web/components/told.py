"""Of one incident: who was told, when and why; what comes next; and why not the one who looks."""

from collections.abc import Sequence

from nicegui import ui

from domain.clock import system_clock
from domain.ids import PersonId
from domain.notices import Escalation, Notice
from domain.reasons import reason_text
from linkage.escalation import why_not
from storage.console_reads import ListedIncident
from web.components.table import DataTable
from web.pages.notices import next_step, notice_columns, notice_row
from web.shell import Visit


def told(visit: Visit, listed: ListedIncident) -> None:
    """Nothing where the site tells nobody."""
    plan = visit.console.site.notices
    if not (plan.attended or plan.unattended):
        return
    incident_id = listed.incident.incident_id
    notices = visit.console.notices.of_incident(incident_id)
    escalations = visit.console.notices.escalations_of(incident_id)
    ui.label(visit.say("notices.ladder")).classes("gw-head")
    table = DataTable(notice_columns(visit)[:-1], visit.say("notices.none_here"))
    table.show([notice_row(visit, each) | {"opens": False} for each in notices])
    if escalations:
        _how_it_stands(visit, escalations[-1], notices)


def _how_it_stands(visit: Visit, last: Escalation, notices: Sequence[Notice]) -> None:
    if not last.is_open:
        how = visit.say(f"notices.ended_{last.ended}")
        ui.label(visit.say("notices.ended", how=how, by=last.ended_by)).classes("gw-soft")
    elif notices:
        following = next_step(visit, notices[-1])
        ui.label(f"{visit.say('notices.next')}: {following}").classes("gw-soft")
    me = visit.user.person_id
    if me and not any(each.person_id == me for each in notices):
        ui.label(visit.say("notices.why_not_me", why=_why_not(visit, me, last))).classes("gw-soft")


def _why_not(visit: Visit, me: PersonId, last: Escalation) -> str:
    reasons = why_not(me, last, system_clock(), visit.console.plan, visit.console.responsibility)
    return "; ".join(reason_text(reason, visit.language) for reason in reasons)
