"""Events: facts about the plant that a detector found. Frozen; a later fact is a new event."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from domain.assets import MOMENTARY, AlarmClass, Condition, Priority
from domain.clock import MINUTE_US
from domain.ids import AssetId

FOUND_LATE_AFTER_US = 5 * MINUTE_US


class ClearReason(StrEnum):
    RETURNED = "returned"  # 复归
    LIMIT_CHANGED = "limit_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised:
    """A condition began and lasted for its on-delay."""

    event_id: UUID  # from site, point, condition and start: a replay gives the same
    site: str
    point: str  # key of the point, or id of the device
    asset_id: AssetId
    signal: str  # 油温: the words of the point
    unit: str
    condition: Condition
    alarm_class: AlarmClass
    priority: Priority
    started_at_us: int  # first violating reading, source's clock
    raised_at_us: int  # start + on-delay, source's clock
    detected_at_us: int  # when we knew, our clock
    value: float  # held when the delay had elapsed; NaN where a value has no meaning
    limit: float  # NaN likewise
    limits_version: int
    degraded: bool = False  # a reading of less than good quality took part (DOMAIN A1)
    found_late: bool = False  # began > 5 min before it arrived, by its clock: no siren, no call
    output_allowed: bool = True  # False when state or history raised it
    latching: bool = False  # returned and acknowledged it still waits for a reset

    @property
    def momentary(self) -> bool:
        """It has no return: it happened."""
        return self.condition in MOMENTARY


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared:
    """A raised condition ended and stayed away for its off-delay."""

    event_id: UUID  # of the AlarmRaised
    ended_at_us: int  # first returning reading, source's clock
    detected_at_us: int
    value: float  # the returning reading's; NaN where a value has no meaning
    reason: ClearReason = ClearReason.RETURNED


Event = AlarmRaised | AlarmCleared
