"""The one timeline of an incident: what happened to it, what was done for it and by whom, from every source.

A source is a function that reads the records and gives moments; a new one is a line in SOURCES.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from typing import Final

from domain.commands import CommandState, DeviceCommand
from domain.events import AlarmRaised
from domain.incidents import Incident
from domain.responsibility import Reason
from service.earth_view import earth_happened
from service.moments import Moment
from service.outage_view import happened
from storage.console_reads import ConsoleReads
from storage.outages import OutageReads

MOMENTS_AT_MOST: Final = 500  # of one source


Source = Callable[[ConsoleReads, Incident], list[Moment]]


def timeline_of(records: ConsoleReads, incident: Incident) -> list[Moment]:
    """The oldest first. Raises StorageUnavailable."""
    found = chain.from_iterable(source(records, incident) for source in SOURCES)
    return sorted(found, key=lambda moment: (moment.at_us, moment.what.code, moment.what.facts))


def its_life(records: ConsoleReads, incident: Incident) -> list[Moment]:
    """That it opened, and that it closed by itself; by whom else is told by the requests."""
    moments = [
        Moment(
            at_us=incident.opened_at_us,
            what=Reason.of("incident_opened", kind=incident.kind.value),
            icon="notifications",
        )
    ]
    if incident.closed_at_us is not None:
        code = "incident_closed_with" if incident.note else "incident_closed"
        what = Reason.of(code, note=incident.note) if incident.note else Reason.of(code)
        moments.append(Moment(at_us=incident.closed_at_us, what=what, icon="done"))
    return moments


def its_alarms(records: ConsoleReads, incident: Incident) -> list[Moment]:
    """Raised and returned; who acknowledged one stands with it."""
    recorded = records.events_of(incident.incident_id, MOMENTS_AT_MOST)
    treated = {
        alarm.event_id: alarm for alarm in records.alarms_of(incident.incident_id, MOMENTS_AT_MOST)
    }
    moments = []
    for each in recorded:
        link = f"/alarm/{each.raised.event_id}"
        moments.append(_of_alarm("alarm_raised", each.raised.detected_at_us, each.raised, link))
        alarm = treated.get(each.raised.event_id)
        if alarm and alarm.acknowledged_at_us is not None:
            moments.append(
                _of_alarm(
                    "alarm_acknowledged",
                    alarm.acknowledged_at_us,
                    each.raised,
                    link,
                    alarm.acknowledged_by or "",
                )
            )
        if each.cleared is not None:
            at_us = each.cleared.detected_at_us
            moments.append(_of_alarm("alarm_returned", at_us, each.raised, link))
    return moments


def its_commands(records: ConsoleReads, incident: Incident) -> list[Moment]:
    """What the field devices were asked for, and what became of it."""
    recorded = records.events_of(incident.incident_id, MOMENTS_AT_MOST)
    commands = records.commands_of([each.raised.event_id for each in recorded])
    return [moment for command in commands for moment in _of_command(command)]


def its_requests(records: ConsoleReads, incident: Incident) -> list[Moment]:
    """What people did to the incident itself, as the audit has it."""
    return [
        Moment(
            at_us=handled.at_us,
            what=Reason.of("asked", act=type(handled.request).__name__),
            actor=handled.actor,
            icon="how_to_reg",
        )
        for handled in records.handled_of([str(incident.incident_id)], MOMENTS_AT_MOST)
    ]


def its_findings(records: ConsoleReads, incident: Incident) -> list[Moment]:
    """What the judgement said of the device while the incident lasted."""
    until_us = incident.closed_at_us or 2**62
    return [
        Moment(
            at_us=finding.told_at_us,
            what=Reason.of("finding_told", cause=finding.cause, verdict=finding.verdict),
            actor=finding.answered_by,
            link=f"/finding/{finding.finding_id}",
            icon="psychology",
        )
        for finding in records.findings_between(
            incident.asset_id, incident.opened_at_us, until_us, MOMENTS_AT_MOST
        )
    ]


def its_outage(records: ConsoleReads, incident: Incident) -> list[Moment]:
    """What became of the outage that it made."""
    outage = OutageReads(records.engine).outage_of_incident(incident.incident_id)
    if outage is None:
        return []
    link = f"/outage/{outage.outage_id}"
    return [replace(moment, link=link) for moment in happened(outage)]


def its_earth_fault(records: ConsoleReads, incident: Incident) -> list[Moment]:
    """The search for it, trial by trial."""
    fault = OutageReads(records.engine).earth_fault_of_incident(incident.incident_id)
    if fault is None:
        return []
    link = f"/earth/{fault.earth_id}"
    return [replace(moment, link=link) for moment in earth_happened(fault)]


SOURCES: Final[tuple[Source, ...]] = (
    its_life,
    its_alarms,
    its_commands,
    its_requests,
    its_findings,
    its_outage,
    its_earth_fault,
)


def _of_alarm(code: str, at_us: int, event: AlarmRaised, link: str, actor: str = "") -> Moment:
    icons = {"alarm_raised": "notifications_active", "alarm_acknowledged": "how_to_reg"}
    return Moment(
        at_us=at_us,
        what=Reason.of(code),
        actor=actor,
        link=link,
        icon=icons.get(code, "check_circle"),
        event=event,
    )


def _of_command(command: DeviceCommand) -> Iterable[Moment]:
    facts = {"device": command.device_id, "action": command.action}
    link = f"/devices/command/{command.command_id}"
    yield Moment(
        at_us=command.created_at_us,
        what=Reason.of("command_made", **facts),
        link=link,
        icon="campaign",
    )
    if command.ended_at_us is not None:
        bad = command.state is not CommandState.CONFIRMED
        yield Moment(
            at_us=command.ended_at_us,
            what=Reason.of("command_ended", **facts, state=command.state.value),
            link=link,
            icon="error" if bad else "task_alt",
        )
