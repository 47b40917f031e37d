"""How long "who answers for it" takes, and a look for gaps: the example site, with and without arrangements.

python -m benchmarks.who
"""

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import UUID

from benchmarks.rows import Row
from domain.arrangements import Absence, Arrangement, Delegation, PlannedDay, PlannedDays
from domain.clock import SECOND_US, system_clock, to_datetime
from domain.ids import AssetId
from domain.organisation import Holiday
from linkage.responsibility import Responsibility
from linkage.supervision import Supervision
from service.site.load import load
from service.site.model import Site
from service.who import responsibility_of

EXAMPLE: Final = Path(__file__).parents[1] / "examples" / "changqing-like"
BUDGET_US: Final = 100.0  # ours: a flood of 10,000 incidents then asks for one second
DAY_US: Final = 86_400 * SECOND_US
ROUNDS: Final = 20


def rows() -> Iterator[Row]:
    site = load(EXAMPLE)
    now_us = system_clock()
    for what, arranged in (("nothing arranged", []), ("a year arranged", a_year(site, now_us))):
        who = responsibility_of(site, arranged=arranged)
        supervision = Supervision(site.organisation, site.assets, who)
        every = list(site.assets)
        each_us = took_us(partial(_ask, who, every, now_us)) / len(every)
        yield Row(
            what=f"who answers for a device, {what} ({len(arranged)})",
            figure=f"{each_us:,.0f} us",
            budget=f"{BUDGET_US:g} us",
            passed=each_us <= BUDGET_US,
        )
        look_us = took_us(partial(supervision.lapses, now_us))
        yield Row(
            what=f"a look for gaps and overlaps, {what}",
            figure=f"{look_us / 1_000:,.1f} ms",
            budget="none",
            passed=None,
        )


def _ask(who: Responsibility, every: list[AssetId], at_us: int) -> None:
    for asset_id in every:
        who.of_asset(asset_id, at_us)


def a_year(site: Site, now_us: int) -> list[Arrangement]:
    """Everybody on leave for ten single days, and half of them delegating as often; a planned day each week
    for everybody; nine holidays."""
    today = to_datetime(now_us).astimezone(site.zone).date()
    persons = [each.person_id for each in site.organisation.persons]
    made: list[dict[str, Any]] = []
    for place, person in enumerate(persons):
        other = persons[place - 1]
        for month in range(10):
            begins_us = now_us - 300 * DAY_US + (30 * month + place % 20) * DAY_US
            times = {"from_us": begins_us, "until_us": begins_us + DAY_US}
            made.append({"leave": Absence(person_id=person, deputy=other), **times})
            if place % 2:
                made.append({"delegation": Delegation(of=person, to=other), **times})
    for roster in site.organisation.rosters:
        crew = [person for each in roster.crews for person in each.persons]
        for week in range(52):
            day = today + timedelta(days=7 * week - 300)
            days = [PlannedDay(person_id=each, duty_date=day, shifts=()) for each in crew[:2]]
            planned = PlannedDays(roster_id=roster.roster_id, days=tuple(days))
            made.append({"planned": planned, "from_us": 0})
    for month in range(9):
        day = date(today.year, month + 1, 1)
        made.append({"holiday": Holiday(name="节", first=day, last=day), "from_us": 0})
    return [
        Arrangement(arrangement_id=UUID(int=number), by="bench", at_us=0, **what)
        for number, what in enumerate(made)
    ]


def took_us(act: Callable[[], object]) -> float:
    """Of processor: the median of several rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        act()
        taken.append((time.process_time_ns() - began) / 1_000)
    return median(taken)


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
