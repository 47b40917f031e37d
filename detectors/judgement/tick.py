"""One look at all streams of a kind, at one moment: what learned detectors are given."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """Times in microseconds since 1970 in the plant's local time: habits follow the wall clock."""

    at_us: int
    values: NDArray[np.float64]  # (n,) NaN: silent, or not good enough to be judged

    @property
    def share_of_day(self) -> float:
        return self.at_us % DAY_US / DAY_US

    @property
    def hour(self) -> int:
        return self.at_us % DAY_US * 24 // DAY_US


class Part(Protocol):
    """One way to be surprised. `rarity` looks and changes nothing; `learn` goes on to the next tick."""

    def rarity(self, tick: Tick) -> NDArray[np.float64]:
        """(n,) minus log10 of how often the stream itself would show this; 0 where nothing is known."""
        ...

    def learn(self, tick: Tick, rows: NDArray[np.bool_]) -> None:
        """Takes the rows of `rows` into the past; leave out what an alarm stands on."""
        ...
