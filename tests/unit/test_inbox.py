"""The inbox: in order, bounded, and it never drops."""

import threading

from domain.ids import SourceId
from domain.records import Ticked
from ingest.inbox import Inbox
from ingest.messages import Message


def message(number: int, payload: bytes = b"") -> Message:
    return Message(
        source_id=SourceId("s"),
        session="",
        topic="t",
        payload=payload,
        qos=0,
        retain=False,
        dup=False,
        packet_id=number,
        token=None,
        arrival_us=number,
    )


def test_what_goes_in_comes_out_in_order_records_among_messages() -> None:
    inbox = Inbox()
    first, tick, second = message(1), Ticked(at_us=5), message(2)
    inbox.put([first, tick])
    inbox.put([second])
    assert inbox.take(2, 0) == [first, tick]
    assert inbox.take(2, 0) == [second]


def test_an_empty_inbox_gives_nothing_after_the_timeout() -> None:
    assert Inbox().take(10, 0.001) == []


def test_a_waiting_taker_gets_what_is_put() -> None:
    inbox = Inbox()
    taken: list[object] = []
    taker = threading.Thread(target=lambda: taken.extend(inbox.take(10, 10)))
    taker.start()
    inbox.put([Ticked(at_us=1)])
    taker.join(10)
    assert taken == [Ticked(at_us=1)]


def test_it_is_full_at_its_number_of_messages_and_still_takes_what_was_read_already() -> None:
    inbox = Inbox(max_messages=4)
    inbox.put([message(number) for number in range(3)])
    assert not inbox.is_full
    inbox.put([message(number) for number in range(3, 9)])
    assert inbox.is_full
    assert inbox.depth == 9


def test_it_is_full_at_its_bytes() -> None:
    inbox = Inbox(max_bytes=10_000)
    inbox.put([message(1, b"x" * 10_000)])
    assert inbox.is_full
    inbox.take(1, 0)
    assert not inbox.is_full
    assert inbox.held_bytes == 0


def test_room_is_told_once_when_it_is_half_empty_and_not_before() -> None:
    told: list[int] = []
    inbox = Inbox(max_messages=4)
    inbox.on_room(lambda: told.append(inbox.depth))
    inbox.put([message(number) for number in range(5)])
    inbox.take(2, 0)
    assert (inbox.is_full, told) == (True, [])
    inbox.take(1, 0)
    assert (inbox.is_full, told) == (False, [2])
    inbox.take(2, 0)
    assert told == [2]
