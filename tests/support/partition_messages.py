"""Messages of a partition for tests, and an intake that takes them."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from domain.assets import ActiveLimits, Point
from domain.clock import SECOND_US
from domain.ids import AssetId, PointKey, SourceId
from domain.records import Record, Ticked
from ingest.intake import Intake
from ingest.kafka import BRIDGE, RECORD, Fetched
from ingest.partition_intake import PartitionIntake, seal_of
from storage.codec import from_bytes, to_bytes

SOURCE = SourceId("field")
KEY = b"k" * 32
LIMITS = ActiveLimits(
    site="s",
    version=1,
    points=tuple(
        Point(
            number=number,
            key=PointKey(f"P/{number}"),
            asset_id=AssetId("A"),
            source_id=SOURCE,
            signal="油温",
            unit="degC",
        )
        for number in range(1, 4)
    ),
)


class Counted:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1, **labels: str) -> None:
        self.counts[name] += count


def fresh_intake(counters: Counted | None = None) -> PartitionIntake:
    counters = counters or Counted()
    return PartitionIntake(
        Intake("s", SOURCE, LIMITS, counters), SOURCE, "s", 0, KEY, from_bytes, counters
    )


def reading_at(offset: int, at_us: int, point: int = 1, value: float = 1.0) -> Fetched:
    said = {"point": f"P/{point}", "time": at_us // 1_000, "value": value}
    return Fetched(
        offset=offset, at_us=at_us, headers={}, value=json.dumps({"readings": [said]}).encode()
    )


def own_at(offset: int, at_us: int, record: Record, key: bytes = KEY) -> Fetched:
    value = to_bytes(record)
    return Fetched(
        offset=offset, at_us=at_us, headers={RECORD: seal_of(key, 0, value)}, value=value
    )


def tick_at(offset: int, at_us: int) -> Fetched:
    return own_at(offset, at_us, Ticked(at_us=at_us))


def bridge_at(offset: int, at_us: int, current: bool, name: str = "1") -> Fetched:
    value = json.dumps({"current": current}).encode()
    return Fetched(offset=offset, at_us=at_us, headers={BRIDGE: name.encode()}, value=value)


def second(number: float) -> int:
    """A moment that is not absurd."""
    return 1_800_000_000 * SECOND_US + int(number * SECOND_US)


def in_pieces(messages: Sequence[Fetched], cuts: Sequence[int]) -> list[Sequence[Fetched]]:
    edges = sorted({0, len(messages), *(cut % (len(messages) + 1) for cut in cuts)})
    return [messages[start:end] for start, end in pairwise(edges)]
