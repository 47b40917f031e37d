"""What every feeder carried and which flags stood set a moment ago: after the trip it is too late to ask.

Kept in memory alone and filled again by the first ticks; without it a proposal goes by the ordinary load.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from domain.clock import SECOND_US
from domain.feeders import Feeder
from domain.ids import PointKey
from domain.readings import USABLE_QUALITIES, Values
from linkage.outages.supply import CLOSED

# readings of one moment may come in several groups: what was held so shortly before belongs to the trip
_BEFORE_US: Final = 2 * SECOND_US
_SAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Before:
    at_us: int
    load_mw: float | None
    flags_set: frozenset[PointKey]


_NOTHING: Final = Before(0, None, frozenset())


class Memory:
    def __init__(self, feeders: tuple[Feeder, ...]) -> None:
        self._feeders = feeders
        self._samples: dict[str, deque[Before]] = {}

    def look(self, at_us: int, values: Values) -> None:
        """Every second; a feeder whose breaker is open keeps what it last carried."""
        for feeder in self._feeders:
            held = values(feeder.position) if feeder.position else None
            if held is None or held.value != CLOSED:
                continue
            samples = self._samples.setdefault(feeder.feeder_id, deque(maxlen=_SAMPLES))
            flags = [key for section in feeder.sections for key in section.flags]
            is_set = frozenset(key for key in flags if _is_set(key, values))
            samples.append(Before(at_us, _load(feeder, values), is_set))

    def before(self, feeder: Feeder, tripped_at_us: int) -> Before:
        samples = self._samples.get(feeder.feeder_id, ())
        early = [each for each in samples if each.at_us <= tripped_at_us - _BEFORE_US]
        return early[-1] if early else samples[0] if samples else _NOTHING


def _load(feeder: Feeder, values: Values) -> float | None:
    held = values(feeder.load) if feeder.load else None
    return held.value if held is not None and held.quality in USABLE_QUALITIES else None


def _is_set(key: PointKey, values: Values) -> bool:
    held = values(key)
    return held is not None and held.value == 1.0
