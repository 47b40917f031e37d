"""Credit: what is proposed, what a judgement makes of it, and what never happens."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assets import Priority
from domain.clock import SECOND_US
from domain.credit import (
    Account,
    Beneficiary,
    CreditEntry,
    CreditItem,
    ReviewItem,
    ReviewKind,
    ReviewState,
    RuleBook,
    Trigger,
)
from domain.ids import AssetId, PersonId, PointKey, ZoneId
from domain.incidents import Incident, IncidentState
from domain.judgements import FoundBy, Named, WorkRole
from domain.paperwork import Role, Ticket, TicketState, TicketType, User
from domain.requests import JudgeReview, ProposeCredit, ProposeReversal, Refused
from domain.responsibility import Answer, Party
from linkage.credit import CreditDesk
from linkage.plan import ViolationRule
from tests.support.alarms import TEN_US, alarm

ZONE = ZoneInfo("Asia/Shanghai")
OWNER, ACTING, DOER = map(PersonId, ("owner", "acting", "doer"))
ANSWER = Answer(
    zone_id=ZoneId("z"),
    owner=Party(person_id=OWNER, name="责任党员"),
    acting=Party(person_id=ACTING, name="当值"),
)
HANDLED = CreditItem(
    item_id="in-time",
    account=Account.SAFETY,
    text="及时处置",
    points_hundredths=200,
    trigger=Trigger.INCIDENT_HANDLED,
    to=Beneficiary.ACTING,
    at_least=Priority.MAJOR,
    within_us=300 * SECOND_US,
    cap_hundredths=500,
)
OWN_ZONE = CreditItem(
    item_id="zone",
    account=Account.SAFETY,
    text="责任区违章",
    points_hundredths=-300,
    trigger=Trigger.VIOLATION_CONFIRMED,
    to=Beneficiary.ZONE_OWNER,
)
OWN_ACT = replace(OWN_ZONE, item_id="act", to=Beneficiary.NAMED, points_hundredths=-600)
HAZARD = CreditItem(
    item_id="hazard",
    account=Account.SAFETY,
    text="发现隐患",
    points_hundredths=100,
    trigger=Trigger.BY_HAND,
    to=Beneficiary.NAMED,
    cap_hundredths=250,
)
STUDY = replace(HAZARD, item_id="study", account=Account.PARTY)
BOOK = RuleBook(
    name="细则",
    version=3,
    shadow=False,
    deductions=True,
    items=(HANDLED, OWN_ZONE, OWN_ACT, HAZARD, STUDY),
)
STRANGER = Named(person_id=None, role=WorkRole.DOER)
SAFETY = User(name="safety", password="", roles=frozenset({Role.SAFETY_MANAGER}))
SECOND = replace(SAFETY, name="second")
THIRD = replace(SAFETY, name="third")
PARTY = replace(SAFETY, name="party", roles=frozenset({Role.PARTY_OFFICER}))
UNLOCK = ViolationRule(
    rule_id="unlock",
    code="SWITCH-03",
    text="擅自解锁",
    grade="serious",
    points=frozenset({PointKey("unlock")}),
)


def named(person: PersonId, role: WorkRole = WorkRole.DOER) -> Named:
    return Named(person_id=person, role=role)


def desk(
    book: RuleBook = BOOK, reviews: Iterable[ReviewItem] = (), entries: Iterable[CreditEntry] = ()
) -> CreditDesk:
    return CreditDesk(book, [UNLOCK], ZONE, reviews, entries, (OWNER, ACTING, DOER))


def incident(number: int = 1, **changes: Any) -> Incident:
    closed = Incident(
        incident_id=uuid5(UUID(int=0), f"incident {number}"),
        asset_id=AssetId("a"),
        priority=Priority.URGENT,
        opened_at_us=TEN_US,
        answer=ANSWER,
        standing=frozenset(),
        state=IncidentState.CLOSED,
        acknowledged_by="someone",
        acknowledged_at_us=TEN_US + 60 * SECOND_US,
        closed_at_us=TEN_US + 120 * SECOND_US,
    )
    return replace(closed, **changes)


def judged(
    on: CreditDesk, review: ReviewItem, user: User = SAFETY, words: str = "属实", **more: Any
) -> Any:
    if review.kind is ReviewKind.VIOLATION:
        more = {"named": (STRANGER,), "clause": "安规 4.2", "found_by": FoundBy.BUREAU} | more
    request = JudgeReview(
        review_id=review.review_id, verdict=ReviewState.CONFIRMED, words=words, **more
    )
    return on.judge(request, user, TEN_US + 200 * SECOND_US)


def proposed(on: CreditDesk, item: str = "hazard", user: User = SECOND) -> ReviewItem:
    request = ProposeCredit(item_id=item, person_id=DOER, words="巡视发现")
    return on.propose(request, user, uuid4(), TEN_US)


def refusal(call: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        call(*arguments, **more)
    return refused.value.reason.code


def test_handling_in_time_is_proposed_for_who_acted_and_counts_only_when_confirmed() -> None:
    on = desk()
    (review,) = on.handled(incident())
    assert (review.person_id, review.points_hundredths, review.rule_version) == (ACTING, 200, 3)
    (entry,) = judged(on, review).entries
    assert (entry.points_hundredths, entry.confirmed_by, entry.shadow) == (200, "safety", False)
    assert (entry.rule_version, entry.event_id) == (3, incident().incident_id)
    assert [reason.code for reason in entry.reasons] == ["credit_rule", "handled_within"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"acknowledged_at_us": None}, id="nobody-acknowledged"),
        pytest.param({"closed_by": "someone"}, id="closed-by-hand"),
        pytest.param({"state": IncidentState.ACKNOWLEDGED}, id="the-click-alone"),
        pytest.param({"acknowledged_at_us": TEN_US + 301 * SECOND_US}, id="too-late"),
        pytest.param({"priority": Priority.MINOR}, id="too-small"),
        pytest.param({"answer": Answer()}, id="nobody-acting"),
    ],
)
def test_nothing_is_earned_by(changes: dict[str, Any]) -> None:
    assert list(desk().handled(incident(**changes))) == []


def violation(on: CreditDesk, tickets: Sequence[Ticket] = ()) -> list[ReviewItem]:
    event = alarm(point="unlock", asset_id=AssetId("five"))
    return list(on.violation_of(event, ANSWER, None, tickets, "35kV柳塬变"))


def ticket(state: TicketState) -> Ticket:
    return Ticket(
        ticket_id=uuid4(),
        number="1",
        type=TicketType.OPERATION,
        task="倒闸",
        station="35kV柳塬变",
        asset_ids=(),
        team_id=ANSWER.zone_id or "",  # type: ignore[arg-type]
        leader=DOER,
        from_us=0,
        to_us=2**62,
        created_by="x",
        state=state,
    )


def test_a_violation_deducts_nothing_until_a_second_judgement() -> None:
    on = desk()
    (review,) = violation(on)
    result = judged(on, review, named=(named(DOER),))
    assert result.entries == ()
    assert {(each.person_id, each.points_hundredths) for each in result.proposals} == {
        (OWNER, -300),
        (DOER, -600),
    }
    (entry,) = judged(on, result.proposals[0], SECOND).entries
    assert entry.points_hundredths == -300


def test_without_a_name_nobody_is_the_doer() -> None:
    on = desk()
    (review,) = violation(on)
    assert [each.item_id for each in judged(on, review).proposals] == ["zone"]


def test_the_leader_answers_for_the_work_and_only_the_doers_did_it() -> None:
    on = desk()
    (review,) = violation(on)
    both = (named(ACTING, WorkRole.WORK_LEADER), named(DOER))
    result = judged(on, review, named=both)
    assert (result.review.person_id, result.review.established.named) == (DOER, both)
    acts = [each.person_id for each in result.proposals if each.item_id == "act"]
    assert acts == [DOER]


LEADS = replace(OWN_ZONE, item_id="leads", to=Beneficiary.WORK_LEADER, points_hundredths=-400)
GUARDS = replace(OWN_ZONE, item_id="guards", to=Beneficiary.GUARDIAN, points_hundredths=-200)
OF_BUREAU = replace(LEADS, item_id="bureau", found_by=frozenset({FoundBy.BUREAU}))
BY_ROLE = replace(BOOK, items=(OWN_ACT, LEADS, GUARDS, OF_BUREAU))


@pytest.mark.parametrize(
    ("who", "found_by", "scored"),
    [
        pytest.param((WorkRole.DOER,), FoundBy.MACHINE, {"act"}, id="who-did-it"),
        pytest.param((WorkRole.WORK_LEADER,), FoundBy.MACHINE, {"leads"}, id="who-led-it"),
        pytest.param((WorkRole.GUARDIAN,), FoundBy.MACHINE, {"guards"}, id="who-guarded-it"),
        pytest.param((WorkRole.ISSUER,), FoundBy.MACHINE, set(), id="an-issuer-is-not-scored"),
        pytest.param(
            (WorkRole.WORK_LEADER,), FoundBy.BUREAU, {"leads", "bureau"}, id="found-by-the-bureau"
        ),
        pytest.param(
            (WorkRole.WORK_LEADER, WorkRole.DOER), FoundBy.DEPARTMENT, {"act", "leads"}, id="both"
        ),
        pytest.param((WorkRole.WORK_LEADER,), FoundBy.UNIT, set(), id="found-by-the-unit-itself"),
    ],
)
def test_each_role_answers_by_an_item_of_its_own(
    who: tuple[WorkRole, ...], found_by: FoundBy, scored: set[str]
) -> None:
    on = desk(BY_ROLE)
    (review,) = violation(on)
    people = dict(zip(who, (DOER, ACTING), strict=False))
    whom = tuple(named(person, role) for role, person in people.items())
    result = judged(on, review, named=whom, found_by=found_by)
    assert {each.item_id for each in result.proposals} == scored
    of_items = {"act": WorkRole.DOER, "guards": WorkRole.GUARDIAN}
    assert all(
        each.person_id == people[of_items.get(each.item_id, WorkRole.WORK_LEADER)]
        for each in result.proposals
    )


def test_what_a_unit_finds_itself_is_not_scored_again() -> None:
    on = desk()
    (review,) = violation(on)
    result = judged(on, review, named=(named(DOER),), found_by=FoundBy.UNIT)
    assert result.review.state is ReviewState.CONFIRMED
    assert result.proposals == ()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        pytest.param({"named": ()}, "nobody_named", id="nobody"),
        pytest.param({"named": (named(PersonId("ghost")),)}, "unknown_person", id="a-ghost"),
        pytest.param({"named": (named(DOER), named(DOER))}, "named_twice", id="twice"),
        pytest.param({"named": (STRANGER,) * 21}, "too_many_named", id="a-crowd"),
        pytest.param({"clause": "  "}, "clause_needed", id="no-clause"),
        pytest.param({"clause": "x" * 201}, "clause_too_long", id="a-novel"),
        pytest.param({"found_by": None}, "clause_needed", id="found-by-nobody"),
        pytest.param({"words": ""}, "words_needed", id="without-a-word"),
    ],
)
def test_a_confirmation_must_be_whole(more: dict[str, Any], code: str) -> None:
    on = desk()
    (review,) = violation(on)
    assert refusal(judged, on, review, **more) == code
    assert judged(on, review).review.state is ReviewState.CONFIRMED  # nothing was changed by it


def test_nobody_judges_what_he_did_and_only_a_confirmation_names_somebody() -> None:
    on = desk()
    (review,) = violation(on)
    himself = replace(SAFETY, person_id=DOER)
    assert refusal(judged, on, review, himself, named=(named(DOER),)) == "concerns_yourself"
    reject = JudgeReview(
        review_id=review.review_id, verdict=ReviewState.REJECTED, words="误报", named=(STRANGER,)
    )
    assert refusal(on.judge, reject, SAFETY, TEN_US) == "named_only_when_confirmed"
    nonsense = JudgeReview(review_id=review.review_id, verdict=ReviewState.DUPLICATE, words="重复")
    assert refusal(on.judge, nonsense, SAFETY, TEN_US) == "no_verdict"


def test_an_open_ticket_permits_what_happened_an_issued_one_does_not() -> None:
    assert violation(desk(), [ticket(TicketState.WORKING)]) == []
    assert len(violation(desk(), [ticket(TicketState.ISSUED)])) == 1


@pytest.mark.parametrize(
    ("priority", "state", "level"),
    [
        pytest.param(Priority.URGENT, None, Priority.URGENT, id="an-interlock-is-broken"),
        pytest.param(Priority.URGENT, TicketState.ISSUED, Priority.URGENT, id="not-permitted-yet"),
        pytest.param(
            Priority.URGENT, TicketState.WORKING, Priority.MAJOR, id="a-ticket-permits-it"
        ),
        pytest.param(None, None, Priority.MAJOR, id="as-the-limit-says"),
        pytest.param(Priority.MINOR, None, Priority.MAJOR, id="never-less-than-the-limit-says"),
    ],
)
def test_what_breaks_a_rule_is_as_urgent_as_the_rule_says(
    priority: Priority | None, state: TicketState | None, level: Priority
) -> None:
    rule = replace(UNLOCK, priority=priority)
    on = CreditDesk(BOOK, [rule], ZONE, (), (), (OWNER, ACTING, DOER))
    event = alarm(point="unlock", priority=Priority.MAJOR)
    tickets = [ticket(state)] if state else []
    assert on.at_its_level(event, tickets, "35kV柳塬变").priority is level


def test_another_point_is_no_violation() -> None:
    assert list(desk().violation_of(alarm(), ANSWER, None, [], "s")) == []


@pytest.mark.parametrize(
    ("user", "words", "code"),
    [
        pytest.param(PARTY, "", "not_the_authority", id="another-account's-authority"),
        pytest.param(SECOND, "", "second_person", id="who-proposed-it"),
        pytest.param(replace(SAFETY, person_id=DOER), "", "concerns_yourself", id="himself"),
    ],
)
def test_who_may_not_judge(user: User, words: str, code: str) -> None:
    on = desk()
    review = proposed(on)
    assert refusal(judged, on, review, user, words) == code


def test_a_deduction_a_rejection_and_a_violation_need_words() -> None:
    on = desk()
    (review,) = violation(on)
    assert refusal(judged, on, review, words=" ") == "words_needed"
    reject = JudgeReview(review_id=review.review_id, verdict=ReviewState.REJECTED, words="")
    assert refusal(on.judge, reject, SAFETY, TEN_US) == "words_needed"
    assert judged(on, proposed(on), words="").entries  # a merit needs none


def test_what_was_judged_is_not_judged_again_and_what_was_sent_back_may_be() -> None:
    on = desk()
    review = proposed(on)
    back = JudgeReview(review_id=review.review_id, verdict=ReviewState.SENT_BACK, words="补照片")
    assert on.judge(back, SAFETY, TEN_US).entries == ()
    assert judged(on, review).entries
    assert refusal(judged, on, review) == "already_judged"


def test_in_shadow_and_without_consultation_it_is_written_and_counts_nothing() -> None:
    (merit,) = judged(on := desk(replace(BOOK, shadow=True)), proposed(on)).entries
    assert merit.shadow
    on = desk(replace(BOOK, deductions=False))
    (review,) = violation(on)
    (deduction,) = judged(on, judged(on, review).proposals[0]).entries
    assert deduction.shadow
    assert not judged(on, proposed(on)).entries[0].shadow


def test_the_party_account_has_its_own_authority_and_its_switch() -> None:
    on = desk()
    assert judged(on, proposed(on, "study"), PARTY).entries[0].account is Account.PARTY
    off = desk(replace(BOOK, party_module=False))
    assert refusal(proposed, off, "study") == "party_module_off"


def test_what_goes_over_the_cap_is_cut_and_says_so() -> None:
    on = desk()
    amounts = [judged(on, proposed(on)).entries[0] for _ in range(4)]
    assert [entry.points_hundredths for entry in amounts] == [100, 100, 50, 0]
    assert amounts[2].reasons[-1].code == "capped"


def test_a_reversal_restores_the_balance_once_and_is_judged_by_a_third_person() -> None:
    on = desk()
    (entry,) = judged(on, proposed(on)).entries
    ask = ProposeReversal(entry_id=entry.entry_id, words="并非本人")
    review = on.propose(ask, SECOND, uuid4(), TEN_US)
    assert refusal(judged, on, review, SAFETY) == "confirmed_it_yourself"
    assert refusal(judged, on, review, SECOND) == "second_person"
    (counter,) = judged(on, review, THIRD).entries
    assert (counter.points_hundredths, counter.corrects) == (-100, entry.entry_id)
    assert refusal(on.propose, ask, SECOND, uuid4(), TEN_US) == "already_corrected"
    again = ProposeReversal(entry_id=counter.entry_id, words="x")
    assert refusal(on.propose, again, SECOND, uuid4(), TEN_US) == "is_a_correction"


def test_a_rejected_reversal_may_be_asked_for_again() -> None:
    on = desk()
    (entry,) = judged(on, proposed(on)).entries
    ask = ProposeReversal(entry_id=entry.entry_id, words="并非本人")
    review = on.propose(ask, SECOND, uuid4(), TEN_US)
    assert refusal(on.propose, ask, THIRD, uuid4(), TEN_US) == "already_proposed"
    reject = JudgeReview(review_id=review.review_id, verdict=ReviewState.REJECTED, words="证据确凿")
    rejected = on.judge(reject, THIRD, TEN_US).review
    later = on.propose(ask, SECOND, uuid4(), TEN_US)
    assert (later.review_id, later.version) == (review.review_id, rejected.version + 1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["handle", "judge", "reverse", "restart"]), st.integers(0, 5))
    )
)
def test_whatever_repeats_in_whatever_order_nothing_counts_twice(
    steps: list[tuple[str, int]],
) -> None:
    """Events, judgements and reversals come again and again, with restarts in between."""
    book = replace(BOOK, items=(replace(HANDLED, cap_hundredths=700),))
    on = desk(book)
    reviews: dict[UUID, ReviewItem] = {}
    entries: dict[UUID, CreditEntry] = {}
    for step, number in steps:
        match step:
            case "handle":
                reviews |= {each.review_id: each for each in on.handled(incident(number))}
            case "judge" if reviews:
                review = list(reviews.values())[number % len(reviews)]
                try:
                    result = judged(on, review, THIRD if review.corrects else SAFETY)
                except Refused:
                    continue
                reviews[result.review.review_id] = result.review
                for entry in result.entries:
                    assert entry.entry_id not in entries
                    entries[entry.entry_id] = entry
            case "reverse" if entries:
                entry = list(entries.values())[number % len(entries)]
                ask = ProposeReversal(entry_id=entry.entry_id, words="x")
                try:
                    review = on.propose(ask, SECOND, uuid4(), TEN_US)
                except Refused:
                    continue
                reviews[review.review_id] = review
            case "restart":
                on = desk(book, reviews.values(), entries.values())
    keys = [
        (e.account, e.event_id, e.item_id, e.person_id) for e in entries.values() if not e.corrects
    ]
    assert len(keys) == len(set(keys))
    corrected = [entry.corrects for entry in entries.values() if entry.corrects]
    assert len(corrected) == len(set(corrected))
    total = sum(entry.points_hundredths for entry in entries.values())
    kept = [e for e in entries.values() if not e.corrects and e.entry_id not in corrected]
    assert total == sum(entry.points_hundredths for entry in kept)  # a reversal restores exactly
    assert 0 <= total <= 700
