"""Lapses of responsibility as events: raised when one is found, cleared when it is mended. Decisions only."""

from collections.abc import Callable
from math import nan
from typing import Final

from domain.alarms import Alarm
from domain.assets import SUPERVISED, AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.clock import SECOND_US
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.ids import AssetId, ZoneId, event_id
from domain.responsibility import Answer, Kind
from linkage.alarms import OpenAlarms
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility
from linkage.supervision import Lapse, Supervision

LOOK_EVERY_US: Final = 10 * SECOND_US


class SupervisionDesk:
    """Compares what is found with the alarms that stand: a restart raises nothing twice."""

    def __init__(
        self,
        plan: LinkagePlan,
        who: Responsibility,
        alarms: OpenAlarms,
        told: Callable[[Event, Changes], None],
        concerns: Callable[[AssetId], bool],
    ) -> None:
        self._plan = plan
        self._who = who
        self._alarms = alarms
        self._told = told
        self._concerns = concerns
        self._supervision = Supervision(plan.organisation, plan.assets, who)
        self._looked_at_us = -LOOK_EVERY_US

    def ticked(self, at_us: int, changes: Changes) -> None:
        if at_us - self._looked_at_us < LOOK_EVERY_US:
            return
        self._looked_at_us = at_us
        found = {
            (lapse.point, lapse.condition): lapse
            for lapse in self._supervision.lapses(at_us)
            if self._concerns(lapse.asset_id)
        }
        standing = {
            (alarm.point, alarm.condition): alarm
            for alarm in self._alarms.of_conditions(SUPERVISED)
            if alarm.standing and self._concerns(alarm.asset_id)
        }
        for key in sorted(standing.keys() - found.keys()):
            self._told(_cleared(standing[key], at_us), changes)
        for key in sorted(found.keys() - standing.keys()):
            self._told(self._raised(found[key], at_us), changes)

    def answer(self, event: AlarmRaised) -> Answer:
        """Whom a lapse is brought before: who answers for the zone; of a roster, who leads the team; else who
        heads everything."""
        at_us = event.detected_at_us
        kind, _, name = event.asset_id.partition(":")
        if kind == "zone":
            return self._who.of_zone(ZoneId(name), at_us, Kind.SUPERVISION)
        if kind == "roster":
            return self._who.of_roster(name, at_us)
        return self._who.of_nobody(self._plan.asset(event.asset_id).name, at_us)

    def _raised(self, lapse: Lapse, at_us: int) -> AlarmRaised:
        since_us = at_us if lapse.since_us is None else lapse.since_us
        urgent = lapse.condition is Condition.NOBODY_ON_DUTY
        return AlarmRaised(
            event_id=event_id(self._plan.site, lapse.point, lapse.condition, since_us),
            site=self._plan.site,
            point=lapse.point,
            asset_id=lapse.asset_id,
            signal=lapse.detail,
            unit="",
            condition=lapse.condition,
            alarm_class=AlarmClass.ABNORMAL,
            priority=Priority.MAJOR if urgent else Priority.MINOR,
            started_at_us=since_us,
            raised_at_us=since_us,
            detected_at_us=at_us,
            value=nan,
            limit=nan,
            limits_version=0,
            output_allowed=False,  # no siren: it is a matter of order
        )


def _cleared(alarm: Alarm, at_us: int) -> AlarmCleared:
    return AlarmCleared(event_id=alarm.event_id, ended_at_us=at_us, detected_at_us=at_us, value=nan)
