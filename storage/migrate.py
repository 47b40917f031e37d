"""The records' schema: how it is made and brought up to this release."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from domain.ports import StorageUnavailable
from storage.engines import file_of, reading, writing
from storage.files import sync_folder

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(engine: Engine, *, create: bool = True) -> None:
    """Brings the schema up to this release. `create=False` refuses to begin an empty database where the
    file is missing. Raises StorageUnavailable."""
    path = file_of(engine)
    if path is not None and create:
        _make_file(path)
    with writing(engine) as connection:
        command.upgrade(_config(connection), "head")


def downgrade(engine: Engine, revision: str = "base") -> None:
    with writing(engine) as connection:
        command.downgrade(_config(connection), revision)


def is_current(engine: Engine) -> bool:
    """Whether the schema is that of this release. Raises StorageUnavailable."""
    with reading(engine) as connection:
        stands = MigrationContext.configure(connection).get_current_revision()
        return stands == ScriptDirectory.from_config(_config(connection)).get_current_head()


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()  # SQLite takes an empty file for an empty database
        sync_folder(path.parent)
    except OSError as error:
        raise StorageUnavailable(f"the records file {path} cannot be made: {error}") from error


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
