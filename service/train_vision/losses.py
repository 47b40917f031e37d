"""The loss of NanoDet: quality focal for the classes, GIoU and distribution focal for the boxes."""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch.nn import functional

from service.train_vision.dataset import CLASSES
from service.train_vision.graph import BINS, decoded

QUALITY, BOX, DISTRIBUTION = 1.5, 2.0, 0.5
_BETA: Final = 2.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Targets of several pictures as tensors: see `targets.Targets`."""

    label: Any  # (batch, cells)
    box: Any  # (batch, cells, 4)
    weight: Any  # (batch, cells, classes)


def loss_of(rows: torch.Tensor, batch: Batch, centres: torch.Tensor, strides: torch.Tensor) -> Any:
    scores, bins = rows[..., : len(CLASSES)], rows[..., len(CLASSES) :]
    held = batch.label >= 0
    boxes = decoded(rows, centres, strides)[held]
    wanted = batch.box[held]
    overlap, generalised = _overlaps(boxes, wanted)
    quality = torch.zeros_like(scores)
    quality[held] = functional.one_hot(batch.label[held], len(CLASSES)) * overlap.detach()[:, None]
    count = held.sum().clamp(min=1)
    # how sure the net is of a cell says how much its box counts
    sure = scores.detach()[held].sigmoid().amax(dim=-1)
    total = sure.sum().clamp(min=1e-3)
    focal = (_quality_focal(scores, quality) * batch.weight).sum() / count
    box = ((1 - generalised) * sure).sum() / total
    spread = (
        _distribution(bins[held], _reach(wanted, centres, strides, held)) * sure
    ).sum() / total
    return QUALITY * focal + BOX * box + DISTRIBUTION * spread


def _quality_focal(scores: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    plain = functional.binary_cross_entropy_with_logits(scores, quality, reduction="none")
    return plain * (quality - scores.sigmoid()).abs().pow(_BETA)


def _overlaps(boxes: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """IoU and generalised IoU, pair by pair."""
    both = _area(
        torch.maximum(boxes[:, :2], wanted[:, :2]), torch.minimum(boxes[:, 2:], wanted[:, 2:])
    )
    joined = _area(boxes[:, :2], boxes[:, 2:]) + _area(wanted[:, :2], wanted[:, 2:]) - both
    around = _area(
        torch.minimum(boxes[:, :2], wanted[:, :2]), torch.maximum(boxes[:, 2:], wanted[:, 2:])
    )
    overlap = both / joined.clamp(min=1e-6)
    return overlap, overlap - (around - joined) / around.clamp(min=1e-6)


def _area(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    return (high - low).clamp(min=0).prod(dim=-1)


def _reach(
    wanted: torch.Tensor, centres: torch.Tensor, strides: torch.Tensor, held: Any
) -> torch.Tensor:
    """(held, 4) strides from a cell's centre to the sides of its box."""
    cell = held.nonzero()[:, 1]
    centre, stride = centres[cell], strides[cell, None]
    found = torch.cat([centre - wanted[:, :2], wanted[:, 2:] - centre], dim=-1) / stride
    return found.clamp(0, BINS - 1 - 0.01)


def _distribution(bins: torch.Tensor, reach: torch.Tensor) -> torch.Tensor:
    """(held,) cross entropy with the two bins around the wanted distance."""
    low = reach.floor()
    logits = bins.unflatten(-1, (4, BINS)).flatten(0, 1)
    near, far = low.long().flatten(), low.long().flatten() + 1
    share = (reach - low).flatten()
    found = functional.cross_entropy(logits, near, reduction="none") * (1 - share)
    found = found + functional.cross_entropy(logits, far, reduction="none") * share
    return found.unflatten(0, (-1, 4)).mean(dim=-1)
