"""A real RTSP server of this machine's GStreamer, started on a free port and ended with the test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SERVE = Path(__file__).parents[1] / "servers" / "rtsp" / "serve.py"
PYTHON = "/usr/bin/python3"  # Debian's, with its bindings of GStreamer


@dataclass(slots=True)
class RtspServer:
    port: int
    process: "subprocess.Popen[str]"

    def url(self, path: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{path}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@cache
def rtsp_is_here() -> bool:
    """Whether the bindings and the encoder are installed."""
    if not Path(PYTHON).exists():
        return False
    needed = (
        "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst;"
        "Gst.init(None); assert all(map(Gst.ElementFactory.find, ('x264enc', 'rtph264pay')))"
    )
    tried = subprocess.run([PYTHON, "-c", needed], capture_output=True, check=False)
    return tried.returncode == 0


@contextmanager
def rtsp_server(
    *streams: str, user: str = "", password: str = "", port: int = 0
) -> Iterator[RtspServer]:
    """`streams`: PATH=PATTERN, as tests/servers/rtsp/serve.py tells."""
    command = [PYTHON, str(SERVE), "--port", str(port)]
    if user:
        command += ["--user", user, "--password", password]
    process = subprocess.Popen(
        [*command, *streams], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield RtspServer(int(process.stdout.readline()), process)
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
