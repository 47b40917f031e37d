"""Real servers of time series for tests: InfluxDB 2 and VictoriaMetrics, on loopback, each in a folder of its
own. They end with the process that started them.

InfluxDB is built by `make servers` where Go and Rust are (tests/servers/influxdb); VictoriaMetrics is
Debian's.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from service.broker import HOST, end_with_us
from tests.support.servers import servers_folder

_BUILT_INFLUXD: Final = servers_folder() / "influxdb" / "influxd"
_START_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 30.0
_POLL_S: Final = 0.05
_names = itertools.count(1)


def influxd_program() -> str | None:
    return str(_BUILT_INFLUXD) if _BUILT_INFLUXD.exists() else shutil.which("influxd")


def victoria_program() -> str | None:
    return shutil.which("victoria-metrics")


class SeriesServerNotStarted(Exception):
    """With the end of its log."""


class SeriesServer:
    """`start`, `kill`, `start` again: the same port and folder."""

    def __init__(self, folder: Path, arguments: list[str], health: str) -> None:
        """In `arguments`, PORT and FOLDER stand for what they are."""
        self._folder = folder
        self._arguments = arguments
        self._health = health
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    def start(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        stand_for = {"PORT": str(self._port), "FOLDER": str(self._folder)}
        command = self._arguments
        for word, meant in stand_for.items():
            command = [each.replace(word, meant) for each in command]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard = end_with_us(self._process.pid)
        self._await_answer()
        return self

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """It accepts connections and answers nothing, until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _await_answer(self) -> None:
        assert self._process is not None
        give_up_at = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < give_up_at:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                ask(self.url + self._health)
                return
            time.sleep(_POLL_S)
        words = self._log.read_text(errors="replace")[-2_000:]
        self.kill()
        raise SeriesServerNotStarted(words)

    def _end(self, how: signal.Signals) -> None:
        process, guard = self._process, self._guard
        self._process = self._guard = None
        # the guard first: it must never signal a number that has become another process
        if guard is not None:
            guard.kill()
            guard.wait()
            assert guard.stdin is not None
            guard.stdin.close()
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # a frozen one must hear it
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(slots=True)
class Influx:
    """Where an InfluxDB is, and how to get in as its operator."""

    url: str
    org: str
    token: str
    _org_id: str = field(default="", repr=False)

    def new_bucket(self, retention_s: int = 0) -> str:
        """0: for ever."""
        name = f"test-{os.getpid()}-{next(_names)}"
        rules = [{"type": "expire", "everySeconds": retention_s}] if retention_s else []
        self.ask("/api/v2/buckets", {"orgID": self.org_id(), "name": name, "retentionRules": rules})
        return name

    def org_id(self) -> str:
        if not self._org_id:
            found = self.ask(f"/api/v2/orgs?org={self.org}")
            self._org_id = found["orgs"][0]["id"]
        return self._org_id

    def new_token(self, permissions: list[dict[str, Any]]) -> str:
        made = self.ask(
            "/api/v2/authorizations", {"orgID": self.org_id(), "permissions": permissions}
        )
        return str(made["token"])

    def ask(self, path: str, said: dict[str, Any] | None = None) -> Any:
        return json.loads(ask(self.url + path, said, {"Authorization": f"Token {self.token}"}))


def influx_server(folder: Path) -> SeriesServer:
    program = influxd_program()
    assert program is not None
    return SeriesServer(
        folder,
        [
            *(program, "run", "--reporting-disabled", "--http-bind-address", f"{HOST}:PORT"),
            *("--bolt-path", "FOLDER/influxd.bolt", "--engine-path", "FOLDER/engine"),
            *("--log-level", "error"),
        ],
        "/health",
    )


def set_up_influx(server: SeriesServer) -> Influx:
    """The first user of a new server."""
    influx = Influx(server.url, "oilfield", "token-of-the-operator")
    ask(
        server.url + "/api/v2/setup",
        {
            "username": "operator",
            "password": "only-for-tests",
            "org": influx.org,
            "bucket": "first",
            "token": influx.token,
        },
    )
    return influx


def victoria_server(folder: Path) -> SeriesServer:
    program = victoria_program()
    assert program is not None
    return SeriesServer(
        folder,
        [
            *(program, f"-httpListenAddr={HOST}:PORT", "-storageDataPath=FOLDER/data"),
            *("-retentionPeriod=100y", "-search.latencyOffset=0s"),
        ],
        "/health",
    )


def ask(url: str, said: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> str:
    """GET, or POST of JSON. Raises OSError, with the server's words where it refuses."""
    body = None if said is None else json.dumps(said).encode()
    request = urllib.request.Request(
        url, body, {**(headers or {}), "Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text: str = answer.read().decode()
            return text
    except urllib.error.HTTPError as error:
        with error:
            raise OSError(f"{url}: {error.code} {error.read().decode()}") from error


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port
