"""Parts of a page that stay live, each drawn anew only when what it shows has changed.

A press or a half-filled field is lost when its element is replaced, so what stands the same stays.
A part with buttons or fields reads no more than they depend on.
"""

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Generic, TypeVar

from nicegui import ui

from web.shell import Visit

T = TypeVar("T")


class _Part(Generic[T]):
    def __init__(self, value: T, draw: Callable[[T], object], classes: str) -> None:
        self._value, self._draw = value, draw
        self.box = ui.element("div").classes(classes)
        self._redraw()

    def show(self, value: T) -> None:
        if value != self._value:
            self._value = value
            self.box.clear()
            self._redraw()

    def _redraw(self) -> None:
        with self.box:
            self._draw(self._value)


def redrawn(
    visit: Visit,
    kinds: Collection[str],
    read: Callable[[], T],
    draw: Callable[[T], object],
    classes: str = "",
) -> None:
    """`read` gives all that `draw` shows, comparable; both are called again after a change of these kinds."""
    part = _Part(read(), draw, classes)
    visit.on_change(kinds, lambda: part.show(read()))


def redrawn_each(
    visit: Visit,
    kinds: Collection[str],
    read: Callable[[], Mapping[Hashable, T]],
    draw: Callable[[T], object],
    empty: str,
) -> None:
    """A list whose items are drawn each for itself, in the order of `read`; `empty` is said of none."""
    parts: dict[Hashable, _Part[T]] = {}
    box = ui.element("div").classes("gw-column w-full")
    nothing = ui.label(empty).classes("gw-card gw-soft")

    def show() -> None:
        found = read()
        for gone in parts.keys() - found.keys():
            parts.pop(gone).box.delete()
        with box:
            for place, (key, value) in enumerate(found.items()):
                if key in parts:
                    parts[key].show(value)
                else:
                    parts[key] = _Part(value, draw, "")
                if box.default_slot.children.index(parts[key].box) != place:
                    parts[key].box.move(target_index=place)
        nothing.set_visibility(not found)

    show()
    visit.on_change(kinds, show)
