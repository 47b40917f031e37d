"""The packets of a stream that nobody has decoded yet.

Decoding is most of what a camera costs, and twelve of thirteen of its pictures are never looked at. A packet
builds on those before it, back to the last key frame: what lies before the newest key frame is dropped, and
what lies behind it is decoded when a picture of it is asked for.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

import av
import av.packet
import numpy as np
from av.codec.context import Flags
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from domain.cameras import Picture

Packet: TypeAlias = "av.packet.Packet[VideoStream]"  # generic for the type checker alone
_AT_MOST: Final = 3_000  # packets of a stream without key frames: two minutes of 25 a second


class Undecoded:
    """Of one stream, in the order of its coming."""

    def __init__(self, stream: VideoStream) -> None:
        self._decoder = stream.codec_context
        self._decoder.thread_count = 1  # cameras run beside each other already
        self._decoder.flags |= Flags.low_delay  # a picture comes out when its packet went in
        self._waiting: list[Packet] = []
        self._key_s: float | None = None  # by the stream's clock, of one that waits at the front
        self._is_whole = False  # what waits builds on what was decoded, or begins with a key frame

    def add(self, packet: Packet) -> None:
        if packet.is_keyframe:
            self._waiting = [packet]
            self._key_s, self._is_whole = shown_s(packet), True
        elif self._is_whole and len(self._waiting) < _AT_MOST:
            self._waiting.append(packet)
        else:
            self._begin_anew()

    @property
    def key_s(self) -> float | None:
        """When the key frame was shown that waits, by the stream's clock; None where none waits."""
        return self._key_s

    def behind_s(self, newest_s: float) -> float:
        """How much of the stream must be decoded for its newest picture."""
        return newest_s - shown_s(self._waiting[0]) if self._waiting else 0.0

    def key(self) -> Picture | None:
        """The key frame that waits, alone: the cheapest picture that there is."""
        first, self._waiting = self._waiting[:1], self._waiting[1:]
        return self._decoded(first)

    def newest(self) -> Picture | None:
        """None where nothing whole waits."""
        waiting, self._waiting = self._waiting, []
        return self._decoded(waiting)

    def _decoded(self, packets: Iterable[Packet]) -> Picture | None:
        if self._key_s is not None:
            self._decoder.flush_buffers()  # what the decoder remembers was passed over
            self._key_s = None
        newest: VideoFrame | None = None
        try:
            for packet in packets:
                for frame in self._decoder.decode(packet):
                    newest = frame
        except av.FFmpegError:
            self._begin_anew()
        return None if newest is None else np.asarray(newest.to_ndarray(format="bgr24"), np.uint8)

    def _begin_anew(self) -> None:
        """At the next key frame."""
        self._waiting, self._key_s, self._is_whole = [], None, False


def shown_s(packet: Packet) -> float:
    """By the stream's clock. 0 where it says nothing."""
    stamp = packet.dts if packet.dts is not None else packet.pts
    return 0.0 if stamp is None else float(stamp * packet.time_base)
