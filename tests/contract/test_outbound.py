"""What waits for Kafka, and the key of our own records there: the same in both databases."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from domain.changes import Changes
from domain.outbound import Outbound, Outlet
from domain.ports import StaleOwner
from storage.outbound import OutboundQueue
from storage.ownership import Owners
from storage.records import SqlRecords
from tests.support.records_stores import RecordsStore


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine()
    yield made
    made.dispose()


def out(name: str, key: str = "k", value: bytes = b"\x00\xff") -> Outbound:
    return Outbound(
        outbound_id=name,
        outlet=Outlet.EVENTS,
        key=key,
        at_us=7,
        headers={"ce_id": name},
        value=value,
    )


def test_what_is_recorded_waits_in_order_until_it_is_sent(engine: Engine) -> None:
    epoch = Owners(engine).claim(2, "w", 1)
    records, queue = SqlRecords(engine, partition=2, epoch=epoch), OutboundQueue(engine)
    records.commit(Changes(outbound=[out("a"), out("b", value=b"")]), 1)
    records.commit(Changes(outbound=[out("c", key="变\x00电")]), 2)

    waiting = queue.waiting(2)
    assert [each.item.outbound_id for each in waiting] == ["a", "b", "c"]
    assert waiting[0].item == out("a")
    assert queue.waiting(2, at_most=1)[0].item.outbound_id == "a"
    assert queue.waiting(1) == []
    assert queue.depth() == (3, 7)

    queue.sent([each.number for each in waiting[:2]])
    assert [each.item.outbound_id for each in queue.waiting(2)] == ["c"]


def test_a_repetition_adds_nothing_and_a_stale_owner_writes_nothing(engine: Engine) -> None:
    owners, queue = Owners(engine), OutboundQueue(engine)
    epoch = owners.claim(0, "one", 1)
    records = SqlRecords(engine, partition=0, epoch=epoch)
    records.commit(Changes(outbound=[out("a")]), 1)
    records.commit(Changes(outbound=[out("a")]), 1)
    owners.claim(0, "two", 2)
    with pytest.raises(StaleOwner):
        records.commit(Changes(outbound=[out("late")]), 2)
    assert [each.item.outbound_id for each in queue.waiting(0)] == ["a"]


def test_the_key_of_our_records_is_made_once(engine: Engine) -> None:
    first, again = Owners(engine).key(), Owners(engine).key()
    assert first == again
    assert len(first) == 32
