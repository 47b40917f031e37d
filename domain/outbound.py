"""Events that leave the house for other systems: written with the decision, sent afterwards, at least once.

Who receives one twice knows it by its id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outlet(StrEnum):
    EVENTS = "events"
    DEAD_LETTERS = "dead-letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    outbound_id: str  # from facts: a repetition of the decision gives the same
    outlet: Outlet
    key: str  # what belongs together stays in order
    at_us: int
    headers: Mapping[str, str] = field(default_factory=dict)
    value: bytes = b""
