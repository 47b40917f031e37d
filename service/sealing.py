"""Seals the ledger each second, and writes each day's newest hash to a file outside the database."""

import json
import os
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import Final

import structlog

from domain.clock import Clock, to_datetime
from domain.ports import StorageUnavailable
from service.workers import Worker
from storage.ledger import Head, SqlLedger

log = structlog.get_logger(__name__)

HEADS_NAME: Final = "ledger-heads.jsonl"
_EVERY_S: Final = 1.0


class Sealer:
    """A worker of core. What it cannot do now it does a second later."""

    def __init__(
        self,
        ledger: SqlLedger,
        heads: Path,
        zone: tzinfo,
        clock: Clock,
        sealed: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._ledger = ledger
        self._heads = heads
        self._zone = zone
        self._clock = clock
        self._sealed = sealed
        self.worker = Worker("sealer", self._step)

    def _step(self) -> None:
        try:
            self.seal()
        except (StorageUnavailable, OSError) as error:
            log.warning("sealing_postponed", reason=str(error))
        self.worker.wait(_EVERY_S)

    def seal(self) -> None:
        count = self._ledger.seal(self._clock())
        head = self._ledger.head()
        if count:
            self._sealed(count)
        if head is not None and head.hash != last_head(self._heads).get("hash"):
            self._tell_outside(head)

    def _tell_outside(self, head: Head) -> None:
        """One line whenever the head moved: the last one of a day is that day's."""
        day = to_datetime(head.sealed_at_us).astimezone(self._zone).date().isoformat()
        line = {"day": day, "number": head.number, "hash": head.hash}
        with self._heads.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


def heads_of(path: Path) -> list[dict[str, object]]:
    """The oldest first; a last line that a crash cut off is left out."""
    if not path.exists():
        return []
    heads: list[dict[str, object]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            heads.append(json.loads(line))
        except ValueError:
            continue
    return heads


def last_head(path: Path) -> dict[str, object]:
    heads = heads_of(path)
    return heads[-1] if heads else {}
