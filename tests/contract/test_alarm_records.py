"""What the records keep of alarms: a control room's day is read back as it was, and goes on from there."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from domain.alarms import AlarmState
from domain.assets import Condition, Priority
from domain.changes import Changes
from domain.clock import MINUTE_US
from domain.paperwork import TagKind
from domain.requests import AcknowledgeAlarm, EndWithholding, HangTag, ShelveAlarm
from storage.records import SqlRecords
from tests.support.alarms import TRANSFORMER
from tests.support.control_room import ControlRoom, opening, protection
from tests.support.records_stores import RecordsStore

OIL = "LY/1T/top_oil_temp"


@pytest.fixture
def records(store: RecordsStore) -> Iterator[SqlRecords]:
    engine = store.engine()
    yield SqlRecords(engine)
    engine.dispose()


@pytest.fixture
def room() -> ControlRoom:
    """Alarms in every state, a shelf that holds and one that ended, a flood, a forgotten tag."""
    room = ControlRoom()
    room.raises(latching=True)
    taken = room.raises(condition=Condition.HIGH_HIGH)
    room.does(AcknowledgeAlarm(event_id=taken.event_id))
    over = room.raises(condition=Condition.RISE)
    room.clears(over)
    trip = room.raises(**opening())
    room.passes(1)
    room.raises(**protection(started_at_us=trip.started_at_us))
    shelf = UUID(
        room.does(ShelveAlarm(point=OIL, condition=Condition.HIGH, reason="x", for_us=MINUTE_US))
    )
    room.does(EndWithholding(withholding_id=shelf))
    room.does(
        ShelveAlarm(point=OIL, condition=Condition.HIGH_HIGH, reason="x", for_us=60 * MINUTE_US)
    )
    room.does(
        HangTag(
            kind=TagKind.SUPPLY_SECURITY, asset_id=TRANSFORMER.asset_id, until_us=room.at_us + 1
        )
    )
    for number in range(12):
        room.raises(point=f"LY/1T/{number}", priority=Priority.MINOR)
        room.passes(1)
    return room


def test_what_was_decided_is_read_back(records: SqlRecords, room: ControlRoom) -> None:
    records.commit(room.everything, 1)
    newest = {each.withholding_id: each for each in room.everything.withholdings}
    assert {alarm.state for alarm in room.alarms.values()} >= {
        AlarmState.UNACKNOWLEDGED,
        AlarmState.RETURNED,
        AlarmState.ACKNOWLEDGED,
    }
    assert set(records.open_alarms()) == {each for each in room.alarms.values() if each.is_open}
    assert set(records.alarms_since(0)) == set(room.alarms.values())
    assert set(records.withholdings()) == {each for each in newest.values() if each.holds}
    (flood,) = records.open_floods()
    assert flood == room.everything.floods[-1]
    (tag,) = records.hanging_tags()
    assert tag == room.everything.tags[-1]
    assert tag.forgotten_at_us is not None
    assert all(each.raised.latching is (each.raised.condition is Condition.HIGH and
               each.raised.point == OIL) for each in records.events())  # fmt: skip


def test_an_incident_comes_back_with_what_stands_in_it_and_not_with_what_is_shelved(
    records: SqlRecords, room: ControlRoom
) -> None:
    records.commit(room.everything, 1)
    known = {each.incident_id: each for each in records.open_incidents()}
    assert known.keys() == {each.incident_id for each in room.open_incidents()}
    for incident in room.open_incidents():
        assert known[incident.incident_id].standing == incident.standing


def test_the_same_in_many_small_commits(records: SqlRecords, room: ControlRoom) -> None:
    """A later membership and an update of an event come in transactions of their own."""
    for seq, change in enumerate(_singly(room.everything), start=1):
        records.commit(change, seq)
    known = {each.incident_id: each.standing for each in records.open_incidents()}
    assert known == {each.incident_id: each.standing for each in room.open_incidents()}


def _singly(changes: Changes) -> Iterator[Changes]:
    memberships = dict(changes.memberships)
    for event in changes.events:
        yield Changes(events=[event])
    for each, incident in memberships.items():
        yield Changes(memberships={each: incident})
    yield Changes(incidents=changes.incidents, alarms=changes.alarms)
