"""What stands in a partition becomes records; its state follows from the partition alone."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.records import (
    DeadLetter,
    ReadingsArrived,
    Record,
    Requested,
    SourceChanged,
    Ticked,
)
from domain.requests import AcknowledgeIncident
from ingest.intake import UnreadableIntake
from ingest.kafka import RECORD, Fetched
from ingest.partition_intake import seal_of
from storage.codec import to_bytes
from tests.support.partition_messages import (
    KEY,
    Counted,
    bridge_at,
    fresh_intake,
    in_pieces,
    own_at,
    reading_at,
    second,
    tick_at,
)


def currency(messages: Sequence[Fetched]) -> list[tuple[float, bool]]:
    """When the source became current or stopped being so, in seconds."""
    return [
        ((record.at_us - second(0)) / 1_000_000, record.current)
        for record in fresh_intake().absorb(messages)
        if isinstance(record, SourceChanged)
    ]


def ticks(first: int, last: int, begin: int = 0) -> list[Fetched]:
    return [tick_at(begin + n, second(n)) for n in range(first, last + 1)]


def test_without_a_bridge_a_source_is_current_once_the_topic_has_settled() -> None:
    assert currency(ticks(0, 9)) == [(5.0, True)]


def test_a_topic_that_could_not_be_written_stops_the_source_until_it_has_settled() -> None:
    written = [*ticks(0, 9), *ticks(100, 109)]
    assert currency(written) == [(5.0, True), (100.0, False), (105.0, True)]


def test_a_worker_that_was_away_while_readings_came_stops_nothing() -> None:
    readings = [reading_at(10 + n, second(9 + n * 5)) for n in range(20)]
    assert currency([*ticks(0, 9), *readings, *ticks(110, 119)]) == [(5.0, True)]


def test_a_source_is_what_its_bridge_says() -> None:
    messages = [
        *ticks(0, 9),
        bridge_at(10, second(9.1), current=False),
        *ticks(10, 12),
        bridge_at(14, second(12.5), current=True),
        *ticks(13, 14),
    ]
    assert currency(messages) == [(5.0, True), (10.0, False), (13.0, True)]


def test_a_bridge_that_says_nothing_is_away_and_another_one_stands_in() -> None:
    messages = [
        *ticks(0, 5),
        bridge_at(6, second(5.5), current=True, name="1"),
        *ticks(6, 15),
        *ticks(16, 18),  # 10 s without a word
        bridge_at(50, second(18.5), current=True, name="2"),
        *ticks(19, 20),
    ]
    assert currency(messages) == [(5.0, True), (16.0, False), (19.0, True)]


def test_a_record_takes_the_topics_clock() -> None:
    (tick,) = fresh_intake().absorb([own_at(0, second(7), Ticked(at_us=1))])
    assert tick == Ticked(at_us=second(7))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param(own_at(0, second(1), Ticked(at_us=1), key=b"x" * 32), "forged_record", id="forged"),
        pytest.param(
            Fetched(offset=0, at_us=second(1), headers={RECORD: seal_of(KEY, 0, b"?")}, value=b"?"),
            "damaged_record",
            id="damaged",
        ),
    ],
)  # fmt: skip
def test_what_is_no_record_of_ours_is_a_dead_letter(message: Fetched, reason: str) -> None:
    counted = Counted()
    (letter,) = fresh_intake(counted).absorb([message])
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, counted.counts["dead_letters"]) == (reason, 1)


def test_a_seal_of_another_partition_is_none() -> None:
    value = to_bytes(Ticked(at_us=1))
    copied = Fetched(
        offset=0, at_us=second(1), headers={RECORD: seal_of(KEY, 1, value)}, value=value
    )
    (letter,) = fresh_intake().absorb([copied])
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "forged_record"


def test_a_request_that_waited_for_the_topic_is_not_decided_any_more() -> None:
    asked = Requested(
        at_us=second(0),
        request_id=uuid4(),
        actor="u",
        request=AcknowledgeIncident(incident_id=uuid4()),
    )
    (in_time,) = fresh_intake().absorb([own_at(0, second(119), asked)])
    (late,) = fresh_intake().absorb([own_at(0, second(121), asked)])
    assert isinstance(in_time, Requested)
    assert isinstance(late, DeadLetter)
    assert late.reason == "late_request"


def test_bridges_beyond_bounds_are_counted_and_forgotten() -> None:
    counted = Counted()
    intake = fresh_intake(counted)
    intake.absorb([bridge_at(n, second(1), True, name=f"{n:03}" * 100) for n in range(1, 80)])
    _, meta = intake.snapshot()
    assert (len(meta["bridges"]), counted.counts["too_many_bridges"]) == (64, 15)
    assert max(map(len, meta["bridges"])) == 100


def test_words_of_a_bridge_that_cannot_be_read_are_counted_and_change_nothing() -> None:
    counted = Counted()
    broken = Fetched(offset=0, at_us=second(1), headers=bridge_at(0, 0, True).headers, value=b"{")
    assert fresh_intake(counted).absorb([broken]) == []
    assert counted.counts["malformed_bridge_words"] == 1


def kinds() -> st.SearchStrategy[list[Fetched]]:
    """A partition: anything after anything, times that stand still, go on and jump."""
    step = st.sampled_from([0.0, 0.4, 1.0, 3.0, 12.0])
    kind = st.sampled_from(
        ["reading", "late", "repeat", "tick", "up", "down", "forged", "nonsense"]
    )
    return st.lists(st.tuples(step, kind, st.integers(1, 3)), max_size=25).map(partition)


def partition(steps: list[tuple[float, str, int]]) -> list[Fetched]:
    now, made = 0.0, []
    for offset, (step, kind, point) in enumerate(steps):
        now += step
        at_us = second(now)
        made.append(
            {
                "reading": lambda: reading_at(offset, at_us, point, now),  # noqa: B023
                "late": lambda: reading_at(offset, at_us - 2_000_000, point),  # noqa: B023
                "repeat": lambda: reading_at(offset, second(0), point),  # noqa: B023
                "tick": lambda: tick_at(offset, at_us),  # noqa: B023
                "up": lambda: bridge_at(offset, at_us, True),  # noqa: B023
                "down": lambda: bridge_at(offset, at_us, False),  # noqa: B023
                "forged": lambda: own_at(offset, at_us, Ticked(at_us=1), b"?" * 32),  # noqa: B023
                "nonsense": lambda: Fetched(offset=offset, at_us=at_us, headers={}, value=b"?"),  # noqa: B023
            }[kind]()
        )
    return made


def plain(records: Sequence[Record]) -> list[object]:
    """Readings side by side, wherever their groups end; the rest in order among the ticks."""
    ordered: list[object] = []
    for record in records:
        if not isinstance(record, ReadingsArrived):
            ordered.append(record)
            continue
        rows = list(
            zip(
                record.readings.point.tolist(),
                record.readings.event_time.tolist(),
                record.readings.value.tolist(),
                record.readings.origin.tolist(),
                strict=True,
            )
        )
        ordered += rows
    # within a group dead letters stand behind the readings: only ticks and changes keep places
    return [each for each in ordered if not isinstance(each, DeadLetter)] + sorted(
        repr(each) for each in ordered if isinstance(each, DeadLetter)
    )


@settings(max_examples=150, deadline=None)
@given(kinds(), st.lists(st.integers(0, 30), max_size=6), st.integers(0, 30))
def test_pieces_and_restarts_change_nothing(
    messages: list[Fetched], cuts: list[int], restart: int
) -> None:
    whole = fresh_intake().absorb(messages)
    intake, found = fresh_intake(), []
    for number, piece in enumerate(in_pieces(messages, [*cuts, restart])):
        if number % 2:
            arrays, meta = intake.snapshot()
            intake = fresh_intake()
            intake.restore(arrays, meta)
        found += intake.absorb(piece)
    assert plain(found) == plain(whole)


def test_a_state_that_cannot_be_read_is_refused_and_leaves_the_intake_as_it_is() -> None:
    intake = fresh_intake()
    arrays, meta = intake.snapshot()
    for broken in ({}, {**meta, "bridges": [1]}, {**meta, "last_us": "soon"}):
        with pytest.raises(UnreadableIntake):
            intake.restore(arrays, broken)
    assert intake.snapshot()[1] == meta
