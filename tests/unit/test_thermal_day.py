"""The day of a transformer as its page shows it: by the model's own vectors, with gaps and bad quality."""

from collections.abc import Mapping, Sequence
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from detectors.judgement import thermal
from detectors.judgement.thermal import Nameplate
from domain.clock import MINUTE_US
from domain.ids import AssetId
from domain.plates import Plate
from domain.readings import Quality
from service.model_store import Models, ModelStore
from service.thermal_day import DAY_US, Series, ThermalDay, learnt_plate, thermal_day

T1 = AssetId("LY/1T")
NOW_US = 1_790_000_000_000_000
GOOD = int(Quality.GOOD)
Row = tuple[int, float | None, int]


def series(rows: Sequence[Row]) -> Series:
    return {
        "times": [row[0] for row in rows],
        "values": [row[1] for row in rows],
        "qualities": [row[2] for row in rows],
    }


def steadily(value: float, from_min: int = 25 * 60, until_min: int = 0) -> list[Row]:
    """Every minute, from so many minutes ago."""
    return [(NOW_US - minute * MINUTE_US, value, GOOD) for minute in range(from_min, until_min, -1)]


def day(told: Mapping[str, list[Row]], plate: Plate | None = None) -> ThermalDay | None:
    def ask(point: str, from_us: int, to_us: int) -> Mapping[str, Any]:
        assert from_us < to_us == NOW_US
        return series([row for row in told.get(point, []) if from_us <= row[0] < to_us])

    return thermal_day(T1, "W/ambient_temp", plate or Plate(), None, ask, NOW_US)


RATED = thermal.steady(Nameplate(), 1.0, 20.0)
AT_RATED: Mapping[str, list[Row]] = {
    "LY/1T/top_oil_temp": steadily(RATED.oil),
    "LY/1T/load_factor": steadily(1.0),
    "W/ambient_temp": steadily(20.0),
}


def test_a_day_at_rated_load_stays_where_it_is_and_ages_by_its_hot_spot() -> None:
    found = day(AT_RATED)
    assert found is not None
    assert found.hot_spot == pytest.approx(20.0 + 60.0 + 22.1, abs=0.01)
    assert found.ageing_rate == pytest.approx(2.0 ** ((102.1 - 98.0) / 6.0), rel=1e-3)
    assert found.life_lost_days * 24.0 == pytest.approx(found.hours * found.ageing_rate, rel=1e-3)
    assert found.hours == pytest.approx(24.0, abs=0.1)
    assert set(found.day.expected) == {round(RATED.oil, 1)}
    assert len(found.ahead.times_us) == 30
    assert found.ahead.times_us[0] > found.day.times_us[-1]


def test_what_the_plate_says_is_what_the_model_goes_by() -> None:
    found = day(AT_RATED, Plate(oil_rise_k=40.0))
    assert found is not None
    assert found.plate.oil_rise_k == 40.0
    expected = found.day.expected
    assert expected[0] == round(RATED.oil, 1), "it begins at what is measured"
    assert expected[-1] == pytest.approx(20.0 + 40.0, abs=0.5), "and goes where the plate leads"


def test_after_a_gap_the_model_begins_anew_and_the_gap_is_not_counted() -> None:
    broken = [
        row for row in steadily(RATED.oil - 20.0) if not 300 <= (NOW_US - row[0]) / MINUTE_US < 600
    ]
    found = day({**AT_RATED, "LY/1T/top_oil_temp": broken})
    assert found is not None
    assert found.hours == pytest.approx(24.0 - 5.0 + 1.0, abs=0.2), "an hour of it was held"
    gap = max(
        range(1, len(found.day.times_us)),
        key=lambda at: found.day.times_us[at] - found.day.times_us[at - 1],
    )
    assert found.day.expected[gap] == round(RATED.oil - 20.0, 1)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"W/ambient_temp": []}, id="no-ambient"),
        pytest.param({"LY/1T/load_factor": []}, id="no-load"),
        pytest.param(
            {"LY/1T/top_oil_temp": steadily(80.0, until_min=180)}, id="silent-for-three-hours"
        ),
        pytest.param(
            {"LY/1T/top_oil_temp": [(at, v, int(Quality.INVALID)) for at, v, _ in steadily(80.0)]},
            id="invalid",
        ),
        pytest.param(
            {"LY/1T/load_factor": [(at, None, GOOD) for at, _, _ in steadily(1.0)]}, id="no-number"
        ),
    ],
)
def test_without_an_input_there_is_no_day(changed: Mapping[str, list[Row]]) -> None:
    assert day({**AT_RATED, **changed}) is None


def test_a_load_that_cannot_be_is_taken_as_the_models_greatest() -> None:
    found = day({**AT_RATED, "LY/1T/load_factor": steadily(900.0)})
    assert found is not None
    assert isclose(found.hot_spot, thermal.steady(Nameplate(), 2.5, 20.0).hot_spot, rel_tol=0.05)


def test_a_learnt_plate_is_read_from_the_models_and_a_broken_model_is_none(tmp_path: Path) -> None:
    assert learnt_plate(tmp_path, T1) is None
    learnt = Nameplate(oil_rise_k=45.0)
    ModelStore(tmp_path / "models").keep(
        Models(version=1, from_us=NOW_US - DAY_US, to_us=NOW_US, plates={T1: learnt})
    )
    assert learnt_plate(tmp_path, T1) == learnt
    (tmp_path / "models" / "000001" / "arrays.npz").write_bytes(b"no arrays")
    assert learnt_plate(tmp_path, T1) is None
