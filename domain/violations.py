"""What a machine believes to have seen: a proposal with its evidence, for a person to judge (DOMAIN C6)."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.ids import AssetId, CameraId
from domain.responsibility import Reason


class EvidenceKind(StrEnum):
    BEFORE = "before"
    MOMENT = "moment"  # when it was proposed, with the boxes
    AFTER = "after"
    CLIP = "clip"
    PHOTO = "photo"  # by hand, from the phone


class PermitFinding(StrEnum):
    """What the question after a Ticket came to. Only the first makes it legal."""

    VALID = "valid"
    NONE = "none"
    EXPIRED = "expired"
    NOT_YET = "not_yet"  # its time has not begun, or nobody has permitted it
    WRONG_PLACE = "wrong_place"
    WRONG_CREW = "wrong_crew"
    QUESTIONABLE = "questionable"  # the data do not allow an answer: never a firm violation


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ViolationProposal:
    """One act of one track before one camera. Told again it is the same one, with more evidence or an end."""

    proposal_id: UUID  # from camera, code, track and began
    camera_id: CameraId
    asset_id: AssetId
    code: str  # PPE-01
    began_at_us: int
    seen_at_us: int  # the last time so far
    ended_at_us: int | None = None
    confidence: float  # 0 to 1
    permit: PermitFinding
    ticket: str = ""  # the number that was found, valid or not
    proposed_by: str = "vision"  # or the name of the box that saw it
    model: str = ""  # name and version of the net
    facts: tuple[Reason, ...] = ()  # what was measured: dwell, distance less error, persons
    evidence: tuple[EvidenceFile, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"a confidence is 0 to 1, not {self.confidence}")
