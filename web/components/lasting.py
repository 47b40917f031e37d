"""A dialog that outlives what it was opened from."""

from nicegui import ui


def lasting_dialog() -> ui.dialog:
    """Opened; it stays while the part with its button is drawn anew, and is gone once it is closed."""
    with ui.context.client.content:
        dialog = ui.dialog(value=True)
    dialog.on("hide", dialog.delete)
    return dialog
