"""Suppression by design: while a contact stands in a state, the alarms that follow from it are kept back.

What holds is a Withholding like a shelf, so that it is listed with its reason, counted, and known after a
restart. It never keeps back what names a cause. Where the contact's state is not known, nothing is kept back.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from domain.alarms import Withheld, Withholding
from domain.assets import ActiveLimits, Condition
from domain.changes import Changes
from domain.ids import PointKey, suppression_id
from domain.records import LimitsActivated, ReadingsArrived, Record, Ticked
from linkage.alarm_desk import AlarmDesk
from linkage.alarms import Withholdings
from linkage.field import Field
from linkage.plan import LinkagePlan, Suppression


@dataclass(frozen=True, slots=True)
class _Kept:
    """One alarm that one rule keeps back."""

    rule_id: str
    point: PointKey
    condition: Condition


class Suppressions:
    """Begins and ends what the plan's suppressions withhold."""

    def __init__(self, plan: LinkagePlan, withholdings: Withholdings, desk: AlarmDesk) -> None:
        self._plan = plan
        self._withholdings = withholdings
        self._desk = desk
        self._limits: ActiveLimits | None = None  # those that the numbers are of
        self._gates: list[tuple[Suppression, int]] = []
        self._is_gate = np.zeros(1, np.bool_)

    def look(self, record: Record, field: Field, changes: Changes) -> None:
        """Whether a contact moved, became known or unknown, or a rule is gone."""
        if field.limits is not self._limits:
            self._number_gates(field.limits)
        match record:
            case ReadingsArrived():
                beyond = len(self._is_gate) - 1
                if self._is_gate[np.minimum(record.readings.point, beyond)].any():
                    self._settle(record.at_us, field, changes)
            case Ticked() | LimitsActivated():
                self._settle(record.at_us, field, changes)
            case _:
                pass

    def _number_gates(self, limits: ActiveLimits) -> None:
        """By point number, with one place more for every number beyond."""
        points = limits.by_key() if self._plan.suppressions else {}
        self._limits = limits
        self._gates = [
            (rule, points[rule.gate].number)
            for rule in self._plan.suppressions
            if rule.gate in points
        ]
        numbers = [number for _, number in self._gates]
        self._is_gate = np.zeros(max(numbers, default=-1) + 2, np.bool_)
        self._is_gate[numbers] = True

    def _settle(self, at_us: int, field: Field, changes: Changes) -> None:
        holding = {
            _Kept(each.by, PointKey(each.point), each.condition): each
            for each in self._withholdings.every()
            if each.by_design and each.condition is not None
        }
        if not self._gates and not holding:
            return
        states = field.held([number for _, number in self._gates])
        on = [rule for (rule, _), state in zip(self._gates, states, strict=True) if rule.on(state)]
        wanted = {kept: rule for rule in on for kept in _kept_by(rule)}
        for kept, rule in wanted.items():
            self._holds(kept, rule, holding.get(kept), at_us, changes)
        for kept, withholding in holding.items():
            if kept not in wanted:
                self._ends(withholding, at_us, changes)

    def _holds(
        self,
        kept: _Kept,
        rule: Suppression,
        known: Withholding | None,
        at_us: int,
        changes: Changes,
    ) -> None:
        if known is None:
            begun = Withholding(
                withholding_id=suppression_id(
                    self._plan.site, kept.rule_id, kept.point, kept.condition, at_us
                ),
                kind=Withheld.SUPPRESSED,
                point=kept.point,
                condition=kept.condition,
                reason=rule.because,
                by=rule.rule_id,
                at_us=at_us,
            )
            self._desk.withhold(begun, changes)
        elif known.until_us is not None:
            # it was about to end
            self._desk.keep_withholding(known.until(None), changes)

    def _ends(self, withholding: Withholding, at_us: int, changes: Changes) -> None:
        """At once where nothing is left to wait for; else the tick of that moment ends it."""
        rules = {rule.rule_id: rule for rule, _ in self._gates}
        rule = rules.get(withholding.by)
        if rule is None or not rule.hold_us:
            self._desk.end_withholding(withholding.ended(at_us), at_us, changes)
        elif withholding.until_us is None:
            self._desk.keep_withholding(withholding.until(at_us + rule.hold_us), changes)


def _kept_by(rule: Suppression) -> Iterator[_Kept]:
    for point in rule.points:
        for condition in rule.conditions:
            yield _Kept(rule.rule_id, point, condition)
