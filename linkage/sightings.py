"""What who judges a sighting must know: the rule, how sure, how long, how near, what the tickets say."""

from collections.abc import Iterator
from typing import Final

from domain.clock import MINUTE_US, SECOND_US
from domain.ids import SourceId
from domain.judgements import Sighting
from domain.records import DeadLetter
from domain.requests import ProposeViolation, RefuseProposal
from domain.responsibility import Reason
from domain.violations import Code, Proposal, TicketFinding


def refused_letter(told: RefuseProposal, at_us: int) -> DeadLetter:
    return DeadLetter(
        at_us=at_us,
        source_id=SourceId(told.box_id),
        reason=told.reason,
        detail=told.detail,
        topic=told.topic,
        payload=told.payload,
    )


def sighting_reasons(told: ProposeViolation, sighting: Sighting) -> tuple[Reason, ...]:
    return tuple(_reasons(told, sighting))


def _reasons(told: ProposeViolation, sighting: Sighting) -> Iterator[Reason]:
    proposal = told.proposal
    yield _told_by(told)
    if proposal.zone:
        yield Reason.of("seen_in_area", area=proposal.zone)
    if len(sighting.proposals) > 1:
        lasted_us = sighting.until_us - sighting.began_us
        yield Reason.of(
            "seen_times", times=len(sighting.proposals), minutes=-(-lasted_us // MINUTE_US)
        )
    yield Reason.of("seen_for", seconds=round(max(0, proposal.dwell_us) / SECOND_US))
    if proposal.clearance_m is not None:
        yield Reason.of(
            "seen_near",
            metres=f"{proposal.clearance_m:.2f}",
            error=f"{proposal.error_m or 0.0:.2f}",
            limit=f"{proposal.limit_m or 0.0:.2f}",
        )
    yield _ticket_reason(proposal)
    if not proposal.certain:
        yield Reason.of("seen_uncertain")
    if told.model:
        yield Reason.of("seen_with", model=told.model)


def _told_by(told: ProposeViolation) -> Reason:
    proposal = told.proposal
    if told.box:  # how sure it is, it need not say
        return Reason.of(
            "told_by_box",
            box=told.box,
            camera=told.camera,
            rule=told.text,
            code=proposal.code,
            sure=f"{100 * proposal.score:.0f} %" if proposal.score else "-",
        )
    return Reason.of(
        "seen_by_camera",
        camera=told.camera,
        rule=told.text,
        code=proposal.code,
        percent=round(100 * proposal.score),
    )


_TICKET_EXCUSES: Final = frozenset({Code.IN_ZONE, Code.NO_PLAN, Code.ALONE})


def _ticket_reason(proposal: Proposal) -> Reason:
    numbers = ", ".join(proposal.ticket.numbers) or "-"
    match proposal.ticket.finding:
        case TicketFinding.VALID if proposal.code not in _TICKET_EXCUSES:
            return Reason.of("ticket_valid_excuses_not", numbers=numbers)
        case TicketFinding.VALID:
            return Reason.of("ticket_valid", numbers=numbers)
        case TicketFinding.NONE:
            return Reason.of("ticket_none")
        case TicketFinding.EXPIRED:
            return Reason.of("ticket_expired", numbers=numbers)
        case TicketFinding.WRONG_PLACE:
            return Reason.of("ticket_wrong_place", numbers=numbers)
        case TicketFinding.WRONG_CREW:
            return Reason.of("ticket_wrong_crew", numbers=numbers)
        case TicketFinding.QUESTIONABLE:
            return Reason.of("ticket_questionable", numbers=numbers)
