"""The migrations make the schema of storage.tables, and take it back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

import storage.migrations
from domain.ports import StorageUnavailable
from storage.engines import reading, sqlite_engine, writing
from storage.migrate import downgrade, is_current, upgrade
from storage.tables import REVISION, metadata


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = sqlite_engine(tmp_path / "50% full" / "records.db")
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


def test_a_missing_file_is_made_only_where_that_is_wanted(engine: Engine) -> None:
    with pytest.raises(StorageUnavailable, match="is gone"):
        upgrade(engine, create=False)
    with pytest.raises(StorageUnavailable, match="is gone"):
        is_current(engine)
