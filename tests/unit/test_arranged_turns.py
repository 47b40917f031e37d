"""Who turns when, against the plain walk: every arrangement in order, day by day, nothing indexed."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from domain.arrangements import Absence, Arrangement, Move, PlannedDay, PlannedDays, Swap, Turn
from domain.clock import from_datetime
from domain.ids import PersonId, TeamId
from domain.organisation import Holiday
from linkage.arrangements import Arrangements
from linkage.responsibility import Responsibility
from tests.support.people import A1, A2, B1, B2, C1, C2, OFFICE, PEOPLE, WATCH

CLOCK = ZoneInfo("UTC")
FIRST = date(2026, 6, 1)
PERSONS = st.sampled_from([A1, A2, B1, B2, C1, C2])
DAYS = st.integers(0, 5).map(lambda ahead: FIRST + timedelta(days=ahead))
SHIFTS = st.sampled_from(["白班", "夜班"])
TURNS = st.builds(Turn, person_id=PERSONS, duty_date=DAYS, shift=SHIFTS)
WHATS = st.one_of(
    st.builds(
        lambda given_, by, returned: {
            "swap": Swap(roster_id="watch", given=given_, by=by, returned=returned)
        },
        TURNS,
        PERSONS,
        st.one_of(st.none(), TURNS),
    ),
    st.builds(
        lambda person, day, shifts: {
            "planned": PlannedDays(
                roster_id="watch",
                days=(PlannedDay(person_id=person, duty_date=day, shifts=tuple(shifts)),),
            )
        },
        PERSONS,
        DAYS,
        st.sets(SHIFTS),
    ),
    st.builds(
        lambda person, crew: {
            "move": Move(
                person_id=person,
                team_id=TeamId("yw"),
                roster_id="watch" if crew else "",
                crew_id=crew,
            )
        },
        PERSONS,
        st.sampled_from(["", "a", "b", "c"]),
    ),
    st.builds(
        lambda day, working: {"holiday": Holiday(name="节", first=day, last=day, working=working)},
        DAYS,
        st.booleans(),
    ),
)
HOURS = st.integers(0, 6 * 24)


def moment(hours: int) -> int:
    return from_datetime(datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=hours))


@st.composite
def arrangements(draw: st.DrawFn) -> list[Arrangement]:
    found = []
    for number, what in enumerate(draw(st.lists(WHATS, max_size=5))):
        begins = draw(HOURS)
        ended = draw(st.one_of(st.none(), HOURS))
        found.append(
            Arrangement(
                arrangement_id=UUID(int=number),
                from_us=moment(begins),
                by="x",
                at_us=number,
                ended_at_us=None if ended is None else moment(ended),
                **what,
            )
        )
    return found


def plain_on_duty(every: list[Arrangement], hours: int) -> set[tuple[date, str, PersonId]]:
    """The definition."""
    at_us = moment(hours)
    holding = sorted(
        (
            each
            for each in every
            if each.from_us <= at_us and (each.ended_at_us is None or at_us < each.ended_at_us)
        ),
        key=lambda each: (each.from_us, each.at_us),
    )
    found = set()
    for back in (0, 1):
        day = (datetime(2026, 6, 1) + timedelta(hours=hours)).date() - timedelta(days=back)
        turns: dict[tuple[str, str], list[PersonId]] = {}
        moves = {each.move.person_id: each.move for each in holding if each.move}
        for crew in WATCH.crews:
            for shift in WATCH.cycle[((day - WATCH.anchor).days + crew.offset_days) % 3]:
                turns[crew.crew_id, shift] = [each for each in crew.persons if each not in moves]
                for move in moves.values():
                    if move.crew_id == crew.crew_id:
                        turns[crew.crew_id, shift].append(move.person_id)
        for each in holding:
            if each.swap:
                handed = [(each.swap.given, each.swap.by)]
                if each.swap.returned:
                    handed.append((each.swap.returned, each.swap.given.person_id))
                for turn, by in handed:
                    for (_, shift), persons in turns.items():
                        same = turn.duty_date == day and turn.shift == shift
                        if same and turn.person_id in persons and by not in persons:
                            persons[persons.index(turn.person_id)] = by
            for planned in each.planned.days if each.planned else ():
                if planned.duty_date != day:
                    continue
                for shift in WATCH.shifts:
                    of_shift = [persons for (_, name), persons in turns.items() if name == shift]
                    has = any(planned.person_id in persons for persons in of_shift)
                    if shift not in planned.shifts:
                        for persons in of_shift:
                            if planned.person_id in persons:
                                persons.remove(planned.person_id)
                    elif not has and of_shift:
                        of_shift[0].append(planned.person_id)
                    elif not has:
                        turns["alone", shift] = [planned.person_id]
        for (_, name), persons in turns.items():
            starts = datetime.combine(day, datetime.min.time()) + timedelta(
                minutes=WATCH.shifts[name].start_minute
            )
            now = datetime(2026, 6, 1) + timedelta(hours=hours)
            if starts <= now < starts + timedelta(hours=12):
                found |= {(day, name, person) for person in persons}
    return found


@given(arrangements(), HOURS)
def test_who_is_on_duty_agrees_with_the_plain_walk(every: list[Arrangement], hours: int) -> None:
    who = Responsibility(PEOPLE, CLOCK, arranged=Arrangements(every))
    found = {
        (duty.duty_date, duty.shift.name, person)
        for duty in who.on_duty("watch", moment(hours))
        for person in duty.crew.persons
    }
    assert found == plain_on_duty(every, hours)


@given(
    st.lists(
        st.tuples(PERSONS, st.one_of(st.none(), PERSONS)), max_size=6, unique_by=lambda x: x[0]
    )
)
def test_whatever_the_deputies_somebody_who_is_there_acts_or_nobody(
    leaves: list[tuple[PersonId, PersonId | None]],
) -> None:
    every = [
        Arrangement(
            arrangement_id=UUID(int=number),
            from_us=0,
            by="x",
            at_us=0,
            leave=Absence(person_id=person, deputy=deputy if deputy != person else None),
        )
        for number, (person, deputy) in enumerate(leaves)
    ]
    who = Responsibility(PEOPLE, CLOCK, arranged=Arrangements(every))
    away = {person for person, _ in leaves}
    for duty in who.on_duty("watch", moment(12)):
        assert not away & set(who.there(duty, moment(12)))


@given(st.dates(date(2026, 6, 1), date(2026, 12, 31)), st.booleans())
def test_a_holiday_changes_only_what_its_pattern_names(day: date, working: bool) -> None:
    marked = Holiday(name="节", first=day, last=day, working=working)
    plain = Responsibility(PEOPLE, CLOCK)
    who = Responsibility(PEOPLE, CLOCK, arranged=Arrangements((), [marked]))
    before = [duty.shift.name for duty in plain.turns_of_day(OFFICE, day)]
    after = [duty.shift.name for duty in who.turns_of_day(OFFICE, day)]
    changed = {(True, ()): ["白班"], (False, ("白班",)): ["听班"]}
    assert after == changed.get((working, tuple(before)), before)
    assert who.turns_of_day(WATCH, day) == plain.turns_of_day(WATCH, day)
