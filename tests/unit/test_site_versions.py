"""Versions of a site: packed and unpacked without a byte lost, and nothing foreign let in."""

import json
import shutil
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.site import versions
from service.site.differences import LINES_AT_MOST, differences
from service.site.load import BrokenSite, load
from service.site.versions import (
    FolderInUse,
    MalformedVersion,
    NotPackable,
    files_of,
    pack,
    site_in,
    unpack,
    write_folder,
)
from tests.support.sites import limit, write_site

EXAMPLES = Path(__file__).parents[2] / "examples"
SITE = EXAMPLES / "changqing-like"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SITE, tmp_path / "copy"))


def edit(folder: Path, file: str, before: str, after: str) -> None:
    text = (folder / file).read_text("utf-8")
    assert before in text
    (folder / file).write_text(text.replace(before, after, 1), "utf-8")


def told(before: Path, after: Path, language: str = "en") -> list[str]:
    return list(differences(load(before), load(after), files_of(before), files_of(after), language))


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("example", sorted(path for path in EXAMPLES.iterdir() if path.is_dir()))
def test_every_file_of_an_example_comes_back_as_it_was_written(
    example: Path, tmp_path: Path
) -> None:
    files, _ = pack(example)

    write_folder(files, tmp_path / "new")

    assert bytes_in(tmp_path / "new") == bytes_in(example)
    assert site_in(files, "packed") == load(example)


def test_the_same_folder_packs_into_the_same_bytes(copy: Path) -> None:
    assert pack(copy) == pack(SITE)


def test_line_ends_marks_and_comments_are_kept(copy: Path, tmp_path: Path) -> None:
    written = "\ufeff# 注释 \U0001f50c\r\n\tname: x\r\n\u2028 \r".encode()
    (copy / "replay.yaml").write_bytes(written)

    write_folder(pack(copy)[0], tmp_path / "new")

    assert (tmp_path / "new" / "replay.yaml").read_bytes() == written


def test_what_is_no_part_of_a_site_is_left_out(copy: Path) -> None:
    (copy / "notes.md").write_text("a note")
    (copy / "assets" / "liuyuan.yaml~").write_text("an editor's copy")
    (copy / ".git").mkdir()
    (copy / ".git" / "config.yaml").write_text("a: b")

    assert files_of(copy) == files_of(SITE)


def test_a_folder_without_site_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotPackable, match=r"has no site\.yaml"):
        pack(tmp_path)


def test_a_file_in_another_encoding_is_refused_by_its_name(copy: Path) -> None:
    (copy / "zones.yaml").write_bytes("责任区".encode("gb18030"))

    with pytest.raises(NotPackable, match=r"zones\.yaml is not written in UTF-8"):
        pack(copy)


def test_too_many_or_too_large_files_are_refused(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "BYTES_AT_MOST", 1_000)
    with pytest.raises(NotPackable, match="is larger than"):
        pack(copy)
    monkeypatch.setattr(versions, "FILES_AT_MOST", 3)
    with pytest.raises(NotPackable, match="more than 3 files"):
        pack(copy)


def packed(found: object) -> bytes:
    return zlib.compress(json.dumps(found).encode())


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"no zlib", id="not-packed"),
        pytest.param(zlib.compress(b"{"), id="not-json"),
        pytest.param(zlib.compress(b"[" * 200_000), id="nested-without-end"),
        pytest.param(packed({"site.yaml": "a"})[:-3], id="cut-off"),
        pytest.param(packed(["site.yaml"]), id="a-list"),
        pytest.param(packed({"site.yaml": 1}), id="no-text"),
        pytest.param(packed({"../site.yaml": ""}), id="above-the-folder"),
        pytest.param(packed({"/etc/site.yaml": ""}), id="absolute"),
        pytest.param(packed({"assets/../../a.yaml": ""}), id="above-through-a-folder"),
        pytest.param(packed({"assets\\..\\a.yaml": ""}), id="another-separator"),
        pytest.param(packed({"assets/a.py": ""}), id="a-program"),
        pytest.param(packed({"other/a.yaml": ""}), id="another-folder"),
    ],
)
def test_what_no_site_was_packed_into_is_refused(files: bytes, tmp_path: Path) -> None:
    with pytest.raises(MalformedVersion):
        unpack(files)
    with pytest.raises(MalformedVersion):
        write_folder(files, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "BYTES_AT_MOST", 1_000)

    with pytest.raises(MalformedVersion):
        unpack(packed({"site.yaml": "a" * 10_000_000}))


@given(st.binary(max_size=200))
def test_no_bytes_unpack_into_anything_but_files_of_a_site(files: bytes) -> None:
    for raw in (files, zlib.compress(files)):
        try:
            found = unpack(raw)
        except MalformedVersion:
            continue
        assert found == {}


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(FolderInUse, match="is not empty"):
        write_folder(pack(SITE)[0], tmp_path)
    with pytest.raises(FolderInUse, match="is a file"):
        write_folder(pack(SITE)[0], tmp_path / "mine.txt", force=True)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_force_replaces_what_a_site_is_read_from_and_nothing_else(copy: Path) -> None:
    edit(copy, "site.yaml", "name:", "name: another # ")
    for name in ("assets/gone.yaml", "rosters.yaml", "notes.md", "compose.yaml", "assets/a.txt"):
        (copy / name).write_text("left behind", "utf-8")

    write_folder(pack(SITE)[0], copy, force=True)

    kept = {"notes.md", "compose.yaml", "assets/a.txt"}
    assert {k: v for k, v in bytes_in(copy).items() if k not in kept} == bytes_in(SITE)
    assert kept <= bytes_in(copy).keys()


def test_a_packed_site_with_a_mistake_says_file_and_line(copy: Path) -> None:
    edit(copy, "site.yaml", "Asia/Shanghai", "Asia/Nowhere")

    with pytest.raises(
        BrokenSite, match=r"site version 7 has mistakes: site\.yaml:4: no time zone"
    ):
        site_in(pack(copy)[0], "version 7")


def test_the_same_site_differs_in_nothing(copy: Path) -> None:
    assert told(SITE, copy) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "lines"),
    [
        pytest.param(
            "limits/changes.yaml",
            "value: 85",
            "value: 80",
            ["~ limit LY/1T/top_oil_temp H: value 85 → 80", "~ file limits/changes.yaml"],
            id="a-limit",
        ),
        pytest.param(
            "limits/changes.yaml",
            "on_delay: 10s",
            "on_delay: 1min",
            ["~ limit LY/1T/top_oil_temp H: on_delay 10 s → 60 s", "~ file limits/changes.yaml"],
            id="a-delay",
        ),
        pytest.param(
            "limits/changes.yaml",
            "priority: major",
            "priority: urgent",
            ["~ limit LY/1T/top_oil_temp H: priority major → urgent", "~ file limits/changes.yaml"],
            id="a-priority",
        ),
        pytest.param(
            "zones.yaml",
            "owner: sp-j1",
            "owner: sp-b1",
            ["~ zone z-sp-hv: owner 石坪变甲值正值 → 石坪变丙值正值", "~ file zones.yaml"],
            id="a-zones-owner",
        ),
        pytest.param(
            "linkage.yaml",
            "attempts: 3",
            "attempts: 4",
            ["~ field device siren-1T: attempts 3 → 4", "~ file linkage.yaml"],
            id="a-field-device",
        ),
        pytest.param(
            "organisation/people.yaml",
            "position: 负责人, member: true",
            "position: 经理, member: true",
            ["~ person jl: position 负责人 → 经理", "~ file organisation/people.yaml"],
            id="a-person",
        ),
        pytest.param(
            "zones.yaml",
            "# 责任区",
            "# 我们的责任区",
            ["~ file zones.yaml"],
            id="a-comment",
        ),
    ],
)
def test_a_difference_is_told_as_it_is_meant_and_where_it_was_written(
    copy: Path, file: str, before: str, after: str, lines: list[str]
) -> None:
    edit(copy, file, before, after)

    assert told(SITE, copy) == lines


def test_points_that_come_and_go_are_named(tmp_path: Path) -> None:
    old = write_site(tmp_path / "old", port=1, points=["A", "B"], limits=[limit("A", "H", 85)])
    new = write_site(
        tmp_path / "new", port=1, points=["A", "C"], limits=[limit("A", "HH", 85, on_delay="5s")]
    )

    assert told(old, new, "zh-CN") == [
        "+ 限值 A HH",
        "- 限值 A H",
        "+ 测点 C",
        "- 测点 B",
        "~ 文件 assets/station.yaml",
        "~ 文件 limits/limits.yaml",
    ]


def test_more_differences_than_anybody_reads_are_counted(tmp_path: Path) -> None:
    old = write_site(tmp_path / "old", port=1, points=["A"], limits=[limit("A", "H", 85)])
    points = ["A", *(f"B{number}" for number in range(LINES_AT_MOST + 20))]
    new = write_site(tmp_path / "new", port=1, points=points, limits=[limit("A", "H", 85)])

    lines = told(old, new)

    assert len(lines) == LINES_AT_MOST + 1
    assert lines[-1] == "… and 21 more"
