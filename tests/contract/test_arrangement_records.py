"""What was arranged is read back as it was, in its newest version, by core and by other workers."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine, select

from domain.changes import Changes
from domain.requests import Handled, TakeLeave
from storage.console_reads import ConsoleReads
from storage.records import SqlRecords
from storage.retention import Kept, delete_some
from storage.tables import audit
from tests.support.arrangements import ONE_OF_EACH
from tests.support.people import C1
from tests.support.records_stores import RecordsStore


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine(busy_ms=5_000)
    yield made
    made.dispose()


@pytest.fixture
def records(engine: Engine) -> SqlRecords:
    found = SqlRecords(engine)
    found.commit(Changes(arrangements=list(ONE_OF_EACH)), 1)
    return found


def test_each_kind_is_read_back_as_it_was(records: SqlRecords, engine: Engine) -> None:
    assert ConsoleReads(engine).arrangements() == list(ONE_OF_EACH)
    assert records.paper_since(0, but_not_of=None)[1].arrangements == list(ONE_OF_EACH)


def test_core_begins_with_those_that_are_not_over(records: SqlRecords) -> None:
    def numbers(since_us: int) -> list[int]:
        return [each.arrangement_id.int for each in records.arrangements(since_us)]

    assert numbers(0) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert numbers(1) == [1, 3, 4, 5, 6, 7, 8]
    assert numbers(2) == [1, 3, 8]
    assert numbers(5) == [1, 3]


def test_the_newest_version_wins_and_what_was_rejected_is_not_begun_with(
    records: SqlRecords, engine: Engine
) -> None:
    swap = ONE_OF_EACH[2]
    records.commit(Changes(arrangements=[swap.rejected()]), 2)
    records.commit(Changes(arrangements=[swap]), 3)
    assert swap.arrangement_id not in [each.arrangement_id for each in records.arrangements(0)]
    assert ConsoleReads(engine).arrangements()[2] == swap.rejected()


def test_why_somebody_is_away_is_in_no_audit(records: SqlRecords, engine: Engine) -> None:
    asked = TakeLeave(person_id=C1, from_us=1, until_us=2, private="家事")
    handled = Handled(
        request_id=UUID(int=5), at_us=1, actor="chief", request=asked, done=True, subject="x"
    )
    records.commit(Changes(handled=[handled]), 2)
    with engine.connect() as connection:
        told = " ".join(connection.execute(select(audit.c.request)).scalars())
    assert C1 in told
    assert "家事" not in told


def test_why_somebody_was_away_is_erased_after_its_time_and_that_he_was_is_not(
    records: SqlRecords, engine: Engine
) -> None:
    leave = ONE_OF_EACH[0]
    assert delete_some(engine, Kept.LEAVE_REASONS, leave.until_us or 0) == 0, "not before its end"
    assert delete_some(engine, Kept.LEAVE_REASONS, (leave.until_us or 0) + 1) == 1
    assert ConsoleReads(engine).arrangements() == [replace(leave, private=""), *ONE_OF_EACH[1:]]
    assert delete_some(engine, Kept.LEAVE_REASONS, (leave.until_us or 0) + 1) == 0
    records.commit(
        Changes(arrangements=[leave]), 2
    )  # a commit that is repeated brings nothing back
    assert ConsoleReads(engine).arrangements()[0].private == ""
