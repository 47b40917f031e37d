"""The training loop: seeded, with averaged weights, and a net written out every few epochs.

Persons are not labelled in helmet data. The starting net's own person boxes stand in for labels where it is
sure; where it is not, the cells are left out of the person's loss.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from time import monotonic
from typing import Any, Final

import cv2
import numpy as np
import torch

from service.train_vision.augment import GREY, SIDE, Example, augmented
from service.train_vision.dataset import (
    HEAD,
    PERSON,
    Boxes,
    Labelled,
    Picture,
    UnusableDataset,
    ignored_label,
)
from service.train_vision.graph import TrainableGraph, cells_of, decoded
from service.train_vision.losses import Batch, loss_of
from service.train_vision.targets import assigned

SURE, MAYBE = 0.4, 0.15  # person scores of the starting net: a label, a region to leave out
WITH_HEADS: Final = 0.5  # part of the mosaic's and the pasting's partners that have a bare head
CLIP: Final = 10.0
WARM_STEPS: Final = 60
AVERAGE: Final = 0.998  # of the averaged weights, a step
_OVERLAP: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    epochs: int = 60
    batch: int = 8
    rate: float = 5e-4
    decay: float = 0.01
    seed: int = 1
    save_every: int = 5  # epochs
    device: str = "cpu"
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Progress:
    epoch: int
    epochs: int
    loss: float
    rate: float
    seconds: float

    def __str__(self) -> str:
        return f"epoch {self.epoch} of {self.epochs}: loss {self.loss:.3f}, {self.seconds:.0f} s"


OnProgress = Callable[[Progress], None]


def train(
    start: Path, pictures: tuple[Labelled, ...], schedule: Schedule, out: Path, tell: OnProgress
) -> None:
    """Writes `out` every few epochs and at the end: the averaged weights so far."""
    torch.manual_seed(schedule.seed)
    torch.set_num_threads(schedule.threads)
    rng = np.random.default_rng(schedule.seed)
    graph = TrainableGraph(start)
    graph.to(schedule.device)
    examples = [_with_persons(_example(each), graph, schedule.device) for each in pictures]
    average = {name: value.detach().clone() for name, value in graph.parameters.items()}
    optimiser = _optimiser(graph, schedule)
    steps = schedule.epochs * -(-len(examples) // schedule.batch)
    step = 0
    for epoch in range(1, schedule.epochs + 1):
        began, losses = monotonic(), []
        for batch in _batches(examples, schedule.batch, rng):
            rate = _rate(schedule.rate, step, steps)
            for group in optimiser.param_groups:
                group["lr"] = rate
            losses.append(_step(graph, optimiser, batch, schedule.device))
            _fold_in(average, graph.parameters, step)
            step += 1
        if epoch % schedule.save_every == 0 or epoch == schedule.epochs:
            graph.save(out, average)
        tell(Progress(epoch, schedule.epochs, float(np.mean(losses)), rate, monotonic() - began))


def _example(labelled: Labelled) -> Example:
    picture = cv2.imread(str(labelled.path), cv2.IMREAD_COLOR)
    if picture is None:
        raise UnusableDataset(f"{labelled.path} is not a picture that can be read")
    return Example(np.asarray(picture, np.uint8), labelled.boxes, labelled.labels)


def _with_persons(example: Example, graph: TrainableGraph, device: str) -> Example:
    picture, factor = _letterboxed(example.picture)
    cells = cells_of(SIDE)
    with torch.no_grad():
        rows = graph.rows(_tensor([picture], device))
        boxes = decoded(
            rows, *(torch.from_numpy(each).to(device) for each in (cells.centres, cells.strides))
        )
        scores = rows[0, :, PERSON].sigmoid()
    found, score = _suppressed(boxes[0].cpu().numpy() / factor, scores.cpu().numpy())
    label = np.where(score >= SURE, PERSON, ignored_label(PERSON))
    return Example(
        example.picture,
        np.concatenate([found, example.boxes]).astype(np.float32),
        np.concatenate([label, example.labels]),
    )


def _letterboxed(picture: Picture) -> tuple[Picture, float]:
    height, width = picture.shape[:2]
    factor = SIDE / max(height, width)
    size = (round(width * factor), round(height * factor))
    canvas = np.full((SIDE, SIDE, 3), GREY, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(picture, size)
    return canvas, factor


def _suppressed(boxes: Boxes, scores: Any) -> tuple[Boxes, Any]:
    likely = np.flatnonzero(scores >= MAYBE)
    sides = np.concatenate([boxes[likely, :2], boxes[likely, 2:] - boxes[likely, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(sides.tolist(), scores[likely].tolist(), MAYBE, _OVERLAP)
    chosen = likely[np.asarray(kept, np.int64).reshape(-1)]
    return boxes[chosen], scores[chosen]


def _optimiser(graph: TrainableGraph, schedule: Schedule) -> Any:
    weights = [each for each in graph.parameters.values() if each.dim() > 1]
    biases = [each for each in graph.parameters.values() if each.dim() <= 1]
    return torch.optim.AdamW(
        [
            {"params": weights, "weight_decay": schedule.decay},
            {"params": biases, "weight_decay": 0.0},
        ],
        lr=schedule.rate,
    )


def _rate(highest: float, step: int, steps: int) -> float:
    """Warm-up, then a cosine down to a twentieth."""
    warm = min(1.0, (step + 1) / WARM_STEPS)
    return highest * warm * (0.05 + 0.95 * (1 + cos(pi * step / steps)) / 2)


def _batches(
    examples: list[Example], size: int, rng: np.random.Generator
) -> Iterator[list[Example]]:
    """Each picture once an epoch, augmented."""
    rare = [index for index, each in enumerate(examples) if (each.labels == HEAD).any()]
    order = rng.permutation(len(examples))
    for first in range(0, len(order), size):
        yield [_augmented(examples, int(index), rare, rng) for index in order[first : first + size]]


def _augmented(
    examples: list[Example], index: int, rare: list[int], rng: np.random.Generator
) -> Example:
    drawn = iter([index])

    def draw() -> Example:
        other = rare if rare and rng.random() < WITH_HEADS else range(len(examples))
        return examples[next(drawn, other[int(rng.integers(len(other)))])]

    return augmented(draw, rng)


def _step(graph: TrainableGraph, optimiser: Any, examples: list[Example], device: str) -> float:
    cells = cells_of(SIDE)
    targets = [assigned(cells, each.boxes, each.labels) for each in examples]
    batch = Batch(
        *(
            torch.from_numpy(np.stack([getattr(each, name) for each in targets])).to(device)
            for name in ("label", "box", "weight")
        )
    )
    rows = graph.rows(_tensor([each.picture for each in examples], device))
    loss = loss_of(
        rows,
        batch,
        torch.from_numpy(cells.centres).to(device),
        torch.from_numpy(cells.strides).to(device),
    )
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(graph.parameters.values()), CLIP)
    optimiser.step()
    return float(loss.detach())


def _tensor(pictures: list[Picture], device: str) -> Any:
    stacked = np.stack(pictures).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(stacked)).to(device).float()


def _fold_in(average: dict[str, Any], weights: dict[str, Any], step: int) -> None:
    # young averages forget faster, so that the start does not stay in them
    keep = min(AVERAGE, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, value in weights.items():
            average[name].lerp_(value, 1 - keep)
