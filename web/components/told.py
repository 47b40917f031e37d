"""Of one incident: who was told, when and why; what comes next; and why not the one who looks."""

from collections.abc import Collection, Sequence
from uuid import UUID

from nicegui import ui

from domain.clock import system_clock
from domain.ids import PersonId
from domain.notices import Escalation, Notice
from domain.reasons import reason_text
from linkage.escalation import why_not
from web.components.redrawn import redrawn
from web.components.table import DataTable
from web.pages.notices import next_step, notice_columns, notice_row
from web.shell import Visit


def told(visit: Visit, kinds: Collection[str], incident_id: UUID) -> None:
    """Nothing where the site tells nobody."""
    plan = visit.console.site.notices
    if not (plan.attended or plan.unattended):
        return
    reads = visit.console.notices
    ui.label(visit.say("notices.ladder")).classes("gw-head")
    table = DataTable(notice_columns(visit)[:-1], visit.say("notices.none_here"))

    def load() -> None:
        found = reads.of_incident(incident_id)
        table.show([notice_row(visit, each) | {"opens": False} for each in found])

    load()
    visit.on_change(kinds, load)
    redrawn(
        visit,
        kinds,
        lambda: (reads.escalations_of(incident_id), reads.of_incident(incident_id)),
        lambda found: _how_it_stands(visit, *found),
    )


def _how_it_stands(
    visit: Visit, escalations: Sequence[Escalation], notices: Sequence[Notice]
) -> None:
    if not escalations:
        return
    last = escalations[-1]
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
