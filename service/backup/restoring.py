"""A data folder from a backup. Nothing is begun before every digest holds, and a half-made folder never has
the name that was asked for."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from service.backup import records
from service.backup.manifest import NAME, BackupFailed, Manifest, RecordsFacts
from service.backup.taking import verified
from service.records import RECORDS_NAME
from service.settings import Settings
from storage.copies import copy_file
from storage.files import sync_folder

Say = Callable[[str], object]


def restore(backup: Path, data: Path, settings: Settings, say: Say) -> Manifest:
    """`data` is new or empty; a database of the settings is empty. Raises BackupFailed, StorageUnavailable,
    OSError."""
    made = verified(backup, say)
    _expect_fitting(made, data, settings)
    beside = data.with_name(f".{data.name}.restoring")
    shutil.rmtree(beside, ignore_errors=True)  # of an attempt that was ended
    beside.mkdir(mode=0o700, parents=True)
    say(f"copying {made.bytes / 2**20:.0f} MiB")
    for file in made.files:
        if file.path != records.DUMP_NAME:
            target = beside / file.path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            copy_file(backup / file.path, target)
            target.chmod(0o600)
    _expect_same(made.records, _restored_records(made, backup, beside, settings, say))
    for folder in (*(path for path in beside.iterdir() if path.is_dir()), beside):
        sync_folder(folder)
    os.replace(beside, data)  # noqa: PTH105  # onto an empty folder
    sync_folder(data.parent)
    return made


def _restored_records(
    made: Manifest, backup: Path, beside: Path, settings: Settings, say: Say
) -> RecordsFacts:
    if made.records.kind == "postgresql":
        return records.restore(settings, backup / records.DUMP_NAME, say)
    return records.facts_of_file(beside / RECORDS_NAME)


def _expect_fitting(made: Manifest, data: Path, settings: Settings) -> None:
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BackupFailed(f"{data} is not empty: a restore needs a new data folder")
    at_server = bool(settings.records.url)
    if made.records.kind == "postgresql":
        if not at_server:
            raise BackupFailed(
                "its records are of PostgreSQL: name an empty database in GRIDWARDEN_RECORDS__URL"
            )
        records.expect_empty(settings)
    elif at_server:
        raise BackupFailed("its records are of SQLite: unset GRIDWARDEN_RECORDS__URL")


def _expect_same(before: RecordsFacts, after: RecordsFacts) -> None:
    if replace(after, kind=before.kind) != before:
        raise BackupFailed(
            f"the restored records are not those of the backup ({NAME} has {before}, they have {after})"
        )
