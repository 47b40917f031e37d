"""Symmetrical components and voltage unbalance, GB/T 15543 annex A (DOMAIN B7). Per cent."""

from cmath import exp as cexp
from dataclasses import dataclass
from math import acos, isfinite, pi, sqrt
from typing import Final

from domain.assets import Provenance

RULE: Final = "unbalance/1"
_GBT_15543: Final = Provenance(standard="GB/T 15543", edition="2008", clause="4.1", mark="V")
_TURN: Final = cexp(2j * pi / 3.0)


class UnusablePhases(ValueError):
    """Three values that are no three-phase system."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Positive, negative and zero sequence of three phasors."""

    positive: complex
    negative: complex
    zero: complex

    @property
    def unbalance_percent(self) -> float:
        if abs(self.positive) == 0.0:
            raise UnusablePhases("without a positive sequence there is no unbalance to tell")
        return 100.0 * abs(self.negative) / abs(self.positive)


def sequence(a: complex, b: complex, c: complex) -> Sequence:
    """Phase order a, b, c."""
    return Sequence(
        (a + _TURN * b + _TURN**2 * c) / 3.0,
        (a + _TURN**2 * b + _TURN * c) / 3.0,
        (a + b + c) / 3.0,
    )


def unbalance_of_lines(ab: float, bc: float, ca: float) -> float:
    """From the three line voltages alone, whose phasors close. Per cent."""
    if min(ab, bc, ca) <= 0.0:
        raise UnusablePhases(f"line voltages of {ab:g}, {bc:g}, {ca:g}: one is missing")
    largest = max(ab, bc, ca)  # fourth powers of what is tiny would be nothing
    ab, bc, ca = ab / largest, bc / largest, ca / largest
    squares = ab**2 + bc**2 + ca**2
    form = (ab**4 + bc**4 + ca**4) / squares**2
    # a tiny negative radicand is rounding of a balanced system (or three that do not close)
    root = sqrt(max(3.0 - 6.0 * form, 0.0))
    return 100.0 * sqrt(max((1.0 - root) / (1.0 + root), 0.0))


def sequence_of_sizes(a: float, b: float, c: float) -> Sequence:
    """From three sizes alone whose phasors close, as the currents of three wires do: the triangle they make
    has one shape. `a` is the reference. Raises UnusablePhases."""
    if min(a, b, c) <= 0.0 or not all(isfinite(each) for each in (a, b, c)):
        raise UnusablePhases(f"phases of {a:g}, {b:g}, {c:g}: one is missing")
    cosine = (c / a * c / b - a / b - b / a) / 2.0
    if abs(cosine) > 1.0:
        raise UnusablePhases(f"phases of {a:g}, {b:g}, {c:g} do not close")
    behind = b * cexp(-1j * acos(cosine))
    return sequence(complex(a), behind, -(a + behind))


def unbalance_of_current(negative_a: float, line_kv: float, short_circuit_mva: float) -> float:
    """What a negative-sequence current does to the voltage at a point of this strength. Per cent."""
    if short_circuit_mva <= 0.0:
        raise UnusablePhases(f"a short-circuit power of {short_circuit_mva:g} MVA cannot be")
    return sqrt(3.0) * negative_a * line_kv / (1_000.0 * short_circuit_mva) * 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbalanceLimit:
    normal: float
    short_time: float
    one_user: float
    one_user_short_time: float  # U
    provenance: Provenance = _GBT_15543


LIMIT: Final = UnbalanceLimit(normal=2.0, short_time=4.0, one_user=1.3, one_user_short_time=2.6)
