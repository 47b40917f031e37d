"""Chattering, fleeting and floods, as they are found and as a plain count over the whole past finds them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alarms import Flood
from domain.assets import Condition, Priority
from domain.clock import MINUTE_US, SECOND_US
from domain.paperwork import TagKind
from domain.requests import AcknowledgeAlarm, HangTag
from linkage.plan import EVERYTHING, Position
from tests.support.alarms import TRANSFORMER
from tests.support.control_room import NEIGHBOUR, ROOM, STATION, ControlRoom

TEN_MINUTES_US = 10 * MINUTE_US


def burst(room: ControlRoom, count: int, *, seconds: float = 1.0, name: str = "p") -> None:
    for number in range(count):
        room.raises(point=f"LY/1T/{name}{number}", priority=Priority.MINOR)
        room.passes(seconds)


def floods(room: ControlRoom) -> list[Flood]:
    """The newest version of each, the first first."""
    newest = {each.flood_id: each for each in room.everything.floods}
    return sorted(newest.values(), key=lambda each: (each.started_at_us, each.position))


# chattering and fleeting


@pytest.mark.parametrize(
    ("every_s", "chatters"),
    [
        pytest.param(30, [False, False, True, True], id="three-in-a-minute"),
        pytest.param(31, [False, False, False, False], id="three-in-more-than-a-minute"),
    ],
)
@pytest.mark.parametrize("restart", [False, True], ids=["running", "over-restarts"])
def test_the_same_alarm_three_times_in_a_minute_chatters(
    every_s: int, chatters: list[bool], restart: bool
) -> None:
    room = ControlRoom()
    found = []
    for _ in chatters:
        event = room.raises()
        found.append(room.alarm(event).chattering)
        room.clears(event)
        if restart:
            room.restarts()
        room.passes(every_s)
    assert found == chatters


def test_three_alarms_of_different_conditions_are_no_chatter() -> None:
    room = ControlRoom()
    events = [
        room.raises(condition=each) for each in (Condition.HIGH, Condition.RISE, Condition.STUCK)
    ]
    assert not any(room.alarm(event).chattering for event in events)


def test_an_alarm_that_is_over_before_anybody_could_act_is_fleeting() -> None:
    room = ControlRoom()
    short, long, taken = (room.raises(condition=each) for each in list(Condition)[:3])
    room.does(AcknowledgeAlarm(event_id=taken.event_id))
    room.passes(9)
    room.clears(short)
    room.clears(taken)
    room.passes(1)
    room.clears(long)
    assert [room.alarm(each).fleeting for each in (short, long, taken)] == [True, False, False]


# floods


def test_a_flood_begins_with_the_eleventh_alarm_in_ten_minutes() -> None:
    room = ControlRoom()
    burst(room, 10)
    assert floods(room) == []
    burst(room, 1, name="q")
    (flood,) = floods(room)
    assert (flood.alarms, flood.peak, flood.ended_at_us) == (11, 11, None)
    assert flood.position == EVERYTHING


@pytest.mark.parametrize("restart", [False, True], ids=["running", "over-a-restart"])
def test_a_flood_lasts_until_fewer_than_five_came_in_ten_minutes(restart: bool) -> None:
    room = ControlRoom()
    burst(room, 20, seconds=10)  # at 0, 10, ... 190
    if restart:
        room.restarts()
    while floods(room)[0].ended_at_us is None:
        room.passes(1)
    (flood,) = floods(room)
    # the sixteenth leaves the window ten minutes after it came: then four are left in it
    start_us = min(event.detected_at_us for event in room.events.values())
    assert flood.ended_at_us == start_us + 150 * SECOND_US + TEN_MINUTES_US
    assert (flood.alarms, flood.peak) == (20, 20)


def test_a_flood_that_was_over_while_we_were_away_ends_with_the_first_tick() -> None:
    room = ControlRoom()
    burst(room, 12)
    room.at_us += 2 * TEN_MINUTES_US
    room.restarts()
    room.passes(1)
    (flood,) = floods(room)
    assert flood.ended_at_us == room.at_us


def test_what_is_withheld_floods_nobody() -> None:
    room = ControlRoom()
    room.does(HangTag(kind=TagKind.DRIVE_TEST, asset_id=TRANSFORMER.asset_id))
    burst(room, 50)
    assert floods(room) == []
    assert {alarm.position for alarm in room.alarms.values()} == {""}


def test_each_operator_has_a_flood_of_his_own() -> None:
    desks = (
        Position(position_id="east", name="东区", stations=frozenset({STATION})),
        Position(position_id="west", name="西区", stations=frozenset({"35kV西变"})),
    )
    elsewhere = replace(NEIGHBOUR, station="35kV西变")
    room = ControlRoom(
        replace(ROOM, positions=desks, assets={**ROOM.assets, NEIGHBOUR.asset_id: elsewhere})
    )
    burst(room, 11)
    room.raises(asset_id=NEIGHBOUR.asset_id, point="LY/113/ia")
    assert [flood.position for flood in floods(room)] == ["east"]
    assert {alarm.position for alarm in room.alarms.values()} == {"east", "west"}


def plain_floods(came: list[int], looked: list[int]) -> list[tuple[int, int | None, int, int]]:
    """(start, end, alarms, peak), by counting the whole past at every alarm and at every look."""

    def in_window(at: int, seen: list[int]) -> int:
        return sum(1 for each in seen if at - TEN_MINUTES_US < each <= at)

    found: list[list[int | None]] = []
    seen: list[int] = []
    moments = sorted([(at, 0) for at in came] + [(at, 1) for at in looked])
    for at, kind in moments:
        lasting = found[-1] if found and found[-1][1] is None else None
        if kind == 0:
            seen.append(at)
            count = in_window(at, seen)
            if lasting is None and count > 10:
                found.append([at, None, count, count])
            elif lasting is not None:
                lasting[2] = (lasting[2] or 0) + 1
                lasting[3] = max(lasting[3] or 0, count)
        elif lasting is not None and in_window(at, seen) < 5:
            lasting[1] = at
    return [(each[0] or 0, each[1], each[2] or 0, each[3] or 0) for each in found]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 5, 40, 61, 200]), st.sampled_from(["alarm"] * 5 + ["restart"])
        ),
        max_size=80,
    )
)
def test_floods_agree_with_counting_the_whole_past(steps: list[tuple[int, str]]) -> None:
    room = ControlRoom()
    came, looked = [], []
    for number, (seconds, what) in enumerate(steps):
        for _ in range(seconds):
            room.passes(1)
            looked.append(room.at_us)
        if what == "restart":
            room.restarts()
        else:
            # between two ticks, so that the order of the two is no matter of taste
            room.at_us += SECOND_US // 2
            came.append(room.at_us)
            room.raises(point=f"LY/1T/{number}", priority=Priority.MINOR)
    told = [(each.started_at_us, each.ended_at_us, each.alarms, each.peak) for each in floods(room)]
    assert told == plain_floods(came, looked)


def test_what_came_long_ago_is_forgotten() -> None:
    """A year of alarms must not stay in memory."""
    room = ControlRoom()
    burst(room, 30, seconds=0)
    quality = room.linkage._quality
    assert len(quality._raised) == 30
    room.passes(60)
    assert len(quality._raised) == 30, "a third one may still come within the minute"
    room.passes(1)
    assert (len(quality._raised), len(quality._order)) == (0, 0)
