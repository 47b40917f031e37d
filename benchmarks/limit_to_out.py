"""QoS 0 reading -> limit -> MQTT out: the highest rate that goes through, ours beside Node-RED's.

One reading per message, one in 500 too high. A rate goes through when every limit crossed led to a message
out and 99 % of them within 100 ms. Node-RED forwards a number; ours journals, opens an incident, commands a
siren that confirms. Broker and load generator share the cores in both.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.load import RawPublisher, paced
from benchmarks.peers.node_red.runner import TOPIC_OUT, NodeRed, missing
from benchmarks.rows import Row, percentile
from benchmarks.stage import HIGH, LIMIT, POINTS, TOPIC, payload_of, stage
from delivery.mqtt import command_topic
from domain.ids import DeviceId, event_id
from service.broker import LocalBroker
from tests.support.listening import eventually
from tests.support.sites import CODE, SIREN

RATES = (5_000, 10_000, 12_500, 15_000, 17_500, 20_000, 22_500, 25_000, 30_000, 35_000, 40_000)
SECONDS = 5
HIGH_EVERY = 500
RESERVED = 100  # points that cross their limit; one message a millisecond would repeat the others
P99_MS = 100.0
OVER_PEER = 1.5

Key = tuple[str, int]  # point, event time in milliseconds


@dataclass(frozen=True, slots=True)
class Passage:
    """One rate for some seconds."""

    per_second: float
    expected: int
    arrived: int
    p99_ms: float

    @property
    def went_through(self) -> bool:
        return self.arrived == self.expected and self.p99_ms < P99_MS


def rows() -> Iterator[Row]:
    with stage(with_siren=True) as here:
        ours = highest(here.broker.port, command_topic(CODE, DeviceId(SIREN)), key_of_command)
    why_not = missing()
    if why_not:
        yield Row(what=WHAT, figure=told(ours), budget=BUDGET, passed=None, beside=why_not)
        return
    with (
        TemporaryDirectory() as folder,
        LocalBroker(Path(folder) / "broker") as broker,
        NodeRed(Path(folder) / "node-red", port=broker.port, limit=LIMIT, topic_in=TOPIC),
    ):
        peer = highest(broker.port, TOPIC_OUT, key_of_number)
    share = ours.per_second / peer.per_second
    yield Row(
        what=WHAT,
        figure=told(ours),
        budget=BUDGET,
        passed=share >= OVER_PEER,
        beside=f"Node-RED {told(peer)}: we are at {share:.1f} x",
    )


WHAT = "QoS 0 reading -> limit -> MQTT out, sustained"
BUDGET = f"{OVER_PEER} x Node-RED, p99 {P99_MS:.0f} ms"


def told(passage: Passage) -> str:
    return f"{passage.per_second:,.0f} messages/s, p99 {passage.p99_ms:.0f} ms"


def highest(port: int, topic_out: str, key_of: Callable[[dict[str, Any]], Key | UUID]) -> Passage:
    """The last rate that went through before the first that did not."""
    best = Passage(0.0, 0, 0, 0.0)
    for rate in RATES:
        passage = pass_through(port, topic_out, key_of, rate)
        if not passage.went_through:
            break
        best = passage
    return best


def pass_through(
    port: int, topic_out: str, key_of: Callable[[dict[str, Any]], Key | UUID], rate: int
) -> Passage:
    arrived: dict[object, float] = {}
    published: dict[object, float] = {}

    def on_message(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        arrived.setdefault(key_of(json.loads(message.payload)), time.perf_counter())

    listener = mqtt.Client(CallbackAPIVersion.VERSION2)
    listener.on_message = on_message
    listener.connect("127.0.0.1", port)
    listener.subscribe(topic_out, 1)
    listener.loop_start()
    as_command = key_of is key_of_command
    began = time.perf_counter()
    with RawPublisher("127.0.0.1", port) as publisher:
        numbers = (str(number).encode() for number in range(rate * SECONDS))
        for group in paced(numbers, rate, at_once=max(1, rate // 1_000)):
            payloads = [message_of(int(number), published, as_command) for number in group]
            publisher.publish(TOPIC, payloads, qos=0)
        per_second = rate * SECONDS / (time.perf_counter() - began)
    eventually(lambda: len(arrived) >= len(published), 3)
    listener.disconnect()
    listener.loop_stop()
    late = [1_000 * (arrived[key] - at) for key, at in published.items() if key in arrived]
    return Passage(
        per_second=per_second,
        expected=len(published),
        arrived=len(late),
        p99_ms=percentile(late, 0.99) if late else float("inf"),
    )


def message_of(number: int, published: dict[object, float], as_command: bool) -> bytes:
    """A quiet reading; every 250th message lifts a reserved point above its limit, its moment noted, or
    sets the one that was lifted before back."""
    now_ms = time.time_ns() // 1_000_000
    turn, rest = divmod(number, HIGH_EVERY // 2)
    if rest:
        return payload_of([POINTS[RESERVED + number % (len(POINTS) - RESERVED)]], now_ms)
    point = POINTS[turn // 2 % RESERVED]
    if turn % 2:
        return payload_of([point], now_ms)
    key = event_id(CODE, point, "H", now_ms * 1_000) if as_command else (point, now_ms)
    published[key] = time.perf_counter()
    return payload_of([point], now_ms, HIGH)


def key_of_command(command: dict[str, Any]) -> UUID:
    return UUID(command["event_id"])


def key_of_number(said: dict[str, Any]) -> Key:
    return said["point"], said["time"]


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
