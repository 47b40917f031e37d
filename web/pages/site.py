"""The site: its versions, its files to take away, and the credit rules with their marks."""

import io
import zipfile

from nicegui import ui

from domain.paperwork import SiteVersion
from service.site.versions import unpack
from web.components.table import Column, DataTable
from web.shell import Visit, console_page
from web.views import points


@console_page("/site", "site.title")
def site_page(visit: Visit) -> None:
    site = visit.console.site
    ui.label(site.name).classes("gw-title")
    with ui.element("div").classes("gw-card"):
        ui.label(
            visit.say(
                "site.facts",
                points=len(site.points),
                assets=len(site.assets),
                sirens=len(site.devices),
            )
        )
        if site.numbering:
            ui.label(f"{visit.say('site.numbering')}: {site.numbering}").classes("gw-soft")
        ui.label(visit.say("site.how")).classes("gw-soft q-mt-sm")
    ui.label(visit.say("site.versions")).classes("gw-head")
    versions = DataTable(
        [
            *(
                Column(name, visit.say(f"site.{name}"))
                for name in ("number", "state", "proposed_by", "when")
            ),
            Column("acts", ""),
        ],
        visit.say("site.no_versions"),
        on_act=lambda act, number: _download(visit, int(number)),
    )

    def refresh() -> None:
        versions.show(
            [
                {
                    "id": str(version.number),
                    "number": version.number,
                    "state": visit.say(f"site.state_{version.state.value}"),
                    "state_chip": "gw-wait" if version.effective_at_us else "gw-plain",
                    "proposed_by": version.proposed_by,
                    "when": visit.time(version.proposed_at_us, "%Y-%m-%d %H:%M"),
                    "acts": [["download", visit.say("site.download")]],
                }
                for version in visit.console.reads.site_versions()
            ]
        )

    refresh()
    _rules(visit)
    visit.on_change({"approval"}, refresh)


def _rules(visit: Visit) -> None:
    book = visit.console.site.rule_book
    ui.label(f"{visit.say('site.rules')}: {book.name} v{book.version}").classes("gw-head")
    if book.shadow:
        ui.label(visit.say("reviews.shadow")).classes("gw-note")
    names = ("item", "account", "points", "cap", "mark")
    table = DataTable(
        [Column(name, visit.say(f"site.{name}"), wide=name == "item") for name in names],
        visit.say("site.no_rules"),
    )
    table.show(
        [
            {
                "id": item.item_id,
                "item": item.text,
                "account": visit.say(f"credit.{item.account.value}"),
                "points": points(item.points_hundredths),
                "cap": f"{item.cap_hundredths / 100:g}" if item.cap_hundredths else "-",
                "mark": item.mark,
            }
            for item in book.items
        ]
    )
    ui.label(visit.say("site.marks")).classes("gw-soft")


def _download(visit: Visit, number: int) -> None:
    versions = {each.number: each for each in visit.console.reads.site_versions()}
    if number in versions:
        ui.download(_zip(versions[number]), f"{visit.console.site.code}-{number}.zip")


def _zip(version: SiteVersion) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in unpack(version.files).items():
            archive.writestr(name, text)
    return buffer.getvalue()
