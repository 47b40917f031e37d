"""Suppressions in a site folder: in limits/, in a template, and every mistake with its file and line."""

import shutil
from pathlib import Path

import pytest

from domain.assets import Condition
from domain.clock import SECOND_US
from domain.ids import PointKey
from linkage.plan import Suppression
from service.site.differences import differences
from service.site.load import check, load

ONE_STATION = Path(__file__).parents[1] / "sites" / "one-station"

RULES = """
suppress:
  - id: no-load
    while: {point: XZ/114/position, is: [1]}
    points: [XZ/114/ia]
    conditions: [L, silence]
    hold: 30s
    because: 断路器在分位
limits:
  - point: XZ/114/ib
    L: {value: 1}
    HH: {value: 200, priority: urgent}
"""
TEMPLATE = """
template: breaker
points:
  - {suffix: position, signal: 断路器位置, unit: position, stale_after: never}
  - {suffix: ia, signal: A相电流, unit: A, stale_after: 5min, limits: {L: {value: 1}}}
  - {suffix: ib, signal: B相电流, unit: A, stale_after: 5min, limits: {L: {value: 1}}}
suppress:
  - {id: dead, while: {point: position, is: [1]}, points: [ia, ib], conditions: [L], because: 断路器在分位}
"""
DEVICES = """
station: 35kV新站
source: liuyuan
bays:
  - name: 114间隔
    voltage: 10kV
    devices:
      - {id: XZ/114, name: 114新线, template: breaker}
      - {id: XZ/115, name: 115新线, template: breaker, without: [ib]}
      - {id: XZ/116, name: 116新线, template: breaker, without: [position]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(ONE_STATION, tmp_path / "site"))
    (folder / "assets" / "templates").mkdir()
    (folder / "assets" / "templates" / "breaker.yaml").write_text(TEMPLATE, "utf-8")
    (folder / "assets" / "new.yaml").write_text(DEVICES, "utf-8")
    (folder / "limits" / "a-rules.yaml").write_text(RULES, "utf-8")
    return folder


def keys(*names: str) -> tuple[PointKey, ...]:
    return tuple(PointKey(name) for name in names)


def test_a_rule_names_its_points_and_a_template_those_of_its_device(folder: Path) -> None:
    assert check(folder) == []
    rules = {each.rule_id: each for each in load(folder).suppressions}
    assert set(rules) == {"XZ/114/dead", "XZ/115/dead", "no-load"}, "116 has no contact to go by"
    assert rules["no-load"] == Suppression(
        rule_id="no-load",
        because="断路器在分位",
        gate=PointKey("XZ/114/position"),
        states=(1.0,),
        points=keys("XZ/114/ia"),
        conditions=(Condition.LOW, Condition.SILENCE),
        hold_us=30 * SECOND_US,
    )
    assert rules["XZ/114/dead"].points == keys("XZ/114/ia", "XZ/114/ib")
    assert rules["XZ/115/dead"].points == keys("XZ/115/ia")
    assert load(folder).plan().suppressions == load(folder).suppressions


def test_a_changed_rule_is_told_before_it_is_agreed_to(folder: Path) -> None:
    before = load(folder)
    (folder / "limits" / "a-rules.yaml").write_text(RULES.replace("30s", "60s"), "utf-8")
    lines = differences(before, load(folder), {}, {}, "en")
    assert lines == ("~ suppression no-load: hold 30 s → 60 s",)


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("point: XZ/114/position", "point: XZ/114/positon", "did you mean 'XZ/114/position'?"),
        ("is: [1]", "is: []", "is is empty"),
        ("is: [1]", "is: [open]", "must be a number"),
        ("points: [XZ/114/ia]", "points: [XZ/114/iq]", "no point is named 'XZ/114/iq'"),
        ("points: [XZ/114/ia]", "points: []", "points is empty"),
        ("points: [XZ/114/ia]", "points: [XZ/114/position]", "names the cause"),
        ("conditions: [L, silence]", "conditions: [H]", "XZ/114/ia has no H; it has L"),
        ("conditions: [L, silence]", "conditions: [LLL]", "cannot be 'LLL'"),
        ("conditions: [L, silence]", "conditions: []", "conditions is empty"),
        ("hold: 30s", "hold: -1s", "must not be negative"),
        ("because: 断路器在分位", "because:", "must be text"),
        ("id: no-load", "id: XZ/114/dead", "suppression XZ/114/dead is given twice"),
        ("id: no-load", "id: no-load\n    unless: x", "has no field 'unless'"),
        ("points: [XZ/114/ia]", "points: [XZ/114/ia, LY/113/uab]", "over several stations"),
    ],
)
def test_a_mistake_is_told_at_its_line(folder: Path, right: str, wrong: str, says: str) -> None:
    broken = RULES.replace(right, wrong, 1)
    (folder / "limits" / "a-rules.yaml").write_text(broken, "utf-8")
    where = RULES[: RULES.index(right)].count("\n") + 1
    problems = [each for each in check(folder) if says in each.message]
    assert problems, check(folder)
    (problem, *_) = problems
    assert problem.file == "limits/a-rules.yaml"
    assert where <= problem.line <= where + wrong.count("\n")


def test_what_names_a_cause_cannot_be_suppressed(folder: Path) -> None:
    broken = RULES.replace("points: [XZ/114/ia]", "points: [XZ/114/ib]")
    broken = broken.replace("conditions: [L, silence]", "conditions: [HH]")
    (folder / "limits" / "a-rules.yaml").write_text(broken, "utf-8")
    (problem,) = check(folder)
    assert "HH of XZ/114/ib is urgent or a fault: it names a cause" in problem.message
    assert problem.line == 6


def test_a_mistake_in_a_template_is_told_there(folder: Path) -> None:
    path = folder / "assets" / "templates" / "breaker.yaml"
    path.write_text(TEMPLATE.replace("points: [ia, ib]", "points: [ia, iq]"), "utf-8")
    (problem,) = check(folder)
    assert problem.file == "assets/templates/breaker.yaml"
    assert "no point is named 'iq'" in problem.message
