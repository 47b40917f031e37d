"""What the console reads gives the same lists, in the same order, from each database."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine

from domain.assets import AlarmClass, Priority
from domain.changes import Changes
from domain.credit import Account, ReviewItem, ReviewKind, ReviewState
from domain.ids import AssetId, PersonId
from domain.incidents import Explanation, IncidentState
from domain.paperwork import Role, User
from domain.requests import AcknowledgeIncident, Handled
from domain.responsibility import Kind, Reason
from storage.console_reads import ConsoleReads, IncidentFilter
from storage.ledger import SqlLedger
from storage.records import SqlRecords
from tests.contract.test_ledger import entry
from tests.contract.test_records import _alarm, _cleared, _command, _in_incident, _incident
from tests.support.records_stores import RecordsStore


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine()
    yield made
    made.dispose()


@pytest.fixture
def reads(engine: Engine) -> ConsoleReads:
    return ConsoleReads(engine)


@pytest.fixture
def records(engine: Engine) -> SqlRecords:
    return SqlRecords(engine)


def _review(number: int, created_at_us: int, judged_at_us: int | None = None) -> ReviewItem:
    return ReviewItem(
        review_id=UUID(int=number),
        kind=ReviewKind.CREDIT,
        created_at_us=created_at_us,
        proposed_by="rule",
        text="",
        code="in-time",
        item_id="in-time",
        rule_version=1,
        account=Account.SAFETY,
        person_id=PersonId("zl"),
        points_hundredths=200,
        event_id=None,
        incident_id=None,
        asset_id=None,
        zone_id=None,
        owner_id=None,
        corrects=None,
        reasons=(),
        evidence=(),
        shadow=False,
        state=ReviewState.PROPOSED if judged_at_us is None else ReviewState.CONFIRMED,
        judged_by=None if judged_at_us is None else "safety",
        judged_at_us=judged_at_us,
        judgement="",
    )


def test_incidents_with_the_alarm_that_speaks_for_each(
    records: SqlRecords, reads: ConsoleReads
) -> None:
    minor, urgent = replace(_alarm(1), priority=Priority.MINOR), _alarm(2)
    newer = replace(_alarm(3), priority=Priority.MINOR, alarm_class=AlarmClass.FAULT)
    closed = _incident(8, 3).acknowledged("zl", 20).event_cleared(UUID(int=3), 30)
    records.commit(
        Changes(
            events=[minor, urgent, newer, _cleared(3)],
            memberships=_in_incident(9, 1, 2) | _in_incident(8, 3),
            incidents=[closed, _incident(9)],
            commands=[_command(5)],
        ),
        1,
    )
    listed = reads.incidents(IncidentFilter())
    assert [each.incident.incident_id.int for each in listed] == [9, 8]
    assert (listed[0].alarm, listed[0].standing) == (urgent, 2)
    assert (listed[1].alarm, listed[1].standing) == (newer, 0)
    assert reads.count(IncidentFilter(states=[IncidentState.CLOSED])) == 1
    assert [
        each.incident.incident_id.int
        for each in reads.incidents(IncidentFilter(classes=[AlarmClass.FAULT.value]))
    ] == [8]
    assert reads.incidents(IncidentFilter(asset_ids=[AssetId("x\0")])) == []
    assert [each.raised for each in reads.events_of(UUID(int=9))] == [urgent, minor]
    assert len(reads.events_of_point(urgent.point, 0, 2**60)) == 3
    assert reads.commands_of([UUID(int=1)]) == reads.last_commands() == [_command(5)]
    assert reads.commands_of([]) == []


def test_reviews_that_wait_come_first_the_oldest_of_them_and_then_the_newest_judged(
    records: SqlRecords, reads: ConsoleReads
) -> None:
    reviews = [_review(1, 30), _review(2, 10), _review(3, 5, 90), _review(4, 6, 95), _review(5, 20)]
    records.commit(Changes(reviews=reviews), 1)
    both = [ReviewState.PROPOSED.value, ReviewState.CONFIRMED.value]
    assert [each.review_id.int for each in reads.reviews(both)] == [2, 5, 1, 4, 3]
    assert [each.review_id.int for each in reads.reviews(both[1:])] == [4, 3]


def test_balances_seals_and_the_audit(
    engine: Engine, records: SqlRecords, reads: ConsoleReads
) -> None:
    shadow = entry(3, shadow=True)
    handled = [
        Handled(
            request_id=UUID(int=number),
            at_us=number,
            actor=actor,
            request=AcknowledgeIncident(incident_id=UUID(int=9)),
            done=number != 2,
        )
        for number, actor in enumerate(("zl", "zl", "wang\0"), start=1)
    ]
    records.commit(Changes(entries=[entry(1), entry(2), shadow], handled=handled), 1)
    assert SqlLedger(engine).seal(5) == 3
    assert reads.balances() == {
        "yw-j1": {(Account.SAFETY, False): 400, (Account.SAFETY, True): 200}
    }
    assert reads.seal_numbers([entry(1).entry_id, entry(2).entry_id]) == {
        entry(1).entry_id: 1,
        entry(2).entry_id: 2,
    }
    assert reads.entries_of(PersonId("yw-j1")) == [shadow, entry(2), entry(1)]
    assert [each.request_id.int for each in reads.audit()] == [3, 2, 1]
    assert [each.request_id.int for each in reads.audit(actor="wang\0")] == [3]
    assert [each.done for each in reads.audit(actor="zl", act="AcknowledgeIncident")] == [
        False,
        True,
    ]


def test_what_nobody_could_be_named_is_nobody(records: SqlRecords, reads: ConsoleReads) -> None:
    user = User(
        name="zl", password="x", roles=frozenset({Role.VIEWER}), stations=frozenset({"柳塬"})
    )
    records.commit(Changes(users=[user]), 1)
    assert reads.user("zl") == user
    for odd in ("z\0l", "\ud800", "", "z" * 5_000, "ZL"):
        assert reads.user(odd) is None


def test_what_kind_an_incident_is_and_why_it_is_beneath_another(
    records: SqlRecords, reads: ConsoleReads
) -> None:
    because = (Reason.of("same_bay", what="113联合站线"),)
    outage = replace(_incident(9), kind=Kind.OUTAGE, priority=Priority.URGENT)
    found = Explanation(cause=outage.incident_id, because=because)
    minor = replace(_incident(8), priority=Priority.MINOR).explained(found)
    urgent = replace(_incident(7), priority=Priority.URGENT).explained(found)
    freed = replace(_incident(6), priority=Priority.MINOR).explained(found)
    freed = freed.grouped("zl", Explanation(because=(Reason.of("split_by", by="zl"),)))
    records.commit(Changes(incidents=[outage, minor, urgent, freed]), 1)

    def listed(wanted: IncidentFilter) -> set[int]:
        found = reads.incidents(wanted)
        assert len(found) == reads.count(wanted)
        return {each.incident.incident_id.int for each in found}

    assert listed(IncidentFilter(kinds=[Kind.OUTAGE])) == {9}
    assert listed(IncidentFilter(kinds=[Kind.FAULT])) == {6, 7, 8}
    assert listed(IncidentFilter(fold=True)) == {6, 7, 9}, "level 1 never folds"
    beneath = reads.consequences_of(outage.incident_id)
    assert [each.incident.incident_id.int for each in beneath] == [7, 8]
    assert beneath[1].incident.because == because
    assert reads.count_beneath([outage.incident_id, UUID(int=6)]) == {outage.incident_id: 2}
    again = {each.incident_id: each for each in records.open_incidents()}
    assert replace(again[minor.incident_id], standing=minor.standing) == minor
    assert replace(again[freed.incident_id], standing=freed.standing) == freed
