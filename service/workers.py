"""A thread with a name that stops when asked and takes the process down when it fails.

A thread of core that died quietly would be a watchman asleep: on an unexpected error the process
ends, and the supervisor starts it again from the journal."""

import os
import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Worker:
    """Runs `step` again and again until `stop`, and then once more for what still waits. A step returns by
    itself within a second."""

    def __init__(self, name: str, step: Callable[[], None]) -> None:
        self._step = step
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._began_at: float | None = None  # of the step that runs; None: not started, or ended

    @property
    def name(self) -> str:
        return self._thread.name

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def step_s(self) -> float:
        """How long the present step lasts: above some seconds it waits for what does not come."""
        began_at = self._began_at
        return 0.0 if began_at is None else time.monotonic() - began_at

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def wait(self, seconds: float) -> None:
        """Waits, unless asked to stop."""
        self._stopping.wait(seconds)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._began_at = time.monotonic()
                self._step()
            self._began_at = time.monotonic()
            self._step()
            self._began_at = None
        except BaseException:
            try:
                log.exception("worker_failed", worker=self._thread.name)
            finally:
                os._exit(70)  # EX_SOFTWARE: threads cannot be trusted any more, the journal can
