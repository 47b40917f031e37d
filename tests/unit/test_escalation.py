"""Who is told at which step, and why him: DOMAIN E5 on the example site, table by table.

Rule of E5 -> its test (test_rule_tables checks that each is there):
- what is of which level: test_what_happens_has_the_level_of_the_table, test_what_a_camera_sees_has_its_level;
  interlock broken: test_what_breaks_a_rule_is_as_urgent_as_the_rule_says;
  a trip: test_an_opening_after_an_operated_protection_is_a_fault_trip
- acknowledge within 2, 5, 30 minutes: test_each_level_is_acknowledged_within_its_minutes
- duty lead, station head, production leader at 2, 5, 15 and 5, 15, 60; level 3 at 60 and with the next shift:
  test_a_ladder_climbs_the_production_command_at_its_minutes
- level 4 goes to the daily list: test_level_4_has_no_ladder, test_nobody_is_called_for_what_does_not_call
- the work order: test_every_move_is_timed_and_follows_the_one_before, test_no_move_is_skipped
- root cause, measure with owner and due date: test_done_needs_its_root_cause, test_a_notice_must_make_sense;
  verified by another person: test_a_notice_is_closed_only_when_another_person_finds_the_cause_gone
- look-back after 30 and 90 days, and the trigger of a warning talk: not built
"""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.arrangements import Arrangement, WorkSite
from domain.assets import Priority
from domain.clock import MINUTE_US
from domain.ids import AssetId, PersonId
from domain.notices import Contact, Ladder, NoticePlan, Step, Who
from domain.reasons import reason_text
from domain.responsibility import Kind
from linkage.escalation import (
    call_of,
    deadlines_of,
    first_deadline_of,
    ladder_of,
    notices_of_step,
    why_not,
)
from linkage.responsibility import Responsibility
from service.site.notices import ATTENDED_LADDERS, UNATTENDED_LADDERS
from tests.support.telling import (
    ATTENDED,
    NIGHT,
    NOON,
    UNATTENDED,
    at,
    climbing,
    deadlines,
    example_plan,
    example_responsibility,
    example_site,
)

URGENT, MAJOR, MINOR = Priority.URGENT, Priority.MAJOR, Priority.MINOR


def told(level: Priority, asset: AssetId, began: str) -> list[tuple[int, str]]:
    """Minutes after the beginning and the person, step by step, while nobody acknowledges."""
    escalation = climbing(level, asset, began)
    persons: set[PersonId] = set()
    found = []
    for deadline in deadlines(escalation):
        (notice, *_) = notices_of_step(
            escalation,
            deadline.step,
            deadline.due_at_us,
            example_plan(),
            example_responsibility(),
            persons,
        )
        persons.add(notice.person_id)
        minutes = (notice.not_before_us - escalation.began_at_us) // MINUTE_US
        found.append((minutes, str(notice.person_id)))
    return found


@pytest.mark.parametrize(
    ("level", "asset", "began", "expected"),
    [
        pytest.param(
            URGENT,
            ATTENDED,
            NOON,
            [(0, "sp-y1"), (2, "sp-y1"), (5, "dd-j1"), (15, "fjl")],
            id="level-1-attended-the-shift-is-its-own-duty-lead",
        ),
        pytest.param(
            MAJOR,
            ATTENDED,
            NOON,
            [(0, "sp-y1"), (5, "sp-y1"), (15, "dd-j1"), (60, "fjl")],
            id="level-2-attended-5-15-60",
        ),
        pytest.param(
            MINOR,
            ATTENDED,
            NOON,
            [(0, "sp-y1"), (60, "sp-y1"), (20 * 60 + 30, "sp-b1")],
            id="level-3-attended-60-then-the-next-shift",
        ),
        pytest.param(
            URGENT,
            UNATTENDED,
            NOON,
            [(0, "dd-j1"), (1, "yw-j1"), (2, "yw-bz"), (5, "dd-j1"), (15, "fjl")],
            id="level-1-unattended-remote-duty-then-the-place's-own",
        ),
        pytest.param(
            URGENT,
            UNATTENDED,
            NIGHT,
            [(0, "dd-b1"), (1, "yw-y1"), (2, "yw-bz"), (5, "dd-b1"), (15, "fjl")],
            id="level-1-calls-at-three-in-the-morning-also-who-has-no-shift",
        ),
        pytest.param(
            MAJOR,
            UNATTENDED,
            NIGHT,
            [(0, "dd-b1"), (3, "yw-y1"), (5 * 60, "yw-bz"), (15, "dd-b1"), (5 * 60, "fjl")],
            id="level-2-at-night-who-has-no-shift-is-told-at-eight",
        ),
        pytest.param(
            MINOR,
            UNATTENDED,
            NIGHT,
            [(0, "dd-b1"), (30, "yw-y1"), (5 * 60, "yw-bz"), (5 * 60, "yw-j1")],
            id="level-3-unattended-the-next-shift-goes-on",
        ),
    ],
)
def test_a_ladder_climbs_the_production_command_at_its_minutes(
    level: Priority, asset: AssetId, began: str, expected: list[tuple[int, str]]
) -> None:
    assert told(level, asset, began) == expected


@pytest.mark.parametrize(
    ("what", "level"),
    [
        pytest.param("SP/111/quick_break HH", URGENT, id="protection-trip"),
        pytest.param("LY/HJ/smoke H", URGENT, id="fire"),
        pytest.param("LY/1T/top_oil_temp H", MAJOR, id="over-temperature"),
        pytest.param("SP/151/sf6_p20 L", MAJOR, id="low-SF6"),
        pytest.param("SP/151/sf6_p20 LL", URGENT, id="SF6-at-lockout"),
        pytest.param("LY/ZL/insulation L", MAJOR, id="DC-earth"),
        pytest.param("LY/ZL/charger_fault H", MAJOR, id="loss-of-a-source"),
        pytest.param("LY/113/uab L", MINOR, id="deviation"),
        pytest.param("LY/113/reclose H", Priority.NOTICE, id="information"),
        pytest.param("LY/PT10-1/u0 H", MAJOR, id="earth-on-an-ungrounded-network"),
    ],
)
def test_what_happens_has_the_level_of_the_table(what: str, level: Priority) -> None:
    """In the example's limits."""
    key, _, condition = what.partition(" ")
    (point,) = (each for each in example_site().points if each.key == key)
    found = {limit.condition.value: limit.priority for limit in point.limits}
    assert found.get(condition, found.get("H")) is level


@pytest.mark.parametrize(
    ("code", "level"),
    [
        pytest.param("ZONE-01", URGENT, id="person-in-a-live-zone"),
        pytest.param("DIST-01", URGENT, id="too-near-to-live-parts"),
        pytest.param("PPE-01", MAJOR, id="bare-head"),
        pytest.param("PPE-02", Priority.NOTICE, id="a-hint"),
    ],
)
def test_what_a_camera_sees_has_its_level(code: str, level: Priority) -> None:
    (rule,) = (each for each in example_site().machine_rules if each.code == code)
    assert rule.priority is level


@pytest.mark.parametrize("ladders", [ATTENDED_LADDERS, UNATTENDED_LADDERS])
def test_each_level_is_acknowledged_within_its_minutes(ladders: tuple[Ladder, ...]) -> None:
    minutes = {each.level: each.acknowledge_within_us // MINUTE_US for each in ladders}
    assert minutes == {URGENT: 2, MAJOR: 5, MINOR: 30}


def test_nobody_is_told_for_his_place_in_the_party() -> None:
    heads = {unit.head for unit in example_plan().organisation.units if unit.head}
    commanding = {
        person
        for team in example_plan().organisation.teams
        for person in (team.lead, *team.chain)
        if person
    }
    rostered = {
        person
        for roster in example_plan().organisation.rosters
        for crew in roster.crews
        for person in crew.persons
    }
    only_party = heads - commanding - rostered
    assert only_party, "the example has secretaries who command nothing"
    for asset in {each.asset_id for each in example_plan().assets.values()}:
        for level in (URGENT, MAJOR, MINOR):
            assert not only_party & {person for _, person in told(level, asset, NIGHT)}


def test_level_4_has_no_ladder() -> None:
    escalation = climbing(Priority.NOTICE, ATTENDED, NOON)
    assert ladder_of(escalation, example_plan()) is None
    assert not deadlines(escalation)


def test_the_reasons_say_why_him_and_why_not_the_one_before() -> None:
    escalation = climbing(MAJOR, UNATTENDED, NIGHT)
    step = Step(who=Who.STATION_HEAD, after_us=15 * MINUTE_US)
    call = call_of(
        escalation,
        step,
        escalation.began_at_us + 15 * MINUTE_US,
        example_plan(),
        example_responsibility(),
        {PersonId("dd-b1")},
    )
    assert [reason_text(reason) for reason in call.reasons] == [
        "15 分钟内无人确认, 升级到站(调度)负责人",
        "调度甲值调度长 在生产指挥链上",
        "调度甲值调度长 不当班, 由当班的 调度丙值调度长 代",
        "调度丙值调度长 之前已通知过, 再次提醒",
    ]
    assert all(reason_text(reason, "en") != reason.code for reason in call.reasons)


def test_level_1_goes_out_by_every_channel_and_the_others_by_the_first() -> None:
    plan = example_plan()
    contact = Contact(person_id=PersonId("dd-j1"), channels=("chat", "sms", "phone"))
    notices = replace(plan.notices, contacts={contact.person_id: contact})
    plan = replace(plan, notices=notices)

    def channels(level: Priority) -> list[str]:
        escalation = climbing(level, UNATTENDED, NOON)
        found = notices_of_step(escalation, 0, at(NOON), plan, example_responsibility())
        assert len({each.notice_id for each in found}) == len(found)
        return [each.channel for each in found]

    assert channels(URGENT) == ["chat", "sms", "phone"]
    assert channels(MAJOR) == ["chat"]


def test_who_has_no_contact_is_called_by_telephone() -> None:
    plan = replace(example_plan(), notices=replace(example_plan().notices, contacts={}))
    escalation = climbing(MAJOR, ATTENDED, NOON)
    (notice,) = notices_of_step(escalation, 0, at(NOON), plan, example_responsibility())
    assert notice.channel == "phone"


def test_where_nobody_is_found_the_dispatch_room_must_find_somebody() -> None:
    plan = replace(
        example_plan(),
        organisation=replace(example_plan().organisation, zones=(), rosters=(), teams=()),
    )
    responsibility = Responsibility(plan.organisation, plan.zone)
    escalation = climbing(URGENT, ATTENDED, NOON)
    for step in range(4):
        (notice,) = notices_of_step(escalation, step, at(NOON), plan, responsibility)
        assert (notice.person_id, notice.channel) == ("", "phone")
        assert notice.why[-1].code == "nobody_to_tell"


def test_the_same_step_again_is_the_same_notice() -> None:
    escalation = climbing(URGENT, ATTENDED, NOON)
    one, other = (
        notices_of_step(escalation, 2, at(NOON), example_plan(), example_responsibility())
        for _ in range(2)
    )
    assert one == other


def test_every_step_has_its_minute_and_the_first_is_the_same_alone() -> None:
    escalation = climbing(URGENT, UNATTENDED, NOON)
    steps = deadlines_of(escalation, example_plan(), None)
    assert [(each.due_at_us - at(NOON)) // MINUTE_US for each in steps] == [0, 1, 2, 5, 15]
    assert first_deadline_of(escalation, example_plan(), None) == steps[:1]


def test_the_first_step_is_the_one_that_is_due_first_wherever_it_stands() -> None:
    waits, soon = Step(who=Who.ACTING, after_us=None), Step(who=Who.DUTY_LEAD, after_us=MINUTE_US)
    ladder = Ladder(level=URGENT, acknowledge_within_us=MINUTE_US, steps=(waits, soon))
    plan = replace(example_plan(), notices=NoticePlan(attended=(ladder,), unattended=(ladder,)))
    escalation = climbing(URGENT, UNATTENDED, NOON)
    (first,) = first_deadline_of(escalation, plan, None)
    assert (first.step, first.due_at_us) == (1, at(NOON) + MINUTE_US)


def test_a_site_without_ladders_tells_nobody() -> None:
    plan = replace(example_plan(), notices=NoticePlan())
    escalation = climbing(URGENT, ATTENDED, NOON)
    assert not deadlines_of(escalation, plan, None)
    assert not first_deadline_of(escalation, plan, None)
    assert not notices_of_step(escalation, 0, at(NOON), plan, example_responsibility())


@pytest.mark.parametrize(
    ("person", "ended_by", "expected"),
    [
        pytest.param(
            "fjl",
            "",
            "生产副经理 是第 5 级, 12:15 仍无人确认才通知",
            id="his-step-is-not-due",
        ),
        pytest.param("fjl", "dd-j1", "在轮到之前已由 dd-j1 确认", id="somebody-took-it-before"),
        pytest.param(
            "sj",
            "",
            "党总支书记 不是处理人, 也不在这里的生产指挥链上",
            id="the-secretary-is-not-in-the-command",
        ),
    ],
)
def test_why_not_me(person: str, ended_by: str, expected: str) -> None:
    escalation = climbing(URGENT, UNATTENDED, NOON)
    if ended_by:
        escalation = replace(escalation, ended_at_us=at(NOON), ended="x", ended_by=ended_by)
    (why,) = why_not(
        PersonId(person), escalation, at(NOON), example_plan(), example_responsibility()
    )
    assert reason_text(why) == expected


@pytest.mark.parametrize(
    ("kind", "worked_on", "step", "called"),
    [
        pytest.param(
            Kind.VIOLATION, UNATTENDED, 0, True, id="who-leads-the-work-is-called-at-once"
        ),
        pytest.param(Kind.VIOLATION, UNATTENDED, 1, False, id="and-once"),
        pytest.param(Kind.VIOLATION, ATTENDED, 0, False, id="not-who-works-elsewhere"),
        pytest.param(Kind.FAULT, UNATTENDED, 0, False, id="a-fault-climbs-as-ever"),
    ],
)
def test_a_violation_calls_who_leads_the_work_beside_the_first_step(
    kind: Kind, worked_on: AssetId, step: int, called: bool
) -> None:
    leader = PersonId("xs-bz")
    escalation = climbing(URGENT, UNATTENDED, NIGHT, kind=kind)
    site = WorkSite(ticket_id=UUID(int=5), number="柳-1", asset_ids=(worked_on,), leader=leader)
    work = Arrangement(
        arrangement_id=UUID(int=6), from_us=at(NIGHT) - MINUTE_US, by="", at_us=1, work_site=site
    )
    responsibility = example_responsibility().supposing(work)
    notices = notices_of_step(escalation, step, at(NIGHT), example_plan(), responsibility)
    first = notices[0].person_id
    assert first != leader
    assert (leader in {each.person_id for each in notices}) is called
    assert {each.person_id for each in notices} <= {first, leader}
    if called:
        (why,) = {each.why for each in notices if each.person_id == leader}
        assert [reason.code for reason in why] == ["work_site"]
