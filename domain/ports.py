"""What one room needs from another, as Protocols. `service/wiring.py` hands over the objects."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.changes import Changes
from domain.commands import DeviceCommand, OutboxItem
from domain.incidents import Incident
from domain.notices import Attempt, Message, Notice
from domain.readings import Readings
from domain.records import Record
from domain.summaries import Resolution, Summaries


class Counters(Protocol):
    """Named counts with labels: every refusal has one."""

    def add(self, name: str, count: int = 1, **labels: str) -> None: ...


class StorageUnavailable(Exception):
    """A store cannot take it now (locked, full, gone). Keep it and try again; nothing was written."""


class StaleOwner(Exception):
    """Another worker has claimed the partition since: what we decided for it is not recorded, by nobody
    to be tried again. Whoever meets it lets go of the partition."""


class ReadableJournal(Protocol):
    """What a projection reads."""

    def read(self, after: int) -> Iterator[tuple[int, Record]]:
        """Records with a sequence number above `after`, in order, up to the last durable one. Where several
        bear one number they belong together: all of them are applied, or none."""
        ...


class Journal(ReadableJournal, Protocol):
    """Append-only and synced: what `append` returned for survives kill -9 and power loss."""

    def append(self, records: Sequence[Record]) -> Sequence[int]:
        """All or none, one sync; the sequence numbers. Raises StorageUnavailable."""
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
    """History of readings. Every method raises StorageUnavailable where the store cannot answer.

    Times are event times in microseconds; `from_us` is included, `to_us` is not. A reading is its point's and
    moment's: LIVE rows are told from their repeats before they come here."""

    def of_partition(self, partition: int) -> "Telemetry":
        """The same readings with the applied number of a Kafka partition (0 and above); this store itself
        is that of the one local journal."""
        ...

    def applied_seq(self) -> int: ...

    def write(self, readings: Readings, applied_seq: int) -> None:
        """One transaction, or rows that may be written again. HISTORY rows that stand already are left
        out."""
        ...

    def history(self, point: int, from_us: int, to_us: int) -> Readings:
        """Every reading, by event time."""
        ...

    def downsampled(
        self, point: int, from_us: int, to_us: int, resolution: Resolution
    ) -> Summaries:
        """The stretches that begin in this time, also where the readings themselves are gone."""
        ...

    def last(self, point: int) -> Readings:
        """The newest by event time; empty while there is none."""
        ...

    def latest(self, points: Sequence[int]) -> Readings:
        """The newest of each by event time, sorted by point; none for a point without readings."""
        ...

    def count(self) -> int:
        """Readings that are kept now."""
        ...

    def close(self) -> None:
        """The next use opens it again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryFacts:
    """How a telemetry store is, as far as it can tell."""

    file_bytes: int | None  # None: it is a server's
    unsorted_rows: int  # that the next steps of upkeep will take
    oldest_us: int | None  # event time of the oldest reading; None while there is none


class TelemetryUpkeep(Protocol):
    """What a store needs now and then, beside reading and writing. Raises StorageUnavailable."""

    def keep_up(self, now_us: int) -> bool:
        """One step, well below a second; whether more may wait."""
        ...

    def facts(self) -> TelemetryFacts: ...


class KeptTelemetry(Telemetry, TelemetryUpkeep, Protocol):
    """A whole store."""


class CommandSender(Protocol):
    """The way to the field devices."""

    def send(self, command: DeviceCommand) -> bool:
        """Hand the command to the broker; False while there is no way to it."""
        ...


class CommandQueue(Protocol):
    """What waits to be sent, before and after it is recorded. Nobody who calls waits."""

    def hold(self, items: Iterable[OutboxItem]) -> None: ...

    def release(self, items: Iterable[OutboxItem]) -> None: ...

    def send_unrecorded(self, commands: Iterable[DeviceCommand]) -> None: ...


class NoticeQueue(Protocol):
    """The stored notices, for who sends them. Raises StorageUnavailable where it cannot answer."""

    def queued(self, channel: str, now_us: int, limit: int = 500) -> Sequence[Notice]:
        """Level 1 first, then in the order of decision."""
        ...

    def lease(
        self, messages: Mapping[UUID, Collection[UUID]], now_us: int, until_us: int
    ) -> frozenset[UUID]:
        """Those that are ours to send until then. `messages`: the notices of each message; a notice belongs
        to its message until it is settled, so that who sends it again sends the same one."""
        ...

    def settle(self, attempts: Sequence[Attempt]) -> None:
        """What became of them."""
        ...


class NoticeRefused(Exception):
    """The receiver answered and did not take this message; the text says why, without a secret."""


class ReceiverAway(Exception):
    """The receiver does not answer, or takes nothing now. `retry_after_s`: as it asked for; `maybe_taken`:
    it had the message and said nothing of it."""

    def __init__(
        self, said: str, retry_after_s: float | None = None, *, maybe_taken: bool = False
    ) -> None:
        super().__init__(said)
        self.retry_after_s = retry_after_s
        self.maybe_taken = maybe_taken


class NoticeSender(Protocol):
    """The way out of one channel."""

    @property
    def largest(self) -> int:
        """Bytes of UTF-8 that one text may have."""
        ...

    def send(self, message: Message) -> None:
        """Returns when the receiver took it. Raises NoticeRefused, ReceiverAway."""
        ...
