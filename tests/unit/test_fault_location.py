"""Where the fault lies, by the flags (DOMAIN E4), and the proposal that follows from it.

Rule of E4 -> its test (test_rule_tables checks that each is there):
- inputs: trip, reclose, lockout: test_what_the_breaker_does_decides; switch states:
  test_switches_without_telemetry_stand_where_the_ticked_steps_say; load before:
  test_the_load_before_the_trip_is_what_the_feeder_carried; flags per phase:
  test_one_phase_that_saw_the_current_is_enough_and_clear_needs_every_phase
- set, clear, failed, not fitted kept apart: test_the_four_values_of_a_flag_are_kept_apart,
  test_a_flag_that_stood_set_before_the_trip_says_nothing_of_it
- 1 wait for the reclose; lockout or no close in time is permanent: test_what_the_breaker_does_decides;
  the wait is a setting: test_the_wait_is_the_sites_to_set
- 2 wait for flags: test_the_flags_have_ten_seconds_from_the_trip,
  test_a_late_flag_moves_the_fault_until_somebody_acts
- 3 last set to next clear, failed or missing widens, set behind clear is a person's, and the vectors (C):
  test_the_fault_lies_where_the_flags_say, test_a_branched_feeder_is_searched_along_its_branches
- 4 both boundary switches, source breaker, tie: test_the_proposal_isolates_and_restores; spare capacity and
  voltage: test_a_tie_is_proposed_only_where_the_neighbour_can_carry_it
- 5 manual only: test_nothing_is_ever_a_control
- generation above 15 % of the load: test_flags_prove_nothing_where_much_is_generated_behind
- last gasps: test_last_gasps_are_grouped_to_transformers_and_sections; two meters or 30 %, half of the
  transformers: test_shares_of_meters_and_transformers; in two minutes:
  test_gasps_belong_together_within_two_minutes; a ping confirms:
  test_a_ping_confirms_a_suspected_outage_or_withdraws_it; merged with the feeder's event:
  test_gasps_join_the_feeders_event_whichever_comes_first
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.feeders import Feeder, OutageRules
from domain.ids import PointKey
from domain.outages import Flag, StepKind
from domain.readings import HeldValue, Quality, nothing_held
from linkage.outages.location import flags_of, locate
from linkage.outages.proposal import propose
from tests.support.alarms import TEN_US
from tests.support.outages import FEEDER, section

RULES = OutageRules()
FLAG = {"s": Flag.SET, "c": Flag.CLEAR, "f": Flag.FAILED, "-": Flag.NOT_FITTED}
SECTIONS = ("S1", "S2", "S3", "S4")
BRANCHED = replace(
    FEEDER,
    sections=(section("113", ""), section("S1", "113"), section("S2", "S1"), section("B1", "S1")),
)


def located(flags: str, feeder: Feeder = FEEDER) -> tuple[str, tuple[str, ...]]:
    """`ssfc`: S1 and S2 set, S3 failed, S4 clear."""
    names = [each.section_id for each in feeder.sections if each.after]
    said = {name: FLAG[flag] for name, flag in zip(names, flags, strict=True)}
    found = locate(feeder, said, 2.0, RULES)
    return found.why.code, found.sections


@pytest.mark.parametrize(
    ("flags", "code", "sections"),
    [
        pytest.param(
            "sscc", "fault_between", ("S2",), id="E4-between-the-last-set-and-the-next-clear"
        ),
        pytest.param(
            "ssfc", "fault_widened", ("S2", "S3"), id="E4-a-failed-flag-widens-to-the-next-known"
        ),
        pytest.param("csfc", "flags_contradict", (), id="E4-set-behind-clear-is-a-contradiction"),
        pytest.param("cscc", "flags_contradict", (), id="E4-S1-clear-S2-set"),
        pytest.param(
            "ss-c", "fault_widened", ("S2", "S3"), id="one-that-is-not-fitted-widens-as-well"
        ),
        pytest.param("cccc", "fault_between", ("113",), id="none-set-it-lies-before-the-first"),
        pytest.param("ssss", "fault_between", ("S4",), id="all-set-it-lies-at-the-end"),
        pytest.param(
            "fscc", "fault_between", ("S2",), id="a-failed-flag-before-a-set-one-says-nothing"
        ),
        pytest.param("fccc", "fault_widened", ("113", "S1"), id="a-failed-first-flag"),
        pytest.param("sfff", "fault_widened", ("S1", "S2", "S3", "S4"), id="nothing-known-behind"),
        pytest.param("----", "fault_whole", ("113", "S1", "S2", "S3", "S4"), id="no-flag-at-all"),
        pytest.param("ffff", "fault_whole", ("113", "S1", "S2", "S3", "S4"), id="all-failed"),
        pytest.param("scsc", "flags_contradict", (), id="set-again-behind-a-clear-one"),
    ],
)
def test_the_fault_lies_where_the_flags_say(
    flags: str, code: str, sections: tuple[str, ...]
) -> None:
    assert located(flags) == (code, sections)


@pytest.mark.parametrize(
    ("flags", "code", "sections"),
    [
        pytest.param("sss", "flags_two_branches", (), id="two-branches-cannot-both-be"),
        pytest.param("ssc", "fault_between", ("S2",), id="one-branch"),
        pytest.param("scs", "fault_between", ("B1",), id="the-other-branch"),
        pytest.param("scc", "fault_between", ("S1",), id="before-both"),
        pytest.param("sfc", "fault_widened", ("S1", "S2"), id="a-failed-branch-widens-into-it"),
    ],
)
def test_a_branched_feeder_is_searched_along_its_branches(
    flags: str, code: str, sections: tuple[str, ...]
) -> None:
    assert located(flags, BRANCHED) == (code, sections)


@pytest.mark.parametrize(
    ("generation_mw", "code"),
    [
        pytest.param(0.3, "fault_between", id="at-15-percent"),
        pytest.param(0.31, "flags_generation", id="above-15-percent"),
    ],
)
def test_flags_prove_nothing_where_much_is_generated_behind(
    generation_mw: float, code: str
) -> None:
    assert located("sscc", replace(FEEDER, generation_mw=generation_mw))[0] == code


@given(st.text("scf-", min_size=4, max_size=4))
def test_a_located_fault_is_never_beyond_a_flag_that_is_clear(flags: str) -> None:
    """Nor before one that is set: whatever the pattern, what is known is believed."""
    code, sections = located(flags)
    if not sections:
        assert code == "flags_contradict"
        return
    known = dict(zip(SECTIONS, flags, strict=True))
    assert all(known.get(each) != "c" for each in sections)
    assert all(known.get(each) != "s" for each in sections[1:])
    order = ["113", *SECTIONS]
    first = order.index(sections[0])
    assert list(sections) == order[first : first + len(sections)]
    assert all(known.get(each, "s") != "s" for each in order[first + 1 :])


@pytest.mark.parametrize(
    ("held", "flag"),
    [
        pytest.param(HeldValue(1.0, Quality.GOOD, TEN_US), Flag.SET, id="set"),
        pytest.param(HeldValue(0.0, Quality.GOOD, TEN_US), Flag.CLEAR, id="clear"),
        pytest.param(HeldValue(1.0, Quality.INVALID, TEN_US), Flag.FAILED, id="bad-quality"),
        pytest.param(HeldValue(0.0, Quality.GOOD, TEN_US - 400_000_000), Flag.FAILED, id="silent"),
        pytest.param(HeldValue(7.0, Quality.GOOD, TEN_US), Flag.FAILED, id="no-such-value"),
        pytest.param(None, Flag.FAILED, id="never-heard"),
    ],
)
def test_the_four_values_of_a_flag_are_kept_apart(held: HeldValue | None, flag: Flag) -> None:
    key = PointKey("LY/113/S1/fault")
    values = {key: held} if held else {}
    flags = flags_of(FEEDER, values.get, TEN_US, {key: 300_000_000})
    assert flags["S1"] is flag


def test_a_flag_that_stood_set_before_the_trip_says_nothing_of_it() -> None:
    key = PointKey("LY/113/S1/fault")
    values = {key: HeldValue(1.0, Quality.GOOD, TEN_US)}
    assert flags_of(FEEDER, values.get, TEN_US, {}, frozenset({key}))["S1"] is Flag.FAILED


def test_one_phase_that_saw_the_current_is_enough_and_clear_needs_every_phase() -> None:
    a, b = PointKey("a"), PointKey("b")
    feeder = replace(FEEDER, sections=(section("113", ""), section("S1", "113", flags=(a, b))))
    values = {a: HeldValue(1.0, Quality.GOOD, TEN_US)}
    assert flags_of(feeder, values.get, TEN_US, {})["S1"] is Flag.SET
    values = {a: HeldValue(0.0, Quality.GOOD, TEN_US)}
    assert flags_of(feeder, values.get, TEN_US, {})["S1"] is Flag.FAILED
    bare = replace(FEEDER, sections=(section("113", ""), section("S1", "113", flags=())))
    assert flags_of(bare, values.get, TEN_US, {})["S1"] is Flag.NOT_FITTED


def steps(
    faulted: tuple[str, ...],
    *,
    carried: float | None = 1.0,
    kilovolts: float | None = 10.2,
    load: float = 2.0,
) -> list[str]:
    """Step and reason, with what the neighbour carries and at which voltage."""
    held = {
        PointKey("LY/122/p"): carried,
        PointKey("LY/122/uab"): kilovolts,
    }
    values = {
        key: HeldValue(value, Quality.GOOD, TEN_US)
        for key, value in held.items()
        if value is not None
    }
    found = propose(FEEDER, faulted, load, values.get, RULES)
    return [f"{each.step_id}: {each.text.code}" for each in found]


@pytest.mark.parametrize(
    ("faulted", "lines"),
    [
        pytest.param(
            ("S2",),
            [
                "isolate S2: step_open",
                "isolate S3: step_open",
                "restore 113: step_close_breaker",
                "transfer L1: step_close_tie",
            ],
            id="both-ends-opened-before-and-behind-supplied",
        ),
        pytest.param(
            ("113",),
            ["check 113: step_keep_open", "isolate S1: step_open", "transfer L1: step_close_tie"],
            id="behind-the-breaker-it-stays-open",
        ),
        pytest.param(
            ("S4",),
            ["isolate S4: step_open", "restore 113: step_close_breaker"],
            id="at-the-end-nothing-lies-behind",
        ),
        pytest.param(
            ("113", "S1", "S2", "S3", "S4"),
            ["check 113: step_keep_open"],
            id="nothing-can-be-supplied",
        ),
        pytest.param((), [], id="not-located-nothing-is-proposed"),
    ],
)
def test_the_proposal_isolates_and_restores(faulted: tuple[str, ...], lines: list[str]) -> None:
    assert steps(faulted) == lines


@pytest.mark.parametrize(
    ("neighbour", "code"),
    [
        pytest.param({"carried": 3.2}, "step_close_tie", id="just-enough-to-spare"),
        pytest.param({"carried": 3.3}, "step_tie_no_spare", id="too-little-to-spare"),
        pytest.param({"kilovolts": 9.2}, "step_tie_voltage", id="voltage-too-low"),
        pytest.param({"kilovolts": 10.8}, "step_tie_voltage", id="voltage-too-high"),
        pytest.param({"carried": None}, "step_tie_unknown", id="load-not-known"),
        pytest.param({"kilovolts": None}, "step_tie_unknown", id="voltage-not-known"),
    ],
)
def test_a_tie_is_proposed_only_where_the_neighbour_can_carry_it(
    neighbour: dict[str, float | None], code: str
) -> None:
    """Behind S3 lie two of five equal shares: 0.8 of 2 MW; the neighbour may carry 4."""
    assert steps(("S2",), **neighbour)[-1].endswith(f" L1: {code}")  # type: ignore[arg-type]


def test_nothing_is_ever_a_control() -> None:
    found = propose(FEEDER, ("S2",), 2.0, nothing_held, RULES)
    assert {each.kind for each in found} <= set(StepKind)
    assert not hasattr(found[0], "command")


def test_two_islands_do_not_both_take_what_one_neighbour_has_to_spare() -> None:
    tie = FEEDER.ties[0]
    feeder = replace(
        BRANCHED,
        ties=(replace(tie, section_id="S2"), replace(tie, number="L2", section_id="B1")),
    )
    values = {
        PointKey("LY/122/p"): HeldValue(3.4, Quality.GOOD, TEN_US),
        PointKey("LY/122/uab"): HeldValue(10.2, Quality.GOOD, TEN_US),
    }
    found = propose(feeder, ("S1",), 2.0, values.get, RULES)
    codes = [each.text.code for each in found if each.step_id.endswith(("L1", "L2"))]
    assert codes == ["step_close_tie", "step_tie_no_spare"]
