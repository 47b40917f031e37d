"""What should have happened by now becomes an alarm (超时), once; it returns when it has happened."""

from collections.abc import Mapping
from math import nan
from uuid import UUID

from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.events import AlarmCleared, AlarmRaised
from domain.feeders import ON_SITE_WITHIN_US, OutageRules, Terrain
from domain.ids import AssetId, event_id
from domain.outage_words import overdue_word
from domain.outages import Outage, Overdue, Phase
from linkage.outages.book import Hands
from linkage.plan import LinkagePlan

_PRIORITIES: Mapping[Overdue, Priority] = {
    Overdue.ACCEPT: Priority.MAJOR,
    Overdue.ON_SITE: Priority.MAJOR,
    Overdue.NOTE: Priority.MINOR,
}
_NOT_THERE = frozenset({Phase.PROPOSED, Phase.ASSIGNED, Phase.ACCEPTED})


def dues(outage: Outage, terrain: Terrain, rules: OutageRules) -> dict[Overdue, int]:
    """What is waited for now, and by when."""
    found: dict[Overdue, int] = {}
    declared, assigned = outage.at(Phase.PROPOSED), outage.at(Phase.ASSIGNED)
    if outage.phase is Phase.ASSIGNED and assigned is not None:
        found[Overdue.ACCEPT] = assigned + rules.accept_within_us
    if outage.phase in _NOT_THERE and declared is not None:
        found[Overdue.ON_SITE] = declared + ON_SITE_WITHIN_US[terrain]
    if outage.note_due_us is not None:
        found[Overdue.NOTE] = outage.note_due_us
    return found


class OverdueAlarms:
    """Raises and clears them; which were raised stands in the outage, so that a restart repeats none."""

    def __init__(self, plan: LinkagePlan, hands: Hands) -> None:
        self._plan = plan
        self._hands = hands

    def looked_at(self, outage: Outage, at_us: int, changes: Changes) -> Outage:
        """The outage with what is overdue told, and what is settled not any more."""
        feeder = self._plan.feeders.feeder(outage.feeder_id)
        terrain = feeder.terrain if feeder else Terrain.RURAL
        waited = dues(outage, terrain, self._plan.feeders.rules) if outage.is_open else {}
        standing = tuple(each for each in outage.told if waited.get(each[0]) == each[1])
        for kind, since_us in outage.told:
            if (kind, since_us) not in standing:
                self.over(f"outage/{outage.outage_id}/{kind.value}", since_us, at_us, changes)
        known = {kind for kind, _ in standing}
        late = tuple(
            (kind, due_us)
            for kind, due_us in waited.items()
            if due_us <= at_us and kind not in known
        )
        for kind, due_us in late:
            self.late(
                f"outage/{outage.outage_id}/{kind.value}",
                overdue_word(kind, self._plan.language),
                outage.asset_id,
                _PRIORITIES[kind],
                (due_us, at_us),
                changes,
            )
        told = (*standing, *late)
        return outage if told == outage.told else outage.next(told=told)

    def late(
        self,
        what: str,
        signal: str,
        asset_id: AssetId,
        priority: Priority,
        since_and_now_us: tuple[int, int],
        changes: Changes,
    ) -> None:
        since_us, at_us = since_and_now_us
        event = AlarmRaised(
            event_id=self._id(what, since_us),
            site=self._plan.site,
            point=what,
            asset_id=asset_id,
            signal=signal,
            unit="",
            condition=Condition.OVERDUE,
            alarm_class=AlarmClass.ABNORMAL,
            priority=priority,
            started_at_us=since_us,
            raised_at_us=since_us,
            detected_at_us=at_us,
            value=nan,
            limit=nan,
            limits_version=0,
            output_allowed=False,  # a siren would tell the bay what the dispatcher must do
        )
        self._hands.told(event, changes)

    def over(self, what: str, since_us: int, at_us: int, changes: Changes) -> None:
        self._hands.told(
            AlarmCleared(
                event_id=self._id(what, since_us),
                ended_at_us=at_us,
                detected_at_us=at_us,
                value=nan,
            ),
            changes,
        )

    def _id(self, what: str, since_us: int) -> UUID:
        return event_id(self._plan.site, what, Condition.OVERDUE, since_us)
