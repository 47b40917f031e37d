"""From one version of the limits to the next: state goes over by point and condition.

A limit whose value and deadband stay as they were goes on untouched, with its new delays; one that is gone
or moved is settled from the held value at the moment of activation.
"""

import numpy as np

from detectors.limits.found import Found
from detectors.limits.plan import FOREVER_US, Plan, Rule
from detectors.limits.silence import SilenceTable
from detectors.limits.table import LimitTable, Rows
from domain.assets import Point


def carry_over(
    old: LimitTable, old_silence: SilenceTable, plan: Plan, at_us: int, found: Found
) -> tuple[LimitTable, SilenceTable]:
    """The tables under the new plan. Consumes the old ones."""
    old_rows, new_rows = _same_points(old.plan, plan)
    _end_what_is_gone(old, plan, _partners(len(old.plan), old_rows, new_rows), at_us, found)
    table = old.carried_to(plan, old_rows, new_rows)
    _meet_what_is_new(table, old.plan, _partners(len(plan), new_rows, old_rows), at_us, found)
    return table, _carry_silence(old_silence, plan, old_rows, new_rows, at_us, found)


def _same_points(old: Plan, new: Plan) -> tuple[Rows, Rows]:
    # another site or key makes another event id, so such a point is another one
    before = {_identity(old, point): row for row, point in enumerate(old.points)}
    pairs = [
        (before[identity], row)
        for row, point in enumerate(new.points)
        if (identity := _identity(new, point)) in before
    ]
    both = np.array(pairs, np.intp).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _identity(plan: Plan, point: Point) -> tuple[str, str, int]:
    return plan.limits.site, point.key, point.number


def _partners(count: int, mine: Rows, theirs: Rows) -> list[int]:
    """For each of my rows the other plan's row of the same point, -1 for none."""
    partners = np.full(count, -1, np.intp)
    partners[mine] = theirs
    return partners.tolist()


def _end_what_is_gone(
    table: LimitTable, new: Plan, partners: list[int], at_us: int, found: Found
) -> None:
    gone = {
        row: rules
        for row, partner in enumerate(partners)
        if (rules := _missing_in(_rules(new, partner), table.plan.rules[row]))
    }
    with table.lifted(np.array([*gone], np.intp), at_us, found) as watches:
        for watch, rules in zip(watches, gone.values(), strict=True):
            for rule in rules:
                watch.drop(rule)


def _meet_what_is_new(
    table: LimitTable, old: Plan, partners: list[int], at_us: int, found: Found
) -> None:
    changed = {
        row: rules
        for row, partner in enumerate(partners)
        if partner >= 0 and (rules := _changed_since(old.rules[partner], table.plan.rules[row]))
    }
    with table.lifted(np.array([*changed], np.intp), at_us, found) as watches:
        for watch, rules in zip(watches, changed.values(), strict=True):
            for rule in rules:
                watch.meet(rule)


def _rules(plan: Plan, row: int) -> tuple[Rule, ...]:
    return plan.rules[row] if row >= 0 else ()


def _missing_in(new: tuple[Rule, ...], old: tuple[Rule, ...]) -> list[Rule]:
    columns = {rule.column for rule in new}
    return [rule for rule in old if rule.column not in columns]


def _changed_since(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> list[Rule]:
    before = {(rule.column, rule.level, rule.limit.deadband) for rule in old}
    return [rule for rule in new if (rule.column, rule.level, rule.limit.deadband) not in before]


def _carry_silence(
    old: SilenceTable, plan: Plan, old_rows: Rows, new_rows: Rows, at_us: int, found: Found
) -> SilenceTable:
    watched = np.zeros(len(old.plan), np.bool_)
    watched[old_rows] = plan.stale_us[new_rows] < FOREVER_US
    for row in np.flatnonzero(~watched).tolist():
        old.forget(row, at_us, found)
    silence = SilenceTable.starting(plan, at_us)
    silence.heard_us[new_rows] = old.heard_us[old_rows]
    silence.silent_from_us[new_rows] = old.silent_from_us[old_rows]
    return silence
