"""The moves of incidents and device commands, legal and illegal."""

from collections.abc import Callable
from uuid import UUID

import pytest

from domain.assets import Priority
from domain.commands import CommandState, DeviceCommand, OutboxItem
from domain.ids import AssetId, PersonId
from domain.incidents import IllegalMove, Incident, IncidentState
from domain.responsibility import Answer, Party, Reason
from tests.support.alarms import TEN_US, command

FIRST, SECOND = UUID(int=1), UUID(int=2)

PENDING = command()
SENT = PENDING.sent(TEN_US + 1)
CONFIRMED = SENT.confirmed(TEN_US + 2, "done")
FAILED = SENT.failed(TEN_US + 2, "no confirmation after 1 attempt")
EXPIRED = PENDING.expired(TEN_US + 2)

Move = Callable[[DeviceCommand], DeviceCommand]
MOVES: dict[str, Move] = {
    "sent": lambda one: one.sent(TEN_US + 9),
    "confirmed": lambda one: one.confirmed(TEN_US + 9, "done"),
    "refused": lambda one: one.refused(TEN_US + 9, "refused"),
    "retried": lambda one: one.retried(),
    "failed": lambda one: one.failed(TEN_US + 9, "no confirmation"),
    "expired": lambda one: one.expired(TEN_US + 9),
}


@pytest.mark.parametrize(
    ("start", "move", "end"),
    [
        (PENDING, "sent", CommandState.SENT),
        (PENDING, "confirmed", CommandState.CONFIRMED),
        (PENDING, "refused", CommandState.FAILED),
        (PENDING, "expired", CommandState.EXPIRED),
        (SENT, "confirmed", CommandState.CONFIRMED),
        (SENT, "refused", CommandState.FAILED),
        (SENT, "retried", CommandState.PENDING),
        (SENT, "failed", CommandState.FAILED),
        pytest.param(FAILED, "confirmed", CommandState.CONFIRMED, id="late-word-after-failed"),
        pytest.param(EXPIRED, "confirmed", CommandState.CONFIRMED, id="late-word-after-expired"),
    ],
)
def test_a_command_moves(start: DeviceCommand, move: str, end: CommandState) -> None:
    moved = MOVES[move](start)
    assert (moved.state, moved.version) == (end, start.version + 1)


@pytest.mark.parametrize(
    ("start", "move"),
    [
        pytest.param(SENT, "sent", id="marked-sent-again"),
        pytest.param(CONFIRMED, "confirmed", id="confirmed-twice"),
        pytest.param(CONFIRMED, "refused", id="refused-after-confirmed"),
        pytest.param(CONFIRMED, "sent", id="marked-sent-after-confirmed"),
        pytest.param(FAILED, "refused", id="refused-after-failed"),
    ],
)
def test_a_repeated_word_changes_nothing(start: DeviceCommand, move: str) -> None:
    assert MOVES[move](start) is start


@pytest.mark.parametrize(
    ("start", "move"),
    [
        (PENDING, "retried"),
        (PENDING, "failed"),
        (SENT, "expired"),
        (CONFIRMED, "retried"),
        (CONFIRMED, "failed"),
        (CONFIRMED, "expired"),
        (FAILED, "retried"),
        (FAILED, "expired"),
        (EXPIRED, "sent"),
        (EXPIRED, "retried"),
    ],
)
def test_an_illegal_move_is_refused(start: DeviceCommand, move: str) -> None:
    with pytest.raises(IllegalMove, match=move):
        MOVES[move](start)


def test_a_device_that_answers_before_our_mark_keeps_its_end_and_gets_the_mark() -> None:
    confirmed = PENDING.confirmed(TEN_US + 5, "done")
    marked = confirmed.sent(TEN_US + 3, before_recorded=True)
    assert marked.state is CommandState.CONFIRMED
    assert (marked.sent_at_us, marked.sent_before_recorded) == (TEN_US + 3, True)


def test_a_retry_is_another_outbox_item_of_the_same_command() -> None:
    retried = SENT.retried()
    assert retried.command_id == SENT.command_id
    assert OutboxItem.of(retried).outbox_id != OutboxItem.of(SENT).outbox_id
    assert (retried.attempt, retried.sent_at_us) == (2, None)


def opened() -> Incident:
    return Incident(
        incident_id=UUID(int=9),
        asset_id=AssetId("LY/1T"),
        priority=Priority.MINOR,
        opened_at_us=TEN_US,
        answer=Answer(
            acting=Party(person_id=PersonId("zl"), name="值班长"),
            reasons=(Reason.of("site_default", words="本站唯一的责任人"),),
        ),
        standing=frozenset({FIRST}),
    )


def test_an_incident_takes_the_highest_priority_of_its_events() -> None:
    assert opened().joined(SECOND, Priority.URGENT).priority is Priority.URGENT
    assert opened().joined(SECOND, Priority.NOTICE).priority is Priority.MINOR


def test_joining_twice_changes_nothing() -> None:
    incident = opened()
    assert incident.joined(FIRST, Priority.URGENT) is incident


def test_an_incident_returns_with_its_last_event() -> None:
    both = opened().joined(SECOND, Priority.MINOR)
    one = both.event_cleared(FIRST, TEN_US + 1)
    assert one.state is IncidentState.OPEN
    assert one.event_cleared(SECOND, TEN_US + 2).state is IncidentState.RETURNED


def test_clearing_a_stranger_changes_nothing() -> None:
    incident = opened()
    assert incident.event_cleared(SECOND, TEN_US + 1) is incident


@pytest.mark.parametrize("acknowledged_first", [True, False])
def test_an_incident_closes_when_it_is_both_acknowledged_and_over(acknowledged_first: bool) -> None:
    if acknowledged_first:
        closed = opened().acknowledged("张", TEN_US + 1).event_cleared(FIRST, TEN_US + 2)
    else:
        closed = opened().event_cleared(FIRST, TEN_US + 1).acknowledged("张", TEN_US + 2)
    assert (closed.state, closed.closed_at_us) == (IncidentState.CLOSED, TEN_US + 2)
    assert closed.acknowledged_by == "张"


def test_an_acknowledged_incident_stays_until_its_events_are_over() -> None:
    assert opened().acknowledged("张", TEN_US + 1).state is IncidentState.ACKNOWLEDGED


def test_nobody_acknowledges_twice() -> None:
    acknowledged = opened().acknowledged("张", TEN_US + 1)
    with pytest.raises(IllegalMove, match="acknowledged"):
        acknowledged.acknowledged("李", TEN_US + 2)


@pytest.mark.parametrize("state", [IncidentState.RETURNED, IncidentState.CLOSED])
def test_an_incident_that_is_over_takes_no_more(state: IncidentState) -> None:
    over = opened().event_cleared(FIRST, TEN_US + 1)
    if state is IncidentState.CLOSED:
        over = over.acknowledged("张", TEN_US + 2)
    assert over.state is state
    with pytest.raises(IllegalMove, match="no more"):
        over.joined(SECOND, Priority.MINOR)
