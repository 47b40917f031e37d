"""Evidence of a proposal: pictures and clips by the hash of what they hold, and what is marked on them."""

from dataclasses import dataclass
from enum import StrEnum


class EvidenceKind(StrEnum):
    BEFORE = "before"
    MOMENT = "moment"  # when it was proposed, with the boxes
    AFTER = "after"
    CLIP = "clip"
    CLIP_BLURRED = "clip_blurred"  # made from it: the heads of all but whom it concerns are hidden
    PHOTO = "photo"  # by hand, from the phone


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """In parts of the picture, 0 to 1, so that it fits the picture in any size."""

    left: float
    top: float
    right: float
    bottom: float
    what: str  # "person", "helmet", "head"
    score: float
    concerned: bool = False  # the one whom it is about; the others may be blurred


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """One file of the evidence store, by what it holds."""

    sha256: str
    media_type: str  # "image/jpeg"
    kind: EvidenceKind
    at_us: int
    size: int  # bytes
    boxes: tuple[Box, ...] = ()
