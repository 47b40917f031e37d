"""The linkage plan: who answers, which devices stand where, and what makes them sound. Data, validated."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final, TypeVar

from domain.assets import AlarmClass, Asset, Condition, Mode, Point, Priority
from domain.clock import MINUTE_US, to_datetime
from domain.commands import ACTIONS, FieldDevice, QuietHours
from domain.credit import RuleBook
from domain.events import AlarmRaised
from domain.feeders import FeederPlan
from domain.handover import Post
from domain.ids import AssetId, DeviceId, PointKey
from domain.notices import NoticePlan
from domain.organisation import Organisation, called
from domain.responsibility import Reason
from domain.topology import Topology

_T = TypeVar("_T")


class InvalidPlan(ValueError):
    """The plan contradicts itself; the message names every contradiction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Responsible:
    """Who answers where the site names one person for everything, and why he does."""

    name: str
    role: str
    because: str  # one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkageRule:
    """联动: when these alarms are raised, this device does this. An empty set means "all"."""

    rule_id: str
    device_id: DeviceId
    conditions: frozenset[Condition] = frozenset()
    classes: frozenset[AlarmClass] = frozenset()
    at_least: Priority = Priority.MINOR  # URGENT: only level 1; MINOR: levels 1 to 3
    stations: frozenset[str] = frozenset()
    asset_ids: frozenset[AssetId] = frozenset()
    action: str = "sound"
    words: str = ""  # what it shows or speaks instead of the alarm's text; of a camera the preset
    step: str = "1"  # part of the command id: one device acts once per event and step

    hours: QuietHours | None = None  # None: at all times
    attended: bool | None = None  # stations with staff ("3"), or without ("2"); None: both

    def mismatch(self, event: AlarmRaised, where: "Where") -> Reason | None:
        """Why it does not apply; None where it does. What is nearest to the device is said last."""
        rule = self.rule_id
        place = _covers(self.asset_ids, event.asset_id) and _covers(self.stations, where.station)
        if not place:
            return Reason.of("rule_wants_place", rule=rule)
        if self.attended is not None and self.attended is not where.attended:
            return Reason.of("rule_wants_staffing", rule=rule)
        if not _covers(self.classes, event.alarm_class):
            return Reason.of("rule_wants_class", rule=rule)
        if not _covers(self.conditions, event.condition):
            return Reason.of("rule_wants_condition", rule=rule)
        if event.priority > self.at_least:
            return Reason.of("rule_wants_level", rule=rule, level=int(self.at_least))
        if self.hours is not None and not self.hours.cover(where.minute):
            return Reason.of("rule_wants_hours", rule=rule, hours=self.hours)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Of an alarm: place and time of day, as rules ask for them."""

    station: str
    attended: bool
    minute: int  # after midnight, by the site's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ViolationRule:
    """When one of these points operates, a violation is proposed for a person to judge (DOMAIN C6)."""

    rule_id: str
    code: str  # SWITCH-03
    text: str  # 擅自解锁: the site's own words
    grade: str  # "general" or "serious"
    points: frozenset[PointKey]
    unless_ticket: bool = True  # an open ticket at the place permits it
    priority: Priority | None = (
        None  # of the alarm where nothing permits it; None: as its limit says
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """An operator's position (岗位): one person's eyes and ears for these stations."""

    position_id: str
    name: str
    stations: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Suppression by design: while the gate stands in one of the states, these alarms of these points follow
    from it and are kept back; and for `hold_us` longer, until what it measures has come back."""

    rule_id: str
    because: str  # one sentence, in the site's own words
    gate: PointKey
    states: tuple[float, ...]
    points: tuple[PointKey, ...]
    conditions: tuple[Condition, ...]
    hold_us: int = 0

    def on(self, state: float) -> bool:
        """NaN is no state: what is not known suppresses nothing."""
        return state in self.states


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionBound:
    """From when on the proposals of a camera or a rule are rejected too often (DOMAIN D7)."""

    percent: int = 30
    at_least: int = 10  # judgements: three of five say nothing
    within_us: int = 30 * 24 * 60 * MINUTE_US


EVERYTHING: Final = "all"  # the position of a site that names none


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkagePlan:
    """One version of everything that linkage decides by."""

    site: str
    zone: tzinfo  # the people's clock: device texts carry the time of day
    assets: Mapping[AssetId, Asset]
    devices: tuple[FieldDevice, ...]
    rules: tuple[LinkageRule, ...]
    responsible: Responsible | None  # of a site without an organisation
    language: str = "zh-CN"  # of the texts that devices show or speak
    organisation: Organisation = field(default_factory=Organisation)
    rule_book: RuleBook = field(default_factory=RuleBook)
    violations: tuple[ViolationRule, ...] = ()
    version: int = 1  # of the site
    points: Mapping[PointKey, Point] = field(default_factory=dict)
    modes: tuple[Mode, ...] = ()
    shelve_at_most_us: int = 8 * 60 * MINUTE_US
    rejections: RejectionBound = RejectionBound()
    positions: tuple[Position, ...] = ()
    notices: NoticePlan = field(default_factory=NoticePlan)
    posts: tuple[Post, ...] = ()  # that hand over from shift to shift
    topology: Topology = field(default_factory=Topology)
    attended: frozenset[str] = frozenset()  # stations of staffing "3"
    suppressions: tuple[Suppression, ...] = ()
    feeders: FeederPlan = field(default_factory=FeederPlan)

    def __post_init__(self) -> None:
        problems = [
            *self._repeats(),
            *self._danglers(),
            *self._impossible_devices(),
            *self._impossible_suppressions(),
        ]
        if problems:
            raise InvalidPlan("; ".join(problems))

    def device(self, device_id: DeviceId) -> FieldDevice | None:
        return next((device for device in self.devices if device.device_id == device_id), None)

    def where(self, event: AlarmRaised) -> Where:
        station = self.asset(event.asset_id).station
        local = to_datetime(event.detected_at_us).astimezone(self.zone)
        return Where(
            station=station,
            attended=station in self.attended,
            minute=local.hour * 60 + local.minute,
        )

    def position_of(self, station: str) -> str:
        """To whose list an alarm of the station comes."""
        named = (each.position_id for each in self.positions if station in each.stations)
        return next(named, EVERYTHING)

    def asset(self, asset_id: AssetId) -> Asset:
        """An asset that the plan does not know goes by its id: its alarm must still be worded."""
        known = self.assets.get(asset_id)
        if known is not None:
            return known
        post = next((each for each in self.posts if each.asset_id == asset_id), None)
        # 督办 is of zones, rosters and people
        name = post.name if post else called(self.organisation, asset_id)
        station = post.station if post else ""
        return Asset(asset_id=asset_id, station=station, voltage="", bay="", name=name)

    def _repeats(self) -> list[str]:
        return [
            *(
                f"device {name} is given twice"
                for name in _repeated(d.device_id for d in self.devices)
            ),
            *(f"rule {name} is given twice" for name in _repeated(r.rule_id for r in self.rules)),
            *(
                f"suppression {name} is given twice"
                for name in _repeated(s.rule_id for s in self.suppressions)
            ),
        ]

    def _danglers(self) -> list[str]:
        devices = {device.device_id: device for device in self.devices}
        stations = {asset.station for asset in self.assets.values()}
        problems = [
            f"device {device.device_id} stands at unknown asset {device.asset_id}"
            for device in self.devices
            if device.asset_id not in self.assets
        ]
        for rule in self.rules:
            if rule.device_id not in devices:
                problems.append(f"rule {rule.rule_id} names unknown device {rule.device_id}")
            elif rule.action not in ACTIONS[(kind := devices[rule.device_id].kind)]:
                problems.append(f"rule {rule.rule_id} asks a {kind} to {rule.action}")
            for asset_id in sorted(rule.asset_ids - self.assets.keys()):
                problems.append(f"rule {rule.rule_id} names unknown asset {asset_id}")
            for station in sorted(rule.stations - stations):
                problems.append(f"rule {rule.rule_id} names unknown station {station}")
        return problems

    def _impossible_devices(self) -> list[str]:
        return [
            f"device {device.device_id} needs positive times and at least one attempt"
            for device in self.devices
            if min(device.confirm_within_us, device.attempts, device.valid_for_us, device.max_on_s)
            <= 0
        ]

    def _impossible_suppressions(self) -> list[str]:
        """The alarm of the gate itself names the cause."""
        return [
            f"suppression {rule.rule_id} keeps back alarms of its own gate {rule.gate}"
            for rule in self.suppressions
            if rule.gate in rule.points
        ]


def _covers(chosen: frozenset[_T], one: _T) -> bool:
    return not chosen or one in chosen


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
