"""Builders for limit tests: seconds from a fixed moment instead of microseconds since 1970."""

import io
import json
from collections.abc import Sequence
from dataclasses import fields
from math import isnan

import numpy as np

from detectors.evaluate import DetectorState
from domain.assets import ActiveLimits, Condition, Limit, Point
from domain.clock import SECOND_US
from domain.events import AlarmRaised, Event
from domain.ids import AssetId, PointKey, SourceId
from domain.readings import Origin, Quality, Readings
from domain.records import LimitsActivated, ReadingsArrived, SourceChanged, Ticked

EPOCH_US = 1_790_000_000 * SECOND_US
SOURCE = SourceId("field")
OIL = 7  # number of the point that most tests watch

Row = tuple[int, int, int, float, int, int]


def us(seconds: float) -> int:
    """A moment of the test's time scale."""
    return EPOCH_US + round(seconds * SECOND_US)


def limit(
    condition: Condition,
    value: float,
    *,
    deadband: float = 0.0,
    on_delay: float = 0,
    off_delay: float = 0,
) -> Limit:
    """Delays in seconds."""
    return Limit(
        condition=condition,
        value=value,
        deadband=deadband,
        on_delay_us=round(on_delay * SECOND_US),
        off_delay_us=round(off_delay * SECOND_US),
    )


def point(
    *limits: Limit,
    number: int = OIL,
    key: str | None = None,
    stale_after: float | None = None,
    source: str = SOURCE,
) -> Point:
    return Point(
        number=number,
        key=PointKey(key or f"35kV-liuyuan/{number}/top_oil_temp"),
        asset_id=AssetId(f"35kV-liuyuan/{number}"),
        source_id=SourceId(source),
        signal="油温",
        unit="degC",
        stale_after_us=None if stale_after is None else round(stale_after * SECOND_US),
        limits=limits,
    )


def activated(*points: Point, at: float = 0, version: int = 1) -> LimitsActivated:
    limits = ActiveLimits(site="liuyuan", version=version, points=points)
    return LimitsActivated(at_us=us(at), limits=limits)


def current(at: float = 0, *, source: str = SOURCE) -> SourceChanged:
    return SourceChanged(at_us=us(at), source_id=SourceId(source), current=True)


def not_current(at: float, *, source: str = SOURCE) -> SourceChanged:
    return SourceChanged(at_us=us(at), source_id=SourceId(source), current=False)


def tick(at: float) -> Ticked:
    return Ticked(at_us=us(at))


def row(
    time: float,
    value: float,
    *,
    number: int = OIL,
    arrived: float | None = None,
    quality: Quality = Quality.GOOD,
    origin: Origin = Origin.LIVE,
) -> Row:
    arrival = time if arrived is None else arrived
    return (number, us(time), us(arrival), value, quality, origin)


def group(*rows: Row, source: str = SOURCE) -> ReadingsArrived:
    at_us = max((arrival for _, _, arrival, *_ in rows), default=us(0))
    return ReadingsArrived(
        at_us=at_us, source_id=SourceId(source), readings=Readings.from_rows(rows)
    )


def reading(
    time: float,
    value: float,
    *,
    number: int = OIL,
    arrived: float | None = None,
    quality: Quality = Quality.GOOD,
    origin: Origin = Origin.LIVE,
) -> ReadingsArrived:
    """A group of one."""
    return group(row(time, value, number=number, arrived=arrived, quality=quality, origin=origin))


def restarted(state: DetectorState) -> DetectorState:
    """What a restart makes of a state: through the files of a checkpoint and back."""
    stored = io.BytesIO()
    np.savez(stored, **state.arrays())  # type: ignore[arg-type]
    meta = json.loads(json.dumps(state.meta()))
    stored.seek(0)
    with np.load(stored, allow_pickle=False) as arrays:
        return DetectorState.restore(arrays, meta, state.parts())


def facts(events: Sequence[Event]) -> list[tuple[object, ...]]:
    """Every field of every event, comparable: two values that are not a number count as equal."""
    return [
        (type(event).__name__, *(_comparable(getattr(event, f.name)) for f in fields(event)))
        for event in events
    ]


def _comparable(value: object) -> object:
    return "NaN" if isinstance(value, float) and isnan(value) else value


def story(events: Sequence[Event]) -> list[str]:
    """Events as a person would note them, in seconds: "H raised 20 since 10 at 85"."""
    names: dict[object, str] = {}
    lines = []
    for event in events:
        if isinstance(event, AlarmRaised):
            names[event.event_id] = event.condition
            marks = "".join(
                mark
                for mark, holds in (
                    (" degraded", event.degraded),
                    (" found late", event.found_late),
                    (" no output", not event.output_allowed),
                )
                if holds
            )
            lines.append(
                f"{event.condition} raised {_seconds(event.raised_at_us)}"
                f" since {_seconds(event.started_at_us)} at {event.value:g}{marks}"
            )
        else:
            reason = "" if event.reason == "returned" else f" {event.reason}"
            name = names.get(event.event_id, "unknown")
            lines.append(f"{name} cleared {_seconds(event.ended_at_us)} at {event.value:g}{reason}")
    return lines


def _seconds(moment_us: int) -> str:
    return f"{(moment_us - EPOCH_US) / SECOND_US:g}"
