"""Trips, tests of devices and the reasons of commands come back from each database as they went in."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine

from domain.changes import Changes
from domain.commands import CommandState, DeviceCare, Origin
from domain.disturbances import Disturbance, Reached
from domain.ids import AssetId, DeviceId
from domain.incidents import Explanation
from domain.paperwork import Approval
from domain.responsibility import Reason
from storage.console_reads import ConsoleReads
from storage.device_cares import every_device_care
from storage.disturbances import disturbances_since
from storage.records import SqlRecords
from tests.contract.test_records import _alarm, _command, _in_incident, _incident
from tests.support.records_stores import RecordsStore


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine()
    yield made
    made.dispose()


TRIP = Disturbance(
    disturbance_id=UUID(int=1),
    asset_id=AssetId("LY/101"),
    station="35kV柳塬变",
    bay="1号主变间隔",
    incident_id=UUID(int=9),
    started_at_us=10,
    known_at_us=20,
)
REACHED = Reached(
    asset_id=AssetId("LY/113"), hops=2, via=("10kVⅠ段母线",), over_line=True, unknown=("100",)
)


def test_a_trip_in_its_newest_version_and_never_back(engine: Engine) -> None:
    records = SqlRecords(engine)
    further = TRIP.reaching((REACHED,))
    other = replace(TRIP, disturbance_id=UUID(int=2), known_at_us=5)
    records.commit(Changes(disturbances=[TRIP, further, other]), 1)
    records.commit(Changes(disturbances=[TRIP]), 1)
    assert disturbances_since(engine, 0) == [other, further]
    assert disturbances_since(engine, 6) == [further]


def test_a_device_and_its_last_test(engine: Engine) -> None:
    care = DeviceCare(device_id=DeviceId("siren"), since_us=10)
    SqlRecords(engine).commit(Changes(device_cares=[care, care.tested(30, "duty")]), 1)
    assert every_device_care(engine) == [care.tested(30, "duty")]
    assert ConsoleReads(engine).device_cares() == {"siren": care.tested(30, "duty")}


def test_a_command_with_who_asked_and_why_it_was_not_sent(engine: Engine) -> None:
    records, reads = SqlRecords(engine), ConsoleReads(engine)
    withheld = replace(
        _command(5), origin=Origin.HAND, by="duty", because=(Reason.of("asked_by", by="duty"),)
    ).withheld(Reason.of("second_person_awaited"))
    ping = replace(_command(6), origin=Origin.PING)
    approval = Approval(
        approval_id=UUID(int=7),
        subject="device",
        subject_id=str(withheld.command_id),
        summary=("siren",),
        proposed_by="duty",
        proposed_at_us=1,
    )
    of_limit = replace(approval, approval_id=UUID(int=8), subject="limit", subject_id="x")
    records.commit(Changes(commands=[withheld, ping], approvals=[approval, of_limit]), 1)
    assert reads.command(withheld.command_id) == withheld
    assert reads.command(UUID(int=99)) is None
    assert withheld not in records.open_commands(), "nothing waits to be sent"
    assert reads.last_commands(origins=[Origin.HAND]) == [withheld]
    assert reads.last_commands(withheld.device_id, 1, [Origin.PING]) == [ping]
    assert records.device_of_call(approval.approval_id) == withheld.device_id
    assert records.device_of_call(of_limit.approval_id) is None
    assert withheld.state is CommandState.WITHHELD


def test_the_alarms_of_a_day_say_which_were_consequences(engine: Engine) -> None:
    first, second = _alarm(1), replace(_alarm(2), detected_at_us=_alarm(1).detected_at_us + 1)
    beneath = _incident(8, 2).explained(Explanation(cause=UUID(int=9)))
    SqlRecords(engine).commit(
        Changes(
            events=[first, second],
            memberships=_in_incident(9, 1) | _in_incident(8, 2),
            incidents=[_incident(9, 1), beneath],
        ),
        1,
    )
    reads = ConsoleReads(engine)
    assert reads.events_detected(0, 2**60) == [(second, True), (first, False)]
    assert reads.events_detected(0, first.detected_at_us) == [(first, False)]
    recorded = reads.event(first.event_id)
    assert recorded is not None
    assert recorded.raised == first
