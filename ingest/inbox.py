"""The inbox: what came in and is not yet absorbed, in order and bounded.

`put` never blocks and never drops. Who fills it looks at `is_full` and stops reading its socket, so
that the broker holds what we cannot take.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from domain.records import Record
from ingest.messages import Message

MEBIBYTE: Final = 2**20
_OVERHEAD_BYTES: Final = 500  # of one message object, about


class Inbox:
    """Full at the first of its two bounds; has room again when it is half empty by both."""

    def __init__(self, max_messages: int = 20_000, max_bytes: int = 64 * MEBIBYTE) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._items: deque[Message | Record] = deque()
        self._bytes = 0
        self._full = False
        self._changed = threading.Condition()
        self._has_room: list[Callable[[], None]] = []

    def on_room(self, callback: Callable[[], None]) -> None:
        """Called from the taking thread whenever a full inbox has room again. It must not block."""
        self._has_room.append(callback)

    @property
    def is_full(self) -> bool:
        return self._full

    @property
    def depth(self) -> int:
        return len(self._items)

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def put(self, items: Iterable[Message | Record]) -> None:
        with self._changed:
            for item in items:
                self._items.append(item)
                self._bytes += _size(item)
            if len(self._items) >= self._max_messages or self._bytes >= self._max_bytes:
                self._full = True
            self._changed.notify()

    def take(self, max_items: int, timeout_s: float) -> list[Message | Record]:
        """The oldest items, at most `max_items`; waits for the first, and gives none after the timeout."""
        with self._changed:
            self._changed.wait_for(lambda: self._items, timeout_s)
            taken = [self._items.popleft() for _ in range(min(max_items, len(self._items)))]
            self._bytes -= sum(map(_size, taken))
            found_room = self._full and self._is_low
            if found_room:
                self._full = False
        if found_room:
            for callback in self._has_room:
                callback()
        return taken

    @property
    def _is_low(self) -> bool:
        return len(self._items) <= self._max_messages // 2 and self._bytes <= self._max_bytes // 2


def _size(item: Message | Record) -> int:
    return _OVERHEAD_BYTES + (len(item.payload) if isinstance(item, Message) else 0)
