"""Checkpoints: the state of a fold at a journal number, so that a restart need not begin at the first record.

Each is one file with its digest inside, made beside and renamed: it is whole or it is not there. The newest
two are kept, since the newest may be damaged when it is needed.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog
from numpy.lib import format as npy
from numpy.typing import NDArray

from domain.ports import StorageUnavailable
from storage.files import sync_folder

_MAGIC: Final = b"gridwarden checkpoint 1\n"
_DIGEST_BYTES: Final = 32
_KEPT: Final = 2

log = structlog.get_logger(__name__)


class DamagedCheckpoint(ValueError):
    """A checkpoint file that cannot be read back."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """State as of the journal record `seq`: that one is in it, the next one is not."""

    seq: int
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one fold (`name`) in one folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._pattern = re.compile(rf"{re.escape(name)}-(\d{{12}})\.checkpoint")

    def save(
        self, seq: int, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any] | None = None
    ) -> None:
        """`meta` is what JSON can say. Raises StorageUnavailable; then the older ones still stand."""
        content = _to_bytes(Checkpoint(seq=seq, arrays=arrays, meta=meta or {}))
        path = self._path(seq)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write_whole(path, content)
            for old in self._seqs()[:-_KEPT]:
                self._path(old).unlink(missing_ok=True)
        except OSError as error:
            raise StorageUnavailable(f"the checkpoint {path} cannot be written: {error}") from error

    def latest(self) -> Checkpoint | None:
        """The newest that can be read; a damaged one is logged and passed over."""
        for seq in reversed(self._seqs()):
            path = self._path(seq)
            try:
                return _from_bytes(path.read_bytes(), seq)
            except (DamagedCheckpoint, OSError) as error:
                log.warning("checkpoint_damaged", file=str(path), reason=str(error))
        return None

    def droppable_through(self) -> int:
        """The journal up to here is not needed by us: the older of the two covers it as well. 0 while
        there are not two, for a single one may be damaged."""
        seqs = self._seqs()
        return seqs[-_KEPT] if len(seqs) >= _KEPT else 0

    def _seqs(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        names = (self._pattern.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(name.group(1)) for name in names if name)

    def _path(self, seq: int) -> Path:
        return self._folder / f"{self._name}-{seq:012}.checkpoint"


def _to_bytes(checkpoint: Checkpoint) -> bytes:
    head = {"seq": checkpoint.seq, "arrays": list(checkpoint.arrays), "meta": checkpoint.meta}
    columns = BytesIO()
    for array in checkpoint.arrays.values():
        npy.write_array(columns, np.asarray(array), allow_pickle=False)
    words = json.dumps(head, ensure_ascii=False).encode()
    body = len(words).to_bytes(8, "little") + words + columns.getbuffer()
    return _MAGIC + _digest(body) + body


def _from_bytes(content: bytes, seq: int) -> Checkpoint:
    start = len(_MAGIC) + _DIGEST_BYTES
    body = content[start:]
    if not content.startswith(_MAGIC):
        raise DamagedCheckpoint("it does not begin as a checkpoint does")
    if content[len(_MAGIC) : start] != _digest(body):
        raise DamagedCheckpoint("its digest does not match")
    end = 8 + int.from_bytes(body[:8], "little")
    head = json.loads(body[8:end])
    if head["seq"] != seq:
        raise DamagedCheckpoint(f"it was written for record {head['seq']}")
    columns = BytesIO(body[end:])
    arrays = {name: npy.read_array(columns, allow_pickle=False) for name in head["arrays"]}
    return Checkpoint(seq=seq, arrays=arrays, meta=head["meta"])


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=_DIGEST_BYTES).digest()


def _write_whole(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
