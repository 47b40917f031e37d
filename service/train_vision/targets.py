"""Which cell of the net answers for which box: ATSS with nine candidates a level (Zhang et al., 2020)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from service.train_vision.dataset import CLASSES, PERSON, Boxes, Labels, ignored_label

CANDIDATES: Final = 9
ANCHOR: Final = 5.0  # strides: side of the square that stands for a cell


@dataclass(frozen=True, slots=True)
class Cells:
    """Where the net looks: in the order of its output."""

    centres: npt.NDArray[np.float32]  # (cells, 2) pixels
    strides: npt.NDArray[np.float32]  # (cells,) pixels


@dataclass(frozen=True, slots=True)
class Targets:
    """What each cell of one picture should say."""

    label: Labels  # (cells,) -1: no object
    box: Boxes  # (cells, 4), of cells with a label
    weight: npt.NDArray[np.float32]  # (cells, classes) 0: left out of the loss


def assigned(cells: Cells, boxes: Boxes, labels: Labels) -> Targets:
    label = np.full(len(cells.strides), -1, np.int64)
    box = np.zeros((len(cells.strides), 4), np.float32)
    weight = np.ones((len(cells.strides), len(CLASSES)), np.float32)
    for of_class in range(len(CLASSES)):
        for region in boxes[labels == ignored_label(of_class)]:
            weight[_inside(cells.centres, region[None])[:, 0], of_class] = 0.0
    # persons first: a helmet or a head takes over the cells that it shares with one
    for chosen in (labels == PERSON, labels > PERSON):
        if chosen.any():
            owner = _owners(cells, boxes[chosen])
            held = owner >= 0
            label[held] = labels[chosen][owner[held]]
            box[held] = boxes[chosen][owner[held]]
    held_cells = np.flatnonzero(label >= 0)
    weight[held_cells, label[held_cells]] = 1.0
    return Targets(label, box, weight)


def _owners(cells: Cells, boxes: Boxes) -> npt.NDArray[np.int64]:
    """Index of the box that a cell answers for, -1 for none; the best fitting where several want it."""
    overlap = _overlap(_anchors(cells), boxes)  # (cells, boxes)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    far = np.linalg.norm(cells.centres[:, None] - middle[None], axis=2)
    candidate = np.zeros(overlap.shape, np.bool_)
    for stride in np.unique(cells.strides):
        level = np.flatnonzero(cells.strides == stride)
        nearest = np.argsort(far[level], axis=0, kind="stable")[:CANDIDATES]
        candidate[level[nearest], np.arange(len(boxes))] = True
    among = np.where(candidate, overlap, np.nan)
    bound = np.nanmean(among, axis=0) + np.nanstd(among, axis=0)
    fits = candidate & (overlap >= bound) & _inside(cells.centres, boxes)
    best = np.where(fits, overlap, -1.0)
    return np.where(fits.any(axis=1), best.argmax(axis=1), -1)


def _anchors(cells: Cells) -> Boxes:
    half = (ANCHOR / 2 * cells.strides)[:, None]
    return np.concatenate([cells.centres - half, cells.centres + half], axis=1)


def _inside(points: npt.NDArray[np.float32], boxes: Boxes) -> npt.NDArray[np.bool_]:
    """(points, boxes)"""
    x, y = points[:, 0, None], points[:, 1, None]
    return (x > boxes[:, 0]) & (x < boxes[:, 2]) & (y > boxes[:, 1]) & (y < boxes[:, 3])


def _overlap(first: Boxes, second: Boxes) -> npt.NDArray[np.float32]:
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=2)
    area = [np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (first, second)]
    found = both / (area[0][:, None] + area[1][None] - both)
    return np.asarray(found, np.float32)
