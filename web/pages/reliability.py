"""Supply reliability over any period: each index with the query that gives it, by feeder, and what counts."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from nicegui import ui

from domain.clock import MINUTE_US, from_datetime, system_clock, to_datetime
from domain.feeders import Feeder
from domain.reliability import Interruption, Served, indices
from storage.outages import ALL_SECTIONS
from storage.reliability import (
    Found,
    MajorEvents,
    Part,
    interruptions_of,
    major_events,
    reliability,
)
from web.components.download import excel_button
from web.components.period import Period, Span
from web.components.table import Column, DataTable, Row
from web.shell import Visit, console_page

_KINDS: Final = {"all": None, "unplanned": False, "planned": True}
_OF_INDEX: Final = ("index", "value", "query")
_OF_FEEDER: Final = ("feeder", "customers", "saifi", "saidi", "caidi", "maifi", "counted")
_OF_INTERRUPTION: Final = ("began", "feeder", "section", "kind", "lost", "minutes")
_WHOLE: Final = ""
_LISTED: Final = 500  # of the counted ones; the workbook has all


@dataclass(slots=True)
class _Chosen:
    where: str = _WHOLE  # the site, "station NAME", "feeder ID"
    planned: bool | None = None
    span: Span = (0, 1)
    found: list[Found] = field(default_factory=list)
    counted: list[Interruption] = field(default_factory=list)


@console_page("/reliability", "reliability.title")
def reliability_page(visit: Visit) -> None:
    ui.label(visit.say("reliability.title")).classes("gw-title")
    feeders = _feeders(visit)
    if not feeders:
        ui.label(visit.say("outages.no_feeders")).classes("gw-note")
        return
    chosen = _Chosen()
    with ui.element("div").classes("gw-bar"):
        ui.select(
            _places(visit, feeders), value=_WHOLE, on_change=lambda event: at(event.value)
        ).props("dense outlined options-dense").style("min-width:180px")
        kinds = {kind: visit.say(f"reliability.{kind}") for kind in _KINDS}
        ui.toggle(kinds, value="all", on_change=lambda event: of(event.value)).props(
            "no-caps dense"
        )
    with ui.element("div").classes("gw-bar"):
        period = Period(visit, _spans(visit), lambda from_us, to_us: during((from_us, to_us)))
        ui.space()
        excel_button(visit, "reliability", lambda: _index_sheet(visit, chosen))
    shown = _table(visit, _OF_INDEX, "query")
    ui.label(visit.say("reliability.rules", **_rules(visit))).classes("gw-soft")
    ui.label(visit.say("reliability.major")).classes("gw-head")
    major = ui.element("div").classes("gw-card")
    ui.label(visit.say("reliability.by_feeder")).classes("gw-head")
    by_feeder = _table(visit, _OF_FEEDER, "feeder")
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("reliability.interruptions")).classes("gw-head q-mb-none")
        ui.space()
        excel_button(visit, "interruptions", lambda: _interruption_sheet(visit, chosen))
    counted = _table(visit, _OF_INTERRUPTION, "feeder")

    def at(where: str) -> None:
        chosen.where = where
        count()

    def of(kind: str) -> None:
        chosen.planned = _KINDS[kind]
        count()

    def during(span: Span) -> None:
        chosen.span = span
        count()

    def count() -> None:
        engine, of_it = visit.console.alarms.engine, _chosen_feeders(feeders, chosen.where)
        part = _part(visit, of_it, chosen.planned)
        chosen.found = reliability(engine, part, *chosen.span)
        chosen.counted = interruptions_of(engine, part, *chosen.span)
        _show_major(visit, major, major_events(engine, part, *chosen.span, _offset(visit, chosen)))
        shown.show([_index_row(visit, each) for each in chosen.found])
        rows = (_feeder_row(visit, each, chosen) for each in of_it)
        by_feeder.show(sorted(rows, key=lambda row: -row["order"]))
        listed = chosen.counted[:_LISTED]
        counted.show([_interruption_row(visit, each) for each in listed])

    period.begin()
    visit.on_change({"outage", "planned_outage"}, count)


def _offset(visit: Visit, chosen: _Chosen) -> timedelta:
    """Of the site's days, as its clock stands when the period begins."""
    local = to_datetime(chosen.span[0]).astimezone(visit.console.site.zone)
    return local.utcoffset() or timedelta()


def _show_major(visit: Visit, card: ui.element, found: MajorEvents) -> None:
    """The limit, the days beyond it, and both queries."""
    card.clear()
    limit = _number(found.limit_minutes, "min")
    with card:
        if found.limit_minutes is None:
            ui.label(visit.say("reliability.no_major_limit"))
        else:
            ui.label(visit.say("reliability.major_limit", limit=limit))
            for day, minutes in found.days:
                said = {"day": f"{day:%Y-%m-%d}", "minutes": _number(minutes, "min")}
                ui.label(visit.say("reliability.major_day", **said)).classes("gw-chip gw-p2").style(
                    "justify-self:start; white-space:normal"
                )
            if not found.days:
                ui.label(visit.say("reliability.no_major_day"))
        for query in (found.limit_query, found.days_query):
            if query:
                ui.label(query).classes("gw-soft").style("overflow-wrap:anywhere")


def _table(visit: Visit, names: tuple[str, ...], wide: str) -> DataTable:
    columns = [Column(name, visit.say(f"reliability.{name}"), wide=name == wide) for name in names]
    return DataTable(columns, visit.say("reliability.nothing"))


def _feeders(visit: Visit) -> list[Feeder]:
    """Of the stations that the user may see."""
    every = visit.console.plan.feeders.feeders
    return [feeder for feeder in every if visit.user.in_scope(feeder.station)]


def _places(visit: Visit, feeders: list[Feeder]) -> dict[str, str]:
    stations = sorted({feeder.station for feeder in feeders})
    return {
        _WHOLE: visit.say("reliability.whole"),
        **{f"station {name}": name for name in stations},
        **{f"feeder {each.feeder_id}": f"{each.station} {each.name}" for each in feeders},
    }


def _chosen_feeders(feeders: list[Feeder], where: str) -> list[Feeder]:
    kind, _, name = where.partition(" ")
    match kind:
        case "station":
            return [feeder for feeder in feeders if feeder.station == name]
        case "feeder":
            return [feeder for feeder in feeders if feeder.feeder_id == name]
    return feeders


def _part(visit: Visit, feeders: list[Feeder], planned: bool | None) -> Part:
    rules = visit.console.plan.feeders.rules
    sections = [section for feeder in feeders for section in feeder.sections]
    return Part(
        feeders=[feeder.feeder_id for feeder in feeders],
        served=Served(
            customers=sum(section.customers for section in sections),
            transformer_users=sum(section.transformer_users for section in sections),
            momentary_us=rules.momentary_us,
            short_us=rules.short_us,
        ),
        planned=planned,
    )


def _rules(visit: Visit) -> dict[str, str]:
    rules = visit.console.plan.feeders.rules
    return {
        "momentary": f"{rules.momentary_us / MINUTE_US:g}",
        "short": f"{rules.short_us / MINUTE_US:g}",
    }


def _spans(visit: Visit) -> dict[str, "_SpanOf"]:
    return {
        "reliability.this_month": _SpanOf(visit, months=1),
        "reliability.last_month": _SpanOf(visit, months=1, back=1),
        "reliability.this_year": _SpanOf(visit, months=12),
        "reliability.last_year": _SpanOf(visit, months=12, back=1),
    }


@dataclass(frozen=True, slots=True)
class _SpanOf:
    """A calendar month or year of the site's clock, this one or so many before."""

    visit: Visit
    months: int
    back: int = 0

    def __call__(self) -> Span:
        zone = self.visit.console.site.zone
        now = to_datetime(system_clock()).astimezone(zone)
        first = now.year * 12 + (now.month - 1 if self.months == 1 else 0) - self.back * self.months

        def start(month: int) -> int:
            return from_datetime(datetime(month // 12, month % 12 + 1, 1, tzinfo=zone))

        return start(first), start(first + self.months)


def _index_row(visit: Visit, found: Found) -> Row:
    return {
        "id": found.index.key,
        "index": visit.say(f"reliability.index_{found.index.key}"),
        "value": _number(found.value, found.index.unit),
        "query": found.query,
    }


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "-"
    digits = 4 if unit in {"", "%"} else 2
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") + (f" {unit}" if unit else "")


def _feeder_row(visit: Visit, feeder: Feeder, chosen: _Chosen) -> Row:
    """By `domain.reliability`, over the same interruptions."""
    part = _part(visit, [feeder], chosen.planned)
    own = [each for each in chosen.counted if each.feeder_id == feeder.feeder_id]
    found = indices(own, part.served, chosen.span[1] - chosen.span[0])
    return {
        "id": feeder.feeder_id,
        "order": found.saidi_minutes or 0.0,
        "feeder": f"{feeder.station} {feeder.name}",
        "customers": str(part.served.customers),
        "saifi": _number(found.saifi),
        "saidi": _number(found.saidi_minutes, "min"),
        "caidi": _number(found.caidi_minutes, "min"),
        "maifi": _number(found.maifi),
        "counted": str(len(own)),
    }


def _interruption_row(visit: Visit, each: Interruption) -> Row:
    feeder = visit.console.plan.feeders.feeder(each.feeder_id)
    section = feeder.section(each.section_id) if feeder else None
    whole = each.section_id == ALL_SECTIONS
    named = section.name if section else each.section_id
    return {
        "id": f"{each.source_id} {each.section_id}",
        "began": visit.time(each.began_at_us),
        "feeder": f"{each.station} {feeder.name if feeder else each.feeder_id}",
        "section": visit.say("reliability.as_planned") if whole else named,
        "kind": visit.say("reliability.planned" if each.planned else "reliability.unplanned"),
        "lost": str(each.customers),
        "minutes": visit.say("reliability.lasts")
        if each.ended_at_us is None
        else _number(each.minutes),
    }


def _index_sheet(visit: Visit, chosen: _Chosen) -> tuple[list[str], list[list[object]]]:
    headings = [visit.say(f"reliability.{name}") for name in _OF_INDEX]
    return headings, [
        [visit.say(f"reliability.index_{each.index.key}"), each.value, each.query]
        for each in chosen.found
    ]


def _interruption_sheet(visit: Visit, chosen: _Chosen) -> tuple[list[str], list[list[object]]]:
    headings = [visit.say(f"reliability.{name}") for name in _OF_INTERRUPTION]
    rows = [_interruption_row(visit, each) for each in chosen.counted]
    return headings, [[row[name] for name in _OF_INTERRUPTION] for row in rows]
