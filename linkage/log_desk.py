"""The operation log: a person's line is allowed or refused, and the system's follow from the changes.

Decisions only. A line of the system has its id from what it tells of: told again it is the same line.
"""

from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from domain.alarms import Alarm
from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.clock import MINUTE_US
from domain.handover import Watch, WatchState
from domain.ids import AssetId, PointKey, from_request, log_id
from domain.incidents import Incident
from domain.limit_changes import LimitChange
from domain.logbook import (
    BY_PEOPLE,
    CORRECTED_WITHIN_US,
    DISPATCH_ROOM,
    ORDERS,
    TEXT_AT_MOST,
    LogEntry,
    LogKind,
    PhoneOrder,
)
from domain.paperwork import ApprovalState, Tag, Ticket, TicketState, User
from domain.records import Requested
from domain.requests import Refused, WriteLog
from domain.responsibility import Reason
from domain.wording import condition_word, quantity, tag_word
from linkage.plan import LinkagePlan

_CLOCKS_DIFFER_US: Final = MINUTE_US  # between who writes and us
_OPENINGS: Final = frozenset({Condition.LOW, Condition.STATE, Condition.CHANGE})
_OF_TICKETS: Final = {
    TicketState.PERMITTED: LogKind.TICKET_PERMITTED,
    TicketState.ENDED: LogKind.TICKET_ENDED,
}


class LogDesk:
    """Holds what people wrote in the last days: that alone can be corrected."""

    def __init__(self, plan: LinkagePlan, written: Iterable[LogEntry] = ()) -> None:
        self._plan = plan
        self._written = {entry.entry_id: entry for entry in written}
        self._corrected = {entry.corrects: entry.by for entry in self._written.values()}

    def write(self, asked: Requested, request: WriteLog, user: User, changes: Changes) -> str:
        """The id of the line. Raises Refused."""
        self._expect_place(user, request.station)
        if request.kind not in BY_PEOPLE:
            raise Refused(Reason.of("log_kind"))
        text = request.text.strip()
        if not text:
            raise Refused(Reason.of("log_text_needed"))
        if len(text) > TEXT_AT_MOST:
            raise Refused(Reason.of("log_too_long", most=TEXT_AT_MOST))
        if not -CORRECTED_WITHIN_US <= request.at_us - asked.at_us <= _CLOCKS_DIFFER_US:
            raise Refused(Reason.of("log_time"))
        if request.kind in ORDERS:
            _expect_whole(request.order)
        if request.corrects is not None:
            self._expect_correctable(request.corrects, request.station, asked.at_us)
        entry = LogEntry(
            entry_id=from_request(asked.request_id, "log"),
            station=request.station,
            kind=request.kind,
            at_us=request.at_us,
            written_at_us=asked.at_us,
            by=user.name,
            text=text,
            order=request.order if request.kind in ORDERS else None,
            corrects=request.corrects,
        )
        self._written[entry.entry_id] = entry
        if entry.corrects is not None:
            self._corrected[entry.corrects] = user.name
        changes.log.append(entry)
        return str(entry.entry_id)

    def forget_before(self, at_us: int) -> None:
        while self._written:
            first = next(iter(self._written.values()))
            if first.written_at_us >= at_us:
                return
            del self._written[first.entry_id]
            self._corrected.pop(first.corrects, None)

    def lines_of(self, changes: Changes) -> Iterator[LogEntry]:
        """What the system writes about these changes."""
        for alarm in changes.alarms:
            yield from self._trip(alarm)
        for incident in changes.incidents:
            yield from self._acknowledged(incident)
        for tag in changes.tags:
            yield from self._tag(tag)
        for ticket in changes.tickets:
            yield from self._ticket(ticket)
        for change in changes.limit_changes:
            yield from self._limit(change)
        for campaign in changes.campaigns:
            mode = next(
                (each for each in self._plan.modes if each.mode_id == campaign.mode_id), None
            )
            yield self._line(
                LogKind.MODE_SWITCHED,
                DISPATCH_ROOM,
                campaign.at_us,
                Reason.of(
                    "mode_on" if campaign.is_on else "mode_off",
                    by=campaign.by,
                    mode=mode.name if mode else campaign.mode_id,
                ),
                campaign.mode_id,
                campaign.at_us,
            )
        for watch in changes.watches:
            yield from self._watch(watch, changes.watches)

    def _expect_place(self, user: User, station: str) -> None:
        if station == DISPATCH_ROOM:
            if user.stations:
                raise Refused(Reason.of("not_in_the_dispatch_room"))
            return
        if station not in {asset.station for asset in self._plan.assets.values()}:
            raise Refused(Reason.of("unknown_place", what=station))
        if not user.in_scope(station):
            raise Refused(Reason.of("out_of_scope", station=station))

    def _expect_correctable(self, wanted: UUID, station: str, at_us: int) -> None:
        before = self._written.get(wanted)
        if (
            before is None
            or before.station != station
            or at_us - before.written_at_us > CORRECTED_WITHIN_US
        ):
            raise Refused(Reason.of("no_such_line"))
        if wanted in self._corrected:
            raise Refused(Reason.of("line_corrected", by=self._corrected[wanted]))

    def _trip(self, alarm: Alarm) -> Iterator[LogEntry]:
        """An opening that was judged a fault (linkage.trips)."""
        point = self._plan.points.get(PointKey(alarm.point))
        if (
            point is None
            or point.unit != "position"
            or alarm.condition not in _OPENINGS
            or alarm.alarm_class is not AlarmClass.FAULT
            or alarm.withheld is not None
        ):
            return
        what = Reason.of("trip", place=self._place(alarm.asset_id), signal=point.signal)
        yield self._line(
            LogKind.TRIP,
            self._station(alarm.asset_id),
            alarm.started_at_us,
            what,
            alarm.event_id,
            written_at_us=alarm.detected_at_us,
        )

    def _acknowledged(self, incident: Incident) -> Iterator[LogEntry]:
        at_us = incident.acknowledged_at_us
        if at_us is None or incident.priority > Priority.MAJOR:
            return
        what = Reason.of(
            "acknowledged",
            by=incident.acknowledged_by or "",
            place=self._place(incident.asset_id),
            level=int(incident.priority),
        )
        station = self._station(incident.asset_id)
        yield self._line(LogKind.ACKNOWLEDGED, station, at_us, what, incident.incident_id)

    def _tag(self, tag: Tag) -> Iterator[LogEntry]:
        place, station = self._place(tag.asset_id), self._station(tag.asset_id)
        word = f"{tag_word(tag.kind, self._plan.language)} {tag.number}".rstrip()
        if tag.removed_at_us is not None:
            what = Reason.of("tag_removed", by=tag.removed_by or "", place=place, tag=word)
            yield self._line(LogKind.TAG_REMOVED, station, tag.removed_at_us, what, tag.tag_id)
        elif tag.version == 1:
            what = Reason.of("tag_hung", by=tag.hung_by, place=place, tag=word, note=tag.note)
            yield self._line(LogKind.TAG_HUNG, station, tag.hung_at_us, what, tag.tag_id)

    def _ticket(self, ticket: Ticket) -> Iterator[LogEntry]:
        kind = _OF_TICKETS.get(ticket.state)
        if kind is None:
            return
        what = Reason.of(kind.value, number=ticket.number, task=ticket.task)
        yield self._line(kind, ticket.station, ticket.changed_at_us, what, ticket.ticket_id)

    def _limit(self, change: LimitChange) -> Iterator[LogEntry]:
        point = self._plan.points.get(change.setting.point)
        at_us = change.effective_at_us
        if change.state is not ApprovalState.EFFECTIVE or at_us is None or point is None:
            return
        language = self._plan.language

        def told(value: float | None) -> str:
            return "-" if value is None else quantity(value, point.unit, language)

        what = Reason.of(
            "limit_changed",
            by=change.proposed_by,
            place=self._place(point.asset_id),
            signal=point.signal,
            condition=condition_word(change.setting.condition, language),
            was=told(change.was.value),
            value=told(change.setting.value),
            reason=change.reason,
        )
        station = self._station(point.asset_id)
        yield self._line(LogKind.LIMIT_CHANGED, station, at_us, what, change.change_id)

    def _watch(self, watch: Watch, together: Iterable[Watch]) -> Iterator[LogEntry]:
        post = next((each for each in self._plan.posts if each.post_id == watch.post_id), None)
        if post is None:
            return

        def line(kind: LogKind, at_us: int, code: str, **facts: object) -> LogEntry:
            what = Reason.of(code, post=post.name, **facts)
            return self._line(kind, post.station, at_us, what, watch.watch_id, at_us)

        if watch.version == 1:
            old = next(
                (each for each in together if each.watch_id == watch.before and each.taken_by), None
            )
            facts = {"new": _turn(watch)}
            if old is None:
                yield line(LogKind.SHIFT_CHANGED, watch.began_at_us, "watch_began", **facts)
            else:
                facts |= {
                    "old": _turn(old),
                    "signed": old.signed_by or "",
                    "taken": old.taken_by or "",
                }
                yield line(LogKind.SHIFT_CHANGED, watch.began_at_us, "shift_changed", **facts)
        elif watch.state is WatchState.ON_WATCH and watch.refused_at_us is not None:
            yield line(
                LogKind.HANDOVER_REFUSED,
                watch.refused_at_us,
                "handover_refused",
                by=watch.refused_by or "",
                reason=watch.refusal,
            )
        if watch.late_since_us is not None and watch.is_open:
            yield line(
                LogKind.HANDOVER_LATE, watch.late_since_us, "handover_late", old=_turn(watch)
            )

    def _line(
        self,
        kind: LogKind,
        station: str,
        at_us: int,
        what: Reason,
        *facts: object,
        written_at_us: int | None = None,
    ) -> LogEntry:
        return LogEntry(
            entry_id=log_id(kind, *facts),
            station=station,
            kind=kind,
            at_us=at_us,
            written_at_us=at_us if written_at_us is None else written_at_us,
            what=what,
        )

    def _place(self, asset_id: AssetId) -> str:
        asset = self._plan.asset(asset_id)
        return f"{asset.station} {asset.name}".strip()

    def _station(self, asset_id: AssetId) -> str:
        return self._plan.asset(asset_id).station


def _expect_whole(order: PhoneOrder | None) -> None:
    if order is None or not order.giver.strip() or not order.receiver.strip():
        raise Refused(Reason.of("order_incomplete"))
    if order.executed_at_us is None:
        return
    if not order.read_back:
        raise Refused(Reason.of("read_back_first"))
    if order.executed_at_us < order.given_at_us:
        raise Refused(Reason.of("executed_before_given"))


def _turn(watch: Watch) -> str:
    return f"{watch.crew} {watch.duty_date} {watch.shift}"
