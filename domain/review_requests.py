"""What people ask of the review queue beside a judgement: duplicates, what they have seen, reports by hand,
and the rectification of what was confirmed."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.assets import Priority
from domain.credit import ReviewKind
from domain.evidence import EvidenceFile
from domain.ids import AssetId

AT_ONCE: Final = 200  # items of one request
PHOTOS_AT_MOST: Final = 5
TEXT_AT_MOST: Final = 500  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkDuplicates:
    """They tell of what `of` tells of: only that one is judged."""

    review_ids: tuple[UUID, ...]
    of: UUID
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeeReviews:
    """Who asks has looked at them as they stand now. Nobody else is shown it (DOMAIN G4)."""

    review_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportByHand:
    """违章, 隐患 or 缺陷, seen by a person; the photos are in the evidence store already."""

    kind: ReviewKind  # violation, hazard or defect
    station: str
    text: str
    at_us: int  # when it was seen
    level: Priority = Priority.MINOR
    asset_id: AssetId | None = None  # None: the station
    code: str = ""  # of a violation, where the reporter knows it
    files: tuple[EvidenceFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRectification:
    """整改通知单, for something that was confirmed."""

    review_id: UUID
    measure: str
    due_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRectified:
    """It is done; `root_cause` says why it could happen at all."""

    rectification_id: UUID
    words: str
    root_cause: str
    files: tuple[EvidenceFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRectification:
    """By another person: it is closed only where the cause is gone, else it goes back."""

    rectification_id: UUID
    cause_gone: bool
    words: str


ReviewRequest = (
    MarkDuplicates
    | SeeReviews
    | ReportByHand
    | IssueRectification
    | ReportRectified
    | VerifyRectification
)
