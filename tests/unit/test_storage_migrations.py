"""The migrations make the schema of storage.tables, and take it back."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

import storage.migrations
from domain.changes import Changes
from domain.ports import StorageUnavailable
from storage.engines import reading, sqlite_engine, writing
from storage.migrate import UnknownRevision, downgrade, is_current, revision, upgrade
from storage.records import SqlRecords
from storage.tables import REVISION, metadata
from tests.contract.test_records import _alarm, _incident
from tests.support.records_stores import PostgresAt


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = sqlite_engine(tmp_path / "50% full" / "records.db")
    else:
        at: PostgresAt = request.getfixturevalue("empty_postgres")
        made = at.engine()
    yield made
    made.dispose()


def _tables(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_migrated_tables_are_those_of_the_code(engine: Engine) -> None:
    upgrade(engine)
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert _tables(engine) >= {"events", "outbox", "points"}
    assert is_current(engine)


def test_the_code_names_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(Path(storage.migrations.__file__).parent))
    assert scripts.get_heads() == [REVISION]


def test_records_of_another_release_are_not_current(engine: Engine) -> None:
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("update alembic_version set version_num = '0000'"))
    assert not is_current(engine)


def test_an_empty_file_is_not_current(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    path.touch()
    engine = sqlite_engine(path)
    assert not is_current(engine)
    engine.dispose()


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    upgrade(engine)
    before = _tables(engine)
    upgrade(engine, create=False)
    assert _tables(engine) == before


def test_the_way_down_leaves_nothing_and_the_way_up_works_again(engine: Engine) -> None:
    upgrade(engine)
    downgrade(engine)
    assert _tables(engine) == set()
    assert not is_current(engine)
    upgrade(engine)
    assert is_current(engine)


def test_each_step_up_and_down_keeps_what_stands_in_the_records(engine: Engine) -> None:
    """Down to the first release and up again: incidents go through another form in between."""
    upgrade(engine)
    SqlRecords(engine).commit(
        Changes(
            events=[_alarm(1)], incidents=[_incident(9)], memberships={UUID(int=1): UUID(int=9)}
        ),
        7,
    )
    for target in ("0002", "0001"):
        downgrade(engine, target)
        assert revision(engine) == target
    assert not _tables(engine) & {"owners", "deadlines", "reviews"}
    with reading(engine) as connection:
        responsible = connection.scalar(text("select responsible from incidents"))
    assert responsible == "变电运维班 值班长"
    upgrade(engine)
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    records = SqlRecords(engine)
    (incident,) = records.open_incidents()
    assert incident.answer.acting is not None
    assert incident.answer.acting.name == "变电运维班 值班长"
    assert records.standing_events() == [_alarm(1)]
    assert records.applied_seq() == 7


def test_a_revision_that_does_not_exist_is_refused(engine: Engine) -> None:
    upgrade(engine)
    with pytest.raises(UnknownRevision, match="there are base, 0001, 0002"):
        downgrade(engine, "9999")
    assert is_current(engine)


def test_a_missing_file_is_made_only_where_that_is_wanted(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "records.db")
    with pytest.raises(StorageUnavailable, match="is gone"):
        upgrade(engine, create=False)
    with pytest.raises(StorageUnavailable, match="is gone"):
        is_current(engine)
