"""Evidence of a proposal: shown when somebody asks for it, since each look is noted."""

from collections.abc import Sequence
from html import escape

from nicegui import ui

from domain.credit import ReviewItem
from domain.evidence import Box, EvidenceFile, EvidenceKind
from web.evidence import address
from web.shell import Visit

_COLOURS = {"person": "#90a4ae", "helmet": "#29b6f6", "head": "#ff7043"}


def evidence_files(visit: Visit, review: ReviewItem) -> None:
    """A button first; then the pictures in the order of time, and the clip."""
    if not review.files:
        return
    with ui.element("div").classes("q-mt-sm") as frame:
        with ui.element("div").classes("gw-bar"):
            hidden = ui.checkbox(visit.say("reviews.blur"), value=True).props("dense")
            ui.button(
                visit.say("reviews.look", count=len(_wanted(review.files, blurred=True))),
                icon="photo_library",
                on_click=lambda: show(),
            ).props("no-caps outline dense")
        ui.label(visit.say("reviews.looks_are_noted")).classes("gw-soft")

    def show() -> None:
        frame.clear()
        with frame, ui.element("div").classes("gw-pictures"):
            for file in _wanted(review.files, blurred=bool(hidden.value)):
                _shown(visit, review, file, blurred=bool(hidden.value))


def _wanted(files: Sequence[EvidenceFile], *, blurred: bool) -> list[EvidenceFile]:
    """Of two clips of the same seconds the one that was asked for."""
    derived = {file.at_us for file in files if file.kind is EvidenceKind.CLIP_BLURRED}
    return [
        file
        for file in files
        if (file.kind is not EvidenceKind.CLIP_BLURRED or blurred)
        and not (file.kind is EvidenceKind.CLIP and blurred and file.at_us in derived)
    ]


def _shown(visit: Visit, review: ReviewItem, file: EvidenceFile, *, blurred: bool) -> None:
    source = address(review, file, blurred=blurred)
    with ui.element("figure").classes("gw-picture"):
        if file.kind is EvidenceKind.CLIP and blurred:
            ui.label(visit.say("reviews.clip_not_blurred")).classes("gw-soft")
        elif file.kind in {EvidenceKind.CLIP, EvidenceKind.CLIP_BLURRED}:
            ui.html(f'<video controls muted src="{escape(source)}"></video>', sanitize=False)
        else:
            word = escape(visit.say(f"reviews.{file.kind.value}"))
            drawn = _zone_drawn(visit, review) + "".join(map(_drawn, file.boxes))
            ui.html(
                f'<div class="gw-boxed"><img src="{escape(source)}" alt="{word}">'
                f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none">{drawn}</svg></div>',
                sanitize=False,
            )
        when = visit.time(file.at_us)
        ui.label(f"{visit.say(f'reviews.{file.kind.value}')} {when}").classes("gw-soft")


def _zone_drawn(visit: Visit, review: ReviewItem) -> str:
    """The watched area, as the site draws it now."""
    seen = review.sighting
    if seen is None or not seen.area:
        return ""
    areas = (
        area
        for camera in visit.console.site.cameras
        if camera.camera_id == seen.camera_id
        for area in camera.areas
        if area.name == seen.area
    )
    area = next(areas, None)
    if area is None:
        return ""
    corners = " ".join(f"{round(1000 * x)},{round(1000 * y)}" for x, y in area.polygon)
    return (
        f'<polygon points="{corners}" fill="#ffb30022" stroke="#ffb300" stroke-width="2" '
        'stroke-dasharray="6 4" vector-effect="non-scaling-stroke"/>'
    )


def _drawn(box: Box) -> str:
    x, y = round(1000 * box.left), round(1000 * box.top)
    wide, high = round(1000 * (box.right - box.left)), round(1000 * (box.bottom - box.top))
    colour = "#d50000" if box.concerned else _COLOURS.get(box.what, "#90a4ae")
    return (
        f'<rect x="{x}" y="{y}" width="{wide}" height="{high}" fill="none" stroke="{colour}" '
        f'stroke-width="{3 if box.concerned else 2}" vector-effect="non-scaling-stroke"/>'
    )
