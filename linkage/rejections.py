"""A camera, or a rule, whose proposals people reject too often is an event (DOMAIN D7, bias check).

Decisions only. What is counted follows from the reviews alone: a restart counts the same, and compares it
with the alarms that stand, so that nothing is raised twice. Only what a machine proposed counts; what was
sent back or is a duplicate says nothing.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import nan
from typing import Final

from domain.alarms import Alarm
from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.clock import MINUTE_US
from domain.credit import ReviewItem, ReviewKind, ReviewState
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.ids import AssetId, event_id
from linkage.alarms import OpenAlarms
from linkage.plan import LinkagePlan

LOOK_EVERY_US: Final = MINUTE_US
_VERDICTS: Final = frozenset({ReviewState.CONFIRMED, ReviewState.REJECTED})
_WORDS: Final = {
    "zh-CN": "{name} 近 {days} 天 {judged} 项中驳回 {rejected} 项",
    "en": "{name} {rejected} of {judged} rejected in {days} days",
}


@dataclass(frozen=True, slots=True)
class _Judgement:
    at_us: int
    rejected: bool


@dataclass(frozen=True, slots=True, order=True)
class _Source:
    """A camera or a rule; `asset_id` of its alarm is that of no device."""

    asset_id: AssetId  # "camera:LY-1", "rule:PPE-01"
    name: str  # of a camera, for people; the code of a rule is its name


class RejectionDesk:
    """`follow` after each decision; what grows old is left out on the tick."""

    def __init__(
        self,
        plan: LinkagePlan,
        alarms: OpenAlarms,
        reviews: Iterable[ReviewItem],
        told: Callable[[Event, Changes], None],
        concerns: Callable[[AssetId], bool],
    ) -> None:
        self._plan = plan
        self._alarms = alarms
        self._told = told
        self._concerns = concerns
        self._judged: dict[AssetId, deque[_Judgement]] = {}
        self._names: dict[AssetId, str] = {}
        self._looked_at_us = 0
        decided = [each for each in reviews if _counts(each)]
        for review in sorted(decided, key=lambda each: (each.judged_at_us or 0, each.review_id)):
            self._keep(review)

    def follow(self, reviews: Iterable[ReviewItem], at_us: int, changes: Changes) -> None:
        """Judgements of this decision."""
        for review in reviews:
            if not _counts(review) or review.judged_at_us != at_us:
                continue
            self._keep(review)
            for source in sorted(_sources(review)):
                self._look(source.asset_id, at_us, changes)

    def ticked(self, at_us: int, changes: Changes) -> None:
        if at_us - self._looked_at_us < LOOK_EVERY_US:
            return
        self._looked_at_us = at_us
        for source in sorted(self._judged):
            self._look(source, at_us, changes)

    def _keep(self, review: ReviewItem) -> None:
        entry = _Judgement(review.judged_at_us or 0, review.state is ReviewState.REJECTED)
        for source in _sources(review):
            self._names[source.asset_id] = source.name
            self._judged.setdefault(source.asset_id, deque()).append(entry)

    def _look(self, source: AssetId, at_us: int, changes: Changes) -> None:
        if not self._concerns(source):
            return
        bound = self._plan.rejections
        known = self._judged[source]
        while known and known[0].at_us < at_us - bound.within_us:
            known.popleft()
        rejected = sum(each.rejected for each in known)
        often = len(known) >= bound.at_least and 100 * rejected > bound.percent * len(known)
        standing = self._standing(source)
        if often and standing is None:
            self._told(self._raised(source, rejected, len(known), at_us), changes)
        elif not often and standing is not None:
            self._told(_cleared(standing, at_us), changes)

    def _standing(self, source: AssetId) -> Alarm | None:
        found = (each for each in self._alarms.of_point(source) if each.standing)
        return next((each for each in found if each.condition is Condition.REJECTED), None)

    def _raised(self, source: AssetId, rejected: int, judged: int, at_us: int) -> AlarmRaised:
        days = self._plan.rejections.within_us // (24 * 60 * MINUTE_US)
        return AlarmRaised(
            event_id=event_id(self._plan.site, source, Condition.REJECTED, at_us),
            site=self._plan.site,
            point=source,
            asset_id=source,
            signal=_WORDS[self._plan.language]
            .format(name=self._names[source], days=days, judged=judged, rejected=rejected)
            .strip(),
            unit="percent",
            condition=Condition.REJECTED,
            alarm_class=AlarmClass.ABNORMAL,
            priority=Priority.MINOR,
            started_at_us=at_us,
            raised_at_us=at_us,
            detected_at_us=at_us,
            value=round(100 * rejected / judged, 1),
            limit=float(self._plan.rejections.percent),
            limits_version=0,
            output_allowed=False,  # no siren: it is a matter of order
        )


def _counts(review: ReviewItem) -> bool:
    by_machine = review.proposed_by.startswith("rule:") and review.kind is ReviewKind.VIOLATION
    return by_machine and review.state in _VERDICTS


def _sources(review: ReviewItem) -> Iterator[_Source]:
    if review.sighting is not None:
        camera = review.sighting
        yield _Source(AssetId(f"camera:{camera.camera_id}"), camera.camera)
    if review.code:
        yield _Source(AssetId(f"rule:{review.code}"), "")


def _cleared(alarm: Alarm, at_us: int) -> AlarmCleared:
    return AlarmCleared(event_id=alarm.event_id, ended_at_us=at_us, detected_at_us=at_us, value=nan)
