"""For pages whose change may be the only one for hours: it may be told before it is committed."""

from collections.abc import Callable, Collection
from typing import Final

from nicegui import ui

from web.shell import Visit

_AGAIN_S: Final = 1.5


def on_change_twice(visit: Visit, kinds: Collection[str], refresh: Callable[[], None]) -> None:
    """`refresh` at once and a little later; it must draw nothing anew where nothing changed."""

    def heard() -> None:
        refresh()
        ui.timer(_AGAIN_S, refresh, once=True)

    visit.on_change(kinds, heard)
