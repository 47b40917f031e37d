"""`demo`: a broker, a simulated field and core on this machine, with nothing left behind."""

import random
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from domain.assets import Condition, Point
from domain.clock import system_clock
from service.broker import BrokerNotStarted, LocalBroker
from service.processes import CoreOptions, ProcessSpec
from service.running import Say, run
from service.site.compiled import compile_into
from service.site.load import load
from service.site.model import Site, telemetry_topic

SITE_NAME: Final = "changqing-like"
OIL: Final = "LY/1T/top_oil_temp"
SIREN: Final = "siren-1T"
_EVERY_S: Final = 10.0


class NoExample(Exception):
    """The example site is not where it should be."""


def example_site() -> Path:
    """In a checkout beside the rooms, in an installed package inside this one."""
    here = Path(__file__).parent
    for folder in (here / "examples" / SITE_NAME, here.parent / "examples" / SITE_NAME):
        if folder.is_dir():
            return folder
    raise NoExample(f"the example site {SITE_NAME} is missing: install gridwarden again")


def demo(say: Say, *, seconds: float | None = None, language: str = "zh-CN") -> int:
    """Raises NoExample, BrokerNotStarted. Main thread only: it starts children."""
    site = load(example_site())
    with tempfile.TemporaryDirectory(prefix="gridwarden-demo-") as temporary:
        data = Path(temporary)
        with LocalBroker(data / "broker") as broker:
            say(_introduction(broker))
            compiled = compile_into(data, site.at_broker(broker.host, broker.port))
            options = CoreOptions(compiled=compiled, data=data, language=language)
            specs = [
                options.spec(stderr=data / "core.log"),
                _field(site, broker, log=data / "field.log"),
            ]
            with rest_of_the_station(site, broker.host, broker.port):
                code = run(specs, data, say, seconds)
            if code:
                say((data / "core.log").read_text("utf-8", "replace")[-2_000:])
            return code


def _introduction(broker: LocalBroker) -> str:
    where = f"broker: {broker.kind.value} at {broker.host}:{broker.port}"
    if broker.persistent:
        return where
    return (
        f"{where}; it keeps everything in memory only and forgets it when it ends:"
        " good for a demo, not for a plant (install mosquitto)"
    )


def _field(site: Site, broker: LocalBroker, log: Path) -> ProcessSpec:
    """A story of some 20 seconds, told again and again: the oil of 1号主变 rises over both limits and cools.
    Its siren answers in another manner each time: at once, never, late, twice, for a wrong command."""
    arguments = ["--host", broker.host, "--port", str(broker.port), "--site", site.code]
    arguments += ["--source", site.sources[0].source_id, "--oil-point", OIL]
    arguments += ["--siren", f"{SIREN}=in_turn"]
    arguments += ["--siren", "voice-113=late", "--low", "78", "--high", "99", "--speed", "30"]
    return ProcessSpec(
        name="field",
        module="service.simulate.field",
        arguments=tuple(arguments),
        stdout=log,
        stderr=log,
    )


@contextmanager
def rest_of_the_station(site: Site, host: str, port: int) -> Iterator[None]:
    """Every other point at an ordinary value, so that only the story makes alarms."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"{site.code}-rest-of-the-station",
        protocol=mqtt.MQTTv5,
    )
    ending = threading.Event()
    points = [point for point in site.points if point.key != OIL]

    def publish() -> None:
        while not ending.is_set():
            for topic, payload in _messages(site, points):
                client.publish(topic, payload, qos=1)
            ending.wait(_EVERY_S)

    thread = threading.Thread(target=publish, name="rest-of-the-station", daemon=True)
    try:
        client.connect(host, port)
    except OSError as error:
        raise BrokerNotStarted(f"the broker at {host}:{port} refuses us: {error}") from error
    client.loop_start()
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(5.0)
        client.disconnect()
        client.loop_stop()


def _messages(
    site: Site, points: list[Point], chance: Callable[[], float] = random.random
) -> Iterator[tuple[str, bytes]]:
    time_ms = system_clock() // 1_000
    for source in site.sources:
        readings = [
            {
                "point": point.key,
                "time": time_ms,
                "value": round(ordinary_value(point) * (0.995 + 0.01 * chance()), 3),
                "unit": point.unit,
            }
            for point in points
            if point.source_id == source.source_id
        ]
        yield (
            telemetry_topic(site.code, source.source_id),
            msgspec.json.encode({"readings": readings}),
        )


def ordinary_value(point: Point) -> float:
    """Well inside the limits: the middle of the band, or 60 % of the lowest high limit."""
    low = [limit.value for limit in point.limits if limit.condition in {Condition.LOW}]
    high = [limit.value for limit in point.limits if limit.condition in {Condition.HIGH}]
    if low and high:
        return (low[0] + high[0]) / 2
    return 0.6 * high[0] if high else 1.0
