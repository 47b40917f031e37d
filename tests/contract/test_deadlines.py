"""Deadlines are handed out once, and come back when the worker that took them is gone."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from sqlalchemy import Engine

from domain.assets import Priority
from domain.changes import Changes
from domain.commands import DeviceCommand, OutboxItem
from domain.deadlines import Deadline
from domain.ids import DeviceId
from domain.ports import StorageUnavailable
from storage.deadlines import SqlDeadlines
from storage.records import SqlRecords
from tests.support.records_stores import RecordsStore

NOW = 1_000_000


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine(busy_ms=5_000)
    yield made
    made.dispose()


@pytest.fixture
def deadlines(engine: Engine) -> SqlDeadlines:
    return SqlDeadlines(engine)


def _deadline(
    subject: str, step: int = 1, due_at_us: int = NOW, partition: int | None = None
) -> Deadline:
    return Deadline(
        deadline_id=uuid5(UUID(int=0), f"{subject} {step}"),
        kind="acknowledge",
        subject=subject,
        step=step,
        due_at_us=due_at_us,
        partition=partition,
    )


def _taken(deadlines: SqlDeadlines, now_us: int = NOW, limit: int = 100) -> list[Deadline]:
    with deadlines.claim_due(now_us, limit, "w") as claimed:
        return list(claimed.due)


def test_what_is_due_is_handed_out_once_the_earliest_first(deadlines: SqlDeadlines) -> None:
    early, late, later = (_deadline(s, due_at_us=NOW - n) for n, s in enumerate("cba"))
    deadlines.put([early, late, later, _deadline("not yet", due_at_us=NOW + 1)])
    assert _taken(deadlines) == [later, late, early]
    assert _taken(deadlines) == []
    assert [each.subject for each in deadlines.waiting()] == ["not yet"]


def test_putting_again_changes_nothing(deadlines: SqlDeadlines) -> None:
    deadlines.put([_deadline("a")])
    assert _taken(deadlines)
    deadlines.put([_deadline("a")])
    assert _taken(deadlines) == []
    assert deadlines.states("a") == {1: "done"}


def test_a_subject_is_cancelled_with_all_its_steps(deadlines: SqlDeadlines) -> None:
    deadlines.put([_deadline("a", step) for step in (1, 2, 3)] + [_deadline("b")])
    assert deadlines.cancel("a", NOW) == 3
    assert deadlines.cancel("a", NOW) == 0
    assert [each.subject for each in _taken(deadlines)] == ["b"]
    assert set(deadlines.states("a").values()) == {"cancelled"}


def test_after_downtime_only_the_highest_due_step_is_handed_out(deadlines: SqlDeadlines) -> None:
    deadlines.put([_deadline("a", step, due_at_us=step) for step in (1, 2, 3)])
    deadlines.put([_deadline("a", 4, due_at_us=NOW + 1), _deadline("b", 1)])
    assert [(each.subject, each.step) for each in _taken(deadlines)] == [("a", 3), ("b", 1)]
    assert deadlines.states("a") == {1: "overtaken", 2: "overtaken", 3: "done", 4: "waiting"}
    assert [each.step for each in _taken(deadlines, NOW + 1)] == [4]


def test_a_limit_leaves_the_rest_for_the_next(deadlines: SqlDeadlines) -> None:
    deadlines.put([_deadline(str(number), due_at_us=number) for number in range(5)])
    assert [each.subject for each in _taken(deadlines, limit=3)] == ["0", "1", "2"]
    assert [each.subject for each in _taken(deadlines, limit=3)] == ["3", "4"]


def test_only_those_of_the_partitions_that_are_asked_for(deadlines: SqlDeadlines) -> None:
    deadlines.put([_deadline("a", partition=1), _deadline("b", partition=2)])
    with deadlines.claim_due(NOW, 10, "w", partitions=[2]) as claimed:
        assert [each.subject for each in claimed.due] == ["b"]


def test_what_follows_stands_in_the_same_commit(engine: Engine, deadlines: SqlDeadlines) -> None:
    command = DeviceCommand(
        command_id=UUID(int=5),
        event_id=UUID(int=1),
        device_id=DeviceId("siren"),
        action="sound",
        text="",
        priority=Priority.URGENT,
        created_at_us=NOW,
        valid_until_us=NOW + 60,
        max_on_s=60,
    )
    deadlines.put([_deadline("a")])
    with deadlines.claim_due(NOW, 10, "w") as claimed:
        claimed.write(Changes(outbox=[OutboxItem.of(command)]))
        claimed.put([_deadline("a", 2, NOW + 1)])
    assert SqlRecords(engine).unsent_outbox() == [OutboxItem.of(command)]
    assert deadlines.states("a") == {1: "done", 2: "waiting"}


def test_a_worker_that_fails_gives_them_back_with_all_it_wrote(
    engine: Engine, deadlines: SqlDeadlines
) -> None:
    deadlines.put([_deadline("a", 1, due_at_us=1), _deadline("a", 2)])

    def work() -> None:
        with deadlines.claim_due(NOW, 10, "w") as claimed:
            claimed.put([_deadline("a", 3)])
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        work()
    assert deadlines.states("a") == {1: "waiting", 2: "waiting"}
    assert [each.step for each in _taken(deadlines)] == [2]


def test_two_workers_share_a_thousand_and_a_third_dies_in_the_middle(store: RecordsStore) -> None:
    engine = store.engine(busy_ms=20_000)
    deadlines = SqlDeadlines(engine)
    deadlines.put([_deadline(str(number)) for number in range(1_000)])
    victim = _holding_process(store)
    taken: Counter[str] = Counter()

    def work(name: str) -> None:
        own = store.engine(busy_ms=20_000)
        while True:
            try:
                with SqlDeadlines(own).claim_due(NOW, 20, name) as claimed:
                    found = [each.subject for each in claimed.due]
            except StorageUnavailable:
                continue  # SQLite has one writer, and the victim is it
            taken.update(found)
            if not found and victim.poll() is not None:
                break
        own.dispose()

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        if store.is_postgres:
            _until(lambda: taken.total() == 900)  # they passed over what the victim holds
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait(30)
    for thread in threads:
        thread.join(60)
    engine.dispose()
    assert taken == Counter(str(number) for number in range(1_000))


def _holding_process(store: RecordsStore) -> "subprocess.Popen[bytes]":
    """Claims a hundred and never commits."""
    environment = dict(os.environ)
    arguments = [str(store.path)]
    if store.postgres:
        arguments = [store.postgres.url]
        environment["GRIDWARDEN_TEST_PASSWORD"] = store.postgres.password or ""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.deadline_holder", *arguments],
        stdout=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    with process.stdout as out:
        assert out.readline() == b"100\n"
    return process


def _until(claim: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
