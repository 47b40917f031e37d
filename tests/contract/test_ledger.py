"""The sealed ledger: numbered without a gap, and one changed byte is found wherever it is."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from domain.changes import Changes
from domain.credit import Account, CreditEntry
from domain.ids import PersonId, ZoneId
from domain.responsibility import Reason
from domain.sealing import FIRST, canonical, seal_hash
from service.ledger import verify
from service.sealing import HEADS_NAME, Sealer, heads_of
from storage.engines import writing
from storage.ledger import SqlLedger
from storage.records import SqlRecords
from storage.tables import entries
from tests.support.records_stores import RecordsStore

UTC_ZONE = ZoneInfo("UTC")
NOW = 1_795_000_000_000_000


def entry(number: int, **changes: object) -> CreditEntry:
    made = CreditEntry(
        entry_id=uuid5(UUID(int=0), f"entry {number}"),
        account=Account.SAFETY,
        person_id=PersonId("yw-j1"),
        item_id="in-time",
        rule_version=3,
        points_hundredths=200,
        event_id=uuid5(UUID(int=0), f"event {number}"),
        review_id=uuid5(UUID(int=0), f"review {number}"),
        zone_id=ZoneId("z-ly"),
        effective_at_us=NOW + number,
        recorded_at_us=NOW + number,
        confirmed_by="safety",
        reasons=(Reason.of("said", words="巡视"),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def engine(store: RecordsStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    for name, value in store.settings().items():
        monkeypatch.setenv(name, value)
    made = store.engine()
    yield made
    made.dispose()


@pytest.fixture
def ledger(engine: Engine) -> SqlLedger:
    records = SqlRecords(engine)
    records.commit(Changes(entries=[entry(number) for number in range(5)]), 1)
    made = SqlLedger(engine)
    assert made.seal(NOW) == 5
    return made


def run(engine: Engine, statement: str) -> None:
    with writing(engine) as connection:
        connection.execute(text(statement))


def test_sealing_numbers_everything_once_and_the_chain_holds(ledger: SqlLedger) -> None:
    assert ledger.seal(NOW) == 0
    report = ledger.verify()
    assert (report.sealed, report.unsealed, report.broken) == (5, 0, ())
    head = ledger.head()
    assert head
    assert head.number == 5


def test_what_was_committed_and_not_sealed_before_a_crash_is_sealed_next(
    ledger: SqlLedger, engine: Engine
) -> None:
    SqlRecords(engine).commit(Changes(entries=[entry(9)]), 2)
    assert ledger.verify().unsealed == 1
    assert SqlLedger(engine).seal(NOW + 1) == 1
    assert ledger.verify().broken == ()


def test_an_entry_that_comes_again_is_the_same_entry(ledger: SqlLedger, engine: Engine) -> None:
    records = SqlRecords(engine)
    records.commit(Changes(entries=[entry(1)]), 2)
    records.commit(Changes(entries=[entry(1, points_hundredths=900)]), 3)  # ids are from facts
    other_id = replace(entry(1), entry_id=UUID(int=77))
    records.commit(Changes(entries=[other_id]), 4)  # same account, event, item and person
    assert len(records.entries_since(0)) == 5
    assert ledger.balances(PersonId("yw-j1"))[Account.SAFETY] == 1_000
    assert ledger.verify().broken == ()


def test_an_entry_is_corrected_once_and_the_balance_is_the_sum_of_entries(
    ledger: SqlLedger, engine: Engine
) -> None:
    records = SqlRecords(engine)
    original = entry(1)
    counter = entry(20, points_hundredths=-200, corrects=original.entry_id)
    twice = entry(21, points_hundredths=-200, corrects=original.entry_id)
    records.commit(Changes(entries=[counter]), 2)
    records.commit(Changes(entries=[twice]), 3)
    assert len(records.entries_since(0)) == 6
    assert ledger.balances(PersonId("yw-j1"))[Account.SAFETY] == 800


def test_what_is_in_shadow_counts_nothing(ledger: SqlLedger, engine: Engine) -> None:
    SqlRecords(engine).commit(Changes(entries=[entry(30, shadow=True)]), 2)
    assert ledger.balances(PersonId("yw-j1"))[Account.SAFETY] == 1_000


CHANGED = {
    "account": "'party'",
    "person_id": "'yw-j2'",
    "item_id": "'in-tima'",
    "rule_version": "4",
    "points_hundredths": "201",
    "event_id": "'00000000000000000000000000000001'",
    "review_id": "'00000000000000000000000000000001'",
    "zone_id": "NULL",
    "effective_at_us": "effective_at_us + 1",
    "recorded_at_us": "recorded_at_us + 1",
    "confirmed_by": "'safetz'",
    "reasons": "replace(reasons, '巡视', '巡査')",
    "corrects": "'00000000000000000000000000000002'",
    "shadow": "true",
    "entry_id": "'00000000000000000000000000000003'",
}


@pytest.mark.parametrize("column", CHANGED)
def test_one_changed_field_of_an_entry_is_found(
    ledger: SqlLedger, engine: Engine, column: str
) -> None:
    which = f"entry_id = '{entry(2).entry_id.hex}'"
    run(engine, f"update entries set {column} = {CHANGED[column]} where {which}")
    assert any("seal 3" in place for place in ledger.verify().broken)


def test_every_column_of_an_entry_is_covered() -> None:
    assert CHANGED.keys() == {column.name for column in entries.c}


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update seals set hash = replace(hash, substr(hash, 1, 1), 'x') where number = 3", "seal"),
        ("update seals set previous = hash where number = 3", "seal 3"),
        ("delete from seals where number = 3", "seal 3 is missing"),
        ("delete from seals where number = 5", None),
        ("update seals set number = 9 where number = 5", "seal 5 is missing"),
        (
            "delete from entries where rule_version = 3 and effective_at_us = 1795000000000002",
            "gone",
        ),
        (
            "update entries set reasons = '{' where effective_at_us = 1795000000000002",
            "cannot be read",
        ),
    ],
)
def test_what_was_done_to_the_chain_is_found(
    ledger: SqlLedger, engine: Engine, data: Path, statement: str, said: str | None
) -> None:
    sealer = Sealer(ledger, data / HEADS_NAME, UTC_ZONE, lambda: NOW)
    sealer.seal()
    run(engine, statement)
    broken = verify(data).broken
    assert broken
    if said is not None:
        assert any(said in place for place in broken)
    else:
        # the last seal can be cut off without a trace in the chain: the head outside tells
        assert ledger.verify().broken == ()
        assert HEADS_NAME in broken[0]


def test_two_seals_cannot_change_places(ledger: SqlLedger, engine: Engine) -> None:
    one, two = entry(1).entry_id.hex, entry(2).entry_id.hex
    run(engine, f"update seals set entry_id = '{UUID(int=1).hex}' where number = 2")
    run(engine, f"update seals set entry_id = '{one}' where number = 3")
    run(engine, f"update seals set entry_id = '{two}' where number = 2")
    assert len(ledger.verify().broken) >= 2


def test_the_head_goes_outside_once_for_each_change(ledger: SqlLedger, data: Path) -> None:
    sealer = Sealer(ledger, data / HEADS_NAME, UTC_ZONE, lambda: NOW)
    sealer.seal()
    sealer.seal()
    (line,) = heads_of(data / HEADS_NAME)
    head = ledger.head()
    assert head
    assert (line["number"], line["hash"]) == (5, head.hash)
    assert verify(data).broken == ()


def test_a_half_written_head_is_passed_over(ledger: SqlLedger, data: Path) -> None:
    (data / HEADS_NAME).write_text('{"day": "2026-11-2')
    assert heads_of(data / HEADS_NAME) == []


def test_the_hash_is_that_of_its_definition() -> None:
    """A change of this vector would break every ledger that was ever sealed."""
    assert canonical(entry(0)).count(b"\x1f") == 17
    assert (
        seal_hash(FIRST, 1, entry(0))
        == "9788109e1159aeafe1a8c2883aa976c7100c3af1c665888ed45b4acae8635faa"
    )
