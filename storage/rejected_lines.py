"""Lines that InfluxDB refuses for ever, kept for a person: a file for each day, in line protocol.

A line that begins with # is the reason of those after it; `influx write --precision us --file` takes the file
as it is once the cause is mended.
"""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Final

import structlog

from domain.clock import to_datetime

log = structlog.get_logger(__name__)

LINES_A_DAY: Final = 10_000  # beyond that they are only counted


class RejectedLines:
    """Any thread may call."""

    def __init__(
        self, folder: Path, *, clock: Callable[[], int], lines_a_day: int = LINES_A_DAY
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._lines_a_day = lines_a_day
        self._lock = Lock()
        self._day: date | None = None
        self._kept = 0  # of this day

    def __call__(self, lines: Sequence[str], reason: str) -> None:
        """Never raises: what cannot even be kept is told in the log."""
        log.error("telemetry_rejected", lines=len(lines), first=lines[0][:200], reason=reason)
        with self._lock:
            try:
                self._append(lines, reason)
            except OSError as error:
                log.error("telemetry_rejected_not_kept", lines=len(lines), reason=str(error))

    def _append(self, lines: Sequence[str], reason: str) -> None:
        today = to_datetime(self._clock()).date()
        path = self._folder / f"{today.isoformat()}.lp"
        if today != self._day:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._day, self._kept = today, _lines_in(path)
        kept = lines[: max(0, self._lines_a_day - self._kept)]
        if not kept:
            return
        with path.open("a", encoding="utf-8") as file:
            file.write("".join([f"# {reason}\n", *(f"{line}\n" for line in kept)]))
        self._kept += len(kept)


def _lines_in(path: Path) -> int:
    if not path.exists():
        return 0
    with path.open(encoding="utf-8") as file:
        return sum(not line.startswith("#") for line in file)
