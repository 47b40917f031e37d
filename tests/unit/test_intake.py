"""The intake: which records follow from which messages, and that a restart changes nothing."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assets import ActiveLimits, Point
from domain.clock import SECOND_US
from domain.ids import AssetId, DeviceId, PointKey, SourceId
from domain.readings import Origin, Quality
from domain.records import (
    ClockRebased,
    DeadLetter,
    DeviceReplied,
    LimitsActivated,
    ReadingsArrived,
    Receipts,
    Record,
    ReplyOutcome,
    SourceChanged,
    Ticked,
)
from ingest.intake import KEPT_OF_TOO_LARGE, Intake, UnreadableIntake
from ingest.messages import AckToken, Message
from service.counting import Counted

SITE, SOURCE = "oilfield", SourceId("liuyuan")
NOON = 1_763_863_200 * SECOND_US
TELEMETRY = f"gridwarden/{SITE}/telemetry/{SOURCE}"
REPLY = f"gridwarden/{SITE}/device/siren-1/reply"
COMMAND = UUID("3f0c7c3e-6f0a-4a53-9d3b-6a1d7c1f8e21")
A, B, FOREIGN = "35kV-liuyuan/A", "35kV-liuyuan/B", "35kV-gouwa/C"


def point(number: int, key: str, source: str = SOURCE) -> Point:
    return Point(
        number=number,
        key=PointKey(key),
        asset_id=AssetId("1T"),
        source_id=SourceId(source),
        signal="油温",
        unit="degC",
    )


LIMITS = ActiveLimits(
    site=SITE, version=1, points=(point(3, A), point(7, B), point(8, FOREIGN, "another"))
)


def said(key: str, time: float, value: float = 1.0, **more: object) -> dict[str, object]:
    """One reading as a device writes it, its time in seconds after noon."""
    return {"point": key, "time": NOON // 1_000 + round(time * 1_000), "value": value, **more}


class Broker:
    """Makes messages as a broker would number them."""

    def __init__(self) -> None:
        self.generation = 1
        self.session = "first-session"
        self._last = 0

    def sends(
        self,
        *readings: object,
        at: float = 0.0,
        payload: bytes | None = None,
        topic: str = TELEMETRY,
        qos: int = 1,
        retain: bool = False,
        correlation: bytes | None = None,
    ) -> Message:
        self._last = self._last % 20 + 1  # few numbers, so that they are used again
        packet_id = self._last if qos else 0
        body = json.dumps({"readings": readings}).encode() if payload is None else payload
        return Message(
            source_id=SOURCE,
            session=self.session,
            topic=topic,
            payload=body,
            qos=qos,
            retain=retain,
            dup=False,
            packet_id=packet_id,
            token=AckToken(self.generation, packet_id) if qos else None,
            arrival_us=NOON + round(at * SECOND_US),
            correlation_data=correlation,
        )

    def again(self, message: Message) -> Message:
        """The redelivery after a reconnect."""
        self.generation += 1
        return Message(
            source_id=message.source_id,
            session=message.session,
            topic=message.topic,
            payload=message.payload,
            qos=message.qos,
            retain=message.retain,
            dup=True,
            packet_id=message.packet_id,
            token=AckToken(self.generation, message.packet_id),
            arrival_us=message.arrival_us + SECOND_US,
        )


class Case:
    def __init__(self, dead_letter_bound: int = 10_000) -> None:
        self.counters = Counted()
        self.broker = Broker()
        self.intake = Intake(SITE, SOURCE, LIMITS, self.counters, dead_letter_bound)

    def records(self, *items: Message | Record) -> list[Record]:
        return self.intake.absorb(items).records

    def group(self, *items: Message | Record) -> ReadingsArrived:
        (record,) = self.records(*items)
        assert isinstance(record, ReadingsArrived)
        return record

    def letter(self, *items: Message | Record) -> DeadLetter:
        (record,) = self.records(*items)
        assert isinstance(record, DeadLetter)
        return record


@pytest.fixture
def case() -> Case:
    return Case()


def kinds(records: Sequence[Record]) -> list[str]:
    return [type(record).__name__ for record in records]


def test_the_messages_between_two_records_become_one_group_with_all_receipts(case: Case) -> None:
    first, second = case.broker.sends(said(A, 0), at=0), case.broker.sends(said(B, 1), at=1)
    third = case.broker.sends(said(A, 2), at=2)
    tick = Ticked(at_us=NOON + SECOND_US)
    batch = case.intake.absorb([first, second, tick, third])
    one, passed, two = batch.records
    assert isinstance(one, ReadingsArrived)
    assert isinstance(two, ReadingsArrived)
    assert passed is tick
    assert one.readings.point.tolist() == [3, 7]
    assert one.readings.event_time.tolist() == [NOON, NOON + SECOND_US]
    assert one.at_us == NOON + SECOND_US
    assert (one.receipts.session, one.receipts.packet_ids) == ("first-session", (1, 2))
    assert [len(digest) for digest in one.receipts.digests] == [8, 8]
    assert two.receipts.packet_ids == (3,)
    assert batch.tokens == [AckToken(1, 1), AckToken(1, 2), AckToken(1, 3)]


def test_quality_and_origin_reach_the_columns(case: Case) -> None:
    readings = case.group(
        case.broker.sends(said(A, 0, quality="not_topical"), said(B, 0, origin="history"))
    ).readings
    assert readings.quality.tolist() == [Quality.NOT_TOPICAL, Quality.GOOD]
    assert readings.origin.tolist() == [Origin.LIVE, Origin.HISTORY]


def test_a_retained_message_is_state_whatever_it_says(case: Case) -> None:
    retained = case.broker.sends(said(A, 0), said(B, 0, origin="history"), retain=True)
    assert case.group(retained).readings.origin.tolist() == [Origin.STATE, Origin.STATE]


def test_qos_0_has_neither_token_nor_receipt(case: Case) -> None:
    batch = case.intake.absorb([case.broker.sends(said(A, 0), qos=0)])
    (record,) = batch.records
    assert isinstance(record, ReadingsArrived)
    assert (batch.tokens, record.receipts) == ([], Receipts())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param({"payload": b"{"}, "malformed_json", id="malformed-json"),
        pytest.param(
            {"payload": b'{"readings":[{"point":"%s","time":1,"value":NaN}]}' % A.encode()},
            "not_a_number",
            id="nan",
        ),
        pytest.param({"payload": b"[" * 100_000}, "too_deep", id="deep-nesting"),
        pytest.param({"payload": b"x" * 2 * 2**20}, "too_large", id="2-mib"),
        pytest.param({"topic": "gridwarden/oilfield/elsewhere"}, "unknown_topic", id="topic"),
        pytest.param({"topic": "gridwarden/other/telemetry/x"}, "unknown_topic", id="site"),
        pytest.param({"topic": REPLY}, "malformed_reply", id="reply-that-is-none"),
        pytest.param(
            {
                "topic": REPLY,
                "payload": b'{"command_id":"%s","outcome":"done"}' % str(COMMAND).encode(),
                "correlation": bytes(16),
            },
            "malformed_reply",
            id="reply-with-another-correlation",
        ),
    ],
)
def test_a_message_that_cannot_be_used_is_a_dead_letter_with_its_receipt(
    case: Case, bad: dict[str, Any], reason: str
) -> None:
    good, unusable = case.broker.sends(said(A, 0)), case.broker.sends(**bad)
    batch = case.intake.absorb([good, unusable])
    group, letter = batch.records
    assert isinstance(group, ReadingsArrived)
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.topic) == (reason, unusable.topic)
    assert (
        letter.payload == unusable.payload[: KEPT_OF_TOO_LARGE if reason == "too_large" else None]
    )
    assert (group.receipts.packet_ids, letter.receipts.packet_ids) == ((1,), (2,))
    assert len(batch.tokens) == 2
    assert case.counters.snapshot() == {f"dead_letters{{reason={reason},source=liuyuan}}": 1}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(said("35kV-liuyuan/Z", 0), "unknown_point", id="nobodys-point"),
        pytest.param(said(FOREIGN, 0), "unknown_point", id="point-of-another-source"),
        pytest.param(said(A, 0, unit="K"), "wrong_unit", id="wrong-unit"),
        pytest.param(said(A, -NOON / SECOND_US), "absurd_time", id="live-in-1970"),
        pytest.param(
            {"point": A, "time": "2025-11-23 10:00:00", "value": 1}, "naive_time", id="zone"
        ),
    ],
)
def test_a_bad_reading_becomes_a_dead_letter_and_its_neighbours_pass(
    case: Case, bad: dict[str, object], reason: str
) -> None:
    message = case.broker.sends(said(B, 0), bad, said(B, 1), at=1)
    group, letter = case.records(message)
    assert isinstance(group, ReadingsArrived)
    assert isinstance(letter, DeadLetter)
    assert group.readings.event_time.tolist() == [NOON, NOON + SECOND_US]
    assert group.receipts.packet_ids == (1,)
    assert (letter.reason, letter.payload, letter.receipts) == (reason, message.payload, Receipts())


def test_history_may_be_older_than_2000(case: Case) -> None:
    old = case.group(case.broker.sends({"point": A, "time": 1, "value": 1, "origin": "history"}))
    assert old.readings.event_time.tolist() == [1_000]


def test_many_faults_of_one_kind_in_a_message_are_one_letter(case: Case) -> None:
    letter = case.letter(case.broker.sends(said("X", 0), said("Y", 0), said("Z", 0)))
    assert letter.detail == "Point 'X' is not of this source. And 2 more readings like it."
    assert letter.receipts.packet_ids == (1,)


def test_a_reply_of_a_device_is_a_record_of_its_own(case: Case) -> None:
    body = json.dumps({"command_id": str(COMMAND), "outcome": "done"}).encode()
    message = case.broker.sends(payload=body, topic=REPLY, correlation=COMMAND.bytes, at=2)
    (record,) = case.records(message)
    assert isinstance(record, DeviceReplied)
    assert record.receipts.packet_ids == (1,)
    assert (record.at_us, record.device_id) == (NOON + 2 * SECOND_US, DeviceId("siren-1"))
    assert (record.command_id, record.outcome) == (COMMAND, ReplyOutcome.DONE)


def test_a_message_of_repeats_only_leaves_its_receipt_on_an_empty_group(case: Case) -> None:
    case.records(case.broker.sends(said(A, 0)))
    group = case.group(case.broker.sends(said(A, 0), at=5))
    assert (len(group.readings), group.receipts.packet_ids) == (0, (2,))
    assert group.at_us == NOON + 5 * SECOND_US
    assert case.counters.count("repeats") == 1
    assert case.records(case.broker.sends(said(A, 0), qos=0)) == []


def test_a_redelivery_is_acknowledged_and_not_processed(case: Case) -> None:
    message = case.broker.sends(said("nobody", 0))
    assert kinds(case.records(message)) == ["DeadLetter"]
    batch = case.intake.absorb([case.broker.again(message)])
    assert (batch.records, batch.tokens) == ([], [AckToken(2, 1)])
    assert case.counters.count("redelivered") == 1


def test_a_redelivery_of_what_we_never_had_is_processed(case: Case) -> None:
    case.records(case.broker.sends(said(A, 0)))
    never_seen = case.broker.sends(said(A, 1), at=1)
    assert kinds(case.records(case.broker.again(never_seen))) == ["ReadingsArrived"]
    other = case.broker.again(case.broker.sends(said(A, 5), at=5))
    other.packet_id = 1  # a number that we know, with another content
    assert kinds(case.records(other)) == ["ReadingsArrived"]


def test_a_new_session_forgets_the_receipts_and_starts_a_group_of_its_own(case: Case) -> None:
    old = case.broker.sends(said(A, 0))
    case.broker.session = "second-session"
    new = case.broker.sends(said(A, 1), at=1)
    first, second = case.records(old, new)
    assert isinstance(first, ReadingsArrived)
    assert isinstance(second, ReadingsArrived)
    assert (first.receipts.session, second.receipts.session) == ("first-session", "second-session")
    assert case.intake.session == "second-session"
    again = case.broker.again(old)
    again.session = "second-session"
    case.records(again)
    assert case.counters.count("redelivered") == 0


def test_a_clock_that_stepped_back_splits_the_group_where_it_did(case: Case) -> None:
    case.records(case.broker.sends(said(A, 3600), at=3600))
    back = [case.broker.sends(said(A, t), at=3600 + t) for t in (1, 2, 3)]
    beside = case.broker.sends(said(B, 3604), at=3604)
    first, rebased, second = case.records(*back, beside)
    assert isinstance(first, ReadingsArrived)
    assert isinstance(rebased, ClockRebased)
    assert isinstance(second, ReadingsArrived)
    assert first.at_us == NOON + 3602 * SECOND_US, "what comes after the step is not known yet"
    assert rebased.at_us == NOON + 3603 * SECOND_US
    assert second.at_us == NOON + 3604 * SECOND_US
    assert second.readings.point.tolist() == [3, 7]
    assert (len(first.receipts.packet_ids), second.receipts) == (4, Receipts())


def test_only_so_many_payloads_of_a_reason_are_kept_in_a_day() -> None:
    case = Case(dead_letter_bound=2)

    def kept(payload: bytes, day: int) -> bool:
        message = case.broker.sends(payload=payload, at=day * 86_400)
        return case.letter(message).payload is not None

    assert [kept(b"{", 0) for _ in range(3)] == [True, True, False]
    assert kept(b"[]", 0), "another reason has its own bound"
    assert [kept(b"{", 1), kept(b"{", 0), kept(b"{", 1)] == [True, True, False]
    assert case.counters.count("dead_letters", reason="malformed_json") == 6


def test_activated_limits_hold_from_their_place_on(case: Case) -> None:
    more = ActiveLimits(site=SITE, version=2, points=(*LIMITS.points, point(40, "new")))
    activated = LimitsActivated(at_us=NOON, limits=more)
    records = case.records(
        case.broker.sends(said("new", 0)), activated, case.broker.sends(said("new", 1), at=1)
    )
    assert kinds(records) == ["DeadLetter", "LimitsActivated", "ReadingsArrived"]
    assert records[1] is activated


# -- a restart changes nothing ---------------------------------------------------------------------

readings = st.builds(
    said,
    st.sampled_from([A, A, B, "nobody"]),
    st.sampled_from([0.0, 1.0, 2.0, 3.0, 50.0, 900.0]),
    st.sampled_from([1.0, 2.0]),
)
bodies = st.one_of(
    st.lists(readings, max_size=3),
    st.sampled_from([b"{", b'{"command_id":"%s","outcome":"done"}' % str(COMMAND).encode()]),
)


@st.composite
def traffic(draw: st.DrawFn) -> list[Message | Record]:
    """Messages good and bad, new sessions, redeliveries, ticks."""
    broker, sent = Broker(), list[Message]()
    items: list[Message | Record] = []
    for second in range(draw(st.integers(0, 25))):
        match draw(st.sampled_from(["message"] * 6 + ["again", "tick", "session"])):
            case "again" if sent:
                items.append(broker.again(draw(st.sampled_from(sent))))
            case "tick":
                items.append(Ticked(at_us=NOON + second * SECOND_US))
            case "session":
                broker.session = f"session-{second}"
                items.append(SourceChanged(at_us=NOON, source_id=SOURCE, current=False))
            case _:
                body = draw(bodies)
                message = broker.sends(
                    *(body if isinstance(body, list) else []),
                    payload=body if isinstance(body, bytes) else None,
                    topic=draw(st.sampled_from([TELEMETRY, TELEMETRY, REPLY])),
                    at=draw(st.sampled_from([0, 86_400])) + second,
                    qos=draw(st.sampled_from([1, 1, 1, 0])),
                )
                sent.append(message)
                items.append(message)
    return items


def state(intake: Intake) -> tuple[dict[str, Any], dict[str, bytes]]:
    return intake.meta(), {name: array.tobytes() for name, array in intake.arrays().items()}


@settings(max_examples=120, deadline=None)
@given(traffic(), st.integers(1, 8), st.integers(0, 25))
def test_checkpoint_and_journal_tail_give_the_intake_that_wrote_them(
    items: list[Message | Record], group_size: int, checkpoint_at: int
) -> None:
    before, after = Case(dead_letter_bound=1).intake, Case(dead_letter_bound=1).intake
    groups = [items[at : at + group_size] for at in range(0, len(items), group_size)]
    for number, group in enumerate(groups):
        if number == checkpoint_at:
            after.restore(before.arrays(), json.loads(json.dumps(before.meta())))
        tail = before.absorb(group).records
        if number >= checkpoint_at:
            for record in tail:
                after.replay(record)
    if checkpoint_at >= len(groups):
        after.restore(before.arrays(), before.meta())
    assert state(after) == state(before)


@settings(max_examples=120, deadline=None)
@given(traffic(), st.integers(1, 8))
def test_every_acknowledgeable_message_has_its_receipt_on_a_record_or_was_there_before(
    items: list[Message | Record], group_size: int
) -> None:
    case = Case()
    for at in range(0, len(items), group_size):
        group = items[at : at + group_size]
        already = case.counters.count("redelivered")
        batch = case.intake.absorb(group)
        tokens = [item.token for item in group if isinstance(item, Message) and item.token]
        receipts = [
            packet_id
            for record in batch.records
            if isinstance(record, ReadingsArrived | DeadLetter | DeviceReplied)
            for packet_id in record.receipts.packet_ids
        ]
        assert batch.tokens == tokens
        assert len(receipts) == len(tokens) - (case.counters.count("redelivered") - already)


@settings(max_examples=100, deadline=None)
@given(traffic(), st.integers(1, 8))
def test_the_readings_do_not_depend_on_how_the_messages_were_grouped(
    items: list[Message | Record], group_size: int
) -> None:
    assert readings_in(items, group_size) == readings_in(items, len(items) + 1)


def readings_in(items: list[Message | Record], group_size: int) -> list[Any]:
    intake = Case().intake
    found: list[Any] = []
    for at in range(0, len(items), group_size):
        for record in intake.absorb(items[at : at + group_size]).records:
            if isinstance(record, ReadingsArrived):
                one = record.readings
                found += zip(
                    one.point.tolist(), one.event_time.tolist(), one.value.tolist(), strict=True
                )
            elif isinstance(record, ClockRebased):
                found.append(record)
    return found


def test_a_restored_intake_knows_points_that_are_newer_than_its_checkpoint(case: Case) -> None:
    arrays, meta = case.intake.arrays(), case.intake.meta()
    more = ActiveLimits(site=SITE, version=2, points=(point(40, "new"),))
    restored = Intake(SITE, SOURCE, more, Counted())
    restored.restore(arrays, meta)
    (record,) = restored.absorb([case.broker.sends(said("new", 0))]).records
    assert isinstance(record, ReadingsArrived)
    assert record.readings.point.tolist() == [40]
    np.testing.assert_array_equal(restored.arrays()["gate_clock"][-1], NOON)


@pytest.mark.parametrize(
    ("lost", "changed"),
    [
        pytest.param("", {"format": 99}, id="another-format"),
        pytest.param("", {"format": None}, id="no-format"),
        pytest.param("", {"day": None}, id="a-day-that-is-none"),
        pytest.param("gate_behind", {}, id="a-column-less"),
        pytest.param("receipts", {}, id="no-receipts"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    lost: str, changed: dict[str, object]
) -> None:
    written, intake = Case(), Case().intake
    written.intake.absorb([written.broker.sends(said(A, 0))])
    arrays = {name: array for name, array in written.intake.arrays().items() if name != lost}
    before = state(intake)
    with pytest.raises(UnreadableIntake, match="intake state"):
        intake.restore(arrays, written.intake.meta() | changed)
    assert state(intake) == before
