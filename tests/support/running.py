"""Real processes for tests: core and its neighbours; waiting is for a condition, never for a time."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.local_socket import SOCKET_NAME, CoreUnreachable, request
from tests.support.listening import eventually

ROOT = Path(__file__).parents[2]


def until(condition: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    """Fails the test with `what` when the condition does not come true in time."""
    assert eventually(condition, within_s), f"not within {within_s:g} s: {what}"


class CoreProcess:
    """Core with its log beside its data folder."""

    def __init__(
        self,
        site: Path,
        data: Path,
        *more: str,
        command: Sequence[str] = ("-m", "service.core"),
        env: Mapping[str, str] | None = None,
    ) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command, "--site", str(site), "--data", str(data), *more],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
                stdout=log,
                stderr=log,
            )

    def status(self) -> dict[str, Any] | None:
        """None while core does not answer."""
        try:
            return request(self.data / SOCKET_NAME, "status")
        except CoreUnreachable:
            return None

    def await_status(
        self, holds: Callable[[dict[str, Any]], bool], what: str, within_s: float = 60.0
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def looked() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"core ended with {self.process.returncode}: {self.last_words()}"
                )
            status = self.status()
            if status is not None and holds(status):
                found.update(status)
            return bool(found)

        try:
            until(looked, what, within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.status()}; {self.last_words()}") from error
        return found

    def await_connected(self) -> None:
        self.await_status(lambda status: status["source"]["current"], "core is current")

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2_000:]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


@contextmanager
def core(site: Path, data: Path, *more: str) -> Iterator[CoreProcess]:
    """Stopped at the end; its failure to stop in order fails the test."""
    running = CoreProcess(site, data, *more)
    try:
        yield running
        assert running.stop() == 0, running.last_words()
    finally:
        if running.process.poll() is None:
            running.kill()


class Siren:
    """The simulated siren in a process of its own; its lines say what it acted on."""

    def __init__(self, port: int, site: str, device: str, folder: Path, *more: str) -> None:
        self.out = folder / f"{device}.jsonl"
        self._file = self.out.open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "service.simulate.field", "--host", "127.0.0.1"),
                *("--port", str(port), "--site", site, "--siren", device, *more),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=self._file,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        self.process.wait(10)
        self._file.close()

    def await_listening(self) -> None:
        until(lambda: any("listening" in line for line in self._lines()), "the siren listens")

    def acted(self) -> list[str]:
        """Ids of the commands that it acted on, in order."""
        return [line["acted"] for line in self._lines() if "acted" in line]

    def _lines(self) -> list[dict[str, Any]]:
        *whole, _ = self.out.read_text().split("\n")  # the last may be half written
        return [json.loads(line) for line in whole]
