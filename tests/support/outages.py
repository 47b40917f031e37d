"""A feeder of five sections with a tie, its crews and an ungrounded busbar, and linkage over them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID, uuid5

from domain.assets import AlarmClass, Asset, Condition, Priority
from domain.changes import Changes
from domain.clock import SECOND_US
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.feeders import (
    EarthLine,
    EarthNetwork,
    Feeder,
    FeederPlan,
    Load,
    LoadKind,
    Location,
    RepairCrew,
    Road,
    Section,
    Terrain,
    Tie,
    Transformer,
)
from domain.ids import AssetId, PointKey, TeamId
from domain.outages import EarthFault, Outage, PlannedOutage
from domain.paperwork import Role, User
from domain.readings import HeldValue, Quality
from domain.records import Record, Requested, Ticked
from domain.requests import Handled, Request
from linkage.desk import Held
from linkage.linkage import Linkage
from linkage.outages.book import HeldOutages
from linkage.plan import LinkagePlan
from tests.support.alarms import PLAN, TEN_US, alarm
from tests.support.field import SaidField

STATION: Final = "35kV柳塬变"
BREAKER: Final = Asset(
    asset_id=AssetId("LY/113"),
    station=STATION,
    voltage="10kV",
    bay="113联合站线间隔",
    name="113联合站线",
)
PT: Final = Asset(
    asset_id=AssetId("LY/PT10-1"),
    station=STATION,
    voltage="10kV",
    bay="10kVⅠ段PT间隔",
    name="10kVⅠ段PT",
)


def section(
    number: str, after: str, *, load_mw: float = 0.5, customers: int = 10, **changes: Any
) -> Section:
    facts: dict[str, Any] = {
        "section_id": number,
        "name": f"{number} 段",
        "after": after,
        "customers": customers,
        "transformer_users": 2,
        "load_mw": load_mw,
        "flags": (PointKey(f"LY/113/{number}/fault"),) if after else (),
        "position": PointKey(f"LY/113/{number}/position") if after else None,
        "location_id": "well",
    }
    return Section(**(facts | changes))


FEEDER: Final = Feeder(
    feeder_id="LY/113",
    station=STATION,
    name="113联合站线",
    number="113",
    asset_id=BREAKER.asset_id,
    position=PointKey("LY/113/position"),
    lockout=PointKey("LY/113/lockout"),
    load=PointKey("LY/113/p"),
    terrain=Terrain.RURAL,
    skill="line",
    sections=(
        section("113", ""),
        section("S1", "113"),
        section(
            "S2",
            "S1",
            loads=(Load(name="高产井区", kind=LoadKind.HIGH_YIELD, wells=12, tonnes_per_day=60.0),),
        ),
        section(
            "S3",
            "S2",
            loads=(
                Load(
                    name="联合站储罐", kind=LoadKind.STORAGE_TANK, stations=1, tonnes_per_day=25.0
                ),
            ),
            transformers=tuple(
                Transformer(
                    transformer_id=f"T{number}",
                    name=f"{number}号台区",
                    customers=3,
                    meters=tuple(PointKey(f"LY/T{number}/{meter}") for meter in range(5)),
                )
                for number in (1, 2, 3)
            ),
        ),
        section("S4", "S3"),
    ),
    ties=(
        Tie(
            number="L1",
            section_id="S4",
            to_name="122联合站备用线",
            capacity_mw=4.0,
            position=PointKey("LY/L1/position"),
            load=PointKey("LY/122/p"),
            voltage=PointKey("LY/122/uab"),
        ),
    ),
)
NETWORK: Final = EarthNetwork(
    network_id="LY-10-1",
    station=STATION,
    name="10kVⅠ段母线",
    asset_id=PT.asset_id,
    u0=PointKey("LY/PT10-1/u0"),
    lines=tuple(
        EarthLine(
            number=number,
            name=f"{number}线",
            asset_id=AssetId(f"LY/{number}"),
            i0=PointKey(f"LY/{number}/i0"),
            direction=PointKey(f"LY/{number}/earth_direction"),
        )
        for number in ("115", "114", "113")
    ),
    phases=(PointKey("LY/PT10-1/ua"), PointKey("LY/PT10-1/ub"), PointKey("LY/PT10-1/uc")),
)
CREWS: Final = (
    RepairCrew(
        crew_id="far",
        name="远队",
        team_id=TeamId("wx"),
        skills=frozenset({"line"}),
        location_id="town",
    ),
    RepairCrew(
        crew_id="near",
        name="近队",
        team_id=TeamId("wx"),
        skills=frozenset({"line"}),
        location_id="base",
    ),
    RepairCrew(
        crew_id="cable",
        name="电缆队",
        team_id=TeamId("xs"),
        skills=frozenset({"cable"}),
        location_id="well",
    ),
)
FEEDERS: Final = FeederPlan(
    feeders=(FEEDER,),
    crews=CREWS,
    locations=(
        Location(location_id="base", name="基地", latitude=36.60, longitude=107.30),
        Location(location_id="town", name="镇上", latitude=36.90, longitude=107.60),
        Location(location_id="well", name="井场", latitude=36.62, longitude=107.33),
    ),
    roads=(Road(ends=("base", "well"), km=6.5),),
    networks=(NETWORK,),
)
OUTAGE_PLAN: Final = replace(
    PLAN,
    assets=dict(PLAN.assets) | {BREAKER.asset_id: BREAKER, PT.asset_id: PT},
    feeders=FEEDERS,
)
DISPATCHER: Final = User(name="dd", password="", roles=frozenset({Role.DISPATCHER}))
ELSEWHERE: Final = User(
    name="other", password="", roles=frozenset({Role.DUTY}), stations=frozenset({"110kV石坪变"})
)
_NAMES: Final = UUID("11111111-2222-3333-4444-555555555555")


def protection(at_us: int = TEN_US, **changes: Any) -> AlarmRaised:
    facts: dict[str, Any] = {
        "point": "LY/113/over_current",
        "asset_id": BREAKER.asset_id,
        "signal": "过流保护",
        "unit": "status",
        "alarm_class": AlarmClass.FAULT,
        "value": 1.0,
        "limit": 1.0,
        "started_at_us": at_us,
        "raised_at_us": at_us,
        "detected_at_us": at_us,
    }
    return alarm(**(facts | changes))


def opening(at_us: int = TEN_US, **changes: Any) -> AlarmRaised:
    return protection(
        at_us,
        **{
            "point": "LY/113/position",
            "signal": "断路器位置",
            "unit": "position",
            "condition": Condition.LOW,
            "alarm_class": AlarmClass.STATE_CHANGE,
            "priority": Priority.NOTICE,
        }
        | changes,
    )


def gasp(meter: str, at_us: int = TEN_US) -> AlarmRaised:
    return protection(
        at_us,
        point=meter,
        signal="停电上报",
        alarm_class=AlarmClass.INFORMATION,
        priority=Priority.NOTICE,
    )


def returned(event: AlarmRaised, at_us: int) -> AlarmCleared:
    return AlarmCleared(event_id=event.event_id, ended_at_us=at_us, detected_at_us=at_us, value=2.0)


@dataclass
class Room:
    """Linkage, what the points hold, and a clock; `at` is in seconds after ten."""

    plan: LinkagePlan = OUTAGE_PLAN
    held: Held = field(default_factory=lambda: Held(users=(DISPATCHER, ELSEWHERE)))
    asked: int = 0

    def __post_init__(self) -> None:
        self.linkage = Linkage(self.plan, held=self.held)
        self.points: dict[PointKey, HeldValue] = {}
        self.outages: dict[UUID, Outage] = {}
        self.planned: dict[UUID, PlannedOutage] = {}
        self.earth: dict[UUID, EarthFault] = {}
        self.events: list[Event] = []
        self.priorities: list[tuple[str, AlarmClass]] = []
        self.at_us = TEN_US
        self.stand(
            {"LY/113/position": 2.0, "LY/113/p": 2.0, "LY/122/p": 1.0, "LY/122/uab": 10.2}
            | {f"LY/113/{each}/position": 2.0 for each in ("S1", "S2", "S3", "S4")}
            | {f"LY/113/{each}/fault": 0.0 for each in ("S1", "S2", "S3", "S4")}
            | {"LY/L1/position": 1.0}
        )

    def stand(self, values: dict[str, float], quality: Quality = Quality.GOOD) -> None:
        for key, value in values.items():
            self.points[PointKey(key)] = HeldValue(value, quality, self.at_us)

    def set_flags(self, *sections: str) -> None:
        self.stand({f"LY/113/{each}/fault": 1.0 for each in sections})

    def until(self, seconds: float) -> None:
        """Ticks every second up to there."""
        end_us = TEN_US + round(seconds * SECOND_US)
        while self.at_us < end_us:
            self.at_us = min(end_us, self.at_us + SECOND_US)
            self.decide(Ticked(at_us=self.at_us))

    def jump(self, seconds: float) -> None:
        """One tick, after a downtime."""
        self.at_us = TEN_US + round(seconds * SECOND_US)
        self.decide(Ticked(at_us=self.at_us))

    def tell(self, *events: Event) -> Changes:
        return self.decide(Ticked(at_us=self.at_us), events)

    def decide(self, record: Record, events: Iterable[Event] = ()) -> Changes:
        changes = self.linkage.decide(record, list(events), SaidField(values=self.points.get))
        self.outages |= {each.outage_id: each for each in changes.outages}
        self.planned |= {each.planned_id: each for each in changes.planned_outages}
        self.earth |= {each.earth_id: each for each in changes.earth_faults}
        self.events += changes.events
        return changes

    def trip(self, *flags: str, dead: bool = True) -> AlarmRaised:
        """Protection and opening of now, with these flags set."""
        opened = opening(self.at_us)
        self.set_flags(*flags)
        if dead:
            self.stand({"LY/113/position": 1.0, "LY/113/p": 0.0})
        self.tell(protection(self.at_us), opened)
        return opened

    def ask(self, request: Request, user: str = "dd") -> Handled:
        self.asked += 1
        asked = Requested(
            at_us=self.at_us,
            request_id=uuid5(_NAMES, str(self.asked)),
            actor=user,
            request=request,
        )
        return self.decide(asked).handled[0]

    @property
    def outage(self) -> Outage:
        (outage,) = self.outages.values()
        return outage

    @property
    def fault(self) -> EarthFault:
        (fault,) = self.earth.values()
        return fault

    def restarted(self) -> "Room":
        """Another core, which begins with what the records hold."""
        held = HeldOutages(
            outages=tuple(each for each in self.outages.values() if each.is_open),
            planned=tuple(each for each in self.planned.values() if each.is_open),
            earth_faults=tuple(self.earth.values()),
        )
        again = Room(self.plan, replace(self.held, outages=held), self.asked)
        again.points, again.at_us = self.points, self.at_us
        again.outages, again.planned, again.earth = self.outages, self.planned, self.earth
        return again


def earth(room: Room, **changes: object) -> AlarmRaised:
    """The open delta of the busbar goes over its limit."""
    event = protection(
        room.at_us,
        **{
            "point": "LY/PT10-1/u0",
            "asset_id": PT.asset_id,
            "signal": "开口三角电压",
            "unit": "V",
            "condition": Condition.HIGH,
            "priority": Priority.MAJOR,
            "value": 62.0,
            "limit": 15.0,
        }
        | changes,
    )
    room.tell(event)
    return event
