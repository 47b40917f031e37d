"""What a start makes of stores that are older, shorter or less readable than the others."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from detectors.evaluate import DetectorState, evaluate
from domain.assets import ActiveLimits, Condition
from domain.changes import Changes
from domain.ids import PointKey
from domain.ports import StorageUnavailable
from domain.readings import Readings
from domain.records import ReadingsArrived, Record
from ingest.intake import Intake
from ingest.messages import Message
from service.counting import Counted
from service.local_socket import AlreadyServed
from service.projecting import DETECTORS, INTAKE
from service.recovery import (
    Unwirable,
    go_on_beyond_what_was_applied,
    numbers_of_points,
    open_journal,
    open_records,
    recover_intake,
    recovered_detectors,
)
from service.settings import JournalSettings, RecordsSettings
from service.site.model import telemetry_topic
from storage.checkpoints import Checkpoints
from storage.journal import SqliteJournal
from storage.records import SqlRecords
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.support.limit_records import SOURCE, activated, current, limit, point, reading, us

POINT = point(limit(Condition.HIGH, 85, on_delay=60), number=1)
LIMITS = activated(POINT).limits
HISTORY: list[Record] = [
    activated(POINT),
    current(),
    *[reading(second, 80 + second, number=1) for second in range(1, 9)],
]
NEWEST = len(HISTORY)
NO_READINGS = Readings.concat([])


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    """Every record in a segment of its own."""
    with closing(SqliteJournal(tmp_path / "journal", segment_bytes=1)) as filled:
        for record in HISTORY:
            filled.append([record])
        yield filled


@pytest.fixture
def counters() -> Counted:
    return Counted()


@pytest.fixture
def detectors(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", DETECTORS)


@pytest.fixture
def intakes(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", INTAKE)


@pytest.fixture
def records(tmp_path: Path) -> SqlRecords:
    return open_records(tmp_path / "records.db", RecordsSettings(), journal_seq=0)


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[DuckDbTelemetry]:
    with closing(DuckDbTelemetry(tmp_path / "telemetry.duckdb")) as store:
        yield store


def state_at(seq: int) -> DetectorState:
    state = DetectorState.initial()
    for record in HISTORY[:seq]:
        state, _ = evaluate(state, record)
    return state


def save_detectors(store: Checkpoints, *seqs: int, other_format: Sequence[int] = ()) -> None:
    for seq in seqs:
        state = state_at(seq)
        meta = state.meta() | ({"format": 99} if seq in other_format else {})
        store.save(seq, state.arrays(), meta, state.parts())


def an_intake(limits: ActiveLimits = LIMITS) -> Intake:
    return Intake("liuyuan", SOURCE, limits, Counted())


def intake_at(seq: int) -> Intake:
    intake = an_intake()
    for record in HISTORY[:seq]:
        intake.replay(record)
    return intake


def save_intake(store: Checkpoints, *seqs: int, other_format: Sequence[int] = ()) -> None:
    for seq in seqs:
        intake = intake_at(seq)
        meta = intake.meta() | ({"format": 99} if seq in other_format else {})
        store.save(seq, intake.arrays(), meta)


def assert_same_detectors(left: DetectorState, right: DetectorState) -> None:
    assert left.meta() == right.meta()
    assert left.limits == right.limits
    for name, array in left.arrays().items():
        np.testing.assert_array_equal(array, right.arrays()[name])


def assert_same_intake(left: Intake, right: Intake) -> None:
    assert left.meta() == right.meta()
    for name, array in left.arrays().items():
        np.testing.assert_array_equal(array, right.arrays()[name])


@pytest.mark.parametrize(
    ("applied_seq", "started_at"),
    [
        pytest.param(NEWEST, 8, id="the-newest-where-the-records-are-further"),
        pytest.param(8, 8, id="the-newest-where-the-records-are-as-far"),
        pytest.param(7, 4, id="the-older-where-the-records-are-from-before-the-newest"),
        pytest.param(3, 0, id="the-journals-beginning-where-the-records-are-older-than-both"),
    ],
)
def test_deciding_begins_where_the_records_are_or_before(
    detectors: Checkpoints,
    journal: SqliteJournal,
    counters: Counted,
    applied_seq: int,
    started_at: int,
) -> None:
    save_detectors(detectors, 4, 8)
    start = recovered_detectors(detectors, journal, applied_seq, counters)
    assert start.seq == started_at
    assert_same_detectors(start.state, state_at(started_at))
    assert counters.snapshot() == {}


def test_records_older_than_everything_kept_begin_at_the_oldest_and_the_loss_is_told(
    detectors: Checkpoints, journal: SqliteJournal, counters: Counted
) -> None:
    save_detectors(detectors, 4, 8)
    journal.drop_through(4)
    with capture_logs() as logs:
        start = recovered_detectors(detectors, journal, 2, counters)
    assert start.seq == 4
    assert_same_detectors(start.state, state_at(4))
    assert missing_in(logs) == [("detectors", 3, 4)]
    assert counters.count("history_missing", of="detectors") == 1


@pytest.mark.parametrize(
    ("other_format", "started_at"),
    [
        pytest.param([8], 4, id="the-newest-is-of-another-format"),
        pytest.param([4, 8], 0, id="both-are-of-another-format"),
    ],
)
def test_a_checkpoint_of_another_format_is_passed_over(
    detectors: Checkpoints,
    journal: SqliteJournal,
    counters: Counted,
    other_format: list[int],
    started_at: int,
) -> None:
    save_detectors(detectors, 4, 8, other_format=other_format)
    with capture_logs() as logs:
        start = recovered_detectors(detectors, journal, NEWEST, counters)
    assert start.seq == started_at
    assert_same_detectors(start.state, state_at(started_at))
    unreadable = [line["seq"] for line in logs if line["event"] == "checkpoint_unreadable"]
    assert sorted(unreadable) == other_format
    assert counters.snapshot() == {}


def test_without_a_usable_checkpoint_a_shortened_journal_is_gone_on_with_and_told(
    detectors: Checkpoints, intakes: Checkpoints, journal: SqliteJournal, counters: Counted
) -> None:
    journal.drop_through(6)
    with capture_logs() as logs:
        start = recovered_detectors(detectors, journal, NEWEST, counters)
        recover_intake(an_intake(), intakes, journal, LIMITS, counters)
    assert start.seq == 0
    assert missing_in(logs) == [("detectors", 1, 6), ("intake", 1, 6)]
    assert counters.count("history_missing") == 2


@pytest.mark.parametrize(
    "other_format",
    [
        pytest.param([], id="from-the-newest"),
        pytest.param([8], id="from-the-older"),
        pytest.param([4, 8], id="from-the-journals-beginning"),
    ],
)
def test_the_intake_is_the_one_that_wrote_the_journal(
    intakes: Checkpoints, journal: SqliteJournal, counters: Counted, other_format: list[int]
) -> None:
    save_intake(intakes, 4, 8, other_format=other_format)
    intake = an_intake()
    recover_intake(intake, intakes, journal, LIMITS, counters)
    assert_same_intake(intake, intake_at(NEWEST))
    assert counters.snapshot() == {}


def test_the_intake_reads_a_journal_whose_points_it_does_not_know_any_more(
    intakes: Checkpoints, journal: SqliteJournal, counters: Counted
) -> None:
    """They were removed from the site, and the limits that named them are dropped."""
    journal.append([reading(100, 50, number=500)])
    journal.drop_through(6)
    recover_intake(an_intake(), intakes, journal, LIMITS, counters)
    assert counters.count("history_missing", of="intake") == 1


def test_the_intake_goes_by_the_limits_of_now_where_their_record_is_lost(
    intakes: Checkpoints, journal: SqliteJournal, counters: Counted
) -> None:
    renamed = replace(LIMITS, version=2, points=(replace(POINT, key=PointKey("renamed")),))
    intake = an_intake(renamed)
    recover_intake(intake, intakes, journal, renamed, counters)  # it replays version 1
    (record,) = intake.absorb([said_of("renamed")]).records
    assert isinstance(record, ReadingsArrived)


def said_of(key: str) -> Message:
    readings = [{"point": key, "time": us(100) // 1_000, "value": 50.0}]
    return Message(
        source_id=SOURCE,
        session="session",
        topic=telemetry_topic(LIMITS.site, SOURCE),
        payload=json.dumps({"readings": readings}).encode(),
        qos=0,
        retain=False,
        dup=False,
        packet_id=0,
        token=None,
        arrival_us=us(100),
        correlation_data=None,
    )


@pytest.mark.parametrize("ahead", ["records", "telemetry", "detectors", "intake"])
def test_the_journal_goes_on_numbering_after_the_furthest_of_its_readers(
    tmp_path: Path,
    journal: SqliteJournal,
    records: SqlRecords,
    telemetry: DuckDbTelemetry,
    detectors: Checkpoints,
    intakes: Checkpoints,
    counters: Counted,
    ahead: str,
) -> None:
    match ahead:
        case "records":
            records.commit(Changes(), 205)
        case "telemetry":
            telemetry.write(NO_READINGS, 205)
        case "detectors":
            detectors.save(205, {})
        case "intake":
            intakes.save(205, {})
    with capture_logs() as logs:
        go_on_beyond_what_was_applied(journal, records, telemetry, [detectors, intakes], counters)
    assert counters.count("journal_behind") == 1
    (behind,) = [line for line in logs if line["event"] == "journal_behind"]
    assert (behind["journal_seq"], behind["goes_on_after"]) == (NEWEST, 205)
    assert journal.append([reading(300, 50)]) == [206]
    journal.close()
    with closing(SqliteJournal(tmp_path / "journal")) as next_life:
        assert [seq for seq, _ in next_life.read(after=0)] == [*range(1, NEWEST + 1), 206]
        again = Counted()
        go_on_beyond_what_was_applied(next_life, records, telemetry, [detectors, intakes], again)
        assert again.count("journal_behind") == 0


def test_a_journal_that_nobody_is_ahead_of_goes_on_as_it_is(
    journal: SqliteJournal,
    records: SqlRecords,
    telemetry: DuckDbTelemetry,
    detectors: Checkpoints,
    intakes: Checkpoints,
    counters: Counted,
) -> None:
    records.commit(Changes(), NEWEST)
    telemetry.write(NO_READINGS, NEWEST - 1)
    save_detectors(detectors, 4, NEWEST)
    go_on_beyond_what_was_applied(journal, records, telemetry, [detectors, intakes], counters)
    assert journal.append([reading(300, 50)]) == [NEWEST + 1]
    assert counters.snapshot() == {}


def test_what_the_telemetry_cannot_catch_up_with_is_told(
    journal: SqliteJournal, records: SqlRecords, telemetry: DuckDbTelemetry, counters: Counted
) -> None:
    telemetry.write(NO_READINGS, 2)
    journal.drop_through(6)
    with capture_logs() as logs:
        go_on_beyond_what_was_applied(journal, records, telemetry, [], counters)
    assert missing_in(logs) == [("telemetry", 3, 6)]


def test_a_telemetry_that_cannot_be_asked_stops_no_start(
    tmp_path: Path, journal: SqliteJournal, records: SqlRecords, counters: Counted
) -> None:
    (tmp_path / "telemetry.duckdb").write_bytes(b"poem" * 4_000)
    broken = DuckDbTelemetry(tmp_path / "telemetry.duckdb")
    records.commit(Changes(), 205)
    go_on_beyond_what_was_applied(journal, records, broken, [], counters)
    assert journal.append([reading(300, 50)]) == [206]


def test_records_and_limits_with_the_same_numbers_fit(records: SqlRecords) -> None:
    a, b, c = (PointKey(key) for key in "abc")
    records.point_numbers([a, b])
    known = with_numbers({a: 1, b: 2})
    assert numbers_of_points(records, [b, c], known) == {b: 2, c: 3}
    assert numbers_of_points(records, [a], with_numbers({})) == {a: 1}


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        pytest.param({"a": 7}, "point a has the numbers 1 and 7", id="a-key-with-another-number"),
        pytest.param({"x": 1}, "number 1 is that of the points a and x", id="a-number-of-another"),
        pytest.param({"x": 3}, "number 3 is that of the points c and x", id="a-number-given-anew"),
    ],
)
def test_records_with_other_numbers_than_the_journal_are_refused_and_left_alone(
    records: SqlRecords, last: dict[str, int], reason: str
) -> None:
    a, b, c = (PointKey(key) for key in "abc")
    records.point_numbers([a, b])
    limits = with_numbers({PointKey(key): number for key, number in last.items()})
    for _ in range(2):
        with pytest.raises(Unwirable, match=f"{reason}: put back the records.db .* new --data"):
            numbers_of_points(records, [a, b, c], limits)
    assert records.point_numbers([c]) == {c: 3}  # it had not been given


def with_numbers(numbers: dict[PointKey, int]) -> ActiveLimits:
    points = [point(number=number, key=key) for key, number in numbers.items()]
    return ActiveLimits(site="liuyuan", version=1, points=tuple(points))


def test_a_second_core_is_refused_before_it_writes_anything(tmp_path: Path) -> None:
    with closing(open_journal(tmp_path / "journal", JournalSettings())):
        with pytest.raises(AlreadyServed, match=r"another core serves .*: stop it"):
            open_journal(tmp_path / "journal", JournalSettings())
        assert [path.name for path in (tmp_path / "journal").iterdir()] == ["journal.lock"]
    open_journal(tmp_path / "journal", JournalSettings()).close()


def test_records_that_are_gone_are_made_anew_only_beside_an_empty_journal(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="is gone"):
        open_records(tmp_path / "records.db", RecordsSettings(), journal_seq=1)
    made = open_records(tmp_path / "records.db", RecordsSettings(), journal_seq=0)
    assert made.applied_seq() == 0


def missing_in(logs: Sequence[object]) -> list[tuple[str, int, int]]:
    return [
        (line["of"], line["first"], line["last"])
        for line in logs
        if isinstance(line, dict) and line["event"] == "history_missing"
    ]
