"""The brokers that cameras and boxes publish at: those of the site's sources, under client ids of our own."""

from collections.abc import Iterator, Mapping

import structlog

from domain.cameras import Camera, CameraKind
from domain.ids import CameraId, SourceId
from ingest.cameras.mqtt import BrokerAddress, PictureSubscriber
from service.camera_rig import CameraRig
from service.settings import BadSettings, secret
from service.site.model import Site
from service.vision.pictures import decode_picture

log = structlog.get_logger(__name__)


def broker_of(site: Site, source_id: SourceId | None, suffix: str) -> BrokerAddress:
    """`None`: of the first source. Raises BadSettings where its password is missing."""
    source = next((each for each in site.sources if each.source_id == source_id), site.sources[0])
    password = secret(source.password_env).get_secret_value() if source.password_env else None
    return BrokerAddress(
        host=source.host,
        port=source.port,
        client_id=f"{source.client_id}-{suffix}",
        username=source.username,
        password=password,
    )


def picture_subscribers(site: Site, rig: CameraRig) -> Iterator[PictureSubscriber]:
    """One connection per broker. A camera whose broker's password is missing is dead, with the reason."""
    for source_id, cameras in _by_source(rig.cameras).items():
        try:
            broker = broker_of(site, source_id, "pictures")
        except BadSettings as error:
            for camera in cameras:
                log.error("camera_without_broker", camera_id=camera.camera_id, reason=str(error))
                rig.trouble(camera.camera_id, str(error))
            continue
        yield PictureSubscriber(broker, cameras, decode_picture, rig.came, rig.broken, rig.trouble)


def _by_source(cameras: Mapping[CameraId, Camera]) -> dict[SourceId | None, list[Camera]]:
    found: dict[SourceId | None, list[Camera]] = {}
    for camera in cameras.values():
        if camera.kind is CameraKind.MQTT:
            found.setdefault(camera.source, []).append(camera)
    return found
