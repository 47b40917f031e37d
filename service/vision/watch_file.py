"""What one camera is to watch, as JSON. Corners in pixels, or all from 0 to 1 as parts of the picture.

    {"camera": "gate", "station": "liuyuan", "rate": 2,
     "zones": [{"name": "bay 1", "polygon": [[0.1, 0.4], [0.6, 0.4], [0.6, 1], [0.1, 1]], "dwell_s": 2}],
     "ground": {"pixels": [[..], ..], "metres": [[..], ..]},
     "live_parts": [{"name": "busbar", "kv": 10, "outline": [[0, 3], [8, 3]]}]}

A bare list of corners, or an object with `polygon`, is one zone.
"""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detectors.violations.ground import Ground, LivePart, UnusableGround
from detectors.violations.rules import Frames
from detectors.violations.subjects import Sureness
from detectors.violations.tracks import TrackConfig
from detectors.violations.watch import WatchConfig
from detectors.violations.zones import Point, UnusableZone, Zone
from domain.distances import Distances, UnusableDistances
from domain.ids import AssetId
from domain.violations import Code, Place

_SECOND_US: Final = 1_000_000
_SEEN: Final = frozenset({Code.NO_HELMET})


class UnusableWatch(ValueError):
    """A file that says nothing, or something impossible, about what to watch."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Zone(_Part):
    name: str = "zone"
    polygon: list[Point] = Field(min_length=3, max_length=200)
    asset: str | None = None
    rules: frozenset[Code] = frozenset({Code.IN_ZONE})
    dwell_s: float = Field(default=2.0, ge=0, le=3600)


class _Ground(_Part):
    pixels: list[Point]
    metres: list[Point]


class _LivePart(_Part):
    name: str
    kv: float = Field(gt=0)
    outline: list[Point] = Field(min_length=1)
    closed: bool = False


class WatchFile(_Part):
    camera: str = "camera"
    station: str = ""
    rate: float | None = Field(default=None, gt=0, le=120)  # frames a second of a recorded sequence
    everywhere: frozenset[Code] = _SEEN
    zones: list[_Zone] = []
    ground: _Ground | None = None
    live_parts: list[_LivePart] = []
    frames_k: int = 3
    frames_n: int = 5
    lost_after_s: float = Field(default=3.0, gt=0, le=60)

    def config(self, size: tuple[int, int], sure: Sureness, distances: Distances) -> WatchConfig:
        """For frames of this width and height. Raises UnusableWatch."""
        try:
            return WatchConfig(
                camera=self.camera,
                place=Place(station=self.station),
                everywhere=self.everywhere,
                zones=tuple(_zone(each, self.station, size) for each in self.zones),
                ground=_ground(self.ground),
                live_parts=tuple(_live_part(each) for each in self.live_parts),
                distances=distances,
                sure=sure,
                frames=Frames(k=self.frames_k, n=self.frames_n),
                tracks=TrackConfig(lost_after_us=round(self.lost_after_s * _SECOND_US)),
            )
        except (UnusableZone, UnusableGround, UnusableDistances, ValueError) as error:
            raise UnusableWatch(f"camera {self.camera}: {error}") from error


def read_watch(path: Path) -> WatchFile:
    """Raises UnusableWatch."""
    try:
        return WatchFile.model_validate(_document(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UnusableWatch(f"cannot read {path}: {error}") from error
    except ValidationError as error:
        mistake = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in mistake["loc"])
        raise UnusableWatch(f"{path}: {place}: {mistake['msg']}") from error


def _document(found: Any) -> Any:
    if isinstance(found, list):
        return {"zones": [{"polygon": found}]}
    if isinstance(found, dict) and "polygon" in found:
        zone = {key: found[key] for key in _Zone.model_fields if key in found}
        rest = {key: value for key, value in found.items() if key not in zone}
        return {**rest, "zones": [zone]}
    return found


def _zone(part: _Zone, station: str, size: tuple[int, int]) -> Zone:
    of_picture = max(max(corner) for corner in part.polygon) <= 1.0
    width, height = size if of_picture else (1, 1)
    return Zone(
        name=part.name,
        polygon=tuple((x * width, y * height) for x, y in part.polygon),
        place=Place(station=station, asset_id=None if part.asset is None else AssetId(part.asset)),
        rules=part.rules,
        dwell_us=round(part.dwell_s * _SECOND_US),
        margin=max(size) / 100,
    )


def _ground(part: _Ground | None) -> Ground | None:
    return None if part is None else Ground.from_points(part.pixels, part.metres)


def _live_part(part: _LivePart) -> LivePart:
    return LivePart(name=part.name, kv=part.kv, outline=tuple(part.outline), closed=part.closed)
