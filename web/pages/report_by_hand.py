"""现场上报: what somebody sees, with photos, from the telephone. It waits in the queue of the cameras."""

from nicegui import ui

from domain.access import may
from domain.assets import Priority
from domain.clock import system_clock
from domain.credit import ReviewKind
from domain.ids import AssetId
from domain.review_requests import TEXT_AT_MOST, ReportByHand
from domain.wording import priority_word
from web.components.photos import Photos
from web.finding import stations_in_sight
from web.shell import Visit, console_page

_KINDS = (ReviewKind.VIOLATION, ReviewKind.HAZARD, ReviewKind.DEFECT)


@console_page("/report-by-hand", "reporting.title")
def report_page(visit: Visit) -> None:
    if not may(visit.user.roles, ReportByHand):
        ui.label(visit.say("common.not_allowed")).classes("gw-note")
        return
    ui.label(visit.say("reporting.title")).classes("gw-title")
    ui.label(visit.say("reporting.what_for")).classes("gw-soft")
    with ui.element("div").classes("gw-card gw-column").style("max-width:560px"):
        kinds = {each.value: visit.say(f"reviews.kind_{each.value}") for each in _KINDS}
        kind = ui.toggle(kinds, value=ReviewKind.HAZARD.value).props("no-caps spread")
        stations = list(stations_in_sight(visit))
        station = ui.select(
            stations,
            value=stations[0] if len(stations) == 1 else None,
            label=visit.say("reporting.station"),
        )
        device = ui.select({}, label=visit.say("reporting.device"), with_input=True, clearable=True)
        rule = ui.select(_rules(visit), value="", label=visit.say("reporting.rule"))
        levels = {each.value: priority_word(each, visit.language) for each in Priority}
        level = ui.select(levels, value=Priority.MINOR.value, label=visit.say("reporting.level"))
        text = ui.textarea(visit.say("reporting.text")).props(
            f"autogrow maxlength={TEXT_AT_MOST} counter"
        )
        for field in (station, device, rule, level, text):
            field.classes("w-full").props("dense outlined options-dense")
        photos = Photos(visit)
        send = ui.button(visit.say("reporting.send"), icon="send").props("no-caps unelevated")
    sent = ui.label("").classes("gw-note")
    sent.set_visibility(False)

    def look() -> None:
        rule.set_visibility(kind.value == ReviewKind.VIOLATION.value)
        device.set_options(_devices(visit, str(station.value or "")), value=None)

    async def report() -> None:
        if not station.value:
            ui.notify(visit.say("reporting.station_needed"), type="warning")
            return
        files = await photos.kept()
        if files is None:
            return
        is_violation = kind.value == ReviewKind.VIOLATION.value
        outcome = await visit.ask(
            ReportByHand(
                kind=ReviewKind(kind.value),
                station=str(station.value),
                asset_id=AssetId(device.value) if device.value else None,
                text=text.value or "",
                code=str(rule.value or "") if is_violation else "",
                level=Priority(level.value),
                at_us=system_clock(),
                files=files,
            )
        )
        if outcome and outcome.done:
            sent.text = visit.say("reporting.sent", text=text.value)
            sent.set_visibility(True)
            text.value = ""
            photos.clear()

    kind.on_value_change(look)
    station.on_value_change(look)
    send.on_click(report)
    look()


def _rules(visit: Visit) -> dict[str, str]:
    """The codes of the site, by camera and by telemetry."""
    site = visit.console.site
    known = {rule.code: rule.text for rule in site.machine_rules}
    known |= {rule.code: rule.text for rule in site.violations}
    named = {code: f"{code} {text}" for code, text in sorted(known.items())}
    return {"": visit.say("reporting.no_rule")} | named


def _devices(visit: Visit, station: str) -> dict[str, str]:
    return {
        asset_id: f"{asset.bay} {asset.name}".strip()
        for asset_id, asset in visit.console.site.assets.items()
        if asset.station == station
    }
