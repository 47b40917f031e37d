"""Learns power curves and transformer constants anew from the telemetry store, and keeps what is better.

A model is fitted to the older four fifths of the history and judged on the newest fifth, beside the running
one on the same rows: the running one stays where the new one is no better.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from detectors.judgement import thermal
from detectors.judgement.thermal import Nameplate
from detectors.judgement.wind import PowerCurve, learn_curve
from domain.assets import Point
from domain.clock import system_clock
from domain.ids import AssetId, PointKey
from service.core_client import CoreClient
from service.model_store import Models, ModelStore
from service.site.model import Site

_DAY_US: Final = 86_400_000_000
_MINUTE_US: Final = 60_000_000
_ROWS_AT_MOST: Final = 10_000  # per point: what one answer of core holds
_LEAST_ROWS: Final = 200
_TRAINED_SHARE: Final = 0.8
_RISES_K: Final = tuple(float(rise) for rise in np.arange(20.0, 75.1, 2.5))
_LONGEST_GAP_MIN: Final = 60.0

OnProgress = Callable[[str, int, int], None]  # what, how many are done, of how many
History = Callable[[PointKey, int, int], Mapping[str, Sequence[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One model beside the running one, on rows that neither was fitted to."""

    asset_id: AssetId
    kind: str  # "wind" or "thermal"
    rows: int
    new_error: float
    running_error: float | None  # None: there is none

    @property
    def better(self) -> bool:
        return self.running_error is None or self.new_error < self.running_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    compared: tuple[Compared, ...]
    version: int | None  # None: nothing was better, nothing was replaced
    skipped: tuple[str, ...]  # assets with too little history, and why


def retrain(
    data: Path, site: Site, days: int, on_progress: OnProgress, *, now_us: int | None = None
) -> Retrained:
    """Raises CoreUnreachable, RequestRefused, BrokenModel."""
    core = CoreClient(data)

    def history(point: PointKey, from_us: int, to_us: int) -> Mapping[str, Sequence[Any]]:
        return core.history(point, from_us, to_us, _ROWS_AT_MOST)

    store = ModelStore(data / "models")
    to_us = system_clock() if now_us is None else now_us
    return learn(site, history, store, (to_us - days * _DAY_US, to_us), on_progress)


def learn(
    site: Site,
    history: History,
    store: ModelStore,
    period: tuple[int, int],
    on_progress: OnProgress,
) -> Retrained:
    """The same with any way to the history."""
    running = store.active() or Models(version=0, from_us=0, to_us=0)
    signals = _by_asset(site.points)
    ambient = next(
        (each["ambient_temp"] for each in signals.values() if "ambient_temp" in each), None
    )
    wanted = [
        (asset, kind)
        for asset, known in signals.items()
        for kind, needs in (
            ("wind", {"wind_speed", "p"}),
            ("thermal", {"top_oil_temp", "load_factor"}),
        )
        if needs <= known.keys()
    ]
    compared: list[Compared] = []
    skipped: list[str] = []
    found = running
    for place, (asset, kind) in enumerate(wanted):
        on_progress(f"{kind} {asset}", place, len(wanted))
        points = [signals[asset][name] for name in _NEEDS[kind]]
        if kind == "thermal":
            if ambient is None:
                skipped.append(f"{asset}: the site has no ambient_temp")
                continue
            points.append(ambient)
        rows = _aligned([history(point, *period) for point in points])
        if len(rows) < _LEAST_ROWS:
            skipped.append(f"{asset}: {len(rows)} rows are too few, {_LEAST_ROWS} are needed")
            continue
        result, found = _compare(asset, kind, rows, running, found)
        compared.append(result)
    on_progress("", len(wanted), len(wanted))
    if not any(each.better for each in compared):
        return Retrained(compared=tuple(compared), version=None, skipped=tuple(skipped))
    version = store.next_version()
    figures = {f"{each.kind} {each.asset_id}": _kept_error(each) for each in compared}
    store.keep(replace(found, version=version, from_us=period[0], to_us=period[1], figures=figures))
    return Retrained(compared=tuple(compared), version=version, skipped=tuple(skipped))


_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "wind": ("wind_speed", "p"),
    "thermal": ("top_oil_temp", "load_factor"),
}

Rows = np.ndarray[
    Any, np.dtype[np.float64]
]  # (rows, 1 + points): time in microseconds, then values


def _kept_error(each: Compared) -> float:
    return each.new_error if each.better or each.running_error is None else each.running_error


def _by_asset(points: Sequence[Point]) -> dict[AssetId, dict[str, PointKey]]:
    found: dict[AssetId, dict[str, PointKey]] = {}
    for point in points:
        found.setdefault(point.asset_id, {})[point.key.rpartition("/")[2]] = point.key
    return found


def _aligned(histories: Sequence[Mapping[str, Sequence[Any]]]) -> Rows:
    """At every time of the first point the value that each other one held then; good readings only."""
    columns = []
    for history in histories:
        rows = [
            (time_us, value)
            for time_us, value, quality in zip(
                history["times"], history["values"], history["qualities"], strict=True
            )
            if value is not None and quality == 0
        ]
        columns.append(np.array(rows, np.float64).reshape(-1, 2))
    first = columns[0]
    found = [first[:, 0], first[:, 1]]
    for column in columns[1:]:
        place = np.searchsorted(column[:, 0], first[:, 0], side="right") - 1
        held = np.full(len(first), np.nan)
        known = place >= 0
        held[known] = column[place[known], 1]
        found.append(held)
    together = np.array(found).T
    kept: Rows = together[np.isfinite(together).all(axis=1)]
    return kept


def _compare(
    asset: AssetId, kind: str, rows: Rows, running: Models, found: Models
) -> tuple[Compared, Models]:
    split = int(_TRAINED_SHARE * len(rows))
    older, newer = rows[:split], rows[split:]
    if kind == "wind":
        curve = learn_curve(older[:, 1].tolist(), older[:, 2].tolist())
        before = running.curves.get(asset)
        compared = Compared(
            asset_id=asset,
            kind=kind,
            rows=len(newer),
            new_error=curve_error(curve, newer),
            running_error=None if before is None else curve_error(before, newer),
        )
        if compared.better:
            found = replace(found, curves={**found.curves, asset: curve})
        return compared, found
    plate = fit_plate(older)
    known = running.plates.get(asset)
    compared = Compared(
        asset_id=asset,
        kind=kind,
        rows=len(newer),
        new_error=plate_error(plate, newer),
        running_error=None if known is None else plate_error(known, newer),
    )
    if compared.better:
        found = replace(found, plates={**found.plates, asset: plate})
    return compared, found


def curve_error(curve: PowerCurve, rows: Rows) -> float:
    """Median distance from the curve in kW, of the rows at which it is known; inf where it nowhere is."""
    bins = (rows[:, 1] / 0.5).astype(np.intp)
    known = (rows[:, 1] >= curve.cut_in) & (bins < len(curve.mean))
    apart = np.abs(rows[known, 2] - curve.mean[bins[known]])
    apart = apart[np.isfinite(apart)]
    return float(np.median(apart)) if len(apart) else float("inf")


def fit_plate(rows: Rows) -> Nameplate:
    """The rise of the oil that explains the measured oil best; the other constants are the class's own."""
    plates = [Nameplate(oil_rise_k=rise) for rise in _RISES_K]
    return min(plates, key=lambda plate: plate_error(plate, rows))


def plate_error(plate: Nameplate, rows: Rows) -> float:
    """Mean distance of the model's oil from the measured one, K; begun anew after each gap."""
    state = None
    apart = []
    for (before, *_), (now, oil, load, ambient) in pairwise(rows[:, :4].tolist()):
        minutes = (now - before) / _MINUTE_US
        held = min(max(load, 0.0), 2.5)
        if state is None or minutes > _LONGEST_GAP_MIN:
            settled = thermal.steady(plate, held, ambient)
            state = replace(settled, oil=oil)
            continue
        state = thermal.step(plate, state, held, ambient, minutes)
        apart.append(abs(state.oil - oil))
    return float(np.mean(apart)) if apart else float("inf")
