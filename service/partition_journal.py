"""A partition of the topic as a journal: the newest groups in memory, what is older read back from Kafka.

The number of a record is the offset of its message plus one, so that 0 means none. A group is what was
fetched at once; its records bear the number of its last message and are applied together.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from domain.ports import Counters
from domain.records import ReadingsArrived, Record
from ingest.intake import UnreadableIntake
from ingest.kafka import Fetched, Reader
from ingest.partition_intake import PartitionIntake
from storage.checkpoints import Checkpoint

log = structlog.get_logger(__name__)

KEPT_READINGS: Final = 400_000
_KEPT_GROUPS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Group:
    first_seq: int  # of its first message
    seq: int  # of its last
    records: tuple[Record, ...]
    rows: int

    @classmethod
    def of(cls, messages: Sequence[Fetched], records: Sequence[Record]) -> "Group":
        rows = sum(len(each.readings) for each in records if isinstance(each, ReadingsArrived))
        return cls(messages[0].offset + 1, messages[-1].offset + 1, tuple(records), rows)


class PartitionJournal:
    """Implements the reading half of domain.ports.Journal. `add` from one thread, the rest from any."""

    def __init__(
        self,
        partition: int,
        begins_after: int,
        *,
        reading_back: Callable[[int], Reader],
        fresh_intake: Callable[[], PartitionIntake],
        checkpoints: Callable[[], Iterator[Checkpoint]],
        counters: Counters,
    ) -> None:
        """Holds what is added, from the number after `begins_after` on. `reading_back` opens the partition at
        an offset; `checkpoints` gives states of the intake, the newest first."""
        self._partition = partition
        self._reading_back = reading_back
        self._fresh_intake = fresh_intake
        self._checkpoints = checkpoints
        self._counters = counters
        self._groups: deque[Group] = deque()
        self._rows = 0
        self._held_after = begins_after  # every record above it is held
        self._lock = threading.Lock()
        self.last_seq = begins_after
        self.newest_at_us: int | None = None

    def add(self, group: Group, at_us: int) -> None:
        with self._lock:
            self._groups.append(group)
            self._rows += group.rows
            while self._rows > KEPT_READINGS or len(self._groups) > _KEPT_GROUPS:
                dropped = self._groups.popleft()
                self._rows -= dropped.rows
                self._held_after = dropped.seq
            self.last_seq = group.seq
            self.newest_at_us = at_us

    def read(self, after: int) -> Iterator[tuple[int, Record]]:
        """Raises StorageUnavailable where the topic cannot be read back."""
        with self._lock:
            held_after, groups = self._held_after, list(self._groups)
        if after < held_after:
            yield from self._older(after, held_after)
        for group in groups:
            if group.seq > after:
                for record in group.records:
                    yield group.seq, record

    def _older(self, after: int, through: int) -> Iterator[tuple[int, Record]]:
        """What is held no more: folded anew from the newest state of the intake that is old enough."""
        intake, seq = self._state_at(after)
        log.info("reading_back", partition=self._partition, after=after, from_seq=seq)
        with self._reading_back(seq) as reader:  # the offset of the message numbered seq + 1
            if reader.missing:
                self._counters.add("history_missing", of="telemetry")
                log.error("history_missing", partition=self._partition, count=reader.missing)
            while seq < through:
                messages = [each for each in reader.next() if each.offset < through]
                known = [each for each in messages if each.offset < after]
                if known:
                    intake.absorb(known)
                new = messages[len(known) :]
                if new:
                    number = new[-1].offset + 1
                    for record in intake.absorb(new):
                        yield number, record
                if messages:
                    seq = messages[-1].offset + 1

    def _state_at(self, seq: int) -> tuple[PartitionIntake, int]:
        for checkpoint in self._checkpoints():
            if checkpoint.seq > seq:
                continue
            intake = self._fresh_intake()
            try:
                intake.restore(checkpoint.arrays, checkpoint.meta)
            except UnreadableIntake as error:
                log.error("checkpoint_unreadable", seq=checkpoint.seq, reason=str(error))
                continue
            return intake, checkpoint.seq
        return self._fresh_intake(), 0
