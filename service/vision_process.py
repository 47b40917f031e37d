"""What the vision process does: pictures of every camera through net and rules, proposals to core.

Core decides; here is nothing that must survive. While core is away, what was seen waits, in its order.
"""

import contextlib
import json
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from detectors.violations.attention import Attention
from detectors.violations.ground import UnusableGround
from detectors.violations.recognise import Net, RecogniseConfig, Recogniser, Tiles
from detectors.violations.subjects import Sureness
from detectors.violations.watch import CameraWatch
from detectors.violations.zones import UnusableZone
from domain.access import VISION
from domain.cameras import Camera, CameraKind, Frame
from domain.clock import SECOND_US, Clock, system_clock
from domain.ids import CameraId, TeamId
from domain.paperwork import Ticket
from domain.ports import StorageUnavailable
from domain.requests import ProposeViolation, RefuseProposal, ReportCamera
from domain.violations import CANNOT_BE_ASKED, Place, Proposal, TicketAnswer, answer_from
from ingest.cameras.box_mqtt import NotTaken
from service.box_http import BoxServer
from service.box_proposals import BoxDesk
from service.camera_brokers import box_secrets, box_subscribers, picture_subscribers
from service.camera_rig import CameraRig, Reader, standing_reports
from service.core_client import CoreClient
from service.counting import Counted
from service.evidence_files import EVIDENCE
from service.local_socket import SOCKET_NAME, CoreUnreachable, RequestRefused, request
from service.logs import configure_logs
from service.processes import RESTART
from service.records import records_engine
from service.seen_before import seen_before
from service.settings import BadSettings, Settings, VisionSettings, load_settings
from service.site.compiled import BrokenCompiledSite, read_compiled
from service.site.model import Site
from service.vision.distances import read_distances
from service.vision.evidence import CameraMemory
from service.vision.model import UnusableModel
from service.vision.recogniser import build_recogniser, sureness
from service.vision.site_watch import watch_config
from storage.console_reads import ConsoleReads
from storage.evidence import EvidenceFiles

log = structlog.get_logger(__name__)

BAD_INPUT: Final = 2
_WAITING_AT_MOST: Final = 1_000
_TICKETS_EVERY_S: Final = 2.0
_TICKETS_AT_MOST_S: Final = 60.0  # older than this they are not believed
_ASK_AGAIN_S: Final = 2.0
_COUNT_EVERY_S: Final = 5.0
_JOIN_WITHIN_S: Final = 6.0


class KnownTickets:
    """The open tickets as the records have them, read again and again beside the pictures."""

    def __init__(self, read: Callable[[], list[Ticket]], clock: Clock = system_clock) -> None:
        self._read = read
        self._tickets: list[Ticket] = []
        self._read_at: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tickets", daemon=True)

    def start(self) -> None:
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def refresh(self) -> None:
        try:
            self._tickets = self._read()
            self._read_at = time.monotonic()
        except StorageUnavailable as error:
            log.warning("tickets_cannot_be_asked", reason=str(error))

    def answer(self, place: Place, at_us: int, team_id: TeamId | None = None) -> TicketAnswer:
        if self._read_at is None or time.monotonic() - self._read_at > _TICKETS_AT_MOST_S:
            return CANNOT_BE_ASKED
        return answer_from(self._tickets, place, at_us, team_id)

    def _run(self) -> None:
        while not self._stopping.wait(_TICKETS_EVERY_S):
            self.refresh()


@dataclass(frozen=True, slots=True)
class Eye:
    """The net, from which scores it is believed, and its name."""

    net: Net
    sure: Sureness
    model: str

    @classmethod
    def of(cls, settings: VisionSettings) -> "Eye":
        """Raises UnusableModel."""
        recogniser, model = build_recogniser(settings)
        name = f"{model.card.name} {model.card.sha256[:8]}"
        return cls(recogniser.net, sureness(model), name)


class _Watched:
    """One camera: its rules for the size of its pictures, and its memory."""

    def __init__(self, memory: CameraMemory, attention: Attention) -> None:
        self.memory = memory
        self.attention = attention
        self.size: tuple[int, int] = (0, 0)
        self.watch: CameraWatch | None = None
        self.looked_at = 0  # pictures, since the start


class VisionProcess:
    """`run` until `stop`."""

    def __init__(
        self,
        settings: Settings,
        site: Site,
        compiled: Path,
        rig: CameraRig,
        tickets: KnownTickets,
        eye: Eye | None,
        before: Iterable[ProposeViolation] = (),
    ) -> None:
        """Without an eye nothing is recognised; whether the cameras see is still watched. `before`: what is
        to be told first."""
        self._site, self._compiled = site, compiled
        self._rig, self._tickets = rig, tickets
        self._socket = settings.data / SOCKET_NAME
        self._core = CoreClient(settings.data)
        self._core.subscribe(self._heard)
        self._eye = eye
        self._distances = read_distances()
        self._texts = {rule.code: rule.text for rule in site.machine_rules}
        self._levels = {rule.code: rule.priority for rule in site.machine_rules}
        files = EvidenceFiles(settings.data / EVIDENCE)
        self._counted = Counted()
        self._told_counts: dict[tuple[str, str], int] = {}
        self._boxes = BoxDesk(site, tickets, files, self._tell_at_once, self._counted)
        self._box_readers = list(self._readers_of_boxes(settings.vision))
        again_us = round(settings.vision.look_again_s * SECOND_US)
        self._watched = {
            camera.camera_id: _Watched(CameraMemory(files), Attention(again_us))
            for camera in site.cameras
        }
        self._waiting = deque[ProposeViolation | ReportCamera](before, maxlen=_WAITING_AT_MOST)
        self._ask_again_at = 0.0
        self._tell_every_s = settings.vision.tell_every_s
        self._tell_again_at = self._count_again_at = 0.0
        self._stopping = threading.Event()
        self.restart = False

    def run(self) -> None:
        self._core.start()
        self._tickets.start()
        self._rig.start()
        for reader in self._box_readers:
            reader.start()
        self._tell_again_at = time.monotonic() + self._tell_every_s
        while not self._stopping.is_set():
            self.step(0.5)
        self._tell_the_log()
        for reader in self._box_readers:
            reader.stop()
        for reader in self._box_readers:
            reader.join(_JOIN_WITHIN_S)
        self._end_what_is_open()
        self._rig.stop()
        self._tickets.stop()
        self._core.stop()

    def stop(self) -> None:
        self._stopping.set()

    def step(self, timeout_s: float) -> None:
        """One picture, and what waits for core."""
        frame = self._rig.next_frame(timeout_s)
        while self._rig.reports:
            self._reported(self._rig.reports.popleft())
        if frame is not None:
            self._look(frame)
        self._tell_core()
        with contextlib.suppress(NotTaken):  # the next look tries again
            self._boxes.pass_time(system_clock())
        if time.monotonic() >= self._count_again_at:
            self._count_again_at = time.monotonic() + _COUNT_EVERY_S
            self._tell_counts()
        if time.monotonic() >= self._tell_again_at:
            self._tell_again_at += self._tell_every_s
            self._tell_the_log()

    def _end_what_is_open(self) -> None:
        """Nobody looks any more: what was seen ends where it was seen last. Tried once."""
        for camera_id, watched in self._watched.items():
            if watched.watch is not None:
                for proposal in watched.watch.end():
                    self._propose(self._rig.camera(camera_id), watched.memory, proposal)
        self._ask_again_at = 0.0
        self._tell_core()
        with contextlib.suppress(NotTaken):
            self._boxes.end()

    def _readers_of_boxes(self, settings: VisionSettings) -> Iterator[Reader]:
        yield from box_subscribers(self._site, self._boxes.take)
        secrets = box_secrets(self._site.boxes)
        if settings.box_port and secrets:
            try:
                yield BoxServer(settings.box_host, settings.box_port, secrets, self._boxes.take)
            except OSError as error:
                log.error("boxes_not_served", port=settings.box_port, reason=str(error))

    def _tell_at_once(self, told: ProposeViolation | RefuseProposal) -> None:
        """Journalled on return; who asks waits for it. Raises NotTaken."""
        try:
            outcome = self._core.ask(told, VISION, timeout_s=5.0)
        except (CoreUnreachable, RequestRefused, TimeoutError, OSError) as error:
            raise NotTaken(str(error) or "core does not answer") from error
        if not outcome.done:
            log.error("proposal_refused", why=outcome.why)

    def _tell_counts(self) -> None:
        """Core's /metrics has them; a count that does not reach it goes with the next."""
        counts = {
            ("bad_pictures", json.dumps({"camera": camera})): count
            for camera, count in self._rig.broken_pictures().items()
        }
        for name, labels, count in self._counted.items():
            counts[name, json.dumps(labels)] = count
        more = [
            [name, json.loads(labels), count - self._told_counts.get((name, labels), 0)]
            for (name, labels), count in counts.items()
            if count > self._told_counts.get((name, labels), 0)
        ]
        if more:
            with contextlib.suppress(CoreUnreachable, RequestRefused, TimeoutError, OSError):
                request(self._socket, "vision_counted", counts=more)
                self._told_counts = counts

    def _tell_the_log(self) -> None:
        """How many pictures of each camera were looked at, for how many of them the net was asked since
        something moved, and how many came too fast for that."""
        log.info(
            "cameras_looked_at",
            pictures={camera: watched.looked_at for camera, watched in self._watched.items()},
            asked={camera: watched.attention.asked for camera, watched in self._watched.items()},
            passed_over=dict(self._rig.passed_over()),
            broken=dict(self._rig.broken_pictures()),
        )

    def _reported(self, report: ReportCamera) -> None:
        """What a camera no longer sees ends where it was seen last."""
        watched = self._watched[report.camera_id]
        ends = report.ended_at_us is None and not report.state.shows
        if ends and watched.watch is not None:
            camera = self._rig.camera(report.camera_id)
            for proposal in watched.watch.end():
                self._propose(camera, watched.memory, proposal)
        self._waiting.append(report)

    def _look(self, frame: Frame) -> None:
        camera = self._rig.camera(frame.camera_id)
        watched = self._watched[frame.camera_id]
        watched.looked_at += 1
        watch = self._watch(camera, watched, frame)
        if watch is None or self._eye is None or not camera.codes:
            return
        recogniser = self._recogniser(self._eye, camera)
        found = watched.attention.found(frame.picture, frame.at_us, recogniser.detect)
        watched.memory.remember(frame, found)
        height, width = frame.picture.shape[:2]
        changes = watch.look(frame.at_us, found, (width, height), frame.picture)
        watched.memory.follow(watch.tracks)
        for proposal in changes:
            self._propose(camera, watched.memory, proposal)

    def _watch(self, camera: Camera, watched: _Watched, frame: Frame) -> CameraWatch | None:
        """Made anew for pictures of another size; None where the camera's setting cannot be used."""
        size = frame.picture.shape[1], frame.picture.shape[0]
        if watched.size == size:
            return watched.watch
        watched.size, watched.watch = size, None
        if self._eye is None:
            return None
        try:
            config = watch_config(camera, size, self._eye.sure, self._distances)
            watched.watch = CameraWatch(
                replace(config, levels=self._levels_of(camera)), self._tickets
            )
        except (UnusableGround, UnusableZone, ValueError) as error:
            log.error("camera_cannot_be_watched", camera_id=camera.camera_id, reason=str(error))
        return watched.watch

    def _levels_of(self, camera: Camera) -> tuple[Any, ...]:
        return tuple((code, self._levels[code]) for code in camera.codes if code in self._levels)

    @staticmethod
    def _recogniser(eye: Eye, camera: Camera) -> Recogniser:
        tiles = Tiles(columns=camera.tiles, rows=camera.tiles) if camera.tiles > 1 else None
        return Recogniser(eye.net, RecogniseConfig(tiles=tiles))

    def _propose(self, camera: Camera, memory: CameraMemory, proposal: Proposal) -> None:
        """Without its picture it is told too: a full disk hides nobody's danger."""
        if proposal.is_hint:
            return
        try:
            files = memory.at_opening(proposal) if proposal.is_open else memory.at_end(proposal)
        except StorageUnavailable as error:
            log.error("evidence_lost", camera_id=camera.camera_id, reason=str(error))
            files = ()
        self._waiting.append(
            ProposeViolation(
                proposal=proposal,
                asset_id=proposal.place.asset_id or camera.asset_id,
                camera=camera.name,
                text=self._texts.get(proposal.code, proposal.code.value),
                model=self._eye.model if self._eye else "",
                files=files,
            )
        )

    def _tell_core(self) -> None:
        while self._waiting and time.monotonic() >= self._ask_again_at:
            told = self._waiting[0]
            try:
                outcome = self._core.ask(told, VISION, timeout_s=5.0)
            except (CoreUnreachable, RequestRefused, TimeoutError, OSError) as error:
                log.warning("vision_waits_for_core", waiting=len(self._waiting), reason=str(error))
                self._ask_again_at = time.monotonic() + _ASK_AGAIN_S
                return
            self._waiting.popleft()
            if not outcome.done:
                log.error("proposal_refused", why=outcome.why)

    def _heard(self, change: Mapping[str, Any]) -> None:
        """Core came back: where it has another site, we start again with that one."""
        if change.get("kind") == "connected" and read_compiled(self._compiled) != self._site:
            self.restart = True
            self._stopping.set()


def passwords_of(cameras: Iterable[Camera]) -> dict[CameraId, str]:
    """A camera whose password is not there is told as one that refuses us; the others go on."""
    found = {}
    for camera in cameras:
        if camera.password_env:
            found[camera.camera_id] = os.environ.get(camera.password_env, "")
            if not found[camera.camera_id]:
                log.error(
                    "camera_without_password",
                    camera_id=camera.camera_id,
                    reason=f"set the environment variable {camera.password_env}",
                )
    return found


def _eye_of(settings: VisionSettings, rig: CameraRig) -> Eye | None:
    """A model that cannot be used is an alarm of every camera, and no reason to watch none of them."""
    try:
        return Eye.of(settings)
    except UnusableModel as error:
        log.error("recognition_off", reason=str(error))
        rig.unwatched(str(error))
        return None


def run_vision(data: Path, compiled: Path, language: str | None) -> int:
    """Until SIGTERM or SIGINT; RESTART where core came back with another site."""
    try:
        settings = load_settings(data=data, language=language)
        configure_logs(settings.log, "vision")
        site = read_compiled(compiled)
        engine = records_engine(data, settings.records, role="vision", busy_ms=1_000, once=True)
        reads = ConsoleReads(engine)
        cameras = [
            camera
            for camera in site.cameras
            if camera.enabled and camera.kind is not CameraKind.BOX
        ]
        rig = CameraRig(
            cameras,
            passwords_of(cameras),
            settings.language,
            more_readers=partial(picture_subscribers, site),
        )
        rig.standing(standing_reports(site.code, cameras, reads.standing_of_point))
        eye = _eye_of(settings.vision, rig)
        before = list(seen_before(site.code, site.cameras, reads))
        tickets = KnownTickets(reads.tickets)
        vision = VisionProcess(settings, site, compiled, rig, tickets, eye, before)
    except (BadSettings, BrokenCompiledSite, StorageUnavailable) as error:
        log.error("vision_cannot_start", reason=str(error))
        return BAD_INPUT
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: vision.stop())
    vision.run()
    engine.dispose()
    return RESTART if vision.restart else 0
