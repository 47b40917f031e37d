"""Who may ask for what. Checked by the core; pages only hide what would be refused."""

from typing import Final, get_args

from domain.arrangements import Arrangement
from domain.ids import PersonId
from domain.outage_requests import OutageRequest
from domain.paperwork import Role, User
from domain.requests import (
    AcknowledgeAlarm,
    AcknowledgeIncident,
    AnswerConsultation,
    AnswerNotice,
    CallDevice,
    ChangeLimit,
    ChangePassword,
    CloseIncident,
    DecideApproval,
    Delegate,
    EndArrangement,
    EndWithholding,
    HandOverZone,
    HangTag,
    JudgeReview,
    LogCall,
    MarkHoliday,
    MergeIncident,
    MovePerson,
    MoveTicket,
    NoteHandover,
    OpenTicket,
    PlanDays,
    ProposeCredit,
    ProposeReversal,
    ProposeSite,
    ProposeSwap,
    ProposeViolation,
    PutRationalisations,
    PutUser,
    RefuseHandover,
    RefuseProposal,
    RegroupIncident,
    RemoveTag,
    ReportCamera,
    ReportFinding,
    Request,
    ResetAlarm,
    RetryNotice,
    ShelveAlarm,
    SignHandover,
    SilenceAlarm,
    SilenceIncident,
    SplitIncident,
    StopDevice,
    SwitchCampaign,
    TakeLeave,
    TakeOutOfService,
    TakeOver,
    TryDevice,
    ViewEvidence,
    WriteLog,
)
from domain.review_requests import (
    IssueRectification,
    MarkDuplicates,
    ReportByHand,
    ReportRectified,
    SeeReviews,
    VerifyRectification,
)

# the command line on this machine, which whoever owns the data folder may use (the socket is 0600)
LOCAL_OPERATOR: Final = "local"
# the judge process: it reports findings and may do nothing else
JUDGE: Final = "judge"
VISION: Final = "vision"  # the process at the cameras
# the signed link in a notice: whoever was told acknowledges with it and may do nothing else
NOTICE: Final = "notice"
# names that no person may have
RESERVED: Final = frozenset({LOCAL_OPERATOR, JUDGE, VISION, NOTICE})

_EVERYBODY: Final = frozenset(Role)
_DUTY: Final = frozenset({Role.ADMINISTRATOR, Role.DISPATCHER, Role.DUTY})
# an administrator keeps the machine; he judges nobody for that
_JUDGES: Final = frozenset({Role.SAFETY_MANAGER, Role.PARTY_OFFICER})
_DISPATCH: Final = frozenset({Role.DISPATCHER})
_SAFETY: Final = frozenset({Role.ADMINISTRATOR, Role.SAFETY_MANAGER})
_OFFICERS: Final = frozenset({Role.ADMINISTRATOR, Role.SAFETY_MANAGER, Role.PARTY_OFFICER})
_ADMINISTRATOR: Final = frozenset({Role.ADMINISTRATOR})

ALLOWED: Final[dict[type[Request], frozenset[Role]]] = {
    AcknowledgeIncident: _DUTY,
    SilenceIncident: _DUTY,
    CloseIncident: _DUTY,
    MergeIncident: _DUTY,
    SplitIncident: _DUTY,
    RegroupIncident: _DUTY,
    CallDevice: _DUTY,
    TryDevice: _DUTY | _SAFETY,
    StopDevice: _DUTY,
    AcknowledgeAlarm: _DUTY,
    SilenceAlarm: _DUTY,
    ResetAlarm: _DUTY,
    ShelveAlarm: _DUTY,
    TakeOutOfService: _DUTY | _SAFETY,
    EndWithholding: _DUTY | _SAFETY,
    ChangeLimit: _DISPATCH | _SAFETY,
    SwitchCampaign: _DISPATCH | _SAFETY,
    PutRationalisations: _DISPATCH | _SAFETY,
    JudgeReview: _JUDGES,
    ProposeCredit: _JUDGES | _DUTY,
    ProposeReversal: _JUDGES,
    OpenTicket: _DUTY | _SAFETY,
    MoveTicket: _DUTY | _SAFETY,
    HangTag: _DUTY | _SAFETY,
    RemoveTag: _DUTY | _SAFETY,
    ProposeSite: _SAFETY,
    DecideApproval: _EVERYBODY,  # each subject has its own: may_decide, and whom a swap concerns
    PutUser: _ADMINISTRATOR,
    ChangePassword: _EVERYBODY,
    ReportFinding: frozenset(),  # no person: the judge process is not one
    ReportCamera: frozenset(),
    ProposeViolation: frozenset(),
    RefuseProposal: frozenset(),
    ViewEvidence: _DUTY | _SAFETY,
    AnswerConsultation: _DUTY | _SAFETY,
    **dict.fromkeys(get_args(OutageRequest), _DUTY),
    MarkDuplicates: _JUDGES,
    SeeReviews: _EVERYBODY,
    ReportByHand: _EVERYBODY,  # whoever sees a danger may say so
    IssueRectification: _SAFETY,
    ReportRectified: _DUTY | _SAFETY,
    VerifyRectification: _SAFETY,
    AnswerNotice: _DUTY,
    LogCall: _DUTY,
    RetryNotice: _DUTY,
    WriteLog: _DUTY | _SAFETY,
    NoteHandover: _DUTY,
    SignHandover: _DUTY,
    TakeOver: _DUTY,
    RefuseHandover: _DUTY,
    TakeLeave: _DUTY | _SAFETY,
    Delegate: _DUTY | _SAFETY,
    ProposeSwap: _DUTY | _SAFETY,
    PlanDays: _DUTY | _SAFETY,
    MarkHoliday: _DISPATCH | _SAFETY,
    MovePerson: _OFFICERS,
    HandOverZone: _OFFICERS,
    EndArrangement: _DUTY | _OFFICERS,  # and who may have asked for one of its kind
}
# whose word an approval of this subject waits for
_DECIDES: Final[dict[str, frozenset[Role]]] = {
    "site": _SAFETY,
    "swap": _EVERYBODY,  # it is for the persons whom it names
}


def may(roles: frozenset[Role], request: type[Request]) -> bool:
    return bool(roles & ALLOWED[request])


def may_know_why(user: User, arrangement: Arrangement, lead: PersonId | None) -> bool:
    """Why somebody is on leave: himself, who wrote it down, and who leads his team (DOMAIN G4)."""
    if not arrangement.private or arrangement.leave is None:
        return False
    if arrangement.by == user.name:
        return True
    return user.person_id is not None and user.person_id in (arrangement.leave.person_id, lead)


def may_decide(roles: frozenset[Role], subject: str) -> bool:
    """Of an approval."""
    return bool(roles & _DECIDES.get(subject, _SAFETY | _DISPATCH))
