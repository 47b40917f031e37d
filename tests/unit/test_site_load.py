"""The example sites as they are loaded."""

from pathlib import Path

import pytest

from domain.assets import AlarmClass, Condition, Priority
from domain.clock import MINUTE_US, SECOND_US
from service.site.durations import BadDuration, parse_duration
from service.site.load import check, load

EXAMPLES = Path(__file__).parents[2] / "examples"
ONE_STATION = Path(__file__).parents[1] / "sites" / "one-station"


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_every_example_is_without_mistakes(name: str) -> None:
    assert check(EXAMPLES / name) == []


def test_a_point_carries_its_words_its_stale_time_and_its_limits() -> None:
    site = load(ONE_STATION)
    oil = next(point for point in site.points if point.key == "LY/1T/top_oil_temp")

    assert (oil.signal, oil.unit, oil.source_id) == ("油温", "degC", "liuyuan")
    assert oil.stale_after_us == 5 * MINUTE_US
    assert oil.silence_priority is Priority.MAJOR
    high, high_high = oil.limits
    assert (high.condition, high.value, high.deadband) == (Condition.HIGH, 85.0, 2.0)
    assert (high.on_delay_us, high.off_delay_us) == (10 * SECOND_US, 10 * SECOND_US)
    assert (high_high.condition, high_high.priority) == (Condition.HIGH_HIGH, Priority.URGENT)
    assert high_high.alarm_class is AlarmClass.LIMIT
    assert high_high.provenance.mark == "V"


def test_a_device_is_known_by_its_station_voltage_and_bay() -> None:
    site = load(ONE_STATION)
    transformer = next(asset for asset in site.assets.values() if asset.asset_id == "LY/1T")

    assert transformer.station == "35kV柳塬变"
    assert transformer.voltage == "35kV"
    assert transformer.bay == "1号主变间隔"
    assert transformer.name == "1号主变"


def test_a_source_listens_to_its_telemetry_and_to_the_field_devices() -> None:
    (source,) = load(ONE_STATION).sources

    assert [subscription.topic for subscription in source.subscriptions] == [
        "gridwarden/changqing-like/telemetry/liuyuan",
        "gridwarden/changqing-like/device/+/reply",
    ]


def test_points_take_the_numbers_of_the_records() -> None:
    site = load(EXAMPLES / "ett-replay")
    numbers = {point.key: 10 + row for row, point in enumerate(site.points)}

    active = site.active_limits(numbers, version=3)

    assert (active.site, active.version) == ("ett-replay", 3)
    assert {point.key: point.number for point in active.points} == numbers


def test_the_plan_knows_every_device_of_the_site() -> None:
    plan = load(ONE_STATION).plan()

    assert {device.device_id for device in plan.devices} == {"siren-1T", "voice-113"}
    assert plan.responsible
    assert plan.responsible.name == "甲值正值"
    assert plan.language == "zh-CN"


def test_another_broker_takes_the_place_of_every_source_and_its_login() -> None:
    site = load(ONE_STATION).at_broker("127.0.0.2", 2883)

    assert [(source.host, source.port, source.username) for source in site.sources] == [
        ("127.0.0.2", 2883, None)
    ]


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [("500ms", 500_000), ("60s", 60_000_000), ("1.5min", 90_000_000), ("2h", 7_200_000_000)],
)
def test_a_duration_is_a_number_and_a_unit(written: str, microseconds: int) -> None:
    assert parse_duration(written) == microseconds


@pytest.mark.parametrize("written", ["60", "s", "5 minutes", "1e3s", "", "5m", "٣s "])
def test_anything_else_is_no_duration(written: str) -> None:
    with pytest.raises(BadDuration):
        parse_duration(written)
