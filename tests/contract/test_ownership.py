"""One owner per partition: what an owner of before decides is not recorded, in each database."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from domain.changes import Changes
from domain.ids import PointKey
from domain.paperwork import Role, User
from domain.ports import StaleOwner, StorageUnavailable
from storage.engines import writing
from storage.ledger import SqlLedger
from storage.ownership import Owner, Owners, PartitionsChanged, expect_owner
from storage.records import SqlRecords
from tests.contract.test_ledger import entry
from tests.contract.test_records import _letter
from tests.support.records_stores import RecordsStore


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine(busy_ms=5_000)
    yield made
    made.dispose()


def _user(name: str) -> User:
    return User(name=name, password="scrypt", roles=frozenset({Role.VIEWER}))


def test_each_claim_raises_the_epoch(engine: Engine) -> None:
    owners = Owners(engine)
    assert owners.owner(3) is None
    assert [owners.claim(3, "a", 10), owners.claim(3, "b", 20), owners.claim(4, "a", 30)] == [
        1,
        2,
        1,
    ]
    assert owners.owner(3) == Owner(partition=3, epoch=2, worker="b", claimed_at_us=20)
    assert [each.partition for each in owners.owners()] == [3, 4]


def test_claims_at_the_same_moment_give_different_epochs(store: RecordsStore) -> None:
    epochs: list[int] = []

    def claim(worker: str) -> None:
        engine = store.engine(busy_ms=5_000)
        epochs.append(Owners(engine).claim(0, worker, 1))
        engine.dispose()

    threads = [threading.Thread(target=claim, args=(f"w{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(epochs) == list(range(1, 9))


def test_each_partition_has_its_own_applied_number(engine: Engine) -> None:
    owners = Owners(engine)
    parts = [SqlRecords(engine, partition=p, epoch=owners.claim(p, "a", 1)) for p in (0, 1)]
    parts[0].commit(Changes(), 50)
    parts[1].commit(Changes(), 7)
    assert [each.applied_seq() for each in parts] == [50, 7]
    assert SqlRecords(engine).applied_seq() == 0


def test_what_the_owner_of_before_decides_is_rolled_back(engine: Engine) -> None:
    owners = Owners(engine)
    before = SqlRecords(engine, partition=0, epoch=owners.claim(0, "a", 1))
    before.commit(Changes(users=[_user("first")]), 5)
    now = SqlRecords(engine, partition=0, epoch=owners.claim(0, "b", 2))
    with pytest.raises(StaleOwner, match="partition 0 is of epoch 2 and was ours in epoch 1"):
        before.commit(Changes(users=[_user("late")]), 6)
    assert now.applied_seq() == 5
    assert [user.name for user in now.users()] == ["first"]
    now.commit(Changes(users=[_user("second")]), 6)
    assert len(now.users()) == 2


def test_without_any_claim_nothing_is_ours(engine: Engine) -> None:
    with pytest.raises(StaleOwner):
        SqlRecords(engine, partition=2, epoch=1).commit(Changes(), 1)
    assert not issubclass(StaleOwner, StorageUnavailable)


def test_a_claim_waits_for_the_commit_of_the_owner_of_before(store: RecordsStore) -> None:
    engine, other = store.engine(busy_ms=10_000), store.engine(busy_ms=10_000)
    epoch = Owners(engine).claim(0, "a", 1)
    claimed = threading.Event()

    def claim() -> None:
        Owners(other).claim(0, "b", 2)
        claimed.set()

    claimer = threading.Thread(target=claim)
    with writing(engine) as connection:
        expect_owner(connection, 0, epoch)
        claimer.start()
        assert not claimed.wait(0.3)
    claimer.join(20)
    assert claimed.is_set()
    engine.dispose()
    other.dispose()


def test_the_number_of_partitions_holds_for_good(engine: Engine) -> None:
    owners = Owners(engine)
    owners.expect_partitions(12)
    owners.expect_partitions(12)
    with pytest.raises(PartitionsChanged, match="has 6 partitions and had 12"):
        owners.expect_partitions(6)


def test_two_workers_give_a_new_point_one_number(store: RecordsStore) -> None:
    keys = [PointKey(f"p{number}") for number in range(200)]
    found: list[dict[PointKey, int]] = []

    def number() -> None:
        engine = store.engine(busy_ms=5_000)
        found.append(SqlRecords(engine).point_numbers(keys))
        engine.dispose()

    threads = [threading.Thread(target=number) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 4
    assert all(each == found[0] for each in found)
    assert len(set(found[0].values())) == 200


def test_two_sealers_make_one_chain(store: RecordsStore) -> None:
    engine = store.engine(busy_ms=5_000)
    SqlRecords(engine).commit(Changes(entries=[entry(number) for number in range(40)]), 1)

    def seal() -> None:
        own = store.engine(busy_ms=5_000)
        SqlLedger(own).seal(1)
        own.dispose()

    threads = [threading.Thread(target=seal) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    report = SqlLedger(engine).verify()
    assert (report.sealed, report.unsealed, report.broken) == (40, 0, ())
    engine.dispose()


def test_workers_that_write_the_same_rows_do_not_stop_each_other(store: RecordsStore) -> None:
    """Counts of dead letters and users are everybody's; each commit takes them in one order."""
    each, workers = 15, 4
    failures: list[BaseException] = []

    def work(partition: int) -> None:
        engine = store.engine(busy_ms=30_000)
        try:
            epoch = Owners(engine).claim(partition, f"w{partition}", 1)
            records = SqlRecords(engine, partition=partition, epoch=epoch)
            for seq in range(1, each + 1):
                reasons = ["malformed_json", "too_large", "unknown_point"]
                names = [f"u{number}" for number in range(6)]
                if partition % 2:
                    reasons, names = reasons[::-1], names[::-1]
                letters = [_letter(None, reason=reason) for reason in reasons]
                users = [replace(_user(name), version=seq) for name in names]
                records.commit(Changes(users=users, dead_letters=letters), seq)
        except BaseException as error:
            failures.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    engine = store.engine()
    counts = SqlRecords(engine).dead_letter_counts()
    assert set(counts.values()) == {each * workers}
    assert len(counts) == 3
    engine.dispose()
