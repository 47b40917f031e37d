"""What the points hold and the switches show at the record that is being decided: the one seam to the
detectors."""

from collections.abc import Sequence
from math import nan
from typing import Final, Protocol

from domain.assets import ActiveLimits
from domain.ids import PointKey
from domain.readings import HeldValue
from domain.topology import SwitchState


class Field(Protocol):
    """Once the record is taken in. Asked only where something may follow from it."""

    @property
    def limits(self) -> ActiveLimits:
        """Those that the numbers of points are of."""
        ...

    def held(self, points: Sequence[int]) -> Sequence[float]:
        """The last value of each point by its number; NaN where nothing usable is known of it."""
        ...

    def position_of(self, point: PointKey) -> SwitchState:
        """Where a switch stands."""
        ...

    def value_of(self, key: PointKey) -> HeldValue | None:
        """With its quality and age; None: nothing was heard of it yet."""
        ...


class NothingHeard:
    """Before anything has reported."""

    limits: Final = ActiveLimits(site="", version=0, points=())

    def held(self, points: Sequence[int]) -> list[float]:
        return [nan for _ in points]

    def position_of(self, point: PointKey) -> SwitchState:
        return SwitchState.UNKNOWN

    def value_of(self, key: PointKey) -> HeldValue | None:
        return None


NOTHING_HEARD: Final = NothingHeard()
