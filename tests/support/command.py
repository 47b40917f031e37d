"""`gridwarden run` as an operator starts it, and what he sees of it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.broker import LocalBroker
from service.local_socket import SOCKET_NAME, CoreUnreachable, request

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "changqing-like"
PATIENCE_S = 60.0


class Run:
    """One `gridwarden run`; its lines and its children."""

    def __init__(
        self,
        data: Path,
        broker: LocalBroker,
        site: Path = EXAMPLE,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`settings` are environment variables; without them it answers no metrics."""
        self.data = data
        arguments = ["run", "--no-console", "--site", str(site)]
        arguments += ["--data", str(data), "--broker", f"{broker.host}:{broker.port}"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONUNBUFFERED": "1",
                "GRIDWARDEN_METRICS__PORT": "0",
                **(settings or {}),
            },
        )
        self.lines: list[str] = []
        self.log: list[str] = []
        self.warnings: list[str] = []  # what it said on stderr that is no log
        self.core_pids: list[int] = []
        self._readers = [
            threading.Thread(target=self._read_out),
            threading.Thread(target=self._read_log),
        ]
        for reader in self._readers:
            reader.start()

    def status(self) -> dict[str, Any] | None:
        try:
            return request(self.data / SOCKET_NAME, "status")
        except CoreUnreachable:
            return None

    def is_current(self) -> bool:
        status = self.status()
        return status is not None and status["source"]["current"]

    def said(self, pattern: str) -> bool:
        return any(re.search(pattern, line) for line in self.lines)

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return code

    def _read_out(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            self.lines.extend(iter(lines.readline, ""))

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self.log.append(line)
                if '"process_started"' in line and '"name": "core"' in line:
                    self.core_pids.append(json.loads(line)["pid"])
                elif line.startswith("! "):
                    self.warnings.append(line)


@contextmanager
def running(
    data: Path,
    broker: LocalBroker,
    site: Path = EXAMPLE,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Run]:
    run = Run(data, broker, site, settings)
    try:
        wait_until(run.is_current)
        yield run
    finally:
        if run.process.poll() is None:
            run.end()


def wait_until(happened: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not happened():
        assert time.monotonic() - began < PATIENCE_S, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - began


def is_alive(pid: int) -> bool:
    try:
        # a zombie has ended: only its parent has not looked yet
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
