"""Credit (积分): rule book, what waits for a person's judgement, and the entries of the ledger.

Points are whole hundredths. Nothing counts before a named person confirmed it; an entry is never changed:
a reversal is a new entry that names the one it corrects (DESIGN 7, DOMAIN D7).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.assets import Priority
from domain.evidence import EvidenceFile
from domain.ids import AssetId, PersonId, ZoneId
from domain.incidents import IllegalMove
from domain.judgements import Established, FoundBy, Sighting
from domain.responsibility import Reason


class Account(StrEnum):
    """Three ledgers that never mix; each has its own authority (DOMAIN G4)."""

    SAFETY = "safety"
    PARTY = "party"
    TEAM = "team"


class Trigger(StrEnum):
    """What makes the rule book propose an item. Acknowledging is no trigger: it earns nothing."""

    INCIDENT_HANDLED = "incident_handled"  # acknowledged in time, and everything returned
    VIOLATION_CONFIRMED = "violation_confirmed"
    BY_HAND = "by_hand"


class Beneficiary(StrEnum):
    ZONE_OWNER = "zone_owner"
    ACTING = "acting"
    NAMED = "named"  # who did it, as the judgement names him; whom the request names
    WORK_LEADER = "work_leader"  # of the work in which it was done, where the judgement names him
    GUARDIAN = "guardian"


class Period(StrEnum):
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditItem:
    item_id: str
    account: Account
    text: str  # as the site words it, for people
    points_hundredths: int  # negative: a deduction
    trigger: Trigger
    to: Beneficiary
    at_least: Priority = Priority.MINOR  # of the incident that was handled
    within_us: int | None = None  # from opened to acknowledged; None: however long it took
    codes: frozenset[str] = frozenset()  # of the violation; empty: every one
    found_by: frozenset[FoundBy] = frozenset()  # the violation; empty: whoever found it
    cap_hundredths: int | None = None  # of the balance of this item per period, as an amount
    period: Period = Period.QUARTER
    mark: str = "D"
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """One version of the rules; entries name it. In shadow everything is visible and counts nothing."""

    name: str = ""
    version: int = 1
    shadow: bool = True
    deductions: bool = False  # off until the staff consultation is filed (DOMAIN G4)
    party_module: bool = True
    items: tuple[CreditItem, ...] = ()


class ReviewKind(StrEnum):
    VIOLATION = "violation"
    HAZARD = "hazard"  # 隐患
    DEFECT = "defect"  # 缺陷
    CREDIT = "credit"
    REVERSAL = "reversal"


class ReviewState(StrEnum):
    PROPOSED = "proposed"
    SENT_BACK = "sent_back"  # more is needed; it can still be judged
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"  # another item tells of the same


# a camera's next word may be taken in by another partition meanwhile: the judgement stands over it
_OUTRANKS: Final = 100
# what tells of something that was seen, by a camera or by a person
OF_SIGHT: Final = frozenset({ReviewKind.VIOLATION, ReviewKind.HAZARD, ReviewKind.DEFECT})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """A proposal with its evidence, waiting for (or with) a named person's judgement."""

    review_id: UUID
    kind: ReviewKind
    created_at_us: int
    proposed_by: str  # a user's name, or "rule:..."
    text: str  # what is proposed, as the rule words it
    code: str = ""  # of a violation: SWITCH-03
    item_id: str = ""  # of a credit item
    rule_version: int = 0
    account: Account | None = None
    person_id: PersonId | None = None
    points_hundredths: int = 0
    event_id: UUID | None = None
    incident_id: UUID | None = None
    asset_id: AssetId | None = None
    zone_id: ZoneId | None = None
    owner_id: PersonId | None = None  # who owned the zone when it happened
    corrects: UUID | None = None  # of a reversal: the entry
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[str, ...] = ()  # one line each: readings, tickets looked up, states
    files: tuple[EvidenceFile, ...] = ()  # pictures and clips
    shadow: bool = False
    state: ReviewState = ReviewState.PROPOSED
    judged_by: str | None = None
    judged_at_us: int | None = None
    judgement: str = ""  # the judge's own words
    station: str = ""  # of what is at no asset
    level: Priority | None = None  # of what was seen: the queue is in its order
    sighting: Sighting | None = None  # of a camera
    established: Established | None = None  # of a confirmed violation
    same_as: UUID | None = None  # of a duplicate: the item that is judged
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.state in {ReviewState.PROPOSED, ReviewState.SENT_BACK}

    @property
    def happened_at_us(self) -> int:
        return self.sighting.began_us if self.sighting else self.created_at_us

    def duplicate_of(self, other: UUID, by: str, at_us: int, words: str) -> "ReviewItem":
        return replace(self.judged(ReviewState.DUPLICATE, by, at_us, words), same_as=other)

    def judged(self, state: ReviewState, by: str, at_us: int, words: str) -> "ReviewItem":
        if not self.is_open:
            raise IllegalMove(f"review item {self.review_id} is already {self.state}")
        return replace(
            self,
            state=state,
            judged_by=by,
            judged_at_us=at_us,
            judgement=words,
            version=self.version + _OUTRANKS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewMark:
    """One user has looked at one version of an item."""

    user: str
    review_id: UUID
    version: int
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditEntry:
    """One line of the ledger. Unique by (account, event, item, person) where it corrects nothing, and by
    what it corrects."""

    entry_id: UUID
    account: Account
    person_id: PersonId
    item_id: str
    rule_version: int
    points_hundredths: int
    event_id: UUID  # the event, or the request, that it is for
    review_id: UUID
    zone_id: ZoneId | None
    effective_at_us: int  # when it happened
    recorded_at_us: int
    confirmed_by: str  # user name
    reasons: tuple[Reason, ...]
    corrects: UUID | None = None
    shadow: bool = False  # visible, counts nothing
