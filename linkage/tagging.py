"""Tags decide what a device's signals do (DOMAIN G1): one table, and the treatment that follows from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.alarms import Alarm, Withheld
from domain.assets import SUPERVISED, AlarmClass, Asset, Condition, Priority
from domain.events import AlarmRaised
from domain.ids import AssetId
from domain.paperwork import Tag, TagKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a tag does to the alarms of what it hangs on."""

    withholds: bool = False
    but_causes: bool = False  # a fault, and level 1, still come through: they name the cause
    calls: bool = True  # field devices act
    earns: bool = True  # credit may follow
    promotes: bool = False  # one level more urgent


EFFECTS: Final[Mapping[TagKind, Effect]] = {
    # what happens there is done by the people who work there
    TagKind.MAINTENANCE: Effect(withholds=True, calls=False, earns=False),
    TagKind.DRIVE_TEST: Effect(withholds=True, calls=False, earns=False),
    # the value was put in by a person and says nothing of the plant
    TagKind.BLOCKED: Effect(withholds=True, calls=False, earns=False),
    TagKind.SUPPRESSED: Effect(withholds=True, but_causes=True),
    # somebody knows already: below level 1 no siren calls anybody for it
    TagKind.DEFECT: Effect(calls=False),
    TagKind.SUPPLY_SECURITY: Effect(promotes=True),
    TagKind.EARTHED: Effect(),
}
# about our own work, not about the device: no tag on the device keeps them back
_OURS: Final = SUPERVISED | {
    Condition.TAG_FORGOTTEN,
    Condition.COMMAND_FAILED,
    Condition.OVERDUE,
    Condition.DEVICE_SILENT,
    Condition.TEST_OVERDUE,
    Condition.REJECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What is done with an alarm."""

    withheld: Withheld | None = None
    because: UUID | None = None  # the tag, shelf or ticket
    calls: bool = True
    priority: Priority


def tags_on(tags: Iterable[Tag], asset: Asset, assets: Mapping[AssetId, Asset]) -> list[Tag]:
    """Those on the device itself, and those that speak for its bay; the oldest first."""
    hanging = [tag for tag in tags if tag.hangs]
    if not hanging:
        return []

    def speaks_for(tag: Tag) -> bool:
        if tag.asset_id == asset.asset_id:
            return True
        tagged = assets.get(tag.asset_id)
        if not tag.covers_bay or tagged is None or not asset.bay:
            return False
        return (tagged.station, tagged.bay) == (asset.station, asset.bay)

    return sorted(
        filter(speaks_for, hanging),
        key=lambda tag: (tag.hung_at_us, tag.tag_id),
    )


def treatment_by(event: AlarmRaised, tags: Iterable[Tag]) -> Treatment:
    """Of an alarm of a device on which these tags hang."""
    if event.condition in _OURS:
        return Treatment(priority=event.priority)
    hanging = [(tag, EFFECTS[tag.kind]) for tag in tags]
    promoted = any(effect.promotes for _, effect in hanging)
    priority = Priority(max(Priority.URGENT, event.priority - 1)) if promoted else event.priority
    for tag, effect in hanging:
        if effect.withholds and not (effect.but_causes and names_the_cause(event)):
            return Treatment(
                withheld=Withheld.SUPPRESSED, because=tag.tag_id, calls=False, priority=priority
            )
    quiet = any(not effect.calls for _, effect in hanging) and priority is not Priority.URGENT
    return Treatment(calls=not quiet, priority=priority)


def names_the_cause(event: AlarmRaised | Alarm) -> bool:
    """No design keeps it back."""
    return event.priority is Priority.URGENT or event.alarm_class is AlarmClass.FAULT
