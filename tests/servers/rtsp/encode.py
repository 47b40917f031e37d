"""A test picture as H.264 in MP4, encoded once, so that who serves it costs next to nothing.

/usr/bin/python3 encode.py OUT.mp4 SECONDS [moving|still] [INTERVAL] [WIDTHxHEIGHT]

moving: every part of it, in every picture. still: nothing moves but the noise that a sensor has. INTERVAL is
that of the key frames, in pictures.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

_FRAMES_PER_SECOND = 25


def main(
    out: str, seconds: str, shows: str = "moving", interval: str = "50", size: str = "704x576"
) -> None:
    Gst.init(None)
    width, _, height = size.partition("x")
    caps = f"video/x-raw,format=I420,width={width},height={height},framerate={_FRAMES_PER_SECOND}/1"
    count = f"num-buffers={int(seconds) * _FRAMES_PER_SECOND}"
    source = {
        "moving": f"videotestsrc pattern=zone-plate kx2=20 ky2=20 kt=1 {count} ! {caps} ! videoconvert",
        "still": f"compositor name=both sink_1::alpha=0.05 ! {caps}",
    }[shows]
    parts = (
        f"videotestsrc pattern=smpte75 {count} ! {caps} ! both.sink_0 "
        f"videotestsrc pattern=snow {count} ! {caps} ! both.sink_1"
    )
    pipeline = Gst.parse_launch(
        f"{source} ! x264enc speed-preset=veryfast tune=zerolatency key-int-max={interval} "
        "option-string=scenecut=0 bitrate=800 threads=1 "
        f'! h264parse ! mp4mux ! filesink location="{out}" ' + (parts if shows == "still" else "")
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
