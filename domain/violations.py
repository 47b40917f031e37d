"""Violations that a machine may propose (DOMAIN C6), and what the tickets say to them.

A proposal is never a judgement: it waits for a person, and it names a rule and a camera, never somebody.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from domain.assets import Priority
from domain.ids import AssetId, TeamId, event_id
from domain.incidents import IllegalMove
from domain.paperwork import Ticket, TicketState, TicketType


class Code(StrEnum):
    """The codes of DOMAIN C6 that are implemented; DIST-01 is ours, C6 gives the distance none."""

    NO_HELMET = "PPE-01"
    NO_VEST = "PPE-02"
    IN_ZONE = "ZONE-01"
    NO_PLAN = "ZONE-02"
    ALONE = "ALONE-01"
    TOO_NEAR = "DIST-01"
    # our net sees none of these; another maker's box may
    SMOKING = "SMOKE-01"
    PHONE = "PHONE-01"
    FIRE = "FIRE-01"


LEVELS: Final[dict[Code, Priority]] = {
    Code.NO_HELMET: Priority.MAJOR,
    Code.NO_VEST: Priority.NOTICE,
    Code.IN_ZONE: Priority.URGENT,
    Code.NO_PLAN: Priority.URGENT,
    Code.ALONE: Priority.MAJOR,
    Code.TOO_NEAR: Priority.URGENT,
    Code.SMOKING: Priority.MAJOR,
    Code.PHONE: Priority.MAJOR,
    Code.FIRE: Priority.URGENT,
}


ONLY_OF_BOXES: Final = frozenset({Code.SMOKING, Code.PHONE, Code.FIRE})


class TicketFinding(StrEnum):
    """What the tickets say to somebody at a place and a moment."""

    VALID = "valid"
    NONE = "none"
    EXPIRED = "expired"
    WRONG_PLACE = "wrong_place"
    WRONG_CREW = "wrong_crew"
    QUESTIONABLE = "questionable"  # the tickets cannot be asked, or theirs does not say yes or no


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a camera looks. Without an asset it is the whole station."""

    station: str
    asset_id: AssetId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketAnswer:
    finding: TicketFinding
    numbers: tuple[str, ...] = ()  # of the tickets that it goes by
    lone_work: bool = False  # one person may do this work

    @property
    def permits(self) -> bool:
        return self.finding is TicketFinding.VALID

    @property
    def is_certain(self) -> bool:
        return self.finding is not TicketFinding.QUESTIONABLE


CANNOT_BE_ASKED: Final = TicketAnswer(finding=TicketFinding.QUESTIONABLE)


class Tickets(Protocol):
    """Every rule asks it before it proposes. It answers at once, out of memory, and never raises."""

    def answer(self, place: Place, at_us: int, team_id: TeamId | None = None) -> TicketAnswer:
        """`team_id`: who is known to be there, by badge or door; a camera knows nobody."""
        ...


# work on which one person may be alone; a second kind ticket needs no dead equipment (D)
LONE_WORK: Final = frozenset({TicketType.WORK_2})
_EXPIRED_AT_MOST_US: Final = 24 * 3_600_000_000  # an older one explains nobody's presence


def answer_from(
    tickets: Iterable[Ticket], place: Place, at_us: int, team_id: TeamId | None = None
) -> TicketAnswer:
    """The most favourable of what the station's tickets say; without one of the station, NONE."""
    told: dict[TicketFinding, list[Ticket]] = {}
    for ticket in tickets:
        if (finding := _says(ticket, place, at_us, team_id)) is not None:
            told.setdefault(finding, []).append(ticket)
    for finding in _MOST_FAVOURABLE_FIRST:
        if found := told.get(finding):
            return TicketAnswer(
                finding=finding,
                numbers=tuple(sorted(each.number for each in found)),
                lone_work=all(each.type in LONE_WORK for each in found),
            )
    return TicketAnswer(finding=TicketFinding.NONE)


_MOST_FAVOURABLE_FIRST: Final = (
    TicketFinding.VALID,
    TicketFinding.QUESTIONABLE,
    TicketFinding.WRONG_CREW,
    TicketFinding.EXPIRED,
    TicketFinding.WRONG_PLACE,
)


def _says(ticket: Ticket, place: Place, at_us: int, team_id: TeamId | None) -> TicketFinding | None:
    """None: it has nothing to do with this place and moment."""
    if ticket.station != place.station or ticket.state is TicketState.VOID:
        return None
    if at_us < ticket.from_us or at_us >= ticket.to_us + _EXPIRED_AT_MOST_US:
        return None
    here = not ticket.asset_ids or place.asset_id is None or place.asset_id in ticket.asset_ids
    if not here:
        return TicketFinding.WRONG_PLACE if at_us < ticket.to_us else None
    if at_us >= ticket.to_us or ticket.state is TicketState.ENDED:
        return TicketFinding.EXPIRED
    if ticket.state not in {TicketState.PERMITTED, TicketState.WORKING}:
        # issued and not yet permitted, or interrupted: people may be on their way in or out
        return TicketFinding.QUESTIONABLE
    if team_id is not None and team_id != ticket.team_id:
        return TicketFinding.WRONG_CREW
    return TicketFinding.VALID


def event_of(site: str, proposal: "Proposal") -> UUID:
    """The alarm of a proposal."""
    return event_id(site, str(proposal.proposal_id), proposal.code, proposal.began_at_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One violation as one camera saw it. Frozen; a later view of the same one is a later version."""

    proposal_id: (
        UUID  # from camera, code, track and beginning: a second look at the film gives the same
    )
    camera: str
    code: Code
    track: int
    place: Place
    level: Priority
    began_at_us: int  # first frame that showed it
    proposed_at_us: int  # when it had lasted long enough
    score: float  # of the net, 0 to 1
    box: tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels of the frame
    ticket: TicketAnswer
    zone: str = ""  # name of the polygon
    clearance_m: float | None = None  # to the live part, of DIST-01
    error_m: float | None = None  # of that distance
    limit_m: float | None = None
    certain: bool = True  # False: a ticket or a distance within its error might excuse it
    last_seen_us: int = 0
    ended_at_us: int | None = None
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.ended_at_us is None

    @property
    def is_hint(self) -> bool:
        """Shown beside others, never spoken, never counted."""
        return self.code is Code.NO_VEST

    @property
    def speaks(self) -> bool:
        """发现即制止: it is said aloud before anybody judges it."""
        return self.level is Priority.URGENT and self.certain and not self.is_hint

    @property
    def dwell_us(self) -> int:
        """How long it was seen."""
        return self.last_seen_us - self.began_at_us

    def seen_again(self, at_us: int) -> "Proposal":
        return replace(self, last_seen_us=at_us)

    def ended(self, at_us: int) -> "Proposal":
        if not self.is_open:
            raise IllegalMove(f"proposal {self.proposal_id} has ended already")
        return replace(self, ended_at_us=at_us, version=self.version + 1)
