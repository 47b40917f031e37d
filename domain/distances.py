"""Distances to live parts by voltage (DOMAIN C3).

The rows are data with an edition and a mark each; a site may give its own.
"""

from dataclasses import dataclass
from math import isfinite

from domain.assets import Provenance


class UnusableDistances(ValueError):
    """Rows that leave a voltage without a limit or with two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """For voltages above the row before, up to this one."""

    up_to_kv: float
    near_m: float  # a person near equipment that stays live
    working_m: float  # a person at work, to live parts
    near_from: Provenance
    working_from: Provenance


@dataclass(frozen=True, slots=True)
class Distances:
    """Rising by voltage."""

    rows: tuple[Distance, ...]

    def __post_init__(self) -> None:
        voltages = [row.up_to_kv for row in self.rows]
        if not voltages or voltages != sorted(set(voltages)):
            raise UnusableDistances("the voltages must rise from row to row, each once")
        for row in self.rows:
            for metres in (row.near_m, row.working_m):
                if not (isfinite(metres) and 0 < metres < 100):
                    raise UnusableDistances(
                        f"a distance of {metres} m at {row.up_to_kv} kV cannot be"
                    )

    def at(self, kv: float) -> Distance:
        """Raises UnusableDistances above the last row: a guess there could kill."""
        found = next((row for row in self.rows if kv <= row.up_to_kv), None)
        if found is None:
            raise UnusableDistances(f"no distance is given for {kv:g} kV: add a row")
        return found
