"""What one alarm would have every field device do, and why: the dry run of the linkage table.

The same rules as in earnest, without what only the moment knows: which device is busy, what hangs where.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.assets import Priority
from domain.commands import AUDIBLE, FieldDevice
from domain.events import AlarmRaised
from domain.ids import DeviceId
from domain.responsibility import Reason
from linkage.plan import LinkagePlan, LinkageRule, Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One device and one alarm."""

    device_id: DeviceId
    acts: bool
    action: str = ""  # where a rule applies
    words: str = ""
    because: tuple[Reason, ...]


def considered(plan: LinkagePlan, event: AlarmRaised, inhibited: bool = False) -> list[Considered]:
    """Every device of the plan, those that act first. `inhibited`: it is a consequence."""
    where = plan.where(event)
    found = [
        each
        for device in plan.devices
        for each in _of_device(device, plan.rules, event, where, inhibited)
    ]
    return sorted(found, key=lambda each: not each.acts)


def _of_device(
    device: FieldDevice,
    rules: Iterable[LinkageRule],
    event: AlarmRaised,
    where: Where,
    inhibited: bool,
) -> Iterable[Considered]:
    mismatches = []
    acts = False
    for rule in rules:
        if rule.device_id != device.device_id:
            continue
        mismatch = rule.mismatch(event, where)
        if mismatch is not None:
            mismatches.append(mismatch)
            continue
        acts = True
        silent = _silent(device, rule, event, where, inhibited)
        yield Considered(
            device_id=device.device_id,
            acts=silent is None,
            action=rule.action,
            words=rule.words,
            because=(
                Reason.of("by_rule", rule=rule.rule_id),
                *(() if silent is None else (silent,)),
            ),
        )
    if not acts:
        because = tuple(mismatches) or (Reason.of("no_rule"),)
        yield Considered(device_id=device.device_id, acts=False, because=because)


def _silent(
    device: FieldDevice, rule: LinkageRule, event: AlarmRaised, where: Where, inhibited: bool
) -> Reason | None:
    if event.found_late or not event.output_allowed:
        return Reason.of("found_late")
    if event.priority is Priority.URGENT:
        return None
    if inhibited:
        return Reason.of("is_consequence")
    quiet = device.quiet is not None and device.quiet.cover(where.minute)
    if quiet and rule.action in AUDIBLE:
        return Reason.of("quiet_hours", hours=device.quiet)
    return None
