"""The one timeline: what happened, when, in order."""

from collections.abc import Iterable
from dataclasses import dataclass

from nicegui import ui


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    at_us: int
    when: str
    what: str
    icon: str = "circle"


def timeline(moments: Iterable[Moment]) -> None:
    with ui.timeline(side="right").classes("q-ma-none").props("dense"):
        for moment in sorted(moments):
            ui.timeline_entry(title=moment.what, subtitle=moment.when, icon=moment.icon)
