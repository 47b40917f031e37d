"""Learns every model of the judgement anew from the telemetry store, and keeps what is better.

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
from detectors.judgement.experts.motors import CURRENTS, MARK
from detectors.judgement.motor import HealthyMotor, learn_healthy, share
from detectors.judgement.remembered import TEN_MINUTES_US
from detectors.judgement.solar import SunModel
from detectors.judgement.thermal import Nameplate
from detectors.judgement.unbalance import UnusablePhases, sequence_of_sizes
from detectors.judgement.wind import PowerCurve, learn_curve
from domain.clock import system_clock
from domain.ids import AssetId, PointKey
from service.core_client import CoreClient
from service.judge_memory import MEMORY, JudgeMemory
from service.judging import AMBIENT, SUN, Judging
from service.model_store import Models, ModelStore
from service.relearn import TooLittle, relearnt
from service.site.model import Site
from service.watched import suffix, watched

_DAY_US: Final = 86_400_000_000
_MINUTE_US: Final = 60_000_000
_ROWS_AT_MOST: Final = 10_000  # per point: what one answer of core holds
_LEAST_ROWS: Final = 200
_TRAINED_SHARE: Final = 0.8
_BRIGHT_W_M2: Final = 150.0
_CLEARLY: Final = 0.95  # of the running error: what differs by less, differs by chance
_RISES_K: Final = tuple(float(rise) for rise in np.arange(20.0, 75.1, 2.5))
_LONGEST_GAP_MIN: Final = 60.0

OnProgress = Callable[[str, int, int], None]  # what, how many are done, of how many
History = Callable[[PointKey, int, int], Mapping[str, Sequence[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One model beside the running one, on rows that neither was fitted to."""

    asset_id: AssetId
    kind: str  # "wind", "thermal", "sun", "motor"; of streams "rhythm", "thermal", "process"
    rows: int
    new_error: float
    running_error: float | None  # None: there is none

    @property
    def better(self) -> bool:
        return self.running_error is None or self.new_error < _CLEARLY * self.running_error


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
    period = (to_us - days * _DAY_US, to_us)
    return learn(site, history, store, period, on_progress, JudgeMemory(data / MEMORY))


def learn(
    site: Site,
    history: History,
    store: ModelStore,
    period: tuple[int, int],
    on_progress: OnProgress,
    memory: JudgeMemory,
) -> Retrained:
    """The same with any way to the history. `memory` is the running judge's, which is only read."""
    version = store.next_version()
    running = store.active() or Models(version=0, from_us=0, to_us=0)
    signals = _by_asset(site)
    wanted = [
        (asset, learner)
        for asset, known in signals.items()
        for learner in LEARNERS
        if set(learner.marks) <= known.keys()
    ]
    streams = watched(site.points, site.assets)
    compared: list[Compared] = []
    skipped: list[str] = []
    found = running
    for place, (asset, learner) in enumerate(wanted):
        on_progress(f"{learner.kind} {asset}", place, len(wanted) + len(streams))
        known = signals[asset]
        if missing := [name for name in learner.signals if name not in known]:
            skipped.append(f"{asset}: nothing measures {', '.join(missing)} there")
            continue
        rows = learner.aligned([history(known[name], *period) for name in learner.signals])
        try:
            result, found = _compare(asset, learner, rows, running, found)
        except TooLittle as error:
            skipped.append(f"{asset}: {error}")
            continue
        compared.append(result)
    judging = Judging(site, None)
    for place, each in enumerate(streams):
        name = f"{each.kind.value} {each.points[0].asset_id}"
        on_progress(name, len(wanted) + place, len(wanted) + len(streams))
        past = {point.key: history(point.key, *period) for point in each.points}
        try:
            known_streams = running.streams.get(each.name)
            learnt, rows_of, new, before = relearnt(
                judging, each, past, memory, known_streams, version
            )
        except TooLittle as error:
            skipped.append(f"{name}: {error}")
            continue
        result = Compared(
            asset_id=each.points[0].asset_id,
            kind=f"{each.kind.value} streams",
            rows=rows_of,
            new_error=new,
            running_error=before,
        )
        compared.append(result)
        if result.better:
            found = replace(found, streams={**found.streams, each.name: learnt})
    total = len(wanted) + len(streams)
    on_progress("", total, total)
    if not any(each.better for each in compared):
        return Retrained(compared=tuple(compared), version=None, skipped=tuple(skipped))
    figures = {f"{each.kind} {each.asset_id}": _kept_error(each) for each in compared}
    store.keep(replace(found, version=version, from_us=period[0], to_us=period[1], figures=figures))
    return Retrained(compared=tuple(compared), version=version, skipped=tuple(skipped))


Rows = np.ndarray[
    Any, np.dtype[np.float64]
]  # (rows, 1 + points): time in microseconds, then values


@dataclass(frozen=True, slots=True)
class Learner:
    """One kind of model: what it needs, how it is fitted, and how far off it is on rows it has not seen."""

    kind: str
    marks: tuple[str, ...]  # an asset that measures them has such a model
    signals: tuple[str, ...]  # what a row holds: the asset's own, its mast's, or the site's
    shelf: str  # where Models holds it
    aligned: Callable[[Sequence[Mapping[str, Sequence[Any]]]], Rows]
    fit: Callable[[Rows], Any]
    error: Callable[[Any, Rows], float]
    is_ill: Callable[[Any, Rows], bool] = lambda model, rows: False  # by the running model


def _kept_error(each: Compared) -> float:
    return each.new_error if each.better or each.running_error is None else each.running_error


def _by_asset(site: Site) -> dict[AssetId, dict[str, PointKey]]:
    """Signal -> point of each asset; with those of its station's mast, and the site's air, where it has none
    of its own."""
    own: dict[AssetId, dict[str, PointKey]] = {}
    for point in site.points:
        own.setdefault(point.asset_id, {})[suffix(point)] = point.key
    air = next(({AMBIENT: each[AMBIENT]} for each in own.values() if AMBIENT in each), {})
    masts = {_station(site, asset): each for asset, each in own.items() if SUN in each}
    return {
        asset: air | masts.get(_station(site, asset), {}) | known for asset, known in own.items()
    }


def _station(site: Site, asset_id: AssetId) -> str:
    asset = site.assets.get(asset_id)
    return asset.station if asset else ""


def _columns(histories: Sequence[Mapping[str, Sequence[Any]]]) -> list[Rows]:
    """(rows, 2) time and value of each; good readings only."""
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
    return columns


def held(histories: Sequence[Mapping[str, Sequence[Any]]]) -> Rows:
    """At every time of the first point the value that each other one held then."""
    first, *others = _columns(histories)
    found = [first[:, 0], first[:, 1]]
    for column in others:
        place = np.searchsorted(column[:, 0], first[:, 0], side="right") - 1
        values = np.full(len(first), np.nan)
        known = place >= 0
        values[known] = column[place[known], 1]
        found.append(values)
    together = np.array(found).T
    kept: Rows = together[np.isfinite(together).all(axis=1)]
    return kept


def ten_minute_means(histories: Sequence[Mapping[str, Sequence[Any]]]) -> Rows:
    """Of the slots in which all were measured: a history for pictures holds the extremes of each stretch, and
    two extremes are of two moments."""
    means = []
    for column in _columns(histories):
        slots, place = np.unique(column[:, 0] // TEN_MINUTES_US, return_inverse=True)
        count = np.bincount(place, minlength=len(slots))
        total = np.bincount(place, weights=column[:, 1], minlength=len(slots))
        means.append(
            dict(zip(slots.tolist(), (total / np.maximum(count, 1)).tolist(), strict=True))
        )
    common = sorted(set.intersection(*(set(each) for each in means)))
    rows = [(slot * TEN_MINUTES_US, *(each[slot] for each in means)) for slot in common]
    return np.array(rows, np.float64).reshape(-1, 1 + len(histories))


def _compare(
    asset: AssetId, learner: Learner, rows: Rows, running: Models, found: Models
) -> tuple[Compared, Models]:
    """Raises TooLittle."""
    if len(rows) < _LEAST_ROWS:
        raise TooLittle(f"{len(rows)} rows are too few, {_LEAST_ROWS} are needed")
    split = int(_TRAINED_SHARE * len(rows))
    older, newer = rows[:split], rows[split:]
    before = getattr(running, learner.shelf).get(asset)
    if before is not None and learner.is_ill(before, newer):
        raise TooLittle("by its running model it is ill now: nothing is learnt from that")
    try:
        model = learner.fit(older)
    except ValueError as error:
        raise TooLittle(str(error)) from error
    compared = Compared(
        asset_id=asset,
        kind=learner.kind,
        rows=len(newer),
        new_error=learner.error(model, newer),
        running_error=None if before is None else learner.error(before, newer),
    )
    if not compared.better:
        return compared, found
    shelves: dict[str, Any] = {learner.shelf: {**getattr(found, learner.shelf), asset: model}}
    return compared, replace(found, **shelves)


def fit_curve(rows: Rows) -> PowerCurve:
    return learn_curve(rows[:, 1].tolist(), rows[:, 2].tolist())


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


def fit_sun_model(rows: Rows) -> SunModel:
    # here, since scikit-learn takes a second to import
    from detectors.judgement.sun_fit import fit_sun

    return fit_sun(rows[:, 1], rows[:, 2], rows[:, 3])


def sun_error(model: SunModel, rows: Rows) -> float:
    """Median distance in kW while the sun shines; inf where it never did."""
    bright = rows[rows[:, 2] >= _BRIGHT_W_M2]
    apart = [abs(kw - model.expected(sun, warmth)) for _, kw, sun, warmth in bright.tolist()]
    return float(np.median(apart)) if apart else float("inf")


def fit_motor(rows: Rows) -> HealthyMotor:
    """A run is a day on which it ran: the median of its shares."""
    shares = _shares(rows)
    days = np.unique(shares[:, 0] // _DAY_US)
    runs = [float(np.median(shares[shares[:, 0] // _DAY_US == day, 1])) for day in days.tolist()]
    return learn_healthy(runs)


def motor_error(model: HealthyMotor, rows: Rows) -> float:
    """Mean distance of the shares from the usual one; inf where it never ran."""
    shares = _shares(rows)[:, 1]
    return float(np.mean(np.abs(shares - model.usual))) if len(shares) else float("inf")


def is_ill_motor(model: HealthyMotor, rows: Rows) -> bool:
    """Beyond the limit half of the time that it ran."""
    shares = _shares(rows)[:, 1]
    return bool(len(shares)) and float(np.median(shares)) > model.limit


def _shares(rows: Rows) -> Rows:
    """(runs, 2): time, negative over positive sequence; rows in which it stood still are left out."""
    found = []
    for at_us, a, b, c in rows[:, :4].tolist():
        try:
            found.append((at_us, share(sequence_of_sizes(a, b, c))))
        except UnusablePhases:
            continue
    return np.array(found, np.float64).reshape(-1, 2)


_WIND: Final = ("wind_speed", "p")
_OIL: Final = ("top_oil_temp", "load_factor")
LEARNERS: Final = (
    Learner("wind", _WIND, _WIND, "curves", held, fit_curve, curve_error),
    Learner("thermal", _OIL, (*_OIL, AMBIENT), "plates", held, fit_plate, plate_error),
    Learner(
        "sun", ("p", "dc_voltage"), ("p", SUN, "module_temp"), "suns", ten_minute_means,
        fit_sun_model, sun_error,
    ),
    Learner(
        "motor", (*CURRENTS, MARK), CURRENTS, "motors", ten_minute_means, fit_motor, motor_error,
        is_ill_motor,
    ),
)  # fmt: skip
