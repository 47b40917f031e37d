"""What people arrange: who may, what is refused, who acts then, and that the past keeps its answers."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from domain.access import may_decide, may_know_why
from domain.arrangements import Handover, Move, PlannedDay, PlannedDays, Swap, Turn
from domain.clock import SECOND_US
from domain.ids import AssetId, PersonId, TeamId, ZoneId
from domain.organisation import Holiday, Leave, Validity
from domain.paperwork import ApprovalState, Role, TicketState, TicketType, User
from domain.reasons import reason_text
from domain.records import PaperLearned
from domain.requests import (
    Delegate,
    EndArrangement,
    HandOverZone,
    MarkHoliday,
    MovePerson,
    MoveTicket,
    OpenTicket,
    PlanDays,
    ProposeSwap,
    Request,
    TakeLeave,
)
from domain.responsibility import Kind
from tests.support.alarms import TRANSFORMER
from tests.support.people import (
    A1,
    A2,
    B1,
    B2,
    C1,
    C2,
    DEPUTY,
    FITTER,
    HEAD,
    LEAD,
    NEIGHBOUR,
    OWNER,
    PEOPLE,
    PLACE,
    People,
    at,
)

FIRST, SECOND, THIRD, FOURTH = (date(2026, 6, day) for day in (1, 2, 3, 4))
ZONE = ZoneId("z-ly")


def leave(person: PersonId = C1, **more: Any) -> TakeLeave:
    """Of the 2nd of June, on which crew c has the day."""
    times: dict[str, Any] = {"from_us": at("2026-06-02 00:00"), "until_us": at("2026-06-03 00:00")}
    return TakeLeave(person_id=person, **(times | more))


def delegate(of: PersonId = C1, to: PersonId = HEAD, **more: Any) -> Delegate:
    times: dict[str, Any] = {"from_us": at("2026-06-02 00:00"), "until_us": at("2026-06-03 00:00")}
    return Delegate(of=of, to=to, **(times | more))


def swap(**more: Any) -> ProposeSwap:
    """C1 gives the day of the 2nd to B1, and takes his night of the 3rd (which crew b rests before)."""
    facts: dict[str, Any] = {
        "roster_id": "watch",
        "given": Turn(person_id=C1, duty_date=SECOND, shift="白班"),
        "by": B1,
        "returned": Turn(person_id=B1, duty_date=FOURTH, shift="夜班"),
    }
    return ProposeSwap(swap=Swap(**(facts | more)))


def planned(*days: tuple[PersonId, date, tuple[str, ...]]) -> PlanDays:
    return PlanDays(
        planned=PlannedDays(
            roster_id="watch",
            days=tuple(
                PlannedDay(person_id=person, duty_date=day, shifts=shifts)
                for person, day, shifts in days
            ),
        )
    )


def holiday(**more: Any) -> MarkHoliday:
    facts: dict[str, Any] = {
        "name": "端午节",
        "first": date(2026, 6, 19),
        "last": date(2026, 6, 21),
    }
    return MarkHoliday(holiday=Holiday(**(facts | more)))


def move(person: PersonId = A1, **more: Any) -> MovePerson:
    facts: dict[str, Any] = {"person_id": person, "team_id": TeamId("xs")}
    return MovePerson(move=Move(**(facts | more)), from_us=at("2026-06-04 00:00"))


def hand_over(owner: PersonId | None = HEAD, **more: Any) -> HandOverZone:
    facts: dict[str, Any] = {"zone_id": ZONE, "owner": owner}
    return HandOverZone(handover=Handover(**(facts | more)), from_us=at("2026-06-04 00:00"))


def ticket(**more: Any) -> OpenTicket:
    facts: dict[str, Any] = {
        "number": "柳-1",
        "type": TicketType.WORK_1,
        "task": "主变检修",
        "station": TRANSFORMER.station,
        "asset_ids": (TRANSFORMER.asset_id,),
        "team_id": TeamId("xs"),
        "leader": FITTER,
        "from_us": at("2026-06-01 12:00"),
        "to_us": at("2026-06-01 18:00"),
    }
    return OpenTicket(**(facts | more))


def test_this_is_the_plan_that_everything_below_departs_from() -> None:
    people = People()
    for when, who in (
        ("2026-06-01 12:00", A1),
        ("2026-06-01 21:00", B1),
        ("2026-06-02 07:59", B1),
        ("2026-06-02 12:00", C1),
        ("2026-06-02 21:00", A1),
        ("2026-06-04 21:00", B1),
    ):
        assert people.acting(when) == who
    assert people.acting("2026-06-02 12:00", Kind.VIOLATION) == OWNER


# -- leave -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requests", "kind", "expected"),
    [
        pytest.param([leave()], Kind.FAULT, C2, id="the-next-of-the-crew"),
        pytest.param([leave(deputy=HEAD)], Kind.FAULT, HEAD, id="his-deputy-first"),
        pytest.param(
            [leave(deputy=HEAD), leave(HEAD)], Kind.FAULT, C2, id="a-deputy-who-is-away-too"
        ),
        pytest.param(
            [leave(deputy=HEAD), leave(HEAD, deputy=B2)], Kind.FAULT, B2, id="deputys-deputy"
        ),
        pytest.param(
            [leave(deputy=HEAD), leave(HEAD, deputy=C1)], Kind.FAULT, C2, id="a-circle-ends"
        ),
        pytest.param([leave(), leave(C2)], Kind.FAULT, OWNER, id="the-whole-crew"),
        pytest.param([leave(OWNER)], Kind.VIOLATION, DEPUTY, id="the-zones-deputy"),
        pytest.param([leave(OWNER, deputy=B2)], Kind.VIOLATION, B2, id="the-owners-own-deputy"),
    ],
)
def test_who_acts_during_a_leave(requests: list[Request], kind: Kind, expected: str) -> None:
    people = People()
    for request in requests:
        people.does(request)
    assert people.acting("2026-06-02 12:00", kind) == expected
    people.restarts()
    assert people.acting("2026-06-02 12:00", kind) == expected


def test_a_leave_that_should_have_begun_earlier_begins_now_and_never_reaches_back() -> None:
    people = People()
    people.does(leave(A1, from_us=at("2026-06-01 00:00")))
    assert people.acting("2026-06-01 11:59:59.999999") == A1
    assert people.acting("2026-06-01 12:00") == A2


def test_undone_it_holds_no_more_and_did_hold_until_then() -> None:
    people = People()
    made = people.does(leave(A1, from_us=0))
    people.passes_to("2026-06-01 14:00")
    people.does(EndArrangement(arrangement_id=made))
    assert [people.acting(f"2026-06-01 {hour}") for hour in ("11:00", "13:00", "14:00")] == [
        *(A1, A2, A1)
    ]
    assert people.refuses(EndArrangement(arrangement_id=made)) == "no_such_arrangement"
    people.restarts()
    assert people.acting("2026-06-01 13:00") == A2


def test_undone_before_it_began_it_never_holds() -> None:
    people = People()
    people.does(EndArrangement(arrangement_id=people.does(leave())))
    assert people.acting("2026-06-02 12:00") == C1


@pytest.mark.parametrize(
    ("request_", "actor", "code"),
    [
        pytest.param(leave(PersonId("x")), "chief", "unknown_person", id="nobody"),
        pytest.param(leave(deputy=PersonId("x")), "chief", "unknown_person", id="no-deputy"),
        pytest.param(leave(deputy=C1), "chief", "not_himself", id="his-own-deputy"),
        pytest.param(leave(until_us=at("2026-06-01 12:00")), "chief", "times_needed", id="past"),
        pytest.param(
            leave(from_us=at("2026-06-05 00:00")), "chief", "times_needed", id="ends-before"
        ),
        pytest.param(leave(), "viewer", "not_allowed", id="viewer"),
        pytest.param(leave(), "fitter", "person_out_of_scope", id="of-another-team"),
        pytest.param(delegate(to=C1), "chief", "not_himself", id="to-himself"),
        pytest.param(delegate(zone_id=ZoneId("x")), "chief", "unknown_zone", id="no-zone"),
        pytest.param(hand_over(A2), "chief", "no_member", id="an-owner-who-is-no-member"),
        pytest.param(hand_over(deputy=HEAD), "chief", "not_himself", id="owner-and-deputy"),
        pytest.param(hand_over(zone_id=ZoneId("x")), "chief", "unknown_zone", id="zone-nowhere"),
        pytest.param(hand_over(), "lead", "not_allowed", id="a-zone-is-for-officers"),
        pytest.param(move(team_id=TeamId("x")), "chief", "unknown_team", id="no-team"),
        pytest.param(move(zone_id=ZoneId("x")), "chief", "unknown_zone", id="into-no-zone"),
        pytest.param(
            move(roster_id="watch", crew_id="a"), "chief", "unknown_crew", id="crew-elsewhere"
        ),
        pytest.param(
            move(roster_id="office", crew_id="y"), "chief", "unknown_crew", id="no-such-crew"
        ),
        pytest.param(holiday(name=" "), "chief", "holiday_days", id="no-name"),
        pytest.param(holiday(last=date(2026, 6, 18)), "chief", "holiday_days", id="backwards"),
        pytest.param(holiday(last=date(2026, 8, 1)), "chief", "holiday_days", id="too-long"),
        pytest.param(
            holiday(first=date(2026, 5, 1), last=date(2026, 5, 3)),
            *("chief", "holiday_days"),
            id="all-over",
        ),
        pytest.param(holiday(), "lead", "not_allowed", id="holidays-are-for-the-office"),
        pytest.param(planned(), "chief", "nothing_given", id="nothing-planned"),
        pytest.param(planned((C1, SECOND, ("x",))), "chief", "unknown_shift", id="no-shift"),
        pytest.param(planned((A1, FIRST, ())), "chief", "turn_begun", id="has-begun"),
        pytest.param(
            planned((C1, SECOND, ()), (C1, SECOND, ("夜班",))), "chief", "planned_twice", id="twice"
        ),
        pytest.param(
            EndArrangement(arrangement_id=uuid4()), "chief", "no_such_arrangement", id="unknown"
        ),
        pytest.param(swap(roster_id="x"), "chief", "unknown_roster", id="no-roster"),
        pytest.param(
            swap(given=Turn(person_id=C1, duty_date=THIRD, shift="白班")),
            *("chief", "not_his_turn"),
            id="not-his-turn",
        ),
        pytest.param(
            swap(returned=Turn(person_id=B2, duty_date=FOURTH, shift="夜班")),
            *("chief", "not_his_turn"),
            id="returned-by-a-third",
        ),
        pytest.param(
            swap(given=Turn(person_id=A1, duty_date=FIRST, shift="白班")),
            *("chief", "turn_begun"),
            id="under-way",
        ),
        pytest.param(swap(by=C1, returned=None), "chief", "not_himself", id="with-himself"),
        pytest.param(
            swap(given=Turn(person_id=A1, duty_date=SECOND, shift="夜班"), by=A2, returned=None),
            *("chief", "on_duty_already"),
            id="who-is-on-duty-already",
        ),
    ],
)
def test_what_is_refused(request_: Request, actor: str, code: str) -> None:
    assert People().refuses(request_, actor) == code


def test_two_leaves_at_one_time_are_one_too_many_and_the_sites_own_count() -> None:
    people = People()
    people.does(leave())
    assert people.refuses(leave(from_us=at("2026-06-02 23:59"))) == "on_leave_already"
    people.does(leave(from_us=at("2026-06-03 00:00"), until_us=at("2026-06-04 00:00")))
    of_site = Leave(person_id=C1, validity=Validity(from_us=at("2026-06-02 00:00")))
    site = replace(PLACE, organisation=replace(PEOPLE, leaves=(of_site,)))
    assert People(site).refuses(leave()) == "on_leave_already"


def test_why_somebody_is_away_stands_with_the_leave_and_not_in_what_is_answered() -> None:
    people = People()
    people.does(leave(private=" 家事 "))
    (made,) = people.arrangements
    assert made.private == "家事"
    answer = people.answer("2026-06-02 12:00")
    assert "家事" not in " ".join(reason_text(each) for each in answer.reasons)


# -- delegation --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requests", "kind", "asset", "expected"),
    [
        pytest.param([delegate()], Kind.FAULT, "LY/1T", HEAD, id="everything"),
        pytest.param([delegate(zone_id=ZONE)], Kind.FAULT, "LY/1T", HEAD, id="in-that-zone"),
        pytest.param(
            [delegate(OWNER, zone_id=ZONE)], Kind.FAULT, "GC/1T", OWNER, id="in-another-zone"
        ),
        pytest.param(
            [delegate(OWNER, kind=Kind.VIOLATION)], Kind.VIOLATION, "LY/1T", HEAD, id="that-kind"
        ),
        pytest.param(
            [delegate(OWNER, kind=Kind.VIOLATION)], Kind.FAULT, "GC/1T", OWNER, id="another-kind"
        ),
        pytest.param([delegate(), leave(HEAD)], Kind.FAULT, "LY/1T", C1, id="delegate-is-away"),
        pytest.param(
            [delegate(), delegate(HEAD, B2)], Kind.FAULT, "LY/1T", B2, id="and-he-to-a-third"
        ),
        pytest.param(
            [delegate(), delegate(HEAD, C1)], Kind.FAULT, "LY/1T", HEAD, id="a-circle-ends"
        ),
        pytest.param(
            [delegate(), delegate(to=B2, from_us=at("2026-06-02 09:00"))],
            *(Kind.FAULT, "LY/1T", B2),
            id="the-later-one-counts",
        ),
        pytest.param([delegate(), leave()], Kind.FAULT, "LY/1T", HEAD, id="though-he-is-on-leave"),
    ],
)
def test_who_acts_by_delegation(
    requests: list[Request], kind: Kind, asset: str, expected: str
) -> None:
    people = People()
    for request in requests:
        people.does(request)
    assert people.acting("2026-06-02 12:00", kind, AssetId(asset)) == expected
    assert people.acting("2026-06-03 12:00", Kind.FAULT) == B1, "it is over"


# -- swaps -------------------------------------------------------------------------------------


def test_a_swap_needs_both_and_the_duty_lead_in_any_order() -> None:
    people = People()
    people.does(swap(), "c1")  # who proposes his own has agreed to it
    assert people.arrangements[0].agreed == (C1,)
    assert people.refuses(people.decides(), "c1") == "agreed_already"
    assert people.refuses(people.decides(), "chief") == "not_asked_to_agree"
    people.does(people.decides(), "lead")
    people.restarts()
    assert people.acting("2026-06-02 12:00") == C1, "not before the last of them"
    people.does(people.decides(), "b1")
    assert people.acting("2026-06-02 12:00") == B1
    assert people.acting("2026-06-04 21:00") == C1
    assert people.acting("2026-06-05 07:59") == C1, "the night belongs to the day it starts"
    assert people.approvals[0].state is ApprovalState.EFFECTIVE
    assert "swapped" in [each.code for each in people.answer("2026-06-02 12:00").reasons]


def test_a_swap_that_one_of_them_rejects_is_none() -> None:
    people = People()
    people.does(swap(), "c1")
    assert people.refuses(people.decides(approve=False), "b1") == "words_needed"
    people.does(people.decides(approve=False, words="有事"), "b1")
    assert people.approvals[0].state is ApprovalState.REJECTED
    assert people.refuses(people.decides(), "lead") == "no_such_approval"
    assert people.acting("2026-06-02 12:00") == C1
    people.does(swap(), "c1")  # and may be proposed again


def test_a_swap_that_is_taken_back_waits_for_nobody() -> None:
    people = People()
    made = people.does(swap(), "c1")
    assert people.refuses(swap(), "b1") == "swap_waits"
    people.does(EndArrangement(arrangement_id=made), "c1")
    assert people.approvals[0].state is ApprovalState.REJECTED
    people.does(swap(), "b1")


def test_agreement_comes_too_late_when_the_turn_has_begun() -> None:
    people = People()
    people.does(swap(returned=None), "c1")
    people.does(people.decides(), "b1")
    people.at_us = at("2026-06-02 08:00")
    assert people.refuses(people.decides(), "lead") == "turn_begun"
    people.restarts()
    people.passes_to("2026-06-02 08:00:01")
    assert [each.state for each in people.arrangements] == [ApprovalState.REJECTED]
    assert people.approvals[0].state is ApprovalState.REJECTED
    assert people.passes_to("2026-06-02 08:00:02").arrangements == [], "once"
    assert people.refuses(people.decides(), "lead") == "no_such_approval"


def test_a_duty_lead_who_swaps_himself_is_agreed_to_by_the_next_above() -> None:
    people = People()
    turn = Turn(person_id=LEAD, duty_date=SECOND, shift="白班")
    people.does(planned((LEAD, SECOND, ("白班",))))
    people.does(swap(given=turn, by=B1, returned=None), "lead")
    assert people.arrangements[-1].needs == (LEAD, B1, HEAD)


def test_a_swap_is_undone_for_what_has_not_been() -> None:
    people = People()
    made = people.does(swap(), "c1")
    for actor in ("b1", "lead"):
        people.does(people.decides(), actor)
    people.passes_to("2026-06-03 12:00")
    people.does(EndArrangement(arrangement_id=made))
    assert people.acting("2026-06-02 12:00") == B1
    assert people.acting("2026-06-04 21:00") == B1


# -- planned days, holidays --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "when", "expected"),
    [
        pytest.param([(C1, SECOND, ())], "2026-06-02 12:00", C2, id="rests"),
        pytest.param([(C1, SECOND, ("夜班",))], "2026-06-02 21:00", A1, id="comes-after-the-crew"),
        pytest.param(
            [(C1, SECOND, ("夜班",)), (A1, SECOND, ()), (A2, SECOND, ())],
            *("2026-06-02 21:00", C1),
            id="instead-of-the-crew",
        ),
        pytest.param([(C1, SECOND, ("白班",))], "2026-06-02 12:00", C1, id="as-it-is"),
        pytest.param([(C1, SECOND, ())], "2026-06-05 12:00", C1, id="that-day-only"),
        pytest.param(
            [(C1, SECOND, ()), (C2, SECOND, ())], "2026-06-02 12:00", OWNER, id="nobody-is-left"
        ),
    ],
)
def test_a_planned_day_goes_before_the_cycle(
    days: list[tuple[PersonId, date, tuple[str, ...]]], when: str, expected: str
) -> None:
    people = People()
    people.does(planned(*days))
    assert people.acting(when) == expected


def test_a_later_plan_goes_before_an_earlier_one_and_undoing_it_brings_that_back() -> None:
    people = People()
    people.does(planned((C1, SECOND, ())))
    people.at_us += SECOND_US
    later = people.does(planned((C1, SECOND, ("白班",)), (C2, SECOND, ())))
    assert [each.crew.persons for each in people.who.on_duty("watch", at("2026-06-02 12:00"))] == [
        (C1,)
    ]
    people.does(EndArrangement(arrangement_id=later))
    assert people.acting("2026-06-02 12:00") == C2


def test_on_a_holiday_the_roster_goes_by_its_pattern_and_a_worked_weekend_likewise() -> None:
    people = People()
    people.does(holiday())  # Friday to Sunday
    exchange = date(2026, 6, 27)
    people.does(holiday(name="端午调休", first=exchange, last=exchange, working=True))

    def shifts(day: str) -> list[str]:
        return [duty.shift.name for duty in people.who.on_duty("office", at(f"{day} 12:00"))]

    assert shifts("2026-06-18") == ["白班"]
    assert shifts("2026-06-19") == ["听班"]
    assert shifts("2026-06-20") == []
    assert shifts("2026-06-22") == ["白班"]
    assert shifts("2026-06-27") == ["白班"]
    assert shifts("2026-06-28") == []
    assert people.acting("2026-06-19 12:00") != "-", "whose roster has no pattern goes on"


def test_a_holiday_of_the_site_holds_until_people_say_otherwise() -> None:
    named = Holiday(name="端午节", first=date(2026, 6, 19), last=date(2026, 6, 19), mark="U")
    people = People(replace(PLACE, organisation=replace(PEOPLE, holidays=(named,))))
    noon = at("2026-06-19 12:00")
    for who in (people.who, people.who.supposing_absent([HEAD])):
        assert [duty.shift.name for duty in who.on_duty("office", noon)] == ["听班"]
    made = people.does(holiday(name="照常上班", last=date(2026, 6, 19), working=True))
    assert [duty.shift.name for duty in people.who.on_duty("office", noon)] == ["白班"]
    people.does(EndArrangement(arrangement_id=made))
    assert [duty.shift.name for duty in people.who.on_duty("office", noon)] == ["听班"]


# -- moves and hand-overs ----------------------------------------------------------------------


def test_who_moves_turns_with_his_new_crew_and_the_past_stays_as_it_was() -> None:
    people = People()
    people.does(move(B1, team_id=TeamId("yw"), roster_id="watch", crew_id="a"))
    crews = people.who.on_duty
    assert [duty.crew.persons for duty in crews("watch", at("2026-06-04 12:00"))] == [(A1, A2, B1)]
    assert [duty.crew.persons for duty in crews("watch", at("2026-06-04 21:00"))] == [(B2,)]
    assert [duty.crew.persons for duty in crews("watch", at("2026-06-01 21:00"))] == [(B1, B2)]


def test_who_moves_is_in_another_team_and_zone_from_then_on() -> None:
    people = People()
    first = people.does(move(zone_id=ZoneId("z-gc")))
    before, after = at("2026-06-03 23:59"), at("2026-06-04 00:00")
    assert [people.who.team_of(A1, when) for when in (before, after)] == ["yw", "xs"]
    zones = [people.who.of_person(A1, when).zone_id for when in (before, after)]
    assert zones == ["z-people", "z-gc"]
    people.passes_to("2026-06-10 12:00")
    people.does(EndArrangement(arrangement_id=first))
    later = at("2026-06-10 12:00")
    assert [people.who.team_of(A1, when) for when in (after, later)] == ["xs", "yw"]


def test_a_zone_that_is_handed_over_has_the_owner_of_that_moment() -> None:
    people = People()
    people.does(hand_over(deputy=LEAD), "party")
    before = people.answer("2026-06-03 23:59", Kind.VIOLATION)
    after = people.answer("2026-06-04 00:00", Kind.VIOLATION)
    owners = [each.owner.person_id if each.owner else "-" for each in (before, after)]
    assert owners == [OWNER, HEAD]
    people.does(replace(hand_over(None), from_us=at("2026-06-08 00:00")))
    assert people.answer("2026-06-09 00:00").owner is None


# -- work sites --------------------------------------------------------------------------------


def test_a_work_site_is_there_while_its_ticket_is_permitted_or_worked_on() -> None:
    people = People()
    wanted = people.does(ticket())
    assert people.acting("2026-06-01 12:00") == A1

    def moves(state: TicketState, when: str) -> None:
        people.passes_to(when)
        people.does(MoveTicket(ticket_id=wanted, state=state))

    moves(TicketState.PERMITTED, "2026-06-01 13:00")
    moves(TicketState.WORKING, "2026-06-01 13:30")
    people.restarts()
    moves(TicketState.INTERRUPTED, "2026-06-01 15:00")
    moves(TicketState.WORKING, "2026-06-01 16:00")
    moves(TicketState.ENDED, "2026-06-01 17:00")
    said = [people.acting(f"2026-06-01 {when}") for when in ("12:59", "13:00", "14:59")]
    said += [people.acting(f"2026-06-01 {when}") for when in ("15:00", "16:00", "17:00")]
    assert said == [A1, FITTER, FITTER, A1, FITTER, A1]


def test_on_a_work_site_the_owner_of_the_place_still_answers_and_judges() -> None:
    people = People()
    wanted = people.does(ticket())
    people.does(MoveTicket(ticket_id=wanted, state=TicketState.PERMITTED))
    answer = people.answer("2026-06-01 13:00")
    assert (answer.zone, answer.owner and answer.owner.person_id) == ("柳-1", OWNER)
    assert people.acting("2026-06-01 13:00", Kind.VIOLATION) == OWNER
    assert people.acting("2026-06-01 13:00", asset=NEIGHBOUR.asset_id) == OWNER
    people.does(leave(FITTER, from_us=0))
    assert people.acting("2026-06-01 13:00") == A1, "a leader who is away: as without a site"
    (site, *_) = people.arrangements
    undo = EndArrangement(arrangement_id=site.arrangement_id)
    assert people.refuses(undo) == "ends_with_ticket"


@pytest.mark.parametrize(
    ("opened", "state", "expected"),
    [
        pytest.param(ticket(asset_ids=()), TicketState.PERMITTED, FITTER, id="a-whole-station"),
        pytest.param(
            ticket(type=TicketType.OPERATION), TicketState.PERMITTED, A1, id="switching-is-no-site"
        ),
        pytest.param(ticket(), TicketState.VOID, A1, id="void"),
        pytest.param(
            ticket(asset_ids=(NEIGHBOUR.asset_id,), station=NEIGHBOUR.station),
            *(TicketState.PERMITTED, A1),
            id="elsewhere",
        ),
    ],
)
def test_which_tickets_make_a_work_site(
    opened: OpenTicket, state: TicketState, expected: str
) -> None:
    people = People()
    people.does(MoveTicket(ticket_id=people.does(opened), state=state))
    assert people.acting("2026-06-01 13:00") == expected


# -- several desks -----------------------------------------------------------------------------


def test_another_partitions_desk_learns_it_and_answers_alike() -> None:
    desk, other = People(), People()
    made = desk.does(leave())
    wanted = desk.does(ticket())
    desk.does(MoveTicket(ticket_id=wanted, state=TicketState.PERMITTED))
    learned = PaperLearned(at_us=desk.at_us, number=1, arrangements=tuple(desk.arrangements))
    other.linkage.decide(learned, [])
    for when in ("2026-06-01 13:00", "2026-06-02 12:00"):
        assert other.acting(when) == desk.acting(when)
    desk.does(EndArrangement(arrangement_id=made))
    newer = PaperLearned(at_us=desk.at_us, number=2, arrangements=tuple(desk.arrangements))
    for paper in (newer, learned):  # an older word after a newer one changes nothing
        other.linkage.decide(paper, [])
    assert not other.who.is_away(C1, at("2026-06-02 12:00"))


def test_what_is_over_for_long_is_forgotten_and_the_rest_is_not() -> None:
    people = People()
    people.does(leave())
    people.does(hand_over())
    people.passes_to("2026-07-10 12:00")
    assert people.who.of_zone(ZONE, people.at_us).owner
    assert not people.who.is_away(C1, at("2026-06-02 12:00")), "the records still know"


def test_a_question_may_suppose_that_somebody_is_away() -> None:
    people = People()
    people.does(delegate())
    who = people.who
    supposed = who.supposing_absent([HEAD, C1])
    asked = at("2026-06-02 12:00")
    acting = supposed.of_asset(TRANSFORMER.asset_id, asked).acting
    assert acting
    assert acting.person_id == C2
    assert people.acting("2026-06-02 12:00") == HEAD, "nothing was arranged by asking"


@pytest.mark.parametrize(
    ("subject", "role", "may"),
    [
        ("site", Role.DISPATCHER, False),
        ("site", Role.SAFETY_MANAGER, True),
        ("limit", Role.DISPATCHER, True),
        ("limit", Role.DUTY, False),
        ("device", Role.VIEWER, False),
        ("something new", Role.VIEWER, False),
        ("something new", Role.DISPATCHER, True),
        ("swap", Role.VIEWER, True),  # the desk asks whether it is for him
    ],
)
def test_whose_word_an_approval_waits_for(subject: str, role: Role, may: bool) -> None:
    assert may_decide(frozenset({role}), subject) is may


@pytest.mark.parametrize(
    ("person", "name", "knows"),
    [
        pytest.param(C1, "c1", True, id="himself"),
        pytest.param(LEAD, "lead", True, id="who-leads-his-team"),
        pytest.param(None, "chief", True, id="who-wrote-it-down"),
        pytest.param(None, "another administrator", False, id="an-administrator"),
        pytest.param(C2, "c2", False, id="his-colleague"),
        pytest.param(HEAD, "head", False, id="the-head-of-the-branch"),
        pytest.param(DEPUTY, "deputy", False, id="his-deputy"),
    ],
)
def test_who_may_read_why_somebody_is_away(person: PersonId | None, name: str, knows: bool) -> None:
    people = People()
    people.does(leave(deputy=DEPUTY, private="家事"), "chief")
    reader = User(name=name, password="", roles=frozenset(Role), person_id=person)
    assert may_know_why(reader, people.arrangements[0], LEAD) is knows
    assert not may_know_why(reader, replace(people.arrangements[0], private=""), LEAD)
