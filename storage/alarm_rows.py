"""Rows of alarms, of what is withheld, of floods and of changed limits, as domain objects and back."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import RowMapping

from domain.alarms import (
    Alarm,
    AlarmState,
    Flood,
    Rationale,
    Rationalisation,
    Withheld,
    Withholding,
)
from domain.assets import AlarmClass, Condition, Priority
from domain.ids import AssetId, PointKey
from domain.limit_changes import Campaign, LimitChange, LimitSetting
from domain.paperwork import ApprovalState
from storage.rows import Columns, as_json, columns_of, columns_of_all
from storage.typed import read_json

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


def alarm_columns(alarms: Sequence[Alarm]) -> Columns:
    return columns_of_all(alarms) | {"rank": [rank_of(alarm) for alarm in alarms]}


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


def limit_change_row(change: LimitChange) -> dict[str, Any]:
    row = columns_of(change)
    row["setting"], row["was"] = as_json(change.setting), as_json(change.was)
    return row | {"point": change.setting.point, "condition": change.setting.condition.value}


def limit_change(row: RowMapping) -> LimitChange:
    held: dict[str, Any] = dict(row)
    del held["point"], held["condition"]
    for name in ("setting", "was"):
        held[name] = read_json(LimitSetting, held[name])
    held["state"] = ApprovalState(held["state"])
    return LimitChange(**held)


def campaign(row: RowMapping) -> Campaign:
    return Campaign(**row)


def rationalisation_row(written: Rationalisation) -> dict[str, Any]:
    known = {"by": written.by, "at_us": written.at_us, "version": written.version}
    return columns_of(written.rationale) | known


def rationalisation(row: RowMapping) -> Rationalisation:
    held: dict[str, Any] = dict(row)
    known = {name: held.pop(name) for name in ("by", "at_us", "version")}
    held["point"] = PointKey(held["point"])
    held["condition"] = Condition(held["condition"])
    return Rationalisation(rationale=Rationale(**held), **known)
