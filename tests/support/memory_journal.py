"""The journal in memory: the same promises as on disk, but nothing outlives the process."""

from collections.abc import Iterator, Sequence

from domain.ports import StorageUnavailable
from domain.records import Record


class MemoryJournal:
    """Set `fault` to a sentence and every append is refused with it until it is None again."""

    def __init__(self) -> None:
        self.fault: str | None = None
        self._records: list[Record] = []
        self._dropped = 0

    @property
    def last_seq(self) -> int:
        return self._dropped + len(self._records)

    @property
    def oldest_seq(self) -> int:
        return self._dropped + 1

    @property
    def newest_at_us(self) -> int | None:
        return self._records[-1].at_us if self._records else None

    @property
    def share_used(self) -> float:
        return 0.0

    def size_bytes(self) -> int:
        return 0

    def append(self, records: Sequence[Record]) -> list[int]:
        if self.fault is not None:
            raise StorageUnavailable(self.fault)
        first = self.last_seq + 1
        self._records += records
        return list(range(first, self.last_seq + 1))

    def read(self, after: int) -> Iterator[tuple[int, Record]]:
        start = max(after - self._dropped, 0)
        yield from enumerate(self._records[start:], self._dropped + start + 1)

    def drop_through(self, seq: int) -> int:
        """Every record is a segment of its own here; the current one stays."""
        count = max(0, min(seq - self._dropped, len(self._records) - 1))
        del self._records[:count]
        self._dropped += count
        return count

    def close(self) -> None:
        """Nothing to let go of."""
