"""Whether a camera still sees what it was set up to see: dead, frozen, dark or moved, each with a dwell time;
broken at once.

Plain arithmetic over a grey miniature of each picture; no picture is kept. A state is told when it has
stood for its time, and ends when the picture is well for as long: a lamp that flickers is not an event.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.cameras import Camera, CameraState, Picture
from domain.clock import NEVER_US, SECOND_US

_HIGH: Final = 36  # cells of the miniature; 64 x 36 sees a bay and not a fly
_WIDE: Final = 64

Miniature = NDArray[np.float32]  # (36, 64), 0 to 255


@dataclass(frozen=True, slots=True, kw_only=True)
class EyesightTimes:
    """How long a state must stand. Defaults of ours (D): a site changes them by measurement."""

    frozen_s: float = 30.0
    dark_s: float = 20.0
    moved_s: float = 20.0
    well_again_s: float = 5.0


# A live sensor has noise: two pictures of the same scene differ by more than this, on average of the cells.
# A picture that was decoded anew from the same bytes differs by nothing.
_SAME: Final = 0.02
_DARK_BELOW: Final = 12.0  # mean of 0 to 255; an infrared picture at night lies above 30
_LIKE_BEFORE: Final = (
    0.35  # correlation of the edges with the reference; another view gives about 0
)
_LEARNS: Final = 0.02  # of each new picture: shadows wander, bays do not
_EDGES_AT_LEAST: Final = 2.0  # mean gradient; a fog or a white wall has no view to compare


class Eyesight:
    """One camera's. Give it every picture that is looked at, and the time when there is none."""

    def __init__(
        self, camera: Camera, started_at_us: int, times: EyesightTimes | None = None
    ) -> None:
        self._camera = camera
        self._times = times or EyesightTimes()
        self._last_seen_us = started_at_us
        self._before: Miniature | None = None
        self._reference: NDArray[np.float32] | None = None
        self._suspected = CameraState.STARTING
        self._suspected_since_us = NEVER_US
        self.state = CameraState.STARTING
        self.since_us = started_at_us

    def saw(self, picture: Picture, at_us: int) -> CameraState:
        """The state after this picture."""
        self._last_seen_us = at_us
        now = miniature(picture)
        looks = self._looks(now)
        self._before = now
        self._consider(looks, at_us)
        if self.state.shows and looks is CameraState.LIVE:
            self._learn(now)
        return self.state

    def passed(self, now_us: int) -> CameraState:
        """The state at a moment without a picture."""
        if now_us - self._last_seen_us >= self._camera.silent_after_s * SECOND_US:
            self._become(CameraState.DEAD, self._last_seen_us)
            self._suspected = CameraState.DEAD
            self._suspected_since_us = NEVER_US
            self._before = None
        return self.state

    def broke(self, at_us: int) -> CameraState:
        """Something came that is no picture. It is told at once, and is over when none came for a while."""
        self._suspected, self._suspected_since_us = CameraState.BROKEN, at_us
        if self.state in {CameraState.STARTING, CameraState.LIVE}:
            self._become(CameraState.BROKEN, at_us)
        return self.state

    def looks_there(self, picture: Picture) -> None:
        """The view it has now is the one it shall have: a person said so."""
        self._reference = _edges(miniature(picture))

    def _looks(self, now: Miniature) -> CameraState:
        if self._camera.watch_dark and float(now.mean()) < _DARK_BELOW:
            return CameraState.DARK
        if self._before is not None and float(np.abs(now - self._before).mean()) < _SAME:
            return CameraState.FROZEN
        if self._camera.watch_moved and self._reference is not None:
            edges = _edges(now)
            if float(edges.mean()) >= _EDGES_AT_LEAST and (
                _correlation(edges, self._reference) < _LIKE_BEFORE
            ):
                return CameraState.MOVED
        return CameraState.LIVE

    def _consider(self, looks: CameraState, at_us: int) -> None:
        if looks is not self._suspected:
            self._suspected = looks
            self._suspected_since_us = at_us
        if looks is self.state:
            return
        if self.state is CameraState.STARTING and looks is CameraState.LIVE:
            self._become(looks, at_us)
        elif at_us - self._suspected_since_us >= self._dwell_us(looks):
            self._become(looks, self._suspected_since_us)

    def _dwell_us(self, state: CameraState) -> int:
        seconds = {
            CameraState.FROZEN: self._times.frozen_s,
            CameraState.DARK: self._times.dark_s,
            CameraState.MOVED: self._times.moved_s,
        }.get(state, self._times.well_again_s)
        return round(seconds * SECOND_US)

    def _become(self, state: CameraState, since_us: int) -> None:
        if state is not self.state:
            self.state, self.since_us = state, since_us

    def _learn(self, now: Miniature) -> None:
        edges = _edges(now)
        if self._reference is None:
            self._reference = edges
        else:
            self._reference += _LEARNS * (edges - self._reference)


def miniature(picture: Picture) -> Miniature:
    """Means of 64 x 36 cells, of a tenth of the pixels: enough, and 0.3 ms for full HD."""
    height, width = picture.shape[:2]
    high, wide = min(_HIGH, height), min(_WIDE, width)
    rows, columns = max(1, height // high), max(1, width // wide)
    cut = picture[: high * rows, : wide * columns].reshape(high, rows, wide, columns, -1)
    sampled = cut[:, :: max(1, rows // 3), :, :: max(1, columns // 3)]
    means: Miniature = sampled.mean(axis=(1, 3, 4), dtype=np.float32)
    return means


def _edges(small: Miniature) -> NDArray[np.float32]:
    """What stays of a view when the light changes."""
    down = np.abs(np.diff(small, axis=0))[:, :-1]
    right = np.abs(np.diff(small, axis=1))[:-1, :]
    return down + right


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    if one.shape != other.shape:
        return 0.0  # another resolution: somebody set the camera up anew
    a, b = one - one.mean(), other - other.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 1.0
