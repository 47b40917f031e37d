"""What the judge remembers on disk: a second one goes on as the first would have, and garbage begins anew."""

from collections.abc import Callable
from dataclasses import replace
from math import pi, sin
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from domain.assets import Asset, Point
from domain.findings import Finding
from domain.ids import AssetId, PointKey, SourceId
from service.judge_memory import JudgeMemory
from service.judging import Judging, Kept, as_moments
from service.site.load import load
from service.site.model import Site
from service.watched import RHYTHM_STEP_US
from tests.support.sites import limit, write_site

START_US = 1_790_000_100_000_000 // RHYTHM_STEP_US * RHYTHM_STEP_US
SECOND_US = 1_000_000
FEEDER, PUMP, T1 = AssetId("N/101"), AssetId("N/P1"), AssetId("N/1T")
UNITS = {
    "N/101/p": "MW",
    "N/101/ia": "A",
    "N/1T/top_oil_temp": "degC",
    "N/1T/load_factor": "pu",
    "N/1T/ambient_temp": "degC",
    "N/P1/vibration_1": "mm/s",
    "N/P1/pressure": "MPa",
    "N/P1/flow": "",
    "N/P1/running": "status",
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    written = write_site(
        tmp_path / "site", port=1, points=["N/1T/x"], limits=[limit("N/1T/x", "H", 85)]
    )
    points = tuple(
        Point(
            number=number,
            key=PointKey(key),
            asset_id=AssetId(key.rpartition("/")[0]),
            source_id=SourceId("field"),
            signal=key,
            unit=unit,
            stale_after_us=3_600 * SECOND_US,
        )
        for number, (key, unit) in enumerate(UNITS.items())
    )
    assets = {
        each: Asset(asset_id=each, station="S", voltage="10kV", bay="B", name=each)
        for each in (FEEDER, PUMP, T1)
    }
    return replace(load(written), points=points, assets=assets, zone=ZoneInfo("Asia/Shanghai"))


def plant(row: int) -> dict[str, tuple[float | None, int, int]]:
    """Five minutes apart, with a habit of the day, and trouble near the end."""
    at_us = START_US + row * RHYTHM_STEP_US
    noise = np.random.default_rng(row)
    wave = sin(row / 288.0 * 2.0 * pi)
    trouble = 1.0 if row >= 560 else 0.0
    values = {
        "N/101/p": 10.0 + 2.0 * wave + noise.normal(0, 0.1) + 30.0 * trouble,
        "N/101/ia": 500.0 + 90.0 * wave + noise.normal(0, 4.0),
        "N/1T/top_oil_temp": 50.0 + 5.0 * wave + noise.normal(0, 0.2) + 15.0 * trouble,
        "N/1T/load_factor": 0.6 + 0.1 * wave,
        "N/1T/ambient_temp": 20.0 + 5.0 * wave,
        "N/P1/vibration_1": 2.0 + noise.normal(0, 0.1) + 5.0 * trouble,
        "N/P1/pressure": 16.0 + noise.normal(0, 0.1),
        "N/P1/flow": 25.0 + noise.normal(0, 0.3),
        "N/P1/running": 1.0,
    }
    return {key: (value, at_us, 0) for key, value in values.items()}


ROWS = 600


def looked(judging: Judging, rows: range) -> list[Finding]:
    found: list[Finding] = []
    for row in rows:
        found += judging.look(plant(row), START_US + row * RHYTHM_STEP_US)
    return found


@pytest.mark.parametrize("stopped_at", [50, 420, 561, 575])
def test_a_second_judge_goes_on_as_the_first_would_have(
    site: Site, tmp_path: Path, stopped_at: int
) -> None:
    uninterrupted = looked(Judging(site, None), range(ROWS))
    assert {each.cause.value for each in uninterrupted} == {"unusual", "overheating"}
    assert {each.asset_id for each in uninterrupted} == {FEEDER, PUMP, T1}

    first = Judging(site, None)
    before = looked(first, range(stopped_at))
    memory = JudgeMemory(tmp_path / "memory")
    for each in first.watched:
        memory.save(each, now=True)
    memory.save_experts(first.kept)

    again = JudgeMemory(tmp_path / "memory")
    second = Judging(site, None, standing=standing_of(before), kept=again.experts())
    assert all(again.restore(each) for each in second.watched)
    after = looked(second, range(stopped_at, ROWS))
    assert before + after == uninterrupted


def standing_of(findings: list[Finding]) -> list[Finding]:
    """The newest version of each that is not over, as the records would have it."""
    newest = {each.finding_id: each for each in findings}
    return [each for each in newest.values() if each.ended_at_us is None]


def test_what_is_missing_since_the_save_comes_from_history(site: Site, tmp_path: Path) -> None:
    """Two ways to the same state: every look, or a save and the history after it."""
    through = Judging(site, None)
    for row in range(430):
        rhythm = through.watched[0]
        through.learn(rhythm, plant(row), START_US + row * RHYTHM_STEP_US)
    first = Judging(site, None)
    for row in range(400):
        first.learn(first.watched[0], plant(row), START_US + row * RHYTHM_STEP_US)
    memory = JudgeMemory(tmp_path)
    memory.save(first.watched[0], now=True)
    second = Judging(site, None)
    assert memory.restore(second.watched[0])
    histories: dict[PointKey, dict[str, list[Any]]] = {
        point.key: {
            "times": [plant(row)[point.key][1] - 1 for row in range(400, 430)],
            "values": [plant(row)[point.key][0] for row in range(400, 430)],
            "qualities": [0] * 30,
        }
        for point in second.watched[0].points
    }
    for at_us, latest in as_moments(histories, RHYTHM_STEP_US):
        second.learn(second.watched[0], latest, at_us)
    assert second.watched[0].at_step == through.watched[0].at_step
    at_us = START_US + 430 * RHYTHM_STEP_US
    views = [judging.look(plant(430), at_us) for judging in (through, second)]
    assert views[0] == views[1]


def cut(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def one_bit(raw: bytes) -> bytes:
    place = len(raw) // 2
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


def empty(raw: bytes) -> bytes:
    return b""


def text(raw: bytes) -> bytes:
    return b"model = 3"


@pytest.mark.parametrize("spoilt", [cut, one_bit, empty, text])
def test_a_broken_memory_is_begun_anew(
    site: Site, tmp_path: Path, spoilt: Callable[[bytes], bytes]
) -> None:
    first = Judging(site, None)
    looked(first, range(60))
    memory = JudgeMemory(tmp_path)
    for each in first.watched:
        memory.save(each, now=True)
    memory.save_experts(first.kept)
    for path in (*tmp_path.glob("*.npz"), tmp_path / "experts.json"):
        path.write_bytes(spoilt(path.read_bytes()))
    again = JudgeMemory(tmp_path)
    second = Judging(site, None)
    assert not any(again.restore(each) for each in second.watched)
    assert all(each.at_step == -1 for each in second.watched)
    assert again.experts() == Kept() or spoilt is one_bit, "a number more or less is no broken file"
    looked(second, range(60, 70))


def test_a_memory_cannot_carry_code(site: Site, tmp_path: Path) -> None:
    judging = Judging(site, None)
    np.savez(
        tmp_path / f"{judging.watched[0].name}.npz",
        allow_pickle=True,
        told=np.array([{"format": 1}], object),
    )
    assert not JudgeMemory(tmp_path).restore(judging.watched[0])


def test_streams_that_the_site_has_no_more_are_forgotten(site: Site, tmp_path: Path) -> None:
    judging = Judging(site, None)
    memory = JudgeMemory(tmp_path)
    looked(judging, range(3))
    for each in judging.watched:
        memory.save(each, now=True)
    kept = judging.watched[0].name
    memory.forget_others({kept})
    assert [path.stem for path in tmp_path.glob("*.npz")] == [kept]


def test_other_points_are_other_streams(site: Site) -> None:
    fewer = replace(site, points=site.points[1:])
    names = [each.name for each in Judging(site, None).watched]
    others = [each.name for each in Judging(fewer, None).watched]
    assert names[0] not in others
    assert names[1:] == others[1:]


def test_a_disk_that_takes_nothing_costs_no_judgement(site: Site, tmp_path: Path) -> None:
    (tmp_path / "memory").write_text("a file where the folder should be", "utf-8")
    memory = JudgeMemory(tmp_path / "memory")
    judging = Judging(site, None)
    looked(judging, range(3))
    memory.save(judging.watched[0], now=True)
    memory.save_experts(judging.kept)
    looked(judging, range(3, 6))


def test_a_machine_that_stands_still_is_well(site: Site) -> None:
    judging = Judging(site, None)
    looked(judging, range(420))
    found = []
    for row in range(420, 440):
        stopped = plant(row) | {
            "N/P1/running": (0.0, START_US + row * RHYTHM_STEP_US, 0),
            "N/P1/vibration_1": (0.0, START_US + row * RHYTHM_STEP_US, 0),
        }
        found += judging.look(stopped, START_US + row * RHYTHM_STEP_US)
    assert [each for each in found if each.asset_id == PUMP] == []
