"""Pictures over a real broker: taken, refused before they are decoded, told when broken, over its loss."""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from domain.cameras import Camera, CameraKind, CameraState, Frame
from domain.requests import ReportCamera
from ingest.cameras.mqtt import LARGEST_BYTES, BrokerAddress, PictureSubscriber
from service.broker import LocalBroker
from service.camera_brokers import picture_subscribers
from service.camera_rig import CameraRig
from service.site.load import load
from service.site.model import Site
from service.vision.pictures import decode_picture
from tests.integration.test_cameras import camera
from tests.support.running import until
from tests.support.sites import limit, write_site

TOPIC = "gridwarden/camera/C1/picture"


def jpeg(seed: int = 1) -> bytes:
    picture = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    return bytes(cv2.imencode(".jpg", picture)[1])


def png_of(width: int, height: int) -> bytes:
    """A picture bomb: a header that promises everything, and a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = chunk(b"IDAT", zlib.compress(b"\0" * 1_000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + packed


def a_camera(**fields: object) -> Camera:
    return replace(
        camera(
            TOPIC,
            kind=CameraKind.MQTT,
            frames_per_second=20.0,
            silent_after_s=2.0,
            watch_moved=False,
        ),
        **fields,  # type: ignore[arg-type]
    )


@contextmanager
def publisher(broker: LocalBroker) -> Iterator[Callable[[bytes], None]]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()

    def publish(payload: bytes, retain: bool = False) -> None:
        client.publish(TOPIC, payload, qos=1, retain=retain).wait_for_publish(10)

    try:
        yield publish
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def rig_at(
    broker: LocalBroker, watched: Camera, password: str | None = None
) -> Iterator[CameraRig]:
    address = BrokerAddress(
        host=broker.host, port=broker.port, client_id="vision", password=password
    )
    rig = CameraRig(
        [watched],
        {},
        more_readers=lambda rig: [
            PictureSubscriber(address, [watched], decode_picture, rig.came, rig.broken, rig.trouble)
        ],
    )
    rig.start()
    try:
        yield rig
    finally:
        rig.stop()


def next_picture(rig: CameraRig, publish: Callable[[], None]) -> Frame:
    """The first one that comes through; who is not yet subscribed misses some."""
    found: list[Frame] = []

    def came() -> bool:
        publish()
        frame = rig.next_frame(0.2)
        found.extend([frame] if frame else [])
        return bool(found)

    until(came, "a picture came", 20)
    return found[0]


def reports_of(rig: CameraRig, state: CameraState, seconds: float = 20) -> ReportCamera:
    found: list[ReportCamera] = []

    def told() -> bool:
        rig.next_frame(0.1)
        while rig.reports:
            found.append(rig.reports.popleft())
        return any(report.state is state for report in found)

    until(told, f"the camera is told as {state}", seconds)
    return next(report for report in found if report.state is state)


def test_a_published_picture_is_looked_at(broker: LocalBroker) -> None:
    with publisher(broker) as publish, rig_at(broker, a_camera()) as rig:
        frame = next_picture(rig, lambda: publish(jpeg()))
        assert frame.picture.shape == (48, 64, 3)
        assert rig.state_of(frame.camera_id) is CameraState.LIVE


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        pytest.param(b"", "neither JPEG nor PNG", id="nothing"),
        pytest.param(b"{}", "neither JPEG nor PNG", id="no-picture"),
        pytest.param(jpeg()[:-700], "cut short", id="truncated"),
        pytest.param(png_of(50_000, 50_000), "megapixels", id="picture-bomb"),
        pytest.param(png_of(10_000, 10_000), "megapixels", id="hundred-megapixels"),
        pytest.param(jpeg() + b"\0" * LARGEST_BYTES, "over MQTT", id="too-many-bytes"),
    ],
)
def test_a_broken_picture_is_an_event_and_the_next_one_is_looked_at(
    broker: LocalBroker, payload: bytes, told: str
) -> None:
    with publisher(broker) as publish, rig_at(broker, a_camera()) as rig:
        next_picture(rig, lambda: publish(jpeg()))
        until(lambda: _published_broken(rig, publish, payload), "it is counted", 20)
        report = reports_of(rig, CameraState.BROKEN)
        assert told in report.reason
        assert report.ended_at_us is None
        seeds = iter(range(2, 1_000))
        # who is told as broken is not blind: the good pictures between are looked at
        assert next_picture(rig, lambda: publish(jpeg(next(seeds)))).picture.shape == (48, 64, 3)


def _published_broken(rig: CameraRig, publish: Callable[[bytes], None], payload: bytes) -> bool:
    publish(payload)
    return bool(rig.broken_pictures())


def test_only_broken_pictures_make_a_dead_camera_with_the_reason(broker: LocalBroker) -> None:
    with publisher(broker) as publish, rig_at(broker, a_camera()) as rig:
        until(lambda: _published_broken(rig, publish, b"rubbish"), "it is counted", 20)
        report = reports_of(rig, CameraState.DEAD)
    assert "neither JPEG nor PNG" in report.reason


def test_faster_than_asked_is_passed_over(broker: LocalBroker) -> None:
    slow = a_camera(frames_per_second=0.1)
    with publisher(broker) as publish, rig_at(broker, slow) as rig:
        next_picture(rig, lambda: publish(jpeg()))
        for seed in range(20):
            publish(jpeg(seed))
        assert rig.next_frame(0.3) is None


def test_a_retained_picture_is_of_another_day(broker: LocalBroker) -> None:
    with publisher(broker) as publish:
        publish(jpeg(1), retain=True)  # type: ignore[call-arg]
        with rig_at(broker, a_camera()) as rig:
            assert rig.next_frame(1.0) is None
            next_picture(rig, lambda: publish(jpeg(2)))
        publish(b"", retain=True)  # type: ignore[call-arg]


def test_a_broker_that_goes_is_told_and_comes_back(tmp_path: Path) -> None:
    with LocalBroker(tmp_path / "broker") as broker, rig_at(broker, a_camera()) as rig:
        with publisher(broker) as publish:
            next_picture(rig, lambda: publish(jpeg()))
        broker.stop()
        assert "broker" in reports_of(rig, CameraState.DEAD).reason
        broker.restart()
        with publisher(broker) as publish:
            numbers = iter(range(1_000))
            until(lambda: _sees_again(rig, publish, next(numbers)), "it is looked at again", 20)


def _sees_again(rig: CameraRig, publish: Callable[[bytes], None], number: int) -> bool:
    publish(jpeg(number))
    rig.next_frame(0.2)
    return rig.state_of(a_camera().camera_id) is CameraState.LIVE


def site_with_cameras(folder: Path, port: int) -> Site:
    write_site(folder, port=port, points=["A"], limits=[limit("A", "H", 85)])
    (folder / "cameras.yaml").write_text(
        "cameras:\n  - {id: C1, name: 摄像机, at: N/1T, kind: mqtt, "
        f"address: {TOPIC}, source: field, frames_per_second: 20}}\n",
        encoding="utf-8",
    )
    return load(folder)


def test_a_camera_of_the_site_is_read_at_the_broker_of_its_source(
    broker: LocalBroker, tmp_path: Path
) -> None:
    site = site_with_cameras(tmp_path, broker.port)
    rig = CameraRig(site.cameras, {}, more_readers=lambda rig: picture_subscribers(site, rig))
    rig.start()
    with publisher(broker) as publish:
        assert next_picture(rig, lambda: publish(jpeg()))
    rig.stop()


def test_a_missing_broker_password_is_the_reason_of_a_dead_camera(tmp_path: Path) -> None:
    site = site_with_cameras(tmp_path, 1883)
    locked = replace(site, sources=(replace(site.sources[0], password_env="NOT_SET"),))
    quick = [replace(each, silent_after_s=0.1) for each in site.cameras]
    rig = CameraRig(quick, {}, more_readers=lambda rig: picture_subscribers(locked, rig))
    assert "NOT_SET" in reports_of(rig, CameraState.DEAD).reason
