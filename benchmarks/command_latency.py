"""From publishing a reading that crosses its limit to the siren's command at an MQTT subscriber, and on to
the moment at which core knows by the siren's own word that it sounds.

10,000 readings per second go through meanwhile, 10 in a message; the siren confirms each command.
"""

import json
import time
from collections.abc import Iterator
from uuid import UUID

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import select

from benchmarks.load import RawPublisher, paced
from benchmarks.rows import Row, percentile
from benchmarks.stage import HIGH, POINTS, QUIET, TOPIC, Stage, payload_of, stage
from delivery.mqtt import command_topic
from domain.commands import CommandState
from domain.ids import DeviceId, event_id
from storage.engines import reading, sqlite_engine
from storage.tables import commands, events
from tests.support.running import until
from tests.support.sites import CODE, SIREN

MESSAGES_PER_S = 1_000
READINGS = 10
CROSSING_EVERY = 100  # messages
CROSSINGS = 300
P50_MS, P99_MS = 10.0, 40.0


def rows() -> Iterator[Row]:
    with stage(with_siren=True) as here:
        latencies = measured_on(here)
        confirmed = confirmed_on(here)
    p50, p99 = percentile(latencies, 0.5), percentile(latencies, 0.99)
    yield Row(
        what=f"publish to device command at {MESSAGES_PER_S * READINGS:,} readings/s",
        figure=told(latencies),
        budget=f"p50 {P50_MS:.0f} ms, p99 {P99_MS:.0f} ms",
        passed=p50 <= P50_MS and p99 <= P99_MS,
    )
    yield Row(
        what="the same, until the siren has confirmed",
        figure=told(confirmed),
        budget="none",
        passed=None,
    )


def told(latencies: list[float]) -> str:
    p50, p99 = percentile(latencies, 0.5), percentile(latencies, 0.99)
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {max(latencies):.1f} ms, n {len(latencies)}"


def confirmed_on(here: Stage) -> list[float]:
    """Milliseconds from the time in the reading, that of its publishing, to the siren's word in core."""
    engine = sqlite_engine(here.folder / "data" / "records.db", busy_ms=2_000)
    query = (
        select(commands.c.ended_at_us - events.c.started_at_us)
        .join(events, events.c.event_id == commands.c.event_id)
        .where(commands.c.state == CommandState.CONFIRMED.value)
    )

    def found() -> list[float]:
        with reading(engine) as connection:
            return [us / 1_000 for us in connection.execute(query).scalars()]

    until(lambda: len(found()) >= CROSSINGS, "every siren has confirmed", 30)
    lasted = found()
    engine.dispose()
    return lasted


def measured_on(here: Stage) -> list[float]:
    """The same, on a stage where more may be going on."""
    arrived: dict[UUID, float] = {}
    listener = listen(here.broker.port, arrived)
    published: dict[UUID, float] = {}
    with RawPublisher(here.broker.host, here.broker.port) as publisher:
        numbers = range(CROSSINGS * CROSSING_EVERY)
        for group in paced((str(n).encode() for n in numbers), MESSAGES_PER_S, at_once=1):
            number = int(group[0])
            publisher.publish(TOPIC, [message_of(number, published)], qos=1)
        publisher.await_acknowledged()
    until(lambda: len(arrived) >= len(published), "every command has arrived", 30)
    listener.disconnect()
    listener.loop_stop()
    return [1_000 * (arrived[event] - at) for event, at in published.items()]


def message_of(number: int, published: dict[UUID, float]) -> bytes:
    """Ten quiet readings; in every hundredth message one reading too high, its moment noted."""
    now_ms = time.time_ns() // 1_000_000
    quiet = [POINTS[300 + (number * READINGS + k) % 700] for k in range(READINGS)]
    if number % CROSSING_EVERY:
        return payload_of(quiet, now_ms)
    point = POINTS[number // CROSSING_EVERY]
    published[event_id(CODE, point, "H", now_ms * 1_000)] = time.perf_counter()
    readings = [{"point": p, "time": now_ms, "value": QUIET} for p in quiet[1:]]
    high = {"point": point, "time": now_ms, "value": HIGH}
    return json.dumps({"readings": [*readings, high]}).encode()


def listen(port: int, arrived: dict[UUID, float]) -> mqtt.Client:
    """Notes when the command of each event first came."""

    def on_message(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        now = time.perf_counter()
        arrived.setdefault(UUID(json.loads(message.payload)["event_id"]), now)

    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.subscribe(command_topic(CODE, DeviceId(SIREN)), 1)
    client.loop_start()
    return client


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
