"""From readings to findings, and models kept without running code."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from detectors.judgement import thermal
from detectors.judgement.thermal import Nameplate
from detectors.judgement.wind import learn_curve
from domain.assets import Asset, Point
from domain.findings import Cause, Finding, Stance, Verdict
from domain.ids import AssetId, PointKey, SourceId
from domain.readings import Quality
from service.judging import Judging, as_moments, kilovolts
from service.model_store import BrokenModel, Models, ModelStore
from service.site.load import load
from service.site.model import Site
from tests.support.sites import limit, write_site

T1 = AssetId("N/1T")
START_US = 1_790_000_000_000_000
MINUTE_US = 60_000_000
GASES = ("h2", "ch4", "c2h6", "c2h4", "c2h2")


@pytest.fixture
def plant(tmp_path: Path) -> Site:
    written = write_site(
        tmp_path / "site", port=1, points=["N/1T/x"], limits=[limit("N/1T/x", "H", 85)]
    )
    return load(written)


def site_with(plant: Site, *keys: str, unit: str = "degC") -> Site:
    points = []
    for number, key in enumerate(keys):
        points.append(
            Point(
                number=number,
                key=PointKey(key),
                asset_id=AssetId(key.rpartition("/")[0]),
                source_id=SourceId("field"),
                signal=key,
                unit=unit,
                stale_after_us=5 * MINUTE_US,
            )
        )
    asset = Asset(asset_id=T1, station="S", voltage="10kV", bay="B", name="1号主变")
    return replace(plant, points=tuple(points), assets={T1: asset}, zone=ZoneInfo("Asia/Shanghai"))


def looked(
    judging: Judging, at_us: int, quality: Quality = Quality.GOOD, **values: float
) -> list[Finding]:
    """One look at values of N/1T."""
    latest = {f"N/1T/{name}": (value, at_us, int(quality)) for name, value in values.items()}
    return judging.look(latest, at_us)


def three_looks(judging: Judging, **values: Any) -> list[Finding]:
    found: list[Finding] = []
    for row in range(3):
        found += looked(judging, START_US + row * MINUTE_US, **values)
    return found


BAD_OIL = {"h2": 60.0, "ch4": 200.0, "c2h6": 50.0, "c2h4": 400.0, "c2h2": 2.0}


def test_gases_become_a_finding_with_its_place_in_the_triangle(plant: Site) -> None:
    judging = Judging(site_with(plant, *(f"N/1T/{gas}" for gas in GASES)), None)
    (finding,) = three_looks(judging, **BAD_OIL)
    assert finding.cause is Cause.THERMAL_FAULT
    drawing = finding.of_stance(Stance.AGREES)[0].drawing
    assert drawing is not None
    assert sum(drawing.place) == pytest.approx(100.0, abs=0.1)


def test_few_gases_or_little_of_them_are_refused(plant: Site) -> None:
    four = Judging(site_with(plant, *(f"N/1T/{gas}" for gas in GASES[:4])), None)
    assert three_looks(four, h2=1000.0, ch4=1000.0, c2h6=1000.0, c2h4=1000.0) == []
    little = Judging(site_with(plant, *(f"N/1T/{gas}" for gas in GASES)), None)
    assert three_looks(little, h2=5.0, ch4=8.0, c2h6=2.0, c2h4=10.0, c2h2=0.2) == []


def test_questionable_values_give_no_firm_verdict(plant: Site) -> None:
    judging = Judging(site_with(plant, *(f"N/1T/{gas}" for gas in GASES)), None)
    (finding,) = three_looks(judging, quality=Quality.QUESTIONABLE, **BAD_OIL)
    assert finding.degraded
    assert finding.verdict is Verdict.LIKELY


@pytest.mark.parametrize("quality", [Quality.INVALID, Quality.BLOCKED, Quality.NOT_TOPICAL])
def test_unusable_values_are_missing_ones(plant: Site, quality: Quality) -> None:
    judging = Judging(site_with(plant, *(f"N/1T/{gas}" for gas in GASES)), None)
    assert three_looks(judging, quality=quality, **BAD_OIL) == []


def test_oil_that_is_hotter_than_its_load_explains_is_found(plant: Site) -> None:
    keys = ("N/1T/top_oil_temp", "N/1T/load_factor", "N/1T/ambient_temp")
    judging = Judging(site_with(plant, *keys), None)
    plate = Nameplate()
    settled = thermal.steady(plate, 0.6, 20.0).oil
    found: list[Finding] = []
    for minute in range(400):
        oil = settled if minute < 200 else settled + 15.0
        found += looked(
            judging,
            START_US + minute * MINUTE_US,
            top_oil_temp=oil,
            load_factor=0.6,
            ambient_temp=20.0,
        )
    hot = [each for each in found if each.cause is Cause.OVERHEATING]
    assert hot
    assert hot[0].began_at_us >= START_US + 260 * MINUTE_US, "it must last for an hour"
    opinion = hot[0].of_stance(Stance.AGREES)[0]
    assert opinion.measured == pytest.approx(settled + 15.0, abs=0.06)
    assert opinion.expected == pytest.approx(settled, abs=0.5)
    assert opinion.drawing is not None
    assert len(opinion.drawing.times_us) > 100


def test_a_hot_spot_that_is_to_come_is_told_before_it_is_there(plant: Site) -> None:
    keys = ("N/1T/top_oil_temp", "N/1T/load_factor", "N/1T/ambient_temp")
    judging = Judging(site_with(plant, *keys), None)
    found = three_looks(judging, top_oil_temp=90.0, load_factor=1.6, ambient_temp=30.0)
    (finding,) = [each for each in found if each.cause is Cause.OVERLOAD]
    drawing = finding.opinions[0].drawing
    assert drawing is not None
    assert (drawing.kind, len(drawing.expected), drawing.limit) == ("forecast", 30, 120)


def test_without_load_the_thermal_expert_says_what_is_missing(plant: Site) -> None:
    keys = ("N/1T/top_oil_temp", *(f"N/1T/{gas}" for gas in GASES))
    judging = Judging(site_with(plant, *keys), None)
    (finding,) = three_looks(judging, top_oil_temp=60.0, **BAD_OIL)
    assert finding.missing == ("load_factor", "ambient_temp")


def test_what_was_never_seen_like_this_waits_for_a_consultation(plant: Site) -> None:
    judging = Judging(site_with(plant, "N/1T/p", unit="MW"), None)
    noise = np.random.default_rng(0)
    for row in range(400):
        at_us = START_US + row * 5 * MINUTE_US
        latest = {"N/1T/p": (10.0 + noise.normal(0, 0.1), at_us, 0)}
        judging.learn(judging.watched[0], latest, at_us)
    at_us = START_US + 400 * 5 * MINUTE_US
    found = [each for row in range(3) for each in looked(judging, at_us + row, p=40.0)]
    (finding,) = found
    assert (finding.cause, finding.verdict) == (Cause.UNUSUAL, Verdict.CANNOT_TELL)
    assert finding.wants_consultation


@pytest.mark.parametrize(
    ("words", "kilo"), [("10kV", 10.0), ("35 kV", 35.0), ("0.4kV", 0.4), ("220V", None), ("", None)]
)
def test_kilovolts(words: str, kilo: float | None) -> None:
    assert kilovolts(words) == kilo


def test_moments_of_history_come_in_order() -> None:
    histories: dict[PointKey, dict[str, list[Any]]] = {
        PointKey("a"): {"times": [5, 25], "values": [1.0, 2.0], "qualities": [0, 0]},
        PointKey("b"): {"times": [7, None], "values": [3.0, 4.0], "qualities": [0, 0]},
    }
    assert list(as_moments(histories, 10)) == [
        (10, {"a": (1.0, 5, 0), "b": (3.0, 7, 0)}),
        (30, {"a": (2.0, 25, 0)}),
    ]


def models(version: int = 1) -> Models:
    speeds = np.random.default_rng(0).uniform(3, 14, 2_000)
    curve = learn_curve(speeds.tolist(), (speeds**3).tolist())
    return Models(
        version=version,
        from_us=1,
        to_us=2,
        curves={AssetId("W/1"): curve},
        plates={T1: Nameplate(oil_rise_k=42.5)},
        figures={"wind W/1": 1.5},
    )


def test_models_come_back_as_they_were(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    assert store.active() is None
    store.keep(models())
    found = store.active()
    assert found is not None
    assert found.plates == models().plates
    assert found.figures == models().figures
    kept = models().curves[AssetId("W/1")]
    assert np.array_equal(found.curves[AssetId("W/1")].mean, kept.mean, equal_nan=True)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.keep(models())
    path = tmp_path / "000001" / "arrays.npz"
    raw = bytearray(path.read_bytes())
    raw[100] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(BrokenModel, match="digest"):
        store.active()


@pytest.mark.parametrize("words", ["", "{", '{"version": 9}', "[]"])
def test_a_broken_choice_is_said(tmp_path: Path, words: str) -> None:
    (tmp_path / "active.json").write_text(words, encoding="utf-8")
    with pytest.raises(BrokenModel):
        ModelStore(tmp_path).active()


def test_no_model_can_carry_code(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.keep(models())
    path = tmp_path / "000001" / "arrays.npz"
    np.savez(path, allow_pickle=True, curve0_mean=np.array([{}], object))
    told = json.loads((tmp_path / "000001" / "model.json").read_text("utf-8"))
    told["digest"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "000001" / "model.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(BrokenModel):
        store.active()


def test_old_versions_go(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    for _ in range(7):
        store.keep(models(store.next_version()))
    assert sorted(path.name for path in tmp_path.glob("[0-9]*")) == [
        f"{number:06}" for number in range(3, 8)
    ]
