"""Who stands on a frame: a person box and the head that belongs to it.

A head that is not seen is unknown: not a violation.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from detectors.violations.boxes import Box, Class, Detections, Floats, areas, overlap, shared


class HeadState(StrEnum):
    BARE = "bare"
    HELMET = "helmet"
    UNKNOWN = "unknown"  # turned away, hidden, too far


@dataclass(frozen=True, slots=True, kw_only=True)
class Sureness:
    """Scores from which a class counts; of the model's card."""

    person: float = 0.5
    helmet: float = 0.4
    head: float = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    box: Box  # of the person
    score: float
    head: Box | None = None
    head_state: HeadState = HeadState.UNKNOWN
    head_score: float = 0.0
    estimated: bool = False  # only the head was seen: the box is what a body below it would fill

    @property
    def foot(self) -> tuple[float, float]:
        """Where it stands: bottom centre."""
        return (self.box[0] + self.box[2]) / 2, self.box[3]

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]


_SAME_HEAD: Final = 0.4  # IoU from which a bare head and a helmet are one head
_INSIDE: Final = (
    0.8  # part of a person box inside another from which it is a part of the same person
)
_TALL, _BROAD = 7.0, 2.6  # a standing person in heads
_HEAD_ABOVE, _HEAD_BELOW = 0.12, 0.45  # of the person's height, where the head's centre may be


def subjects_of(found: Detections, sure: Sureness, size: tuple[int, int]) -> list[Subject]:
    """`size`: width and height of the frame. A head without a person box is a subject too."""
    heads = _heads(found, sure)
    persons = found.of(Class.PERSON, sure.person)
    owner = _owners(heads.boxes, persons.boxes)
    whole = _whole(persons, set(owner.values()))
    owner = {head: person for head, person in owner.items() if person in whole}
    of_person = {person: head for head, person in owner.items()}
    with_box = [_subject(persons, row, heads, of_person.get(row)) for row in whole]
    alone = [row for row in range(len(heads)) if row not in owner]
    return [*with_box, *(_estimated(heads, row, size) for row in alone)]


def _heads(found: Detections, sure: Sureness) -> Detections:
    """Helmets and bare heads; where both are seen on one head the stronger counts."""
    chosen = ((found.classes == Class.HELMET) & (found.scores >= sure.helmet)) | (
        (found.classes == Class.HEAD) & (found.scores >= sure.head)
    )
    heads = found.where(chosen)
    heads = heads.where(np.argsort(-heads.scores, kind="stable"))
    same = np.triu(overlap(heads.boxes, heads.boxes) > _SAME_HEAD, k=1)
    kept = np.ones(len(heads), np.bool_)
    for row in range(len(heads)):
        if kept[row]:
            kept &= ~same[row]
    return heads.where(kept)


def _owners(heads: Floats, persons: Floats) -> dict[int, int]:
    """Row of the head -> row of its person, each once, the best fitting first."""
    middle = (heads[:, :2] + heads[:, 2:]) / 2
    height = persons[:, 3] - persons[:, 1]
    down = (middle[:, 1, None] - persons[:, 1]) / np.maximum(height, 1e-6)
    within = (middle[:, 0, None] > persons[:, 0]) & (middle[:, 0, None] < persons[:, 2])
    within &= (down > -_HEAD_ABOVE) & (down < _HEAD_BELOW)
    centre = (persons[:, 0] + persons[:, 2]) / 2
    aside = np.abs(middle[:, 0, None] - centre) / np.maximum(persons[:, 2] - persons[:, 0], 1e-6)
    misfit = np.where(within, np.abs(down - 0.08) + aside, np.inf)
    found: dict[int, int] = {}
    while misfit.size and np.isfinite(misfit.min()):
        head, person = (int(each) for each in np.unravel_index(misfit.argmin(), misfit.shape))
        found[head] = person
        misfit[head], misfit[:, person] = np.inf, np.inf
    return found


def _whole(persons: Detections, with_head: set[int]) -> list[int]:
    """Without the boxes that show only a part of somebody who has a box already."""
    within = shared(persons.boxes, persons.boxes) / np.maximum(areas(persons.boxes), 1e-6)[:, None]
    np.fill_diagonal(within, 0.0)
    return [
        row for row in range(len(persons)) if row in with_head or not (within[row] > _INSIDE).any()
    ]


def _subject(persons: Detections, row: int, heads: Detections, head: int | None) -> Subject:
    box, score = _box(persons.boxes[row]), float(persons.scores[row])
    if head is None:
        return Subject(box=box, score=score)
    return Subject(
        box=box,
        score=score,
        head=_box(heads.boxes[head]),
        head_state=_state(heads, head),
        head_score=float(heads.scores[head]),
    )


def _estimated(heads: Detections, row: int, size: tuple[int, int]) -> Subject:
    x1, y1, x2, y2 = _box(heads.boxes[row])
    side = ((x2 - x1) + (y2 - y1)) / 2
    middle = (x1 + x2) / 2
    half = _BROAD * side / 2
    body = (
        max(middle - half, 0.0),
        y1,
        min(middle + half, float(size[0])),
        min(y1 + _TALL * side, float(size[1])),
    )
    return Subject(
        box=body,
        score=float(heads.scores[row]),
        head=(x1, y1, x2, y2),
        head_state=_state(heads, row),
        head_score=float(heads.scores[row]),
        estimated=True,
    )


def _state(heads: Detections, row: int) -> HeadState:
    return HeadState.BARE if heads.classes[row] == Class.HEAD else HeadState.HELMET


def _box(row: Floats) -> Box:
    x1, y1, x2, y2 = (float(each) for each in row)
    return x1, y1, x2, y2
