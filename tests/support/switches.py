"""Switch positions of the example site: all closed but the ties, until a test says otherwise."""

from collections.abc import Collection
from functools import cache

from domain.ids import PointKey
from domain.topology import CellKind, Positions, SwitchKind, SwitchState
from linkage.plan import LinkagePlan
from service.site.load import load
from tests.support.running import ROOT


@cache
def example_plan() -> LinkagePlan:
    return load(ROOT / "examples" / "changqing-like").plan()


def as_usual(
    opened: Collection[str] = (), unknown: Collection[str] = (), closed: Collection[str] = ()
) -> dict[PointKey, SwitchState]:
    """Ties open, earth switches open, the rest closed; then what is said."""
    states: dict[PointKey, SwitchState] = {}
    for cell in example_plan().topology.cells:
        for switch in (*cell.switches, *cell.to_switches):
            if switch.position is None:
                continue
            parts = cell.kind is CellKind.TIE or switch.kind is SwitchKind.EARTH_SWITCH
            states[switch.position] = SwitchState.OPEN if parts else SwitchState.CLOSED
    for names, state in (
        (opened, SwitchState.OPEN),
        (unknown, SwitchState.UNKNOWN),
        (closed, SwitchState.CLOSED),
    ):
        states |= {PointKey(name): state for name in names}
    return states


def asked(states: dict[PointKey, SwitchState]) -> Positions:
    return lambda point: states.get(point, SwitchState.UNKNOWN)
