"""One alarm: what, in which state, its trend, who did what with it, and when it came before."""

from collections.abc import Callable, Iterator
from typing import Final
from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.alarms import Alarm
from domain.requests import AcknowledgeAlarm
from domain.wording import class_word, priority_word, quantity
from storage.alarm_reads import ListedAlarm
from web.alarm_words import acts_of, marks_of, state_of, text_of
from web.components.alarm_acts import act
from web.components.kept_back import because_words
from web.components.live_trend import live_trend
from web.components.rationale import show_rationale
from web.components.redrawn import redrawn
from web.components.table import Column, DataTable
from web.components.timeline import Moment, timeline
from web.pages.limits import address_of
from web.shell import Visit, console_page

_CHANGES: Final = frozenset({"alarm", "withholding"})


@console_page("/alarm/{event_id}", "alarms.title")
def alarm_page(visit: Visit, event_id: str) -> None:
    listed = _listed(visit, event_id)
    if listed is None:
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    alarm = listed.alarm

    def read() -> ListedAlarm:
        return _listed(visit, event_id) or listed

    _head(visit, read)
    with ui.element("div").classes("gw-grid"):
        with ui.element("div").classes("gw-column"):
            point = next(
                (each for each in visit.console.site.points if each.key == alarm.point), None
            )
            if point is not None:
                live_trend(visit, point)
            _before(visit, listed)
        with ui.element("div").classes("gw-column"):
            show_rationale(visit, alarm.point, alarm.condition)
            ui.link(visit.say("limits.edit_limit"), address_of(alarm.point, alarm.condition))
            with ui.element("div").classes("gw-card"):
                ui.label(visit.say("alarms.record")).classes("gw-head")
                redrawn(
                    visit,
                    _CHANGES,
                    lambda: list(_moments(visit, read())),
                    timeline,
                )


def _listed(visit: Visit, event_id: str) -> ListedAlarm | None:
    """None where there is none, or where the user may not look."""
    try:
        listed = visit.console.alarms.alarm(UUID(event_id))
    except ValueError:
        return None
    if listed is None:
        return None
    station = visit.console.asset(listed.alarm.asset_id).station
    return listed if visit.user.in_scope(station) else None


def _head(visit: Visit, read: Callable[[], ListedAlarm]) -> None:
    with ui.element("div").classes("gw-card"):
        redrawn(visit, _CHANGES, read, lambda listed: _summary(visit, listed))
        redrawn(
            visit,
            _CHANGES,
            lambda: _acts(visit, read().alarm),
            lambda names: _buttons(visit, names, read),
            "gw-bar q-mt-sm",
        )


def _summary(visit: Visit, listed: ListedAlarm) -> None:
    alarm = listed.alarm
    with ui.element("div").classes("gw-bar"):
        for word, chip in (
            (priority_word(alarm.priority, visit.language), f"gw-p{int(alarm.priority)}"),
            (class_word(alarm.alarm_class, visit.language), "gw-plain"),
            (state_of(visit, alarm), "gw-wait" if alarm.waits else "gw-plain"),
            (marks_of(visit, listed), "gw-plain"),
        ):
            if word:
                ui.label(word).classes(f"gw-chip {chip}")
    ui.label(text_of(visit, listed)).classes("gw-title q-my-sm")
    if why := because_words(visit, alarm):
        ui.label(why).classes("gw-note")
    if alarm.incident_id:
        ui.link(visit.say("alarms.to_incident"), f"/incident/{alarm.incident_id}")


def _acts(visit: Visit, alarm: Alarm) -> list[str]:
    if not may(visit.user.roles, AcknowledgeAlarm):
        return []
    names = acts_of(alarm)
    return [*names, "silence", "out_of_service"] if names else []


def _buttons(visit: Visit, names: list[str], read: Callable[[], ListedAlarm]) -> None:
    for name in names:
        ui.button(
            visit.say(f"alarms.{name}"), on_click=lambda name=name: act(visit, name, read().alarm)
        ).props("no-caps unelevated" if name == "acknowledge" else "no-caps outline")


def _moments(visit: Visit, listed: ListedAlarm) -> Iterator[Moment]:
    alarm = listed.alarm
    for at_us, what, icon in (
        (alarm.raised_at_us, visit.say("alarms.raised"), "notifications"),
        (alarm.ended_at_us, visit.say("alarms.ended"), "undo"),
        (
            alarm.acknowledged_at_us,
            visit.say("alarms.acknowledged_by", by=alarm.acknowledged_by),
            "how_to_reg",
        ),
        (
            alarm.silenced_at_us,
            visit.say("alarms.silenced_by", by=alarm.silenced_by),
            "volume_off",
        ),
        (alarm.reset_at_us, visit.say("alarms.reset_by", by=alarm.reset_by), "restart_alt"),
    ):
        if at_us is not None:
            yield Moment(at_us, visit.time(at_us), what, icon)


def _before(visit: Visit, listed: ListedAlarm) -> None:
    alarm = listed.alarm
    ui.label(visit.say("alarms.before")).classes("gw-head")
    table = DataTable(
        [
            Column("started", visit.say("incidents.started")),
            Column("ended", visit.say("incidents.ended")),
            Column("value", visit.say("alarms.value")),
            Column("version", visit.say("alarms.version")),
        ],
        visit.say("alarms.no_before"),
        on_open=lambda event: ui.navigate.to(f"/alarm/{event}"),
    )
    found = visit.console.alarms.before(alarm.point, alarm.condition)
    table.show(
        [
            {
                "id": str(each.raised.event_id),
                "opens": True,
                "started": visit.time(each.raised.started_at_us, "%Y-%m-%d %H:%M:%S"),
                "ended": visit.time(each.cleared.ended_at_us) if each.cleared else "-",
                "value": quantity(each.raised.value, each.raised.unit, visit.language),
                "version": each.raised.limits_version,
            }
            for each in found
            if each.raised.event_id != alarm.event_id
        ]
    )
