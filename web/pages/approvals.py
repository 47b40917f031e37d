"""Approvals: what a second person must agree to, with the difference line by line."""

import asyncio
from collections.abc import Hashable, Sequence
from uuid import UUID

from nicegui import ui

from domain.access import may_decide
from domain.ids import PersonId
from domain.paperwork import Approval
from domain.requests import DecideApproval
from linkage.arrangement_desk import SWAP_SUBJECT
from service.site.problems import BrokenSite
from service.site.versions import MalformedVersion, site_of
from web.components.redrawn import redrawn_each
from web.shell import Visit, console_page


@console_page("/approvals", "approvals.title")
def approvals_page(visit: Visit) -> None:
    ui.label(visit.say("approvals.waiting")).classes("gw-title")
    _list(visit, waiting=True)
    ui.label(visit.say("approvals.past")).classes("gw-title")
    _list(visit, waiting=False)


def _list(visit: Visit, *, waiting: bool) -> None:
    """A swap's card says who has not agreed yet."""

    def read() -> dict[Hashable, tuple[Approval, Sequence[PersonId]]]:
        found = visit.console.reads.approvals(waiting=waiting)
        return {each.approval_id: (each, _missing(visit, each)) for each in found}

    redrawn_each(
        visit,
        {"approval", "arrangement"},
        read,
        lambda found: _card(visit, *found),
        visit.say("approvals.empty"),
    )


def _missing(visit: Visit, approval: Approval) -> Sequence[PersonId]:
    """Who has yet to agree to a swap."""
    if approval.subject != SWAP_SUBJECT or approval.decided_by:
        return ()
    every = {str(each.arrangement_id): each for each in visit.console.arranged.every()}
    swap = every.get(approval.subject_id)
    return [each for each in swap.needs if each not in swap.agreed] if swap else ()


def _card(visit: Visit, approval: Approval, missing: Sequence[PersonId]) -> None:
    with ui.element("div").classes("gw-card"):
        ui.label(_title(visit, approval)).classes("gw-head")
        when = visit.time(approval.proposed_at_us)
        ui.label(visit.say("approvals.proposed", by=approval.proposed_by, when=when)).classes(
            "gw-soft"
        )
        with ui.element("pre").style(
            "white-space:pre-wrap; font-size:13px; max-height:320px; overflow:auto"
        ):
            ui.label("\n".join(approval.summary)).style("white-space:pre-wrap")
        if approval.decided_by:
            ui.label(
                visit.say(
                    "approvals.decided",
                    by=approval.decided_by,
                    when=visit.time(approval.decided_at_us),
                    state=visit.say(f"approvals.state_{approval.state.value}"),
                    words=approval.words,
                )
            ).classes("gw-soft")
        else:
            _waiting(visit, approval, missing)


def _title(visit: Visit, approval: Approval) -> str:
    if approval.subject == "site":
        return visit.say("approvals.site", number=approval.subject_id)
    return visit.say(f"approvals.{approval.subject}")


def _waiting(visit: Visit, approval: Approval, missing: Sequence[PersonId]) -> None:
    """What whoever looks may do about it."""
    if approval.subject == SWAP_SUBJECT:
        _swap(visit, approval, missing)
    elif approval.proposed_by == visit.user.name:
        ui.label(visit.say("approvals.needs_other")).classes("gw-note")
    elif may_decide(visit.user.roles, approval.subject):
        of_site = approval.subject == "site"
        at_once = "approvals.restarts" if of_site else "approvals.at_once"
        ui.label(visit.say(at_once)).classes("gw-soft")
        _decision(visit, approval.approval_id)


def _swap(visit: Visit, approval: Approval, missing: Sequence[PersonId]) -> None:
    names = ", ".join(visit.console.person(each) for each in missing)
    ui.label(visit.say("approvals.waits_for", persons=names)).classes("gw-soft")
    if visit.user.person_id in missing:
        ui.label(visit.say("approvals.agree")).classes("gw-soft")
        _decision(visit, approval.approval_id)


async def _is_usable(visit: Visit, approval: UUID) -> bool:
    """Core does no I/O when it decides: whether the version can be read is looked at here."""
    waiting = {each.approval_id: each for each in visit.console.reads.approvals(waiting=True)}
    versions = {str(each.number): each for each in visit.console.reads.site_versions()}
    found = waiting.get(approval)
    version = versions.get(found.subject_id) if found and found.subject == "site" else None
    if version is None:
        return True  # core refuses it in its own words
    try:
        await asyncio.to_thread(site_of, version)
    except (BrokenSite, MalformedVersion):
        return False
    return True


def _decision(visit: Visit, approval: UUID) -> None:
    words = ui.input(visit.say("approvals.words")).classes("w-full")

    async def decide(approve: bool) -> None:
        if approve and not await _is_usable(visit, approval):
            ui.notify(visit.say("approvals.unusable"), type="negative", multi_line=True)
            return
        await visit.ask(
            DecideApproval(approval_id=approval, approve=approve, words=words.value or "")
        )

    with ui.row():
        ui.button(visit.say("approvals.approve"), on_click=lambda: decide(True)).props(
            "no-caps unelevated"
        )
        ui.button(visit.say("approvals.reject"), on_click=lambda: decide(False)).props(
            "no-caps outline"
        )
