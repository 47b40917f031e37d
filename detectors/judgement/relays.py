"""Inverse-time overcurrent protection: the time a relay should have taken (IEC 60255-151, DOMAIN B8)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.assets import Provenance
from domain.plates import Curve

RULE: Final = "relays/1"
IEC_60255_151: Final = Provenance(
    standard="IEC 60255-151", edition="2009", clause="annex A", mark="V"
)

_CONSTANTS: Final = {
    Curve.NORMAL: (0.14, 0.02),
    Curve.VERY: (13.5, 1.0),
    Curve.EXTREMELY: (80.0, 2.0),
    Curve.LONG: (120.0, 1.0),
}
# how far a recorded time may lie from the curve: D, a class 5 relay and the recorder's own step
TOLERANCE_SHARE: Final = 0.10
TOLERANCE_S: Final = 0.05


class UnusableSetting(ValueError):
    """A setting with which no time can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    curve: Curve
    pickup_a: float
    multiplier: float  # TMS

    def __post_init__(self) -> None:
        if self.pickup_a <= 0.0 or self.multiplier <= 0.0:
            raise UnusableSetting("pickup and time multiplier must be above 0")


def trip_seconds(setting: Setting, current_a: float) -> float | None:
    """None at and below the pickup: it must not trip."""
    multiple = current_a / setting.pickup_a
    if multiple <= 1.0:
        return None
    k, alpha = _CONSTANTS[setting.curve]
    return float(setting.multiplier * k / (multiple**alpha - 1.0))


class Timing(StrEnum):
    RIGHT = "right"
    SLOW = "slow"
    FAST = "fast"
    UNWANTED = "unwanted"  # tripped below its pickup


def judge_trip(setting: Setting, current_a: float, recorded_s: float) -> Timing:
    expected = trip_seconds(setting, current_a)
    if expected is None:
        return Timing.UNWANTED
    allowed = max(TOLERANCE_SHARE * expected, TOLERANCE_S)
    if recorded_s > expected + allowed:
        return Timing.SLOW
    return Timing.FAST if recorded_s < expected - allowed else Timing.RIGHT
