"""Where the records of an installation are: the one place that turns settings into an engine."""

import os
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from domain.ports import StorageUnavailable
from service.settings import PREFIX, RecordsSettings, load_settings
from storage.engines import sqlite_engine

RECORDS_NAME: Final = "records.db"
_LONG_MS: Final = 120_000
_SERVERS: Final = tuple(f"{PREFIX}{group}__" for group in ("RECORDS", "TELEMETRY", "KAFKA"))


def records_engine(
    data: Path,
    settings: RecordsSettings | None = None,
    *,
    role: str = "core",
    busy_ms: int | None = None,
    once: bool = False,
    patient: bool = False,
) -> Engine:
    """Opens nothing yet. Without `settings` they are those of the environment, as for every process of one
    installation. `once`: for who asks and ends: no connection stays open. `patient`: a person waits
    for a long answer. Raises BadSettings, and StorageUnavailable where the password cannot be read."""
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
            statement_ms=_LONG_MS if patient else chosen.statement_timeout_ms,
            lock_ms=chosen.lock_timeout_ms,
        ),
        pooled=not once,
    )


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
