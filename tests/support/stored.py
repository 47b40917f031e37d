"""Builders for what the stores keep: small, and different where a test needs it."""

from dataclasses import fields

import numpy as np
from hypothesis import strategies as st

from domain.assets import ActiveLimits, AlarmClass, Condition, Limit, Point, Priority, Provenance
from domain.ids import AssetId, DeviceId, PointKey, SourceId
from domain.readings import Origin, Readings
from domain.records import (
    ClockRebased,
    DeadLetter,
    DeviceReplied,
    LimitsActivated,
    ReadingsArrived,
    Receipts,
    Record,
    ReplyOutcome,
    SourceChanged,
    Ticked,
)

SOURCE = SourceId("broker")


def tick(at_us: int) -> Ticked:
    return Ticked(at_us=at_us)


def reading(
    point: int, event_time: int, value: float = 1.0, origin: Origin = Origin.LIVE
) -> tuple[int, int, int, float, int, int]:
    return point, event_time, event_time + 1, value, 0, origin


def group(readings: int, at_us: int = 1) -> ReadingsArrived:
    """A group that takes 30 bytes a reading."""
    return ReadingsArrived(
        at_us=at_us,
        source_id=SOURCE,
        readings=Readings.from_rows([reading(row, at_us) for row in range(readings)]),
    )


def same(left: Record, right: Record) -> bool:
    """Equal in every field; columns compared by their bytes, so that NaN equals NaN."""
    return _plain(left) == _plain(right)


def _plain(record: Record) -> tuple[object, ...]:
    values = (getattr(record, field.name) for field in fields(record))
    parts = (value.to_bytes() if isinstance(value, Readings) else value for value in values)
    return type(record), *parts


# what every store takes as it is; storage.text tells what becomes of the rest
_words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
_int64 = st.integers(-(2**63), 2**63 - 1)
_moments = st.integers(0, 2**53)
_numbers = st.floats(allow_nan=False)  # NaN is not equal to itself; the columns below carry it

_receipts = st.builds(
    Receipts,
    session=_words,
    packet_ids=st.lists(st.integers(0, 2**63 - 1), max_size=4).map(tuple),
    digests=st.lists(st.binary(min_size=8, max_size=8), max_size=4).map(tuple),
)
_limits = st.builds(
    Limit,
    condition=st.sampled_from(Condition),
    value=_numbers,
    deadband=_numbers,
    on_delay_us=_moments,
    off_delay_us=_moments,
    priority=st.sampled_from(Priority),
    alarm_class=st.sampled_from(AlarmClass),
    provenance=st.builds(Provenance, standard=_words, edition=_words, clause=_words, mark=_words),
)
_points = st.builds(
    Point,
    number=st.integers(0, 2**31 - 1),
    key=_words.map(PointKey),
    asset_id=_words.map(AssetId),
    source_id=_words.map(SourceId),
    signal=_words,
    unit=_words,
    stale_after_us=st.none() | _moments,
    limits=st.lists(_limits, max_size=2).map(tuple),
    silence_priority=st.sampled_from(Priority),
)
_columns = st.lists(
    st.tuples(
        st.integers(-(2**31), 2**31 - 1),
        _int64,
        _int64,
        st.floats(),
        st.integers(0, 255),
        st.integers(0, 255),
    ),
    max_size=5,
).map(Readings.from_rows)

records: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        ReadingsArrived,
        at_us=_int64,
        source_id=_words.map(SourceId),
        readings=_columns,
        receipts=_receipts,
    ),
    st.builds(Ticked, at_us=_int64),
    st.builds(SourceChanged, at_us=_int64, source_id=_words.map(SourceId), current=st.booleans()),
    st.builds(
        LimitsActivated,
        at_us=_int64,
        limits=st.builds(
            ActiveLimits,
            site=_words,
            version=st.integers(0, 2**31),
            points=st.lists(_points, max_size=2).map(tuple),
        ),
    ),
    st.builds(
        ClockRebased,
        at_us=_int64,
        source_id=_words.map(SourceId),
        point=st.integers(0, 2**31 - 1),
        from_us=_int64,
        to_us=_int64,
    ),
    st.builds(
        DeviceReplied,
        at_us=_int64,
        device_id=_words.map(DeviceId),
        command_id=st.uuids(),
        outcome=st.sampled_from(ReplyOutcome),
        detail=_words,
        receipts=_receipts,
    ),
    st.builds(
        DeadLetter,
        at_us=_int64,
        source_id=_words.map(SourceId),
        reason=_words,
        detail=_words,
        topic=_words,
        payload=st.none() | st.binary(max_size=20),
        receipts=_receipts,
    ),
)


def random_readings(count: int, seed: int = 0) -> Readings:
    rng = np.random.default_rng(seed)
    return Readings(
        point=rng.integers(0, 1_000, count).astype(np.int32),
        event_time=np.arange(count, dtype=np.int64),
        arrival_time=np.arange(count, dtype=np.int64),
        value=rng.random(count),
        quality=np.zeros(count, np.uint8),
        origin=np.zeros(count, np.uint8),
    )
