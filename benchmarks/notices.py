"""The flood of benchmarks.correlation until its notices are accepted: 100 incidents, told in digests to one
person on remote duty, by a robot on loopback that checks key, size and rate.

`python -m benchmarks.notices`
"""

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from benchmarks.correlation import ALARMS, BUDGET_S, START_US, ZONES, flood, link, zones
from benchmarks.rows import Row
from domain.ids import PersonId, TeamId
from domain.notices import Channel, ChannelKind, Contact, NoticePlan, NoticeState
from domain.organisation import Crew, Person, Roster, Shift
from domain.responsibility import Kind
from linkage.linkage import Linkage
from linkage.plan import LinkagePlan
from service.counting import Counted
from service.heap import settle_heap
from service.notifying import Notifier
from service.site.notices import UNATTENDED_LADDERS
from storage.engines import reading, sqlite_engine
from storage.migrate import upgrade
from storage.notices import NoticeFilter
from storage.records import SqlRecords
from storage.tables import incidents
from tests.support.chat_receiver import KEY, receiving

_KEY_VARIABLE: Final = "GRIDWARDEN_SECRET_BENCH_ROBOT"
_ON_DUTY: Final = PersonId("dispatcher")
_GIVE_UP_S: Final = 60.0


def rows() -> Iterator[Row]:
    os.environ[_KEY_VARIABLE] = KEY
    with tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as folder, receiving() as receiver:
        engine = sqlite_engine(Path(folder) / "records.db", busy_ms=1_000)
        upgrade(engine)
        records = SqlRecords(engine)
        plan = telling(receiver.url("wecom"))
        linkage = Linkage(plan)
        notifier = Notifier(
            engine,
            plan,
            lambda: linkage.responsibility,
            clock=lambda: START_US,
            counters=Counted(),
            tell=lambda change: None,
        )
        assert notifier.escalator is not None
        notifier.queue.key()
        events = flood()
        notifier.start()
        settle_heap()  # as the core does once it has started
        began, worked = time.perf_counter(), time.process_time()
        for seq, changes in enumerate(link(linkage, events), start=1):
            records.commit(changes, seq)
        recorded_s = time.perf_counter() - began
        while notifier.escalator.run_due():
            pass
        sent = NoticeFilter(states=[NoticeState.SENT])
        while notifier.queue.count(sent) < ZONES and time.perf_counter() - began < _GIVE_UP_S:
            time.sleep(0.005)
        total_s = time.perf_counter() - began
        cpu_s = time.process_time() - worked
        told = notifier.queue.count(sent)
        with reading(engine) as connection:
            counted = select(func.count()).where(
                incidents.c.cause.is_(None), incidents.c.kind == Kind.FAULT.value
            )
            causes = connection.execute(counted).scalar_one()
        notifier.stop()
        engine.dispose()
    yield Row(
        what=f"{ALARMS:,} alarms in {ZONES} zones with one trip each, until the notices are accepted",
        figure=f"{total_s:.2f} s, {causes} incidents, {told} notices in {len(receiver.taken)} messages",
        budget=f"{BUDGET_S:g} s, {ZONES} incidents",
        passed=total_s <= BUDGET_S and causes == ZONES and told == ZONES,
        beside=f"linked and recorded after {recorded_s:.2f} s; processor time {cpu_s:.2f} s",
    )


def telling(url: str) -> LinkagePlan:
    """The zones' stations are unattended; one person is on remote duty."""
    plan = zones()
    roster = Roster(
        roster_id="dispatch",
        name="调度班",
        team_id=TeamId("dispatch"),
        anchor=date(2026, 1, 1),
        shifts={"day": Shift(name="值班", start_minute=0, length_minutes=24 * 60)},
        cycle=(("day",),),
        crews=(Crew(crew_id="a", name="甲值", offset_days=0, persons=(_ON_DUTY,)),),
    )
    people = plan.organisation
    robot = Channel(
        channel_id="robot", kind=ChannelKind.WECOM, url=url, key_env=_KEY_VARIABLE, per_minute=20
    )
    return replace(
        plan,
        organisation=replace(
            people,
            rosters=(roster,),
            persons=(*people.persons, Person(person_id=_ON_DUTY, name="调度甲值")),
        ),
        notices=NoticePlan(
            attended=UNATTENDED_LADDERS,
            unattended=UNATTENDED_LADDERS,
            remote_duty="dispatch",
            channels={"robot": robot},
            contacts={_ON_DUTY: Contact(person_id=_ON_DUTY, channels=("robot",))},
        ),
    )


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
