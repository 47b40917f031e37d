"""Boxes that a net found, and their arithmetic. A box is x1, y1, x2, y2 in pixels of the picture."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]  # (height, width, 3) BGR
Box = tuple[float, float, float, float]


class Class(IntEnum):
    """In the order of the net's output."""

    PERSON = 0
    HELMET = 1  # a head that wears one
    HEAD = 2  # a bare head


@dataclass(frozen=True, slots=True)
class Detections:
    boxes: Floats  # (n, 4)
    scores: Floats  # (n,)
    classes: npt.NDArray[np.int64]  # (n,)

    def __len__(self) -> int:
        return len(self.scores)

    def of(self, wanted: Class, at_least: float = 0.0) -> "Detections":
        return self.where((self.classes == wanted) & (self.scores >= at_least))

    def where(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Detections":
        return Detections(self.boxes[chosen], self.scores[chosen], self.classes[chosen])


def joined(parts: list[Detections]) -> Detections:
    if not parts:
        return NOTHING
    return Detections(
        np.concatenate([each.boxes for each in parts]),
        np.concatenate([each.scores for each in parts]),
        np.concatenate([each.classes for each in parts]),
    )


NOTHING: Final = Detections(
    np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)
)


def areas(boxes: Floats) -> Floats:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def shared(first: Floats, second: Floats) -> Floats:
    """(n, m) area that two boxes have in common."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.maximum(high - low, 0)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def overlap(first: Floats, second: Floats) -> Floats:
    """(n, m) intersection over union."""
    both = shared(first, second)
    either = areas(first)[:, None] + areas(second)[None] - both
    return np.asarray(both / np.maximum(either, 1e-6), np.float32)


MOST_OF_A_CLASS: Final = 300  # that one look may give: a net gone wrong must not cost seconds


def suppressed(found: Detections, at: float) -> Detections:
    """The strongest of boxes of one class that overlap by more than `at`, strongest first."""
    kept = [
        row
        for of_class in np.unique(found.classes)
        for row in _strongest(found, np.flatnonzero(found.classes == of_class), at)
    ]
    chosen = np.array(kept, np.int64)
    return found.where(chosen[np.argsort(-found.scores[chosen], kind="stable")])


def _strongest(found: Detections, rows: npt.NDArray[np.int64], at: float) -> list[int]:
    rows = rows[np.argsort(-found.scores[rows], kind="stable")][:MOST_OF_A_CLASS]
    same = overlap(found.boxes[rows], found.boxes[rows]) > at
    standing = np.ones(len(rows), np.bool_)
    for row in range(len(rows)):
        if standing[row]:
            standing[row + 1 :] &= ~same[row, row + 1 :]
    return [int(each) for each in rows[standing]]
