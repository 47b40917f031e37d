"""All cameras of the site in one process: their readers, how each sees, and the newest picture of each.

What changes of a camera's sight is reported to core in its order and kept until core has taken it.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final, Protocol

import structlog

from detectors.violations.eyesight import Eyesight, EyesightTimes
from domain.assets import Condition
from domain.cameras import Camera, CameraKind, CameraState, Frame, camera_event
from domain.clock import Clock, system_clock
from domain.events import AlarmRaised
from domain.ids import CameraId
from domain.requests import ReportCamera
from ingest.cameras.frames import NewestFrames
from ingest.cameras.rtsp import VideoReader

log = structlog.get_logger(__name__)

_WAITING_AT_MOST: Final = 1_000
_JOIN_WITHIN_S: Final = 6.0  # a decoder that waits for a dead camera returns after 5 s

_HAVE_REASONS: Final = {CameraState.DEAD, CameraState.BROKEN}
_STATES: Final[Mapping[str, Mapping[CameraState, str]]] = {
    "zh-CN": {
        CameraState.DEAD: "无画面",
        CameraState.FROZEN: "画面冻结",
        CameraState.DARK: "画面全黑",
        CameraState.MOVED: "视角偏移",
        CameraState.BROKEN: "图片损坏",
        CameraState.UNWATCHED: "识别停用",
    },
    "en": {
        CameraState.DEAD: "no picture",
        CameraState.FROZEN: "picture frozen",
        CameraState.DARK: "picture dark",
        CameraState.MOVED: "turned away",
        CameraState.BROKEN: "broken pictures",
        CameraState.UNWATCHED: "recognition off",
    },
}


class Reader(Protocol):
    """What reads one camera, or several."""

    def start(self) -> "Reader": ...

    def stop(self) -> None: ...

    def join(self, timeout_s: float) -> None: ...


class CameraRig:
    """`start`, `next_frame` in a loop, `stop`. Frames are taken by one thread; readers have their own."""

    def __init__(
        self,
        cameras: Iterable[Camera],
        passwords: Mapping[CameraId, str],
        language: str = "zh-CN",
        times: EyesightTimes | None = None,
        more_readers: Callable[["CameraRig"], Iterable[Reader]] = lambda rig: (),
        clock: Clock = system_clock,
    ) -> None:
        """`more_readers`: of cameras that are no streams; they call `came` and `trouble`."""
        self._clock = clock
        self._cameras = {camera.camera_id: camera for camera in cameras}
        self._words = _STATES[language]
        started_us = clock()
        self._sight = {
            camera.camera_id: Eyesight(camera, started_us, times)
            for camera in self._cameras.values()
        }
        self._told: dict[CameraId, ReportCamera] = {}  # what stands in the alarm list
        self._reasons: dict[CameraId, str] = {}
        self._broken: deque[CameraId] = deque(maxlen=_WAITING_AT_MOST)
        self._broken_count = Counter[CameraId]()
        self._frames = NewestFrames()
        self._lock = threading.Lock()
        self.reports: deque[ReportCamera] = deque(maxlen=_WAITING_AT_MOST)
        self._readers: list[Reader] = [
            VideoReader(
                camera,
                self.came,
                partial(self.trouble, camera.camera_id),
                clock,
                passwords.get(camera.camera_id, ""),
                partial(self._frames.wants, camera.camera_id),
            )
            for camera in self._cameras.values()
            if camera.kind is not CameraKind.MQTT
        ]
        self._readers += more_readers(self)

    def start(self) -> None:
        for reader in self._readers:
            reader.start()

    def stop(self) -> None:
        for reader in self._readers:
            reader.stop()
        for reader in self._readers:
            reader.join(_JOIN_WITHIN_S)

    def came(self, frame: Frame) -> None:
        """From a reader's thread."""
        self._frames.put(frame)

    def trouble(self, camera_id: CameraId, reason: str) -> None:
        with self._lock:
            self._reasons[camera_id] = reason

    def broken(self, camera_id: CameraId, reason: str) -> None:
        """From a reader's thread: what came is no picture."""
        with self._lock:
            is_new = self._reasons.get(camera_id) != reason
            self._reasons[camera_id] = reason
            self._broken_count[camera_id] += 1
            self._broken.append(camera_id)
        if is_new:  # the rest is counted
            log.warning("camera_sent_no_picture", camera_id=camera_id, reason=reason)

    @property
    def cameras(self) -> Mapping[CameraId, Camera]:
        return self._cameras

    def camera(self, camera_id: CameraId) -> Camera:
        return self._cameras[camera_id]

    def state_of(self, camera_id: CameraId) -> CameraState:
        return self._sight[camera_id].state

    def next_frame(self, timeout_s: float) -> Frame | None:
        """The picture that has waited longest, of a camera that sees; what is dark or frozen shows nobody."""
        frame = self._frames.take(timeout_s)
        self._look_for_the_broken()
        self._look_for_the_silent()
        if frame is None:
            return None
        sight = self._sight[frame.camera_id]
        sight.saw(frame.picture, frame.at_us)
        self._note(frame.camera_id)
        return frame if sight.state.shows else None

    def passed_over(self) -> Mapping[CameraId, int]:
        return self._frames.passed_over(self._cameras)

    def broken_pictures(self) -> Mapping[CameraId, int]:
        """What came of each and was no picture, since the start."""
        with self._lock:
            return dict(self._broken_count)

    def unwatched(self, reason: str) -> None:
        """Nothing is recognised from now on, of any camera: each is told so."""
        now_us = self._clock()
        self.reports += [
            ReportCamera(
                camera_id=camera.camera_id,
                asset_id=camera.asset_id,
                signal=f"{camera.name} {self._words[CameraState.UNWATCHED]}",
                state=CameraState.UNWATCHED,
                began_at_us=now_us,
                reason=reason,
            )
            for camera in self._cameras.values()
        ]

    def standing(self, reports: Iterable[ReportCamera]) -> None:
        """What an earlier process of us raised and nobody ended: it ends when the camera sees. That nothing
        is recognised ends now; where it still holds it is told again."""
        for report in reports:
            if report.state is CameraState.UNWATCHED:
                self.reports.append(_ended(report, max(self._clock(), report.began_at_us)))
            elif report.camera_id in self._cameras:
                self._told[report.camera_id] = report

    def _look_for_the_broken(self) -> None:
        now_us = self._clock()
        while self._broken:
            camera_id = self._broken.popleft()
            self._sight[camera_id].broke(now_us)
            self._note(camera_id)

    def _look_for_the_silent(self) -> None:
        now_us = self._clock()
        for camera_id, sight in self._sight.items():
            sight.passed(now_us)
            self._note(camera_id)

    def _note(self, camera_id: CameraId) -> None:
        """A trouble ends before the next one begins."""
        sight = self._sight[camera_id]
        before = self._told.get(camera_id)
        if sight.state is CameraState.STARTING or (before and before.state is sight.state):
            return
        if before is not None:
            del self._told[camera_id]
            self.reports.append(_ended(before, max(sight.since_us, before.began_at_us)))
        if not sight.state.sees:
            report = self._report(camera_id, sight)
            self._told[camera_id] = report
            self.reports.append(report)

    def _report(self, camera_id: CameraId, sight: Eyesight) -> ReportCamera:
        camera = self._cameras[camera_id]
        with self._lock:
            reason = self._reasons.get(camera_id, "")
        log.warning("camera_does_not_see", camera_id=camera_id, state=sight.state.value)
        return ReportCamera(
            camera_id=camera_id,
            asset_id=camera.asset_id,
            signal=f"{camera.name} {self._words[sight.state]}",
            state=sight.state,
            began_at_us=sight.since_us,
            reason=reason if sight.state in _HAVE_REASONS else "",
        )


def _ended(report: ReportCamera, at_us: int) -> ReportCamera:
    return ReportCamera(
        camera_id=report.camera_id,
        asset_id=report.asset_id,
        signal=report.signal,
        state=report.state,
        began_at_us=report.began_at_us,
        ended_at_us=at_us,
        reason=report.reason,
    )


def standing_reports(
    site: str, cameras: Iterable[Camera], standing: Callable[[str], Iterable[AlarmRaised]]
) -> Iterator[ReportCamera]:
    """What the records hold as raised of these cameras and not yet ended."""
    for camera in cameras:
        for raised in standing(camera.camera_id):
            if raised.condition is Condition.CAMERA:
                yield ReportCamera(
                    camera_id=camera.camera_id,
                    asset_id=raised.asset_id,
                    signal=raised.signal,
                    state=_state_of(site, raised),
                    began_at_us=raised.started_at_us,
                )


def _state_of(site: str, raised: AlarmRaised) -> CameraState:
    """By the id, which the state is a part of."""
    return next(
        state
        for state in CameraState
        if camera_event(site, raised.point, state, raised.started_at_us) == raised.event_id
    )
