"""Device commands: what a field device is asked to do, and what became of it.

    pending -> sent -> confirmed
                    -> timed out -> retried (sent again) ... -> failed
    pending -> expired (its `valid_until` passed before it could be sent)
    withheld (quiet hours, a more urgent command has the device, a second person is waited for)
             -> pending

A siren is never asked twice for one command id, only reminded: the device acts once per id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.assets import Priority
from domain.ids import AssetId, DeviceId, outbox_id
from domain.incidents import IllegalMove
from domain.responsibility import Reason


class CommandState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    EXPIRED = "expired"
    WITHHELD = "withheld"  # never sent: `because` says why


class DeviceKind(StrEnum):
    SIREN = "siren"
    LIGHT = "light"
    VOICE = "voice"
    CAMERA = "camera"
    DOOR = "door"  # it can refuse entry; the way out is always free


class Origin(StrEnum):
    """Who or what wants the device to act."""

    EVENT = "event"  # a rule of the linkage table
    HAND = "hand"  # an operator
    TEST = "test"  # an operator, for the record of tests
    PING = "ping"  # our own question whether it lives


SILENCE: Final = "silence"  # 消音: the action that ends what a device sounds or shows
PING: Final = "ping"  # it only answers
RELEASE: Final = "release"  # of a door: entry is free again
# what each kind may be asked for; nothing else ever reaches it
ACTIONS: Final[Mapping[DeviceKind, frozenset[str]]] = {
    DeviceKind.SIREN: frozenset({"sound", "light", "speak"}),
    DeviceKind.LIGHT: frozenset({"light"}),
    DeviceKind.VOICE: frozenset({"speak", "sound"}),
    DeviceKind.CAMERA: frozenset({"preset", "picture"}),
    DeviceKind.DOOR: frozenset({"refuse_entry"}),
}
ENDING: Final[Mapping[DeviceKind, str]] = {DeviceKind.DOOR: RELEASE}  # else SILENCE
# heard far around: quiet hours are about these
AUDIBLE: Final = frozenset({"sound", "speak"})
# what 消音 ends; a door stays as it is
SILENCEABLE: Final = frozenset({"sound", "light", "speak"})
# they last, so that two of them compete for the device
LASTING: Final = frozenset({"sound", "light", "speak", "refuse_entry"})


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """By the site's clock; minutes after midnight. They may go over midnight."""

    from_minute: int
    to_minute: int

    def cover(self, minute: int) -> bool:
        if self.from_minute <= self.to_minute:
            return self.from_minute <= minute < self.to_minute
        return minute >= self.from_minute or minute < self.to_minute

    def __str__(self) -> str:
        return "-".join(
            f"{minute // 60:02d}:{minute % 60:02d}" for minute in (self.from_minute, self.to_minute)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDevice:
    """A siren, light, voice device, camera or door, and how long we wait for its word."""

    device_id: DeviceId
    asset_id: AssetId
    name: str  # 1号主变声光报警器
    confirm_within_us: int = 3_000_000
    attempts: int = 3
    valid_for_us: int = 60_000_000  # a command older than this is not sent any more
    max_on_s: int = 120  # the device stops by itself: its safe end state is off, a door's free
    kind: DeviceKind = DeviceKind.SIREN
    quiet: QuietHours | None = None  # outdoors, where people sleep: below level 1 it is silent then
    two_persons: bool = False  # a call by hand needs a second person
    ping_every_us: int | None = None  # None: it is not asked whether it lives
    test_every_us: int | None = None  # None: nobody need test it

    @property
    def ending(self) -> str:
        """The action that ends what it was asked for."""
        return ENDING.get(self.kind, SILENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCare:
    """Since when a device is looked after, and when its last test passed."""

    device_id: DeviceId
    since_us: int
    tested_at_us: int | None = None
    tested_by: str = ""
    version: int = 1

    def tested(self, at_us: int, by: str) -> "DeviceCare":
        return replace(self, tested_at_us=at_us, tested_by=by, version=self.version + 1)

    @property
    def counts_from_us(self) -> int:
        return self.since_us if self.tested_at_us is None else self.tested_at_us


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCommand:
    """One request to one device. A move returns the next version of it."""

    command_id: UUID
    event_id: UUID  # of the alarm; of a call without one an id of its own
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
    origin: Origin = Origin.EVENT
    by: str = ""  # the user who called, tested, or stopped it
    because: tuple[Reason, ...] = ()  # why this device, or why it was not asked after all
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.state in {CommandState.PENDING, CommandState.SENT}

    def withheld(self, reason: Reason) -> "DeviceCommand":
        """Instead of being issued: nothing is sent."""
        return replace(self, state=CommandState.WITHHELD, because=(*self.because, reason))

    def let_go(self, at_us: int, valid_for_us: int, reason: Reason) -> "DeviceCommand":
        """What it was withheld for is over."""
        self._expect(CommandState.WITHHELD, "let go")
        return self._next(
            state=CommandState.PENDING,
            because=(*self.because, reason),
            valid_until_us=at_us + valid_for_us,
            ended_at_us=None,
        )

    def remarked(self, reason: Reason) -> "DeviceCommand":
        """What became of it beside its state: another has the device now."""
        return self._next(because=(*self.because, reason))

    def noted(self, at_us: int, reason: Reason) -> "DeviceCommand":
        """It is not let go any more: what became of it."""
        self._expect(CommandState.WITHHELD, "noted")
        return self._next(ended_at_us=at_us, because=(*self.because, reason))

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
