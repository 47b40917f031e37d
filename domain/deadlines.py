"""What must happen at a time unless something else happens first: the steps of an escalation."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The step of one subject that is due at a moment."""

    deadline_id: UUID  # from kind, subject and step: put again it is the same one
    kind: str  # "acknowledge"
    subject: str  # "incident <id>"; cancelled together
    step: int  # after downtime only the highest due one is taken
    due_at_us: int
    partition: int | None = None
