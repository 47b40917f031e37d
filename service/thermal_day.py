"""The last day of an oil transformer by its thermal model, and the half hour that follows, for its page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog

from detectors.judgement import thermal
from detectors.judgement.thermal import Nameplate, Regime, Temperatures
from detectors.judgement.transformer import nameplate_of
from domain.assets import Provenance
from domain.clock import MINUTE_US
from domain.findings import Drawing
from domain.ids import AssetId
from domain.plates import Plate
from domain.readings import USABLE_QUALITIES
from service.model_store import BrokenModel, ModelStore

log = structlog.get_logger(__name__)

DAY_US: Final = 24 * 60 * MINUTE_US
STEP_MIN: Final = 5
HELD_US: Final = 60 * MINUTE_US  # a value stands so long; then it is not known
SIGNALS: Final = ("top_oil_temp", "load_factor")
LIMIT: Final = thermal.LOADING[Regime.NORMAL_CYCLIC]

Series = Mapping[str, Sequence[Any]]  # times, values, qualities, as core answers
AskHistory = Callable[[str, int, int], Series]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalDay:
    """Temperatures in degC. `life_lost_days` of normal life, in the `hours` that are known."""

    day: Drawing  # the oil, measured and by the model
    ahead: Drawing  # oil and hot spot, should load and ambient stay as they are
    hot_spot: float
    ageing_rate: float  # 1: normal life, not upgraded paper
    life_lost_days: float
    hours: float
    plate: Nameplate
    source: Provenance = LIMIT.provenance


def learnt_plate(data: Path, asset_id: AssetId) -> Nameplate | None:
    """What `gridwarden retrain` found of this transformer."""
    try:
        models = ModelStore(data / "models").active()
    except BrokenModel as error:
        log.warning("models_not_usable", reason=str(error))
        return None
    return None if models is None else models.plates.get(asset_id)


def thermal_day(
    asset_id: AssetId,
    ambient_point: str,
    plate: Plate,
    learnt: Nameplate | None,
    ask: AskHistory,
    to_us: int,
) -> ThermalDay | None:
    """None where oil, load or ambient were not known within the last hour. Raises what `ask` raises."""
    points = (*(f"{asset_id}/{signal}" for signal in SIGNALS), ambient_point)
    grid = np.arange(to_us - DAY_US, to_us + 1, STEP_MIN * MINUTE_US, dtype=np.int64)
    columns = [_held(ask(point, to_us - DAY_US - HELD_US, to_us), grid) for point in points]
    rows = [
        (int(at_us), oil, min(max(load, 0.0), 2.5), ambient)
        for at_us, oil, load, ambient in zip(grid, *columns, strict=True)
        if isfinite(oil) and isfinite(load) and isfinite(ambient)
    ]
    if not rows or rows[-1][0] < to_us - HELD_US:
        return None
    known = nameplate_of(plate, learnt)
    states = _followed(known, rows)
    hot_spots = [state.hot_spot for state in states]
    return ThermalDay(
        day=Drawing(
            kind="series",
            unit="degC",
            times_us=tuple(row[0] for row in rows),
            measured=tuple(round(row[1], 1) for row in rows),
            expected=tuple(round(state.oil, 1) for state in states),
        ),
        ahead=_ahead(known, states[-1], rows[-1]),
        hot_spot=hot_spots[-1],
        ageing_rate=thermal.ageing_rate(hot_spots[-1], upgraded_paper=False),
        life_lost_days=thermal.loss_of_life_days(hot_spots, STEP_MIN, upgraded_paper=False),
        hours=len(rows) * STEP_MIN / 60.0,
        plate=known,
    )


_Row = tuple[int, float, float, float]  # moment, oil, load factor, ambient


def _followed(plate: Nameplate, rows: Sequence[_Row]) -> list[Temperatures]:
    """Anew from what is measured at the beginning and after a gap."""
    states = [_begun(plate, rows[0])]
    for before, row in pairwise(rows):
        minutes = (row[0] - before[0]) / MINUTE_US
        if row[0] - before[0] > HELD_US:
            states.append(_begun(plate, row))
        else:
            states.append(thermal.step(plate, states[-1], before[2], before[3], minutes))
    return states


def _begun(plate: Nameplate, row: _Row) -> Temperatures:
    _, oil, load, ambient = row
    settled = thermal.steady(plate, load, ambient)
    return Temperatures(oil, settled.rise_1, settled.rise_2)


def _ahead(plate: Nameplate, state: Temperatures, row: _Row) -> Drawing:
    at_us, _, load, ambient = row
    ahead = thermal.predict(plate, state, load, ambient)
    return Drawing(
        kind="forecast",
        unit="degC",
        times_us=tuple(at_us + minute * MINUTE_US for minute in range(1, len(ahead) + 1)),
        measured=tuple(round(each.oil, 1) for each in ahead),
        expected=tuple(round(each.hot_spot, 1) for each in ahead),
        limit=LIMIT.hot_spot,
    )


def _held(series: Series, grid: np.ndarray[Any, np.dtype[np.int64]]) -> list[float]:
    """(k,) the value that stood at each moment; NaN where none did."""
    usable = [
        (at_us, value)
        for at_us, value, quality in zip(
            series["times"], series["values"], series["qualities"], strict=True
        )
        if value is not None and quality in USABLE_QUALITIES
    ]
    if not usable:
        return [float("nan")] * len(grid)
    times = np.array([at_us for at_us, _ in usable], np.int64)
    values = np.array([value for _, value in usable], np.float64)
    place = np.searchsorted(times, grid, side="right") - 1
    stands = (place >= 0) & (grid - times[np.maximum(place, 0)] <= HELD_US)
    found: list[float] = np.where(stands, values[np.maximum(place, 0)], np.nan).tolist()
    return found
