"""Moves the edges of the gas diagnosis to where cases of known fault lie: one edge at a time, twice over."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from detectors.judgement.dga import Boundaries, Fault, Gases, combined

# one case: its gases, and the faults that would be right ("below 700 degC" is T1 or T2)
Case = tuple[Gases, frozenset[Fault]]

PUBLISHED: Final = Boundaries(
    pd_h2_share=1.0, pd_least_h2=0.0, d1_c2h4=23.0, t1_ethane=0.0, t3_c2h4=50.0
)
_TRIED: Final[Mapping[str, tuple[float, ...]]] = {
    "pd_h2_share": (0.75, 0.8, 0.85, 0.9, 0.95),
    "pd_least_h2": (0.0, 100.0, 150.0, 220.0, 270.0, 330.0, 400.0, 500.0, 701.0),
    "d1_c2h4": (23.0, 23.3, 23.6, 23.9, 24.5, 25.0, 26.0),
    "t1_ethane": (0.0, 0.25, 0.5, 0.75, 1.0, 1.25),
    "t3_c2h4": (50.0, 50.8, 51.2, 52.0, 53.0, 54.0, 55.0),
}


def right(cases: Sequence[Case], boundaries: Boundaries) -> int:
    """How many of the cases are answered rightly."""
    return sum(combined(gases, boundaries) in faults for gases, faults in cases)


def fit_boundaries(cases: Sequence[Case]) -> Boundaries:
    """Of values that do equally well the one in the middle: farthest from where it would matter."""
    found = PUBLISHED
    for _ in range(2):
        for name, values in _TRIED.items():
            tried = [replace(found, **{name: value}) for value in values]
            counts = [right(cases, each) for each in tried]
            best = [each for each, count in zip(tried, counts, strict=True) if count == max(counts)]
            found = best[len(best) // 2]
    return found
