"""What one decision changes in the records. Everything in it commits together or not at all."""

from dataclasses import dataclass, field
from uuid import UUID

from domain.commands import DeviceCommand, OutboxItem
from domain.events import Event
from domain.incidents import Incident
from domain.records import DeadLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxDone:
    """What became of one outbox item."""

    outbox_id: UUID
    at_us: int
    outcome: str  # "sent", "sent_before_recorded", "expired"


@dataclass(slots=True)
class Changes:
    """In the order of decision; a later version of the same thing replaces the earlier one."""

    events: list[Event] = field(default_factory=list)
    memberships: dict[UUID, UUID] = field(default_factory=dict)  # event raised here -> its incident
    incidents: list[Incident] = field(default_factory=list)
    commands: list[DeviceCommand] = field(default_factory=list)
    outbox: list[OutboxItem] = field(default_factory=list)
    outbox_done: list[OutboxDone] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.events
            or self.incidents
            or self.commands
            or self.outbox
            or self.outbox_done
            or self.dead_letters
        )

    def extend(self, later: "Changes") -> None:
        self.events += later.events
        self.memberships |= later.memberships
        self.incidents += later.incidents
        self.commands += later.commands
        self.outbox += later.outbox
        self.outbox_done += later.outbox_done
        self.dead_letters += later.dead_letters
