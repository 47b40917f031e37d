"""Persons, helmets and bare heads on one picture: letterbox, net, tiles for far cameras.

The net is anything with the input `image` [1, 3, side, side], BGR 0 to 255, and the output `boxes_scores`
[1, cells, 7]: x1, y1, x2, y2 in input pixels, then the scores of person, helmet and head, 0 to 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from detectors.violations.boxes import (
    Detections,
    Floats,
    Picture,
    joined,
    overlap,
    suppressed,
)

_GREY: Final = 114  # what the net was trained to see beside a picture
_CUT_PIXELS: Final = 2.0  # a box this near to a tile's inner edge is only a part of its thing


class Net(Protocol):
    side: int  # of its square input, pixels

    def boxes_scores(self, pictures: Floats) -> Floats:
        """(1, 3, side, side) -> (cells, 7)"""
        ...


class UnusablePicture(ValueError):
    """An array that is no BGR picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """The picture once more in parts, so that far heads are large enough. Costs one run of the net each."""

    columns: int = 2
    rows: int = 2
    part: float = (
        0.6  # of the width and the height: neighbours overlap, what one cuts another has whole
    )

    def __post_init__(self) -> None:
        if self.columns < 1 or self.rows < 1 or self.columns * self.rows > 16:
            raise ValueError(f"{self.columns} x {self.rows} tiles: 1 to 16 are possible")
        if not 0.0 < self.part <= 1.0:
            raise ValueError(f"a tile of {self.part} of the picture: above 0, up to 1")
        if (
            self.part * min(self.columns, self.rows) < 1.0
            and self.part * max(self.columns, self.rows) < 1.0
        ):
            raise ValueError(f"tiles of {self.part} do not cover the picture")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecogniseConfig:
    floor: float = 0.05  # what scores less is nothing
    same_thing: float = 0.5  # IoU from which two boxes are one
    tiles: Tiles | None = None
    mirrored: bool = False  # the whole picture once more, mirrored: a little better, one run more


@dataclass(frozen=True, slots=True)
class _View:
    """Part of the picture that the net looks at once."""

    x: int
    y: int
    width: int
    height: int
    mirrored: bool = False
    is_tile: bool = False


@dataclass(slots=True)
class Recogniser:
    net: Net
    config: RecogniseConfig = field(default_factory=RecogniseConfig)

    def detect(self, picture: Picture) -> Detections:
        """Strongest first. Raises UnusablePicture."""
        _check(picture)
        views = list(_views(picture.shape[1], picture.shape[0], self.config))
        whole = [self._seen(picture, view) for view in views if not view.is_tile]
        tiles = [self._seen(picture, view) for view in views if view.is_tile]
        found = _mean_of(whole, self.config.same_thing)
        if tiles:
            found = suppressed(joined([found, *tiles]), self.config.same_thing)
        order = np.argsort(-found.scores, kind="stable")
        return found.where(order[found.scores[order] >= self.config.floor])

    def _seen(self, picture: Picture, view: _View) -> Detections:
        cut = picture[view.y : view.y + view.height, view.x : view.x + view.width]
        if view.mirrored:
            cut = cut[:, ::-1]
        pictures, factor = letterboxed(cut, self.net.side)
        output = self.net.boxes_scores(pictures)
        found = _detections(output, self.config.floor / 2, factor, view)
        if view.is_tile:
            found = found.where(~_cut(found.boxes, view, picture.shape[1], picture.shape[0]))
        found = suppressed(found, self.config.same_thing)
        return _back(found, view)


def letterboxed(picture: Picture, side: int) -> tuple[Floats, float]:
    """(1, 3, side, side) with the picture at the top left, and by how much it was scaled."""
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    canvas = np.full((side, side, 3), _GREY, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=method)
    planes = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], dtype=np.float32)
    return planes, factor


def _check(picture: npt.NDArray[np.generic]) -> None:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise UnusablePicture(
            f"a picture is rows x columns x 3 bytes, not {picture.shape} of {picture.dtype}"
        )
    if min(picture.shape[:2]) < 8:
        raise UnusablePicture(f"a picture of {picture.shape[1]} x {picture.shape[0]} shows nothing")


def _views(width: int, height: int, config: RecogniseConfig) -> Iterator[_View]:
    yield _View(0, 0, width, height)
    if config.mirrored:
        yield _View(0, 0, width, height, mirrored=True)
    if (tiles := config.tiles) is not None:
        across = _starts(width, tiles.columns, tiles.part)
        down = _starts(height, tiles.rows, tiles.part)
        for y, tall in down:
            for x, wide in across:
                yield _View(x, y, wide, tall, is_tile=True)


def _starts(length: int, count: int, part: float) -> list[tuple[int, int]]:
    """Where each of `count` tiles begins along one side, and how long it is."""
    size = length if count == 1 else min(max(int(length * part), 8), length)
    return [(round(row * (length - size) / max(count - 1, 1)), size) for row in range(count)]


def _detections(output: Floats, floor: float, factor: float, view: _View) -> Detections:
    boxes = output[:, :4] / np.float32(factor)
    limit = np.array([view.width, view.height] * 2, np.float32)
    rows, classes = np.nonzero(output[:, 4:] >= floor)
    return Detections(
        np.clip(boxes[rows], 0, limit), output[rows, 4 + classes], classes.astype(np.int64)
    )


def _cut(boxes: Floats, view: _View, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Boxes that end where the tile does and the picture does not."""
    edge = _CUT_PIXELS * max(view.width, view.height) / 416
    right, bottom = view.x + view.width < width, view.y + view.height < height
    return (
        ((boxes[:, 0] <= edge) & (view.x > 0))
        | ((boxes[:, 1] <= edge) & (view.y > 0))
        | ((boxes[:, 2] >= view.width - edge) & right)
        | ((boxes[:, 3] >= view.height - edge) & bottom)
    )


def _back(found: Detections, view: _View) -> Detections:
    """From the view's pixels to the picture's."""
    boxes = found.boxes.copy()
    if view.mirrored:
        boxes[:, [0, 2]] = view.width - found.boxes[:, [2, 0]]
    return Detections(
        boxes + np.array([view.x, view.y] * 2, np.float32), found.scores, found.classes
    )


def _mean_of(views: list[Detections], same_thing: float) -> Detections:
    """One box for each thing; its score is the mean over the views, 0 where a view has none."""
    if len(views) == 1:
        return views[0]
    every = joined(views)
    kept = suppressed(every, same_thing)
    scores = np.zeros(len(kept), np.float32)
    for view in views:
        scores += _best_same(kept, view, same_thing)
    return Detections(kept.boxes, scores / np.float32(len(views)), kept.classes)


def _best_same(kept: Detections, view: Detections, same_thing: float) -> Floats:
    """(kept,) the highest score that a view gives to each thing."""
    if not len(kept) or not len(view):
        return np.zeros(len(kept), np.float32)
    same = overlap(kept.boxes, view.boxes) > same_thing
    same &= kept.classes[:, None] == view.classes[None]
    return np.asarray(np.where(same, view.scores[None], 0).max(axis=1), np.float32)
