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
    link: str = ""


def timeline(moments: Iterable[Moment]) -> None:
    with ui.timeline(side="right").classes("q-ma-none").props("dense"):
        for moment in sorted(moments):
            if not moment.link:
                ui.timeline_entry(title=moment.what, subtitle=moment.when, icon=moment.icon)
                continue
            with (
                ui.timeline_entry(subtitle=moment.when, icon=moment.icon),
                ui.link(target=moment.link),
            ):
                ui.label(moment.what)
