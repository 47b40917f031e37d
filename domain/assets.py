"""Assets and points: what is watched, with the limits that are watched for it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Final

from domain.clock import MINUTE_US
from domain.ids import AssetId, PointKey, SourceId
from domain.plates import Plate


class Condition(StrEnum):
    """What an alarm says of its point (or device)."""

    LOW_LOW = "LL"
    LOW = "L"
    HIGH = "H"
    HIGH_HIGH = "HH"
    RISE = "rise"  # upward by so much a minute
    FALL = "fall"
    DEVIATION = "deviation"  # so far from a partner point, or from a computed value
    STUCK = "stuck"  # moved no further than so much for its on-delay
    STATE = "state"  # a contact stands in one of the states
    CHANGE = "change"  # a contact, or a tap, moved
    PHASES = "phases"  # three phases lie so far apart
    SILENCE = "silence"  # nothing arrived for the point's stale time
    CLOCK_STEPPED_BACK = "clock_stepped_back"
    COMMAND_FAILED = "command_failed"  # a field device did not confirm
    DEVICE_SILENT = "device_silent"  # a field device does not answer our question whether it lives
    TEST_OVERDUE = "test_overdue"  # of a field device
    TAG_FORGOTTEN = "tag_forgotten"  # it hangs beyond its expected end, or its ticket has ended
    HANDOVER_LATE = "handover_late"  # the shift is over and has not been handed over
    NO_ZONE = "no_zone"  # a device, place or person that nobody's zone covers
    TWO_ZONES = "two_zones"  # or more than one
    NO_OWNER = "no_owner"  # a zone whose responsible member is not named
    NOBODY_ON_DUTY = "nobody_on_duty"  # a turn of a roster whose whole crew is away
    SEEN = "seen"  # 图像识别: a rule was broken before a camera, as the machine believes
    CAMERA = "camera"  # a camera does not see: dead, frozen, dark, or turned away
    OVERDUE = "overdue"  # what somebody should have done by now
    REJECTED = "rejected"  # of a camera or a rule: people reject its proposals too often
    JUDGED = "judged"  # 研判: a finding of the judgement


LEVELS: Final = (Condition.LOW_LOW, Condition.LOW, Condition.HIGH, Condition.HIGH_HIGH)
# 督办: of who answers, not of the plant
SUPERVISED: Final = frozenset(
    {Condition.NO_ZONE, Condition.TWO_ZONES, Condition.NO_OWNER, Condition.NOBODY_ON_DUTY}
)
# they have no return: they happened
MOMENTARY: Final = frozenset(
    {Condition.CLOCK_STEPPED_BACK, Condition.COMMAND_FAILED, Condition.CHANGE}
)


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
class Term:
    """One part of a computed value: so many times what a point measures."""

    point: PointKey
    factor: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A time with limits of its own: a season by its days, or a campaign that a person begins and ends."""

    mode_id: str  # "flood"
    name: str  # 防汛
    days: tuple[str, str] | None = None  # first and last day, "06-01"; None: by a person

    def is_season_on(self, day: str) -> bool:
        """`day` is "MM-DD" by the site's clock. A season may go over the turn of the year."""
        if self.days is None:
            return False
        first, last = self.days
        return first <= day <= last if first <= last else day >= first or day <= last


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeLevel:
    """The limit's value while a mode is on: a named one (a season, a campaign), or a point in a state."""

    value: float
    mode: str = ""
    point: PointKey | None = None  # "LY/1T/fan_run"
    state: float = 1.0  # of the point


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One condition of one point. What is compared is the value itself for LL to HH, else what the condition
    makes of it (detectors.limits.measure). At the limit it is violated; it has returned when it is inside
    the limit and at least `deadband` away from it."""

    condition: Condition
    value: float  # in the point's unit; of rise and fall per minute; of stuck: moved no further
    deadband: float = 0.0  # on return only
    on_delay_us: int = 0
    off_delay_us: int = 0
    priority: Priority = Priority.MINOR
    alarm_class: AlarmClass = AlarmClass.LIMIT
    provenance: Provenance = field(default_factory=Provenance)
    latching: bool = False  # returned and acknowledged it still waits for a reset
    good_only: bool = False  # questionable and substituted values count as unknown
    by_mode: tuple[ModeLevel, ...] = ()  # the first that is on counts instead of `value`
    terms: tuple[Term, ...] = ()  # deviation: from their sum; phases: the two others
    offset: float = 0.0  # of that sum
    relative: bool = False  # phases: in per cent of their mean
    over_us: int = MINUTE_US  # rise and fall: between readings at least so far apart
    states: tuple[float, ...] = ()  # state: these; change: into these, empty: into any

    @property
    def is_plain(self) -> bool:
        """Of the point's value alone, the same at all times: the quick table can watch it."""
        return (
            self.condition in LEVELS
            and not self.good_only
            and not any(level.point for level in self.by_mode)
        )

    def unit_of(self, unit: str) -> str:
        """Of what is compared, where the point is measured in `unit`."""
        if self.condition in {Condition.RISE, Condition.FALL}:
            return f"{unit}/min"
        return "%" if self.condition is Condition.PHASES and self.relative else unit

    def in_modes(self, modes_on: Collection[str]) -> "Limit":
        """As it is while these named modes are on. What follows a point's state stays for the engine."""
        if not any(level.mode for level in self.by_mode):
            return self
        on = [level for level in self.by_mode if level.mode in modes_on]
        of_points = tuple(level for level in self.by_mode if level.point)
        return replace(self, value=on[0].value if on else self.value, by_mode=of_points)


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
    plate: Plate = field(default_factory=Plate)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveLimits:
    """One version of every point and its limits, as activated together."""

    site: str
    version: int
    points: tuple[Point, ...]

    modes_on: tuple[str, ...] = ()  # for which the limits were made

    def by_key(self) -> Mapping[PointKey, Point]:
        return {point.key: point for point in self.points}
