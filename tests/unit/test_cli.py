"""The command line without a plant: help, bad input, exit codes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli import app

EXAMPLES = Path(__file__).parents[2] / "examples"
SITE = EXAMPLES / "changqing-like"
ROOMS = {"domain", "ingest", "detectors", "linkage", "delivery", "storage", "service", "web"}


def gridwarden(*arguments: str | Path, **environment: str) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)


@pytest.fixture
def broken_site(tmp_path: Path) -> Path:
    site = Path(shutil.copytree(SITE, tmp_path / "site"))
    text = (site / "site.yaml").read_text(encoding="utf-8")
    (site / "site.yaml").write_text(text.replace("Asia/Shanghai", "Asia/Nowhere"), "utf-8")
    return site


def test_help_lists_every_command_and_loads_nothing_that_is_slow_to_load() -> None:
    """How long it takes is printed by `python -m benchmarks idle`."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "service.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=EXAMPLES.parent,
    )
    commands = ("demo", "run", "check", "apply", "export", "import-points", "who", "ledger", "user")
    assert all(command in told.stdout for command in (*commands, "replay", "doctor"))
    loaded = {line.rpartition("|")[2].strip() for line in told.stderr.splitlines()}
    of_us = {name for name in loaded if name.partition(".")[0] in ROOMS}
    assert of_us <= {name for name in of_us if name.startswith("service.cli") or name == "service"}
    assert not loaded & {"aiokafka", "duckdb", "msgspec", "nicegui", "numpy", "paho", "rich"}
    assert not loaded & {"cv2", "sklearn", "sqlalchemy", "structlog"}


def test_check_says_that_a_good_site_is_in_order() -> None:
    result = gridwarden("check", SITE)

    assert (result.exit_code, result.output) == (0, f"{SITE} is in order\n")


def test_check_tells_file_and_line_of_a_mistake_and_ends_with_2(broken_site: Path) -> None:
    result = gridwarden("check", broken_site)

    assert result.exit_code == 2
    assert "site.yaml:4: no time zone is named 'Asia/Nowhere'" in result.output
    assert f"1 to mend in {broken_site}" in result.output


def test_check_speaks_json_for_a_program(broken_site: Path) -> None:
    result = gridwarden("check", broken_site, "--json")

    (problem,) = map(json.loads, result.output.splitlines())
    assert (problem["file"], problem["line"]) == ("site.yaml", 4)


@pytest.mark.parametrize("command", ["run", "replay"])
def test_a_broken_site_is_refused_with_its_mistakes(
    broken_site: Path, tmp_path: Path, command: str
) -> None:
    file = [tmp_path / "any.csv"] if command == "replay" else []
    result = gridwarden(command, *file, "--site", broken_site, "--data", tmp_path / "data")

    assert result.exit_code == 2
    assert "site.yaml:4" in result.output
    assert "mend the mistakes above" in result.output
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("written", ["localhost", ":1883", "host:0", "host:port", "host:70000"])
def test_an_address_without_host_or_port_is_refused(tmp_path: Path, written: str) -> None:
    result = gridwarden("run", "--site", SITE, "--data", tmp_path, "--broker", written)

    assert result.exit_code == 2
    assert "write HOST:PORT" in result.output


def test_a_misspelt_setting_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    result = gridwarden("run", "--site", SITE, "--data", tmp_path, GRIDWARDEN_LANGAGE="en")

    assert result.exit_code == 2
    assert "did you mean GRIDWARDEN_LANGUAGE?" in result.output


def test_a_setting_with_an_impossible_value_is_refused_by_its_name(tmp_path: Path) -> None:
    name = "GRIDWARDEN_DELIVERY__FAIL_OPEN_MS"
    result = gridwarden("run", "--site", SITE, "--data", tmp_path, **{name: "soon"})

    assert result.exit_code == 2
    assert name in result.output


def test_replay_needs_a_map_of_columns(tmp_path: Path) -> None:
    result = gridwarden("replay", tmp_path / "a.csv", "--site", SITE, "--data", tmp_path / "data")

    assert result.exit_code == 2
    assert "has no replay.yaml" in result.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("date,OT\n", "has no column HUFL", id="missing-column"),
        pytest.param(None, "no CSV file", id="no-such-file"),
    ],
)
def test_a_bad_recording_is_one_clear_sentence(
    tmp_path: Path, content: str | None, says: str
) -> None:
    file = tmp_path / "recording.csv"
    if content is not None:
        file.write_text(content)
    site = EXAMPLES / "ett-replay"

    result = gridwarden("replay", file, "--site", site, "--data", tmp_path / "data")

    assert result.exit_code == 2
    assert says in result.output
    assert not (tmp_path / "data").exists()


def test_doctor_tells_a_dead_broker_with_its_cure_and_ends_with_1(tmp_path: Path) -> None:
    site = Path(shutil.copytree(SITE, tmp_path / "site"))
    source = site / "sources" / "frontend.yaml"
    source.write_text(source.read_text("utf-8").replace("1883", "1"), "utf-8")  # nobody listens

    result = gridwarden("doctor", "--site", site, "--data", tmp_path / "data", "--json")

    findings = {
        finding["subject"]: finding for finding in map(json.loads, result.output.splitlines())
    }
    assert result.exit_code == 1
    assert findings["broker of frontend"]["verdict"] == "mend"
    assert "start the broker" in findings["broker of frontend"]["cure"]
    assert findings["site folder"]["verdict"] == "good"
    assert findings["core"]["says"] == "not running"


def test_doctor_names_the_variable_of_a_missing_password(tmp_path: Path) -> None:
    site = Path(shutil.copytree(SITE, tmp_path / "site"))
    source = site / "sources" / "frontend.yaml"
    login = "\nuser: core\npassword_env: GRIDWARDEN_SECRET_LIUYUAN\n"
    source.write_text(source.read_text("utf-8") + login, "utf-8")

    result = gridwarden("doctor", "--site", site, "--data", tmp_path / "data")

    assert result.exit_code == 1
    assert "set the environment variable GRIDWARDEN_SECRET_LIUYUAN" in result.output


def test_doctor_misses_records_that_went_while_the_journal_is_here(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "journal-000000000001.db").write_bytes(b"")

    result = gridwarden("doctor", "--site", SITE, "--data", tmp_path)

    assert "records.db is missing, though the journal is here" in result.output
    assert result.exit_code == 1


def test_run_on_an_empty_data_folder_needs_a_site(tmp_path: Path) -> None:
    result = gridwarden("run", "--data", tmp_path / "data")

    assert result.exit_code == 2
    assert "holds no site yet: name a site folder with --site" in result.output


@pytest.mark.parametrize("written", ["localhost", ":8080", "host:port", "host:70000"])
def test_a_console_without_host_or_port_is_refused(tmp_path: Path, written: str) -> None:
    result = gridwarden("run", "--site", SITE, "--data", tmp_path, "--console", written)

    assert result.exit_code == 2
    assert "is no address: write HOST:PORT" in result.output


@pytest.mark.parametrize(
    "command", [["apply", SITE], ["export", "new"], ["user", "list"], ["user", "disable", "admin"]]
)
def test_what_needs_records_says_how_they_begin(tmp_path: Path, command: list[str | Path]) -> None:
    result = gridwarden(*command, "--data", tmp_path)

    assert result.exit_code == 2
    assert "start with `gridwarden run --site DIR`" in result.output


def test_who_answers_and_who_would_if_somebody_were_away() -> None:
    asked = ("who", "LY/1T", "--site", SITE, "--at", "2026-11-24 12:00", "--json")
    first = json.loads(gridwarden(*asked).output)
    absent = first["acting"]["name"]
    then = json.loads(gridwarden(*asked, "--if-absent", absent).output)
    assert then["acting"]["id"] != first["acting"]["id"]
    unknown = gridwarden(*asked, "--if-absent", "nobody")
    assert (unknown.exit_code, "nobody here is called 'nobody'" in unknown.output) == (2, True)
