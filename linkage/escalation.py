"""Whom a step of an escalation tells, when, and why him. Pure: the same facts give the same notices.

Upwards along the production command alone. Below level 1 nobody is called outside his hours: who stands
in for him at work is told, or the notice waits for him.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from domain.assets import Priority
from domain.clock import MINUTE_US, from_datetime, to_datetime
from domain.deadlines import Deadline
from domain.ids import PersonId, TeamId, ZoneId, deadline_id, notice_id
from domain.notices import (
    PHONE,
    Escalation,
    Hours,
    Ladder,
    Notice,
    Step,
    Who,
)
from domain.organisation import Roster
from domain.responsibility import Answer, Kind, Party, Reason
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility
from linkage.rosters import duties, duties_of_day

ESCALATION: Final = "escalation"  # the kind of its deadlines
_DAYS_AHEAD: Final = 15  # a cycle of two weeks has somebody by then
# places in the chain of command
_RANKS: Final = {Who.DUTY_LEAD: 0, Who.STATION_HEAD: 1, Who.PRODUCTION_LEADER: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A person who is to be told, not before a moment, and why him."""

    party: Party
    not_before_us: int
    reasons: tuple[Reason, ...]


def ladder_of(escalation: Escalation, plan: LinkagePlan) -> Ladder | None:
    station = plan.asset(escalation.asset_id).station
    return plan.notices.ladder(escalation.level, station)


def first_deadline_of(
    escalation: Escalation, plan: LinkagePlan, zone_id: ZoneId | None
) -> list[Deadline]:
    """Of the step that is due first, where there is a ladder: of a flood most incidents are taken, or turn
    out to be consequences, before any other. `zone_id`: that of the place when it began."""
    ladder = ladder_of(escalation, plan)
    if ladder is None or not ladder.steps:
        return []
    if ladder.steps[0].after_us == 0:
        return [_deadline(escalation, 0, escalation.began_at_us)]
    return [min(deadlines_of(escalation, plan, zone_id), key=lambda each: each.due_at_us)]


def deadlines_of(
    escalation: Escalation, plan: LinkagePlan, zone_id: ZoneId | None
) -> list[Deadline]:
    """One per step of its ladder. `zone_id`: that of the place when it began."""
    ladder = ladder_of(escalation, plan)
    return [
        _deadline(escalation, number, _due_us(step, escalation, plan, zone_id))
        for number, step in enumerate(ladder.steps if ladder else ())
    ]


def _deadline(escalation: Escalation, step: int, due_at_us: int) -> Deadline:
    subject = str(escalation.escalation_id)
    return Deadline(
        deadline_id=deadline_id(ESCALATION, subject, step),
        kind=ESCALATION,
        subject=subject,
        step=step,
        due_at_us=due_at_us,
    )


def notices_of_step(
    escalation: Escalation,
    step_number: int,
    now_us: int,
    plan: LinkagePlan,
    responsibility: Responsibility,
    told: Collection[PersonId] = (),
) -> list[Notice]:
    """Level 1 by every channel of the person, the others by the first. `told`: at lower steps.
    A violation calls with its first step, whoever that is, also who leads the work at the place."""
    ladder = ladder_of(escalation, plan)
    if ladder is None or step_number >= len(ladder.steps):
        return []  # a version of the site without it
    step = ladder.steps[step_number]
    calls = [call_of(escalation, step, now_us, plan, responsibility, told)]
    if step_number == 0 and escalation.kind is Kind.VIOLATION:
        leader = _work_leader(escalation, now_us, responsibility)
        calls += [leader] if leader and leader.party != calls[0].party else []
    return [
        notice
        for call in calls
        for notice in _notices(escalation, step_number, step.who, call, now_us, plan)
    ]


def _work_leader(escalation: Escalation, at_us: int, responsibility: Responsibility) -> Call | None:
    """He stands beside it, at whatever hour: 发现即制止."""
    site = responsibility.work_site_at(escalation.asset_id, escalation.began_at_us)
    if site is None:
        return None
    party = responsibility.party(site.leader)
    why = Reason.of("work_site", number=site.number, person=party.name)
    return Call(party=party, not_before_us=at_us, reasons=(why,))


def _notices(
    escalation: Escalation,
    step_number: int,
    who: Who,
    call: Call,
    now_us: int,
    plan: LinkagePlan,
) -> list[Notice]:
    contact = plan.notices.contact(call.party.person_id)
    channels = contact.channels or (PHONE,)
    if escalation.level is not Priority.URGENT:
        channels = channels[:1]
    return [
        Notice(
            notice_id=notice_id(
                escalation.escalation_id, step_number, call.party.person_id, channel
            ),
            escalation_id=escalation.escalation_id,
            incident_id=escalation.incident_id,
            asset_id=escalation.asset_id,
            step=step_number,
            who=who,
            level=escalation.level,
            kind=escalation.kind,
            person_id=call.party.person_id,
            person=call.party.name,
            channel=channel,
            text=escalation.text,
            action=escalation.action,
            why=call.reasons,
            created_at_us=now_us,
            not_before_us=call.not_before_us,
            valid_until_us=call.not_before_us + plan.notices.valid_for_us,
            next_try_us=call.not_before_us,
        )
        for channel in channels
    ]


def call_of(
    escalation: Escalation,
    step: Step,
    at_us: int,
    plan: LinkagePlan,
    responsibility: Responsibility,
    told: Collection[PersonId] = (),
) -> Call:
    """Always somebody: where nobody is found, the dispatch room must find him."""
    asset = plan.asset(escalation.asset_id)
    called = f"{asset.station} {asset.name}".strip()
    answer = responsibility.of_asset(escalation.asset_id, at_us, escalation.kind, called)
    late = list(_escalated(step, escalation, plan))
    match step.who:
        case Who.ACTING | Who.ON_CALL:
            found, reasons = answer.acting, list(answer.reasons)
        case Who.REMOTE_DUTY:
            found, reasons = _remote_duty(asset.station, at_us, plan, responsibility)
        case _:
            team = _team_of(answer, at_us, plan, responsibility)
            found, reasons = _in_command(step.who, team, at_us, responsibility)
    if found is None:
        reasons.append(Reason.of("nobody_to_tell"))
        return Call(
            party=Party(person_id=PersonId(""), name="-"),
            not_before_us=at_us,
            reasons=(*late, *reasons),
        )
    call = _in_his_hours(found, escalation.level, at_us, plan, responsibility)
    reasons += call.reasons
    if call.party.person_id in told:
        reasons.append(Reason.of("told_again", person=call.party.name))
    return replace(call, reasons=(*late, *reasons))


def why_not(
    person_id: PersonId,
    escalation: Escalation,
    at_us: int,
    plan: LinkagePlan,
    responsibility: Responsibility,
) -> tuple[Reason, ...]:
    """Why somebody was not told: not on this ladder, not his step yet, or taken before."""
    ladder = ladder_of(escalation, plan)
    name = responsibility.party(person_id).name
    for number, step in enumerate(ladder.steps if ladder else ()):
        call = call_of(escalation, step, at_us, plan, responsibility)
        if call.party.person_id != person_id:
            continue
        answer = responsibility.of_asset(
            escalation.asset_id, escalation.began_at_us, escalation.kind
        )
        due_us = _due_us(step, escalation, plan, answer.zone_id)
        if escalation.ended_at_us is not None:
            return (Reason.of("taken_before", by=escalation.ended_by or escalation.ended),)
        clock = to_datetime(max(due_us, call.not_before_us)).astimezone(plan.zone)
        return (Reason.of("step_not_due", person=name, step=number + 1, at=f"{clock:%H:%M}"),)
    return (Reason.of("not_on_ladder", person=name),)


def _due_us(step: Step, escalation: Escalation, plan: LinkagePlan, zone_id: ZoneId | None) -> int:
    if step.after_us is not None:
        return escalation.began_at_us + step.after_us
    roster = _roster_of(zone_id, plan)
    return _next_start_us(roster, escalation.began_at_us, plan)


def _escalated(step: Step, escalation: Escalation, plan: LinkagePlan) -> Iterator[Reason]:
    """Said first where it is not the first step: nobody has acknowledged."""
    if step.after_us != 0:
        minutes = "" if step.after_us is None else f"{step.after_us / MINUTE_US:g}"
        code = f"escalated_{step.who.value}" if minutes else "escalated_next_shift"
        yield Reason.of(code, minutes=minutes) if minutes else Reason.of(code)


def _remote_duty(
    station: str, at_us: int, plan: LinkagePlan, responsibility: Responsibility
) -> tuple[Party | None, list[Reason]]:
    roster = plan.notices.remote_duty
    found = responsibility.first_on_duty(roster, at_us) if roster else None
    if found is None:
        return None, [Reason.of("no_remote_duty", station=station)]
    return found, [Reason.of("remote_duty", station=station, person=found.name)]


def _in_command(
    who: Who, team: TeamId | None, at_us: int, responsibility: Responsibility
) -> tuple[Party | None, list[Reason]]:
    """The one of that rank; where the chain is shorter, the highest there is."""
    chain = responsibility.chain_of_command(team, at_us) if team else ()
    if not chain:
        return None, []
    party = chain[min(_RANKS[who], len(chain) - 1)]
    return party, [Reason.of("in_command", person=party.name)]


def _team_of(
    answer: Answer, at_us: int, plan: LinkagePlan, responsibility: Responsibility
) -> TeamId | None:
    """Whose command it is: the team of who acts, else of the place's roster, else of its owner."""
    acting = responsibility.team_of(answer.acting.person_id, at_us) if answer.acting else None
    roster = _roster_of(answer.zone_id, plan)
    if acting or roster:
        return acting or (roster.team_id if roster else None)
    return responsibility.team_of(answer.owner.person_id, at_us) if answer.owner else None


def _in_his_hours(
    party: Party, level: Priority, at_us: int, plan: LinkagePlan, responsibility: Responsibility
) -> Call:
    """Himself while he is at work or on call. Else who does his duty now; else himself, below level 1
    when his hours begin."""
    roster = _roster_with(party.person_id, plan)
    if roster is None:
        starts_us = _hours_start_us(plan.notices.hours, at_us, plan.zone)
        return _now_or_then(party, level, at_us, starts_us, plan.zone)
    on_duty = duties(roster, at_us, plan.zone)
    if not on_duty or any(party.person_id in duty.crew.persons for duty in on_duty):
        starts_us = at_us if on_duty else _next_start_us(roster, at_us, plan, party.person_id)
        return _now_or_then(party, level, at_us, starts_us, plan.zone)
    other = responsibility.first_on_duty(roster.roster_id, at_us)
    if other is None:
        starts_us = _next_start_us(roster, at_us, plan, party.person_id)
        return _now_or_then(party, level, at_us, starts_us, plan.zone)
    why = Reason.of("stands_in", person=party.name, other=other.name)
    return Call(party=other, not_before_us=at_us, reasons=(why,))


def _now_or_then(party: Party, level: Priority, at_us: int, starts_us: int, zone: tzinfo) -> Call:
    if starts_us <= at_us or level is Priority.URGENT:
        return Call(party=party, not_before_us=at_us, reasons=())
    clock = to_datetime(starts_us).astimezone(zone)
    why = Reason.of("waits_for_hours", person=party.name, at=f"{clock:%m-%d %H:%M}")
    return Call(party=party, not_before_us=starts_us, reasons=(why,))


def _roster_of(zone_id: ZoneId | None, plan: LinkagePlan) -> Roster | None:
    zones = (zone for zone in plan.organisation.zones if zone.zone_id == zone_id)
    wanted = next((zone.roster_id for zone in zones if zone.roster_id), None)
    return next(
        (roster for roster in plan.organisation.rosters if roster.roster_id == wanted), None
    )


def _roster_with(person_id: PersonId, plan: LinkagePlan) -> Roster | None:
    return next(
        (
            roster
            for roster in plan.organisation.rosters
            if any(person_id in crew.persons for crew in roster.crews)
        ),
        None,
    )


def _next_start_us(
    roster: Roster | None, at_us: int, plan: LinkagePlan, person_id: PersonId | None = None
) -> int:
    """When the next turn begins: of anybody, or of the crew of one person."""
    if roster is None:
        return _hours_start_us(plan.notices.hours, at_us, plan.zone, later=True)
    today = to_datetime(at_us).astimezone(plan.zone).date()
    starts = (
        duty.starts_us
        for ahead in range(_DAYS_AHEAD)
        for duty in duties_of_day(roster, today + timedelta(days=ahead), plan.zone)
        if duty.starts_us > at_us and (person_id is None or person_id in duty.crew.persons)
    )
    return min(starts, default=at_us)


def _hours_start_us(hours: Hours, at_us: int, zone: tzinfo, *, later: bool = False) -> int:
    """`at_us` itself within the hours; with `later` always the beginning of the next ones."""
    today = to_datetime(at_us).astimezone(zone).date()
    for ahead in range(-1, 9):
        day = today + timedelta(days=ahead)
        if day.weekday() not in hours.days:
            continue
        starts_us = _moment(day, hours.start_minute, zone)
        if starts_us > at_us:
            return starts_us
        if not later and at_us < starts_us + hours.length_minutes * MINUTE_US:
            return at_us
    return at_us


def _moment(day: date, minute: int, zone: tzinfo) -> int:
    return from_datetime(datetime.combine(day, time(minute // 60, minute % 60), zone))
