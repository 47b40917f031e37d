"""A finding that the judge process reported, as an alarm and its return. No sum is done here."""

from math import nan
from uuid import UUID

from detectors.limits.found import Found
from domain.access import JUDGE
from domain.assets import ActiveLimits, AlarmClass, Condition
from domain.events import AlarmCleared, AlarmRaised
from domain.findings import AlarmMove, Finding
from domain.ids import event_id
from domain.records import Requested
from domain.requests import ReportFinding

_OF_NO_POINT = -1


def add_finding(record: Requested, limits: ActiveLimits, found: Found) -> None:
    """Raises or clears what the judge says; nobody else's word counts."""
    if record.actor != JUDGE or not isinstance(record.request, ReportFinding):
        return
    finding = record.request.finding
    match record.request.alarm:
        case AlarmMove.RAISE:
            event = _raised(record, record.request, limits)
            found.add(finding.began_at_us, _OF_NO_POINT, Condition.JUDGED, event)
        case AlarmMove.CLEAR:
            ended_at_us = finding.ended_at_us or record.at_us
            cleared = AlarmCleared(
                event_id=_event_id(finding, limits),
                ended_at_us=ended_at_us,
                detected_at_us=record.at_us,
                value=nan,
            )
            found.add(ended_at_us, _OF_NO_POINT, Condition.JUDGED, cleared)
        case AlarmMove.NONE:
            pass


def _event_id(finding: Finding, limits: ActiveLimits) -> UUID:
    return event_id(limits.site, str(finding.finding_id), Condition.JUDGED, finding.began_at_us)


def _raised(record: Requested, request: ReportFinding, limits: ActiveLimits) -> AlarmRaised:
    finding = request.finding
    return AlarmRaised(
        event_id=_event_id(finding, limits),
        site=limits.site,
        point=str(finding.finding_id),
        asset_id=finding.asset_id,
        signal=request.signal,
        unit="percent",
        condition=Condition.JUDGED,
        alarm_class=AlarmClass.ABNORMAL,
        priority=finding.priority,
        started_at_us=finding.began_at_us,
        raised_at_us=finding.told_at_us,
        detected_at_us=record.at_us,
        value=round(100.0 * finding.confidence),
        limit=nan,
        limits_version=limits.version,
        degraded=finding.degraded,
        output_allowed=False,  # a judgement sounds no siren: what is urgent has limits of its own
    )
