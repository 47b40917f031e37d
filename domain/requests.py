"""What people ask the core to do. Each is journalled, decided in order, and kept in the audit with its
outcome; asking twice under one id does nothing twice."""

from dataclasses import dataclass
from uuid import UUID

from domain.alarms import Rationale
from domain.arrangements import Handover, Move, PlannedDays, Swap
from domain.assets import Condition, Priority
from domain.cameras import CameraState
from domain.credit import ReviewState
from domain.evidence import EvidenceFile
from domain.findings import AlarmMove, Cause, Finding
from domain.ids import AssetId, BoxId, CameraId, DeviceId, PersonId, TeamId, ZoneId
from domain.judgements import FoundBy, Named
from domain.limit_changes import LimitSetting
from domain.logbook import LogKind, PhoneOrder
from domain.notices import CallOutcome
from domain.organisation import Holiday
from domain.outage_requests import OutageRequest
from domain.paperwork import Role, TagKind, TicketState, TicketType
from domain.responsibility import Kind, Reason
from domain.review_requests import ReviewRequest
from domain.violations import Proposal


class Refused(Exception):
    """A request that cannot be done; the reason is for the person who asked."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeIncident:
    incident_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceIncident:
    """消音: the sirens that sound for it stop; the incident stays as it is."""

    incident_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseIncident:
    """While an alarm of it still stands only with a note that says why."""

    incident_id: UUID
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeIncident:
    """归并: it is listed beneath another, as its consequence."""

    incident_id: UUID
    into: UUID
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitIncident:
    """拆分: it stands for itself, whatever the correlation says."""

    incident_id: UUID
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegroupIncident:
    """A merge or split is taken back: what the correlation says counts again."""

    incident_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDevice:
    """A field device acts by hand; where the site says so, once a second person has agreed."""

    device_id: DeviceId
    action: str
    words: str  # what it shows or speaks; of a camera the preset
    priority: Priority = Priority.MAJOR


@dataclass(frozen=True, slots=True, kw_only=True)
class TryDevice:
    """It acts for a few seconds; its confirmation is the record of the test."""

    device_id: DeviceId


@dataclass(frozen=True, slots=True, kw_only=True)
class StopDevice:
    """Whatever it was asked for ends: it falls silent, a door is free again."""

    device_id: DeviceId


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAlarm:
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceAlarm:
    """消音: what sounds for this one stops."""

    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetAlarm:
    """Of a latched one that has returned and was acknowledged."""

    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelveAlarm:
    """定时屏蔽: it comes back by itself when the time is over."""

    point: str
    condition: Condition
    reason: str
    for_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOutOfService:
    """For as long as the ticket is open. Without a condition: every one of the point."""

    point: str
    ticket_id: UUID
    reason: str
    condition: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndWithholding:
    """Off the shelf, or back in service, before its time."""

    withholding_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLimit:
    """Of one condition of one point; for level 1 and 2 it waits for a second person."""

    setting: LimitSetting
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchCampaign:
    """Begin or end a mode that has no days of its own."""

    mode_id: str
    is_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PutRationalisations:
    """Why these alarms exist and what is to be done; one at a time, or from a workbook."""

    entries: tuple[Rationale, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeReview:
    review_id: UUID
    verdict: ReviewState  # confirmed, rejected or sent_back
    words: str  # needed to reject or send back
    # of a violation that is confirmed: who, in what role, by which clause, found by whom
    named: tuple[Named, ...] = ()
    clause: str = ""
    found_by: FoundBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeCredit:
    """By hand, from the rule book's items with trigger by_hand."""

    item_id: str
    person_id: PersonId
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeReversal:
    entry_id: UUID
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTicket:
    number: str
    type: TicketType
    task: str
    station: str
    asset_ids: tuple[AssetId, ...]
    team_id: TeamId
    leader: PersonId
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTicket:
    ticket_id: UUID
    state: TicketState


@dataclass(frozen=True, slots=True, kw_only=True)
class HangTag:
    kind: TagKind
    asset_id: AssetId
    note: str = ""
    ticket_id: UUID | None = None
    whole_bay: bool = False
    number: str = ""  # of a portable earth, whose place is the note
    until_us: int | None = None  # when it should be off again; beyond that it is an alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveTag:
    tag_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeSite:
    """A new version of the site folder, checked by who proposes it and again before it is used."""

    files: bytes
    digest: str
    summary: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideApproval:
    approval_id: UUID
    approve: bool
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutUser:
    """Adds a user or changes one. An empty password leaves the one that stands."""

    name: str
    password: str
    roles: frozenset[Role]
    person_id: PersonId | None = None
    stations: frozenset[str] = frozenset()
    language: str = "zh-CN"
    disabled: bool = False
    must_change: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword:
    """One's own."""

    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFinding:
    """From the judge process alone: a finding is new, has changed or is over."""

    finding: Finding
    alarm: AlarmMove
    signal: str  # the words for it in the alarm list: 过热


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerConsultation:
    """会诊: a person says what it was. Kept as a case and shown with the next like it."""

    finding_id: UUID
    cause: Cause
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerNotice:
    """Who was told takes it: by the link in the text, or by the code that he reads out. It acknowledges the
    incident as that person."""

    notice_id: UUID
    incident_id: UUID
    asset_id: AssetId
    person_id: PersonId
    via: str  # "link" or "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCall:
    """What became of a telephone call. Read back, it acknowledges the incident as the person called."""

    notice_id: UUID
    escalation_id: UUID
    step: int
    incident_id: UUID
    asset_id: AssetId
    person_id: PersonId
    outcome: CallOutcome
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryNotice:
    """Send what failed once more."""

    notice_id: UUID
    asset_id: AssetId


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLog:
    """A line of the operation log; one that corrects another names it."""

    station: str  # or domain.logbook.DISPATCH_ROOM
    kind: LogKind
    at_us: int
    text: str
    order: PhoneOrder | None = None
    corrects: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteHandover:
    """What the outgoing shift has to say; kept until it signs."""

    watch_id: UUID
    notes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignHandover:
    """By the outgoing shift, for this page: it is kept to the letter."""

    watch_id: UUID
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """By the incoming shift, for the page of this hash."""

    watch_id: UUID
    page_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseHandover:
    """By the incoming shift: the old one goes on answering."""

    watch_id: UUID
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeLeave:
    """`private`: why; kept for those whom it concerns, in no audit."""

    person_id: PersonId
    from_us: int
    until_us: int
    deputy: PersonId | None = None
    private: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """`to` acts where `of` would."""

    of: PersonId
    to: PersonId
    from_us: int
    until_us: int
    zone_id: ZoneId | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeSwap:
    """Effective when both persons and the duty lead have agreed."""

    swap: Swap


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDays:
    """Shifts of single days, one at a time or from a workbook."""

    planned: PlannedDays


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkHoliday:
    holiday: Holiday


@dataclass(frozen=True, slots=True, kw_only=True)
class MovePerson:
    move: Move
    from_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverZone:
    handover: Handover
    from_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndArrangement:
    """Undo: from now on it does not hold; what it was until now stays."""

    arrangement_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCamera:
    """From the vision process alone: a camera does not see, or (with `ended_at_us`) sees again."""

    camera_id: CameraId
    asset_id: AssetId
    signal: str  # the words for it in the alarm list: 1号摄像机 无画面
    state: CameraState
    began_at_us: int
    ended_at_us: int | None = None
    reason: str = ""  # of a dead one: what it answers


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeViolation:
    """From the vision process alone: what a camera saw, for a person to judge. Told again it has more
    evidence, or has ended."""

    proposal: Proposal
    asset_id: AssetId
    camera: str  # its name, for people
    text: str  # of the rule, as the site words it
    model: str = ""
    files: tuple[EvidenceFile, ...] = ()
    box: str = ""  # name of the other maker's box that told it; "": our own eyes


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseProposal:
    """From the vision process alone: what another maker's box sent cannot be used. A dead letter."""

    box_id: BoxId
    reason: str  # a fixed snake_case word: "unknown_camera"
    detail: str  # one sentence for a person
    topic: str  # where it can be sent again after mending
    payload: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewEvidence:
    """Somebody looks at a picture of people: the audit keeps who, when and which."""

    review_id: UUID
    sha256: str


Request = (
    AcknowledgeIncident
    | SilenceIncident
    | CloseIncident
    | MergeIncident
    | SplitIncident
    | RegroupIncident
    | CallDevice
    | TryDevice
    | StopDevice
    | AcknowledgeAlarm
    | SilenceAlarm
    | ResetAlarm
    | ShelveAlarm
    | TakeOutOfService
    | EndWithholding
    | ChangeLimit
    | SwitchCampaign
    | PutRationalisations
    | JudgeReview
    | ProposeCredit
    | ProposeReversal
    | OpenTicket
    | MoveTicket
    | HangTag
    | RemoveTag
    | ProposeSite
    | DecideApproval
    | PutUser
    | ChangePassword
    | ReportFinding
    | AnswerConsultation
    | ReportCamera
    | ProposeViolation
    | RefuseProposal
    | ViewEvidence
    | AnswerNotice
    | LogCall
    | RetryNotice
    | WriteLog
    | NoteHandover
    | SignHandover
    | TakeOver
    | RefuseHandover
    | TakeLeave
    | Delegate
    | ProposeSwap
    | PlanDays
    | MarkHoliday
    | MovePerson
    | HandOverZone
    | EndArrangement
    | OutageRequest
    | ReviewRequest
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """A request and what became of it: one line of the audit."""

    request_id: UUID
    at_us: int
    actor: str
    request: Request
    done: bool
    why: Reason | None = None  # of a refusal
    subject: str = ""  # id of what it changed or made
