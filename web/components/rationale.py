"""Why an alarm is there and what is to be done: shown at the alarm, written by who may."""

from nicegui import ui

from domain.access import may
from domain.alarms import Rationale
from domain.assets import Condition
from domain.clock import MINUTE_US
from domain.ids import PointKey
from domain.requests import PutRationalisations
from web.shell import Visit

_TEXTS = ("cause", "consequence", "action", "severity")


def show_rationale(visit: Visit, point: str, condition: Condition) -> None:
    written = visit.console.alarms.rationalisation(point, condition)
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("limits.rationale")).classes("gw-head")
        if written is None:
            ui.label(visit.say("limits.no_rationale")).classes("gw-soft")
        else:
            told = written.rationale
            with ui.element("div").classes("gw-facts"):
                for name in _TEXTS:
                    ui.label(visit.say(f"limits.{name}"))
                    ui.label(getattr(told, name) or "-").style("overflow-wrap:anywhere")
                ui.label(visit.say("limits.minutes"))
                ui.label(_minutes(told) or "-")
            when = visit.time(written.at_us, "%Y-%m-%d %H:%M")
            ui.label(visit.say("limits.written_by", by=written.by, when=when)).classes("gw-soft")


def edit_rationale(visit: Visit, point: PointKey, condition: Condition) -> None:
    """For who may; others are shown it."""
    if not may(visit.user.roles, PutRationalisations):
        show_rationale(visit, point, condition)
        return
    written = visit.console.alarms.rationalisation(point, condition)
    told = written.rationale if written else None
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say("limits.rationale")).classes("gw-head")
        fields = {
            name: ui.input(visit.say(f"limits.{name}"), value=getattr(told, name, "")).classes(
                "w-full"
            )
            for name in _TEXTS
        }
        minutes = ui.input(visit.say("limits.minutes"), value=_minutes(told)).classes("w-full")

        async def save() -> None:
            within_us = _within(minutes.value)
            if within_us == 0:
                ui.notify(visit.say("limits.bad_number"), type="warning")
                return
            texts = {name: (field.value or "").strip() for name, field in fields.items()}
            entry = Rationale(
                point=point, condition=condition, respond_within_us=within_us, **texts
            )
            await visit.ask(PutRationalisations(entries=(entry,)))

        ui.button(visit.say("limits.save"), on_click=save).props("no-caps outline")


def _minutes(told: Rationale | None) -> str:
    within_us = told.respond_within_us if told else None
    return "" if within_us is None else f"{within_us / MINUTE_US:g}"


def _within(written: str | None) -> int | None:
    """None where nothing is written, 0 where it is no number of minutes."""
    if not (written or "").strip():
        return None
    try:
        return max(0, round(float(str(written)) * MINUTE_US))
    except (ValueError, OverflowError):
        return 0
