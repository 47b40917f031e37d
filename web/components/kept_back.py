"""What keeps alarms from the operator, each with its list: shelves, the site's suppressions, tags."""

from collections import Counter
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from nicegui import ui

from domain.access import may
from domain.alarms import Alarm, Withholding
from domain.ids import AssetId, PointKey
from domain.paperwork import Tag
from domain.requests import EndWithholding, RemoveTag
from domain.wording import tag_word
from linkage.tagging import tags_on
from storage.alarm_reads import AlarmView
from web.alarm_words import alarm_name
from web.components.table import Column, DataTable, Row
from web.shell import Visit

_COLUMNS: Final = {
    AlarmView.SHELVED: ("kind", "point", "why", "by", "until"),
    AlarmView.SUPPRESSED: ("point", "why", "rule", "since", "kept"),
    AlarmView.TAGGED: ("kind", "device", "why", "by", "since", "until", "kept"),
}
_WIDE: Final = frozenset({"point", "device"})


class KeptBack:
    """Below the alarms that are kept back: by what. Only the list of the chosen view is shown."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._lists = {view: _List(visit, view) for view in _COLUMNS}

    def show(self, chosen: AlarmView) -> None:
        for view, each in self._lists.items():
            each.set_visible(view is chosen)
        if chosen in self._lists:
            self._lists[chosen].show(self._rows(chosen))

    def _rows(self, view: AlarmView) -> list[Row]:
        visit = self._visit
        if view is AlarmView.TAGGED:
            hanging = [each for each in visit.console.reads.tags() if _sees(visit, each.asset_id)]
            kept = Counter(visit.console.alarms.kept_by([each.tag_id for each in hanging]))
            return [_tag_row(visit, each, kept[each.tag_id]) for each in hanging]
        by_design = view is AlarmView.SUPPRESSED
        holding = [
            each
            for each in visit.console.alarms.withholdings()
            if each.by_design is by_design and _sees(visit, _asset_of(visit, each.point))
        ]
        if by_design:
            kept = Counter(visit.console.alarms.kept_by([each.withholding_id for each in holding]))
            # what keeps something back now comes first
            holding.sort(key=lambda each: (not kept[each.withholding_id], -each.at_us))
            return [_design_row(visit, each, kept[each.withholding_id]) for each in holding]
        tickets = {each.ticket_id: each.number for each in visit.console.reads.tickets()}
        return [_shelf_row(visit, each, tickets) for each in holding]


class _List:
    """One head and one table."""

    def __init__(self, visit: Visit, view: AlarmView) -> None:
        self._visit = visit
        self._view = view
        self._head = ui.label(visit.say(f"alarms.kept_{view}")).classes("gw-head")
        self._table = DataTable(
            [
                *(
                    Column(name, visit.say(f"alarms.{name}"), name in _WIDE)
                    for name in _COLUMNS[view]
                ),
                Column("acts", ""),
            ],
            visit.say(f"alarms.no_{view}"),
            on_act=lambda name, wanted: self._end(wanted),
        )

    def set_visible(self, visible: bool) -> None:
        self._head.set_visibility(visible)
        self._table.set_visible(visible)

    def show(self, rows: list[Row]) -> None:
        self._table.show(rows)

    async def _end(self, wanted: str) -> None:
        if self._view is AlarmView.TAGGED:
            await self._visit.ask(RemoveTag(tag_id=UUID(wanted)))
        else:
            await self._visit.ask(EndWithholding(withholding_id=UUID(wanted)))


def _shelf_row(visit: Visit, each: Withholding, tickets: dict[UUID, str]) -> Row:
    ends = may(visit.user.roles, EndWithholding)
    ticket = tickets.get(each.ticket_id, "-") if each.ticket_id else "-"
    return {
        "id": str(each.withholding_id),
        "kind": visit.say(f"alarms.state_{each.kind.value}"),
        "kind_chip": "gw-strong",
        "point": alarm_name(visit, each.point, each.condition),
        "why": each.reason,
        "by": each.by,
        "until": visit.time(each.until_us) or ticket,
        "acts": [["end", visit.say("alarms.unshelve")]] if ends else [],
    }


def _design_row(visit: Visit, each: Withholding, kept: int) -> Row:
    """Nobody ends it by hand: it ends with its condition."""
    return {
        "id": str(each.withholding_id),
        "point": alarm_name(visit, each.point, each.condition),
        "why": each.reason,
        "rule": each.by,
        "since": visit.time(each.at_us),
        "kept": kept or "-",
        "acts": [],
    }


def _tag_row(visit: Visit, tag: Tag, kept: int) -> Row:
    asset = visit.console.asset(tag.asset_id)
    return {
        "id": str(tag.tag_id),
        "kind": tag_word(tag.kind, visit.language),
        "kind_chip": "gw-strong",
        "device": f"{asset.station} {asset.bay if tag.covers_bay else asset.name}",
        "why": tag.note or "-",
        "by": tag.hung_by,
        "since": visit.time(tag.hung_at_us),
        "until": visit.say("paper.forgotten")
        if tag.forgotten_at_us
        else visit.time(tag.until_us, "%m-%d %H:%M") or "-",
        "until_chip": "gw-p2" if tag.forgotten_at_us else "",
        "kept": kept or "-",
        "acts": [["remove", visit.say("paper.remove")]] if may(visit.user.roles, RemoveTag) else [],
    }


def reasons(visit: Visit) -> dict[UUID, str]:
    """Why each tag, shelf and rule keeps back what it does, and by whose word."""

    def told(what: str, by: str) -> str:
        return visit.say("alarms.kept_because", what=what, by=by)

    shelves = visit.console.alarms.withholdings()
    return {each.withholding_id: told(each.reason, each.by) for each in shelves} | {
        tag.tag_id: told(f"{_tag_mark(visit, tag)} {tag.note}".strip(), tag.hung_by)
        for tag in visit.console.reads.tags()
    }


def because_words(visit: Visit, alarm: Alarm) -> str:
    """Why an open alarm does not reach the operator; empty where it does."""
    if alarm.withheld_by is None or not alarm.is_open:
        return ""
    return reasons(visit).get(alarm.withheld_by, "")


def tag_marks(visit: Visit, asset_id: AssetId, hanging: Sequence[Tag]) -> list[str]:
    """挂牌: 缺陷"""
    site = visit.console.site
    asset = site.assets.get(asset_id)
    if asset is None or not hanging:
        return []
    on_it = tags_on(hanging, asset, site.assets)
    return list(dict.fromkeys(_tag_mark(visit, tag) for tag in on_it))


def _tag_mark(visit: Visit, tag: Tag) -> str:
    return f"{visit.say('alarms.tag')}: {visit.say(f'paper.tag_{tag.kind.value}')}"


def _asset_of(visit: Visit, point: str) -> AssetId:
    known = {each.key: each.asset_id for each in visit.console.site.points}
    return known.get(PointKey(point), AssetId(""))


def _sees(visit: Visit, asset_id: AssetId) -> bool:
    return visit.user.in_scope(visit.console.asset(asset_id).station)
