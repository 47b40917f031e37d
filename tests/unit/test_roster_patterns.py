"""The patterns of DOMAIN D3 as data: at every hour of a year somebody has the watch, each crew alike."""

import shutil
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.clock import from_datetime
from domain.ids import PersonId, TeamId
from domain.organisation import Person, Roster, Team
from linkage.rosters import duties, duties_of_day
from service.site.found import Found
from service.site.rosters import read_rosters

PATTERNS = Path(__file__).parents[2] / "examples" / "roster-patterns.yaml"
CLOCK = ZoneInfo("UTC")


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Roster]:
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(PATTERNS, folder / "rosters.yaml")
    persons = {
        PersonId(f"p{n}"): Person(person_id=PersonId(f"p{n}"), name=f"p{n}") for n in range(1, 6)
    }
    teams = {TeamId("team"): Team(team_id=TeamId("team"), name="team")}
    found = Found()
    rosters, leaves, holidays = read_rosters(folder, CLOCK, found, teams, persons)
    assert (found.problems, leaves, holidays) == ([], (), ())
    return {each.roster_id: each for each in rosters}


@pytest.mark.parametrize(
    ("name", "at_post", "on_call"),
    [
        pytest.param("four-crews-eight-days", 1, 0, id="四班三倒"),
        pytest.param("four-crews-four-days", 1, 0, id="four-crews-of-four-days"),
        pytest.param("five-crews", 2, 0, id="五班三倒"),
        pytest.param("week-about", 1, 1, id="week-about"),
    ],
)
def test_so_many_crews_are_there_at_every_hour_of_a_year(
    patterns: dict[str, Roster], name: str, at_post: int, on_call: int
) -> None:
    noon = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
    for hours in range(0, 366 * 24, 5):  # five and the lengths of shifts have nothing in common
        found = duties(patterns[name], from_datetime(noon + timedelta(hours=hours)), CLOCK)
        there = Counter(duty.shift.on_call for duty in found)
        assert (there[False], there[True]) == (at_post, on_call), hours


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("four-crews-eight-days", "早早中中夜夜休休"),
        ("four-crews-four-days", "白夜休休"),
        ("five-crews", "白白夜夜休"),
        ("week-about", "驻驻驻驻驻驻驻在在在在在在在"),
    ],
)
def test_a_crew_goes_through_its_cycle(patterns: dict[str, Roster], name: str, days: str) -> None:
    roster = patterns[name]
    first = roster.anchor
    turns = [
        next(
            (
                duty.shift.name[0]
                for duty in duties_of_day(roster, first + timedelta(days=ahead), CLOCK)
                if duty.crew.crew_id == "a"
            ),
            "休",
        )
        for ahead in range(2 * len(days))
    ]
    assert "".join(turns) == 2 * days


def test_a_night_that_starts_before_midnight_belongs_to_the_day_it_starts(
    patterns: dict[str, Roster],
) -> None:
    three_in_the_morning = from_datetime(datetime(2026, 1, 3, 3, 0, tzinfo=UTC))
    (duty,) = duties(patterns["four-crews-four-days"], three_in_the_morning, CLOCK)
    assert (duty.duty_date, duty.shift.name) == (date(2026, 1, 2), "夜班")
