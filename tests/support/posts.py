"""A control room whose station hands over from shift to shift, with a crew of two for each shift."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from domain.clock import from_datetime
from domain.handover import Watch
from domain.ids import AssetId, PersonId, TeamId, UnitId, ZoneId
from domain.organisation import (
    Coverage,
    Crew,
    Organisation,
    PartyUnit,
    Person,
    Roster,
    Shift,
    Team,
    Tenure,
    UnitKind,
    Zone,
    ZoneKind,
)
from domain.paperwork import Role, User
from domain.requests import SignHandover, TakeOver
from linkage.plan import LinkagePlan
from linkage.watches import posts_of
from tests.support.alarms import BEIJING
from tests.support.control_room import ROOM, USERS, ControlRoom

PAGE: Final = '{"alarms": []}'
LEAD: Final = PersonId("lead")


def at(written: str) -> int:
    return from_datetime(datetime.fromisoformat(written).replace(tzinfo=BEIJING))


def _crew(name: str, offset: int) -> Crew:
    persons = (PersonId(f"{name}1"), PersonId(f"{name}2"))
    return Crew(crew_id=name, name=f"{name}值", offset_days=offset, persons=persons)


# 甲 08:00 of the 1st, 乙 08:00 of the 2nd, 丙 of the 3rd, 甲 again
STATION_ROSTER: Final = Roster(
    roster_id="sp",
    name="值班",
    team_id=TeamId("sp"),
    anchor=date(2026, 5, 1),
    shifts={"值班": Shift(name="值班", start_minute=480, length_minutes=24 * 60)},
    cycle=(("值班",), (), ()),
    crews=(_crew("甲", 0), _crew("乙", 2), _crew("丙", 1)),
    post="柳塬变值班",
)
PERSONS: Final = tuple(map(PersonId, ("甲1", "甲2", "乙1", "乙2", "丙1", "丙2", "lead", "owner")))
ORGANISATION: Final = Organisation(
    units=(PartyUnit(unit_id=UnitId("g"), kind=UnitKind.GROUP, name="组"),),
    teams=(Team(team_id=TeamId("sp"), name="值班", lead=LEAD),),
    persons=tuple(Person(person_id=each, name=f"岗位{each}") for each in PERSONS),
    zones=(
        Zone(
            zone_id=ZoneId("z"),
            name="柳塬变",
            kind=ZoneKind.STATION,
            unit_id=UnitId("g"),
            tenures=(Tenure(owner=PersonId("owner")),),
            coverage=(Coverage(assets=frozenset(ROOM.assets), people=frozenset(PERSONS)),),
            roster_id="sp",
        ),
    ),
    rosters=(STATION_ROSTER,),
)
MORNING: Final = at("2026-05-02 08:00")  # 甲 hands over to 乙
POST: Final = AssetId("post/sp")


def plan_with_post(organisation: Organisation = ORGANISATION) -> LinkagePlan:
    posts = posts_of(organisation, ROOM.assets)
    return replace(ROOM, organisation=organisation, responsible=None, posts=posts)


def user(person: str, **changes: Any) -> User:
    return User(
        name=f"u-{person}",
        password="x",
        roles=changes.pop("roles", frozenset({Role.DUTY})),
        person_id=PersonId(person),
        **changes,
    )


PEOPLE: Final = tuple(user(each) for each in ("甲1", "甲2", "乙1", "乙2", "丙1", "lead", "owner"))


class Post(ControlRoom):
    """It begins at noon of the 1st: 甲 has the watch."""

    def __init__(self, plan: LinkagePlan | None = None) -> None:
        super().__init__(plan or plan_with_post(), USERS + PEOPLE, at("2026-05-01 12:00"))
        self.passes(0)

    def at(self, written: str) -> "Post":
        self.passes((at(written) - self.at_us) / 1_000_000)
        return self

    @property
    def watch(self) -> Watch:
        """The newest one."""
        newest = {each.watch_id: each for each in self.everything.watches}
        return max(newest.values(), key=lambda each: each.began_at_us)

    def versions_of(self, watch_id: UUID) -> list[Watch]:
        return [each for each in self.everything.watches if each.watch_id == watch_id]

    def signs(self, actor: str = "u-甲1", page: str = PAGE) -> str:
        return self.does(SignHandover(watch_id=self.watch.watch_id, page=page), actor)

    def takes(self, actor: str = "u-乙1", digest: str = "") -> str:
        return self.does(self.taking(digest), actor)

    def taking(self, digest: str = "") -> TakeOver:
        return TakeOver(watch_id=self.watch.watch_id, page_digest=digest or self.watch.page)

    def acting(self) -> tuple[str, tuple[str, ...]]:
        """Who acts when an alarm comes now, and the codes of the reasons."""
        event = self.raises()
        incident = self.incidents[self.alarms[event.event_id].incident_id or event.event_id]
        answer = incident.answer
        assert answer.acting
        return answer.acting.person_id, tuple(each.code for each in answer.reasons)
