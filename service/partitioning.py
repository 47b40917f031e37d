"""Which partition of the telemetry topic each station, asset, device and point of a site stands in.

The key of a message is its station. Stations that one linkage rule joins (a device of one sounds for
another) share the key of the first of them by name: an event, its command and the device's word are then
decided by one owner, in one order.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from domain.assets import Point
from domain.ids import AssetId, DeviceId, PointKey
from linkage.plan import LinkagePlan

DESK = 0  # the partition where what concerns no station is decided: users, approvals, judgements


def keys_of_stations(plan: LinkagePlan) -> dict[str, str]:
    """Station -> the key under which its messages stand. A site without stations has one key: its code."""
    stations = sorted({asset.station for asset in plan.assets.values()})
    leader = {station: station for station in stations}

    def find(station: str) -> str:
        while leader[station] != station:
            station = leader[station]
        return station

    for together in _joined(plan, stations):
        first, *others = sorted({find(station) for station in together})
        for other in others:
            leader[other] = first
    return {station: find(station) or plan.site for station in stations}


def _joined(plan: LinkagePlan, stations: Iterable[str]) -> Iterable[set[str]]:
    stands = {device.device_id: plan.asset(device.asset_id).station for device in plan.devices}
    for rule in plan.rules:
        heard = {plan.asset(asset_id).station for asset_id in rule.asset_ids} | rule.stations
        yield {stands[rule.device_id], *(heard or stations)}


@dataclass(frozen=True, slots=True)
class Partitioning:
    """Of one site over so many partitions."""

    count: int
    of_station: Mapping[str, int]
    key_of_station: Mapping[str, str]
    of_point: Mapping[PointKey, int]
    station_of_point: Mapping[PointKey, str]
    of_asset: Mapping[AssetId, int]
    of_device: Mapping[DeviceId, int]

    @classmethod
    def of(
        cls,
        plan: LinkagePlan,
        points: Iterable[Point],
        count: int,
        partition_of: Callable[[str, int], int],
    ) -> "Partitioning":
        """`partition_of` says where the producers put a key."""
        keys = keys_of_stations(plan)
        of_station = {station: partition_of(key, count) for station, key in keys.items()}
        of_asset = {asset_id: of_station[asset.station] for asset_id, asset in plan.assets.items()}
        station_of_point = {point.key: plan.asset(point.asset_id).station for point in points}
        return cls(
            count=count,
            of_station=of_station,
            key_of_station=keys,
            of_point={key: of_station[station] for key, station in station_of_point.items()},
            station_of_point=station_of_point,
            of_asset=of_asset,
            of_device={device.device_id: of_asset[device.asset_id] for device in plan.devices},
        )

    def partition_of_asset(self, asset_id: AssetId) -> int:
        """Of an asset that the site has no more: where the desk is."""
        return self.of_asset.get(asset_id, DESK)
