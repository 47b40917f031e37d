"""The training: reading a folder, augmenting, targets, figures; where torch is installed, a run."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from service.train_vision.augment import SIDE, Example, augmented, mirrored
from service.train_vision.dataset import HEAD, HELMET, PERSON, UnusableDataset, read_dataset
from service.train_vision.scoring import average_precisions, best_threshold
from service.train_vision.targets import Cells, assigned
from service.vision.model import DEFAULT_MODEL, read_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    images, annotations = [], []
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), rng.integers(0, 256, (120, 160, 3), np.uint8))
        images.append({"id": number, "file_name": f"{number}.jpg", "width": 160, "height": 120})
        box = [20 + 10 * number, 30, 30, 30]
        annotations.append(
            {"id": number, "image_id": number, "category_id": 1 + number % 2, "bbox": box}
        )
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "helmet"}, {"id": 2, "name": "head"}],
    }
    (tmp_path / "train.json").write_text(json.dumps(document), encoding="utf-8")
    return tmp_path


def spoilt(folder: Path, **changed: Any) -> Path:
    path = folder / "train.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}), encoding="utf-8")
    return path


def test_a_coco_folder_is_read(folder: Path) -> None:
    pictures = read_dataset(folder / "train.json", folder)
    assert [each.labels.tolist() for each in pictures] == [[HELMET], [HEAD], [HELMET], [HEAD]]
    assert pictures[0].boxes.tolist() == [[20, 30, 50, 60]]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        pytest.param({"categories": [{"id": 1, "name": "helmet"}]}, "COCO|head", id="no-head"),
        pytest.param({"annotations": []}, "labels no helmet", id="no-boxes"),
        pytest.param(
            {"images": [{"id": 0, "file_name": "x.jpg"}]}, r"x\.jpg", id="picture-missing"
        ),
        pytest.param({"images": 3}, "COCO", id="not-coco"),
        pytest.param(
            {"annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 0, 5]}]},
            "without area",
            id="flat-box",
        ),
    ],
)
def test_a_folder_that_teaches_nothing_is_refused(
    folder: Path, changed: dict[str, Any], what: str
) -> None:
    with pytest.raises(UnusableDataset, match=what):
        read_dataset(spoilt(folder, **changed), folder)


def example() -> Example:
    picture = np.random.default_rng(5).integers(0, 256, (200, 300, 3), np.uint8)
    boxes = np.array([[50, 40, 90, 80], [200, 100, 260, 160]], np.float32)
    return Example(picture, boxes, np.array([HELMET, HEAD], np.int64))


def test_the_same_seed_gives_the_same_picture() -> None:
    first, second, third = (
        augmented(example, np.random.default_rng(seed)) for seed in (11, 11, 12)
    )
    assert (first.picture == second.picture).all()
    assert (first.boxes == second.boxes).all()
    assert not (first.picture == third.picture).all()


@pytest.mark.parametrize("seed", range(12))
def test_boxes_stay_on_the_picture(seed: int) -> None:
    found = augmented(example, np.random.default_rng(seed))
    assert found.picture.shape == (SIDE, SIDE, 3)
    assert found.boxes.min(initial=0) >= 0
    assert found.boxes.max(initial=0) <= SIDE
    assert len(found.boxes) == len(found.labels)


def test_a_mirrored_picture_takes_its_boxes_along() -> None:
    turned = mirrored(example())
    assert turned.boxes[0].tolist() == [210, 40, 250, 80]
    assert mirrored(turned).boxes.tolist() == example().boxes.tolist()


def cells() -> Cells:
    y, x = np.mgrid[:10, :10]
    centres = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * 8
    return Cells(centres.astype(np.float32), np.full(100, 8, np.float32))


def test_a_head_takes_the_cells_that_it_shares_with_a_person() -> None:
    boxes = np.array([[8, 8, 56, 56], [20, 20, 44, 44]], np.float32)
    alone = assigned(cells(), boxes[:1], np.array([PERSON]))
    both = assigned(cells(), boxes, np.array([PERSON, HEAD]))
    assert (alone.label == PERSON).sum() > 0
    assert (both.label == HEAD).sum() > 0
    assert both.box[both.label == HEAD].tolist() == [boxes[1].tolist()] * (both.label == HEAD).sum()


def test_a_region_to_leave_out_has_no_weight_in_its_class_alone() -> None:
    found = assigned(cells(), np.array([[8, 8, 56, 56]], np.float32), np.array([-1 - PERSON]))
    assert (found.label == -1).all()
    assert (found.weight[:, PERSON] == 0).sum() == 36
    assert (found.weight[:, HEAD] == 1).all()


TRUTH = {
    "categories": [{"id": 1, "name": "head"}],
    "annotations": [
        {"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10]},
        {"image_id": 1, "category_id": 1, "bbox": [50, 50, 10, 10]},
    ],
}


@pytest.mark.parametrize(
    ("found", "precision"),
    [
        pytest.param([], 0.0, id="nothing"),
        pytest.param([(0, 0.9), (50, 0.8)], 1.0, id="both"),
        pytest.param([(0, 0.9), (0, 0.8)], 0.5, id="a-second-box-on-one-head-is-wrong"),
        pytest.param([(200, 0.9), (0, 0.8), (50, 0.7)], 2 / 3, id="a-false-one-first"),
        pytest.param([(0, 0.9), (200, 0.8), (50, 0.7)], 0.5 + 0.5 * 2 / 3, id="in-between"),
    ],
)
def test_average_precision(found: list[tuple[int, float]], precision: float) -> None:
    rows = [
        {"image_id": 1, "category": "head", "bbox": [at, at, 10, 10], "score": score}
        for at, score in found
    ]
    assert average_precisions(TRUTH, rows)["head"] == pytest.approx(precision)


def test_the_best_threshold_leaves_the_false_ones_out() -> None:
    rows = [
        {"image_id": 1, "category": "head", "bbox": [at, at, 10, 10], "score": score}
        for at, score in ((0, 0.65), (50, 0.61), (200, 0.5), (300, 0.45))
    ]
    assert 0.5 < best_threshold(TRUTH, rows, "head") <= 0.61


def test_a_short_run_writes_a_net_that_loads_and_repeats(folder: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    assert torch
    from service.train_vision.card import write_card
    from service.train_vision.training import Schedule, train

    pictures = read_dataset(folder / "train.json", folder)
    nets = [tmp_path / "one.onnx", tmp_path / "two.onnx"]
    told: list[float] = []
    for net in nets:
        schedule = Schedule(epochs=2, batch=2, threads=1)
        train(DEFAULT_MODEL, pictures, schedule, net, lambda each: told.append(each.loss))
    assert nets[0].read_bytes() == nets[1].read_bytes() != DEFAULT_MODEL.read_bytes()
    assert np.isfinite(told).all()
    write_card(nets[0], DEFAULT_MODEL, folder / "train.json", folder, {"epochs": 2})
    assert read_model(nets[0]).card.figures["epochs"] == 2
