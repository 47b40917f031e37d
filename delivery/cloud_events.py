"""What changed, as CloudEvents 1.0 in the binary mode of the Kafka binding: attributes are headers, the data
is the value. No event names a person: what concerns people stays in the records.

Sources: CloudEvents 1.0.2, and its Kafka protocol binding (github.com/cloudevents/spec).
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, Final

from domain.alarms import Alarm
from domain.changes import Changes
from domain.clock import to_datetime
from domain.commands import DeviceCommand
from domain.credit import CreditEntry, ReviewItem, ReviewKind, ReviewState
from domain.events import AlarmCleared, AlarmRaised
from domain.findings import Finding
from domain.incidents import Incident
from domain.outbound import Outbound, Outlet
from domain.records import DeadLetter
from domain.requests import ReportFinding

PREFIX: Final = "gridwarden."
# the live change of a console that such an event of another worker stands for
KIND_OF_TYPE: Final[Mapping[str, str]] = {
    "anomaly.raised.v1": "alarm_raised",
    "anomaly.cleared.v1": "alarm_cleared",
    "alarm.updated.v1": "alarm",
    "finding.updated.v1": "finding",
    "incident.updated.v1": "incident",
    "command.updated.v1": "command",
    "violation.proposed.v1": "review",
    "violation.confirmed.v1": "review",
    "review.updated.v1": "review",
    "points.entry.v1": "entry",
    "desk.updated.v1": "desk",
}


def outbound_of(changes: Changes, site: str, worker: str, now_us: int) -> list[Outbound]:
    """In the order of the changes. The same changes give the same ids."""
    made = _Made(site, worker)
    return [*_of_plant(changes, made, now_us), *_of_desk(changes, made, now_us)]


def dead_letter_of(letter: DeadLetter, site: str, place: str) -> Outbound:
    """The message as it came, with what was wrong in headers. `place` says where it stood."""
    content = blake2b((letter.payload or b"") + letter.reason.encode(), digest_size=8).hexdigest()
    return Outbound(
        outbound_id=f"{place}/{letter.at_us}/{content}",
        outlet=Outlet.DEAD_LETTERS,
        key=letter.source_id,
        at_us=letter.at_us,
        headers={
            "site": site,
            "reason": letter.reason,
            "detail": letter.detail,
            "mqtt_topic": letter.topic,
            "place": place,
        },
        value=letter.payload or b"",
    )


class _Made:
    def __init__(self, site: str, worker: str) -> None:
        self._site = site
        self._worker = worker

    def event(
        self, type_: str, id_: object, subject: str, key: str, at_us: int, data: Mapping[str, Any]
    ) -> Outbound:
        return Outbound(
            outbound_id=f"{type_}/{id_}",
            outlet=Outlet.EVENTS,
            key=key,
            at_us=at_us,
            headers={
                "ce_specversion": "1.0",
                "ce_id": str(id_),
                "ce_source": f"/gridwarden/{self._site}",
                "ce_type": f"{PREFIX}{type_}",
                "ce_subject": subject,
                "ce_time": to_datetime(at_us).isoformat().replace("+00:00", "Z"),
                "ce_partitionkey": key,
                "ce_worker": self._worker,
                "content-type": "application/json",
            },
            value=json.dumps(data, ensure_ascii=False, allow_nan=False).encode(),
        )


def _of_plant(changes: Changes, made: _Made, now_us: int) -> Iterator[Outbound]:
    for event in changes.events:
        match event:
            case AlarmRaised():
                yield made.event(
                    "anomaly.raised.v1",
                    event.event_id,
                    event.point,
                    event.asset_id,
                    event.raised_at_us,
                    _raised(event, changes),
                )
            case AlarmCleared():
                yield made.event(
                    "anomaly.cleared.v1",
                    f"{event.event_id}/cleared",
                    str(event.event_id),
                    str(event.event_id),
                    event.ended_at_us,
                    {
                        "event_id": str(event.event_id),
                        "ended_at_us": event.ended_at_us,
                        "value": _number(event.value),
                        "reason": event.reason.value,
                    },
                )
    for alarm in changes.alarms:
        yield made.event(
            "alarm.updated.v1",
            f"{alarm.event_id}/alarm/{alarm.version}",
            str(alarm.event_id),
            alarm.asset_id,
            now_us,
            _alarm(alarm),
        )
    for finding in changes.findings:
        yield made.event(
            "finding.updated.v1",
            f"{finding.finding_id}/{finding.version}",
            str(finding.finding_id),
            finding.asset_id,
            finding.told_at_us,
            _finding(finding),
        )
    for incident in changes.incidents:
        yield made.event(
            "incident.updated.v1",
            f"{incident.incident_id}/{incident.version}",
            str(incident.incident_id),
            incident.asset_id,
            now_us,
            _incident(incident),
        )
    for command in changes.commands:
        yield made.event(
            "command.updated.v1",
            f"{command.command_id}/{command.version}",
            command.device_id,
            command.device_id,
            now_us,
            _command(command),
        )


def _of_desk(changes: Changes, made: _Made, now_us: int) -> Iterator[Outbound]:
    for review in changes.reviews:
        key = review.zone_id or str(review.review_id)
        yield made.event(
            _type_of(review),
            f"{review.review_id}/{review.version}",
            str(review.review_id),
            key,
            now_us,
            _review(review),
        )
    for entry in changes.entries:
        yield made.event(
            "points.entry.v1",
            entry.entry_id,
            str(entry.entry_id),
            entry.zone_id or str(entry.entry_id),
            entry.recorded_at_us,
            _entry(entry),
        )
    for handled in changes.handled:
        if handled.done and not isinstance(handled.request, ReportFinding):
            yield made.event(
                "desk.updated.v1",
                handled.request_id,
                handled.subject,
                "desk",
                handled.at_us,
                {"act": type(handled.request).__name__, "subject": handled.subject},
            )


def _type_of(review: ReviewItem) -> str:
    if review.kind is not ReviewKind.VIOLATION:
        return "review.updated.v1"
    return {
        ReviewState.PROPOSED: "violation.proposed.v1",
        ReviewState.CONFIRMED: "violation.confirmed.v1",
    }.get(review.state, "review.updated.v1")


def _raised(event: AlarmRaised, changes: Changes) -> dict[str, Any]:
    incident = changes.memberships.get(event.event_id)
    return {
        "event_id": str(event.event_id),
        "incident_id": None if incident is None else str(incident),
        "asset_id": event.asset_id,
        "point": event.point,
        "signal": event.signal,
        "condition": event.condition.value,
        "class": event.alarm_class.value,
        "priority": int(event.priority),
        "started_at_us": event.started_at_us,
        "raised_at_us": event.raised_at_us,
        "value": _number(event.value),
        "limit": _number(event.limit),
        "unit": event.unit,
        "limits_version": event.limits_version,
        "degraded": event.degraded,
        "found_late": event.found_late,
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "event_id": str(alarm.event_id),
        "incident_id": str(alarm.incident_id) if alarm.incident_id else None,
        "asset_id": alarm.asset_id,
        "point": alarm.point,
        "condition": alarm.condition.value,
        "class": alarm.alarm_class.value,
        "priority": int(alarm.priority),
        "state": alarm.state.value,
        "standing": alarm.standing,
        "withheld": alarm.withheld.value if alarm.withheld else None,
        "position": alarm.position,
        "version": alarm.version,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "finding_id": str(finding.finding_id),
        "asset_id": finding.asset_id,
        "cause": finding.cause.value,
        "verdict": finding.verdict.value,
        "confidence": finding.confidence,
        "degraded": finding.degraded,
        "priority": int(finding.priority),
        "began_at_us": finding.began_at_us,
        "ended_at_us": finding.ended_at_us,
        "version": finding.version,
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "incident_id": str(incident.incident_id),
        "asset_id": incident.asset_id,
        "kind": incident.kind.value,
        "cause": str(incident.cause) if incident.cause else None,
        "state": incident.state.value,
        "priority": int(incident.priority),
        "opened_at_us": incident.opened_at_us,
        "zone_id": incident.answer.zone_id,
        "version": incident.version,
    }


def _command(command: DeviceCommand) -> dict[str, Any]:
    return {
        "command_id": str(command.command_id),
        "event_id": str(command.event_id),
        "device_id": command.device_id,
        "action": command.action,
        "origin": command.origin.value,
        "state": command.state.value,
        "attempt": command.attempt,
        "version": command.version,
    }


def _review(review: ReviewItem) -> dict[str, Any]:
    return {
        "review_id": str(review.review_id),
        "kind": review.kind.value,
        "state": review.state.value,
        "code": review.code,
        "event_id": str(review.event_id) if review.event_id else None,
        "incident_id": str(review.incident_id) if review.incident_id else None,
        "asset_id": review.asset_id,
        "zone_id": review.zone_id,
        "version": review.version,
    }


def _entry(entry: CreditEntry) -> dict[str, Any]:
    return {
        "entry_id": str(entry.entry_id),
        "account": entry.account.value,
        "item_id": entry.item_id,
        "rule_version": entry.rule_version,
        "zone_id": entry.zone_id,
        "corrects": str(entry.corrects) if entry.corrects else None,
        "shadow": entry.shadow,
    }


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if abs(value) < float("inf") else None
