"""What is arranged, in words."""

from domain.arrangements import Arrangement
from domain.clock import system_clock
from domain.paperwork import ApprovalState
from web.shell import Visit


def arrangement_text(visit: Visit, arrangement: Arrangement) -> str:
    """One line; never why somebody is away."""
    person, zone = visit.console.person, visit.console.zone_name
    rosters = {each.roster_id: each.name for each in visit.console.site.organisation.rosters}

    def say(key: str, **facts: object) -> str:
        return visit.say(f"arrangements.text_{key}", **facts)

    if leave := arrangement.leave:
        if leave.deputy is None:
            return say("leave", person=person(leave.person_id))
        return say("leave_deputy", person=person(leave.person_id), deputy=person(leave.deputy))
    if given := arrangement.delegation:
        of_zone = zone(given.zone_id) if given.zone_id else ""
        of_kind = visit.say(f"arrangements.matter_{given.kind.value}") if given.kind else ""
        scope = " ".join(word for word in (of_zone, of_kind) if word)
        scope = scope or visit.say("arrangements.all")
        return say("delegation", of=person(given.of), to=person(given.to), scope=scope)
    if swap := arrangement.swap:
        return "; ".join(
            say(
                "turn",
                person=person(turn.person_id),
                day=turn.duty_date,
                shift=turn.shift,
                by=person(by),
            )
            for turn, by in swap.handed
        )
    if planned := arrangement.planned:
        roster = rosters.get(planned.roster_id, planned.roster_id)
        return say("planned", roster=roster, count=len(planned.days))
    if holiday := arrangement.holiday:
        key = "working" if holiday.working else "holiday"
        return say(key, name=holiday.name, first=holiday.first, last=holiday.last)
    if move := arrangement.move:
        teams = {each.team_id: each.name for each in visit.console.site.organisation.teams}
        where = [teams.get(move.team_id, move.team_id)]
        where += [zone(move.zone_id)] if move.zone_id else []
        return say("move", person=person(move.person_id), where=", ".join(where))
    if handed := arrangement.handover:
        names = {"owner": person(handed.owner), "deputy": person(handed.deputy)}
        return say("handover", zone=zone(handed.zone_id), **names)
    if site := arrangement.work_site:
        count = len(site.asset_ids)
        return say("work_site", number=site.number, leader=person(site.leader), count=count)
    return ""


def state_text(visit: Visit, arrangement: Arrangement) -> str:
    now_us = system_clock()

    def say(key: str, **facts: object) -> str:
        return visit.say(f"arrangements.state_{key}", **facts)

    if arrangement.ended_by is not None:
        return say("ended", by=arrangement.ended_by)
    if arrangement.state is ApprovalState.REJECTED:
        return say("rejected")
    if arrangement.state is ApprovalState.PROPOSED:
        missing = [each for each in arrangement.needs if each not in arrangement.agreed]
        return say("waits", persons=", ".join(visit.console.person(each) for each in missing))
    if arrangement.is_over(now_us):
        return say("over")
    return say("holds" if arrangement.from_us <= now_us else "coming")
