"""The processes of one installation and their supervisor: started, restarted after a fault, ended.

| process | holds                                                   | state         |
| core    | ingest, journal, limits, linkage, records, delivery     | runs          |
| judge   | learned detectors and experts on a tick                 | runs          |
| vision  | cameras: recognition, proposals with their evidence     | with cameras  |
| web     | the console                                             | runs          |
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from service.heartbeat import Pulse

log = structlog.get_logger(__name__)

BAD_INPUT: Final = 2  # an exit code that another start would give again
RESTART: Final = 3  # start me again at once: another site is effective
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_WELL_AFTER_S: Final = 60.0
_END_WITHIN_S: Final = 15.0
_LOOK_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """One process: a module of ours with its arguments."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    stdout: Path | None = None  # a file that it is added to; None: ours
    stderr: Path | None = None
    expendable: bool = False  # its end, even an ordered one, does not end the whole
    before_start: Callable[[], None] = lambda: None  # in our own process
    beats: bool = False  # it takes --heartbeat FD and gives signs of life there

    def command(self) -> list[str]:
        return [
            sys.executable,
            "-m",
            "service.child",
            str(os.getpid()),
            self.module,
            *self.arguments,
        ]


# glibc keeps what its many threads gave back, each in a heap of its own: 8 MB in core
THRIFTY: Final = {"MALLOC_ARENA_MAX": "2", "MALLOC_TRIM_THRESHOLD_": "131072"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreOptions:
    """What core is told on its command line; the rest it reads from the environment."""

    compiled: Path  # the site as it was checked at our start: a restart takes the same
    data: Path
    language: str = "zh-CN"
    replay_from_us: int | None = None  # the clock is a recording's, from here on; no ticks
    outputs: bool = True
    before_start: Callable[[], None] = lambda: None
    metrics: tuple[str, int] | None = None

    def spec(self, stderr: Path | None = None) -> ProcessSpec:
        arguments = ["--compiled", str(self.compiled), "--data", str(self.data)]
        arguments += ["--language", self.language]
        if self.replay_from_us is not None:
            arguments += ["--replay-clock", str(self.replay_from_us)]
        if not self.outputs:
            arguments.append("--no-outputs")
        if self.metrics and self.metrics[1]:
            arguments += ["--metrics", f"{self.metrics[0]}:{self.metrics[1]}"]
        return ProcessSpec(
            name="core",
            module="service.core",
            arguments=tuple(arguments),
            stderr=stderr,
            before_start=self.before_start,
            beats=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """What the console is told on its command line."""

    compiled: Path
    data: Path
    host: str
    port: int
    language: str = "zh-CN"

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def spec(self, stderr: Path | None = None) -> ProcessSpec:
        arguments = ["--compiled", str(self.compiled), "--data", str(self.data)]
        arguments += ["--host", self.host, "--port", str(self.port), "--language", self.language]
        return ProcessSpec(
            name="web",
            module="web.main",
            arguments=tuple(arguments),
            stdout=stderr,
            stderr=stderr,
            expendable=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions:
    """What the judge is told on its command line."""

    compiled: Path
    data: Path
    language: str = "zh-CN"

    def spec(self, stderr: Path | None = None) -> ProcessSpec:
        arguments = ["--compiled", str(self.compiled), "--data", str(self.data)]
        arguments += ["--language", self.language]
        return ProcessSpec(
            name="judge",
            module="service.judge",
            arguments=tuple(arguments),
            stderr=stderr,
            expendable=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionOptions:
    """What the vision process is told on its command line."""

    compiled: Path
    data: Path
    language: str = "zh-CN"

    def spec(self, stderr: Path | None = None) -> ProcessSpec:
        arguments = ["--compiled", str(self.compiled), "--data", str(self.data)]
        arguments += ["--language", self.language]
        return ProcessSpec(
            name="vision",
            module="service.cameras",
            arguments=tuple(arguments),
            stderr=stderr,
            expendable=True,
        )


@dataclass(slots=True)
class _Running:
    spec: ProcessSpec
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    faults: int = 0  # in a row
    restarts: int = 0
    pulse: Pulse | None = None

    def forget_pulse(self) -> None:
        if self.pulse is not None:
            self.pulse.close()
            self.pulse = None


class Observer(Protocol):
    """Who judges how the processes are. Called from the supervisor's thread; it must not wait."""

    def begin(self) -> None: ...

    def started(self, name: str, beats: bool) -> None: ...

    def ended(self, name: str, fault: bool) -> None: ...

    def heard(self, name: str, beat: Mapping[str, Any]) -> None: ...

    def look(self) -> Sequence[str]:
        """The processes that must be killed; they start again as after any fault."""
        ...

    def end(self) -> None: ...


@dataclass(slots=True)
class Supervisor:
    """Keeps the processes running. Call `run` from the main thread: a child's tie to its parent is
    a tie to the thread that started it."""

    specs: Sequence[ProcessSpec]
    on_change: Callable[[str, str], None] = lambda name, what: None
    monotonic: Callable[[], float] = time.monotonic
    observer: Observer | None = None
    _running: list[_Running] = field(default_factory=list)
    _stopping: bool = False  # not an Event: its lock could be held when a signal comes

    def run(self, until: Callable[[], bool] = lambda: False) -> int:
        """Until `stop`, `until`, or a child's ordered end. The exit code for the whole."""
        self._running = [_Running(spec) for spec in self.specs]
        try:
            if self.observer is not None:
                self.observer.begin()
            while not self._stopping and not until():
                for running in self._running:
                    code = self._attend(running)
                    if code is not None:
                        return code
                self._observe()
                time.sleep(_LOOK_EVERY_S)
            return 0
        finally:
            self._end_all()
            if self.observer is not None:
                self.observer.end()

    def stop(self) -> None:
        """From any thread or signal handler."""
        self._stopping = True

    def pid(self, name: str) -> int | None:
        process = next(
            (running.process for running in self._running if running.spec.name == name), None
        )
        return process.pid if process else None

    def restarts(self, name: str) -> int:
        return sum(running.restarts for running in self._running if running.spec.name == name)

    def _observe(self) -> None:
        if self.observer is None:
            return
        for running in self._running:
            beat = running.pulse.newest() if running.pulse else None
            if beat is not None:
                self.observer.heard(running.spec.name, beat)
        for name in self.observer.look():
            for running in self._running:
                if running.spec.name == name and running.process is not None:
                    log.error("process_hangs", name=name, pid=running.process.pid)
                    self.on_change(name, "gives no sign of life and is killed")
                    running.process.kill()
                    running.process.wait()

    def _attend(self, running: _Running) -> int | None:
        """Starts what is due; a code when everything must end."""
        if running.process is None:
            if self.monotonic() >= running.restart_at:
                self._start(running)
            return None
        code = running.process.poll()
        if code is None:
            return None
        running.process = None
        running.forget_pulse()
        if self.observer is not None:
            self.observer.ended(running.spec.name, fault=code not in (0, RESTART))
        if code in (0, BAD_INPUT) and not running.spec.expendable:
            return code
        self._plan_restart(running, code)
        return None

    def _start(self, running: _Running) -> None:
        running.started_at = self.monotonic()
        running.spec.before_start()
        command = running.spec.command()
        inherited: tuple[int, ...] = ()
        if running.spec.beats:
            running.pulse = Pulse()
            inherited = (running.pulse.theirs.fileno(),)
            command += ["--heartbeat", str(inherited[0])]
        with contextlib.ExitStack() as files:
            stdout, stderr = (
                files.enter_context(path.open("ab")) if path else None
                for path in (running.spec.stdout, running.spec.stderr)
            )
            # a session of its own: Ctrl-C reaches us alone, and we end the children in order
            running.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=THRIFTY | os.environ,
                start_new_session=True,
                pass_fds=inherited,
            )
        if running.pulse is not None:
            running.pulse.theirs.close()
        self._tell_restarts()
        if self.observer is not None:
            self.observer.started(running.spec.name, running.spec.beats)
        log.info("process_started", name=running.spec.name, pid=running.process.pid)
        self.on_change(running.spec.name, "started")

    def _tell_restarts(self) -> None:
        counts = {running.spec.name: running.restarts for running in self._running}
        for running in self._running:
            if running.pulse is not None:
                running.pulse.tell({"restarts": counts})

    def _plan_restart(self, running: _Running, code: int) -> None:
        now = self.monotonic()
        if now - running.started_at >= _WELL_AFTER_S:
            running.faults = 0
        # the first restart is immediate: a watchman may not be away; a fault that stays waits longer, and
        # so does a child that asks for a restart again and again
        wait = 0.0 if running.faults == 0 else _FIRST_WAIT_S * 2 ** (running.faults - 1)
        wait = min(wait, _LONGEST_WAIT_S)
        running.faults += 1
        running.restarts += 1
        running.restart_at = now + wait
        if code == RESTART:
            log.info("process_restarts", name=running.spec.name, restart_in_s=wait)
            self.on_change(running.spec.name, "starts again with another site")
            return
        log.error("process_failed", name=running.spec.name, code=code, restart_in_s=wait)
        why = _last_line(running.spec.stderr)
        self.on_change(running.spec.name, f"failed with code {code}, restart in {wait:g} s{why}")

    def _end_all(self) -> None:
        processes = [running.process for running in self._running if running.process]
        for process in processes:
            process.terminate()
        give_up_at = time.monotonic() + _END_WITHIN_S
        for process in processes:
            try:
                process.wait(max(0.1, give_up_at - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("process_killed", pid=process.pid)
                process.kill()
                process.wait()
        for running in self._running:
            running.forget_pulse()


def _last_line(log_file: Path | None) -> str:
    """What the child said last, where it does not speak on our own stderr."""
    if log_file is None or not log_file.exists():
        return ""
    lines = log_file.read_text(encoding="utf-8", errors="replace")[-4_096:].splitlines()
    return f": {lines[-1]}" if lines else ""


@contextlib.contextmanager
def stopping_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `stop` while inside. Main thread only."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [(each, signal.signal(each, lambda number, frame: stop())) for each in signals]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)
