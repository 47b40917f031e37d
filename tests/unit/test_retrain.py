"""What retraining learns, what it compares it with, and what it replaces."""

from dataclasses import replace
from math import pi, sin
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from detectors.judgement import thermal
from detectors.judgement.motor import HealthyMotor
from detectors.judgement.solar import SunModel
from detectors.judgement.sun_fit import fit_sun
from detectors.judgement.thermal import Nameplate
from domain.assets import Asset, Point
from domain.ids import AssetId, PointKey, SourceId
from service.judge_memory import JudgeMemory
from service.judging import Judging
from service.model_store import BrokenModel, Models, ModelStore
from service.retrain import learn
from service.site.load import load
from service.site.model import Site
from tests.support.sites import limit, write_site

T1 = AssetId("N/1T")
START_US = 1_790_000_000_000_000 // 86_400_000_000 * 86_400_000_000
MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
UNITS = {"running": "status", "vibration_1": "mm/s"}


@pytest.fixture
def plant(tmp_path: Path) -> Site:
    written = write_site(
        tmp_path / "site", port=1, points=["N/1T/x"], limits=[limit("N/1T/x", "H", 85)]
    )
    return load(written)


def site_with(plant: Site, *keys: str) -> Site:
    points = tuple(
        Point(
            number=number,
            key=PointKey(key),
            asset_id=AssetId(key.rpartition("/")[0]),
            source_id=SourceId("field"),
            signal=key,
            unit=UNITS.get(key.rpartition("/")[2], "degC"),
            stale_after_us=5 * MINUTE_US,
        )
        for number, key in enumerate(keys)
    )
    assets = {
        each: Asset(asset_id=each, station="S", voltage="10kV", bay="B", name=each)
        for each in {point.asset_id for point in points}
    }
    return replace(plant, points=points, assets=assets, zone=ZoneInfo("UTC"))


def given(columns: dict[str, list[float]], step_us: int) -> Any:
    """A way to a history that holds these, one row a step."""

    def history(point: PointKey, from_us: int, to_us: int) -> dict[str, list[Any]]:
        values = columns[point.rpartition("/")[2]]
        times = [START_US + row * step_us for row in range(len(values))]
        kept = [row for row, at_us in enumerate(times) if from_us <= at_us < to_us]
        return {
            "times": [times[row] for row in kept],
            "values": [values[row] for row in kept],
            "qualities": [0] * len(kept),
        }

    return history


def learnt(site: Site, tmp_path: Path, history: Any, days: int) -> Any:
    store = ModelStore(tmp_path / "models")
    memory = JudgeMemory(tmp_path / "memory")
    period = (START_US, START_US + days * DAY_US)
    return learn(site, history, store, period, lambda *_: None, memory), store.active()


def wind_history(factor: float) -> Any:
    noise = np.random.default_rng(1)
    speeds = noise.uniform(3, 14, 1_900)
    powers = factor * speeds**3 + noise.normal(0, 5, 1_900)
    times = [START_US + row * MINUTE_US for row in range(1_900)]

    def history(point: PointKey, from_us: int, to_us: int) -> dict[str, list[Any]]:
        values = speeds if point.endswith("wind_speed") else powers
        return {"times": times, "values": values.tolist(), "qualities": [0] * 1_900}

    return history


def test_retraining_replaces_only_by_what_is_better(plant: Site, tmp_path: Path) -> None:
    site = site_with(plant, "W/1/wind_speed", "W/1/p")
    store, memory = ModelStore(tmp_path), JudgeMemory(tmp_path / "memory")
    progress: list[tuple[str, int, int]] = []
    period = (START_US, START_US + 2_000 * MINUTE_US)
    say = lambda what, done, of: progress.append((what, done, of))  # noqa: E731

    first = learn(site, wind_history(1.0), store, period, say, memory)
    assert first.version == 1
    assert first.compared[0].running_error is None
    assert progress[-1] == ("", 2, 2)

    same = learn(site, wind_history(1.0), store, period, say, memory)
    assert same.version is None, "the same history gives nothing better"

    other = learn(site, wind_history(0.8), store, period, say, memory)
    assert other.version == 2
    (compared,) = other.compared
    assert compared.running_error is not None
    assert compared.new_error < compared.running_error


def test_the_rise_of_the_oil_is_found_again(plant: Site, tmp_path: Path) -> None:
    site = site_with(plant, "N/1T/top_oil_temp", "N/1T/load_factor", "N/1T/ambient_temp")
    plate = Nameplate(oil_rise_k=45.0)
    state = thermal.steady(plate, 0.5, 20.0)
    columns: dict[str, list[float]] = {"top_oil_temp": [], "load_factor": [], "ambient_temp": []}
    for row in range(400):
        load = 0.4 + 0.4 * (row // 60 % 2)
        state = thermal.step(plate, state, load, 20.0, 5.0)
        for name, value in zip(columns, (state.oil, load, 20.0), strict=True):
            columns[name].append(value)
    times = [START_US + row * 5 * MINUTE_US for row in range(400)]

    def history(point: PointKey, from_us: int, to_us: int) -> dict[str, list[Any]]:
        values = columns[point.rpartition("/")[2]]
        return {"times": times, "values": values, "qualities": [0] * len(values)}

    store = ModelStore(tmp_path)
    learn(site, history, store, (times[0], times[-1]), lambda *_: None, JudgeMemory(tmp_path))
    found = store.active()
    assert found is not None
    assert found.plates[T1].oil_rise_k == 45.0


def test_too_little_history_is_skipped_with_the_reason(plant: Site, tmp_path: Path) -> None:
    site = site_with(plant, "W/1/wind_speed", "W/1/p")

    def history(point: PointKey, from_us: int, to_us: int) -> dict[str, list[Any]]:
        return {"times": [], "values": [], "qualities": []}

    result = learn(
        site, history, ModelStore(tmp_path), (0, 1), lambda *_: None, JudgeMemory(tmp_path)
    )
    assert result.version is None
    assert "too few" in result.skipped[0]


TRUE = SunModel(per_sun=500.0, bend=-30.0, warmth=-1.8)


def sunny(dark_days: frozenset[int] = frozenset()) -> dict[str, list[float]]:
    """Eight days of ten-minute values; on dark days the inverter stands still under its sun."""
    noise = np.random.default_rng(2)
    columns: dict[str, list[float]] = {"p": [], "poa_irradiance": [], "module_temp": []}
    for row in range(8 * 144):
        height = max(sin((row % 144 / 144.0 - 0.25) * 2.0 * pi), 0.0)
        sun = 1_000.0 * height * noise.uniform(0.4, 1.0)
        warmth = 10.0 + 30.0 * height
        made = 0.0 if row // 144 in dark_days else TRUE.expected(sun, warmth)
        columns["p"].append(made * noise.normal(1.0, 0.02))
        columns["poa_irradiance"].append(sun)
        columns["module_temp"].append(warmth)
    columns["dc_voltage"] = [700.0] * len(columns["p"])
    return columns


SUNNY = ("GF/1/p", "GF/1/dc_voltage", "GF/QX/poa_irradiance", "GF/QX/module_temp")


def test_an_inverter_learns_its_sun_although_it_stood_still(plant: Site, tmp_path: Path) -> None:
    """A day of six at zero would move a regression of least squares by a sixth."""
    history = given(sunny(frozenset({2})), 10 * MINUTE_US)
    result, found = learnt(site_with(plant, *SUNNY), tmp_path, history, 8)
    (compared,) = [each for each in result.compared if each.kind == "sun"]
    assert compared.running_error is None
    assert found.suns[AssetId("GF/1")].expected(900.0, 40.0) == pytest.approx(
        TRUE.expected(900.0, 40.0), rel=0.03
    )
    assert found.figures["sun GF/1"] < 10.0


def test_the_same_rows_give_the_same_sun() -> None:
    columns = {name: np.array(each) for name, each in sunny().items()}
    rows = (columns["p"], columns["poa_irradiance"], columns["module_temp"])
    assert fit_sun(*rows) == fit_sun(*rows)
    with pytest.raises(ValueError, match="too few"):
        fit_sun(*(each[:36] for each in rows))


def test_without_a_mast_there_is_no_sun_to_learn_from(plant: Site, tmp_path: Path) -> None:
    result, _ = learnt(site_with(plant, *SUNNY[:2]), tmp_path, given(sunny(), 10 * MINUTE_US), 8)
    assert "GF/1: nothing measures poa_irradiance, module_temp there" in result.skipped


CURRENTS = ("P/1/ia", "P/1/ib", "P/1/ic", "P/1/stator_temp")


def running_motor(unbalanced: float) -> dict[str, list[float]]:
    """Ten days of ten-minute values; it stands still at night."""
    noise = np.random.default_rng(4)
    columns: dict[str, list[float]] = {name: [] for name in ("ia", "ib", "ic", "stator_temp")}
    for row in range(10 * 144):
        runs = 36 <= row % 144 < 130
        for place, name in enumerate(("ia", "ib", "ic")):
            size = 100.0 * (1.0 + unbalanced * (place == 0)) * noise.normal(1.0, 0.001)
            columns[name].append(size if runs else 0.0)
        columns["stator_temp"].append(80.0)
    return columns


def test_a_motor_learns_what_it_is_when_it_is_well(plant: Site, tmp_path: Path) -> None:
    site = site_with(plant, *CURRENTS)
    _, found = learnt(site, tmp_path, given(running_motor(0.01), 10 * MINUTE_US), 10)
    healthy = found.motors[AssetId("P/1")]
    assert healthy.runs == 8, "days on which it ran, of the older four fifths"
    assert 0.003 < healthy.usual < 0.01 < healthy.limit < 0.04


def test_nothing_is_learnt_from_a_motor_that_is_ill(plant: Site, tmp_path: Path) -> None:
    site = site_with(plant, *CURRENTS)
    before = HealthyMotor(usual=0.005, limit=0.015, runs=8)
    kept = Models(version=1, from_us=0, to_us=1, motors={AssetId("P/1"): before})
    ModelStore(tmp_path / "models").keep(kept)
    result, found = learnt(site, tmp_path, given(running_motor(0.10), 10 * MINUTE_US), 10)
    assert any("it is ill now" in line for line in result.skipped)
    assert found.motors == {AssetId("P/1"): before}


def habit(level: float) -> list[float]:
    """Two days of five minutes with a habit of the day."""
    noise = np.random.default_rng(6)
    return [
        level + 2.0 * sin(row / 288.0 * 2.0 * pi) + float(noise.normal(0.0, 0.1))
        for row in range(2 * 288)
    ]


def test_streams_are_learnt_anew_and_the_judge_goes_on_from_them(
    plant: Site, tmp_path: Path
) -> None:
    site = site_with(plant, "N/101/p")
    result, found = learnt(site, tmp_path, given({"p": habit(10.0)}, 5 * MINUTE_US), 2)
    (compared,) = result.compared
    assert (compared.kind, compared.running_error) == ("rhythm streams", None)
    assert 0.0 < compared.new_error < 0.3
    judging = Judging(site, found)
    (each,) = judging.watched
    assert JudgeMemory(tmp_path / "memory").restore(each, found.streams[each.name])
    assert each.model == 1
    assert each.at_step == (START_US + 2 * DAY_US) // (5 * MINUTE_US)


def test_running_streams_that_know_better_stay(plant: Site, tmp_path: Path) -> None:
    site = site_with(plant, "N/101/p")
    history = given({"p": habit(10.0)}, 5 * MINUTE_US)
    _, found = learnt(site, tmp_path, history, 2)
    memory = JudgeMemory(tmp_path / "memory")
    judging = Judging(site, found)
    memory.restore(judging.watched[0], found.streams[judging.watched[0].name])
    memory.save(judging.watched[0], now=True)
    again, _ = learnt(site, tmp_path, history, 2)
    (compared,) = again.compared
    assert compared.running_error is not None
    assert compared.new_error == pytest.approx(compared.running_error, rel=0.05)
    assert again.version is None


def test_a_memory_that_has_grown_from_a_model_is_not_thrown_back_to_it(
    plant: Site, tmp_path: Path
) -> None:
    site = site_with(plant, "N/101/p")
    _, found = learnt(site, tmp_path, given({"p": habit(10.0)}, 5 * MINUTE_US), 2)
    memory = JudgeMemory(tmp_path / "memory")
    judging = Judging(site, found)
    (each,) = judging.watched
    streams = found.streams[each.name]
    memory.restore(each, streams)
    at_us = (each.at_step + 3) * each.step_us
    judging.look({"N/101/p": (10.0, at_us, 0)}, at_us)
    memory.save(each, now=True)
    (later,) = Judging(site, found).watched
    assert JudgeMemory(tmp_path / "memory").restore(later, streams)
    assert later.at_step == at_us // each.step_us


def test_streams_of_another_release_are_begun_anew(plant: Site, tmp_path: Path) -> None:
    site = site_with(plant, "N/101/p")
    _, found = learnt(site, tmp_path, given({"p": habit(10.0)}, 5 * MINUTE_US), 2)
    (each,) = Judging(site, found).watched
    other = replace(found.streams[each.name], settings="of another release")
    assert not JudgeMemory(tmp_path / "memory").restore(each, other)
    assert (each.at_step, each.model) == (-1, 0)


def test_a_damaged_file_of_streams_is_noticed(plant: Site, tmp_path: Path) -> None:
    site = site_with(plant, "N/101/p")
    learnt(site, tmp_path, given({"p": habit(10.0)}, 5 * MINUTE_US), 2)
    (path,) = (tmp_path / "models" / "000001").glob("streams-*.npz")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BrokenModel, match="digest"):
        ModelStore(tmp_path / "models").active()
