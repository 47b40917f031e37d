"""Which partition a station stands in."""

from dataclasses import replace
from pathlib import Path

import pytest

from domain.ids import AssetId, DeviceId, PointKey
from ingest.kafka import partition_of
from linkage.plan import LinkageRule
from service.partitioning import Partitioning, keys_of_stations
from service.site.load import load
from service.site.model import Site
from tests.support.partitioned import STATIONS, partitioned_site, siren_of


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    points = [f"P/{number}" for number in range(16)]
    return load(partitioned_site(tmp_path_factory.mktemp("site"), 1883, points))


@pytest.mark.parametrize(
    ("key", "hashed"),
    [  # of the Java client's own tests
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("abc", 479470107),
    ],
)
def test_a_key_goes_where_every_standard_producer_puts_it(key: str, hashed: int) -> None:
    assert partition_of(key, 1_000) == (hashed & 0x7FFF_FFFF) % 1_000


def test_a_station_without_rules_beyond_itself_has_its_own_key(site: Site) -> None:
    assert keys_of_stations(site.plan()) == {station: station for station in STATIONS}


def test_stations_that_a_rule_joins_share_the_key_of_the_first_by_name(site: Site) -> None:
    far, near = sorted(STATIONS[:2], reverse=True)
    joining = LinkageRule(
        rule_id="joins",
        device_id=DeviceId(siren_of(STATIONS.index(near))),
        stations=frozenset({far}),
    )
    keys = keys_of_stations(replace(site.plan(), rules=(*site.rules, joining)))
    assert keys[far] == keys[near] == near
    assert len(set(keys.values())) == len(STATIONS) - 1


def test_a_rule_for_every_station_joins_all_of_them(site: Site) -> None:
    everywhere = LinkageRule(rule_id="all", device_id=DeviceId(siren_of(0)))
    keys = keys_of_stations(replace(site.plan(), rules=(*site.rules, everywhere)))
    assert set(keys.values()) == {min(STATIONS)}


def test_point_asset_and_device_of_a_station_stand_in_one_partition(site: Site) -> None:
    places = Partitioning.of(site.plan(), site.points, 5, partition_of)
    for number, station in enumerate(STATIONS):
        wanted = partition_of(station, 5)
        assert places.of_asset[AssetId(f"S{number}/1T")] == wanted
        assert places.of_device[DeviceId(siren_of(number))] == wanted
        assert places.of_point[PointKey(f"P/{number}")] == wanted
    assert places.partition_of_asset(AssetId("gone")) == 0


def test_a_site_without_stations_has_one_key(tmp_path: Path) -> None:
    site = load(Path(__file__).parents[2] / "examples" / "ett-replay")
    plan = site.plan()
    nowhere = {key: replace(asset, station="") for key, asset in plan.assets.items()}
    assert set(keys_of_stations(replace(plan, assets=nowhere)).values()) == {plan.site}
