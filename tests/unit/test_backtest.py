"""Back-tests: today's limits give the stored day's events, and other limits are told by what they change."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from detectors.evaluate import DetectorState, evaluate
from domain.assets import Condition, ModeLevel, Point, Term
from domain.clock import MINUTE_US, SECOND_US
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.ids import PointKey
from domain.readings import Origin, Quality, Readings
from domain.records import LimitsActivated, ReadingsArrived, Record, SourceChanged, Ticked
from service import backtest
from service.backtest import DAY_US, Found, compare, floods_in, today
from storage.telemetry_duckdb import DuckDbTelemetry
from tests.support.limit_records import EPOCH_US, SOURCE, activated, limit, point

A, B, C = 7, 21, 22
WARM_UP_US = 5 * MINUTE_US  # a day of it would be gone through second by second
FROM_US = EPOCH_US + DAY_US
POINTS: tuple[Point, ...] = (
    point(
        limit(Condition.LOW, 20, on_delay=5),
        limit(Condition.HIGH, 80, deadband=2, on_delay=10, off_delay=10),
        replace(limit(Condition.RISE, 40), over_us=30 * SECOND_US),
        replace(limit(Condition.STUCK, 0.0), on_delay_us=120 * SECOND_US),
        replace(limit(Condition.DEVIATION, 50, on_delay=3), terms=(Term(point=PointKey("B")),)),
        number=A,
        key="A",
        stale_after=60,
    ),
    point(
        replace(
            limit(Condition.HIGH_HIGH, 90, off_delay=20),
            by_mode=(ModeLevel(value=85, point=PointKey("C"), state=1),),
        ),
        number=B,
        key="B",
        stale_after=45,
    ),
    point(replace(limit(Condition.CHANGE, 0, on_delay=2)), number=C, key="C"),
)
LIMITS = activated(*POINTS).limits


@pytest.fixture(autouse=True)
def _short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest, "WARM_UP_US", WARM_UP_US)


def walk(seed: int, hours: float) -> Iterator[Readings]:
    """One group a second at most, as a field would bring them: late, in gaps, of doubtful quality."""
    random = Random(seed)
    values = {A: 50.0, B: 60.0, C: 0.0}
    silent_until = dict.fromkeys(values, 0)
    for second in range(round(hours * 3600)):
        now_us = FROM_US + second * SECOND_US
        rows = []
        for number in values:
            if second < silent_until[number] or random.random() > 0.4:
                continue
            if random.random() < 0.01:
                silent_until[number] = second + random.choice([20, 70, 200])
            step = random.choice([-9, -3, 0, 0, 0, 3, 9])
            values[number] = float(random.random() < 0.3) if number == C else values[number] + step
            values[number] = min(100.0, max(0.0, values[number]))
            lag_us = random.choice([20_000, 40_000, 3 * SECOND_US if random.random() < 0.1 else 0])
            arrival_us = now_us + random.randrange(900_000)
            quality = Quality.QUESTIONABLE if random.random() < 0.02 else Quality.GOOD
            if random.random() < 0.01:
                quality = Quality.INVALID
            rows.append(
                (number, arrival_us - lag_us, arrival_us, values[number], quality, Origin.LIVE)
            )
        if rows:
            yield Readings.from_rows(sorted(rows, key=lambda row: row[2]))


def live(
    groups: Sequence[Readings], until_us: int, changes: Sequence[SourceChanged] = ()
) -> list[Event]:
    """As core goes through them: a tick each second of our clock."""
    records: list[Record] = [
        LimitsActivated(at_us=FROM_US - WARM_UP_US, limits=LIMITS),
        SourceChanged(at_us=FROM_US - WARM_UP_US, source_id=SOURCE, current=True),
    ]
    waiting, to_come = list(groups), list(changes)
    for tick_us in range(FROM_US - WARM_UP_US + SECOND_US, until_us + 1, SECOND_US):
        while to_come and to_come[0].at_us <= tick_us:
            records.append(to_come.pop(0))
        while waiting and waiting[0].arrival_time[0] <= tick_us:
            some = waiting.pop(0)
            at_us = int(some.arrival_time[-1])
            records.append(ReadingsArrived(at_us=at_us, source_id=SOURCE, readings=some))
        records.append(Ticked(at_us=tick_us))
    state, events = DetectorState.initial(), list[Event]()
    for record in records:
        state, found = evaluate(state, record)
        events += found
    return events


def facts(events: Sequence[Event], until_us: int) -> dict[object, tuple[object, ...]]:
    """What an alarm is, by its id: begun in the period, raised, ended; not when we happened to see it."""
    raised = {
        each.event_id: each
        for each in events
        if isinstance(each, AlarmRaised) and FROM_US <= each.raised_at_us < until_us
    }
    ended = {each.event_id: each for each in events if isinstance(each, AlarmCleared)}
    return {
        key: (
            each.point,
            each.condition,
            each.started_at_us,
            each.raised_at_us,
            str(each.value),
            str(each.limit),
            each.degraded,
            ended[key].ended_at_us if key in ended else None,
        )
        for key, each in raised.items()
    }


def told(alarms: Sequence[Found]) -> list[Event]:
    return [event for each in alarms for event in (each.raised, each.cleared) if event is not None]


def stored(folder: Path, groups: Sequence[Readings]) -> DuckDbTelemetry:
    telemetry = DuckDbTelemetry(folder / "telemetry.duckdb")
    telemetry.write(Readings.concat(groups), 1)
    return telemetry


@pytest.mark.parametrize("seed", range(3))
def test_todays_limits_over_the_stored_time_give_exactly_its_events(
    seed: int, tmp_path: Path
) -> None:
    groups = list(walk(seed, 1.0))
    until_us = FROM_US + 3600 * SECOND_US
    expected = facts(live(groups, until_us), until_us)
    assert len(expected) > 30
    assert len({each[1] for each in expected.values()}) >= 6
    history = stored(tmp_path, groups)
    trial = today(history, LIMITS, FROM_US, until_us)
    assert facts(told(trial.alarms), until_us) == expected
    history.close()


def test_a_lost_connection_is_not_in_the_history_and_adds_only_its_silence(tmp_path: Path) -> None:
    """Live, the lost source is told by itself, and its points are not called silent one by one."""
    groups = [
        Readings.from_rows([(A, at_us, at_us, value, Quality.GOOD, Origin.LIVE)])
        for second in (*range(60), *range(600, 660))
        for at_us in [FROM_US + second * SECOND_US]
        for value in [85.0 if 55 <= second < 60 else 50.0 + second % 2]
    ]
    until_us = FROM_US + 660 * SECOND_US
    changes = [
        SourceChanged(at_us=FROM_US + 60 * SECOND_US, source_id=SOURCE, current=False),
        SourceChanged(at_us=FROM_US + 599 * SECOND_US, source_id=SOURCE, current=True),
    ]
    lived = facts(live(groups, until_us, changes), until_us)
    history = stored(tmp_path, groups)
    tried = facts(told(today(history, LIMITS, FROM_US, until_us).alarms), until_us)
    history.close()
    assert {each[1] for each in lived.values()} == {Condition.RISE, Condition.HIGH}
    assert {key: tried[key] for key in lived} == lived
    assert [tried[key][:2] for key in tried.keys() - lived.keys()] == [("A", Condition.SILENCE)]


def test_a_long_period_in_great_steps_gives_the_same_as_second_by_second(tmp_path: Path) -> None:
    """Where readings are late by the same: only jumps of their delay need the seconds."""
    groups = [replace(some, event_time=some.arrival_time - 20_000) for some in walk(5, 3.0)]
    until_us = FROM_US + 3 * 3600 * SECOND_US
    history = stored(tmp_path, groups)
    exact = today(history, LIMITS, FROM_US, until_us)
    coarse = today(history, LIMITS, FROM_US, FROM_US + 4 * DAY_US)
    assert facts(told(coarse.alarms), until_us) == facts(told(exact.alarms), until_us)
    history.close()


def changed(condition: Condition, **facts: float) -> tuple[Point, ...]:
    """Point A with another limit."""
    (first, *rest) = POINTS
    limits = tuple(
        replace(each, **facts) if each.condition is condition else each  # type: ignore[arg-type]
        for each in first.limits
    )
    return replace(first, limits=limits), *rest


def test_another_limit_is_told_by_the_alarms_that_it_adds_and_removes(tmp_path: Path) -> None:
    groups = list(walk(1, 1.0))
    until_us = FROM_US + 3600 * SECOND_US
    history = stored(tmp_path, groups)
    lower = replace(LIMITS, version=2, points=changed(Condition.HIGH, value=70))
    shares: list[float] = []
    result = compare(history, LIMITS, lower, FROM_US, until_us, shares.append)
    assert result.added
    assert {each.raised.condition for each in result.added} == {Condition.HIGH}
    assert {each.raised.condition for each in result.removed} <= {Condition.HIGH}
    assert all(each.raised.limit == 70 for each in result.added)
    assert len(result.after.alarms) - len(result.before.alarms) == len(result.added) - len(
        result.removed
    )
    assert result.per_hour(result.added) == len(result.added)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    back = compare(history, lower, LIMITS, FROM_US, until_us)
    assert [each.raised.event_id for each in back.removed] == [
        each.raised.event_id for each in result.added
    ]
    history.close()


def test_a_longer_delay_removes_what_was_short(tmp_path: Path) -> None:
    groups = list(walk(2, 1.0))
    history = stored(tmp_path, groups)
    patient = replace(LIMITS, version=2, points=changed(Condition.HIGH, on_delay_us=60 * SECOND_US))
    result = compare(history, LIMITS, patient, FROM_US, FROM_US + 3600 * SECOND_US)
    assert result.removed
    assert result.added == []
    history.close()


def test_nothing_to_compare_is_said(tmp_path: Path) -> None:
    history = stored(tmp_path, list(walk(1, 0.01)))
    with pytest.raises(ValueError, match="nothing is different"):
        compare(history, LIMITS, LIMITS, FROM_US, FROM_US + SECOND_US)
    with pytest.raises(ValueError, match="ends before"):
        today(history, LIMITS, FROM_US, FROM_US)
    history.close()


def test_an_empty_history_has_its_silence(tmp_path: Path) -> None:
    """Nothing was ever heard: what stands began before the period, and nothing comes in it."""
    history = DuckDbTelemetry(tmp_path / "telemetry.duckdb")
    assert today(history, LIMITS, FROM_US, FROM_US + DAY_US).alarms == ()
    history.close()


@pytest.mark.parametrize("seed", range(20))
def test_floods_agree_with_a_plain_count(seed: int) -> None:
    random = np.random.default_rng(seed)
    moments = np.cumsum(random.choice([1, 20, 60, 400], 200)) * SECOND_US
    raised_us = moments.tolist()
    floods, most, begun = 0, 0, False
    for place, at_us in enumerate(raised_us):
        if begun:
            # between two alarms the window only empties: it was emptiest just before this one
            left = sum(1 for each in raised_us[:place] if each > at_us - 10 * MINUTE_US)
            begun = left >= 5
        count = sum(1 for each in raised_us[: place + 1] if each > at_us - 10 * MINUTE_US)
        most = max(most, count)
        if count > 10 and not begun:
            floods, begun = floods + 1, True
    assert floods_in(raised_us) == (floods, most)
