"""Where a switch stands by its last reading, through restarts and other limits."""

from math import nan

import pytest

from detectors.evaluate import DetectorState, evaluate
from domain.assets import ActiveLimits, Point
from domain.clock import SECOND_US
from domain.ids import AssetId, PointKey, SourceId
from domain.readings import Origin, Quality, Readings
from domain.records import LimitsActivated, ReadingsArrived
from domain.topology import SwitchState

BREAKER = PointKey("LY/113/position")
SOURCE = SourceId("field")


def limits(version: int, *more: str) -> ActiveLimits:
    points = [
        Point(
            number=number,
            key=PointKey(key),
            asset_id=AssetId("LY/113"),
            source_id=SOURCE,
            signal="断路器位置",
            unit="position",
        )
        for number, key in enumerate([BREAKER, *more], start=1)
    ]
    return ActiveLimits(site="liuyuan", version=version, points=tuple(points))


def read(state: DetectorState, second: int, value: float, quality: int, origin: int) -> None:
    at_us = second * SECOND_US
    rows = Readings.from_rows([(1, at_us, at_us, value, quality, origin)])
    evaluate(state, ReadingsArrived(at_us=at_us, source_id=SOURCE, readings=rows))


@pytest.fixture
def state() -> DetectorState:
    state, _ = evaluate(DetectorState.initial(), LimitsActivated(at_us=0, limits=limits(1)))
    return state


@pytest.mark.parametrize(
    ("value", "quality", "origin", "stands"),
    [
        pytest.param(1, Quality.GOOD, Origin.LIVE, SwitchState.OPEN, id="open"),
        pytest.param(2, Quality.GOOD, Origin.LIVE, SwitchState.CLOSED, id="closed"),
        pytest.param(
            2, Quality.GOOD, Origin.STATE, SwitchState.CLOSED, id="retained-at-the-broker"
        ),
        pytest.param(2, Quality.SUBSTITUTED, Origin.LIVE, SwitchState.CLOSED, id="put-in-by-hand"),
        pytest.param(2, Quality.QUESTIONABLE, Origin.LIVE, SwitchState.UNKNOWN, id="doubtful"),
        pytest.param(1, Quality.INVALID, Origin.LIVE, SwitchState.UNKNOWN, id="invalid"),
        pytest.param(0, Quality.GOOD, Origin.LIVE, SwitchState.UNKNOWN, id="between"),
        pytest.param(3, Quality.GOOD, Origin.LIVE, SwitchState.UNKNOWN, id="faulty"),
        pytest.param(nan, Quality.GOOD, Origin.LIVE, SwitchState.UNKNOWN, id="no-number"),
    ],
)
def test_a_position_by_its_last_reading(
    state: DetectorState, value: float, quality: int, origin: int, stands: SwitchState
) -> None:
    read(state, 1, 1 if value == 2 else 2, Quality.GOOD, Origin.LIVE)
    read(state, 2, value, quality, origin)
    read(state, 1, 1, Quality.GOOD, Origin.LIVE)  # what comes late moves nothing back
    assert state.position_of(BREAKER) is stands


def test_what_never_reported_or_is_not_ours_is_not_known(state: DetectorState) -> None:
    assert state.position_of(BREAKER) is SwitchState.UNKNOWN
    assert state.position_of(PointKey("GC/112/position")) is SwitchState.UNKNOWN


def test_a_position_survives_a_checkpoint_and_other_limits(state: DetectorState) -> None:
    read(state, 1, 1, Quality.GOOD, Origin.LIVE)
    again = DetectorState.restore(state.arrays(), state.meta(), state.parts())
    assert again.position_of(BREAKER) is SwitchState.OPEN
    record = LimitsActivated(at_us=2 * SECOND_US, limits=limits(2, "LY/114/position"))
    again, _ = evaluate(again, record)
    assert again.position_of(BREAKER) is SwitchState.OPEN
    assert again.position_of(PointKey("LY/114/position")) is SwitchState.UNKNOWN
