"""Equipment: how each transformer, breaker, feeder, battery, inverter and turbine is, and was."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from nicegui import ui

from domain.assets import Priority
from domain.findings import Finding, Verdict
from domain.ids import AssetId
from domain.judgement_words import cause_word
from service.local_socket import CoreUnreachable, RequestRefused
from web.components.redrawn import redrawn
from web.components.table import Column, DataTable
from web.components.thermal_card import thermal_card
from web.pages.judgement import finding_row, findings_table
from web.shell import Visit, console_page


class Health(StrEnum):
    WELL = "well"
    WATCH = "watch"
    ILL = "ill"
    UNKNOWN = "unknown"


_CHIPS: Final = {
    Health.WELL: "gw-plain",
    Health.WATCH: "gw-p3",
    Health.ILL: "gw-p2",
    Health.UNKNOWN: "gw-p4",
}
_ORDER: Final = {Health.ILL: 0, Health.WATCH: 1, Health.UNKNOWN: 2, Health.WELL: 3}
# the first kind whose signal the asset has
_KINDS: Final = (
    ("transformer", "top_oil_temp"),
    ("turbine", "pitch"),
    ("inverter", "dc_voltage"),
    ("battery", "battery_current"),
    ("machine", "stator_temp"),
    ("feeder", "over_current"),
    ("breaker", "position"),
    ("bus", "uab"),
)


def kind_of(signals: Collection[str]) -> str:
    return next((kind for kind, signal in _KINDS if signal in signals), "other")


def health_of(findings: Sequence[Finding], heard: bool) -> Health:
    """What nobody hears of is not well but unknown."""
    if any(
        each.verdict is Verdict.FIRM and each.priority is not Priority.NOTICE for each in findings
    ):
        return Health.ILL
    if findings:
        return Health.WATCH
    return Health.WELL if heard else Health.UNKNOWN


@console_page("/equipment", "judgement.equipment")
async def equipment_page(visit: Visit) -> None:
    ui.label(visit.say("judgement.equipment")).classes("gw-title")
    signals = _signals(visit)
    kinds = {asset: kind_of(known) for asset, known in signals.items()}
    named = {kind: visit.say(f"judgement.{kind}") for kind, _ in _KINDS if kind in kinds.values()}
    with ui.element("div").classes("gw-bar"):
        chosen = ui.select(
            {"": visit.say("judgement.all_kinds"), **named}, value="", on_change=lambda: show()
        ).props("dense outlined options-dense")
        only = ui.checkbox(visit.say("judgement.only_found"), on_change=lambda: show())
    table = DataTable(
        [
            Column("asset", visit.say("judgement.asset"), wide=True),
            Column("kind", visit.say("judgement.kind")),
            Column("health", visit.say("judgement.health")),
            Column("found", visit.say("judgement.found"), wide=True),
        ],
        visit.say("judgement.no_equipment"),
        on_open=lambda asset: ui.navigate.to(f"/equipment/{asset}"),
    )
    heard: set[str] = set()

    def show() -> None:
        found: dict[AssetId, list[Finding]] = defaultdict(list)
        for finding in visit.console.reads.findings(standing=True, limit=2_000):
            found[finding.asset_id].append(finding)
        rows = []
        for asset_id, known in signals.items():
            of_it = found.get(asset_id, [])
            if (chosen.value and kinds[asset_id] != chosen.value) or (only.value and not of_it):
                continue
            is_heard = any(f"{asset_id}/{name}" in heard for name in known)
            rows.append(_row(visit, asset_id, kinds[asset_id], health_of(of_it, is_heard), of_it))
        rows.sort(key=lambda row: (row["order"], row["asset"]))
        table.show(rows)

    async def look() -> None:
        # core may be slow to answer: other pages must not wait for it
        heard.clear()
        heard.update(await asyncio.to_thread(_heard, visit))
        show()

    await look()
    visit.on_change({"finding"}, look)


def _row(
    visit: Visit, asset_id: AssetId, kind: str, health: Health, findings: Sequence[Finding]
) -> dict[str, Any]:
    asset = visit.console.asset(asset_id)
    return {
        "id": asset_id,
        "opens": True,
        "order": _ORDER[health],
        "asset": f"{asset.station} {asset.bay} {asset.name}".strip(),
        "kind": visit.say(f"judgement.{kind}"),
        "health": visit.say(f"judgement.{health.value}"),
        "health_chip": _CHIPS[health],
        "found": ", ".join(cause_word(each.cause, visit.language) for each in findings),
    }


def _heard(visit: Visit) -> set[str]:
    """Points that have a value."""
    try:
        latest = visit.console.core.latest()
    except (CoreUnreachable, RequestRefused):
        return set()
    return {key for key, (value, _, _) in latest.items() if value is not None}


def _signals(visit: Visit) -> Mapping[AssetId, set[str]]:
    """The signals of each asset that the user may see."""
    found: dict[AssetId, set[str]] = defaultdict(set)
    for point in visit.console.site.points:
        if visit.user.in_scope(visit.console.asset(point.asset_id).station):
            found[point.asset_id].add(point.key.rpartition("/")[2])
    return found


@console_page("/equipment/{asset_id:path}", "judgement.equipment")
async def one_page(visit: Visit, asset_id: str) -> None:
    signals = _signals(visit)
    wanted = AssetId(asset_id)
    if wanted not in signals:
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return
    asset = visit.console.asset(wanted)
    heard = await asyncio.to_thread(_heard, visit)
    is_heard = any(f"{wanted}/{name}" in heard for name in signals[wanted])

    def head(health: Health) -> None:
        with ui.element("div").classes("gw-card"):
            with ui.element("div").classes("gw-bar"):
                ui.label(visit.say(f"judgement.{health.value}")).classes(
                    f"gw-chip {_CHIPS[health]}"
                )
                ui.label(visit.say(f"judgement.{kind_of(signals[wanted])}")).classes(
                    "gw-chip gw-plain"
                )
            ui.label(f"{asset.station} {asset.bay} {asset.name}".strip()).classes(
                "gw-title q-my-sm"
            )

    redrawn(
        visit,
        {"finding"},
        lambda: health_of(
            visit.console.reads.findings(standing=True, asset_ids=[wanted]), is_heard
        ),
        head,
    )
    if kind_of(signals[wanted]) == "transformer":
        await thermal_card(visit, asset)
    ui.label(visit.say("judgement.over_time")).classes("gw-head")
    table = findings_table(visit, visit.say("judgement.none_past"))

    def refresh() -> None:
        found = visit.console.reads.findings(standing=False, asset_ids=[wanted])
        table.show([finding_row(visit, each) for each in found])

    refresh()
    visit.on_change({"finding"}, refresh)
