"""Pictures of a camera that speaks RTSP, and of recordings: a thread per camera, over every loss of it.

The stream comes over TCP and is decoded whole, else the next picture would be grey mud; only the pictures
that are looked at are turned into arrays. The password goes to the decoder alone: it is in no log line, no
event and no error.
"""

import os
import random
import threading
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

# before cv2 is imported. TCP, since a lost packet of UDP is a lost picture
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # it warns of every refused connection
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # and FFmpeg's own lines name addresses

import cv2
import structlog

from domain.cameras import Camera, CameraKind, Frame
from domain.clock import Clock, system_clock
from ingest.cameras.probe import why_not

log = structlog.get_logger(__name__)

OnFrame = Callable[[Frame], None]
OnTrouble = Callable[[str], None]

_OPEN_WITHIN_MS: Final = 5_000
_READ_WITHIN_MS: Final = 5_000
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_WELL_AFTER_S: Final = 60.0
_NEWEST_S: Final = 0.1  # what lies less behind is the newest: pictures come unevenly
_REST_AT_MOST_S: Final = 0.5  # what is decoded later waits in the socket
_CLOCKS_DRIFT: Final = 0.001  # by which a camera's clock may run slower than ours


class _Lag:
    """How far what is read lies behind the newest picture, by the times that the pictures bear."""

    def __init__(self) -> None:
        self._least_s = inf  # of our time less the picture's: that of the newest
        self._read_at = self._shown_s = 0.0

    def behind_s(self, now: float, shown_s: float) -> float:
        """0 for pictures that bear no times."""
        stands, self._shown_s = shown_s <= self._shown_s, shown_s
        if stands:
            self._least_s = inf  # the camera began anew
            return 0.0
        lag_s = now - shown_s
        may_drift_s = _CLOCKS_DRIFT * (now - self._read_at)
        self._read_at = now
        self._least_s = min(lag_s, self._least_s + may_drift_s)
        return lag_s - self._least_s


class VideoReader:
    """One camera's thread. `on_frame` gets the pictures at the camera's pace, never more; `on_trouble` why
    none can be had, once per reason."""

    def __init__(
        self,
        camera: Camera,
        on_frame: OnFrame,
        on_trouble: OnTrouble = lambda reason: None,
        clock: Clock = system_clock,
        password: str = "",
    ) -> None:
        if camera.kind not in {CameraKind.RTSP, CameraKind.FILE}:
            raise ValueError(f"camera {camera.camera_id} is of kind {camera.kind}")
        self.camera = camera
        self._on_frame = on_frame
        self._on_trouble = on_trouble
        self._clock = clock
        self._address = _with_password(camera, password)
        self._stopping = threading.Event()
        self._told = ""
        self._number = 0
        self.opened = 0  # how often the stream was opened
        self._thread = threading.Thread(
            target=self._run, name=f"camera-{camera.camera_id}", daemon=True
        )

    def start(self) -> "VideoReader":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stopping.is_set():
            began = monotonic()
            self._follow()
            if self.camera.kind is CameraKind.FILE and not self._told:
                return  # played to its end
            wait_s = _FIRST_WAIT_S if monotonic() - began >= _WELL_AFTER_S else wait_s
            # not all cameras of a station at once, when its switch comes back
            self._stopping.wait(wait_s * random.uniform(0.7, 1.3))
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _follow(self) -> None:
        """Opens the stream and reads until it is lost."""
        capture = cv2.VideoCapture(
            self._address,
            cv2.CAP_FFMPEG,
            [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                _OPEN_WITHIN_MS,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                _READ_WITHIN_MS,
                cv2.CAP_PROP_N_THREADS,
                1,  # cameras run beside each other already
            ],
        )
        try:
            if not capture.isOpened():
                self._trouble(why_not(self.camera))
                return
            self.opened += 1
            if self.camera.kind is CameraKind.FILE:
                self._play(capture)
            else:
                self._pull(capture)
        finally:
            capture.release()

    def _pull(self, capture: cv2.VideoCapture) -> None:
        """Between two pictures that are looked at the stream waits in the socket, and is decoded in one go:
        sixteen threads that wake for each of 25 pictures a second would stand in core's way."""
        period_s = 1.0 / self.camera.frames_per_second
        due, lag = monotonic(), _Lag()
        while not self._stopping.is_set():
            if not capture.grab():
                self._trouble("the stream ended")
                return
            self._number += 1
            now = monotonic()
            is_newest = lag.behind_s(now, capture.get(cv2.CAP_PROP_POS_MSEC) / 1_000) < _NEWEST_S
            if now >= due and (is_newest or now >= due + period_s):
                due = max(due + period_s, now - period_s)  # a stall is not made up for by a burst
                self._hand_over(capture, self._clock())
            elif is_newest:
                self._stopping.wait(min(due - now, _REST_AT_MOST_S))

    def _play(self, capture: cv2.VideoCapture) -> None:
        """A recording at its own pace: its pictures are as far apart as they were."""
        rate = capture.get(cv2.CAP_PROP_FPS) or self.camera.frames_per_second
        every = max(1, round(rate / self.camera.frames_per_second))
        began, began_us = monotonic(), self._clock()
        while not self._stopping.is_set() and capture.grab():
            passed_s = self._number / rate
            self._number += 1
            if (self._number - 1) % every:
                continue
            self._stopping.wait(max(0.0, began + passed_s - monotonic()))
            self._hand_over(capture, began_us + round(passed_s * 1_000_000))

    def _hand_over(self, capture: cv2.VideoCapture, at_us: int) -> None:
        whole, picture = capture.retrieve()
        if not whole or picture is None:
            return
        self._told = ""
        self._on_frame(
            Frame(
                camera_id=self.camera.camera_id,
                number=self._number,
                at_us=at_us,
                picture=picture,  # type: ignore[arg-type]
            )
        )

    def _trouble(self, reason: str) -> None:
        if self._stopping.is_set() or reason == self._told:
            return
        self._told = reason
        log.warning("camera_away", camera_id=self.camera.camera_id, reason=reason)
        self._on_trouble(reason)


def _with_password(camera: Camera, password: str) -> str:
    if camera.kind is CameraKind.FILE or not camera.username:
        return camera.address
    parts = urlsplit(camera.address)
    who = f"{quote(camera.username, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{who}@{parts.netloc}"))
