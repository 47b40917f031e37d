"""Names and short values, two by two; what did not change is not sent."""

from collections.abc import Sequence

from nicegui import ui


class Figures:
    """`show` says them; a name that is there already only gets its new value."""

    def __init__(self) -> None:
        self._grid = ui.element("div").classes("gw-figures")
        self._values: dict[str, ui.label] = {}

    def show(self, facts: Sequence[tuple[str, str]]) -> None:
        if [name for name, _ in facts] != list(self._values):
            self._grid.clear()
            with self._grid:
                self._values = {name: self._line(name) for name, _ in facts}
        for name, value in facts:
            if self._values[name].text != value:
                self._values[name].text = value

    def _line(self, name: str) -> ui.label:
        ui.label(name)
        return ui.label()
