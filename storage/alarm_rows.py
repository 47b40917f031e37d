"""Rows of alarms, of what is withheld, and of floods, as domain objects and back."""

from typing import Any, Final

from sqlalchemy import RowMapping

from domain.alarms import Alarm, AlarmState, Flood, Withheld, Withholding
from domain.assets import AlarmClass, Condition, Priority
from domain.ids import AssetId
from storage.rows import columns_of

CLOSED_RANK: Final = 9
WITHHELD_RANK: Final = 4
# what waits for a person comes first
_RANKS: Final = {
    AlarmState.UNACKNOWLEDGED: 0,
    AlarmState.RETURNED: 1,
    AlarmState.LATCHED: 2,
    AlarmState.ACKNOWLEDGED: 3,
    AlarmState.NORMAL: CLOSED_RANK,
}


def rank_of(alarm: Alarm) -> int:
    """Its place in the operator's list."""
    if alarm.is_open and alarm.withheld is not None:
        return WITHHELD_RANK
    return _RANKS[alarm.state]


def alarm_row(alarm: Alarm) -> dict[str, Any]:
    return columns_of(alarm) | {"rank": rank_of(alarm)}


def alarm(row: RowMapping) -> Alarm:
    held: dict[str, Any] = dict(row)
    del held["rank"]
    held["condition"] = Condition(held["condition"])
    held["asset_id"] = AssetId(held["asset_id"])
    held["alarm_class"] = AlarmClass(held["alarm_class"])
    held["priority"] = Priority(held["priority"])
    held["state"] = AlarmState(held["state"])
    held["withheld"] = Withheld(held["withheld"]) if held["withheld"] else None
    return Alarm(**held)


def withholding(row: RowMapping) -> Withholding:
    held: dict[str, Any] = dict(row)
    held["kind"] = Withheld(held["kind"])
    held["condition"] = Condition(held["condition"]) if held["condition"] else None
    return Withholding(**held)


def flood(row: RowMapping) -> Flood:
    return Flood(**row)
