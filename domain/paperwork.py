"""Shared pieces around the work: tickets, tags, approvals, users. Moves return the next version."""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from domain.ids import AssetId, PersonId, TeamId
from domain.incidents import IllegalMove


class TicketType(StrEnum):
    """DOMAIN C2."""

    WORK_1 = "work_1"  # 第一种工作票
    WORK_2 = "work_2"
    EMERGENCY_REPAIR = "emergency_repair"
    OPERATION = "operation"


class TicketState(StrEnum):
    ISSUED = "issued"
    PERMITTED = "permitted"
    WORKING = "working"
    INTERRUPTED = "interrupted"
    ENDED = "ended"
    VOID = "void"


_MOVES: dict[TicketState, frozenset[TicketState]] = {
    TicketState.ISSUED: frozenset({TicketState.PERMITTED, TicketState.VOID}),
    TicketState.PERMITTED: frozenset({TicketState.WORKING, TicketState.ENDED, TicketState.VOID}),
    TicketState.WORKING: frozenset({TicketState.INTERRUPTED, TicketState.ENDED}),
    TicketState.INTERRUPTED: frozenset({TicketState.WORKING, TicketState.ENDED}),
    TicketState.ENDED: frozenset(),
    TicketState.VOID: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A permit to work or a switching order at a place, for a crew and a time."""

    ticket_id: UUID
    number: str  # 柳塬变-Ⅰ-2026-11-003, as people call it
    type: TicketType
    task: str
    station: str
    asset_ids: tuple[AssetId, ...]  # empty: the whole station
    team_id: TeamId
    leader: PersonId
    from_us: int
    to_us: int
    created_by: str
    state: TicketState = TicketState.ISSUED
    changed_at_us: int = 0
    version: int = 1

    @property
    def may_become(self) -> frozenset[TicketState]:
        return _MOVES[self.state]

    @property
    def is_open(self) -> bool:
        return bool(_MOVES[self.state])

    def permits_work(self, asset_id: AssetId, station: str, at_us: int) -> bool:
        """Whether work (or switching) at the asset is covered at that moment."""
        return (
            self.state in {TicketState.PERMITTED, TicketState.WORKING}
            and self.from_us <= at_us < self.to_us
            and (asset_id in self.asset_ids or (not self.asset_ids and station == self.station))
        )

    def moved(self, state: TicketState, at_us: int) -> "Ticket":
        if state not in self.may_become:
            raise IllegalMove(f"ticket {self.number} is {self.state}: it cannot become {state}")
        return replace(self, state=state, changed_at_us=at_us, version=self.version + 1)


class TagKind(StrEnum):
    """DOMAIN G1: what hangs on a device changes what its signals do."""

    MAINTENANCE = "maintenance"  # 检修
    DRIVE_TEST = "drive_test"  # 传动试验
    SUPPLY_SECURITY = "supply_security"  # 保电
    DEFECT = "defect"  # 缺陷
    BLOCKED = "blocked"  # 封锁
    SUPPRESSED = "suppressed"  # 抑制告警
    EARTHED = "earthed"  # 接地线: a portable earth, by its number; it changes no signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    tag_id: UUID
    kind: TagKind
    asset_id: AssetId
    note: str
    hung_by: str
    hung_at_us: int
    ticket_id: UUID | None = None
    whole_bay: bool = False  # it speaks for every device of the bay
    number: str = ""  # of a portable earth: there is one of it at a station
    until_us: int | None = None  # when it should be off again
    forgotten_at_us: int | None = None  # since when it should have been, once that was told
    removed_by: str | None = None
    removed_at_us: int | None = None
    version: int = 1

    @property
    def hangs(self) -> bool:
        return self.removed_at_us is None

    @property
    def covers_bay(self) -> bool:
        """A drive test moves everything in the bay, whatever device the tag hangs on."""
        return self.whole_bay or self.kind is TagKind.DRIVE_TEST

    def forgotten(self, since_us: int) -> "Tag":
        return replace(self, forgotten_at_us=since_us, version=self.version + 1)

    def removed(self, by: str, at_us: int) -> "Tag":
        if not self.hangs:
            raise IllegalMove(f"tag {self.tag_id} was removed already")
        return replace(self, removed_by=by, removed_at_us=at_us, version=self.version + 1)


class ApprovalState(StrEnum):
    PROPOSED = "proposed"
    EFFECTIVE = "effective"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A change that waits for a second person. `subject` and `subject_id` say what takes effect."""

    approval_id: UUID
    subject: str  # "site"
    subject_id: str  # version number of the site
    summary: tuple[str, ...]  # the difference, one line each
    proposed_by: str
    proposed_at_us: int
    state: ApprovalState = ApprovalState.PROPOSED
    decided_by: str | None = None
    decided_at_us: int | None = None
    words: str = ""
    version: int = 1

    def decided(self, effective: bool, by: str, at_us: int, words: str) -> "Approval":
        """Raises IllegalMove for the proposer himself, and when it was decided already."""
        if self.state is not ApprovalState.PROPOSED:
            raise IllegalMove(f"approval {self.approval_id} is already {self.state}")
        if effective and by == self.proposed_by:
            raise IllegalMove("a second person must approve: not the one who proposed it")
        return replace(
            self,
            state=ApprovalState.EFFECTIVE if effective else ApprovalState.REJECTED,
            decided_by=by,
            decided_at_us=at_us,
            words=words,
            version=self.version + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteVersion:
    """One version of the site folder: its files as they were written, comments and all."""

    number: int
    files: bytes  # zlib of JSON {path: text}; service.site.versions packs and unpacks it
    digest: str  # sha256 of `files`
    state: ApprovalState
    proposed_by: str
    proposed_at_us: int
    effective_at_us: int | None = None


class Role(StrEnum):
    ADMINISTRATOR = "administrator"
    DISPATCHER = "dispatcher"
    DUTY = "duty"  # on duty at a station or in a crew
    SAFETY_MANAGER = "safety_manager"
    PARTY_OFFICER = "party_officer"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who may sign in. `stations` bounds what he sees and may do; empty: everything."""

    name: str
    password: str  # service.passwords: scrypt, salted
    roles: frozenset[Role]
    person_id: PersonId | None = None
    stations: frozenset[str] = frozenset()
    language: str = "zh-CN"
    disabled: bool = False
    must_change: bool = False  # the first password was printed or told
    version: int = 1

    def in_scope(self, station: str) -> bool:
        return not self.stations or station in self.stations
