"""Streams that one learned detector follows: which they are, and how a moment of the plant becomes a tick."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.learned import Scores
from detectors.judgement.registry import (
    PROCESS_LEVEL,
    RHYTHM_HOLD,
    THERMAL_HOLD,
    Channel,
    Judge,
    Kind,
    build_judge,
)
from detectors.judgement.tick import Tick
from detectors.judgement.view import Reading, View
from domain.assets import Asset, Point
from domain.findings import Cause, Input, Opinion, Stance
from domain.ids import AssetId
from domain.responsibility import Reason

MINUTE_US: Final = 60_000_000
RHYTHM_STEP_US: Final = 5 * MINUTE_US
THERMAL_STEP_US: Final = 60 * MINUTE_US
PROCESS_STEP_US: Final = 1_000_000  # at every look
_RHYTHMS: Final = frozenset({"p", "ia", "load_factor"})  # what has habits of the day
_GROUP_AT_MOST: Final = 200  # rhythms that are fetched and saved together
_VIBRATION: Final = "mm/s"  # an asset that measures one is a machine, and its channels a process
_FEWEST_CHANNELS: Final = 3
_CONTACTS: Final = frozenset({"status", "position"})
_RUNNING: Final = "running"  # 1 while the machine runs; without it, it always does
_REST_TICKS: Final = 30  # after a start the machine is on its way
_SUREST: Final = 0.7  # a learned detector knows that it is strange, not why
_LEARNED: Final = "learned/1"
_SENSOR: Final = "sensor/1"
_PROCESS: Final = "process/1"


@dataclass(slots=True)
class Watched:
    """The streams of one learned judge, and what it said last. Not `ready`: its past is not here yet."""

    kind: Kind
    points: Sequence[Point]
    step_us: int
    limit: float
    judge: Judge
    ready: bool = True
    at_step: int = -1
    model: int = 0  # version of what was learnt by command that it has grown from
    rest: int = 0  # ticks that are still left out after a start
    said: dict[AssetId, list[Opinion]] = field(default_factory=dict)

    @property
    def assets(self) -> frozenset[AssetId]:
        return frozenset(point.asset_id for point in self.points)

    @property
    def name(self) -> str:
        """Of these very streams: other points, another name."""
        keys = "\n".join([str(self.step_us), *(point.key for point in self.points)])
        return f"{self.kind.value}-{blake2b(keys.encode(), digest_size=8).hexdigest()}"

    def due(self, at_us: int) -> bool:
        return at_us // self.step_us != self.at_step

    def tick(self, at_us: int, local_us: int, views: Mapping[AssetId, View]) -> None:
        self.at_step = at_us // self.step_us
        self.said = {}
        if not self._runs(views):
            return
        readings = [_reading(views.get(point.asset_id), point) for point in self.points]
        values = np.array([each.value if each.good else nan for each in readings])
        found = self.judge.tick(Tick(local_us, values))
        said: dict[AssetId, list[Opinion]] = defaultdict(list)
        for row in self._strange(found):
            point, reading = self.points[row], readings[row]
            said[point.asset_id].append(
                _opinion(self.kind, point, reading, float(found.raw[row]), bool(found.suspect[row]))
            )
        self.said = dict(said)

    def _runs(self, views: Mapping[AssetId, View]) -> bool:
        """A machine that stands still is off every level, and is well."""
        if self.kind is not Kind.PROCESS:
            return True
        view = views.get(self.points[0].asset_id)
        running = 1.0 if view is None else view.known(_RUNNING)
        if running is not None and running < 0.5:
            self.rest = _REST_TICKS
            return False
        self.rest = max(0, self.rest - 1)
        return self.rest == 0

    def _strange(self, found: Scores) -> list[int]:
        """Of a process the channel that is farthest off, as long as the whole is off its level."""
        strange: NDArray[np.bool_] = (
            found.alarm if self.kind is Kind.PROCESS else found.raw >= self.limit
        )
        return np.flatnonzero(strange).tolist()


def _reading(view: View | None, point: Point) -> Reading:
    nothing = Reading(nan, 0, good=False)
    return nothing if view is None else view.signals.get(suffix(point), nothing)


def _opinion(kind: Kind, point: Point, reading: Reading, rarity: float, suspect: bool) -> Opinion:
    given = Input(
        point=point.key,
        value=reading.value if np.isfinite(reading.value) else None,
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
    if kind is Kind.PROCESS:
        return _unusual(
            _PROCESS, given, rarity / 10.0, Reason.of("off_level", spreads=f"{rarity:.1f}")
        )
    return _unusual(_LEARNED, given, rarity / 12.0, Reason.of("never_seen", rarity=f"{rarity:.1f}"))


def _unusual(expert: str, given: Input, confidence: float, why: Reason) -> Opinion:
    return Opinion(
        expert=expert,
        cause=Cause.UNUSUAL,
        stance=Stance.AGREES,
        confidence=round(min(_SUREST, confidence), 2),
        measured=given.value,
        unit=given.unit,
        inputs=(given,),
        why=why,
        would_change=Reason.of("usual_again"),
    )


def suffix(point: Point) -> str:
    return point.key.rpartition("/")[2]


def watched(points: Sequence[Point], assets: Mapping[AssetId, Asset]) -> list[Watched]:
    """Rhythms by station, a few hundred together; oil temperatures and machines each for itself."""
    by_asset: dict[AssetId, list[Point]] = defaultdict(list)
    by_station: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        by_asset[point.asset_id].append(point)
        if suffix(point) in _RHYTHMS:
            asset = assets.get(point.asset_id)
            by_station[asset.station if asset else ""].append(point)
    return [
        *(each for own in by_station.values() for each in _rhythms(own)),
        *(each for own in by_asset.values() for each in _of_asset(own)),
    ]


def _rhythms(points: Sequence[Point]) -> Iterable[Watched]:
    for first in range(0, len(points), _GROUP_AT_MOST):
        group = points[first : first + _GROUP_AT_MOST]
        yield _built(Kind.RHYTHM, group, RHYTHM_STEP_US, RHYTHM_HOLD.limit)


def _of_asset(points: Sequence[Point]) -> Iterable[Watched]:
    oil = [point for point in points if suffix(point) in {"top_oil_temp", "load_factor"}]
    if len(oil) == 2:
        yield _built(Kind.THERMAL, oil, THERMAL_STEP_US, THERMAL_HOLD.limit)
    if any(point.unit == _VIBRATION for point in points):
        channels = [point for point in points if point.unit not in _CONTACTS]
        if len(channels) >= _FEWEST_CHANNELS:
            yield _built(Kind.PROCESS, channels, PROCESS_STEP_US, PROCESS_LEVEL.alarm_at)


def _built(kind: Kind, points: Sequence[Point], step_us: int, limit: float) -> Watched:
    return Watched(kind, points, step_us, limit, fresh_judge(kind, points, step_us))


def fresh_judge(kind: Kind, points: Sequence[Point], step_us: int) -> Judge:
    """One that has seen nothing."""
    return build_judge(kind, [Channel(point.key, point.unit) for point in points], step_us)
