"""Live changes for the open pages: one subscription for all, and at most a few refreshes a second.

A burst of alarms is one refresh: what a page shows is read from the records when the burst pauses. A change
is told when it is decided; where the records are slow it is not there yet: every page looks once more.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

log = structlog.get_logger(__name__)

Refresh = Callable[[], Awaitable[None] | None]
T = TypeVar("T")

_AFTER_S: Final = 0.12  # the decision is committed by then, but for a busy machine
_AGAIN_S: Final = 1.5  # after the last change of a burst
_AT_MOST_EVERY_S: Final = 0.5
_SELDOM_S: Final = 0.7  # what is shown is never older than a second


@dataclass(eq=False, slots=True)
class _Listener:
    kinds: frozenset[str]
    refresh: Refresh
    due: bool = False
    again: bool = False  # a last look, when nothing more is told


class Feed:
    """`heard` may be called from any thread; everything else runs in the event loop."""

    def __init__(self) -> None:
        self._listeners: list[_Listener] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running = False
        self._woken = asyncio.Event()
        self._round: asyncio.Task[None] | None = None  # held, else it might be collected
        self._shared: dict[Hashable, Any] | None = None  # while a round goes over the pages

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def shared(self, key: Hashable, make: Callable[[], T]) -> T:
        """What many pages show alike is made once for each round of refreshes. Outside of one: made anew."""
        if self._shared is None:
            return make()
        if key not in self._shared:
            self._shared[key] = make()
        found: T = self._shared[key]
        return found

    def register(self, kinds: Collection[str], refresh: Refresh) -> Callable[[], None]:
        """Gives the way to end it."""
        listener = _Listener(frozenset(kinds), refresh)
        self._listeners.append(listener)

        def leave() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return leave

    def heard(self, change: Mapping[str, Any]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._note, str(change.get("kind", "")))

    def _note(self, kind: str) -> None:
        # "desk": a person did something at another worker
        everybody = kind in {"connected", "disconnected", "missed", "desk"}
        for listener in self._listeners:
            if everybody or kind in listener.kinds:
                listener.due = listener.again = True
                self._woken.set()
        if not self._running and any(listener.due for listener in self._listeners):
            self._running = True
            self._round = asyncio.create_task(self._refresh_all())

    async def _refresh_all(self) -> None:
        await asyncio.sleep(_AFTER_S)
        try:
            while due := await self._next_due():
                started = time.monotonic()
                self._shared = {}
                for listener in due:
                    listener.due = False
                    await self._refresh(listener)
                self._shared = None
                # many pages take longer: then they are refreshed less often, and core has its processor
                took_s = time.monotonic() - started
                await asyncio.sleep(min(_SELDOM_S, max(_AT_MOST_EVERY_S, 2 * took_s)))
        finally:
            self._running, self._shared = False, None

    async def _next_due(self) -> list[_Listener]:
        """Those that a change concerns; when nothing more came, those that look once more; at last none."""
        due = [listener for listener in self._listeners if listener.due]
        if due or not any(listener.again for listener in self._listeners):
            return due
        self._woken.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), _AGAIN_S)
            await asyncio.sleep(_AFTER_S)
            return [listener for listener in self._listeners if listener.due]
        again = [listener for listener in self._listeners if listener.again]
        for listener in again:
            listener.again = False
        return again

    async def _refresh(self, listener: _Listener) -> None:
        try:
            waiting = listener.refresh()
            if waiting is not None:
                await waiting
        except Exception:
            # one page's mistake must not stop the others
            log.exception("page_refresh_failed")
