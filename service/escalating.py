"""What is due becomes notices: deadlines are claimed, and the notices that follow stand in the same commit.

A thread beside the path. A step that was missed while nobody ran is made up for once, by the highest that is
due; a worker that dies in between gives back what it had claimed.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Engine

from domain.changes import Changes
from domain.clock import SECOND_US, Clock
from domain.deadlines import Deadline
from domain.notices import Notice
from domain.ports import Counters, StorageUnavailable
from linkage.escalation import ESCALATION, deadlines_of, notices_of_step
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility
from service.workers import Worker
from storage.deadlines import Claimed, SqlDeadlines
from storage.notices import SqlNotices, escalations_of, told_before, zones_of

log = structlog.get_logger(__name__)

AT_ONCE: Final = 500
LOOK_EVERY_S: Final = 0.25
RETRY_S: Final = 1.0
EXPIRE_EVERY_US: Final = 10 * SECOND_US

Partitions = Callable[[], Collection[int] | None]


class Escalator:
    """`ours`: the partitions whose incidents are ours; None where there are none."""

    def __init__(
        self,
        engine: Engine,
        plan: LinkagePlan,
        responsibility: Callable[[], Responsibility],
        *,
        clock: Clock,
        counters: Counters,
        on_notices: Callable[[list[Notice]], None] = lambda notices: None,
        ours: Partitions = lambda: None,
        name: str = "",
    ) -> None:
        self._deadlines = SqlDeadlines(engine)
        self._notices = SqlNotices(engine, name)
        self._expire_at_us = 0
        self._plan = plan
        self._responsibility = responsibility
        self._clock = clock
        self._counters = counters
        self._on_notices = on_notices
        self._ours = ours
        self._name = name
        self.worker = Worker("escalator", self._step)

    def run_due(self) -> int:
        """The notices of what is due now; how many. Raises StorageUnavailable."""
        now_us, ours = self._clock(), self._ours()
        due_us = self._deadlines.next_due_us(ESCALATION, ours)
        if due_us is None or due_us > now_us:
            return 0
        with self._deadlines.claim_due(
            now_us, AT_ONCE, self._name, ours, ESCALATION, self._later_steps
        ) as claimed:
            notices = self._decided(claimed, now_us)
            claimed.write(Changes(notices=notices))
        if notices:
            self._notices.key()  # made with the first ones: the console compares codes with it
            log.info("notices_decided", count=len(notices))
            self._on_notices(notices)
        return len(notices)

    def expire_due(self) -> None:
        """What could not leave in time is not sent any more. Raises StorageUnavailable."""
        now_us = self._clock()
        if now_us < self._expire_at_us:
            return
        late = self._notices.expire(now_us)
        if late:
            self._counters.add("notices_expired", late)
            log.error("notices_expired", count=late)
        self._expire_at_us = now_us + EXPIRE_EVERY_US

    def _later_steps(self, claimed: Claimed) -> list[Deadline]:
        """What linkage leaves to be written until the first step is due."""
        escalations, zones = escalations_of(claimed), zones_of(claimed)
        later: list[Deadline] = []
        for due in claimed.due:
            escalation = escalations.get(UUID(due.subject))
            if escalation is not None and escalation.is_open:
                steps = deadlines_of(escalation, self._plan, zones.get(escalation.escalation_id))
                later += [
                    replace(each, partition=due.partition) for each in steps if each.step > due.step
                ]
        return later

    def _decided(self, claimed: Claimed, now_us: int) -> list[Notice]:
        escalations = {str(key): each for key, each in escalations_of(claimed).items()}
        told = told_before(claimed)
        responsibility = self._responsibility()
        notices: list[Notice] = []
        for deadline in claimed.due:
            escalation = escalations.get(deadline.subject)
            if escalation is None or not escalation.is_open:
                continue  # taken in the meantime
            notices += notices_of_step(
                escalation,
                deadline.step,
                now_us,
                self._plan,
                responsibility,
                told.get(escalation.escalation_id, frozenset()),
            )
        return notices

    def _step(self) -> None:
        try:
            done = self.run_due()
            self.expire_due()
        except StorageUnavailable as error:
            self._counters.add("escalation_unavailable")
            log.warning("escalation_waits", reason=str(error), retry_in_s=RETRY_S)
            self.worker.wait(RETRY_S)
            return
        except Exception:
            # sirens and records must not end for it; what was claimed came back with the transaction
            self._counters.add("escalation_failed")
            log.exception("escalation_failed")
            self.worker.wait(RETRY_S)
            return
        if not done:
            self.worker.wait(LOOK_EVERY_S)
