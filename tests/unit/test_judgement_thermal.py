"""Oil and winding temperatures of a transformer: the two worked examples of IEC 60076-7, and ageing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.judgement.thermal import (
    CONSTANTS,
    LOADING,
    Cooling,
    Nameplate,
    Regime,
    Temperatures,
    UnusableLoad,
    ageing_rate,
    difference_step,
    loss_of_life_days,
    predict,
    steady,
    step,
)

STEP_LOAD = Nameplate(oil_rise_k=38.3, gradient_k=1.4 * 14.5, loss_ratio=1000, cooling=Cooling.ONAF)
# (until minute, load, top oil, hot spot) as published; our own run of the sheet differs by 1.1 K at most
PUBLISHED = [
    (190, 1.0, 61.9, 83.8),
    (365, 0.6, 44.4, 54.0),
    (500, 1.5, 89.2, 127.0),
    (705, 0.3, 35.0, 37.5),
    (730, 2.1, 67.9, 138.6),
    (745, 0.0, 60.3, 75.3),
]
COMPUTED = [
    (190, 61.9, 83.8),
    (365, 44.4, 54.1),
    (500, 89.8, 128.1),
    (705, 35.0, 37.6),
    (730, 67.9, 138.6),
    (745, 60.3, 75.3),
]


def run_of_step_loads() -> dict[int, Temperatures]:
    state = Temperatures(oil=38.3, rise_1=0.0, rise_2=0.0)
    found = {}
    minute = 0
    for until, load, _, _ in PUBLISHED:
        while minute < until:
            state = step(STEP_LOAD, state, load, 25.6, 1.0)
            minute += 1
        found[until] = state
    return found


def test_the_exponential_form_agrees_with_the_published_step_loads() -> None:
    found = run_of_step_loads()
    for until, _, oil, hot_spot in PUBLISHED:
        assert found[until].oil == pytest.approx(oil, abs=1.5), until
        assert found[until].hot_spot == pytest.approx(hot_spot, abs=1.5), until


def test_the_exponential_form_agrees_with_the_computed_step_loads() -> None:
    found = run_of_step_loads()
    for until, oil, hot_spot in COMPUTED:
        assert found[until].oil == pytest.approx(oil, abs=0.06), until
        assert found[until].hot_spot == pytest.approx(hot_spot, abs=0.06), until


DAY_LOADS = """.81 .87 .88 .86 .90 .92 .95 .96 .97 1.00 1.70 1.70 1.73 1.72 1.69 1.68 1.71 1.69 1.67 1.68
1.63 1.59 1.53 1.49 1.41 1.38 1.32 1.28 1.21 1.19 .87 .88 .87 .86 .85 .87 .83 .86 .85 .82 .86"""
DAY_AMBIENT = """30.3 29.9 29.8 29.5 29.6 29.5 29.5 28.9 29.0 28.6 28.0 28.7 27.8 28.1 27.9 27.1 26.9 26.7
27.2 26.7 26.9 26.5 26.2 26.3 25.4 25.6 25.3 24.8 24.5 24.3 24.1 24.3 24.1 23.4 23.6 23.8 23.1 23.3 23.1
22.3 22.2"""


def run_of_a_day() -> list[Temperatures]:
    plate = Nameplate(oil_rise_k=45, gradient_k=35, loss_ratio=8, cooling=Cooling.ONAF)
    loads = [float(each) for each in DAY_LOADS.split()]
    ambient = [float(each) for each in DAY_AMBIENT.split()]
    states = [steady(plate, loads[0], ambient[0])]
    for load, air in zip(loads[1:], ambient[1:], strict=True):
        states.append(difference_step(plate, states[-1], load, air, 3.0))
    return states


@pytest.mark.parametrize(
    ("minute", "oil", "hot_spot", "rate", "days"),
    [
        (0, 63.9, 90.5, 0.123, 0.0),
        (30, 68.2, 118.6, 2.363, 0.01),
        (45, 79.1, 163.6, 122.5, 0.61),
        (60, 87.3, 176.1, 319.3, 3.30),
        (75, 90.7, 164.3, 129.3, 5.59),
        (90, 89.0, 136.9, 13.02, 6.11),
        (105, 83.8, 110.0, 0.996, 6.14),
        (120, 79.1, 99.3, 0.325, 6.15),
    ],
)
def test_the_difference_form_agrees_with_the_worked_day(
    minute: int, oil: float, hot_spot: float, rate: float, days: float
) -> None:
    states = run_of_a_day()
    now = states[minute // 3]
    assert now.oil == pytest.approx(oil, abs=0.06)
    assert now.hot_spot == pytest.approx(hot_spot, abs=0.06)
    assert ageing_rate(now.hot_spot, upgraded_paper=True) == pytest.approx(rate, rel=0.005)
    past = [each.hot_spot for each in states[1 : minute // 3 + 1]]
    assert loss_of_life_days(past, 3.0, upgraded_paper=True) == pytest.approx(days, abs=0.006)


@pytest.mark.parametrize(
    ("hot_spot", "normal", "upgraded"),
    [
        (80, 0.125, 0.0358),
        (92, 0.5, 0.1449),
        (98, 1, 0.2817),
        (100, 1.2599, 0.3499),
        (104, 2, 0.5362),
        (110, 4, 1),
        (120, 12.70, 2.709),
        (140, 128, 17.20),
    ],
)
def test_paper_ages_as_the_table_says(hot_spot: float, normal: float, upgraded: float) -> None:
    assert ageing_rate(hot_spot, upgraded_paper=False) == pytest.approx(normal, rel=0.001)
    assert ageing_rate(hot_spot, upgraded_paper=True) == pytest.approx(upgraded, rel=0.002)


@pytest.mark.parametrize("cooling", list(Cooling))
@given(load=st.floats(0.0, 1.5), ambient=st.floats(-30.0, 45.0))
def test_a_steady_transformer_stays_where_it_is(
    cooling: Cooling, load: float, ambient: float
) -> None:
    plate = Nameplate(cooling=cooling)
    settled = steady(plate, load, ambient)
    for later in predict(plate, settled, load, ambient):
        assert later.oil == pytest.approx(settled.oil, abs=1e-6)
        assert later.hot_spot == pytest.approx(settled.hot_spot, abs=1e-6)


def test_the_forecast_climbs_towards_the_steady_end() -> None:
    plate = Nameplate(cooling=Cooling.ONAN)
    forecast = predict(plate, steady(plate, 0.5, 20.0), 1.2, 20.0, minutes=600)
    assert all(later.oil >= before.oil for before, later in pairwise(forecast))
    assert forecast[-1].oil == pytest.approx(steady(plate, 1.2, 20.0).oil, abs=0.5)


@pytest.mark.parametrize("load", [-0.1, 2.6, float("nan")])
def test_a_load_outside_the_model_is_refused(load: float) -> None:
    with pytest.raises(UnusableLoad):
        steady(Nameplate(), load, 20.0)


def test_the_difference_form_refuses_a_step_that_would_swing() -> None:
    with pytest.raises(UnusableLoad, match="too long"):
        difference_step(Nameplate(cooling=Cooling.ONAF), Temperatures(50, 0, 0), 1.0, 20.0, 4.0)


def test_every_constant_and_loading_limit_says_where_it_comes_from() -> None:
    sources = [row.provenance for row in CONSTANTS.values()]
    sources += [row.provenance for row in LOADING.values()]
    assert all(source.standard and source.mark in "VCUD" for source in sources)
    assert LOADING[Regime.NORMAL_CYCLIC].hot_spot == 120
