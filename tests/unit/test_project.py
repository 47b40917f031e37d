"""The project keeps its own rules: what ships, who may import whom, what is pinned, what the pages say."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a wheel built from this tree installs."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("gridwarden-*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


@pytest.fixture(scope="module")
def wheel(installed: Path) -> set[str]:
    """The names in it."""
    return {
        path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()
    }


def test_every_room_is_shipped_whole(wheel: set[str]) -> None:
    sources = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources - wheel == set()


def test_every_package_of_the_tree_is_a_room() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests", "benchmarks"} == set(ROOMS)


def test_nothing_but_the_rooms_is_shipped(wheel: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(ROOMS)


def test_the_demo_finds_its_example_where_there_is_no_checkout(
    installed: Path, tmp_path: Path
) -> None:
    code = "from service.demo import example_site; from service.site.load import check;"
    code += "print(example_site(), check(example_site()))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert found.stdout == f"{installed / 'service' / 'examples' / 'changqing-like'} []\n", found


def test_every_example_is_shipped_whole(wheel: set[str]) -> None:
    examples = {
        f"service/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "examples").rglob("*")
        if path.is_file()
    }
    assert examples
    assert examples - wheel == set()


def contracts(tree: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(cache_dir=None))"
    return subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True)


@pytest.fixture
def copied_tree(tmp_path: Path) -> Path:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=NOT_SHIPPED)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_recorded_data_is_judged_through_the_registry_and_the_tick_alone() -> None:
    tree = ast.parse((ROOT / "benchmarks" / "detection.py").read_text())
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {name for name in named if name and name.split(".")[0] in ROOMS}
    assert ours == {"detectors.judgement.registry", "detectors.judgement.tick"}


def test_no_detector_knows_the_name_of_a_data_set() -> None:
    names = re.compile(r"\b(nab|numenta|skab|ett[hm]?\d?)\b", re.IGNORECASE)
    found = {
        path.name for path in (ROOT / "detectors").rglob("*.py") if names.search(path.read_text())
    }
    assert not found


def test_the_import_contracts_hold(copied_tree: Path) -> None:
    checked = contracts(copied_tree)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param("linkage", "import storage", id="a-sibling"),
        pytest.param("domain", "import ingest", id="upwards"),
        pytest.param(
            "delivery",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import service",
            id="upwards-for-types-only",
        ),
        pytest.param("detectors", "from pathlib import Path", id="files-in-a-detector"),
        pytest.param("domain", "import socket", id="the-network-in-the-domain"),
        pytest.param("service", "import pandas", id="pandas-in-core"),
        pytest.param("service", "import sklearn", id="scikit-learn-in-core"),
        pytest.param("service", "import cv2", id="cv2-in-core"),
        pytest.param(
            "linkage", "import detectors.violations.boxes", id="the-recognition-in-linkage"
        ),
        pytest.param("service/vision", "import torch", id="torch-where-pictures-are-looked-at"),
        pytest.param("detectors/limits", "import sklearn", id="scikit-learn-in-the-limits"),
        pytest.param(
            "detectors/limits", "import detectors.judgement.dga", id="the-judgement-in-the-limits"
        ),
    ],
)
def test_a_forbidden_import_is_caught(copied_tree: Path, module: str, line: str) -> None:
    (copied_tree / module / "intruder.py").write_text(line + "\n", encoding="utf-8")
    checked = contracts(copied_tree)
    assert checked.returncode == 1
    assert "BROKEN" in checked.stdout
    assert f"{module.replace('/', '.')}.intruder" in checked.stdout


def test_the_judgement_may_use_scikit_learn(copied_tree: Path) -> None:
    path = copied_tree / "detectors" / "judgement" / "trees.py"
    path.write_text("import sklearn\n", encoding="utf-8")
    checked = contracts(copied_tree)
    assert checked.returncode == 0, checked.stdout


def test_the_domain_needs_only_the_standard_library_and_numpy() -> None:
    imported = {
        name.split(".")[0]
        for path in (ROOT / "domain").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported_by(node)
    }
    assert imported - sys.stdlib_module_names - {"numpy", "domain"} == set()


def imported_by(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case _:
            return []


LOCKS = ["runtime", "build", "dev", "train"]


def locked(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def pinned(lock: str) -> dict[str, list[str]]:
    """Requirement lines with their hashes, by normalised name."""
    found: dict[str, list[str]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", lock):
        if match := re.match(r"([A-Za-z0-9._-]+)==", block):
            found[normalised(match[1])] = re.findall(r"--hash=sha256:[0-9a-f]{64}", block)
    return found


def normalised(requirement: str) -> str:
    name = re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_index(name: str) -> None:
    lock = locked(name)
    assert "://" not in lock
    assert "--index-url" not in lock
    assert [package for package, hashes in pinned(lock).items() if not hashes] == []


def test_every_declared_dependency_is_locked() -> None:
    groups = PROJECT["dependency-groups"]
    declared = {
        "runtime": PROJECT["project"]["dependencies"],
        "build": groups["build"],
        "dev": [item for item in groups["dev"] if isinstance(item, str)] + groups["build"],
        "train": [
            item for extra in PROJECT["project"]["optional-dependencies"].values() for item in extra
        ],
    }
    for name, requirements in declared.items():
        assert {normalised(item) for item in requirements} - pinned(locked(name)).keys() == set()


def test_both_environments_hold_the_same_versions() -> None:
    def versions(name: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", locked(name), flags=re.MULTILINE))

    assert versions("runtime") - versions("dev") == set()


README_PAGES = ["README.md", "README.zh-CN.md"]


@pytest.mark.parametrize("page", README_PAGES)
def test_the_readme_lists_every_command_and_no_other(page: str) -> None:
    from typer.main import get_command

    from service.cli import app

    commands = set(getattr(get_command(app), "commands", {}))
    text = (ROOT / page).read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `gridwarden ([a-z-]+)", text, flags=re.MULTILINE)) == commands


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))


def test_the_pages_name_only_make_targets_that_exist() -> None:
    pages = [*map(ROOT.joinpath, README_PAGES), *(ROOT / "docs").rglob("*.md")]
    named = {
        target
        for page in pages
        for target in re.findall(r"(?<![\w-])`?make ([a-z-]+)`", page.read_text(encoding="utf-8"))
    }
    assert named, "the pages name no make target at all: the pattern is wrong"
    assert named - make_targets() == set()


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*map(ROOT.joinpath, README_PAGES), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert broken == []


def test_every_decision_page_says_why_and_what_follows() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert pages
    for page in pages:
        headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], page.name
