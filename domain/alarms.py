"""Alarms as an operator has them (ISA-18.2): what became of one event, and what is kept from him.

    unacknowledged --acknowledge--> acknowledged --returns--> normal | latched --reset--> normal
          |                                                      ^
          +--returns--> returned (unacknowledged) --acknowledge--+

An alarm that is withheld (shelved, suppressed, out of service) is evaluated, recorded and counted like every
other; it only does not reach the operator.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.assets import AlarmClass, Condition, Priority
from domain.clock import MINUTE_US
from domain.events import AlarmRaised
from domain.frozen import changed
from domain.ids import AssetId, PointKey
from domain.incidents import IllegalMove

FLOOD_WINDOW_US: Final = 10 * MINUTE_US
FLOOD_ABOVE: Final = 10
FLOOD_UNTIL_BELOW: Final = 5


class AlarmState(StrEnum):
    UNACKNOWLEDGED = "unacknowledged"
    RETURNED = "returned"  # over, and nobody has acknowledged it
    LATCHED = "latched"  # over and acknowledged: it waits for a reset
    ACKNOWLEDGED = "acknowledged"
    NORMAL = "normal"  # over, nothing is left to do


class Withheld(StrEnum):
    """Why an alarm does not reach the operator."""

    SHELVED = "shelved"  # by a person, for a time
    SUPPRESSED = "suppressed"  # by design: a tag, a rule
    OUT_OF_SERVICE = "out_of_service"  # bound to a ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One event as it is treated. A move returns the next version of it."""

    event_id: UUID
    point: str
    condition: Condition
    asset_id: AssetId
    alarm_class: AlarmClass  # as it was judged: a breaker under a ticket is information
    priority: Priority
    started_at_us: int  # source's clock
    raised_at_us: int
    detected_at_us: int  # ours
    latching: bool = False
    state: AlarmState = AlarmState.UNACKNOWLEDGED
    standing: bool = True
    withheld: Withheld | None = None
    withheld_by: UUID | None = None  # the shelf, tag or ticket
    incident_id: UUID | None = None
    acknowledged_by: str | None = None
    acknowledged_at_us: int | None = None
    silenced_by: str | None = None
    silenced_at_us: int | None = None
    reset_by: str | None = None
    reset_at_us: int | None = None
    ended_at_us: int | None = None  # when we knew that it was over
    chattering: bool = False  # raised at least three times in a minute
    fleeting: bool = False  # over before anybody could have acted
    position: str = ""  # the operator's position that it came to
    version: int = 1

    @classmethod
    def of(cls, event: AlarmRaised, incident_id: UUID | None = None) -> "Alarm":
        """What only happened is over when it begins."""
        return cls(
            event_id=event.event_id,
            point=event.point,
            condition=event.condition,
            asset_id=event.asset_id,
            alarm_class=event.alarm_class,
            priority=event.priority,
            started_at_us=event.started_at_us,
            raised_at_us=event.raised_at_us,
            detected_at_us=event.detected_at_us,
            latching=event.latching,
            state=AlarmState.RETURNED if event.momentary else AlarmState.UNACKNOWLEDGED,
            standing=not event.momentary,
            incident_id=incident_id,
        )

    @property
    def is_open(self) -> bool:
        return self.state is not AlarmState.NORMAL

    @property
    def waits(self) -> bool:
        """For somebody to acknowledge it."""
        waiting = self.state in {AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED}
        return waiting and self.withheld is None

    def returned(self, at_us: int) -> "Alarm":
        """Its event cleared. What was withheld needs nobody."""
        if not self.standing:
            return self
        if self.withheld is not None or (
            self.state is AlarmState.ACKNOWLEDGED and not self.latching
        ):
            state = AlarmState.NORMAL
        elif self.state is AlarmState.ACKNOWLEDGED:
            state = AlarmState.LATCHED
        else:
            state = AlarmState.RETURNED
        return self._next(standing=False, state=state, ended_at_us=at_us)

    def acknowledged(self, by: str, at_us: int) -> "Alarm":
        if not self.waits:
            raise IllegalMove(f"alarm {self.event_id} is {self._words}: nothing to acknowledge")
        if self.standing:
            state = AlarmState.ACKNOWLEDGED
        else:
            state = AlarmState.LATCHED if self.latching else AlarmState.NORMAL
        return self._next(state=state, acknowledged_by=by, acknowledged_at_us=at_us)

    def silenced(self, by: str, at_us: int) -> "Alarm":
        if not self.is_open:
            raise IllegalMove(f"alarm {self.event_id} is over: nothing sounds for it")
        return self._next(silenced_by=by, silenced_at_us=at_us)

    def reset(self, by: str, at_us: int) -> "Alarm":
        if self.state is not AlarmState.LATCHED:
            raise IllegalMove(f"alarm {self.event_id} is {self._words}: it cannot be reset")
        return self._next(state=AlarmState.NORMAL, reset_by=by, reset_at_us=at_us)

    def kept_from_operator(self, why: Withheld, because: UUID) -> "Alarm":
        """A withheld alarm that is over is done with."""
        state = self.state if self.standing else AlarmState.NORMAL
        return self._next(withheld=why, withheld_by=because, incident_id=None, state=state)

    def let_through(self) -> "Alarm":
        """It stands, and from now on it is the operator's again."""
        return self._next(
            withheld=None,
            withheld_by=None,
            state=AlarmState.UNACKNOWLEDGED,
            acknowledged_by=None,
            acknowledged_at_us=None,
        )

    def joined(self, incident: UUID) -> "Alarm":
        return self._next(incident_id=incident)

    def judged(self, alarm_class: AlarmClass, priority: Priority) -> "Alarm":
        return self._next(alarm_class=alarm_class, priority=priority)

    def marked(self, **marks: object) -> "Alarm":
        """Chattering or fleeting: found after it was raised."""
        return self._next(**marks)

    @property
    def _words(self) -> str:
        return (self.withheld or self.state).value.replace("_", " ")

    def _next(self, **changes: object) -> "Alarm":
        return changed(self, version=self.version + 1, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withholding:
    """Alarms of a point that are kept from the operator: by a person on a shelf for a time, or out of service
    for as long as a ticket is open; by a rule of the site for as long as its gate stands so."""

    withholding_id: UUID
    kind: Withheld
    point: str
    condition: Condition | None  # None: every one of the point
    reason: str
    by: str  # the person, or the rule
    at_us: int
    until_us: int | None = None  # of a shelf; of a rule whose gate stands so no more
    ticket_id: UUID | None = None  # of what is out of service
    ended_at_us: int | None = None
    ended_by: str | None = None  # None: by itself
    version: int = 1

    @property
    def holds(self) -> bool:
        return self.ended_at_us is None

    @property
    def by_design(self) -> bool:
        return self.kind is Withheld.SUPPRESSED

    def until(self, until_us: int | None) -> "Withholding":
        return replace(self, until_us=until_us, version=self.version + 1)

    def covers(self, point: str, condition: Condition) -> bool:
        return self.point == point and self.condition in (None, condition)

    def ended(self, at_us: int, by: str | None = None) -> "Withholding":
        if not self.holds:
            raise IllegalMove(f"withholding {self.withholding_id} has ended already")
        return replace(self, ended_at_us=at_us, ended_by=by, version=self.version + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rationale:
    """Why an alarm exists and what is to be done about it (ISA-18.2 calls it its rationalisation)."""

    point: PointKey
    condition: Condition
    cause: str
    consequence: str  # of doing nothing
    action: str  # 处置措施
    respond_within_us: int | None = None
    severity: str = ""  # the site's own class of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Rationalisation:
    """A rationale with who wrote it, and when."""

    rationale: Rationale
    by: str
    at_us: int
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """More alarms than a person can take: above ten in ten minutes, until below five (EEMUA 191)."""

    flood_id: UUID
    position: str
    started_at_us: int
    alarms: int  # that came while it lasted, those that began it among them
    peak: int  # the most within ten minutes
    ended_at_us: int | None = None
    version: int = 1
