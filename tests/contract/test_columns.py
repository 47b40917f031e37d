"""Rows that are written by columns read as they would have been written one by one, in both databases."""

from collections.abc import Iterator
from dataclasses import replace
from math import nan
from uuid import UUID

import pytest
from sqlalchemy import Engine, select

from domain.alarms import Alarm
from domain.changes import Changes
from storage.bulk import write_columns
from storage.engines import reading, writing
from storage.inserts import insert, newest
from storage.records import SqlRecords
from storage.tables import applied, events
from tests.support.alarms import alarm
from tests.support.records_stores import RecordsStore


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine(busy_ms=5_000)
    yield made
    made.dispose()


def test_what_no_store_takes_is_written_as_every_store_reads_it(engine: Engine) -> None:
    """One odd text among many spoils neither its column nor its commit."""
    texts = ["油温", "a\0b", "\ud800", "two\nlines", ""]
    raised = [
        replace(alarm(), event_id=UUID(int=number), signal=text, value=nan if number else 1.5)
        for number, text in enumerate(texts)
    ]
    SqlRecords(engine).commit(Changes(events=list(raised)), 1)
    query = select(events.c.event_id, events.c.signal, events.c.value).order_by(events.c.event_id)
    with reading(engine) as connection:
        found = connection.execute(query).all()
    assert [row.event_id for row in found] == [each.event_id for each in raised]
    assert [row.signal for row in found] == ["油温", "a\\x00b", "\\ud800", "two\nlines", ""]
    assert [row.value for row in found] == [1.5, None, None, None, None]


def test_ids_that_some_rows_lack_and_words_of_a_kind_are_kept(engine: Engine) -> None:
    one = Alarm.of(alarm())
    other = replace(one, event_id=UUID(int=2), incident_id=UUID(int=3), acknowledged_by="duty")
    records = SqlRecords(engine)
    records.commit(Changes(alarms=[one, other]), 1)
    assert sorted(records.open_alarms(), key=lambda each: each.event_id.int) == sorted(
        [one, other], key=lambda each: each.event_id.int
    )


def test_an_older_version_never_replaces_a_newer_one(engine: Engine) -> None:
    newer = replace(Alarm.of(alarm()), version=2, chattering=True)
    records = SqlRecords(engine)
    records.commit(Changes(alarms=[newer]), 1)
    records.commit(Changes(alarms=[replace(newer, version=1, chattering=False)]), 2)
    assert records.open_alarms() == [newer]


def test_what_the_statement_says_itself_need_not_be_among_the_columns(engine: Engine) -> None:
    dialect = engine.dialect.name
    statement = insert(dialect, applied).values(seq=7).on_conflict_do_nothing()
    with writing(engine) as connection:
        write_columns(connection, statement, {"projection": ["a", "b"]})
        found = connection.execute(select(applied.c.projection, applied.c.seq)).all()
    assert sorted(tuple(row) for row in found) == [("a", 7), ("b", 7)]


def test_columns_of_unequal_length_are_a_mistake(engine: Engine) -> None:
    statement = newest(engine.dialect.name, applied, "projection", "seq")
    with writing(engine) as connection, pytest.raises(ValueError, match="shorter"):
        write_columns(connection, statement, {"projection": ["a", "b"], "seq": [1]})
