"""The operation log: what people may write and correct, and what the system writes by itself, once."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.assets import Condition, Priority
from domain.clock import MINUTE_US, SECOND_US
from domain.limit_changes import LimitSetting, limit_of
from domain.log_words import log_text, what_text
from domain.logbook import DISPATCH_ROOM, LogEntry, LogKind, PhoneOrder
from domain.paperwork import TagKind, TicketState
from domain.requests import (
    AcknowledgeIncident,
    ChangeLimit,
    HangTag,
    MoveTicket,
    RemoveTag,
    SwitchCampaign,
    WriteLog,
)
from domain.responsibility import Reason
from tests.support.alarms import TEN_US, TRANSFORMER
from tests.support.control_room import POINTS, STATION, ControlRoom, opening, protection

ORDER = PhoneOrder(giver="地调 张", receiver="甲值正值", given_at_us=TEN_US - 5 * MINUTE_US)
DAY_US = 24 * 60 * MINUTE_US


def write(**changes: object) -> WriteLog:
    facts = {"station": STATION, "kind": LogKind.NOTE, "at_us": TEN_US, "text": "巡视正常"}
    return WriteLog(**(facts | changes))  # type: ignore[arg-type]


def order(**changes: object) -> WriteLog:
    told = replace(ORDER, **changes)  # type: ignore[arg-type]
    return write(kind=LogKind.ORDER_RECEIVED, text="113开关由运行转热备用", order=told)


def of_kind(room: ControlRoom, kind: LogKind) -> list[LogEntry]:
    """As the records would have them: each once."""
    lines = {line.entry_id: line for line in reversed(room.everything.log)}
    return [line for line in lines.values() if line.kind is kind]


def test_a_line_says_who_wrote_it_and_when() -> None:
    room = ControlRoom()
    line_id = room.does(write(at_us=TEN_US - MINUTE_US, text="  巡视正常 "))
    (line,) = room.everything.log
    assert line == LogEntry(
        entry_id=UUID(line_id),
        station=STATION,
        kind=LogKind.NOTE,
        at_us=TEN_US - MINUTE_US,
        written_at_us=TEN_US,
        by="duty",
        text="巡视正常",
    )
    assert log_text(line) == "巡视正常"


def test_an_order_is_given_read_back_and_then_executed() -> None:
    room = ControlRoom()
    given = room.does(order())
    read_back = room.does(replace(order(read_back=True), corrects=UUID(given)))
    executed = replace(order(read_back=True, executed_at_us=TEN_US), corrects=UUID(read_back))
    room.does(executed)
    assert [line.order.read_back for line in room.everything.log if line.order] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("request_", "actor", "code"),
    [
        pytest.param(write(text="  "), "duty", "log_text_needed", id="without-words"),
        pytest.param(write(text="x" * 4_001), "duty", "log_too_long", id="without-end"),
        pytest.param(write(kind=LogKind.TRIP), "duty", "log_kind", id="in-the-systems-name"),
        pytest.param(write(at_us=TEN_US + 2 * MINUTE_US), "duty", "log_time", id="of-the-future"),
        pytest.param(write(at_us=TEN_US - 8 * DAY_US), "duty", "log_time", id="of-last-week"),
        pytest.param(write(), "viewer", "not_allowed", id="by-a-viewer"),
        pytest.param(write(), "elsewhere", "out_of_scope", id="of-another-station"),
        pytest.param(
            write(station=DISPATCH_ROOM),
            "elsewhere",
            "not_in_the_dispatch_room",
            id="of-the-dispatch-room-from-a-station",
        ),
        pytest.param(write(station="x"), "duty", "unknown_place", id="of-nowhere"),
        pytest.param(
            write(kind=LogKind.ORDER_GIVEN), "duty", "order_incomplete", id="an-order-of-nobody"
        ),
        pytest.param(order(receiver=" "), "duty", "order_incomplete", id="an-order-to-nobody"),
        pytest.param(
            order(executed_at_us=TEN_US), "duty", "read_back_first", id="executed-unconfirmed"
        ),
        pytest.param(
            order(read_back=True, executed_at_us=TEN_US - 6 * MINUTE_US),
            "duty",
            "executed_before_given",
            id="executed-before-it-was-given",
        ),
        pytest.param(
            write(corrects=UUID(int=7)), "duty", "no_such_line", id="a-correction-of-nothing"
        ),
    ],
)
def test_what_the_log_does_not_take(request_: WriteLog, actor: str, code: str) -> None:
    assert ControlRoom().refuses(request_, actor) == code


def test_a_correction_is_a_new_line_and_each_line_is_corrected_once() -> None:
    room = ControlRoom()
    first = UUID(room.does(write(text="114线停电")))
    second = UUID(room.does(write(text="113线停电", corrects=first)))
    assert [line.text for line in room.everything.log] == ["114线停电", "113线停电"]
    room.restarts()
    assert room.refuses(write(corrects=first)) == "line_corrected"
    assert room.refuses(write(corrects=second, station=DISPATCH_ROOM)) == "no_such_line"
    room.does(write(text="113线停电检修", corrects=second))


def test_what_is_older_than_a_week_is_not_corrected() -> None:
    room = ControlRoom()
    first = UUID(room.does(write()))
    room.passes(7 * 86_400 + 1)
    assert room.refuses(write(corrects=first, at_us=room.at_us)) == "no_such_line"


def test_the_same_request_writes_one_line() -> None:
    room = ControlRoom()
    room.does(write())
    room._asked -= 1  # the same id again
    room.ask(write())
    assert len(room.everything.log) == 1


def test_the_system_writes_a_trip_once_however_it_became_known() -> None:
    room = ControlRoom()
    room.raises(**opening())
    assert of_kind(room, LogKind.TRIP) == [], "an opening alone is no trip"
    room.passes(1)
    event = room.raises(**protection())
    (line,) = of_kind(room, LogKind.TRIP)
    assert log_text(line) == "35kV柳塬变 113联合站线 油温 事故跳闸"
    assert line.station == STATION
    room.passes(1)
    room.clears(event)
    room.restarts()
    room.passes(1)
    assert len(of_kind(room, LogKind.TRIP)) == 1


@pytest.mark.parametrize(
    ("priority", "lines"), [(Priority.URGENT, 1), (Priority.MAJOR, 1), (Priority.MINOR, 0)]
)
def test_an_acknowledgement_of_level_1_and_2_is_a_line(priority: Priority, lines: int) -> None:
    room = ControlRoom()
    event = room.raises(priority=priority)
    (incident,) = room.open_incidents()
    room.does(AcknowledgeIncident(incident_id=incident.incident_id))
    room.passes(1)
    room.clears(event)  # a later version of the incident tells the same
    found = of_kind(room, LogKind.ACKNOWLEDGED)
    assert len(found) == lines
    assert all(dict(line.what.facts)["by"] == "duty" for line in found if line.what)


def test_tags_tickets_limits_and_modes_are_lines() -> None:
    room = ControlRoom()
    ticket = room.opens_ticket(TRANSFORMER.asset_id, state=TicketState.WORKING)
    tag = room.hangs(HangTag(kind=TagKind.DEFECT, asset_id=TRANSFORMER.asset_id, note="漏油"))
    room.passes(1)
    room.does(RemoveTag(tag_id=tag.tag_id))
    room.does(MoveTicket(ticket_id=ticket, state=TicketState.ENDED))
    limit = limit_of(POINTS["LY/1T/top_oil_temp"], Condition.LOW)  # type: ignore[index]
    assert limit
    setting = replace(LimitSetting.of("LY/1T/top_oil_temp", limit), value=5)  # type: ignore[arg-type]
    room.does(ChangeLimit(setting=setting, reason="夏季"), "chief")
    room.does(SwitchCampaign(mode_id="winter", is_on=True), "chief")
    texts = {line.kind: log_text(line) for line in room.everything.log}
    assert texts == {
        LogKind.TICKET_PERMITTED: f"工作票 {room.ticket(ticket).number} 许可: 1号主变传动试验",
        LogKind.TAG_HUNG: "duty 在 35kV柳塬变 1号主变 挂缺陷牌 漏油",
        LogKind.TAG_REMOVED: "duty 摘除 35kV柳塬变 1号主变 的缺陷牌",
        LogKind.TICKET_ENDED: f"工作票 {room.ticket(ticket).number} 终结: 1号主变传动试验",
        LogKind.LIMIT_CHANGED: "chief 将 35kV柳塬变 1号主变 油温 越下限 限值由 0℃ 改为 5℃: 夏季",
        LogKind.MODE_SWITCHED: "chief 开始 冬季保供",
    }


def test_a_forgotten_tag_is_not_hung_a_second_time() -> None:
    room = ControlRoom()
    until_us = room.at_us + 5 * SECOND_US
    room.hangs(HangTag(kind=TagKind.DEFECT, asset_id=TRANSFORMER.asset_id, until_us=until_us))
    room.passes(10)
    assert len(of_kind(room, LogKind.TAG_HUNG)) == 1


def test_a_line_of_the_system_is_worded_in_both_languages() -> None:
    what = Reason.of("handover_late", post="调度室", old="甲值 2026-05-01 早班")
    assert what_text(what) == "调度室: 甲值 2026-05-01 早班 超时未交接"
    assert "has not handed over in time" in what_text(what, "en")
    assert what_text(Reason.of("of_tomorrow", who="甲")) == "of_tomorrow 甲"
