"""What becomes of an alarm: its moves by time and by hand, what is withheld, and a plain model of both."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alarms import Alarm, AlarmState, Withheld
from domain.assets import Condition, Priority
from domain.clock import MINUTE_US
from domain.incidents import IllegalMove, IncidentState
from domain.paperwork import TicketState
from domain.requests import (
    AcknowledgeAlarm,
    AcknowledgeIncident,
    CloseIncident,
    EndWithholding,
    MoveTicket,
    ResetAlarm,
    ShelveAlarm,
    SilenceAlarm,
    TakeOutOfService,
)
from tests.support.alarms import TRANSFORMER, alarm, clock_step
from tests.support.control_room import ControlRoom

OIL = "LY/1T/top_oil_temp"
HOUR_US = 60 * MINUTE_US


def shelving(
    hours: float = 1, *, point: str = OIL, reason: str = "变送器检修", **facts: Any
) -> ShelveAlarm:
    return ShelveAlarm(
        point=point,
        condition=facts.get("condition", Condition.HIGH),
        reason=reason,
        for_us=round(hours * HOUR_US),
    )


# moves


def test_acknowledge_then_return() -> None:
    room = ControlRoom()
    event = room.raises()
    assert room.alarm(event).state is AlarmState.UNACKNOWLEDGED
    room.does(AcknowledgeAlarm(event_id=event.event_id))
    taken = room.alarm(event)
    assert (taken.state, taken.acknowledged_by) == (AlarmState.ACKNOWLEDGED, "duty")
    room.clears(event)
    assert room.alarm(event).state is AlarmState.NORMAL


def test_return_then_acknowledge() -> None:
    room = ControlRoom()
    event = room.raises()
    room.clears(event)
    assert room.alarm(event).state is AlarmState.RETURNED
    room.does(AcknowledgeAlarm(event_id=event.event_id))
    assert room.alarm(event).state is AlarmState.NORMAL


def test_a_latching_alarm_waits_for_its_reset() -> None:
    room = ControlRoom()
    event = room.raises(latching=True)
    assert room.refuses(ResetAlarm(event_id=event.event_id)) == "alarm_still_stands"
    room.clears(event)
    assert room.refuses(ResetAlarm(event_id=event.event_id)) == "acknowledge_first"
    room.does(AcknowledgeAlarm(event_id=event.event_id))
    assert room.alarm(event).state is AlarmState.LATCHED
    room.does(ResetAlarm(event_id=event.event_id))
    reset = room.alarm(event)
    assert (reset.state, reset.reset_by) == (AlarmState.NORMAL, "duty")


def test_acknowledging_silencing_and_resetting_are_three_things() -> None:
    room = ControlRoom()
    event = room.raises(latching=True)
    (sounding,) = room.everything.commands
    room.does(AcknowledgeAlarm(event_id=event.event_id))
    assert len(room.everything.commands) == 1, "acknowledging silences nothing"
    room.does(SilenceAlarm(event_id=event.event_id))
    stopped = room.everything.commands[-1]
    assert (stopped.action, stopped.device_id) == ("silence", sounding.device_id)
    assert room.alarm(event).state is AlarmState.ACKNOWLEDGED


def test_what_only_happened_waits_for_an_acknowledgement_alone() -> None:
    room = ControlRoom()
    event = clock_step()
    room.happens(event)
    assert (room.alarm(event).state, room.alarm(event).standing) == (AlarmState.RETURNED, False)
    room.does(AcknowledgeAlarm(event_id=event.event_id))
    assert room.alarm(event).state is AlarmState.NORMAL


def test_each_alarm_of_an_incident_is_acknowledged_for_itself_and_the_last_takes_the_incident() -> (
    None
):
    room = ControlRoom()
    first, second = room.raises(), room.raises(condition=Condition.HIGH_HIGH)
    room.does(AcknowledgeAlarm(event_id=first.event_id))
    (incident,) = room.open_incidents()
    assert incident.state is IncidentState.OPEN
    room.does(AcknowledgeAlarm(event_id=second.event_id))
    (incident,) = room.open_incidents()
    assert (incident.state, incident.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "duty")


def test_who_takes_an_incident_takes_its_alarms() -> None:
    room = ControlRoom()
    events = [room.raises(), room.raises(condition=Condition.HIGH_HIGH)]
    (incident,) = room.open_incidents()
    room.does(AcknowledgeIncident(incident_id=incident.incident_id))
    assert {room.alarm(event).state for event in events} == {AlarmState.ACKNOWLEDGED}
    later = room.raises(condition=Condition.RISE)
    room.does(CloseIncident(incident_id=incident.incident_id, note="误报"))
    assert room.alarm(later).acknowledged_by == "duty"


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        pytest.param("viewer", "not_allowed", id="without-the-role"),
        pytest.param("elsewhere", "out_of_scope", id="another-station"),
    ],
)
def test_who_may_not_acknowledge_an_alarm(actor: str, code: str) -> None:
    room = ControlRoom()
    event = room.raises()
    assert room.refuses(AcknowledgeAlarm(event_id=event.event_id), actor) == code


def test_an_illegal_move_is_refused_with_the_reason() -> None:
    room = ControlRoom()
    event = room.raises()
    assert room.refuses(AcknowledgeAlarm(event_id=uuid4())) == "no_such_alarm"
    room.does(AcknowledgeAlarm(event_id=event.event_id))
    assert room.refuses(AcknowledgeAlarm(event_id=event.event_id)) == "already_acknowledged"
    room.clears(event)
    for request in (
        AcknowledgeAlarm(event_id=event.event_id),
        SilenceAlarm(event_id=event.event_id),
        ResetAlarm(event_id=event.event_id),
    ):
        assert room.refuses(request) == "no_such_alarm"


def test_the_domain_refuses_what_the_desk_might_let_by() -> None:
    over = Alarm.of(alarm()).returned(1).acknowledged("duty", 2)
    assert over.state is AlarmState.NORMAL
    for move in (over.acknowledged, over.silenced, over.reset):
        with pytest.raises(IllegalMove):
            move("duty", 3)


# shelves


def test_a_shelved_alarm_is_counted_and_reaches_nobody() -> None:
    room = ControlRoom()
    room.does(shelving())
    event = room.raises()
    kept = room.alarm(event)
    assert kept.withheld is Withheld.SHELVED
    assert event.event_id in room.events
    assert (room.everything.incidents, room.everything.commands) == ([], [])
    assert room.refuses(AcknowledgeAlarm(event_id=event.event_id)) == "alarm_withheld"
    room.clears(event)
    assert room.alarm(event).state is AlarmState.NORMAL


def test_another_condition_of_the_point_still_alarms() -> None:
    room = ControlRoom()
    room.does(shelving())
    event = room.raises(condition=Condition.HIGH_HIGH)
    assert room.alarm(event).withheld is None
    assert len(room.open_incidents()) == 1


def test_shelving_a_standing_alarm_takes_it_off_the_list_and_ends_its_incident_by_that_hand() -> (
    None
):
    room = ControlRoom()
    event = room.raises()
    room.does(shelving(reason="已知缺陷"))
    assert room.alarm(event).withheld is Withheld.SHELVED
    (incident,) = room.incidents.values()
    assert (incident.state, incident.closed_by, incident.note) == (
        IncidentState.CLOSED,
        "duty",
        "已知缺陷",
    )
    assert room.everything.reviews == [], "who shelves earns nothing"
    assert room.everything.commands[-1].action == "silence"


def test_an_incident_goes_on_with_what_else_stands_in_it() -> None:
    room = ControlRoom()
    room.raises()
    other = room.raises(condition=Condition.HIGH_HIGH)
    room.does(shelving())
    (incident,) = room.open_incidents()
    assert incident.standing == {other.event_id}


@pytest.mark.parametrize("restart", [False, True], ids=["running", "over-a-restart"])
def test_a_shelf_ends_by_itself_and_what_still_stands_is_told_again(restart: bool) -> None:
    room = ControlRoom()
    event = room.raises()
    room.does(shelving(1))
    room.passes(3599)
    assert room.open_incidents() == []
    if restart:
        room.restarts()
    room.passes(1)
    again = room.alarm(event)
    assert (again.withheld, again.state) == (None, AlarmState.UNACKNOWLEDGED)
    (incident,) = room.open_incidents()
    assert incident.standing == {event.event_id}
    assert incident.incident_id == again.incident_id
    (shelf,) = {each.withholding_id: each for each in room.everything.withholdings}.values()
    assert (shelf.ended_by, shelf.ended_at_us) == (None, room.at_us)
    room.clears(event)
    room.does(AcknowledgeAlarm(event_id=event.event_id))
    assert room.open_incidents() == []


def test_a_shelf_may_be_ended_by_hand() -> None:
    room = ControlRoom()
    shelf = UUID(room.does(shelving()))
    event = room.raises()
    room.does(EndWithholding(withholding_id=shelf))
    assert room.alarm(event).state is AlarmState.UNACKNOWLEDGED
    assert room.refuses(EndWithholding(withholding_id=shelf)) == "no_such_withholding"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        pytest.param(shelving(8.01), "shelve_too_long", id="longer-than-the-setting"),
        pytest.param(shelving(0), "shelve_too_long", id="for-no-time"),
        pytest.param(shelving(reason=" "), "words_needed", id="without-a-reason"),
        pytest.param(shelving(point="LY/9T/oil"), "unknown_place", id="of-nothing"),
    ],
)
def test_what_cannot_be_shelved(request_: ShelveAlarm, code: str) -> None:
    assert ControlRoom().refuses(request_) == code


def test_what_is_shelved_is_not_shelved_again() -> None:
    room = ControlRoom()
    room.does(shelving())
    assert room.refuses(shelving()) == "already_withheld"
    room.does(shelving(condition=Condition.HIGH_HIGH))


# out of service


def test_out_of_service_holds_as_long_as_its_ticket_is_open() -> None:
    room = ControlRoom()
    taken = TakeOutOfService(point=OIL, ticket_id=uuid4(), reason="更换变送器")
    assert room.refuses(taken) == "no_open_ticket"
    ticket = room.opens_ticket(TRANSFORMER.asset_id)
    room.does(TakeOutOfService(point=OIL, ticket_id=ticket, reason="更换变送器"))
    events = [room.raises(), room.raises(condition=Condition.STUCK)]
    assert {room.alarm(each).withheld for each in events} == {Withheld.OUT_OF_SERVICE}
    room.restarts()
    room.passes(24 * 3600)
    assert room.open_incidents() == [], "it has no timer"
    room.does(MoveTicket(ticket_id=ticket, state=TicketState.ENDED))
    room.passes(1)
    assert {room.alarm(each).state for each in events} == {AlarmState.UNACKNOWLEDGED}
    assert len(room.open_incidents()) == 1


def test_off_the_shelf_but_out_of_service_it_stays_withheld() -> None:
    room = ControlRoom()
    event = room.raises()
    room.does(shelving(1))
    ticket = room.opens_ticket(TRANSFORMER.asset_id)
    room.does(TakeOutOfService(point=OIL, ticket_id=ticket, reason="更换变送器"))
    room.passes(3600)
    assert room.alarm(event).withheld is Withheld.OUT_OF_SERVICE


# A plain model: what the state must be follows from four facts.


class PlainAlarm:
    def __init__(self, latching: bool) -> None:
        self.latching = latching
        self.stands, self.taken, self.done, self.shelved = True, False, False, False

    @property
    def state(self) -> str:
        if self.done:
            return "normal"
        if self.shelved:
            return "shelved"
        if self.stands:
            return "acknowledged" if self.taken else "unacknowledged"
        return "latched" if self.taken else "returned"

    def clear(self) -> None:
        self.stands = False
        self.done = self.done or self.shelved or (self.taken and not self.latching)

    def acknowledge(self) -> bool:
        if self.done or self.shelved or self.taken:
            return False
        self.taken = True
        self.done = not self.stands and not self.latching
        return True

    def reset(self) -> bool:
        if self.done or self.shelved or self.stands or not self.taken:
            return False
        self.done = True
        return True

    def shelve(self) -> bool:
        if self.shelved:
            return False
        self.shelved = True
        self.done = self.done or not self.stands
        return True

    def shelf_ends(self) -> None:
        if self.shelved:
            self.shelved = False
            self.taken = self.taken and self.done


STEPS = ("acknowledge", "silence", "reset", "shelve", "hour", "clear", "restart", "raise")


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.lists(st.sampled_from(STEPS), max_size=14))
def test_the_alarm_agrees_with_the_plain_model(latching: bool, steps: list[str]) -> None:
    room = ControlRoom()
    event, plain = room.raises(latching=latching), PlainAlarm(latching)
    for step in steps:
        room.passes(1)
        match step:
            case "acknowledge":
                done = room.ask(AcknowledgeAlarm(event_id=event.event_id)).handled[0].done
                assert done == plain.acknowledge()
            case "silence":
                done = room.ask(SilenceAlarm(event_id=event.event_id)).handled[0].done
                assert done == (plain.state != "normal")
            case "reset":
                done = room.ask(ResetAlarm(event_id=event.event_id)).handled[0].done
                assert done == plain.reset()
            case "shelve":
                done = room.ask(shelving(0.5)).handled[0].done
                assert done == plain.shelve()
            case "hour":
                room.passes(3600)
                plain.shelf_ends()
            case "clear" if plain.stands:
                room.clears(event)
                plain.clear()
            case "raise" if not plain.stands:
                # a new event of the same alarm: it is another one, and the shelf holds it too
                shelved = plain.shelved
                event, plain = room.raises(latching=latching), PlainAlarm(latching)
                plain.shelved = shelved
            case "restart":
                room.restarts()
        told = room.alarm(event)
        shown = told.withheld or told.state if told.is_open else told.state
        assert shown == plain.state, step
        assert_incidents_agree(room)


def assert_incidents_agree(room: ControlRoom) -> None:
    """What stands in an incident is what an operator has and that stands."""
    for incident in room.open_incidents():
        for event in incident.standing:
            kept = room.alarms[event]
            assert kept.standing
            assert kept.withheld is None
            assert kept.incident_id == incident.incident_id


def test_a_repeated_event_makes_no_second_alarm() -> None:
    room = ControlRoom()
    event = room.raises(priority=Priority.MAJOR)
    before = len(room.everything.alarms)
    room.happens(event)
    assert len(room.everything.alarms) == before
