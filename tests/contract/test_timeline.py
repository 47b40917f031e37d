"""One timeline of an incident: every source gives its moments, in the order in which they were known."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine

from domain.alarms import Alarm
from domain.changes import Changes
from domain.findings import Cause, Finding, Verdict
from domain.outage_requests import TickTrial
from domain.outages import TrialResult
from domain.requests import AcknowledgeIncident, CloseIncident, Handled, Request
from domain.responsibility import Reason
from service.timeline import timeline_of
from storage.console_reads import ConsoleReads
from storage.records import SqlRecords
from tests.contract.test_records import _alarm, _cleared, _command, _in_incident, _incident
from tests.support.outages import Room, earth
from tests.support.records_stores import RecordsStore


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine()
    yield made
    made.dispose()


def test_every_source_has_its_moments_in_one_order(engine: Engine) -> None:
    raised = _alarm(1)
    at_us = raised.detected_at_us
    incident = replace(_incident(9, 1), opened_at_us=at_us, asset_id=raised.asset_id)
    incident = incident.acknowledged("zl", at_us + 3).closed("zl", at_us + 9, "瞬时故障")
    cleared = replace(_cleared(1), detected_at_us=at_us + 8)
    command = replace(_command(5), event_id=raised.event_id, created_at_us=at_us + 1)
    alarm = replace(Alarm.of(raised), incident_id=incident.incident_id)
    finding = Finding(
        finding_id=UUID(int=4),
        asset_id=raised.asset_id,
        cause=next(iter(Cause)),
        verdict=next(iter(Verdict)),
        confidence=0.9,
        degraded=False,
        priority=raised.priority,
        began_at_us=at_us,
        told_at_us=at_us + 5,
        opinions=(),
        signature="",
    )
    asks: list[tuple[int, Request, bool]] = [
        (3, AcknowledgeIncident(incident_id=incident.incident_id), True),
        (4, CloseIncident(incident_id=incident.incident_id), False),
        (9, CloseIncident(incident_id=incident.incident_id, note="瞬时故障"), True),
    ]
    asked = [
        Handled(
            request_id=UUID(int=number),
            at_us=at_us + later,
            actor="zl",
            request=request,
            done=done,
            why=None if done else Reason.of("words_needed"),
            subject=str(incident.incident_id) if done else "",
        )
        for number, (later, request, done) in enumerate(asks)
    ]
    other = replace(_alarm(2), detected_at_us=at_us + 2)
    SqlRecords(engine).commit(
        Changes(
            events=[raised, other, cleared],
            memberships=_in_incident(9, 1) | _in_incident(8, 2),
            incidents=[incident, _incident(8, 2)],
            alarms=[alarm.acknowledged("zl", at_us + 3)],
            commands=[command.sent(at_us + 2).confirmed(at_us + 6, "done")],
            findings=[finding],
            handled=asked,
        ),
        1,
    )
    moments = timeline_of(ConsoleReads(engine), incident)
    assert [(each.at_us - at_us, each.what.code, each.actor) for each in moments] == [
        (0, "alarm_raised", ""),
        (0, "incident_opened", ""),
        (1, "command_made", ""),
        (3, "alarm_acknowledged", "zl"),
        (3, "asked", "zl"),
        (5, "finding_told", ""),
        (6, "command_ended", ""),
        (8, "alarm_returned", ""),
        (9, "asked", "zl"),
        (9, "incident_closed_with", ""),
    ]
    assert moments[0].event == raised


def test_the_outage_that_an_incident_made_stands_in_its_timeline(engine: Engine) -> None:
    room = Room()
    room.until(5)
    room.trip("S1", "S2")
    room.until(40)
    incident = replace(_incident(9, 1), opened_at_us=room.outage.started_at_us)
    outage = replace(room.outage, incident_id=incident.incident_id)
    SqlRecords(engine).commit(Changes(incidents=[incident], outages=[outage]), 1)
    moments = timeline_of(ConsoleReads(engine), incident)
    phases = [
        dict(each.what.facts)["phase"] for each in moments if each.what.code == "outage_phase"
    ]
    assert phases == ["waiting", "proposed"]
    assert {each.link for each in moments if each.link} == {f"/outage/{outage.outage_id}"}


def test_the_search_for_an_earth_fault_stands_in_the_timeline_of_its_incident(
    engine: Engine,
) -> None:
    room = Room()
    earth(room)
    trial = TickTrial(earth_id=room.fault.earth_id, number="114", result=TrialResult.GONE)
    assert room.ask(trial).done
    incident = replace(_incident(9, 1), opened_at_us=room.fault.started_at_us)
    fault = replace(room.fault, incident_id=incident.incident_id)
    SqlRecords(engine).commit(Changes(incidents=[incident], earth_faults=[fault]), 1)
    moments = [each for each in timeline_of(ConsoleReads(engine), incident) if each.link]
    assert [each.what.code for each in moments] == ["earth_began", "earth_trial"]
    assert {each.link for each in moments} == {f"/earth/{fault.earth_id}"}
