"""A site of several stations, so that a topic of several partitions is used: points dealt out in turn, one
transformer and one siren at each station."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.support.sites import CODE, SOURCE

STATIONS = tuple(f"35kV{name}变" for name in ("东", "南", "西", "北", "中", "高", "低", "远"))


def siren_of(station: int) -> str:
    return f"siren-{station}"


def asset_of(station: int) -> str:
    return f"S{station}/1T"


def telemetry_topic_of(site: str = CODE) -> str:
    """Of Kafka."""
    return f"gridwarden.{site}.telemetry"


def station_of(place: int, block: int, stations: int = len(STATIONS)) -> int:
    """Of the point at this place, where `block` points in a row are of one station."""
    return place // block % stations


def partitioned_site(
    folder: Path,
    port: int,
    points: Sequence[str],
    *,
    block: int = 1,
    stations: int = len(STATIONS),
    limits: Iterable[str] | None = None,
    host: str = "127.0.0.1",
    confirm_within: str = "3s",
) -> Path:
    """`limits` are lines of YAML; without them four for each point, the upper ones level 1."""
    files = {
        "site.yaml": (
            f"name: test\ncode: {CODE}\nzone: Asia/Shanghai\n"
            "responsible: {name: 甲值正值, role: 当值负责人, because: 测试站由甲值负责}\n"
        ),
        f"sources/{SOURCE}.yaml": (
            f"id: {SOURCE}\nkind: mqtt\nhost: {host}\nport: {port}\nclient_id: core\n"
        ),
        "limits/limits.yaml": "limits:\n"
        + "".join(f"  - {line}\n" for line in (limits or map(_four, points))),
        "linkage.yaml": "devices:\n"
        + "".join(
            f"  - {{id: {siren_of(n)}, name: {STATIONS[n]}声光报警器, at: {asset_of(n)}, "
            f"valid_for: 5min, confirm_within: {confirm_within}}}\n"
            for n in range(stations)
        )
        + "rules:\n"
        + "".join(
            f"  - {{id: siren-{n}, at_least: urgent, stations: [{STATIONS[n]}], device: {siren_of(n)}}}\n"
            for n in range(stations)
        ),
    }
    for number in range(stations):
        ours = [
            point
            for place, point in enumerate(points)
            if station_of(place, block, stations) == number
        ]
        files[f"assets/station{number}.yaml"] = _station(number, ours)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _station(number: int, points: Iterable[str]) -> str:
    return (
        f"station: {STATIONS[number]}\nstaffing: unattended\nbays:\n"
        "  - name: 1号主变间隔\n    voltage: 35kV\n    devices:\n"
        f"      - id: {asset_of(number)}\n        name: 1号主变\n        points:\n"
        + "".join(
            f"          - {{key: {key}, signal: 油温, unit: degC, source: {SOURCE}, stale_after: never}}\n"
            for key in points
        )
    )


def _four(point: str) -> str:
    levels = {
        "LL": "{value: 10, priority: minor, mark: D}",
        "L": "{value: 20, priority: minor, mark: D}",
        "H": "{value: 85, priority: urgent, mark: D}",
        "HH": "{value: 105, priority: urgent, mark: D}",
    }
    return f"{{point: {point}, {', '.join(f'{level}: {said}' for level, said in levels.items())}}}"
