"""The real core, ended with SIGKILL at the n-th passage of one point of the path.

Nothing in the product knows of this: the methods are wrapped before core starts.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from delivery.mqtt import MqttCommandSender
from domain.records import ReadingsArrived, Record
from ingest.mqtt import MqttSource
from service import core
from storage.journal import SqliteJournal
from storage.records import SqlRecords

KILL_POINTS = ("before_journal", "after_journal", "after_commit", "after_send", "before_ack")


def kill_after(count: int) -> Callable[[], None]:
    passed = 0

    def pass_by() -> None:
        nonlocal passed
        passed += 1
        if passed >= count:
            os.kill(os.getpid(), signal.SIGKILL)

    return pass_by


def arm(point: str, count: int) -> None:
    passed = kill_after(count)
    match point:
        case "before_journal":
            # who acknowledged before the journal would lose what it acknowledged
            _wrap(
                SqliteJournal,
                "append",
                before=lambda self, records: passed() if _with_readings(records) else None,
            )
        case "after_journal":
            _wrap(
                SqliteJournal,
                "append",
                after=lambda self, result, records: passed() if _with_readings(records) else None,
            )
        case "after_commit":
            _wrap(
                SqlRecords,
                "commit",
                after=lambda self, result, changes, seq: passed() if changes.events else None,
            )
        case "after_send":
            _wrap(
                MqttCommandSender,
                "send",
                after=lambda self, result, command: passed() if result else None,
            )
        case "before_ack":
            _wrap(
                MqttSource,
                "acknowledge",
                before=lambda self, tokens: passed() if tokens else None,
            )
        case _:
            raise SystemExit(f"no kill point is named {point}; there are {', '.join(KILL_POINTS)}")


def _with_readings(records: Sequence[Record]) -> bool:
    return any(isinstance(record, ReadingsArrived) for record in records)


def _wrap(
    owner: type,
    name: str,
    before: Callable[..., None] = lambda *_: None,
    after: Callable[..., None] = lambda *_: None,
) -> None:
    real = getattr(owner, name)

    def wrapped(self: Any, *arguments: Any) -> Any:
        before(self, *arguments)
        result = real(self, *arguments)
        after(self, result, *arguments)
        return result

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    if sys.argv[1] != "never":
        arm(sys.argv[1], int(sys.argv[2]))
    sys.exit(core.main(sys.argv[3:]))
