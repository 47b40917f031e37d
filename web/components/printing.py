"""The one way a page goes to a printer: the browser's, without the frame around the page."""

from nicegui import ui

from web.shell import Visit


def print_button(visit: Visit) -> None:
    button = ui.button(visit.say("common.print"), icon="print").props("no-caps flat dense")
    button.on("click", js_handler="() => window.print()")
    button.classes("gw-noprint")
