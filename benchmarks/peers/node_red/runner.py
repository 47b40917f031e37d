"""Starts Node-RED with one flow: telemetry at QoS 0, a limit, a message to the siren's topic.

`python -m benchmarks.peers.node_red.runner --port 1883` runs it until it is interrupted. It opens no port of
its own; `make bench` installs it where npm is.
"""

import argparse
import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

PROGRAM: Final = (
    Path(__file__).parents[3]
    / "tests"
    / "servers"
    / "node-red"
    / "node_modules"
    / "node-red"
    / "red.js"
)
TOPIC_IN: Final = "gridwarden/bench/telemetry/peer"
TOPIC_OUT: Final = "gridwarden/bench/device/peer/command"

_FLOW: Final = Path(__file__).with_name("flow.json")
# no editor, no HTTP: both roots false means that it does not listen at all
_SETTINGS: Final = """\
module.exports = {
    flowFile: "flows.json", credentialSecret: false, disableEditor: true,
    httpAdminRoot: false, httpNodeRoot: false, telemetry: { enabled: false },
    logging: { console: { level: "info", metrics: false, audit: false } },
};
"""
_READY: Final = "Connected to broker"
_READY_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 10.0


class NodeRedNotStarted(Exception):
    """It ended, or did not reach the broker in time; the message holds its last words."""


def missing() -> str | None:
    """Why there is no Node-RED here, in one line; None when it can be started."""
    if shutil.which("node") is None:
        return "no Node.js on the PATH"
    if not PROGRAM.exists():
        return "Node-RED is not installed: make node-red"
    return None


class NodeRed:
    """Readings at or above `limit` on `topic_in` become messages on `topic_out`."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        limit: float,
        topic_in: str = TOPIC_IN,
        topic_out: str = TOPIC_OUT,
    ) -> None:
        self._folder = folder
        self._log = folder / "node-red.log"
        self._process: subprocess.Popen[bytes] | None = None
        flow = _FLOW.read_text(encoding="utf-8")
        for mark, value in {
            "@PORT@": str(port),
            "@LIMIT@": repr(limit),
            "@TOPIC_IN@": topic_in,
            "@TOPIC_OUT@": topic_out,
        }.items():
            flow = flow.replace(mark, value)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "flows.json").write_text(flow, encoding="utf-8")
        (folder / "settings.js").write_text(_SETTINGS, encoding="utf-8")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        """Returns when the flow is connected to the broker. Raises NodeRedNotStarted."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["node", str(PROGRAM), "--userDir", str(self._folder)],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_connected(self._process)
        except NodeRedNotStarted:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _wait_until_connected(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < give_up_at and process.poll() is None:
            if _READY in self._words():
                return
            time.sleep(0.1)
        last_words = "\n".join(self._words().splitlines()[-10:])
        raise NodeRedNotStarted(f"Node-RED did not reach the broker:\n{last_words}")

    def _words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="the broker's port on 127.0.0.1")
    parser.add_argument("--limit", type=float, default=85.0)
    options = parser.parse_args()
    if (why := missing()) is not None:
        raise SystemExit(why)
    with (
        tempfile.TemporaryDirectory() as folder,
        NodeRed(Path(folder), port=options.port, limit=options.limit),
        contextlib.suppress(KeyboardInterrupt),
    ):
        print(f"ready: {TOPIC_IN} -> {TOPIC_OUT}", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
