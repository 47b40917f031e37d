"""From a camera to a siren, and to a proposal with its evidence: real core, real broker, a net that
sees bright rectangles."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.violations.boxes import Floats
from detectors.violations.eyesight import EyesightTimes
from detectors.violations.subjects import Sureness
from domain.access import VISION
from domain.assets import Condition, Priority
from domain.clock import system_clock
from domain.credit import ReviewItem, ReviewKind, ReviewState
from domain.evidence import EvidenceKind
from domain.ids import AssetId, proposal_id
from domain.requests import ProposeViolation
from domain.violations import Code, Place, Proposal, TicketAnswer, TicketFinding
from service.broker import LocalBroker
from service.camera_rig import CameraRig
from service.core_client import CoreClient
from service.evidence_files import EVIDENCE
from service.records import records_engine
from service.settings import load_settings
from service.site.compiled import compile_into
from service.site.load import load
from service.vision.model import DEFAULT_MODEL, card_path
from service.vision_process import Eye, KnownTickets, VisionProcess
from storage.console_reads import ConsoleReads
from storage.evidence import EvidenceFiles
from storage.records import RecordedEvent
from tests.support.running import ROOT, core, until
from tests.support.sites import SIREN, limit, write_site

CAMERAS = """
rules:
  - {{code: PPE-01, text: 未戴安全帽, priority: urgent}}
cameras:
  - id: yard
    name: 场地摄像机
    at: N/1T
    kind: file
    address: {recording}
    looks_for: [PPE-01]
    frames_per_second: 5
    silent_after: 3s
"""
RULE = f"{{id: stop, conditions: [seen], at_least: urgent, device: {SIREN}, action: speak}}"


NEVER_ENDS_US = 2**62


class SeesBrightness:
    """A net for tests: what is bright is a person, and the top of him a bare head."""

    side = 416

    def boxes_scores(self, pictures: Floats) -> Floats:
        rows, columns = np.nonzero(pictures[0].mean(axis=0) > 200)
        cells = np.zeros((2, 7), np.float32)
        if len(rows) > 50:
            left, top, right, bottom = columns.min(), rows.min(), columns.max(), rows.max()
            high = (bottom - top) / 5
            middle = (left + right) / 2
            cells[0] = left, top, right, bottom, 0.9, 0.0, 0.0
            cells[1] = middle - high / 2, top, middle + high / 2, top + high, 0.0, 0.0, 0.8
        return cells


def record_a_visit(path: Path) -> None:
    """Nobody, then somebody who walks through the picture, then nobody."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (416, 312))
    noise = np.random.default_rng(1)
    for number in range(80):
        picture = noise.integers(40, 70, (312, 416, 3), dtype=np.uint8)
        if 15 <= number < 55:
            left = 60 + 3 * number
            picture[100:280, left : left + 60] = 240
        writer.write(picture)
    writer.release()


@contextmanager
def vision(data: Path, site: Path, eye: Eye) -> Iterator[VisionProcess]:
    known = load(site)
    compiled = compile_into(data, known)
    settings = load_settings(data=data)
    engine = records_engine(data, settings.records, role="vision", busy_ms=1_000, once=True)
    rig = CameraRig(known.cameras, {}, times=EyesightTimes(frozen_s=60, dark_s=60, moved_s=60))
    tickets = KnownTickets(ConsoleReads(engine).tickets)
    process = VisionProcess(settings, known, compiled, rig, tickets, eye)
    thread = threading.Thread(target=process.run)
    thread.start()
    try:
        yield process
    finally:
        process.stop()
        thread.join(20)
        engine.dispose()
        assert not thread.is_alive()


def test_a_bare_head_sounds_at_once_and_waits_for_a_person_with_its_evidence(
    broker: LocalBroker, tmp_path: Path
) -> None:
    record_a_visit(tmp_path / "visit.avi")
    site = write_site(
        tmp_path / "site",
        port=broker.port,
        points=["A"],
        limits=[limit("A", "H", 85)],
        rules=[RULE],
    )
    (site / "cameras.yaml").write_text(
        CAMERAS.format(recording=tmp_path / "visit.avi"), encoding="utf-8"
    )
    data = tmp_path / "data"
    eye = Eye(SeesBrightness(), Sureness(), "a net for tests")
    with core(site, data) as running:
        running.await_connected()
        engine = records_engine(data, load_settings(data=data).records, role="test", busy_ms=1_000)
        reads = ConsoleReads(engine)

        def proposals() -> list[ReviewItem]:
            states = [state.value for state in ReviewState]
            return [each for each in reads.reviews(states) if each.kind is ReviewKind.VIOLATION]

        def has_ended() -> bool:
            found = proposals()
            return bool(found) and any(each.kind is EvidenceKind.CLIP for each in found[0].files)

        with vision(data, site, eye):
            until(has_ended, "the proposal has its clip", 40.0)
            until(
                lambda: bool(reads.events_of_point("yard", 0, NEVER_ENDS_US)[1:]),
                "the recording is over: no picture",
                20.0,
            )
        (review,) = proposals()
        commands = reads.commands_of([review.event_id] if review.event_id else [])
        told = [each.raised.signal for each in reads.events_of_point("yard", 0, NEVER_ENDS_US)]
        engine.dispose()
    assert (review.code, review.text, review.state) == (
        "PPE-01",
        "未戴安全帽",
        ReviewState.PROPOSED,
    )
    assert review.incident_id is not None
    assert sorted(told) == ["场地摄像机 无画面", "未戴安全帽"]
    kinds = [each.kind for each in review.files]
    wanted = ("before", "moment", "after", "clip", "clip_blurred")
    assert sorted(kinds) == sorted(EvidenceKind(k) for k in wanted)
    moment = next(each for each in review.files if each.kind is EvidenceKind.MOMENT)
    assert [box.what for box in moment.boxes if box.concerned] == ["head"]
    files = EvidenceFiles(data / EVIDENCE)
    assert all(len(files.get(each.sha256)) == each.size for each in review.files)
    assert [(each.action, "未戴安全帽" in each.text) for each in commands] == [("speak", True)]


@pytest.mark.parametrize("content", [b"", b"no video", b"\x00" * 4096])
def test_a_recording_that_is_none_is_told(tmp_path: Path, content: bytes) -> None:
    from ingest.cameras.probe import why_not
    from tests.integration.test_cameras import camera

    path = tmp_path / "broken.mp4"
    path.write_bytes(content)
    from domain.cameras import CameraKind

    assert why_not(camera(str(path), kind=CameraKind.FILE)).startswith("the file holds no video")


def test_a_model_that_cannot_be_used_is_an_alarm_of_each_camera_and_ends_with_a_good_one(
    broker: LocalBroker, tmp_path: Path
) -> None:
    record_a_visit(tmp_path / "visit.avi")
    site = write_site(
        tmp_path / "site", port=broker.port, points=["A"], limits=[limit("A", "H", 85)]
    )
    (site / "cameras.yaml").write_text(
        CAMERAS.format(recording=tmp_path / "visit.avi"), encoding="utf-8"
    )
    data, model = tmp_path / "data", tmp_path / "other.onnx"
    model.write_bytes(b"another net")
    shutil.copy(card_path(DEFAULT_MODEL), card_path(model))
    with core(site, data) as running:
        running.await_connected()
        compiled = compile_into(data, load(site))
        engine = records_engine(data, load_settings(data=data).records, role="test", busy_ms=1_000)
        reads = ConsoleReads(engine)

        def off() -> list[RecordedEvent]:
            events = reads.events_of_point("yard", 0, NEVER_ENDS_US)
            return [each for each in events if each.raised.signal == "场地摄像机 识别停用"]

        with cameras(data, compiled, GRIDWARDEN_VISION__MODEL=str(model)):
            until(lambda: bool(off()), "each camera is told", 30)
        with cameras(data, compiled):  # the next life, with the net that ships
            until(lambda: off()[0].cleared is not None, "it is over", 30)
        (event,) = off()
        engine.dispose()
    assert not event.raised.degraded


def test_what_a_killed_process_saw_ends_with_the_next_one(
    broker: LocalBroker, tmp_path: Path
) -> None:
    """Killed as kill -9 does: the alarm stands in the records, and nobody is there who knows of it."""
    record_a_visit(tmp_path / "visit.avi")
    site = write_site(
        tmp_path / "site", port=broker.port, points=["A"], limits=[limit("A", "H", 85)]
    )
    (site / "cameras.yaml").write_text(
        CAMERAS.format(recording=tmp_path / "visit.avi"), encoding="utf-8"
    )
    data = tmp_path / "data"
    with core(site, data) as running:
        running.await_connected()
        compiled = compile_into(data, load(site))
        engine = records_engine(data, load_settings(data=data).records, role="test", busy_ms=1_000)
        reads = ConsoleReads(engine)

        def seen() -> list[RecordedEvent]:
            events = reads.events_of_point("yard", 0, NEVER_ENDS_US)
            return [each for each in events if each.raised.condition is Condition.SEEN]

        client = CoreClient(data).start()
        told = a_proposal(system_clock())
        assert client.ask(told, VISION).done
        client.stop()
        until(lambda: bool(seen()), "the alarm stands", 20)
        assert seen()[0].cleared is None
        with cameras(data, compiled):
            until(lambda: seen()[0].cleared is not None, "it is over", 60)
        (event,) = seen()
        engine.dispose()
    assert event.cleared is not None
    assert event.cleared.ended_at_us == told.proposal.last_seen_us


def a_proposal(at_us: int) -> ProposeViolation:
    proposal = Proposal(
        proposal_id=proposal_id("yard", Code.NO_HELMET, 1, at_us),
        camera="yard",
        code=Code.NO_HELMET,
        track=1,
        place=Place(station="N", asset_id=AssetId("N/1T")),
        level=Priority.URGENT,
        began_at_us=at_us,
        proposed_at_us=at_us,
        score=0.9,
        box=(0.0, 0.0, 10.0, 10.0),
        ticket=TicketAnswer(finding=TicketFinding.NONE),
        last_seen_us=at_us,
    )
    return ProposeViolation(
        proposal=proposal, asset_id=AssetId("N/1T"), camera="场地摄像机", text="未戴安全帽"
    )


@contextmanager
def cameras(data: Path, compiled: Path, **environ: str) -> Iterator[None]:
    """The process itself, as the supervisor starts it."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "service.cameras"),
            *("--compiled", str(compiled), "--data", str(data)),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
        assert process.poll() is None, "it goes on"
    finally:
        process.terminate()
        process.wait(20)
