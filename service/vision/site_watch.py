"""A camera of the site folder as what the rules watch, for pictures of one size."""

from detectors.violations.ground import Ground, LivePart
from detectors.violations.subjects import Sureness
from detectors.violations.watch import WatchConfig
from detectors.violations.zones import Zone
from domain.cameras import Camera
from domain.cameras import Ground as SiteGround
from domain.clock import SECOND_US
from domain.distances import Distances
from domain.violations import Code, Place

# looked for wherever the camera looks; the others need an area
_EVERYWHERE = frozenset({Code.NO_HELMET, Code.NO_VEST, Code.NO_PLAN})
_IN_AREAS = frozenset({Code.IN_ZONE, Code.ALONE})


def watch_config(
    camera: Camera, size: tuple[int, int], sure: Sureness, distances: Distances
) -> WatchConfig:
    """`size`: width and height of its pictures. Raises UnusableGround, UnusableZone, ValueError."""
    codes = frozenset(Code(code) for code in camera.codes)
    near = camera.ground if Code.TOO_NEAR in codes else None
    return WatchConfig(
        camera=camera.camera_id,
        place=Place(station=camera.station, asset_id=camera.asset_id),
        everywhere=codes & _EVERYWHERE,
        zones=tuple(_zones(camera, codes & _IN_AREAS, size)),
        ground=_ground(near, size) if near else None,
        live_parts=_live_parts(near) if near else (),
        distances=distances if near else None,
        sure=sure,
    )


def _zones(camera: Camera, codes: frozenset[Code], size: tuple[int, int]) -> list[Zone]:
    """One for each asset of an area: a ticket for any of them is asked for at each."""
    width, height = size
    return [
        Zone(
            name=area.name,
            polygon=tuple((x * width, y * height) for x, y in area.polygon),
            place=Place(
                station=camera.station,
                asset_id=area.asset_ids[0] if area.asset_ids else None,
            ),
            rules=codes,
            dwell_us=round(area.dwell_s * SECOND_US),
            margin=max(size) / 100,
        )
        for area in camera.areas
    ]


def _ground(ground: SiteGround, size: tuple[int, int]) -> Ground:
    width, height = size
    return Ground.from_points(
        [(point.x * width, point.y * height) for point in ground.points],
        [(point.east_m, point.north_m) for point in ground.points],
    )


def _live_parts(ground: SiteGround) -> tuple[LivePart, ...]:
    return tuple(
        LivePart(name=part.name, kv=part.voltage_kv, outline=((part.east_m, part.north_m),))
        for part in ground.live_parts
    )
