"""A real RTSP server for tests: GStreamer's, H.264 over TCP, on loopback and a free port.

/usr/bin/python3 serve.py [--user NAME --password WORD] [--port N] PATH=PATTERN[:WIDTHxHEIGHT] ...
PATTERN is one of videotestsrc's (ball, snow, black, smpte) or the path of an MP4 with H.264, played again and
again. Prints one line, the port, when it answers; ends with its standard input.

Debian: gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

_SIZE = "704x576"
_FRAMES_PER_SECOND = 25


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("streams", nargs="+", metavar="PATH=PATTERN")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--port", default="0")
    chosen = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(chosen.port)
    auth = _auth(chosen.user, chosen.password) if chosen.user else None
    if auth is not None:
        server.set_auth(auth)
    for stream in chosen.streams:
        path, _, what = stream.partition("=")
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(_pipeline(what))
        factory.set_shared(True)
        if auth is not None:
            _only_for(factory, chosen.user)
        server.get_mount_points().add_factory(f"/{path}", factory)
    if server.attach(None) == 0:
        sys.exit("the port cannot be opened")
    loop = GLib.MainLoop()
    GLib.io_add_watch(0, GLib.IO_IN | GLib.IO_HUP, lambda *_: loop.quit())
    print(server.get_bound_port(), flush=True)  # noqa: T201  the test reads it
    loop.run()


def _pipeline(what: str) -> str:
    if what.endswith(".mp4"):
        return f'( filesrc location="{what}" ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 )'
    pattern, _, size = what.partition(":")
    width, _, height = (size or _SIZE).partition("x")
    return (
        f"( videotestsrc is-live=true pattern={pattern} "
        f"! video/x-raw,width={width},height={height},framerate={_FRAMES_PER_SECOND}/1 "
        "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=800 "
        "! rtph264pay config-interval=1 name=pay0 pt=96 )"
    )


def _auth(user: str, password: str) -> "GstRtspServer.RTSPAuth":
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", user)
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    return auth


def _only_for(factory: "GstRtspServer.RTSPMediaFactory", user: str) -> None:
    permissions = GstRtspServer.RTSPPermissions()
    for allowed in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role(user, allowed, True)
    factory.set_permissions(permissions)


if __name__ == "__main__":
    main()
