"""What the page of one outage says, over what linkage decided."""

import re
from xml.etree import ElementTree

import pytest

from domain.clock import MINUTE_US
from domain.outage_requests import (
    AssignCrew,
    ConfirmRestored,
    MoveOutage,
    NoteOutage,
    TickOutageStep,
)
from domain.outage_words import flag_word
from domain.outages import Flag, Overdue, Phase
from service.outage_view import Clock, clocks, happened, sections_of
from tests.support.alarms import TEN_US
from tests.support.outages import FEEDER, FEEDERS, Room
from web.components.feeder_drawing import feeder_svg


def located() -> Room:
    """Tripped at second 5 and not closed again; the fault lies between S2 and S3."""
    room = Room()
    room.until(5)
    room.trip("S1", "S2")
    room.until(40)
    return room


def assigned() -> Room:
    room = located()
    assert room.ask(AssignCrew(outage_id=room.outage.outage_id, crew_id="near")).done
    return room


def of(found: tuple[Clock, ...], what: Overdue) -> Clock:
    (clock,) = (each for each in found if each.what is what)
    return clock


def test_the_way_of_a_rural_crew_has_ninety_minutes_from_the_declaration() -> None:
    room = assigned()
    clock = of(clocks(room.outage, FEEDERS), Overdue.ON_SITE)
    assert clock.since_us == room.outage.at(Phase.PROPOSED)
    assert clock.due_us - clock.since_us == 90 * MINUTE_US
    assert clock.done_us is None
    assert not clock.is_late(clock.due_us)
    assert clock.is_late(clock.due_us + 1)


def test_acceptance_has_three_minutes_from_the_dispatch_and_is_done_when_it_is_done() -> None:
    room = assigned()
    clock = of(clocks(room.outage, FEEDERS), Overdue.ACCEPT)
    assert (clock.since_us, clock.due_us) == (room.at_us, room.at_us + 3 * MINUTE_US)
    room.jump(60 * 4)
    room.ask(MoveOutage(outage_id=room.outage.outage_id, phase=Phase.ACCEPTED))
    done = of(clocks(room.outage, FEEDERS), Overdue.ACCEPT)
    assert done.done_us == room.at_us
    assert done.is_late(done.done_us)
    assert not of(clocks(room.outage, FEEDERS), Overdue.ON_SITE).is_late(room.at_us)


def test_before_the_reclose_is_known_nobody_is_expected_to_do_anything() -> None:
    room = Room()
    room.until(5)
    room.trip()
    assert clocks(room.outage, FEEDERS) == ()


def test_everything_that_happened_stands_in_order_with_who_did_it() -> None:
    room = assigned()
    wanted = room.outage.outage_id
    room.jump(120)
    assert room.ask(NoteOutage(outage_id=wanted, words="已出发")).done
    room.jump(180)
    step = room.outage.steps[0]
    assert room.ask(TickOutageStep(outage_id=wanted, step_id=step.step_id)).done
    room.jump(240)
    back = ConfirmRestored(outage_id=wanted, sections=("113", "S1"), at_us=TEN_US + 200_000_000)
    assert room.ask(back).done
    found = happened(room.outage)
    assert [each.at_us for each in found] == sorted(each.at_us for each in found)
    told = [(each.what.code, each.actor) for each in found]
    assert told.count(("section_out", "")) == 5
    assert told.count(("section_restored", "dd")) == 2
    assert ("outage_note", "dd") in told
    assert (step.text.code, "dd") in told
    phases = [dict(each.what.facts)["phase"] for each in found if each.what.code == "outage_phase"]
    assert phases == ["waiting", "proposed", "assigned"]


def test_sections_hang_behind_each_other_with_what_their_indicators_say() -> None:
    found = {each.section.section_id: each for each in sections_of(located().outage, FEEDER)}
    assert [each.depth for each in found.values()] == [0, 1, 2, 3, 4]
    assert [each.flag for each in found.values()] == [
        None,
        Flag.SET,
        Flag.SET,
        Flag.CLEAR,
        Flag.CLEAR,
    ]
    assert [name for name, each in found.items() if each.faulted] == ["S2"]
    assert all(each.is_dark for each in found.values())


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_drawing_is_well_formed_whatever_a_section_is_called(language: str) -> None:
    svg = feeder_svg(
        sections_of(located().outage, FEEDER),
        'a "name" <with> & all',
        lambda flag: flag_word(flag, language),
    )
    drawn = ElementTree.fromstring(svg)
    squares = [each for each in drawn.iter() if each.tag.endswith("rect")]
    assert len(squares) == len(FEEDER.sections)
    assert [each.get("stroke-width") for each in squares] == ["2", "2", "3", "2", "2"]
    assert svg.count(flag_word(Flag.SET, language)) == 2
    assert re.search(r">S2 段<", svg)
