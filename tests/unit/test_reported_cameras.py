"""What the vision process says of a camera becomes an alarm and its return; nobody else may say it."""

from uuid import UUID

import pytest

from detectors.evaluate import DetectorState, evaluate
from domain.access import JUDGE, LOCAL_OPERATOR, VISION
from domain.assets import AlarmClass, Condition
from domain.cameras import CameraState
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.ids import CameraId
from domain.records import Requested
from domain.requests import ReportCamera
from linkage.linkage import Linkage
from tests.support.alarms import PLAN, TRANSFORMER

BEGAN_US, TOLD_US, ENDED_US = 1_000_000, 11_000_000, 60_000_000


def report(state: CameraState = CameraState.DEAD, ended_at_us: int | None = None) -> ReportCamera:
    return ReportCamera(
        camera_id=CameraId("LY-yard"),
        asset_id=TRANSFORMER.asset_id,
        signal="场地摄像机 无画面",
        state=state,
        began_at_us=BEGAN_US,
        ended_at_us=ended_at_us,
        reason="the stream ended",
    )


def asked(request: ReportCamera, actor: str = VISION, number: int = 1) -> Requested:
    at_us = request.ended_at_us or TOLD_US
    return Requested(at_us=at_us, request_id=UUID(int=number), actor=actor, request=request)


def events_of(record: Requested) -> list[Event]:
    return evaluate(DetectorState.initial(), record)[1]


@pytest.mark.parametrize(
    "state", [CameraState.DEAD, CameraState.FROZEN, CameraState.DARK, CameraState.MOVED]
)
def test_a_camera_that_does_not_see_is_an_alarm_until_it_sees(state: CameraState) -> None:
    (raised,) = events_of(asked(report(state)))
    (cleared,) = events_of(asked(report(state, ENDED_US)))
    assert isinstance(raised, AlarmRaised)
    assert isinstance(cleared, AlarmCleared)
    assert (raised.condition, raised.alarm_class) == (Condition.CAMERA, AlarmClass.ABNORMAL)
    assert (raised.started_at_us, raised.detected_at_us) == (BEGAN_US, TOLD_US)
    assert not raised.output_allowed
    assert cleared.event_id == raised.event_id
    assert cleared.ended_at_us == ENDED_US


def test_two_troubles_of_one_moment_are_two_alarms() -> None:
    (dark,) = events_of(asked(report(CameraState.DARK)))
    (moved,) = events_of(asked(report(CameraState.MOVED)))
    assert dark.event_id != moved.event_id


def test_a_camera_that_sees_is_no_alarm() -> None:
    assert events_of(asked(report(CameraState.LIVE))) == []


@pytest.mark.parametrize("actor", [JUDGE, LOCAL_OPERATOR, "zhang"])
def test_nobody_else_may_say_it(actor: str) -> None:
    record = asked(report(), actor)
    assert events_of(record) == []
    (handled,) = Linkage(PLAN).decide(record, []).handled
    assert not handled.done


def test_it_opens_an_incident_that_its_return_ends() -> None:
    linkage = Linkage(PLAN)
    opened = linkage.decide(asked(report()), events_of(asked(report())))
    assert [each.asset_id for each in opened.incidents] == [TRANSFORMER.asset_id]
    assert [each.done for each in opened.handled] == [True]
    over = asked(report(ended_at_us=ENDED_US), number=2)
    assert [each.standing for each in linkage.decide(over, events_of(over)).incidents] == [
        frozenset()
    ]
