"""What people arrange beside the site: leave, delegation, swaps, planned days, holidays, moves, hand-overs.

Each is a record that lies over the site version from the moment it is known. It never reaches back: a
question about the past keeps the answer that was right then, also after it was undone.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from domain.ids import AssetId, PersonId, TeamId, ZoneId
from domain.incidents import IllegalMove
from domain.organisation import Holiday, Validity
from domain.paperwork import ApprovalState
from domain.responsibility import Kind


class ArrangementKind(StrEnum):
    LEAVE = "leave"  # 请假
    DELEGATION = "delegation"  # 委托
    SWAP = "swap"  # 换班
    PLANNED = "planned"  # 排班调整
    HOLIDAY = "holiday"  # 节假日
    MOVE = "move"  # 调动
    HANDOVER = "handover"  # 责任区交接
    WORK_SITE = "work_site"  # 工作现场


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """The named deputy stands in wherever the person would act."""

    person_id: PersonId
    deputy: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """`to` acts where `of` would: in one zone or in all, for one kind or for all."""

    of: PersonId
    to: PersonId
    zone_id: ZoneId | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One person's part in a shift of a duty day."""

    person_id: PersonId
    duty_date: date
    shift: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """`by` takes the turn `given`, and may give one of his in return."""

    roster_id: str
    given: Turn
    by: PersonId
    returned: Turn | None = None  # a turn of `by`

    @property
    def handed(self) -> tuple[tuple[Turn, PersonId], ...]:
        """The turns that change hands, each with who takes it."""
        given = (self.given, self.by)
        return (given, (self.returned, self.given.person_id)) if self.returned else (given,)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDay:
    """The shifts of one person on one duty day, whatever the cycle says; none is rest."""

    person_id: PersonId
    duty_date: date
    shifts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDays:
    """One sheet of changes to a roster."""

    roster_id: str
    days: tuple[PlannedDay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A person works in another team from then on; with it may come another zone and another crew."""

    person_id: PersonId
    team_id: TeamId
    zone_id: ZoneId | None = None  # None: he stays in the zone of before
    roster_id: str = ""
    crew_id: str = ""  # of that roster; empty: he turns with none


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """Another owner of a zone from then on."""

    zone_id: ZoneId
    owner: PersonId | None
    deputy: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSite:
    """While a ticket is permitted or worked on, its leader acts at these devices, inside their zone."""

    ticket_id: UUID
    number: str
    asset_ids: tuple[AssetId, ...]
    leader: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """One of the above, for a stretch of time. A move returns the next version."""

    arrangement_id: UUID
    from_us: int  # never before it was known
    until_us: int | None = None
    by: str  # who asked for it
    at_us: int  # when it was asked for
    leave: Absence | None = None
    delegation: Delegation | None = None
    swap: Swap | None = None
    planned: PlannedDays | None = None
    holiday: Holiday | None = None
    move: Move | None = None
    handover: Handover | None = None
    work_site: WorkSite | None = None
    private: str = ""  # why, for those whom it concerns and nobody else
    state: ApprovalState = ApprovalState.EFFECTIVE
    needs: tuple[PersonId, ...] = ()  # who must agree
    agreed: tuple[PersonId, ...] = ()
    ended_by: str | None = None
    ended_at_us: int | None = None
    version: int = 1

    def __post_init__(self) -> None:
        if sum(getattr(self, each.value) is not None for each in ArrangementKind) != 1:
            raise ValueError("an arrangement arranges exactly one thing")

    @property
    def kind(self) -> ArrangementKind:
        return next(each for each in ArrangementKind if getattr(self, each.value) is not None)

    @property
    def validity(self) -> Validity:
        """Empty where it was undone before it began, or nobody agreed."""
        if self.state is not ApprovalState.EFFECTIVE:
            return Validity(from_us=self.from_us, until_us=self.from_us)
        until_us = self.until_us
        if self.ended_at_us is not None:
            ended_us = max(self.from_us, self.ended_at_us)
            until_us = ended_us if until_us is None else min(until_us, ended_us)
        return Validity(from_us=self.from_us, until_us=until_us)

    def is_over(self, at_us: int) -> bool:
        """It will never hold again."""
        until_us = self.validity.until_us
        if self.state is ApprovalState.PROPOSED:
            return self.ended_at_us is not None
        return until_us is not None and until_us <= at_us

    @property
    def persons(self) -> tuple[PersonId, ...]:
        """Whom it is about."""
        found: tuple[PersonId | None, ...] = ()
        if self.leave:
            found = (self.leave.person_id, self.leave.deputy)
        elif self.delegation:
            found = (self.delegation.of, self.delegation.to)
        elif self.swap:
            found = (self.swap.given.person_id, self.swap.by)
        elif self.planned:
            found = tuple(dict.fromkeys(each.person_id for each in self.planned.days))
        elif self.move:
            found = (self.move.person_id,)
        elif self.handover:
            found = (self.handover.owner, self.handover.deputy)
        elif self.work_site:
            found = (self.work_site.leader,)
        return tuple(each for each in found if each is not None)

    def agreed_by(self, person: PersonId, at_us: int) -> "Arrangement":
        """With the last agreement it is effective, and not before."""
        if self.state is not ApprovalState.PROPOSED or person not in self.needs:
            raise IllegalMove(f"arrangement {self.arrangement_id} does not wait for {person}")
        agreed = (*self.agreed, person) if person not in self.agreed else self.agreed
        if set(agreed) < set(self.needs):
            return self._next(agreed=agreed)
        return self._next(
            agreed=agreed, state=ApprovalState.EFFECTIVE, from_us=max(self.from_us, at_us)
        )

    def rejected(self) -> "Arrangement":
        return self._next(state=ApprovalState.REJECTED)

    def ended(self, by: str, at_us: int) -> "Arrangement":
        """Undone: from here on it never was, and until here it was."""
        if self.ended_at_us is not None:
            raise IllegalMove(f"arrangement {self.arrangement_id} has ended already")
        return self._next(ended_by=by, ended_at_us=at_us)

    def _next(self, **changes: object) -> "Arrangement":
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]
