"""Device commands: what a field device is asked to do, and what became of it.

    pending -> sent -> confirmed
                    -> timed out -> retried (sent again) ... -> failed
    pending -> expired (its `valid_until` passed before it could be sent)

A siren is never asked twice for one command id, only reminded: the device acts once per id.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from domain.assets import Priority
from domain.ids import AssetId, DeviceId, outbox_id
from domain.incidents import IllegalMove


class CommandState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDevice:
    """A siren, light or voice device and how long we wait for its word."""

    device_id: DeviceId
    asset_id: AssetId
    name: str  # 1号主变声光报警器
    confirm_within_us: int = 3_000_000
    attempts: int = 3
    valid_for_us: int = 60_000_000  # a command older than this is not sent any more
    max_on_s: int = 120  # the device stops by itself: its safe end state is off


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCommand:
    """One request to one device. A move returns the next version of it."""

    command_id: UUID
    event_id: UUID
    device_id: DeviceId
    action: str  # "sound"
    text: str  # what the device may show or speak
    priority: Priority
    created_at_us: int
    valid_until_us: int
    max_on_s: int
    state: CommandState = CommandState.PENDING
    attempt: int = 1
    sent_at_us: int | None = None  # of the current attempt
    ended_at_us: int | None = None
    outcome: str = ""  # "done", "refused: door open", "no confirmation after 3 attempts"
    sent_before_recorded: bool = False
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.state in {CommandState.PENDING, CommandState.SENT}

    def sent(self, at_us: int, *, before_recorded: bool = False) -> "DeviceCommand":
        if self.state is CommandState.SENT:
            return self  # the mark of a repeated delivery
        if self.state in {CommandState.CONFIRMED, CommandState.FAILED}:
            return self._marked_late(at_us, before_recorded)
        self._expect(CommandState.PENDING, "sent")
        return self._next(
            state=CommandState.SENT,
            sent_at_us=at_us,
            sent_before_recorded=self.sent_before_recorded or before_recorded,
        )

    def confirmed(self, at_us: int, outcome: str) -> "DeviceCommand":
        """A late word is taken too: the siren did sound, and the record must say so."""
        if self.state is CommandState.CONFIRMED:
            return self
        return self._next(state=CommandState.CONFIRMED, ended_at_us=at_us, outcome=outcome)

    def refused(self, at_us: int, outcome: str) -> "DeviceCommand":
        if not self.is_open:
            return self
        return self._next(state=CommandState.FAILED, ended_at_us=at_us, outcome=outcome)

    def retried(self) -> "DeviceCommand":
        self._expect(CommandState.SENT, "retried")
        return self._next(state=CommandState.PENDING, attempt=self.attempt + 1, sent_at_us=None)

    def failed(self, at_us: int, outcome: str) -> "DeviceCommand":
        self._expect(CommandState.SENT, "failed")
        return self._next(state=CommandState.FAILED, ended_at_us=at_us, outcome=outcome)

    def expired(self, at_us: int) -> "DeviceCommand":
        self._expect(CommandState.PENDING, "expired")
        return self._next(
            state=CommandState.EXPIRED, ended_at_us=at_us, outcome="not sent before valid_until"
        )

    def _marked_late(self, at_us: int, before_recorded: bool) -> "DeviceCommand":
        """The device's word came before our own mark of having sent it: note the mark, keep the end."""
        if self.sent_at_us is not None:
            return self
        return self._next(
            sent_at_us=at_us, sent_before_recorded=self.sent_before_recorded or before_recorded
        )

    def _expect(self, state: CommandState, move: str) -> None:
        if self.state is not state:
            raise IllegalMove(f"command {self.command_id} is {self.state}: it cannot be {move}")

    def _next(self, **changes: object) -> "DeviceCommand":
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """One attempt to send one command. Written with the decision, sent afterwards."""

    outbox_id: UUID
    command: DeviceCommand

    @classmethod
    def of(cls, command: DeviceCommand) -> "OutboxItem":
        return cls(outbox_id=outbox_id(command.command_id, command.attempt), command=command)
