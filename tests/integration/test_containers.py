"""What our containers would do, done on this machine: their commands, configurations and health checks."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from ruamel.yaml import YAML

from service.broker import HOST, LocalBroker, end_with_us, mosquitto_program
from tests.conftest import missing
from tests.support.command import wait_until
from tests.support.dockerfile import instructions, variables
from tests.support.kafka import KafkaServer, java
from tests.support.listening import eventually

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
SERVICES: Mapping[str, Mapping[str, Any]] = YAML(typ="safe").load(DOCKER / "compose.yaml")[
    "services"
]
SITE = ROOT / "examples" / "changqing-like"
NOBODY_SPECIAL = 10_001


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """With the test, and with a test that is killed."""
    guard = end_with_us(process.pid)
    try:
        yield
    finally:
        guard.kill()
        guard.wait()
        assert guard.stdin is not None
        guard.stdin.close()
        process.terminate()
        process.wait(30)


def in_shell(check: list[str], port: int) -> list[str]:
    """A health check of compose, at another port."""
    kind, command = check
    assert kind == "CMD-SHELL"
    return [
        "/bin/sh",
        "-c",
        command.replace("$$", "$").replace("-t health", f"-p {port} -t health"),
    ]


@pytest.mark.mosquitto
def test_the_brokers_configuration_lets_in_who_has_a_password_and_its_health_check_sees_it(
    tmp_path: Path, needs_mosquitto: None
) -> None:
    port, passwords = free_port(), tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(passwords), "gridwarden", "right"],
        check=True,
        capture_output=True,
    )
    (tmp_path / "data").mkdir()
    shipped = (DOCKER / "mosquitto" / "container.conf").read_text("utf-8")
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(
        shipped.replace("listener 1883", f"listener {port} {HOST}")
        .replace("/mosquitto/data/", f"{tmp_path}/data/")
        .replace("/mosquitto/secrets/passwords", str(passwords))
        # in the container it starts as its own user
        + ("user root\n" if os.geteuid() == 0 else "")
    )
    check = in_shell(SERVICES["mosquitto"]["healthcheck"]["test"], port)
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0
    program = mosquitto_program()
    assert program is not None
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(conf)], stdout=log, stderr=log)
    with ended(process):
        assert eventually(
            lambda: subprocess.run(check, capture_output=True, check=False).returncode == 0
        ), (tmp_path / "log").read_text()
        assert connects(port, "right")
        assert not connects(port, "wrong")


def connects(port: int, password: str) -> bool:
    answers: list[bool] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set("gridwarden", password)
    client.on_connect = lambda c, u, flags, reason, more: answers.append(not reason.is_failure)
    client.connect(HOST, port)
    while not answers:
        client.loop(0.1)
    client.disconnect()
    client.loop(0.1)
    return answers[0]


@pytest.mark.kafka
def test_kafka_takes_our_settings_and_its_health_check_sees_it(
    tmp_path: Path, needs_kafka: None
) -> None:
    settings = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in SERVICES["kafka"]["environment"].items()
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
    }
    # where it listens and writes is the test's
    ours = {name for name in settings if re.search("listener|quorum|log.dirs", name)}
    settings = {name: value for name, value in settings.items() if name not in ours}
    with KafkaServer(tmp_path / "kafka", settings=settings) as server:
        # it says of every name in its file what it takes it for; a misspelt one is not among them
        known = server.log_path.read_text()
        assert [name for name in settings if f"\t{name} = " not in known] == []
        _, command = SERVICES["kafka"]["healthcheck"]["test"]
        script, *words = command.split()
        assert script.endswith("kafka-topics.sh")
        tool = shlex.join(java("org.apache.kafka.tools.TopicCommand"))
        asked = f"{tool} {' '.join(words)}".replace("kafka:9092", server.bootstrap)
        assert subprocess.run(["/bin/sh", "-c", asked], check=False).returncode == 0
    gone = subprocess.run(
        ["timeout", "5", "/bin/sh", "-c", asked], capture_output=True, check=False
    )
    assert gone.returncode != 0


class Image:
    """The image's file system and commands, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = instructions(DOCKER / "Dockerfile")
        self.program = folder / "opt" / "gridwarden" / "bin" / "gridwarden"

    def build(self) -> None:
        """Every RUN of the first stage, in order, on what .dockerignore admits."""
        (self.folder / "build").mkdir(parents=True)
        for name in self._admitted():
            source, target = ROOT / name, self.folder / "build" / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        last_from = max(number for number, each in enumerate(self.said) if each.word == "FROM")
        for each in self.said[:last_from]:
            if each.word == "RUN":
                self._run(each.rest)

    def _admitted(self) -> list[str]:
        lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        return [line[1:].rstrip("/") for line in lines if line.startswith("!")]

    def _run(self, command: str) -> None:
        here = command.replace("/opt/", f"{self.folder}/opt/")
        # the machine's: nobody special may not look into our checkout
        python = Path(sys.executable).resolve()
        here = here.replace("python -m venv", f"{python} -m venv")
        environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        environ.pop("PYTHONPATH", None)
        done = subprocess.run(
            ["/bin/sh", "-c", here],
            cwd=self.folder / "build",
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{here}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def environment(self, **more: str) -> dict[str, str]:
        """Only what the image gives, on loopback."""
        given = variables(self.said)
        return {
            **given,
            "PATH": f"{self.program.parent}:{os.environ['PATH']}",
            "GRIDWARDEN_CONSOLE__HOST": HOST,
            "GRIDWARDEN_METRICS__HOST": HOST,
            "HOME": given["GRIDWARDEN_DATA"],
            **more,
        }

    def read_only(self, command: list[str]) -> list[str]:
        """As compose runs it: nobody special, nothing to write to but the volume and /tmp."""
        data, temporary = "/var/lib/gridwarden", f"{self.folder}/tmp"
        python = f"{self.folder}/python"
        owner = f"uid={NOBODY_SPECIAL},gid={NOBODY_SPECIAL}"
        steps = [
            f"mkdir -p {data} {temporary} {python}",
            # the Python may lie in somebody's home, where nobody else may look
            f"mount --bind {sys.base_prefix} {python}",
            "mount -t tmpfs -o mode=0755 tmpfs /root",
            f"mkdir -p {sys.base_prefix}",
            f"mount --bind {python} {sys.base_prefix}",
            f"mount -t tmpfs -o {owner},mode=0700 tmpfs {data}",
            f"mount -t tmpfs -o mode=1777,size=64m tmpfs {temporary}",
            "mount -o remount,bind,ro /",
            f"cd {data}",
            f"exec setpriv --reuid {NOBODY_SPECIAL} --regid {NOBODY_SPECIAL} --clear-groups"
            ' --no-new-privs --bounding-set=-all "$@"',
        ]
        return ["unshare", "--mount", "/bin/sh", "-ec", "\n".join(steps), "sh", *command]


@pytest.mark.mosquitto
def test_the_image_builds_runs_read_only_as_nobody_special_and_its_health_check_holds(
    broker: LocalBroker,
) -> None:
    if os.environ.get("GRIDWARDEN_TEST_IMAGE") != "1":
        missing(
            "GRIDWARDEN_TEST_IMAGE=1: builds the image's environment anew, which takes a minute"
        )
    if os.geteuid() != 0 or not shutil.which("unshare"):
        missing("root and unshare: a read-only file system of its own")
    image = Image(Path("/opt") / f"gridwarden-test-{os.getpid()}")
    try:
        image.build()
        check_running(image, broker)
    finally:
        shutil.rmtree(image.folder, ignore_errors=True)


def check_running(image: Image, broker: LocalBroker) -> None:
    port = free_port()
    environ = image.environment(
        GRIDWARDEN_METRICS__PORT=str(port),
        GRIDWARDEN_CONSOLE__PORT=str(free_port()),
        TMPDIR=f"{image.folder}/tmp",
    )
    (run,) = [each.in_words() for each in image.said if each.word == "CMD"]
    command = [str(image.program), *run, "--broker", f"{broker.host}:{broker.port}"]
    command[command.index("/site")] = str(image.folder / "build" / "examples" / SITE.name)
    (health,) = [each.in_words() for each in image.said if each.word == "HEALTHCHECK"]
    assert health[0] == "gridwarden"

    def healthy(*more: str) -> bool:
        asked = [str(image.program), *health[1:], *more]
        return subprocess.run(asked, env=environ, capture_output=True).returncode == 0

    log = image.folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            image.read_only(command), env=environ, stdout=file, stderr=file, cwd="/"
        )
    with ended(process):
        assert not healthy()
        wait_until(lambda: process.poll() is not None or healthy())
        assert process.poll() is None, log.read_text()[-3000:]
        assert owner_of(process.pid) == NOBODY_SPECIAL
        console = environ["GRIDWARDEN_CONSOLE__PORT"]
        assert f"console: http://{HOST}:{console}" in log.read_text()
        wait_until(lambda: accepts(int(console)))
        process.terminate()
        assert process.wait(60) == 0
        assert "Read-only file system" not in log.read_text()


def accepts(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), 1.0):
            return True
    except OSError:
        return False


def owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
