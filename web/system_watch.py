"""Looks every other second how core and its neighbours are, once for all pages.

Pages hear `system` when what must be said changed, and `system_numbers` with every look.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog

from service.core_client import CoreClient
from service.local_socket import CoreUnreachable, RequestRefused
from service.system import Trouble, troubles
from web.feed import Feed

log = structlog.get_logger(__name__)

_EVERY_S: Final = 2.0


class SystemWatch:
    """`run` in the event loop; the rest is read by pages."""

    def __init__(self, core: CoreClient, feed: Feed) -> None:
        self._core = core
        self._feed = feed
        self.facts: Mapping[str, Any] | None = None  # None: core does not answer
        self.troubles: Sequence[Trouble] = ()

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                # a core of another version, say: the pages must go on
                log.exception("system_look_failed")
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        try:
            facts: Mapping[str, Any] | None = await asyncio.to_thread(self._core.system)
        except (CoreUnreachable, RequestRefused):
            facts = None
        found = () if facts is None else tuple(troubles(facts))
        changed = found != self.troubles or (facts is None) != (self.facts is None)
        self.facts, self.troubles = facts, found
        if changed:
            self._feed.heard({"kind": "system"})
        self._feed.heard({"kind": "system_numbers"})
