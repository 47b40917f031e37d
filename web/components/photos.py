"""Photos from the telephone: refused before they are decoded, kept when they are sent."""

import asyncio
from typing import Final

from nicegui import events, ui

from domain.clock import system_clock
from domain.evidence import EvidenceFile, EvidenceKind
from domain.ports import StorageUnavailable
from domain.reasons import reason_text
from domain.requests import Refused
from domain.review_requests import PHOTOS_AT_MOST
from service.evidence_files import EVIDENCE
from service.photos import LARGEST_BYTES, clean_photo
from storage.evidence import EvidenceFiles
from web.shell import Visit

_TYPES: Final = "image/jpeg,image/png"


class Photos:
    """A button, and what was taken. Nothing is stored before `kept`."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._taken: list[bytes] = []
        box = ui.upload(auto_upload=True, multiple=True, max_file_size=LARGEST_BYTES)
        box.on_upload(self._came)
        box.on("rejected", lambda: self._warn("too_large"))
        # its own box is large. Not set_visibility: what is invisible to NiceGUI takes no file (403)
        box.props(f'accept="{_TYPES}"').style("display:none")
        with ui.element("div").classes("gw-bar"):
            ui.button(
                visit.say("photos.add"),
                icon="add_a_photo",
                on_click=lambda: box.run_method("pickFiles"),
            ).props("no-caps outline")
            self._count = ui.label("").classes("gw-soft")
            self._again = ui.button(visit.say("photos.again"), on_click=self._none)
            self._again.props("no-caps flat dense")
        ui.label(visit.say("photos.stripped")).classes("gw-soft")
        self._say()

    async def kept(self) -> tuple[EvidenceFile, ...] | None:
        """In the evidence store; None where it takes nothing, and the person was told."""
        store = EvidenceFiles(self._visit.console.data / EVIDENCE)
        found = []
        for content in self._taken:
            try:
                name = await asyncio.to_thread(store.put, content)
            except StorageUnavailable:
                self._warn("no_room")
                return None
            found.append(
                EvidenceFile(
                    sha256=name,
                    media_type="image/jpeg",
                    kind=EvidenceKind.PHOTO,
                    at_us=system_clock(),
                    size=len(content),
                )
            )
        return tuple(found)

    def clear(self) -> None:
        self._none()

    async def _came(self, event: events.UploadEventArguments) -> None:
        if len(self._taken) >= PHOTOS_AT_MOST:
            self._warn("too_many", most=PHOTOS_AT_MOST)
            return
        content = await event.file.read()
        try:
            self._taken.append(await asyncio.to_thread(clean_photo, content))
        except Refused as refused:
            self._warn("refused", why=reason_text(refused.reason, self._visit.language))
        self._say()

    def _none(self) -> None:
        self._taken.clear()
        self._say()

    def _say(self) -> None:
        kib = sum(map(len, self._taken)) // 1024
        self._count.text = self._visit.say("photos.taken", count=len(self._taken), kib=kib)
        self._count.set_visibility(bool(self._taken))
        self._again.set_visibility(bool(self._taken))

    def _warn(self, word: str, **facts: object) -> None:
        ui.notify(self._visit.say(f"photos.{word}", **facts), type="warning", multi_line=True)
