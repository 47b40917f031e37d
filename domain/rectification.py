"""整改通知单: what is demanded after something was confirmed, by when and of whom.

issued -> done -> closed; from done back to issued while the root cause remains. It is verified by another
person, and closed only when the cause is gone. After 30 and after 90 days somebody looks back; where the
cause is there again, or the same rule was broken in the same zone, it is opened again (DOMAIN E5).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.clock import SECOND_US
from domain.evidence import EvidenceFile
from domain.ids import AssetId, PersonId, ZoneId
from domain.incidents import IllegalMove

TEXT_AT_MOST: Final = 1_000  # characters
DUE_WITHIN_DAYS: Final = 365
LOOK_BACK_DAYS: Final = (30, 90)  # after it was closed (回头看)
_DAY_US: Final = 86_400 * SECOND_US


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
    sent_back: int = 0  # so often the cause was still there, or there again
    looked_back: int = 0  # how many of the looks back found it gone
    looked_back_by: str | None = None  # the last time
    looked_back_at_us: int | None = None
    looked_back_words: str = ""
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.state is not RectificationState.CLOSED

    @property
    def look_back_us(self) -> int | None:
        """When somebody is to look next whether it stayed so; None while open, and after the last look."""
        if self.is_open or self.looked_at_us is None or self.looked_back >= len(LOOK_BACK_DAYS):
            return None
        return self.looked_at_us + LOOK_BACK_DAYS[self.looked_back] * _DAY_US

    def wants_look_back(self, at_us: int) -> bool:
        return self.look_back_us is not None and at_us >= self.look_back_us

    def covers(self, at_us: int) -> bool:
        """Whether a repetition then speaks against it."""
        if self.is_open or self.looked_at_us is None:
            return False
        return self.looked_at_us < at_us <= self.looked_at_us + LOOK_BACK_DAYS[-1] * _DAY_US

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

    def looked_back_at(self, cause_gone: bool, by: str, at_us: int, words: str) -> "Rectification":
        """It stays closed, or is to be done again within as long as the first time."""
        if self.is_open:
            raise IllegalMove(f"rectification {self.number} is {self.state}")
        return replace(
            self,
            state=RectificationState.CLOSED if cause_gone else RectificationState.ISSUED,
            due_us=self.due_us if cause_gone else at_us + self.due_us - self.issued_at_us,
            looked_back=self.looked_back + 1 if cause_gone else 0,
            looked_back_by=by,
            looked_back_at_us=at_us,
            looked_back_words=words,
            sent_back=self.sent_back + (0 if cause_gone else 1),
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
