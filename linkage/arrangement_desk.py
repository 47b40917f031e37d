"""The desk of what people arrange beside the site (domain.arrangements).

Decisions only; raises Refused with the reason, and then nothing has changed. Nothing begins before it is
known: what should have begun earlier begins now.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from domain.access import may
from domain.arrangements import (
    Absence,
    Arrangement,
    ArrangementKind,
    Delegation,
    Swap,
    Turn,
    WorkSite,
)
from domain.changes import Changes
from domain.clock import to_datetime
from domain.ids import AssetId, PersonId, ZoneId, from_request, work_site_id
from domain.organisation import Roster, Validity, Zone
from domain.paperwork import Approval, ApprovalState, Ticket, TicketState, TicketType, User
from domain.records import Requested
from domain.requests import (
    Delegate,
    EndArrangement,
    HandOverZone,
    MarkHoliday,
    MovePerson,
    PlanDays,
    ProposeSwap,
    Refused,
    Request,
    TakeLeave,
)
from domain.responsibility import Reason
from linkage.arrangements import Arrangements
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility
from linkage.rosters import Duty, start_of

ArrangementRequest = (
    TakeLeave
    | Delegate
    | ProposeSwap
    | PlanDays
    | MarkHoliday
    | MovePerson
    | HandOverZone
    | EndArrangement
)
ARRANGEMENT_REQUESTS: Final = (
    *(TakeLeave, Delegate, ProposeSwap, PlanDays),
    *(MarkHoliday, MovePerson, HandOverZone, EndArrangement),
)
SWAP_SUBJECT: Final = "swap"  # of an approval
BY_ITSELF: Final = "-"  # who decided what time decided
PLANNED_AT_MOST: Final = 3_000  # a month of a hundred people
HOLIDAY_DAYS_AT_MOST: Final = 31
REMEMBER_OVER_US: Final = 31 * 86_400 * 1_000_000  # so late an event may still come

_ASKED_BY: Final[dict[ArrangementKind, type[Request]]] = {
    ArrangementKind.LEAVE: TakeLeave,
    ArrangementKind.DELEGATION: Delegate,
    ArrangementKind.SWAP: ProposeSwap,
    ArrangementKind.PLANNED: PlanDays,
    ArrangementKind.HOLIDAY: MarkHoliday,
    ArrangementKind.MOVE: MovePerson,
    ArrangementKind.HANDOVER: HandOverZone,
}
_ON_SITE: Final = frozenset({TicketState.PERMITTED, TicketState.WORKING})
_HAVE_A_SITE: Final = frozenset(
    {TicketType.WORK_1, TicketType.WORK_2, TicketType.EMERGENCY_REPAIR}
)  # switching is done by who is on duty


class ArrangementDesk:
    """Keeps what was arranged, for itself and for Responsibility."""

    def __init__(
        self,
        plan: LinkagePlan,
        arranged: Arrangements,
        responsibility: Responsibility,
        concerns: Callable[[AssetId], bool],
    ) -> None:
        """`concerns` says whether a roster ("roster:yw") is ours to watch, and not another worker's."""
        self._concerns = concerns
        self._plan = plan
        self._arranged = arranged
        self._responsibility = responsibility
        organisation = plan.organisation
        self._persons = {each.person_id: each for each in organisation.persons}
        self._rosters = {each.roster_id: each for each in organisation.rosters}
        self._teams = {each.team_id: each for each in organisation.teams}
        self._zones = {each.zone_id: each for each in organisation.zones}
        self._work_sites: dict[UUID, UUID] = {}  # ticket -> its standing arrangement
        self.learn(arranged.every())

    def learn(self, arrangements: Iterable[Arrangement]) -> None:
        """What the records hold, or another partition's desk decided."""
        for each in arrangements:
            self._arranged.keep(each)
            if each.work_site and each.ended_at_us is None:
                self._work_sites[each.work_site.ticket_id] = each.arrangement_id
            elif each.work_site:
                self._work_sites.pop(each.work_site.ticket_id, None)

    def handle(
        self, asked: Requested, request: ArrangementRequest, user: User, changes: Changes
    ) -> str:
        """The id of what it made or ended. Raises Refused."""
        match request:
            case TakeLeave():
                made = self._leave(asked, request, user)
            case Delegate():
                made = self._delegation(asked, request, user)
            case ProposeSwap():
                made = self._swap(asked, request.swap, user, changes)
            case PlanDays():
                made = self._planned(asked, request, user)
            case MarkHoliday():
                made = self._holiday(asked, request)
            case MovePerson():
                made = self._move(asked, request, user)
            case HandOverZone():
                made = self._handover(asked, request, user)
            case EndArrangement():
                return self._end(request.arrangement_id, user, asked.at_us, changes)
        self._keep(made, changes)
        return str(made.arrangement_id)

    def agree(
        self,
        approval: Approval,
        user: User,
        approve: bool,
        words: str,
        at_us: int,
        changes: Changes,
    ) -> Approval:
        """One of the persons says yes or no; the approval as it stands then. Raises Refused."""
        swap = self._arranged.get(UUID(approval.subject_id))
        if swap is None or swap.swap is None or swap.ended_at_us is not None:
            raise Refused(Reason.of("no_such_arrangement"))
        person = user.person_id
        if person is None or person not in swap.needs:
            waiting = [each for each in swap.needs if each not in swap.agreed]
            raise Refused(Reason.of("not_asked_to_agree", persons=self._names(waiting)))
        if not approve:
            self._keep(swap.rejected(), changes)
            return approval.decided(False, user.name, at_us, words)
        if person in swap.agreed:
            raise Refused(Reason.of("agreed_already"))
        self._expect_turns_ahead(swap.swap, at_us)
        agreed = swap.agreed_by(person, at_us)
        self._keep(agreed, changes)
        if agreed.state is ApprovalState.PROPOSED:
            return approval
        return approval.decided(True, user.name, at_us, words)

    def follow(self, ticket: Ticket, changes: Changes) -> None:
        """The work site of a ticket begins and ends with it."""
        at_us = ticket.changed_at_us
        is_on = ticket.state in _ON_SITE and ticket.type in _HAVE_A_SITE
        standing = self._arranged.get(self._work_sites.get(ticket.ticket_id, ticket.ticket_id))
        if standing is not None and not is_on:
            del self._work_sites[ticket.ticket_id]
            self._keep(standing.ended(ticket.number, at_us), changes)
        if standing is None and is_on:
            made = Arrangement(
                arrangement_id=work_site_id(ticket.ticket_id, ticket.version),
                from_us=at_us,
                by=ticket.number,
                at_us=at_us,
                work_site=WorkSite(
                    ticket_id=ticket.ticket_id,
                    number=ticket.number,
                    asset_ids=ticket.asset_ids or tuple(self._assets_of(ticket.station)),
                    leader=ticket.leader,
                ),
            )
            self._work_sites[ticket.ticket_id] = made.arrangement_id
            self._keep(made, changes)

    def ticked(self, at_us: int, changes: Changes) -> list[str]:
        """The ids of swaps whose turn has begun before everybody had agreed: they are none."""
        self._arranged.forget_over_before(at_us - REMEMBER_OVER_US)
        lapsed = [
            each
            for each in self._arranged.waiting()
            if each.swap is not None
            and self._concerns(AssetId(f"roster:{each.swap.roster_id}"))
            and self._has_begun(each.swap, at_us)
        ]
        for each in lapsed:
            self._keep(each.rejected(), changes)
        return [str(each.arrangement_id) for each in lapsed]

    def _has_begun(self, swap: Swap, at_us: int) -> bool:
        """Also of a roster that the site has no more."""
        try:
            self._expect_turns_ahead(swap, at_us)
        except Refused:
            return True
        return False

    # -- what is arranged ----------------------------------------------------------------------

    def _leave(self, asked: Requested, request: TakeLeave, user: User) -> Arrangement:
        self._expect_person(user, request.person_id)
        self._expect_somebody_else(request.person_id, request.deputy)
        made = Arrangement(
            arrangement_id=from_request(asked.request_id, "leave"),
            from_us=max(request.from_us, asked.at_us),
            until_us=request.until_us,
            by=user.name,
            at_us=asked.at_us,
            leave=Absence(person_id=request.person_id, deputy=request.deputy),
            private=request.private.strip(),
        )
        self._expect_times(made)
        if any(_overlap(each, made.validity) for each in self._leaves_of(request.person_id)):
            raise Refused(Reason.of("on_leave_already", person=self._name(request.person_id)))
        return made

    def _leaves_of(self, person: PersonId) -> Iterator[Validity]:
        for leave in self._plan.organisation.leaves:
            if leave.person_id == person:
                yield leave.validity
        for each in self._arranged.every():
            if each.leave and each.leave.person_id == person:
                yield each.validity

    def _delegation(self, asked: Requested, request: Delegate, user: User) -> Arrangement:
        self._expect_person(user, request.of)
        self._expect_somebody_else(request.of, request.to)
        if request.zone_id is not None:
            self._zone(request.zone_id)
        made = Arrangement(
            arrangement_id=from_request(asked.request_id, "delegation"),
            from_us=max(request.from_us, asked.at_us),
            until_us=request.until_us,
            by=user.name,
            at_us=asked.at_us,
            delegation=Delegation(
                of=request.of, to=request.to, zone_id=request.zone_id, kind=request.kind
            ),
        )
        self._expect_times(made)
        return made

    def _swap(self, asked: Requested, swap: Swap, user: User, changes: Changes) -> Arrangement:
        roster = self._roster(swap.roster_id)
        first, second = swap.given.person_id, swap.by
        self._expect_person(user, first)
        self._expect_somebody_else(first, second)
        if swap.returned is not None and swap.returned.person_id != second:
            raise Refused(Reason.of("not_his_turn", **self._turn_facts(swap.returned)))
        self._expect_turns_ahead(swap, asked.at_us)
        self._expect_no_swap_waits(swap)
        given = self._turn(roster, swap.given)
        returned = self._turn(roster, swap.returned) if swap.returned else None
        self._expect_free(roster, second, given, but_for=returned)
        if returned is not None:
            self._expect_free(roster, first, returned, but_for=given)
        lead = self._lead(roster, asked.at_us, (first, second))
        needs = (first, second, lead)
        made = Arrangement(
            arrangement_id=from_request(asked.request_id, "swap"),
            from_us=asked.at_us,
            by=user.name,
            at_us=asked.at_us,
            swap=swap,
            state=ApprovalState.PROPOSED,
            needs=needs,
            agreed=(user.person_id,) if user.person_id in needs and user.person_id else (),
        )
        changes.approvals.append(self._approval(asked, made, roster, user))
        return made

    def _approval(
        self, asked: Requested, made: Arrangement, roster: Roster, user: User
    ) -> Approval:
        assert made.swap is not None
        lines = [
            f"{roster.name}: {self._name(turn.person_id)} {turn.duty_date} {turn.shift}"
            f" -> {self._name(by)}"
            for turn, by in made.swap.handed
        ]
        return Approval(
            approval_id=from_request(asked.request_id, "approval"),
            subject=SWAP_SUBJECT,
            subject_id=str(made.arrangement_id),
            summary=(*lines, self._names(made.needs)),
            proposed_by=user.name,
            proposed_at_us=asked.at_us,
        )

    def _lead(self, roster: Roster, at_us: int, but: tuple[PersonId, ...]) -> PersonId:
        """The duty lead; where it is one of the two himself, the next one up the command chain."""
        for party in self._responsibility.chain_of_command(roster.team_id, at_us):
            if party.person_id not in but:
                return party.person_id
        raise Refused(Reason.of("no_duty_lead", roster=roster.name))

    def _planned(self, asked: Requested, request: PlanDays, user: User) -> Arrangement:
        planned = request.planned
        roster = self._roster(planned.roster_id)
        if not planned.days:
            raise Refused(Reason.of("nothing_given"))
        if len(planned.days) > PLANNED_AT_MOST:
            raise Refused(Reason.of("too_many_days", count=PLANNED_AT_MOST))
        seen = set()
        for each in planned.days:
            self._expect_person(user, each.person_id)
            if (each.person_id, each.duty_date) in seen:
                facts = {"person": self._name(each.person_id), "day": each.duty_date}
                raise Refused(Reason.of("planned_twice", **facts))
            seen.add((each.person_id, each.duty_date))
            for shift in self._shifts_touched(roster, each.person_id, each.shifts, each.duty_date):
                self._expect_ahead(roster, shift, each.duty_date, asked.at_us)
        return Arrangement(
            arrangement_id=from_request(asked.request_id, "planned days"),
            from_us=asked.at_us,
            by=user.name,
            at_us=asked.at_us,
            planned=planned,
        )

    def _shifts_touched(
        self, roster: Roster, person: PersonId, shifts: tuple[str, ...], day: date
    ) -> set[str]:
        """Those that he leaves and those that he comes into."""
        turns = self._responsibility.turns_of_day(roster, day)
        has = {duty.shift.name for duty in turns if person in duty.crew.persons}
        return has ^ set(shifts)

    def _holiday(self, asked: Requested, request: MarkHoliday) -> Arrangement:
        holiday = replace(request.holiday, name=request.holiday.name.strip())
        today = to_datetime(asked.at_us).astimezone(self._plan.zone).date()
        days = (holiday.last - holiday.first).days + 1
        if not holiday.name or not 0 < days <= HOLIDAY_DAYS_AT_MOST or holiday.last < today:
            raise Refused(Reason.of("holiday_days", days=HOLIDAY_DAYS_AT_MOST))
        return Arrangement(
            arrangement_id=from_request(asked.request_id, "holiday"),
            from_us=asked.at_us,
            by=asked.actor,
            at_us=asked.at_us,
            holiday=holiday,
        )

    def _move(self, asked: Requested, request: MovePerson, user: User) -> Arrangement:
        move = request.move
        self._expect_person(user, move.person_id)
        team = self._teams.get(move.team_id)
        if team is None:
            raise Refused(Reason.of("unknown_team", what=move.team_id))
        if move.zone_id is not None:
            self._zone(move.zone_id)
        if move.roster_id or move.crew_id:
            roster = self._rosters.get(move.roster_id)
            crews = {each.crew_id for each in roster.crews} if roster else set()
            if roster is None or roster.team_id != move.team_id or move.crew_id not in crews:
                raise Refused(Reason.of("unknown_crew", team=team.name, what=move.crew_id))
        return Arrangement(
            arrangement_id=from_request(asked.request_id, "move"),
            from_us=max(request.from_us, asked.at_us),
            by=user.name,
            at_us=asked.at_us,
            move=move,
        )

    def _handover(self, asked: Requested, request: HandOverZone, user: User) -> Arrangement:
        handover = request.handover
        zone = self._zone(handover.zone_id)
        for station in sorted(self._stations_of(zone)):
            if not user.in_scope(station):
                raise Refused(Reason.of("out_of_scope", station=station))
        for person in (handover.owner, handover.deputy):
            if person is not None:
                self._expect_known(person)
                if not self._persons[person].member:
                    raise Refused(Reason.of("no_member", person=self._name(person)))
        if handover.owner is not None:
            self._expect_somebody_else(handover.owner, handover.deputy)
        return Arrangement(
            arrangement_id=from_request(asked.request_id, "handover"),
            from_us=max(request.from_us, asked.at_us),
            by=user.name,
            at_us=asked.at_us,
            handover=handover,
        )

    def _end(self, arrangement_id: UUID, user: User, at_us: int, changes: Changes) -> str:
        standing = self._arranged.get(arrangement_id)
        if standing is None or standing.ended_at_us is not None or standing.is_over(at_us):
            raise Refused(Reason.of("no_such_arrangement"))
        if standing.work_site is not None:
            raise Refused(Reason.of("ends_with_ticket", number=standing.work_site.number))
        if not may(user.roles, _ASKED_BY[standing.kind]):
            raise Refused(Reason.of("not_allowed"))
        if standing.holiday is None:
            for person in standing.persons[:1]:
                self._expect_person(user, person)
        self._keep(standing.ended(user.name, at_us), changes)
        return str(arrangement_id)

    def _keep(self, arrangement: Arrangement, changes: Changes) -> None:
        self._arranged.keep(arrangement)
        changes.arrangements.append(arrangement)

    # -- what is expected ----------------------------------------------------------------------

    def _expect_known(self, person: PersonId) -> None:
        if person not in self._persons:
            raise Refused(Reason.of("unknown_person", what=person))

    def _expect_person(self, user: User, person: PersonId) -> None:
        """Known; and of his own team for a user who is bound to stations."""
        self._expect_known(person)
        if not user.stations or user.person_id == person:
            return
        at_us = 2**62  # where he will be in the end
        own = self._responsibility.team_of(user.person_id, at_us) if user.person_id else None
        if own is None or self._responsibility.team_of(person, at_us) != own:
            raise Refused(Reason.of("person_out_of_scope", person=self._name(person)))

    def _expect_somebody_else(self, person: PersonId, other: PersonId | None) -> None:
        if other is None:
            return
        self._expect_known(other)
        if other == person:
            raise Refused(Reason.of("not_himself", person=self._name(person)))

    def _expect_times(self, made: Arrangement) -> None:
        if made.until_us is None or made.until_us <= made.from_us:
            raise Refused(Reason.of("times_needed"))

    def _expect_turns_ahead(self, swap: Swap, at_us: int) -> None:
        roster = self._roster(swap.roster_id)
        for turn, _ in swap.handed:
            self._expect_ahead(roster, turn.shift, turn.duty_date, at_us)

    def _expect_ahead(self, roster: Roster, name: str, day: date, at_us: int) -> None:
        shift = roster.shifts.get(name)
        if shift is None:
            raise Refused(Reason.of("unknown_shift", roster=roster.name, shift=name))
        if start_of(shift, day, self._plan.zone) <= at_us:
            raise Refused(Reason.of("turn_begun", day=day, shift=name))

    def _expect_no_swap_waits(self, swap: Swap) -> None:
        wanted = {turn for turn, _ in swap.handed}
        for each in self._arranged.waiting():
            if each.swap and wanted & {turn for turn, _ in each.swap.handed}:
                raise Refused(Reason.of("swap_waits"))

    def _turn(self, roster: Roster, turn: Turn) -> Duty:
        for duty in self._responsibility.turns_of_day(roster, turn.duty_date):
            if duty.shift.name == turn.shift and turn.person_id in duty.crew.persons:
                return duty
        raise Refused(Reason.of("not_his_turn", **self._turn_facts(turn)))

    def _turn_facts(self, turn: Turn) -> dict[str, object]:
        return {
            "person": self._name(turn.person_id),
            "day": turn.duty_date,
            "shift": turn.shift,
        }

    def _expect_free(
        self, roster: Roster, person: PersonId, wanted: Duty, but_for: Duty | None
    ) -> None:
        """Nobody is on duty twice at one time."""
        for back in (-1, 0, 1):
            day = wanted.duty_date + timedelta(days=back)
            for duty in self._responsibility.turns_of_day(roster, day):
                overlaps = duty.starts_us < wanted.ends_us and wanted.starts_us < duty.ends_us
                if overlaps and person in duty.crew.persons and duty != but_for:
                    facts = {"day": wanted.duty_date, "shift": wanted.shift.name}
                    raise Refused(Reason.of("on_duty_already", person=self._name(person), **facts))

    def _roster(self, roster_id: str) -> Roster:
        roster = self._rosters.get(roster_id)
        if roster is None:
            raise Refused(Reason.of("unknown_roster", what=roster_id))
        return roster

    def _zone(self, zone_id: ZoneId) -> Zone:
        zone = self._zones.get(zone_id)
        if zone is None:
            raise Refused(Reason.of("unknown_zone", what=zone_id))
        return zone

    def _stations_of(self, zone: Zone) -> set[str]:
        assets = {asset for coverage in zone.coverage for asset in coverage.assets}
        return {self._plan.asset(each).station for each in assets}

    def _assets_of(self, station: str) -> list[AssetId]:
        every = self._plan.assets.values()
        return sorted(each.asset_id for each in every if each.station == station)

    def _name(self, person: PersonId) -> str:
        known = self._persons.get(person)
        return known.name if known else person

    def _names(self, persons: Iterable[PersonId]) -> str:
        return ", ".join(self._name(each) for each in persons)


def _overlap(one: Validity, other: Validity) -> bool:
    """Of two stretches that have both ends; one of no length overlaps with nothing."""
    first, last = one.from_us or 0, one.until_us if one.until_us is not None else 2**62
    begins, ends = other.from_us or 0, other.until_us if other.until_us is not None else 2**62
    return max(first, begins) < min(last, ends)
