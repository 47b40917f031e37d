"""Checkpoints: the state of a fold at a journal number, so that a restart need not begin at the first record.

Each is one file with its digest inside, made beside and renamed: it is whole or it is not there. The newest
two are kept, since the newest may be damaged when it is needed.

A part of the state that stays the same for long is written once, under its digest, and checkpoints refer to
it. Since both kept ones may lean on the same part, it is there twice; it goes when neither does.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
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
from storage.files import write_whole

_MAGIC: Final = b"gridwarden checkpoint 2\n"
_DIGEST_BYTES: Final = 32
_KEPT: Final = 2
_COPIES: Final = ("a", "b")

log = structlog.get_logger(__name__)


class DamagedCheckpoint(ValueError):
    """A checkpoint file that cannot be read back."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """State as of the journal record `seq`: that one is in it, the next one is not."""

    seq: int
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, bytes] = field(default_factory=dict)  # the same ones in most checkpoints


class Checkpoints:
    """The checkpoints of one fold (`name`) in one folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._pattern = re.compile(rf"{re.escape(name)}-(\d{{12}})\.checkpoint")
        self._part_pattern = re.compile(rf"{re.escape(name)}-([0-9a-f]{{64}})-[ab]\.part")
        self._written: dict[str, tuple[bytes, str]] = {}  # the last of each part, and its digest
        self._leaning: dict[int, set[str]] = {}  # digests of the parts of those written by us

    def save(
        self,
        seq: int,
        arrays: Mapping[str, NDArray[Any]],
        meta: Mapping[str, Any] | None = None,
        parts: Mapping[str, bytes] | None = None,
    ) -> None:
        """`meta` is what JSON can say. A part costs next to nothing while it is the same object.

        Raises StorageUnavailable; then the older ones still stand."""
        path = self._path(seq)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            digests = {name: self._keep_part(name, part) for name, part in (parts or {}).items()}
            write_whole(path, checkpoint_bytes(seq, arrays, meta or {}, digests))
            self._leaning[seq] = set(digests.values())
            for old in self._seqs()[:-_KEPT]:
                self._path(old).unlink(missing_ok=True)
            self._drop_parts()
        except OSError as error:
            raise StorageUnavailable(f"the checkpoint {path} cannot be written: {error}") from error

    @property
    def name(self) -> str:
        return self._name

    def newest_seq(self) -> int:
        """Of the newest, whether it can be read or not; 0 while there is none."""
        return max(self._seqs(), default=0)

    def newest_first(self) -> Iterator[Checkpoint]:
        """Those that can be read; a damaged one is logged and passed over."""
        for seq in reversed(self._seqs()):
            path = self._path(seq)
            try:
                yield self._read(path, seq)
            except (DamagedCheckpoint, OSError) as error:
                log.warning("checkpoint_damaged", file=str(path), reason=str(error))

    def latest(self) -> Checkpoint | None:
        """The newest that can be read."""
        return next(self.newest_first(), None)

    def droppable_through(self) -> int:
        """The journal up to here is not needed by us: the older of the two covers it as well. 0 while
        there are not two, for a single one may be damaged."""
        seqs = self._seqs()
        return seqs[-_KEPT] if len(seqs) >= _KEPT else 0

    def _keep_part(self, name: str, part: bytes) -> str:
        """Writes it where it is new to us (a copy from before may be damaged) or gone; its digest."""
        last, digest = self._written.get(name, (None, ""))
        if part is not last:
            digest = part_digest(part).hex()
        for path in self._copies(digest):
            if part is not last or not path.exists():
                write_whole(path, part)
        self._written[name] = part, digest
        return digest

    def _drop_parts(self) -> None:
        kept = self._seqs()
        if not self._leaning.keys() >= set(kept):
            return  # one is from before our start; two more and it is gone
        self._leaning = {seq: self._leaning[seq] for seq in kept}
        needed = set().union(*self._leaning.values())
        for path in self._folder.iterdir():
            part = self._part_pattern.fullmatch(path.name)
            if part and part.group(1) not in needed:
                path.unlink(missing_ok=True)

    def _read(self, path: Path, seq: int) -> Checkpoint:
        head, arrays = checkpoint_parts(path.read_bytes(), seq)
        parts = {name: self._part(digest) for name, digest in head["parts"].items()}
        return Checkpoint(seq=seq, arrays=arrays, meta=head["meta"], parts=parts)

    def _part(self, digest: str) -> bytes:
        for path in self._copies(digest):
            with suppress(OSError):
                content = path.read_bytes()
                if part_digest(content).hex() == digest:
                    return content
            log.warning("checkpoint_part_damaged", file=str(path))
        raise DamagedCheckpoint(f"its part {digest} cannot be read")

    def _copies(self, digest: str) -> Iterator[Path]:
        return (self._folder / f"{self._name}-{digest}-{copy}.part" for copy in _COPIES)

    def _seqs(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        names = (self._pattern.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(name.group(1)) for name in names if name)

    def _path(self, seq: int) -> Path:
        return self._folder / f"{self._name}-{seq:012}.checkpoint"


def checkpoint_bytes(
    seq: int,
    arrays: Mapping[str, NDArray[Any]],
    meta: Mapping[str, Any],
    parts: Mapping[str, str],
) -> bytes:
    head = {"seq": seq, "arrays": list(arrays), "meta": meta, "parts": parts}
    columns = BytesIO()
    for array in arrays.values():
        npy.write_array(columns, np.asarray(array), allow_pickle=False)
    words = json.dumps(head, ensure_ascii=False).encode()
    body = len(words).to_bytes(8, "little") + words + columns.getbuffer()
    return _MAGIC + part_digest(body) + body


def checkpoint_parts(content: bytes, seq: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The head and the arrays."""
    start = len(_MAGIC) + _DIGEST_BYTES
    body = content[start:]
    if not content.startswith(_MAGIC):
        raise DamagedCheckpoint("it does not begin as a checkpoint does")
    if content[len(_MAGIC) : start] != part_digest(body):
        raise DamagedCheckpoint("its digest does not match")
    end = 8 + int.from_bytes(body[:8], "little")
    head = json.loads(body[8:end])
    if head["seq"] != seq:
        raise DamagedCheckpoint(f"it was written for record {head['seq']}")
    columns = BytesIO(body[end:])
    arrays = {name: npy.read_array(columns, allow_pickle=False) for name in head["arrays"]}
    return head, arrays


def part_digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=_DIGEST_BYTES).digest()
