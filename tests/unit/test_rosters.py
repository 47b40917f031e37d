"""Who is on duty: cycles of days, with the night shift on the day on which it starts."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import from_datetime
from domain.ids import PersonId, TeamId
from domain.organisation import Crew, Roster, Shift
from linkage.rosters import Duty, duties

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def crew(name: str, offset: int) -> Crew:
    return Crew(crew_id=name, name=name, offset_days=offset, persons=(PersonId(f"{name}1"),))


def roster(shifts: list[Shift], cycle: list[tuple[str, ...]], crews: list[Crew]) -> Roster:
    return Roster(
        roster_id="r",
        name="r",
        team_id=TeamId("t"),
        anchor=date(2026, 1, 1),
        shifts={shift.name: shift for shift in shifts},
        cycle=tuple(cycle),
        crews=tuple(crews),
    )


FOUR_CREWS = roster(
    [
        Shift(name="early", start_minute=8 * 60, length_minutes=480),
        Shift(name="mid", start_minute=16 * 60, length_minutes=480),
        Shift(name="night", start_minute=0, length_minutes=480),
    ],
    [("early",), ("early",), ("mid",), ("mid",), ("night",), ("night",), (), ()],
    [crew("A", 0), crew("B", 2), crew("C", 4), crew("D", 6)],
)
ON_24_OFF_48 = roster(
    [Shift(name="watch", start_minute=8 * 60 + 30, length_minutes=24 * 60)],
    [("watch",), (), ()],
    [crew("A", 0), crew("B", 2), crew("C", 1)],
)
DAY_AND_CALL = roster(
    [
        Shift(name="day", start_minute=8 * 60, length_minutes=600),
        Shift(name="call", start_minute=18 * 60, length_minutes=840, on_call=True),
    ],
    [("day", "call"), ("day",)],
    [crew("A", 0), crew("B", 1)],
)
LATE_NIGHT = roster(
    [Shift(name="night", start_minute=22 * 60, length_minutes=480)], [("night",)], [crew("A", 0)]
)


def at(written: str, zone: ZoneInfo = SHANGHAI) -> int:
    return from_datetime(datetime.fromisoformat(written).replace(tzinfo=zone))


def told(found: tuple[Duty, ...]) -> list[str]:
    return [f"{duty.crew.name} {duty.shift.name} {duty.duty_date:%m-%d}" for duty in found]


@pytest.mark.parametrize(
    ("who", "when", "expected"),
    [
        pytest.param(FOUR_CREWS, "2026-01-01 07:59:59.999999", ["C night 01-01"], id="before-8"),
        pytest.param(FOUR_CREWS, "2026-01-01 08:00", ["A early 01-01"], id="shift-change-exactly"),
        pytest.param(FOUR_CREWS, "2026-01-01 16:00", ["B mid 01-01"], id="afternoon"),
        pytest.param(FOUR_CREWS, "2026-01-03 00:00", ["B night 01-03"], id="midnight"),
        pytest.param(FOUR_CREWS, "2026-01-09 09:00", ["A early 01-09"], id="the-cycle-again"),
        pytest.param(FOUR_CREWS, "2025-12-31 09:00", ["B early 12-31"], id="before-the-anchor"),
        pytest.param(
            ON_24_OFF_48, "2026-01-02 08:29:59", ["A watch 01-01"], id="24h-until-the-end"
        ),
        pytest.param(ON_24_OFF_48, "2026-01-02 08:30", ["B watch 01-02"], id="24h-hand-over"),
        pytest.param(
            DAY_AND_CALL, "2026-01-01 12:00", ["B day 01-01", "A day 01-01"], id="two-by-day"
        ),
        pytest.param(DAY_AND_CALL, "2026-01-02 03:00", ["A call 01-01"], id="call-over-midnight"),
        pytest.param(
            LATE_NIGHT, "2026-01-02 05:59", ["A night 01-01"], id="night-of-the-day-before"
        ),
        pytest.param(LATE_NIGHT, "2026-01-02 06:00", [], id="nobody-by-day"),
    ],
)
def test_the_crew_of_a_moment(who: Roster, when: str, expected: list[str]) -> None:
    assert sorted(told(duties(who, at(when), SHANGHAI))) == sorted(expected)


def test_people_at_their_post_come_before_people_on_call() -> None:
    everybody = roster(
        list(DAY_AND_CALL.shifts.values()), [("call",), ("day",)], [crew("A", 0), crew("B", 1)]
    )
    both = roster(
        [
            Shift(name="day", start_minute=480, length_minutes=600),
            Shift(name="call", start_minute=480, length_minutes=600, on_call=True),
        ],
        [("call",), ("day",)],
        [crew("A", 0), crew("B", 1)],
    )
    assert told(duties(both, at("2026-01-01 09:00"), SHANGHAI)) == ["B day 01-01", "A call 01-01"]
    assert told(duties(everybody, at("2026-01-01 20:00"), SHANGHAI)) == ["A call 01-01"]


def test_a_shift_ends_when_the_clock_on_the_wall_says_so_where_clocks_change() -> None:
    night = roster(
        [Shift(name="night", start_minute=22 * 60, length_minutes=480)],
        [("night",)],
        [crew("A", 0)],
    )
    (duty,) = duties(night, at("2026-03-29 01:00", BERLIN), BERLIN)
    assert (duty.ends_us - duty.starts_us) // 3_600_000_000 == 7  # the hour that was skipped
    assert duties(night, at("2026-03-29 06:00", BERLIN), BERLIN) == ()


def plain(who: Roster, moment: datetime) -> set[str]:
    """The definition: every day from long before, every crew, every shift, by wall time."""
    found = set()
    for back in range(3):
        day = moment.date() - timedelta(days=back)
        for each in who.crews:
            step = ((day - who.anchor).days + each.offset_days) % len(who.cycle)
            for name in who.cycle[step]:
                shift = who.shifts[name]
                starts = datetime.combine(day, datetime.min.time()) + timedelta(
                    minutes=shift.start_minute
                )
                if starts <= moment < starts + timedelta(minutes=shift.length_minutes):
                    found.add(f"{each.name} {name} {day:%m-%d}")
    return found


@given(
    st.sampled_from([FOUR_CREWS, ON_24_OFF_48, DAY_AND_CALL, LATE_NIGHT]),
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),
)
def test_it_agrees_with_the_plain_walk(who: Roster, moment: datetime) -> None:
    found = duties(who, from_datetime(moment.replace(tzinfo=UTC)), ZoneInfo("UTC"))
    assert set(told(found)) == plain(who, moment)
