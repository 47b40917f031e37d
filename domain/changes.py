"""What one decision changes in the records. Everything in it commits together or not at all."""

from dataclasses import dataclass, field, fields
from uuid import UUID

from domain.alarms import Alarm, Flood, Rationalisation, Withholding
from domain.arrangements import Arrangement
from domain.commands import DeviceCare, DeviceCommand, OutboxItem
from domain.credit import CreditEntry, ReviewItem, ReviewMark
from domain.deadlines import Deadline
from domain.disturbances import Disturbance
from domain.events import Event
from domain.findings import Case, Finding
from domain.handover import SignedPage, Watch
from domain.incidents import Incident
from domain.limit_changes import Campaign, LimitChange
from domain.logbook import LogEntry
from domain.notices import Escalation, Notice, NoticeMove
from domain.outages import EarthFault, Outage, PlannedOutage
from domain.outbound import Outbound
from domain.paperwork import Approval, SiteVersion, Tag, Ticket, User
from domain.records import DeadLetter
from domain.rectification import Rectification
from domain.requests import Handled


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxDone:
    """What became of one outbox item."""

    outbox_id: UUID
    at_us: int
    outcome: str  # "sent", "sent_before_recorded", "expired"


@dataclass(slots=True)
class Changes:
    """In the order of decision; a later version of the same thing replaces the earlier one."""

    events: list[Event] = field(default_factory=list)
    memberships: dict[UUID, UUID] = field(default_factory=dict)  # event -> the incident it joined
    incidents: list[Incident] = field(default_factory=list)
    disturbances: list[Disturbance] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    withholdings: list[Withholding] = field(default_factory=list)
    floods: list[Flood] = field(default_factory=list)
    limit_changes: list[LimitChange] = field(default_factory=list)
    campaigns: list[Campaign] = field(default_factory=list)
    rationalisations: list[Rationalisation] = field(default_factory=list)
    commands: list[DeviceCommand] = field(default_factory=list)
    device_cares: list[DeviceCare] = field(default_factory=list)
    outbox: list[OutboxItem] = field(default_factory=list)
    outbox_done: list[OutboxDone] = field(default_factory=list)
    reviews: list[ReviewItem] = field(default_factory=list)
    entries: list[CreditEntry] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    site_versions: list[SiteVersion] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    arrangements: list[Arrangement] = field(default_factory=list)
    handled: list[Handled] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    planned_outages: list[PlannedOutage] = field(default_factory=list)
    earth_faults: list[EarthFault] = field(default_factory=list)
    outbound: list[Outbound] = field(default_factory=list)
    escalations: list[Escalation] = field(default_factory=list)
    deadlines: list[Deadline] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    notice_moves: list[NoticeMove] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    pages: list[SignedPage] = field(default_factory=list)
    review_marks: list[ReviewMark] = field(default_factory=list)
    rectifications: list[Rectification] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in _LISTS)

    def extend(self, later: "Changes") -> None:
        self.memberships |= later.memberships
        for name in _LISTS:
            getattr(self, name).extend(getattr(later, name))


_LISTS = tuple(each.name for each in fields(Changes) if each.name != "memberships")
