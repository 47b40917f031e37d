"""What we ship for containers and for systemd, as far as it can be told without running either."""

import re
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ruamel.yaml import YAML

from service.broker import MOSQUITTO_SETTINGS
from service.settings import Settings
from tests.support.dockerfile import instructions, variables

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
COMPOSE: Mapping[str, Any] = YAML(typ="safe").load(DOCKER / "compose.yaml")
SERVICES: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
OURS = ("gridwarden", "bridge")
UNITS = sorted((DOCKER / "systemd").glob("*.service"))


def environment(service: str) -> dict[str, str]:
    return dict(SERVICES[service].get("environment", {}))


def needed_variables() -> set[str]:
    """Those that compose refuses to go without."""
    return set(re.findall(r"\$\{(\w+):\?", (DOCKER / "compose.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_bounded_and_gains_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_says_how_it_is_starts_again_and_rotates_its_log(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])
    assert service["restart"] == "unless-stopped"
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])


@pytest.mark.parametrize("name", OURS)
def test_our_own_wait_until_their_neighbours_are_well(name: str) -> None:
    waits_for = SERVICES[name]["depends_on"]
    assert {how["condition"] for how in waits_for.values()} == {"service_healthy"}
    assert {"mosquitto", "kafka"} <= set(waits_for)


def test_without_the_profile_nothing_needs_kafka() -> None:
    for name, service in SERVICES.items():
        if "profiles" not in service:
            kafka = service.get("depends_on", {}).get("kafka", {"required": False})
            assert kafka["required"] is False, name
    assert environment("gridwarden")["GRIDWARDEN_KAFKA__BOOTSTRAP"].endswith(":-}")


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_by_version(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+\.\d+(\.\d+)?(-\w+)?", SERVICES[name]["image"])


def test_the_versions_are_those_of_the_project_and_of_the_tests() -> None:
    for name in OURS:
        assert SERVICES[name]["image"] == f"gridwarden:{PROJECT['project']['version']}"
    pom = ElementTree.parse(ROOT / "tests" / "servers" / "kafka" / "pom.xml").getroot()
    version = pom.findtext(".//{*}kafka.version")
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{version}"


def test_only_loopback_is_published() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_named_volume_is_declared_and_used() -> None:
    sources = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
    }
    assert {source for source in sources if re.match(r"\w", source)} == set(COMPOSE["volumes"])


def test_files_that_are_mounted_are_shipped_or_made_by_the_operator() -> None:
    mounted = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if volume.startswith("./")
    }
    made = {"./secrets/mosquitto-passwords"}
    assert [path for path in sorted(mounted - made) if not (DOCKER / path).is_file()] == []


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_stands_in_the_file_or_has_a_default(name: str) -> None:
    for variable, value in environment(name).items():
        if re.search(r"PASSWORD|TOKEN|SECRET", variable):
            assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", str(value)), variable
        assert not re.search(r"://[^/@]*:[^/@]+@", str(value)), f"{variable} holds a password"


def test_new_secrets_makes_every_variable_that_compose_needs_and_overwrites_none(
    tmp_path: Path,
) -> None:
    shutil.copytree(DOCKER, tmp_path / "docker", ignore=shutil.ignore_patterns(".env", "secrets"))
    script, site = tmp_path / "docker" / "new-secrets.sh", tmp_path / "site"
    site.mkdir()
    command = ["sh", str(script), str(site)]
    subprocess.run(command, check=True, capture_output=True)
    file = tmp_path / "docker" / ".env"
    made = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert set(made) == needed_variables()
    assert made["GRIDWARDEN_SITE"] == str(site)
    secrets = [value for name, value in made.items() if name != "GRIDWARDEN_SITE"]
    assert len(set(secrets)) == len(secrets)
    assert min(map(len, secrets)) >= 22
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "move it away first" in again.stderr
    assert dict(line.split("=", 1) for line in file.read_text().splitlines()) == made


def known_settings() -> set[str]:
    """Every variable that our service reads."""
    found: set[str] = set()
    for name, field in Settings.model_fields.items():
        group = getattr(field.annotation, "model_fields", None)
        names = [name] if group is None else [f"{name}__{key}" for key in group]
        found |= {f"GRIDWARDEN_{each.upper()}" for each in names}
    return found


def test_the_settings_that_are_given_to_our_service_exist() -> None:
    given = set(environment("gridwarden")) | set(variables(instructions(DOCKER / "Dockerfile")))
    ours = {name for name in given if name.startswith("GRIDWARDEN_")}
    unknown = {name for name in ours - known_settings() if "_SECRET_" not in name}
    assert unknown == set()


def mosquitto_settings(text: str) -> dict[str, str]:
    lines = [line.split("#")[0].split(maxsplit=1) for line in text.splitlines()]
    return {line[0]: line[1].strip() for line in lines if len(line) == 2}


def test_the_broker_in_the_container_has_our_limits_and_asks_for_a_password() -> None:
    conf = mosquitto_settings((DOCKER / "mosquitto" / "container.conf").read_text("utf-8"))
    wanted = mosquitto_settings(MOSQUITTO_SETTINGS)
    assert {name: conf.get(name) for name in wanted} == wanted
    assert conf["allow_anonymous"] == "false"
    assert conf["password_file"] == "/mosquitto/secrets/passwords"
    assert conf.keys().isdisjoint({"message_size_limit", "max_packet_size"})


def test_the_image_copies_what_the_wheel_is_made_of() -> None:
    admitted = {
        line[1:].rstrip("/")
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    rooms = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    forced = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"])
    assert admitted == rooms | forced | {"pyproject.toml", "README.md", "LICENSE", "requirements"}
    assert [name for name in admitted if not (ROOT / name).exists()] == []


def test_the_image_runs_as_nobody_special_on_a_pinned_python() -> None:
    found = instructions(DOCKER / "Dockerfile")
    assert [each.rest for each in found if each.word == "USER"] == ["10001:10001"]
    (python,) = [each.rest for each in found if each.word == "ARG"]
    assert re.fullmatch(r"PYTHON=python:3\.\d+\.\d+-slim-bookworm", python)
    installs = [each.rest for each in found if each.word == "RUN" and "pip install" in each.rest]
    assert [each for each in installs if "--require-hashes" not in each] == [
        each for each in installs if "--no-index dist/" in each
    ]


def test_docker_and_compose_ask_for_health_in_the_same_words() -> None:
    (check,) = [each for each in instructions(DOCKER / "Dockerfile") if each.word == "HEALTHCHECK"]
    assert SERVICES["gridwarden"]["healthcheck"]["test"][1:] == check.in_words()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["hadolint", "docker/Dockerfile"], id="hadolint"),
        pytest.param(["yamllint", "--strict", "docker/compose.yaml"], id="yamllint"),
    ],
)
def test_linters_have_nothing_to_say(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_the_units(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze: comes with systemd")
    # it asks for the program too; ours lies elsewhere here
    program = tmp_path / "gridwarden"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = unit.read_text("utf-8")
    assert "ExecStart=/opt/gridwarden/.venv/bin/gridwarden" in text
    copy = tmp_path / unit.name
    copy.write_text(text.replace("/opt/gridwarden/.venv/bin/gridwarden", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
