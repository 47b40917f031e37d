"""Rows of arrangements as domain objects, and back; and the questions that core and console ask of them."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import RowMapping, Select, select

from domain.arrangements import (
    Absence,
    Arrangement,
    ArrangementKind,
    Delegation,
    Handover,
    Move,
    PlannedDays,
    Swap,
    WorkSite,
)
from domain.ids import PersonId
from domain.organisation import Holiday
from domain.paperwork import ApprovalState
from storage.rows import as_json, columns_of
from storage.tables import arrangements
from storage.typed import read_json

_Row = dict[str, Any]
_PERSONS: Final = tuple[PersonId, ...]

_BODIES: Final[Mapping[ArrangementKind, Any]] = {
    ArrangementKind.LEAVE: Absence,
    ArrangementKind.DELEGATION: Delegation,
    ArrangementKind.SWAP: Swap,
    ArrangementKind.PLANNED: PlannedDays,
    ArrangementKind.HOLIDAY: Holiday,
    ArrangementKind.MOVE: Move,
    ArrangementKind.HANDOVER: Handover,
    ArrangementKind.WORK_SITE: WorkSite,
}


def arrangement_row(arrangement: Arrangement) -> _Row:
    row = columns_of(arrangement)
    kind = arrangement.kind
    for each in ArrangementKind:
        del row[each.value]
    return row | {
        "kind": kind.value,
        "body": as_json(getattr(arrangement, kind.value)),
        "needs": as_json(arrangement.needs),
        "agreed": as_json(arrangement.agreed),
    }


def arrangement(row: RowMapping) -> Arrangement:
    held: _Row = dict(row)
    kind = ArrangementKind(held.pop("kind"))
    held[kind.value] = read_json(_BODIES[kind], held.pop("body"))
    held["state"] = ApprovalState(held["state"])
    held["needs"] = read_json(_PERSONS, held["needs"])
    held["agreed"] = read_json(_PERSONS, held["agreed"])
    return Arrangement(**held)


def not_over_at(at_us: int) -> Select[Any]:
    """Those that hold then or may hold later, and those that wait for somebody to agree."""
    table = arrangements.c
    return (
        select(arrangements)
        .where(
            table.state != ApprovalState.REJECTED.value,
            table.until_us.is_(None) | (table.until_us > at_us),
            table.ended_at_us.is_(None) | (table.ended_at_us > at_us),
        )
        .order_by(table.at_us, table.arrangement_id)
    )


def every() -> Select[Any]:
    """For questions about the past too."""
    return select(arrangements).order_by(arrangements.c.at_us, arrangements.c.arrangement_id)
