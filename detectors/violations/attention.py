"""Whether the net must look at a picture: where nothing has moved, what it found still stands there.

A picture is compared with the last one that the net saw, so that what moves slowly adds up. After a movement
the net looks at as many pictures as a rule wants to see; what stands still then counts as seen again, and now
and then it is looked at all the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from detectors.violations.boxes import NOTHING, Detections, Picture
from domain.clock import NEVER_US

_WIDE: Final = 104  # cells across: four pixels of the net's input each, and a far head has ten
_LEAST: Final = 5.0  # of 0 to 255, by which a cell must differ
_MOST: Final = 25.0  # a lamp changes all cells, which is no noise
_ABOVE_NOISE: Final = 6.0  # times the noise: the sensor's at night, the codec's at a key frame
_SURE_ENOUGH: Final = 0.3  # what scores less comes and goes

_Cells = npt.NDArray[np.float32]


@dataclass(slots=True)
class Attention:
    """One camera's. Deterministic."""

    again_after_us: int  # so long at most what was found is believed; 0: each picture is looked at
    looks: int = 5  # after a movement
    asked: int = 0  # pictures that the net looked at
    _left: int = 0  # looks after the last movement
    _seen: _Cells | None = None  # by the net
    _before: _Cells | None = None
    _found: Detections = field(default_factory=lambda: NOTHING)
    _asked_us: int = NEVER_US

    def found(
        self, picture: Picture, at_us: int, detect: Callable[[Picture], Detections]
    ) -> Detections:
        """What `detect` finds, or what it found while nothing has moved since."""
        now = _cells(picture)
        if self._moved(now):
            self._left = self.looks
        self._before = now
        if self._left == 0 and at_us - self._asked_us < self.again_after_us:
            return self._found
        found = detect(picture)
        self.asked += 1
        # somebody is there whom the cells did not show: he too is looked at more than once
        self._left = max(0, self._left - 1) if _alike(found, self._found) else self.looks
        self._seen, self._found, self._asked_us = now, found, at_us
        return found

    def _moved(self, now: _Cells) -> bool:
        if self._seen is None or self._before is None or self._seen.shape != now.shape:
            return True
        noise = float(np.median(np.abs(now - self._before)))
        # of four cells together: one alone is a compression's
        differs = cv2.blur(np.abs(now - self._seen), (2, 2))
        return bool(differs.max() > min(max(_LEAST, _ABOVE_NOISE * noise), _MOST))


def _cells(picture: Picture) -> _Cells:
    height, width = picture.shape[:2]
    size = min(_WIDE, width), max(1, round(height * min(_WIDE, width) / width))
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)


def _alike(one: Detections, other: Detections) -> bool:
    """As many of each class."""
    counts = [
        np.bincount(each.classes[each.scores >= _SURE_ENOUGH], minlength=3) for each in (one, other)
    ]
    return bool((counts[0] == counts[1]).all())
