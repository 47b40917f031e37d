"""Copies of what is being written meanwhile: whole, of one moment, and on the disk when this returns."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from domain.ports import StorageUnavailable
from storage.checkpoints import Checkpoints
from storage.files import sync_folder
from storage.journal import HOLD_NAME, segments_in

_BUSY_S: Final = 30.0
_TRIES: Final = 20


@contextmanager
def journal_kept_whole(folder: Path) -> Iterator[None]:
    """While inside, whoever writes the journal drops nothing of it; also after a kill of ours it goes on
    as before, since the kernel gives the lock back. Raises StorageUnavailable."""
    try:
        with (folder / HOLD_NAME).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield
    except OSError as error:
        raise StorageUnavailable(f"the journal in {folder} cannot be held: {error}") from error


def copy_sqlite(source: Path, target: Path) -> None:
    """The state of one moment; whoever writes goes on. Raises StorageUnavailable."""
    uri = f"file:{quote(str(source.absolute()))}?mode=rw"
    try:
        with (
            closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S)) as reader,
            closing(sqlite3.connect(target)) as copy,
        ):
            reader.backup(copy)  # all pages in one look: else a writer would make it begin again
            copy.execute("pragma journal_mode = delete")  # one file, with nothing beside it
        sync_file(target)
    except (sqlite3.Error, OSError) as error:
        raise StorageUnavailable(f"{source} cannot be copied: {error}") from error


def copy_journal(source: Path, target: Path) -> None:
    """Every segment up to the newest record. Raises StorageUnavailable."""
    target.mkdir()
    for name in segments_in(source):
        copy_sqlite(source / name, target / name)
    sync_folder(target)


def copy_checkpoints(source: Path, target: Path, names: Iterable[str]) -> None:
    """So that one of each fold that has any can be read. They come and go while we copy: then we begin
    again. Raises StorageUnavailable."""
    wanted = [name for name in names if Checkpoints(source, name).newest_seq()]
    for _ in range(_TRIES):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        try:
            for path in sorted(source.iterdir()):
                if path.suffix != ".new":
                    copy_file(path, target / path.name)
        except FileNotFoundError:
            continue
        if all(Checkpoints(target, name).latest() is not None for name in wanted):
            sync_folder(target)
            return
    raise StorageUnavailable(f"no checkpoint in {source} can be copied whole")


def copy_file(source: Path, target: Path) -> None:
    """Raises OSError."""
    shutil.copyfile(source, target)
    sync_file(target)


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
