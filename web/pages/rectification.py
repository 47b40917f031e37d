"""整改通知单: the list of them, and each as a sheet of paper that is printed, signed and followed up."""

from collections.abc import Iterator
from html import escape
from typing import Final
from uuid import UUID

from nicegui import ui

from domain.clock import system_clock
from domain.credit import ReviewItem
from domain.evidence import EvidenceFile, EvidenceKind
from domain.rectification import Rectification
from web.components.download import excel_button
from web.components.printing import print_button
from web.components.rectifying import acts_on, state_chip, state_word
from web.components.redrawn import redrawn
from web.components.review_item import named_text
from web.components.table import Column, DataTable, Row
from web.evidence import address
from web.people_meant import moment_of
from web.shell import Visit, console_page

_DAY: Final = "%Y-%m-%d"
_MINUTE: Final = "%Y-%m-%d %H:%M"
_NAMES: Final = ("number", "state", "due", "place", "what", "measure", "zone", "member")


@console_page("/rectifications", "rectification.title")
def rectifications_page(visit: Visit) -> None:
    with ui.element("div").classes("gw-bar"):
        ui.label(visit.say("rectification.title")).classes("gw-title")
        ui.space()
        open_only = ui.checkbox(visit.say("rectification.open_only"), value=True)
        excel_button(visit, "rectifications", lambda: _sheet(visit))
    columns = [
        Column(each, visit.say(f"rectification.{each}"), wide=each in {"what", "measure"})
        for each in _NAMES
    ]
    table = DataTable(
        columns,
        visit.say("rectification.empty"),
        on_open=lambda notice: ui.navigate.to(f"/rectification/{notice}"),
    )

    def load() -> None:
        now_us = system_clock()
        found = [
            each
            for each in _in_scope(visit)
            if each.is_open or each.wants_look_back(now_us) or not open_only.value
        ]
        table.show([_row(visit, each) for each in found])

    open_only.on_value_change(load)
    load()
    visit.on_change({"rectification"}, load)


@console_page("/rectification/{rectification_id}", "rectification.title")
def rectification_page(visit: Visit, rectification_id: str) -> None:
    notice = _found(visit, rectification_id)
    review = visit.console.reads.review(notice.review_id) if notice else None
    if notice is None or review is None:
        ui.label(visit.say("common.not_here")).classes("gw-note")
        return

    def sheet(now: Rectification) -> None:
        with ui.element("div").classes("gw-bar gw-noprint"):
            state_chip(visit, now)
            ui.link(visit.say("rectification.to_review"), f"/review/{review.review_id}")
            ui.space()
            print_button(visit)
        acts_on(visit, now)
        _paper(visit, now, review)

    redrawn(
        visit,
        {"rectification"},
        lambda: visit.console.review_reads.rectification(notice.rectification_id) or notice,
        sheet,
    )


def _paper(visit: Visit, notice: Rectification, review: ReviewItem) -> None:
    """Everything as text in one table, as it is filed."""
    rows = "".join(
        f"<tr><th>{escape(visit.say(f'rectification.{word}'))}</th><td>{value}</td></tr>"
        for word, value in _lines(visit, notice, review)
    )
    signed = "".join(
        f"<tr><th>{escape(visit.say(f'rectification.{word}'))}</th>"
        f'<td>{escape(name)}</td><td class="gw-sign">{escape(visit.say("rectification.signature"))}</td></tr>'
        for word, name in _signatures(visit, notice)
    )
    ui.html(
        f'<div class="gw-sheet"><h1>{escape(visit.say("rectification.heading"))}</h1>'
        f'<div style="text-align:right" class="gw-soft">{escape(notice.number)}</div>'
        f"<table>{rows}</table>"
        f'<div class="gw-soft q-my-sm">{escape(visit.say("rectification.closing_rule"))}</div>'
        f"<table>{signed}</table></div>",
        sanitize=False,
    )


def _lines(visit: Visit, notice: Rectification, review: ReviewItem) -> Iterator[tuple[str, str]]:
    """Word and HTML."""
    plain = {
        "site": visit.console.site.name,
        "place": _place(visit, notice),
        "when": visit.time(moment_of(review), _MINUTE),
        "rule": " ".join(each for each in (review.code, review.text) if each),
        "clause": review.established.clause if review.established else "",
        "persons": named_text(visit, review),
        "what": review.judgement,
        "measure": notice.measure,
        "due": visit.time(notice.due_us, _DAY),
        "zone": visit.console.zone_name(notice.zone_id) if notice.zone_id else "",
        "member": visit.console.person(notice.member_id) if notice.member_id else "",
        "issued": f"{notice.issued_by} {visit.time(notice.issued_at_us, _MINUTE)}",
        "root_cause": notice.root_cause,
        "done_words": notice.done_words,
        "looked_words": notice.looked_words,
    }
    for word, value in plain.items():
        yield word, escape(value) or "-"
        if word == "what":
            yield "picture", _pictures(visit, review, review.files) or "-"
    if notice.files:
        yield (
            "afterwards",
            "".join(_image(f"/rectified/{notice.rectification_id}", each) for each in notice.files),
        )
    if notice.looked_back_at_us is not None:
        when = visit.time(notice.looked_back_at_us, _MINUTE)
        told = f"{notice.looked_back_words} ({notice.looked_back_by} {when})"
        yield "looked_back", escape(told)
    if notice.look_back_us is not None:
        yield "look_back_next", visit.time(notice.look_back_us, _DAY)
    if notice.sent_back:
        yield "sent_back", str(notice.sent_back)


def _pictures(visit: Visit, review: ReviewItem, files: tuple[EvidenceFile, ...]) -> str:
    """The moment, or the first photo; the faces of others hidden."""
    wanted = (EvidenceKind.MOMENT, EvidenceKind.PHOTO)
    chosen = next((each for kind in wanted for each in files if each.kind is kind), None)
    if chosen is None:
        return ""
    return f'<img alt="" src="{escape(address(review, chosen, blurred=True))}">'


def _image(base: str, file: EvidenceFile) -> str:
    return f'<img alt="" src="{escape(f"{base}/{file.sha256}")}">'


def _signatures(visit: Visit, notice: Rectification) -> Iterator[tuple[str, str]]:
    member = visit.console.person(notice.member_id) if notice.member_id else ""
    yield "issuer", notice.issued_by
    yield "responsible", member
    yield "doer", notice.done_by or ""
    yield "verifier", notice.looked_by or ""


def _place(visit: Visit, notice: Rectification) -> str:
    if notice.asset_id is None:
        return notice.station
    asset = visit.console.asset(notice.asset_id)
    return " ".join(each for each in (asset.station, asset.bay, asset.name) if each)


def _found(visit: Visit, rectification_id: str) -> Rectification | None:
    try:
        notice = visit.console.review_reads.rectification(UUID(rectification_id))
    except ValueError:
        return None
    return notice if notice and visit.user.in_scope(notice.station) else None


def _in_scope(visit: Visit) -> list[Rectification]:
    every = visit.console.review_reads.every_rectification()
    return [each for each in every if visit.user.in_scope(each.station)]


def _row(visit: Visit, notice: Rectification) -> Row:
    review = visit.console.reads.review(notice.review_id)
    word, presses = state_word(notice)
    return {
        "id": str(notice.rectification_id),
        "opens": True,
        "number": notice.number,
        "state": visit.say(f"rectification.{word}"),
        "state_chip": "gw-p2" if presses else "gw-wait",
        "due": visit.time(notice.due_us, _DAY),
        "place": _place(visit, notice),
        "what": review.text if review else "",
        "measure": notice.measure,
        "zone": visit.console.zone_name(notice.zone_id) if notice.zone_id else "",
        "member": visit.console.person(notice.member_id) if notice.member_id else "",
    }


def _sheet(visit: Visit) -> tuple[list[str], list[list[object]]]:
    headings = [visit.say(f"rectification.{each}") for each in _NAMES]
    rows = [_row(visit, each) for each in _in_scope(visit)]
    return headings, [[row[each] for each in _NAMES] for row in rows]
