"""Reliability indices: the example of DOMAIN E3, parts restored at different times, days apart."""

from datetime import date
from math import exp, log, sqrt
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.clock import MINUTE_US, from_datetime
from domain.reliability import (
    Interruption,
    Served,
    daily_saidi,
    indices,
    major_event_days,
    major_event_limit,
)

BEIJING = ZoneInfo("Asia/Shanghai")
YEAR_US = 365 * 24 * 60 * MINUTE_US
SERVED = Served(
    customers=2_000, transformer_users=100, momentary_us=5 * MINUTE_US, short_us=3 * MINUTE_US
)
# minutes, customers: the set of DOMAIN E3, and its two momentary events
SUSTAINED = [(8.17, 200), (71.3, 600), (30.3, 25), (267.2, 90), (120, 700), (10, 1500), (40, 100)]
MOMENTARY = [(0.5, 400), (1.0, 2000)]


def interruption(
    minutes: float | None, customers: int = 100, began_at_us: int = 0, **fields: object
) -> Interruption:
    known: dict[str, object] = {
        "source_id": UUID(int=1),
        "section_id": "S1",
        "feeder_id": "113",
        "station": "35kV柳塬变",
        "planned": False,
        "customers": customers,
        "transformer_users": customers // 20,
        "began_at_us": began_at_us,
        "ended_at_us": None if minutes is None else began_at_us + round(minutes * MINUTE_US),
    }
    return Interruption(**(known | fields))  # type: ignore[arg-type]


def test_the_example_of_ieee_1366() -> None:
    found = indices([interruption(*each) for each in SUSTAINED + MOMENTARY], SERVED, YEAR_US)
    assert (found.interrupted, found.momentary) == (3_215, 2_400)
    assert found.customer_minutes == pytest.approx(172_219.5, abs=0.1)
    assert found.saifi == pytest.approx(1.6075)
    assert found.saidi_minutes == pytest.approx(86.110, abs=0.001)
    assert found.caidi_minutes == pytest.approx(53.567, abs=0.001)
    assert found.asai == pytest.approx(0.999836, abs=1e-6)
    assert found.maifi == pytest.approx(1.2)


def test_parts_that_come_back_earlier_count_for_their_own_time() -> None:
    whole = indices([interruption(60, 300)], SERVED, YEAR_US)
    by_steps = indices([interruption(60, 100), interruption(20, 200)], SERVED, YEAR_US)
    assert whole.customer_minutes == 18_000
    assert by_steps.customer_minutes == 10_000
    assert whole.saifi == by_steps.saifi


@pytest.mark.parametrize(
    ("minutes", "sustained", "users_hours"),
    [
        pytest.param(3.0, 0, 0.0, id="short-by-both"),
        pytest.param(4.0, 0, 5 * 4 / 60, id="momentary-by-IEEE-and-long-by-DL-T-836"),
        pytest.param(5.0, 0, 5 * 5 / 60, id="at-the-limit-still-momentary"),
        pytest.param(5.1, 100, 5 * 5.1 / 60, id="above-it"),
        pytest.param(None, 0, 0.0, id="lasts-still"),
    ],
)
def test_what_is_short(minutes: float | None, sustained: int, users_hours: float) -> None:
    found = indices([interruption(minutes)], SERVED, YEAR_US)
    assert found.interrupted == sustained
    assert found.user_hours == pytest.approx(users_hours)


def test_without_customers_nothing_is_divided() -> None:
    nobody = Served(customers=0, transformer_users=0, momentary_us=0, short_us=0)
    found = indices([interruption(60)], nobody, YEAR_US)
    assert (found.saifi, found.saidi_minutes, found.asai, found.rs_1) == (None, None, None, None)
    assert indices([], SERVED, YEAR_US).caidi_minutes is None


def test_a_day_is_the_people_s_and_what_was_planned_is_left_out() -> None:
    from datetime import datetime

    late = from_datetime(datetime(2026, 11, 24, 23, 50, tzinfo=BEIJING))
    told = [
        interruption(20, 2_000, late),
        interruption(60, 1_000, late, planned=True),
        interruption(1, 2_000, late),
    ]
    assert daily_saidi(told, SERVED, BEIJING) == {date(2026, 11, 24): 20.0}


def test_a_major_event_day_is_beyond_two_and_a_half_betas() -> None:
    ordinary = [1.0, 2.0, 4.0, 2.0, 1.0]
    logarithms = [log(each) for each in ordinary]
    mean = sum(logarithms) / 5
    beta = sqrt(sum((each - mean) ** 2 for each in logarithms) / 4)
    limit = major_event_limit([*ordinary, 0.0])  # days without any are left out
    assert limit == pytest.approx(exp(mean + 2.5 * beta))
    days = {date(2026, 1, day): minutes for day, minutes in enumerate((2.0, 40.0, 3.0), start=1)}
    assert major_event_days(days, limit) == [date(2026, 1, 2)]
    assert major_event_limit([5.0]) is None
    assert major_event_days(days, None) == []
