"""`run`: the supervised processes, and what happens in them as lines for a person."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from service.local_socket import SOCKET_NAME, CoreUnreachable, watch
from service.processes import Observer, ProcessSpec, Supervisor, stopping_on_signals

Say = Callable[[str], None]

_LOOK_AGAIN_S = 0.2


def run(
    specs: Sequence[ProcessSpec],
    data: Path,
    say: Say,
    seconds: float | None = None,
    observer: Observer | None = None,
) -> int:
    """Until Ctrl-C, SIGTERM, `seconds`, or an ordered end of core; the exit code."""
    supervisor = Supervisor(
        specs, on_change=lambda name, what: say(f"· {name} {what}"), observer=observer
    )
    teller = Teller(data / SOCKET_NAME, say)
    alarm_clock = threading.Timer(seconds, supervisor.stop) if seconds is not None else None
    with stopping_on_signals(supervisor.stop):
        teller.start()
        if alarm_clock:
            alarm_clock.start()
        try:
            return supervisor.run()
        finally:
            if alarm_clock:
                alarm_clock.cancel()
            teller.stop()


class Teller:
    """Follows core's live changes, over its restarts, and says each as one line."""

    def __init__(self, socket: Path, say: Say) -> None:
        self._socket = socket
        self._say = say
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="teller", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Core has ended before: what it said last has been read when this returns."""
        self._stopping.set()
        self._thread.join(5.0)

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                with watch(self._socket) as changes:
                    for change in changes:
                        line = line_of(change)
                        if line:  # some changes are for pages only
                            self._say(line)
            except CoreUnreachable:
                self._stopping.wait(_LOOK_AGAIN_S)


def line_of(change: Mapping[str, Any]) -> str:
    """Core words what people read (`text`); anything else is told by its fields."""
    text = change.get("text")
    if isinstance(text, str):
        return text
    if change.get("kind") == "missed":
        return f"… {change.get('count')} lines left out: this console was too slow"
    fields = " ".join(f"{key}={value}" for key, value in change.items() if key != "kind")
    return f"{change.get('kind', 'change')} {fields}".strip()
