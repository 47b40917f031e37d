"""The operator's alarm list: what waits first; sorted, filtered, grouped and paged by the records."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from nicegui import ui
from nicegui.events import KeyEventArguments

from domain.access import may
from domain.assets import AlarmClass, Condition, Priority
from domain.requests import AcknowledgeAlarm, EndWithholding
from domain.wording import class_word, condition_word, priority_word
from storage.alarm_reads import GROUPS, AlarmFilter, AlarmOrder, AlarmView, ListedAlarm
from web.alarm_words import alarm_name, row_of
from web.components.alarm_acts import act
from web.components.table import Column, DataTable, Row
from web.finding import places, stations_in_sight
from web.shell import Visit, console_page

PAGE_SIZE = 50
_KEYS = {"a": "acknowledge", "s": "silence", "h": "shelve"}


@dataclass(slots=True)
class Chosen:
    """What the person wants to see, and where he is."""

    view: AlarmView = AlarmView.CURRENT
    order: AlarmOrder = AlarmOrder.IMPORTANCE
    group: str = ""
    priority: int = 0
    alarm_class: str = ""
    condition: str = ""
    station: str = ""
    words: str = ""
    asset: str = ""
    page: int = 0
    unfolded: bool = False
    at: int = 0  # the row that the keyboard is on
    listed: list[ListedAlarm] = field(default_factory=list)

    def narrow(self, key: str) -> None:
        """From a group to its alarms."""
        match self.group:
            case "asset":
                self.asset = key
            case "priority":
                self.priority = int(key)
            case "condition":
                self.condition = key
            case "class":
                self.alarm_class = key
            case _:
                self.words = key
        self.group, self.page = "", 0


@console_page("/alarms", "alarms.title")
def alarms_page(visit: Visit, asset: str = "", station: str = "") -> None:
    chosen = Chosen(asset=asset, station=station)
    allowed = may(visit.user.roles, AcknowledgeAlarm)
    with ui.element("div").classes("gw-bar"):
        group = _filters(visit, chosen, lambda: refresh())
    narrowed = ui.button(icon="close", on_click=lambda: widen()).props("flat dense no-caps")
    flood = ui.label("").classes("gw-note")
    unfold = ui.button(on_click=lambda: turn_fold()).props("flat dense no-caps")
    groups = DataTable(
        _group_columns(visit),
        visit.say("common.nothing_found"),
        on_open=lambda key: open_group(key),
    )
    table = DataTable(
        _columns(visit),
        visit.say("alarms.empty"),
        on_open=lambda event: ui.navigate.to(f"/alarm/{event}"),
        on_act=lambda name, event: on_act(name, event),
    )
    with ui.element("div").classes("gw-bar"):
        back = ui.button(visit.say("common.back"), on_click=lambda: turn(-1)).props(
            "flat dense no-caps"
        )
        where = ui.label("").classes("gw-soft")
        more = ui.button(visit.say("common.more"), on_click=lambda: turn(1)).props(
            "flat dense no-caps"
        )
        ui.label(visit.say("alarms.keys")).classes("gw-soft gw-hide-small")
    shelves = _Shelves(visit, allowed)

    def refresh() -> None:
        told = _flood_words(visit)
        flood.text = told
        flood.set_visibility(bool(told))
        unfold.set_visibility(bool(told))
        unfold.text = visit.say("alarms.fold" if chosen.unfolded else "alarms.unfold")
        wanted = _wanted(visit, chosen, fold=bool(told) and not chosen.unfolded)
        rows, count = _page(visit, chosen, wanted, allowed)
        chosen.at = max(0, min(chosen.at, len(rows) - 1))
        table.show([_marked(row, number == chosen.at) for number, row in enumerate(rows)])
        groups.show(_group_rows(visit, wanted, chosen.group) if chosen.group else [])
        groups.set_visible(bool(chosen.group))
        narrowed.set_visibility(bool(chosen.asset))
        narrowed.text = _group_name(visit, "asset", chosen.asset)
        where.text = visit.say("common.of_pages", page=chosen.page + 1, count=count)
        back.set_enabled(chosen.page > 0)
        more.set_enabled((chosen.page + 1) * PAGE_SIZE < count)
        shelves.show(chosen.view is AlarmView.WITHHELD)

    def turn(by: int) -> None:
        chosen.page = max(0, chosen.page + by)
        chosen.at = 0
        refresh()

    def turn_fold() -> None:
        chosen.unfolded = not chosen.unfolded
        refresh()

    def widen() -> None:
        chosen.asset, chosen.page = "", 0
        refresh()

    def open_group(key: str) -> None:
        chosen.narrow(key)
        group.value = ""
        refresh()

    async def on_act(name: str, event: str) -> None:
        listed = next((each for each in chosen.listed if str(each.alarm.event_id) == event), None)
        if listed:
            await act(visit, name, listed.alarm)

    async def pressed(event: KeyEventArguments) -> None:
        if not event.action.keydown or not chosen.listed:
            return
        key = str(event.key.name).lower()
        if key in {"j", "arrowdown", "k", "arrowup"}:
            chosen.at += 1 if key in {"j", "arrowdown"} else -1
            refresh()
        elif key == "enter" and not event.action.repeat:
            ui.navigate.to(f"/alarm/{chosen.listed[chosen.at].alarm.event_id}")
        elif allowed and key in _KEYS and not event.action.repeat:
            await act(visit, _KEYS[key], chosen.listed[chosen.at].alarm)

    refresh()
    ui.keyboard(on_key=pressed)
    visit.on_change({"alarm", "withholding", "flood", "incident", "tag"}, refresh)


def _page(
    visit: Visit, chosen: Chosen, wanted: AlarmFilter, allowed: bool
) -> tuple[list[Row], int]:
    """Everybody who looks at the same page shares what is read for it."""

    def made() -> tuple[list[ListedAlarm], int]:
        reads = visit.console.alarms
        found = reads.page(wanted, chosen.order, PAGE_SIZE, chosen.page * PAGE_SIZE)
        return found, reads.count(wanted)

    key = ("alarms", wanted, chosen.order, chosen.page)
    chosen.listed, count = visit.console.feed.shared(key, made)
    return [row_of(visit, each, acts=allowed) for each in chosen.listed], count


def _marked(row: Row, here: bool) -> Row:
    return row | {"row_class": f"{row['row_class']} gw-here"} if here else row


def _wanted(visit: Visit, chosen: Chosen, *, fold: bool) -> AlarmFilter:
    found = places(visit, chosen.words, chosen.station, chosen.asset)
    return AlarmFilter(
        view=chosen.view,
        priorities=(Priority(chosen.priority),) if chosen.priority else (),
        classes=(chosen.alarm_class,) if chosen.alarm_class else (),
        conditions=(chosen.condition,) if chosen.condition else (),
        asset_ids=found.asset_ids,
        points=found.points or None,
        fold=fold and chosen.view is AlarmView.CURRENT,
    )


def _flood_words(visit: Visit) -> str:
    names = {each.position_id: each.name for each in visit.console.site.positions}
    return " ".join(
        visit.say(
            "alarms.flood",
            position=names.get(flood.position, visit.say("common.all")),
            since=visit.time(flood.started_at_us, "%H:%M:%S"),
            count=flood.alarms,
        )
        for flood in visit.console.alarms.lasting_floods()
    )


def _columns(visit: Visit) -> list[Column]:
    names = ("time", "priority", "class", "text", "state", "marks")
    return [
        *(Column(name, visit.say(f"alarms.{name}"), wide=name == "text") for name in names),
        Column("acts", ""),
    ]


def _group_columns(visit: Visit) -> list[Column]:
    return [
        Column("name", visit.say("alarms.group"), wide=True),
        *(Column(name, visit.say(f"alarms.{name}")) for name in ("priority", "count", "waiting")),
    ]


def _group_rows(visit: Visit, wanted: AlarmFilter, by: str) -> list[Row]:
    return [
        {
            "id": group.key,
            "opens": True,
            "row_class": "",
            "name": _group_name(visit, by, group.key),
            "priority": priority_word(group.priority, visit.language),
            "priority_chip": f"gw-p{int(group.priority)}",
            "count": group.count,
            "waiting": group.waiting,
        }
        for group in visit.console.alarms.groups(wanted, by)[:PAGE_SIZE]
    ]


def _group_name(visit: Visit, by: str, key: str) -> str:
    match by:
        case "asset":
            assets = {str(asset_id): asset for asset_id, asset in visit.console.site.assets.items()}
            asset = assets.get(key)
            return f"{asset.station} {asset.bay} {asset.name}" if asset else key
        case "priority":
            return priority_word(Priority(int(key)), visit.language)
        case "condition":
            return condition_word(Condition(key), visit.language)
        case "class":
            return class_word(AlarmClass(key), visit.language)
        case _:
            return key


class _Shelves:
    """What is shelved or out of service, beside the alarms that it keeps back."""

    def __init__(self, visit: Visit, allowed: bool) -> None:
        self._visit = visit
        self._allowed = allowed
        self._head = ui.label(visit.say("alarms.shelves")).classes("gw-head")
        names = ("kind", "point", "why", "by", "until")
        self._table = DataTable(
            [
                *(
                    Column(name, visit.say(f"alarms.{name}"), wide=name == "point")
                    for name in names
                ),
                Column("acts", ""),
            ],
            visit.say("alarms.no_shelves"),
            on_act=lambda name, shelf: self._end(shelf),
        )

    def show(self, wanted: bool) -> None:
        self._head.set_visibility(wanted)
        if wanted:
            self._table.show(self._rows())
        self._table.set_visible(wanted)

    async def _end(self, shelf: str) -> None:
        await self._visit.ask(EndWithholding(withholding_id=UUID(shelf)))

    def _rows(self) -> list[Row]:
        visit = self._visit
        tickets = {each.ticket_id: each.number for each in visit.console.reads.tickets()}
        return [
            {
                "id": str(each.withholding_id),
                "kind": visit.say(f"alarms.state_{each.kind.value}"),
                "kind_chip": "gw-strong",
                "point": alarm_name(visit, each.point, each.condition),
                "why": each.reason,
                "by": each.by,
                "until": visit.time(each.until_us)
                or (tickets.get(each.ticket_id, "-") if each.ticket_id else "-"),
                "acts": [["end", visit.say("alarms.unshelve")]] if self._allowed else [],
            }
            for each in visit.console.alarms.withholdings()
        ]


def _filters(visit: Visit, chosen: Chosen, refresh: Any) -> ui.select:
    """The choice by what is grouped: who opens a group ends the grouping."""

    def choose(name: str, value: Any) -> None:
        setattr(chosen, name, value)
        chosen.page = chosen.at = 0
        refresh()

    views = {each.value: visit.say(f"alarms.view_{each.value}") for each in AlarmView}
    ui.toggle(
        views,
        value=chosen.view.value,
        on_change=lambda event: choose("view", AlarmView(event.value)),
    ).props("no-caps dense")
    everything, language = visit.say("common.all"), visit.language
    choices: tuple[tuple[str, str, dict[Any, str]], ...] = (
        ("priority", "priority", {0: everything} | _words(Priority, priority_word, language)),
        ("alarm_class", "class", {"": everything} | _words(AlarmClass, class_word, language)),
        ("condition", "condition", {"": everything} | _words(Condition, condition_word, language)),
        ("station", "station", {"": everything} | {n: n for n in stations_in_sight(visit)}),
        ("order", "order", {each: visit.say(f"alarms.order_{each}") for each in AlarmOrder}),
        (
            "group",
            "group",
            {each: visit.say(f"alarms.group_{each or 'none'}") for each in ("", *GROUPS)},
        ),
    )
    for name, word, options in choices:
        before = getattr(chosen, name)
        made = ui.select(
            {getattr(key, "value", key): text for key, text in options.items()},
            value=getattr(before, "value", before),
            label=visit.say(f"alarms.{word}"),
            on_change=lambda event, name=name: choose(
                name, AlarmOrder(event.value) if name == "order" else event.value
            ),
        )
        made.props("dense outlined options-dense").style("min-width:110px")
    search = ui.input(
        visit.say("common.search"), on_change=lambda event: choose("words", event.value or "")
    )
    search.props("dense outlined clearable debounce=250").style("flex:1; min-width:180px")
    return made


def _words(kinds: Any, word: Any, language: str) -> dict[Any, str]:
    return {each.value: word(each, language) for each in kinds}
