"""Lines of `run` and `demo`."""

import pytest

from service.demo import OIL, SIREN, example_site, ordinary_value
from service.running import line_of
from service.site.load import load


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"kind": "alarm_raised", "text": "10:00:03 35kV柳塬变 油温"}, "10:00:03 35kV柳塬变 油温"),
        ({"kind": "missed", "count": 7}, "… 7 lines left out: this console was too slow"),
        ({"kind": "new_kind", "device": "siren-1T"}, "new_kind device=siren-1T"),
    ],
)
def test_a_change_is_one_line(change: dict[str, object], line: str) -> None:
    assert line_of(change) == line


def test_the_rest_of_the_demo_station_stays_inside_its_limits() -> None:
    site = load(example_site())

    for point in site.points:
        for limit in point.limits:
            away = ordinary_value(point) - limit.value
            assert away * (1 if limit.condition in {"L", "LL"} else -1) > limit.deadband


def test_the_story_of_the_demo_is_about_things_of_the_example() -> None:
    site = load(example_site())

    assert OIL in {point.key for point in site.points}
    assert {SIREN, "voice-113"} == {device.device_id for device in site.devices}
