"""The records' schema: how it is made and brought up to this release.

Alembic is imported only when there is something to migrate: a start after a fault has no time for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select, text

from domain.ports import StorageUnavailable
from storage.engines import Turn, file_of, is_server, reading, take_turn, writing
from storage.files import sync_folder
from storage.tables import REVISION

if TYPE_CHECKING:
    from alembic.config import Config


class UnknownRevision(ValueError):
    """No migration of this release is named so, or it does not lie behind."""


_SCRIPTS: Final = Path(__file__).parent / "migrations"
# alembic's own table, where it notes how far it came
_VERSION: Final = Table("alembic_version", MetaData(), Column("version_num", String(32)))


_LOCK_WAIT_S: Final = 120  # for another process of ours that migrates


def upgrade(engine: Engine, *, create: bool = True) -> None:
    """Brings the schema up to this release. `create=False` refuses to begin an empty database where the
    file is missing or the server's one has no tables. Raises StorageUnavailable."""
    path = file_of(engine)
    if path is not None and create:
        _make_file(path)
    found = revision(engine)
    if found == REVISION:
        return
    if found is None and not create and is_server(engine):
        raise StorageUnavailable(
            f"the records database {engine.url.database} is empty, though records were kept before: bring"
            " it back from a backup, correct GRIDWARDEN_RECORDS__URL, or begin with a new data folder"
        )
    with _migrating(engine) as connection:
        from alembic import command

        command.upgrade(_config(connection), "head")


def downgrade(engine: Engine, to: str = "base") -> None:
    """Raises StorageUnavailable, UnknownRevision."""
    expect_revision(to)
    current = revision(engine)
    order = ["base", *revisions()]
    if current is None or order.index(to) > order.index(current):
        raise UnknownRevision(f"the records are at {current or 'base'}: {to} is no way down")
    with _migrating(engine) as connection:
        from alembic import command

        command.downgrade(_config(connection), to)


def expect_revision(name: str) -> None:
    """Raises UnknownRevision."""
    if name != "base" and name not in revisions():
        known = ", ".join(revisions())
        raise UnknownRevision(f"no revision is named {name!r}; there are base, {known}")


def revisions() -> list[str]:
    """Of this release, the oldest first."""
    from alembic.script import ScriptDirectory

    return [each.revision for each in ScriptDirectory(str(_SCRIPTS)).walk_revisions()][::-1]


def revision(engine: Engine) -> str | None:
    """How far the schema is; None where there is none. Raises StorageUnavailable."""
    with reading(engine) as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return None
        return connection.scalar(select(_VERSION.c.version_num))


def is_current(engine: Engine) -> bool:
    """Whether the schema is that of this release. Raises StorageUnavailable."""
    return revision(engine) == REVISION


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """One process after the other: the second one finds the work done. All or nothing in both databases."""
    with writing(engine) as connection:
        if is_server(engine):
            _expect_usable(connection)
            _be_patient(connection)
            take_turn(connection, Turn.MIGRATE)
        yield connection


def _be_patient(connection: Connection) -> None:
    """A large table takes its time."""
    from storage.postgres import BoundedConnection

    connection.execute(text("set local statement_timeout = 0"))
    connection.execute(text(f"set local lock_timeout = '{_LOCK_WAIT_S}s'"))
    driver = connection.connection.driver_connection
    assert isinstance(driver, BoundedConnection)
    driver.patience_s = None
    connection.detach()  # it does not come back to those who are in a hurry


def _expect_usable(connection: Connection) -> None:
    from storage.postgres import OLDEST_SERVER

    version = int(connection.scalar(text("show server_version_num")) or 0) // 10_000
    if version < OLDEST_SERVER:
        raise StorageUnavailable(
            f"the records database is PostgreSQL {version}: it must be {OLDEST_SERVER} or newer"
        )
    encoding = connection.scalar(text("show server_encoding"))
    if encoding != "UTF8":
        raise StorageUnavailable(
            f"the records database has the encoding {encoding}: make it with ENCODING 'UTF8'"
        )


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()  # SQLite takes an empty file for an empty database
        sync_folder(path.parent)
    except OSError as error:
        raise StorageUnavailable(f"the records file {path} cannot be made: {error}") from error


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
