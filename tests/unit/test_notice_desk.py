"""Which incidents climb, until when, and what people say to notices."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.access import NOTICE
from domain.alarms import Rationale
from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.clock import MINUTE_US, SECOND_US
from domain.ids import PersonId, PointKey
from domain.incidents import IncidentState
from domain.notices import CallOutcome, Escalation, NoticePlan, NoticeState
from domain.organisation import Organisation, Person
from domain.paperwork import Role, TagKind
from domain.requests import (
    AcknowledgeAlarm,
    AcknowledgeIncident,
    AnswerNotice,
    CloseIncident,
    HangTag,
    LogCall,
    PutRationalisations,
    PutUser,
    RetryNotice,
    ShelveAlarm,
)
from linkage.plan import ViolationRule
from service.site.notices import ATTENDED_LADDERS, UNATTENDED_LADDERS
from tests.support.alarms import TRANSFORMER
from tests.support.control_room import ROOM, ControlRoom, protection

PERSON = Person(person_id=PersonId("yw-j1"), name="运维甲值正值")
PLAN = replace(
    ROOM,
    notices=NoticePlan(attended=ATTENDED_LADDERS, unattended=UNATTENDED_LADDERS),
    organisation=Organisation(persons=(PERSON,)),
)
WORSE = {"condition": Condition.HIGH_HIGH, "priority": Priority.URGENT}
MAJOR = {"priority": Priority.MAJOR}


@pytest.fixture
def room() -> ControlRoom:
    return ControlRoom(PLAN)


def climbing(room: ControlRoom) -> list[Escalation]:
    newest = {each.escalation_id: each for each in room.everything.escalations}
    return [each for each in newest.values() if each.is_open]


def ended(room: ControlRoom) -> list[tuple[str, str]]:
    return [(e.ended, e.ended_by) for e in room.everything.escalations if not e.is_open]


def answer(incident: UUID, **facts: Any) -> AnswerNotice:
    known: dict[str, Any] = {
        "notice_id": UUID(int=1),
        "incident_id": incident,
        "asset_id": TRANSFORMER.asset_id,
        "person_id": PERSON.person_id,
        "via": "link",
    }
    return AnswerNotice(**(known | facts))


def call(incident: UUID, outcome: CallOutcome) -> LogCall:
    return LogCall(
        notice_id=UUID(int=1),
        escalation_id=UUID(int=2),
        step=1,
        incident_id=incident,
        asset_id=TRANSFORMER.asset_id,
        person_id=PERSON.person_id,
        outcome=outcome,
        words=" 正在去现场 ",
    )


def test_an_incident_climbs_with_a_deadline_for_the_first_step_of_its_level(
    room: ControlRoom,
) -> None:
    event = room.raises()
    (escalation,) = climbing(room)
    (incident,) = room.open_incidents()
    assert (escalation.incident_id, escalation.event_id) == (incident.incident_id, event.event_id)
    assert (escalation.level, escalation.began_at_us) == (Priority.URGENT, room.at_us)
    assert escalation.text.startswith("10:00:03 35kV柳塬变")
    (deadline,) = room.everything.deadlines
    assert (deadline.step, deadline.due_at_us) == (0, room.at_us)
    assert deadline.subject == str(escalation.escalation_id)


def test_what_to_do_first_stands_in_it(room: ControlRoom) -> None:
    rationale = Rationale(
        point=PointKey("LY/1T/top_oil_temp"),
        condition=Condition.HIGH,
        cause="过载",
        consequence="绝缘老化",
        action="减负荷, 检查风扇",
    )
    room.does(PutRationalisations(entries=(rationale,)), actor="chief")
    room.raises()
    assert climbing(room)[0].action == "减负荷, 检查风扇"


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"found_late": True}, id="found-late"),
        pytest.param({"output_allowed": False}, id="only-read-as-a-state"),
        pytest.param({"priority": Priority.NOTICE}, id="level-4-goes-to-the-daily-list"),
        pytest.param({"alarm_class": AlarmClass.INFORMATION}, id="information"),
    ],
)
def test_nobody_is_called_for_what_does_not_call(room: ControlRoom, facts: dict[str, Any]) -> None:
    room.raises(**facts)
    assert not climbing(room)


def test_that_a_siren_failed_calls_though_no_other_siren_may_sound(room: ControlRoom) -> None:
    room.raises(condition=Condition.COMMAND_FAILED, output_allowed=False, priority=Priority.MAJOR)
    assert [each.level for each in climbing(room)] == [Priority.MAJOR]


def test_a_known_defect_calls_nobody_below_level_1(room: ControlRoom) -> None:
    room.hangs(HangTag(kind=TagKind.DEFECT, asset_id=TRANSFORMER.asset_id))
    room.raises(**MAJOR)
    assert not climbing(room)
    room.raises(**WORSE)
    assert [each.level for each in climbing(room)] == [Priority.URGENT]


def test_what_comes_off_its_shelf_and_still_stands_calls(room: ControlRoom) -> None:
    shelf = ShelveAlarm(
        point="LY/1T/top_oil_temp",
        condition=Condition.HIGH,
        reason="传感器待查",
        for_us=10 * MINUTE_US,
    )
    room.does(shelf)
    room.raises(**MAJOR)
    assert not climbing(room)
    room.passes(601)
    (escalation,) = climbing(room)
    assert escalation.level is Priority.MAJOR
    assert "油温 越上限" in escalation.text


def test_a_worse_alarm_climbs_anew_at_its_level_and_the_same_level_does_not(
    room: ControlRoom,
) -> None:
    room.raises(**MAJOR)
    room.raises(condition=Condition.LOW, priority=Priority.MINOR)
    assert [each.level for each in climbing(room)] == [Priority.MAJOR]
    room.at_us += SECOND_US
    room.raises(**WORSE)
    assert [each.level for each in climbing(room)] == [Priority.URGENT]
    assert ended(room) == [("raised", "")]


def test_acknowledging_ends_it(room: ControlRoom) -> None:
    room.raises()
    (incident,) = room.open_incidents()
    room.does(AcknowledgeIncident(incident_id=incident.incident_id))
    assert ended(room) == [("acknowledged", "duty")]
    assert not climbing(room)


def test_acknowledging_its_only_alarm_ends_it(room: ControlRoom) -> None:
    event = room.raises()
    room.does(AcknowledgeAlarm(event_id=event.event_id))
    assert ended(room) == [("acknowledged", "duty")]


def test_closing_by_hand_ends_it(room: ControlRoom) -> None:
    room.raises()
    (incident,) = room.open_incidents()
    room.does(CloseIncident(incident_id=incident.incident_id, note="试验"))
    assert ended(room) == [("closed", "duty")]


def test_that_it_returned_does_not_end_it(room: ControlRoom) -> None:
    room.clears(room.raises())
    assert len(climbing(room)) == 1


def test_a_worse_alarm_of_what_was_acknowledged_climbs_until_that_one_is_too(
    room: ControlRoom,
) -> None:
    room.raises(**MAJOR)
    (incident,) = room.open_incidents()
    room.does(AcknowledgeIncident(incident_id=incident.incident_id))
    room.at_us += SECOND_US
    room.raises(condition=Condition.LOW, priority=Priority.MINOR)
    assert not climbing(room), "whoever has it in hand sees that too"
    worse = room.raises(**WORSE)
    assert [each.level for each in climbing(room)] == [Priority.URGENT]
    room.does(AcknowledgeAlarm(event_id=worse.event_id))
    assert not climbing(room)


def test_folded_under_its_cause_it_climbs_no_more_and_unfolded_it_does_again(
    room: ControlRoom,
) -> None:
    room.raises(**MAJOR)
    (incident,) = room.open_incidents()
    folded = replace(incident, cause=UUID(int=9), version=incident.version + 1)
    look(room, folded)
    assert ended(room) == [("consequence", "")]
    room.at_us += SECOND_US
    look(room, replace(folded, cause=None, version=folded.version + 1))
    (again,) = climbing(room)
    assert again.level is Priority.MAJOR
    assert "1号主变" in again.text


def test_level_1_climbs_beneath_its_cause_too(room: ControlRoom) -> None:
    room.raises(**WORSE)
    (incident,) = room.open_incidents()
    look(room, replace(incident, cause=UUID(int=9), version=incident.version + 1))
    assert [each.level for each in climbing(room)] == [Priority.URGENT]
    assert ended(room) == []


def look(room: ControlRoom, incident: Any) -> None:
    """What correlation will do: it keeps the incident with its cause."""
    linkage = room.linkage
    changes = Changes(incidents=[incident])
    linkage._incidents.keep(incident)
    linkage._notice_desk.follow(room.at_us, changes)
    room._fold(changes)


def test_a_restart_goes_on_with_what_climbs_and_begins_nothing_anew(room: ControlRoom) -> None:
    room.raises(**MAJOR)
    before = climbing(room)
    room.restarts()
    room.raises(condition=Condition.LOW, priority=Priority.MINOR)
    room.passes(1)
    assert climbing(room) == before
    (incident,) = room.open_incidents()
    room.does(AcknowledgeIncident(incident_id=incident.incident_id))
    assert ended(room) == [("acknowledged", "duty")]


def test_a_violation_is_known_as_one() -> None:
    rule = ViolationRule(
        rule_id="unlock",
        code="SWITCH-03",
        text="擅自解锁",
        grade="serious",
        points=frozenset({PointKey("LY/113/quick_break")}),
    )
    room = ControlRoom(replace(PLAN, violations=(rule,)))
    room.raises(**protection())
    assert climbing(room)[0].kind.value == "violation"


# -- what people say ---------------------------------------------------------------------------


def test_the_link_acknowledges_the_incident_as_the_person_who_was_told(room: ControlRoom) -> None:
    room.raises()
    (incident,) = room.open_incidents()
    changes = room.ask(answer(incident.incident_id), actor=NOTICE)
    taken = room.incidents[incident.incident_id]
    assert (taken.state, taken.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "运维甲值正值")
    (move,) = changes.notice_moves
    assert (move.state, move.by, move.words) == (
        NoticeState.ACKNOWLEDGED,
        "运维甲值正值",
        "link",
    )
    assert ended(room) == [("acknowledged", "运维甲值正值")]
    assert not any(alarm.waits for alarm in room.alarms.values())


def test_the_second_use_of_a_link_is_refused(room: ControlRoom) -> None:
    room.raises()
    (incident,) = room.open_incidents()
    room.ask(answer(incident.incident_id), actor=NOTICE)
    assert room.refuses(answer(incident.incident_id), NOTICE) == "already_acknowledged"


def test_who_signs_in_as_the_person_acknowledges_under_that_name(room: ControlRoom) -> None:
    room.does(
        PutUser(
            name="jia",
            password="x",
            roles=frozenset({Role.DUTY}),
            person_id=PERSON.person_id,
        ),
        actor="chief",
    )
    room.raises()
    (incident,) = room.open_incidents()
    room.ask(answer(incident.incident_id), actor=NOTICE)
    assert room.incidents[incident.incident_id].acknowledged_by == "jia"


def test_a_disabled_user_s_link_does_nothing(room: ControlRoom) -> None:
    room.does(
        PutUser(
            name="jia",
            password="x",
            roles=frozenset({Role.DUTY}),
            person_id=PERSON.person_id,
            disabled=True,
        ),
        actor="chief",
    )
    room.raises()
    (incident,) = room.open_incidents()
    assert room.refuses(answer(incident.incident_id), NOTICE) == "user_disabled"


def test_a_link_may_do_nothing_else(room: ControlRoom) -> None:
    room.raises()
    (incident,) = room.open_incidents()
    assert (
        room.refuses(AcknowledgeIncident(incident_id=incident.incident_id), NOTICE)
        == "unknown_user"
    )
    assert room.refuses(call(incident.incident_id, CallOutcome.REACHED), NOTICE) == "unknown_user"


@pytest.mark.parametrize(
    ("outcome", "state", "acknowledged", "hastens"),
    [
        pytest.param(
            CallOutcome.REACHED, NoticeState.DELIVERED, False, None, id="reached-is-not-taken"
        ),
        pytest.param(
            CallOutcome.NOT_REACHED,
            NoticeState.FAILED,
            False,
            (UUID(int=2), 2),
            id="not-reached-the-next-step-need-not-wait",
        ),
        pytest.param(
            CallOutcome.READ_BACK, NoticeState.DELIVERED, True, None, id="read-back-he-takes-it"
        ),
    ],
)
def test_what_a_dispatcher_says_of_a_call(
    room: ControlRoom,
    outcome: CallOutcome,
    state: NoticeState,
    acknowledged: bool,
    hastens: object,
) -> None:
    room.raises()
    (incident,) = room.open_incidents()
    changes = room.ask(call(incident.incident_id, outcome))
    first = changes.notice_moves[0]
    assert (first.state, first.what, first.by) == (state, outcome.value, "duty")
    assert (first.words, first.hastens) == ("正在去现场", hastens)
    assert (room.incidents[incident.incident_id].acknowledged_by is not None) is acknowledged
    assert (not climbing(room)) is acknowledged


def test_a_call_read_back_after_somebody_else_took_it_is_only_noted(room: ControlRoom) -> None:
    room.raises()
    (incident,) = room.open_incidents()
    room.does(AcknowledgeIncident(incident_id=incident.incident_id))
    changes = room.ask(call(incident.incident_id, CallOutcome.READ_BACK))
    assert [each.state for each in changes.notice_moves] == [NoticeState.DELIVERED]
    assert room.incidents[incident.incident_id].acknowledged_by == "duty"


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        pytest.param("viewer", "not_allowed", id="role"),
        pytest.param("elsewhere", "out_of_scope", id="scope"),
    ],
)
def test_calls_and_retries_are_for_the_duty_in_its_stations(
    room: ControlRoom, actor: str, code: str
) -> None:
    room.raises()
    (incident,) = room.open_incidents()
    retry = RetryNotice(notice_id=UUID(int=1), asset_id=TRANSFORMER.asset_id)
    for request in (call(incident.incident_id, CallOutcome.REACHED), retry):
        assert room.refuses(request, actor) == code


def test_a_retry_is_a_new_time_to_be_valid(room: ControlRoom) -> None:
    retry = RetryNotice(notice_id=UUID(int=1), asset_id=TRANSFORMER.asset_id)
    (move,) = room.ask(retry).notice_moves
    assert move.state is NoticeState.QUEUED
    assert move.valid_until_us == room.at_us + PLAN.notices.valid_for_us


def test_a_person_may_not_be_named_as_the_link() -> None:
    room = ControlRoom(PLAN)
    asked = PutUser(name=NOTICE, password="x", roles=frozenset({Role.DUTY}))
    assert room.refuses(asked, "chief") == "field_needed"
