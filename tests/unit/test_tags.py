"""Tags decide, and a breaker's opening is judged by what happened beside it (DOMAIN G1)."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from domain.alarms import AlarmState, Withheld
from domain.assets import AlarmClass, Condition, Priority
from domain.clock import MINUTE_US, SECOND_US
from domain.credit import (
    Account,
    Beneficiary,
    CreditItem,
    Period,
    RuleBook,
    Trigger,
)
from domain.paperwork import TagKind, TicketState
from domain.requests import AcknowledgeAlarm, HangTag, MoveTicket, RemoveTag
from linkage.plan import ViolationRule
from linkage.tagging import EFFECTS, Effect
from tests.support.alarms import TRANSFORMER
from tests.support.control_room import (
    NEIGHBOUR,
    ROOM,
    SIDE,
    ControlRoom,
    opening,
    protection,
)

HOUR_US = 60 * MINUTE_US

# every signal of a main transformer's bay, as a full drive test operates them one after the other
DRIVE_TEST: tuple[dict[str, Any], ...] = (
    {"point": "LY/1T/top_oil_temp", "priority": Priority.MAJOR},
    {"point": "LY/1T/top_oil_temp", "condition": Condition.HIGH_HIGH},
    *(
        {
            "point": f"LY/1T/{name}",
            "unit": "status",
            "alarm_class": AlarmClass.FAULT,
            "value": 1.0,
            "limit": 1.0,
        }
        for name in ("light_gas", "heavy_gas", "pressure_relief", "differential", "fan_fault")
    ),
    *(
        {
            "point": f"LY/{side}/position",
            "asset_id": SIDE.asset_id,
            "unit": "position",
            "condition": condition,
            "alarm_class": AlarmClass.STATE_CHANGE,
            "priority": Priority.MAJOR,
            "value": 1.0,
            "limit": 1.0,
        }
        for side in ("301", "101")
        for condition in (Condition.LOW, Condition.CHANGE)
    ),
)


def tag(kind: TagKind, asset_id: Any = TRANSFORMER.asset_id, **more: Any) -> HangTag:
    return HangTag(kind=kind, asset_id=asset_id, **more)


def test_a_full_drive_test_gives_nothing_while_the_neighbouring_bay_still_alarms() -> None:
    handled = CreditItem(
        item_id="handled",
        account=Account.SAFETY,
        text="及时处理",
        points_hundredths=100,
        trigger=Trigger.INCIDENT_HANDLED,
        to=Beneficiary.ACTING,
        period=Period.YEAR,
    )
    violation = ViolationRule(
        rule_id="unlock",
        code="SWITCH-03",
        text="擅自解锁",
        grade="serious",
        points=frozenset({"LY/1T/heavy_gas"}),  # type: ignore[arg-type]
    )
    book = RuleBook(name="x", version=1, items=(handled,), shadow=False)
    room = ControlRoom(replace(ROOM, rule_book=book, violations=(violation,)))
    ticket = room.opens_ticket(TRANSFORMER.asset_id, state=TicketState.WORKING)
    hung = room.hangs(tag(TagKind.DRIVE_TEST, ticket_id=ticket))

    tested = []
    for facts in DRIVE_TEST:
        room.passes(2)
        tested.append(room.raises(**facts))
    for event in tested:
        room.passes(1)
        if not event.momentary:
            room.clears(event)

    assert room.everything.incidents == []
    assert room.everything.commands == []
    assert room.everything.outbox == []
    assert room.everything.reviews == []
    assert room.everything.entries == []
    assert len(room.events) == len(DRIVE_TEST), "all of it was evaluated and recorded"
    assert {room.alarm(event).withheld for event in tested} == {Withheld.SUPPRESSED}
    assert {room.alarm(event).withheld_by for event in tested} == {hung.tag_id}

    neighbour = room.raises(**protection())
    assert room.alarm(neighbour).state is AlarmState.UNACKNOWLEDGED
    (incident,) = room.open_incidents()
    assert incident.asset_id == NEIGHBOUR.asset_id
    assert len(room.everything.commands) == 1


def test_after_the_tag_is_off_what_still_stands_is_told_and_what_comes_alarms() -> None:
    room = ControlRoom()
    hung = room.hangs(tag(TagKind.DRIVE_TEST))
    stands = room.raises()
    over = room.raises(condition=Condition.HIGH_HIGH)
    room.clears(over)
    room.restarts()
    room.does(RemoveTag(tag_id=hung.tag_id))
    assert room.alarm(stands).state is AlarmState.UNACKNOWLEDGED
    assert room.alarm(over).state is AlarmState.NORMAL
    (incident,) = room.open_incidents()
    assert incident.standing == {stands.event_id}
    room.raises(condition=Condition.RISE)
    assert room.everything.commands, "the next one sounds"


@pytest.mark.parametrize(
    ("kind", "facts", "told"),
    [
        pytest.param(TagKind.MAINTENANCE, {}, False, id="maintenance-keeps-all-back"),
        pytest.param(TagKind.BLOCKED, {}, False, id="a-blocked-value-says-nothing"),
        pytest.param(
            TagKind.SUPPRESSED, {"priority": Priority.MAJOR}, False, id="suppression-by-design"
        ),
        pytest.param(TagKind.SUPPRESSED, {}, True, id="but-never-of-level-1"),
        pytest.param(
            TagKind.SUPPRESSED,
            {"priority": Priority.MINOR, "alarm_class": AlarmClass.FAULT},
            True,
            id="nor-of-what-names-the-cause",
        ),
        pytest.param(TagKind.DEFECT, {"priority": Priority.MAJOR}, True, id="a-known-defect"),
        pytest.param(TagKind.SUPPLY_SECURITY, {}, True, id="supply-security"),
    ],
)
def test_what_a_tag_keeps_from_the_operator(
    kind: TagKind, facts: dict[str, Any], told: bool
) -> None:
    room = ControlRoom()
    room.hangs(tag(kind))
    event = room.raises(**facts)
    assert bool(room.open_incidents()) is told
    assert (room.alarm(event).withheld is None) is told


def test_a_known_defect_calls_nobody_below_level_1() -> None:
    room = ControlRoom()
    room.hangs(tag(TagKind.DEFECT))
    room.raises(priority=Priority.MAJOR)
    assert room.everything.commands == []
    room.raises(condition=Condition.HIGH_HIGH, priority=Priority.URGENT)
    assert len(room.everything.commands) == 1


def test_supply_security_makes_an_alarm_one_level_more_urgent() -> None:
    room = ControlRoom()
    room.hangs(tag(TagKind.SUPPLY_SECURITY))
    event = room.raises(priority=Priority.MINOR)
    assert room.alarm(event).priority is Priority.MAJOR
    (incident,) = room.open_incidents()
    assert incident.priority is Priority.MAJOR
    assert room.everything.commands[0].priority is Priority.MAJOR
    urgent = room.raises(condition=Condition.HIGH_HIGH, priority=Priority.URGENT)
    assert room.alarm(urgent).priority is Priority.URGENT


def test_a_tag_on_one_device_leaves_the_others_of_the_bay_alone_unless_it_speaks_for_the_bay() -> (
    None
):
    side = {"asset_id": SIDE.asset_id, "point": "LY/301/position"}
    room = ControlRoom()
    room.hangs(tag(TagKind.MAINTENANCE))
    room.raises(**side)
    assert len(room.open_incidents()) == 1
    room = ControlRoom()
    room.hangs(tag(TagKind.MAINTENANCE, whole_bay=True))
    room.raises(**side)
    assert room.open_incidents() == []


def test_every_kind_of_tag_has_its_effect_written_down() -> None:
    assert set(EFFECTS) == set(TagKind)


# forgotten tags


def test_a_tag_beyond_its_expected_end_is_an_event_until_it_is_taken_off() -> None:
    room = ControlRoom()
    due_us = room.at_us + HOUR_US
    hung = room.hangs(tag(TagKind.MAINTENANCE, until_us=due_us))
    room.passes(3599)
    assert room.events == {}
    room.passes(1)
    (event,) = room.events.values()
    assert (event.condition, event.asset_id) == (Condition.TAG_FORGOTTEN, TRANSFORMER.asset_id)
    assert event.started_at_us == due_us
    assert event.signal == "检修牌"
    assert room.alarm(event).withheld is None, "the tag does not keep back what is said of it"
    assert room.everything.commands == [], "and nobody is called for it"
    room.restarts()
    room.passes(600)
    assert len(room.events) == 1, "it is told once"
    room.does(RemoveTag(tag_id=hung.tag_id))
    assert room.cleared[event.event_id].ended_at_us == room.at_us
    assert room.alarm(event).state is AlarmState.RETURNED


def test_a_tag_whose_ticket_has_ended_is_forgotten_too() -> None:
    room = ControlRoom()
    ticket = room.opens_ticket(TRANSFORMER.asset_id)
    room.hangs(tag(TagKind.MAINTENANCE, ticket_id=ticket))
    room.passes(60)
    assert room.events == {}
    room.does(MoveTicket(ticket_id=ticket, state=TicketState.ENDED))
    room.passes(1)
    (event,) = room.events.values()
    assert event.condition is Condition.TAG_FORGOTTEN


def test_a_tag_is_hung_for_a_ticket_that_is_open_and_an_end_that_is_to_come() -> None:
    room = ControlRoom()
    assert room.refuses(tag(TagKind.MAINTENANCE, ticket_id=uuid4())) == "no_such_ticket"
    assert room.refuses(tag(TagKind.MAINTENANCE, until_us=room.at_us)) == "tag_times"


# portable earths


def earth(number: str = "3号", place: str = "113线路侧", **facts: Any) -> HangTag:
    return tag(TagKind.EARTHED, **({"number": number, "note": place} | facts))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        pytest.param(earth(number=" "), "earth_needs_number_and_place", id="without-its-number"),
        pytest.param(earth(place=""), "earth_needs_number_and_place", id="nowhere"),
        pytest.param(earth(), "earth_is_applied", id="it-hangs-there-already"),
        pytest.param(
            earth(asset_id=NEIGHBOUR.asset_id), "earth_is_applied", id="elsewhere-in-the-station"
        ),
        pytest.param(earth("4号"), "", id="another-one-at-the-same-place"),
    ],
)
def test_a_portable_earth_has_a_number_and_a_place_and_is_at_one(asked: HangTag, code: str) -> None:
    room = ControlRoom()
    room.hangs(earth())
    if code:
        assert room.refuses(asked) == code
    else:
        assert room.hangs(asked).number == "4号"


def test_a_portable_earth_that_was_removed_may_be_applied_elsewhere_also_after_a_restart() -> None:
    room = ControlRoom()
    first = room.hangs(earth())
    room.restarts()
    assert room.refuses(earth()) == "earth_is_applied"
    room.does(RemoveTag(tag_id=first.tag_id))
    again = room.hangs(earth(place="114线路侧"))
    assert (again.number, again.note, again.hung_by) == ("3号", "114线路侧", "duty")


def test_the_number_of_another_tag_says_nothing() -> None:
    assert ControlRoom().hangs(tag(TagKind.DEFECT, number="3号")).number == ""


def test_a_portable_earth_changes_no_signal() -> None:
    assert EFFECTS[TagKind.EARTHED] == Effect()


# a breaker opens


def test_an_opening_under_an_executing_ticket_is_information() -> None:
    room = ControlRoom()
    room.opens_ticket(NEIGHBOUR.asset_id, state=TicketState.WORKING)
    event = room.raises(**opening(priority=Priority.MAJOR))
    told = room.alarm(event)
    assert (told.alarm_class, told.priority) == (AlarmClass.INFORMATION, Priority.NOTICE)
    assert told.state is AlarmState.NORMAL
    assert (room.everything.incidents, room.everything.commands) == ([], [])


@pytest.mark.parametrize(
    "state", [TicketState.ISSUED, TicketState.ENDED], ids=["not-yet-permitted", "ended"]
)
def test_a_ticket_that_is_not_executing_explains_no_opening(state: TicketState) -> None:
    room = ControlRoom()
    ticket = room.opens_ticket(NEIGHBOUR.asset_id, state=TicketState.ISSUED)
    if state is TicketState.ENDED:
        room.does(MoveTicket(ticket_id=ticket, state=TicketState.PERMITTED))
        room.does(MoveTicket(ticket_id=ticket, state=TicketState.ENDED))
    event = room.raises(**opening(priority=Priority.MAJOR))
    assert room.alarm(event).alarm_class is AlarmClass.STATE_CHANGE
    assert len(room.open_incidents()) == 1


@pytest.mark.parametrize("ticket", [False, True], ids=["without-a-ticket", "even-under-a-ticket"])
def test_an_opening_after_an_operated_protection_is_a_fault_trip(ticket: bool) -> None:
    room = ControlRoom()
    if ticket:
        room.opens_ticket(NEIGHBOUR.asset_id, state=TicketState.WORKING)
    room.raises(**protection())
    room.at_us += SECOND_US // 10
    event = room.raises(**opening())
    told = room.alarm(event)
    assert (told.alarm_class, told.priority) == (AlarmClass.FAULT, Priority.URGENT)
    (incident,) = room.open_incidents()
    assert event.event_id in incident.standing


@pytest.mark.parametrize("ticket", [False, True], ids=["told-as-a-notice", "told-as-information"])
def test_a_protection_that_arrives_three_seconds_after_its_opening_makes_it_a_trip(
    ticket: bool,
) -> None:
    room = ControlRoom()
    if ticket:
        room.opens_ticket(NEIGHBOUR.asset_id, state=TicketState.WORKING)
    event = room.raises(**opening(priority=Priority.MAJOR if ticket else Priority.NOTICE))
    assert room.everything.incidents == []
    happened_us = room.at_us
    room.passes(3)
    room.raises(**protection(started_at_us=happened_us))
    told = room.alarm(event)
    assert (told.alarm_class, told.priority) == (AlarmClass.FAULT, Priority.URGENT)
    (incident,) = room.open_incidents()
    assert (incident.event_count, incident.priority) == (2, Priority.URGENT)
    room.does(AcknowledgeAlarm(event_id=event.event_id))


def test_a_breaker_that_closed_again_before_its_protection_arrives_has_tripped_all_the_same() -> (
    None
):
    room = ControlRoom()
    event = room.raises(**opening())
    happened_us = room.at_us
    room.passes(1)
    room.clears(event)
    room.passes(1)
    room.raises(**protection(started_at_us=happened_us))
    assert (room.alarm(event).state, room.alarm(event).alarm_class) == (
        AlarmState.RETURNED,
        AlarmClass.FAULT,
    )


def test_another_bays_protection_or_a_much_later_one_explains_nothing() -> None:
    room = ControlRoom()
    event = room.raises(**opening())
    room.raises(**protection(asset_id=TRANSFORMER.asset_id, point="LY/1T/differential"))
    assert event.event_id not in room.alarms
    room.passes(6)
    room.raises(**protection())
    assert event.event_id not in room.alarms


def test_a_trip_is_known_for_one_over_a_restart() -> None:
    room = ControlRoom()
    room.raises(**protection())
    room.restarts()
    room.at_us += SECOND_US
    event = room.raises(**opening())
    assert room.alarm(event).alarm_class is AlarmClass.FAULT
