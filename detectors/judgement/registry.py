"""The list of learned detectors: which kind of stream is judged by what. Settings are chosen once, for every
site; docs/judgement.md says on what data and how surely. Who judges recorded data needs no more than this
module and Tick."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.dga import FITTED, Fault, Gases, combined
from detectors.judgement.dga_fit import fit_boundaries
from detectors.judgement.forecast import ForecastConfig
from detectors.judgement.habits import Extremes, SameHour
from detectors.judgement.hold import HoldConfig
from detectors.judgement.learned import Measured, Process, Scores, Streams
from detectors.judgement.level import LevelConfig
from detectors.judgement.sensors import Balance, SensorConfig
from detectors.judgement.surprise import Surprise, SurpriseConfig
from detectors.judgement.tail import TailConfig
from detectors.judgement.tick import Tick

__all__ = [
    "FITTED",
    "Balance",
    "Channel",
    "Fault",
    "Gases",
    "Judge",
    "Kind",
    "build_judge",
    "combined",
    "fit_boundaries",
    "settings_of",
    "thermal_forecast",
]

# quantities with a memory of hours: their level drifts with the weather while all is well
SLOW_UNITS: Final = frozenset({"degC"})


class Kind(StrEnum):
    RHYTHM = "rhythm"  # counts, loads, consumption: every few minutes, with a habit of the day
    THERMAL = "thermal"  # oil temperature with the loads beside it: hourly
    PROCESS = "process"  # a machine with several fast channels: about once a second


@dataclass(frozen=True, slots=True)
class Channel:
    """One column of what a detector is given."""

    name: str
    unit: str = ""


class Judge(Protocol):
    @property
    def apart(self) -> NDArray[np.float64]: ...

    def tick(self, tick: Tick) -> Scores: ...


RHYTHM_TAIL: Final = TailConfig(warm_up=100, share=0.02, refit_every=50)
RHYTHM_FORECAST: Final = ForecastConfig(lags=8, averages=(24, 96))
RHYTHM_HOLD: Final = HoldConfig(limit=7.5, silent_rows=100, silent_share=0.05)
RHYTHM_DAYS: Final = 14

THERMAL_TAIL: Final = TailConfig(warm_up=336, share=0.02, refit_every=24, learns_below=4.3)
THERMAL_HOLD: Final = HoldConfig(limit=3.6, silent_rows=24)
# rain cools an oil tank at once, nothing heats it at once
THERMAL_FALL_HANDICAP: Final = 1.4
THERMAL_SENSORS: Final = SensorConfig(frozen_rows=12, lost_rows=6)

PROCESS_LEVEL: Final = LevelConfig()


def thermal_forecast(horizon: int) -> ForecastConfig:
    """Two weeks before it speaks, and a season is most of its memory."""
    return ForecastConfig(
        horizon=horizon,
        lags=3,
        averages=(6, 24),
        harmonics=3,
        warm_up=336,
        refit_every=24,
        memory=2_000,
    )


def build_judge(
    kind: Kind,
    channels: Sequence[Channel],
    step_us: int,
    balances: Sequence[Balance] = (),
) -> Judge:
    """A judge of these channels, which come every `step_us` microseconds."""
    match kind:
        case Kind.RHYTHM:
            return _rhythm(len(channels), step_us)
        case Kind.THERMAL:
            return _thermal(channels, balances)
        case Kind.PROCESS:
            judged = [row for row, channel in enumerate(channels) if channel.unit not in SLOW_UNITS]
            return Process(len(channels), judged, PROCESS_LEVEL)


def _rhythm(streams: int, step_us: int) -> Streams:
    surprise = SurpriseConfig(forecast=RHYTHM_FORECAST, tail=RHYTHM_TAIL)
    parts = (
        Surprise(streams, surprise),
        SameHour(streams, step_us, RHYTHM_DAYS, RHYTHM_TAIL),
        Extremes(streams, RHYTHM_TAIL),
    )
    return Streams(streams, parts, "sum", RHYTHM_HOLD, learns_alarmed=True)


def _thermal(channels: Sequence[Channel], balances: Sequence[Balance]) -> Measured:
    watched = [row for row, channel in enumerate(channels) if channel.unit in SLOW_UNITS]
    within_an_hour = SurpriseConfig(
        forecast=thermal_forecast(1),
        sides=("rise", "fall"),
        fall_handicap=THERMAL_FALL_HANDICAP,
        by_hour=True,
        tail=THERMAL_TAIL,
    )
    within_three = SurpriseConfig(
        forecast=thermal_forecast(3), sides=("rise",), by_hour=True, tail=THERMAL_TAIL
    )
    parts = (Surprise(len(watched), within_an_hour), Surprise(len(watched), within_three))
    streams = Streams(len(watched), parts, "max", THERMAL_HOLD)
    units = [channel.unit for channel in channels]
    return Measured(streams, watched, len(channels), THERMAL_SENSORS, THERMAL_HOLD, balances, units)


def settings_of(kind: Kind) -> str:
    """Changes whenever a setting does: what was remembered under others is not gone on with."""
    match kind:
        case Kind.RHYTHM:
            return repr((RHYTHM_TAIL, RHYTHM_FORECAST, RHYTHM_HOLD, RHYTHM_DAYS))
        case Kind.THERMAL:
            forecasts = (thermal_forecast(1), thermal_forecast(3))
            return repr((THERMAL_TAIL, THERMAL_HOLD, THERMAL_FALL_HANDICAP, *forecasts))
        case Kind.PROCESS:
            return repr(PROCESS_LEVEL)
