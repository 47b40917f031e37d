"""Records of the journal: everything that `evaluate` may depend on, in the order in which it is true.

A record is written and synced before the broker is acknowledged and before anything is decided from it.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from domain.arrangements import Arrangement
from domain.assets import ActiveLimits
from domain.credit import CreditEntry, ReviewItem
from domain.handover import Watch
from domain.ids import DeviceId, SourceId
from domain.paperwork import Approval, Tag, Ticket, User
from domain.readings import Readings
from domain.requests import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """The broker's messages that a record stands for, by which a redelivery is recognised."""

    session: str = ""  # our session at the broker; a new one when the broker kept none
    packet_ids: tuple[int, ...] = ()
    digests: tuple[bytes, ...] = ()  # 8 bytes each, of topic and payload


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadingsArrived:
    """One group of readings of one source, already through the gate."""

    at_us: int  # newest arrival in the group
    source_id: SourceId
    readings: Readings
    receipts: Receipts = field(default_factory=Receipts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """A second passed on our clock."""

    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChanged:
    """A source became current (connected, its backlog taken in) or stopped being so.

    While it is not current its clock does not move: no delay elapses and no silence is counted, since
    what would end them may wait in the broker."""

    at_us: int
    source_id: SourceId
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsActivated:
    """From here on these points and limits are valid."""

    at_us: int
    limits: ActiveLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRebased:
    """A source's clock stepped back: the point's clock starts again just before its next reading."""

    at_us: int
    source_id: SourceId
    point: int
    from_us: int  # where the point's clock stood
    to_us: int  # where it stands now


class ReplyOutcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReplied:
    """A field device says what became of a command."""

    at_us: int
    device_id: DeviceId
    command_id: UUID
    outcome: ReplyOutcome
    detail: str = ""
    receipts: Receipts = field(default_factory=Receipts)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What could not be used, and why. `payload` is None beyond the bound: then it is only counted."""

    at_us: int
    source_id: SourceId
    reason: str  # a fixed snake_case word: "malformed_json"
    detail: str  # one sentence for a person
    topic: str
    payload: bytes | None
    receipts: Receipts = field(default_factory=Receipts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A person asks for something. Journalled before it is decided, like everything."""

    at_us: int
    request_id: UUID  # given by who asks, so that asking again does nothing twice
    actor: str  # a user's name, or domain.access.LOCAL_OPERATOR
    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLearned:
    """What people decided in another partition of the journal, and this one must know from here on.

    Every thing in the version it has; what is older than what is known changes nothing."""

    at_us: int
    number: int  # up to which the records' paper changes are told
    users: tuple[User, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    tags: tuple[Tag, ...] = ()
    approvals: tuple[Approval, ...] = ()
    reviews: tuple[ReviewItem, ...] = ()
    entries: tuple[CreditEntry, ...] = ()
    watches: tuple[Watch, ...] = ()
    arrangements: tuple[Arrangement, ...] = ()


Record = (
    ReadingsArrived
    | Ticked
    | SourceChanged
    | LimitsActivated
    | ClockRebased
    | DeviceReplied
    | Requested
    | PaperLearned
    | DeadLetter
)
