"""整改通知单: what is demanded after something was confirmed, by when and of whom.

issued -> done -> closed; from done back to issued while the root cause remains. It is verified by another
person, and closed only when the cause is gone (DOMAIN E5).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.evidence import EvidenceFile
from domain.ids import AssetId, PersonId, ZoneId
from domain.incidents import IllegalMove

TEXT_AT_MOST: Final = 1_000  # characters
DUE_WITHIN_DAYS: Final = 365


class RectificationState(StrEnum):
    ISSUED = "issued"
    DONE = "done"  # its owner says so; it waits for somebody else to look
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectification:
    rectification_id: UUID
    number: str  # ZG-2026-0007, in the order of issue, by the people's year
    review_id: UUID
    asset_id: AssetId | None
    station: str
    zone_id: ZoneId | None
    member_id: PersonId | None  # who answers for the zone
    measure: str  # what is demanded
    issued_by: str  # a user's name
    issued_at_us: int
    due_us: int
    state: RectificationState = RectificationState.ISSUED
    root_cause: str = ""  # as who rectified it found it
    done_words: str = ""
    done_by: str | None = None
    done_at_us: int | None = None
    files: tuple[EvidenceFile, ...] = ()  # photos of afterwards
    looked_by: str | None = None  # who looked last whether the cause is gone
    looked_at_us: int | None = None
    looked_words: str = ""
    sent_back: int = 0  # so often the cause was still there
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.state is not RectificationState.CLOSED

    def is_late(self, at_us: int) -> bool:
        """Nobody has said within the time that it is done."""
        return self.state is RectificationState.ISSUED and at_us > self.due_us

    def done(
        self, by: str, at_us: int, words: str, cause: str, files: tuple[EvidenceFile, ...]
    ) -> "Rectification":
        if self.state is not RectificationState.ISSUED:
            raise IllegalMove(f"rectification {self.number} is {self.state}")
        return replace(
            self,
            state=RectificationState.DONE,
            root_cause=cause,
            done_words=words,
            done_by=by,
            done_at_us=at_us,
            files=(*self.files, *files),
            version=self.version + 1,
        )

    def looked_at(self, cause_gone: bool, by: str, at_us: int, words: str) -> "Rectification":
        """Closed where the cause is gone; else it is to be done again."""
        if self.state is not RectificationState.DONE:
            raise IllegalMove(f"rectification {self.number} is {self.state}")
        return replace(
            self,
            state=RectificationState.CLOSED if cause_gone else RectificationState.ISSUED,
            looked_by=by,
            looked_at_us=at_us,
            looked_words=words,
            sent_back=self.sent_back + (0 if cause_gone else 1),
            version=self.version + 1,
        )
