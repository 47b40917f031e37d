"""What becomes of a device command: the device's word, our patience, and the alarm when both run out."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes, OutboxDone
from domain.clock import MINUTE_US, SECOND_US
from domain.commands import CommandState, DeviceCommand, OutboxItem
from domain.events import AlarmRaised
from domain.ids import DeviceId, event_id, incident_id
from domain.incidents import IncidentState
from domain.records import DeviceReplied, ReplyOutcome, Ticked
from linkage.linkage import REMEMBER_ENDED_US, Linkage
from linkage.plan import LinkageRule
from tests.support.alarms import (
    LAMP,
    PLAN,
    SIREN,
    SITE,
    TEN_US,
    TRANSFORMER,
    URGENT_SOUNDS,
    alarm,
    plan_with,
)

PATIENCE_US = SIREN.confirm_within_us


class Story:
    """One alarm with one command, and what happens to it."""

    def __init__(self, *extra_rules: LinkageRule) -> None:
        self.linkage = Linkage(plan_with(URGENT_SOUNDS, *extra_rules))
        self.event = alarm()
        issued = self.linkage.decide(Ticked(at_us=TEN_US), [self.event])
        self.command = issued.commands[0]

    def tick(self, at_us: int) -> Changes:
        return self._seen(self.linkage.decide(Ticked(at_us=at_us), []))

    def reply(
        self,
        at_us: int,
        outcome: ReplyOutcome = ReplyOutcome.DONE,
        *,
        command: UUID | None = None,
        device: DeviceId = SIREN.device_id,
        detail: str = "",
    ) -> Changes:
        record = DeviceReplied(
            at_us=at_us,
            device_id=device,
            command_id=command or self.command.command_id,
            outcome=outcome,
            detail=detail,
        )
        return self._seen(self.linkage.decide(record, []))

    def done(self, at_us: int, outcome: str = "sent", attempt: int | None = None) -> Changes:
        attempt = attempt or self.command.attempt
        item = OutboxItem.of(replace(self.command, attempt=attempt))
        return self._seen(
            self.linkage.delivered(
                OutboxDone(outbox_id=item.outbox_id, at_us=at_us, outcome=outcome)
            )
        )

    def never_confirmed(self) -> Changes:
        """Sent three times, never answered; the changes of the last moment."""
        at_us = TEN_US
        for _ in range(SIREN.attempts):
            self.done(at_us)
            at_us += PATIENCE_US
            changes = self.tick(at_us)
        return changes

    def _seen(self, changes: Changes) -> Changes:
        for command in changes.commands:
            if command.command_id == self.command.command_id:
                self.command = command
        return changes


def failures(changes: Changes) -> list[AlarmRaised]:
    return [
        event
        for event in changes.events
        if isinstance(event, AlarmRaised) and event.condition is Condition.COMMAND_FAILED
    ]


def test_a_prompt_confirmation_ends_the_command() -> None:
    story = Story()
    story.done(TEN_US)
    changes = story.reply(TEN_US + SECOND_US, detail="on")
    assert story.command.state is CommandState.CONFIRMED
    assert story.command.outcome == "done: on"
    assert not changes.events
    assert not story.tick(TEN_US + MINUTE_US), "nothing is left to wait for"


def test_a_confirmation_twice_changes_nothing_more() -> None:
    story = Story()
    story.done(TEN_US)
    story.reply(TEN_US + SECOND_US)
    assert not story.reply(TEN_US + 2 * SECOND_US)


def test_patience_begins_with_the_sending_and_ends_at_its_last_moment() -> None:
    story = Story()
    assert not story.tick(TEN_US + PATIENCE_US), "not sent yet"
    story.done(TEN_US + SECOND_US)
    assert not story.tick(TEN_US + SECOND_US + PATIENCE_US - 1)
    changes = story.tick(TEN_US + SECOND_US + PATIENCE_US)
    assert story.command.attempt == 2
    assert changes.outbox == [OutboxItem.of(story.command)]


def test_a_device_that_never_answers_is_asked_three_times_and_becomes_an_alarm() -> None:
    story = Story()
    changes = story.never_confirmed()
    assert story.command.state is CommandState.FAILED
    assert (story.command.attempt, story.command.outcome) == (
        3,
        "no confirmation after 3 attempts",
    )
    (failure,) = failures(changes)
    assert failure.event_id == event_id(SITE, SIREN.device_id, Condition.COMMAND_FAILED, TEN_US)
    assert (failure.alarm_class, failure.priority) == (AlarmClass.ABNORMAL, Priority.MAJOR)
    assert (failure.point, failure.asset_id) == (SIREN.device_id, TRANSFORMER.asset_id)
    assert (failure.started_at_us, failure.raised_at_us) == (TEN_US, TEN_US + 3 * PATIENCE_US)
    assert changes.memberships == {failure.event_id: incident_id(story.event.event_id)}
    assert changes.incidents[0].state is IncidentState.OPEN


def test_a_late_confirmation_after_the_failure_is_recorded_as_late() -> None:
    story = Story()
    story.never_confirmed()
    story.reply(TEN_US + MINUTE_US)
    assert story.command.state is CommandState.CONFIRMED
    assert story.command.outcome == "confirmed late"


def test_a_refusal_is_an_alarm_at_once() -> None:
    story = Story()
    story.done(TEN_US)
    changes = story.reply(TEN_US + SECOND_US, ReplyOutcome.REFUSED, detail="cover open")
    assert story.command.outcome == "refused: cover open"
    assert len(failures(changes)) == 1
    assert not story.reply(TEN_US + SECOND_US, ReplyOutcome.REFUSED), "a repeated refusal is not"


@pytest.mark.parametrize("stranger", ["command", "device"])
def test_a_reply_to_no_command_of_the_device_is_a_dead_letter(stranger: str) -> None:
    story = Story()
    story.done(TEN_US)
    if stranger == "command":
        changes = story.reply(TEN_US, command=uuid4())
    else:
        changes = story.reply(TEN_US, device=LAMP.device_id)
    (letter,) = changes.dead_letters
    assert letter.reason == "unknown_command"
    assert letter.topic.startswith(f"gridwarden/{SITE}/device/")
    assert story.command.state is CommandState.SENT


def test_a_command_that_could_not_be_sent_in_time_is_an_alarm() -> None:
    story = Story()
    changes = story.done(TEN_US + MINUTE_US, "expired")
    assert story.command.state is CommandState.EXPIRED
    assert len(failures(changes)) == 1


def test_a_device_is_not_asked_again_after_valid_until() -> None:
    story = Story()
    story.done(TEN_US + MINUTE_US - 1)
    changes = story.tick(TEN_US + MINUTE_US + PATIENCE_US)
    assert story.command.outcome == "no confirmation after 1 attempt"
    assert not changes.outbox


def test_the_mark_of_an_earlier_attempt_does_not_mark_the_present_one() -> None:
    story = Story()
    story.done(TEN_US)
    story.tick(TEN_US + PATIENCE_US)
    story.done(TEN_US, attempt=1)
    assert story.command.state is CommandState.PENDING


def test_sent_before_recorded_is_remembered_though_the_device_was_quicker() -> None:
    story = Story()
    story.reply(TEN_US + SECOND_US)
    story.done(TEN_US, "sent_before_recorded")
    assert story.command.state is CommandState.CONFIRMED
    assert story.command.sent_before_recorded


def test_two_commands_of_one_moment_to_a_dead_device_are_one_alarm() -> None:
    linkage = Linkage(PLAN)
    events = [alarm(), alarm(condition=Condition.HIGH_HIGH)]
    issued = linkage.decide(Ticked(at_us=TEN_US), events)
    told = [
        failures(
            linkage.delivered(OutboxDone(outbox_id=item.outbox_id, at_us=TEN_US, outcome="expired"))
        )
        for item in issued.outbox
    ]
    assert [len(found) for found in told] == [1, 0]


LAMP_STANDS_IN = LinkageRule(
    rule_id="stand-in",
    device_id=LAMP.device_id,
    conditions=frozenset({Condition.COMMAND_FAILED}),
)
SIREN_STANDS_IN = replace(LAMP_STANDS_IN, rule_id="siren-too", device_id=SIREN.device_id)


def test_another_device_may_stand_in_but_never_the_dead_one() -> None:
    changes = Story(LAMP_STANDS_IN, SIREN_STANDS_IN).never_confirmed()
    assert [item.command.device_id for item in changes.outbox] == [LAMP.device_id]


def test_two_dead_devices_do_not_call_for_each_other_for_ever() -> None:
    story = Story(LAMP_STANDS_IN, SIREN_STANDS_IN)
    (stand_in,) = story.never_confirmed().outbox
    expired = OutboxDone(
        outbox_id=stand_in.outbox_id, at_us=stand_in.command.valid_until_us, outcome="expired"
    )
    changes = story.linkage.delivered(expired)
    assert len(failures(changes)) == 1
    assert not changes.outbox


def test_an_ended_command_is_forgotten_after_an_hour() -> None:
    story = Story()
    story.done(TEN_US)
    story.reply(TEN_US)
    story.tick(TEN_US + REMEMBER_ENDED_US)
    assert not story.reply(TEN_US + REMEMBER_ENDED_US).dead_letters
    story.tick(TEN_US + REMEMBER_ENDED_US + 1)
    assert story.reply(TEN_US + REMEMBER_ENDED_US + 1).dead_letters


def test_open_commands_go_on_after_a_restart() -> None:
    story = Story()
    story.done(TEN_US)
    story.linkage = Linkage(PLAN, commands=[story.command])
    story.tick(TEN_US + PATIENCE_US)
    assert story.command.attempt == 2
    story.done(TEN_US + PATIENCE_US)
    story.reply(TEN_US + PATIENCE_US)
    assert story.command.state is CommandState.CONFIRMED


HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.integers(0, 30)),
        st.tuples(st.sampled_from(["done", "refused", "wrong"]), st.integers(0, 3)),
        st.tuples(st.sampled_from(["sent", "sent_before_recorded", "expired"]), st.integers(1, 4)),
    ),
    max_size=40,
)


@given(HAPPENINGS)
def test_whatever_happens_in_whatever_order_the_command_stays_legal(
    happenings: list[tuple[str, int]],
) -> None:
    story = Story()
    now_us = TEN_US
    outbox: list[UUID] = []
    told: list[AlarmRaised] = []
    before: DeviceCommand = story.command
    for what, number in happenings:
        match what:
            case "tick":
                now_us += number * SECOND_US
                changes = story.tick(now_us)
            case "done" | "refused":
                changes = story.reply(now_us, ReplyOutcome(what))
            case "wrong":
                changes = story.reply(now_us, command=UUID(int=number))
            case _:
                changes = story.done(now_us, what, attempt=number)
        outbox += [item.outbox_id for item in changes.outbox]
        told += failures(changes)
        assert story.command.attempt <= SIREN.attempts
        assert story.command.is_open or story.command.ended_at_us is not None
        assert before.is_open or not story.command.is_open, "an ended command never opens again"
        before = story.command
    assert len(outbox) == len(set(outbox)), "every attempt is one outbox item"
    assert len(told) <= 1, "one failure is one alarm"
    if story.command.state in {CommandState.FAILED, CommandState.EXPIRED}:
        assert len(told) == 1, "no failure is lost"
