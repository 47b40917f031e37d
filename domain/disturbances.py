"""Disturbances: what tripped, and what it took the supply of, as the network stood at that moment.

Kept among the records: what explains an alarm that comes a minute later must not depend on where the
switches stand by then, nor on a restart in between.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from domain.ids import AssetId


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A device that was supplied through what tripped."""

    asset_id: AssetId
    hops: int  # busbars and lines between it and what tripped
    via: tuple[str, ...]  # their names, from what tripped outwards
    over_line: bool = False  # a line between stations is among them
    unknown: tuple[str, ...] = ()  # switches on the way whose position was not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """One bay tripped. A later version reaches further: its breaker is known to have opened."""

    disturbance_id: UUID  # the event's
    asset_id: AssetId
    station: str
    bay: str  # "" where the device is a place of its own
    incident_id: UUID  # the cause
    started_at_us: int  # plant's clock
    known_at_us: int  # ours
    reached: tuple[Reached, ...] = ()
    version: int = 1

    def reaching(self, reached: tuple[Reached, ...]) -> "Disturbance":
        return replace(self, reached=reached, version=self.version + 1)
