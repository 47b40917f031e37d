"""Incidents: what people handle. Events come and go; an incident is opened, taken and closed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.assets import Priority
from domain.frozen import changed
from domain.ids import AssetId
from domain.responsibility import Answer, Kind, Reason


class IncidentState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"  # every event cleared, nobody has acknowledged yet
    CLOSED = "closed"


class IllegalMove(ValueError):
    """A move that the state does not allow; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Which incident explains another, and why it is taken to. Without a cause: it stands for itself."""

    cause: UUID | None = None
    because: tuple[Reason, ...] = ()  # from this incident up to the cause, step by step


ITSELF: Final = Explanation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Troubles of one asset that a person must take. A move returns the next version of it.

    Which events belong to it is told by `Changes.memberships`: a chattering asset has thousands."""

    incident_id: UUID
    asset_id: AssetId
    priority: Priority
    opened_at_us: int
    answer: Answer  # who answers for it and why, as it was when it opened
    kind: Kind = Kind.FAULT
    state: IncidentState = IncidentState.OPEN
    standing: frozenset[UUID]  # events that have not cleared
    event_count: int = 1  # all that ever joined
    acknowledged_by: str | None = None
    acknowledged_at_us: int | None = None
    silenced_at_us: int | None = None
    closed_at_us: int | None = None
    closed_by: str | None = None  # None: it closed by itself
    note: str = ""  # why it was closed by hand
    cause: UUID | None = None  # the incident that explains it, where one was found
    because: tuple[Reason, ...] = ()  # why it is listed beneath its cause, or was taken from there
    grouped_by: str = ""  # who put it there or took it out by hand; "": the correlation
    found: Explanation = ITSELF  # what the correlation says, also where a person says otherwise
    version: int = 1

    @property
    def takes_more(self) -> bool:
        """New events of the asset join it while something still stands."""
        return self.state in {IncidentState.OPEN, IncidentState.ACKNOWLEDGED}

    @property
    def calls(self) -> bool:
        """Sirens sound and people are called for it: not for a consequence, unless it is of level 1."""
        return self.cause is None or self.priority is Priority.URGENT

    def explained(self, found: Explanation) -> "Incident":
        """By the correlation. What a person decided stands; then only what was found is kept."""
        if found == self.found:
            return self
        if self.grouped_by:
            return self._next(found=found)
        return self._next(found=found, cause=found.cause, because=found.because)

    def grouped(self, by: str, explanation: Explanation) -> "Incident":
        """By hand: beneath a cause, or without one to stand for itself."""
        return self._next(cause=explanation.cause, because=explanation.because, grouped_by=by)

    def regrouped(self) -> "Incident":
        """The hand is taken back: what the correlation says counts again."""
        if not self.grouped_by:
            raise IllegalMove(f"incident {self.incident_id} was not grouped by hand")
        return self._next(cause=self.found.cause, because=self.found.because, grouped_by="")

    def turned_out(self, kind: Kind, answer: Answer) -> "Incident":
        """Of another kind than it seemed when it opened: another person may answer for it."""
        if kind is self.kind:
            return self
        return self._next(kind=kind, answer=answer)

    def joined(self, event: UUID, priority: Priority) -> "Incident":
        if not self.takes_more:
            raise IllegalMove(
                f"incident {self.incident_id} is {self.state}: it takes no more events"
            )
        if event in self.standing:
            return self
        return self._next(
            standing=self.standing | {event},
            event_count=self.event_count + 1,
            priority=min(self.priority, priority),
        )

    def event_cleared(self, event: UUID, at_us: int) -> "Incident":
        """The last clearing returns an open incident and closes an acknowledged one."""
        if event not in self.standing:
            return self
        standing = self.standing - {event}
        if standing or not self.takes_more:
            return self._next(standing=standing)
        if self.state is IncidentState.ACKNOWLEDGED:
            return self._next(standing=standing, state=IncidentState.CLOSED, closed_at_us=at_us)
        return self._next(standing=standing, state=IncidentState.RETURNED)

    def acknowledged(self, by: str, at_us: int) -> "Incident":
        """Acknowledging a returned incident closes it."""
        if self.state not in {IncidentState.OPEN, IncidentState.RETURNED}:
            raise IllegalMove(f"incident {self.incident_id} is already {self.state}")
        returned = self.state is IncidentState.RETURNED
        return self._next(
            state=IncidentState.CLOSED if returned else IncidentState.ACKNOWLEDGED,
            acknowledged_by=by,
            acknowledged_at_us=at_us,
            closed_at_us=at_us if returned else None,
        )

    def silenced(self, at_us: int) -> "Incident":
        if self.state is IncidentState.CLOSED:
            raise IllegalMove(f"incident {self.incident_id} is closed: nothing sounds for it")
        return self._next(silenced_at_us=at_us)

    def closed(self, by: str, at_us: int, note: str) -> "Incident":
        """By hand. While something stands a note must say why."""
        if self.state is IncidentState.CLOSED:
            raise IllegalMove(f"incident {self.incident_id} is already closed")
        if self.standing and not note.strip():
            raise IllegalMove(f"incident {self.incident_id} still stands: say why it is closed")
        return self._next(
            state=IncidentState.CLOSED, closed_at_us=at_us, closed_by=by, note=note.strip()
        )

    def _next(self, **changes: object) -> "Incident":
        return changed(self, version=self.version + 1, **changes)
