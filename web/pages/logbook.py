"""The operation log: lines of people and of the system, quick entry, search, print and Excel."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.clock import from_datetime, system_clock
from domain.logbook import DISPATCH_ROOM, ORDERS, LogEntry, LogKind, PhoneOrder
from domain.requests import WriteLog
from storage.logbook import LogFilter
from web.components.download import excel_button
from web.components.printing import print_button
from web.components.table import Column, DataTable, Row
from web.finding import stations_in_sight
from web.log_words import line_text, station_word
from web.shell import Visit, console_page

_NAMES = ("when", "place", "kind", "what", "by")
_PAGE = 100
_SHEET_ROWS = 10_000
_KINDS = (LogKind.NOTE, LogKind.ORDER_RECEIVED, LogKind.ORDER_GIVEN, LogKind.PATROL)
_EVERYWHERE = "*"
_PATTERN = "%Y-%m-%d %H:%M"


@console_page("/log", "logbook.title")
def log_page(visit: Visit) -> None:
    page = [0]
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("logbook.title")).classes("gw-title")
        ui.space()
        print_button(visit)
        excel_button(visit, "log", lambda: _sheet(visit, wanted()))
    if may(visit.user.roles, WriteLog):
        _quick_entry(visit)
    with ui.element("div").classes("gw-bar gw-noprint"):
        places = {_EVERYWHERE: visit.say("common.all")} | _places(visit)
        place = ui.select(places, value=_EVERYWHERE, label=visit.say("logbook.place"))
        kinds = {each.value: visit.say(f"logbook.kind_{each.value}") for each in LogKind}
        kind = ui.select(
            {"": visit.say("common.all")} | kinds, value="", label=visit.say("logbook.kind")
        )
        begins = ui.input(visit.say("logbook.from"), placeholder="2026-11-24 08:00")
        ends = ui.input(visit.say("logbook.to"))
        search = ui.input(visit.say("logbook.search")).style("flex:1; min-width:160px")
        for field in (place, kind):
            field.props("dense outlined options-dense").style("min-width:120px")
            field.on_value_change(lambda: first())
        for text in (begins, ends, search):
            text.props("dense outlined clearable debounce=300")
            text.on_value_change(lambda: first())
    columns = [Column(each, visit.say(f"logbook.{each}"), wide=each == "what") for each in _NAMES]
    table = DataTable(
        [*columns, Column("acts", "")],
        visit.say("logbook.nothing"),
        on_act=lambda act, line: _act(visit, act, UUID(line)),
    )
    with ui.element("div").classes("gw-bar gw-noprint"):
        ui.button(visit.say("common.back"), on_click=lambda: turn(-1)).props("flat dense no-caps")
        ui.button(visit.say("common.more"), on_click=lambda: turn(1)).props("flat dense no-caps")
        pages = ui.label("").classes("gw-soft")

    def wanted() -> LogFilter:
        stations = _in_sight(visit) if place.value == _EVERYWHERE else [str(place.value)]
        return LogFilter(
            from_us=_moment(visit, begins.value),
            to_us=_moment(visit, ends.value),
            stations=stations,
            kinds=[LogKind(kind.value)] if kind.value else (),
            words=search.value or "",
        )

    def first() -> None:
        page[0] = 0
        refresh()

    def turn(by: int) -> None:
        page[0] = max(0, page[0] + by)
        refresh()

    def refresh() -> None:
        chosen = wanted()
        found = visit.console.logbook.entries(chosen, _PAGE, page[0] * _PAGE)
        table.show(_rows(visit, found))
        count = visit.console.logbook.count(chosen)
        pages.text = visit.say("common.of_pages", page=page[0] + 1, count=count)

    refresh()
    visit.on_change({"log"}, refresh)


def _quick_entry(visit: Visit) -> None:
    """Words and Enter; an order asks for more."""
    with ui.element("div").classes("gw-card gw-column gw-noprint"):
        with ui.element("div").classes("gw-bar"):
            kinds = {each.value: visit.say(f"logbook.kind_{each.value}") for each in _KINDS}
            kind = ui.toggle(kinds, value=LogKind.NOTE.value).props("no-caps dense")
            places = _places(visit)
            place = ui.select(places, value=next(iter(places), None))
            place.props("dense outlined options-dense").style("min-width:140px")
        order = _OrderFields(visit)
        with ui.element("div").classes("gw-bar"):
            text = ui.input(visit.say("logbook.text")).props("dense outlined autofocus")
            text.style("flex:1; min-width:200px")
            when = ui.input(visit.say("logbook.time")).props("dense outlined")
            ui.button(visit.say("logbook.write"), on_click=lambda: send()).props(
                "no-caps unelevated"
            )

    async def send() -> None:
        chosen = LogKind(str(kind.value))
        at_us = _moment(visit, when.value)
        if when.value and at_us is None:
            return
        given = order.read() if chosen in ORDERS else None
        if chosen in ORDERS and given is None:
            return
        outcome = await visit.ask(
            WriteLog(
                station=str(place.value or DISPATCH_ROOM),
                kind=chosen,
                at_us=at_us or system_clock(),
                text=text.value or "",
                order=given,
            )
        )
        if outcome and outcome.done:
            text.value, when.value = "", ""
            order.clear()

    text.on("keydown.enter", send)
    order.box.bind_visibility_from(kind, "value", lambda value: LogKind(str(value)) in ORDERS)


class _OrderFields:
    """发令人, 受令人, 发令时间, 复诵, 执行完毕."""

    def __init__(self, visit: Visit, order: PhoneOrder | None = None) -> None:
        self._visit = visit
        self.box = ui.element("div").classes("gw-bar")
        with self.box:
            self._giver = ui.input(visit.say("logbook.giver"), value=order.giver if order else "")
            self._receiver = ui.input(
                visit.say("logbook.receiver"), value=order.receiver if order else ""
            )
            given = order.given_at_us if order else None
            self._given = ui.input(visit.say("logbook.given"), value=visit.time(given, _PATTERN))
            self._executed = ui.input(visit.say("logbook.executed"))
            for field in (self._giver, self._receiver, self._given, self._executed):
                field.props("dense outlined").style("flex:1; min-width:130px")
            self._read_back = ui.checkbox(
                visit.say("logbook.read_back"), value=bool(order and order.read_back)
            )

    def read(self) -> PhoneOrder | None:
        """None where a time cannot be read; that is told. An order without its time was given now."""
        given_us = _moment(self._visit, self._given.value)
        executed_us = _moment(self._visit, self._executed.value)
        if (self._given.value and given_us is None) or (
            self._executed.value and executed_us is None
        ):
            return None
        return PhoneOrder(
            giver=(self._giver.value or "").strip(),
            receiver=(self._receiver.value or "").strip(),
            given_at_us=given_us or system_clock(),
            read_back=bool(self._read_back.value),
            executed_at_us=executed_us,
        )

    def clear(self) -> None:
        for field in (self._giver, self._receiver, self._given, self._executed):
            field.value = ""
        self._read_back.value = False


async def _act(visit: Visit, act: str, line: UUID) -> None:
    before = visit.console.logbook.entry(line)
    if before is None:
        ui.notify(visit.say("common.not_here"), type="warning")
    elif act == "execute" and before.order is not None:
        order = before.order
        now_us = system_clock()
        executed = PhoneOrder(
            giver=order.giver,
            receiver=order.receiver,
            given_at_us=order.given_at_us,
            read_back=order.read_back,
            executed_at_us=now_us,
        )
        await visit.ask(_correction(before, before.text, executed, now_us))
    else:
        _correct(visit, before)


def _correction(before: LogEntry, text: str, order: PhoneOrder | None, at_us: int) -> WriteLog:
    return WriteLog(
        station=before.station,
        kind=before.kind,
        at_us=at_us,
        text=text,
        order=order,
        corrects=before.entry_id,
    )


def _correct(visit: Visit, before: LogEntry) -> None:
    with ui.dialog(value=True) as dialog, ui.card().style("min-width:300px; max-width:640px"):
        ui.label(visit.say("logbook.correct")).classes("gw-head")
        ui.label(line_text(visit, before)).classes("gw-soft")
        ui.label(visit.say("logbook.correct_help")).classes("gw-soft")
        text = ui.textarea(value=before.text).props("outlined autogrow").classes("w-full")
        order = _OrderFields(visit, before.order) if before.order else None

        async def send() -> None:
            told = order.read() if order else None
            if order is not None and told is None:
                return
            asked = _correction(before, text.value or "", told, before.at_us)
            outcome = await visit.ask(asked)
            if outcome and outcome.done:
                dialog.close()

        _buttons(visit, dialog, send)


def _buttons(visit: Visit, dialog: ui.dialog, send: Callable[[], Any]) -> None:
    with ui.row():
        ui.button(visit.say("common.ok"), on_click=send).props("no-caps unelevated")
        ui.button(visit.say("common.cancel"), on_click=dialog.close).props("no-caps flat")


def _rows(visit: Visit, found: list[LogEntry]) -> list[Row]:
    corrected = visit.console.logbook.corrections([each.entry_id for each in found])
    allowed = may(visit.user.roles, WriteLog)
    return [_row(visit, each, corrected.get(each.entry_id), allowed) for each in found]


def _row(visit: Visit, entry: LogEntry, correction: LogEntry | None, allowed: bool) -> Row:
    acts = []
    if allowed and entry.by_a_person and correction is None:
        order = entry.order
        if order is not None and order.read_back and order.executed_at_us is None:
            acts.append(["execute", visit.say("logbook.execute")])
        acts.append(["correct", visit.say("logbook.correct")])
    return {
        "id": str(entry.entry_id),
        "when": visit.time(entry.at_us, "%m-%d %H:%M"),
        "place": station_word(visit, entry.station),
        "kind": visit.say(f"logbook.kind_{entry.kind.value}"),
        "kind_chip": "gw-p2" if entry.kind is LogKind.TRIP else "gw-plain",
        "what": _what(visit, entry, correction),
        "by": entry.by or visit.say("logbook.system"),
        "acts": acts,
    }


def _what(visit: Visit, entry: LogEntry, correction: LogEntry | None) -> str:
    text = line_text(visit, entry)
    if entry.corrects is not None:
        before = visit.console.logbook.entry(entry.corrects)
        when = visit.time(before.at_us if before else None, "%m-%d %H:%M")
        text = f"{text} [{visit.say('logbook.corrects', when=when)}]"
    if correction is not None:
        when = visit.time(correction.written_at_us, "%m-%d %H:%M")
        text = f"{text} [{visit.say('logbook.corrected', by=correction.by, when=when)}]"
    return text


def _sheet(visit: Visit, wanted: LogFilter) -> tuple[list[str], list[list[object]]]:
    found = visit.console.logbook.entries(wanted, _SHEET_ROWS)
    rows = _rows(visit, found)
    headings = [visit.say(f"logbook.{each}") for each in _NAMES]
    return headings, [[row[each] for each in _NAMES] for row in rows]


def _places(visit: Visit) -> dict[str, str]:
    """Where the user may write and read: his stations, and the dispatch room without a bound."""
    return {each: station_word(visit, each) for each in _in_sight(visit)}


def _in_sight(visit: Visit) -> list[str]:
    room = [] if visit.user.stations else [DISPATCH_ROOM]
    return [*room, *stations_in_sight(visit)]


def _moment(visit: Visit, text: str | None) -> int | None:
    """08:30 of today, or a day with it. None where nothing is written, or it cannot be read: that is told."""
    text = (text or "").strip()
    if not text:
        return None
    if len(text) <= len("08:30"):
        text = f"{visit.time(system_clock(), '%Y-%m-%d')} {text}"
    try:
        local = datetime.strptime(text, _PATTERN)
    except ValueError:
        ui.notify(visit.say("logbook.bad_time"), type="warning")
        return None
    return from_datetime(local.replace(tzinfo=visit.console.site.zone))
