"""The page that is handed over: what belongs on it, and that what was signed is read back to the letter."""

import json
from dataclasses import replace
from uuid import UUID

import pytest

from domain.assets import Condition
from domain.commands import CommandState, DeviceCommand
from domain.handover import SignedPage
from domain.limit_changes import LimitChange, LimitSetting, limit_of
from domain.paperwork import ApprovalState
from domain.readings import Quality
from domain.topology import SwitchKind
from service.handover_page import (
    ROWS_AT_MOST,
    Latest,
    Line,
    Page,
    Section,
    UnreadablePage,
    closed_earths,
    failed_devices,
    put_in_by_hand,
    read,
    temporary_limits,
    written,
)
from service.site.load import load
from tests.support.alarms import SIREN, TEN_US, command
from tests.support.control_room import POINTS, ROOM, STATION
from tests.support.running import ROOT

OIL = "LY/1T/top_oil_temp"


def page(**changes: object) -> Page:
    facts = {
        "post": "调度室",
        "crew": "甲值",
        "duty_date": "2026-05-01",
        "shift": "早班",
        "language": "zh-CN",
        "made_at": "2026-05-01 15:55:00",
        "notes": "2号主变风扇待修\n<b>勿动</b>",
        "sections": (Section.of("tags", [Line(when="05-01 09:00", what="1号主变 检修牌")]),),
    }
    return Page(**(facts | changes))  # type: ignore[arg-type]


def anywhere(station: str) -> bool:
    return True


def nowhere(station: str) -> bool:
    return False


def test_a_signed_page_is_read_back_as_it_was() -> None:
    signed = SignedPage.of(written(page()))
    assert read(signed.content) == page()
    assert written(read(signed.content)) == signed.content


@pytest.mark.parametrize("content", ["", "[]", '{"post": 1}', "null"])
def test_a_page_of_another_release_is_said_to_be_one(content: str) -> None:
    with pytest.raises(UnreadablePage, match="cannot be shown"):
        read(content)


def test_a_page_may_hold_what_a_later_release_adds() -> None:
    newer = json.loads(written(page())) | {"weather": "晴"}
    assert read(json.dumps(newer)) == page()


def test_a_section_says_how_many_did_not_fit() -> None:
    section = Section.of("alarms", [Line(when="", what=str(each)) for each in range(250)])
    assert (len(section.lines), section.more) == (ROWS_AT_MOST, 50)


def test_blocked_and_substituted_points_are_put_in_by_hand() -> None:
    latest: Latest = {
        OIL: (60.0, TEN_US, int(Quality.BLOCKED)),
        "LY/113/position": (2.0, TEN_US, int(Quality.SUBSTITUTED)),
        "LY/301/position": (2.0, TEN_US, int(Quality.GOOD)),
    }
    found = {point.key: quality for point, quality in put_in_by_hand(POINTS.values(), latest)}
    assert found == {OIL: Quality.BLOCKED, "LY/113/position": Quality.SUBSTITUTED}


def test_an_earth_switch_that_stands_closed_is_handed_over() -> None:
    site = load(ROOT / "examples" / "changqing-like")
    cell = next(each for each in site.topology.cells if each.name == "151庆石Ⅰ线")
    (earth,) = [each for each in cell.switches if each.kind is SwitchKind.EARTH_SWITCH]
    assert earth.position
    closed: Latest = {str(earth.position): (2.0, TEN_US, 0)}
    assert list(closed_earths(site, closed, anywhere)) == [(cell.station, earth)]
    assert list(closed_earths(site, closed, nowhere)) == []
    opened: Latest = {str(earth.position): (1.0, TEN_US, 0)}
    assert list(closed_earths(site, opened, anywhere)) == []


@pytest.mark.parametrize(
    ("state", "is_told"),
    [
        (CommandState.CONFIRMED, False),
        (CommandState.SENT, False),
        (CommandState.FAILED, True),
        (CommandState.EXPIRED, True),
    ],
)
def test_a_device_that_did_not_act_last_is_handed_over(state: CommandState, is_told: bool) -> None:
    last = replace(command(), state=state)

    def last_of(device_id: str) -> list[DeviceCommand]:
        return [last] if device_id == SIREN.device_id else []

    found = list(failed_devices(ROOM, last_of, anywhere))
    assert found == ([(SIREN, last)] if is_told else [])
    assert list(failed_devices(ROOM, last_of, nowhere)) == []


@pytest.mark.parametrize(
    ("state", "was", "is_told"),
    [
        pytest.param(ApprovalState.EFFECTIVE, None, True, id="changed-in-the-console"),
        pytest.param(ApprovalState.EFFECTIVE, 1.0, False, id="the-folder-has-a-newer-word"),
        pytest.param(ApprovalState.PROPOSED, None, True, id="waits-for-a-second-person"),
        pytest.param(ApprovalState.REJECTED, None, False, id="rejected"),
    ],
)
def test_a_limit_of_the_console_is_temporary(
    state: ApprovalState, was: float | None, is_told: bool
) -> None:
    point = ROOM.points[next(key for key in ROOM.points if key == OIL)]
    limit = limit_of(point, Condition.LOW)
    assert limit
    now = LimitSetting.of(point.key, limit)
    change = LimitChange(
        change_id=UUID(int=1),
        setting=replace(now, value=5),
        was=now if was is None else replace(now, value=was),
        reason="夏季",
        proposed_by="chief",
        proposed_at_us=TEN_US,
        state=state,
    )
    found = list(temporary_limits(ROOM, [change], lambda station: station == STATION))
    assert found == ([change] if is_told else [])
    assert list(temporary_limits(ROOM, [change], nowhere)) == []
