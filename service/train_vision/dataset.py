"""A COCO-style folder as labelled pictures.

Only `helmet` and `head` are read; persons come from the net itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]  # (n, 4) x1, y1, x2, y2 in pixels
Labels = npt.NDArray[np.int64]  # (n,)
Picture = npt.NDArray[np.uint8]  # (height, width, 3) BGR

CLASSES: Final = ("person", "helmet", "head")
PERSON, HELMET, HEAD = range(3)


class UnusableDataset(ValueError):
    """A folder or its annotations that nothing can be learnt from."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture's file and its boxes. A label below 0 is a region to leave out: `ignored_label`."""

    image_id: int
    path: Path
    boxes: Boxes
    labels: Labels


def ignored_label(of_class: int) -> int:
    """The label of a region in which cells of this class are neither right nor wrong."""
    return -1 - of_class


def read_dataset(annotations: Path, images: Path) -> tuple[Labelled, ...]:
    """Every picture that the annotations name, also those without a box.

    Raises UnusableDataset with the first mistake found.
    """
    document = _document(annotations)
    try:
        names = {each["id"]: str(each["name"]) for each in document["categories"]}
        boxes = _boxes_by_image(document["annotations"], names)
        pictures = tuple(
            _labelled(images / each["file_name"], each["id"], boxes.get(each["id"], []))
            for each in document["images"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableDataset(f"{annotations} is not in the COCO layout: {error!r}") from error
    _check(annotations, names, pictures)
    return pictures


def _document(annotations: Path) -> Any:
    try:
        return json.loads(annotations.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UnusableDataset(f"cannot read {annotations}: {error}") from error


def _boxes_by_image(
    rows: Sequence[Mapping[str, Any]], names: Mapping[int, str]
) -> dict[int, list[tuple[list[float], int]]]:
    found: dict[int, list[tuple[list[float], int]]] = {}
    for row in rows:
        if (name := names[row["category_id"]]) not in CLASSES:
            continue
        x, y, width, height = (float(each) for each in row["bbox"])
        if not (width > 0 and height > 0):
            raise ValueError(f"annotation {row.get('id')} has a box without area")
        label = CLASSES.index(name)
        if row.get("ignore") or row.get("iscrowd"):
            label = ignored_label(label)
        found.setdefault(row["image_id"], []).append(([x, y, x + width, y + height], label))
    return found


def _labelled(path: Path, image_id: int, found: list[tuple[list[float], int]]) -> Labelled:
    return Labelled(
        image_id,
        path,
        np.array([box for box, _ in found], np.float32).reshape(-1, 4),
        np.array([label for _, label in found], np.int64),
    )


def _check(annotations: Path, names: Mapping[int, str], pictures: tuple[Labelled, ...]) -> None:
    for wanted in ("helmet", "head"):
        if wanted not in names.values():
            raise UnusableDataset(f"{annotations} has no category {wanted}")
    if not any(len(each.boxes) for each in pictures):
        raise UnusableDataset(f"{annotations} labels no helmet and no head")
    missing = next((each.path for each in pictures if not each.path.is_file()), None)
    if missing is not None:
        raise UnusableDataset(f"{annotations} names {missing}, which is not there")
