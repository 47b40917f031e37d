"""The records' schema: how it is made and brought up to this release.

Alembic is imported only when there is something to migrate: a start after a fault has no time for it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select

from domain.ports import StorageUnavailable
from storage.engines import file_of, reading, writing
from storage.files import sync_folder
from storage.tables import REVISION

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS: Final = Path(__file__).parent / "migrations"
# alembic's own table, where it notes how far it came
_VERSION: Final = Table("alembic_version", MetaData(), Column("version_num", String(32)))


def upgrade(engine: Engine, *, create: bool = True) -> None:
    """Brings the schema up to this release. `create=False` refuses to begin an empty database where the
    file is missing. Raises StorageUnavailable."""
    path = file_of(engine)
    if path is not None and create:
        _make_file(path)
    if is_current(engine):
        return
    from alembic import command

    with writing(engine) as connection:
        command.upgrade(_config(connection), "head")


def downgrade(engine: Engine, revision: str = "base") -> None:
    from alembic import command

    with writing(engine) as connection:
        command.downgrade(_config(connection), revision)


def is_current(engine: Engine) -> bool:
    """Whether the schema is that of this release. Raises StorageUnavailable."""
    with reading(engine) as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return False
        return list(connection.scalars(select(_VERSION.c.version_num))) == [REVISION]


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
