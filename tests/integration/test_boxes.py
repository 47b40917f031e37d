"""Proposals of other makers' boxes, over a real broker and real HTTP, in a real core's queue."""

import http.client
import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from detectors.violations.subjects import Sureness
from domain.clock import system_clock, to_datetime
from domain.credit import ReviewItem, ReviewKind, ReviewState
from domain.ids import BoxId, box_proposal_id
from service.box_http import SIGNATURE, TIMESTAMP, signature
from service.broker import LocalBroker
from service.camera_rig import CameraRig
from service.evidence_files import EVIDENCE
from service.installation import free_port
from service.records import records_engine
from service.settings import load_settings
from service.site.compiled import compile_into
from service.site.load import load
from service.vision_process import Eye, KnownTickets, VisionProcess
from storage.console_reads import ConsoleReads
from storage.dead_letters import SqlDeadLetters
from storage.evidence import EvidenceFiles
from tests.integration.test_mqtt_cameras import jpeg, png_of
from tests.integration.test_vision_process import SeesBrightness
from tests.support.running import CoreProcess, core, until
from tests.support.sites import CODE, SIREN, limit, write_site

SECRET = "a secret of the box"
CAMERAS = """
rules:
  - {code: PPE-01, text: 未戴安全帽}
  - {code: ZONE-01, text: 无票进入, priority: urgent}
  - {code: SMOKE-01, text: 吸烟}
cameras:
  - {id: yard, name: 场地摄像机, at: N/1T, kind: box, areas: [
      {id: bay, name: 1号主变间隔, polygon: [[0, 0], [1, 0], [1, 1]], assets: [N/1T]}]}
boxes:
  - {id: hik, name: 海康超脑, secret_env: TEST_BOX_SECRET, cameras: {"1": yard},
     codes: {helmet: PPE-01, fence: ZONE-01, smoke: SMOKE-01}}
"""
RULE = f"{{id: stop, conditions: [seen], at_least: urgent, device: {SIREN}, action: speak}}"


@dataclass
class Here:
    """Core, the vision process and their records."""

    core: CoreProcess
    data: Path
    port: int  # of HTTP
    broker: LocalBroker
    reads: ConsoleReads
    letters: SqlDeadLetters
    start_vision: Callable[[], Any]

    def reviews(self) -> list[ReviewItem]:
        states = [state.value for state in ReviewState]
        return [each for each in self.reads.reviews(states) if each.kind is ReviewKind.VIOLATION]

    def review_of(self, number: str, code: str = "PPE-01") -> ReviewItem:
        """The item that the proposal is in, of its own stretch or of another's. Waits for it."""
        wanted = box_proposal_id(BoxId("hik"), number)

        def found() -> list[ReviewItem]:
            return [
                each
                for each in self.reviews()
                if each.code == code and each.sighting and wanted in each.sighting.proposals
            ]

        until(lambda: bool(found()), f"{number} is in the queue", 20)
        return found()[0]

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Authorization": f"Bearer {SECRET}"} if headers is None else headers
        connection.request("POST", "/boxes/hik/proposals", body, sent)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()
        return answer.status, said

    def published(self, body: bytes) -> bool:
        self.publish(body)
        return True

    def publish(self, body: bytes) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect(self.broker.host, self.broker.port)
        client.loop_start()
        client.publish(f"gridwarden/{CODE}/box/hik", body, qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()


@contextmanager
def vision_of(data: Path, site: Path, port: int) -> Iterator[VisionProcess]:
    known = load(site)
    compiled = compile_into(data, known)
    settings = load_settings(data=data)
    settings = settings.model_copy(
        update={"vision": settings.vision.model_copy(update={"box_port": port})}
    )
    engine = records_engine(data, settings.records, role="vision", busy_ms=1_000, once=True)
    tickets = KnownTickets(ConsoleReads(engine).tickets)
    eye = Eye(SeesBrightness(), Sureness(), "a net for tests")
    process = VisionProcess(settings, known, compiled, CameraRig([], {}), tickets, eye)
    thread = threading.Thread(target=process.run)
    thread.start()
    try:
        yield process
    finally:
        process.stop()
        thread.join(20)
        engine.dispose()
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    folder = tmp_path_factory.mktemp("boxes")
    patch = pytest.MonkeyPatch()
    patch.setenv("TEST_BOX_SECRET", SECRET)
    with LocalBroker(folder / "broker") as broker:
        site = write_site(
            folder / "site",
            port=broker.port,
            points=["A"],
            limits=[limit("A", "H", 85)],
            rules=[RULE],
        )
        (site / "cameras.yaml").write_text(CAMERAS, encoding="utf-8")
        data, port = folder / "data", free_port("127.0.0.1", 0)
        with core(site, data) as running:
            running.await_connected()
            engine = records_engine(
                data, load_settings(data=data).records, role="test", busy_ms=1_000
            )
            yield Here(
                core=running,
                data=data,
                port=port,
                broker=broker,
                reads=ConsoleReads(engine),
                letters=SqlDeadLetters(engine),
                start_vision=lambda: vision_of(data, site, port),
            )
            engine.dispose()
    patch.undo()


def message(number: str, code: str = "helmet", **more: object) -> bytes:
    now = to_datetime(system_clock()).isoformat()
    told = {"id": number, "camera": "1", "code": code, "at": now, "score": 0.87, **more}
    return json.dumps(told, ensure_ascii=False).encode()


def keys(review: ReviewItem) -> list[str]:
    return [reason.code for reason in review.reasons]


def test_a_box_proposes_over_mqtt_and_over_http_into_one_queue(here: Here) -> None:
    with here.start_vision():
        picture = jpeg()
        marked = [{"left": 0.1, "top": 0.1, "right": 0.5, "bottom": 0.9, "concerned": True}]
        body = message("m1", picture=b64encode(picture).decode(), boxes=marked, area="bay")
        # the first one may come before we listen at this broker for the first time
        until(lambda: here.published(body) and bool(here.reviews()), "it is in the queue", 20)
        review = here.review_of("m1")
        assert (review.code, review.text, review.state) == (
            "PPE-01",
            "未戴安全帽",
            ReviewState.PROPOSED,
        )
        assert {"told_by_box", "seen_in_area", "ticket_none"} <= set(keys(review))
        (file,) = review.files
        assert EvidenceFiles(here.data / EVIDENCE).get(file.sha256) == picture
        assert [box.concerned for box in file.boxes] == [True]

        status, said = here.post(message("h1", "smoke"))
        assert (status, said["status"]) == (200, "taken")
        assert here.review_of("h1", "SMOKE-01").code == "SMOKE-01"
        # the same number is the same finding, by either way
        assert here.post(message("h1", "smoke"))[1]["status"] == "known"
        assert here.post(message("m1"))[1]["status"] == "known"
        assert len(here.reviews()) == 2


def test_a_level_one_proposal_of_a_box_speaks_once_and_ends_when_the_box_says_so(
    here: Here,
) -> None:
    began = to_datetime(system_clock()).isoformat()
    with here.start_vision():
        assert here.post(message("s1", "fence", at=began))[1]["status"] == "taken"
        review = here.review_of("s1", "ZONE-01")
        assert review.event_id
        event = review.event_id
        until(lambda: bool(here.reads.commands_of([event])), "it speaks", 20)
        ended = to_datetime(system_clock()).isoformat()
        assert here.post(message("s1", "fence", at=began, ended=ended))[1]["status"] == "known"

        def has_cleared() -> bool:
            rows = here.reads.events_of_point("yard", 0, 2**62)
            return any(r.raised.event_id == event and r.cleared is not None for r in rows)

        until(has_cleared, "the alarm is over", 20)
    with here.start_vision():  # a new process remembers nothing, core does
        assert here.post(message("s1", "fence", at=began))[0] == 200
        assert len(here.reads.commands_of([event])) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"\xff\x00 rubbish", "malformed_json", id="rubbish"),
        pytest.param(b'{"id": "x"}', "malformed_json", id="half-of-it"),
        pytest.param(b"[" * 5_000, "malformed_json", id="nested-without-end"),
        pytest.param(message("x", camera="9"), "unknown_camera", id="unknown-camera"),
        pytest.param(message("x", code="cat"), "unknown_code", id="unknown-code"),
        pytest.param(
            message("x", at="2026-11-25T08:00:00"), "malformed_json", id="time-without-zone"
        ),
        pytest.param(
            message("x", ended="2020-01-01T00:00:00Z"), "ended_before_it_began", id="ended-before"
        ),
    ],
)
def test_what_cannot_be_used_is_a_dead_letter_with_its_reason(
    box_vision: Here, body: bytes, reason: str
) -> None:
    before = len(box_vision.letters.kept(reason))
    status, said = box_vision.post(body)
    assert (status, said["status"], said["reason"]) == (422, "refused", reason)
    until(lambda: len(box_vision.letters.kept(reason)) == before + 1, "a dead letter", 10)
    box_vision.publish(body)  # over MQTT likewise, and acknowledged
    until(lambda: len(box_vision.letters.kept(reason)) == before + 2, "another one", 10)
    letter = box_vision.letters.kept(reason)[0].letter
    assert (letter.source_id, letter.payload) == ("hik", body)
    assert said["detail"] == letter.detail


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="nothing"),
        pytest.param({"Authorization": "Bearer guessed"}, 401, id="wrong-token"),
        pytest.param({"Authorization": "Bearer "}, 401, id="empty-token"),
        pytest.param({TIMESTAMP: "0", SIGNATURE: "sha256=0"}, 401, id="old-signature"),
        pytest.param(
            {TIMESTAMP: str(int(time.time())), SIGNATURE: "sha256=0"}, 401, id="wrong-signature"
        ),
        pytest.param(
            {"Authorization": f"Bearer {SECRET}", "Content-Length": str(2**40)}, 413, id="endless"
        ),
    ],
)
def test_a_stranger_is_refused_before_anything_is_made_of_it(
    box_vision: Here, headers: dict[str, str], status: int
) -> None:
    assert box_vision.post(message("x"), headers)[0] == status


def test_a_signature_is_as_good_as_the_secret(box_vision: Here) -> None:
    now, body = str(int(time.time())), message("h2")
    headers = {TIMESTAMP: now, SIGNATURE: signature(SECRET, now, body)}
    assert box_vision.post(body, headers)[1]["status"] == "taken"
    assert box_vision.post(body + b" ", headers)[0] == 401


def test_what_a_box_had_kept_for_an_hour_calls_nobody(box_vision: Here) -> None:
    an_hour_ago = to_datetime(system_clock() - 3_600_000_000).isoformat()
    assert box_vision.post(message("late", "fence", at=an_hour_ago))[1]["status"] == "taken"
    review = box_vision.review_of("late", "ZONE-01")
    rows = box_vision.reads.events_of_point("yard", 0, 2**62)
    (raised,) = [row.raised for row in rows if row.raised.event_id == review.event_id]
    assert raised.found_late
    assert review.event_id
    assert not box_vision.reads.commands_of([review.event_id])


@pytest.mark.parametrize(
    ("picture", "hours_ago"),
    [
        pytest.param(b"no picture", 2, id="no-picture"),
        pytest.param(jpeg()[:-700], 4, id="cut-short"),
        pytest.param(png_of(10_000, 10_000), 6, id="a-hundred-megapixels"),
    ],
)
def test_a_broken_picture_hides_no_danger(box_vision: Here, picture: bytes, hours_ago: int) -> None:
    """Each in a stretch of its own."""
    number = f"badpic-{len(picture)}"
    at = to_datetime(system_clock() - hours_ago * 3_600_000_000).isoformat()
    body = message(number, picture=b64encode(picture).decode(), at=at)
    status, said = box_vision.post(body)
    assert (status, said["status"], said["reason"]) == (200, "taken", "unusable_picture")
    assert box_vision.review_of(number).files == ()


def test_the_counts_are_in_metrics(box_vision: Here) -> None:
    box_vision.post(b"{}")

    def counted() -> bool:
        status = box_vision.core.status() or {}
        return any("box_proposals" in name for name in status["counters"])

    until(counted, "core has the counts", 20)


@pytest.fixture(scope="module")
def box_vision(here: Here) -> Iterator[Here]:
    with here.start_vision():
        yield here


def test_without_core_a_box_is_asked_to_send_again_and_the_broker_keeps_the_rest(
    broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill -9 of core: HTTP is told, MQTT is not acknowledged, and nothing is lost when core is back."""
    monkeypatch.setenv("TEST_BOX_SECRET", SECRET)
    site = write_site(
        tmp_path / "site", port=broker.port, points=["A"], limits=[limit("A", "H", 85)]
    )
    (site / "cameras.yaml").write_text(CAMERAS, encoding="utf-8")
    data, port = tmp_path / "data", free_port("127.0.0.1", 0)
    first = CoreProcess(site, data)
    first.await_connected()
    engine = records_engine(data, load_settings(data=data).records, role="test", busy_ms=1_000)
    with vision_of(data, site, port):
        here = Here(
            first, data, port, broker, ConsoleReads(engine), SqlDeadLetters(engine), lambda: None
        )
        assert here.post(message("again"))[0] == 200
        first.kill()
        here.publish(message("kept"))
        status, said = here.post(message("h1"))
        assert status == 503
        assert "again" in said["detail"]
        with core(site, data) as second:
            second.await_connected()
            here.review_of("kept")
            until(lambda: here.post(message("h1"))[0] == 200, "HTTP takes it too", 20)
    engine.dispose()
