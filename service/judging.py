"""From the newest readings to findings: views for experts, ticks for learned detectors,
one fusion. No sockets and no clock: the judge process brings both.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any, Final

import numpy as np

from detectors.judgement.fusion import Fusion
from detectors.judgement.panel import Panel, Reading, View
from detectors.judgement.registry import (
    RHYTHM_HOLD,
    THERMAL_HOLD,
    Channel,
    Judge,
    Kind,
    build_judge,
)
from detectors.judgement.tick import Tick
from domain.assets import Point
from domain.clock import to_datetime
from domain.findings import Cause, Finding, Input, Opinion, Stance
from domain.ids import AssetId, PointKey
from domain.readings import USABLE_QUALITIES, Quality
from domain.responsibility import Reason
from service.model_store import Models
from service.site.model import Site

Latest = Mapping[str, tuple[float | None, int, int]]  # key -> value, event time, quality

AMBIENT: Final = "ambient_temp"
_MINUTE_US: Final = 60_000_000
RHYTHM_STEP_US: Final = 5 * _MINUTE_US
THERMAL_STEP_US: Final = 60 * _MINUTE_US
_RHYTHMS: Final = frozenset({"p", "ia", "load_factor"})  # what has habits of the day
_STALE_US: Final = 10 * _MINUTE_US  # where the site does not say
_SUREST: Final = 0.7  # a learned detector knows that it is strange, not why
_LEARNED: Final = "learned/1"
_SENSOR: Final = "sensor/1"


@dataclass(slots=True)
class _Watched:
    """Streams of one learned judge, and what it said last."""

    points: Sequence[Point]
    judge: Judge
    step_us: int
    limit: float
    at_step: int = -1
    said: dict[AssetId, list[Opinion]] = field(default_factory=dict)

    def due(self, at_us: int) -> bool:
        return at_us // self.step_us != self.at_step

    def tick(self, at_us: int, local_us: int, views: Mapping[AssetId, View]) -> None:
        self.at_step = at_us // self.step_us
        readings = [_reading(views.get(point.asset_id), point) for point in self.points]
        values = np.array([each.value if each.good else nan for each in readings])
        found = self.judge.tick(Tick(local_us, values))
        self.said = defaultdict(list)
        for row in np.flatnonzero(found.raw >= self.limit).tolist():
            point, reading = self.points[row], readings[row]
            opinion = _learned(point, reading, float(found.raw[row]), bool(found.suspect[row]))
            self.said[point.asset_id].append(opinion)


def _reading(view: View | None, point: Point) -> Reading:
    nothing = Reading(nan, 0, good=False)
    return nothing if view is None else view.signals.get(_suffix(point), nothing)


def _learned(point: Point, reading: Reading, rarity: float, suspect: bool) -> Opinion:
    given = Input(
        point=point.key,
        value=reading.value,
        unit=point.unit,
        good=reading.good,
        at_us=reading.at_us,
    )
    if suspect:
        return Opinion(
            expert=_SENSOR,
            cause=Cause.MEASUREMENT,
            stance=Stance.AGREES,
            confidence=0.8,
            inputs=(given,),
            why=Reason.of("sensor_stands_still"),
            would_change=Reason.of("usual_again"),
        )
    return Opinion(
        expert=_LEARNED,
        cause=Cause.UNUSUAL,
        stance=Stance.AGREES,
        confidence=round(min(_SUREST, rarity / 12.0), 2),
        measured=reading.value,
        unit=point.unit,
        inputs=(given,),
        why=Reason.of("never_seen", rarity=f"{rarity:.1f}"),
        would_change=Reason.of("usual_again"),
    )


def _suffix(point: Point) -> str:
    return point.key.rpartition("/")[2]


def kilovolts(voltage: str) -> float | None:
    """Of 10kV, 35kV; None for 220V and what is no voltage."""
    found = re.match(r"([0-9.]+)\s*kV", voltage)
    return float(found[1]) if found else None


class Judging:
    """Everything that the judge process holds."""

    def __init__(self, site: Site, models: Models | None, standing: Iterable[Finding] = ()) -> None:
        self._site = site
        self._points: dict[AssetId, list[Point]] = defaultdict(list)
        for point in site.points:
            self._points[point.asset_id].append(point)
        self._panel = Panel(
            curves=models.curves if models else {}, plates=models.plates if models else {}
        )
        self._fusion = Fusion(standing)
        self._watched = _watched(site.points)

    @property
    def history_wanted(self) -> list[tuple[PointKey, int]]:
        """(point, step in microseconds) of every stream that a learned detector follows."""
        return [(point.key, each.step_us) for each in self._watched for point in each.points]

    @property
    def longest_step_us(self) -> int:
        return max((each.step_us for each in self._watched), default=RHYTHM_STEP_US)

    def look(self, latest: Latest, at_us: int, *, learned: bool = True) -> list[Finding]:
        """What is new, changed or over. A moment that lies before an earlier one is looked at all the same:
        models only move forwards. Without `learned` only the experts are asked."""
        views = self._views(latest, at_us)
        local_us = at_us + self._offset_us(at_us)
        for watched in self._watched if learned else ():
            if watched.due(at_us):
                watched.tick(at_us, local_us, views)
        opinions = {asset: self._panel.opinions(view) for asset, view in views.items()}
        for watched in self._watched:
            for asset, said in watched.said.items():
                if asset in opinions:
                    opinions[asset] += said
        return self._fusion.look(opinions, at_us)

    def learn(self, latest: Latest, at_us: int, step_us: int) -> None:
        """The same for a moment of the past, for the learned detectors of that step: nothing is told."""
        views = self._views(latest, at_us)
        for watched in self._watched:
            if watched.step_us == step_us and watched.due(at_us):
                watched.tick(at_us, at_us + self._offset_us(at_us), views)
                watched.said = {}

    def _offset_us(self, at_us: int) -> int:
        offset = to_datetime(at_us).astimezone(self._site.zone).utcoffset()
        return int(offset.total_seconds() * 1e6) if offset else 0

    def _views(self, latest: Latest, at_us: int) -> dict[AssetId, View]:
        """Assets of which anything is known. Readings of unusable quality are missing ones."""
        signals = {
            asset: self._signals(points, latest, at_us) for asset, points in self._points.items()
        }
        ambient = next((each[AMBIENT] for each in signals.values() if AMBIENT in each), None)
        peers = self._peers(signals)
        return {
            asset: View(
                asset_id=asset,
                at_us=at_us,
                signals=known,
                nominal_kv=self._nominal_kv(asset),
                ambient=ambient,
                peers=[
                    value for other, value in peers.get(self._group(asset), ()) if other != asset
                ],
            )
            for asset, known in signals.items()
            if known
        }

    def _signals(self, points: Sequence[Point], latest: Latest, at_us: int) -> dict[str, Reading]:
        found = {}
        for point in points:
            value, time_us, quality = latest.get(point.key, (None, 0, int(Quality.INVALID)))
            if value is None or quality not in USABLE_QUALITIES or not isfinite(value):
                continue
            fresh = at_us - time_us <= (point.stale_after_us or _STALE_US)
            if point.stale_after_us is None:
                fresh = True  # a state is told when it changes
            good = quality == Quality.GOOD and fresh
            found[_suffix(point)] = Reading(value, time_us, good=good, unit=point.unit)
        return found

    def _peers(
        self, signals: Mapping[AssetId, Mapping[str, Reading]]
    ) -> dict[str, list[tuple[AssetId, float]]]:
        """Inverters of one station, under one sun."""
        found: dict[str, list[tuple[AssetId, float]]] = defaultdict(list)
        for asset, known in signals.items():
            if {"p", "dc_voltage"} <= known.keys() and known["p"].good:
                found[self._group(asset)].append((asset, known["p"].value))
        return found

    def _group(self, asset_id: AssetId) -> str:
        asset = self._site.assets.get(asset_id)
        return asset.station if asset else ""

    def _nominal_kv(self, asset_id: AssetId) -> float | None:
        asset = self._site.assets.get(asset_id)
        return kilovolts(asset.voltage) if asset else None


def _watched(points: Sequence[Point]) -> list[_Watched]:
    found = []
    rhythm = [point for point in points if _suffix(point) in _RHYTHMS]
    if rhythm:
        channels = [Channel(point.key, point.unit) for point in rhythm]
        judge = build_judge(Kind.RHYTHM, channels, RHYTHM_STEP_US)
        found.append(_Watched(rhythm, judge, RHYTHM_STEP_US, RHYTHM_HOLD.limit))
    by_asset: dict[AssetId, list[Point]] = defaultdict(list)
    for point in points:
        if _suffix(point) in {"top_oil_temp", "load_factor"}:
            by_asset[point.asset_id].append(point)
    for own in by_asset.values():
        if len(own) == 2:
            channels = [Channel(point.key, point.unit) for point in own]
            judge = build_judge(Kind.THERMAL, channels, THERMAL_STEP_US)
            found.append(_Watched(own, judge, THERMAL_STEP_US, THERMAL_HOLD.limit))
    return found


def as_moments(
    histories: Mapping[PointKey, Mapping[str, Sequence[Any]]],
    step_us: int,
) -> Iterable[tuple[int, Latest]]:
    """(moment, newest of each point then) at every step at which anything is known: for `learn`."""
    by_step: dict[int, dict[str, tuple[float | None, int, int]]] = defaultdict(dict)
    for key, history in histories.items():
        rows = zip(history["times"], history["values"], history["qualities"], strict=True)
        for time_us, value, quality in rows:
            if time_us is not None and value is not None:
                at = int(time_us)
                by_step[at // step_us][key] = (float(value), at, int(quality or 0))
    for step in sorted(by_step):
        yield (step + 1) * step_us - 1, by_step[step]
