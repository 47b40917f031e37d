"""The demo's story on the example site: calm outside its scenes, and each scene does what it is for."""

import json
import random

import pytest

from detectors.judgement.metering import apparent_mismatch, apparent_plausible
from domain.assets import Condition, Limit
from domain.findings import Cause
from domain.ids import PointKey
from service.demo import example_site
from service.judging import Judging
from service.simulate.plant import SimulatedPlant
from service.simulate.story import (
    DARK_STATION,
    OIL,
    STORY_S,
    UNLOCK,
    standing_values,
    story_of,
    values_at,
)
from service.site.load import load
from service.site.model import Site

START_US = 1_790_000_000_000_000


@pytest.fixture(scope="module")
def site() -> Site:
    return load(example_site())


def violated(site: Site, values: dict[str, float]) -> set[str]:
    """By the values of one moment; a condition of time (stuck) is not."""
    return {
        f"{point.key} {limit.condition.value}"
        for point in site.points
        for limit in point.limits
        if point.key in values and is_violated(limit, values[point.key], values)
    }


def is_violated(limit: Limit, value: float, values: dict[str, float]) -> bool:
    match limit.condition:
        case Condition.LOW | Condition.LOW_LOW:
            return value <= limit.value
        case Condition.HIGH | Condition.HIGH_HIGH:
            return value >= limit.value
        case Condition.STATE:
            return value in limit.states
        case Condition.PHASES:
            phases = [value, *(values[term.point] for term in limit.terms)]
            return max(phases) - min(phases) >= limit.value
        case _:
            return False


def of(values: object) -> dict[str, float]:
    return dict(values)  # type: ignore[call-overload,no-any-return]


def test_an_ordinary_day_violates_nothing_but_the_open_ties(site: Site) -> None:
    ties = {"SP/150", "SP/300", "SP/100", "LY/300", "LY/100"}
    assert violated(site, of(standing_values(site))) == {f"{tie}/position L" for tie in ties}


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_noise_moves_nothing_over_a_limit(site: Site, chance: float) -> None:
    plant = SimulatedPlant(site, chance=lambda: chance)
    found = violated(site, of(plant.ordinary()))
    assert {each.rsplit("/", 1)[1] for each in found} == {"position L"}


def test_the_story_is_about_things_of_the_example(site: Site) -> None:
    assert {OIL, UNLOCK} <= {step.point for step in story_of(site)}


@pytest.mark.parametrize(
    ("story_s", "violates"),
    [
        pytest.param(13.5, f"{OIL} HH", id="hot-oil"),
        pytest.param(25, f"{UNLOCK} H", id="unlocked"),
        pytest.param(40, "SP/312/quick_break H", id="line-trips"),
        pytest.param(40, "SP/312/position L", id="its-breaker-opens"),
        pytest.param(40, "GC/111/uab L", id="the-far-station-is-dark"),
        pytest.param(130, "LY/PT10-1/u0 HH", id="an-earth-on-an-ungrounded-busbar"),
    ],
)
def test_a_scene(site: Site, story_s: float, violates: str) -> None:
    assert violates in violated(site, of(values_at(story_of(site), story_s)))


def test_the_trip_brings_a_swarm_and_all_of_it_ends(site: Site) -> None:
    steps = story_of(site)
    dark = {
        point.key for point in site.points if site.assets[point.asset_id].station == DARK_STATION
    }
    swarm = violated(site, of(values_at(steps, 40)))
    assert len([each for each in swarm if each.split()[0] in dark]) >= 20
    assert values_at(steps, STORY_S - 1) == {}


def test_messages_are_small_and_name_every_point_once(site: Site) -> None:
    plant = SimulatedPlant(site)
    messages = list(plant.messages(plant.ordinary()))
    readings = [json.loads(payload)["readings"] for _, payload in messages]
    named = [reading["point"] for each in readings for reading in each]
    assert max(len(each) for each in readings) <= 100
    assert len(set(named)) == len(named) == len(site.points)
    assert {topic for topic, _ in messages} == {
        f"gridwarden/changqing-like/telemetry/{name}"
        for name in ("shiping", "liuyuan", "goucha", "fengdian", "guangfu")
    }


def test_power_is_what_voltage_and_current_make(site: Site) -> None:
    values = standing_values(site)
    feeders = [key.removesuffix("/uab") for key in values if key.endswith("/uab")]
    measured = [
        [values.get(PointKey(f"{begin}/{name}")) for name in ("uab", "ia", "p", "q")]
        for begin in feeders
    ]
    whole = [each for each in measured if None not in each]
    assert len(whole) > 10
    assert [each for each in whole if not apparent_plausible(apparent_mismatch(*each))] == []  # type: ignore[arg-type]


def findings(site: Site, story_s: float | None = None) -> dict[str, Cause]:
    """What the judge makes of eight minutes of the simulated plant, ten seconds apart."""
    chance = random.Random(3).random
    plant = SimulatedPlant(site, chance=chance)
    judging, found = Judging(site, None), dict[str, Cause]()
    for look in range(48):
        at_us = START_US + look * 10_000_000
        values = plant.ordinary()
        if story_s is not None:
            values |= values_at(story_of(site), story_s + 10 * look)
        latest = {str(key): (value, at_us, 0) for key, value in values.items()}
        for finding in judging.look(latest, at_us):
            found[finding.asset_id] = finding.cause
    return found


def test_the_judge_has_nothing_to_say_about_a_calm_day(site: Site) -> None:
    assert findings(site) == {}


def test_the_weak_block_of_the_battery_is_found(site: Site) -> None:
    assert findings(site, story_s=60.0)["LY/ZL"] is Cause.BATTERY_CELL
