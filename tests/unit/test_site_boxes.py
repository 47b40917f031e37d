"""Boxes of other makers in cameras.yaml: what they are, and what is wrong with them, at its line."""

from pathlib import Path

import pytest

from domain.cameras import AnalysisBox, CameraKind
from domain.ids import BoxId, CameraId
from service.site.compiled import from_bytes, to_bytes
from service.site.load import check, load
from tests.support.sites import CODE, limit, write_site

GOOD = """\
rules:
  - {code: PPE-01, text: 未戴安全帽}
  - {code: SMOKE-01, text: 吸烟}
cameras:
  - {id: yard, name: 场地摄像机, at: N/1T, kind: box, looks_for: []}
boxes:
  - {id: hik, name: 智能盒, cameras: {"1": yard}, codes: {smoke: SMOKE-01}}
"""


def site_with(folder: Path, cameras: str) -> Path:
    site = write_site(folder, port=1883, points=["A"], limits=[limit("A", "H", 85)])
    (site / "cameras.yaml").write_text(cameras, encoding="utf-8")
    return site


def test_a_box_is_read_and_survives_compiling(tmp_path: Path) -> None:
    site = load(site_with(tmp_path, GOOD))
    assert site.boxes == (
        AnalysisBox(
            box_id=BoxId("hik"),
            name="智能盒",
            topic=f"gridwarden/{CODE}/box/hik",
            codes={"smoke": "SMOKE-01"},
            cameras={"1": CameraId("yard")},
        ),
    )
    assert site.cameras[0].kind is CameraKind.BOX
    assert from_bytes(to_bytes(site)) == site


@pytest.mark.parametrize(
    ("right", "wrong", "line", "told"),
    [
        pytest.param('"1": yard', '"1": gate', 7, "no camera is named 'gate'", id="camera"),
        pytest.param("smoke: SMOKE-01", "smoke: FIRE-01", 7, "no rule of code", id="rule"),
        pytest.param("{id: hik,", "{id: 'a/b',", 7, "stands in topics", id="id"),
        pytest.param("{id: hik,", "{id: hik, source: x,", 7, "no source is named", id="source"),
        pytest.param("{id: hik,", "{id: hik, topic: 'a/#',", 7, "no '+' and no '#'", id="topic"),
        pytest.param("{id: hik,", "{id: hik, secret_env: 's!',", 7, "environment", id="secret"),
        pytest.param("looks_for: []", "looks_for: [SMOKE-01]", 5, "only a box", id="our-net"),
        pytest.param("SMOKE-01", "PPE-02", 7, "only a hint", id="hint"),
        pytest.param('cameras: {"1": yard}, ', "", 7, "cameras", id="no-cameras"),
    ],
)
def test_what_is_wrong_with_a_box_is_told_at_its_line(
    tmp_path: Path, right: str, wrong: str, line: int, told: str
) -> None:
    site = site_with(tmp_path, GOOD.replace(right, wrong))
    problems = check(site)
    assert [(each.file, each.line) for each in problems] == [("cameras.yaml", line)], problems
    assert told in problems[0].message
