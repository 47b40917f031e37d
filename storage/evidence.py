"""Evidence: files by the SHA-256 of what they hold, beside the database. Written once, never changed.

    evidence/ab/abcdef...   the file
    evidence/new/           being written; what lies there after a kill is nobody's

A file is on disk before the proposal that names it is journalled. What is read is hashed again: a file that
somebody changed is refused, not shown.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

from domain.ports import StorageUnavailable

LARGEST_BYTES: Final = 64 * 2**20  # a clip of half a minute is 10 MB

_NAME: Final = re.compile(r"[0-9a-f]{64}")


class NoSuchEvidence(LookupError):
    """It was never here, or its time was over."""


class DamagedEvidence(Exception):
    """What lies there is not what was put there."""


class EvidenceTooLarge(ValueError):
    """More than one file may have."""


class EvidenceFiles:
    """Thread- and process-safe: two who put the same bytes make the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new = folder / "new"

    def put(self, content: bytes) -> str:
        """Its name, the SHA-256 in hex. Durable on return. Raises StorageUnavailable, EvidenceTooLarge."""
        if len(content) > LARGEST_BYTES:
            raise EvidenceTooLarge(
                f"a file of evidence has at most {LARGEST_BYTES // 2**20} MiB, not "
                f"{len(content) / 2**20:.0f}: shorten the clip"
            )
        name = hashlib.sha256(content).hexdigest()
        path = self._path(name)
        try:
            if path.exists():
                path.touch()  # it is somebody's again, whatever the janitor thought
                return name
            self._write(path, content)
        except OSError as error:
            raise StorageUnavailable(f"evidence cannot be written: {error.strerror}") from error
        return name

    def get(self, name: str) -> bytes:
        """Raises NoSuchEvidence, DamagedEvidence, StorageUnavailable."""
        try:
            content = self._path(name).read_bytes()
        except FileNotFoundError:
            raise NoSuchEvidence(f"there is no evidence {name}") from None
        except OSError as error:
            raise StorageUnavailable(f"evidence cannot be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != name:
            raise DamagedEvidence(
                f"evidence {name} was changed on disk: it proves nothing any more"
            )
        return content

    def has(self, name: str) -> bool:
        return self._path(name).exists()

    def forget(self, names: Iterable[str]) -> int:
        """Those whose time is over; how many were there. Raises StorageUnavailable."""
        gone = 0
        for name in names:
            try:
                self._path(name).unlink()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StorageUnavailable(f"evidence cannot be deleted: {error.strerror}") from error
            gone += 1
        return gone

    def names(self) -> Iterator[str]:
        """All that are here, for the janitor and the backup."""
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(folder.iterdir()):
                if _NAME.fullmatch(path.name):
                    yield path.name

    def age_us(self, name: str, now_us: int) -> int:
        """Since it was written; for what no proposal names."""
        return now_us - self._path(name).stat().st_mtime_ns // 1_000

    def sweep_unfinished(self, older_than_us: int, now_us: int) -> int:
        """What a killed process left half written."""
        gone = 0
        for path in self._new.glob("*"):
            if now_us - path.stat().st_mtime_ns // 1_000 > older_than_us:
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise NoSuchEvidence(f"{name[:80]!r} is no name of evidence")
        return self._folder / name[:2] / name

    def _write(self, path: Path, content: bytes) -> None:
        """Whole or not at all, and there after a power loss."""
        self._new.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(exist_ok=True)
        unfinished = self._new / uuid4().hex
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
