"""Assets and points: what is watched, with the limits that are watched for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from domain.ids import AssetId, PointKey, SourceId


class Condition(StrEnum):
    """What an alarm says of its point (or device)."""

    LOW_LOW = "LL"
    LOW = "L"
    HIGH = "H"
    HIGH_HIGH = "HH"
    SILENCE = "silence"  # nothing arrived for the point's stale time
    CLOCK_STEPPED_BACK = "clock_stepped_back"
    COMMAND_FAILED = "command_failed"  # a field device did not confirm
    JUDGED = "judged"  # 研判: a finding of the judgement


class AlarmClass(StrEnum):
    """事故 / 异常 / 越限 / 变位 / 告知 (DOMAIN G1). Independent of the priority."""

    FAULT = "fault"
    ABNORMAL = "abnormal"
    LIMIT = "limit"
    STATE_CHANGE = "state_change"
    INFORMATION = "information"


class Priority(IntEnum):
    """紧急 / 重要 / 一般 / 提示 (DOMAIN G1), equal to the levels 1 to 4 of DOMAIN E5."""

    URGENT = 1
    MAJOR = 2
    MINOR = 3
    NOTICE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a limit comes from (DOMAIN, first page): every limit carries it and can be asked for it."""

    standard: str = ""
    edition: str = ""
    clause: str = ""
    mark: str = "D"  # V read, C computed, U unverified, D our default


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit of one point. A value at the limit violates it; it has returned when it is inside the
    limit and at least `deadband` away from it."""

    condition: Condition
    value: float  # in the point's unit
    deadband: float = 0.0  # on return only
    on_delay_us: int = 0
    off_delay_us: int = 0
    priority: Priority = Priority.MINOR
    alarm_class: AlarmClass = AlarmClass.LIMIT
    provenance: Provenance = field(default_factory=Provenance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One telemetry point. `number` is given once by the records and never reused."""

    number: int
    key: PointKey
    asset_id: AssetId
    source_id: SourceId
    signal: str  # 油温
    unit: str  # "degC"; "status": 1 operated, 0 not; "position": 0 between, 1 open, 2 closed, 3 faulty
    stale_after_us: int | None = None  # None: silence of this point means nothing
    limits: tuple[Limit, ...] = ()
    silence_priority: Priority = Priority.MINOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A device in its bay, with the words an operator uses for it (DOMAIN G1)."""

    asset_id: AssetId
    station: str  # 35kV柳塬变
    voltage: str  # 35kV
    bay: str  # 1号主变间隔
    name: str  # 1号主变


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveLimits:
    """One version of every point and its limits, as activated together."""

    site: str
    version: int
    points: tuple[Point, ...]

    def by_key(self) -> Mapping[PointKey, Point]:
        return {point.key: point for point in self.points}
