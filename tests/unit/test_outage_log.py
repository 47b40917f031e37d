"""What the operation log has of an outage, a planned one and an earth fault: each thing once."""

from collections.abc import Iterable
from uuid import UUID

import pytest

from domain.changes import Changes
from domain.events import Event
from domain.log_words import log_text
from domain.logbook import LogEntry, LogKind
from domain.outage_requests import (
    AssignCrew,
    ConfirmRestored,
    EndPlannedOutage,
    MoveOutage,
    NoteOutage,
    PlanOutage,
    TickTrial,
)
from domain.outages import Phase, TrialResult
from domain.records import Record
from domain.requests import Request
from tests.support.alarms import TEN_US
from tests.support.outages import Room, earth
from tests.unit.test_outages import PLANNED


class LoggedRoom(Room):
    """Keeps the lines as the records do: the first one of an id stays."""

    def __post_init__(self) -> None:
        self.lines = dict[UUID, LogEntry]()
        super().__post_init__()

    def decide(self, record: Record, events: Iterable[Event] = ()) -> Changes:
        changes = super().decide(record, events)
        for entry in changes.log:
            self.lines.setdefault(entry.entry_id, entry)
        return changes

    def told(self, kind: LogKind) -> list[str]:
        return [
            entry.what.code
            for entry in self.lines.values()
            if entry.kind is kind and entry.what is not None
        ]


def test_an_outage_is_told_move_by_move_and_section_by_section() -> None:
    room = LoggedRoom()
    room.until(5)
    room.trip("S1", "S2")
    room.until(40)
    wanted = room.outage.outage_id
    asked: list[Request] = [
        AssignCrew(outage_id=wanted, crew_id="near"),
        AssignCrew(outage_id=wanted, crew_id="far"),
        MoveOutage(outage_id=wanted, phase=Phase.ACCEPTED),
        NoteOutage(outage_id=wanted, words="已出发"),
        MoveOutage(outage_id=wanted, phase=Phase.ON_SITE),
        ConfirmRestored(outage_id=wanted, sections=("113", "S1"), at_us=TEN_US + 40_000_000),
        ConfirmRestored(outage_id=wanted, sections=("S2", "S3", "S4"), at_us=TEN_US + 41_000_000),
        MoveOutage(outage_id=wanted, phase=Phase.CLOSED),
    ]
    for later, request in enumerate(asked):
        room.until(50 + later)
        assert room.ask(request).done
    assert room.told(LogKind.OUTAGE) == [
        "outage_declared",
        "outage_assigned",
        "outage_assigned",
        "outage_on_site",
        *["section_supplied"] * 2,
        "outage_restored",
        *["section_supplied"] * 3,
    ]
    crews = [log_text(each) for each in room.lines.values() if "抢修 113" in log_text(each)]
    assert crews == ["dd 派 近队 抢修 113联合站线", "dd 派 远队 抢修 113联合站线"]


def test_a_planned_outage_is_told_when_it_is_announced_and_withdrawn() -> None:
    room = LoggedRoom()
    assert room.ask(PLANNED).done
    (planned,) = room.planned.values()
    assert room.ask(EndPlannedOutage(planned_id=planned.planned_id, why="保供电")).done
    assert room.told(LogKind.PLANNED_OUTAGE) == ["planned_announced", "planned_withdrawn"]
    first, last = room.lines.values()
    assert "保供电" in log_text(last)
    assert (first.station, first.at_us) == (planned.station, planned.announced_at_us)
    assert "更换柱上开关" in log_text(first)


def test_one_that_is_refused_is_not_told() -> None:
    room = LoggedRoom()
    assert not room.ask(
        PlanOutage(feeder_id="LY/113", sections=(), from_us=1, to_us=2, why="")
    ).done
    assert not room.lines


@pytest.mark.parametrize("result", list(TrialResult))
def test_each_trial_of_an_earth_fault_is_told_with_what_came_of_it(result: TrialResult) -> None:
    room = LoggedRoom()
    earth(room)
    asked = TickTrial(earth_id=room.fault.earth_id, number="115", result=result)
    assert room.ask(asked).done
    room.until(30)
    assert room.told(LogKind.EARTH_FAULT) == ["earth_began", f"trial_{result.value}"]
