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

from detectors.evaluate import UnreadableCheckpoint
from domain.ports import Counters, StorageUnavailable
from domain.records import ReadingsArrived, Record
from ingest.intake import UnreadableIntake
from ingest.kafka import Fetched, Reader
from ingest.partition_intake import PartitionIntake
from service.snapshots import apart, limits_of
from storage.checkpoints import Checkpoint

log = structlog.get_logger(__name__)

KEPT_READINGS: Final = 400_000
_KEPT_GROUPS: Final = 5_000
_LOOKS: Final = 50  # for the next piece, each of a moment


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


class NoStateOldEnough(Exception):
    """Nothing is left from which a projection could be folded that far back."""


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
        an offset; `checkpoints` gives joint states, the newest first."""
        self._partition = partition
        self._reading_back = reading_back
        self._fresh_intake = fresh_intake
        self._checkpoints = checkpoints
        self._counters = counters
        self._groups: deque[Group] = deque()
        self._rows = 0
        self._held_after = begins_after  # every record above it is held
        self._lock = threading.Lock()
        self._back: _ReadBack | None = None
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

    def holds(self, seq: int) -> bool:
        """Whether every record beyond it is in memory."""
        with self._lock:
            return seq >= self._held_after

    def rows_after(self, seq: int) -> int:
        """How many readings are held beyond it."""
        with self._lock:
            return sum(group.rows for group in self._groups if group.seq > seq)

    def read(self, after: int) -> Iterator[tuple[int, Record]]:
        """Raises StorageUnavailable where the topic cannot be read back."""
        with self._lock:
            held_after, groups = self._held_after, list(self._groups)
        # after a restart groups end elsewhere: of one that is applied in part, only the rest is wanted
        held_after = max(
            [held_after, *(group.seq for group in groups if group.first_seq <= after < group.seq)]
        )
        if after < held_after:
            yield from self._older(after, held_after)
            after = held_after
        else:
            self.close()
        for group in groups:
            if group.seq > after:
                for record in group.records:
                    yield group.seq, record

    def close(self) -> None:
        back, self._back = self._back, None
        if back is not None:
            back.close()

    def _older(self, after: int, through: int) -> Iterator[tuple[int, Record]]:
        """What is held no more, folded anew. Where one call ended the next one goes on."""
        if self._back is None or not self._back.goes_on(after):
            self.close()
            try:
                self._back = self._begin_back(after)
            except NoStateOldEnough as error:
                self._counters.add("history_missing", of="telemetry")
                log.error("history_missing", after=after, through=through, reason=str(error))
                return
        back = self._back
        back.asked_anew()
        try:
            while (group := back.next(after, through)) is not None:
                for record in group.records:
                    yield group.seq, record
        except StorageUnavailable:
            self.close()
            raise

    def _begin_back(self, after: int) -> "_ReadBack":
        intake, seq = self._state_at(after)
        log.info("reading_back", partition=self._partition, after=after, from_seq=seq)
        reader = self._reading_back(seq)  # the offset of the message numbered seq + 1
        reader.open()
        if reader.missing:
            self._counters.add("history_missing", of="telemetry")
            log.error("history_missing", partition=self._partition, count=reader.missing)
        return _ReadBack(reader, intake, seq)

    def _state_at(self, seq: int) -> tuple[PartitionIntake, int]:
        for checkpoint in self._checkpoints():
            if checkpoint.seq > seq:
                continue
            intake = self._fresh_intake()
            _, of_intake = apart(checkpoint)
            try:
                intake.restore(of_intake.arrays, of_intake.meta)
                intake.activate(limits_of(checkpoint))
            except (UnreadableIntake, UnreadableCheckpoint) as error:
                log.error("checkpoint_unreadable", seq=checkpoint.seq, reason=str(error))
                continue
            return intake, checkpoint.seq
        raise NoStateOldEnough(f"no checkpoint of partition {self._partition} is as old as {seq}")


class _ReadBack:
    """A fold of the topic that is behind the live one."""

    def __init__(self, reader: Reader, intake: PartitionIntake, seq: int) -> None:
        self._reader = reader
        self._intake = intake
        self._seq = seq  # of the last message that is folded in
        self._given: Group | None = None  # perhaps not applied: it may be asked for again
        self._repeated = False
        self._fetched: list[Fetched] = []

    def asked_anew(self) -> None:
        self._repeated = False

    def goes_on(self, after: int) -> bool:
        return after >= (self._given.first_seq - 1 if self._given else self._seq)

    def close(self) -> None:
        self._reader.close()

    def next(self, after: int, through: int) -> Group | None:
        """The group after `after`, up to the message `through`; None where that is reached."""
        if self._given is not None and self._given.seq > after and not self._repeated:
            self._repeated = True
            return self._given
        self._repeated = True
        while self._seq < through:
            messages = self._fetch(through)
            if not messages:  # the topic keeps nothing more of what is asked for
                self._seq = through
                return None
            known = [each for each in messages if each.offset < after]
            if known:
                self._intake.absorb(known)
                self._seq = known[-1].offset + 1
            new = messages[len(known) :]
            if new:
                self._seq = new[-1].offset + 1
                self._given = Group.of(new, self._intake.absorb(new))
                return self._given
        return None

    def _fetch(self, through: int) -> list[Fetched]:
        """What was fetched beyond `through` waits: the live journal holds it now, and perhaps not later."""
        for _ in range(_LOOKS):
            if self._fetched:
                break
            self._fetched = self._reader.next()
        else:
            raise StorageUnavailable("Kafka gives nothing of what it has")
        ready = [each for each in self._fetched if each.offset < through]
        self._fetched = self._fetched[len(ready) :]
        return ready
