"""Experts on single kinds of equipment: gas, batteries, capacitors, relays, wind, sun, motors, meters."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.judgement import capacitors, dc_system, metering, motor, relays, sf6, solar, wind
from detectors.judgement.capacitors import Bank
from detectors.judgement.relays import Setting, Timing
from domain.plates import Curve


@pytest.mark.parametrize(
    ("gauge", "celsius", "at_20"),
    [(0.52, -10, 0.6085), (0.55, 0, 0.6091), (0.62, 35, 0.5780), (0.60, 40, 0.5471)],
)
def test_sf6_pressure_at_20_degrees(gauge: float, celsius: float, at_20: float) -> None:
    assert sf6.pressure_at_20(gauge, celsius) == pytest.approx(at_20, abs=0.0002)


@given(st.floats(0.3, 0.8))
def test_at_20_degrees_the_gauge_is_right(gauge: float) -> None:
    assert sf6.pressure_at_20(gauge, 20.0) == pytest.approx(gauge, abs=1e-6)


@pytest.mark.parametrize(("gauge", "celsius"), [(-0.1, 20), (0.5, 120), (math.nan, 20)])
def test_sf6_outside_the_equation_is_refused(gauge: float, celsius: float) -> None:
    with pytest.raises(sf6.UnusableGas):
        sf6.pressure_at_20(gauge, celsius)


def test_a_leak_is_seen_through_noise_and_wrong_readings() -> None:
    noise = np.random.default_rng(1)
    days = np.arange(0, 30, 0.25)
    pressure = 0.60 - 0.01 / 365 * days + noise.normal(0, 1e-5, len(days))
    pressure[::17] = 0.2
    leak = sf6.leak_percent_per_year(days.tolist(), pressure.tolist())
    assert leak == pytest.approx(0.01 / 0.7013 * 100, rel=0.1)


def test_no_leak_is_told_from_a_few_days() -> None:
    assert sf6.leak_percent_per_year([0, 1, 2], [0.6, 0.6, 0.6]) is None


def test_battery_cells_and_their_voltages() -> None:
    assert dc_system.cells_for(220, 2.25) == 103
    assert dc_system.equalise_at_most_v(220, 104) == pytest.approx(2.327, abs=0.0005)
    assert dc_system.discharge_at_least_v(220, 104) == pytest.approx(1.851, abs=0.0005)


@pytest.mark.parametrize(
    ("celsius", "volts"), [(5, 2.29), (15, 2.26), (20, 2.23), (29.9, 2.23), (35, 2.20), (41, None)]
)
def test_float_voltage_by_ambient(celsius: float, volts: float | None) -> None:
    assert dc_system.float_v_at(celsius) == volts


@pytest.mark.parametrize(
    ("volts", "state"),
    [(231, None), (243, "high"), (208, "low"), (192, "lowest"), (209, None)],
)
def test_dc_bus(volts: float, state: str | None) -> None:
    assert dc_system.bus_state(volts, 220) == state


def test_an_odd_cell_is_found_and_a_silent_one_ignored() -> None:
    assert dc_system.odd_cells([2.23, 2.24, 2.13, math.nan, 2.23]) == (2,)
    with pytest.raises(dc_system.UnusableBattery):
        dc_system.odd_cells([2.2])


def test_the_pole_that_is_nearer_to_earth() -> None:
    assert dc_system.earth_fault_pole(30, -190, 10, 220) == "positive"
    assert dc_system.earth_fault_pole(190, -30, 10, 220) == "negative"
    assert dc_system.earth_fault_pole(110, -110, 100, 220) is None


@pytest.mark.parametrize(
    ("bank", "lost", "delta", "neutral", "over"),
    [
        (Bank(parallel=4, series=2), 1, 0.1500, 0.2927, 1.2000),
        (Bank(parallel=6, series=4), 1, 0.0484, 0.1440, 1.1613),
        (Bank(parallel=6, series=4), 2, 0.1154, 0.3396, 1.3846),
    ],
)
def test_lost_capacitors(bank: Bank, lost: int, delta: float, neutral: float, over: float) -> None:
    assert capacitors.open_delta_share(bank, lost) == pytest.approx(delta, abs=5e-5)
    assert capacitors.neutral_current_share(bank, lost) == pytest.approx(neutral, abs=5e-5)
    assert capacitors.group_voltage_share(bank, lost) == pytest.approx(over, abs=5e-5)
    assert capacitors.units_lost(bank, delta * 1.05) == lost


def test_a_banks_own_unbalance_is_no_lost_unit() -> None:
    assert capacitors.units_lost(Bank(parallel=6, series=4), 0.01) is None
    with pytest.raises(capacitors.UnusableBank):
        capacitors.open_delta_share(Bank(parallel=4, series=2), 4)


@pytest.mark.parametrize(
    ("curve", "seconds"),
    [
        (Curve.NORMAL, (10.029, 4.280, 2.971, 2.267)),
        (Curve.VERY, (13.5, 3.375, 1.5, 0.711)),
        (Curve.EXTREMELY, (26.667, 3.333, 0.808, 0.201)),
        (Curve.LONG, (120, 30, 13.333, 6.316)),
    ],
)
def test_relay_times(curve: Curve, seconds: tuple[float, ...]) -> None:
    setting = Setting(curve=curve, pickup_a=100, multiplier=1)
    found = [relays.trip_seconds(setting, 100 * times) for times in (2, 5, 10, 20)]
    assert found == pytest.approx(seconds, abs=0.0006)


@pytest.mark.parametrize(
    ("current", "seconds", "timing"),
    [
        (500, 4.3, Timing.RIGHT),
        (500, 5.0, Timing.SLOW),
        (500, 3.0, Timing.FAST),
        (90, 1.0, Timing.UNWANTED),
    ],
)
def test_a_recorded_trip_is_held_against_the_curve(
    current: float, seconds: float, timing: Timing
) -> None:
    setting = Setting(curve=Curve.NORMAL, pickup_a=100, multiplier=1)
    assert relays.judge_trip(setting, current, seconds) is timing


def test_air_density_and_normalised_wind() -> None:
    assert wind.air_density(101_325, 288.15) == pytest.approx(1.2250, abs=5e-5)
    assert wind.air_density(90_000, 283.15) == pytest.approx(1.1073, abs=5e-5)
    assert wind.normalised_speed(12, 1.05) == pytest.approx(11.399, abs=0.0005)


def test_a_turbine_that_falls_behind_its_curve_is_found() -> None:
    noise = np.random.default_rng(2)
    speed = noise.uniform(3, 14, 5_000)
    power = np.clip(1.2 * speed**3, 0, 2_000) + noise.normal(0, 20, len(speed))
    curve = wind.learn_curve(speed.tolist(), power.tolist())
    well = [curve.deviation(8.25, 1.2 * 8.25**3) for _ in range(10)]
    ill = [curve.deviation(8.25, 0.7 * 1.2 * 8.25**3) for _ in range(10)]
    assert not wind.off_curve(well)
    assert wind.off_curve(ill)
    assert not wind.off_curve(ill[:5])
    assert curve.deviation(2.0, 0.0) is None
    assert curve.deviation(60.0, 0.0) is None


def test_performance_ratio() -> None:
    assert solar.performance_ratio(4_200, 1_000, 5.2) == pytest.approx(0.8077, abs=5e-5)
    corrected = solar.performance_ratio(4_200, 1_000, 5.2, gamma=-0.0036, cell_celsius=48)
    assert corrected == pytest.approx(0.8806, abs=5e-5)
    with pytest.raises(solar.UnusableYield):
        solar.performance_ratio(4_200, 1_000, 0)


def test_a_ratio_is_low_absolutely_or_against_its_own_month() -> None:
    assert solar.ratio_is_low(0.74, [])
    assert solar.ratio_is_low(0.80, [0.90] * 30)
    assert not solar.ratio_is_low(0.82, [0.90] * 30)
    assert not solar.ratio_is_low(0.80, [0.90] * 3)


def test_stale_values_are_found_by_day_only() -> None:
    assert solar.is_stale([0, 0, 0, 5, 5, 5, 6], 3) == (False,) * 5 + (True, False)


def test_weak_strings() -> None:
    assert solar.weak_strings([8.0, 8.1, 6.9, 8.0, math.nan]) == (2,)
    assert solar.weak_strings([0.1, 0.1, 0.0]) == ()
    assert solar.dispersion([8.0, 8.0]) == 0.0
    assert solar.dispersion([math.nan, 8.0]) is None


def currents(negative: float, angle: float, hertz: float = 50.0) -> np.ndarray:
    """Three sampled currents with a negative sequence at an angle to the positive one."""
    seconds = np.arange(1_000) / 1_000
    wave = 2 * np.pi * hertz * seconds
    shifts = np.radians([0, -120, 120])
    extra = np.radians(angle)
    noise = np.random.default_rng(3).normal(0, 0.01, (1_000, 3))
    columns = [
        3 * np.cos(wave + shift) + 3 * negative * np.cos(wave - shift + extra) for shift in shifts
    ]
    return np.array(columns).T + noise


@pytest.mark.parametrize(("angle", "phase"), [(80, "A"), (200, "B"), (-40, "C"), (130, "A")])
def test_shorted_turns_and_their_phase(angle: float, phase: str) -> None:
    healthy = motor.learn_healthy([0.02, 0.022, 0.019, 0.021])
    found, hertz = motor.currents_sequence(currents(0.15, angle, 50.1), 1_000)
    assert hertz == pytest.approx(50.1, abs=0.06)
    assert motor.share(found) == pytest.approx(0.15, abs=0.005)
    fault = motor.shorted_turns(found, healthy)
    assert fault is not None
    assert fault.phase == phase


def test_a_healthy_motor_has_no_shorted_turns() -> None:
    healthy = motor.learn_healthy([0.02, 0.022, 0.019, 0.021])
    found, _ = motor.currents_sequence(currents(0.021, 40), 1_000)
    assert motor.shorted_turns(found, healthy) is None
    with pytest.raises(motor.TooFewRuns):
        motor.learn_healthy([0.02, 0.03])


def test_a_power_is_held_against_current_and_voltage() -> None:
    right = metering.apparent_mismatch(10, 100, 1.5, 0.866)
    assert metering.apparent_plausible(right)
    assert not metering.apparent_plausible(metering.apparent_mismatch(10, 100, 1.0, 0.5))
    assert metering.apparent_mismatch(10, 0, 0, 0) is None


def test_sums_and_counters() -> None:
    assert metering.sum_plausible(metering.sum_mismatch(10.0, [4.0, 5.9]))
    assert not metering.sum_plausible(metering.sum_mismatch(10.0, [4.0, 4.0]))
    assert metering.sum_mismatch(0.0, [1.0]) is None
    assert metering.energy_step_possible(100, 150, 1, 50)
    assert not metering.energy_step_possible(100, 90, 1, 50)
    assert not metering.energy_step_possible(100, 1_000, 1, 50)
    assert metering.power_factor_possible(-1.0)
    assert not metering.power_factor_possible(1.2)


@pytest.mark.parametrize(
    ("measured", "expected", "factor"),
    [(10_050, 10, 1_000), (5.8, 10, 1 / 3**0.5), (10.2, 10, None), (4, 10, None), (0, 10, None)],
)
def test_a_familiar_wrong_factor_is_named(
    measured: float, expected: float, factor: float | None
) -> None:
    found = metering.wrong_scale(measured, expected)
    assert found == (None if factor is None else pytest.approx(factor))
