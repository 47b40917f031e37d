"""Cameras: where a picture comes from, and how the camera itself is. A dead eye is a fault like any other."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain.assets import Condition, Priority
from domain.ids import AssetId, BoxId, CameraId, DeviceId, SourceId, event_id

Picture = NDArray[np.uint8]  # (height, width, 3), blue green red


class CameraKind(StrEnum):
    RTSP = "rtsp"  # pulled over TCP
    FILE = "file"  # a recording, at its own pace
    MQTT = "mqtt"  # JPEG pictures that the camera or its box publishes
    BOX = "box"  # another maker's box looks at it, and only its proposals reach us


class CameraState(StrEnum):
    STARTING = "starting"  # no picture yet, and not for long
    LIVE = "live"
    DEAD = "dead"  # nothing comes
    FROZEN = "frozen"  # the same picture again and again
    DARK = "dark"  # covered, or the light is gone
    MOVED = "moved"  # it looks elsewhere than it was set up to
    BROKEN = "broken"  # among its pictures come some that are none
    UNWATCHED = "unwatched"  # it sees, and nothing can be recognised: the net cannot be used

    @property
    def sees(self) -> bool:
        """Whether what is not in its pictures may be taken for absent."""
        return self is CameraState.LIVE

    @property
    def shows(self) -> bool:
        """Whether the pictures that do come are worth a look."""
        return self in {CameraState.LIVE, CameraState.BROKEN}


def camera_event(site: str, camera_id: str, state: CameraState, began_at_us: int) -> UUID:
    """The alarm of one state of one camera."""
    return event_id(site, camera_id, f"{Condition.CAMERA} {state}", began_at_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedArea:
    """A part of the picture that nobody enters without a permitted ticket for the assets in it."""

    area_id: str
    name: str  # 1号主变间隔
    polygon: tuple[tuple[float, float], ...]  # corners in parts of the picture, 0 to 1
    asset_ids: tuple[AssetId, ...] = ()  # a ticket must be for one of them; none: for the station
    dwell_s: float = 2.0  # so long must a foot stand in it


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundPoint:
    """One place on the ground, in the picture and in metres."""

    x: float  # parts of the picture, 0 to 1
    y: float
    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePart:
    name: str  # 113出线套管
    voltage_kv: float
    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """How the picture lies on the ground. A distance from it is never better than `error_m`."""

    points: tuple[GroundPoint, ...]  # four or more, no three on one line
    error_m: float
    live_parts: tuple[LivePart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRule:
    """What the machine may propose, in the words of the site (DOMAIN C6)."""

    code: str  # PPE-01
    text: str  # 未戴安全帽
    grade: str = "general"  # or "serious"
    priority: Priority = Priority.MAJOR
    mark: str = "D"
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera as the site tells it. Its address never holds a password."""

    camera_id: CameraId
    name: str  # 柳塬变10kV高压室1号摄像机
    station: str
    asset_id: AssetId  # what it looks at, or the place's environment
    kind: CameraKind
    address: str  # rtsp://host:554/path, a file's path, or a topic
    source: SourceId | None = None  # whose broker carries the topic; None: the site's first
    username: str = ""
    password_env: str = ""  # the environment variable that holds the password
    frames_per_second: float = 2.0  # that are looked at; the stream may have more
    silent_after_s: float = 10.0  # without a picture it is dead
    watch_dark: bool = True  # False: nobody expects light there at night
    watch_moved: bool = True  # False: it pans
    codes: tuple[str, ...] = ()  # of the rules that are looked for
    tiles: int = 1  # cut into so many by so many, beside the whole: heads far away
    areas: tuple[WatchedArea, ...] = ()
    ground: Ground | None = None
    voice: DeviceId | None = None  # that speaks to who stands there
    enabled: bool = True  # False: 停用, taken down or being repaired

    def __post_init__(self) -> None:
        if "@" in self.address.partition("//")[2].partition("/")[0]:
            raise ValueError(f"the address of camera {self.camera_id} holds a password")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisBox:
    """Another maker's AI box or recorder, whose findings join our queue."""

    box_id: BoxId
    name: str
    topic: str  # where it publishes
    source: SourceId | None = None  # whose broker; None: the site's first
    secret_env: str = ""  # the environment variable with its secret over HTTP; "": MQTT only
    codes: Mapping[str, str]  # its word for what it found -> code of a rule
    cameras: Mapping[str, CameraId]  # its name of a camera -> ours
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture of one camera at one moment, by our clock."""

    camera_id: CameraId
    number: int  # counted from the start of the reader, those passed over included
    at_us: int
    picture: Picture
