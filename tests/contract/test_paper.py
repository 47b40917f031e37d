"""The feed of paper: a worker learns what another one decided, in order, and skips nothing."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine

from domain.changes import Changes
from domain.ids import AssetId
from domain.paperwork import Role, Tag, TagKind, User
from storage.ownership import Owners
from storage.paper import KEPT_US
from storage.records import SqlRecords
from tests.contract.test_ledger import entry
from tests.support.records_stores import RecordsStore

NOW = 1_795_000_000_000_000


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine(busy_ms=5_000)
    yield made
    made.dispose()


def _worker(engine: Engine, partition: int, now_us: int = NOW) -> SqlRecords:
    epoch = Owners(engine).claim(partition, f"w{partition}", now_us)
    return SqlRecords(engine, partition=partition, epoch=epoch, clock=lambda: now_us)


def _user(name: str, version: int = 1) -> User:
    return User(name=name, password="scrypt", roles=frozenset({Role.VIEWER}), version=version)


def _tag(number: int) -> Tag:
    return Tag(
        tag_id=UUID(int=number),
        kind=TagKind.MAINTENANCE,
        asset_id=AssetId("1T"),
        note="",
        hung_by="zl",
        hung_at_us=NOW,
    )


def test_the_others_learn_it_and_the_decider_does_not_hear_himself(engine: Engine) -> None:
    one, two = _worker(engine, 1), _worker(engine, 2)
    one.commit(Changes(users=[_user("a")], tags=[_tag(1)], entries=[entry(1)]), 1)
    number, heard = two.paper_since(0, but_not_of=2)
    assert number == two.paper_number() == 3
    assert (heard.users, heard.tags, heard.entries) == ([_user("a")], [_tag(1)], [entry(1)])
    assert one.paper_since(0, but_not_of=1) == (3, Changes())
    assert two.paper_since(number, but_not_of=2) == (3, Changes())


def test_what_has_no_paper_in_it_leaves_no_trace(engine: Engine) -> None:
    one = _worker(engine, 1)
    one.commit(Changes(), 9)
    assert one.paper_number() == 0


def test_things_come_as_they_stand_now_and_once(engine: Engine) -> None:
    one = _worker(engine, 1)
    one.commit(Changes(users=[_user("a")]), 1)
    one.commit(Changes(users=[_user("b")]), 2)
    one.commit(Changes(users=[_user("a", version=2)]), 3)
    number, heard = one.paper_since(0, but_not_of=None)
    assert heard.users == [_user("b"), _user("a", version=2)]
    assert one.paper_since(number - 1, but_not_of=7)[1].users == [_user("a", version=2)]


def test_a_bounded_look_goes_on_where_it_stopped(engine: Engine) -> None:
    one = _worker(engine, 1)
    one.commit(Changes(users=[_user(name) for name in "abcde"]), 1)
    number, heard = one.paper_since(0, but_not_of=None, limit=2)
    rest, later = one.paper_since(number, but_not_of=None, limit=10)
    assert [user.name for user in heard.users + later.users] == list("abcde")
    assert rest == 5


def test_a_core_without_partitions_is_heard_by_all(engine: Engine) -> None:
    SqlRecords(engine).commit(Changes(users=[_user("a")]), 1)
    assert _worker(engine, 1).paper_since(0, but_not_of=1)[1].users == [_user("a")]


def test_an_entry_that_another_one_forestalled_is_not_told(engine: Engine) -> None:
    one, two = _worker(engine, 1), _worker(engine, 2)
    one.commit(Changes(entries=[entry(1)]), 1)
    two.commit(Changes(entries=[replace(entry(1), entry_id=UUID(int=77))]), 1)
    assert two.paper_since(0, but_not_of=None)[1].entries == [entry(1)]


def test_old_changes_go(engine: Engine) -> None:
    _worker(engine, 1).commit(Changes(users=[_user("a")]), 1)
    later = _worker(engine, 1, NOW + KEPT_US + 1)
    later.commit(Changes(users=[_user("b")]), 2)
    assert later.paper_since(0, but_not_of=None)[1].users == [_user("b")]
    assert later.paper_number() == 2


def test_a_reader_beside_writers_skips_nothing(store: RecordsStore) -> None:
    """Numbers of a sequence are given before their transaction is visible: without turns one is missed."""
    each, writers = 15, 4

    def write(partition: int) -> None:
        engine = store.engine(busy_ms=20_000)
        worker = _worker(engine, partition)
        for number in range(each):
            worker.commit(Changes(users=[_user(f"{partition}-{number}")]), number + 1)
        engine.dispose()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    engine = store.engine(busy_ms=20_000)
    reader = SqlRecords(engine)
    seen, number = set[str](), 0
    while True:
        over = not any(thread.is_alive() for thread in threads)
        number, heard = reader.paper_since(number, but_not_of=None)
        seen |= {user.name for user in heard.users}
        if over:
            break
    engine.dispose()
    assert seen == {f"{p}-{number}" for p in range(writers) for number in range(each)}
