"""From an incident to a robot on loopback, by core's threads; and the commands that try a channel."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from domain.assets import Priority
from domain.changes import Changes
from domain.clock import system_clock
from domain.notices import Channel, ChannelKind, Contact, NoticePlan, NoticeState
from service.cli import app
from service.counting import Counted
from service.doctor.notices import notice_findings
from service.notifying import Notifier
from service.site.load import load
from storage.engines import sqlite_engine
from storage.migrate import upgrade
from storage.notices import NoticeFilter
from storage.records import SqlRecords
from tests.support.chat_receiver import KEY, Receiver, receiving
from tests.support.listening import eventually
from tests.support.telling import EXAMPLE, UNATTENDED, climbing, deadlines, example_plan

VARIABLE = "GRIDWARDEN_SECRET_TEST_ROBOT"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv(VARIABLE, KEY)
    with receiving() as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path, receiver: Receiver) -> Path:
    """The example site with a robot at our receiver."""
    site = Path(shutil.copytree(EXAMPLE, tmp_path / "site"))
    path = site / "notices.yaml"
    robot = f'  - {{id: robot, kind: wecom, key_env: {VARIABLE}, url: "{receiver.url("wecom")}"}}\n'
    text = path.read_text("utf-8").replace("channels:\n  -", f"channels:\n{robot}  -", 1)
    text = text.replace("yw-j1, channels: [phone]", "yw-j1, channels: [robot, phone]")
    path.write_text(text, "utf-8")
    return site


def test_an_error_inside_http_200_is_visible_and_tried_again_until_it_arrives(
    tmp_path: Path, receiver: Receiver
) -> None:
    engine = sqlite_engine(tmp_path / "records.db", busy_ms=1_000)
    upgrade(engine)
    robot = Channel(
        channel_id="robot", kind=ChannelKind.WECOM, key_env=VARIABLE, url=receiver.url("wecom")
    )
    known = example_plan()
    everybody = {
        each.person_id: Contact(person_id=each.person_id, channels=("robot",))
        for each in known.organisation.persons
    }
    notices: NoticePlan = replace(known.notices, channels={"robot": robot}, contacts=everybody)
    heard: list[dict[str, object]] = []
    with capture_logs() as logs:
        notifier = Notifier(
            engine,
            replace(known, notices=notices),
            clock=system_clock,
            counters=Counted(),
            tell=heard.append,
        )
        receiver.behaviours.extend(["error", "500", "close"])
        escalation = climbing(Priority.URGENT, UNATTENDED, "2026-11-25 12:00")
        begun = replace(escalation, began_at_us=system_clock())
        steps = [each for each in deadlines(begun) if each.step == 0]
        notifier.start()
        for worker in notifier.workers():
            worker.start()
        SqlRecords(engine).commit(Changes(escalations=[begun], deadlines=steps), 1)
        eventually(lambda: notifier.queue.count(NoticeFilter(states=[NoticeState.SENT])) == 1, 30)
        for worker in notifier.workers():
            worker.stop()
        notifier.stop()
    (only,) = notifier.queue.find(NoticeFilter())
    tries = [each.what for each in notifier.queue.entries_of(only.notice_id)]
    assert tries == ["refused", "unreachable", "unreachable", "sent"]
    assert only.short_id in receiver.texts[0]
    assert {"kind": "notice", "count": 1, "text": ""} in heard
    engine.dispose()
    assert KEY not in str(logs)
    with closing(sqlite3.connect(tmp_path / "records.db")) as records:
        assert KEY not in "\n".join(records.iterdump())


def test_a_test_notice_says_what_became_of_it_by_each_channel(
    folder: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["notify", "--test", "yw-j1", "--site", str(folder)]
    told = CliRunner().invoke(app, arguments)
    assert told.exit_code == 0, told.output
    assert "robot: the receiver took it" in told.output
    assert "测试" in receiver.texts[0]
    monkeypatch.setenv(VARIABLE, "another")
    refused = CliRunner().invoke(app, [*arguments, "--channel", "robot"])
    assert refused.exit_code == 1
    assert "93000" in refused.output
    assert "another" not in refused.output


def test_the_doctor_says_which_secret_is_missing_and_where_nobody_answers(
    folder: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = load(folder)
    (robot, *_) = notice_findings(site)
    assert robot.verdict == "good"
    monkeypatch.delenv(VARIABLE)
    (robot, *_) = notice_findings(site)
    assert (robot.verdict, VARIABLE in robot.says) == ("mend", True)
    monkeypatch.setenv(VARIABLE, KEY)
    dead = replace(site.notices.channels["robot"], url="http://127.0.0.1:1/send")
    channels = {**site.notices.channels, "robot": dead}
    (robot, *_) = notice_findings(replace(site, notices=replace(site.notices, channels=channels)))
    assert "nothing answers at 127.0.0.1:1" in robot.says
