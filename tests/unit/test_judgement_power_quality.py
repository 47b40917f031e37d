"""Unbalance, voltage, frequency, harmonics and short voltage events: the worked examples and their limits."""

from cmath import rect
from math import radians

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.judgement import harmonics, unbalance, voltage
from detectors.judgement.unbalance import UnusablePhases, sequence, unbalance_of_lines
from detectors.judgement.voltage import VoltageEvent, voltage_event


@pytest.mark.parametrize(
    ("lines", "percent"),
    [
        pytest.param((359.97, 362.49, 366.62), 1.069, id="the-textbook-rounds-to-1.4"),
        pytest.param((395, 400, 405), 1.44, id="low-voltage"),
        pytest.param((10.4, 10.5, 10.2), 1.70, id="10-kv"),
        pytest.param((400, 400, 400), 0.0, id="balanced"),
    ],
)
def test_unbalance_of_line_voltages(lines: tuple[float, float, float], percent: float) -> None:
    assert unbalance_of_lines(*lines) == pytest.approx(percent, abs=0.005)


def test_unbalance_of_a_negative_sequence_current() -> None:
    assert unbalance.unbalance_of_current(46, 35, 400) == pytest.approx(0.697, abs=0.001)


phasors = st.builds(rect, st.floats(80.0, 120.0), st.floats(-0.1, 0.1))


@given(phasors, phasors, phasors)
def test_lines_and_phasors_tell_the_same_unbalance(a: complex, b: complex, c: complex) -> None:
    b, c = b * rect(1, radians(-120)), c * rect(1, radians(120))
    from_phasors = sequence(a - b, b - c, c - a).unbalance_percent
    from_lines = unbalance_of_lines(abs(a - b), abs(b - c), abs(c - a))
    assert from_lines == pytest.approx(from_phasors, abs=1e-4)


def test_the_components_add_up_again() -> None:
    found = sequence(3 + 1j, -1 - 2j, 0.5j)
    assert found.positive + found.negative + found.zero == pytest.approx(3 + 1j)


def test_a_missing_phase_is_refused() -> None:
    with pytest.raises(UnusablePhases):
        unbalance_of_lines(400, 0, 400)
    with pytest.raises(UnusablePhases):
        _ = sequence(0, 0, 0).unbalance_percent


@pytest.mark.parametrize(
    ("measured", "band", "inside"),
    [
        (235.4, voltage.SINGLE_PHASE_220_V, True),
        (235.5, voltage.SINGLE_PHASE_220_V, False),
        (198.0, voltage.SINGLE_PHASE_220_V, True),
        (197.9, voltage.SINGLE_PHASE_220_V, False),
    ],
)
def test_single_phase_voltage(measured: float, band: voltage.Band, inside: bool) -> None:
    assert voltage.within(round(voltage.deviation_percent(measured, 220), 6), band) is inside


@pytest.mark.parametrize(
    ("lowest", "highest", "allowed"),
    [
        pytest.param(-4, 6, True, id="sum-of-both-sizes"),
        pytest.param(-4, 6.1, False, id="sum-too-large"),
        pytest.param(3, 10, True, id="one-sign-the-larger-counts"),
        pytest.param(-11, -2, False, id="one-sign-too-low"),
    ],
)
def test_voltage_from_35_kv(lowest: float, highest: float, allowed: bool) -> None:
    assert voltage.deviation_range_ok(lowest, highest) is allowed


@pytest.mark.parametrize(
    ("hertz", "large", "small"), [(50.2, True, True), (49.7, False, True), (50.6, False, False)]
)
def test_frequency(hertz: float, large: bool, small: bool) -> None:
    deviation = round(hertz - 50.0, 6)
    assert voltage.within(deviation, voltage.FREQUENCY_HZ) is large
    assert voltage.within(deviation, voltage.FREQUENCY_SMALL_HZ) is small


@pytest.mark.parametrize(
    ("remaining", "seconds", "event"),
    [
        (0.5, 0.009, None),
        (0.5, 0.01, VoltageEvent.INSTANTANEOUS_SAG),
        (0.5, 0.59, VoltageEvent.INSTANTANEOUS_SAG),
        (1.7, 0.1, VoltageEvent.INSTANTANEOUS_SWELL),
        (0.5, 0.6, VoltageEvent.MOMENTARY_SAG),
        (1.3, 1.0, VoltageEvent.MOMENTARY_SWELL),
        (0.05, 0.02, VoltageEvent.MOMENTARY_INTERRUPTION),
        (0.05, 3.0, VoltageEvent.MOMENTARY_INTERRUPTION),
        (0.5, 3.1, VoltageEvent.TEMPORARY_SAG),
        (1.15, 10, VoltageEvent.TEMPORARY_SWELL),
        (0.0, 60, VoltageEvent.TEMPORARY_INTERRUPTION),
        (0.0, 61, VoltageEvent.SUSTAINED_INTERRUPTION),
        (0.85, 61, VoltageEvent.UNDERVOLTAGE),
        (1.15, 61, VoltageEvent.OVERVOLTAGE),
        (0.95, 10, None),
        (0.5, 61, None),
        (1.5, 10, None),
    ],
)
def test_short_voltage_events(remaining: float, seconds: float, event: VoltageEvent | None) -> None:
    assert voltage_event(remaining, seconds) is event


def test_voltage_drop_of_a_line_and_of_a_step() -> None:
    drops = [voltage.line_drop_percent(load, 2, 0.118, 0.09, 0.329, 10) for load in (5_000, 10_000)]
    assert drops == pytest.approx([1.476, 2.952], abs=0.0005)
    assert voltage.flicker_drop_percent(4, 150) == pytest.approx(2.667, abs=0.001)


def test_harmonic_voltage_of_a_current() -> None:
    assert harmonics.voltage_of_current_percent(10, 7, 35, 500) == pytest.approx(0.849, abs=0.001)


def test_two_harmonic_sources() -> None:
    both = harmonics.two_sources_a(20, 30, 5)
    assert both == pytest.approx(45.475, abs=0.001)
    assert both * 10 / 35 == pytest.approx(12.99, abs=0.005)
    assert harmonics.two_sources_a(3, 4, 9) == pytest.approx(5.0)


def test_injected_current_is_scaled_to_the_point_and_shared() -> None:
    assert harmonics.injected_limit_a(35, 5, 500) == pytest.approx(24.0)
    assert harmonics.injected_limit_a(35, 14, 500) is None
    assert harmonics.injected_limit_a(66, 5, 500) is None
    share = harmonics.limit_of_one_user_a(17.6, 7, 7_500, 12_500)
    assert share == pytest.approx(12.22, abs=0.005)


def test_current_distortion_of_totals() -> None:
    assert harmonics.distortion_of_totals_percent(42, 39.5) == pytest.approx(36, abs=0.2)
    with pytest.raises(ValueError, match="cannot be"):
        harmonics.distortion_of_totals_percent(39, 40)


@pytest.mark.parametrize(
    ("table", "kv", "total", "odd"),
    [
        (harmonics.GBT_14549_VOLTAGE, 0.38, 5.0, 4.0),
        (harmonics.GBT_14549_VOLTAGE, 10, 4.0, 3.2),
        (harmonics.GBT_14549_VOLTAGE, 35, 3.0, 2.4),
        (harmonics.GBT_14549_VOLTAGE, 110, 2.0, 1.6),
        (harmonics.IEEE_519_VOLTAGE, 0.4, 8.0, 5.0),
        (harmonics.IEEE_519_VOLTAGE, 35, 5.0, 3.0),
    ],
)
def test_harmonic_voltage_limits(
    table: tuple[harmonics.VoltageDistortion, ...], kv: float, total: float, odd: float
) -> None:
    row = harmonics.voltage_limit(table, kv)
    assert row is not None
    assert (row.total, row.odd) == (total, odd)
    assert row.provenance.edition


@pytest.mark.parametrize(
    ("order", "ratio", "percent"),
    [(5, 10, 4.0), (11, 30, 3.5), (17, 70, 4.0), (23, 500, 2.0), (35, 2_000, 1.4), (6, 10, 1.0)],
)
def test_ieee_519_currents(order: int, ratio: float, percent: float) -> None:
    assert harmonics.ieee_519_current_limit(order, ratio) == percent
