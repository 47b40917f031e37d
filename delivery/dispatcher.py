"""The dispatcher: sends device commands after they are recorded, level 1 even when that fails.

Promise: the sender takes an outbox id at most once in the life of this object, and every released item
gets a word: sent, sent before recorded, or expired. Nobody who calls waits.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final
from uuid import UUID

import structlog

from domain.assets import Priority
from domain.changes import OutboxDone
from domain.clock import Clock, system_clock
from domain.commands import DeviceCommand, OutboxItem
from domain.ports import CommandSender

log = structlog.get_logger(__name__)

REMEMBER_SENT: Final = 50_000  # outbox ids, so that a later release does not send again
_AFTER_ALL_LEVELS: Final = max(Priority) + 1
RETRY_AFTER_US: Final = 50_000  # while there is no way to the field


def monotonic_us() -> int:
    """Durations do not jump when somebody sets the clock."""
    return time.monotonic_ns() // 1_000


@dataclass(slots=True)
class _Waiting:
    """An item that may be sent now."""

    item: OutboxItem
    recorded: bool
    turn: int  # of its valid entry in the queue; entries of another turn are stale

    @property
    def outbox_id(self) -> UUID:
        return self.item.outbox_id


class Dispatcher:
    """`hold` before the records transaction, `release` after it. One thread sends, level 1 first."""

    def __init__(
        self,
        sender: CommandSender,
        done: Callable[[OutboxDone], None],
        clock: Clock = system_clock,
        fail_open_after_us: int = 200_000,
        *,
        monotonic: Clock = monotonic_us,
    ) -> None:
        self._sender = sender
        self._done = done
        self._clock = clock
        self._monotonic = monotonic
        self._fail_open_after_us = fail_open_after_us
        self._lock = threading.Lock()
        self._held: OrderedDict[UUID, tuple[int, OutboxItem]] = OrderedDict()  # by moment it is due
        self._waiting: dict[UUID, _Waiting] = {}
        self._queue: list[tuple[int, int, UUID]] = []  # heap of (level, turn, outbox id)
        self._turns = 0
        self._sent: OrderedDict[UUID, OutboxDone] = OrderedDict()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def hold(self, items: Iterable[OutboxItem]) -> None:
        """Level 1 of these is sent by fail-open when no release comes in time."""
        due_us = self._monotonic() + self._fail_open_after_us
        with self._lock:
            for item in items:
                if item.command.priority is Priority.URGENT and self._is_new(item.outbox_id):
                    self._held[item.outbox_id] = (due_us, item)
        self._wake.set()

    def release(self, items: Iterable[OutboxItem]) -> None:
        """These are recorded, whether they were held before or not."""
        with self._lock:
            for item in items:
                self._held.pop(item.outbox_id, None)
                self._enqueue(item, recorded=True)
        self._wake.set()

    def send_unrecorded(self, commands: Iterable[DeviceCommand]) -> None:
        """Level 1 that can be recorded only later: sent at once; the release that follows sends nothing."""
        with self._lock:
            for item in map(OutboxItem.of, commands):
                if item.command.priority is Priority.URGENT and item.outbox_id not in self._sent:
                    self._held.pop(item.outbox_id, None)
                    self._enqueue(item, recorded=False)
        self._wake.set()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """What is not sent yet stays in the stored outbox."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def run_due(self) -> int | None:
        """Sends and reports what is due. Microseconds to the next moment, None if there is none."""
        stumbled: set[UUID] = set()
        while head := self._next():
            if head.outbox_id in stumbled:
                return self._until_retry()
            try:
                if not self._settle(head):
                    return self._until_retry()
            except Exception:
                # one command that cannot be built must not keep the others from their sirens
                log.exception("command_not_sendable", command_id=str(head.item.command.command_id))
                stumbled.add(head.outbox_id)
                self._put_last(head)
        return self._until_next_held()

    def _run(self) -> None:
        while not self._stopping:
            wait_us = self.run_due()
            self._wake.wait(None if wait_us is None else max(wait_us, 0) / 1e6)
            self._wake.clear()

    def _is_new(self, outbox: UUID) -> bool:
        return outbox not in self._sent and outbox not in self._waiting

    def _enqueue(self, item: OutboxItem, *, recorded: bool) -> None:
        waiting = self._waiting.get(item.outbox_id)
        if waiting is not None:
            waiting.recorded = waiting.recorded or recorded
            return
        waiting = self._waiting[item.outbox_id] = _Waiting(item, recorded, turn=0)
        self._queue_up(waiting, item.command.priority)

    def _queue_up(self, waiting: _Waiting, level: int) -> None:
        self._turns += 1
        waiting.turn = self._turns
        heappush(self._queue, (level, waiting.turn, waiting.outbox_id))

    def _put_last(self, waiting: _Waiting) -> None:
        with self._lock:
            self._queue_up(waiting, _AFTER_ALL_LEVELS)

    def _next(self) -> _Waiting | None:
        """The first by level, then by arrival. It stays queued until it is settled."""
        with self._lock:
            self._promote_overdue()
            while self._queue:
                _, turn, outbox = self._queue[0]
                waiting = self._waiting.get(outbox)
                if waiting is not None and waiting.turn == turn:
                    return waiting
                heappop(self._queue)
            return None

    def _promote_overdue(self) -> None:
        now_us = self._monotonic()
        while self._held:
            due_us, item = next(iter(self._held.values()))
            if due_us > now_us:
                return
            self._held.popitem(last=False)
            log.warning("fail_open", command_id=str(item.command.command_id))
            self._enqueue(item, recorded=False)

    def _settle(self, waiting: _Waiting) -> bool:
        """Sends, expires or merely reports one item; False when there is no way to the field."""
        item, recorded = waiting.item, waiting.recorded
        done = self._sent.get(item.outbox_id)
        if done is None:
            now_us = self._clock()
            if now_us >= item.command.valid_until_us:
                done = _done(item, now_us, "expired")
            elif self._sender.send(item.command):
                done = _done(item, now_us, "sent" if recorded else "sent_before_recorded")
                self._remember(done)
            else:
                return False
        self._report(self._removed(done))
        return True

    def _remember(self, done: OutboxDone) -> None:
        with self._lock:
            self._sent[done.outbox_id] = done
            if len(self._sent) > REMEMBER_SENT:
                self._sent.popitem(last=False)

    def _removed(self, done: OutboxDone) -> list[OutboxDone]:
        """Takes the item out of the queue. Unrecorded, it is reported when its release comes."""
        with self._lock:
            waiting = self._waiting.pop(done.outbox_id)
            return [done] if waiting.recorded else []

    def _swept(self) -> list[OutboxDone]:
        """While there is no way to the field, what is no longer valid need not wait for its turn."""
        now_us = self._clock()
        with self._lock:
            late = [
                waiting.item
                for waiting in self._waiting.values()
                if now_us >= waiting.item.command.valid_until_us
                and waiting.outbox_id not in self._sent
            ]
        return [done for item in late for done in self._removed(_done(item, now_us, "expired"))]

    def _report(self, finished: Sequence[OutboxDone]) -> None:
        for done in finished:
            self._done(done)

    def _until_next_held(self) -> int | None:
        with self._lock:
            if not self._held:
                return None
            return next(iter(self._held.values()))[0] - self._monotonic()

    def _until_retry(self) -> int:
        self._report(self._swept())
        next_held_us = self._until_next_held()
        return RETRY_AFTER_US if next_held_us is None else min(next_held_us, RETRY_AFTER_US)


def _done(item: OutboxItem, at_us: int, outcome: str) -> OutboxDone:
    return OutboxDone(outbox_id=item.outbox_id, at_us=at_us, outcome=outcome)
