"""Experts that go by a plate, by the time that passes, or by what was learnt: what they say, and when not."""

import math
from math import cos, nan, pi, sin
from statistics import median

import numpy as np
import pytest

from detectors.judgement import relays
from detectors.judgement.motor import HealthyMotor, learn_healthy, shorted_turns
from detectors.judgement.panel import Panel
from detectors.judgement.solar import SunModel
from detectors.judgement.unbalance import UnusablePhases, sequence, sequence_of_sizes
from detectors.judgement.voltage import VoltageEvent
from detectors.judgement.wind import PowerCurve
from domain.findings import Cause, Opinion, Stance
from domain.plates import Curve, Plate
from domain.reasons import reason_text
from domain.responsibility import Reason
from tests.support.views import ASSET, DAY_US, MINUTE_US, START_US, agreeing, looked, view


@pytest.mark.parametrize(
    ("signals", "plate", "limit"),
    [
        pytest.param({"thd_ua": 4.5}, Plate(), 4.0, id="total-distortion-of-10-kv"),
        pytest.param({"thd_ua": 2.0, "hru_5": 3.5}, Plate(), 3.2, id="an-odd-harmonic"),
        pytest.param({"hru_4": 1.7}, Plate(), 1.6, id="an-even-harmonic"),
        pytest.param({"hi_5": 21.0}, Plate(), 20.0, id="a-current-at-the-base-strength"),
        pytest.param(
            {"hi_5": 41.0}, Plate(short_circuit_mva=200), 40.0, id="a-current-at-a-strong-busbar"
        ),
    ],
)
def test_harmonics_above_their_limit(signals: dict[str, float], plate: Plate, limit: float) -> None:
    (found,) = looked(Panel(), 45, signals=signals, plate=plate)
    assert found.cause is Cause.HARMONICS
    assert found.limit == pytest.approx(limit)
    assert looked(Panel(), 25, signals=signals, plate=plate) == [], "it must last half an hour"


@pytest.mark.parametrize(
    ("signals", "plate", "kilovolts"),
    [
        pytest.param({"thd_ua": 3.9, "hru_5": 3.1}, Plate(), 10.0, id="within-the-limits"),
        pytest.param({"hi_5": 39.0}, Plate(short_circuit_mva=200), 10.0, id="a-strong-busbar"),
        pytest.param({"hi_29": 99.0}, Plate(), 10.0, id="an-order-without-a-limit"),
        pytest.param({"thd_ua": 99.0}, Plate(), None, id="no-nominal-voltage"),
        pytest.param({"thd_ua": nan}, Plate(), 10.0, id="no-number"),
    ],
)
def test_harmonics_that_say_nothing(
    signals: dict[str, float], plate: Plate, kilovolts: float | None
) -> None:
    assert looked(Panel(), 45, signals=signals, plate=plate, nominal_kv=kilovolts) == []


BLOCKS = {f"cell_voltage_{number}": 13.5 for number in range(1, 18)}


@pytest.mark.parametrize(
    ("changed", "odd"),
    [
        pytest.param({}, None, id="all-alike"),
        pytest.param({"cell_voltage_4": 13.1}, "4", id="one-block-of-six-cells"),
        pytest.param({"cell_voltage_4": 13.25}, None, id="within-six-times-fifty-millivolts"),
        pytest.param({"cell_voltage_4": nan}, None, id="one-that-does-not-answer"),
        pytest.param(
            {"cell_voltage_2": 12.9, "cell_voltage_11": 14.1}, "2, 11", id="two-in-their-order"
        ),
    ],
)
def test_a_block_unlike_the_others(changed: dict[str, float], odd: str | None) -> None:
    said = looked(Panel(), 1, signals=BLOCKS | changed)
    assert [dict(each.why.facts)["cells"] for each in said if each.why] == ([odd] if odd else [])


def test_single_cells_are_nearer_together_than_blocks() -> None:
    cells = {f"cell_voltage_{number}": 2.25 for number in range(1, 105)}
    (found,) = looked(Panel(), 1, signals=cells | {"cell_voltage_9": 2.18})
    assert (found.cause, found.limit) == (Cause.BATTERY_CELL, 0.05)


RELAY = Plate(pickup_a=400, tms=0.2, curve=Curve.VERY)
RIGHT_S = relays.trip_seconds(relays.Setting(curve=Curve.VERY, pickup_a=400, multiplier=0.2), 2_000)


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        pytest.param({"trip_current": 2_000, "trip_time": RIGHT_S}, None, id="on-its-curve"),
        pytest.param({"trip_current": 2_000, "trip_time": 1.2}, "relay_took", id="slow"),
        pytest.param({"trip_current": 2_000, "trip_time": 0.3}, "relay_took", id="fast"),
        pytest.param({"trip_current": 390, "trip_time": 5.0}, "relay_unwanted", id="below-pickup"),
        pytest.param({"trip_current": 2_000, "trip_time": nan}, None, id="no-time"),
        pytest.param({"trip_current": 2_000}, None, id="only-a-current"),
    ],
)
def test_the_time_of_a_trip_against_its_curve(
    signals: dict[str, float], reason: str | None
) -> None:
    said = looked(Panel(), 1, signals=signals, plate=RELAY)
    assert [each.why.code for each in said if each.why] == ([reason] if reason else [])


def test_a_current_and_a_time_of_two_trips_are_not_compared() -> None:
    slow = {"trip_current": 2_000.0, "trip_time": 3.0}
    old = view(START_US, slow, plate=RELAY, trip_time=START_US - DAY_US)
    assert agreeing(Panel().opinions(old)) == []
    long_ago = START_US - 31 * DAY_US
    seen = view(START_US, slow, plate=RELAY, trip_time=long_ago, trip_current=long_ago)
    assert agreeing(Panel().opinions(seen)) == [], "somebody has surely looked by then"


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        pytest.param({"event_voltage": 0.6, "event_time": 0.2}, "event_instantaneous_sag", id="sag"),
        pytest.param({"event_voltage": 1.3, "event_time": 1.0}, "event_momentary_swell", id="swell"),
        pytest.param({"event_voltage": 0.0, "event_time": 90}, "event_sustained_interruption", id="dead"),
        pytest.param({"event_voltage": 1.0, "event_time": 0.0}, None, id="no-event"),
        pytest.param({"event_voltage": 0.6}, None, id="only-a-voltage"),
        pytest.param({"event_voltage": nan, "event_time": 0.2}, None, id="no-number"),
    ],
)  # fmt: skip
def test_a_recorded_voltage_event_has_its_class(
    signals: dict[str, float], reason: str | None
) -> None:
    said = looked(Panel(), 1, signals=signals)
    assert [each.why.code for each in said if each.why] == ([reason] if reason else [])


@pytest.mark.parametrize("event", VoltageEvent)
def test_every_class_of_a_voltage_event_has_its_words(event: VoltageEvent) -> None:
    why = Reason.of(f"event_{event}", remaining="60", lasted="0.2")
    assert "60 %" in reason_text(why, "en")
    assert "60 %" in reason_text(why, "zh-CN")


def test_a_voltage_event_is_told_for_a_day_and_only_whole() -> None:
    sag = {"event_voltage": 0.6, "event_time": 0.2}
    half = view(START_US, sag, event_time=START_US - 2 * MINUTE_US)
    assert agreeing(Panel().opinions(half)) == [], "of two events"
    yesterday = START_US - DAY_US - 1
    old = view(START_US, sag, event_time=yesterday, event_voltage=yesterday)
    assert agreeing(Panel().opinions(old)) == []


def test_without_its_settings_a_relay_cannot_be_judged() -> None:
    said = Panel().opinions(view(START_US, {"trip_current": 2_000, "trip_time": 9.0}))
    assert [(each.stance, each.missing) for each in said] == [
        (Stance.CANNOT_TELL, ("pickup_a", "tms"))
    ]


def leaking(percent_a_year: float, step: float, days: int = 31) -> list[Opinion]:
    """A month of four looks a day at a gauge that shows steps of `step` MPa, with weather in it."""
    panel, said = Panel(), list[Opinion]()
    noise = np.random.default_rng(3)
    for row in range(4 * days):
        true = 0.60 - 0.7013 * percent_a_year / 100.0 * row / 4.0 / 365.0
        shown = round((true + noise.normal(0.0, 0.0005)) / step) * step
        said = panel.opinions(view(START_US + row * DAY_US // 4, {"sf6_p20": shown}))
    return agreeing(said)


def test_a_leak_is_told_long_before_its_alarm_pressure() -> None:
    (found,) = leaking(5.0, 0.0001)
    assert found.cause is Cause.GAS_LEAK
    assert found.measured == pytest.approx(5.0, rel=0.25)
    assert found.drawing is not None
    assert len(found.drawing.times_us) == 30


@pytest.mark.parametrize("percent_a_year", [0.0, 0.3])
@pytest.mark.parametrize("step", [0.0001, 0.001])
def test_a_tight_breaker_and_a_coarse_gauge_are_no_leak(percent_a_year: float, step: float) -> None:
    assert leaking(percent_a_year, step) == []


def test_a_week_is_too_short_for_a_leak() -> None:
    assert leaking(20.0, 0.0001, days=7) == []


def grown(per_day: float, *, days: int = 30, plate: Plate | None = None) -> list[Opinion]:
    """C2H4 that grows from 100 uL/L, sampled once a day."""
    panel, said = Panel(), list[Opinion]()
    for day in range(days + 1):
        gases = {"h2": 20.0, "ch4": 10.0, "c2h6": 5.0, "c2h4": 100.0 + per_day * day, "c2h2": 0.1}
        said = panel.opinions(view(START_US + day * DAY_US, gases, plate=plate))
    return [each for each in agreeing(said) if each.expert == "gas_rate/1"]


def test_gas_that_grows_by_more_than_a_tenth_a_month() -> None:
    (found,) = grown(0.5)
    assert found.cause is Cause.THERMAL_FAULT
    assert found.measured == pytest.approx(15.0 / 115.1 * 100.0 / 30.0 * 30.44, rel=0.02)


@pytest.mark.parametrize(
    ("per_day", "days"),
    [
        pytest.param(0.3, 30, id="slower-than-a-tenth"),
        pytest.param(5.0, 10, id="two-weeks-are-needed"),
        pytest.param(-1.0, 30, id="it-falls"),
    ],
)
def test_gas_that_does_not_deserve_it(per_day: float, days: int) -> None:
    assert grown(per_day, days=days) == []


def test_the_mass_of_the_oil_makes_it_millilitres_a_day() -> None:
    (found,) = grown(0.37, plate=Plate(oil_t=40.0))
    assert found.limit == 12.0
    assert found.measured == pytest.approx(0.37 * 40.0 / 0.895, rel=0.01)


SUN = SunModel(per_sun=500.0, bend=0.0, warmth=-2.0)
SKY = {"poa_irradiance": 800.0, "module_temp": 40.0}
EXPECTED_KW = SUN.expected(800.0, 40.0)


@pytest.mark.parametrize(
    ("kilowatts", "minutes", "found"),
    [
        pytest.param(0.7 * EXPECTED_KW, 45, True, id="a-third-less-for-half-an-hour"),
        pytest.param(0.7 * EXPECTED_KW, 25, False, id="not-for-long-enough"),
        pytest.param(0.85 * EXPECTED_KW, 45, False, id="within-a-fifth"),
        pytest.param(nan, 45, False, id="no-number"),
    ],
)
def test_an_inverter_against_its_sun(kilowatts: float, minutes: int, found: bool) -> None:
    panel = Panel(suns={ASSET: SUN})
    signals = {"p": kilowatts, "dc_voltage": 700.0}
    said = [
        each
        for each in looked(panel, minutes, signals=signals, sky=SKY)
        if each.expert == "solar_sun/1"
    ]
    assert bool(said) is found
    if found:
        assert said[0].expected == pytest.approx(EXPECTED_KW, abs=0.01)
        assert said[0].drawing is not None


def test_a_dark_sky_says_nothing_of_an_inverter() -> None:
    panel = Panel(suns={ASSET: SUN})
    signals = {"p": 0.0, "dc_voltage": 0.0}
    dark = {"poa_irradiance": 5.0, "module_temp": 5.0}
    assert looked(panel, 60, signals=signals, sky=dark) == []


STRINGS = {f"string_current_{number}": 8.0 for number in range(1, 9)}


@pytest.mark.parametrize(
    ("changed", "weak"),
    [
        pytest.param({}, None, id="all-alike"),
        pytest.param({"string_current_3": 6.5}, "3", id="a-soiled-string"),
        pytest.param({"string_current_3": 0.0, "string_current_8": 7.0}, "3, 8", id="two"),
        pytest.param({"string_current_3": 7.5}, None, id="within-a-tenth"),
        pytest.param({"string_current_3": nan}, None, id="one-that-is-not-measured"),
        pytest.param(dict.fromkeys(STRINGS, 0.2), None, id="dawn"),
    ],
)
def test_strings_against_each_other(changed: dict[str, float], weak: str | None) -> None:
    said = looked(Panel(), 45, signals=STRINGS | changed)
    assert [dict(each.why.facts)["strings"] for each in said if each.why] == (
        [weak] if weak else []
    )
    assert looked(Panel(), 25, signals=STRINGS | changed) == [], "a cloud's edge is over sooner"


def sunny_days(
    panel: Panel, days: int, first: int, share: float, *, good: bool = True
) -> list[Opinion]:
    """`share` of what 500 kWp at a ratio of about 0.8 would make, looked at every 10 minutes."""
    said: list[Opinion] = []
    for row in range(first * 144, (first + days) * 144 + 1):
        height = max(sin((row % 144 / 144.0 - 0.25) * 2.0 * pi), 0.0)
        said = panel.opinions(
            view(
                START_US + row * 10 * MINUTE_US,
                {"p": share * 0.8 * 500.0 * height, "dc_voltage": 700.0},
                sky={"poa_irradiance": 1_000.0 * height, "module_temp": 25.0},
                plate=Plate(dc_kwp=500.0),
                good=good,
            )
        )
    return [each for each in agreeing(said) if each.expert == "solar_ratio/1"]


def test_the_performance_ratio_of_whole_days() -> None:
    panel = Panel()
    assert sunny_days(panel, 3, 0, 1.0) == []
    ratios = [ratio for _, ratio in panel.remembered[ASSET].day.ratios]
    assert ratios == [pytest.approx(0.8, abs=0.005)] * 3
    (found,) = sunny_days(panel, 1, 3, 0.85)
    assert found.cause is Cause.LOW_YIELD
    assert found.measured == pytest.approx(0.68, abs=0.005)


def test_a_plant_is_measured_by_its_own_last_month() -> None:
    panel = Panel()
    sunny_days(panel, 8, 0, 1.1)
    (found,) = sunny_days(panel, 1, 8, 0.95)
    assert found.measured == pytest.approx(0.76, abs=0.005)
    assert found.limit == 0.75, "above the absolute limit, and yet a fall"


def test_a_day_that_was_not_seen_as_a_whole_has_no_ratio() -> None:
    panel = Panel()
    sunny_days(panel, 1, 0, 0.5, good=False)
    assert panel.remembered[ASSET].day.ratios == []


def test_a_power_that_stands_still_while_the_sun_moves_is_suspect() -> None:
    panel, said = Panel(), list[Opinion]()
    for minute in range(70):
        sky = {"poa_irradiance": 500.0 + minute, "module_temp": 30.0}
        at_us = START_US + minute * MINUTE_US
        said = panel.opinions(view(at_us, {"p": 123.4, "dc_voltage": 700.0}, sky=sky))
    assert [each.cause for each in agreeing(said)] == [Cause.MEASUREMENT]
    steady = {"poa_irradiance": 500.0, "module_temp": 30.0}
    signals = {"p": 123.4, "dc_voltage": 700.0}
    assert looked(Panel(), 70, signals=signals, sky=steady) == [], "nothing moved beside it"


HEALTHY = HealthyMotor(usual=0.01, limit=0.025, runs=9)


def sizes(negative: float, degrees_of: float) -> dict[str, float]:
    """Three currents of 100 A positive sequence and so much negative at this angle."""
    turn = complex(cos(2 * pi / 3), sin(2 * pi / 3))
    angle = degrees_of * pi / 180.0
    other = 100.0 * negative * complex(cos(angle), sin(angle))
    return {
        "ia": abs(100.0 + other),
        "ib": abs(100.0 * turn**2 + other * turn),
        "ic": abs(100.0 * turn + other * turn**2),
        "stator_temp": 80.0,
    }


@pytest.mark.parametrize(
    ("degrees_of", "phase"), [(80.0, "A"), (200.0, "B"), (320.0, "C"), (60.0, "A")]
)
def test_shorted_turns_and_their_phase(degrees_of: float, phase: str) -> None:
    panel = Panel(motors={ASSET: HEALTHY})
    (found,) = looked(panel, 35, signals=sizes(0.06, degrees_of))
    assert found.cause is Cause.SHORTED_TURNS
    assert found.measured == pytest.approx(6.0, abs=0.01)
    assert found.why is not None
    assert dict(found.why.facts)["phase"] == phase


@pytest.mark.parametrize(
    ("healthy", "signals", "minutes"),
    [
        pytest.param({ASSET: HEALTHY}, sizes(0.02, 80), 35, id="as-when-it-was-well"),
        pytest.param({ASSET: HEALTHY}, sizes(0.06, 80), 15, id="not-for-long-enough"),
        pytest.param({}, sizes(0.06, 80), 35, id="never-learnt"),
        pytest.param({ASSET: HEALTHY}, sizes(0.06, 80) | {"ib": 0.0}, 35, id="a-phase-is-missing"),
        pytest.param({ASSET: HEALTHY}, sizes(0.06, 80) | {"ib": 500.0}, 35, id="no-triangle"),
    ],
)
def test_a_motor_that_is_not_judged(
    healthy: dict[str, HealthyMotor], signals: dict[str, float], minutes: int
) -> None:
    panel = Panel(motors={ASSET: HEALTHY} if healthy else {})
    assert looked(panel, minutes, signals=signals) == []


def test_a_start_is_no_steady_run() -> None:
    panel, said = Panel(motors={ASSET: HEALTHY}), list[Opinion]()
    for minute in range(60):
        scale = 1.0 + 0.3 * (minute % 2)
        currents = {name: scale * each for name, each in sizes(0.06, 80).items()}
        said += agreeing(panel.opinions(view(START_US + minute * MINUTE_US, currents)))
    assert said == []


def test_sequences_from_three_sizes_are_those_of_the_phasors() -> None:
    a, b = complex(3.0, 0.0), complex(-1.4, -2.8)
    known = sequence(a, b, -(a + b))
    found = sequence_of_sizes(abs(a), abs(b), abs(a + b))
    assert found.positive == pytest.approx(known.positive)
    assert found.negative == pytest.approx(known.negative)
    assert abs(found.zero) == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(UnusablePhases):
        sequence_of_sizes(1.0, 1.0, 3.0)


def test_the_phase_by_sizes_is_the_phase_by_phasors() -> None:
    healthy = learn_healthy([0.01, 0.011, 0.012])
    turn = complex(cos(2 * pi / 3), sin(2 * pi / 3))
    for angle, phase in ((80.0, "A"), (200.0, "B"), (320.0, "C")):
        other = 0.3 * complex(cos(angle * pi / 180), sin(angle * pi / 180))
        phasors = (1 + other, turn**2 + other * turn, turn + other * turn**2)
        by_phasors = shorted_turns(sequence(*phasors), healthy)
        by_sizes = shorted_turns(sequence_of_sizes(*(abs(each) for each in phasors)), healthy)
        assert by_phasors is not None
        assert by_sizes is not None
        assert by_phasors.phase == by_sizes.phase == phase


def curve() -> PowerCurve:
    return PowerCurve(np.full(40, 500.0), np.full(40, 20.0), 3.0)


@pytest.mark.parametrize(
    ("minutes", "found"), [pytest.param(45, False, id="four"), pytest.param(75, True, id="six")]
)
def test_a_turbine_is_judged_by_ten_minute_values(minutes: int, found: bool) -> None:
    panel = Panel(curves={ASSET: curve()})
    said = looked(panel, minutes, signals={"wind_speed": 8.0, "p": 400.0})
    assert bool(said) is found


@pytest.mark.parametrize(
    "names",
    [
        ("p", "dc_voltage", "wind_speed", "ia", "ib", "ic", "stator_temp"),
        ("h2", "ch4", "c2h6", "c2h4", "c2h2", "sf6_p20", "sf6_pressure", "top_oil_temp"),
        (
            "event_voltage",
            "event_time",
            "trip_current",
            "trip_time",
            "thd_ua",
            "hru_5",
            "hi_5",
            "uab",
            "ubc",
            "uca",
            "q",
        ),
        (*BLOCKS, *STRINGS, "bus_voltage", "insulation", "unbalance_share", "frequency"),
    ],
)
def test_garbage_breaks_no_expert(names: tuple[str, ...]) -> None:
    panel = Panel(curves={ASSET: curve()}, suns={ASSET: SUN}, motors={ASSET: HEALTHY})
    silent = dict.fromkeys(names, nan)
    assert looked(panel, 60, 5, signals=silent, sky=SKY, plate=RELAY) == []
    for value in (math.inf, -math.inf, 1e9, -1e9, 1e-300, 0.0, -5.0):
        for minute in range(0, 60, 5):
            given = dict.fromkeys(names, value)
            sky = dict.fromkeys(SKY, value)
            panel.opinions(view(START_US + minute * MINUTE_US, given, sky=sky, plate=RELAY))


def test_what_is_less_than_good_is_said_to_be() -> None:
    panel = Panel()
    said = looked(panel, 1, signals=BLOCKS | {"cell_voltage_4": 12.0}, good=False)
    assert said
    assert all(each.degraded for each in said)


def test_the_median_of_strings_is_what_the_strings_are_measured_by() -> None:
    (found,) = looked(Panel(), 45, signals=STRINGS | {"string_current_1": 4.0})
    assert found.expected == median(STRINGS.values())
