"""What the vision process says, of a camera and of what it saw, as alarms and their returns."""

from math import nan
from uuid import UUID

from detectors.limits.found import Found
from domain.access import VISION
from domain.assets import ActiveLimits, AlarmClass, Condition, Priority
from domain.cameras import CameraState, camera_event
from domain.events import FOUND_LATE_AFTER_US, AlarmCleared, AlarmRaised
from domain.records import Requested
from domain.requests import ProposeViolation, ReportCamera
from domain.violations import event_of

_OF_NO_POINT = -1


def add_camera(record: Requested, limits: ActiveLimits, found: Found) -> None:
    """Raises or clears; nobody else's word counts, and a camera that sees is no alarm."""
    report = record.request
    if record.actor != VISION or not isinstance(report, ReportCamera) or report.state.sees:
        return
    if report.ended_at_us is None:
        event = _raised(record, report, limits)
        found.add(report.began_at_us, _OF_NO_POINT, Condition.CAMERA, event)
        return
    cleared = AlarmCleared(
        event_id=_event_id(report, limits),
        ended_at_us=report.ended_at_us,
        detected_at_us=record.at_us,
        value=nan,
    )
    found.add(report.ended_at_us, _OF_NO_POINT, Condition.CAMERA, cleared)


def _event_id(report: ReportCamera, limits: ActiveLimits) -> UUID:
    return camera_event(limits.site, report.camera_id, report.state, report.began_at_us)


def _raised(record: Requested, report: ReportCamera, limits: ActiveLimits) -> AlarmRaised:
    fact = report.state in {CameraState.DEAD, CameraState.BROKEN, CameraState.UNWATCHED}
    return AlarmRaised(
        event_id=_event_id(report, limits),
        site=limits.site,
        point=report.camera_id,
        asset_id=report.asset_id,
        signal=report.signal,
        unit="",
        condition=Condition.CAMERA,
        alarm_class=AlarmClass.ABNORMAL,
        priority=Priority.MINOR,
        started_at_us=report.began_at_us,
        raised_at_us=record.at_us,
        detected_at_us=record.at_us,
        value=nan,
        limit=nan,
        limits_version=limits.version,
        degraded=not fact,  # a picture was judged, not a fact measured
        output_allowed=False,
    )


def add_sighting(record: Requested, limits: ActiveLimits, found: Found) -> None:
    """发现即制止: an alarm at once, before anybody judges it; it is over when it is seen no more."""
    told = record.request
    if record.actor != VISION or not isinstance(told, ProposeViolation) or told.proposal.is_hint:
        return
    proposal = told.proposal
    if proposal.ended_at_us is None:
        if proposal.version == 1:
            event = _sighted(record, told, limits)
            found.add(proposal.began_at_us, _OF_NO_POINT, Condition.SEEN, event)
        return
    cleared = AlarmCleared(
        event_id=event_of(limits.site, proposal),
        ended_at_us=proposal.ended_at_us,
        detected_at_us=record.at_us,
        value=nan,
    )
    found.add(proposal.ended_at_us, _OF_NO_POINT, Condition.SEEN, cleared)


def _sighted(record: Requested, told: ProposeViolation, limits: ActiveLimits) -> AlarmRaised:
    proposal = told.proposal
    return AlarmRaised(
        event_id=event_of(limits.site, proposal),
        site=limits.site,
        point=proposal.camera,
        asset_id=told.asset_id,
        signal=told.text,
        unit="",
        condition=Condition.SEEN,
        alarm_class=AlarmClass.ABNORMAL,
        priority=proposal.level,
        started_at_us=proposal.began_at_us,
        raised_at_us=proposal.proposed_at_us,
        detected_at_us=record.at_us,
        value=nan,
        limit=nan,
        limits_version=limits.version,
        degraded=not proposal.certain,
        # core was away, or a box sends what it had kept: nobody is called to where nobody is any more
        found_late=record.at_us - proposal.proposed_at_us > FOUND_LATE_AFTER_US,
        output_allowed=proposal.speaks,
    )
