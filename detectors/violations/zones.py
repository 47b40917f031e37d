"""Zones on a picture: a polygon, and whether a foot point is in it, with hysteresis at the line."""

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from domain.violations import Code, Place

_SECOND_US: Final = 1_000_000
Point = tuple[float, float]


class UnusableZone(ValueError):
    """A polygon that encloses nothing, or a time that cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    name: str
    polygon: tuple[Point, ...]  # pixels of the frame
    place: Place
    rules: frozenset[Code] = frozenset({Code.IN_ZONE})
    dwell_us: int = 2 * _SECOND_US  # so long inside before it is proposed
    margin: float = 6.0  # pixels beyond the line before somebody inside counts as gone

    def __post_init__(self) -> None:
        if len(self.polygon) < 3 or abs(_area(self.polygon)) < 1.0:
            raise UnusableZone(
                f"zone {self.name}: give three corners or more that enclose something"
            )
        if not np.isfinite(np.array(self.polygon)).all():
            raise UnusableZone(f"zone {self.name}: a corner is no number")
        if self.dwell_us < 0 or self.margin < 0:
            raise UnusableZone(f"zone {self.name}: dwell and margin are 0 or more")

    def depth(self, point: Point) -> float:
        """Pixels from the line, above 0 inside, below 0 outside."""
        corners = np.array(self.polygon, np.float32)
        return float(cv2.pointPolygonTest(corners, point, True))


@dataclass(slots=True)
class Presence:
    """Who is in one zone. A track enters on the line and leaves `margin` beyond it."""

    zone: Zone
    _inside: set[int] = field(default_factory=set)

    def note(self, track: int, foot: Point) -> None:
        depth = self.zone.depth(foot)
        if depth >= 0:
            self._inside.add(track)
        elif depth < -self.zone.margin:
            self._inside.discard(track)

    def forget(self, track: int) -> None:
        self._inside.discard(track)

    @property
    def inside(self) -> frozenset[int]:
        return frozenset(self._inside)


def _area(polygon: tuple[Point, ...]) -> float:
    shifted = (*polygon[1:], polygon[0])
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(polygon, shifted, strict=True)) / 2
