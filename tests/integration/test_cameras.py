"""Cameras over real RTSP: pictures at the asked pace, over loss and return, and why there are none."""

import socket
import threading
from collections import deque
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from structlog.testing import capture_logs

from detectors.violations.eyesight import Eyesight, EyesightTimes
from domain.cameras import Camera, CameraKind, CameraState, Frame
from domain.clock import system_clock
from domain.ids import AssetId, CameraId
from ingest.cameras.rtsp import VideoReader
from tests.support.rtsp import rtsp_server

PASSWORD = "s3cret@/word"
WITHIN_S = 20.0


def camera(address: str, **fields: object) -> Camera:
    known: dict[str, object] = {
        "camera_id": CameraId("C1"),
        "name": "1号摄像机",
        "station": "35kV柳塬变",
        "asset_id": AssetId("LY/HJ"),
        "kind": CameraKind.RTSP,
        "address": address,
    }
    return Camera(**(known | fields))  # type: ignore[arg-type]


class Seen:
    """What a reader handed over; a test waits for it."""

    def __init__(self) -> None:
        self.frames: deque[Frame] = deque(maxlen=50)
        self.troubles: list[str] = []
        self._came = threading.Condition()

    def frame(self, frame: Frame) -> None:
        with self._came:
            self.frames.append(frame)
            self._came.notify_all()

    def trouble(self, reason: str) -> None:
        with self._came:
            self.troubles.append(reason)
            self._came.notify_all()

    def wait_frames(self, count: int) -> list[Frame]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.frames) >= count, WITHIN_S), self.troubles
            return list(self.frames)

    def wait_trouble(self, count: int = 1) -> str:
        with self._came:
            assert self._came.wait_for(lambda: len(self.troubles) >= count, WITHIN_S)
            return self.troubles[count - 1]


def reader_of(watched: Camera, seen: Seen, password: str = "") -> VideoReader:
    return VideoReader(watched, seen.frame, seen.trouble, password=password).start()


def test_pictures_come_at_the_asked_pace_and_the_rest_is_passed_over(needs_rtsp: None) -> None:
    seen = Seen()
    with rtsp_server("yard=snow") as server:
        reader = reader_of(camera(server.url("yard"), frames_per_second=5.0), seen)
        frames = seen.wait_frames(6)
        reader.stop()
        reader.join(5)
    assert {frame.picture.shape for frame in frames} == {(576, 704, 3)}
    # 25 pictures a second come, 5 are looked at: four of five are passed over
    steps = np.diff([frame.number for frame in frames[1:]])
    assert float(np.median(steps)) == pytest.approx(5.0, abs=1.0)


def test_a_lost_camera_is_told_and_comes_back(needs_rtsp: None) -> None:
    seen = Seen()
    with rtsp_server("yard=snow") as server:
        reader = reader_of(camera(server.url("yard")), seen)
        seen.wait_frames(2)
        server.kill()
        assert seen.wait_trouble() == "the stream ended"
        seen.frames.clear()
        with rtsp_server("yard=snow", port=server.port):
            seen.wait_frames(2)
            reader.stop()
            reader.join(5)
    assert reader.opened == 2


def test_a_wrong_password_is_told_and_stands_nowhere(needs_rtsp: None) -> None:
    with rtsp_server("yard=snow", user="viewer", password=PASSWORD) as server:
        right, wrong = Seen(), Seen()
        good = reader_of(camera(server.url("yard"), username="viewer"), right, PASSWORD)
        right.wait_frames(1)
        refused = camera(server.url("yard"), username="viewer")
        with capture_logs() as logs:
            bad = reader_of(refused, wrong, "gu3ssed")
            assert wrong.wait_trouble() == "the camera refuses the user name or the password"
        for reader in (good, bad):
            reader.stop()
            reader.join(10)
    assert logs
    assert "gu3ssed" not in repr(logs) + repr(bad)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        pytest.param("nothing", "the camera has no stream of this path", id="no-such-path"),
        pytest.param("yard", "the camera wants a user name and a password", id="no-password"),
    ],
)
def test_why_there_is_no_picture(needs_rtsp: None, path: str, told: str) -> None:
    seen = Seen()
    locked = path == "yard"
    with rtsp_server(
        "yard=snow", user="viewer" if locked else "", password=PASSWORD if locked else ""
    ) as server:
        reader = reader_of(camera(server.url(path)), seen)
        assert seen.wait_trouble() == told
        reader.stop()
        reader.join(10)


def test_what_answers_but_is_no_camera_is_told() -> None:
    seen = Seen()
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            while True:
                try:
                    connection, _ = other.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(b"220 welcome\r\n")

        threading.Thread(target=answer, daemon=True).start()
        reader = reader_of(camera(f"rtsp://127.0.0.1:{other.getsockname()[1]}/x"), seen)
        assert seen.wait_trouble() == "what answers there does not speak RTSP"
        reader.stop()
        reader.join(10)
        other.shutdown(socket.SHUT_RDWR)


def test_nobody_there_and_no_file_are_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for address, kind, told in (
        (f"rtsp://127.0.0.1:{port}/x", CameraKind.RTSP, "the camera refuses the connection"),
        (str(tmp_path / "none.mp4"), CameraKind.FILE, "there is no such file"),
    ):
        seen = Seen()
        reader = reader_of(camera(address, kind=kind), seen)
        assert seen.wait_trouble().startswith(told)
        reader.stop()
        reader.join(10)


def test_a_dark_stream_is_told_as_dark(needs_rtsp: None) -> None:
    seen = Seen()
    watched = camera("rtsp://127.0.0.1/", frames_per_second=10.0)
    watch = Eyesight(watched, system_clock(), EyesightTimes(dark_s=0.5))
    with rtsp_server("cellar=black") as server:
        reader = reader_of(camera(server.url("cellar"), frames_per_second=10.0), seen)
        give_up_at = monotonic() + WITHIN_S
        looked_at = 0
        while watch.state is not CameraState.DARK and monotonic() < give_up_at:
            frames = seen.wait_frames(looked_at + 1)
            watch.saw(frames[looked_at].picture, frames[looked_at].at_us)
            looked_at += 1
        reader.stop()
        reader.join(5)
    assert watch.state is CameraState.DARK


def test_a_stream_that_repeats_its_picture_is_told_as_frozen(needs_rtsp: None) -> None:
    """Key frames and what follows them are taken in turn: the same picture must look the same."""
    seen = Seen()
    watched = camera("rtsp://127.0.0.1/", frames_per_second=2.0)
    watch = Eyesight(watched, system_clock(), EyesightTimes(frozen_s=4))
    with rtsp_server("yard=smpte75") as server:
        reader = reader_of(camera(server.url("yard"), frames_per_second=2.0), seen)
        give_up_at = monotonic() + WITHIN_S
        looked_at = 0
        while watch.state is not CameraState.FROZEN and monotonic() < give_up_at:
            frames = seen.wait_frames(looked_at + 1)
            watch.saw(frames[looked_at].picture, frames[looked_at].at_us)
            looked_at += 1
        reader.stop()
        reader.join(5)
    assert watch.state is CameraState.FROZEN


def test_while_a_picture_waits_only_key_frames_are_handed_over(needs_rtsp: None) -> None:
    """Nobody takes them: what is decoded is what costs one picture, and the newest is no older than that."""
    seen = Seen()
    with rtsp_server("yard=snow") as server:
        watched = camera(server.url("yard"), frames_per_second=10.0)
        reader = VideoReader(watched, seen.frame, seen.trouble, is_wanted=lambda: False).start()
        frames = seen.wait_frames(4)
        reader.stop()
        reader.join(5)
    # the server sends a key frame every 25 pictures
    numbers = [frame.at_us for frame in frames]
    assert [round(step / 1_000_000) for step in np.diff(numbers)] == [1, 1, 1]
