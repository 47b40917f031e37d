"""A broken site folder: every mistake is found, with its file and its line."""

import shutil
from pathlib import Path

import pytest

from service.site.load import check, load
from service.site.problems import BrokenSite
from tests.support.mutations import Mistake

ONE_STATION = Path(__file__).parents[1] / "sites" / "one-station"
SITE, ASSETS, LIMITS, LINKAGE, SOURCE = (
    "site.yaml",
    "assets/liuyuan.yaml",
    "limits/liuyuan.yaml",
    "linkage.yaml",
    "sources/liuyuan.yaml",
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ONE_STATION, tmp_path / "site"))


MISTAKES = {
    "unknown-key": Mistake(SITE, "numbering:", "nummering:", "did you mean 'numbering'?"),
    "bad-zone": Mistake(SITE, "Asia/Shanghai", "Asia/Shanghia", "did you mean 'Asia/Shanghai'?"),
    "code-not-fit-for-topics": Mistake(
        SITE, "changqing-like", "changqing/like", "stands in topics"
    ),
    "text-missing": Mistake(
        SITE, "  role: 运维班当值负责人", "  role:", "must be text, not nothing"
    ),
    "number-where-text-belongs": Mistake(
        SITE, "某采油厂电力运维 (示例)", "2024", "write it in quotes"
    ),
    "duplicate-point": Mistake(ASSETS, "LY/113/p,", "LY/113/ia,", "point LY/113/ia is given twice"),
    "duplicate-rule": Mistake(
        LINKAGE,
        "id: 10kV-major-voice",
        "id: 1T-urgent-siren",
        "rule 1T-urgent-siren is given twice",
    ),
    "rise-of-nothing": Mistake(
        LIMITS, "    H: {value: 95,", "    rise: {value: 0}\n    H: {value: 95,", "greater than 0"
    ),
    "stuck-for-no-time": Mistake(
        LIMITS,
        "    H: {value: 95,",
        "    stuck: {band: 0.1}\n    H: {value: 95,",
        "stuck needs for",
    ),
    "deviation-from-nowhere": Mistake(
        LIMITS,
        "    H: {value: 95,",
        "    deviation: {value: 10, from: LY/1T/top_oil}\n    H: {value: 95,",
        "did you mean",
    ),
    "deviation-from-another-unit": Mistake(
        LIMITS,
        "    H: {value: 95,",
        "    deviation: {value: 10, from: LY/113/ia}\n    H: {value: 95,",
        "is measured in A, this point in degC",
    ),
    "two-phases-only": Mistake(
        LIMITS,
        "  - point: LY/113/ib",
        "  - point: LY/113/ib\n    phases: {value: 10, with: [LY/113/ia]}",
        "the two other phases",
        1,
    ),
    "change-with-an-off-delay": Mistake(
        LIMITS,
        "    H: {value: 95,",
        "    change: {off_delay: 1s}\n    H: {value: 95,",
        "change has no field 'off_delay'",
    ),
    "state-in-no-state": Mistake(
        LIMITS, "    H: {value: 95,", "    state: {in: []}\n    H: {value: 95,", "in is empty"
    ),
    "a-mode-that-is-not-there": Mistake(
        LIMITS,
        "    H: {value: 95,",
        "    H: {while: [{mode: flod, value: 85}], value: 95,",
        "site.yaml has no mode 'flod'",
    ),
    "a-mode-of-two-kinds": Mistake(
        LIMITS,
        "    H: {value: 95,",
        "    H: {while: [{mode: flood, point: LY/1T/fan_run, value: 85}], value: 95,",
        "a mode is either",
    ),
    "a-season-with-one-day": Mistake(
        SITE,
        "numbering:",
        'modes:\n  - {id: flood, name: 防汛, from: "06-01"}\nnumbering:',
        "a season needs both days",
        1,
    ),
    "a-season-on-no-day": Mistake(
        SITE,
        "numbering:",
        'modes:\n  - {id: flood, name: 防汛, from: "06-31", until: "09-30"}\nnumbering:',
        "month and a day",
        1,
    ),
    "unknown-unit": Mistake(ASSETS, "unit: degC", "unit: celsius", "no unit is written 'celsius'"),
    "unknown-source": Mistake(ASSETS, "source: liuyuan", "source: liuyan", "mean 'liuyuan'?"),
    "bad-duration": Mistake(ASSETS, "stale_after: 5min", "stale_after: 5 minutes", "no duration"),
    "zero-stale-time": Mistake(ASSETS, "stale_after: 5min", "stale_after: 0s", "longer than 0"),
    "stale-time-missing": Mistake(ASSETS, ", stale_after: 5min", "", "a point needs stale_after"),
    "unknown-staffing": Mistake(ASSETS, "unattended", "unatended", "did you mean 'unattended'?"),
    "tab": Mistake(ASSETS, "staffing:", "\tstaffing:", "a tab stands before the text"),
    "yaml-not-closed": Mistake(ASSETS, "silence: major}", "silence: major", "no valid YAML", 1),
    "alias": Mistake(SITE, "role: 运维班当值负责人", "role: *name", "undefined alias"),
    "limit-without-point": Mistake(
        LIMITS, "point: LY/1T/winding_temp", "point: LY/1T/winding", "did you mean"
    ),
    "limits-not-in-order": Mistake(
        LIMITS, "value: 95", "value: 84", "must rise LL < L < H < HH", -1
    ),
    "deadband-wider-than-the-band": Mistake(
        LIMITS, "L: {value: 9.3, deadband: 0.1", "L: {value: 9.3, deadband: 1.5", "band 1.4"
    ),
    "negative-delay": Mistake(LIMITS, "on_delay: 10s", "on_delay: -10s", "must not be negative"),
    "negative-deadband": Mistake(LIMITS, "deadband: 2", "deadband: -2", "must not be negative"),
    "delay-without-unit": Mistake(LIMITS, "off_delay: 10s", "off_delay: 10", "no duration"),
    "value-no-number": Mistake(LIMITS, "value: 85", "value: 85C", "must be a number, not '85C'"),
    "value-not-finite": Mistake(LIMITS, "value: 85", "value: .nan", "must be a number"),
    "value-missing": Mistake(LIMITS, "H: {value: 95,", "H: {", "H needs value"),
    "unknown-priority": Mistake(LIMITS, "priority: major", "priority: mayor", "mean 'major'?"),
    "unknown-class": Mistake(LIMITS, "class: limit", "class: limits", "did you mean 'limit'?"),
    "unknown-mark": Mistake(LIMITS, "mark: V\n    HH", "mark: X\n    HH", "there are C, D, U, V"),
    "unknown-level": Mistake(LIMITS, "    HH:", "    HHH:", "a limit has no field 'HHH'"),
    "field-twice": Mistake(LIMITS, "      deadband: 2", "      value: 85", "stands twice"),
    "limits-given-twice": Mistake(
        LIMITS, "point: LY/113/ib", "point: LY/113/ia", "limits of point LY/113/ia is given twice"
    ),
    "rule-names-unknown-device": Mistake(
        LINKAGE, "device: siren-1T", "device: siren-2T", "did you mean 'siren-1T'?"
    ),
    "rule-names-unknown-place": Mistake(
        LINKAGE, "[LY/1T]", "[LY/2T]", "no device is named 'LY/2T'"
    ),
    "device-at-unknown-place": Mistake(LINKAGE, "at: LY/113", "at: LY/118", "no device is named"),
    "attempts-out-of-range": Mistake(LINKAGE, "attempts: 3", "attempts: 0", "from 1 to 10"),
    "action-unknown": Mistake(LINKAGE, "action: sound", "action: trip", "cannot be 'trip'"),
    "bad-port": Mistake(SOURCE, "port: 1883", "port: 70000", "from 1 to 65535"),
    "port-no-number": Mistake(SOURCE, "port: 1883", 'port: "1883"', "must be a whole number"),
    "host-empty": Mistake(SOURCE, "host: 127.0.0.1", 'host: ""', "host must not be empty"),
    "kind-unknown": Mistake(SOURCE, "kind: mqtt", "kind: mqqt", "did you mean 'mqtt'?"),
    "password-in-the-file": Mistake(
        SOURCE, "kind: mqtt", "kind: mqtt\npassword: secret", "no field 'password'", 1
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=list(MISTAKES))
def test_one_mistake_is_reported_once_with_its_file_and_line(site: Path, mistake: Mistake) -> None:
    line = mistake.make(site)

    (problem,) = check(site)

    assert (problem.file, problem.line) == (mistake.file, line)
    assert mistake.says in problem.message


def test_a_name_given_twice_is_told_once_with_its_first_place(site: Path) -> None:
    """The other name, which was meant, is looked for in vain: that is no second mistake."""
    line = Mistake(ASSETS, "id: LY/114", "id: LY/113", "").make(site)

    (duplicate,) = check(site)

    assert (duplicate.file, duplicate.line) == (ASSETS, line)
    assert "device LY/113 is given twice, first in assets/liuyuan.yaml line" in duplicate.message


def test_five_mistakes_at_once_give_five_problems(site: Path) -> None:
    names = ("bad-zone", "unknown-unit", "limits-not-in-order", "attempts-out-of-range", "bad-port")
    expected = {(MISTAKES[name].file, MISTAKES[name].make(site)) for name in names}

    problems = check(site)

    assert len(problems) == 5
    assert {(problem.file, problem.line) for problem in problems} == expected


@pytest.mark.parametrize("name", [SITE, LINKAGE])
def test_a_missing_file_is_named(site: Path, name: str) -> None:
    (site / name).unlink()

    assert f"{name}:0: the file is missing" in [str(problem) for problem in check(site)]


def test_a_folder_without_assets_is_a_mistake(site: Path) -> None:
    (site / ASSETS).unlink()

    assert "assets/:0: needs at least one .yaml file" in [str(problem) for problem in check(site)]


def test_a_station_without_its_name_is_a_mistake(site: Path) -> None:
    path = site / ASSETS
    path.write_text(path.read_text(encoding="utf-8").replace("station: 35kV柳塬变\n", ""), "utf-8")

    assert [problem.message for problem in check(site)] == ["a station's file needs station"]


def test_empty_points_are_a_mistake(site: Path) -> None:
    (site / "assets/empty.yaml").write_text(
        "station: 空站\nbays:\n- name: 1\n"
        '- {name: a, voltage: 10kV, devices: [{id: X, name: "1", points: []}]}\n',
        encoding="utf-8",
    )

    assert (3, 'name must be text: write it in quotes, as in name: "1"') in [
        (problem.line, problem.message) for problem in check(site)
    ]
    assert (4, "points is empty: list at least one") in [
        (problem.line, problem.message) for problem in check(site)
    ]


def test_two_sources_with_one_client_id_are_a_mistake(site: Path) -> None:
    source = (site / SOURCE).read_text(encoding="utf-8")
    (site / "sources/second.yaml").write_text(
        source.replace("id: liuyuan", "id: second", 1), "utf-8"
    )

    (problem,) = check(site)

    assert problem.file == "sources/second.yaml"
    assert "client id gridwarden-liuyuan is given twice" in problem.message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(
            "名: \u00e9".encode("latin-1", "replace") + b"\xff", "not UTF-8", id="not-utf-8"
        ),
        pytest.param(b"- a\n- b\n", "must be a group of named fields", id="a-list"),
        pytest.param(b"a: [" * 5000, "cannot be read", id="nested-without-end"),
        pytest.param(b"a: \x00", "cannot be read", id="control-characters"),
        pytest.param(b"a: &a [1]\nb: [*a, *a]\n", "aliases", id="alias-bomb"),
        pytest.param(b"a: 1\n---\nb: 2\n", "no valid YAML", id="two-documents"),
    ],
)
def test_an_unreadable_file_is_one_problem(site: Path, content: bytes, says: str) -> None:
    (site / LINKAGE).write_bytes(content)

    (problem,) = check(site)

    assert problem.file == LINKAGE
    assert says in problem.message


def test_a_broken_site_is_not_loaded_and_says_how_much_is_wrong(site: Path) -> None:
    MISTAKES["bad-port"].make(site)
    MISTAKES["bad-zone"].make(site)

    with pytest.raises(BrokenSite, match=r"site.yaml:\d+: no time zone .*\(and 1 more"):
        load(site)


def test_a_folder_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    (problem,) = check(tmp_path / "nowhere")

    assert problem.message == "there is no such folder"
