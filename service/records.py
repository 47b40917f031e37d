"""Where the records of an installation are: the one place that turns settings into an engine."""

import os
from pathlib import Path
from secrets import randbits
from typing import Final

from sqlalchemy import Engine

from domain.ports import StorageUnavailable
from service.settings import PREFIX, RecordsSettings, load_settings
from storage.engines import sqlite_engine
from storage.files import write_whole
from storage.ownership import Owners

RECORDS_NAME: Final = "records.db"
ID_NAME: Final = "records.id"  # whose records in a server are ours
_ID_BITS: Final = 53
_LONG_MS: Final = 120_000
_SERVERS: Final = tuple(f"{PREFIX}{group}__" for group in ("RECORDS", "TELEMETRY", "KAFKA"))


class ForeignRecords(Exception):
    """The database is that of another data folder."""


def records_engine(
    data: Path,
    settings: RecordsSettings | None = None,
    *,
    role: str = "core",
    busy_ms: int | None = None,
    once: bool = False,
    patient: bool = False,
    at_most_ms: int | None = None,
) -> Engine:
    """Opens nothing yet. Without `settings` they are those of the environment, as for every process of one
    installation. `once`: for who asks and ends: no connection stays open. `patient`: a person waits for a
    long answer; `at_most_ms`: he looks at a page meanwhile. Raises BadSettings, and StorageUnavailable
    where the password cannot be read."""
    chosen = load_settings().records if settings is None else settings
    if not chosen.url:
        return sqlite_engine(
            data / RECORDS_NAME, busy_ms=chosen.busy_timeout_ms if busy_ms is None else busy_ms
        )
    # a start with SQLite does without psycopg
    from storage.postgres import Patience, postgres_engine

    return postgres_engine(
        chosen.url,
        password=records_password(chosen),
        application_name=f"gridwarden {role}",
        patience=Patience(
            connect_s=chosen.connect_timeout_s,
            statement_ms=_LONG_MS if patient else _least(chosen.statement_timeout_ms, at_most_ms),
            lock_ms=_least(chosen.lock_timeout_ms, at_most_ms),
        ),
        pooled=not once,
    )


def _least(chosen_ms: int, at_most_ms: int | None) -> int:
    return chosen_ms if at_most_ms is None else min(chosen_ms, at_most_ms)


def expect_own_records(engine: Engine, data: Path) -> None:
    """A server lets two data folders write the same records, each of which takes itself for the only writer.
    Raises ForeignRecords for the second one, StorageUnavailable."""
    file = data / ID_NAME
    try:
        number = int(file.read_text("ascii")) if file.exists() else _new_id(file)
    except (OSError, ValueError) as error:
        raise StorageUnavailable(f"{file} cannot be read or made: {error}") from error
    found = Owners(engine).installation(number)
    if found != number:
        raise ForeignRecords(
            f"the database {engine.url.database} holds the records of another data folder: give that one with"
            f" --data or another database; if it is lost for good, write {found} into {file}"
        )


def _new_id(file: Path) -> int:
    """In the file before in the database: a start that ends between the two goes on the next time."""
    number = randbits(_ID_BITS)
    write_whole(file, f"{number}\n".encode())
    return number


def records_password(settings: RecordsSettings) -> str | None:
    """None: libpq looks into its own password file. Raises StorageUnavailable."""
    if settings.password is not None:
        return settings.password.get_secret_value()
    if settings.password_file is None:
        return None
    try:
        return settings.password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageUnavailable(
            f"{PREFIX}RECORDS__PASSWORD_FILE: {settings.password_file} cannot be read: {error}"
        ) from error


def forget_the_servers() -> None:
    """From here on everything of this process and its children is in their data folders: what only tries
    something must never write into the plant's PostgreSQL, InfluxDB or Kafka."""
    for name in list(os.environ):
        if name.startswith(_SERVERS):
            del os.environ[name]
