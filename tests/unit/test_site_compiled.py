"""The compiled site: what was checked is what core reads, and nothing else is believed."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from domain.ports import StorageUnavailable
from service.core import BAD_INPUT, TRY_AGAIN
from service.site.compiled import (
    COMPILED_NAME,
    BrokenCompiledSite,
    compile_into,
    from_bytes,
    read_compiled,
    to_bytes,
)
from service.site.load import load
from service.site.model import Site

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def site() -> Site:
    return load(EXAMPLES / "changqing-like")


@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_site_is_the_site_that_was_loaded(name: str, tmp_path: Path) -> None:
    loaded = load(EXAMPLES / name)

    read = read_compiled(compile_into(tmp_path / "data", loaded))

    assert read == loaded
    assert read.zone is loaded.zone
    assert read.plan() == loaded.plan()


def test_a_compiled_site_stays_as_it_is_while_the_site_is_the_same(
    site: Site, tmp_path: Path
) -> None:
    path = compile_into(tmp_path, site)
    written = path.stat()

    compile_into(tmp_path, site)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)

    compile_into(tmp_path, site.at_broker("127.0.0.1", 1884))
    assert read_compiled(path).sources[0].port == 1884
    assert [each.name for each in tmp_path.iterdir()] == [COMPILED_NAME]


def test_a_password_is_not_in_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWARDEN_SECRET_LIUYUAN", "a word of honour")
    source = replace(site.sources[0], password_env="GRIDWARDEN_SECRET_LIUYUAN")

    written = to_bytes(replace(site, sources=(source,)))

    assert b"GRIDWARDEN_SECRET_LIUYUAN" in written
    assert b"honour" not in written


def of_another_format(written: bytes) -> bytes:
    return written.replace(b'{"format":2,', b'{"format":3,')


def with_another_limit(written: bytes) -> bytes:
    return written.replace(b'"value":95.0', b'"value":96.0', 1)


def with_a_number_for_a_name(written: bytes) -> bytes:
    return to_bytes(replace(from_bytes(written), name=7))  # type: ignore[arg-type]


def in_an_unknown_zone(written: bytes) -> bytes:
    return to_bytes(replace(from_bytes(written), zone="Asia/Nowhere"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(lambda written: b"", "is not a site", id="empty"),
        pytest.param(lambda written: written[:-100], "is not a site", id="cut-off"),
        pytest.param(lambda written: b"\xff\xfe" + written, "is not a site", id="not-json"),
        pytest.param(lambda written: b'{"recording": "a.csv"}', "missing", id="foreign-json"),
        pytest.param(of_another_format, "reads format 2", id="another-format"),
        pytest.param(with_another_limit, "digest does not match", id="edited-by-hand"),
        pytest.param(with_a_number_for_a_name, "Expected `str`, got `int`", id="another-shape"),
        pytest.param(in_an_unknown_zone, "no time zone is named 'Asia/Nowhere'", id="unknown-zone"),
    ],
)
def test_a_broken_or_foreign_file_is_refused_with_the_cure(
    site: Site, tmp_path: Path, spoil: Callable[[bytes], bytes], says: str
) -> None:
    path = compile_into(tmp_path, site)
    written = path.read_bytes()
    path.write_bytes(spoil(written))
    assert path.read_bytes() != written

    with pytest.raises(BrokenCompiledSite, match=says) as refusal:
        read_compiled(path)

    assert str(path) in str(refusal.value)
    assert "start `gridwarden run` again" in str(refusal.value)


def core(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service.core", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_core_refuses_a_broken_file_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / COMPILED_NAME
    path.write_text("name: a site folder's file\n")

    ended = core("--compiled", path, "--data", tmp_path / "data")

    assert ended.returncode == BAD_INPUT
    *_, sentence = ended.stderr.splitlines()
    assert sentence.startswith(f"core cannot start: {path} is not a site to start with: ")


def test_core_is_started_again_where_the_file_cannot_be_read_now(tmp_path: Path) -> None:
    ended = core("--compiled", tmp_path / COMPILED_NAME, "--data", tmp_path / "data")

    assert ended.returncode == TRY_AGAIN
    assert "the compiled site cannot be read" in ended.stderr


def test_a_site_that_cannot_be_written_is_said(site: Site, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, and no folder")

    with pytest.raises(StorageUnavailable, match="the site cannot be written to"):
        compile_into(tmp_path / "data", site)


def test_a_restart_imports_neither_a_yaml_parser_nor_alembic() -> None:
    code = "import sys, service.core; print({'alembic', 'ruamel.yaml'} & sys.modules.keys())"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ended.stdout == "set()\n"
