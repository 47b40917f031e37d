"""A changed site folder, from `apply` over a second person to the limit that watches, and back as files."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from domain.access import LOCAL_OPERATOR
from domain.assets import Condition
from domain.clock import system_clock
from domain.ids import PointKey, SourceId
from domain.limit_changes import LimitSetting
from domain.requests import ChangeLimit, DecideApproval
from service.beginning import stored_records
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.local_socket import SOCKET_NAME, CoreUnreachable, request
from service.site.model import telemetry_topic
from storage.records import SqlRecords
from tests.support.running import ROOT, until
from tests.support.sites import CODE, SOURCE, limit, write_site

POINT = "N/1"


class Installation:
    """`gridwarden run` on a data folder, and the other commands beside it."""

    def __init__(self, folder: Path, broker: LocalBroker) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.site = write_site(
            folder / "site", port=broker.port, points=[POINT], limits=[limit(POINT, "H", 85)]
        )
        self.out = folder / "run.out"
        with self.out.open("wb") as out, (folder / "run.err").open("wb") as err:
            self.process = subprocess.Popen(
                command("run", "--no-console", "--site", self.site, "--data", self.data),
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdout=out,
                stderr=err,
            )

    def __enter__(self) -> "Installation":
        until(self.is_current, "core is current")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)

    def status(self) -> Mapping[str, Any]:
        try:
            return request(self.data / SOCKET_NAME, "status")
        except CoreUnreachable:
            return {}

    def is_current(self) -> bool:
        return bool(self.status().get("source", {}).get("current"))

    def said(self) -> str:
        return self.out.read_text("utf-8")

    @property
    def records(self) -> SqlRecords:
        return stored_records(self.data)

    def run(self, *arguments: str | Path, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments, "--data", self.data),
            cwd=ROOT,
            env={**os.environ, "GRIDWARDEN_LANGUAGE": "en"},
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
        )


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "service.cli", *map(str, arguments)]


@pytest.fixture
def here(tmp_path: Path, broker: LocalBroker) -> Iterator[Installation]:
    with Installation(tmp_path, broker) as installation:
        yield installation


@contextmanager
def console(data: Path) -> Iterator[CoreClient]:
    client = CoreClient(data).start()
    try:
        yield client
    finally:
        client.stop()


def publish(broker: LocalBroker, value: float) -> None:
    reading = {"point": POINT, "time": system_clock() // 1_000, "value": value, "unit": "degC"}
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect(broker.host, broker.port)
    client.loop_start()
    message = msgspec.json.encode({"readings": [reading]})
    client.publish(telemetry_topic(CODE, SourceId(SOURCE)), message, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def as_bytes(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_an_approved_version_watches_at_once_and_comes_back_byte_for_byte(
    here: Installation, broker: LocalBroker, tmp_path: Path
) -> None:
    mended = Path(shutil.copytree(here.site, tmp_path / "mended"))
    limits = (mended / "limits" / "limits.yaml").read_text("utf-8")
    (mended / "limits" / "limits.yaml").write_bytes(
        (limits.replace("85", "60") + "# 因夏季大修\r\n").encode()
    )

    proposed = here.run("apply", mended)

    assert proposed.stdout.splitlines() == [
        f"~ limit {POINT} H: value 85 → 60",
        "~ file limits/limits.yaml",
        "proposed; it becomes valid when a second person approves it in the console",
    ]
    assert (proposed.returncode, proposed.stderr) == (0, "")
    again = here.run("apply", mended)
    assert again.returncode == 1
    assert again.stderr.startswith("refused: ")

    (approval,) = here.records.waiting_approvals()
    assert approval.summary == tuple(proposed.stdout.splitlines()[:-1])
    with console(here.data) as client:
        outcome = client.ask(
            DecideApproval(approval_id=approval.approval_id, approve=True), "admin"
        )
        assert outcome.done, outcome
    until(lambda: "core starts again with another site" in here.said(), "core starts again")
    until(here.is_current, "core is current with the new site")

    publish(broker, 70.0)
    until(lambda: bool(here.records.events()), "the new limit raises an alarm")
    (event,) = here.records.events()
    assert event.raised.limit == 60

    exported = here.run("export", tmp_path / "exported")
    assert (exported.returncode, exported.stderr) == (0, "")
    assert as_bytes(tmp_path / "exported") == as_bytes(mended)
    same = here.run("apply", tmp_path / "exported")
    assert (same.returncode, same.stdout) == (
        0,
        f"{tmp_path / 'exported'} is the same as version 2: nothing to apply\n",
    )
    _assert_limits_of_the_console_are_named(here, mended, tmp_path / "again")


def _assert_limits_of_the_console_are_named(
    here: Installation, folder: Path, exported: Path
) -> None:
    """They stay over what they were exported beside, and end only where the folder has a newer word."""
    setting = LimitSetting(point=PointKey(POINT), condition=Condition.HIGH, value=62, deadband=2)
    with console(here.data) as client:
        asked = client.ask(ChangeLimit(setting=setting, reason="夏季"), LOCAL_OPERATOR)
        assert asked.done, asked
        until(lambda: here.records.waiting_approvals() != [], "the change waits")
        (approval,) = here.records.waiting_approvals()
        agreed = client.ask(DecideApproval(approval_id=approval.approval_id, approve=True), "admin")
        assert agreed.done, agreed
    until(lambda: bool(here.records.effective_limit_changes()), "the change is effective")
    told = here.run("export", exported)
    assert "these limits of the console lie over it" in told.stdout
    assert "60 °C" in told.stdout
    assert "62 °C" in told.stdout
    assert "nothing to apply" in here.run("apply", exported).stdout

    limits = folder / "limits" / "limits.yaml"
    limits.write_bytes(limits.read_bytes().replace(b"60", b"65"))
    ends, *_ = here.run("apply", folder).stdout.splitlines()
    assert ends.startswith(f"~ limit {POINT} ")
    assert ends.endswith("ends: the folder says it anew")


def test_the_command_line_cannot_approve_what_it_proposed(
    here: Installation, tmp_path: Path
) -> None:
    mended = Path(shutil.copytree(here.site, tmp_path / "mended"))
    (mended / "site.yaml").write_text((mended / "site.yaml").read_text("utf-8") + "# x\n", "utf-8")
    assert here.run("apply", mended).returncode == 0

    (approval,) = here.records.waiting_approvals()
    with console(here.data) as client:
        outcome = client.ask(
            DecideApproval(approval_id=approval.approval_id, approve=True), "local"
        )

    assert not outcome.done
    assert outcome.why is not None
    assert outcome.why.code == "second_person"


def test_users_are_added_given_passwords_and_disabled(here: Installation) -> None:
    added = here.run("user", "add", "甲值", "--role", "duty", "--station", "35kV测试变")
    assert (added.returncode, added.stderr) == (0, "")
    first = added.stdout.split("password ")[1].split(" ")[0]

    by_another = here.run("apply", here.site, "--by", "甲值", typed="not it\n")
    changed = here.run("user", "password", "甲值", "--prompt", typed="a long sentence\n" * 2)
    weak = here.run("user", "password", "甲值", "--prompt", typed="short\nshort\n")
    listed = here.run("user", "list")
    gone = here.run("user", "disable", "甲值")

    assert len(first) == 19
    assert "nothing to apply" in by_another.stdout
    assert (changed.returncode, "password" in changed.stdout.split("has a new")[0]) == (0, False)
    assert "a long sentence" not in changed.stdout
    assert (weak.returncode, "choose a password" in weak.stderr) == (2, True)
    assert "甲值  duty  only 35kV测试变" in listed.stdout
    assert gone.stdout == "user 甲值 may not sign in any more\n"
    assert "甲值  duty  only 35kV测试变  disabled" in here.run("user", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["user", "add", "x", "--role", "boss"], "'boss' is no role; there are administrator"),
        (["user", "add", "x", "--role", "duty", "--station", "35kV测试"], "did you mean"),
        (["user", "add", "x", "--role", "duty", "--person", "p1"], "no person has the id 'p1'"),
        (["user", "add", "admin", "--role", "duty"], "user 'admin' exists"),
        (["user", "add", "local", "--role", "duty"], "choose another"),
        (["user", "password", "nobody"], "no user is named 'nobody'"),
        (["user", "disable", "nobody"], "no user is named 'nobody'"),
        (["apply", "nowhere"], "there is no such folder"),
        (["export", "service"], "is not empty: give a new folder"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_cure(
    here_once: Installation, arguments: list[str], says: str
) -> None:
    ended = here_once.run(*arguments)

    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.fixture(scope="module")
def here_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("once")
    with LocalBroker(folder / "broker") as broker, Installation(folder, broker) as installation:
        yield installation


def test_the_last_administrator_stays(here_once: Installation) -> None:
    ended = here_once.run("user", "disable", "admin")

    assert ended.returncode == 1
    assert ended.stderr.startswith("refused: ")


def test_without_a_core_it_is_said_at_once(tmp_path: Path) -> None:
    ended = subprocess.run(
        command("user", "list", "--data", tmp_path), cwd=ROOT, capture_output=True, text=True
    )

    assert ended.returncode == 2
    assert "start with `gridwarden run --site DIR`" in ended.stderr
