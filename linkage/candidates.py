"""Who may have been meant by a proposal: the crew of the ticket at that place and time, then who was on duty,
then somebody of a contractor whom nobody knows. Nobody is named by this: the judge names (DOMAIN D7)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from domain.ids import AssetId, PersonId
from domain.judgements import WorkRole
from domain.organisation import Organisation
from domain.paperwork import Ticket


class Why(StrEnum):
    CREW = "crew"
    ON_DUTY = "on_duty"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    person_id: PersonId | None
    why: Why
    role: WorkRole = WorkRole.DOER  # likely in the work
    ticket: str = ""  # its number


STRANGER = Candidate(person_id=None, why=Why.UNKNOWN)


def candidates(
    organisation: Organisation,
    tickets: Iterable[Ticket],
    on_duty: Iterable[PersonId],
    asset_id: AssetId | None,
    at_us: int,
) -> tuple[Candidate, ...]:
    """`tickets` of the station at that moment. Each person once, by what makes him most likely."""
    found: dict[PersonId | None, Candidate] = {}
    for each in _in_order(organisation, tickets, on_duty, asset_id, at_us):
        found.setdefault(each.person_id, each)
    return tuple(found.values())


def _in_order(
    organisation: Organisation,
    tickets: Iterable[Ticket],
    on_duty: Iterable[PersonId],
    asset_id: AssetId | None,
    at_us: int,
) -> Iterator[Candidate]:
    for ticket in tickets:
        here = not ticket.asset_ids or asset_id is None or asset_id in ticket.asset_ids
        if here and ticket.from_us <= at_us < ticket.to_us:
            yield from _crew(organisation, ticket, at_us)
    for person in on_duty:
        yield Candidate(person_id=person, why=Why.ON_DUTY)
    yield STRANGER


def _crew(organisation: Organisation, ticket: Ticket, at_us: int) -> Iterator[Candidate]:
    yield Candidate(
        person_id=ticket.leader, why=Why.CREW, role=WorkRole.WORK_LEADER, ticket=ticket.number
    )
    for placement in organisation.placements:
        if placement.team_id == ticket.team_id and placement.validity.covers(at_us):
            yield Candidate(person_id=placement.person_id, why=Why.CREW, ticket=ticket.number)
