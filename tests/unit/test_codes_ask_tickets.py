"""Each code of DOMAIN C6 that is implemented, against real tickets, as a camera sees it and as a box tells:
valid, none, expired, wrong place, wrong crew, questionable."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from detectors.violations.subjects import HeadState
from domain.assets import Priority
from domain.cameras import AnalysisBox, Camera, CameraKind, MachineRule
from domain.clock import SECOND_US, to_datetime
from domain.ids import AssetId, BoxId, CameraId, TeamId
from domain.paperwork import Ticket, TicketState, TicketType
from domain.requests import ProposeViolation, RefuseProposal
from domain.violations import Code, Place, Proposal, TicketAnswer, TicketFinding, answer_from
from service.box_proposals import BoxDesk, Taken
from service.counting import Counted
from storage.evidence import EvidenceFiles
from tests.support.telling import example_site
from tests.unit.test_violation_rules import (
    HERE,
    INSIDE,
    OTHER,
    looked,
    standing,
    ticket,
    watch,
    zone,
)

NOW_US = 1_764_000_000 * SECOND_US
HOUR_US = 3_600 * SECOND_US
WEST = TeamId("west")


@dataclass(frozen=True)
class Case:
    """The tickets of the station, and whose crew is known to be there."""

    finding: TicketFinding
    tickets: tuple[Ticket, ...]
    team: TeamId | None = None


def of_now(**chosen: object) -> Ticket:
    times = {"from_us": NOW_US - HOUR_US, "to_us": NOW_US + HOUR_US}
    return ticket(**(times | chosen))


CASES = {
    "valid": Case(TicketFinding.VALID, (of_now(),)),
    "valid-for-one-person": Case(TicketFinding.VALID, (of_now(type=TicketType.WORK_2),)),
    "none": Case(TicketFinding.NONE, ()),
    "expired": Case(TicketFinding.EXPIRED, (of_now(to_us=NOW_US - 60 * SECOND_US),)),
    "ended": Case(TicketFinding.EXPIRED, (of_now(state=TicketState.ENDED),)),
    "wrong-place": Case(TicketFinding.WRONG_PLACE, (of_now(asset_ids=(OTHER,)),)),
    "wrong-crew": Case(TicketFinding.WRONG_CREW, (of_now(),), WEST),
    "not-yet-permitted": Case(TicketFinding.QUESTIONABLE, (of_now(state=TicketState.ISSUED),)),
    "interrupted": Case(TicketFinding.QUESTIONABLE, (of_now(state=TicketState.INTERRUPTED),)),
}
# what is legal; all else is proposed
LEGAL = {
    Code.IN_ZONE: {"valid", "valid-for-one-person"},
    Code.NO_PLAN: {"valid", "valid-for-one-person"},
    Code.ALONE: {"valid-for-one-person"},
    Code.NO_HELMET: set(),
}
# what is proposed and does not shout: a ticket might excuse it
DOUBTFUL = {"not-yet-permitted", "interrupted"}


@dataclass
class Held:
    tickets: tuple[Ticket, ...]

    def answer(self, place: Place, at_us: int, team_id: TeamId | None = None) -> TicketAnswer:
        return answer_from(self.tickets, place, NOW_US, team_id)


def seen(code: Code, case: Case) -> list[Proposal]:
    everywhere = frozenset({code} & {Code.NO_HELMET, Code.NO_PLAN})
    camera = watch(
        Held(case.tickets),
        everywhere=everywhere,
        zones=() if everywhere else (zone(code),),
        alone_us=2 * SECOND_US,
        levels=((code, Priority.URGENT),),
    )
    camera.team_there = lambda _: case.team
    return looked(camera, [[standing(INSIDE, HeadState.BARE)]] * 8)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("code", LEGAL)
def test_each_code_asks_the_tickets_of_the_place(code: Code, name: str) -> None:
    case = CASES[name]
    proposals = seen(code, case)
    assert [each.code for each in proposals] == ([] if name in LEGAL[code] else [code])
    for proposal in proposals:
        assert proposal.ticket.finding is case.finding
        excusable = code is not Code.NO_HELMET and name in DOUBTFUL
        assert proposal.certain is not excusable
        assert proposal.speaks is not excusable


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.team is None])
@pytest.mark.parametrize("code", [*LEGAL, Code.SMOKING, Code.PHONE, Code.FIRE])
def test_what_a_box_tells_asks_the_same_tickets(code: Code, name: str, tmp_path: Path) -> None:
    told: list[ProposeViolation | RefuseProposal] = []
    site = replace(
        example_site(),
        cameras=(
            Camera(
                camera_id=CameraId("gate"),
                name="大门摄像机",
                station=HERE.station,
                asset_id=HERE.asset_id or AssetId(""),
                kind=CameraKind.BOX,
                address="",
            ),
        ),
        machine_rules=(MachineRule(code=code, text="规则", priority=Priority.URGENT),),
        boxes=(
            AnalysisBox(
                box_id=BoxId("hik"),
                name="智能盒",
                topic="t",
                codes={"x": code},
                cameras={"1": CameraId("gate")},
            ),
        ),
    )
    desk = BoxDesk(
        site,
        Held(CASES[name].tickets),
        EvidenceFiles(tmp_path),
        told.append,
        Counted(),
        clock=lambda: NOW_US,
    )
    at = to_datetime(NOW_US).isoformat()
    body = json.dumps({"id": "1", "camera": "1", "code": "x", "at": at}).encode()
    legal = name in LEGAL.get(code, set())
    assert desk.take(BoxId("hik"), body).what is (Taken.PERMITTED if legal else Taken.TAKEN)
    assert len(told) == (0 if legal else 1)
    for each in told:
        assert isinstance(each, ProposeViolation)
        assert each.proposal.ticket.finding is CASES[name].finding
        never = {Code.NO_HELMET, Code.SMOKING, Code.PHONE}  # no ticket excuses these
        assert each.proposal.speaks is (code in never or name not in DOUBTFUL)
    desk.pass_time(NOW_US + 59 * SECOND_US)
    assert len(told) == (0 if legal else 1)
    desk.pass_time(NOW_US + 60 * SECOND_US)  # the box said no end: it is over
    assert len(told) == (0 if legal else 2)
