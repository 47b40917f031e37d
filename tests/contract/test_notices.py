"""From an incident to its notices in both databases: who is told once, by one worker, and what becomes
of it."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine

from domain.assets import Priority
from domain.changes import Changes
from domain.clock import MINUTE_US, SECOND_US
from domain.ids import AssetId, PersonId
from domain.notices import (
    Attempt,
    Escalation,
    Notice,
    NoticeMove,
    NoticeState,
)
from linkage.escalation import ESCALATION
from service.counting import Counted
from service.escalating import Escalator
from storage.deadlines import SqlDeadlines
from storage.engines import writing
from storage.notices import NoticeFilter, SqlNotices
from storage.records import SqlRecords, write_changes
from storage.retention import Kept, delete_some
from tests.support.records_stores import RecordsStore
from tests.support.telling import (
    NOON,
    UNATTENDED,
    at,
    climbing,
    example_plan,
    example_responsibility,
    first_deadline,
    notice,
)

NOW = at(NOON)


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine(busy_ms=5_000)
    yield made
    made.dispose()


class Clock:
    def __init__(self) -> None:
        self.now_us = NOW

    def __call__(self) -> int:
        return self.now_us


def escalator(engine: Engine, clock: Clock, name: str = "w", *partitions: int) -> Escalator:
    ours = set(partitions) if partitions else None
    return Escalator(
        engine,
        example_plan(),
        example_responsibility,
        clock=clock,
        counters=Counted(),
        ours=lambda: ours,
        name=name,
    )


def begun(number: int = 1, level: Priority = Priority.URGENT) -> Changes:
    escalation = climbing(level, UNATTENDED, NOON, incident_id=UUID(int=number))
    return Changes(
        escalations=[escalation],
        deadlines=first_deadline(escalation),
    )


def ended(changes: Changes, at_us: int, how: str = "acknowledged") -> Changes:
    (escalation,) = changes.escalations
    over = replace(escalation, ended_at_us=at_us, ended=how, ended_by="duty", version=2)
    return Changes(escalations=[over])


def told(engine: Engine) -> list[tuple[str, int]]:
    found = SqlNotices(engine).find(NoticeFilter())
    return sorted((each.person_id, each.step) for each in found)


def test_steps_become_notices_when_they_are_due(engine: Engine) -> None:
    clock, records = Clock(), SqlRecords(engine)
    works = escalator(engine, clock)
    assert works.run_due() == 0
    records.commit(begun(), 1)
    assert works.run_due() == 1
    assert works.run_due() == 0
    clock.now_us += 2 * MINUTE_US
    assert works.run_due() == 1, "after downtime only the highest due step"
    clock.now_us += 60 * MINUTE_US
    assert works.run_due() == 1
    assert told(engine) == [("dd-j1", 0), ("fjl", 4), ("yw-bz", 2)]


def test_after_an_hour_away_only_the_highest_step_fires_though_just_the_first_was_written(
    engine: Engine,
) -> None:
    clock, records, changes = Clock(), SqlRecords(engine), begun()
    records.commit(changes, 1)
    subject = str(changes.escalations[0].escalation_id)
    assert SqlDeadlines(engine).states(subject) == {0: "waiting"}
    clock.now_us += 60 * MINUTE_US
    assert escalator(engine, clock).run_due() == 1
    assert told(engine) == [("fjl", 4)]
    overtaken = dict.fromkeys(range(4), "overtaken")
    assert SqlDeadlines(engine).states(subject) == {**overtaken, 4: "done"}
    assert escalator(engine, clock).run_due() == 0


def test_later_steps_are_of_the_same_partition(engine: Engine) -> None:
    clock, changes = Clock(), begun()
    with writing(engine) as connection:
        write_changes(connection, changes, partition=3)
    assert escalator(engine, clock, "w", 2).run_due() == 0
    assert escalator(engine, clock, "w", 3).run_due() == 1
    waiting = SqlDeadlines(engine).waiting(str(changes.escalations[0].escalation_id))
    assert [(each.step, each.partition) for each in waiting] == [(n, 3) for n in range(1, 5)]


def test_a_commit_that_is_repeated_tells_nobody_twice(engine: Engine) -> None:
    clock, records = Clock(), SqlRecords(engine)
    works, changes = escalator(engine, clock), begun()
    records.commit(changes, 1)
    assert works.run_due() == 1
    records.commit(changes, 1)
    assert works.run_due() == 0
    assert [each.escalation_id for each in records.open_escalations()] == [
        changes.escalations[0].escalation_id
    ]


def test_acknowledged_before_it_is_due_nobody_is_told(engine: Engine) -> None:
    clock, records = Clock(), SqlRecords(engine)
    changes = begun()
    records.commit(changes, 1)
    records.commit(ended(changes, NOW), 2)
    clock.now_us += 60 * MINUTE_US
    assert escalator(engine, clock).run_due() == 0
    assert set(SqlDeadlines(engine).states(str(changes.escalations[0].escalation_id)).values()) == {
        "cancelled"
    }
    assert not records.open_escalations()


def test_what_begins_and_ends_in_one_commit_has_no_step_and_the_others_keep_theirs(
    engine: Engine,
) -> None:
    records, folded, climbs = SqlRecords(engine), begun(1), begun(2)
    both = Changes()
    for each in (folded, climbs, ended(folded, NOW, "consequence")):
        both.extend(each)
    records.commit(both, 1)
    deadlines_kept = SqlDeadlines(engine)
    assert not deadlines_kept.states(str(folded.escalations[0].escalation_id))
    assert set(deadlines_kept.states(str(climbs.escalations[0].escalation_id)).values()) == {
        "waiting"
    }
    assert [each.escalation_id for each in records.open_escalations()] == [
        climbs.escalations[0].escalation_id
    ]


def test_an_end_that_comes_again_with_its_beginning_still_cancels_the_steps(engine: Engine) -> None:
    records, changes = SqlRecords(engine), begun()
    records.commit(changes, 1)
    both = Changes()
    both.extend(changes)
    both.extend(ended(changes, NOW))
    records.commit(both, 2)
    states = SqlDeadlines(engine).states(str(changes.escalations[0].escalation_id))
    assert set(states.values()) == {"cancelled"}


def test_opened_and_acknowledged_in_one_commit_nobody_is_told(engine: Engine) -> None:
    changes = begun()
    changes.extend(ended(changes, NOW))
    SqlRecords(engine).commit(changes, 1)
    assert escalator(engine, Clock()).run_due() == 0


@pytest.mark.parametrize(
    ("how", "queued", "sent"),
    [
        pytest.param("acknowledged", "withdrawn", "acknowledged", id="acknowledged"),
        pytest.param("closed", "withdrawn", "acknowledged", id="closed"),
        pytest.param("consequence", "withdrawn", "sent", id="folded-under-its-cause"),
    ],
)
def test_what_waits_is_withdrawn_and_what_was_sent_has_served(
    engine: Engine, how: str, queued: str, sent: str
) -> None:
    clock, records, queue = Clock(), SqlRecords(engine), SqlNotices(engine)
    works, changes = escalator(engine, clock), begun()
    records.commit(changes, 1)
    works.run_due()
    (first,) = queue.find(NoticeFilter())
    queue.settle([sent_now(first)])
    clock.now_us += MINUTE_US
    works.run_due()
    records.commit(ended(changes, clock.now_us, how), 2)
    states = [each.state.value for each in queue.of_incident(first.incident_id)]
    assert states == [sent, queued]


def test_many_incidents_acknowledged_in_one_commit(engine: Engine) -> None:
    clock, records, queue = Clock(), SqlRecords(engine), SqlNotices(engine)
    three = [begun(number) for number in (1, 2, 3)]
    for seq, changes in enumerate(three, 1):
        records.commit(changes, seq)
    assert escalator(engine, clock).run_due() == 3
    queue.settle([sent_now(each) for each in queue.find(NoticeFilter())][:2])
    together = Changes()
    for changes in three:
        together.extend(ended(changes, NOW + 1))
    records.commit(together, 9)
    states = sorted(each.state.value for each in queue.find(NoticeFilter()))
    assert states == ["acknowledged", "acknowledged", "withdrawn"]
    assert not records.open_escalations()


def sent_now(one: Notice, **facts: object) -> Attempt:
    known: dict[str, object] = {
        "notice_id": one.notice_id,
        "at_us": NOW,
        "state": NoticeState.SENT,
        "what": "sent",
        "channel": one.channel,
    }
    return Attempt(**(known | facts))  # type: ignore[arg-type]


def test_two_workers_share_what_is_due_and_nobody_is_told_twice(store: RecordsStore) -> None:
    engine = store.engine(busy_ms=20_000)
    records, clock = SqlRecords(engine), Clock()
    everything = Changes()
    for number in range(200):
        everything.extend(begun(number + 1))
    records.commit(everything, 1)
    made: list[int] = []

    def work(name: str) -> None:
        own = store.engine(busy_ms=20_000)
        works = escalator(own, clock, name)
        while done := works.run_due():
            made.append(done)
        own.dispose()

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert SqlNotices(engine).count(NoticeFilter()) == 200
    engine.dispose()


def test_a_worker_escalates_its_own_partitions(engine: Engine) -> None:
    clock = Clock()
    for partition, number in ((1, 11), (2, 12)):
        changes = begun(number)
        put = Changes(escalations=changes.escalations)
        SqlRecords(engine).commit(put, number)
        SqlDeadlines(engine).put(replace(each, partition=partition) for each in changes.deadlines)
    assert escalator(engine, clock, "w", 2).run_due() == 1
    (only,) = SqlNotices(engine).find(NoticeFilter())
    assert only.incident_id == UUID(int=12)


def test_a_failure_in_between_gives_the_step_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    SqlRecords(engine).commit(begun(), 1)
    works = escalator(engine, clock)

    def broken(*_: object) -> list[Notice]:
        raise RuntimeError("a bug")

    monkeypatch.setattr(works, "_decided", broken)
    with pytest.raises(RuntimeError):
        works.run_due()
    assert SqlDeadlines(engine).next_due_us(ESCALATION) == NOW
    assert escalator(engine, clock).run_due() == 1


def test_other_deadlines_are_not_ours(engine: Engine) -> None:
    changes = begun()
    (first, *_) = changes.deadlines
    SqlDeadlines(engine).put([replace(first, kind="note", subject="outage 1")])
    assert escalator(engine, Clock()).run_due() == 0


# -- the queue ---------------------------------------------------------------------------------


def put(engine: Engine, *wanted: Notice) -> SqlNotices:
    SqlRecords(engine).commit(Changes(notices=list(wanted)), 1)
    return SqlNotices(engine, "here")


def test_level_1_comes_first_and_the_others_in_the_order_of_decision(engine: Engine) -> None:
    first, second, urgent = (
        notice(1),
        notice(2),
        notice(3, level=Priority.URGENT),
    )
    elsewhere, later = notice(4, channel="sms"), notice(5, not_before_us=NOW + 1)
    queue = put(engine, first, second, urgent, elsewhere, later)
    assert queue.queued("chat", NOW) == [urgent, first, second]


def test_a_notice_is_as_it_was_written(engine: Engine) -> None:
    one = notice(1, action="减负荷", answered_by="")
    queue = put(engine, one)
    assert queue.notice(one.notice_id) == one
    assert queue.notice(UUID(int=99)) is None


def test_a_lease_keeps_others_away_until_it_ends(engine: Engine) -> None:
    one = notice(1)
    here = put(engine, one)
    there = SqlNotices(engine, "there")
    assert here.lease({one.notice_id: [one.notice_id]}, NOW, NOW + MINUTE_US) == {one.notice_id}
    assert there.lease({one.notice_id: [one.notice_id]}, NOW, NOW + MINUTE_US) == set()
    assert not there.queued("chat", NOW)
    # killed and started again, we go on at once; others after its time
    assert SqlNotices(engine, "here").lease({one.notice_id: [one.notice_id]}, NOW, NOW + MINUTE_US)
    assert there.lease({one.notice_id: [one.notice_id]}, NOW + MINUTE_US, NOW + 2 * MINUTE_US)


def test_what_was_withdrawn_while_it_was_sent_stays_so_and_is_known_as_sent(engine: Engine) -> None:
    one = notice(1)
    queue = put(engine, one)
    queue.lease({one.notice_id: [one.notice_id]}, NOW, NOW + MINUTE_US)
    escalation = Escalation(
        escalation_id=one.escalation_id,
        incident_id=one.incident_id,
        event_id=None,
        asset_id=AssetId("LY/1"),
        level=Priority.MAJOR,
        kind=one.kind,
        text="",
        began_at_us=NOW,
        ended_at_us=NOW,
        ended="acknowledged",
        ended_by="duty",
    )
    SqlRecords(engine).commit(Changes(escalations=[escalation]), 2)
    queue.settle([sent_now(one)])
    found = queue.notice(one.notice_id)
    assert found is not None
    assert (found.state, found.sent_at_us) == (NoticeState.WITHDRAWN, NOW)


def test_every_attempt_is_a_line_that_stays(engine: Engine) -> None:
    one = notice(1)
    queue = put(engine, one)
    refused = sent_now(
        one,
        state=NoticeState.QUEUED,
        what="refused",
        words="errcode 93000",
        next_try_us=NOW + SECOND_US,
    )
    queue.settle([refused])
    found = queue.notice(one.notice_id)
    assert found is not None
    assert (found.attempts, found.error, found.next_try_us) == (
        1,
        "errcode 93000",
        NOW + SECOND_US,
    )
    queue.settle([sent_now(one, at_us=NOW + 2)])
    assert [(e.what, e.by, e.words) for e in queue.entries_of(one.notice_id)] == [
        ("refused", "chat", "errcode 93000"),
        ("sent", "chat", ""),
    ]
    found = queue.notice(one.notice_id)
    assert found is not None
    assert (found.state, found.error, found.sent_at_us) == (NoticeState.SENT, "", NOW + 2)


def test_what_could_not_leave_in_time_has_failed(engine: Engine) -> None:
    one, other = notice(1, valid_until_us=NOW), notice(2, valid_until_us=NOW + 1)
    queue = put(engine, one, other)
    assert queue.expire(NOW) == 1
    assert [each.state.value for each in queue.of_incident(one.incident_id)] == ["failed"]
    assert queue.queued("chat", NOW) == [other]


@pytest.mark.parametrize(
    ("state", "only_from", "expected"),
    [
        pytest.param(NoticeState.DELIVERED, frozenset(), "delivered", id="reached"),
        pytest.param(
            NoticeState.QUEUED, frozenset({NoticeState.FAILED}), "sent", id="nothing-to-try-again"
        ),
    ],
)
def test_a_person_s_word_about_a_notice(
    engine: Engine, state: NoticeState, only_from: frozenset[NoticeState], expected: str
) -> None:
    one = notice(1)
    queue = put(engine, one)
    queue.settle([sent_now(one)])
    move = NoticeMove(
        notice_id=one.notice_id,
        at_us=NOW + 5,
        state=state,
        what="said",
        by="duty",
        words="在路上",
        only_from=only_from,
        valid_until_us=NOW + MINUTE_US,
    )
    for seq in (2, 2):  # repeated, it is one line
        SqlRecords(engine).commit(Changes(notice_moves=[move]), seq)
    found = queue.notice(one.notice_id)
    assert found is not None
    assert found.state.value == expected
    assert [(e.what, e.by, e.words) for e in queue.entries_of(one.notice_id)][1:] == [
        ("said", "duty", "在路上")
    ]


def test_who_was_not_reached_brings_the_next_step_forward(engine: Engine) -> None:
    clock, records = Clock(), SqlRecords(engine)
    works, changes = escalator(engine, clock), begun()
    records.commit(changes, 1)
    works.run_due()
    (escalation,) = changes.escalations
    move = NoticeMove(
        notice_id=UUID(int=3),
        at_us=NOW + 1,
        state=NoticeState.FAILED,
        what="not_reached",
        by="duty",
        hastens=(escalation.escalation_id, 1),
    )
    records.commit(Changes(notice_moves=[move]), 2)
    clock.now_us += 1
    assert works.run_due() == 1
    records.commit(Changes(notice_moves=[move]), 2)
    assert works.run_due() == 0, "repeated, it hastens nothing more"
    assert told(engine) == [("dd-j1", 0), ("yw-j1", 1)]


def test_the_console_finds_by_person_state_channel_and_place(engine: Engine) -> None:
    one, other = notice(1), notice(2, person="调度_值", person_id=PersonId("dd"), channel="sms")
    queue = put(engine, one, other)
    queue.settle([sent_now(one)])

    def found(**wanted: object) -> list[UUID]:
        return [each.notice_id for each in queue.find(NoticeFilter(**wanted))]  # type: ignore[arg-type]

    assert found() == [other.notice_id, one.notice_id]
    assert found(states=[NoticeState.SENT]) == [one.notice_id]
    assert found(channels=["sms"]) == [other.notice_id]
    assert found(person="度_") == [other.notice_id]
    assert found(asset_ids=[AssetId("LY/1")]) == [one.notice_id]
    assert found(incident_id=other.incident_id) == [other.notice_id]
    assert queue.waiting() == (1, NOW)


def test_the_key_of_links_is_one_for_all(store: RecordsStore, engine: Engine) -> None:
    other = store.engine()
    assert SqlNotices(engine).key() == SqlNotices(other).key()
    assert len(SqlNotices(engine).key()) == 32
    other.dispose()


def test_old_notices_go_with_all_that_belongs_to_them(engine: Engine) -> None:
    clock, records = Clock(), SqlRecords(engine)
    works, changes = escalator(engine, clock), begun()
    records.commit(changes, 1)
    works.run_due()
    (only,) = SqlNotices(engine).find(NoticeFilter())
    SqlNotices(engine).settle([sent_now(only)])
    long_after = NOW + 400 * 24 * 60 * MINUTE_US
    standing = begun(2)
    records.commit(standing, 2)
    records.commit(ended(changes, NOW + 1), 3)
    while delete_some(engine, Kept.INCIDENTS, long_after):
        pass
    assert SqlNotices(engine).count(NoticeFilter()) == 0
    assert not SqlNotices(engine).entries_of(only.notice_id)
    assert not SqlDeadlines(engine).states(str(changes.escalations[0].escalation_id))
    assert records.open_escalations() == standing.escalations, "what climbs stays"
