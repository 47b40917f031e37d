"""Findings: what the judgement makes of one problem of one piece of equipment, and what people say to it.

One finding per problem: which experts agree, which contradict, what is missing, and how sure all that is.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from domain.assets import Priority, Provenance
from domain.ids import AssetId
from domain.responsibility import Reason


class Cause(StrEnum):
    """What is wrong. Worded by `domain.judgement_words`."""

    OVERHEATING = (
        "overheating"  # oil or winding warmer than its load explains: cooling, or a fault inside
    )
    OVERLOAD = "overload"  # the forecast passes the loading limit
    DISCHARGE = "discharge"  # electrical fault inside, by its gases
    THERMAL_FAULT = "thermal_fault"  # hot spot inside, by its gases
    PARTIAL_DISCHARGE = "partial_discharge"
    UNBALANCE = "unbalance"
    VOLTAGE = "voltage"
    VOLTAGE_EVENT = "voltage_event"  # a sag, swell or short interruption that was recorded
    FREQUENCY = "frequency"
    HARMONICS = "harmonics"
    GAS_LEAK = "gas_leak"
    DC_VOLTAGE = "dc_voltage"
    DC_EARTH_FAULT = "dc_earth_fault"
    BATTERY_HEAT = "battery_heat"
    BATTERY_CELL = "battery_cell"  # one is unlike the others
    CAPACITOR_UNITS = "capacitor_units"
    RELAY_TIME = "relay_time"
    POWER_CURVE = "power_curve"
    LOW_YIELD = "low_yield"
    WEAK_STRING = "weak_string"
    SHORTED_TURNS = "shorted_turns"
    MEASUREMENT = "measurement"  # the sensor, its scale or its line, not the equipment
    UNUSUAL = "unusual"  # never seen like this, and no expert knows why


class Stance(StrEnum):
    """What one expert says about one cause."""

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    CANNOT_TELL = "cannot_tell"


class Verdict(StrEnum):
    FIRM = "firm"
    LIKELY = "likely"
    CANNOT_TELL = "cannot_tell"


class AlarmMove(StrEnum):
    """What a finding does to the alarm list."""

    NONE = "none"
    RAISE = "raise"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One measurement that an expert went by."""

    point: str
    value: float | None
    unit: str = ""
    good: bool = True  # False: quality less than good, or older than it may be
    at_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a page draws: expected against measured over time, or a place in a diagram."""

    kind: str  # "series", "triangle", "forecast"
    unit: str = ""
    times_us: tuple[int, ...] = ()
    measured: tuple[float | None, ...] = ()
    expected: tuple[float | None, ...] = ()
    limit: float | None = None
    place: tuple[float, ...] = ()  # of the triangle: per cent of CH4, C2H2, C2H4


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one expert makes of one asset at one moment."""

    expert: str  # rule and version: "thermal/1"
    cause: Cause
    stance: Stance
    confidence: float = 0.0  # 0 to 1, of its own stance
    measured: float | None = None
    expected: float | None = None
    limit: float | None = None
    unit: str = ""
    inputs: tuple[Input, ...] = ()
    missing: tuple[str, ...] = ()  # signals that it would need
    why: Reason | None = None
    would_change: Reason | None = None  # what would make it say otherwise
    provenance: Provenance | None = None  # of the limit
    drawing: Drawing | None = None

    @property
    def degraded(self) -> bool:
        """It goes by a reading of less than good quality."""
        return not all(each.good for each in self.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Frozen; a later view of the same problem is a later version."""

    finding_id: UUID  # from asset, cause and beginning: a replay gives the same
    asset_id: AssetId
    cause: Cause
    verdict: Verdict
    confidence: float
    degraded: bool
    priority: Priority
    began_at_us: int  # plant's clock
    told_at_us: int  # when this version was made
    opinions: tuple[Opinion, ...]
    signature: str  # like cases have the same
    ended_at_us: int | None = None
    answer: str = ""  # of a consultation
    answered_by: str = ""
    answered_cause: Cause | None = None
    version: int = 1

    @property
    def wants_consultation(self) -> bool:
        return self.verdict is Verdict.CANNOT_TELL and not self.answered_by

    @property
    def alarms(self) -> bool:
        """Surely enough for the alarm list; what cannot be told goes to a consultation."""
        return self.verdict is not Verdict.CANNOT_TELL and self.ended_at_us is None

    @property
    def missing(self) -> tuple[str, ...]:
        names = {name: None for opinion in self.opinions for name in opinion.missing}
        return tuple(names)

    def of_stance(self, stance: Stance) -> tuple[Opinion, ...]:
        return tuple(each for each in self.opinions if each.stance is stance)

    def answered(self, cause: Cause, words: str, by: str) -> "Finding":
        return replace(
            self, answered_cause=cause, answer=words, answered_by=by, version=self.version + 1
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What people said to a finding that the experts could not settle. Shown with the next like it."""

    case_id: UUID
    finding_id: UUID
    asset_id: AssetId
    signature: str
    cause: Cause
    words: str
    by: str
    at_us: int
