"""The records in a backup: as of one moment, with what that moment was."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, func, inspect, select, text

from service.backup.manifest import BackupFailed, RecordsFacts
from service.backup.postgres_programs import dump, load
from service.records import RECORDS_NAME, records_engine, records_password
from service.settings import Settings
from storage.copies import copy_sqlite
from storage.engines import is_missing, is_server, reading, sqlite_engine
from storage.migrate import revision
from storage.tables import (
    applied,
    audit,
    commands,
    entries,
    events,
    incidents,
    metadata,
    reviews,
    seals,
)

Say = Callable[[str], object]

DUMP_NAME: Final = "records.dump"
_COUNTED: Final = (events, incidents, commands, reviews, entries, seals, audit)


def take(settings: Settings, folder: Path, say: Say) -> RecordsFacts:
    """Raises BackupFailed, StorageUnavailable."""
    engine = records_engine(settings.data, settings.records, role="backup", once=True, patient=True)
    if is_missing(engine):
        raise BackupFailed(f"{settings.data} holds no records: name the data folder with --data")
    if is_server(engine):
        return _dump(settings, engine, folder / DUMP_NAME, say)
    say("records: copying the SQLite file")
    copy_sqlite(settings.data / RECORDS_NAME, folder / RECORDS_NAME)
    return facts_of_file(folder / RECORDS_NAME)


def facts_of_file(path: Path) -> RecordsFacts:
    engine = sqlite_engine(path)
    try:
        return facts_of(engine, "sqlite")
    finally:
        engine.dispose()


def facts_of(engine: Engine, kind: str) -> RecordsFacts:
    """Raises BackupFailed where there are no tables, StorageUnavailable."""
    schema = revision(engine)
    if schema is None:
        raise BackupFailed("the records have no tables yet: start `gridwarden run` first")
    with reading(engine) as connection:
        return _facts(connection, kind, schema)


def expect_empty(settings: Settings) -> None:
    """Raises BackupFailed, StorageUnavailable."""
    engine = records_engine(
        settings.data, settings.records, role="restore", once=True, patient=True
    )
    with reading(engine) as connection:
        tables = inspect(connection).get_table_names()
    if tables:
        raise BackupFailed(
            f"the database {engine.url.database} holds {len(tables)} tables already: name an empty one in"
            " GRIDWARDEN_RECORDS__URL"
        )


def restore(settings: Settings, dump_file: Path, say: Say) -> RecordsFacts:
    """Into the empty database of the settings; all or nothing. Raises BackupFailed, StorageUnavailable."""
    engine = records_engine(
        settings.data, settings.records, role="restore", once=True, patient=True
    )
    load(engine.url, records_password(settings.records), dump_file, say)
    return facts_of(engine, "postgresql")


def _dump(settings: Settings, engine: Engine, target: Path, say: Say) -> RecordsFacts:
    schema = revision(engine)
    if schema is None:
        raise BackupFailed("the records have no tables yet: start `gridwarden run` first")
    with ExitStack() as open_now:
        connection = open_now.enter_context(reading(engine))
        # it stands still while pg_dump works, and pg_dump sees what it sees
        connection.execute(text("set local idle_in_transaction_session_timeout = 0"))
        snapshot = str(connection.scalar(text("select pg_export_snapshot()")))
        server = int(connection.scalar(text("show server_version_num")) or 0) // 10_000
        facts = _facts(connection, "postgresql", schema)
        password = records_password(settings.records)
        dump(engine.url, password, server, snapshot, target, say)
        return facts


def _facts(connection: Connection, kind: str, schema: str) -> RecordsFacts:
    known = set(inspect(connection).get_table_names())
    head = connection.execute(
        select(seals.c.number, seals.c.hash).order_by(seals.c.number.desc()).limit(1)
    ).first()
    return RecordsFacts(
        kind=kind,
        revision=schema,
        applied={row.projection: row.seq for row in connection.execute(select(applied))},
        rows={
            table.name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
            for table in _COUNTED
            if table.name in known & metadata.tables.keys()
        },
        head_number=head.number if head else 0,
        head_hash=head.hash if head else "",
    )
