"""Who answers for it, and why: owner, deputy, and who acts at that moment."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.clock import from_datetime
from domain.ids import AssetId, PersonId, TeamId, UnitId, ZoneId
from domain.organisation import (
    Coverage,
    Crew,
    Leave,
    Organisation,
    PartyUnit,
    Person,
    Placement,
    Roster,
    Shift,
    Team,
    Tenure,
    UnitKind,
    Validity,
    Zone,
    ZoneKind,
)
from domain.reasons import reason_text
from domain.responsibility import Answer, Kind
from linkage.plan import Responsible
from linkage.responsibility import Responsibility

ZONE = ZoneInfo("Asia/Shanghai")
T1, T2, HEAD = AssetId("1T"), AssetId("2T"), PersonId("head")
OWNER, DEPUTY, LEAD, SECOND, OTHER = map(
    PersonId, ("owner", "deputy", "lead", "second", "other-lead")
)


def at(written: str) -> int:
    return from_datetime(datetime.fromisoformat(written).replace(tzinfo=ZONE))


def between(start: str | None, end: str | None) -> Validity:
    return Validity(from_us=at(start) if start else None, until_us=at(end) if end else None)


NOON = at("2026-05-10 12:00")
ROSTER = Roster(
    roster_id="watch",
    name="运维班",
    team_id=TeamId("yw"),
    anchor=date(2026, 1, 1),
    shifts={"day": Shift(name="day", start_minute=480, length_minutes=720)},
    cycle=(("day",), ()),
    crews=(
        Crew(crew_id="a", name="甲值", offset_days=0, persons=(LEAD, SECOND)),
        Crew(crew_id="b", name="乙值", offset_days=1, persons=(OTHER,)),
    ),
)
UNITS = (
    PartyUnit(unit_id=UnitId("gb"), kind=UnitKind.GENERAL_BRANCH, name="总支", head=HEAD),
    PartyUnit(unit_id=UnitId("b1"), kind=UnitKind.BRANCH, name="一支部", parent=UnitId("gb")),
    PartyUnit(unit_id=UnitId("b2"), kind=UnitKind.BRANCH, name="二支部", parent=UnitId("gb")),
    PartyUnit(
        unit_id=UnitId("g"),
        kind=UnitKind.GROUP,
        name="运维组",
        parent=UnitId("b1"),
        validity=between(None, "2026-05-15"),
    ),
    PartyUnit(
        unit_id=UnitId("g"),
        kind=UnitKind.GROUP,
        name="运维组",
        parent=UnitId("b2"),
        validity=between("2026-05-15", None),
    ),
)
STATION = Zone(
    zone_id=ZoneId("z1"),
    name="柳塬变",
    kind=ZoneKind.STATION,
    unit_id=UnitId("g"),
    tenures=(Tenure(owner=OWNER, deputy=DEPUTY),),
    coverage=(
        Coverage(assets=frozenset({T1})),
        Coverage(assets=frozenset({T2}), validity=between(None, "2026-05-15")),
    ),
    roster_id="watch",
)
NEIGHBOUR = replace(
    STATION,
    zone_id=ZoneId("z2"),
    name="邻区",
    tenures=(Tenure(owner=SECOND),),
    coverage=(Coverage(assets=frozenset({T2}), validity=between("2026-05-15", None)),),
    roster_id=None,
)
PLACE = Organisation(
    units=UNITS,
    teams=(Team(team_id=TeamId("yw"), name="运维班", lead=LEAD, chain=(HEAD,)),),
    persons=tuple(
        Person(person_id=each, name=f"岗位 {each}", member=True)
        for each in (OWNER, DEPUTY, LEAD, SECOND, OTHER, HEAD)
    ),
    placements=(Placement(person_id=LEAD, team_id=TeamId("yw")),),
    zones=(STATION, NEIGHBOUR),
    rosters=(ROSTER,),
)


def away(*persons: PersonId) -> tuple[Leave, ...]:
    every_day = between("2026-05-01", "2026-06-01")
    return tuple(Leave(person_id=person, validity=every_day) for person in persons)


def asked(
    organisation: Organisation = PLACE,
    asset: AssetId = T1,
    when: int = NOON,
    kind: Kind = Kind.FAULT,
) -> Answer:
    answer = Responsibility(organisation, ZONE, version=7).of_asset(asset, when, kind)
    for reason in answer.reasons:
        for language in ("zh-CN", "en"):
            words = reason_text(reason, language)
            assert words != reason.code
            assert "{" not in words
    return answer


def acting(answer: Answer) -> str:
    return answer.acting.person_id if answer.acting else "-"


def codes(answer: Answer) -> list[str]:
    return [reason.code for reason in answer.reasons]


def test_owner_and_acting_person_are_both_told_and_may_differ() -> None:
    answer = asked(when=at("2026-05-11 12:00"))
    assert (answer.owner and answer.owner.person_id, acting(answer)) == (OWNER, LEAD)
    assert (answer.zone, answer.unit, answer.shift) == ("柳塬变", "一支部 运维组", "day")
    assert (answer.duty_date, answer.version) == ("2026-05-11", 7)
    assert codes(answer) == ["zone_covers", "owner", "on_duty"]


@pytest.mark.parametrize(
    ("leaves", "kind", "person", "said"),
    [
        pytest.param((), Kind.FAULT, OTHER, "on_duty", id="who-is-on-duty"),
        pytest.param((OTHER,), Kind.FAULT, OWNER, "owner_acts", id="whole-crew-on-leave"),
        pytest.param((OTHER, OWNER), Kind.OUTAGE, DEPUTY, "deputy_acts", id="owner-on-leave-too"),
        pytest.param(
            (OTHER, OWNER, DEPUTY), Kind.EARTH_FAULT, HEAD, "head_acts", id="head-of-unit"
        ),
        pytest.param(
            (OTHER, OWNER, DEPUTY, HEAD), Kind.FAULT, "-", "nobody_left", id="nobody-left"
        ),
        pytest.param((), Kind.VIOLATION, OWNER, "owner_acts", id="a-violation-is-the-owners"),
        pytest.param((OWNER,), Kind.SUPERVISION, DEPUTY, "deputy_acts", id="or-his-deputys"),
    ],
)
def test_who_acts(leaves: tuple[PersonId, ...], kind: Kind, person: str, said: str) -> None:
    answer = asked(replace(PLACE, leaves=away(*leaves)), kind=kind)
    assert acting(answer) == person
    assert codes(answer)[-1] == said
    assert codes(answer).count("on_leave") == len(leaves)


def test_the_next_of_the_crew_stands_in() -> None:
    answer = asked(replace(PLACE, leaves=away(LEAD)), when=at("2026-05-11 12:00"))
    assert acting(answer) == SECOND
    assert codes(answer)[-2:] == ["on_leave", "on_duty"]


def test_a_leave_begins_and_ends_at_midnight() -> None:
    organisation = replace(
        PLACE, leaves=(Leave(person_id=LEAD, validity=between("2026-05-11", "2026-05-12")),)
    )
    assert acting(asked(organisation, when=at("2026-05-11 08:00"))) == SECOND
    assert acting(asked(organisation, when=at("2026-05-13 08:00"))) == LEAD


def test_outside_every_shift_the_owner_acts() -> None:
    answer = asked(when=at("2026-05-11 03:00"))
    assert acting(answer) == OWNER
    assert "nobody_on_duty" in codes(answer)


def test_a_zone_whose_owner_was_removed_is_vacant_and_its_deputy_acts() -> None:
    ended = Tenure(owner=OWNER, deputy=DEPUTY, validity=between(None, "2026-05-01"))
    vacant = Tenure(owner=None, deputy=DEPUTY, validity=between("2026-05-01", None))
    zone = replace(STATION, tenures=(ended, vacant), roster_id=None)
    organisation = replace(PLACE, zones=(zone,))
    assert acting(asked(organisation, when=at("2026-04-30 23:59"))) == OWNER
    answer = asked(organisation, when=at("2026-05-01 00:00"))
    assert answer.owner is None
    assert acting(answer) == DEPUTY
    assert "zone_vacant" in codes(answer)


def test_a_group_that_moved_in_mid_quarter_belongs_to_its_branch_of_that_day() -> None:
    assert asked(when=at("2026-05-14 23:59:59")).unit == "一支部 运维组"
    assert asked(when=at("2026-05-15 00:00")).unit == "二支部 运维组"


def test_an_asset_that_was_handed_over_has_the_zone_of_that_moment() -> None:
    assert asked(asset=T2, when=at("2026-05-14 23:59:59")).zone == "柳塬变"
    assert asked(asset=T2, when=at("2026-05-15 00:00")).zone == "邻区"


def test_one_moment_two_zones_two_answers() -> None:
    when = at("2026-05-20 12:00")
    assert {asked(asset=T1, when=when).zone, asked(asset=T2, when=when).zone} == {"柳塬变", "邻区"}


def test_what_no_zone_covers_is_said_and_a_small_site_names_one_person() -> None:
    nowhere = asked(asset=AssetId("elsewhere"))
    assert (nowhere.acting, codes(nowhere)) == (None, ["no_zone"])
    one = Responsible(name="值班长", role="lead", because="本站只有一人")
    small = Responsibility(Organisation(), ZONE, fallback=one).of_asset(T1, NOON)
    assert small.acting
    assert small.acting.name == "值班长"


def test_alarms_climb_the_command_chain_and_pass_over_who_is_away() -> None:
    who = Responsibility(replace(PLACE, leaves=away(LEAD)), ZONE)
    assert [party.person_id for party in who.chain_of_command(TeamId("yw"), NOON)] == [HEAD]
    assert who.team_of(LEAD, NOON) == "yw"
