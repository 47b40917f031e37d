"""All checks: the conditions beside the four limits. A point without one costs a glance per group.

Few points have checks, and their readings are taken one by one; the many others stay in arrays (table.py).
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.limits.check_watch import CheckState, CheckWatch
from detectors.limits.found import Found
from detectors.limits.measure import Check, checks_of
from detectors.limits.plan import ACTIVE, NORMAL, Plan
from domain.readings import Readings

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(list[CheckState])

Rows = NDArray[np.intp]


class CheckTable:
    """The state of every check of a plan."""

    def __init__(self, plan: Plan, states: Iterable[CheckState] | None = None) -> None:
        """Raises ValueError where the states are those of other checks."""
        self.plan = plan
        self._checks = checks_of(plan)
        self._states = (
            [CheckState.blank(check) for check in self._checks] if states is None else [*states]
        )
        if [len(state.inputs) for state in self._states] != [
            len(check.inputs) for check in self._checks
        ]:
            raise ValueError("the checks are others than those of the limits")
        self._heard_by: dict[int, list[tuple[int, int]]] = {}  # row -> (check, input)
        for number, check in enumerate(self._checks):
            for which, one in enumerate(check.inputs):
                self._heard_by.setdefault(one.row, []).append((number, which))
        self._is_heard = np.zeros(len(plan), np.bool_)  # (n,) some check listens to the point
        self._is_heard[[*self._heard_by]] = True
        self._running = {
            number for number, state in enumerate(self._states) if _runs(state)
        }  # time alone changes them

    def __len__(self) -> int:
        return len(self._checks)

    def pack(self) -> bytes:
        return _ENCODER.encode(self._states)

    @staticmethod
    def unpack(packed: bytes) -> list[CheckState]:
        """Raises msgspec.DecodeError."""
        return _DECODER.decode(packed)

    def copy(self) -> "CheckTable":
        return CheckTable(self.plan, self.unpack(self.pack()))

    def read(self, rows: Rows, readings: Readings, at_us: int, found: Found) -> None:
        if not self._checks:
            return
        heard = self._is_heard[rows]
        if not heard.any():
            return
        ours = readings.take(heard)
        for row, time_us, arrival_us, value, quality, origin in zip(
            rows[heard].tolist(),
            ours.event_time.tolist(),
            ours.arrival_time.tolist(),
            ours.value.tolist(),
            ours.quality.tolist(),
            ours.origin.tolist(),
            strict=True,
        ):
            for number, which in self._heard_by[row]:
                self._watch(number, at_us, found).read(
                    which, time_us, arrival_us, value, quality, origin
                )
                self._note(number)

    def pass_time(self, at_us: int, current: NDArray[np.bool_], found: Found) -> None:
        """`current` (n,): the point's source is current."""
        for number in sorted(self._running):
            if current[self._checks[number].row]:
                self._watch(number, at_us, found).pass_time(at_us - self._states[number].lag_us)
                self._note(number)

    def step_back(self, row: int, to_us: int, at_us: int, found: Found) -> None:
        for number, which in self._heard_by.get(row, ()):
            self._watch(number, at_us, found).step_back(which, to_us)
            self._note(number)

    def carried_to(self, plan: Plan, at_us: int, found: Found) -> "CheckTable":
        """The same state under another plan, where the check is still the same; else it ends here."""
        table = CheckTable(plan)
        known = dict(_identified(plan, table._checks))
        gone = []
        for identity, number in _identified(self.plan, self._checks):
            new = known.get(identity)
            if new is None or table._checks[new].identity != self._checks[number].identity:
                gone.append(number)
                continue
            table._states[new] = self._states[number]
            if _moved(self._checks[number], table._checks[new]):
                table._watch(new, at_us, found).meet()
            table._note(new)
        for number in gone:
            self._watch(number, at_us, found).drop()
        return table

    def _watch(self, number: int, at_us: int, found: Found) -> CheckWatch:
        return CheckWatch(
            self._checks[number], self._states[number], self.plan.limits, at_us, found
        )

    def _note(self, number: int) -> None:
        if _runs(self._states[number]):
            self._running.add(number)
        else:
            self._running.discard(number)


def _runs(state: CheckState) -> bool:
    return state.phase not in (NORMAL, ACTIVE)


def _moved(old: Check, new: Check) -> bool:
    def facts(check: Check) -> tuple[object, ...]:
        return check.limit.value, check.limit.deadband, check.limit.by_mode

    return facts(old) != facts(new)


def _identified(plan: Plan, checks: Iterable[Check]) -> Iterator[tuple[tuple[object, ...], int]]:
    """Another site or key makes another event id, so such a check is another one."""
    for number, check in enumerate(checks):
        point = check.point
        yield (plan.limits.site, point.key, point.number, check.condition), number
