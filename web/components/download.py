"""The one way a table leaves as Excel."""

from collections.abc import Callable

from nicegui import ui

from web.shell import Visit

Sheet = Callable[[], tuple[list[str], list[list[object]]]]


def excel_button(visit: Visit, name: str, sheet: Sheet) -> None:
    def download() -> None:
        from service.excel import write_sheet

        headings, rows = sheet()
        ui.download(write_sheet(name, headings, rows), f"{name}.xlsx")

    ui.button(visit.say("common.excel"), icon="download", on_click=download).props(
        "no-caps flat dense"
    )
