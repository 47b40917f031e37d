"""Shorted turns of a motor in recorded phase currents, against the healthy runs of the same motor.

python -m benchmarks.motor_turns --data DIR

DIR holds SC_HLT_*.csv (healthy) and SC_A<x>_B<y>_C<z>_*.csv (x, y or z times a tenth of one phase's turns),
three columns at 1 kHz from a supply of 60 Hz. By the waves, and by the three effective values alone, which is
what the judge has in service.
"""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.motor import (
    TooFewRuns,
    currents_sequence,
    learn_healthy,
    share,
    shorted_turns,
)
from detectors.judgement.unbalance import Sequence as Components
from detectors.judgement.unbalance import sequence_of_sizes

_RATE_HZ: Final = 1_000.0
_SUPPLY_HZ: Final = 60.0
Waves = NDArray[np.float64]  # (rows, 3)


def by_waves(currents: Waves) -> Components:
    return currents_sequence(currents, _RATE_HZ, _SUPPLY_HZ)[0]


def by_sizes(currents: Waves) -> Components:
    a, b, c = (float(each) for each in np.sqrt((currents**2).mean(axis=0)))
    return sequence_of_sizes(a, b, c)


def phase_of(name: str) -> str | None:
    """Of the file's name; None for a healthy run."""
    found = re.search(r"_A(\d)_B(\d)_C(\d)_", name)
    return (
        next(
            (phase for phase, turns in zip("ABC", found.groups(), strict=True) if int(turns)), None
        )
        if found
        else None
    )


def figures(data: Path, components: Callable[[Waves], Components]) -> tuple[int, int, int]:
    """(runs with shorted turns, found, with the right phase). Raises TooFewRuns."""
    paths = sorted(data.glob("SC_*.csv"))
    found = {path.name: components(np.loadtxt(path, delimiter=",")) for path in paths}
    healthy = learn_healthy([share(each) for name, each in found.items() if phase_of(name) is None])
    faults = {name: shorted_turns(each, healthy) for name, each in found.items() if phase_of(name)}
    told = {name: fault for name, fault in faults.items() if fault is not None}
    right = sum(fault.phase == phase_of(name) for name, fault in told.items())
    return len(faults), len(told), right


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.motor_turns", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args(arguments).data
    for what, components in (("waves", by_waves), ("three sizes", by_sizes)):
        try:
            faults, found, right = figures(data, components)
        except TooFewRuns as error:
            print(f"cannot judge {data}: {error}", file=sys.stderr)
            return 2
        print(f"by {what}: {found} of {faults} found, the phase right in {right}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
