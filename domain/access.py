"""Who may ask for what. Checked by the core; pages only hide what would be refused."""

from typing import Final

from domain.paperwork import Role
from domain.requests import (
    AcknowledgeAlarm,
    AcknowledgeIncident,
    AnswerConsultation,
    AnswerNotice,
    ChangeLimit,
    ChangePassword,
    CloseIncident,
    DecideApproval,
    EndWithholding,
    HangTag,
    JudgeReview,
    LogCall,
    MoveTicket,
    OpenTicket,
    ProposeCredit,
    ProposeReversal,
    ProposeSite,
    PutRationalisations,
    PutUser,
    RemoveTag,
    ReportFinding,
    Request,
    ResetAlarm,
    RetryNotice,
    ShelveAlarm,
    SilenceAlarm,
    SilenceIncident,
    SwitchCampaign,
    TakeOutOfService,
)

# the command line on this machine, which whoever owns the data folder may use (the socket is 0600)
LOCAL_OPERATOR: Final = "local"
# the judge process: it reports findings and may do nothing else
JUDGE: Final = "judge"
# the signed link in a notice: whoever was told acknowledges with it and may do nothing else
NOTICE: Final = "notice"
# names that no person may have
RESERVED: Final = frozenset({LOCAL_OPERATOR, JUDGE, NOTICE})

_EVERYBODY: Final = frozenset(Role)
_DUTY: Final = frozenset({Role.ADMINISTRATOR, Role.DISPATCHER, Role.DUTY})
# an administrator keeps the machine; he judges nobody for that
_JUDGES: Final = frozenset({Role.SAFETY_MANAGER, Role.PARTY_OFFICER})
_DISPATCH: Final = frozenset({Role.DISPATCHER})
_SAFETY: Final = frozenset({Role.ADMINISTRATOR, Role.SAFETY_MANAGER})
_ADMINISTRATOR: Final = frozenset({Role.ADMINISTRATOR})

ALLOWED: Final[dict[type[Request], frozenset[Role]]] = {
    AcknowledgeIncident: _DUTY,
    SilenceIncident: _DUTY,
    CloseIncident: _DUTY,
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
    DecideApproval: _SAFETY | _DISPATCH,  # a site version is for the safety managers: linkage.desk
    PutUser: _ADMINISTRATOR,
    ChangePassword: _EVERYBODY,
    ReportFinding: frozenset(),  # no person: the judge process is not one
    AnswerConsultation: _DUTY | _SAFETY,
    AnswerNotice: _DUTY,
    LogCall: _DUTY,
    RetryNotice: _DUTY,
}


def may(roles: frozenset[Role], request: type[Request]) -> bool:
    return bool(roles & ALLOWED[request])
