"""The patterns of DOMAIN D3 as data: at every hour of a year somebody has the watch, each crew alike.

Rule of D3 -> its test (test_rule_tables checks that each is there):
- 四班三倒, eight days, crews two days apart: test_a_crew_goes_through_its_cycle, and
  test_the_crews_of_a_pattern_stand_apart by the days of the table
- four crews in four days; the cycle is data: test_a_crew_goes_through_its_cycle, test_the_cycle_is_data
- 五班三倒: test_so_many_crews_are_there_at_every_hour_of_a_year, test_a_crew_goes_through_its_cycle
- a week in the station, a week on call at home: the same two
- a night shift belongs to the date on which it starts:
  test_a_night_that_starts_before_midnight_belongs_to_the_day_it_starts, test_the_crew_of_a_moment
- the responsible member owns the zone, who acts is on duty at the time of the event:
  test_owner_and_acting_person_are_both_told_and_may_differ, test_who_acts
- both are stored: test_both_who_answers_and_who_acts_are_kept_with_the_incident
"""

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


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        pytest.param("four-crews-eight-days", [0, 2, 4, 6], id="四班三倒-two-days-apart"),
        pytest.param("four-crews-four-days", [0, 1, 2, 3], id="four-days"),
        pytest.param("five-crews", [0, 1, 2, 3, 4], id="五班三倒"),
        pytest.param("week-about", [0, 7], id="week-about"),
    ],
)
def test_the_crews_of_a_pattern_stand_apart(
    patterns: dict[str, Roster], name: str, apart: list[int]
) -> None:
    """Each crew does what the first one did, so many days before or after it."""
    roster = patterns[name]
    cycle = len(roster.cycle)
    first = _turns(roster, "a", 0, cycle)
    found = [
        next(days for days in range(cycle) if _turns(roster, crew.crew_id, days, cycle) == first)
        for crew in roster.crews
    ]
    assert sorted(found) == apart


def _turns(roster: Roster, crew_id: str, from_day: int, days: int) -> list[list[str]]:
    return [
        [
            duty.shift.name
            for duty in duties_of_day(roster, roster.anchor + timedelta(days=ahead), CLOCK)
            if duty.crew.crew_id == crew_id
        ]
        for ahead in range(from_day, from_day + days)
    ]


@pytest.mark.parametrize(
    ("cycle", "turns"),
    [
        pytest.param("白, 夜, 下夜班, 休", "白夜休休", id="day-night-after-night-rest"),
        pytest.param("白, 白, 夜, 夜, 休, 休", "白白夜夜休休", id="six-days"),
        pytest.param("[白, 夜], 休", "白休", id="two-turns-on-one-day"),
    ],
)
def test_the_cycle_is_data(tmp_path: Path, cycle: str, turns: str) -> None:
    (tmp_path / "rosters.yaml").write_text(
        "rosters:\n"
        "  - id: r\n"
        "    name: 四班三倒\n"
        "    team: team\n"
        "    anchor: 2026-01-01\n"
        "    shifts:\n"
        "      - {name: 白, from: '08:00', lasts: 12h}\n"
        "      - {name: 夜, from: '20:00', lasts: 12h}\n"
        f"    cycle: [{cycle}]\n"
        "    crews: [{id: a, name: a, offset: 0, persons: [p1]}]\n"
    )
    teams = {TeamId("team"): Team(team_id=TeamId("team"), name="team")}
    persons = {PersonId("p1"): Person(person_id=PersonId("p1"), name="p1")}
    found = Found()
    (roster,), _, _ = read_rosters(tmp_path, CLOCK, found, teams, persons)
    assert found.problems == []
    said = [each[0] if each else "休" for each in _turns(roster, "a", 0, len(turns))]
    assert "".join(said) == turns


def test_a_night_that_starts_before_midnight_belongs_to_the_day_it_starts(
    patterns: dict[str, Roster],
) -> None:
    three_in_the_morning = from_datetime(datetime(2026, 1, 3, 3, 0, tzinfo=UTC))
    (duty,) = duties(patterns["four-crews-four-days"], three_in_the_morning, CLOCK)
    assert (duty.duty_date, duty.shift.name) == (date(2026, 1, 2), "夜班")
