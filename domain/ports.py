"""What one room needs from another, as Protocols. `service/wiring.py` hands over the objects."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from domain.changes import Changes
from domain.commands import DeviceCommand
from domain.incidents import Incident
from domain.readings import Readings
from domain.records import Record


class Counters(Protocol):
    """Named counts with labels: every refusal has one."""

    def add(self, name: str, count: int = 1, **labels: str) -> None: ...


class StorageUnavailable(Exception):
    """A store cannot take it now (locked, full, gone). Keep it and try again; nothing was written."""


class StaleOwner(Exception):
    """Another worker has claimed the partition since: what we decided for it is not recorded, by nobody
    to be tried again. Whoever meets it lets go of the partition."""


class Journal(Protocol):
    """Append-only and synced: what `append` returned for survives kill -9 and power loss."""

    def append(self, records: Sequence[Record]) -> Sequence[int]:
        """All or none, one sync; the sequence numbers. Raises StorageUnavailable."""
        ...

    def read(self, after: int) -> Iterator[tuple[int, Record]]:
        """Records with a sequence number above `after`, in order, up to the last durable one."""
        ...


class Records(Protocol):
    """The transactional store. Raises StorageUnavailable where it cannot answer."""

    def applied_seq(self) -> int:
        """Changes up to this journal sequence number are in."""
        ...

    def commit(self, changes: Changes, applied_seq: int) -> None:
        """One transaction: the changes and how far the journal is applied."""
        ...

    def open_incidents(self) -> Sequence[Incident]: ...

    def open_commands(self) -> Sequence[DeviceCommand]: ...


class Telemetry(Protocol):
    """History of readings."""

    def applied_seq(self) -> int: ...

    def write(self, readings: Readings, applied_seq: int) -> None:
        """One transaction. HISTORY rows that stand already are left out. Raises StorageUnavailable."""
        ...


class CommandSender(Protocol):
    """The way to the field devices."""

    def send(self, command: DeviceCommand) -> bool:
        """Hand the command to the broker; False while there is no way to it."""
        ...
