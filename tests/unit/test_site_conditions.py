"""The conditions beside the four limits in a site folder, and what a template makes of them for a device."""

import shutil
from pathlib import Path

import pytest

from domain.assets import AlarmClass, Condition, Limit, Mode, ModeLevel, Priority, Term
from domain.clock import MINUTE_US, SECOND_US
from domain.ids import PointKey
from service.site.load import check, load
from service.site.model import Site

ONE_STATION = Path(__file__).parents[1] / "sites" / "one-station"

TEMPLATE = """
template: breaker
points:
  - {suffix: position, signal: 断路器位置, unit: position, stale_after: never, limits: {
      state: {in: [0, 3], on_delay: 10s}, change: {into: [1]}}}
  - suffix: ta
    signal: A相触头温度
    unit: degC
    stale_after: 30min
    limits:
      phases: {value: 10, deadband: 2, with: [tb, tc], priority: major, latching: true}
      H: {value: 75, quality: good, while: [{point: position, is: 2, value: 70}]}
      stuck: {band: 0.1, for: 6h}
  - {suffix: tb, signal: B相触头温度, unit: degC, stale_after: 30min}
  - {suffix: tc, signal: C相触头温度, unit: degC, stale_after: 30min}
"""
DEVICE = """
station: 35kV新站
source: liuyuan
bays:
  - name: 114间隔
    voltage: 10kV
    devices:
      - {id: XZ/114, name: 114新线, template: breaker}
"""
LIMITS = """
limits:
  - point: LY/1T/core_ground_current
    rise: {value: 5, over: 5min}
    fall: {value: 4, deadband: 1, off_delay: 1min}
    deviation: {value: 10, from: {offset: 20, terms: [{point: LY/113/ia, factor: 0.5}]}}
    HH: {value: 300, while: [{mode: flood, value: 250}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(ONE_STATION, tmp_path / "site"))
    (folder / "assets" / "templates").mkdir()
    (folder / "assets" / "templates" / "breaker.yaml").write_text(TEMPLATE, "utf-8")
    (folder / "assets" / "new.yaml").write_text(DEVICE, "utf-8")
    old = (folder / "limits" / "liuyuan.yaml").read_text("utf-8")
    before, _, after = old.partition("  - point: LY/1T/core_ground_current\n")
    rest = after.partition("  - point:")
    (folder / "limits" / "liuyuan.yaml").write_text(before + rest[1] + rest[2], "utf-8")
    (folder / "limits" / "new.yaml").write_text(LIMITS, "utf-8")
    with (folder / "site.yaml").open("a", encoding="utf-8") as file:
        file.write(
            'modes:\n  - {id: flood, name: 防汛, from: "06-01", until: "09-30"}\n'
            "  - {id: winter-supply, name: 冬季保供}\n"
        )
    return folder


def limits_of(site: Site, key: str) -> dict[Condition, Limit]:
    (point,) = (point for point in site.points if point.key == key)
    return {limit.condition: limit for limit in point.limits}


def test_a_template_names_the_points_of_its_own_device(folder: Path) -> None:
    assert check(folder) == []
    limits = limits_of(load(folder), "XZ/114/ta")
    phases = limits[Condition.PHASES]
    assert phases.terms == (
        Term(point=PointKey("XZ/114/tb")),
        Term(point=PointKey("XZ/114/tc")),
    )
    assert (phases.value, phases.deadband, phases.latching) == (10, 2, True)
    assert phases.priority is Priority.MAJOR
    high = limits[Condition.HIGH]
    assert high.by_mode == (ModeLevel(value=70, point=PointKey("XZ/114/position"), state=2),)
    assert high.good_only
    assert (limits[Condition.STUCK].value, limits[Condition.STUCK].on_delay_us) == (
        0.1,
        360 * MINUTE_US,
    )


def test_a_contact_is_in_a_state_or_moves_into_one(folder: Path) -> None:
    limits = limits_of(load(folder), "XZ/114/position")
    state, change = limits[Condition.STATE], limits[Condition.CHANGE]
    assert (state.states, state.on_delay_us) == ((0, 3), 10 * SECOND_US)
    assert state.alarm_class is AlarmClass.ABNORMAL
    assert (change.states, change.alarm_class) == ((1,), AlarmClass.STATE_CHANGE)
    assert change.priority is Priority.NOTICE


def test_single_points_have_them_too(folder: Path) -> None:
    limits = limits_of(load(folder), "LY/1T/core_ground_current")
    assert (limits[Condition.RISE].value, limits[Condition.RISE].over_us) == (5, 5 * MINUTE_US)
    assert limits[Condition.FALL].off_delay_us == MINUTE_US
    deviation = limits[Condition.DEVIATION]
    assert deviation.offset == 20
    assert deviation.terms == (Term(point=PointKey("LY/113/ia"), factor=0.5),)


def test_a_named_mode_moves_the_limit_while_it_is_on(folder: Path) -> None:
    site = load(folder)
    assert [mode.mode_id for mode in site.modes] == ["flood", "winter-supply"]
    numbers = {point.key: number for number, point in enumerate(site.points)}
    key = PointKey("LY/1T/core_ground_current")

    def value(*modes_on: str) -> float:
        active = site.active_limits(numbers, 1, modes_on)
        assert active.modes_on == modes_on
        (high,) = (
            limit for limit in active.by_key()[key].limits if limit.condition is Condition.HIGH_HIGH
        )
        assert high.is_plain
        return high.value

    assert value() == 300
    assert value("flood") == 250


@pytest.mark.parametrize(
    ("first", "last", "day", "on"),
    [
        pytest.param("06-01", "09-30", "06-01", True, id="its-first-day"),
        pytest.param("06-01", "09-30", "09-30", True, id="its-last-day"),
        pytest.param("06-01", "09-30", "10-01", False, id="the-day-after"),
        pytest.param("11-01", "03-31", "01-15", True, id="over-the-turn-of-the-year"),
        pytest.param("11-01", "03-31", "06-15", False, id="in-between"),
    ],
)
def test_a_season_is_on_by_the_day(first: str, last: str, day: str, on: bool) -> None:
    season = Mode(mode_id="x", name="x", days=(first, last))
    assert season.is_season_on(day) is on


def test_a_campaign_has_no_days() -> None:
    assert not Mode(mode_id="x", name="x").is_season_on("06-01")


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        pytest.param("[tb, tc]", "[tb, td]", "names the point 'td', which it has not", id="suffix"),
        pytest.param("stuck: {band: 0.1", "stuck: {band: -1", "must not be negative", id="band"),
        pytest.param(
            "change: {into: [1]}",
            "rise: {value: 1}",
            "rise is of measurements, and this point is a position",
            id="a-rate-of-a-contact",
        ),
    ],
)
def test_a_mistake_in_a_template_is_told_once(
    folder: Path, right: str, wrong: str, says: str
) -> None:
    path = folder / "assets" / "templates" / "breaker.yaml"
    text = path.read_text("utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), "utf-8")
    (problem,) = check(folder)
    assert says in problem.message
