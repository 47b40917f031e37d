"""What is decoded of a stream: what a picture needs that is looked at, and always the right picture."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
import pytest

from domain.cameras import Picture
from ingest.cameras.rtsp import _Pace
from ingest.cameras.undecoded import Packet, Undecoded, shown_s

GOP, PICTURES = 12, 40


@pytest.fixture(scope="module")
def film() -> bytes:
    """In picture n a bar stands at n; a key frame every twelve."""
    file = io.BytesIO()
    with av.open(file, "w", format="avi") as out:
        stream = out.add_stream(
            "mpeg4", rate=25, options={"g": str(GOP), "sc_threshold": "1000000000"}
        )
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(PICTURES):
            grey = np.full((48, 64, 3), 60, np.uint8)
            grey[:, number : number + 8] = 220
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="bgr24")))
        out.mux(stream.encode(None))
    return file.getvalue()


@dataclass(frozen=True, slots=True)
class Opened:
    undecoded: Undecoded
    packets: list[Packet]
    every: list[Picture]  # by decoding all of it

    def added(self, first: int, last: int) -> Undecoded:
        for packet in self.packets[first : last + 1]:
            self.undecoded.add(packet)
        return self.undecoded

    def number_of(self, picture: Picture | None) -> int | None:
        """Which of the film's it is, bit by bit."""
        assert picture is not None
        return next(n for n, each in enumerate(self.every) if np.array_equal(each, picture))


@pytest.fixture
def opened(film: bytes) -> Iterator[Opened]:
    with av.open(io.BytesIO(film), "r") as container:
        every = [
            np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            for frame in container.decode(video=0)
        ]
    assert len({each.tobytes() for each in every}) == PICTURES
    with av.open(io.BytesIO(film), "r") as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert [n for n, each in enumerate(packets) if each.is_keyframe] == [0, 12, 24, 36]
        yield Opened(Undecoded(stream), packets, every)


def test_the_newest_picture_is_that_of_the_last_packet(opened: Opened) -> None:
    for first, last in ((0, 5), (6, 9), (10, 30), (31, 39)):
        assert opened.number_of(opened.added(first, last).newest()) == last


def test_a_key_frame_alone_and_what_follows_it(opened: Opened) -> None:
    undecoded = opened.added(0, 27)
    assert undecoded.key_s == shown_s(opened.packets[24])
    assert opened.number_of(undecoded.key()) == 24
    assert undecoded.key_s is None
    assert opened.number_of(undecoded.newest()) == 27
    assert undecoded.newest() is None


def test_without_a_key_frame_there_is_no_picture(opened: Opened) -> None:
    assert opened.added(3, 11).newest() is None
    assert opened.number_of(opened.added(12, 13).newest()) == 13


def test_after_a_damaged_packet_the_next_key_frame_is_waited_for(opened: Opened) -> None:
    undecoded = opened.added(0, 3)
    undecoded.add(cast(Packet, av.Packet(b"\x00" * 7)))
    assert opened.number_of(undecoded.newest()) == 3, "what came before it is good"
    assert opened.added(5, 11).newest() is None
    assert opened.number_of(opened.added(12, 13).newest()) == 13


def looks(interval: int, frames: int = 250) -> tuple[float, float]:
    """(pictures a second, packets decoded a second) at 25 packets a second, 2 asked, none late."""
    pace, key, decoded, taken, waiting = _Pace(0.5, 0.0), None, 0, 0, 0
    for number in range(frames):
        now = number / 25
        if number % interval == 0:
            key, waiting = now, 0
        waiting += 1
        if not pace.is_due(now, is_newest=True):
            continue
        taken += 1
        if key is not None and pace.may_be_next(key):
            pace.took_key(key)
            decoded, waiting = decoded + 1, waiting - 1
        else:
            pace.took(now)
            decoded, waiting = decoded + waiting, 0
        key = None
    return taken * 25 / frames, decoded * 25 / frames


@pytest.mark.parametrize(
    ("interval", "most_decoded"),
    [
        pytest.param(12, 2.2, id="a-key-frame-at-each-look-is-all-that-is-decoded"),
        pytest.param(25, 16.0, id="of-one-a-second-half-is-decoded"),
        pytest.param(50, 20.0, id="of-one-in-two-seconds-a-part-is-spared"),
        pytest.param(7, 9.0, id="too-many-key-frames-do-not-quicken-the-pace"),
        pytest.param(1, 2.2, id="nothing-but-key-frames"),
    ],
)
def test_the_pace_goes_by_the_key_frames(interval: int, most_decoded: float) -> None:
    taken, decoded = looks(interval)
    assert 1.85 <= taken <= 2.15
    assert decoded <= most_decoded
