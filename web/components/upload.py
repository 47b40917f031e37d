"""The one way a file comes in as Excel."""

from collections.abc import Awaitable, Callable

from nicegui import events, ui


def excel_upload(label: str, came: Callable[[bytes], Awaitable[None]]) -> None:
    """A button that asks for the file; `came` gets its bytes."""

    async def uploaded(event: events.UploadEventArguments) -> None:
        await came(await event.file.read())

    box = ui.upload(auto_upload=True, on_upload=uploaded).props("accept=.xlsx")
    # its own box is large. Not set_visibility: what is invisible to NiceGUI takes no file (403)
    box.style("display:none")
    ui.button(label, icon="upload", on_click=lambda: box.run_method("pickFiles")).props(
        "no-caps flat dense"
    )
