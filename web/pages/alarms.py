"""The operator's alarm list: what waits first; sorted, filtered, grouped and paged by the records."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nicegui import ui
from nicegui.events import KeyEventArguments

from domain.access import may
from domain.alarms import Alarm
from domain.assets import AlarmClass, Condition, Priority
from domain.clock import system_clock
from domain.requests import AcknowledgeAlarm
from domain.wording import class_word, condition_word, priority_word
from storage.alarm_reads import (
    GROUPS,
    KEPT_BACK_VIEWS,
    AlarmFilter,
    AlarmOrder,
    AlarmView,
    FloodedPosition,
    ListedAlarm,
)
from web.alarm_words import row_of
from web.components.alarm_acts import act
from web.components.kept_back import KeptBack, reasons, tag_marks
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

    def choose(self, name: str, value: Any) -> None:
        setattr(self, name, value)
        self.page = self.at = 0

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
def alarms_page(visit: Visit, asset: str = "", station: str = "", view: str = "") -> None:
    chosen = Chosen(asset=asset, station=station)
    if view in set(AlarmView):
        chosen.view = AlarmView(view)
    shown = _List(visit, chosen)
    shown.refresh()
    ui.keyboard(on_key=shown.pressed)
    visit.on_change({"alarm", "withholding", "flood", "incident", "tag"}, shown.refresh)


class _List:
    """The list with its filters, its groups and what it is folded by."""

    def __init__(self, visit: Visit, chosen: Chosen) -> None:
        self._visit = visit
        self._chosen = chosen
        self._allowed = may(visit.user.roles, AcknowledgeAlarm)
        with ui.element("div").classes("gw-bar"):
            self._filters = _Filters(visit, chosen, self.refresh)
        self._narrowed = ui.button(icon="close", on_click=self._widen).props("flat dense no-caps")
        self._flood = _FloodLine(visit, chosen, self.refresh)
        self._groups = DataTable(
            _group_columns(visit), visit.say("common.nothing_found"), on_open=self._open_group
        )
        self._table = DataTable(
            _columns(visit),
            visit.say("alarms.empty"),
            on_open=lambda event: ui.navigate.to(f"/alarm/{event}"),
            on_act=self._act,
        )
        self._pages = _Pages(visit, self._turn)
        self._kept_back = KeptBack(visit)

    def refresh(self) -> None:
        visit, chosen = self._visit, self._chosen
        flooded = self._flood.show()
        wanted = _wanted(visit, chosen, () if chosen.unfolded else flooded)
        rows, count = _page(visit, chosen, wanted, self._allowed)
        chosen.at = max(0, min(chosen.at, len(rows) - 1))
        self._table.show([_marked(row, number == chosen.at) for number, row in enumerate(rows)])
        self._groups.show(_group_rows(visit, wanted, chosen.group) if chosen.group else [])
        self._groups.set_visible(bool(chosen.group))
        self._narrowed.set_visibility(bool(chosen.asset))
        self._narrowed.text = _group_name(visit, "asset", chosen.asset)
        self._pages.show(chosen.page, count)
        self._filters.show_counts()
        self._kept_back.show(chosen.view)

    async def pressed(self, event: KeyEventArguments) -> None:
        chosen = self._chosen
        if not event.action.keydown or not chosen.listed:
            return
        key = str(event.key.name).lower()
        if key in {"j", "arrowdown", "k", "arrowup"}:
            chosen.at += 1 if key in {"j", "arrowdown"} else -1
            self.refresh()
        elif key == "enter" and not event.action.repeat:
            ui.navigate.to(f"/alarm/{chosen.listed[chosen.at].alarm.event_id}")
        elif self._allowed and key in _KEYS and not event.action.repeat:
            await act(self._visit, _KEYS[key], chosen.listed[chosen.at].alarm)

    def _turn(self, by: int) -> None:
        self._chosen.page = max(0, self._chosen.page + by)
        self._chosen.at = 0
        self.refresh()

    def _widen(self) -> None:
        self._chosen.choose("asset", "")
        self.refresh()

    def _open_group(self, key: str) -> None:
        self._chosen.narrow(key)
        self._filters.end_grouping()
        self.refresh()

    async def _act(self, name: str, event: str) -> None:
        found = (each for each in self._chosen.listed if str(each.alarm.event_id) == event)
        listed = next(found, None)
        if listed:
            await act(self._visit, name, listed.alarm)


class _FloodLine:
    """What is said while a flood lasts, and the button that shows what is folded."""

    def __init__(self, visit: Visit, chosen: Chosen, refresh: Any) -> None:
        self._visit = visit
        self._chosen = chosen
        self._refresh = refresh
        self._words = ui.label("").classes("gw-note")
        self._unfold = ui.button(on_click=self._turn).props("flat dense no-caps")

    def show(self) -> tuple[str, ...]:
        """The positions that have one, of those whose stations the user may see; part of a key by which
        pages share what they read."""
        floods = _floods_seen(self._visit)
        told = _flood_words(self._visit, floods)
        self._words.text = told
        self._words.set_visibility(bool(told))
        self._unfold.set_visibility(bool(told))
        self._unfold.text = self._visit.say(
            "alarms.fold" if self._chosen.unfolded else "alarms.unfold"
        )
        return tuple(flood.position for flood in floods)

    def _turn(self) -> None:
        self._chosen.unfolded = not self._chosen.unfolded
        self._refresh()


class _Pages:
    """Back, where, more."""

    def __init__(self, visit: Visit, turn: Any) -> None:
        self._visit = visit
        with ui.element("div").classes("gw-bar"):
            self._back = ui.button(visit.say("common.back"), on_click=lambda: turn(-1))
            self._where = ui.label("").classes("gw-soft")
            self._more = ui.button(visit.say("common.more"), on_click=lambda: turn(1))
            ui.label(visit.say("alarms.keys")).classes("gw-soft gw-hide-small")
        for button in (self._back, self._more):
            button.props("flat dense no-caps")

    def show(self, page: int, count: int) -> None:
        self._where.text = self._visit.say("common.of_pages", page=page + 1, count=count)
        self._back.set_enabled(page > 0)
        self._more.set_enabled((page + 1) * PAGE_SIZE < count)


class _Filters:
    """The choice of a view, with how many each kept-back list holds, and of what is seen in it."""

    def __init__(self, visit: Visit, chosen: Chosen, refresh: Any) -> None:
        self._visit = visit
        self._chosen = chosen
        self._refresh = refresh
        self._views = ui.toggle(
            self._view_words({}),
            value=chosen.view.value,
            on_change=lambda event: self._choose("view", AlarmView(event.value)),
        ).props("no-caps dense")
        self._views.style("flex-wrap: wrap; max-width: 100%")
        self._selects = {
            name: self._select(name, word, options) for name, word, options in _choices(visit)
        }
        search = ui.input(
            visit.say("common.search"),
            on_change=lambda event: self._choose("words", event.value or ""),
        )
        search.props("dense outlined clearable debounce=250").style("flex:1; min-width:180px")

    def show_counts(self) -> None:
        counts = _kept_back_counts(self._visit)
        words = self._view_words(counts)
        if words != self._views.options:
            self._views.set_options(words)

    def end_grouping(self) -> None:
        """Who opens a group ends it."""
        self._selects["group"].value = ""

    def _view_words(self, counts: dict[AlarmView, int]) -> dict[str, str]:
        return {
            view.value: f"{self._visit.say(f'alarms.view_{view}')} {counts.get(view) or ''}".strip()
            for view in AlarmView
        }

    def _select(self, name: str, word: str, options: dict[Any, str]) -> ui.select:
        before = getattr(self._chosen, name)
        made = ui.select(
            {getattr(key, "value", key): text for key, text in options.items()},
            value=getattr(before, "value", before),
            label=self._visit.say(f"alarms.{word}"),
            on_change=lambda event: self._choose(
                name, AlarmOrder(event.value) if name == "order" else event.value
            ),
        )
        made.props("dense outlined options-dense").style("min-width:110px")
        return made

    def _choose(self, name: str, value: Any) -> None:
        self._chosen.choose(name, value)
        self._refresh()


def _kept_back_counts(visit: Visit) -> dict[AlarmView, int]:
    mine = places(visit).asset_ids
    return visit.console.feed.shared(
        ("kept back", mine), lambda: visit.console.alarms.kept_back(mine)
    )


def _choices(visit: Visit) -> tuple[tuple[str, str, dict[Any, str]], ...]:
    """Name in Chosen, the label's word, the options."""
    everything, language = visit.say("common.all"), visit.language
    return (
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


def _words(kinds: Any, word: Any, language: str) -> dict[Any, str]:
    return {each.value: word(each, language) for each in kinds}


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
    marks = _more_marks(visit, chosen.view)
    rows = [
        _with_marks(row_of(visit, each, acts=allowed), marks(each.alarm)) for each in chosen.listed
    ]
    return rows, count


def _more_marks(visit: Visit, view: AlarmView) -> Callable[[Alarm], list[str]]:
    """What keeps it back, where that is what is listed; else the tags that hang on its device."""
    if view in KEPT_BACK_VIEWS:
        because = reasons(visit)
        return lambda alarm: [because.get(alarm.withheld_by, "")] if alarm.withheld_by else []
    hanging = visit.console.feed.shared("hanging tags", visit.console.reads.tags)
    return lambda alarm: tag_marks(visit, alarm.asset_id, hanging)


def _with_marks(row: Row, marks: Sequence[str]) -> Row:
    return row | {"marks": ", ".join(each for each in (row["marks"], *marks) if each)}


def _marked(row: Row, here: bool) -> Row:
    return row | {"row_class": f"{row['row_class']} gw-here"} if here else row


def _wanted(visit: Visit, chosen: Chosen, folded_at: Collection[str]) -> AlarmFilter:
    found = places(visit, chosen.words, chosen.station, chosen.asset)
    return AlarmFilter(
        view=chosen.view,
        priorities=(Priority(chosen.priority),) if chosen.priority else (),
        classes=(chosen.alarm_class,) if chosen.alarm_class else (),
        conditions=(chosen.condition,) if chosen.condition else (),
        asset_ids=found.asset_ids,
        points=found.points or None,
        folded_at=folded_at if chosen.view is AlarmView.CURRENT else (),
    )


def _floods_seen(visit: Visit) -> list[FloodedPosition]:
    stations = {each.position_id: each.stations for each in visit.console.site.positions}
    return [
        flood
        for flood in visit.console.alarms.flooded(system_clock())
        if flood.position not in stations
        or any(visit.user.in_scope(station) for station in stations[flood.position])
    ]


def _flood_words(visit: Visit, floods: Iterable[FloodedPosition]) -> str:
    names = {each.position_id: each.name for each in visit.console.site.positions}
    return " ".join(
        visit.say(
            "alarms.flood",
            position=names.get(flood.position, visit.say("common.all")),
            since=visit.time(flood.since_us, "%H:%M:%S"),
            count=flood.alarms,
        )
        for flood in floods
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
