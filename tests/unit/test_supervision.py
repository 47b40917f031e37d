"""督办: a lapse of responsibility is told within a minute, once, and ends when it is mended."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from domain.alarms import Alarm
from domain.arrangements import Handover, Move, PlannedDay, PlannedDays
from domain.assets import Condition, Priority
from domain.clock import MINUTE_US, SECOND_US
from domain.events import AlarmRaised
from domain.ids import AssetId, PersonId, TeamId, ZoneId
from domain.incidents import IncidentState
from domain.organisation import (
    Coverage,
    Leave,
    Organisation,
    Tenure,
    Validity,
    Zone,
)
from domain.records import Ticked
from domain.requests import (
    AcknowledgeIncident,
    EndArrangement,
    HandOverZone,
    MovePerson,
    PlanDays,
    TakeLeave,
)
from domain.responsibility import Kind
from domain.wording import alarm_text
from linkage.desk import Held
from linkage.linkage import Linkage
from linkage.supervision import Supervision
from tests.support.alarms import BEIJING, TRANSFORMER
from tests.support.people import (
    A1,
    A2,
    B2,
    C1,
    C2,
    HEAD,
    LEAD,
    NEIGHBOUR,
    OWNER,
    PEOPLE,
    PLACE,
    USERS,
    People,
    at,
    zone,
)

UNTIL = Validity(until_us=at("2026-06-02 00:00"))
SINCE = Validity(from_us=at("2026-06-02 00:00"))


def with_zones(change: Callable[[Zone], Zone]) -> Organisation:
    return replace(PEOPLE, zones=tuple(change(each) for each in PEOPLE.zones))


def covering(name: str, validity: Validity) -> Organisation:
    """The zone's coverage only then."""

    def change(each: Zone) -> Zone:
        if each.zone_id != name:
            return each
        return replace(each, coverage=tuple(replace(c, validity=validity) for c in each.coverage))

    return with_zones(change)


def again(coverage: Coverage) -> Organisation:
    return replace(PEOPLE, zones=(*PEOPLE.zones, zone("z-again", "又一区", None, coverage)))


def away(*persons: PersonId) -> Organisation:
    day = Validity(from_us=at("2026-06-02 10:00"), until_us=at("2026-06-02 16:00"))
    return replace(PEOPLE, leaves=tuple(Leave(person_id=each, validity=day) for each in persons))


def without_owner() -> Organisation:
    def change(each: Zone) -> Zone:
        if each.zone_id != "z-ly":
            return each
        (tenure,) = each.tenures
        vacant = Tenure(owner=None, deputy=tenure.deputy, validity=SINCE)
        return replace(each, tenures=(replace(tenure, validity=UNTIL), vacant))

    return with_zones(change)


@pytest.mark.parametrize(
    ("organisation", "condition", "subject", "since"),
    [
        pytest.param(
            covering("z-ly", UNTIL),
            *(Condition.NO_ZONE, TRANSFORMER.asset_id, "2026-06-02 00:00"),
            id="a-device-in-no-zone",
        ),
        pytest.param(
            again(Coverage(assets=frozenset({NEIGHBOUR.asset_id}), validity=SINCE)),
            *(Condition.TWO_ZONES, NEIGHBOUR.asset_id, "2026-06-02 00:00"),
            id="a-device-in-two",
        ),
        pytest.param(
            again(Coverage(people=frozenset({A1}), validity=SINCE)),
            *(Condition.TWO_ZONES, "person:a1", "2026-06-02 00:00"),
            id="a-person-in-two",
        ),
        pytest.param(
            again(Coverage(places=frozenset({"yard"}), validity=SINCE)),
            *(Condition.TWO_ZONES, "place:yard", "2026-06-02 00:00"),
            id="a-place-in-two",
        ),
        pytest.param(
            without_owner(), Condition.NO_OWNER, "zone:z-ly", "2026-06-02 00:00", id="no-owner"
        ),
        pytest.param(
            away(C1, C2),
            *(Condition.NOBODY_ON_DUTY, "roster:watch", "2026-06-02 10:00"),
            id="a-whole-crew-on-leave",
        ),
    ],
)
def test_what_is_a_lapse_and_since_when(
    organisation: Organisation, condition: Condition, subject: str, since: str
) -> None:
    people = People(replace(PLACE, organisation=organisation))
    changes = people.passes_to("2026-06-01 23:59:50")
    assert changes.events == []
    raised = []
    for when in ("2026-06-02 00:00:50", "2026-06-02 09:59", "2026-06-02 10:00:59"):
        raised += [each for each in people.passes_to(when).events if isinstance(each, AlarmRaised)]
    (event,) = raised
    assert (event.condition, event.asset_id) == (condition, subject)
    assert event.started_at_us == at(since)
    assert event.detected_at_us - event.started_at_us < MINUTE_US
    (incident,) = people.everything.incidents
    assert incident.kind is Kind.SUPERVISION
    assert incident.answer.acting, "somebody is asked to mend it"
    assert people.everything.commands == [], "no siren sounds for it"


@pytest.mark.parametrize(
    ("organisation", "why"),
    [
        pytest.param(PEOPLE, "all is in order", id="in-order"),
        pytest.param(away(C1), "the other one of the crew is there", id="half-a-crew"),
        pytest.param(Organisation(), "one person answers for everything", id="without-zones"),
        pytest.param(
            replace(PEOPLE, leaves=(Leave(person_id=OWNER, validity=SINCE),)),
            "an owner on leave owns it still",
            id="owner-on-leave",
        ),
    ],
)
def test_what_is_none(organisation: Organisation, why: str) -> None:
    people = People(replace(PLACE, organisation=organisation))
    for when in ("2026-06-01 23:59", "2026-06-02 12:00", "2026-06-03 12:00"):
        assert people.passes_to(when).events == [], why


def test_it_ends_when_it_is_mended_and_comes_to_who_answers() -> None:
    people = People()
    vacate = Handover(zone_id=ZoneId("z-ly"), owner=None)
    made = people.does(HandOverZone(handover=vacate, from_us=0))
    (raised,) = people.passes_to("2026-06-01 12:00:10").events
    assert isinstance(raised, AlarmRaised)
    assert raised.priority is Priority.MINOR
    (opened,) = people.everything.incidents
    assert opened.answer.acting
    assert opened.answer.acting.person_id == HEAD, "without owner and deputy: who heads the unit"
    text = alarm_text(raised, people.plan.asset(raised.asset_id), BEIJING)
    assert "柳塬变 没有责任党员" in text
    people.does(AcknowledgeIncident(incident_id=opened.incident_id))
    people.does(EndArrangement(arrangement_id=made))
    (cleared,) = people.passes_to("2026-06-01 12:00:20").events
    assert cleared.event_id == raised.event_id
    assert people.everything.incidents[-1].state is IncidentState.CLOSED


def test_a_crew_that_goes_on_leave_in_the_console_is_told_and_a_deputy_mends_it() -> None:
    people = People()
    until = at("2026-06-01 20:00")
    for person in (A1, A2):
        people.does(TakeLeave(person_id=person, from_us=0, until_us=until))
    (raised,) = people.passes_to("2026-06-01 12:00:10").events
    assert isinstance(raised, AlarmRaised)
    assert (raised.priority, raised.signal) == (Priority.MAJOR, "2026-06-01 白班 甲值")
    answer = people.everything.incidents[-1].answer
    assert answer.acting
    assert answer.acting.person_id == LEAD, "the duty lead finds somebody"
    for each in people.arrangements:
        people.does(EndArrangement(arrangement_id=each.arrangement_id))
    people.does(TakeLeave(person_id=A1, from_us=0, until_us=until, deputy=B2))
    people.does(TakeLeave(person_id=A2, from_us=0, until_us=until))
    (cleared,) = people.passes_to("2026-06-01 12:00:20").events
    assert cleared.event_id == raised.event_id


def test_who_moved_into_one_zone_is_in_one_zone() -> None:
    doubled = again(Coverage(people=frozenset({A1}), validity=SINCE))
    people = People(replace(PLACE, organisation=doubled))
    moved = Move(person_id=A1, team_id=TeamId("yw"), zone_id=ZoneId("z-again"))
    people.does(MovePerson(move=moved, from_us=0))
    assert people.passes_to("2026-06-02 12:00").events == []


def standing_alarms(people: People) -> tuple[Alarm, ...]:
    return tuple({each.event_id: each for each in people.everything.alarms}.values())


def test_a_restart_tells_nothing_twice_and_still_ends_it() -> None:
    plan = replace(PLACE, organisation=without_owner())
    people = People(plan)
    people.passes_to("2026-06-02 12:00")
    held = Held(users=USERS, alarms=standing_alarms(people))
    incidents = {each.incident_id: each for each in people.everything.incidents}
    after = Linkage(plan, list(incidents.values()), held=held)
    assert after.decide(Ticked(at_us=people.at_us + 60 * SECOND_US), []).events == []
    mended = Linkage(PLACE, list(incidents.values()), held=held)
    (cleared,) = mended.decide(Ticked(at_us=people.at_us + 60 * SECOND_US), []).events
    assert cleared.event_id == standing_alarms(people)[0].event_id


def test_the_same_lapse_has_the_same_id_whichever_tick_finds_it() -> None:
    plan = replace(PLACE, organisation=away(C1, C2))
    ids = set()
    for when in ("2026-06-02 10:00:01", "2026-06-02 10:00:17", "2026-06-02 12:34"):
        (event,) = People(plan).passes_to(when).events
        ids.add(event.event_id)
    assert len(ids) == 1


def test_of_several_workers_one_tells_it() -> None:
    plan = replace(PLACE, organisation=without_owner())
    ours = Linkage(plan, concerns=lambda asset_id: asset_id == "zone:z-ly")
    theirs = Linkage(plan, concerns=lambda asset_id: asset_id != "zone:z-ly")
    tick = Ticked(at_us=at("2026-06-02 12:00"))
    assert len(ours.decide(tick, []).events) == 1
    assert theirs.decide(tick, []).events == []


def test_what_will_lapse_within_a_day_is_known_before() -> None:
    people = People()
    nobody = tuple(
        PlannedDay(person_id=each, duty_date=date(2026, 6, 2), shifts=()) for each in (C1, C2)
    )
    people.does(PlanDays(planned=PlannedDays(roster_id="watch", days=nobody)))
    people.does(
        HandOverZone(
            handover=Handover(zone_id=ZoneId("z-gc"), owner=None),
            from_us=at("2026-06-02 09:00"),
        )
    )
    people.does(
        HandOverZone(
            handover=Handover(zone_id=ZoneId("z-ly"), owner=None),
            from_us=at("2026-06-02 12:01"),
        )
    )
    supervision = Supervision(people.plan.organisation, people.plan.assets, people.who)
    ahead = supervision.ahead(people.at_us, BEIJING)
    assert [(when, each.condition, each.subject) for when, each in ahead] == [
        (at("2026-06-02 08:00"), Condition.NOBODY_ON_DUTY, "roster:watch"),
        (at("2026-06-02 09:00"), Condition.NO_OWNER, "zone:z-gc"),
    ]


def test_what_lapses_already_is_no_warning() -> None:
    plan = replace(PLACE, organisation=without_owner())
    who = People(plan).who
    supervision = Supervision(plan.organisation, plan.assets, who)
    assert supervision.ahead(at("2026-06-02 12:00"), BEIJING) == []
    assert [each.subject for each in supervision.lapses(at("2026-06-02 12:00"))] == ["zone:z-ly"]


def test_the_heads_of_all_are_asked_where_no_zone_is() -> None:
    plan = replace(PLACE, organisation=covering("z-ly", UNTIL))
    people = People(plan)
    people.passes_to("2026-06-02 12:00")
    answer = people.everything.incidents[-1].answer
    assert answer.acting
    assert answer.acting.person_id == HEAD
    headless = replace(
        plan.organisation,
        units=tuple(replace(each, head=None) for each in plan.organisation.units),
    )
    other = People(replace(plan, organisation=headless))
    other.passes_to("2026-06-02 12:00")
    assert other.everything.incidents[-1].answer.acting is None


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("zone:z-ly", "柳塬变"),
        ("roster:watch", "运维班"),
        ("person:fitter", "岗位fitter"),
        ("place:yard", "料场"),
        ("zone:gone", "zone:gone"),
        ("LY/9T", "LY/9T"),
    ],
)
def test_what_is_no_device_is_called_by_its_name(subject: str, name: str) -> None:
    assert PLACE.asset(AssetId(subject)).name == name
