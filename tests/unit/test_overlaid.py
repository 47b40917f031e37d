"""Limits of the console over a site folder: what export names, and what apply says that it ends."""

import shutil
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from domain.assets import Condition
from domain.clock import SECOND_US
from domain.ids import PointKey
from domain.limit_changes import LimitChange, LimitSetting, limit_of
from domain.paperwork import ApprovalState, SiteVersion
from service.applying import compare_with
from service.overlaid import ended_by, lying_over
from service.site.load import load
from service.site.model import Site
from service.site.versions import pack
from tests.support.running import ROOT

EXAMPLE = ROOT / "examples" / "changqing-like"
OIL = PointKey("LY/2T/top_oil_temp")  # by its template alone
AT_US = 1_795_000_000 * SECOND_US


@pytest.fixture(scope="module")
def site() -> Site:
    return load(EXAMPLE)


def changed(site: Site, number: int = 1, **to: float | None) -> LimitChange:
    (point,) = (each for each in site.points if each.key == OIL)
    limit = limit_of(point, Condition.HIGH)
    assert limit is not None
    was = LimitSetting.of(OIL, limit)
    return LimitChange(
        change_id=UUID(int=number),
        setting=replace(was, **to),  # type: ignore[arg-type]
        was=was,
        reason="夏季",
        proposed_by="chief",
        proposed_at_us=AT_US,
        state=ApprovalState.EFFECTIVE,
        effective_at_us=AT_US + number,
    )


def folder_with(tmp_path: Path, old: str, new: str) -> Path:
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "site"))
    path = folder / "assets" / "templates" / "transformer-35kv.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return folder


def test_what_lies_over_the_folder_is_named_with_who_and_when(site: Site) -> None:
    (line,) = lying_over(site, [changed(site, 1, value=80.0)], "en")
    assert line.startswith(f"{OIL} ")
    assert "80 °C" in line
    assert "changed in the console by chief, 2026-11-" in line
    (chinese,) = lying_over(site, [changed(site, 1, value=80.0)], "zh-CN")
    assert "控制台修改, chief" in chinese


def test_of_two_changes_the_newer_lies_over_and_one_back_to_the_folder_does_not(site: Site) -> None:
    first, second, back = (
        changed(site, 1, value=80.0),
        changed(site, 2, value=None),
        changed(site, 3),
    )
    (line,) = lying_over(site, [second, first], "en")
    assert "→ off" in line
    assert lying_over(site, [first, second, back], "en") == ()


@pytest.mark.parametrize("state", [ApprovalState.PROPOSED, ApprovalState.REJECTED])
def test_what_nobody_agreed_to_lies_over_nothing(site: Site, state: ApprovalState) -> None:
    assert lying_over(site, [replace(changed(site, value=80.0), state=state)], "en") == ()


def test_a_folder_that_changes_the_same_limit_ends_the_change_and_says_so(
    site: Site, tmp_path: Path
) -> None:
    change = changed(site, value=80.0)
    folder = folder_with(tmp_path, f"value: {change.was.value:g}", "value: 83")
    files, digest = pack(EXAMPLE)
    effective = SiteVersion(
        number=1, files=files, digest=digest, state=ApprovalState.EFFECTIVE,
        proposed_by="local", proposed_at_us=AT_US,
    )  # fmt: skip
    found = compare_with(effective, folder, "en", [change])
    assert "the folder says it anew" in found.proposal.summary[0]
    assert compare_with(effective, EXAMPLE, "en", [change]).changes_nothing


def test_a_folder_that_says_the_same_leaves_the_change(site: Site) -> None:
    assert ended_by(site, site, [changed(site, value=80.0)], "en") == ()
    gone = replace(site, points=tuple(each for each in site.points if each.key != OIL))
    assert len(ended_by(gone, site, [changed(site, value=80.0)], "en")) == 1
