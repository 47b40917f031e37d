"""Limits changed by people: who may, who must agree, and what becomes of the points."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.alarms import Rationale
from domain.assets import Condition, Priority
from domain.clock import SECOND_US
from domain.ids import PointKey
from domain.limit_changes import LimitSetting, limit_of, with_changes
from domain.paperwork import ApprovalState
from domain.requests import ChangeLimit, DecideApproval, PutRationalisations, SwitchCampaign
from tests.support.control_room import POINTS, ControlRoom

OIL = PointKey("LY/1T/top_oil_temp")
POINT = POINTS[OIL]


def setting(condition: Condition, value: float | None, **more: object) -> LimitSetting:
    limit = limit_of(POINT, condition)
    assert limit is not None
    return replace(LimitSetting.of(OIL, limit), value=value, **more)  # type: ignore[arg-type]


def change(
    condition: Condition = Condition.LOW,
    value: float | None = 5,
    reason: str = "夏季",
    **more: object,
) -> ChangeLimit:
    return ChangeLimit(setting=setting(condition, value, **more), reason=reason)


def in_force(room: ControlRoom, condition: Condition) -> float | None:
    """What the point's limit is now."""
    newest = {each.change_id: each for each in room.everything.limit_changes}
    (point,) = with_changes([POINT], newest.values())
    limit = limit_of(point, condition)
    return limit.value if limit else None


def approval(room: ControlRoom) -> UUID:
    return room.everything.approvals[-1].approval_id


def test_a_limit_of_level_3_is_changed_by_one_person() -> None:
    room = ControlRoom()
    room.does(change(), "chief")
    assert room.everything.approvals == []
    assert in_force(room, Condition.LOW) == 5


@pytest.mark.parametrize(
    ("condition", "priority"),
    [(Condition.HIGH, Priority.MAJOR), (Condition.HIGH_HIGH, Priority.URGENT)],
    ids=["level-2", "level-1"],
)
def test_level_1_and_2_need_a_second_person(condition: Condition, priority: Priority) -> None:
    limit = limit_of(POINT, condition)
    assert limit is not None
    assert limit.priority is priority
    room = ControlRoom()
    room.does(change(condition, limit.value + 1), "chief")
    assert in_force(room, condition) == limit.value
    (waiting,) = room.everything.approvals
    assert waiting.subject == "limit"
    assert f"{limit.value:g}℃ -> {limit.value + 1:g}℃" in waiting.summary[0]
    agreed = DecideApproval(approval_id=waiting.approval_id, approve=True)
    assert room.refuses(agreed, "chief") == "second_person"
    room.restarts()
    room.does(agreed, "safety")
    assert in_force(room, condition) == limit.value + 1
    assert room.everything.approvals[-1].state is ApprovalState.EFFECTIVE


def test_what_the_second_person_rejects_changes_nothing() -> None:
    room = ControlRoom()
    room.does(change(Condition.HIGH, 80), "chief")
    room.does(DecideApproval(approval_id=approval(room), approve=False, words="太低"), "safety")
    assert in_force(room, Condition.HIGH) == 85
    room.does(change(Condition.HIGH, 82), "chief")  # and another may be proposed


def test_a_change_may_be_changed_again_and_switched_off() -> None:
    room = ControlRoom()
    room.does(change(value=5), "chief")
    room.passes(1)
    room.does(change(value=6, on_delay_us=30 * SECOND_US), "chief")
    assert in_force(room, Condition.LOW) == 6
    room.passes(1)
    room.does(change(value=None), "chief")
    assert in_force(room, Condition.LOW) is None
    room.passes(1)
    room.does(change(value=7), "chief")
    assert in_force(room, Condition.LOW) == 7


def test_who_changes_it_in_the_site_folder_has_the_newer_word() -> None:
    room = ControlRoom()
    room.does(change(value=5), "chief")
    newer = replace(POINT, limits=(replace(POINT.limits[0], value=1), *POINT.limits[1:]))
    (point,) = with_changes([newer], room.everything.limit_changes)
    assert point == newer


@pytest.mark.parametrize(
    ("request_", "actor", "code"),
    [
        pytest.param(change(), "duty", "not_allowed", id="by-who-is-only-on-duty"),
        pytest.param(change(reason=" "), "chief", "words_needed", id="without-a-reason"),
        pytest.param(change(value=0), "chief", "limit_unchanged", id="to-what-it-is"),
        pytest.param(change(value=86), "chief", "limits_not_rising", id="above-the-high-limit"),
        pytest.param(
            change(value=5, deadband=90.0), "chief", "deadband_too_wide", id="that-never-returns"
        ),
        pytest.param(
            change(value=5, on_delay_us=-1), "chief", "negative_delay", id="before-its-time"
        ),
        pytest.param(
            ChangeLimit(
                setting=LimitSetting(point=OIL, condition=Condition.RISE, value=5), reason="x"
            ),
            "chief",
            "no_such_limit",
            id="that-the-point-has-not",
        ),
        pytest.param(
            ChangeLimit(
                setting=LimitSetting(point=PointKey("x"), condition=Condition.HIGH, value=5),
                reason="x",
            ),
            "chief",
            "no_such_limit",
            id="of-no-point",
        ),
    ],
)
def test_what_cannot_be_changed(request_: ChangeLimit, actor: str, code: str) -> None:
    assert ControlRoom().refuses(request_, actor) == code


def test_two_changes_of_one_limit_do_not_wait_side_by_side() -> None:
    room = ControlRoom()
    room.does(change(Condition.HIGH, 80), "chief")
    assert room.refuses(change(Condition.HIGH, 81), "chief") == "limit_change_waits"


# campaigns


def test_a_campaign_is_begun_and_ended_and_a_season_is_not() -> None:
    room = ControlRoom()
    begin = SwitchCampaign(mode_id="winter", is_on=True)
    assert room.refuses(begin, "duty") == "not_allowed"
    room.does(begin, "chief")
    assert room.refuses(begin, "chief") == "campaign_is_so"
    room.restarts()
    room.does(SwitchCampaign(mode_id="winter", is_on=False), "chief")
    last = room.everything.campaigns[-1]
    assert (last.is_on, last.by, last.version) == (False, "chief", 2)
    season = SwitchCampaign(mode_id="flood", is_on=True)
    assert room.refuses(season, "chief") == "no_such_campaign"


# rationalisation


def rationale(point: str = OIL, **more: str) -> Rationale:
    return Rationale(
        point=PointKey(point),
        condition=Condition.HIGH,
        cause=more.get("cause", "过负荷或冷却故障"),
        consequence="绝缘老化加速",
        action="投入备用风机, 转移负荷",
        respond_within_us=600 * SECOND_US,
    )


def test_a_rationalisation_keeps_who_wrote_it_and_counts_its_versions() -> None:
    room = ControlRoom()
    room.does(PutRationalisations(entries=(rationale(),)), "chief")
    room.passes(60)
    room.restarts()
    room.does(PutRationalisations(entries=(rationale(cause="过负荷"),)), "safety")
    first, second = room.everything.rationalisations
    assert (first.by, first.version, second.by, second.version) == ("chief", 1, "safety", 2)
    assert second.at_us == room.at_us
    assert second.rationale.cause == "过负荷"


def test_rationalisations_are_written_all_or_none() -> None:
    room = ControlRoom()
    both = PutRationalisations(entries=(rationale(), rationale("LY/9T/oil")))
    assert room.refuses(both, "chief") == "unknown_place"
    assert room.refuses(PutRationalisations(entries=()), "chief") == "nothing_given"
    assert room.refuses(PutRationalisations(entries=(rationale(),)), "duty") == "not_allowed"
