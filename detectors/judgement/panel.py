"""The experts at the plant's readings: what each makes of one asset now. Which of them are asked follows from
the signals that the asset has; what is missing is said, not guessed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from detectors.judgement.experts import motors, oil, renewables, station, supply
from detectors.judgement.motor import HealthyMotor
from detectors.judgement.remembered import Remembered
from detectors.judgement.solar import SunModel
from detectors.judgement.thermal import Nameplate
from detectors.judgement.transformer import nameplate_of, of_oil
from detectors.judgement.view import View
from detectors.judgement.wind import PowerCurve
from domain.findings import Opinion
from domain.ids import AssetId

Expert = Callable[[View], list[Opinion]]
RememberingExpert = Callable[[View, Remembered], list[Opinion]]

EXPERTS: Final[tuple[Expert, ...]] = (
    supply.of_unbalance,
    supply.of_voltage,
    supply.of_voltage_event,
    supply.of_frequency,
    station.of_dc,
    station.of_cells,
    station.of_gas_pressure,
    station.of_trip,
    oil.of_gases,
    supply.of_metering,
    renewables.of_inverters,
    station.of_capacitors,
)
REMEMBERING: Final[tuple[RememberingExpert, ...]] = (
    supply.of_harmonics,
    station.of_leak,
    oil.of_gas_rates,
    renewables.of_strings,
    renewables.of_yield,
    renewables.of_stale_power,
)


@dataclass(slots=True)
class Panel:
    """Asks every expert that has something to go by. Holds what was learnt of each asset, and what the
    experts remember of it."""

    curves: Mapping[AssetId, PowerCurve] = field(default_factory=dict)
    plates: Mapping[AssetId, Nameplate] = field(default_factory=dict)
    suns: Mapping[AssetId, SunModel] = field(default_factory=dict)
    motors: Mapping[AssetId, HealthyMotor] = field(default_factory=dict)
    remembered: dict[AssetId, Remembered] = field(default_factory=dict)

    def opinions(self, view: View) -> list[Opinion]:
        """In a fixed order. A value that is not finite is missing."""
        asset = view.asset_id
        memory = self.remembered.setdefault(asset, Remembered())
        said: list[Opinion] = []
        for expert in EXPERTS:
            said += expert(view)
        for remembering in REMEMBERING:
            said += remembering(view, memory)
        said += of_oil(view, memory.thermal, nameplate_of(view.plate, self.plates.get(asset)))
        said += renewables.of_wind(view, memory, self.curves.get(asset))
        said += renewables.of_sun(view, memory, self.suns.get(asset))
        said += motors.of_turns(view, memory, self.motors.get(asset))
        return said
