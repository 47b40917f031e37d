"""The alarm system's own figures over any period, each with the query that gives it; as Excel too."""

from functools import partial
from typing import Any

from nicegui import ui

from domain.clock import MINUTE_US, system_clock
from storage.alarm_kpis import BadActor, Figure, bad_actors, figures
from web.alarm_words import alarm_name
from web.components.download import excel_button
from web.components.period import Period
from web.components.table import Column, DataTable, Row
from web.shell import Visit, console_page

_DAY_US = 24 * 60 * MINUTE_US
_DAYS = (1, 7, 30)


@console_page("/alarm-quality", "alarm_kpis.title")
def quality_page(visit: Visit) -> None:
    found: dict[str, Any] = {"figures": [], "actors": []}
    ui.label(visit.say("alarm_kpis.title")).classes("gw-title")
    with ui.element("div").classes("gw-bar"):
        period = Period(
            visit,
            {f"alarm_kpis.days_{days}": partial(_last, days) for days in _DAYS},
            lambda from_us, to_us: count(from_us, to_us),
        )
        ui.space()
        excel_button(visit, "alarm-quality", lambda: _sheet(visit, **found))
    names = ("figure", "value", "target", "met", "query")
    table = DataTable(
        [Column(name, visit.say(f"alarm_kpis.{name}"), wide=name == "query") for name in names],
        visit.say("alarm_kpis.nothing"),
    )
    ui.label(visit.say("alarm_kpis.bad_actors")).classes("gw-head")
    actors = DataTable(
        [
            Column(name, visit.say(f"alarm_kpis.{name}"), wide=name == "point")
            for name in ("point", "alarms", "share")
        ],
        visit.say("alarm_kpis.nothing"),
    )
    actors_query = ui.label().classes("gw-soft").style("overflow-wrap:anywhere")

    def count(from_us: int, to_us: int) -> None:
        engine = visit.console.alarms.engine
        found["figures"] = figures(engine, from_us, to_us)
        found["actors"] = bad_actors(engine, from_us, to_us)
        table.show([_row(visit, each) for each in found["figures"]])
        actors.show([_actor_row(visit, each) for each in found["actors"]])
        actors_query.text = found["actors"][0].query if found["actors"] else ""

    period.begin()


def _last(days: int) -> tuple[int, int]:
    now_us = system_clock()
    return now_us - days * _DAY_US, now_us + MINUTE_US


def _row(visit: Visit, figure: Figure) -> Row:
    met = figure.is_met
    return {
        "id": figure.kpi.key,
        "figure": visit.say(f"alarm_kpis.{figure.kpi.key}"),
        "value": _value(figure),
        "target": _target(visit, figure),
        "met": "" if met is None else visit.say("alarm_kpis.yes" if met else "alarm_kpis.no"),
        "met_chip": {True: "gw-plain", False: "gw-p2", None: ""}[met],
        "query": figure.query,
    }


def _value(figure: Figure) -> str:
    if figure.value is None:
        return "-"
    return f"{figure.value:.2f}".rstrip("0").rstrip(".") + (f" {figure.kpi.unit}".rstrip())


def _target(visit: Visit, figure: Figure) -> str:
    kpi = figure.kpi
    if kpi.at_most is not None:
        return visit.say("alarm_kpis.at_most", value=f"{kpi.at_most:g} {kpi.unit}".strip())
    if kpi.about is not None:
        return visit.say("alarm_kpis.about", value=f"{kpi.about:g} {kpi.unit}".strip())
    return ""


def _actor_row(visit: Visit, actor: BadActor) -> Row:
    return {
        "id": f"{actor.point} {actor.condition}",
        "point": alarm_name(visit, actor.point, actor.condition),
        "alarms": actor.alarms,
        "share": f"{actor.share:.1f} %",
    }


def _sheet(
    visit: Visit, figures: list[Figure], actors: list[BadActor]
) -> tuple[list[str], list[list[object]]]:
    """The figures, and below them what alarms most."""
    names = ("figure", "value", "target", "met", "query")
    headings = [visit.say(f"alarm_kpis.{name}") for name in names]
    rows: list[list[object]] = [
        [row[name] for name in names] for row in (_row(visit, each) for each in figures)
    ]
    worst = visit.say("alarm_kpis.bad_actors")
    for each in actors:
        name = f"{worst}: {alarm_name(visit, each.point, each.condition)}"
        rows.append([name, f"{each.alarms} ({each.share:.1f} %)", "", "", each.query])
    return headings, rows
