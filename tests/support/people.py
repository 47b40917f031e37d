"""A small organisation and its office: two rosters, three zones, users who are persons."""

from dataclasses import replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from domain.arrangements import Arrangement
from domain.assets import Asset
from domain.changes import Changes
from domain.clock import from_datetime
from domain.ids import AssetId, PersonId, TeamId, UnitId, ZoneId
from domain.organisation import (
    Coverage,
    Crew,
    DayPattern,
    Organisation,
    PartyUnit,
    Person,
    Place,
    PlaceKind,
    Placement,
    Roster,
    Shift,
    Team,
    Tenure,
    UnitKind,
    Zone,
    ZoneKind,
)
from domain.paperwork import Approval, ApprovalState, Role, Ticket, User
from domain.records import Requested, Ticked
from domain.requests import DecideApproval, Request
from domain.responsibility import Answer, Kind
from linkage.desk import Held
from linkage.linkage import Linkage
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility
from tests.support.alarms import BEIJING, PLAN, TRANSFORMER

LEAD, HEAD, OWNER, DEPUTY = map(PersonId, ("lead", "head", "owner", "deputy"))
A1, A2, B1, B2, C1, C2 = map(PersonId, ("a1", "a2", "b1", "b2", "c1", "c2"))
FITTER: Final = PersonId("fitter")
NEIGHBOUR: Final = Asset(
    asset_id=AssetId("GC/1T"),
    station="35kV沟岔变",
    voltage="35kV",
    bay="1号主变间隔",
    name="1号主变",
)
# on the 1st of June 2026 crew a has the day, crew b the night, crew c rests
WATCH: Final = Roster(
    roster_id="watch",
    name="运维班",
    team_id=TeamId("yw"),
    anchor=date(2026, 6, 1),
    shifts={
        "白班": Shift(name="白班", start_minute=8 * 60, length_minutes=12 * 60),
        "夜班": Shift(name="夜班", start_minute=20 * 60, length_minutes=12 * 60),
    },
    cycle=(("白班",), ("夜班",), ()),
    crews=(
        Crew(crew_id="a", name="甲值", offset_days=0, persons=(A1, A2)),
        Crew(crew_id="b", name="乙值", offset_days=1, persons=(B1, B2)),
        Crew(crew_id="c", name="丙值", offset_days=2, persons=(C1, C2)),
    ),
)
# Monday the 1st: five days of day shift, two of rest; somebody is on call on a holiday
OFFICE: Final = Roster(
    roster_id="office",
    name="修试班",
    team_id=TeamId("xs"),
    anchor=date(2026, 6, 1),
    shifts={
        "白班": Shift(name="白班", start_minute=8 * 60, length_minutes=10 * 60),
        "听班": Shift(name="听班", start_minute=8 * 60, length_minutes=10 * 60, on_call=True),
    },
    cycle=(*[("白班",)] * 5, (), ()),
    crews=(Crew(crew_id="x", name="修试一组", offset_days=0, persons=(FITTER,)),),
    on_holidays=(DayPattern(instead_of=("白班",), shifts=("听班",)),),
    on_working_days=(DayPattern(instead_of=(), shifts=("白班",)),),
)


def zone(zone_id: str, name: str, roster_id: str | None, coverage: Coverage) -> Zone:
    return Zone(
        zone_id=ZoneId(zone_id),
        name=name,
        kind=ZoneKind.STATION,
        unit_id=UnitId("g"),
        tenures=(Tenure(owner=OWNER, deputy=DEPUTY),),
        coverage=(coverage,),
        roster_id=roster_id,
    )


_EVERYBODY: Final = (LEAD, HEAD, OWNER, DEPUTY, A1, A2, B1, B2, C1, C2, FITTER)
PEOPLE: Final = Organisation(
    units=(
        PartyUnit(unit_id=UnitId("b"), kind=UnitKind.BRANCH, name="一支部", head=HEAD),
        PartyUnit(unit_id=UnitId("g"), kind=UnitKind.GROUP, name="运维组", parent=UnitId("b")),
    ),
    teams=(
        Team(team_id=TeamId("yw"), name="运维班", lead=LEAD, chain=(HEAD,)),
        Team(team_id=TeamId("xs"), name="修试班", lead=FITTER, chain=(HEAD,)),
    ),
    persons=tuple(
        Person(person_id=each, name=f"岗位{each}", member=each not in {A2, B2, C2, FITTER})
        for each in _EVERYBODY
    ),
    placements=tuple(
        Placement(person_id=each, team_id=TeamId("xs" if each == FITTER else "yw"))
        for each in _EVERYBODY
    ),
    places=(Place(place_id="yard", name="料场", kind=PlaceKind.YARD),),
    zones=(
        zone("z-ly", "柳塬变", "watch", Coverage(assets=frozenset({TRANSFORMER.asset_id}))),
        zone("z-gc", "沟岔变", None, Coverage(assets=frozenset({NEIGHBOUR.asset_id}))),
        zone(
            "z-people",
            "运维人员",
            None,
            Coverage(people=frozenset(_EVERYBODY), places=frozenset({"yard"})),
        ),
    ),
    rosters=(WATCH, OFFICE),
)
PLACE: Final = replace(
    PLAN,
    assets={each.asset_id: each for each in (TRANSFORMER, NEIGHBOUR)},
    organisation=PEOPLE,
    responsible=None,
)


def user(name: str, *roles: Role, **more: object) -> User:
    return User(name=name, password="x", roles=frozenset(roles), **more)  # type: ignore[arg-type]


USERS: Final = (
    user("chief", Role.ADMINISTRATOR, Role.DISPATCHER, Role.SAFETY_MANAGER),
    user("party", Role.PARTY_OFFICER),
    *(user(each, Role.DUTY, person_id=each) for each in (LEAD, HEAD, A1, B1, C1)),
    user("viewer", Role.VIEWER, person_id=A2),
    user("fitter", Role.DUTY, person_id=FITTER, stations=frozenset({TRANSFORMER.station})),
)


def at(written: str) -> int:
    """2026-06-01 12:00 by the clock of the place."""
    return from_datetime(datetime.fromisoformat(written).replace(tzinfo=BEIJING))


class People:
    """A linkage over that place, from noon of the 1st of June, and what its records would hold."""

    def __init__(self, plan: LinkagePlan = PLACE) -> None:
        self.plan = plan
        self.at_us = at("2026-06-01 12:00")
        self.everything = Changes()
        self._asked = 0
        self.linkage = Linkage(plan, held=Held(users=USERS))

    def ask(self, request: Request, actor: str = "chief") -> Changes:
        self._asked += 1
        asked = Requested(
            at_us=self.at_us, request_id=UUID(int=self._asked), actor=actor, request=request
        )
        return self._fold(self.linkage.decide(asked, []))

    def does(self, request: Request, actor: str = "chief") -> UUID:
        """The id of what it made."""
        (handled,) = self.ask(request, actor).handled
        assert handled.done, handled.why
        return UUID(handled.subject)

    def refuses(self, request: Request, actor: str = "chief") -> str:
        changes = self.ask(request, actor)
        (handled,) = changes.handled
        assert handled.why is not None, "it was done"
        changes.handled = []
        assert not changes, "a refusal changes nothing"
        return handled.why.code

    def passes_to(self, written: str) -> Changes:
        self.at_us = at(written)
        return self._fold(self.linkage.decide(Ticked(at_us=self.at_us), []))

    def decides(self, approve: bool = True, words: str = "") -> DecideApproval:
        return DecideApproval(
            approval_id=self.everything.approvals[-1].approval_id, approve=approve, words=words
        )

    def restarts(self) -> None:
        """Everything is forgotten but what the records hold."""
        self.linkage = Linkage(
            self.plan,
            held=Held(
                users=USERS,
                tickets=tuple(each for each in self.tickets if each.is_open),
                approvals=tuple(
                    each for each in self.approvals if each.state is ApprovalState.PROPOSED
                ),
                arrangements=tuple(self.arrangements),
            ),
        )

    @property
    def arrangements(self) -> list[Arrangement]:
        newest = {each.arrangement_id: each for each in self.everything.arrangements}
        return list(newest.values())

    @property
    def approvals(self) -> list[Approval]:
        return list({each.approval_id: each for each in self.everything.approvals}.values())

    @property
    def tickets(self) -> list[Ticket]:
        return list({each.ticket_id: each for each in self.everything.tickets}.values())

    def answer(
        self, written: str, kind: Kind = Kind.FAULT, asset: AssetId = TRANSFORMER.asset_id
    ) -> Answer:
        """What linkage itself would answer."""
        return self.who.of_asset(asset, at(written), kind)

    def acting(
        self, written: str, kind: Kind = Kind.FAULT, asset: AssetId = TRANSFORMER.asset_id
    ) -> str:
        answer = self.answer(written, kind, asset)
        return answer.acting.person_id if answer.acting else "-"

    @property
    def who(self) -> Responsibility:
        return self.linkage.responsibility

    def _fold(self, changes: Changes) -> Changes:
        self.everything.extend(changes)
        return changes
