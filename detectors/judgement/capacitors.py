"""Capacitor banks with external fuses, star, neutral not earthed (DOMAIN B12): what lost units do to the
unbalance, and how many are lost. Derived and checked by nodal calculation (C)."""

from dataclasses import dataclass
from math import isfinite
from typing import Final

from domain.assets import Provenance

RULE: Final = "capacitors/1"
FORMULAS: Final = Provenance(standard="nodal analysis", edition="", clause="", mark="C")
OVERVOLTAGE: Final = 1.1  # of rated, for long: U


class UnusableBank(ValueError):
    """A bank that cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """`parallel` units in a group, `series` groups in a phase."""

    parallel: int
    series: int

    def __post_init__(self) -> None:
        if self.parallel < 1 or self.series < 1:
            raise UnusableBank(f"{self.parallel} x {self.series} units are no bank")


def open_delta_share(bank: Bank, lost: int) -> float:
    """U0 / Uph of a single star with `lost` units missing in one group."""
    left = _left(bank, lost)
    return 3 * lost / (3 * bank.series * left + 2 * lost)


def neutral_current_share(bank: Bank, lost: int) -> float:
    """I0 / Ic of a double star; Ic is one unit's rated current."""
    left = _left(bank, lost)
    return 3 * bank.parallel * lost / (6 * bank.series * left + 5 * lost)


def group_voltage_share(bank: Bank, lost: int) -> float:
    """Voltage on the units that remain in that group, of rated."""
    left = _left(bank, lost)
    return 3 * bank.parallel * bank.series / (3 * bank.series * left + 2 * lost)


def units_lost(bank: Bank, open_delta: float) -> int | None:
    """How many units of one group explain this U0 / Uph: the nearest count, or None where the bank's own
    small unbalance is nearer."""
    if not isfinite(open_delta) or open_delta < 0.0:
        raise UnusableBank(f"an unbalance of {open_delta:g} cannot be")
    expected = [0.0, *(open_delta_share(bank, lost) for lost in range(1, bank.parallel))]
    nearest = min(range(len(expected)), key=lambda lost: abs(expected[lost] - open_delta))
    return nearest or None


def _left(bank: Bank, lost: int) -> int:
    if not 0 <= lost < bank.parallel:
        raise UnusableBank(f"{lost} of {bank.parallel} units cannot be lost while the group lives")
    return bank.parallel - lost
