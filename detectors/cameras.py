"""What the vision process says of a camera, as an alarm and its return."""

from math import nan
from uuid import UUID

from detectors.limits.found import Found
from domain.access import VISION
from domain.assets import ActiveLimits, AlarmClass, Condition, Priority
from domain.cameras import CameraState
from domain.events import AlarmCleared, AlarmRaised
from domain.ids import event_id
from domain.records import Requested
from domain.requests import ReportCamera

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
    what = f"{Condition.CAMERA} {report.state}"
    return event_id(limits.site, report.camera_id, what, report.began_at_us)


def _raised(record: Requested, report: ReportCamera, limits: ActiveLimits) -> AlarmRaised:
    dead = report.state is CameraState.DEAD
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
        degraded=not dead,  # a picture was judged, not a fact measured
        output_allowed=False,
    )
