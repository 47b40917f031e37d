"""Learned detectors: how rare a score is, what is expected, and when an alarm is told."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.judgement.day_memory import DAY_US, DayMemory, distances
from detectors.judgement.forecast import Forecast, ForecastConfig
from detectors.judgement.hold import Hold, HoldConfig
from detectors.judgement.level import Level, LevelConfig
from detectors.judgement.registry import Channel, Judge, Kind, build_judge
from detectors.judgement.sensors import Balance, SensorConfig, Sensors
from detectors.judgement.tail import TailConfig, TailTable
from detectors.judgement.tick import Tick

MINUTES_5_US = 300_000_000
HOUR_US = 3_600_000_000
ALL = np.ones(1, np.bool_)


def learnt_tail(scores: NDArray[np.float64], config: TailConfig | None = None) -> TailTable:
    table = TailTable(1, config or TailConfig())
    for score in scores:
        table.learn(np.array([score]), ALL)
    return table


def test_rarity_is_the_tail_probability_of_the_streams_own_past() -> None:
    past = np.random.default_rng(0).exponential(3.0, 8_000)
    table = learnt_tail(past)
    for probability in (1e-2, 1e-3, 1e-4, 1e-5):
        score = np.array([-3.0 * np.log(probability)])
        assert table.rarity(score)[0] == pytest.approx(-np.log10(probability), rel=0.15)


def test_rarity_does_not_depend_on_the_unit() -> None:
    past = np.random.default_rng(0).exponential(1.0, 2_000)
    score = np.array([9.0])
    small, large = learnt_tail(past), learnt_tail(past * 1e9)
    assert small.rarity(score)[0] == pytest.approx(large.rarity(score * 1e9)[0], rel=1e-9)


def test_what_is_usual_or_missing_is_not_rare() -> None:
    table = learnt_tail(np.random.default_rng(0).exponential(1.0, 1_000))
    assert table.rarity(np.array([0.5])) == 0.0
    assert table.rarity(np.array([np.nan])) == 0.0
    assert TailTable(1).rarity(np.array([1e9])) == 0.0, "nothing is known yet"


def test_what_is_too_rare_is_not_learnt() -> None:
    past = np.concatenate([np.random.default_rng(0).exponential(1.0, 1_000), np.full(200, 60.0)])
    naive, careful = learnt_tail(past), learnt_tail(past, TailConfig(learns_below=4.0))
    assert naive.rarity(np.array([60.0]))[0] < 2.0
    assert careful.rarity(np.array([60.0]))[0] > 8.0


def test_the_past_of_one_stream_says_nothing_about_another() -> None:
    table = TailTable(2)
    for score in np.random.default_rng(0).exponential(1.0, (1_000, 2)) * [1.0, 100.0]:
        table.learn(score, np.array([True, True]))
    rarity = table.rarity(np.array([50.0, 50.0]))
    assert rarity[0] > 10.0
    assert rarity[1] == 0.0


def residuals(values: Sequence[float], config: ForecastConfig) -> NDArray[np.float64]:
    forecast = Forecast(1, config)
    found = []
    for row, value in enumerate(values):
        found.append(forecast.residual(np.array([value]), row % 24 / 24)[0])
        forecast.learn(ALL)
    return np.array(found)


def test_the_forecast_learns_what_a_stream_does() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 3_000)
    values = np.zeros(3_000)
    for row in range(2, 3_000):
        values[row] = 1.5 * values[row - 1] - 0.7 * values[row - 2] + noise[row]
    found = residuals((1e6 + 1e3 * values).tolist(), ForecastConfig(lags=4, averages=()))
    assert np.nanstd(found[1_000:]) == pytest.approx(1e3, rel=0.05)


def test_a_gap_is_no_jump() -> None:
    values = [*np.linspace(0, 10, 300), *[np.nan] * 50, *np.linspace(60, 70, 30)]
    found = residuals(values, ForecastConfig(lags=3, averages=()))
    assert np.isnan(found[300:353]).all()


def test_the_same_hour_of_earlier_days() -> None:
    memory = DayMemory(1, HOUR_US, days=3)
    start = 20_000 * DAY_US
    for hour in range(48):
        memory.keep(start + hour * HOUR_US, np.array([float(hour % 24)]))
    now = start + 48 * HOUR_US + 6 * HOUR_US
    outside, usual = distances(np.array([9.0]), memory.around(now, HOUR_US))
    assert outside == [2.0], "yesterday it was 5 to 7 around this hour"
    assert usual == [2.0]
    assert memory.at(now, 1) == [6.0]
    assert np.isnan(memory.at(now, 3)).all(), "there was no such day"


def test_silence_after_an_alarm_and_escalation_within() -> None:
    hold = Hold(1, HoldConfig(limit=5.0, silent_rows=3, escalates_by=2.0))
    told = [
        (bool(alarm[0]), bool(worse[0]))
        for alarm, worse in (
            hold.decide(np.array([rarity])) for rarity in (4.9, 5.0, 6.0, 7.0, 7.5, 5.0)
        )
    ]
    assert told == [
        (False, False),
        (True, False),
        (False, False),
        (False, True),
        (False, False),
        (True, False),
    ]
    assert hold.withheld == [2]


def test_a_process_alarms_at_five_spreads_until_it_is_back() -> None:
    noise = np.random.default_rng(0).normal(0, 1, (900, 3))
    noise[500:600, 1] += 8.0
    level = Level(3, LevelConfig())
    alarms = [level.alarm(level.deviations(row)) for row in noise]
    assert not any(alarms[:500])
    assert all(alarms[510:600])
    assert not any(alarms[640:])


def test_a_still_channel_is_not_infinitely_sure() -> None:
    level = Level(1, LevelConfig(learnt_rows=100))
    for _ in range(100):
        level.deviations(np.array([1.0]))
    assert np.isfinite(level.deviations(np.array([1.0]))).all()


def suspects(rows: Sequence[Sequence[float]], balances: Sequence[Balance] = ()) -> list[list[int]]:
    sensors = Sensors(len(rows[0]), SensorConfig(frozen_rows=5, lost_rows=3), [0], balances)
    return [np.flatnonzero(sensors.suspects(np.array(row))).tolist() for row in rows]


def test_a_sensor_that_repeats_itself_while_its_peers_move_is_suspect() -> None:
    rows = [[7.0, float(row), float(row)] for row in range(6)]
    assert suspects(rows) == [[], [], [], [], [0], [0]]


def test_a_source_that_repeats_its_last_record_says_nothing_about_a_sensor() -> None:
    assert suspects([[7.0, 1.0, 2.0]] * 20) == [[]] * 20


def test_loads_that_stand_still_and_contradict_their_balance_are_lost() -> None:
    loads = [[20.0 + row / 7, 10.0 + row, 6.0 + row / 2, 4.0 + row / 2] for row in range(40)]
    balance = [Balance(1, (2, 3))]
    lost = [*loads[:30], *([row[0], 0.0, 0.0, row[3]] for row in loads[30:])]
    assert suspects(loads, balance) == [[]] * 40
    assert suspects(lost, balance)[-1] == [1, 2]


def test_what_cannot_be_is_suspect_at_once() -> None:
    sensors = Sensors(2, SensorConfig(), [0], units=["degC", "MW"])
    rows = [
        ((20.0, 1.0), []),
        ((300.0, 1.1), [0]),  # out of range
        ((20.0, 1.2), [0]),  # back by 280 K at once
        ((21.0, 9e9), []),  # of a power nothing is known
        ((np.nan, 1.3), []),
        ((np.nan, 1.4), []),
        ((np.nan, 1.5), [0]),  # silent while its peer speaks
        ((np.nan, np.nan), []),  # the source is silent, not the sensor
        ((22.0, 1.6), []),
    ]
    found = [np.flatnonzero(sensors.suspects(np.array(row))).tolist() for row, _ in rows]
    assert found == [suspect for _, suspect in rows]


@pytest.fixture(params=list(Kind))
def judge_and_rows(request: pytest.FixtureRequest) -> tuple[Kind, NDArray[np.float64]]:
    """950 rows of an oil temperature with loads, of a day's rhythm, of a machine."""
    noise = np.random.default_rng(5)
    rows = np.arange(950)
    day = np.sin(rows * 2 * np.pi / 24)
    match request.param:
        case Kind.THERMAL:
            columns = [noise.normal(5, 1, 950), 30 + 5 * day + noise.normal(0, 0.5, 950)]
        case Kind.RHYTHM:
            columns = [10 + day + noise.normal(0, 0.2, 950)]
        case _:
            columns = [noise.normal(0, 1, 950), noise.normal(3, 1, 950)]
    return request.param, np.array(columns).T


def judge_of(kind: Kind, channels: int) -> Judge:
    units = ["MW"] * (channels - 1) + ["degC" if kind is Kind.THERMAL else "MW"]
    names = [Channel(f"channel-{place}", unit) for place, unit in enumerate(units)]
    return build_judge(kind, names, HOUR_US)


def scores_of(kind: Kind, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    judge = judge_of(kind, rows.shape[1])
    start = 20_000 * DAY_US
    return np.array(
        [judge.tick(Tick(start + row * HOUR_US, values)).raw for row, values in enumerate(rows)]
    )


def test_no_score_sees_a_later_row(judge_and_rows: tuple[Kind, NDArray[np.float64]]) -> None:
    kind, rows = judge_and_rows
    other = rows.copy()
    other[800:] = 1e3
    assert np.array_equal(scores_of(kind, rows)[:800], scores_of(kind, other)[:800])


def test_a_gross_deviation_stands_out(
    judge_and_rows: tuple[Kind, NDArray[np.float64]],
) -> None:
    kind, rows = judge_and_rows
    rows[900:910, -1] += 50.0
    found = scores_of(kind, rows).max(axis=1)
    assert found[900:910].max() > 1.5 * found[700:900].max()


def test_streams_together_are_judged_as_each_alone() -> None:
    noise = np.random.default_rng(6).normal(0, 1, (600, 3))
    together = scores_of(Kind.RHYTHM, noise)
    alone = np.hstack([scores_of(Kind.RHYTHM, noise[:, [column]]) for column in range(3)])
    assert np.allclose(together, alone)


def test_silence_and_garbage_never_alarm(
    judge_and_rows: tuple[Kind, NDArray[np.float64]],
) -> None:
    kind, rows = judge_and_rows
    rows[700:800] = np.nan
    judge = judge_of(kind, rows.shape[1])
    for row, values in enumerate(rows):
        found = judge.tick(Tick((480_000 + row) * HOUR_US, values))
        assert np.isfinite(found.raw).all()
        if 700 <= row < 800:
            assert not found.alarm.any()
