"""The 联动 table edited: checked, tried on one alarm or a day of them, and proposed. Nothing acts."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Final

from domain.assets import AlarmClass, Condition, Priority
from domain.clock import SECOND_US
from domain.events import AlarmRaised
from domain.ids import AssetId, DeviceId, event_id
from domain.paperwork import SiteVersion
from linkage.explain import Considered, considered
from linkage.plan import LinkagePlan
from service.applying import Comparison, compare_with
from service.site.load import BrokenSite, load
from service.site.versions import unpack, write_folder

FILE: Final = "linkage.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An alarm that might come."""

    asset_id: AssetId
    condition: Condition
    alarm_class: AlarmClass
    priority: Priority
    at_us: int  # also the time of day that rules and quiet hours go by
    is_consequence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """An alarm of the past for which the edited table would act otherwise."""

    event: AlarmRaised
    added: tuple[Considered, ...]  # acts now, did not before
    dropped: tuple[Considered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a day of alarms would have had devices do."""

    alarms: int
    acts: dict[DeviceId, int]  # how often each would have acted
    changed: tuple[Changed, ...]


def table_of(version: SiteVersion) -> str:
    """linkage.yaml as it was written. Raises MalformedVersion."""
    return unpack(version.files).get(FILE, "")


def plan_with(version: SiteVersion, text: str, language: str) -> LinkagePlan:
    """The site with this table. Raises BrokenSite with every mistake, MalformedVersion."""
    with tempfile.TemporaryDirectory(prefix="gridwarden-linkage-") as temporary:
        folder = Path(temporary)
        _write(version, text, folder)
        try:
            return load(folder).plan(language)
        except BrokenSite as error:
            raise BrokenSite(Path(FILE), error.problems) from error


def proposal_of(version: SiteVersion, text: str, language: str) -> Comparison:
    """A new version of the site that differs in this table alone. Raises BrokenSite, MalformedVersion,
    NotPackable."""
    with tempfile.TemporaryDirectory(prefix="gridwarden-linkage-") as temporary:
        folder = Path(temporary)
        _write(version, text, folder)
        try:
            return compare_with(version, folder, language)
        except BrokenSite as error:
            raise BrokenSite(Path(FILE), error.problems) from error


def try_sample(plan: LinkagePlan, sample: Sample) -> list[Considered]:
    """This alarm at this time would have each device do this, because."""
    point = f"{sample.asset_id}/trial"
    event = AlarmRaised(
        event_id=event_id(plan.site, point, sample.condition, sample.at_us),
        site=plan.site,
        point=point,
        asset_id=sample.asset_id,
        signal="",
        unit="",
        condition=sample.condition,
        alarm_class=sample.alarm_class,
        priority=sample.priority,
        started_at_us=sample.at_us,
        raised_at_us=sample.at_us,
        detected_at_us=sample.at_us,
        value=nan,
        limit=nan,
        limits_version=0,
    )
    return considered(plan, event, sample.is_consequence)


def try_day(
    before: LinkagePlan, after: LinkagePlan, events: Iterable[tuple[AlarmRaised, bool]]
) -> Day:
    """`events` with whether each is of a consequence."""
    alarms, acts, changed = 0, dict[DeviceId, int](), list[Changed]()
    for event, inhibited in events:
        alarms += 1
        then = _acting(considered(before, event, inhibited))
        now = _acting(considered(after, event, inhibited))
        for each in now.values():
            acts[each.device_id] = acts.get(each.device_id, 0) + 1
        if then.keys() != now.keys():
            changed.append(
                Changed(
                    event=event,
                    added=tuple(now[key] for key in sorted(now.keys() - then.keys())),
                    dropped=tuple(then[key] for key in sorted(then.keys() - now.keys())),
                )
            )
    return Day(alarms=alarms, acts=dict(sorted(acts.items())), changed=tuple(changed))


def at_minute(day_us: int, minute: int) -> int:
    """A moment of the day that begins at `day_us`."""
    return day_us + minute * 60 * SECOND_US


def _acting(found: Sequence[Considered]) -> dict[tuple[str, str, str], Considered]:
    return {(each.device_id, each.action, each.words): each for each in found if each.acts}


def _write(version: SiteVersion, text: str, folder: Path) -> None:
    write_folder(version.files, folder, force=True)
    (folder / FILE).write_text(text, encoding="utf-8")
