"""What people arranged, as the records hold it, and who answers then. Read again when something changed."""

from time import monotonic
from typing import Final

from domain.arrangements import Arrangement
from linkage.responsibility import Responsibility
from service.site.model import Site
from service.who import responsibility_of
from storage.console_reads import ConsoleReads

_COMMITTED_WITHIN_S: Final = 1.0  # a change is told before it is recorded


class Arranged:
    def __init__(self, reads: ConsoleReads) -> None:
        self._reads = reads
        self._every: list[Arrangement] = []
        self._heard_at = monotonic()
        self._read_at = float("-inf")
        self._made: tuple[Site, list[Arrangement], Responsibility] | None = None

    def heard(self) -> None:
        """From any thread: something may have changed."""
        self._heard_at = monotonic()

    def every(self) -> list[Arrangement]:
        """The oldest first. Raises StorageUnavailable where they must be read again and cannot."""
        if self._read_at <= self._heard_at + _COMMITTED_WITHIN_S:
            now = monotonic()
            self._every = self._reads.arrangements()
            self._read_at = now
        return self._every

    def responsibility(self, site: Site) -> Responsibility:
        """Of this site with all of them. Raises StorageUnavailable."""
        every = self.every()
        if self._made is None or self._made[0] is not site or self._made[1] != every:
            self._made = site, every, responsibility_of(site, arranged=every)
        return self._made[2]
