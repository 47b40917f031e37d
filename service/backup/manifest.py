"""What a backup says of itself: its files with their digests, and how far each store was."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from storage.files import write_whole
from storage.typed import read_json

NAME: Final = "backup.json"
FORMAT: Final = 1
_CHUNK_BYTES: Final = 2**20


class BackupFailed(Exception):
    """It cannot be made, used or believed; one sentence that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    path: str  # inside the backup
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsFacts:
    kind: str  # "sqlite" or "postgresql"
    revision: str
    applied: dict[str, int]  # projection -> journal number
    rows: dict[str, int]  # table -> how many
    head_number: int  # of the ledger; 0 while nothing is sealed
    head_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryFacts:
    kind: str  # "duckdb"; "none" yet; "elsewhere": that server has backups of its own
    applied: dict[str, int]  # partition -> journal number


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFacts:
    oldest: int
    newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    format: int
    release: str
    taken_at_us: int
    records: RecordsFacts
    telemetry: TelemetryFacts
    journal: JournalFacts | None  # None: a topic in Kafka is the journal
    files: tuple[FileFacts, ...]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def files_of(folder: Path) -> Iterator[FileFacts]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != NAME:
            yield FileFacts(
                path=path.relative_to(folder).as_posix(),
                bytes=path.stat().st_size,
                sha256=_digest(path),
            )


def write(folder: Path, manifest: Manifest) -> None:
    """Last of all: a backup without it was not finished. Raises OSError."""
    written = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    write_whole(folder / NAME, written + b"\n")


def read(folder: Path) -> Manifest:
    """Raises BackupFailed."""
    try:
        manifest = read_json(Manifest, (folder / NAME).read_bytes())
    except FileNotFoundError as error:
        raise BackupFailed(
            f"{folder} is no backup, or one that was not finished: {NAME} is missing in it"
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise BackupFailed(f"{folder / NAME} cannot be read: {error}") from error
    if manifest.format > FORMAT:
        raise BackupFailed(
            f"{folder} was made by release {manifest.release}: this release cannot read it"
        )
    return manifest


def broken_files(folder: Path, manifest: Manifest) -> list[str]:
    """What is not as it was written, one sentence each."""
    expected = {file.path: file for file in manifest.files}
    found = {file.path: file for file in files_of(folder)}
    missing = [f"{path} is missing" for path in expected.keys() - found.keys()]
    foreign = [f"{path} does not belong to it" for path in found.keys() - expected.keys()]
    changed = [
        f"{path} is not as it was written"
        for path in expected.keys() & found.keys()
        if expected[path] != found[path]
    ]
    return sorted(missing + foreign + changed)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
