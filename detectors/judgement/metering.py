"""Whether measurements can be true together: power against current and voltage, sums, meters against each
other, and values that are wrong by a factor (DOMAIN B15). A mismatch says "measurement suspect"."""

from collections.abc import Sequence
from math import isfinite, sqrt
from typing import Final

from domain.assets import Provenance

RULE: Final = "metering/1"
PROVENANCE: Final = Provenance(standard="", edition="", clause="", mark="D")

_APPARENT_SHARE: Final = 0.05  # P, Q and S against sqrt(3) U I
_SUM_SHARE: Final = 0.03  # incoming against outgoing feeders, losses included
_FACTOR_SHARE: Final = 0.03
# a unit, a turns ratio or a phase value taken for a line value
_FACTORS: Final = (1_000.0, 100.0, 10.0, sqrt(3.0), 1.0 / sqrt(3.0), 0.1, 0.01, 0.001)


def apparent_mismatch(
    line_kv: float, current_a: float, active_mw: float, reactive_mvar: float
) -> float | None:
    """Share by which sqrt(P2 + Q2) differs from sqrt(3) U I; None where nothing flows."""
    expected = sqrt(3.0) * line_kv * current_a / 1_000.0
    if not isfinite(expected) or expected <= 0.0:
        return None
    return (sqrt(active_mw**2 + reactive_mvar**2) - expected) / expected


def apparent_plausible(mismatch: float | None) -> bool:
    return mismatch is None or abs(mismatch) <= _APPARENT_SHARE


def power_factor_possible(power_factor: float) -> bool:
    return -1.0 <= power_factor <= 1.0


def sum_mismatch(incoming: float, outgoing: Sequence[float]) -> float | None:
    """Share of the incoming that the outgoing do not account for; None where nothing comes in."""
    if abs(incoming) < 1e-9 or not all(isfinite(each) for each in (incoming, *outgoing)):
        return None
    return (incoming - sum(outgoing)) / abs(incoming)


def sum_plausible(mismatch: float | None) -> bool:
    return mismatch is None or abs(mismatch) <= _SUM_SHARE


def wrong_scale(measured: float, expected: float) -> float | None:
    """The factor by which a measurement is off where it is a familiar one: a wrong unit, a wrong ratio, or
    sqrt(3). None where it is right, or wrong in another way."""
    if expected == 0.0 or measured == 0.0 or not isfinite(measured / expected):
        return None
    factor = measured / expected
    near = (each for each in _FACTORS if abs(factor / each - 1.0) <= _FACTOR_SHARE)
    return next(near, None)


def energy_step_possible(
    before_kwh: float, after_kwh: float, hours: float, rated_kw: float
) -> bool:
    """A counter only climbs, and not faster than its circuit can carry."""
    return 0.0 <= after_kwh - before_kwh <= rated_kw * hours * 1.2
