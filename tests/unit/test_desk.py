"""The desk: what people ask for is done or refused, once, and the audit has it either way."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.access import LOCAL_OPERATOR
from domain.changes import Changes
from domain.clock import SECOND_US
from domain.commands import CommandState
from domain.credit import ReviewState
from domain.ids import AssetId, PersonId, TeamId
from domain.incidents import IncidentState
from domain.paperwork import (
    ApprovalState,
    Role,
    SiteVersion,
    TagKind,
    TicketState,
    TicketType,
    User,
)
from domain.records import Requested, Ticked
from domain.requests import (
    AcknowledgeIncident,
    ChangePassword,
    CloseIncident,
    DecideApproval,
    Handled,
    HangTag,
    JudgeReview,
    MoveTicket,
    OpenTicket,
    ProposeSite,
    PutUser,
    RemoveTag,
    Request,
    SilenceIncident,
)
from linkage.desk import Held
from linkage.linkage import Linkage
from tests.support.alarms import TEN_US, TRANSFORMER, URGENT_SOUNDS, alarm, clearing, plan_with

LATER = TEN_US + SECOND_US
ADMIN = User(
    name="admin",
    password="x",
    roles=frozenset({Role.ADMINISTRATOR, Role.DISPATCHER, Role.SAFETY_MANAGER}),
)
DUTY = User(name="duty", password="x", roles=frozenset({Role.DUTY}))
VIEWER = User(name="viewer", password="x", roles=frozenset({Role.VIEWER}))
ELSEWHERE = replace(DUTY, name="elsewhere", stations=frozenset({"另一站"}))
GONE = replace(DUTY, name="gone", disabled=True)
SAFETY = replace(ADMIN, name="safety", roles=frozenset({Role.SAFETY_MANAGER}))
SITE = SiteVersion(
    number=1,
    files=b"one",
    digest="1",
    state=ApprovalState.EFFECTIVE,
    proposed_by="first start",
    proposed_at_us=0,
    effective_at_us=0,
)
HELD = Held(users=(ADMIN, DUTY, VIEWER, ELSEWHERE, GONE, SAFETY), site_versions=(SITE,))


class Office:
    """A linkage with one open incident, and somebody who asks."""

    def __init__(self) -> None:
        self.linkage = Linkage(plan_with(URGENT_SOUNDS), held=HELD)
        self.event = alarm()
        opened = self.linkage.decide(Ticked(at_us=TEN_US), [self.event])
        (self.incident,) = opened.incidents
        (self.command,) = opened.commands
        self.at_us = LATER

    def ask(
        self, request: Request, actor: str = "admin", request_id: UUID | None = None
    ) -> Changes:
        asked = Requested(
            at_us=self.at_us, request_id=request_id or uuid4(), actor=actor, request=request
        )
        return self.linkage.decide(asked, [])

    def acknowledge(self, actor: str = "admin") -> Changes:
        return self.ask(AcknowledgeIncident(incident_id=self.incident.incident_id), actor)


def refused(changes: Changes) -> str:
    (handled,) = changes.handled
    assert not handled.done
    assert handled.why
    others = replace_handled(changes)
    assert not others, "a refusal changes nothing"
    return handled.why.code


def replace_handled(changes: Changes) -> Changes:
    rest = Changes()
    rest.extend(changes)
    rest.handled = []
    return rest


def done(changes: Changes) -> Handled:
    (handled,) = changes.handled
    assert handled.done, handled.why
    return handled


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        pytest.param("nobody", "unknown_user", id="unknown"),
        pytest.param("gone", "user_disabled", id="disabled"),
        pytest.param("viewer", "not_allowed", id="without-the-role"),
        pytest.param("elsewhere", "out_of_scope", id="another-station"),
    ],
)
def test_who_may_not_acknowledge(actor: str, code: str) -> None:
    assert refused(Office().acknowledge(actor)) == code


@pytest.mark.parametrize("actor", ["admin", "duty", LOCAL_OPERATOR])
def test_who_may_acknowledge(actor: str) -> None:
    changes = Office().acknowledge(actor)
    (incident,) = changes.incidents
    assert (incident.state, incident.acknowledged_by) == (IncidentState.ACKNOWLEDGED, actor)
    assert done(changes).subject == str(incident.incident_id)


def test_acknowledging_twice_is_told_and_asking_twice_under_one_id_does_nothing_twice() -> None:
    office, request_id = Office(), uuid4()
    request = AcknowledgeIncident(incident_id=office.incident.incident_id)
    first = office.ask(request, request_id=request_id)
    again = office.ask(request, request_id=request_id)
    assert again == Changes(handled=first.handled)
    assert refused(office.ask(request)) == "already_acknowledged"


def test_what_was_answered_before_a_restart_is_answered_so_again() -> None:
    office, request_id = Office(), uuid4()
    request = AcknowledgeIncident(incident_id=office.incident.incident_id)
    (handled,) = office.ask(request, request_id=request_id).handled
    after = Linkage(
        plan_with(URGENT_SOUNDS),
        [office.incident],
        held=replace(HELD, handled={request_id: handled}),
    )
    asked = Requested(at_us=LATER, request_id=request_id, actor="admin", request=request)
    assert after.decide(asked, []) == Changes(handled=[handled])


def test_what_has_returned_can_still_be_acknowledged_and_is_closed_by_it() -> None:
    office = Office()
    office.linkage.decide(Ticked(at_us=LATER), [clearing(office.event)])
    (incident,) = office.acknowledge().incidents
    assert incident.state is IncidentState.CLOSED
    assert refused(office.acknowledge()) == "no_such_incident"


def test_silencing_commands_the_device_that_sounds_to_stop() -> None:
    office = Office()
    changes = office.ask(SilenceIncident(incident_id=office.incident.incident_id))
    (stop,) = changes.commands
    assert (stop.action, stop.device_id) == ("silence", office.command.device_id)
    assert (stop.event_id, stop.state) == (office.event.event_id, CommandState.PENDING)
    assert len(changes.outbox) == 1
    (incident,) = changes.incidents
    assert (incident.silenced_at_us, incident.state) == (LATER, IncidentState.OPEN)


def test_a_siren_that_has_stopped_by_itself_is_not_asked_to() -> None:
    office = Office()
    office.at_us = TEN_US + 3_600 * SECOND_US
    assert office.ask(SilenceIncident(incident_id=office.incident.incident_id)).commands == []


def test_closing_what_still_stands_needs_a_reason() -> None:
    office = Office()
    close = CloseIncident(incident_id=office.incident.incident_id)
    assert refused(office.ask(close)) == "note_needed"
    (incident,) = office.ask(replace(close, note="传感器故障")).incidents
    assert (incident.state, incident.closed_by, incident.note) == (
        IncidentState.CLOSED,
        "admin",
        "传感器故障",
    )
    # its alarm clears later: nobody is asked again, and a new alarm opens a new incident
    assert office.linkage.decide(Ticked(at_us=LATER), [clearing(office.event)]).incidents == []


def ticket(**changes: Any) -> OpenTicket:
    made = OpenTicket(
        number="柳-1",
        type=TicketType.WORK_1,
        task="主变检修",
        station=TRANSFORMER.station,
        asset_ids=(TRANSFORMER.asset_id,),
        team_id=TeamId("xs"),
        leader=PersonId("xs-bz"),
        from_us=TEN_US,
        to_us=TEN_US + 3_600 * SECOND_US,
    )
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"number": " "}, "field_needed", id="without-a-number"),
        pytest.param({"station": "没有的站"}, "unknown_place", id="unknown-station"),
        pytest.param({"asset_ids": (AssetId("x"),)}, "unknown_place", id="unknown-device"),
        pytest.param({"to_us": TEN_US}, "ticket_times", id="ends-when-it-begins"),
    ],
)
def test_a_ticket_that_is_not_opened(changes: dict[str, Any], code: str) -> None:
    assert refused(Office().ask(ticket(**changes))) == code


def test_a_ticket_goes_its_way_and_no_other() -> None:
    office = Office()
    (opened,) = office.ask(ticket()).tickets
    assert refused(office.ask(ticket())) == "number_taken"
    skip = MoveTicket(ticket_id=opened.ticket_id, state=TicketState.INTERRUPTED)
    assert refused(office.ask(skip)) == "ticket_cannot"
    for state in (TicketState.PERMITTED, TicketState.WORKING, TicketState.ENDED):
        (moved,) = office.ask(MoveTicket(ticket_id=opened.ticket_id, state=state)).tickets
        assert moved.state is state
    assert refused(office.ask(skip)) == "no_such_ticket"


def test_a_tag_hangs_until_it_is_removed() -> None:
    office = Office()
    (tag,) = office.ask(HangTag(kind=TagKind.DRIVE_TEST, asset_id=TRANSFORMER.asset_id)).tags
    (removed,) = office.ask(RemoveTag(tag_id=tag.tag_id), "duty").tags
    assert (removed.removed_by, removed.version) == ("duty", 2)
    assert refused(office.ask(RemoveTag(tag_id=tag.tag_id))) == "no_such_tag"
    unknown = HangTag(kind=TagKind.DEFECT, asset_id=AssetId("x"))
    assert refused(office.ask(unknown)) == "unknown_place"


def test_a_site_becomes_effective_by_a_second_person_only() -> None:
    office = Office()
    propose = ProposeSite(files=b"two", digest="2", summary=("limit 85 -> 80",))
    changes = office.ask(propose)
    (version,), (approval,) = changes.site_versions, changes.approvals
    assert (version.number, version.state) == (2, ApprovalState.PROPOSED)
    assert refused(office.ask(replace(propose, digest="3"))) == "site_waits"

    agree = DecideApproval(approval_id=approval.approval_id, approve=True)
    assert refused(office.ask(agree)) == "second_person"
    changes = office.ask(agree, "safety")
    assert changes.site_versions == [
        replace(version, state=ApprovalState.EFFECTIVE, effective_at_us=LATER)
    ]
    assert refused(office.ask(agree, "safety")) == "no_such_approval"


def test_a_site_that_is_effective_already_is_not_proposed_and_a_rejection_says_why() -> None:
    office = Office()
    assert (
        refused(office.ask(ProposeSite(files=b"one", digest="1", summary=()))) == "site_unchanged"
    )
    (approval,) = office.ask(ProposeSite(files=b"two", digest="2", summary=())).approvals
    reject = DecideApproval(approval_id=approval.approval_id, approve=False)
    assert refused(office.ask(reject, "safety")) == "words_needed"
    (rejected,) = office.ask(replace(reject, words="限值太低"), "safety").approvals
    assert rejected.state is ApprovalState.REJECTED
    assert done(office.ask(ProposeSite(files=b"two", digest="2", summary=())))


def test_the_command_line_proposes_and_does_not_approve_its_own() -> None:
    office = Office()
    (approval,) = office.ask(
        ProposeSite(files=b"2", digest="2", summary=()), LOCAL_OPERATOR
    ).approvals
    agree = DecideApproval(approval_id=approval.approval_id, approve=True)
    assert refused(office.ask(agree, LOCAL_OPERATOR)) == "second_person"


def test_the_command_line_judges_nobody() -> None:
    judge = JudgeReview(review_id=uuid4(), verdict=ReviewState.CONFIRMED, words="x")
    assert refused(Office().ask(judge, LOCAL_OPERATOR)) == "not_allowed"


def user(**changes: Any) -> PutUser:
    made = PutUser(name="new", password="hash", roles=frozenset({Role.DUTY}))
    return replace(made, **changes)


def test_users_are_added_and_changed_by_administrators() -> None:
    office = Office()
    assert refused(office.ask(user(), "duty")) == "not_allowed"
    assert refused(office.ask(user(password=""))) == "password_needed"
    (added,) = office.ask(user()).users
    (changed,) = office.ask(user(password="", disabled=True)).users
    assert (changed.password, changed.disabled, changed.version) == ("hash", True, 2)
    assert added.version == 1


def test_the_last_administrator_stays_one() -> None:
    office = Office()
    less = user(name="admin", password="", roles=frozenset({Role.VIEWER}))
    assert refused(office.ask(less)) == "last_administrator"
    assert (
        refused(office.ask(user(name="admin", password="", disabled=True))) == "last_administrator"
    )


def test_everybody_changes_his_own_password() -> None:
    (changed,) = Office().ask(ChangePassword(password="new"), "viewer").users
    assert (changed.name, changed.password, changed.must_change) == ("viewer", "new", False)
