"""Learned detectors put together: what a kind of stream is judged by, with one limit for all its streams."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.hold import Hold, HoldConfig
from detectors.judgement.level import Level, LevelConfig
from detectors.judgement.sensors import Balance, SensorConfig, Sensors
from detectors.judgement.surprise import Surprise
from detectors.judgement.tick import Part, Tick


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What one tick brought. Each array has one entry per stream."""

    score: NDArray[np.float64]  # rarity (or spreads) where the stream is free to speak, else 0
    raw: NDArray[np.float64]  # the same before silence
    alarm: NDArray[np.bool_]
    worse: NDArray[np.bool_]  # an alarm that was told before got much worse
    suspect: NDArray[np.bool_]  # the measurement, not the equipment


class Streams:
    """Streams that stand for themselves: each part's rarity, added or the largest of them."""

    def __init__(
        self,
        streams: int,
        parts: Sequence[Part],
        combine: Literal["sum", "max"],
        hold: HoldConfig,
        *,
        learns_alarmed: bool = False,
    ) -> None:
        """`learns_alarmed`: what alarmed becomes a habit. For streams of which the regime changes for good;
        silence after an alarm keeps them from being heard twice about it."""
        self._learns_alarmed = learns_alarmed
        self._parts = tuple(parts)
        self._combine = np.sum if combine == "sum" else np.max
        self._limit = hold.limit
        self._hold = Hold(streams, hold)

    @property
    def apart(self) -> NDArray[np.float64]:
        """(n,) measured minus expected of the last tick; NaN while nothing can be told."""
        return next(part.residual for part in self._parts if isinstance(part, Surprise))

    def tick(self, tick: Tick) -> Scores:
        """Each part looks, the alarm is decided, and only then is anything learnt."""
        raw = np.asarray(self._combine([part.rarity(tick) for part in self._parts], axis=0))
        silent = self._hold.silent()
        alarm, worse = self._hold.decide(raw)
        ordinary = (raw < self._limit) | self._learns_alarmed
        for part in self._parts:
            part.learn(tick, ordinary)
        score = np.where(silent, 0.0, raw)
        return Scores(score, raw, alarm, worse, np.zeros(len(raw), np.bool_))


class Measured:
    """Streams of one asset with the checks of their measurements beside: a suspect sensor alarms as such."""

    def __init__(
        self,
        streams: Streams,
        watched: Sequence[int],
        channels: int,
        sensors: SensorConfig,
        hold: HoldConfig,
        balances: Sequence[Balance] = (),
        units: Sequence[str] = (),
    ) -> None:
        self._streams = streams
        self._watched = list(watched)  # channels that are forecast
        self._sensors = Sensors(channels, sensors, watched, balances, units)
        self._certain = hold.limit + hold.escalates_by  # what a suspect sensor scores
        self._hold = Hold(channels, hold)

    @property
    def apart(self) -> NDArray[np.float64]:
        """Of the channels that are forecast."""
        return self._streams.apart

    def tick(self, tick: Tick) -> Scores:
        suspect = self._sensors.suspects(tick.values)
        values = tick.values[self._watched]
        if self._sensors.held_over:
            values = np.full_like(values, np.nan)
        found = self._streams.tick(Tick(tick.at_us, values))
        silent = self._hold.silent()
        sure = np.where(suspect, self._certain, 0.0)
        alarm, worse = self._hold.decide(sure)
        score = np.where(silent, 0.0, sure)
        raw = sure.copy()
        score[self._watched] = np.maximum(score[self._watched], found.score)
        raw[self._watched] = np.maximum(raw[self._watched], found.raw)
        alarm[self._watched] |= found.alarm
        worse[self._watched] |= found.worse
        return Scores(score, raw, alarm, worse, suspect)


class Process:
    """The channels of one fast process, judged as one: an alarm stands until the level is back."""

    def __init__(self, channels: int, judged: Sequence[int], config: LevelConfig) -> None:
        self._channels = channels
        self._judged = list(judged)  # a slow quantity drifts while all is well
        self._level = Level(len(self._judged), config)
        self._stood = False

    @property
    def apart(self) -> NDArray[np.float64]:
        """(1,) whether the whole is off its level."""
        return np.array([float(self._stood)])

    def tick(self, tick: Tick) -> Scores:
        deviations = np.zeros(self._channels)
        deviations[self._judged] = self._level.deviations(tick.values[self._judged])
        stands = self._level.alarm(deviations)
        alarm = np.zeros(self._channels, np.bool_)
        if stands:
            alarm[int(np.argmax(deviations))] = True
        none = np.zeros(self._channels, np.bool_)
        worse = none if self._stood or not stands else alarm
        self._stood = stands
        return Scores(deviations, deviations, alarm, worse, none)
