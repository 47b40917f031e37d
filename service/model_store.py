"""What was learnt from history, in files that run no code: arrays in .npz, the rest in JSON, with a digest.

models/000003/arrays.npz and model.json; models/active.json names the version that is used.
"""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.motor import HealthyMotor
from detectors.judgement.solar import SunModel
from detectors.judgement.thermal import Nameplate
from detectors.judgement.wind import PowerCurve
from domain.ids import AssetId
from storage.files import write_whole
from storage.typed import converted

_FORMAT: Final = 1
_KEPT: Final = 5  # versions


class BrokenModel(Exception):
    """A stored model that is not what was written; retrain, or go back to an older version."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearntStreams:
    """The memory of one learned detector, learnt anew by command; the judge grows on from it."""

    version: int  # of the models that first held it
    settings: str  # that it was learnt under
    at_step: int  # the last that it has seen
    arrays: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """One version of everything that was learnt."""

    version: int
    from_us: int  # of the history that it was learnt from
    to_us: int
    curves: Mapping[AssetId, PowerCurve] = field(default_factory=dict)
    plates: Mapping[AssetId, Nameplate] = field(default_factory=dict)
    suns: Mapping[AssetId, SunModel] = field(default_factory=dict)
    motors: Mapping[AssetId, HealthyMotor] = field(default_factory=dict)
    streams: Mapping[str, LearntStreams] = field(default_factory=dict)  # by Watched.name
    figures: Mapping[str, float] = field(
        default_factory=dict
    )  # "wind <asset>": error on unseen rows


class ModelStore:
    """Only one retrain at a time writes; the judge reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def active(self) -> Models | None:
        """None before the first retrain. Raises BrokenModel."""
        path = self._folder / "active.json"
        if not path.exists():
            return None
        try:
            version = int(json.loads(path.read_text("utf-8"))["version"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BrokenModel(f"{path} cannot be read: {error}") from error
        return self.read(version)

    def read(self, version: int) -> Models:
        """Raises BrokenModel."""
        folder = self._folder / f"{version:06}"
        try:
            told = json.loads((folder / "model.json").read_text("utf-8"))
            raw = (folder / "arrays.npz").read_bytes()
        except (OSError, ValueError) as error:
            raise BrokenModel(f"model {version} cannot be read: {error}") from error
        if hashlib.sha256(raw).hexdigest() != told.get("digest"):
            raise BrokenModel(f"model {version} is damaged: its digest is not that of its arrays")
        try:
            streams = {
                name: _streams(folder, name, about)
                for name, about in told.get("streams", {}).items()
            }
            return _models(told, folder / "arrays.npz", streams)
        except (OSError, KeyError, ValueError, TypeError, BadZipFile) as error:
            raise BrokenModel(f"model {version} does not fit this program: {error}") from error

    def next_version(self) -> int:
        return max((int(path.name) for path in self._folder.glob("[0-9]*")), default=0) + 1

    def keep(self, models: Models) -> None:
        """Written whole and synced before it becomes the active one."""
        folder = self._folder / f"{models.version:06}"
        folder.mkdir(parents=True, exist_ok=True)
        arrays = folder / "arrays.npz"
        with arrays.open("wb") as file:
            np.savez(file, allow_pickle=False, **_arrays(models))
            file.flush()
            os.fsync(file.fileno())
        streams = {name: _keep_streams(folder, name, each) for name, each in models.streams.items()}
        told = {
            "format": _FORMAT,
            "version": models.version,
            "from_us": models.from_us,
            "to_us": models.to_us,
            "curves": {asset: curve.cut_in for asset, curve in models.curves.items()},
            "plates": {asset: asdict(plate) for asset, plate in models.plates.items()},
            "suns": {asset: asdict(sun) for asset, sun in models.suns.items()},
            "motors": {asset: asdict(motor) for asset, motor in models.motors.items()},
            "streams": streams,
            "figures": dict(models.figures),
            "digest": hashlib.sha256(arrays.read_bytes()).hexdigest(),
        }
        _write(folder / "model.json", told)
        _write(self._folder / "active.json", {"version": models.version})
        self._forget()

    def _forget(self) -> None:
        every = sorted(self._folder.glob("[0-9]*"))
        for folder in every[:-_KEPT]:
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()


def _write(path: Path, told: Mapping[str, Any]) -> None:
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(told, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _arrays(models: Models) -> dict[str, NDArray[np.float64]]:
    found = {}
    for place, curve in enumerate(models.curves.values()):
        found[f"curve{place}_mean"] = curve.mean
        found[f"curve{place}_spread"] = curve.spread
    return found


def _keep_streams(folder: Path, name: str, each: LearntStreams) -> dict[str, Any]:
    """What model.json says of it."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **each.arrays)
    write_whole(folder / f"streams-{name}.npz", content.getvalue())
    return {
        "version": each.version,
        "settings": each.settings,
        "at_step": each.at_step,
        "digest": hashlib.sha256(content.getvalue()).hexdigest(),
    }


def _streams(folder: Path, name: str, about: Mapping[str, Any]) -> LearntStreams:
    raw = (folder / f"streams-{name}.npz").read_bytes()
    if hashlib.sha256(raw).hexdigest() != about["digest"]:
        raise ValueError(f"the digest of the streams {name} is not that of their file")
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return LearntStreams(
            version=int(about["version"]),
            settings=str(about["settings"]),
            at_step=int(about["at_step"]),
            arrays={each: arrays[each] for each in arrays.files},
        )


def _models(told: Mapping[str, Any], path: Path, streams: Mapping[str, LearntStreams]) -> Models:
    if told["format"] != _FORMAT:
        raise ValueError(f"format {told['format']!r}")
    with np.load(path, allow_pickle=False) as arrays:
        curves = {
            AssetId(asset): PowerCurve(
                arrays[f"curve{place}_mean"], arrays[f"curve{place}_spread"], float(cut_in)
            )
            for place, (asset, cut_in) in enumerate(told["curves"].items())
        }
    return Models(
        version=int(told["version"]),
        from_us=int(told["from_us"]),
        to_us=int(told["to_us"]),
        curves=curves,
        plates=converted(dict[AssetId, Nameplate], told["plates"]),
        streams=streams,
        suns=converted(dict[AssetId, SunModel], told.get("suns", {})),
        motors=converted(dict[AssetId, HealthyMotor], told.get("motors", {})),
        figures=converted(dict[str, float], told["figures"]),
    )
