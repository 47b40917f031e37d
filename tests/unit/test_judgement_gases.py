"""Dissolved gases: every worked example of the sheet, and what is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.judgement.dga import (
    FROM_330_KV,
    PENTAGON_1,
    TRIANGLE_1,
    UP_TO_220_KV,
    Fault,
    Gases,
    ThreeRatio,
    UnusableGases,
    absolute_rate,
    combined,
    duval_pentagon_1,
    duval_triangle_1,
    iec_60599,
    pentagon_point,
    relative_rate,
    three_ratio,
    three_ratio_code,
    triangle_shares,
)
from detectors.judgement.dga_fit import PUBLISHED, fit_boundaries


def gases(
    h2: float = 0.0, ch4: float = 0.0, c2h6: float = 0.0, c2h4: float = 0.0, c2h2: float = 0.0
) -> Gases:
    return Gases(h2=h2, ch4=ch4, c2h6=c2h6, c2h4=c2h4, c2h2=c2h2)


def test_triangle_shares() -> None:
    shares = triangle_shares(gases(ch4=8, c2h2=15, c2h4=25))
    assert shares == pytest.approx((16.67, 31.25, 52.08), abs=0.01)


@pytest.mark.parametrize(
    ("ch4", "c2h2", "c2h4", "zone"),
    [
        (8, 15, 25, Fault.D2),
        (88, 2, 10, Fault.T1),
        (64, 2, 34, Fault.T2),
        (16, 8, 76, Fault.T3),
        (57, 8, 35, Fault.DT),
        (20, 20, 60, Fault.DT),
        (42, 46, 12, Fault.D1),
        (25, 40, 35, Fault.D2),
        (10, 40, 50, Fault.D2),
        pytest.param(64, 13, 23, Fault.D1, id="corner"),
        pytest.param(98, 2, 0, Fault.PD, id="edge"),
    ],
)
def test_duval_triangle_1(ch4: float, c2h2: float, c2h4: float, zone: Fault) -> None:
    assert duval_triangle_1(gases(ch4=ch4, c2h2=c2h2, c2h4=c2h4)) is zone


def strictly_inside(point: tuple[float, float], corners: list[tuple[float, float]]) -> bool:
    """All of a small cross around the point are inside by the ray rule."""
    return all(
        inside((point[0] + dx, point[1] + dy), corners)
        for dx, dy in ((0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05))
    )


def inside(point: tuple[float, float], corners: list[tuple[float, float]]) -> bool:
    x, y = point
    found = False
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            found = not found
    return found


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_the_rules_and_the_drawn_zones_agree(ch4: float, c2h2: float, c2h4: float) -> None:
    shares = triangle_shares(gases(ch4=ch4, c2h2=c2h2, c2h4=c2h4))
    if shares is None:
        return
    point = (shares[1], shares[2])
    drawn = [
        fault
        for fault, zone in TRIANGLE_1.items()
        if strictly_inside(point, [(y, z) for _, y, z in zone])
    ]
    if drawn:
        assert drawn == [duval_triangle_1(gases(ch4=ch4, c2h2=c2h2, c2h4=c2h4))]


@pytest.mark.parametrize(
    ("sample", "point", "zone"),
    [
        ((31, 192, 130, 31, 0), (-17.29, -9.09), Fault.T1),
        ((50, 120, 80, 60, 30), (-7.36, -5.80), Fault.T1),
        ((1000, 50, 30, 5, 0), (-0.92, 29.24), Fault.PD),
        ((20, 300, 100, 200, 0), (-6.93, -17.84), Fault.T2),
        ((30, 100, 20, 300, 5), (7.77, -21.80), Fault.T3),
        ((200, 60, 10, 80, 200), (10.91, 9.81), Fault.D2),
        ((100, 50, 10, 30, 150), (12.26, 9.94), Fault.D1),
    ],
)
def test_duval_pentagon_1(
    sample: tuple[float, ...], point: tuple[float, float], zone: Fault
) -> None:
    taken = gases(*sample)
    assert pentagon_point(taken) == pytest.approx(point, abs=0.02)
    assert duval_pentagon_1(taken) is zone


def test_the_pentagon_has_no_answer_without_gas() -> None:
    assert duval_pentagon_1(gases()) is None
    assert set(PENTAGON_1) == {*Fault} - {Fault.DT}


@pytest.mark.parametrize(
    ("sample", "faults"),
    [
        pytest.param(gases(1000, 50, 100, 10, 1), (Fault.PD,), id="pd"),
        pytest.param(gases(100, 30, 10, 40, 120), (Fault.D1,), id="d1"),
        pytest.param(gases(100, 30, 10, 60, 90), (Fault.D1, Fault.D2), id="d1-and-d2-overlap"),
        pytest.param(gases(100, 80, 10, 60, 60), (Fault.D2,), id="d2"),
        pytest.param(gases(50, 200, 100, 50, 0), (Fault.T1,), id="t1"),
        pytest.param(gases(50, 200, 50, 150, 1), (Fault.T2,), id="t2"),
        pytest.param(gases(50, 200, 50, 300, 10), (Fault.T3,), id="t3"),
        pytest.param(gases(0, 200, 50, 300, 10), (), id="no-hydrogen-no-ratio"),
        pytest.param(gases(50, 200, 0, 300, 10), (), id="no-ethane-no-ratio"),
    ],
)
def test_iec_60599(sample: Gases, faults: tuple[Fault, ...]) -> None:
    assert iec_60599(sample) == faults


@pytest.mark.parametrize(
    ("sample", "code", "meaning"),
    [
        (gases(100, 50, 60, 50, 1), (0, 0, 0), ThreeRatio.BELOW_150),
        (gases(100, 150, 160, 50, 1), (0, 2, 0), ThreeRatio.FROM_150_TO_300),
        (gases(100, 150, 40, 100, 1), (0, 2, 1), ThreeRatio.FROM_300_TO_700),
        (gases(100, 150, 20, 200, 1), (0, 2, 2), ThreeRatio.ABOVE_700),
        (gases(1000, 50, 60, 50, 1), (0, 1, 0), ThreeRatio.PARTIAL_DISCHARGE),
        (gases(100, 50, 20, 40, 150), (2, 0, 1), ThreeRatio.LOW_ENERGY),
        (gases(100, 150, 20, 40, 150), (2, 2, 1), ThreeRatio.LOW_ENERGY_WITH_HEAT),
        (gases(100, 50, 10, 100, 100), (1, 0, 2), ThreeRatio.ARC),
        (gases(100, 150, 10, 100, 100), (1, 2, 2), ThreeRatio.ARC_WITH_HEAT),
    ],
)
def test_three_ratio(sample: Gases, code: tuple[int, int, int], meaning: ThreeRatio) -> None:
    assert three_ratio_code(sample) == code
    assert three_ratio(sample) is meaning


def test_rates() -> None:
    assert relative_rate(80, 100, 2) == pytest.approx(12.5)
    assert absolute_rate(10, 40, 30, 17.9) == pytest.approx(20.0)
    assert math.isnan(relative_rate(0, 100, 2))
    assert math.isnan(absolute_rate(10, 40, 0, 17.9))


def test_attention_values_by_voltage() -> None:
    sample = gases(h2=160, ch4=40, c2h2=3)
    assert UP_TO_220_KV.exceeded_by(sample) == ("H2",)
    assert FROM_330_KV.exceeded_by(sample) == ("H2", "C2H2")
    assert UP_TO_220_KV.provenance.mark == "U"


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_gas_that_cannot_be_is_refused(bad: float) -> None:
    with pytest.raises(UnusableGases):
        gases(h2=bad)


@pytest.mark.parametrize(
    ("sample", "fault"),
    [
        pytest.param(gases(), None, id="nothing-found-cannot-tell"),
        pytest.param(gases(h2=2000, ch4=120, c2h6=30, c2h4=2, c2h2=2), Fault.PD, id="hydrogen"),
        pytest.param(gases(h2=50, ch4=3, c2h6=1), Fault.T1, id="little-hydrogen-is-stray-gassing"),
        pytest.param(gases(100, 50, 20, 55, 1), Fault.T2, id="just-beyond-the-published-edge"),
        pytest.param(gases(100, 40, 20, 60, 1), Fault.T3, id="hot"),
    ],
)
def test_the_combined_answer(sample: Gases, fault: Fault | None) -> None:
    assert combined(sample) is fault


def test_fitting_finds_the_edge_that_the_cases_show() -> None:
    cases = [
        (gases(h2=10, ch4=48, c2h6=10, c2h4=52), frozenset({Fault.T2})),
        (gases(h2=10, ch4=49, c2h6=10, c2h4=51), frozenset({Fault.T2})),
        (gases(h2=10, ch4=46, c2h6=10, c2h4=54), frozenset({Fault.T3})),
    ]
    found = fit_boundaries(cases)
    assert 52.0 < found.t3_c2h4 <= 54.0
    assert [combined(sample, found) for sample, _ in cases] == [Fault.T2, Fault.T2, Fault.T3]
    assert combined(cases[0][0], PUBLISHED) is Fault.T3


def test_without_cases_the_edges_are_somewhere_in_their_range() -> None:
    assert 50.0 <= fit_boundaries([]).t3_c2h4 <= 55.0
