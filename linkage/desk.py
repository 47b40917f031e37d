"""The desk: what people ask for is allowed or refused here, and becomes changes. Decisions only.

A request that comes again under its id changes nothing and gets the same answer.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from domain.access import (
    JUDGE,
    LOCAL_OPERATOR,
    NOTICE,
    RESERVED,
    VISION,
    may,
    may_decide,
)
from domain.alarms import Alarm, Flood, Rationalisation, Withholding
from domain.arrangements import Arrangement
from domain.assets import Condition
from domain.changes import Changes
from domain.commands import DeviceCare
from domain.credit import CreditEntry, ReviewItem, ReviewState
from domain.disturbances import Disturbance
from domain.events import AlarmRaised
from domain.findings import Case, Finding
from domain.handover import Watch
from domain.ids import AssetId, PersonId, PointKey, case_id, from_request
from domain.incidents import IllegalMove, Incident, IncidentState
from domain.limit_changes import Campaign, LimitChange
from domain.logbook import LogEntry
from domain.notices import Escalation
from domain.outage_requests import OutageRequest
from domain.paperwork import (
    Approval,
    ApprovalState,
    Role,
    SiteVersion,
    Tag,
    TagKind,
    Ticket,
    User,
)
from domain.records import PaperLearned, Requested
from domain.rectification import Rectification
from domain.requests import (
    AcknowledgeIncident,
    AnswerConsultation,
    AnswerNotice,
    ChangeLimit,
    ChangePassword,
    CloseIncident,
    DecideApproval,
    EndArrangement,
    Handled,
    HangTag,
    JudgeReview,
    MoveTicket,
    OpenTicket,
    ProposeCredit,
    ProposeReversal,
    ProposeSite,
    ProposeViolation,
    PutRationalisations,
    PutUser,
    Refused,
    RefuseProposal,
    RemoveTag,
    ReportCamera,
    ReportFinding,
    SilenceIncident,
    SwitchCampaign,
    ViewEvidence,
    WriteLog,
)
from domain.responsibility import Answer, Kind, Reason
from domain.review_requests import (
    IssueRectification,
    MarkDuplicates,
    ReportByHand,
    ReportRectified,
    SeeReviews,
    VerifyRectification,
)
from domain.violations import event_of
from linkage.alarm_desk import ALARM_REQUESTS, AlarmDesk
from linkage.arrangement_desk import (
    ARRANGEMENT_REQUESTS,
    BY_ITSELF,
    SWAP_SUBJECT,
    ArrangementDesk,
    ArrangementRequest,
)
from linkage.credit import CreditDesk
from linkage.device_desk import CALL_SUBJECT, DEVICE_REQUESTS, DeviceDesk
from linkage.grouping import GROUPING_REQUESTS, Grouping
from linkage.handover_desk import HANDOVER_REQUESTS, HandoverDesk
from linkage.incidents import OpenIncidents
from linkage.limit_desk import APPROVAL_SUBJECT, LimitDesk
from linkage.log_desk import LogDesk
from linkage.notice_desk import NOTICE_REQUESTS, NoticeDesk
from linkage.outages.book import HeldOutages
from linkage.outages.outages import Outages
from linkage.plan import LinkagePlan
from linkage.rectification_desk import RectificationDesk
from linkage.review_desk import ReviewDesk
from linkage.sightings import refused_letter
from linkage.tagging import EFFECTS, tags_on

Silence = Callable[[Incident, int, Changes], None]

# what the command line on this machine may do; judging people is not among it
_LOCAL: Final = User(
    name=LOCAL_OPERATOR, password="", roles=frozenset({Role.ADMINISTRATOR, Role.DISPATCHER})
)
# no persons: each may say what it is there for, and nothing else
_PROCESSES: Final = {
    (JUDGE, ReportFinding): User(name=JUDGE, password="", roles=frozenset()),
    (NOTICE, AnswerNotice): User(name=NOTICE, password="", roles=frozenset()),
    (VISION, ProposeViolation): User(name=VISION, password="", roles=frozenset()),
    (VISION, RefuseProposal): User(name=VISION, password="", roles=frozenset()),
    (VISION, ReportCamera): User(name=VISION, password="", roles=frozenset()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the records hold when linkage begins."""

    users: tuple[User, ...] = ()
    tickets: tuple[Ticket, ...] = ()  # open
    tags: tuple[Tag, ...] = ()  # hanging
    approvals: tuple[Approval, ...] = ()  # waiting
    site_versions: tuple[SiteVersion, ...] = ()
    reviews: tuple[ReviewItem, ...] = ()
    entries: tuple[CreditEntry, ...] = ()
    handled: Mapping[UUID, Handled] = field(default_factory=dict)  # of the last hours
    limit_changes: tuple[LimitChange, ...] = ()  # effective or waiting
    campaigns: tuple[Campaign, ...] = ()
    rationalisations: tuple[Rationalisation, ...] = ()
    alarms: tuple[Alarm, ...] = ()  # open
    withholdings: tuple[Withholding, ...] = ()  # that hold
    recent: tuple[AlarmRaised, ...] = ()  # of the last minutes, the oldest first
    recent_alarms: tuple[Alarm, ...] = ()  # of the last ten minutes, open or not
    floods: tuple[Flood, ...] = ()  # that last
    findings: tuple[Finding, ...] = ()  # standing, or waiting for a consultation
    escalations: tuple[Escalation, ...] = ()  # that go on
    watches: tuple[Watch, ...] = ()  # open, or handed over in the last days
    log: tuple[LogEntry, ...] = ()  # what people wrote in the last days, the oldest first
    arrangements: tuple[Arrangement, ...] = ()  # not over, or over for less than a month
    disturbances: tuple[Disturbance, ...] = ()  # of the last minutes
    device_cares: tuple[DeviceCare, ...] = ()
    outages: HeldOutages = field(default_factory=HeldOutages)
    rectifications: tuple[Rectification, ...] = ()


class Desk:
    """Holds users, tickets, tags, approvals and site versions; incidents are linkage's."""

    def __init__(
        self,
        plan: LinkagePlan,
        held: Held,
        incidents: OpenIncidents,
        credit: CreditDesk,
        silence: Silence,
        alarms: Callable[[], AlarmDesk],
        notices: Callable[[], NoticeDesk],
        outages: Callable[[], Outages],
        handover: HandoverDesk,
        log: LogDesk,
        arrangements: ArrangementDesk,
        grouping: Grouping,
        devices: DeviceDesk,
        answer: Callable[[AssetId, int, Kind], Answer],
    ) -> None:
        self._plan = plan
        self._answer = answer
        self._devices = devices
        self._grouping = grouping
        self._incidents = incidents
        self._credit = credit
        self._silence = silence
        self._alarm_desk = alarms  # it is made with what the desk holds
        self._notice_desk = notices  # likewise
        self._handover = handover
        self._log = log
        self._arrangements = arrangements
        self._outages = outages  # likewise
        self._users = {user.name: user for user in held.users}
        self._tickets = {ticket.ticket_id: ticket for ticket in held.tickets}
        self._tags = {tag.tag_id: tag for tag in held.tags}
        self._approvals = {each.approval_id: each for each in held.approvals}
        self._sites = {version.number: version for version in held.site_versions}
        self._handled = dict(held.handled)
        self._limits = LimitDesk(plan, held.limit_changes, held.campaigns)
        self._rationalisations = {
            (each.rationale.point, each.rationale.condition): each for each in held.rationalisations
        }
        self._reviews = ReviewDesk(plan, credit, answer)
        self._rectifications = RectificationDesk(plan, credit, self._reviews, held.rectifications)
        self._findings = {finding.finding_id: finding for finding in held.findings}

    def handle(self, asked: Requested) -> Changes:
        before = self._handled.get(asked.request_id)
        if before is not None:
            return Changes(handled=[before])
        changes = Changes()
        try:
            user = self._user(asked)
            subject, why = self._decide(asked, user, changes), None
        except Refused as refused:
            changes, subject, why = Changes(), "", refused.reason
        except IllegalMove as error:
            changes, subject, why = Changes(), "", Reason.of("not_possible", words=error)
        handled = Handled(
            request_id=asked.request_id,
            at_us=asked.at_us,
            actor=asked.actor,
            request=asked.request,
            done=why is None,
            why=why,
            subject=subject,
        )
        self._handled[asked.request_id] = handled
        changes.handled.append(handled)
        return changes

    def learn(self, paper: PaperLearned) -> None:
        """What another partition's desk decided. It is recorded already: nothing follows from it."""
        for user in paper.users:
            if _is_newer(user, self._users.get(user.name)):
                self._users[user.name] = user
        for ticket in paper.tickets:
            if not ticket.is_open:
                self._tickets.pop(ticket.ticket_id, None)
            elif _is_newer(ticket, self._tickets.get(ticket.ticket_id)):
                self._tickets[ticket.ticket_id] = ticket
        for tag in paper.tags:
            if not tag.hangs:
                self._tags.pop(tag.tag_id, None)
            elif _is_newer(tag, self._tags.get(tag.tag_id)):
                self._tags[tag.tag_id] = tag
        for approval in paper.approvals:
            if approval.state is ApprovalState.PROPOSED:
                self._approvals.setdefault(approval.approval_id, approval)
            else:
                self._approvals.pop(approval.approval_id, None)
        self._credit.learn(paper.reviews, paper.entries)
        self._handover.learn(paper.watches)
        self._arrangements.learn(paper.arrangements)

    @property
    def open_tickets(self) -> Iterable[Ticket]:
        return self._tickets.values()

    @property
    def hanging_tags(self) -> Iterable[Tag]:
        return self._tags.values()

    def user_of(self, person_id: PersonId) -> User | None:
        """Who signs in as this person."""
        users = (user for user in self._users.values() if user.person_id == person_id)
        return next(users, None) if person_id else None

    def action_of(self, point: str, condition: Condition) -> str:
        """What is to be done about an alarm, where somebody wrote it down."""
        written = self._rationalisations.get((PointKey(point), condition))
        return written.rationale.action if written else ""

    def acknowledge_incident(
        self, incident: Incident, by: str, at_us: int, changes: Changes
    ) -> str:
        """With its alarms, whoever says so in whose name."""
        self._alarm_desk().incident_acknowledged(incident, by, at_us, changes)
        return self.moved(incident.acknowledged(by, at_us), changes)

    def note_forgotten(self, tags: Iterable[Tag]) -> None:
        self._tags |= {tag.tag_id: tag for tag in tags}

    def earns_nothing(self, asset_id: AssetId) -> bool:
        """Under test or maintenance a signal is no fault."""
        hanging = tags_on(self._tags.values(), self._plan.asset(asset_id), self._plan.assets)
        return any(not EFFECTS[tag.kind].earns for tag in hanging)

    def forget_handled_before(self, at_us: int) -> None:
        while self._handled:
            request, handled = next(iter(self._handled.items()))
            if handled.at_us >= at_us:
                return
            del self._handled[request]

    def _user(self, asked: Requested) -> User:
        if (process := _PROCESSES.get((asked.actor, type(asked.request)))) is not None:
            return process
        user = _LOCAL if asked.actor == LOCAL_OPERATOR else self._users.get(asked.actor)
        if user is None:
            raise Refused(Reason.of("unknown_user", user=asked.actor))
        if user.disabled:
            raise Refused(Reason.of("user_disabled", user=user.name))
        if not may(user.roles, type(asked.request)):
            raise Refused(Reason.of("not_allowed"))
        return user

    def _decide(self, asked: Requested, user: User, changes: Changes) -> str:
        """The id of what it changed or made. Raises Refused or IllegalMove; then nothing changed."""
        at_us = asked.at_us
        request = asked.request
        if isinstance(request, ALARM_REQUESTS):
            return self._alarm_desk().handle(asked, request, user, changes)
        if isinstance(request, NOTICE_REQUESTS):
            return self._notice_desk().handle(asked, request, user, changes)
        if isinstance(request, HANDOVER_REQUESTS):
            return self._handover.handle(asked, request, user, changes)
        if isinstance(request, ARRANGEMENT_REQUESTS):
            return self._arrange(asked, request, user, changes)
        if isinstance(request, GROUPING_REQUESTS):
            return self._grouping.handle(request, user, at_us, changes)
        if isinstance(request, DEVICE_REQUESTS):
            subject, approval = self._devices.handle(asked, request, user, changes)
            if approval is not None:
                self._approvals[approval.approval_id] = approval
            return subject
        if isinstance(request, OutageRequest):
            return self._outages().handle(asked, request, user, changes)
        if isinstance(request, MarkDuplicates | SeeReviews | ReportByHand):
            return self._reviews.handle(asked, request, user, changes)
        if isinstance(request, IssueRectification | ReportRectified | VerifyRectification):
            return self._rectifications.handle(asked, request, user, changes)
        match request:
            case WriteLog():
                return self._log.write(asked, request, user, changes)
            case ChangeLimit():
                return self._change_limit(request, user, asked, changes)
            case SwitchCampaign():
                return self._limits.switch(request, user, at_us, changes)
            case PutRationalisations():
                return self._put_rationalisations(request, user, at_us, changes)
            case AcknowledgeIncident():
                return self._acknowledge(request, user, at_us, changes)
            case SilenceIncident():
                return self._silenced(request, user, at_us, changes)
            case CloseIncident():
                return self._close(request, user, at_us, changes)
            case JudgeReview():
                return self._judge(request, user, at_us, changes)
            case ProposeCredit() | ProposeReversal():
                review = self._credit.propose(request, user, asked.request_id, at_us)
                changes.reviews.append(review)
                return str(review.review_id)
            case OpenTicket():
                return self._open_ticket(request, user, asked, changes)
            case MoveTicket():
                return self._move_ticket(request, user, at_us, changes)
            case HangTag():
                return self._hang(request, user, asked, changes)
            case RemoveTag():
                return self._take_off(request, user, at_us, changes)
            case ProposeSite():
                return self._propose_site(request, user, asked, changes)
            case DecideApproval():
                return self._approve(request, user, at_us, changes)
            case PutUser():
                return self._put_user(request, changes)
            case ChangePassword():
                return self._change_password(request, user, changes)
            case ReportFinding() as request:
                return self._report(request.finding, changes)
            case ProposeViolation():
                return self._sighted(request, at_us, changes)
            case RefuseProposal():
                changes.dead_letters.append(refused_letter(request, at_us))
                return request.box_id
            case ViewEvidence():
                return request.sha256  # the audit is what it is for
            case ReportCamera():
                return request.camera_id  # the event says it all
            case AnswerConsultation() as request:
                return self._consulted(request, user, at_us, changes)

    def _report(self, finding: Finding, changes: Changes) -> str:
        """The judge knows no answers: one that a person gave stays with the finding."""
        before = self._findings.get(finding.finding_id)
        if before is not None:
            finding = replace(
                finding,
                answer=before.answer,
                answered_by=before.answered_by,
                answered_cause=before.answered_cause,
                version=max(finding.version, before.version + 1),
            )
        if finding.ended_at_us is None or finding.wants_consultation:
            self._findings[finding.finding_id] = finding
        else:
            self._findings.pop(finding.finding_id, None)
        changes.findings.append(finding)
        return str(finding.finding_id)

    def _sighted(self, told: ProposeViolation, at_us: int, changes: Changes) -> str:
        event = event_of(self._plan.site, told.proposal)
        answer = self._answer(told.asset_id, told.proposal.began_at_us, Kind.VIOLATION)
        incident = self._incidents.of_event(event)
        opened = incident.incident_id if incident else None
        review_id, review = self._credit.sighted(told, event, answer, opened, at_us)
        if review is not None:
            changes.reviews.append(review)
        return str(review_id)

    def _consulted(
        self, request: AnswerConsultation, user: User, at_us: int, changes: Changes
    ) -> str:
        finding = self._findings.get(request.finding_id)
        if finding is None:
            raise Refused(Reason.of("no_such_finding"))
        self._expect_in_scope(user, self._plan.asset(finding.asset_id).station)
        if finding.answered_by:
            raise Refused(Reason.of("already_answered", by=finding.answered_by))
        if not request.words.strip():
            raise Refused(Reason.of("words_needed"))
        answered = finding.answered(request.cause, request.words.strip(), user.name)
        self._findings[finding.finding_id] = answered
        changes.findings.append(answered)
        changes.cases.append(
            Case(
                case_id=case_id(finding.finding_id),
                finding_id=finding.finding_id,
                asset_id=finding.asset_id,
                signature=finding.signature,
                cause=request.cause,
                words=answered.answer,
                by=user.name,
                at_us=at_us,
            )
        )
        return str(finding.finding_id)

    def _incident(self, incident_id: UUID, user: User) -> Incident:
        incident = self._incidents.get(incident_id)
        if incident is None:
            raise Refused(Reason.of("no_such_incident"))
        self._expect_in_scope(user, self._plan.asset(incident.asset_id).station)
        return incident

    def _acknowledge(
        self, request: AcknowledgeIncident, user: User, at_us: int, changes: Changes
    ) -> str:
        incident = self._incident(request.incident_id, user)
        if incident.state is IncidentState.ACKNOWLEDGED:
            raise Refused(Reason.of("already_acknowledged", by=incident.acknowledged_by or ""))
        return self.acknowledge_incident(incident, user.name, at_us, changes)

    def _silenced(self, request: SilenceIncident, user: User, at_us: int, changes: Changes) -> str:
        incident = self._incident(request.incident_id, user)
        self._silence(incident, at_us, changes)
        return self.moved(incident.silenced(at_us), changes)

    def _close(self, request: CloseIncident, user: User, at_us: int, changes: Changes) -> str:
        incident = self._incident(request.incident_id, user)
        if incident.standing and not request.note.strip():
            raise Refused(Reason.of("note_needed"))
        self._silence(incident, at_us, changes)
        self._alarm_desk().incident_acknowledged(incident, user.name, at_us, changes)
        return self.moved(incident.closed(user.name, at_us, request.note), changes)

    def moved(self, incident: Incident, changes: Changes) -> str:
        self._incidents.keep(incident)
        changes.incidents.append(incident)
        if not self.earns_nothing(incident.asset_id):
            changes.reviews += self._credit.handled(incident)
        return str(incident.incident_id)

    def _judge(self, request: JudgeReview, user: User, at_us: int, changes: Changes) -> str:
        self._reviews.expect_in_scope(self._credit.review(request.review_id), user)
        judged = self._credit.judge(request, user, at_us)
        changes.reviews += [judged.review, *judged.proposals]
        changes.entries += judged.entries
        if judged.review.state is ReviewState.CONFIRMED:
            changes.rectifications += self._rectifications.repeated(judged.review, user.name, at_us)
        return str(judged.review.review_id)

    def _arrange(
        self, asked: Requested, request: ArrangementRequest, user: User, changes: Changes
    ) -> str:
        subject = self._arrangements.handle(asked, request, user, changes)
        for approval in changes.approvals:
            self._approvals[approval.approval_id] = approval
        if isinstance(request, EndArrangement):
            self._withdraw_approvals(subject, user.name, asked.at_us, changes)
        return subject

    def swaps_lapsed(self, subjects: Iterable[str], at_us: int, changes: Changes) -> None:
        """Their turn has begun and not everybody had agreed."""
        for subject in subjects:
            self._withdraw_approvals(subject, BY_ITSELF, at_us, changes)

    def _withdraw_approvals(self, subject: str, by: str, at_us: int, changes: Changes) -> None:
        """Nobody need agree any more to what was taken back."""
        for approval in list(self._approvals.values()):
            if (approval.subject, approval.subject_id) == (SWAP_SUBJECT, subject):
                del self._approvals[approval.approval_id]
                changes.approvals.append(approval.decided(False, by, at_us, ""))

    def _open_ticket(
        self, request: OpenTicket, user: User, asked: Requested, changes: Changes
    ) -> str:
        for name, text in (("number", request.number), ("task", request.task)):
            if not text.strip():
                raise Refused(Reason.of("field_needed", field=name))
        self._expect_place(user, request.station, request.asset_ids)
        if request.to_us <= request.from_us:
            raise Refused(Reason.of("ticket_times"))
        if any(ticket.number == request.number for ticket in self._tickets.values()):
            raise Refused(Reason.of("number_taken", number=request.number))
        ticket = Ticket(
            ticket_id=from_request(asked.request_id, "ticket"),
            number=request.number.strip(),
            type=request.type,
            task=request.task.strip(),
            station=request.station,
            asset_ids=request.asset_ids,
            team_id=request.team_id,
            leader=request.leader,
            from_us=request.from_us,
            to_us=request.to_us,
            created_by=user.name,
            changed_at_us=asked.at_us,
        )
        return self._kept_ticket(ticket, changes)

    def _move_ticket(self, request: MoveTicket, user: User, at_us: int, changes: Changes) -> str:
        ticket = self._tickets.get(request.ticket_id)
        if ticket is None:
            raise Refused(Reason.of("no_such_ticket"))
        self._expect_in_scope(user, ticket.station)
        if request.state not in ticket.may_become:
            raise Refused(Reason.of("ticket_cannot", number=ticket.number))
        return self._kept_ticket(ticket.moved(request.state, at_us), changes)

    def _kept_ticket(self, ticket: Ticket, changes: Changes) -> str:
        self._tickets[ticket.ticket_id] = ticket
        if not ticket.is_open:
            del self._tickets[ticket.ticket_id]
        changes.tickets.append(ticket)
        self._arrangements.follow(ticket, changes)
        return str(ticket.ticket_id)

    def _hang(self, request: HangTag, user: User, asked: Requested, changes: Changes) -> str:
        self._expect_place(user, "", (request.asset_id,))
        if request.ticket_id is not None and request.ticket_id not in self._tickets:
            raise Refused(Reason.of("no_such_ticket"))
        if request.until_us is not None and request.until_us <= asked.at_us:
            raise Refused(Reason.of("tag_times"))
        if request.kind is TagKind.EARTHED:
            self._expect_free_earth(request)
        tag = Tag(
            tag_id=from_request(asked.request_id, "tag"),
            kind=request.kind,
            asset_id=request.asset_id,
            note=request.note.strip(),
            hung_by=user.name,
            hung_at_us=asked.at_us,
            ticket_id=request.ticket_id,
            whole_bay=request.whole_bay,
            number=request.number.strip() if request.kind is TagKind.EARTHED else "",
            until_us=request.until_us,
        )
        self._tags[tag.tag_id] = tag
        changes.tags.append(tag)
        return str(tag.tag_id)

    def _expect_free_earth(self, request: HangTag) -> None:
        """Its number and where it is applied; one number is at one place of a station at a time."""
        number, station = request.number.strip(), self._plan.asset(request.asset_id).station
        if not number or not request.note.strip():
            raise Refused(Reason.of("earth_needs_number_and_place"))
        for tag in self._tags.values():
            there = self._plan.asset(tag.asset_id)
            if tag.kind is TagKind.EARTHED and (tag.number, there.station) == (number, station):
                place = f"{there.name} {tag.note}"
                raise Refused(Reason.of("earth_is_applied", number=number, place=place))

    def _take_off(self, request: RemoveTag, user: User, at_us: int, changes: Changes) -> str:
        tag = self._tags.get(request.tag_id)
        if tag is None:
            raise Refused(Reason.of("no_such_tag"))
        self._expect_in_scope(user, self._plan.asset(tag.asset_id).station)
        changes.tags.append(tag.removed(user.name, at_us))
        del self._tags[tag.tag_id]
        self._alarm_desk().tag_removed(tag, at_us, changes)
        return str(tag.tag_id)

    def _propose_site(
        self, request: ProposeSite, user: User, asked: Requested, changes: Changes
    ) -> str:
        waiting = [each for each in self._sites.values() if each.state is ApprovalState.PROPOSED]
        if waiting:
            raise Refused(Reason.of("site_waits", number=waiting[0].number))
        effective = [each for each in self._sites.values() if each.state is ApprovalState.EFFECTIVE]
        if effective and max(effective, key=lambda each: each.number).digest == request.digest:
            raise Refused(Reason.of("site_unchanged"))
        version = SiteVersion(
            number=max(self._sites, default=0) + 1,
            files=request.files,
            digest=request.digest,
            state=ApprovalState.PROPOSED,
            proposed_by=user.name,
            proposed_at_us=asked.at_us,
        )
        approval = Approval(
            approval_id=from_request(asked.request_id, "approval"),
            subject="site",
            subject_id=str(version.number),
            summary=request.summary,
            proposed_by=user.name,
            proposed_at_us=asked.at_us,
        )
        self._sites[version.number] = version
        self._approvals[approval.approval_id] = approval
        changes.site_versions.append(version)
        changes.approvals.append(approval)
        return str(approval.approval_id)

    def _approve(self, request: DecideApproval, user: User, at_us: int, changes: Changes) -> str:
        approval = self._approvals.get(request.approval_id)
        if approval is None:
            raise Refused(Reason.of("no_such_approval"))
        if not may_decide(user.roles, approval.subject):
            raise Refused(Reason.of("not_allowed"))
        if approval.subject == SWAP_SUBJECT:
            return self._agree(approval, request, user, at_us, changes)
        if request.approve and user.name == approval.proposed_by:
            raise Refused(Reason.of("second_person"))
        if not request.approve and not request.words.strip():
            raise Refused(Reason.of("words_needed"))
        if request.approve and approval.subject == CALL_SUBJECT:
            self._devices.expect_waiting(approval)
        decided = approval.decided(request.approve, user.name, at_us, request.words.strip())
        del self._approvals[approval.approval_id]
        changes.approvals.append(decided)
        if approval.subject == CALL_SUBJECT:
            self._devices.decided(decided, at_us, changes)
            return str(approval.approval_id)
        if approval.subject == APPROVAL_SUBJECT:
            self._limits.decided(decided, at_us, changes)
            return str(approval.approval_id)
        version = self._sites.get(int(approval.subject_id))
        if version is not None:
            moved = replace(
                version,
                state=decided.state,
                effective_at_us=at_us if request.approve else None,
            )
            self._sites[version.number] = moved
            changes.site_versions.append(moved)
        return str(approval.approval_id)

    def _agree(
        self,
        approval: Approval,
        request: DecideApproval,
        user: User,
        at_us: int,
        changes: Changes,
    ) -> str:
        """It waits until the last of the persons has agreed, or one has not."""
        words = request.words.strip()
        if not request.approve and not words:
            raise Refused(Reason.of("words_needed"))
        decided = self._arrangements.agree(approval, user, request.approve, words, at_us, changes)
        if decided.state is not ApprovalState.PROPOSED:
            del self._approvals[approval.approval_id]
            changes.approvals.append(decided)
        return str(approval.approval_id)

    def _change_limit(
        self, request: ChangeLimit, user: User, asked: Requested, changes: Changes
    ) -> str:
        change_id, approval = self._limits.change(asked, request, user, changes)
        if approval is not None:
            self._approvals[approval.approval_id] = approval
        return change_id

    def _put_rationalisations(
        self, request: PutRationalisations, user: User, at_us: int, changes: Changes
    ) -> str:
        """All of them or none."""
        if not request.entries:
            raise Refused(Reason.of("nothing_given"))
        for rationale in request.entries:
            point = self._plan.points.get(rationale.point)
            if point is None:
                raise Refused(Reason.of("unknown_place", what=rationale.point))
            self._expect_in_scope(user, self._plan.asset(point.asset_id).station)
        for rationale in request.entries:
            key = rationale.point, rationale.condition
            before = self._rationalisations.get(key)
            written = Rationalisation(
                rationale=rationale,
                by=user.name,
                at_us=at_us,
                version=before.version + 1 if before else 1,
            )
            self._rationalisations[key] = written
            changes.rationalisations.append(written)
        return str(len(request.entries))

    def _put_user(self, request: PutUser, changes: Changes) -> str:
        before = self._users.get(request.name)
        if not request.name.strip() or request.name in RESERVED:
            raise Refused(Reason.of("field_needed", field="name"))
        if before is None and not request.password:
            raise Refused(Reason.of("password_needed"))
        user = User(
            name=request.name,
            password=request.password or (before.password if before else ""),
            roles=request.roles,
            person_id=request.person_id,
            stations=request.stations,
            language=request.language,
            disabled=request.disabled,
            must_change=request.must_change,
            version=before.version + 1 if before else 1,
        )
        administrators = [
            each
            for each in (self._users | {user.name: user}).values()
            if Role.ADMINISTRATOR in each.roles and not each.disabled
        ]
        if not administrators:
            raise Refused(Reason.of("last_administrator"))
        return self._kept_user(user, changes)

    def _change_password(self, request: ChangePassword, user: User, changes: Changes) -> str:
        if not request.password:
            raise Refused(Reason.of("password_needed"))
        if user.name == LOCAL_OPERATOR:
            raise Refused(Reason.of("unknown_user", user=user.name))
        changed = replace(
            user, password=request.password, must_change=False, version=user.version + 1
        )
        return self._kept_user(changed, changes)

    def _kept_user(self, user: User, changes: Changes) -> str:
        self._users[user.name] = user
        changes.users.append(user)
        return user.name

    def _expect_place(self, user: User, station: str, asset_ids: Iterable[AssetId]) -> None:
        """Known, of one station where one is named, and in the user's scope."""
        stations = {asset.station for asset in self._plan.assets.values()}
        if station and station not in stations:
            raise Refused(Reason.of("unknown_place", what=station))
        for asset_id in asset_ids:
            asset = self._plan.assets.get(asset_id)
            if asset is None or (station and asset.station != station):
                raise Refused(Reason.of("unknown_place", what=asset_id))
            self._expect_in_scope(user, asset.station)
        if station:
            self._expect_in_scope(user, station)

    def _expect_in_scope(self, user: User, station: str) -> None:
        if not user.in_scope(station):
            raise Refused(Reason.of("out_of_scope", station=station))


def _is_newer(said: User | Ticket | Tag, known: User | Ticket | Tag | None) -> bool:
    return known is None or known.version < said.version
