"""A moving test picture as H.264 in MP4, encoded once, so that who serves it costs next to nothing.

/usr/bin/python3 encode.py OUT.mp4 SECONDS [WIDTHxHEIGHT]
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

_FRAMES_PER_SECOND = 25


def main(out: str, seconds: str, size: str = "704x576") -> None:
    Gst.init(None)
    width, _, height = size.partition("x")
    pipeline = Gst.parse_launch(
        f"videotestsrc pattern=zone-plate kx2=20 ky2=20 kt=1 num-buffers={int(seconds) * _FRAMES_PER_SECOND} "
        f"! video/x-raw,width={width},height={height},framerate={_FRAMES_PER_SECOND}/1 "
        "! x264enc speed-preset=veryfast tune=zerolatency key-int-max=50 bitrate=800 threads=1 "
        f'! h264parse ! mp4mux ! filesink location="{out}"'
    )
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(
        Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR
    )
    pipeline.set_state(Gst.State.NULL)
    if message.type == Gst.MessageType.ERROR:
        sys.exit(str(message.parse_error()))


if __name__ == "__main__":
    main(*sys.argv[1:])
