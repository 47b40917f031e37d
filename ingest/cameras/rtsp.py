"""Pictures of a camera that speaks RTSP, and of recordings: a thread per camera, over every loss of it.

The stream comes over TCP and is read whole; decoded is what a picture needs that is looked at, and nothing
while an earlier one still waits. The password goes to the decoder alone: it is in no log line, no event and
no error.
"""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from math import inf
from time import monotonic
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

import av
import av.logging
import numpy as np
import structlog
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from domain.cameras import Camera, CameraKind, Frame, Picture
from domain.clock import SECOND_US, Clock, system_clock
from ingest.cameras.probe import why_not
from ingest.cameras.undecoded import Undecoded, shown_s

log = structlog.get_logger(__name__)
av.logging.set_level(None)  # FFmpeg's own lines name addresses

OnFrame = Callable[[Frame], None]
OnTrouble = Callable[[str], None]

_OPTIONS: Final = {"rtsp_transport": "tcp"}  # a lost packet of UDP is a lost picture
_OPEN_WITHIN_S: Final = 5.0
_READ_WITHIN_S: Final = 5.0
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_WELL_AFTER_S: Final = 60.0
_NEWEST_S: Final = 0.1  # what lies less behind is the newest: pictures come unevenly
_REST_AT_MOST_S: Final = 0.5  # meanwhile what comes waits in the socket
_UNEVEN_S: Final = 0.05  # so much later is looked, so that a key frame that is due is there
_MADE_UP_FOR: Final = 3.0  # periods of the stream that are decoded for one picture
_SOON: Final = 0.8  # of a period after the last picture a key frame may be the next one
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


class _Pace:
    """When the next picture is due, by our clock."""

    def __init__(self, period_s: float, now: float) -> None:
        self.period_s = period_s
        self._due = now
        self._last = -inf

    def is_due(self, now: float, *, is_newest: bool) -> bool:
        """What is behind waits for the newest, and not for longer than a period."""
        late_s = now - self._due - (_UNEVEN_S if self._last > -inf else 0.0)
        return late_s >= (0.0 if is_newest else self.period_s)

    def rest_s(self, now: float) -> float:
        return max(0.0, self._due + _UNEVEN_S - now)

    def may_be_next(self, at: float) -> bool:
        return at - self._last >= _SOON * self.period_s

    def took_key(self, at: float) -> None:
        """A picture of an earlier moment."""
        self._last, self._due = at, min(at, self._due) + self.period_s

    def took(self, now: float) -> None:
        self._last = self._due = max(self._due, now - self.period_s)
        self._due += self.period_s


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
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_wanted`: whether the last picture was taken. Until then only key frames are decoded."""
        if camera.kind not in {CameraKind.RTSP, CameraKind.FILE}:
            raise ValueError(f"camera {camera.camera_id} is of kind {camera.kind}")
        self.camera = camera
        self._on_frame = on_frame
        self._on_trouble = on_trouble
        self._clock = clock
        self._is_wanted = is_wanted
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
        try:
            container = av.open(
                self._address, options=_OPTIONS, timeout=(_OPEN_WITHIN_S, _READ_WITHIN_S)
            )
        except (av.FFmpegError, OSError):  # its words hold the address
            self._trouble(why_not(self.camera))
            return
        with container:
            if not container.streams.video:
                self._trouble(why_not(self.camera))
                return
            self.opened += 1
            try:
                if self.camera.kind is CameraKind.FILE:
                    self._play(container)
                else:
                    self._pull(container)
            except (av.FFmpegError, OSError):
                self._trouble("the stream ended")

    def _pull(self, container: InputContainer) -> None:
        """Between two pictures that are looked at the stream waits in the socket, and is read in one go:
        sixteen threads that wake for each of 25 packets a second would stand in core's way."""
        stream = container.streams.video[0]
        undecoded, lag = Undecoded(stream), _Lag()
        pace = _Pace(1.0 / self.camera.frames_per_second, monotonic())
        for packet in container.demux(stream):
            if self._stopping.is_set():
                return
            if not packet.size:
                break  # what it gives at the end
            undecoded.add(packet)
            self._number += 1
            now = monotonic()
            is_newest = lag.behind_s(now, shown_s(packet)) < _NEWEST_S
            if pace.is_due(now, is_newest=is_newest):
                self._look(undecoded, pace, now, shown_s(packet))
            elif is_newest:
                self._stopping.wait(min(pace.rest_s(now), _REST_AT_MOST_S))
        self._trouble("the stream ended")

    def _look(self, undecoded: Undecoded, pace: _Pace, now: float, newest_s: float) -> None:
        """A key frame of late goes before the newest picture: it costs one picture and not many. The pace
        then goes by the key frames."""
        old_s = None if undecoded.key_s is None else max(0.0, newest_s - undecoded.key_s)
        if old_s is not None and pace.may_be_next(now - old_s):
            pace.took_key(now - old_s)
            self._hand_over(undecoded.key(), self._clock() - round(old_s * SECOND_US))
            return
        pace.took(now)
        # what was passed over for long is not made up for: the next key frame is cheaper
        if self._is_wanted() and undecoded.behind_s(newest_s) < _MADE_UP_FOR * pace.period_s:
            self._hand_over(undecoded.newest(), self._clock())

    def _play(self, container: InputContainer) -> None:
        """A recording at its own pace: its pictures are as far apart as they were."""
        stream = container.streams.video[0]
        rate = float(stream.average_rate or self.camera.frames_per_second)
        every = max(1, round(rate / self.camera.frames_per_second))
        began, began_us = monotonic(), self._clock()
        for frame in _frames(container, stream):
            if self._stopping.is_set():
                return
            passed_s = self._number / rate
            self._number += 1
            if (self._number - 1) % every:
                continue
            self._stopping.wait(max(0.0, began + passed_s - monotonic()))
            picture = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            self._hand_over(picture, began_us + round(passed_s * SECOND_US))

    def _hand_over(self, picture: Picture | None, at_us: int) -> None:
        if picture is None:
            return
        self._told = ""
        self._on_frame(
            Frame(
                camera_id=self.camera.camera_id, number=self._number, at_us=at_us, picture=picture
            )
        )

    def _trouble(self, reason: str) -> None:
        if self._stopping.is_set() or reason == self._told:
            return
        self._told = reason
        log.warning("camera_away", camera_id=self.camera.camera_id, reason=reason)
        self._on_trouble(reason)


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Of a recording. What of it is damaged is left out."""
    for packet in container.demux(stream):
        with contextlib.suppress(av.FFmpegError):
            yield from packet.decode()


def _with_password(camera: Camera, password: str) -> str:
    if camera.kind is CameraKind.FILE or not camera.username:
        return camera.address
    parts = urlsplit(camera.address)
    who = f"{quote(camera.username, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{who}@{parts.netloc}"))
