"""Stator inter-turn short circuits of a motor from its sequence currents (DOMAIN B15, phase against phase).

A shorted turn makes a negative sequence; its angle to the positive one tells the phase. The limit is learnt
from healthy runs of the same motor, since a supply is never quite balanced. Valid at steady speed.
"""

from cmath import phase
from collections.abc import Sequence as Many
from dataclasses import dataclass
from math import degrees
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.unbalance import Sequence, UnusablePhases, sequence
from domain.assets import Provenance

RULE: Final = "motor_turns/1"
PROVENANCE: Final = Provenance(standard="", edition="", clause="", mark="D")

_LEAST_RUNS: Final = 3
_ENOUGH_RUNS: Final = 8  # fewer are widened
_SPREADS: Final = 4.0
_LEAST_WIDTH: Final = 0.003  # of the positive sequence: two healthy runs may agree by chance
_FIRST_PHASE_DEGREES: Final = 80.0  # angle of the negative sequence when phase A is short


class TooFewRuns(ValueError):
    """Not enough healthy runs to know what is usual."""


@dataclass(frozen=True, slots=True)
class HealthyMotor:
    """What this motor's negative sequence is when it is well: a share of the positive one."""

    usual: float
    limit: float
    runs: int


def currents_sequence(
    currents: NDArray[np.float64], rate_hz: float, near_hz: float = 50.0
) -> tuple[Sequence, float]:
    """Sequence components of (rows, 3) sampled phase currents, and the frequency found within 2 Hz of
    `near_hz`. Whole cycles only: a part of one would leak into the negative sequence."""
    if currents.ndim != 2 or currents.shape[1] != 3 or len(currents) < rate_hz / near_hz * 5:
        raise UnusablePhases("three columns of at least five cycles are needed")
    if not np.isfinite(currents).all():
        raise UnusablePhases("a current is missing")
    seconds = np.arange(len(currents)) / rate_hz
    candidates = np.arange(near_hz - 2.0, near_hz + 2.0, 0.05)
    waves = np.exp(-2j * np.pi * candidates[:, None] * seconds)
    hertz = float(candidates[int(np.argmax(np.abs(waves @ currents).sum(axis=1)))])
    cycles = int(len(currents) * hertz / rate_hz)
    rows = round(cycles * rate_hz / hertz)
    wave = np.exp(-2j * np.pi * hertz * seconds[:rows])
    a, b, c = (2.0 / rows * complex(wave @ currents[:rows, column]) for column in range(3))
    found = sequence(a, b, c)
    if abs(found.negative) > abs(found.positive):  # the phases are connected the other way round
        found = Sequence(found.negative, found.positive, found.zero)
    return found, hertz


def share(found: Sequence) -> float:
    """Negative over positive."""
    return found.unbalance_percent / 100.0


def learn_healthy(shares: Many[float]) -> HealthyMotor:
    """From the healthy runs of one motor. Raises TooFewRuns below three; eight make it narrow."""
    if len(shares) < _LEAST_RUNS:
        raise TooFewRuns(f"{len(shares)} healthy runs are too few: record at least {_LEAST_RUNS}")
    usual = float(np.median(shares))
    width = max(float(np.std(shares, ddof=1)), _LEAST_WIDTH)
    widened = width * max(1.0, (_ENOUGH_RUNS / len(shares)) ** 0.5)
    return HealthyMotor(usual, usual + _SPREADS * min(widened, usual), len(shares))


@dataclass(frozen=True, slots=True)
class TurnFault:
    share: float  # of negative sequence
    limit: float
    phase: str  # "A", "B" or "C"


def shorted_turns(found: Sequence, healthy: HealthyMotor) -> TurnFault | None:
    """The phase with shorted turns; None within what is usual for this motor."""
    now = share(found)
    if now <= healthy.limit:
        return None
    angle = degrees(phase(found.negative / found.positive))
    sector = round((angle - _FIRST_PHASE_DEGREES) / 120.0) % 3
    return TurnFault(now, healthy.limit, "ABC"[sector])
