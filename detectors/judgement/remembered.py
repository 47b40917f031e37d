"""What experts remember of one asset, as plain data: it is saved and read back, and a restart is not felt."""

from dataclasses import dataclass, field
from math import isfinite
from typing import Final

from detectors.judgement.thermal import Temperatures
from domain.findings import Drawing

MINUTE_US: Final = 60_000_000
TEN_MINUTES_US: Final = 10 * MINUTE_US
DAY_US: Final = 86_400_000_000


@dataclass(slots=True)
class Means:
    """Means over slots of equal length, the newest `kept` of them: looks come every few seconds, and a gust
    or an inrush is no fault. Moments that go back are left out."""

    slot_us: int
    kept: int
    slot: int = -1
    total: float = 0.0
    count: int = 0
    past: list[tuple[int, float]] = field(default_factory=list)  # slot, mean; oldest first

    def add(self, at_us: int, value: float | None) -> None:
        """None where there is nothing to be said at this moment: the slot ends all the same."""
        slot = at_us // self.slot_us
        if slot < self.slot:
            return
        if slot > self.slot:
            self._close()
            self.slot = slot
        if value is not None and isfinite(value):
            self.total += value
            self.count += 1

    def _close(self) -> None:
        if self.count:
            self.past.append((self.slot, self.total / self.count))
            del self.past[: -self.kept]
        self.total, self.count = 0.0, 0

    def last(self, slots: int) -> list[float]:
        """Of so many whole slots before the one that runs; those of which nothing is known are left out."""
        return [mean for slot, mean in self.past if slot >= self.slot - slots]

    def stays_above(self, slots: int, limit: float) -> bool:
        """Each of the last so many whole slots is known and above."""
        last = self.last(slots)
        return len(last) == slots and min(last) > limit

    def stays_below(self, slots: int, limit: float) -> bool:
        last = self.last(slots)
        return len(last) == slots and max(last) < limit

    def drawing(self, unit: str, expected: float, limit: float | None = None) -> Drawing:
        times = tuple((slot + 1) * self.slot_us for slot, _ in self.past)
        return Drawing(
            kind="series",
            unit=unit,
            times_us=times,
            measured=tuple(round(mean, 4) for _, mean in self.past),
            expected=(expected,) * len(times),
            limit=limit,
        )


def ten_minutes() -> Means:
    """Of the last twelve hours."""
    return Means(TEN_MINUTES_US, 72)


def days() -> Means:
    """Of the last two months."""
    return Means(DAY_US, 60)


@dataclass(slots=True)
class Thermal:
    """A transformer's thermal model, from the first reading on."""

    state: Temperatures | None = None
    at_us: int = 0
    began_us: int = 0
    off_since_us: int | None = None
    past: list[tuple[int, float, float]] = field(default_factory=list)  # time, measured, expected


@dataclass(frozen=True, slots=True, kw_only=True)
class GasSample:
    """uL/L of one sample of oil."""

    at_us: int
    h2: float
    c2h2: float
    hydrocarbons: float


@dataclass(slots=True)
class SunDay:
    """One day of an inverter under its irradiance, added up."""

    day: int = -1
    at_us: int = 0
    kw: float = 0.0
    w_m2: float = 0.0
    energy_kwh: float = 0.0
    irradiation: float = 0.0  # kWh/m2
    warmth: float = 0.0  # module temperature in degC times irradiation
    covered_us: int = 0
    ratios: list[tuple[int, float]] = field(default_factory=list)  # day, performance ratio


@dataclass(slots=True)
class Still:
    """How long a value has repeated itself, and what moved beside it meanwhile."""

    value: float | None = None
    since_us: int = 0
    beside_low: float = 0.0
    beside_high: float = 0.0


@dataclass(slots=True)
class Remembered:
    """Of one asset; each expert has a part of its own."""

    thermal: Thermal = field(default_factory=Thermal)
    wind: Means = field(default_factory=ten_minutes)  # spreads off the power curve
    sun: Means = field(default_factory=ten_minutes)  # measured power over what the sun explains
    strings: dict[str, Means] = field(default_factory=dict)  # share of the median of the strings
    day: SunDay = field(default_factory=SunDay)
    still: Still = field(default_factory=Still)
    harmonics: Means = field(default_factory=ten_minutes)  # worst of them as a share of its limit
    turns: Means = field(default_factory=ten_minutes)  # negative over positive sequence
    amperes: float | None = None  # of a motor at the look before
    p20: Means = field(default_factory=days)  # MPa
    samples: list[GasSample] = field(default_factory=list)
