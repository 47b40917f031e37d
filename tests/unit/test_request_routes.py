"""Where a request is decided when several workers share the stations: at its place, or at the desk."""

from typing import Any, get_args
from uuid import UUID

import pytest

from domain.ids import AssetId, DeviceId
from domain.requests import Request
from service.partitioning import DESK, Partitioning
from service.request_routes import RequestRoutes
from service.site.load import load
from tests.support.running import ROOT

SITE = load(ROOT / "examples" / "changqing-like")
PLAN = SITE.plan("zh-CN")
PLACE = AssetId("LY/113")
POINT = "LY/113/ia"
FEEDER = "LY-113"
DEVICE = next(
    each.device_id for each in PLAN.devices if PLAN.asset(each.asset_id).station == "35kV柳塬变"
)
SOME = UUID(int=1)


def partition_of(key: str, count: int) -> int:
    """No station stands at the desk's."""
    return 1 + sum(key.encode()) % (count - 1)


PLACES = Partitioning.of(PLAN, SITE.points, 7, partition_of)
HERE = PLACES.partition_of_asset(PLACE)

INCIDENT, EVENT, OUTAGE = {"incident_id": SOME}, {"event_id": SOME}, {"outage_id": SOME}
PLACED: dict[str, dict[str, Any]] = {
    **dict.fromkeys(
        ("AcknowledgeIncident", "SilenceIncident", "CloseIncident", "MergeIncident"), INCIDENT
    ),
    **dict.fromkeys(("SplitIncident", "RegroupIncident"), INCIDENT),
    **dict.fromkeys(("AcknowledgeAlarm", "SilenceAlarm", "ResetAlarm"), EVENT),
    **{key: {"point": POINT} for key in ("ShelveAlarm", "TakeOutOfService")},
    **{key: {"device_id": DEVICE} for key in ("CallDevice", "TryDevice", "StopDevice")},
    **{key: {"asset_id": PLACE} for key in ("AnswerNotice", "LogCall", "RetryNotice")},
    **{key: {"asset_id": PLACE} for key in ("ReportCamera", "ProposeViolation", "HangTag")},
    "ReportFinding": {"finding": type("Found", (), {"asset_id": PLACE})()},
    "AnswerConsultation": {"finding_id": SOME},
    "RemoveTag": {"tag_id": SOME},
    "EndWithholding": {"withholding_id": SOME},
    "DecideApproval": {"approval_id": SOME},
    **{key: {"feeder_id": FEEDER} for key in ("ReportOutage", "PlanOutage")},
    **{key: {"planned_id": SOME} for key in ("EndPlannedOutage", "ChangePlannedOutage")},
    **{key: {"earth_id": SOME} for key in ("TickTrial", "NoteEarthFault")},
    **dict.fromkeys(("ConfirmPing", "LocateFault", "AssignCrew", "MoveOutage"), OUTAGE),
    **dict.fromkeys(("TickOutageStep", "NoteOutage", "ConfirmRestored"), OUTAGE),
}
AT_THE_DESK = {
    *("ChangeLimit", "SwitchCampaign", "PutRationalisations", "ProposeSite"),
    *("JudgeReview", "ProposeCredit", "ProposeReversal", "MarkDuplicates", "SeeReviews"),
    *("ReportByHand", "IssueRectification", "ReportRectified", "VerifyRectification"),
    *("RefuseProposal", "ViewEvidence", "OpenTicket", "MoveTicket", "PutUser", "ChangePassword"),
    *("WriteLog", "NoteHandover", "SignHandover", "TakeOver", "RefuseHandover"),
    *("TakeLeave", "Delegate", "ProposeSwap", "PlanDays", "MarkHoliday", "MovePerson"),
    *("HandOverZone", "EndArrangement"),
}


class Known:
    """What the records say of every id: it is of the place, and of its device."""

    def __init__(self, asset: AssetId | None = PLACE, device: DeviceId | None = DEVICE) -> None:
        self._asset, self._device = asset, device

    def asset_of(self, thing: UUID) -> AssetId | None:
        return self._asset

    asset_of_incident = asset_of_alarm = asset_of_finding = asset_of_tag = asset_of

    def device_of_call(self, approval: UUID) -> DeviceId | None:
        return self._device

    def point_of_withholding(self, withholding: UUID) -> str | None:
        return POINT if self._asset else None


def routes(known: Known) -> RequestRoutes:
    return RequestRoutes(PLAN, PLACES, known, known)  # type: ignore[arg-type]


def asked(name: str, **facts: Any) -> Request:
    """With nothing in it but what the way may go by."""
    (kind,) = (each for each in get_args(Request) if each.__name__ == name)
    request = object.__new__(kind)
    for fact, value in facts.items():
        object.__setattr__(request, fact, value)
    return request  # type: ignore[no-any-return]


def test_every_request_has_its_place() -> None:
    assert {kind.__name__ for kind in get_args(Request)} == PLACED.keys() | AT_THE_DESK
    assert HERE != DESK


@pytest.mark.parametrize("name", sorted(PLACED))
def test_what_concerns_a_place_is_decided_there(name: str) -> None:
    assert routes(Known()).partition_of(asked(name, **PLACED[name])) == HERE


@pytest.mark.parametrize("name", sorted(AT_THE_DESK))
def test_what_concerns_no_single_place_is_decided_at_the_desk(name: str) -> None:
    assert routes(Known()).partition_of(asked(name)) == DESK


@pytest.mark.parametrize("name", sorted(PLACED))
def test_what_nobody_knows_is_refused_at_the_desk(name: str) -> None:
    unknown = {
        "point": "no such point", "asset_id": AssetId("nowhere"), "device_id": DeviceId("nothing"),
        "feeder_id": "none", "finding": type("Found", (), {"asset_id": AssetId("nowhere")})(),
    }  # fmt: skip
    facts = {fact: unknown.get(fact, value) for fact, value in PLACED[name].items()}
    assert routes(Known(None, None)).partition_of(asked(name, **facts)) == DESK
