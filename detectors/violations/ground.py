"""From a foot point to metres on the ground, and how far that is from live parts, with a stated error.

The homography is that of the ground plane alone: of what hangs above it the plan is used, so a distance is
measured along the ground. The true distance to a part overhead is larger: the error is on the safe side.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.violations.zones import Point

Matrix = npt.NDArray[np.float64]  # (3, 3)
FOOT_PIXELS: Final = 3.0  # how well a net's lower edge is known
_WORST_CONDITION: Final = 1e9


class UnusableGround(ValueError):
    """Calibration points from which no plane follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePart:
    """Seen from above: a line or an outline, metres in the calibration's own axes."""

    name: str
    kv: float
    outline: tuple[Point, ...]
    closed: bool = False

    def distance(self, at: Point) -> float:
        """Metres along the ground; 0 inside a closed outline."""
        corners = np.array(self.outline, np.float64)
        if self.closed and _inside(corners, at):
            return 0.0
        if self.closed:
            corners = np.vstack([corners, corners[:1]])
        if len(corners) == 1:
            return float(np.linalg.norm(corners[0] - at))
        return min(_to_segment(np.array(at), a, b) for a, b in pairwise(corners))


@dataclass(frozen=True, slots=True)
class Ground:
    matrix: Matrix  # pixels to metres
    residual_m: float  # how far the calibration's own points miss

    @classmethod
    def from_points(cls, pixels: list[Point], metres: list[Point]) -> "Ground":
        """Of four known points or more, no three of the first four on a line."""
        if len(pixels) != len(metres) or len(pixels) < 4:
            raise UnusableGround("give four points or more, each in pixels and in metres")
        matrix = _homography(np.array(pixels, np.float64), np.array(metres, np.float64))
        misses = [
            float(np.linalg.norm(np.array(_through(matrix, pixel)) - metre))
            for pixel, metre in zip(pixels, metres, strict=True)
        ]
        return cls(matrix, max(misses))

    def metres(self, pixel: Point) -> Point | None:
        """None above the horizon, where there is no ground."""
        return _through(self.matrix, pixel)

    def error_m(self, pixel: Point, pixels: float = FOOT_PIXELS) -> float:
        """What a foot point that is off by so many pixels does here, and the calibration's own error."""
        at = self.metres(pixel)
        if at is None:
            return float("inf")
        moved = [
            self.metres((pixel[0] + dx, pixel[1] + dy))
            for dx, dy in ((pixels, 0.0), (-pixels, 0.0), (0.0, pixels), (0.0, -pixels))
        ]
        if any(each is None for each in moved):
            return float("inf")
        return self.residual_m + max(
            float(np.hypot(each[0] - at[0], each[1] - at[1])) for each in moved if each is not None
        )


def _homography(pixels: npt.NDArray[np.float64], metres: npt.NDArray[np.float64]) -> Matrix:
    """Direct linear transformation, both sides scaled about their means so that the numbers are alike."""
    first, second = _normaliser(pixels), _normaliser(metres)
    rows = []
    for (x, y), (u, v) in zip(_apply(first, pixels), _apply(second, metres), strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, -u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, -v])
    _, sizes, right = np.linalg.svd(np.array(rows))
    found = np.linalg.inv(second) @ right[-1].reshape(3, 3) @ first
    # two solutions, or none that can be turned back: three points of four on a line
    if sizes[7] < 1e-6 * sizes[0] or not np.linalg.cond(right[-1].reshape(3, 3)) < _WORST_CONDITION:
        raise UnusableGround("three of the points lie on one line: choose corners of an area")
    # the sign that makes the ground's own points lie in front of the camera
    depth = np.column_stack([pixels, np.ones(len(pixels))]) @ found[2]
    if (depth > 0).any() and (depth < 0).any():
        raise UnusableGround("the points lie on both sides of the horizon: check their order")
    return np.asarray(found if depth[0] > 0 else -found, np.float64)


def _normaliser(points: npt.NDArray[np.float64]) -> Matrix:
    middle = points.mean(axis=0)
    spread = float(np.linalg.norm(points - middle, axis=1).mean())
    if not np.isfinite(spread) or spread == 0.0:
        raise UnusableGround("the points are all one point")
    scale = np.sqrt(2) / spread
    return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]])


def _apply(matrix: Matrix, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(points * matrix[0, 0] + matrix[:2, 2])


def _through(matrix: Matrix, pixel: Point) -> Point | None:
    x, y, depth = matrix @ np.array([pixel[0], pixel[1], 1.0])
    if depth <= 1e-12:
        return None
    return float(x / depth), float(y / depth)


def _to_segment(at: npt.NDArray[np.float64], a: Matrix, b: Matrix) -> float:
    along = b - a
    length = float(along @ along)
    part = 0.0 if length == 0 else float(np.clip((at - a) @ along / length, 0.0, 1.0))
    return float(np.linalg.norm(a + part * along - at))


def _inside(corners: npt.NDArray[np.float64], at: Point) -> bool:
    x, y = at
    crossings = 0
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            crossings += 1
    return crossings % 2 == 1
