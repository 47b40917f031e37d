"""What a device's nameplate and its settings say: what no measurement tells and a judgement needs."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final


class Curve(StrEnum):
    """Inverse-time characteristics of IEC 60255-151."""

    NORMAL = "normal_inverse"
    VERY = "very_inverse"
    EXTREMELY = "extremely_inverse"
    LONG = "long_time_inverse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """None: nobody said it. Every number is above 0."""

    short_circuit_mva: float | None = None  # of the busbar
    oil_t: float | None = None  # mass of a transformer's oil
    oil_rise_k: float | None = None  # top oil above ambient at rated losses, of the heat-run test
    gradient_k: float | None = None  # hot spot above top oil at rated current
    loss_ratio: float | None = None  # load loss / no-load loss
    dc_kwp: float | None = None  # of an inverter's modules
    pickup_a: float | None = None  # of the inverse-time overcurrent stage, primary amperes
    tms: float | None = None  # its time multiplier
    parallel: float | None = None  # capacitor units in a group
    series: float | None = None  # groups in a phase
    curve: Curve = Curve.NORMAL


NUMBERS: Final = frozenset(each.name for each in fields(Plate)) - {"curve"}
