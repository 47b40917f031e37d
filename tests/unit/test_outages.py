"""Trip to outage, crew, restoration and closing, by events, requests and ticks (DOMAIN E2, E4, E5).

Rules of E4 stand in test_fault_location with their tests, those of E5 in test_escalation.
"""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.assets import AlarmClass, Condition
from domain.clock import MINUTE_US, SECOND_US
from domain.events import AlarmCleared, AlarmRaised
from domain.feeders import Terrain, Transformer
from domain.ids import PointKey
from domain.outage_requests import (
    AssignCrew,
    ChangePlannedOutage,
    ConfirmPing,
    ConfirmRestored,
    EndPlannedOutage,
    LocateFault,
    MoveOutage,
    NoteOutage,
    PlanOutage,
    ReportOutage,
    TickOutageStep,
)
from domain.outages import OutageCause, Phase, PlanState, open_tasks
from domain.paperwork import TagKind
from domain.requests import HangTag, Request
from domain.responsibility import Kind
from linkage.linkage import Linkage
from linkage.plan import LinkagePlan
from tests.support.alarms import TEN_US
from tests.support.outages import (
    BREAKER,
    FEEDERS,
    OUTAGE_PLAN,
    Room,
    gasp,
    opening,
    protection,
    returned,
)

ALL = ("113", "S1", "S2", "S3", "S4")


def declared(*flags: str) -> Room:
    """A permanent outage half a minute after a trip, with these flags set."""
    room = Room()
    room.until(5)
    room.trip(*flags)
    room.until(40)
    return room


def at_work() -> Room:
    """The same with a crew sent."""
    room = declared("S1", "S2")
    assert room.ask(AssignCrew(outage_id=room.outage.outage_id, crew_id="near")).done
    return room


def overdue(room: Room) -> list[str]:
    """What stands as overdue, by the last word of its point."""
    cleared = {each.event_id for each in room.events if isinstance(each, AlarmCleared)}
    return [
        each.point.rsplit("/", 1)[1]
        for each in room.events
        if isinstance(each, AlarmRaised)
        and each.condition is Condition.OVERDUE
        and each.event_id not in cleared
    ]


# -- trip, reclose, lockout ------------------------------------------------------------------------


def phase_of(room: Room) -> Phase:
    return room.outage.phase


def dark(room: Room) -> tuple[str, ...]:
    """Sections without supply."""
    return room.outage.dark


def test_a_trip_waits_for_its_reclose_and_then_is_a_permanent_outage() -> None:
    room = Room()
    room.until(5)
    room.trip("S1", "S2")
    assert phase_of(room) is Phase.WAITING
    assert dark(room) == ALL
    room.until(34)
    assert phase_of(room) is Phase.WAITING
    room.until(35)
    assert (room.outage.phase, room.outage.cause) == (Phase.PROPOSED, OutageCause.TRIP)
    assert room.outage.faulted == ("S2",)


@pytest.mark.parametrize(
    ("does", "becomes"),
    [
        pytest.param([], {29: "waiting", 30: "proposed trip"}, id="no-close-within-the-wait"),
        pytest.param(
            [(29, "close")],
            {30: "waiting", 38: "waiting", 39: "momentary"},
            id="a-close-just-in-time",
        ),
        pytest.param([(31, "close")], {50: "proposed trip"}, id="a-close-that-comes-too-late"),
        pytest.param(
            [(2, "close"), (8, "trip")], {8: "proposed lockout"}, id="it-closed-onto-the-fault"
        ),
        pytest.param([(2, "close")], {11: "waiting", 12: "momentary"}, id="it-closed-and-held"),
        pytest.param([(1, "lock")], {1: "proposed lockout"}, id="lockout-while-it-waits"),
        pytest.param([(-4, "lock")], {0: "proposed lockout"}, id="lockout-just-before"),
        pytest.param([(-9, "lock")], {0: "waiting"}, id="an-earlier-lockout-is-another-one-s"),
        pytest.param(
            [(2, "close"), (4, "lock")],
            {4: "waiting", 12: "momentary"},
            id="locked-when-closed-again",
        ),
    ],
)
def test_what_the_breaker_does_decides(
    does: list[tuple[int, str]], becomes: dict[int, str]
) -> None:
    """Seconds after a trip with a wait of 30 s and a hold of 10 s."""
    room, began = Room(), 10
    opened: AlarmRaised | None = None
    seen = dict[int, str]()
    for second in range(-10, max(becomes) + 1):
        room.until(began + second)
        for act in [act for at, act in does if at == second]:
            if act == "lock":
                room.tell(
                    protection(room.at_us, point="LY/113/lockout", alarm_class=AlarmClass.ABNORMAL)
                )
            elif act == "close":
                assert opened
                room.tell(returned(opened, room.at_us))
            else:
                opened = room.trip(dead=False)
        if second == 0:
            opened = room.trip(dead=False)
        if second in becomes:
            phase, cause = room.outage.phase, room.outage.cause
            seen[second] = f"{phase} {cause}" if phase is Phase.PROPOSED else str(phase)
    assert seen == becomes


@pytest.mark.parametrize(
    ("wait_s", "located"),
    [
        pytest.param(10, {9: False, 10: True}, id="ten-seconds"),
        pytest.param(15, {14: False, 15: True}, id="as-the-site-says"),
    ],
)
def test_the_flags_have_ten_seconds_from_the_trip(wait_s: int, located: dict[int, bool]) -> None:
    """Also where a lockout declares the outage at once."""
    rules = replace(FEEDERS.rules, flags_wait_us=wait_s * SECOND_US)
    room = Room(replace(OUTAGE_PLAN, feeders=replace(FEEDERS, rules=rules)))
    room.tell(protection(point="LY/113/lockout", alarm_class=AlarmClass.ABNORMAL))
    room.trip("S1", "S2")
    assert phase_of(room) is Phase.PROPOSED
    found = dict[int, bool]()
    for second in located:
        room.until(second)
        found[second] = room.outage.located is not None
    assert found == located


def test_an_opening_without_protection_is_no_outage() -> None:
    room = Room()
    room.tell(opening())
    room.until(60)
    assert not room.outages


@pytest.mark.parametrize("protection_first", [True, False])
def test_opening_and_protection_may_come_in_either_order(protection_first: bool) -> None:
    room = Room()
    pair = [protection(), opening()]
    for event in pair if protection_first else reversed(pair):
        room.tell(event)
    assert phase_of(room) is Phase.WAITING


def test_a_second_protection_of_the_same_opening_is_no_second_trip() -> None:
    room = Room()
    room.tell(opening(), protection(), protection(point="LY/113/quick_break"))
    assert phase_of(room) is Phase.WAITING


def test_a_reclose_that_holds_is_a_momentary_interruption() -> None:
    room = Room()
    opened = room.trip("S1", dead=False)
    room.until(2)
    room.tell(returned(opened, TEN_US + 2 * SECOND_US))
    room.until(11)
    assert phase_of(room) is Phase.WAITING
    room.until(13)
    assert phase_of(room) is Phase.MOMENTARY
    assert {each.restored_at_us for each in room.outage.sections} == {TEN_US + 2 * SECOND_US}
    assert room.outage.note_due_us is None


def test_a_reclose_onto_the_fault_is_permanent_at_once() -> None:
    room = Room()
    opened = room.trip("S1", dead=False)
    room.until(2)
    room.tell(returned(opened, room.at_us))
    room.until(3)
    room.trip("S1")
    assert (room.outage.phase, room.outage.cause) == (Phase.PROPOSED, OutageCause.LOCKOUT)
    assert dark(room) == ALL
    assert not any(each.back_at_us for each in room.outage.sections)


@pytest.mark.parametrize("before", [True, False])
def test_a_lockout_declares_it_without_waiting(before: bool) -> None:
    room = Room()
    locked = protection(point="LY/113/lockout", alarm_class=AlarmClass.ABNORMAL)
    if before:
        room.tell(locked)
    room.trip()
    if not before:
        room.tell(locked)
    assert (room.outage.phase, room.outage.cause) == (Phase.PROPOSED, OutageCause.LOCKOUT)


def test_the_wait_is_the_sites_to_set() -> None:
    rules = replace(FEEDERS.rules, reclose_wait_us=90 * SECOND_US)
    room = Room(replace(OUTAGE_PLAN, feeders=replace(FEEDERS, rules=rules)))
    room.trip()
    room.until(89)
    assert phase_of(room) is Phase.WAITING
    room.until(90)
    assert phase_of(room) is Phase.PROPOSED


def test_a_drive_test_makes_no_outage() -> None:
    room = Room()
    room.ask(HangTag(kind=TagKind.DRIVE_TEST, asset_id=BREAKER.asset_id))
    room.trip()
    room.until(60)
    assert not room.outages


def test_the_outage_is_joined_to_the_incident_and_answered_for() -> None:
    room = Room()
    opened = opening()
    changes = room.tell(protection(), opened)
    assert room.outage.incident_id == changes.memberships[opened.event_id]
    assert room.outage.answer.acting is not None
    assert room.outage.asset_id == BREAKER.asset_id


def test_the_answer_is_asked_for_as_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = list[Kind]()
    plain = Linkage._answer_for

    def answer(self: Linkage, asset_id: object, at_us: int, kind: Kind) -> object:
        kinds.append(kind)
        return plain(self, asset_id, at_us, kind)  # type: ignore[arg-type]

    monkeypatch.setattr(Linkage, "_answer_for", answer)
    Room().trip()
    assert Kind.OUTAGE in kinds


# -- location and proposal -------------------------------------------------------------------------


def test_a_late_flag_moves_the_fault_until_somebody_acts() -> None:
    room = declared("S1")
    assert room.outage.faulted == ("S1",)
    room.set_flags("S2")
    room.until(60)
    assert room.outage.faulted == ("S2",)
    step = room.outage.steps[0]
    assert room.ask(TickOutageStep(outage_id=room.outage.outage_id, step_id=step.step_id)).done
    room.set_flags("S3")
    room.until(120)
    assert room.outage.faulted == ("S2",)


def test_the_load_before_the_trip_is_what_the_feeder_carried() -> None:
    room = declared("S1", "S2")
    assert room.outage.load_before_mw == 2.0
    (transfer,) = [each for each in room.outage.steps if each.text.code == "step_close_tie"]
    assert dict(transfer.text.facts)["load"] == "0.8"


def test_contradicting_flags_leave_it_to_a_person() -> None:
    room = declared("S2")  # S1 stands clear
    assert (room.outage.faulted, room.outage.steps) == ((), ())
    assert room.outage.located
    assert room.outage.located.code == "flags_contradict"
    wanted = LocateFault(outage_id=room.outage.outage_id, sections=("S2",), words="巡线发现断线")
    assert room.ask(wanted).done
    assert (room.outage.faulted, room.outage.located_by) == (("S2",), "dd")
    assert room.outage.steps
    room.until(200)
    assert room.outage.faulted == ("S2",)


def test_crews_are_proposed_by_skill_freedom_and_distance() -> None:
    room = at_work()
    assert [each.crew_id for each in room.outage.crews] == ["near", "far", "cable"]
    assert [each.has_skill for each in room.outage.crews] == [True, True, False]
    assert room.outage.crews[0].km == 6.5  # the written road, not the straight line
    later = Room(held=replace(room.held, outages=room.restarted().held.outages))
    later.at_us = room.at_us + 20 * MINUTE_US
    later.trip("S1")
    later.until(30 * 60)
    (second,) = [each for each in later.outages.values() if each.started_at_us > TEN_US + 10**9]
    assert [each.crew_id for each in second.crews] == ["far", "near", "cable"]
    assert second.crews[1].busy


# -- the crew and the clocks -----------------------------------------------------------------------


def test_every_move_is_timed_and_follows_the_one_before() -> None:
    room = at_work()
    wanted = room.outage.outage_id
    for minute, phase in enumerate(
        (Phase.ACCEPTED, Phase.ON_SITE, Phase.ISOLATED, Phase.REPAIRED), start=2
    ):
        room.until(minute * 60)
        assert room.ask(MoveOutage(outage_id=wanted, phase=phase)).done
        assert room.outage.at(phase) == TEN_US + minute * MINUTE_US
    at_us = TEN_US + 300 * SECOND_US
    assert room.ask(ConfirmRestored(outage_id=wanted, sections=ALL, at_us=at_us)).done
    assert phase_of(room) is Phase.RESTORED
    assert room.ask(MoveOutage(outage_id=wanted, phase=Phase.CLOSED)).done
    assert not room.outage.is_open
    assert [each.phase for each in room.outage.moves][:3] == [
        Phase.WAITING,
        Phase.PROPOSED,
        Phase.ASSIGNED,
    ]


@pytest.mark.parametrize(
    "phase", [Phase.ON_SITE, Phase.REPAIRED, Phase.RESTORED, Phase.ASSIGNED, Phase.PROPOSED]
)
def test_no_move_is_skipped(phase: Phase) -> None:
    room = at_work()
    assert not room.ask(MoveOutage(outage_id=room.outage.outage_id, phase=phase)).done
    assert phase_of(room) is Phase.ASSIGNED


def test_another_crew_may_be_sent_until_one_is_on_site() -> None:
    room = at_work()
    wanted = room.outage.outage_id
    assert room.ask(MoveOutage(outage_id=wanted, phase=Phase.ACCEPTED)).done
    assert room.ask(AssignCrew(outage_id=wanted, crew_id="far")).done
    assert (room.outage.phase, room.outage.crew_id) == (Phase.ASSIGNED, "far")
    assert room.outage.at(Phase.ACCEPTED) is None
    room.ask(MoveOutage(outage_id=wanted, phase=Phase.ACCEPTED))
    room.ask(MoveOutage(outage_id=wanted, phase=Phase.ON_SITE))
    assert not room.ask(AssignCrew(outage_id=wanted, crew_id="near")).done


@pytest.mark.parametrize(
    ("terrain", "minutes"), [(Terrain.CITY, 45), (Terrain.RURAL, 90), (Terrain.REMOTE, 120)]
)
def test_a_crew_is_on_site_within_45_90_or_120_minutes(terrain: Terrain, minutes: int) -> None:
    feeder = replace(FEEDERS.feeders[0], terrain=terrain)
    rules = replace(FEEDERS.rules, note_every_us=600 * MINUTE_US)
    plan = replace(OUTAGE_PLAN, feeders=replace(FEEDERS, feeders=(feeder,), rules=rules))
    room = Room(plan)
    room.trip()
    room.until(30)
    room.jump(30 + minutes * 60 - 1)
    assert not overdue(room)
    room.jump(30 + minutes * 60)
    assert overdue(room) == ["on_site"]
    room.jump(30 + minutes * 60 + 50)
    assert overdue(room) == ["on_site"]  # once


def test_what_is_overdue_returns_when_it_has_happened() -> None:
    room = at_work()
    wanted = room.outage.outage_id
    room.until(40 + 3 * 60)
    assert overdue(room) == ["accept"]
    room.ask(MoveOutage(outage_id=wanted, phase=Phase.ACCEPTED))
    assert overdue(room) == []


def test_a_progress_note_is_due_every_half_hour() -> None:
    room = declared("S1")
    wanted = room.outage.outage_id
    room.jump(30 + 30 * 60 - 1)
    assert "note" not in overdue(room)
    room.jump(60 + 30 * 60)
    assert "note" in overdue(room)
    assert any(each.text.code == "task_note" for each in open_tasks(room.outage))
    assert not room.ask(NoteOutage(outage_id=wanted, words=" ")).done
    assert room.ask(NoteOutage(outage_id=wanted, words="正在巡线")).done
    assert "note" not in overdue(room)
    assert room.outage.note_due_us == room.at_us + 30 * MINUTE_US
    assert [each.words for each in room.outage.notes] == ["正在巡线"]


# -- restoration -----------------------------------------------------------------------------------


def test_restoration_is_proposed_by_telemetry_and_confirmed_by_hand_step_by_step() -> None:
    room = at_work()
    wanted = room.outage.outage_id
    room.until(100)
    room.stand({"LY/113/S2/position": 1.0, "LY/113/S3/position": 1.0, "LY/113/position": 2.0})
    room.until(101)
    back = {each.section_id: each.back_at_us for each in room.outage.sections}
    assert back == {
        "113": room.at_us,
        "S1": room.at_us,
        "S2": None,
        "S3": None,
        "S4": None,
    }
    assert dark(room) == ALL  # nobody has confirmed it
    assert room.ask(ConfirmRestored(outage_id=wanted, sections=("113", "S1"))).done
    assert dark(room) == ("S2", "S3", "S4")
    room.until(200)
    room.stand({"LY/L1/position": 2.0})
    room.until(201)
    assert room.ask(ConfirmRestored(outage_id=wanted, sections=("S3", "S4"))).done
    assert dark(room) == ("S2",)
    assert phase_of(room) is Phase.ASSIGNED
    ends = {each.section_id: each.restored_at_us for each in room.outage.sections}
    assert (ends["S1"], ends["S4"]) == (TEN_US + 101 * SECOND_US, TEN_US + 201 * SECOND_US)


def test_a_supply_that_fails_again_takes_its_proposal_back() -> None:
    room = at_work()
    room.stand({"LY/113/S2/position": 1.0, "LY/113/position": 2.0})
    room.until(60)
    assert any(each.back_at_us for each in room.outage.sections)
    room.trip()
    assert len(room.outages) == 1
    room.until(70)
    assert not any(each.back_at_us for each in room.outage.sections)


def test_a_trip_after_a_long_supply_is_another_outage() -> None:
    room = declared("S1")
    room.stand({"LY/113/position": 2.0})
    room.until(60)
    room.jump(60 + 6 * 60)
    room.trip("S1")
    assert len(room.outages) == 2


def test_switches_without_telemetry_stand_where_the_ticked_steps_say() -> None:
    feeder = FEEDERS.feeders[0]
    blind = replace(
        feeder, sections=tuple(replace(each, position=None) for each in feeder.sections)
    )
    room = Room(replace(OUTAGE_PLAN, feeders=replace(FEEDERS, feeders=(blind,))))
    room.until(5)
    room.trip("S1", "S2")
    room.until(40)
    wanted = room.outage.outage_id
    room.ask(TickOutageStep(outage_id=wanted, step_id="isolate S2"))
    room.stand({"LY/113/position": 2.0})
    room.until(60)
    assert [each.section_id for each in room.outage.sections if each.back_at_us] == ["113", "S1"]


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        pytest.param(
            lambda wanted: ConfirmRestored(outage_id=wanted, sections=("S4",)),
            "say_when_restored",
            id="telemetry-does-not-show-it",
        ),
        pytest.param(
            lambda wanted: ConfirmRestored(outage_id=wanted, sections=("S4",), at_us=TEN_US - 1),
            "restored_times",
            id="before-it-went",
        ),
        pytest.param(
            lambda wanted: ConfirmRestored(outage_id=wanted, sections=("S9",)),
            "no_such_section",
            id="no-such-section",
        ),
        pytest.param(
            lambda wanted: AssignCrew(outage_id=wanted, crew_id="x"), "no_such_crew", id="no-crew"
        ),
        pytest.param(
            lambda wanted: TickOutageStep(outage_id=wanted, step_id="x"),
            "no_such_step",
            id="no-such-step",
        ),
        pytest.param(
            lambda wanted: LocateFault(outage_id=wanted, sections=("S9",), words="x"),
            "no_such_section",
            id="located-nowhere",
        ),
        pytest.param(
            lambda wanted: LocateFault(outage_id=wanted, sections=("S2",), words=" "),
            "words_needed",
            id="located-without-words",
        ),
        pytest.param(
            lambda wanted: ConfirmPing(outage_id=wanted, answered=True), "no_ping_needed", id="ping"
        ),
        pytest.param(
            lambda wanted: NoteOutage(outage_id=UUID(int=1), words="x"),
            "no_such_outage",
            id="no-such-outage",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(request_of: object, code: str) -> None:
    room = declared("S1")
    before = room.outage
    handled = room.ask(request_of(before.outage_id))  # type: ignore[operator]
    assert (handled.done, handled.why and handled.why.code) == (False, code)
    assert room.outage == before


def test_another_stations_people_cannot_move_it() -> None:
    room = declared("S1")
    handled = room.ask(AssignCrew(outage_id=room.outage.outage_id, crew_id="near"), user="other")
    assert handled.why
    assert handled.why.code == "out_of_scope"


def test_it_is_closed_only_when_everything_has_supply() -> None:
    room = at_work()
    wanted = room.outage.outage_id
    for phase in (Phase.ACCEPTED, Phase.ON_SITE, Phase.ISOLATED, Phase.REPAIRED):
        room.ask(MoveOutage(outage_id=wanted, phase=phase))
    handled = room.ask(MoveOutage(outage_id=wanted, phase=Phase.CLOSED))
    assert handled.why
    assert handled.why.code == "still_dark"


def test_a_restart_changes_nothing() -> None:
    """What is under way goes on from the records: the wait, the overdue alarm that was told, the moves."""
    room = Room()
    opened = room.trip("S1", "S2")
    room.until(10)
    room = room.restarted()
    room.until(31)
    assert phase_of(room) is Phase.PROPOSED
    assert room.outage.faulted == ("S2",)
    room.jump(31 + 30 * 60)
    assert overdue(room) == ["note"]
    room = room.restarted()
    room.until(31 + 30 * 60 + 10)
    assert overdue(room) == []  # not told again
    room.stand({"LY/113/position": 2.0})
    room.tell(returned(opened, room.at_us))
    assert room.outage.sections[0].back_at_us == room.at_us


def test_the_same_records_give_the_same_outage() -> None:
    assert declared("S1", "S2").outages == declared("S1", "S2").outages


# -- by telephone, and by last gasp ----------------------------------------------------------------


def test_a_reported_outage_needs_words_and_sections_that_have_supply() -> None:
    room = Room()
    report = ReportOutage(feeder_id="LY/113", sections=("S4",), words="井场来电")
    assert not room.ask(replace(report, words="")).done
    assert not room.ask(replace(report, sections=())).done
    assert not room.ask(replace(report, feeder_id="LY/999")).done
    assert room.ask(report).done
    assert (room.outage.cause, room.outage.dark) == (OutageCause.REPORTED, ("S4",))
    assert room.outage.notes[0].words == "井场来电"
    handled = room.ask(report)
    assert handled.why
    assert handled.why.code == "dark_already"


def gasps(*meters: str) -> list[AlarmRaised]:
    return [gasp(f"LY/{meter}", TEN_US + 10 * SECOND_US * row) for row, meter in enumerate(meters)]


@pytest.mark.parametrize(
    ("heard", "transformers", "customers"),
    [
        pytest.param(("T1/0",), None, 0, id="one-of-five-meters-is-nothing"),
        pytest.param(("T1/0", "T2/0"), None, 0, id="one-each-of-two-transformers-is-nothing"),
        pytest.param(("T1/0", "T1/1"), ("T1",), 3, id="two-meters-are-a-transformer"),
        pytest.param(
            ("T1/0", "T1/1", "T2/0", "T2/1"), ("T1", "T2"), 10, id="two-of-three-are-the-section"
        ),
    ],
)
def test_last_gasps_are_grouped_to_transformers_and_sections(
    heard: tuple[str, ...], transformers: tuple[str, ...] | None, customers: int
) -> None:
    room = Room()
    room.tell(*gasps(*heard))
    if transformers is None:
        assert not room.outages
        return
    assert (room.outage.phase, room.outage.gasps) == (Phase.SUSPECTED, transformers)
    assert [(each.section_id, each.customers) for each in room.outage.sections] == [
        ("S3", customers)
    ]


def under(meters: int, transformers: int) -> LinkagePlan:
    """Section S3 with so many transformers of so many meters each."""
    feeder = FEEDERS.feeders[0]
    made = tuple(
        Transformer(
            transformer_id=f"T{number}",
            name=f"{number}号台区",
            customers=3,
            meters=tuple(PointKey(f"LY/T{number}/{meter}") for meter in range(meters)),
        )
        for number in range(1, transformers + 1)
    )
    sections = tuple(
        replace(each, transformers=made) if each.section_id == "S3" else each
        for each in feeder.sections
    )
    feeders = replace(FEEDERS, feeders=(replace(feeder, sections=sections),))
    return replace(OUTAGE_PLAN, feeders=feeders)


@pytest.mark.parametrize(
    ("meters", "transformers", "heard", "customers"),
    [
        pytest.param(3, 3, ["T1/0"], 3, id="one-of-three-meters-is-33-percent"),
        pytest.param(4, 3, ["T1/0"], None, id="one-of-four-is-25-percent"),
        pytest.param(20, 3, ["T1/0", "T1/1"], 3, id="two-meters-however-many-there-are"),
        pytest.param(1, 3, ["T1/0"], 3, id="its-only-meter"),
        pytest.param(1, 2, ["T1/0"], 10, id="one-of-two-transformers-is-half-the-section"),
        pytest.param(1, 4, ["T1/0", "T2/0"], 10, id="two-of-four-as-well"),
        pytest.param(1, 5, ["T1/0", "T2/0"], 6, id="two-of-five-are-their-own-customers"),
    ],
)
def test_shares_of_meters_and_transformers(
    meters: int, transformers: int, heard: list[str], customers: int | None
) -> None:
    room = Room(under(meters, transformers))
    room.tell(*gasps(*heard))
    found = [each.customers for outage in room.outages.values() for each in outage.sections]
    assert found == ([] if customers is None else [customers])


@pytest.mark.parametrize(
    ("seconds", "outages"),
    [
        pytest.param(119, 1, id="within"),
        pytest.param(120, 1, id="two-minutes"),
        pytest.param(121, 0, id="longer"),
        pytest.param(-120, 1, id="one-that-comes-late"),
        pytest.param(-121, 0, id="later-still"),
    ],
)
def test_gasps_belong_together_within_two_minutes(seconds: int, outages: int) -> None:
    room = Room()
    room.tell(gasp("LY/T1/0"))
    room.tell(gasp("LY/T1/1", TEN_US + seconds * SECOND_US))
    assert len(room.outages) == outages


@pytest.mark.parametrize(("answered", "phase"), [(True, Phase.WITHDRAWN), (False, Phase.PROPOSED)])
def test_a_ping_confirms_a_suspected_outage_or_withdraws_it(answered: bool, phase: Phase) -> None:
    room = Room()
    room.tell(*gasps("T1/0", "T1/1"))
    assert [each.text.code for each in open_tasks(room.outage)] == ["task_ping"]
    assert room.ask(ConfirmPing(outage_id=room.outage.outage_id, answered=answered)).done
    assert phase_of(room) is phase


def test_gasps_join_the_feeders_event_whichever_comes_first() -> None:
    room = Room()
    room.tell(*gasps("T1/0", "T1/1"))
    first = room.outage.outage_id
    room.trip("S1", "S2")
    assert (room.outage.outage_id, room.outage.phase) == (first, Phase.WAITING)
    assert dark(room) == ALL
    room.tell(*gasps("T2/0", "T2/1"))
    assert room.outage.gasps == ("T1", "T2")


def test_meters_that_answer_again_propose_the_restoration() -> None:
    room = Room()
    room.tell(*gasps("T1/0", "T1/1"))
    room.ask(ConfirmPing(outage_id=room.outage.outage_id, answered=False))
    room.until(60)
    assert room.outage.sections[0].back_at_us is None
    room.stand({f"LY/T1/{meter}": 0.0 for meter in range(5)})
    room.until(61)
    assert room.outage.sections[0].back_at_us == room.at_us


# -- planned outages -------------------------------------------------------------------------------

DAY_US = 24 * 60 * MINUTE_US
PLANNED = PlanOutage(
    feeder_id="LY/113",
    sections=ALL,
    from_us=TEN_US + 8 * DAY_US,
    to_us=TEN_US + 8 * DAY_US + 4 * 60 * MINUTE_US,
    why="更换柱上开关",
)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({}, None, id="eight-days-ahead"),
        pytest.param({"from_us": TEN_US + 6 * DAY_US}, "announced_late", id="six-days-ahead"),
        pytest.param(
            {"from_us": TEN_US + 6 * DAY_US, "late_because": "缺陷升级"},
            None,
            id="late-and-said-why",
        ),
        pytest.param({"to_us": TEN_US + 8 * DAY_US}, "plan_times", id="no-time-at-all"),
        pytest.param({"sections": ("S9",)}, "no_such_section", id="no-such-section"),
        pytest.param({"feeder_id": "LY/999"}, "no_such_feeder", id="no-such-feeder"),
        pytest.param({"why": " "}, "words_needed", id="without-a-reason"),
    ],
)
def test_a_planned_outage_is_announced_seven_days_ahead(
    changed: dict[str, object], code: str | None
) -> None:
    room = Room()
    handled = room.ask(replace(PLANNED, **changed))  # type: ignore[arg-type]
    assert (handled.why.code if handled.why else None) == code


def test_two_planned_outages_of_one_section_do_not_overlap() -> None:
    room = Room()
    assert room.ask(PLANNED).done
    handled = room.ask(replace(PLANNED, sections=("S4",)))
    assert handled.why
    assert handled.why.code == "plan_overlaps"


def changed_to(room: Room, **changed: object) -> ChangePlannedOutage:
    (planned,) = room.planned.values()
    request = ChangePlannedOutage(
        planned_id=planned.planned_id,
        sections=planned.sections,
        from_us=planned.from_us,
        to_us=planned.to_us,
        why=planned.why,
    )
    return replace(request, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"to_us": PLANNED.to_us + DAY_US}, None, id="it-does-not-overlap-itself"),
        pytest.param({"sections": ("S4",)}, None, id="fewer-sections"),
        pytest.param({"from_us": TEN_US + 6 * DAY_US}, "announced_late", id="earlier-and-late"),
        pytest.param(
            {"from_us": TEN_US + 6 * DAY_US, "late_because": "缺陷升级"}, None, id="and-said-why"
        ),
        pytest.param({"to_us": PLANNED.from_us}, "plan_times", id="no-time-at-all"),
        pytest.param({"sections": ("S9",)}, "no_such_section", id="no-such-section"),
        pytest.param({"why": ""}, "words_needed", id="without-a-reason"),
    ],
)
def test_a_planned_outage_is_changed_under_the_rules_of_an_announcement(
    changed: dict[str, object], code: str | None
) -> None:
    room = Room()
    assert room.ask(PLANNED).done
    before = dict(room.planned)
    handled = room.ask(changed_to(room, **changed))
    assert (handled.why.code if handled.why else None) == code
    assert room.planned.keys() == before.keys()
    assert (room.planned == before) == (code is not None)


def test_what_was_announced_in_time_stays_so_when_only_its_end_changes_later() -> None:
    room = Room()
    assert room.ask(PLANNED).done
    room.jump(7 * 24 * 60 * 60)
    assert room.ask(changed_to(room, to_us=PLANNED.to_us + 60 * MINUTE_US)).done
    assert not room.ask(changed_to(room, from_us=PLANNED.from_us + 1)).done


def test_a_change_does_not_reach_into_another_planned_outage() -> None:
    room = Room()
    assert room.ask(replace(PLANNED, sections=("S4",))).done
    change = changed_to(room, sections=("S3", "S4"))
    assert room.ask(replace(PLANNED, sections=("S3",))).done
    handled = room.ask(change)
    assert handled.why
    assert handled.why.code == "plan_overlaps"


def test_of_one_under_way_only_the_end_moves() -> None:
    room = in_planned()
    room.until(60)
    room.tell(protection(room.at_us), opening(room.at_us))
    assert room.ask(changed_to(room, to_us=TEN_US + 90 * MINUTE_US)).done
    handled = room.ask(changed_to(room, sections=("S4",)))
    assert handled.why
    assert handled.why.code == "only_its_end"


@pytest.mark.parametrize("request_kind", ["change", "end"])
def test_a_planned_outage_of_another_station_is_left_alone(request_kind: str) -> None:
    room = Room()
    assert room.ask(PLANNED).done
    (planned,) = room.planned.values()
    requests: dict[str, Request] = {
        "change": changed_to(room, to_us=PLANNED.to_us + DAY_US),
        "end": EndPlannedOutage(planned_id=planned.planned_id, why="保供电"),
    }
    asked = requests[request_kind]
    handled = room.ask(asked, "other")
    assert handled.why
    assert handled.why.code == "out_of_scope"
    assert room.ask(EndPlannedOutage(planned_id=planned.planned_id, why="保供电")).done
    handled = room.ask(asked)
    assert handled.why
    assert handled.why.code == "no_such_planned"


def test_who_withdraws_a_planned_outage_says_why_and_it_is_kept() -> None:
    room = Room()
    assert room.ask(PLANNED).done
    (planned,) = room.planned.values()
    refused = room.ask(EndPlannedOutage(planned_id=planned.planned_id, why=" "))
    assert refused.why
    assert refused.why.code == "words_needed"
    assert room.ask(EndPlannedOutage(planned_id=planned.planned_id, why=" 保供电 ")).done
    (after,) = room.planned.values()
    assert (after.state, after.withdrawn_because, after.ended_by) == (
        PlanState.CANCELLED,
        "保供电",
        "dd",
    )


def in_planned(sections: tuple[str, ...] = ALL) -> Room:
    room = Room()
    now = replace(
        PLANNED,
        sections=sections,
        from_us=TEN_US,
        to_us=TEN_US + 60 * MINUTE_US,
        late_because="抢修",
    )
    assert room.ask(now).done
    return room


def test_a_trip_inside_a_planned_outage_is_information_and_makes_no_incident() -> None:
    room = in_planned()
    room.until(60)
    opened = opening(room.at_us)
    changes = room.tell(protection(room.at_us), opened)
    assert not changes.incidents
    assert not changes.commands
    assert not room.outages
    (planned,) = room.planned.values()
    assert (planned.state, planned.began_at_us) == (PlanState.UNDER_WAY, room.at_us)
    room.until(600)
    room.tell(returned(opened, room.at_us))
    (planned,) = room.planned.values()
    assert (planned.state, planned.ended_at_us) == (PlanState.OVER, room.at_us)


def test_after_it_a_trip_is_a_trip_again() -> None:
    room = in_planned()
    room.jump(60 * 60)
    room.trip()
    assert phase_of(room) is Phase.WAITING
    (planned,) = room.planned.values()
    assert (planned.state, planned.began_at_us) == (PlanState.OVER, None)


def test_a_planned_outage_of_the_end_hides_no_trip_of_the_breaker() -> None:
    room = in_planned(("S4",))
    room.until(60)
    room.trip("S1")
    assert phase_of(room) is Phase.WAITING


def test_a_planned_outage_that_lasts_longer_still_explains_itself() -> None:
    room = in_planned()
    opened = opening()
    room.tell(opened)
    room.jump(2 * 60 * 60)
    room.tell(protection(room.at_us))
    assert not room.outages
