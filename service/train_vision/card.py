"""The card of a trained net: what it must hash to, what it was made from, what was measured with it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from detectors.violations.boxes import Class, Detections
from detectors.violations.recognise import RecogniseConfig, Recogniser, Tiles
from service.train_vision.augment import SIDE
from service.train_vision.dataset import CLASSES, Labelled, read_dataset
from service.train_vision.scoring import average_precisions, best_threshold
from service.vision.model import Card, Model, Thresholds, card_path
from service.vision.net import build_net

_LICENCE: Final = "as its start and its pictures say"
_FLOOR: Final = 0.02
_USUAL: Final = Thresholds(person=0.5, helmet=0.4, head=0.4)


def write_card(
    net: Path, start: Path, annotations: Path, images: Path, about: dict[str, Any]
) -> Card:
    """Measured with the product's own recogniser; the thresholds are the best of this folder."""
    data = net.read_bytes()
    card = Card(
        name=net.stem,
        sha256=hashlib.sha256(data).hexdigest(),
        side=SIDE,
        classes=CLASSES,
        thresholds=_USUAL,
        licence=_LICENCE,
        data=f"{annotations.name}: {len(read_dataset(annotations, images))} pictures",
        start=start.name,
    )
    recogniser = Recogniser(
        build_net(Model(card, data)), RecogniseConfig(floor=_FLOOR, tiles=Tiles(), mirrored=True)
    )
    truth = json.loads(annotations.read_text(encoding="utf-8"))
    found = detections_of(recogniser, read_dataset(annotations, images))
    figures = {**about, "trained_on_ap50": average_precisions(truth, found)}
    chosen = {name: best_threshold(truth, found, name) for name in ("helmet", "head")}
    card = card.model_copy(
        update={"figures": figures, "thresholds": _USUAL.model_copy(update=chosen)}
    )
    text = json.dumps(card.model_dump(), indent=2, ensure_ascii=False)
    card_path(net).write_text(f"{text}\n", encoding="utf-8")
    return card


def detections_of(recogniser: Recogniser, pictures: Sequence[Labelled]) -> list[dict[str, Any]]:
    """As COCO rows."""
    rows: list[dict[str, Any]] = []
    for each in pictures:
        picture = np.asarray(cv2.imread(str(each.path), cv2.IMREAD_COLOR), np.uint8)
        rows += as_coco(each.image_id, recogniser.detect(picture))
    return rows


def as_coco(image_id: int, found: Detections) -> list[dict[str, Any]]:
    return [
        {
            "image_id": image_id,
            "category": Class(int(of_class)).name.lower(),
            "bbox": [round(float(each), 2) for each in (*box[:2], *(box[2:] - box[:2]))],
            "score": round(float(score), 5),
        }
        for box, score, of_class in zip(found.boxes, found.scores, found.classes, strict=True)
    ]
