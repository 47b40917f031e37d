"""Live changes for whoever watches the local socket: flat objects with a text in the users' words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from domain.changes import Changes
from domain.clock import to_datetime
from domain.commands import CommandState, DeviceCommand
from domain.credit import ReviewState
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.incidents import Incident
from domain.reasons import reason_text
from domain.records import DeadLetter, Record, SourceChanged
from domain.requests import Handled
from domain.wording import alarm_text, cleared_text
from linkage.plan import LinkagePlan
from service.local_socket import LocalServer

Change = Mapping[str, object]

_COMMANDS: Final = {
    CommandState.PENDING: {"zh-CN": "命令待发", "en": "command waits"},
    CommandState.SENT: {"zh-CN": "命令已下发", "en": "command sent"},
    CommandState.CONFIRMED: {"zh-CN": "已确认动作", "en": "confirmed"},
    CommandState.FAILED: {"zh-CN": "未动作", "en": "did not act"},
    CommandState.WITHHELD: {"zh-CN": "命令未下发", "en": "command not sent"},
    CommandState.EXPIRED: {"zh-CN": "命令过期未发", "en": "command expired unsent"},
}
_ATTEMPT: Final = {"zh-CN": "(第 {} 次)", "en": "(attempt {})"}
_FAIL_OPEN: Final = {"zh-CN": "先发后记", "en": "sent before recorded"}
_RESPONSIBLE: Final = {"zh-CN": "责任人 {}: {}", "en": "responsible: {}: {}"}
_REVIEWS: Final = {
    ReviewState.PROPOSED: {"zh-CN": "待审核: {}", "en": "to be judged: {}"},
}
_SOURCE: Final = {
    True: {"zh-CN": "数据源 {} 已连接, 积压数据已取完", "en": "source {} is connected and current"},
    False: {"zh-CN": "数据源 {} 中断或有积压", "en": "source {} is away or behind"},
}
_DEAD_LETTER: Final = {"zh-CN": "报文无法使用 ({}): {}", "en": "message not usable ({}): {}"}


class LiveView:
    """Turns what the decider publishes into changes for the watchers. Called from its thread."""

    def __init__(self, plan: LinkagePlan, standing: Sequence[AlarmRaised]) -> None:
        self._plan = plan
        self._standing = {event.event_id: event for event in standing}
        self.server: LocalServer | None = None  # until it is started nobody watches

    def publish(self, record: Record | None, changes: Changes) -> None:
        for change in self._changes(record, changes):
            if self.server is not None:
                self.server.publish(change)

    def tell(self, change: Change) -> None:
        """What another worker says."""
        if self.server is not None:
            self.server.publish(change)

    def _changes(self, record: Record | None, changes: Changes) -> Iterator[Change]:
        if isinstance(record, SourceChanged):
            yield self._source(record)
        for event in changes.events:
            yield from self._event(event)
        for incident in changes.incidents:
            yield self._incident(incident)
        for command in changes.commands:
            yield self._command(command, record)
        yield from self._paper(changes)
        for letter in changes.dead_letters:
            yield self._dead_letter(letter)

    def _event(self, event: Event) -> Iterator[Change]:
        zone, language = self._plan.zone, self._plan.language
        match event:
            case AlarmRaised():
                if not event.momentary:
                    self._standing[event.event_id] = event
                asset = self._plan.asset(event.asset_id)
                yield {
                    "kind": "alarm_raised",
                    "event_id": str(event.event_id),
                    "point": event.point,
                    "condition": event.condition.value,
                    "priority": int(event.priority),
                    "started_at_us": event.started_at_us,
                    "raised_at_us": event.raised_at_us,
                    "text": alarm_text(event, asset, zone, language),
                }
            case AlarmCleared():
                raised = self._standing.pop(event.event_id, None)
                if raised is None:
                    return
                asset = self._plan.asset(raised.asset_id)
                yield {
                    "kind": "alarm_cleared",
                    "event_id": str(event.event_id),
                    "point": raised.point,
                    "condition": raised.condition.value,
                    "priority": int(raised.priority),
                    "ended_at_us": event.ended_at_us,
                    "text": cleared_text(raised, event, asset, zone, language),
                }

    def _incident(self, incident: Incident) -> Change:
        language = self._plan.language
        answer = incident.answer
        name = answer.acting.name if answer.acting else "-"
        because = "; ".join(reason_text(reason, language) for reason in answer.reasons)
        return {
            "kind": "incident",
            "incident_id": str(incident.incident_id),
            "asset_id": incident.asset_id,
            "state": incident.state.value,
            "version": incident.version,
            "priority": int(incident.priority),
            "zone": answer.zone,
            "acting": name,
            # the terminal is told when it opens; later versions are for the pages
            "text": _RESPONSIBLE[language].format(name, because) if incident.version == 1 else "",
        }

    def _paper(self, changes: Changes) -> Iterator[Change]:
        """For pages, which read the records again; the terminal shows what waits for judgement."""
        language = self._plan.language
        for review in changes.reviews:
            text = _REVIEWS.get(review.state, {}).get(language, "")
            yield {
                "kind": "review",
                "review_id": str(review.review_id),
                "state": review.state.value,
                "text": text.format(review.text) if text else "",
            }
        for kind, things in (
            ("entry", changes.entries),
            ("ticket", changes.tickets),
            ("tag", changes.tags),
            ("alarm", changes.alarms),
            ("withholding", changes.withholdings),
            ("flood", changes.floods),
            ("limit", changes.limit_changes),
            ("campaign", changes.campaigns),
            ("rationalisation", changes.rationalisations),
            ("approval", changes.approvals),
            ("user", changes.users),
            ("finding", changes.findings),
            ("log", changes.log),
            ("watch", changes.watches),
            ("arrangement", changes.arrangements),
            ("outage", changes.outages),
            ("planned_outage", changes.planned_outages),
            ("earth_fault", changes.earth_faults),
            ("rectification", changes.rectifications),
            ("review_mark", changes.review_marks),
        ):
            if things:
                yield {"kind": kind, "count": len(things), "text": ""}
        for handled in changes.handled:
            yield self._handled(handled)

    def _handled(self, handled: Handled) -> Change:
        why = handled.why
        return {
            "kind": "handled",
            "request_id": str(handled.request_id),
            "done": handled.done,
            "why": {"code": why.code, "facts": why.facts} if why else None,
            "subject": handled.subject,
            "text": "",
        }

    def _command(self, command: DeviceCommand, record: Record | None) -> Change:
        language = self._plan.language
        decided_at_us = record.at_us if record else command.created_at_us
        device = self._plan.device(command.device_id)
        words = [
            self._time(command.ended_at_us or command.sent_at_us or decided_at_us),
            device.name if device else command.device_id,
            _COMMANDS[command.state][language],
            _ATTEMPT[language].format(command.attempt) if command.attempt > 1 else "",
            _FAIL_OPEN[language] if command.sent_before_recorded else "",
            command.outcome,
        ]
        return {
            "kind": "command",
            "command_id": str(command.command_id),
            "event_id": str(command.event_id),
            "device": command.device_id,
            "state": command.state.value,
            "attempt": command.attempt,
            "priority": int(command.priority),
            "outcome": command.outcome,
            "sent_before_recorded": command.sent_before_recorded,
            "text": " ".join(word for word in words if word),
        }

    def _source(self, record: SourceChanged) -> Change:
        words = _SOURCE[record.current][self._plan.language]
        return {
            "kind": "source",
            "source": record.source_id,
            "current": record.current,
            "text": f"{self._time(record.at_us)} {words.format(record.source_id)}",
        }

    def _dead_letter(self, letter: DeadLetter) -> Change:
        words = _DEAD_LETTER[self._plan.language]
        return {
            "kind": "dead_letter",
            "reason": letter.reason,
            "detail": letter.detail,
            "topic": letter.topic,
            "text": f"{self._time(letter.at_us)} {words.format(letter.reason, letter.detail)}",
        }

    def _time(self, moment_us: int) -> str:
        return to_datetime(moment_us).astimezone(self._plan.zone).strftime("%H:%M:%S")
