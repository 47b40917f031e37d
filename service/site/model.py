"""What a site folder says, as frozen data that has been checked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from domain.assets import ActiveLimits, Asset, Mode, Point
from domain.cameras import AnalysisBox, Camera, MachineRule
from domain.commands import FieldDevice
from domain.credit import RuleBook
from domain.feeders import FeederPlan
from domain.ids import AssetId, PointKey, SourceId
from domain.notices import NoticePlan
from domain.organisation import Organisation
from domain.topology import Topology
from linkage.plan import (
    LinkagePlan,
    LinkageRule,
    Position,
    Responsible,
    Suppression,
    ViolationRule,
)
from linkage.watches import posts_of

UNNUMBERED: Final = -1  # a point's number before the records gave it one


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    topic: str
    qos: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One connection to one broker."""

    source_id: SourceId
    host: str
    port: int
    client_id: str
    username: str | None = None
    password_env: str | None = None  # the name of the environment variable that holds it
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingMap:
    """How the columns of a recording become readings of the site's points (replay.yaml)."""

    time_column: str
    zone: ZoneInfo  # of times without an offset
    columns: Mapping[str, PointKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything in the site folder."""

    name: str
    code: str  # in topics and ids; it never changes
    zone: ZoneInfo
    numbering: str  # the station's numbering scheme, for people
    assets: Mapping[AssetId, Asset]
    points: tuple[Point, ...]  # UNNUMBERED
    devices: tuple[FieldDevice, ...]
    rules: tuple[LinkageRule, ...]
    responsible: Responsible | None  # None where an organisation tells
    sources: tuple[SourceSettings, ...]  # the first one also carries commands to the field devices
    recording: RecordingMap | None = None
    organisation: Organisation = field(default_factory=Organisation)
    topology: Topology = field(default_factory=Topology)
    rule_book: RuleBook = field(default_factory=RuleBook)
    violations: tuple[ViolationRule, ...] = ()
    version: int = 1  # of the site folder among the records
    modes: tuple[Mode, ...] = ()
    positions: tuple[Position, ...] = ()
    cameras: tuple[Camera, ...] = ()
    machine_rules: tuple[MachineRule, ...] = ()
    boxes: tuple[AnalysisBox, ...] = ()
    notices: NoticePlan = field(default_factory=NoticePlan)
    attended: frozenset[str] = frozenset()  # stations with staff, profile "3"
    suppressions: tuple[Suppression, ...] = ()
    feeders: FeederPlan = field(default_factory=FeederPlan)

    def plan(self, language: str = "zh-CN") -> LinkagePlan:
        return LinkagePlan(
            site=self.code,
            zone=self.zone,
            assets=self.assets,
            devices=self.devices,
            rules=self.rules,
            responsible=self.responsible,
            language=language,
            organisation=self.organisation,
            rule_book=self.rule_book,
            violations=self.violations,
            version=self.version,
            points={point.key: point for point in self.points},
            modes=self.modes,
            positions=self.positions,
            notices=self.notices,
            posts=posts_of(self.organisation, self.assets),
            topology=self.topology,
            attended=self.attended,
            suppressions=self.suppressions,
            feeders=self.feeders,
        )

    def without_outputs(self) -> "Site":
        """Nothing is asked of a field device by itself, no rule and no question whether it lives; and
        nobody is told."""
        devices = tuple(
            replace(device, ping_every_us=None, test_every_us=None) for device in self.devices
        )
        return replace(self, rules=(), devices=devices, notices=NoticePlan())

    def active_limits(
        self, numbers: Mapping[PointKey, int], version: int, modes_on: Collection[str] = ()
    ) -> ActiveLimits:
        """The points with the numbers that the records gave them, and the limits of these modes."""
        return ActiveLimits(
            site=self.code,
            version=version,
            points=tuple(
                replace(
                    point,
                    number=numbers[point.key],
                    limits=tuple(limit.in_modes(modes_on) for limit in point.limits),
                )
                for point in self.points
            ),
            modes_on=tuple(sorted(modes_on)),
        )

    def at_broker(self, host: str, port: int) -> "Site":
        """The same site with every source at this broker: demo and replay bring their own."""
        return replace(
            self,
            sources=tuple(
                replace(source, host=host, port=port, username=None, password_env=None)
                for source in self.sources
            ),
        )


def telemetry_topic(site: str, source_id: SourceId) -> str:
    return f"gridwarden/{site}/telemetry/{source_id}"


def replies_topic(site: str) -> str:
    """The words of every field device of the site."""
    return f"gridwarden/{site}/device/+/reply"


def frozen_map(columns: Mapping[str, PointKey]) -> Mapping[str, PointKey]:
    return MappingProxyType(dict(columns))
