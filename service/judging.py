"""From the newest readings to findings: views for experts, ticks for learned detectors,
one fusion. No sockets and no clock: the judge process brings both.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from detectors.judgement.fusion import Counted, Fusion
from detectors.judgement.panel import Panel
from detectors.judgement.remembered import Remembered
from detectors.judgement.view import Reading, View
from domain.assets import Point
from domain.clock import to_datetime
from domain.findings import Finding
from domain.ids import AssetId, PointKey
from domain.plates import Plate
from domain.readings import USABLE_QUALITIES, Quality
from service.model_store import Models
from service.site.model import Site
from service.watched import MINUTE_US, Watched, suffix, watched

Latest = Mapping[str, tuple[float | None, int, int]]  # key -> value, event time, quality

AMBIENT: Final = "ambient_temp"
SUN: Final = "poa_irradiance"  # who measures it is the station's weather mast
_LARGEST: Final = 1e9  # of any unit: what is larger is no measurement, and no sum could bear it
_STALE_US: Final = 10 * MINUTE_US  # where the site does not say


def kilovolts(voltage: str) -> float | None:
    """Of 10kV, 35kV; None for 220V and what is no voltage."""
    found = re.match(r"([0-9.]+)\s*kV", voltage)
    return float(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Kept:
    """What experts remember of each asset, and how often each problem was seen."""

    assets: Mapping[AssetId, Remembered] = field(default_factory=dict)
    counted: Counted = field(default_factory=Counted)


class Judging:
    """Everything that the judge process holds."""

    def __init__(
        self,
        site: Site,
        models: Models | None,
        standing: Iterable[Finding] = (),
        kept: Kept | None = None,
    ) -> None:
        kept = kept or Kept()
        self._site = site
        self._points: dict[AssetId, list[Point]] = defaultdict(list)
        for point in site.points:
            self._points[point.asset_id].append(point)
        known = models or Models(version=0, from_us=0, to_us=0)
        self._panel = Panel(
            curves=known.curves,
            plates=known.plates,
            suns=known.suns,
            motors=known.motors,
            remembered=dict(kept.assets),
        )
        self._fusion = Fusion(standing, counted=kept.counted)
        self.watched = watched(site.points, site.assets)

    @property
    def kept(self) -> Kept:
        """What is worth keeping over a restart, besides the learned detectors."""
        nothing = Remembered()
        remembered = self._panel.remembered.items()
        return Kept(
            assets={asset: each for asset, each in remembered if each != nothing},
            counted=self._fusion.counted,
        )

    def look(self, latest: Latest, at_us: int) -> list[Finding]:
        """What is new, changed or over. A moment that lies before an earlier one is looked at all the same:
        models only move forwards. Learned detectors that are not ready are not asked."""
        local_us = at_us + self._offset_us(at_us)
        views = self._views(latest, at_us, local_us)
        for each in self.watched:
            if each.ready and each.due(at_us):
                each.tick(at_us, local_us, views)
        opinions = {asset: self._panel.opinions(view) for asset, view in views.items()}
        for each in self.watched:
            for asset, said in each.said.items():
                if asset in opinions:
                    opinions[asset] += said
        return self._fusion.look(opinions, at_us)

    def learn(self, each: Watched, latest: Latest, at_us: int) -> None:
        """The same for a moment of the past, for these streams alone: nothing is told."""
        if each.due(at_us):
            local_us = at_us + self._offset_us(at_us)
            views = self._views(latest, at_us, local_us, each.assets)
            each.tick(at_us, local_us, views)
            each.said = {}

    def _offset_us(self, at_us: int) -> int:
        offset = to_datetime(at_us).astimezone(self._site.zone).utcoffset()
        return int(offset.total_seconds() * 1e6) if offset else 0

    def _views(
        self, latest: Latest, at_us: int, local_us: int, only: Collection[AssetId] | None = None
    ) -> dict[AssetId, View]:
        """Assets of which anything is known. Readings of unusable quality are missing ones."""
        signals = {
            asset: self._signals(self._points[asset], latest, at_us)
            for asset in (self._points if only is None else only)
        }
        ambient = next((each[AMBIENT] for each in signals.values() if AMBIENT in each), None)
        peers = self._peers(signals)
        skies = {self._group(asset): each for asset, each in signals.items() if SUN in each}
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
                sky=skies.get(self._group(asset), {}),
                plate=self._plate(asset),
                local_us=local_us,
            )
            for asset, known in signals.items()
            if known
        }

    def _signals(self, points: Sequence[Point], latest: Latest, at_us: int) -> dict[str, Reading]:
        found = {}
        for point in points:
            value, time_us, quality = latest.get(point.key, (None, 0, int(Quality.INVALID)))
            if value is None or quality not in USABLE_QUALITIES or not _is_possible(value):
                continue
            fresh = at_us - time_us <= (point.stale_after_us or _STALE_US)
            if point.stale_after_us is None:
                fresh = True  # a state is told when it changes
            good = quality == Quality.GOOD and fresh
            found[suffix(point)] = Reading(value, time_us, good=good, unit=point.unit)
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

    def _plate(self, asset_id: AssetId) -> Plate:
        asset = self._site.assets.get(asset_id)
        return asset.plate if asset else Plate()


def _is_possible(value: float) -> bool:
    return isfinite(value) and abs(value) <= _LARGEST


def as_moments(
    histories: Mapping[PointKey, Mapping[str, Sequence[Any]]],
    step_us: int,
) -> Iterable[tuple[int, Latest]]:
    """(moment, newest of each point then) at every step at which anything is known: for `learn`. The moment
    is the one at which a judge that ran would have looked: when the step is over."""
    by_step: dict[int, dict[str, tuple[float | None, int, int]]] = defaultdict(dict)
    for key, history in histories.items():
        rows = zip(history["times"], history["values"], history["qualities"], strict=True)
        for time_us, value, quality in rows:
            if time_us is not None and value is not None:
                at = int(time_us)
                by_step[at // step_us][key] = (float(value), at, int(quality or 0))
    for step in sorted(by_step):
        yield (step + 1) * step_us, by_step[step]
