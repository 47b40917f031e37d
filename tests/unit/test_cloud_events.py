"""What leaves the house: CloudEvents 1.0 in binary mode, by ids from facts, naming nobody."""

import json
from dataclasses import replace

from delivery.cloud_events import KIND_OF_TYPE, PREFIX, dead_letter_of, outbound_of
from domain.changes import Changes
from domain.events import AlarmCleared
from domain.ids import SourceId
from domain.outbound import Outlet
from domain.records import DeadLetter, Ticked
from linkage.linkage import Linkage
from service.outbound import change_of
from tests.support.alarms import PLAN, alarm

NOW_US = 1_800_000_000_000_000


def some_changes() -> Changes:
    raised = alarm()
    cleared = AlarmCleared(
        event_id=raised.event_id, ended_at_us=NOW_US, detected_at_us=NOW_US, value=float("nan")
    )
    return Linkage(PLAN).decide(Ticked(at_us=NOW_US), [raised, cleared])


def test_every_event_has_what_cloud_events_asks_for() -> None:
    for event in outbound_of(some_changes(), "s", "w1", NOW_US):
        headers = event.headers
        assert event.outlet is Outlet.EVENTS
        assert headers["ce_specversion"] == "1.0"
        assert headers["ce_source"] == "/gridwarden/s"
        assert headers["ce_id"]
        assert headers["ce_type"].removeprefix(PREFIX) in KIND_OF_TYPE
        assert headers["ce_time"].endswith("Z")
        assert headers["content-type"] == "application/json"
        assert headers["ce_partitionkey"] == event.key
        json.loads(event.value)  # and no NaN in it


def test_the_same_changes_give_the_same_ids_and_no_two_are_equal() -> None:
    first, again = (outbound_of(some_changes(), "s", "w1", NOW_US + n) for n in (0, 5))
    ids = [(each.headers["ce_source"], each.headers["ce_id"]) for each in first]
    assert [each.outbound_id for each in first] == [each.outbound_id for each in again]
    assert len({each.outbound_id for each in first}) == len(first)
    assert len(set(ids)) == len(ids)


def test_no_event_names_a_person() -> None:
    changes = some_changes()
    names = [party.name for party in (changes.incidents[0].answer.acting,) if party]
    told = b"".join(each.value for each in outbound_of(changes, "s", "w1", NOW_US)).decode()
    assert names
    assert not [name for name in names if name in told]


def test_what_becomes_of_an_alarm_is_told_without_who_took_it() -> None:
    (raised, *_) = some_changes().alarms
    taken = raised.acknowledged("甲值正值", NOW_US)
    events = outbound_of(Changes(alarms=[raised, taken]), "s", "w1", NOW_US)
    assert [json.loads(each.value)["state"] for each in events] == [
        "unacknowledged",
        "acknowledged",
    ]
    assert len({each.outbound_id for each in events}) == 2
    assert not [each for each in events if "甲值正值" in each.value.decode()]


def test_a_later_version_of_an_incident_is_another_event_of_the_same_key() -> None:
    incident = some_changes().incidents[0]
    later = replace(incident, version=incident.version + 1)
    events = outbound_of(Changes(incidents=[incident, later]), "s", "w1", NOW_US)
    assert len({each.headers["ce_id"] for each in events}) == 2
    assert len({each.key for each in events}) == 1


def test_a_dead_letter_keeps_the_bytes_and_says_what_was_wrong() -> None:
    letter = DeadLetter(
        at_us=NOW_US, source_id=SourceId("g"), reason="malformed_json", detail="no", topic="t",
        payload=b"\xff\x00",
    )  # fmt: skip
    out = dead_letter_of(letter, "s", "topic/3")
    assert (out.outlet, out.value) == (Outlet.DEAD_LETTERS, b"\xff\x00")
    assert {out.headers[name] for name in ("reason", "place")} == {"malformed_json", "topic/3"}
    assert (
        dead_letter_of(replace(letter, payload=b"x"), "s", "topic/3").outbound_id != out.outbound_id
    )


def test_a_console_hears_of_others_and_not_of_its_own_worker() -> None:
    (event, *_) = outbound_of(some_changes(), "s", "w1", NOW_US)
    headers = {name: value.encode() for name, value in event.headers.items()}
    assert change_of(headers, "w1") is None
    told = change_of(headers, "w2")
    assert told is not None
    assert told["kind"] == "alarm_raised"
    assert change_of({"ce_type": b"something.else"}, "w2") is None
