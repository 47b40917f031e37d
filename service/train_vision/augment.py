"""One training picture out of the labelled ones: mosaic, scale, flip, pasted heads, colour, blur.

All from one seeded generator, so that a run can be repeated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from service.train_vision.dataset import HEAD, HELMET, Boxes, Labels, Picture

SIDE: Final = 416
GREY: Final = 114
MOSAIC: Final = 0.35
PASTE: Final = 0.25
SCALE: Final = (0.65, 1.7)
SMALLEST: Final = 4.0  # pixels: what is smaller cannot be told apart by a person either
VISIBLE: Final = 0.45  # part of a box that must be left after a cut

Draw = Callable[[], "Example"]


@dataclass(frozen=True, slots=True)
class Example:
    picture: Picture
    boxes: Boxes
    labels: Labels


def augmented(draw: Draw, rng: np.random.Generator) -> Example:
    """A picture of SIDE by SIDE. `draw` gives a labelled one, at random."""
    example = _mosaic(draw, rng) if rng.random() < MOSAIC else _placed(draw(), rng)
    if rng.random() < PASTE:
        example = _with_pasted_heads(example, draw(), rng)
    if rng.random() < 0.5:
        example = mirrored(example)
    return Example(_recoloured(example.picture, rng), example.boxes, example.labels)


def mirrored(example: Example) -> Example:
    width = example.picture.shape[1]
    boxes = example.boxes.copy()
    boxes[:, [0, 2]] = width - example.boxes[:, [2, 0]]
    return Example(np.ascontiguousarray(example.picture[:, ::-1]), boxes, example.labels)


def _placed(example: Example, rng: np.random.Generator) -> Example:
    """Scaled and shifted at random into a grey square."""
    height, width = example.picture.shape[:2]
    scale = float(np.exp(rng.uniform(*np.log(SCALE)))) * SIDE / max(height, width)
    stretch = float(rng.uniform(0.9, 1.1))
    size = np.array([width * scale * stretch, height * scale / stretch])
    room = SIDE - size
    # a larger picture is cut, a smaller one stands anywhere
    shift = rng.uniform(np.minimum(room, 0), np.maximum(room, 0))
    return warped(example, size / (width, height), shift, (SIDE, SIDE))


def warped(
    example: Example,
    scale: np.ndarray[tuple[int], np.dtype[np.float64]],
    shift: np.ndarray[tuple[int], np.dtype[np.float64]],
    size: tuple[int, int],
) -> Example:
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], np.float64)
    smaller = min(scale) < 0.7
    picture = cv2.warpAffine(
        cv2.GaussianBlur(example.picture, (3, 3), 0) if smaller else example.picture,
        matrix,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(GREY, GREY, GREY),
    )
    boxes = example.boxes * np.tile(scale, 2) + np.tile(shift, 2)
    return _cut(
        Example(np.asarray(picture, np.uint8), boxes.astype(np.float32), example.labels),
        (0, 0, *size),
    )


def _cut(example: Example, window: tuple[int, int, int, int]) -> Example:
    """Boxes inside the window; what is cut too far or too small becomes a region to leave out."""
    low, high = np.array(window[:2] * 2, np.float32), np.array(window[2:] * 2, np.float32)
    boxes = np.clip(example.boxes, low, high)
    side = boxes[:, 2:] - boxes[:, :2]
    full = np.prod(example.boxes[:, 2:] - example.boxes[:, :2], axis=1)
    left = np.prod(side, axis=1) / np.maximum(full, 1e-6)
    there = side.min(axis=1, initial=np.inf) > 1.0
    good = (side.min(axis=1, initial=np.inf) >= SMALLEST) & (left >= VISIBLE)
    labels = np.where(good | (example.labels < 0), example.labels, -1 - example.labels)
    return Example(example.picture, boxes[there], labels[there])


def _mosaic(draw: Draw, rng: np.random.Generator) -> Example:
    """Four pictures around a random centre."""
    canvas = np.full((SIDE, SIDE, 3), GREY, np.uint8)
    middle_x, middle_y = (int(each) for each in rng.uniform(0.35 * SIDE, 0.65 * SIDE, 2))
    parts = [
        (0, 0, middle_x, middle_y),
        (middle_x, 0, SIDE, middle_y),
        (0, middle_y, middle_x, SIDE),
        (middle_x, middle_y, SIDE, SIDE),
    ]
    found = [_tile(draw(), part, rng) for part in parts]
    for (x1, y1, x2, y2), tile in zip(parts, found, strict=True):
        canvas[y1:y2, x1:x2] = tile.picture
    boxes = [
        tile.boxes + np.array(part[:2] * 2, np.float32)
        for part, tile in zip(parts, found, strict=True)
    ]
    return Example(canvas, np.concatenate(boxes), np.concatenate([tile.labels for tile in found]))


def _tile(example: Example, part: tuple[int, int, int, int], rng: np.random.Generator) -> Example:
    size = (part[2] - part[0], part[3] - part[1])
    height, width = example.picture.shape[:2]
    scale = float(rng.uniform(0.5, 1.1)) * SIDE / max(height, width)
    room = np.array(size) - np.array([width, height]) * scale
    shift = rng.uniform(np.minimum(room, 0), np.maximum(room, 0))
    return warped(example, np.array([scale, scale]), shift, size)


def _with_pasted_heads(example: Example, other: Example, rng: np.random.Generator) -> Example:
    """A few heads of another picture, feathered, where nothing stands: bare heads are rare in the data."""
    picture, boxes, labels = example.picture.copy(), list(example.boxes), list(example.labels)
    order = [each for each in (HEAD, HELMET) for _ in range(2)]
    donors = [
        index
        for wanted in order
        for index in rng.permutation(np.flatnonzero(other.labels == wanted))[:1]
    ]
    for index in donors:
        patch = _patch(other, int(index), rng)
        if patch is None:
            continue
        spot = _free_spot(patch.picture.shape[:2], np.array(boxes).reshape(-1, 4), rng)
        if spot is None:
            continue
        _blend(picture, patch.picture, spot)
        boxes.append(patch.boxes[0] + np.array(spot * 2, np.float32))
        labels.append(int(other.labels[index]))
    return Example(picture, np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int64))


def _patch(example: Example, index: int, rng: np.random.Generator) -> Example | None:
    """The box with a margin, at a new size."""
    box = example.boxes[index]
    width, height = box[2:] - box[:2]
    margin = 0.3 * np.array([width, height])
    limit = np.array(example.picture.shape[1::-1])
    first = np.maximum(box[:2] - margin, 0).astype(int)
    last = np.minimum(box[2:] + margin, limit).astype(int)
    if min(width, height) < 10 or (last - first).min() < 8:
        return None
    side = float(np.exp(rng.uniform(np.log(12), np.log(64))))
    scale = min(side / float(max(width, height)), 1.6)
    size = np.maximum(((last - first) * scale).astype(int), 4)
    crop = example.picture[first[1] : last[1], first[0] : last[0]]
    picture = cv2.resize(crop, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    moved = (box - np.tile(first, 2)) * scale
    return Example(
        np.asarray(picture, np.uint8), moved[None].astype(np.float32), np.zeros(1, np.int64)
    )


def _free_spot(
    size: tuple[int, ...], boxes: Boxes, rng: np.random.Generator
) -> tuple[int, int] | None:
    height, width = size
    for _ in range(10):
        x, y = int(rng.integers(0, SIDE - width)), int(rng.integers(0, SIDE - height))
        overlaps = (
            (boxes[:, 0] < x + width)
            & (boxes[:, 2] > x)
            & (boxes[:, 1] < y + height)
            & (boxes[:, 3] > y)
        )
        if not overlaps.any():
            return x, y
    return None


def _blend(picture: Picture, patch: Picture, spot: tuple[int, int]) -> None:
    height, width = patch.shape[:2]
    x, y = spot
    mask = np.zeros((height, width), np.float32)
    cv2.ellipse(
        mask,
        (width // 2, height // 2),
        (int(width * 0.42), int(height * 0.45)),
        0,
        0,
        360,
        (1.0,),
        -1,
    )
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), max(1.0, width / 16)), np.float32)
    under = picture[y : y + height, x : x + width]
    under[:] = (patch * mask[..., None] + under * (1 - mask[..., None])).astype(np.uint8)


def _recoloured(picture: Picture, rng: np.random.Generator) -> Picture:
    found = picture
    if rng.random() < 0.7:
        found = _hue_shifted(found, rng)
    if rng.random() < 0.06:
        found = np.repeat(np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2GRAY))[..., None], 3, axis=2)
    if rng.random() < 0.2:
        found = np.asarray(cv2.GaussianBlur(found, (0, 0), float(rng.uniform(0.4, 1.6))), np.uint8)
    if rng.random() < 0.2:
        quality = int(rng.integers(25, 80))
        _, packed = cv2.imencode(".jpg", found, [cv2.IMWRITE_JPEG_QUALITY, quality])
        found = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    gain, lift = float(rng.uniform(0.65, 1.35)), float(rng.uniform(-25, 25))
    return np.asarray(np.clip(found * np.float32(gain) + np.float32(lift), 0, 255), np.uint8)


def _hue_shifted(picture: Picture, rng: np.random.Generator) -> Picture:
    hsv = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV), np.int16)
    # helmets come in every colour, skin does not: mostly a little, seldom far
    shift = int(rng.integers(-90, 90)) if rng.random() < 0.08 else int(rng.integers(-8, 9))
    hsv[..., 0] = (hsv[..., 0] + shift) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.6, 1.4), 0, 255)
    return np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR), np.uint8)
