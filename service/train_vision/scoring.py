"""Average precision at IoU 0.5, all points interpolated, as in VOC 2010 and after."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from detectors.violations.boxes import Floats, overlap

_SAME: Final = 0.5
_NO_BOXES: Final = np.zeros((0, 4), np.float32)


def average_precisions(
    truth: Mapping[str, Any], found: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """By the classes of a COCO document that have boxes. Detections name their `category`."""
    names = {each["id"]: str(each["name"]) for each in truth["categories"]}
    present = sorted({names[each["category_id"]] for each in truth["annotations"]})
    return {name: _of_class(name, names, truth["annotations"], found) for name in present}


def _of_class(
    name: str,
    names: Mapping[int, str],
    annotations: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
) -> float:
    return average_precision(*_judged(name, names, annotations, found))


def best_threshold(
    truth: Mapping[str, Any], found: Sequence[Mapping[str, Any]], name: str
) -> float:
    """The score with the highest F1, in hundredths and between 0.3 and 0.7; 0.4 where there is nothing."""
    names = {each["id"]: str(each["name"]) for each in truth["categories"]}
    scores, right, wanted = _judged(name, names, truth["annotations"], found)
    best = (0.0, 0.4)
    for threshold in np.arange(30, 71) / 100:
        told = scores >= threshold
        f1 = 2 * int(right[told].sum()) / max(int(told.sum()) + wanted, 1)
        best = max(best, (f1, float(threshold)), key=lambda each: each[0])
    return best[1]


def _judged(
    name: str,
    names: Mapping[int, str],
    annotations: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
) -> tuple[Any, Any, int]:
    """Score of each detection, whether it is right, and how many boxes there are."""
    wanted = _by_image(each for each in annotations if names[each["category_id"]] == name)
    given = _by_image(each for each in found if each["category"] == name)
    judged = [
        each
        for image_id, detections in given.items()
        for each in _matched(detections, _boxes(wanted.get(image_id, [])))
    ]
    return (
        np.array([score for score, _ in judged]),
        np.array([hit for _, hit in judged], np.bool_),
        sum(len(each) for each in wanted.values()),
    )


def average_precision(scores: Any, right: Any, wanted: int) -> float:
    """Area under precision over recall, where precision never rises to the left of what recall reaches."""
    if not wanted or not len(scores):
        return 0.0
    order = np.argsort(-scores, kind="stable")
    hits, misses = np.cumsum(right[order]), np.cumsum(~right[order])
    # equal scores come together: none of them stands before the other
    last = np.append(np.diff(scores[order]) != 0, True)
    recall, precision = hits[last] / wanted, hits[last] / (hits[last] + misses[last])
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best))


def _matched(detections: Sequence[Mapping[str, Any]], truths: Floats) -> list[tuple[float, bool]]:
    """(score, whether it is a box that nothing stronger has taken)."""
    ordered = sorted(detections, key=lambda each: -float(each["score"]))
    same = overlap(_boxes(ordered), truths)
    found = []
    for row, each in enumerate(ordered):
        best = int(same[row].argmax()) if len(truths) else -1
        hit = best >= 0 and float(same[row, best]) >= _SAME
        if hit:
            same[:, best] = -1.0
        found.append((float(each["score"]), hit))
    return found


def _by_image(rows: Any) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["image_id"], []).append(row)
    return found


def _boxes(rows: Sequence[Mapping[str, Any]]) -> Floats:
    if not rows:
        return _NO_BOXES
    boxes = np.array([each["bbox"] for each in rows], np.float32)
    boxes[:, 2:] += boxes[:, :2]
    return boxes
