"""A broker of our own on loopback, for the demo, for replay and for tests.

Mosquitto where the machine has it, else iotcore, which comes with the Python packages but keeps nothing
across a restart: `persistent` says which. It ends with the process that started it, however that ends.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

HOST: Final = "127.0.0.1"

# docker/mosquitto/mosquitto.conf ships the same settings; a test compares the two
MOSQUITTO_SETTINGS: Final = """\
persistence true
autosave_interval 60
max_inflight_messages 2000
max_queued_messages 0
max_queued_bytes 268435456
"""

_MOSQUITTO_CONF: Final = """\
listener {port} {host}
allow_anonymous true
user {user}
persistence_location {folder}/
log_dest stderr
log_type error
log_type warning
log_type notice
{settings}"""

_MAX_PAYLOAD_BYTES: Final = (
    16 * 2**20
)  # iotcore cuts a connection at this; mosquitto has no limit here
_IOTCORE_LISTENER: Final = """
[{version}.1]
name = "{version}"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[{version}.1.connections]
connection_timeout_ms = 10000
max_payload_size = {max_payload}
max_inflight_count = 2000
dynamic_filters = true
"""
_IOTCORE_CONF: Final = """\
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 2000
max_segment_size = 104857600
max_segment_count = 10
"""

_START_WITHIN_S: Final = 15.0
_STOP_WITHIN_S: Final = 10.0
_POLL_S: Final = 0.02
_PORT_TRIES: Final = 3


class BrokerKind(StrEnum):
    MOSQUITTO = "mosquitto"
    IOTCORE = "iotcore"


class BrokerNotStarted(Exception):
    """The broker's process ended or never accepted a connection; the message holds its own words."""


def mosquitto_program() -> str | None:
    """The mosquitto on the PATH or, as Debian installs it, in /usr/sbin."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


class LocalBroker:
    """One broker process. `port` speaks MQTT v5; `port_v311` is another port with iotcore only."""

    def __init__(
        self, folder: Path, *, kind: BrokerKind | None = None, port: int | None = None
    ) -> None:
        """The broker's files live in `folder`. Without `port` a free one is taken at the first start."""
        self.kind = kind or self.find()
        self.host = HOST
        self._folder = folder.resolve()
        self._wanted_port = port
        self._ports: tuple[int, int] | None = None  # v5, v3.1.1
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @staticmethod
    def find() -> BrokerKind:
        return BrokerKind.MOSQUITTO if mosquitto_program() else BrokerKind.IOTCORE

    @property
    def persistent(self) -> bool:
        """Sessions and what is queued for them outlive a `stop` and `restart`."""
        return self.kind is BrokerKind.MOSQUITTO

    @property
    def port(self) -> int:
        return self._known_ports()[0]

    @property
    def port_v311(self) -> int:
        return self._known_ports()[1]

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def log_text(self) -> str:
        """What the broker's process has said, from its first start in this folder."""
        with contextlib.suppress(FileNotFoundError):
            return self._log_path.read_text(encoding="utf-8", errors="replace")
        return ""

    def start(self) -> Self:
        """Raises BrokerNotStarted. Returns when the broker accepts connections."""
        if self._process is not None:
            return self
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._ports is not None:
            self._start_on(self._ports)
        else:
            self._start_on_new_ports()
        return self

    def stop(self) -> None:
        """An orderly end: what is persistent is written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut would: mosquitto forgets what it acknowledged since its last save."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop if it runs, and start on the same port in the same folder."""
        self.stop()
        self.start()

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
    def _log_path(self) -> Path:
        return self._folder / "broker.log"

    def _known_ports(self) -> tuple[int, int]:
        if self._ports is None:
            raise RuntimeError("the broker has no port before its first start")
        return self._ports

    def _start_on_new_ports(self) -> None:
        # another process can take a free port between our look and the broker's bind
        for last in (False,) * (_PORT_TRIES - 1) + (True,):
            ports = self._choose_ports()
            try:
                self._start_on(ports)
            except BrokerNotStarted:
                if last or self._wanted_port is not None:
                    raise
            else:
                self._ports = ports
                return

    def _choose_ports(self) -> tuple[int, int]:
        v5, v311 = _free_ports()
        if self._wanted_port is not None:
            v5 = self._wanted_port
        return (v5, v5 if self.kind is BrokerKind.MOSQUITTO else v311)

    def _start_on(self, ports: tuple[int, int]) -> None:
        command = self._command(ports)
        taken = next((port for port in ports if _accepts(port)), None)
        if taken is not None:
            raise BrokerNotStarted(f"port {taken} on {HOST} is in use by another program")
        with self._log_path.open("ab") as log:
            # a session of its own: Ctrl-C in a terminal ends us first, and we end the broker
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard = end_with_us(self._process.pid)
        try:
            self._wait_until_accepting(ports)
        except BrokerNotStarted:
            self.kill()
            raise

    def _command(self, ports: tuple[int, int]) -> list[str]:
        if self.kind is BrokerKind.MOSQUITTO:
            program = mosquitto_program()
            if program is None:
                raise BrokerNotStarted("mosquitto is not installed: apt-get install mosquitto")
            conf = self._folder / "mosquitto.conf"
            conf.write_text(_mosquitto_conf(self._folder, ports[0]), encoding="utf-8")
            return [program, "-c", str(conf)]
        conf = self._folder / "iotcore.toml"  # it goes by the ending
        conf.write_text(_iotcore_conf(*ports), encoding="utf-8")
        # below CRITICAL it reports every packet as an error
        return [sys.executable, "-m", "iotcore", "--config", str(conf), "--log-level", "CRITICAL"]

    def _wait_until_accepting(self, ports: tuple[int, int]) -> None:
        process = self._process
        assert process is not None
        give_up_at = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < give_up_at:
            if process.poll() is not None:
                raise BrokerNotStarted(
                    f"{self.kind} ended with code {process.returncode}: {self._last_words()}"
                )
            if all(_accepts(port) for port in ports):
                return
            time.sleep(_POLL_S)
        raise BrokerNotStarted(
            f"{self.kind} accepted no connection within {_START_WITHIN_S:.0f} s: {self._last_words()}"
        )

    def _last_words(self) -> str:
        lines = self.log_text.strip().splitlines()[-10:]
        return "\n".join(lines) or "it wrote no log"

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
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def end_with_us(pid: int) -> subprocess.Popen[bytes]:
    """A shell that waits for our end of a pipe to close, which even kill -9 of us does, and ends `pid`."""
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _; kill -TERM "$0" 2>/dev/null', str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1.0):
            return True
    except OSError:
        return False


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind((HOST, 0))
        second.bind((HOST, 0))
        return first.getsockname()[1], second.getsockname()[1]


def _mosquitto_conf(folder: Path, port: int) -> str:
    return _MOSQUITTO_CONF.format(
        host=HOST,
        port=port,
        folder=folder,
        # as root it would become the user `mosquitto`, who may not write in our folder
        user="root" if os.geteuid() == 0 else "mosquitto",
        settings=MOSQUITTO_SETTINGS,
    )


def _iotcore_conf(port_v5: int, port_v311: int) -> str:
    listeners = [
        _IOTCORE_LISTENER.format(
            version=version, host=HOST, port=port, max_payload=_MAX_PAYLOAD_BYTES
        )
        for version, port in (("v5", port_v5), ("v4", port_v311))
    ]
    return _IOTCORE_CONF + "".join(listeners)
