"""发现即制止: a certain proposal of level 1 speaks and calls who leads the work, before anybody judged it.

The example site, a real core, a real broker, a recording, and a group's robot that takes the notice."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from delivery.mqtt import command_topic
from detectors.violations.subjects import Sureness
from domain.access import LOCAL_OPERATOR
from domain.clock import system_clock
from domain.credit import ReviewItem, ReviewKind, ReviewState
from domain.ids import AssetId, DeviceId, PersonId, TeamId
from domain.paperwork import TicketState, TicketType
from domain.requests import MoveTicket, OpenTicket
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.records import records_engine
from service.settings import load_settings
from service.site.load import load
from service.vision_process import Eye
from storage.console_reads import ConsoleReads
from storage.notices import NoticeFilter, SqlNotices
from tests.integration.test_vision_process import SeesBrightness, record_a_visit, vision
from tests.support.chat_receiver import KEY, Receiver, receiving
from tests.support.running import core, until
from tests.support.telling import EXAMPLE

VARIABLE = "GRIDWARDEN_SECRET_TEST_ROBOT"
VOICE = DeviceId("voice-113")
PLACE = AssetId("LY/113")
LEADER = PersonId("yw-j1")
HOUR_US = 3_600_000_000
CAMERAS = """\
rules:
  - {{code: PPE-01, text: 未戴安全帽, priority: urgent}}
cameras:
  - {{id: room, name: 10kV高压室摄像机, at: LY/113, kind: file, address: {recording},
     looks_for: [PPE-01], frames_per_second: 5}}
"""
RULE = (
    "  - {id: stop-now, conditions: [seen], at_least: urgent, device: voice-113, action: speak}\n"
)


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv(VARIABLE, KEY)
    with receiving() as started:
        yield started


def a_site(folder: Path, broker: LocalBroker, robot: Receiver, recording: Path) -> Path:
    site = Path(shutil.copytree(EXAMPLE, folder))
    for source in (site / "sources").glob("*.yaml"):
        text = source.read_text("utf-8")
        source.write_text(text.replace("port: 1883", f"port: {broker.port}"), "utf-8")
    notices = site / "notices.yaml"
    channel = f'  - {{id: robot, kind: wecom, key_env: {VARIABLE}, url: "{robot.url("wecom")}"}}\n'
    text = notices.read_text("utf-8").replace("channels:\n  -", f"channels:\n{channel}  -", 1)
    text = text.replace(f"{LEADER}, channels: [phone]", f"{LEADER}, channels: [robot, phone]")
    notices.write_text(text, "utf-8")
    linkage = site / "linkage.yaml"
    text = linkage.read_text("utf-8")
    linkage.write_text(text.replace("rules:\n", f"rules:\n{RULE}", 1), "utf-8")
    (site / "cameras.yaml").write_text(CAMERAS.format(recording=recording), "utf-8")
    return site


def work_under_a_ticket(data: Path) -> None:
    """Permitted now, for the place that the camera looks at."""
    client = CoreClient(data).start()
    now_us = system_clock()
    opened = client.ask(
        OpenTicket(
            number="柳-2026-11-001",
            type=TicketType.WORK_1,
            task="113开关检修",
            station="35kV柳塬变",
            asset_ids=(PLACE,),
            team_id=TeamId("yw"),
            leader=LEADER,
            from_us=now_us - HOUR_US,
            to_us=now_us + HOUR_US,
        ),
        LOCAL_OPERATOR,
    )
    assert opened.done, opened.why
    moved = client.ask(
        MoveTicket(ticket_id=UUID(opened.subject), state=TicketState.PERMITTED), LOCAL_OPERATOR
    )
    assert moved.done, moved.why
    client.stop()


class Voice:
    """The device, which says what it is told to."""

    def __init__(self, broker: LocalBroker, code: str) -> None:
        self.said: list[dict[str, object]] = []
        self._listening = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _, __, message: self.said.append(
            json.loads(message.payload)
        )
        self._client.on_subscribe = lambda *_: self._listening.set()
        self._client.connect(broker.host, broker.port)
        self._client.subscribe(command_topic(code, VOICE), 1)
        self._client.loop_start()
        assert self._listening.wait(10)

    @property
    def spoken(self) -> list[dict[str, object]]:
        return [each for each in self.said if each.get("action") == "speak"]

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_it_speaks_and_calls_who_leads_the_work_before_anybody_judges(
    broker: LocalBroker, robot: Receiver, tmp_path: Path
) -> None:
    record_a_visit(tmp_path / "visit.avi")
    site = a_site(tmp_path / "site", broker, robot, tmp_path / "visit.avi")
    known = load(site)
    voice = Voice(broker, known.code)
    data = tmp_path / "data"
    with core(site, data) as running:
        running.await_connected()
        engine = records_engine(data, load_settings(data=data).records, role="test", busy_ms=1_000)
        reads = ConsoleReads(engine)
        work_under_a_ticket(data)

        def proposals() -> list[ReviewItem]:
            states = [state.value for state in ReviewState]
            return [each for each in reads.reviews(states) if each.kind is ReviewKind.VIOLATION]

        with vision(data, site, Eye(SeesBrightness(), Sureness(), "a net for tests")):
            until(lambda: bool(voice.spoken), "the voice device speaks", 30)
            until(lambda: bool(robot.texts), "who leads the work is told", 30)
        (review,) = proposals()
        told = SqlNotices(engine).find(NoticeFilter(channels=["robot"]))
        engine.dispose()
    voice.stop()
    names = [person.name for person in known.organisation.persons]
    (command,) = voice.spoken
    assert "未戴安全帽" in str(command["text"])
    assert not [name for name in names if name in str(command)]
    assert "未戴安全帽" in robot.texts[0]
    assert not [name for name in names if name in robot.texts[0]]
    (notice,) = told
    assert notice.person_id == LEADER
    assert [reason.code for reason in notice.why] == ["work_site"]  # why him
    assert (review.state, review.person_id, review.judged_by) == (
        ReviewState.PROPOSED,
        None,
        None,
    )
