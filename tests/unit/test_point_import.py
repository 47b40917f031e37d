"""A vendor's signal list becomes part of a site folder, and what could not be used is told by its row."""

import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from domain.assets import AlarmClass, Condition, Point, Priority
from service.cli import app
from service.excel import read_workbook
from service.site.load import check, load
from service.site.point_import import (
    ImportRefused,
    Report,
    device_code,
    import_points,
    initials,
)
from service.site.point_list import read_point_list
from tests.support.sites import SOURCE, limit, write_site

STATION = "35kV柳塬变"
EXAMPLE = Path(__file__).parents[2] / "examples" / "changqing-like"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_site(
        tmp_path / "site", port=1883, points=["N/1T/x"], limits=[limit("N/1T/x", "H", 85)]
    )


def saved(workbook: Workbook) -> bytes:
    content = BytesIO()
    workbook.save(content)
    return content.getvalue()


def as_a_vendor_writes_it() -> bytes:
    """Title and legend above the headings, merged bays, empty rows, full-width letters, headings twice."""
    workbook = Workbook()
    yc = workbook.active
    assert yc is not None
    yc.title = "遥测表"
    yc.append(["柳塬变电站遥测信息表(第3版)"])
    yc.merge_cells("A1:K1")
    yc.append([])
    yc.append(
        ["序号", "间隔 名称", "信号名称", "单位", "系数", "点号", "限值", "", "", "", "联系人"]
    )
    yc.append(["", "", "", "", "", "", "上限", "上上限", "下限", "下下限", ""])
    for column in "ABCDEFK":
        yc.merge_cells(f"{column}3:{column}4")
    yc.merge_cells("G3:J3")
    yc.append([1, "113联合站线", "113联合站线A相电流", "Ａ", 1, 1, 180, 200, "—", "/"])
    yc.append([2, None, "B相电流", "A", 0.01, 2, "180A", "200", None, None])
    yc.append([3, None, "Uab", "kV", 1, 3, 10.7, None, "９.３", None])
    yc.merge_cells("B5:B7")
    yc.append([])
    yc.append(["1号主变本体"] * 11)
    yc.merge_cells("A9:K9")
    yc.append([4, None, "油温", "℃", None, 4, 85, 95])
    yc.append([5, None, "档位", "档", None, 5])
    yc.append([6, None, "绕组温度", "℃", None, 6, 105, 95])
    yc.append([7, None, "功率", "mW", None, 7])
    yc.append([8, None, "备用 1", "A", None, 8])
    yc.append([9, None, None, "A", None, 9])
    yc.append([10, None, "铁芯电流", "mA", None, 10, "见定值单"])

    yx = workbook.create_sheet("遥信")
    yx.append(["点号", "信息名称", "设备名称", "类型", "告警级别"])
    yx.append([1, "断路器位置", "113联合站线", "双点遥信", "变位"])
    yx.append([2, "弹簧未储能", "113联合站线", "遥信", "异常"])
    yx.append([3, "速断动作", "113联合站线", "遥信", "事故"])
    yx.append([4, "就地操作", "113联合站线", "遥信", "不告警"])
    yx.append(["点号", "信息名称", "设备名称", "类型", "告警级别"])
    yx.append([5, "弹簧未储能", "113联合站线", "遥信", "异常"])
    yx.append([6, "过流动作", "113联合站线", "遥信", "特急"])
    yx.append([7, "全站事故总", None, "遥信", 1])
    yx.append([8, "合闸", "113联合站线", "遥控", None])
    yx.append([9, "怪信号", "113联合站线", "遥感", None])

    ym = workbook.create_sheet("遥脉")
    ym.append(["描述", "间隔", "单位"])
    ym.append(["正向有功电度", "113联合站线", "kWh"])

    cover = workbook.create_sheet("封面", 0)
    cover.append(["柳塬变四遥信息表"])
    workbook.create_sheet("空")
    return saved(workbook)


def lists(*sheets: tuple[str, list[list[object]]]) -> bytes:
    workbook = Workbook()
    assert workbook.active is not None
    workbook.remove(workbook.active)
    for title, rows in sheets:
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    return saved(workbook)


def points_of(folder: Path) -> dict[str, Point]:
    return {str(point.key): point for point in load(folder).points}


def imported(folder: Path, workbook: bytes, station: str = STATION) -> Report:
    return import_points(workbook, folder, station)


def test_a_messy_list_becomes_a_part_of_a_site_that_is_in_order(folder: Path) -> None:
    report = imported(folder, as_a_vendor_writes_it())

    assert check(folder) == []
    assert report.problems == []
    assert sorted(report.files) == ["assets/ly.yaml", "limits/ly.yaml"]
    points = points_of(folder)
    assert sorted(points.keys() - {"N/1T/x"}) == [
        *("LY/113/axdl", "LY/113/bxdl", "LY/113/dlqwz", "LY/113/gldz", "LY/113/jdcz"),
        *("LY/113/sddz", "LY/113/thwcn", "LY/113/uab", "LY/113/zxygdd"),
        *("LY/1T/rzwd", "LY/1T/txdl", "LY/1T/yw", "LY/GY/qzsgz"),
    ]
    assert {each.source_id for each in points.values()} == {SOURCE}
    site = load(folder)
    assert site.assets[points["LY/113/uab"].asset_id].bay == "113联合站线"
    assert site.assets[points["LY/1T/yw"].asset_id].bay == "1号主变本体"
    assert {asset.station for asset in site.assets.values()} == {"35kV测试变", STATION}


def test_limits_are_taken_with_the_mark_that_nobody_verified_them(folder: Path) -> None:
    imported(folder, as_a_vendor_writes_it())

    points = points_of(folder)
    current = points["LY/113/axdl"].limits
    assert [(each.condition, each.value) for each in current] == [
        (Condition.HIGH, 180),
        (Condition.HIGH_HIGH, 200),
    ]
    voltage = points["LY/113/uab"].limits
    assert [(each.condition, each.value) for each in voltage] == [
        (Condition.LOW, 9.3),
        (Condition.HIGH, 10.7),
    ]
    assert points["LY/1T/rzwd"].limits == ()  # they did not rise
    marks = {
        limit.provenance.mark
        for key, point in points.items()
        if key.startswith("LY/")
        for limit in point.limits
    }
    assert marks == {"U"}


@pytest.mark.parametrize(
    ("key", "unit", "condition", "alarm_class", "priority"),
    [
        ("LY/113/dlqwz", "position", Condition.LOW, AlarmClass.STATE_CHANGE, Priority.NOTICE),
        ("LY/113/thwcn", "status", Condition.HIGH, AlarmClass.ABNORMAL, Priority.MAJOR),
        ("LY/113/sddz", "status", Condition.HIGH, AlarmClass.FAULT, Priority.URGENT),
        ("LY/GY/qzsgz", "status", Condition.HIGH, AlarmClass.ABNORMAL, Priority.URGENT),
    ],
)
def test_a_status_with_an_alarm_level_has_a_limit_at_1(
    folder: Path,
    key: str,
    unit: str,
    condition: Condition,
    alarm_class: AlarmClass,
    priority: Priority,
) -> None:
    imported(folder, as_a_vendor_writes_it())

    point = points_of(folder)[key]
    (only,) = point.limits
    assert (point.unit, point.stale_after_us) == (unit, None)
    assert (only.condition, only.value, only.alarm_class, only.priority) == (
        condition,
        1,
        alarm_class,
        priority,
    )


def test_every_row_that_is_not_used_is_told_with_its_number_and_reason(folder: Path) -> None:
    report = imported(folder, as_a_vendor_writes_it())

    assert report.not_used == [
        "遥测表 row 11: no unit is written '档'",
        "遥测表 row 13: no unit is written 'mW'; did you mean 'W'?",
        "遥测表 row 14: a spare",
        "遥测表 row 15: it has no signal name",
        "遥信 row 10: 遥控: gridwarden proposes switching, it never switches",
        "遥信 row 11: type '遥感' is none of 遥测, 遥信, 双点遥信, 遥脉, 遥控, 遥调",
        "遥信 row 7: the same signal as 遥信 row 3",
    ]
    assert report.notes == [
        "sheet 封面: no row of headings with 信号名称 was found, left out",
        "sheet 遥测表: columns that are not used: 联系人",
        "遥测表 row 6: factor 0.01 is not applied, the gateway sends A",
        "遥测表 row 12: limits must rise LL < L < H < HH, left out: H 105, HH 95",
        "遥测表 row 16: limit H '见定值单' is no number, left out",
        "遥信 row 8: alarm level '特急' is not known, none was taken from it",
        "no voltage is known for 113联合站线, 1号主变本体, 公用: write it in assets/ly.yaml",
    ]


def test_no_row_is_lost(folder: Path) -> None:
    workbook = as_a_vendor_writes_it()

    found = read_point_list(read_workbook(workbook), STATION)
    report = imported(folder, workbook)

    rows = 10 + 9 + 1  # of signals; headings and the line of a section are none
    assert len(found.signals) + len(found.not_used) == rows
    assert report.new_points + len(report.not_used) == rows


def test_the_same_list_again_changes_nothing(folder: Path) -> None:
    first = imported(folder, as_a_vendor_writes_it())
    written = {name: (folder / name).read_bytes() for name in first.files}

    again = imported(folder, as_a_vendor_writes_it())

    assert (again.new_points, again.new_devices, again.files) == (0, 0, {})
    assert again.known_points == first.new_points
    assert {name: (folder / name).read_bytes() for name in first.files} == written


def test_a_longer_list_adds_and_leaves_what_people_edited(folder: Path) -> None:
    heading: list[object] = ["信号名称", "间隔", "单位", "上限"]
    one: list[object] = ["油温", "1号主变", "℃", 85]
    imported(folder, lists(("遥测", [heading, one])))
    for name, before, after in (
        ("assets/ly.yaml", "stale_after: 5min}", "stale_after: 30min}  # 现场核对"),
        ("assets/ly.yaml", "voltage: —", "voltage: 35kV"),
        ("limits/ly.yaml", "value: 85", "value: 80"),
    ):
        text = (folder / name).read_text("utf-8")
        assert before in text
        (folder / name).write_text(text.replace(before, after), "utf-8")

    two: list[object] = ["绕组温度", "1号主变", "℃", 95]
    changed: list[object] = ["油温", "1号主变", "℃", 90]
    report = imported(folder, lists(("遥测", [heading, two, changed])))

    points = points_of(folder)
    assert (report.new_points, report.new_devices, report.known_points) == (1, 0, 1)
    assert report.notes == []
    assert points["LY/1T/yw"].limits[0].value == 80
    assert points["LY/1T/yw"].stale_after_us == 30 * 60 * 1_000_000
    assert "# 现场核对" in (folder / "assets/ly.yaml").read_text("utf-8")
    assert points["LY/1T/rzwd"].limits[0].value == 95


def test_a_station_that_is_there_is_completed_in_its_own_file(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "site"))
    before = {str(point.key) for point in load(folder).points}
    rows: list[list[object]] = [
        ["信号名称", "设备", "单位", "上限"],
        ["A相电流", "113联合站线", "A", 190],
        ["套管温度", "1号主变", "℃", 80],
    ]

    report = imported(folder, lists(("遥测", rows)))

    assert check(folder) == []
    assert (report.new_points, report.known_points) == (1, 1)
    assert {str(point.key) for point in load(folder).points} - before == {"LY/1T/tgwd"}
    assert sorted(report.files) == ["assets/liuyuan.yaml", "limits/liuyuan.yaml"]
    comment = "# 35kV柳塬变 (无人值守); 测点为子集 (subset)."
    assert (folder / "assets/liuyuan.yaml").read_text("utf-8").startswith(comment)


def test_signals_that_a_template_knows_have_its_suffix(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "site"))
    rows: list[list[object]] = [
        ["信号名称", "间隔", "单位"],
        ["A相电流", "115井区一线", "A"],
        ["油温", "3号主变", "℃"],
    ]

    report = imported(folder, lists(("遥测", rows)), "35kV新寨变")

    assert "XZ/115/ia" in report.files["assets/xz.yaml"]
    assert "XZ/3T/top_oil_temp" in report.files["assets/xz.yaml"]
    # nobody answers for it yet, and that is said
    assert any("zone" in problem.message for problem in report.problems)


def test_two_devices_with_one_number_have_two_ids(folder: Path) -> None:
    rows: list[list[object]] = [
        ["信号名称", "间隔", "设备", "单位"],
        ["电流", "113联合站线间隔", "113断路器", "A"],
        ["电流", "113联合站线间隔", "113手车", "A"],
    ]
    imported(folder, lists(("遥测", rows)))
    first = set(points_of(folder))

    imported(folder, lists(("遥测", [rows[0], rows[2], rows[1]])))

    assert {"LY/113/dl", "LY/113-2/dl"} <= first
    assert set(points_of(folder)) == first


def test_devices_of_one_name_in_two_bays_are_two(folder: Path) -> None:
    rows: list[list[object]] = [
        ["信号名称", "间隔", "设备", "类型"],
        ["就地操作", "113联合站线", "断路器", "遥信"],
        ["就地操作", "114注水站线", "断路器", "遥信"],
    ]

    report = imported(folder, lists(("点表", rows)))

    assert (report.new_points, report.not_used) == (2, [])
    site = load(folder)
    bays = {asset.bay for asset in site.assets.values() if asset.name == "断路器"}
    assert bays == {"113联合站线", "114注水站线"}


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.yaml")}

    report = import_points(as_a_vendor_writes_it(), folder, STATION, dry_run=True)

    assert report.new_points == 13
    assert {path: path.read_bytes() for path in folder.rglob("*.yaml")} == before


def test_several_sources_must_be_chosen_from(folder: Path) -> None:
    other = (folder / f"sources/{SOURCE}.yaml").read_text("utf-8")
    other = other.replace(f"id: {SOURCE}", "id: other").replace("client_id: core", "client_id: two")
    (folder / "sources/other.yaml").write_text(other, "utf-8")
    workbook = as_a_vendor_writes_it()

    with pytest.raises(ImportRefused, match=r"--source field\|other"):
        import_points(workbook, folder, STATION)
    report = import_points(workbook, folder, STATION, source="other", dry_run=True)
    assert "source: other" in report.files["assets/ly.yaml"]


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        *(("℃", "degC"), ("°C", "degC"), ("ＫＶ", "kV"), ("KV", "kV"), ("Mvar", "Mvar")),
        *(("MVar", "Mvar"), ("kWh", "kWh"), ("μL/L", "uL/L"), ("r/min", "rpm"), ("", "")),
        *(("kΩ", "kohm"), ("mΩ", "mohm"), ("A(一次值)", "A"), ("％", "%")),
    ],
)
def test_units_are_known_however_they_are_written(written: str, unit: str) -> None:
    rows: list[list[object]] = [["信号名称", "间隔", "单位"], ["值", "113线", written]]

    (signal,) = read_point_list(read_workbook(lists(("遥测", rows))), STATION).signals

    assert signal.unit == unit


@pytest.mark.parametrize("written", ["mW", "MΩ", "MA", "万kWh", "m3/h"])
def test_a_unit_that_would_be_another_one_is_refused(written: str) -> None:
    rows: list[list[object]] = [["信号名称", "间隔", "单位"], ["值", "113线", written]]

    found = read_point_list(read_workbook(lists(("遥测", rows))), STATION)

    assert found.signals == []
    assert found.not_used[0].startswith(f"遥测 row 2: no unit is written {written!r}")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("113联合站线", "113"),
        ("1号主变", "1T"),
        ("#2主变", "2T"),
        ("10kVⅠ段母线PT", "10KVIDMXPT"),
        ("35kV 311石柳Ⅰ线", "311"),
        ("公用", "GY"),
        ("!?", "X"),
    ],
)
def test_a_device_is_called_by_its_number_else_by_initials(name: str, code: str) -> None:
    assert device_code(name) == code


def test_initials_keep_what_is_no_chinese() -> None:
    assert initials("弹簧未储能 2#") == "THWCN2"


def cli(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["import-points", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_command_tells_what_it_did(folder: Path, tmp_path: Path) -> None:
    workbook = tmp_path / "点表.xlsx"
    workbook.write_bytes(as_a_vendor_writes_it())
    place: tuple[str | Path, ...] = ("--site", folder, "--station", STATION)

    code, said = cli(workbook, *place, "--dry-run")
    assert (code, said.splitlines()[-1]) == (0, "would write assets/ly.yaml, limits/ly.yaml")
    code, said = cli(workbook, *place)
    assert (code, said.splitlines()[-1]) == (0, "wrote assets/ly.yaml, limits/ly.yaml")
    assert "not used: 遥测表 row 14: a spare" in said
    code, said = cli(workbook, *place)
    assert (code, said.splitlines()[-1]) == (0, "wrote nothing")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(lambda: b"no workbook", "is no Excel workbook", id="another-file"),
        pytest.param(lambda: lists(("遥测", [["a", "b"]])), "could be used", id="no-headings"),
        pytest.param(None, "No such file", id="no-file"),
    ],
)
def test_a_list_that_cannot_be_used_is_one_sentence(
    folder: Path, tmp_path: Path, content: Callable[[], bytes] | None, says: str
) -> None:
    if content:
        (tmp_path / "list.xlsx").write_bytes(content())

    code, said = cli(tmp_path / "list.xlsx", "--site", folder, "--station", STATION)

    assert code == 2
    assert says in said
    assert "Traceback" not in said


def test_a_broken_folder_is_told_before_anything_is_imported(folder: Path, tmp_path: Path) -> None:
    (folder / "linkage.yaml").write_text("rules: 7\n")
    (tmp_path / "list.xlsx").write_bytes(as_a_vendor_writes_it())

    code, said = cli(tmp_path / "list.xlsx", "--site", folder, "--station", STATION)

    assert (code, "linkage.yaml:1" in said) == (2, True)
    assert not (folder / "assets/ly.yaml").exists()
