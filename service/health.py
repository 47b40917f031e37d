"""How core is: which of its parts work, and since when one does not. Nothing here waits or reads a disk.

`live` is about the process itself: what is not live is only mended by starting it again. `ready` is about its
neighbours too: what is not ready mends itself when they come back.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from domain.clock import Clock, to_datetime

STUCK_AFTER_S: Final = 10.0
# threads that never wait for a store or a broker: one that does not turn will never turn again
OWN_PACE: Final = frozenset({"ticker", "intake", "decider"})
_MARKS_AT_MOST: Final = 86_400


@dataclass(frozen=True, slots=True)
class Check:
    """One claim about core."""

    name: str
    holds: bool
    why: str = ""
    since_us: int = 0  # when it began to be as it is

    def facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "ok": self.holds,
            "since": to_datetime(self.since_us).isoformat(timespec="seconds"),
        }
        return facts if self.holds else {**facts, "why": self.why}


class Turning(Protocol):
    """A thread that makes steps (service.workers.Worker)."""

    @property
    def name(self) -> str: ...

    @property
    def step_s(self) -> float: ...


class Health:
    """Asked from any thread."""

    def __init__(
        self,
        *,
        workers: Callable[[], Sequence[Turning]],
        dispatcher_alive: Callable[[], bool],
        journal_away_s: Callable[[], float],
        records_away_s: Callable[[], float],
        sources: Callable[[], Mapping[str, bool]],
        clock: Clock,
    ) -> None:
        """`sources` says of each source whether it is connected."""
        self._workers = workers
        self._dispatcher_alive = dispatcher_alive
        self._journal_away_s = journal_away_s
        self._records_away_s = records_away_s
        self._sources = sources
        self._clock = clock
        self._lock = threading.Lock()
        self._since: dict[str, tuple[bool, int]] = {}
        self.recovered = False

    def live(self) -> list[Check]:
        checks = [
            self.check(
                f"thread:{worker.name}",
                worker.step_s < STUCK_AFTER_S or _part(worker.name) not in OWN_PACE,
                f"its step has lasted for {worker.step_s:.0f} s",
            )
            for worker in self._workers()
        ]
        alive = not self.recovered or self._dispatcher_alive()
        return [*checks, self.check("thread:dispatcher", alive, "it has ended")]

    def ready(self) -> list[Check]:
        """With `live`."""
        return [
            *self.live(),
            self.check("recovered", self.recovered, "what the journal holds is still being read"),
            self._away("journal", max(self._journal_away_s(), self._stuck_s("journal"))),
            self._away("records", max(self._records_away_s(), self._stuck_s("recorder"))),
            *(
                self.check(f"source:{name}", connected, "not connected")
                for name, connected in self._sources().items()
            ),
        ]

    def _stuck_s(self, name: str) -> float:
        """A store that does not even refuse."""
        steps = [worker.step_s for worker in self._workers() if _part(worker.name) == name]
        longest = max(steps, default=0.0)
        return longest if longest >= STUCK_AFTER_S else 0.0

    def _away(self, name: str, away_s: float) -> Check:
        return self.check(name, away_s == 0.0, f"takes nothing for {away_s:.0f} s")

    def check(self, name: str, holds: bool, why: str) -> Check:
        """The claim, with the moment since when it is as it is."""
        with self._lock:
            held, since_us = self._since.get(name, (not holds, 0))
            if held != holds:
                since_us = self._clock()
                self._since[name] = (holds, since_us)
        return Check(name, holds, "" if holds else why, since_us)


def _part(thread: str) -> str:
    """decider:3 is the decider of partition 3."""
    return thread.partition(":")[0]


class Marks:
    """When the journal had which number: tells how old the oldest record is that somebody has not passed,
    without reading it."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, int]] = deque(maxlen=_MARKS_AT_MOST)  # number, moment
        self._lock = threading.Lock()

    def note(self, seq: int, at_us: int | None) -> None:
        if at_us is None:
            return
        with self._lock:
            if not self._marks or seq > self._marks[-1][0]:
                self._marks.append((seq, at_us))

    def oldest_after(self, passed_seq: int) -> int | None:
        """The moment of it, to about a second; None where all is passed. Forgets what is passed."""
        with self._lock:
            while self._marks and self._marks[0][0] <= passed_seq:
                self._marks.popleft()
            return self._marks[0][1] if self._marks else None

    def first_after(self, seq: int) -> int | None:
        """The moment of the first mark beyond `seq`; forgets nothing."""
        with self._lock:
            return next((at_us for marked, at_us in self._marks if marked > seq), None)


class Seen:
    """Remembers what a look at the disk gave, for those who must not look themselves."""

    def __init__(self, look: Callable[[], float]) -> None:
        self._look = look
        self.last = 0.0

    def __call__(self) -> float:
        self.last = self._look()
        return self.last


class Durations:
    """A histogram that costs an addition. Any thread."""

    BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0)

    def __init__(self) -> None:
        self._counts = [0] * (len(self.BOUNDS_S) + 1)
        self._sum_s = 0.0
        self._lock = threading.Lock()

    def observe(self, seconds: float) -> None:
        place = next(
            (place for place, bound in enumerate(self.BOUNDS_S) if seconds <= bound),
            len(self.BOUNDS_S),
        )
        with self._lock:
            self._counts[place] += 1
            self._sum_s += seconds

    def cumulated(self) -> tuple[list[tuple[str, float]], float]:
        """(upper bound, how many up to it) as Prometheus has it, and the sum."""
        with self._lock:
            counts, sum_s = list(self._counts), self._sum_s
        buckets, total = [], 0
        for bound, count in zip([*map(str, self.BOUNDS_S), "+Inf"], counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets, sum_s
