"""What an expert is given of one asset at one moment, and the two ways in which most of them answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from domain.assets import Provenance
from domain.findings import Cause, Drawing, Input, Opinion, Stance
from domain.ids import AssetId
from domain.plates import Plate
from domain.responsibility import Reason


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest value of one signal. `good` is False for quality less than good, and for one too old."""

    value: float
    at_us: int
    good: bool = True
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One asset at one moment."""

    asset_id: AssetId
    at_us: int
    signals: Mapping[str, Reading]  # by the suffix of the point's key: "top_oil_temp"
    nominal_kv: float | None = None
    ambient: Reading | None = None  # of the site's weather station
    peers: Sequence[float] = ()  # active power of like assets of the station now
    sky: Mapping[str, Reading] = field(default_factory=dict)  # of the station's weather mast
    plate: Plate = field(default_factory=Plate)  # what the nameplate and the settings say
    local_us: int = 0  # `at_us` by the plant's wall clock: days are its days

    def has(self, *names: str) -> bool:
        return all(name in self.signals for name in names)

    def numbered(self, stem: str) -> list[str]:
        """Signals of this stem and a number, by their number: "cell_voltage_2" before "cell_voltage_10"."""
        found = [
            (int(number), name)
            for name in self.signals
            if (number := name.removeprefix(f"{stem}_")) != name and number.isdigit()
        ]
        return [name for _, name in sorted(found)]

    def value(self, name: str) -> float:
        return self.signals[name].value

    def known(self, name: str) -> float | None:
        """Its value; None where it is missing or no number."""
        reading = self.signals.get(name)
        return _known(reading.value) if reading else None

    def of_one_record(self, names: Sequence[str], apart_us: int, kept_us: int) -> bool:
        """They were recorded together, and not so long ago that somebody has surely looked."""
        at_us = [self.signals[name].at_us for name in names]
        return max(at_us) - min(at_us) <= apart_us and self.at_us - max(at_us) <= kept_us

    def inputs(self, *names: str) -> tuple[Input, ...]:
        return tuple(
            Input(
                point=f"{self.asset_id}/{name}",
                value=_known(self.signals[name].value),
                unit=self.signals[name].unit,
                good=self.signals[name].good,
                at_us=self.signals[name].at_us,
            )
            for name in names
        )


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


def cannot_tell(rule: str, cause: Cause, inputs: tuple[Input, ...], *missing: str) -> Opinion:
    return Opinion(
        expert=rule,
        cause=cause,
        stance=Stance.CANNOT_TELL,
        inputs=inputs,
        missing=missing,
        why=Reason.of("inputs_missing", what=", ".join(missing)),
    )


def agrees(
    rule: str,
    cause: Cause,
    confidence: float,
    measured: float,
    limit: float,
    unit: str,
    inputs: tuple[Input, ...],
    provenance: Provenance,
    drawing: Drawing | None = None,
) -> Opinion:
    return Opinion(
        expert=rule,
        cause=cause,
        stance=Stance.AGREES,
        confidence=confidence,
        measured=round(measured, 4),
        limit=limit,
        unit=unit,
        inputs=inputs,
        why=Reason.of("beyond_limit", measured=f"{measured:.4g}", limit=f"{limit:g}", unit=unit),
        would_change=Reason.of("within_limit", limit=f"{limit:g}", unit=unit),
        provenance=provenance,
        drawing=drawing,
    )
