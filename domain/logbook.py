"""The operation log (运行日志): what people did, said and were told, and what the system saw, line by line.

A line is never changed: a correction is a new line that names the one it corrects. What the system writes is
kept as a fixed word and its facts, and worded when it is shown (domain.log_words).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.clock import MINUTE_US
from domain.responsibility import Reason

DISPATCH_ROOM: Final = ""  # where a station's name stands: the line is the dispatch room's
CORRECTED_WITHIN_US: Final = 7 * 24 * 60 * MINUTE_US
TEXT_AT_MOST: Final = 4_000  # characters


class LogKind(StrEnum):
    NOTE = "note"
    ORDER_RECEIVED = "order_received"  # by telephone, from the dispatcher above
    ORDER_GIVEN = "order_given"
    PATROL = "patrol"  # 巡视
    # by the system
    TRIP = "trip"
    ACKNOWLEDGED = "acknowledged"  # an incident of level 1 or 2
    TAG_HUNG = "tag_hung"
    TAG_REMOVED = "tag_removed"
    TICKET_PERMITTED = "ticket_permitted"
    TICKET_ENDED = "ticket_ended"
    LIMIT_CHANGED = "limit_changed"
    MODE_SWITCHED = "mode_switched"
    SHIFT_CHANGED = "shift_changed"
    HANDOVER_REFUSED = "handover_refused"
    HANDOVER_LATE = "handover_late"
    OUTAGE = "outage"
    PLANNED_OUTAGE = "planned_outage"
    EARTH_FAULT = "earth_fault"


ORDERS: Final = frozenset({LogKind.ORDER_RECEIVED, LogKind.ORDER_GIVEN})
BY_PEOPLE: Final = frozenset({LogKind.NOTE, LogKind.PATROL}) | ORDERS


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneOrder:
    """调度命令: who told whom, when, whether it was read back (复诵) and confirmed, and when it was done."""

    giver: str
    receiver: str
    given_at_us: int
    read_back: bool = False
    executed_at_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    entry_id: UUID
    station: str  # or DISPATCH_ROOM
    kind: LogKind
    at_us: int  # when it happened
    written_at_us: int
    by: str = ""  # a user's name; nobody: the system
    text: str = ""  # of a person
    what: Reason | None = None  # of the system
    order: PhoneOrder | None = None
    corrects: UUID | None = None

    @property
    def by_a_person(self) -> bool:
        return self.kind in BY_PEOPLE
