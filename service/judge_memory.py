"""What the judge remembers, on disk: a restart goes on where it stood, whatever ended it.

memory/<name>.npz for the streams of one learned detector, memory/experts.json for the experts. Each file is
written whole beside the old one; one that is broken, or of other settings, is left out and begun anew.
"""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import structlog

from detectors.judgement.keeping import UnfitMemory, memory_of, remember
from detectors.judgement.registry import settings_of
from domain.ports import StorageUnavailable
from service.judging import Kept
from service.model_store import LearntStreams
from service.watched import Watched, fresh_judge
from storage.files import write_whole
from storage.typed import read_json

log = structlog.get_logger(__name__)

MEMORY: Final = "memory"  # in the data folder
_FORMAT: Final = 1
_TOLD: Final = "told"  # the array that holds what the others belong to
_EXPERTS: Final = "experts.json"
_REST: Final = 100.0  # times as long as a save took until the next: at most a hundredth of the time


class _Experts(msgspec.Struct):
    format: int
    kept: Kept


class JudgeMemory:
    """One judge at a time writes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._saved: dict[str, int] = {}  # name -> step
        self._not_before: dict[str, float] = {}  # name -> monotonic seconds
        self._experts = b""

    def restore(self, each: Watched, learnt: LearntStreams | None = None) -> bool:
        """Whether these streams go on where they stood, or from what was learnt anew since."""
        kept = self._read(each)
        if learnt is None or learnt.version <= each.model:
            return kept
        each.judge = fresh_judge(each.kind, each.points, each.step_us)
        each.at_step, each.model = learnt.at_step, learnt.version
        try:
            if learnt.settings != settings_of(each.kind):
                raise UnfitMemory("it was learnt under other settings")
            remember(each.judge, learnt.arrays)
        except UnfitMemory as error:
            log.warning("learnt_streams_unusable", name=each.name, reason=str(error))
            _begin_anew(each)
            return False
        return True

    def _read(self, each: Watched) -> bool:
        path = self._folder / f"{each.name}.npz"
        if not path.exists():
            return False
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            told = json.loads(arrays.pop(_TOLD).tobytes())
            if (told["format"], told["settings"]) != (_FORMAT, settings_of(each.kind)):
                raise UnfitMemory("it was made under other settings")
            places = [int(told[name]) for name in ("at_step", "rest", "model")]
            remember(each.judge, arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            log.warning("judge_memory_unusable", path=str(path), reason=str(error))
            _begin_anew(each)
            return False
        each.at_step, each.rest, each.model = places
        self._saved[each.name] = each.at_step
        return True

    def save(self, each: Watched, *, now: bool = False) -> None:
        """After a tick; what is large is saved less often, unless it must be `now`."""
        name = each.name
        began = time.monotonic()
        if self._saved.get(name) == each.at_step:
            return
        if not now and began < self._not_before.get(name, 0.0):
            return
        told = {
            "format": _FORMAT,
            "settings": settings_of(each.kind),
            "at_step": each.at_step,
            "rest": each.rest,
            "model": each.model,
        }
        content = io.BytesIO()
        header = np.frombuffer(json.dumps(told).encode(), np.uint8)
        np.savez(content, allow_pickle=False, **{_TOLD: header}, **memory_of(each.judge))
        if self._write(f"{name}.npz", content.getvalue()):
            self._saved[name] = each.at_step
        took_s = time.monotonic() - began
        self._not_before[name] = began + (1.0 + _REST) * took_s

    def experts(self) -> Kept:
        """Empty where nothing usable stands."""
        path = self._folder / _EXPERTS
        if not path.exists():
            return Kept()
        try:
            found = read_json(_Experts, path.read_bytes())
        except (OSError, ValueError) as error:
            log.warning("judge_memory_unusable", path=str(path), reason=str(error))
            return Kept()
        return found.kept if found.format == _FORMAT else Kept()

    def save_experts(self, kept: Kept) -> None:
        content = msgspec.json.encode(_Experts(format=_FORMAT, kept=kept))
        if content != self._experts and self._write(_EXPERTS, content):
            self._experts = content

    def forget_others(self, names: set[str]) -> None:
        """Streams that the site has no more."""
        for path in self._folder.glob("*.npz"):
            if path.stem not in names:
                path.unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> bool:
        """A disk that is full costs a memory, not a judgement."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._folder / name, content)
        except (OSError, StorageUnavailable) as error:
            log.warning("judge_memory_not_saved", name=name, reason=str(error))
            return False
        return True


def _begin_anew(each: Watched) -> None:
    each.judge = fresh_judge(each.kind, each.points, each.step_us)
    each.at_step, each.rest, each.model = -1, 0, 0
