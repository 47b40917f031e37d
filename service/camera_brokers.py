"""The brokers that cameras and boxes publish at: those of the site's sources, under client ids of our own."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

import structlog

from domain.cameras import AnalysisBox, Camera, CameraKind
from domain.ids import BoxId, CameraId, SourceId
from ingest.cameras.box_mqtt import BoxSubscriber
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


def box_subscribers(site: Site, take: Callable[[BoxId, bytes], object]) -> Iterator[BoxSubscriber]:
    """One connection per broker. A broker whose password is missing is told in the log."""
    of_source: dict[SourceId | None, dict[str, BoxId]] = {}
    for box in site.boxes:
        if box.enabled:
            of_source.setdefault(box.source, {})[box.topic] = box.box_id
    for number, (source_id, topics) in enumerate(of_source.items()):
        try:
            broker = broker_of(site, source_id, f"boxes-{number}")
        except BadSettings as error:
            log.error("boxes_without_broker", boxes=sorted(topics.values()), reason=str(error))
            continue
        yield BoxSubscriber(broker, topics, take)


def box_secrets(boxes: Iterable[AnalysisBox]) -> dict[BoxId, str]:
    """A box whose secret is not there cannot speak over HTTP; the others can."""
    found = {}
    for box in boxes:
        if box.enabled and box.secret_env:
            if value := os.environ.get(box.secret_env, ""):
                found[box.box_id] = value
            else:
                log.error(
                    "box_without_secret",
                    box_id=box.box_id,
                    reason=f"set the environment variable {box.secret_env}",
                )
    return found


def _by_source(cameras: Mapping[CameraId, Camera]) -> dict[SourceId | None, list[Camera]]:
    found: dict[SourceId | None, list[Camera]] = {}
    for camera in cameras.values():
        if camera.kind is CameraKind.MQTT:
            found.setdefault(camera.source, []).append(camera)
    return found
