"""Finds devices and points by what a person types: a number, a name, initials of pinyin."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from domain.ids import AssetId, PointKey
from service.who import initials
from web.shell import Visit


@dataclass(frozen=True, slots=True)
class Places:
    """What was found; None where nothing was asked for."""

    asset_ids: frozenset[AssetId] | None = None
    points: frozenset[PointKey] = frozenset()


def places(visit: Visit, words: str = "", station: str = "", asset: str = "") -> Places:
    """113, 联合站, lhz, 油温, yw; bounded to the stations that the user may see."""
    wanted = words.strip().lower()
    mine = _in_sight(visit, station, asset)
    if not wanted:
        everything = not station and not asset and not visit.user.stations
        return Places() if everything else Places(frozenset(mine))
    assets = frozenset(
        asset_id for asset_id, name in mine.items() if wanted in name or wanted in _initials(name)
    )
    points = frozenset(
        point.key
        for point in visit.console.site.points
        if point.asset_id in mine
        and (wanted == point.key.lower() or _is_named(point.signal, wanted))
    )
    return Places(assets, points)


def stations_in_sight(visit: Visit) -> Collection[str]:
    stations = {asset.station for asset in visit.console.site.assets.values()}
    return sorted(station for station in stations if visit.user.in_scope(station))


def _in_sight(visit: Visit, station: str, asset: str) -> Mapping[AssetId, str]:
    """Devices and posts by id, with everything by which they may be called."""
    posts = {post.asset_id: visit.console.asset(post.asset_id) for post in visit.console.plan.posts}
    return {
        asset_id: f"{asset_id} {each.station} {each.bay} {each.name}".lower()
        for asset_id, each in (*visit.console.site.assets.items(), *posts.items())
        if visit.user.in_scope(each.station)
        and (not station or each.station == station)
        and (not asset or asset_id == asset)
    }


def _is_named(signal: str, wanted: str) -> bool:
    return wanted in signal.lower() or wanted == _initials(signal)


@cache
def _initials(name: str) -> str:
    return initials(name)
