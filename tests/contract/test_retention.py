"""What goes after its time, and what never does, in each database."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select

from domain.alarms import Alarm
from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes, OutboxDone
from domain.clock import MINUTE_US
from domain.commands import CommandState, DeviceCommand, OutboxItem
from domain.credit import Account, CreditEntry, ReviewItem, ReviewKind
from domain.events import AlarmCleared, AlarmRaised, ClearReason
from domain.ids import AssetId, DeviceId, PersonId, SourceId
from domain.incidents import Incident, IncidentState
from domain.ports import StorageUnavailable
from domain.records import DeadLetter
from domain.requests import CloseIncident, Handled
from domain.responsibility import Answer, Reason
from service.counting import Counted
from service.janitor import Janitor
from service.settings import KeepSettings
from storage.records import SqlRecords
from storage.retention import Kept, delete_some
from storage.tables import (
    alarms,
    audit,
    commands,
    dead_letter_counts,
    dead_letters,
    entries,
    events,
    incidents,
    metadata,
    outbox,
    reviews,
)
from tests.support.records_stores import RecordsStore

DAY = 24 * 60 * MINUTE_US
NOW = 2_000 * DAY
OLD, FRESH = NOW - 1_200 * DAY, NOW - DAY
BEFORE = NOW - 3 * 365 * DAY


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine()
    yield made
    made.dispose()


def alarm(number: int, at_us: int, condition: Condition = Condition.HIGH) -> AlarmRaised:
    return AlarmRaised(
        event_id=UUID(int=number),
        site="s",
        point="p",
        asset_id=AssetId("1T"),
        signal="油温",
        unit="degC",
        condition=condition,
        alarm_class=AlarmClass.LIMIT,
        priority=Priority.URGENT,
        started_at_us=at_us,
        raised_at_us=at_us,
        detected_at_us=at_us,
        value=86.5,
        limit=85.0,
        limits_version=1,
        degraded=False,
        found_late=False,
        output_allowed=True,
    )


def cleared(number: int, at_us: int) -> AlarmCleared:
    return AlarmCleared(
        event_id=UUID(int=number),
        ended_at_us=at_us,
        detected_at_us=at_us,
        value=80.0,
        reason=ClearReason.RETURNED,
    )


def incident(number: int, at_us: int, *, closed: bool = True) -> Incident:
    opened = Incident(
        incident_id=UUID(int=number),
        asset_id=AssetId("1T"),
        priority=Priority.URGENT,
        opened_at_us=at_us,
        answer=Answer(acting=None, reasons=(Reason.of("site_default", words="w"),)),
        standing=frozenset(),
    )
    if not closed:
        return opened
    return replace(opened, state=IncidentState.CLOSED, closed_at_us=at_us, closed_by="a", version=2)


def command(number: int, at_us: int, state: CommandState) -> DeviceCommand:
    return DeviceCommand(
        command_id=UUID(int=number),
        event_id=UUID(int=number),
        device_id=DeviceId("siren"),
        action="sound",
        text="t",
        priority=Priority.URGENT,
        created_at_us=at_us,
        valid_until_us=at_us + MINUTE_US,
        max_on_s=60,
        state=state,
    )


def story(number: int, at_us: int, **more: list[object]) -> Changes:
    """An alarm that came, was handled and went, with the command to its siren."""
    sent = command(number, at_us, CommandState.CONFIRMED)
    item = OutboxItem(outbox_id=UUID(int=number), command=sent)
    changes = Changes(
        events=[alarm(number, at_us), cleared(number, at_us)],
        memberships={UUID(int=number): UUID(int=number)},
        incidents=[incident(number, at_us)],
        alarms=[Alarm.of(alarm(number, at_us)).acknowledged("a", at_us).returned(at_us)],
        outbox=[item],
        outbox_done=[OutboxDone(outbox_id=item.outbox_id, at_us=at_us, outcome="sent")],
    )
    for name, things in more.items():
        getattr(changes, name).extend(things)
    return changes


def review(number: int, **about: UUID) -> ReviewItem:
    return ReviewItem(
        review_id=UUID(int=number),
        kind=ReviewKind.VIOLATION,
        created_at_us=OLD,
        proposed_by="rule:x",
        text="t",
        **about,  # type: ignore[arg-type]
    )


def entry(number: int) -> CreditEntry:
    return CreditEntry(
        entry_id=UUID(int=number),
        account=Account.SAFETY,
        person_id=PersonId("p"),
        item_id="i",
        rule_version=1,
        points_hundredths=100,
        event_id=UUID(int=number),
        review_id=UUID(int=number),
        zone_id=None,
        effective_at_us=OLD,
        recorded_at_us=OLD,
        confirmed_by="a",
        reasons=(),
    )


def handled(number: int, at_us: int) -> Handled:
    return Handled(
        request_id=UUID(int=number),
        at_us=at_us,
        actor="a",
        request=CloseIncident(incident_id=UUID(int=number), note="n"),
        done=True,
    )


def letter(at_us: int) -> DeadLetter:
    return DeadLetter(
        at_us=at_us,
        source_id=SourceId("s"),
        reason="malformed_json",
        detail="d",
        topic="t",
        payload=b"p",
    )


def commit(engine: Engine, *several: Changes) -> None:
    records = SqlRecords(engine)
    for seq, changes in enumerate(several, start=1):
        records.commit(changes, seq)


def ids(engine: Engine, column: object) -> list[int]:
    with engine.connect() as connection:
        found = connection.scalars(select(column))  # type: ignore[call-overload]
        return sorted(int(each) for each in found)


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
        }


def test_what_is_over_and_old_goes_with_its_events_and_commands_and_nothing_else(
    engine: Engine,
) -> None:
    commit(engine, story(1, OLD), story(2, FRESH))
    assert delete_some(engine, Kept.INCIDENTS, BEFORE) == 2  # an incident and a command
    assert delete_some(engine, Kept.INCIDENTS, BEFORE) == 0
    for column in (
        incidents.c.incident_id,
        events.c.event_id,
        alarms.c.event_id,
        commands.c.command_id,
        outbox.c.outbox_id,
    ):
        assert ids(engine, column) == [2], column


def test_what_stands_or_is_open_stays_however_old(engine: Engine) -> None:
    commit(
        engine,
        # an open incident, a standing alarm in a closed one, a standing alarm of no incident, a command
        # that nobody answered
        Changes(
            events=[alarm(1, OLD), cleared(1, OLD), alarm(2, OLD), alarm(3, OLD)],
            memberships={UUID(int=1): UUID(int=1), UUID(int=2): UUID(int=2)},
            incidents=[incident(1, OLD, closed=False), incident(2, OLD)],
            commands=[command(4, OLD, CommandState.SENT)],
        ),
    )
    assert delete_some(engine, Kept.INCIDENTS, BEFORE) == 0
    assert ids(engine, events.c.event_id) == [1, 2, 3]


def test_an_alarm_that_waits_for_its_reset_stays_with_its_event(engine: Engine) -> None:
    told = [Alarm.of(replace(alarm(number, OLD), latching=True)) for number in (1, 2)]
    latched = [replace(each.acknowledged("a", OLD).returned(OLD), version=5) for each in told]
    commit(
        engine,
        story(1, OLD, alarms=[latched[0]]),
        Changes(events=[alarm(2, OLD), cleared(2, OLD)], alarms=[latched[1]]),
    )
    delete_some(engine, Kept.INCIDENTS, BEFORE)
    assert ids(engine, events.c.event_id) == [1, 2]
    commit(engine, Changes(alarms=[replace(each.reset("a", OLD), version=9) for each in latched]))
    delete_some(engine, Kept.INCIDENTS, BEFORE)
    assert ids(engine, events.c.event_id) == ids(engine, alarms.c.event_id) == []


def test_events_without_an_incident_go_when_they_are_over(engine: Engine) -> None:
    commit(
        engine,
        Changes(
            events=[
                alarm(1, OLD),
                cleared(1, OLD),
                alarm(2, OLD, Condition.CLOCK_STEPPED_BACK),  # over at once
                alarm(3, FRESH),
                cleared(3, FRESH),
            ]
        ),
    )
    assert delete_some(engine, Kept.INCIDENTS, BEFORE) == 2
    assert ids(engine, events.c.event_id) == [3]


def test_what_was_judged_or_counts_for_somebody_stays_with_its_incident(engine: Engine) -> None:
    commit(
        engine,
        story(1, OLD, reviews=[review(1, incident_id=UUID(int=1))]),
        story(2, OLD, reviews=[review(2, event_id=UUID(int=2))]),
        story(3, OLD, entries=[entry(3)]),
        story(4, OLD),
    )
    delete_some(engine, Kept.INCIDENTS, BEFORE)
    assert ids(engine, incidents.c.incident_id) == [1, 2, 3]
    assert ids(engine, events.c.event_id) == [1, 2, 3]
    assert ids(engine, reviews.c.review_id) == [1, 2]
    assert ids(engine, entries.c.entry_id) == [3]


def test_each_transaction_is_small(engine: Engine) -> None:
    commit(engine, *(story(number, OLD) for number in range(1, 8)))
    left = []
    while delete_some(engine, Kept.INCIDENTS, BEFORE, at_most=3):
        left.append(len(ids(engine, incidents.c.incident_id)))
    assert left == [4, 1, 0]


def test_each_class_has_its_own_time(engine: Engine) -> None:
    commit(
        engine,
        Changes(handled=[handled(1, OLD), handled(2, FRESH)]),
        Changes(dead_letters=[letter(OLD), letter(FRESH)]),
        story(3, OLD),
    )
    counters = Counted()
    janitor = Janitor(
        engine,
        KeepSettings(incidents_days=1_500, audit_days=1_100, dead_letters_days=90),
        clock=lambda: NOW,
        counters=counters,
    )
    assert janitor.sweep() == 3  # a request, a letter and its day's count
    assert janitor.sweep() == 0
    after = counts(engine)
    assert after[incidents.name] == after[audit.name] == 1
    assert after[dead_letters.name] == after[dead_letter_counts.name] == 1
    assert counters.count("kept_long_enough", kept="audit") == 1
    assert counters.count("kept_long_enough", kept="dead_letters") == 2
    assert counters.count("kept_long_enough", kept="incidents") == 0


def test_while_somebody_else_has_the_records_nothing_goes_and_nothing_breaks(
    engine: Engine, store: RecordsStore
) -> None:
    commit(engine, story(1, OLD))
    janitor = Janitor(engine, KeepSettings(), clock=lambda: NOW, counters=Counted())
    if not store.is_postgres:  # where rows are locked one by one, nobody is in the way
        with store.somebody_else_writes(), pytest.raises(StorageUnavailable):
            janitor.sweep()
    assert janitor.sweep() == 2
