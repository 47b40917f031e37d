"""The one function that decides what a record means. Live, restart, replay and back-test all call it.

Pure in effect: the same state and record give the same next state and events, with no clock and no I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.cameras import add_camera, add_sighting
from detectors.findings import add_finding
from detectors.limits.activation import carry_over
from detectors.limits.checks import CheckTable
from detectors.limits.clock_steps import clock_stepped_back
from detectors.limits.found import Found
from detectors.limits.plan import Plan
from detectors.limits.silence import SilenceTable
from detectors.limits.table import FIELDS, LimitTable
from domain.assets import ActiveLimits
from domain.clock import NEVER_US
from domain.events import Event
from domain.ids import PointKey
from domain.readings import HeldValue, Quality, Readings
from domain.records import (
    ClockRebased,
    DeadLetter,
    DeviceReplied,
    LimitsActivated,
    PaperLearned,
    ReadingsArrived,
    Record,
    Requested,
    SourceChanged,
    Ticked,
)
from domain.requests import ProposeViolation, ReportCamera, ReportFinding
from domain.topology import SwitchState

_FORMAT: Final = 3
_WITHOUT_CHECKS: Final = 2  # the format before; what it holds is whole, it had no checks


class UnreadableCheckpoint(ValueError):
    """A stored detector state that does not fit this program; start from an older one, or the journal."""


@dataclass(frozen=True, slots=True)
class _Source:
    current: bool
    since_us: int  # when it became so


# a doubtful position is none; one that a person put in counts
_TRUSTED: Final = frozenset({Quality.GOOD, Quality.SUBSTITUTED})
_POSITIONS: Final = {1.0: SwitchState.OPEN, 2.0: SwitchState.CLOSED}
_UNHEARD_OF: Final = _Source(False, NEVER_US)
# made here, by one thread: msgspec must not get to know a type in two at once (storage.typed)
_read_limits: Final = msgspec.msgpack.Decoder(ActiveLimits).decode
_SOURCES: Final = msgspec.msgpack.Decoder(dict[str, _Source])


def evaluate(state: "DetectorState", record: Record) -> tuple["DetectorState", list[Event]]:
    """The next state, and the events of this record in their order. Consumes `state`: copy to keep it."""
    found = Found()
    match record:
        case ReadingsArrived():
            state._read(record.readings, record.at_us, found)
        case SourceChanged():
            state._change_source(record)
        case LimitsActivated():
            state._pass_time(record.at_us, found)  # what was due is due by the old limits
            state._activate(record, found)
        case ClockRebased():
            state._step_back(record, found)
        case Requested(request=ReportFinding()):
            add_finding(record, state.limits, found)
        case Requested(request=ReportCamera()):
            add_camera(record, state.limits, found)
        case Requested(request=ProposeViolation()):
            add_sighting(record, state.limits, found)
        case Ticked() | DeviceReplied() | Requested() | PaperLearned() | DeadLetter():
            pass  # only our clock moved
    state._pass_time(record.at_us, found)
    return state, found.in_order()


class DetectorState:
    """Everything that the detectors know. Opaque to all but `evaluate`, and kept in checkpoints."""

    def __init__(
        self,
        limits: LimitTable,
        silence: SilenceTable,
        checks: CheckTable,
        sources: Mapping[str, _Source],
    ) -> None:
        self._limits = limits
        self._silence = silence
        self._checks = checks
        self._sources = dict(sources)
        self._packed_limits: bytes | None = None
        self._look_at_sources()

    @classmethod
    def initial(cls) -> "DetectorState":
        """Nothing is watched until limits are activated, and no source is current."""
        plan = Plan(ActiveLimits(site="", version=0, points=()))
        return cls(LimitTable(plan), SilenceTable.starting(plan, NEVER_US), CheckTable(plan), {})

    @property
    def limits(self) -> ActiveLimits:
        """Those that it goes by."""
        return self._limits.plan.limits

    def position_of(self, point: PointKey) -> SwitchState:
        """Where a switch stands, by the last reading of its position."""
        row = self._limits.plan.row_of(point)
        if row is None:
            return SwitchState.UNKNOWN
        value, quality = self._limits.last_reading(row)
        if quality not in _TRUSTED:
            return SwitchState.UNKNOWN
        return _POSITIONS.get(value, SwitchState.UNKNOWN)

    def held(self, points: Sequence[int]) -> list[float]:
        """The last value of each point by its number; NaN where nothing usable is known of it."""
        rows = self._limits.plan.rows_of(np.array(points, np.int32))
        values = np.full(len(rows), np.nan)
        ours = np.flatnonzero(rows >= 0)
        loud = ours[~self._silence.silent(rows[ours])]
        values[loud] = self._limits.held(rows[loud])
        return values.tolist()

    def value_of(self, key: PointKey) -> HeldValue | None:
        """What the point holds now (domain.readings.Values)."""
        return self._limits.value_of(key)

    def copy(self) -> "DetectorState":
        """A twin that may go its own way."""
        silence = SilenceTable(self._silence.plan, self._silence.arrays())
        return DetectorState(self._limits.copy(), silence, self._checks.copy(), self._sources)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """For a checkpoint. Copies, so they may be written while evaluation goes on."""
        return {
            "number": self._limits.plan.numbers,
            **self._limits.arrays(),
            **self._silence.arrays(),
            "checks": np.frombuffer(self._checks.pack(), np.uint8),
        }

    def meta(self) -> dict[str, object]:
        """What else a checkpoint needs, ready for JSON."""
        sources = {
            source: {"current": one.current, "since_us": one.since_us}
            for source, one in sorted(self._sources.items())
        }
        return {"format": _FORMAT, "sources": sources}

    def parts(self) -> dict[str, bytes]:
        """The rest, large and seldom changing: the same objects until other limits come."""
        if self._packed_limits is None:
            # not JSON, in which a limit that is no number could not be told
            self._packed_limits = msgspec.msgpack.encode(self._limits.plan.limits)
        return {"limits": self._packed_limits}

    @classmethod
    def restore(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        meta: Mapping[str, object],
        parts: Mapping[str, bytes],
    ) -> "DetectorState":
        """What `arrays`, `meta` and `parts` told. Raises UnreadableCheckpoint."""
        if meta.get("format") not in (_FORMAT, _WITHOUT_CHECKS):
            raise UnreadableCheckpoint(f"detector state of format {meta.get('format')!r}")
        try:
            plan = Plan(_read_limits(parts["limits"]))
            sources = msgspec.convert(meta["sources"], _SOURCES.type)
            if not np.array_equal(arrays["number"], plan.numbers):
                raise UnreadableCheckpoint("the arrays are of other points than the limits")
            # own copies: stored arrays may be read-only, and evaluation writes
            limits = LimitTable(plan, {name: np.array(arrays[name]) for name in FIELDS})
            heard, silent = np.array(arrays["heard_us"]), np.array(arrays["silent_from_us"])
            checks = _checks(plan, arrays, meta["format"])
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            if isinstance(error, UnreadableCheckpoint):
                raise
            raise UnreadableCheckpoint(f"detector state cannot be read: {error}") from error
        silence = SilenceTable(plan, {"heard_us": heard, "silent_from_us": silent})
        state = cls(limits, silence, checks, sources)
        state._packed_limits = parts["limits"]
        return state

    def _read(self, readings: Readings, at_us: int, found: Found) -> None:
        rows = self._limits.plan.rows_of(readings.point)
        ours = rows >= 0
        if not ours.all():
            rows, readings = rows[ours], readings.take(ours)
        self._silence.hear(rows, readings.arrival_time, at_us, found)
        self._limits.read(rows, readings, at_us, found)
        self._checks.read(rows, readings, at_us, found)

    def _change_source(self, record: SourceChanged) -> None:
        before = self._sources.get(record.source_id, _UNHEARD_OF)
        if record.current != before.current:
            self._sources[record.source_id] = _Source(record.current, record.at_us)
            self._look_at_sources()

    def _activate(self, record: LimitsActivated, found: Found) -> None:
        plan = Plan(record.limits)
        self._checks = self._checks.carried_to(plan, record.at_us, found)
        self._limits, self._silence = carry_over(
            self._limits, self._silence, plan, record.at_us, found
        )
        self._packed_limits = None
        self._look_at_sources()

    def _step_back(self, record: ClockRebased, found: Found) -> None:
        rows = self._limits.plan.rows_of(np.array([record.point], np.int32))
        if rows[0] < 0:
            return
        with self._limits.lifted(rows, record.at_us, found) as watches:
            watches[0].step_back(record.to_us)
        self._checks.step_back(int(rows[0]), record.to_us, record.at_us, found)
        point = self._limits.plan.points[rows[0]]
        event = clock_stepped_back(self._limits.plan.limits, point, record)
        found.add(record.to_us, point.number, event.condition, event)

    def _pass_time(self, at_us: int, found: Found) -> None:
        self._limits.pass_time(at_us, self._current, found)
        self._checks.pass_time(at_us, self._current, found)
        self._silence.pass_time(at_us, self._current, self._since_us, found)

    def _look_at_sources(self) -> None:
        """Lay the sources out by point: `current` (n,), `since_us` (n,)."""
        plan = self._limits.plan
        sources = [self._sources.get(source, _UNHEARD_OF) for source in plan.sources]
        self._current = np.array([one.current for one in sources], np.bool_)[plan.source_of]
        self._since_us = np.array([one.since_us for one in sources], np.int64)[plan.source_of]
        self._silence.look_again()


def _checks(plan: Plan, arrays: Mapping[str, NDArray[Any]], stored_format: object) -> CheckTable:
    if stored_format == _WITHOUT_CHECKS:
        return CheckTable(plan)
    return CheckTable(plan, CheckTable.unpack(arrays["checks"].tobytes()))
