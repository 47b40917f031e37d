"""Which partition decides what a person asks: that of the place it is about, or the desk's."""

from domain.ids import AssetId, PointKey
from domain.outage_requests import (
    ChangePlannedOutage,
    EndPlannedOutage,
    NoteEarthFault,
    OutageRequest,
    PlanOutage,
    ReportOutage,
    TickTrial,
)
from domain.requests import (
    AcknowledgeAlarm,
    AcknowledgeIncident,
    AnswerConsultation,
    AnswerNotice,
    CallDevice,
    CloseIncident,
    DecideApproval,
    EndWithholding,
    HangTag,
    LogCall,
    MergeIncident,
    ProposeViolation,
    RegroupIncident,
    RemoveTag,
    ReportCamera,
    ReportFinding,
    Request,
    ResetAlarm,
    RetryNotice,
    ShelveAlarm,
    SilenceAlarm,
    SilenceIncident,
    SplitIncident,
    StopDevice,
    TakeOutOfService,
    TryDevice,
)
from linkage.plan import LinkagePlan
from service.partitioning import DESK, Partitioning
from storage.outages import OutageReads
from storage.records import SqlRecords


class RequestRoutes:
    """Raises StorageUnavailable where the records must be asked and do not answer."""

    def __init__(
        self, plan: LinkagePlan, places: Partitioning, records: SqlRecords, outages: OutageReads
    ) -> None:
        self._plan = plan
        self._places = places
        self._records = records
        self._outages = outages

    def partition_of(self, request: Request) -> int:
        """Where it is decided; the desk's where it concerns no single place."""
        asset_id: AssetId | None = None
        match request:
            case (
                AcknowledgeIncident()
                | SilenceIncident()
                | CloseIncident()
                | MergeIncident()
                | SplitIncident()
                | RegroupIncident()
            ):
                asset_id = self._records.asset_of_incident(request.incident_id)
            case AcknowledgeAlarm() | SilenceAlarm() | ResetAlarm():
                asset_id = self._records.asset_of_alarm(request.event_id)
            case ShelveAlarm() | TakeOutOfService():
                asset_id = self._asset_of_point(request.point)
            case HangTag():
                asset_id = request.asset_id
            case AnswerNotice() | LogCall() | RetryNotice():
                asset_id = request.asset_id
            case CallDevice() | TryDevice() | StopDevice():
                return self._places.of_device.get(request.device_id, DESK)
            case DecideApproval():
                device = self._records.device_of_call(request.approval_id)
                return DESK if device is None else self._places.of_device.get(device, DESK)
            case ReportFinding():
                asset_id = request.finding.asset_id
            case ReportCamera() | ProposeViolation():
                asset_id = request.asset_id
            case AnswerConsultation():
                asset_id = self._records.asset_of_finding(request.finding_id)
            case RemoveTag():
                asset_id = self._records.asset_of_tag(request.tag_id)
            case EndWithholding():
                point = self._records.point_of_withholding(request.withholding_id)
                asset_id = self._asset_of_point(point)
        if isinstance(request, OutageRequest):
            asset_id = self._asset_of_outage(request)
        return DESK if asset_id is None else self._places.partition_of_asset(asset_id)

    def _asset_of_outage(self, request: OutageRequest) -> AssetId | None:
        match request:
            case ReportOutage() | PlanOutage():
                feeder = self._plan.feeders.feeder(request.feeder_id)
                return feeder.asset_id if feeder else None
            case EndPlannedOutage() | ChangePlannedOutage():
                return self._outages.asset_of(request.planned_id)
            case TickTrial() | NoteEarthFault():
                return self._outages.asset_of(request.earth_id)
            case _:
                return self._outages.asset_of(request.outage_id)

    def _asset_of_point(self, key: str | None) -> AssetId | None:
        point = self._plan.points.get(PointKey(key or ""))
        return point.asset_id if point else None
