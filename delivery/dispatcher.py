"""The dispatcher: sends device commands after they are recorded, level 1 even when that fails.

Promise: the sender takes an outbox id at most once in the life of this object, and every released item
gets a word: sent, sent before recorded, or expired. Nobody who calls waits.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import islice
from typing import Final
from uuid import UUID

import structlog

from domain.assets import Priority
from domain.changes import OutboxDone
from domain.clock import Clock, system_clock
from domain.commands import DeviceCommand, OutboxItem
from domain.ports import CommandSender, Counters

log = structlog.get_logger(__name__)

REMEMBER_SENT: Final = 50_000  # outbox ids, so that a later release does not send again
_AFTER_ALL_LEVELS: Final = max(Priority) + 1
RETRY_AFTER_US: Final = 50_000  # while there is no way to the field; after a failure at first
RETRY_AT_LATEST_US: Final = 2_000_000  # after failures in a row, each wait twice the one before


def monotonic_us() -> int:
    """Durations do not jump when somebody sets the clock."""
    return time.monotonic_ns() // 1_000


@dataclass(slots=True)
class _Waiting:
    """An item that may be sent now."""

    item: OutboxItem
    recorded: bool
    turn: int = 0  # of its valid entry in a heap; entries of another turn are stale
    failures: int = 0  # to build or send it

    @property
    def outbox_id(self) -> UUID:
        return self.item.outbox_id


class Dispatcher:
    """`hold` before the records transaction, `release` after it. One thread sends, level 1 first."""

    def __init__(
        self,
        sender: CommandSender,
        done: Callable[[OutboxDone], None],
        counters: Counters,
        clock: Clock = system_clock,
        fail_open_after_us: int = 200_000,
        *,
        monotonic: Clock = monotonic_us,
    ) -> None:
        self._sender = sender
        self._done = done
        self._counters = counters
        self._clock = clock
        self._monotonic = monotonic
        self._fail_open_after_us = fail_open_after_us
        self._lock = threading.Lock()
        self._held: OrderedDict[UUID, tuple[int, OutboxItem]] = OrderedDict()  # by moment it is due
        self._waiting: dict[UUID, _Waiting] = {}
        self._queue: list[tuple[int, int, UUID]] = []  # heap of (level, turn, outbox id)
        self._stumbled: list[tuple[int, int, UUID]] = []  # heap of (due again, turn, outbox id)
        self._turns = 0
        self._sent: OrderedDict[UUID, OutboxDone] = OrderedDict()
        self._untold: deque[OutboxDone] = deque()
        self._failures = 0  # of the thread's round, in a row
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

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def unsent(self) -> tuple[int, int | None]:
        """How many commands wait to be sent, and when the oldest of them was made."""
        with self._lock:
            made_us = [waiting.item.command.created_at_us for waiting in self._waiting.values()]
            made_us += [item.command.created_at_us for _, item in self._held.values()]
        return len(made_us), min(made_us, default=None)

    def run_due(self) -> int | None:
        """Sends and reports what is due. Microseconds to the next moment, None if there is none."""
        has_way = True
        while has_way and (head := self._next()):
            has_way = self._try(head)
        if not has_way:
            self._sweep()
        self._report()
        until_us = self._until_next()
        if has_way:
            return until_us
        return RETRY_AFTER_US if until_us is None else min(until_us, RETRY_AFTER_US)

    def _run(self) -> None:
        while not self._stopping:
            wait_us = self._round()
            self._wake.wait(None if wait_us is None else max(wait_us, 0) / 1e6)
            self._wake.clear()

    def _round(self) -> int | None:
        """`run_due`, whatever fails in it: without this thread no siren would sound, and nobody would
        see it. A new command is tried at once, also during the wait after a failure."""
        try:
            wait_us = self.run_due()
        except Exception:
            self._failures += 1
            self._counters.add("dispatcher_failed")
            log.exception("dispatcher_failed")
            return self._until_next_after_failure()
        self._failures = 0
        return wait_us

    def _try(self, head: _Waiting) -> bool:
        """False when there is no way to the field."""
        try:
            return self._settle(head)
        except Exception:
            # one command that cannot be built must not keep the others from their sirens
            self._put_off(head)
            self._counters.add("command_not_sendable")
            log.exception("command_not_sendable", command_id=str(head.item.command.command_id))
            return True

    def _is_new(self, outbox: UUID) -> bool:
        return outbox not in self._sent and outbox not in self._waiting

    def _enqueue(self, item: OutboxItem, *, recorded: bool) -> None:
        waiting = self._waiting.get(item.outbox_id)
        if waiting is not None:
            waiting.recorded = waiting.recorded or recorded
            return
        waiting = self._waiting[item.outbox_id] = _Waiting(item, recorded)
        self._queue_up(waiting, item.command.priority)

    def _queue_up(self, waiting: _Waiting, level: int) -> None:
        waiting.turn = self._next_turn()
        heappush(self._queue, (level, waiting.turn, waiting.outbox_id))

    def _put_off(self, waiting: _Waiting) -> None:
        with self._lock:
            waiting.failures += 1
            waiting.turn = self._next_turn()
            due_us = self._monotonic() + _grown_us(waiting.failures)
            heappush(self._stumbled, (due_us, waiting.turn, waiting.outbox_id))

    def _next_turn(self) -> int:
        self._turns += 1
        return self._turns

    def _next(self) -> _Waiting | None:
        """The first by level, then by arrival. It stays queued until it is settled."""
        with self._lock:
            now_us = self._monotonic()
            self._promote_overdue(now_us)
            self._promote_stumbled(now_us)
            while self._queue:
                _, turn, outbox = self._queue[0]
                waiting = self._waiting.get(outbox)
                if waiting is not None and waiting.turn == turn:
                    return waiting
                heappop(self._queue)
            return None

    def _promote_overdue(self, now_us: int) -> None:
        while self._held:
            due_us, item = next(iter(self._held.values()))
            if due_us > now_us:
                return
            self._held.popitem(last=False)
            self._enqueue(item, recorded=False)
            log.warning("fail_open", command_id=str(item.command.command_id))

    def _promote_stumbled(self, now_us: int) -> None:
        while self._stumbled and self._stumbled[0][0] <= now_us:
            _, turn, outbox = heappop(self._stumbled)
            waiting = self._waiting.get(outbox)
            if waiting is not None and waiting.turn == turn:
                self._queue_up(waiting, _AFTER_ALL_LEVELS)

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
        self._finish(done)
        return True

    def _remember(self, done: OutboxDone) -> None:
        with self._lock:
            self._sent[done.outbox_id] = done
            if len(self._sent) > REMEMBER_SENT:
                self._sent.popitem(last=False)

    def _finish(self, done: OutboxDone) -> None:
        """Takes the item out of the queue. Unrecorded, it is reported when its release comes."""
        with self._lock:
            if self._waiting.pop(done.outbox_id).recorded:
                self._untold.append(done)

    def _sweep(self) -> None:
        """While there is no way to the field, what is no longer valid need not wait for its turn."""
        now_us = self._clock()
        with self._lock:
            late = [
                waiting.item
                for waiting in self._waiting.values()
                if now_us >= waiting.item.command.valid_until_us
                and waiting.outbox_id not in self._sent
            ]
        for item in late:
            self._finish(_done(item, now_us, "expired"))

    def _report(self) -> None:
        """After the sending: a siren does not wait for words about another. What cannot be told yet is
        told again."""
        while self._untold:
            self._done(self._untold[0])
            self._untold.popleft()

    def _until_next(self) -> int | None:
        with self._lock:
            due_us = [due for due, _ in islice(self._held.values(), 1)]
            due_us += [due for due, _, _ in self._stumbled[:1]]
            return min(due_us) - self._monotonic() if due_us else None

    def _until_next_after_failure(self) -> int:
        wait_us, until_us = _grown_us(self._failures), self._until_next()
        return wait_us if until_us is None else max(RETRY_AFTER_US, min(wait_us, until_us))


def _grown_us(failures: int) -> int:
    """The wait after so many failures in a row."""
    return min(RETRY_AT_LATEST_US, RETRY_AFTER_US << min(failures - 1, 10))


def _done(item: OutboxItem, at_us: int, outcome: str) -> OutboxDone:
    return OutboxDone(outbox_id=item.outbox_id, at_us=at_us, outcome=outcome)
