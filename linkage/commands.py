"""The commands that linkage knows: those under way, and those whose device may still send a late word."""

from collections.abc import Iterable
from typing import Final, TypeVar
from uuid import UUID

from domain.assets import Priority
from domain.clock import SECOND_US
from domain.commands import (
    LASTING,
    RELEASE,
    SILENCE,
    CommandState,
    DeviceCommand,
    Origin,
    OutboxItem,
)
from domain.ids import DeviceId

_K = TypeVar("_K")

_ENDING: Final = frozenset({SILENCE, RELEASE})
# the last word of a command that does not have its device any more
LET_GO: Final = frozenset({"displaced", "resumed_as", "recalled", "left_to_another"})
_ACTING: Final = frozenset({CommandState.PENDING, CommandState.SENT, CommandState.CONFIRMED})


class KnownCommands:
    """Open commands, and ended ones for as long as a late reply may come."""

    def __init__(self, commands: Iterable[DeviceCommand]) -> None:
        self._known: dict[UUID, DeviceCommand] = {}
        self._open: dict[UUID, DeviceCommand] = {}
        self._ended: dict[UUID, int] = {}  # when each ended, oldest first
        self._by_outbox: dict[UUID, UUID] = {}  # the current attempt of each
        self._by_event: dict[UUID, set[UUID]] = {}
        self._by_device: dict[DeviceId, set[UUID]] = {}
        # a flood gives one siren thousands: who asks after a few of them does not look at all
        # what told it to stop: for an alarm, or, under None, whatever it does
        self._ending: dict[tuple[DeviceId, UUID | None], set[UUID]] = {}
        self._waiting: dict[DeviceId, set[UUID]] = {}  # withheld or displaced
        self._acting: dict[tuple[DeviceId, Priority], set[UUID]] = {}  # may sound or show now
        for command in sorted(commands, key=lambda command: command.ended_at_us or 0):
            self.keep(command)

    def __contains__(self, command: UUID) -> bool:
        return command in self._known

    def get(self, command: UUID) -> DeviceCommand | None:
        return self._known.get(command)

    def of_event(self, event: UUID) -> list[DeviceCommand]:
        return [self._known[each] for each in sorted(self._by_event.get(event, ()))]

    def of_device(self, device: DeviceId) -> list[DeviceCommand]:
        """The oldest first."""
        known = [self._known[each] for each in self._by_device.get(device, ())]
        return sorted(known, key=lambda each: (each.created_at_us, each.command_id))

    def ending(self, device: DeviceId, event: UUID) -> list[DeviceCommand]:
        """What told it to stop for this alarm, or altogether."""
        found = self._ending.get((device, event), set()) | self._ending.get((device, None), set())
        return [self._known[each] for each in found]

    def waiting(self, device: DeviceId) -> list[DeviceCommand]:
        """Withheld or displaced, and not over: the oldest first."""
        known = [self._known[each] for each in self._waiting.get(device, ())]
        return sorted(known, key=lambda each: (each.created_at_us, each.command_id))

    def acting(self, device: DeviceId, priority: Priority, at_us: int) -> list[DeviceCommand]:
        """What it was asked of this priority, and has not stopped by itself yet; the oldest first."""
        key = device, priority
        over = [each for each in self._acting.get(key, ()) if not may_act(self._known[each], at_us)]
        for each in over:
            _discard(self._acting, key, each)
        known = [self._known[each] for each in self._acting.get(key, ())]
        return sorted(known, key=lambda each: (each.created_at_us, each.command_id))

    def of_outbox(self, outbox: UUID) -> DeviceCommand | None:
        command = self._by_outbox.get(outbox)
        return None if command is None else self._known.get(command)

    def keep(self, command: DeviceCommand) -> None:
        before = self._known.get(command.command_id)
        if before:
            self._by_outbox.pop(OutboxItem.of(before).outbox_id, None)
        self._by_outbox[OutboxItem.of(command).outbox_id] = command.command_id
        self._known[command.command_id] = command
        self._by_event.setdefault(command.event_id, set()).add(command.command_id)
        self._by_device.setdefault(command.device_id, set()).add(command.command_id)
        self._sort(command)
        if command.is_open:
            self._open[command.command_id] = command
            self._ended.pop(command.command_id, None)  # it was withheld, and is let go
        else:
            self._open.pop(command.command_id, None)
            self._ended.setdefault(command.command_id, command.ended_at_us or command.created_at_us)

    def _sort(self, command: DeviceCommand) -> None:
        device, one = command.device_id, command.command_id
        if command.action in _ENDING:
            _set(self._ending, _ends(command), one, command.state is not CommandState.EXPIRED)
        word = last_word(command)
        withheld = command.state is CommandState.WITHHELD and command.ended_at_us is None
        _set(self._waiting, device, one, withheld or word == "displaced")
        acts = command.action in LASTING and command.state in _ACTING and word not in LET_GO
        _set(self._acting, (device, command.priority), one, acts)

    def open(self) -> list[DeviceCommand]:
        return list(self._open.values())

    def forget_ended_before(self, at_us: int) -> None:
        while self._ended:
            command, ended_at_us = next(iter(self._ended.items()))
            if ended_at_us >= at_us:
                return
            del self._ended[command]
            self._forget(self._known.pop(command))

    def _forget(self, command: DeviceCommand) -> None:
        self._by_outbox.pop(OutboxItem.of(command).outbox_id, None)
        _discard(self._by_event, command.event_id, command.command_id)
        _discard(self._by_device, command.device_id, command.command_id)
        _discard(self._waiting, command.device_id, command.command_id)
        _discard(self._ending, _ends(command), command.command_id)
        _discard(self._acting, (command.device_id, command.priority), command.command_id)


def may_act(command: DeviceCommand, at_us: int) -> bool:
    """It was, or may be, asked to sound, show or refuse entry, and has not stopped by itself yet."""
    if command.action not in LASTING or command.state in {
        CommandState.EXPIRED,
        CommandState.WITHHELD,
    }:
        return False
    since_us = command.sent_at_us or command.created_at_us
    return at_us < since_us + command.max_on_s * SECOND_US


def _ends(command: DeviceCommand) -> tuple[DeviceId, UUID | None]:
    """Whose action an ending command ends."""
    by_hand = command.origin is Origin.HAND
    return command.device_id, None if by_hand else command.event_id


def last_word(command: DeviceCommand) -> str:
    """The last that was noted of it."""
    return command.because[-1].code if command.because else ""


def _set(index: dict[_K, set[UUID]], where: _K, command: UUID, belongs: bool) -> None:
    if belongs:
        index.setdefault(where, set()).add(command)
    else:
        _discard(index, where, command)


def _discard(index: dict[_K, set[UUID]], where: _K, command: UUID) -> None:
    found = index.get(where, set())
    found.discard(command)
    if not found:
        index.pop(where, None)
