"""The operator's list, one acknowledgement and a start of core with 100,000 open alarms.

python -m benchmarks.alarm_list
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from uuid import UUID

from benchmarks.rows import Row
from domain.access import LOCAL_OPERATOR
from domain.assets import AlarmClass, Asset, Condition, Priority
from domain.clock import SECOND_US
from domain.events import AlarmRaised
from domain.ids import AssetId, event_id
from domain.records import Requested, Ticked
from domain.requests import AcknowledgeAlarm
from linkage.linkage import Linkage
from linkage.plan import EVERYTHING, LinkagePlan, Responsible
from service.live import LiveView
from service.wiring import commands_that_may_be_answered, held_by
from storage.alarm_reads import AlarmFilter, AlarmOrder, AlarmReads
from storage.engines import sqlite_engine
from storage.migrate import upgrade
from storage.records import SqlRecords
from tests.support.alarms import BEIJING

ALARMS = 100_000
ASSETS = 5_000
IN_ONE_COMMIT = 500
START_US = 1_790_000_000 * SECOND_US
PAGE = 50


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="gridwarden-bench-") as folder:
        engine = sqlite_engine(Path(folder) / "records.db")
        upgrade(engine)
        records = SqlRecords(engine)
        yield from of_work(records)  # its linkage is gone afterwards: a core that starts is alone
        yield of_start(records, plan())
        engine.dispose()


def of_work(records: SqlRecords) -> Iterator[Row]:
    """The console's questions and a command, once the alarms stand."""
    linkage = Linkage(plan())
    events = fill(linkage, records)
    reads = AlarmReads(records.engine)
    for order in AlarmOrder:
        yield of_ms(
            f"first page by {order}",
            lambda order=order: page(reads, AlarmFilter(), order),  # type: ignore[misc]
            300 if order is AlarmOrder.IMPORTANCE else None,
        )
    some = frozenset(asset(number) for number in range(30))
    yield of_ms("first page of 30 devices", lambda: page(reads, AlarmFilter(asset_ids=some)))
    yield of_ms(
        "first page with consequences folded",
        lambda: page(reads, AlarmFilter(folded_at=[EVERYTHING])),
    )
    yield of_ms("grouped by device", lambda: reads.groups(AlarmFilter(), "asset"))
    wanted = iter(events)
    seq = iter(range(10**6, 10**7))
    yield of_ms(
        "one acknowledgement, decided and recorded",
        lambda: acknowledge(linkage, records, next(wanted), next(seq)),
        50,
    )
    yield of_ms("a tick", lambda: linkage.decide(Ticked(at_us=START_US + SECOND_US), []))


def of_ms(what: str, action: Callable[[], object], budget_ms: float | None = None) -> Row:
    """The median of nine, after one to warm up."""
    took = []
    for _ in range(10):
        began = time.perf_counter()
        action()
        took.append(1_000 * (time.perf_counter() - began))
    figure = median(took[1:])
    return Row(
        what=f"{ALARMS:,} open alarms, {what}",
        figure=f"{figure:,.1f} ms",
        budget="none" if budget_ms is None else f"{budget_ms:g} ms",
        passed=None if budget_ms is None else figure <= budget_ms,
    )


def page(reads: AlarmReads, wanted: AlarmFilter, order: AlarmOrder = AlarmOrder.IMPORTANCE) -> None:
    """What the console asks for: the rows and how many there are."""
    assert len(reads.page(wanted, order, PAGE)) == PAGE
    reads.count(wanted)


def of_start(records: SqlRecords, of_site: LinkagePlan) -> Row:
    """What core reads and builds of the records before it decides again, an hour after the alarms."""
    now_us = START_US + 3_600 * SECOND_US
    marks, began_s = [time.perf_counter()], time.process_time()

    def passed() -> float:
        marks.append(time.perf_counter())
        return marks[-1] - marks[-2]

    live = LiveView(of_site, records.standing_events())
    shown_s = passed()
    incidents, commands = records.open_incidents(), commands_that_may_be_answered(records, now_us)
    held = held_by(records, now_us)
    read_s = passed()
    linkage = Linkage(of_site, incidents, commands, held)
    built_s = passed()
    linkage.decide(Ticked(at_us=now_us), [])
    ticked_s = passed()
    processor_s = time.process_time() - began_s
    assert len(held.alarms) == ALARMS
    del live
    return Row(
        what=f"{ALARMS:,} open alarms, core's start from the records",
        figure=f"{marks[-1] - marks[0]:.1f} s, {processor_s:.1f} s of processor",
        budget="none",
        passed=None,
        beside=f"live view {shown_s:.1f} s, reading {read_s:.1f} s,"
        f" linkage {built_s:.1f} s, first tick {ticked_s:.1f} s",
    )


def acknowledge(linkage: Linkage, records: SqlRecords, event: UUID, seq: int) -> None:
    asked = Requested(
        at_us=START_US + SECOND_US,
        request_id=UUID(int=seq),
        actor=LOCAL_OPERATOR,
        request=AcknowledgeAlarm(event_id=event),
    )
    changes = linkage.decide(asked, [])
    assert changes.handled[0].done
    records.commit(changes, seq)


def fill(linkage: Linkage, records: SqlRecords) -> list[UUID]:
    events = [alarm(number) for number in range(ALARMS)]
    for first in range(0, ALARMS, IN_ONE_COMMIT):
        some = events[first : first + IN_ONE_COMMIT]
        records.commit(linkage.decide(Ticked(at_us=START_US), some), first + 1)
    return [event.event_id for event in events]


def asset(number: int) -> AssetId:
    return AssetId(f"station/{number}")


def plan() -> LinkagePlan:
    return LinkagePlan(
        site="bench",
        zone=BEIJING,
        assets={
            asset(number): Asset(
                asset_id=asset(number),
                station=f"{number % 50}号变",
                voltage="10kV",
                bay=f"{number}间隔",
                name=str(number),
            )
            for number in range(ASSETS)
        },
        devices=(),
        rules=(),
        responsible=Responsible(name="值班长", role="duty_lead", because="测试"),
    )


def alarm(number: int) -> AlarmRaised:
    point, at_us = f"station/{number}/u", START_US + number
    return AlarmRaised(
        event_id=event_id("bench", point, Condition.LOW, at_us),
        site="bench",
        point=point,
        asset_id=asset(number % ASSETS),
        signal="电压",
        unit="kV",
        condition=Condition.LOW,
        alarm_class=AlarmClass.LIMIT,
        priority=(Priority.URGENT, Priority.MAJOR, Priority.MINOR, Priority.MINOR)[number % 4],
        started_at_us=at_us,
        raised_at_us=at_us,
        detected_at_us=at_us,
        value=9.1,
        limit=9.3,
        limits_version=1,
    )


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
