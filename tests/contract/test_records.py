"""What the records promise: all or nothing, repeatable, and nothing forgotten in silence."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from structlog.testing import capture_logs

from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes, OutboxDone
from domain.clock import SECOND_US
from domain.commands import DeviceCommand, OutboxItem
from domain.events import AlarmCleared, AlarmRaised, ClearReason
from domain.ids import AssetId, DeviceId, PersonId, PointKey, SourceId
from domain.incidents import Incident
from domain.paperwork import Role, User
from domain.ports import StorageUnavailable
from domain.records import DeadLetter
from domain.requests import AcknowledgeIncident, Handled
from domain.responsibility import Answer, Party, Reason
from storage.engines import sqlite_engine
from storage.migrate import upgrade
from storage.records import NumbersDisagree, RecordedEvent, SqlRecords
from tests.support.records_stores import RecordsStore

FILE = "records.db"
DAY_US = 86_400 * SECOND_US


@pytest.fixture
def records(store: RecordsStore) -> Iterator[SqlRecords]:
    engine = store.engine()
    yield SqlRecords(engine)
    engine.dispose()


@pytest.fixture
def file_records(tmp_path: Path) -> Iterator[SqlRecords]:
    """In SQLite, for what only a file can suffer."""
    engine = sqlite_engine(tmp_path / FILE)
    upgrade(engine)
    yield SqlRecords(engine)
    engine.dispose()


def _alarm(number: int, condition: Condition = Condition.HIGH, limit: float = 85.0) -> AlarmRaised:
    return AlarmRaised(
        event_id=UUID(int=number),
        site="changqing",
        point="35kV-liuyuan/1T/top_oil_temp",
        asset_id=AssetId("1T"),
        signal="油温",
        unit="degC",
        condition=condition,
        alarm_class=AlarmClass.LIMIT,
        priority=Priority.URGENT,
        started_at_us=number * SECOND_US,
        raised_at_us=number * SECOND_US + 60,
        detected_at_us=number * SECOND_US + 70,
        value=86.5,
        limit=limit,
        limits_version=3,
        degraded=True,
        found_late=False,
        output_allowed=False,
    )


def _cleared(number: int) -> AlarmCleared:
    return AlarmCleared(
        event_id=UUID(int=number),
        ended_at_us=7,
        detected_at_us=8,
        value=79.0,
        reason=ClearReason.LIMIT_CHANGED,
    )


def _incident(number: int, event: int = 1) -> Incident:
    return Incident(
        incident_id=UUID(int=number),
        asset_id=AssetId("1T"),
        priority=Priority.MAJOR,
        opened_at_us=number,
        answer=Answer(
            acting=Party(person_id=PersonId("zl"), name="变电运维班 值班长"),
            reasons=(Reason.of("site_default", words="1号主变属变电运维班责任区"),),
        ),
        standing=frozenset({UUID(int=event)}),
    )


def _in_incident(number: int, *found: int) -> dict[UUID, UUID]:
    return {UUID(int=event): UUID(int=number) for event in found}


def _command(number: int) -> DeviceCommand:
    return DeviceCommand(
        command_id=UUID(int=number),
        event_id=UUID(int=1),
        device_id=DeviceId("1T-siren"),
        action="sound",
        text="1号主变 油温 越上限",
        priority=Priority.URGENT,
        created_at_us=number,
        valid_until_us=number + 60 * SECOND_US,
        max_on_s=120,
    )


def _letter(payload: bytes | None, at_us: int = 0, reason: str = "malformed_json") -> DeadLetter:
    return DeadLetter(
        at_us=at_us,
        source_id=SourceId("broker"),
        reason=reason,
        detail="byte 3 is no JSON",
        topic="t/1",
        payload=payload,
    )


def _user(name: str) -> User:
    return User(name=name, password="scrypt", roles=frozenset({Role.VIEWER}))


def test_new_records_are_empty(records: SqlRecords) -> None:
    assert records.applied_seq() == 0
    assert records.open_incidents() == []
    assert records.open_commands() == []
    assert records.unsent_outbox() == []
    assert records.events() == []
    assert records.dead_letter_counts() == {}


def test_everything_of_a_commit_is_read_back(records: SqlRecords) -> None:
    item = OutboxItem.of(_command(5))
    changes = Changes(
        events=[_alarm(1), _alarm(2), _cleared(1)],
        memberships=_in_incident(9, 1, 2),
        incidents=[_incident(9, 2)],
        commands=[_command(5)],
        outbox=[item],
        dead_letters=[_letter(b"{")],
    )
    records.commit(changes, 17)
    assert records.applied_seq() == 17
    assert records.events() == [
        RecordedEvent(raised=_alarm(1), cleared=_cleared(1)),
        RecordedEvent(raised=_alarm(2)),
    ]
    assert records.standing_events() == [_alarm(2)]
    assert records.open_incidents() == [_incident(9, 2)]
    assert records.open_commands() == [_command(5)]
    assert records.unsent_outbox() == [item]
    assert records.dead_letters() == [_letter(b"{")]
    assert records.dead_letter_counts() == {("broker", "malformed_json", "1970-01-01"): 1}


def test_both_who_answers_and_who_acts_are_kept_with_the_incident(records: SqlRecords) -> None:
    """They may differ (DOMAIN D3): the zone's owner, and who was on duty."""
    owner = Party(person_id=PersonId("wang"), name="责任人")
    before = _incident(9)
    incident = replace(before, answer=replace(before.answer, owner=owner))
    records.commit(Changes(events=[_alarm(1)], incidents=[incident]), 1)
    (read,) = records.open_incidents()
    assert (read.answer.owner, read.answer.acting) == (owner, before.answer.acting)
    assert read.answer.owner != read.answer.acting


def test_a_repeated_commit_changes_nothing(records: SqlRecords) -> None:
    sent = _command(5).sent(10)
    changes = Changes(
        events=[_alarm(1), _cleared(1)],
        incidents=[_incident(9)],
        commands=[sent],
        outbox=[OutboxItem.of(_command(5))],
        outbox_done=[
            OutboxDone(outbox_id=OutboxItem.of(_command(5)).outbox_id, at_us=1, outcome="sent")
        ],
        dead_letters=[_letter(b"{"), _letter(None)],
    )
    for _ in range(2):
        records.commit(changes, 17)
    assert records.events() == [RecordedEvent(raised=_alarm(1), cleared=_cleared(1))]
    assert records.commands() == [sent]
    assert records.unsent_outbox() == []
    assert len(records.dead_letters()) == 1
    assert records.dead_letter_counts() == {("broker", "malformed_json", "1970-01-01"): 2}


def test_an_alarm_raised_again_stays_as_it_was_first(records: SqlRecords) -> None:
    records.commit(Changes(events=[_alarm(1), _cleared(1)]), 1)
    records.commit(Changes(events=[replace(_alarm(1), value=99.0, detected_at_us=99)]), 2)
    assert records.events() == [RecordedEvent(raised=_alarm(1), cleared=_cleared(1))]


def test_a_value_without_meaning_comes_back_as_nan(records: SqlRecords) -> None:
    silent = replace(_alarm(1, Condition.SILENCE, nan), value=nan)
    records.commit(Changes(events=[silent]), 1)
    (recorded,) = records.events()
    assert isnan(recorded.raised.value)
    assert isnan(recorded.raised.limit)
    assert replace(recorded.raised, value=1.0, limit=1.0) == replace(silent, value=1.0, limit=1.0)


def test_what_only_happened_does_not_stand(records: SqlRecords) -> None:
    records.commit(
        Changes(
            events=[_alarm(1, Condition.CLOCK_STEPPED_BACK), _alarm(2, Condition.COMMAND_FAILED)]
        ),
        1,
    )
    assert records.standing_events() == []
    assert len(records.events()) == 2


def test_a_clearing_without_its_alarm_is_said(records: SqlRecords) -> None:
    with capture_logs() as logs:
        records.commit(Changes(events=[_alarm(1), _cleared(1), _cleared(2)]), 1)
    assert logs == [{"event": "cleared_without_alarm", "count": 1, "log_level": "warning"}]


def test_the_newest_version_wins_whatever_the_order(records: SqlRecords) -> None:
    first, second = _incident(9), _incident(9).joined(UUID(int=2), Priority.URGENT)
    pending, sent = _command(5), _command(5).sent(10, before_recorded=True)
    records.commit(
        Changes(
            events=[_alarm(1), _alarm(2)],
            memberships=_in_incident(9, 1, 2),
            incidents=[first, second],
            commands=[pending, sent],
        ),
        1,
    )
    records.commit(Changes(incidents=[first], commands=[pending]), 2)
    assert records.open_incidents() == [second]
    assert records.open_commands() == [sent]


def test_closed_incidents_and_ended_commands_are_not_open(records: SqlRecords) -> None:
    closed = _incident(9).acknowledged("值班长", 20).event_cleared(UUID(int=1), 30)
    confirmed = _command(5).sent(10).confirmed(11, "done")
    records.commit(
        Changes(
            events=[_alarm(1), _alarm(2), _cleared(1)],
            memberships=_in_incident(9, 1) | _in_incident(8, 2),
            incidents=[_incident(8, 2), closed],
            commands=[confirmed, _command(6).sent(10)],
        ),
        1,
    )
    assert records.open_incidents() == [_incident(8, 2)]
    assert records.open_commands() == [_command(6).sent(10)]
    assert records.commands() == [confirmed, _command(6).sent(10)]


def test_the_outbox_forgets_what_was_done_or_overtaken(records: SqlRecords) -> None:
    waiting, done, confirmed, retried = (_command(number) for number in range(4))
    again = retried.sent(10).retried()
    changes = Changes(outbox=[OutboxItem.of(c) for c in (waiting, done, confirmed, retried, again)])
    records.commit(changes, 1)
    word = OutboxDone(outbox_id=OutboxItem.of(done).outbox_id, at_us=5, outcome="sent")
    records.commit(Changes(outbox_done=[word], commands=[confirmed.confirmed(9, "done")]), 1)
    assert records.unsent_outbox() == [OutboxItem.of(waiting), OutboxItem.of(again)]


def test_the_applied_number_only_rises(records: SqlRecords) -> None:
    records.commit(Changes(), 9)
    records.commit(Changes(events=[_alarm(1)]), 4)
    assert records.applied_seq() == 9
    assert len(records.events()) == 1


def test_a_commit_with_a_mistake_in_it_leaves_nothing(records: SqlRecords) -> None:
    wrong = replace(_command(5), text=None)  # type: ignore[arg-type]
    with pytest.raises(IntegrityError, match=r"(?i)not.null"):
        records.commit(Changes(events=[_alarm(1)], incidents=[_incident(9)], commands=[wrong]), 3)
    assert (records.applied_seq(), records.events(), records.open_incidents()) == (0, [], [])


def test_dead_letters_are_counted_by_source_reason_and_day(records: SqlRecords) -> None:
    records.commit(Changes(dead_letters=[_letter(b"1"), _letter(None)]), 1)
    records.commit(
        Changes(
            dead_letters=[_letter(b"2"), _letter(b"3", DAY_US), _letter(None, reason="too_large")]
        ),
        2,
    )
    assert records.dead_letter_counts() == {
        ("broker", "malformed_json", "1970-01-01"): 3,
        ("broker", "too_large", "1970-01-01"): 1,
        ("broker", "malformed_json", "1970-01-02"): 1,
    }
    assert [letter.payload for letter in records.dead_letters()] == [b"1", b"2", b"3"]


def test_words_that_no_database_takes_do_not_stop_a_commit(records: SqlRecords) -> None:
    refused = _command(5).sent(1).refused(2, "refused: \ud800")
    records.commit(
        Changes(commands=[refused], dead_letters=[replace(_letter(b""), topic="\udfff")]), 1
    )
    assert records.commands()[0].outcome == "refused: \\ud800"
    assert records.dead_letters()[0].topic == "\\udfff"


def test_what_only_one_database_would_refuse_reads_the_same_from_both(records: SqlRecords) -> None:
    odd = replace(
        _alarm(1),
        signal="油温\0" + "长" * 300,
        unit="x" * 60,
        value=float("inf"),
        limits_version=2**40,
    )
    command = replace(_command(5), max_on_s=2**40, text="a\0b\ud800")
    records.commit(
        Changes(events=[odd], commands=[command], dead_letters=[_letter(bytes(range(256)))]), 2**60
    )
    (recorded,) = records.events()
    assert recorded.raised == replace(odd, signal="油温\\x00" + "长" * 300)
    assert records.commands()[0].text == "a\\x00b\\ud800"
    assert records.commands()[0].max_on_s == 2**40
    assert records.dead_letters()[0].payload == bytes(range(256))
    assert records.applied_seq() == 2**60


def test_users_are_in_the_order_of_their_bytes_wherever_they_are_kept(records: SqlRecords) -> None:
    names = ["张三", "zoe", "Bob", "alice", "_x", "éva"]
    records.commit(Changes(users=[_user(name) for name in names]), 1)
    assert [user.name for user in records.users()] == sorted(names)


def test_a_row_that_a_database_refuses_is_no_absence_of_the_database(records: SqlRecords) -> None:
    """The recorder would wait for ever; it leaves out this one and goes on."""
    too_long = "".join(chr(0x4E00 + number % 20_000) for number in range(9_000))
    refused = records.engine.dialect.name == "postgresql"  # SQLite takes any length into an index
    with pytest.raises(DBAPIError, match="index row") if refused else nullcontext():
        records.commit(Changes(users=[_user(too_long)]), 1)
    records.commit(Changes(users=[_user("zl")]), 2)
    assert "zl" in [user.name for user in records.users()]


def test_the_outcome_of_a_request_is_known_by_its_id(records: SqlRecords) -> None:
    handled = Handled(
        request_id=UUID(int=4),
        at_us=7,
        actor="zl",
        request=AcknowledgeIncident(incident_id=UUID(int=9)),
        done=True,
        subject=str(UUID(int=9)),
    )
    records.commit(Changes(handled=[handled]), 1)
    assert records.handled(UUID(int=4)) == handled
    assert records.handled(UUID(int=5)) is None


def test_a_point_keeps_its_number_and_no_number_is_given_twice(
    records: SqlRecords, store: RecordsStore
) -> None:
    a, b, c = PointKey("a"), PointKey("b"), PointKey("c")
    first = records.point_numbers([a, b, a])
    assert len(set(first.values())) == 2
    assert records.point_numbers([b, a]) == first
    store.vandalise("delete from points")
    assert records.point_numbers([c])[c] not in first.values()


def test_known_numbers_are_told_while_somebody_else_writes(
    records: SqlRecords, store: RecordsStore
) -> None:
    a, b = PointKey("a"), PointKey("b")
    numbers = records.point_numbers([a])
    with store.somebody_else_writes():
        assert records.point_numbers([a]) == numbers
        with pytest.raises(StorageUnavailable, match="lock"):
            records.point_numbers([a, b])


def test_numbers_that_disagree_with_those_in_use_are_refused_and_none_is_given(
    records: SqlRecords,
) -> None:
    a, b = PointKey("a"), PointKey("b")
    (number,) = records.point_numbers([a]).values()
    assert records.point_numbers([a], in_use=[(a, number), (b, number + 7)]) == {a: number}
    for in_use in [(a, number + 1)], [(b, number)]:
        with pytest.raises(NumbersDisagree):
            records.point_numbers([a, b], in_use)
    # a sequence of PostgreSQL does not take back what a rolled back transaction was given
    next_ones = [(PointKey("c"), number + ahead) for ahead in range(1, 9)]
    with pytest.raises(NumbersDisagree, match=r"number \d+ is that of the points b and c"):
        records.point_numbers([a, b], next_ones)
    assert records.point_numbers([PointKey("d")])[PointKey("d")] > number


def test_events_are_given_from_a_moment_on_and_bounded(records: SqlRecords) -> None:
    records.commit(Changes(events=[_alarm(number) for number in (3, 1, 2)]), 1)
    assert [event.raised for event in records.events(since_us=2 * SECOND_US)] == [
        _alarm(2),
        _alarm(3),
    ]
    assert [event.raised for event in records.events(limit=1)] == [_alarm(1)]


def test_a_lock_of_somebody_else_is_told_at_once_and_over_when_it_is_over(
    records: SqlRecords, store: RecordsStore
) -> None:
    records.commit(Changes(events=[_alarm(1)]), 1)
    with store.somebody_else_writes():
        with pytest.raises(StorageUnavailable, match="lock"):
            records.commit(Changes(events=[_alarm(2)]), 2)
        assert records.applied_seq() == 1  # reading goes on
    records.commit(Changes(events=[_alarm(2)]), 2)
    assert len(records.events()) == 2


def test_a_file_that_was_moved_away_is_missed_and_works_when_it_is_back(
    file_records: SqlRecords, tmp_path: Path
) -> None:
    file_records.commit(Changes(events=[_alarm(1)]), 1)
    file, elsewhere = tmp_path / FILE, tmp_path / "elsewhere.db"
    file.rename(elsewhere)
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match=r"records\.db is gone"):
            file_records.commit(Changes(events=[_alarm(2)]), 2)
        with pytest.raises(StorageUnavailable):
            file_records.applied_seq()
    assert not file.exists()
    elsewhere.rename(file)
    assert file_records.applied_seq() == 1
    file_records.commit(Changes(events=[_alarm(2)]), 2)
    assert len(file_records.events()) == 2


def test_another_file_in_its_place_is_not_mixed_with_what_the_old_one_left(
    file_records: SqlRecords, tmp_path: Path
) -> None:
    other = sqlite_engine(tmp_path / "backup.db")
    upgrade(other)
    SqlRecords(other).commit(Changes(events=[_alarm(7)]), 7)
    other.dispose()
    file_records.commit(Changes(events=[_alarm(1)]), 1)
    (tmp_path / FILE).unlink()
    with pytest.raises(StorageUnavailable, match="is gone"):
        file_records.applied_seq()
    (tmp_path / "backup.db").rename(tmp_path / FILE)
    with pytest.raises(StorageUnavailable, match=r"delete .*-wal"):
        file_records.commit(Changes(events=[_alarm(8)]), 8)
    (tmp_path / f"{FILE}-wal").unlink()
    file_records.commit(Changes(events=[_alarm(8)]), 8)
    assert [event.raised for event in file_records.events()] == [_alarm(7), _alarm(8)]


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"poem" * 2_000)
    engine = sqlite_engine(tmp_path / FILE)
    with pytest.raises(StorageUnavailable, match="not a database"):
        SqlRecords(engine).commit(Changes(), 4)


def test_a_database_without_tables_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    engine = sqlite_engine(tmp_path / FILE)
    with pytest.raises(StorageUnavailable, match="no such table"):
        SqlRecords(engine).commit(Changes(), 4)
    engine.dispose()
