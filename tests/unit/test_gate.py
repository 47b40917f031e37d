"""The gate's time rules, one by one, and against a plain reference however the readings are grouped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from domain.clock import MINUTE_US, NEVER_US, SECOND_US
from domain.ids import SourceId
from domain.readings import Origin, Quality, Readings
from domain.records import ClockRebased
from ingest.gate import Gate
from service.counting import Counted

SOURCE = SourceId("liuyuan")
NOON = 1_763_863_200 * SECOND_US
POINTS = 3
NAN = float("nan")

Row = tuple[int, int, int, float, int, int]  # the columns of Readings
Passed = list[Row | ClockRebased]


def s(seconds: float) -> int:
    return NOON + round(seconds * SECOND_US)


def row(
    time: float,
    value: float = 1.0,
    *,
    at: float | None = None,
    point: int = 0,
    origin: Origin = Origin.LIVE,
    quality: Quality = Quality.GOOD,
) -> Row:
    """A reading with its time and arrival in seconds after noon; it arrives at its time unless told."""
    return (point, s(time), s(time if at is None else at), value, quality, origin)


def rows_of(readings: Readings) -> list[Row]:
    columns = (
        readings.point,
        readings.event_time,
        readings.arrival_time,
        readings.value,
        readings.quality,
        readings.origin,
    )
    return list(zip(*(column.tolist() for column in columns), strict=True))


def flat(passed: Sequence[Readings | ClockRebased]) -> Passed:
    out: Passed = []
    for piece in passed:
        out += rows_of(piece) if isinstance(piece, Readings) else [piece]
    return out


class Case:
    """A gate with its counters, fed one group per call."""

    def __init__(self) -> None:
        self.counters = Counted()
        self.gate = Gate(SOURCE, self.counters, POINTS)

    def admit(self, *rows: Row) -> Passed:
        return flat(self.gate.admit(Readings.from_rows(rows)))

    def counts(self) -> dict[str, int]:
        labels = "{source=liuyuan}"
        return {
            name.removesuffix(labels): count for name, count in self.counters.snapshot().items()
        }


@pytest.fixture
def case() -> Case:
    return Case()


def with_origin(one: Row, origin: Origin) -> Row:
    return (*one[:5], origin)


def test_newer_readings_pass_as_they_are(case: Case) -> None:
    rows = [row(0), row(0, point=1), row(1), row(2, origin=Origin.STATE)]
    assert case.admit(*rows) == rows
    assert case.counts() == {}


def test_a_repeat_is_dropped_and_counted(case: Case) -> None:
    assert case.admit(row(0, 5.0), row(1, 6.0)) == [row(0, 5.0), row(1, 6.0)]
    assert case.admit(row(1, 6.0), row(0, 5.0)) == []
    assert case.counts() == {"repeats": 2}


def test_another_value_under_the_same_time_is_a_conflict_and_the_first_stands(case: Case) -> None:
    assert case.admit(row(0, 5.0), row(0, 7.0)) == [row(0, 5.0)]
    assert case.admit(row(0, 7.0), row(0, 5.0)) == []
    assert case.counts() == {"conflicts": 2, "repeats": 1}


def test_unknown_values_repeat_each_other(case: Case) -> None:
    case.admit(row(0, NAN))
    assert case.admit(row(0, NAN)) == []
    assert case.counts() == {"repeats": 1}


def test_the_last_eight_times_are_known_and_the_ninth_is_late(case: Case) -> None:
    case.admit(*[row(second) for second in range(9)])
    assert case.admit(row(1)) == []
    assert case.admit(row(0)) == [with_origin(row(0), Origin.HISTORY)]
    assert case.counts() == {"repeats": 1, "late": 1}


def test_a_late_reading_becomes_history_and_does_not_move_the_clock(case: Case) -> None:
    case.admit(row(10))
    assert case.admit(row(5, at=11)) == [with_origin(row(5, at=11), Origin.HISTORY)]
    assert case.admit(row(10.5)) == [row(10.5)]
    assert case.counts() == {"late": 1}


def test_a_reading_ten_minutes_ahead_gets_its_arrival_time_and_a_doubtful_quality(
    case: Case,
) -> None:
    assert case.admit(row(600, 7.0, at=1)) == [
        (0, s(1), s(1), 7.0, Quality.QUESTIONABLE, Origin.TIME_SUBSTITUTED)
    ]
    assert case.admit(row(0.5)) == [row(0.5)], "it must not have moved the clock"
    assert case.counts() == {"time_substituted": 1}


def test_five_minutes_ahead_are_believed_and_a_worse_quality_stays(case: Case) -> None:
    assert case.admit(row(300, at=0)) == [row(300, at=0)]
    invalid = case.admit(row(601, at=300, quality=Quality.INVALID))
    assert invalid == [(0, s(300), s(300), 1.0, Quality.INVALID, Origin.TIME_SUBSTITUTED)]


def test_a_back_fill_of_one_point_then_another_is_in_order_for_each(case: Case) -> None:
    rows = [row(second, at=100, point=point) for point in (0, 1) for second in range(61)]
    assert case.admit(*rows) == rows
    assert case.counts() == {}


def test_three_readings_behind_at_live_pace_set_the_clock_back(case: Case) -> None:
    case.admit(row(3600))
    back = [row(second, at=3600 + second) for second in (1, 2, 3)]
    assert case.admit(*back) == [
        with_origin(back[0], Origin.HISTORY),
        with_origin(back[1], Origin.HISTORY),
        ClockRebased(at_us=s(3603), source_id=SOURCE, point=0, from_us=s(3600), to_us=s(3) - 1),
        back[2],
    ]
    assert case.admit(row(4, at=3604)) == [row(4, at=3604)]
    assert case.counts() == {"late": 2, "clock_rebased": 1}


STEPS_BACK = {
    "ten-seconds-apart": ([row(10 * n, at=3600 + 10 * n) for n in range(1, 9)], 3),
    "a-second-apart-and-jittery": (
        [row(n, at=3600 + n + 0.9 * (n % 3)) for n in range(1, 9)],
        4,
    ),
    "fifty-a-second": ([row(n / 50, at=3600 + n / 50) for n in range(1, 151)], 101),
    "in-batches-of-ten-seconds": ([row(n, at=3600 + n - n % 10) for n in range(40)], 11),
    "in-batches-and-from-the-middle-of-one": (
        [row(n, at=3600 + n - n % 10) for n in range(7, 40)],
        14,
    ),
    "after-a-burst-of-back-fill": (
        [row(n, at=3600) for n in range(60)] + [row(60 + n, at=3600 + n) for n in range(1, 9)],
        63,
    ),
    "our-own-clock-set-back-meanwhile": (
        [row(1, at=7200), row(2, at=7201)] + [row(n, at=3600 + n) for n in range(3, 12)],
        5,
    ),
}


@pytest.mark.parametrize(
    ("back", "rebased_at"), [pytest.param(*one, id=name) for name, one in STEPS_BACK.items()]
)
def test_a_step_back_shows_at_every_pace(case: Case, back: list[Row], rebased_at: int) -> None:
    """The reading, counted from the first behind the clock, that is believed."""
    case.admit(row(3600))
    passed = case.admit(*back)
    (place,) = [n for n, one in enumerate(passed, 1) if isinstance(one, ClockRebased)]
    assert place == rebased_at
    assert passed[place] == back[place - 1]


def test_times_of_before_the_step_are_no_repeats_after_it(case: Case) -> None:
    case.admit(row(3600, 1.0))
    case.admit(*[row(second, at=3600 + second) for second in (1, 2, 3)])
    assert case.admit(row(3600, 2.0, at=7200)) == [row(3600, 2.0, at=7200)]


@pytest.mark.parametrize(
    "back",
    [
        pytest.param([row(t, at=3601) for t in (1, 2, 3)], id="all-at-once"),
        pytest.param([row(60 * t, at=3600 + t) for t in (1, 2, 3)], id="faster-than-live"),
        pytest.param(
            [row(n / 50, at=3600 + n / 500) for n in range(1, 3000)], id="dense-ten-times-live"
        ),
        pytest.param(
            [row(n / 50, at=3600 + n / 90) for n in range(1, 3000)], id="dense-not-twice-live"
        ),
        pytest.param([row(n / 50, at=3601 + n / 1e5) for n in range(3)], id="three-dense-at-once"),
        pytest.param(
            [row(10 * n, at=3600 + n / 10) for n in range(300)], id="sparse-a-hundred-times-live"
        ),
        pytest.param(
            [row(10 * n + k / 50, at=3600 + n + k / 1e5) for n in range(50) for k in range(100)],
            id="dense-in-pieces",
        ),
        pytest.param([row(t, at=3600 + t) for t in (3, 2, 1)], id="falling"),
        pytest.param([row(t, at=3600 + t) for t in (1, 3, 2, 4)], id="not-three-in-a-row-rising"),
        pytest.param(
            [row(1, at=3601), row(3601), row(2, at=3602), row(3, at=3603)],
            id="broken-by-one-in-order",
        ),
        pytest.param(
            [row(3599 + t / 10, at=3600 + t / 10) for t in (1, 2, 3)], id="less-than-a-second"
        ),
        pytest.param(
            [row(t, at=3600 + t, origin=Origin.HISTORY) for t in (1, 2, 3)], id="said-to-be-history"
        ),
        pytest.param(
            [row(t, at=3600 + t, origin=Origin.STATE) for t in (1, 2, 3)], id="retained-state"
        ),
    ],
)
def test_what_is_no_step_back_stays_late(case: Case, back: list[Row]) -> None:
    case.admit(row(3600))
    assert not any(isinstance(one, ClockRebased) for one in case.admit(*back))
    assert "clock_rebased" not in case.counts()


def test_room_for_more_points_keeps_what_is_known(case: Case) -> None:
    case.admit(row(0))
    case.gate.make_room(POINTS + 5)
    assert case.admit(row(0), row(0, point=POINTS + 4)) == [row(0, point=POINTS + 4)]


# -- the plain reference: the definition ---------------------------------------------------------


@dataclass
class PlainPoint:
    clock: int = NEVER_US
    accepted: list[tuple[int, float]] = field(default_factory=list)  # the last eight
    behind: list[tuple[int, int]] = field(
        default_factory=list
    )  # (time, arrival) in a row, not at live pace so far


def plain_step_back(known: PlainPoint, time: int, arrival: int) -> bool:
    if len(known.behind) < 2 or known.clock - time <= SECOND_US:
        return False
    (time1, arrival1), (time2, _) = known.behind[0], known.behind[-1]
    here = arrival - arrival1
    return time > time2 and here >= 2 * SECOND_US and abs((time - time1) - here) <= here / 2


def plain_gate(rows: Sequence[Row]) -> Passed:
    points: dict[int, PlainPoint] = {}
    out: Passed = []
    for point, time, arrival, value, quality, origin in rows:
        known = points.setdefault(point, PlainPoint())
        if time > arrival + 5 * MINUTE_US:
            worse = Quality.QUESTIONABLE if quality == Quality.GOOD else quality
            out.append((point, arrival, arrival, value, worse, Origin.TIME_SUBSTITUTED))
            continue
        if time in [accepted for accepted, _ in known.accepted]:
            continue
        if time < known.clock:
            if origin == Origin.LIVE and plain_step_back(known, time, arrival):
                out.append(
                    ClockRebased(
                        at_us=arrival,
                        source_id=SOURCE,
                        point=point,
                        from_us=known.clock,
                        to_us=time - 1,
                    )
                )
                known.accepted.clear()
            else:
                out.append((point, time, arrival, value, quality, Origin.HISTORY))
                if known.clock - time <= SECOND_US:
                    known.behind.clear()
                    continue
                if known.behind and time <= known.behind[-1][0]:
                    known.behind.clear()
                if len(known.behind) > 1 and not 0 <= arrival - known.behind[0][1] < 2 * SECOND_US:
                    del known.behind[:-1]
                known.behind.append((time, arrival))
                continue
        known.clock = time
        known.accepted = [*known.accepted, (time, value)][-8:]
        known.behind.clear()
        out.append((point, time, arrival, value, quality, origin))
    return out


@st.composite
def arrivals(draw: st.DrawFn) -> list[Row]:
    """Mostly in order, with jumps: back, ahead, repeated; live pace and bursts."""
    rows: list[Row] = []
    now, offset = 0.0, 0.0
    for _ in range(draw(st.integers(0, 40))):
        now += draw(st.sampled_from([0.0, 0.4, 1.0, 1.0, 1.0, 3.0, -0.4]))
        offset = draw(st.sampled_from([offset] * 8 + [0.0, -0.5, -5.0, -30.0, 700.0]))
        rows.append(
            row(
                now + offset,
                draw(st.sampled_from([1.0, 2.0])),
                at=now,
                point=draw(st.integers(0, POINTS - 1)),
                origin=draw(st.sampled_from([Origin.LIVE] * 4 + [Origin.STATE, Origin.HISTORY])),
                quality=draw(st.sampled_from([Quality.GOOD, Quality.INVALID])),
            )
        )
    return rows


def in_groups(rows: list[Row], sizes: list[int]) -> list[list[Row]]:
    groups, rest = [], rows
    for size in sizes:
        groups.append(rest[:size])
        rest = rest[size:]
    return [*groups, rest]


@settings(max_examples=300)
@given(arrivals(), st.lists(st.integers(1, 12), max_size=10))
def test_the_gate_agrees_with_the_plain_loop_however_the_readings_are_grouped(
    rows: list[Row], sizes: list[int]
) -> None:
    case = Case()
    passed = [one for group in in_groups(rows, sizes) for one in case.admit(*group)]
    assert passed == plain_gate(rows)


@settings(max_examples=200)
@given(arrivals(), st.lists(st.integers(1, 12), max_size=10), st.integers(0, 10))
def test_replaying_what_passed_gives_the_same_state_from_any_checkpoint(
    rows: list[Row], sizes: list[int], checkpoint_at: int
) -> None:
    live, restored = Case().gate, Case().gate
    for number, group in enumerate(in_groups(rows, sizes)):
        for piece in live.admit(Readings.from_rows(group)):
            if number < checkpoint_at:
                continue
            if isinstance(piece, ClockRebased):
                restored.replay_rebase(piece.point, piece.to_us)
            else:
                restored.replay(piece)
        if number < checkpoint_at:
            restored.restore(live.arrays())
    assert_equal(live.arrays(), restored.arrays())


def assert_equal(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert left.keys() == right.keys()
    for name, array in left.items():
        np.testing.assert_array_equal(array, right[name], err_msg=name, strict=True)


@pytest.mark.parametrize(
    "reached",
    [
        pytest.param(lambda one: isinstance(one, ClockRebased), id="a-step-back"),
        pytest.param(
            lambda one: isinstance(one, tuple) and one[5] == Origin.TIME_SUBSTITUTED, id="far-ahead"
        ),
    ],
)
def test_the_random_rows_reach_the_rare_rules(
    reached: Callable[[Row | ClockRebased], bool],
) -> None:
    """Else the agreement above would say little."""
    any_will_do = settings(phases=[Phase.generate], max_examples=500)
    assert find(arrivals(), lambda rows: any(map(reached, plain_gate(rows))), settings=any_will_do)
