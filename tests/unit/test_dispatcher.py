"""The dispatcher: recorded before sent, level 1 even so, and nothing twice."""

import threading
from collections import Counter
from collections.abc import Callable
from uuid import UUID

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from delivery.dispatcher import RETRY_AFTER_US, RETRY_AT_LATEST_US, Dispatcher
from domain.assets import Priority
from domain.changes import OutboxDone
from domain.clock import MINUTE_US, SECOND_US
from domain.commands import DeviceCommand, OutboxItem
from service.counting import Counted
from tests.support.alarms import TEN_US, command
from tests.support.listening import Collected

FAIL_OPEN_US = 200_000


class FakeSender:
    """A way to the field that can be closed, stumble, or call back in the middle of sending."""

    def __init__(self) -> None:
        self.open = True
        self.sent: list[DeviceCommand] = []
        self.unsendable: set[UUID] = set()
        self.meanwhile: Callable[[], None] = lambda: None

    def send(self, command: DeviceCommand) -> bool:
        self.meanwhile()
        if command.command_id in self.unsendable:
            raise ValueError("a wildcard in the topic")
        if self.open:
            self.sent.append(command)
        return self.open


class Bench:
    """A dispatcher without its thread, whose clock stands until it is moved."""

    def __init__(self) -> None:
        self.now_us = TEN_US
        self.sender = FakeSender()
        self.done: list[OutboxDone] = []
        self.deaf = False
        self.counters = Counted()
        self.dispatcher = Dispatcher(
            self.sender,
            self.note,
            self.counters,
            clock=lambda: self.now_us,
            fail_open_after_us=FAIL_OPEN_US,
            monotonic=lambda: self.now_us,
        )

    def note(self, done: OutboxDone) -> None:
        if self.deaf:
            raise ValueError("nobody listens")
        self.done.append(done)

    def run(self, later_us: int = 0) -> int | None:
        self.now_us += later_us
        return self.dispatcher.run_due()

    @property
    def outcomes(self) -> list[str]:
        return [done.outcome for done in self.done]


URGENT = OutboxItem.of(command())
MINOR = OutboxItem.of(command(step="minor", priority=Priority.MINOR))


def test_a_held_item_is_not_sent() -> None:
    bench = Bench()
    bench.dispatcher.hold([URGENT, MINOR])
    assert bench.run() == FAIL_OPEN_US
    assert not bench.sender.sent


def test_a_released_item_is_sent_and_reported() -> None:
    bench = Bench()
    bench.dispatcher.hold([MINOR])
    bench.dispatcher.release([MINOR])
    assert bench.run() is None
    assert bench.sender.sent == [MINOR.command]
    assert bench.done == [OutboxDone(outbox_id=MINOR.outbox_id, at_us=TEN_US, outcome="sent")]


def test_an_item_of_an_earlier_life_needs_no_holding() -> None:
    bench = Bench()
    bench.dispatcher.release([URGENT])
    bench.run()
    assert bench.outcomes == ["sent"]


def test_level_1_goes_out_when_the_record_does_not_come_in_time() -> None:
    bench = Bench()
    bench.dispatcher.hold([URGENT, MINOR])
    bench.run(FAIL_OPEN_US - 1)
    assert not bench.sender.sent
    bench.run(1)
    assert bench.sender.sent == [URGENT.command], "and nothing below level 1"
    assert not bench.done, "there is no record yet to mark"


def test_a_late_release_is_reported_and_not_sent_again() -> None:
    bench = Bench()
    bench.dispatcher.hold([URGENT])
    bench.run(FAIL_OPEN_US)
    bench.dispatcher.release([URGENT])
    bench.run(MINUTE_US)
    assert len(bench.sender.sent) == 1
    assert bench.done == [
        OutboxDone(
            outbox_id=URGENT.outbox_id,
            at_us=TEN_US + FAIL_OPEN_US,
            outcome="sent_before_recorded",
        )
    ]


def test_a_release_in_the_middle_of_the_sending_is_not_lost() -> None:
    bench = Bench()
    bench.sender.meanwhile = lambda: bench.dispatcher.release([URGENT])
    bench.dispatcher.send_unrecorded([URGENT.command])
    bench.run()
    assert len(bench.sender.sent) == 1
    assert bench.outcomes == ["sent_before_recorded"]


def test_what_was_sent_unrecorded_is_not_sent_again_by_hold_and_release() -> None:
    bench = Bench()
    bench.dispatcher.send_unrecorded([URGENT.command, MINOR.command])
    bench.run()
    bench.dispatcher.send_unrecorded([URGENT.command])
    bench.dispatcher.hold([URGENT])
    bench.run(FAIL_OPEN_US)
    assert bench.sender.sent == [URGENT.command], "level 1 only, and once"
    bench.dispatcher.release([URGENT])
    bench.run()
    assert bench.outcomes == ["sent_before_recorded"]
    assert len(bench.sender.sent) == 1


def test_a_retry_is_sent_though_its_command_was_sent_before() -> None:
    bench = Bench()
    bench.dispatcher.release([URGENT])
    bench.run()
    retried = URGENT.command.sent(TEN_US).retried()
    bench.dispatcher.release([OutboxItem.of(retried)])
    bench.run()
    assert bench.sender.sent == [URGENT.command, retried]


def test_level_1_goes_first_when_a_queue_stands() -> None:
    bench = Bench()
    others = [OutboxItem.of(command(step=f"minor-{n}", priority=Priority.MINOR)) for n in range(3)]
    bench.dispatcher.release([*others, URGENT])
    bench.run()
    assert bench.sender.sent == [URGENT.command, *(item.command for item in others)]


def test_without_a_way_it_keeps_trying_until_the_command_is_no_longer_valid() -> None:
    bench = Bench()
    bench.sender.open = False
    bench.dispatcher.release([URGENT, MINOR])
    wait_us = bench.run()
    assert wait_us is not None
    assert 0 < wait_us <= SECOND_US
    bench.run(MINUTE_US - 1)
    assert not bench.done
    bench.run(1)
    bench.sender.open = True
    bench.run()
    assert bench.outcomes == ["expired", "expired"]
    assert not bench.sender.sent


def test_a_way_that_opens_again_is_used() -> None:
    bench = Bench()
    bench.sender.open = False
    bench.dispatcher.release([URGENT])
    bench.run()
    bench.sender.open = True
    bench.run(SECOND_US)
    assert bench.done[0].at_us == TEN_US + SECOND_US


def test_what_expires_behind_a_longer_lived_command_is_told_in_time() -> None:
    bench = Bench()
    bench.sender.open = False
    short = OutboxItem.of(
        command(step="short", priority=Priority.MINOR, valid_until_us=TEN_US + SECOND_US)
    )
    bench.dispatcher.release([URGENT, short])
    bench.run(SECOND_US)
    assert [done.outbox_id for done in bench.done] == [short.outbox_id]


def test_an_unrecorded_command_that_expired_is_told_when_it_is_recorded() -> None:
    bench = Bench()
    bench.sender.open = False
    bench.dispatcher.hold([URGENT])
    bench.run(MINUTE_US)
    assert not bench.done
    bench.sender.open = True
    bench.dispatcher.release([URGENT])
    bench.run()
    assert bench.outcomes == ["expired"]


def test_a_command_that_cannot_be_built_does_not_hold_up_the_others() -> None:
    bench = Bench()
    bench.sender.unsendable = {URGENT.command.command_id}
    bench.dispatcher.release([URGENT, MINOR])
    assert bench.run() is not None
    assert bench.sender.sent == [MINOR.command]
    bench.run(MINUTE_US)
    assert bench.outcomes == ["sent", "expired"]
    assert bench.counters.count("command_not_sendable") == 1


def test_a_command_that_cannot_be_built_is_tried_again_with_growing_waits() -> None:
    bench = Bench()
    bench.sender.unsendable = {URGENT.command.command_id}
    bench.dispatcher.release([URGENT])
    waits = [bench.run()]
    for _ in range(7):
        waits.append(bench.run(waits[-1] or 0))
    assert waits == [min(RETRY_AFTER_US << turn, RETRY_AT_LATEST_US) for turn in range(8)]
    assert bench.counters.count("command_not_sendable") == 8
    bench.sender.unsendable = set()
    bench.run(RETRY_AT_LATEST_US)
    assert bench.outcomes == ["sent"]


def test_a_word_that_nobody_takes_is_told_again_and_stops_no_siren() -> None:
    bench = Bench()
    bench.deaf = True
    bench.dispatcher.release([MINOR])
    with pytest.raises(ValueError, match="nobody listens"):
        bench.run()
    bench.dispatcher.release([URGENT])
    with pytest.raises(ValueError, match="nobody listens"):
        bench.run()
    assert bench.sender.sent == [MINOR.command, URGENT.command]
    bench.deaf = False
    bench.run()
    assert [done.outbox_id for done in bench.done] == [MINOR.outbox_id, URGENT.outbox_id]
    assert len(bench.sender.sent) == 2


def test_the_thread_outlives_every_failure_and_sends_on() -> None:
    counters, sender = Counted(), FakeSender()
    told: Collected[OutboxDone] = Collected()
    failed = threading.Event()

    def note(one: OutboxDone) -> None:
        if counters.count("dispatcher_failed") < 3:
            raise ValueError("nobody listens")
        failed.set()
        told.note(one)

    dispatcher = Dispatcher(sender, note, counters, clock=lambda: TEN_US)
    with structlog.testing.capture_logs() as logs:
        dispatcher.start()
        try:
            dispatcher.release([URGENT])
            assert failed.wait(10)
            dispatcher.release([MINOR])
            told.wait_for(2)
        finally:
            dispatcher.stop()
    assert sender.sent == [URGENT.command, MINOR.command]
    assert counters.count("dispatcher_failed") == 3
    assert [line["exc_info"] for line in logs if line["event"] == "dispatcher_failed"] == [True] * 3


def test_the_thread_sends_by_itself_and_callers_do_not_wait() -> None:
    sender = FakeSender()
    may_send, all_done = threading.Event(), threading.Event()
    sender.meanwhile = lambda: pytest.fail("never let go") if not may_send.wait(10) else None
    done: list[OutboxDone] = []

    def note(one: OutboxDone) -> None:
        done.append(one)
        if len(done) == 2:
            all_done.set()

    dispatcher = Dispatcher(sender, note, Counted(), clock=lambda: TEN_US, fail_open_after_us=1_000)
    dispatcher.start()
    try:
        dispatcher.hold([URGENT])  # overdue while the sender is stuck, then released
        dispatcher.release([MINOR])
        dispatcher.release([URGENT])
        assert not done, "both calls came back while the sender was stuck"
        may_send.set()
        assert all_done.wait(10)
    finally:
        may_send.set()
        dispatcher.stop()
    assert Counter(one.outbox_id for one in done) == {URGENT.outbox_id: 1, MINOR.outbox_id: 1}


ITEMS = [URGENT, MINOR, OutboxItem.of(URGENT.command.sent(TEN_US).retried())]
STEPS = st.one_of(
    st.tuples(st.sampled_from(["hold", "release", "unrecorded"]), st.integers(0, len(ITEMS) - 1)),
    st.tuples(st.just("way"), st.integers(0, 1)),
    st.tuples(st.just("later"), st.sampled_from([1, FAIL_OPEN_US, SECOND_US, 20 * SECOND_US])),
)


@given(st.lists(STEPS, max_size=40))
def test_whatever_is_called_nothing_is_sent_twice_and_every_release_gets_a_word(
    steps: list[tuple[str, int]],
) -> None:
    bench = Bench()
    released: set[UUID] = set()
    for what, number in steps:
        match what:
            case "hold":
                bench.dispatcher.hold([ITEMS[number]])
            case "release":
                bench.dispatcher.release([ITEMS[number]])
                released.add(ITEMS[number].outbox_id)
            case "unrecorded":
                bench.dispatcher.send_unrecorded([ITEMS[number].command])
            case "way":
                bench.sender.open = bool(number)
            case _:
                before = len(bench.sender.sent)
                bench.run(number)
                valid = bench.now_us < TEN_US + MINUTE_US
                assert valid or len(bench.sender.sent) == before, "nothing shouts late"
        sent = Counter(OutboxItem.of(one).outbox_id for one in bench.sender.sent)
        assert all(count == 1 for count in sent.values())
        assert {done.outbox_id for done in bench.done} <= released, "no word before the record"
    bench.sender.open = True
    bench.run(MINUTE_US)
    assert {done.outbox_id for done in bench.done} == released
    for item in ITEMS:
        words = {done.outcome for done in bench.done if done.outbox_id == item.outbox_id}
        was_sent = any(OutboxItem.of(one) == item for one in bench.sender.sent)
        assert words <= ({"sent", "sent_before_recorded"} if was_sent else {"expired"})
