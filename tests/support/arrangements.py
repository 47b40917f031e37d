"""One arrangement of each kind, as a desk would make it."""

from datetime import date
from typing import Any, Final
from uuid import UUID

from domain.arrangements import (
    Absence,
    Arrangement,
    Delegation,
    Handover,
    Move,
    PlannedDay,
    PlannedDays,
    Swap,
    Turn,
    WorkSite,
)
from domain.ids import AssetId, PersonId, TeamId, ZoneId
from domain.organisation import Holiday
from domain.paperwork import ApprovalState
from domain.responsibility import Kind

HOUR_US: Final = 3_600_000_000
_DAY: Final = date(2026, 6, 2)
_ONE, _OTHER = PersonId("c1"), PersonId("b1")


def arrangement(number: int, **what: Any) -> Arrangement:
    facts: dict[str, Any] = {"from_us": 1, "until_us": 2, "by": "chief", "at_us": 1}
    return Arrangement(arrangement_id=UUID(int=number), **(facts | what))


ONE_OF_EACH: Final = (
    arrangement(1, leave=Absence(person_id=_ONE, deputy=_OTHER), private="家事", until_us=9),
    arrangement(2, delegation=Delegation(of=_ONE, to=_OTHER, kind=Kind.OUTAGE), ended_at_us=1),
    arrangement(
        3,
        swap=Swap(
            roster_id="watch",
            given=Turn(person_id=_ONE, duty_date=_DAY, shift="白班"),
            by=_OTHER,
            returned=Turn(person_id=_OTHER, duty_date=_DAY, shift="夜班"),
        ),
        state=ApprovalState.PROPOSED,
        needs=(_ONE, _OTHER),
        agreed=(_ONE,),
        until_us=None,
    ),
    arrangement(
        4,
        planned=PlannedDays(
            roster_id="watch",
            days=(PlannedDay(person_id=_ONE, duty_date=_DAY, shifts=("夜班",)),),
        ),
    ),
    arrangement(5, holiday=Holiday(name="端午节", first=_DAY, last=_DAY, mark="U")),
    arrangement(6, move=Move(person_id=_ONE, team_id=TeamId("xs"), zone_id=ZoneId("z"))),
    arrangement(7, handover=Handover(zone_id=ZoneId("z"), owner=None)),
    arrangement(
        8,
        work_site=WorkSite(
            ticket_id=UUID(int=99), number="柳-1", asset_ids=(AssetId("LY/1T"),), leader=_ONE
        ),
        until_us=None,
        ended_by="柳-1",
        ended_at_us=5,
    ),
)
