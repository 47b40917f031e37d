"""A field that a test or a benchmark says: positions of switches, and what points hold."""

from domain.ids import PointKey
from domain.readings import HeldValue, Values, nothing_held
from domain.topology import Positions, SwitchState, nothing_known
from linkage.field import NothingHeard


class SaidField(NothingHeard):
    """Unknown where nothing is said."""

    def __init__(self, positions: Positions = nothing_known, values: Values = nothing_held) -> None:
        self._positions = positions
        self._values = values

    def position_of(self, point: PointKey) -> SwitchState:
        return self._positions(point)

    def value_of(self, key: PointKey) -> HeldValue | None:
        return self._values(key)
