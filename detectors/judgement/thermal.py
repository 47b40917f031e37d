"""Oil transformer temperatures from load and ambient: IEC 60076-7 / GB/T 1094.7 (DOMAIN B1 to B3).

Temperatures in degC, rises in K, times in minutes, load as a factor of rated current. Valid for load factors
of 0 to 2.5 and steps no longer than half the winding time constant (difference form).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp
from typing import Final

from domain.assets import Provenance

RULE: Final = "thermal/1"
_IEC: Final = Provenance(standard="IEC 60076-7", edition="2018", clause="8.2", mark="V")
_UNREAD: Final = replace(_IEC, mark="U")
_LOADING: Final = replace(_IEC, clause="7.1 tables 2, 4")


class Cooling(StrEnum):
    DISTRIBUTION_ONAN = "distribution_onan"
    ONAN = "onan"
    ONAF = "onaf"
    ONAN_RESTRICTED = "onan_restricted"
    ONAF_RESTRICTED = "onaf_restricted"
    OF = "of"
    OF_RESTRICTED = "of_restricted"
    OD = "od"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Of one class of cooling. `tau_*` in minutes."""

    x: float
    y: float
    k11: float
    k21: float
    k22: float
    tau_oil: float
    tau_winding: float
    provenance: Provenance = _IEC


CONSTANTS: Final = {
    Cooling.DISTRIBUTION_ONAN: Constants(
        x=0.8, y=1.6, k11=1.0, k21=1.0, k22=2.0, tau_oil=180, tau_winding=4
    ),
    Cooling.ONAN: Constants(x=0.8, y=1.3, k11=0.5, k21=2.0, k22=2.0, tau_oil=210, tau_winding=10),
    Cooling.ONAF: Constants(x=0.8, y=1.3, k11=0.5, k21=2.0, k22=2.0, tau_oil=150, tau_winding=7),
    Cooling.ONAN_RESTRICTED: Constants(
        x=0.8, y=1.3, k11=0.5, k21=3.0, k22=2.0, tau_oil=210, tau_winding=10, provenance=_UNREAD
    ),
    Cooling.ONAF_RESTRICTED: Constants(
        x=0.8, y=1.3, k11=0.5, k21=3.0, k22=2.0, tau_oil=150, tau_winding=7, provenance=_UNREAD
    ),
    Cooling.OF: Constants(
        x=1.0, y=1.3, k11=1.0, k21=1.3, k22=1.0, tau_oil=90, tau_winding=7, provenance=_UNREAD
    ),
    Cooling.OF_RESTRICTED: Constants(
        x=1.0, y=1.3, k11=1.0, k21=1.45, k22=1.0, tau_oil=90, tau_winding=7, provenance=_UNREAD
    ),
    Cooling.OD: Constants(
        x=1.0, y=2.0, k11=1.0, k21=1.0, k22=1.0, tau_oil=90, tau_winding=7, provenance=_UNREAD
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameplate:
    """What the heat-run test says; the defaults are the fallback for a power transformer without one."""

    oil_rise_k: float = 60.0  # top oil above ambient at rated losses
    gradient_k: float = 22.1  # hot spot above top oil at rated current: H * gr = 1.3 * 17
    loss_ratio: float = 6.0  # load loss / no-load loss
    cooling: Cooling = Cooling.ONAN


@dataclass(frozen=True, slots=True)
class Temperatures:
    """The state of the model."""

    oil: float  # top oil, degC
    rise_1: float  # K, the fast part of the hot spot's rise
    rise_2: float  # K, the part that the oil's inertia takes off

    @property
    def hot_spot(self) -> float:
        return self.oil + self.rise_1 - self.rise_2


class UnusableLoad(ValueError):
    """A load factor or time step outside the model's validity."""


def steady(plate: Nameplate, load: float, ambient: float) -> Temperatures:
    """Where everything settles at this load."""
    _check(load)
    constants = CONSTANTS[plate.cooling]
    oil, gradient = _ends(plate, constants, load, ambient)
    return Temperatures(oil, constants.k21 * gradient, (constants.k21 - 1.0) * gradient)


def step(
    plate: Nameplate, state: Temperatures, load: float, ambient: float, minutes: float
) -> Temperatures:
    """`minutes` later, load and ambient unchanged meanwhile: the exponential form, of any length."""
    _check(load)
    constants = CONSTANTS[plate.cooling]
    oil_share = 1.0 - exp(-minutes / (constants.k11 * constants.tau_oil))
    share_1 = 1.0 - exp(-minutes / (constants.k22 * constants.tau_winding))
    share_2 = 1.0 - exp(-minutes * constants.k22 / constants.tau_oil)
    return _moved(plate, constants, state, load, ambient, (oil_share, share_1, share_2))


def difference_step(
    plate: Nameplate, state: Temperatures, load: float, ambient: float, minutes: float
) -> Temperatures:
    """The difference form. Raises UnusableLoad for a step beyond half the winding time constant."""
    _check(load)
    constants = CONSTANTS[plate.cooling]
    if minutes > constants.tau_winding / 2.0:
        raise UnusableLoad(
            f"a step of {minutes:g} min is too long: at most {constants.tau_winding / 2:g} min"
        )
    oil_share = minutes / (constants.k11 * constants.tau_oil)
    share_1 = minutes / (constants.k22 * constants.tau_winding)
    share_2 = minutes * constants.k22 / constants.tau_oil
    return _moved(plate, constants, state, load, ambient, (oil_share, share_1, share_2))


def predict(
    plate: Nameplate, state: Temperatures, load: float, ambient: float, minutes: int = 30
) -> tuple[Temperatures, ...]:
    """Minute by minute, should load and ambient stay as they are."""
    found = []
    for _ in range(minutes):
        state = step(plate, state, load, ambient, 1.0)
        found.append(state)
    return tuple(found)


def ageing_rate(hot_spot: float, *, upgraded_paper: bool) -> float:
    """Relative to normal life: at 98 degC (normal paper) or 110 degC (thermally upgraded) 1."""
    if upgraded_paper:
        return exp(15_000.0 / 383.0 - 15_000.0 / (hot_spot + 273.0))
    return float(2.0 ** ((hot_spot - 98.0) / 6.0))


def loss_of_life_days(hot_spots: Sequence[float], minutes: float, *, upgraded_paper: bool) -> float:
    """Days of normal life that this row of hot spots took, each standing for `minutes`."""
    rates = [ageing_rate(hot_spot, upgraded_paper=upgraded_paper) for hot_spot in hot_spots]
    return sum(rates) * minutes / 1_440.0


class Regime(StrEnum):
    NORMAL_CYCLIC = "normal_cyclic"
    LONG_EMERGENCY = "long_emergency"
    SHORT_EMERGENCY = "short_emergency"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadingLimit:
    """Of one regime; the load by size: below 10 MVA, 10 to 100, above."""

    oil: float
    hot_spot: float
    load: tuple[float, float, float]
    provenance: Provenance = _LOADING


LOADING: Final = {
    Regime.NORMAL_CYCLIC: LoadingLimit(oil=105, hot_spot=120, load=(1.5, 1.5, 1.3)),
    Regime.LONG_EMERGENCY: LoadingLimit(oil=115, hot_spot=140, load=(1.8, 1.5, 1.3)),
    Regime.SHORT_EMERGENCY: LoadingLimit(oil=115, hot_spot=160, load=(2.0, 1.8, 1.5)),
}

# 10 K between measured and expected for an hour: DOMAIN B3, our default
RESIDUAL_K: Final = 10.0
RESIDUAL_FOR_MINUTES: Final = 60.0


def _check(load: float) -> None:
    if not 0.0 <= load <= 2.5:
        raise UnusableLoad(f"a load factor of {load:g} is outside 0 to 2.5")


def _ends(
    plate: Nameplate, constants: Constants, load: float, ambient: float
) -> tuple[float, float]:
    """Top oil and gradient that this load leads to."""
    losses = (1.0 + plate.loss_ratio * load**2) / (1.0 + plate.loss_ratio)
    oil = ambient + plate.oil_rise_k * losses**constants.x
    return oil, plate.gradient_k * load**constants.y


def _moved(
    plate: Nameplate,
    constants: Constants,
    state: Temperatures,
    load: float,
    ambient: float,
    shares: tuple[float, float, float],
) -> Temperatures:
    oil, gradient = _ends(plate, constants, load, ambient)
    oil_share, share_1, share_2 = shares
    return Temperatures(
        state.oil + (oil - state.oil) * oil_share,
        state.rise_1 + (constants.k21 * gradient - state.rise_1) * share_1,
        state.rise_2 + ((constants.k21 - 1.0) * gradient - state.rise_2) * share_2,
    )
