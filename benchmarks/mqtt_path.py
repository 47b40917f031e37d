"""MQTT QoS 1 to the journal, every limit evaluated, in the telemetry store; beside it a bare paho loop.

Broker, load generator and core share this machine's cores. The bare loop takes the same messages from the
same generator, acknowledges each and does nothing else.
"""

import threading
import time
from collections.abc import Iterator, Sequence

from benchmarks.load import RawPublisher
from benchmarks.peers.bare_paho import BarePaho
from benchmarks.rows import Row
from benchmarks.stage import TOPIC, quiet_payloads, stage
from service.broker import LocalBroker

# readings in a message: messages, budget in readings/s
CASES = {1: (60_000, 10_000), 10: (40_000, 60_000), 100: (10_000, 200_000)}
SHARE_OF_FLOOR = 0.6
AT_ONCE = 50


def rows() -> Iterator[Row]:
    for readings, (messages, budget) in CASES.items():
        payloads = quiet_payloads(messages, readings)
        ours = our_rate(payloads, readings)
        floor = bare_rate(payloads)
        per_second = ours * readings
        yield Row(
            what=f"MQTT QoS 1 to telemetry store, {readings} readings per message",
            figure=f"{per_second:,.0f} readings/s ({ours:,.0f} messages/s)",
            budget=f"{budget:,} readings/s and {SHARE_OF_FLOOR:.0%} of the floor",
            passed=per_second >= budget and ours >= SHARE_OF_FLOOR * floor,
            beside=f"bare paho {floor:,.0f} messages/s: {ours / floor:.0%} of it",
        )


def our_rate(payloads: Sequence[bytes], readings: int) -> float:
    """Messages per second, from the first publish until the last reading is stored."""
    with stage() as here:
        began = time.perf_counter()
        publish(here.broker, payloads)
        here.core.await_status(
            lambda status: status["stored_rows"] == len(payloads) * readings, "all stored", 120
        )
        return len(payloads) / (time.perf_counter() - began)


def bare_rate(payloads: Sequence[bytes]) -> float:
    with stage() as here:
        reader = BarePaho(here.broker.host, here.broker.port, "bare", len(payloads))
        load = threading.Thread(target=publish, args=(here.broker, payloads, "bare"))
        load.start()
        try:
            return reader.measure().per_second
        finally:
            load.join()
            reader.close()


def publish(broker: LocalBroker, payloads: Sequence[bytes], topic: str = TOPIC) -> None:
    with RawPublisher(broker.host, broker.port) as publisher:
        for first in range(0, len(payloads), AT_ONCE):
            publisher.publish(topic, payloads[first : first + AT_ONCE], qos=1)
        publisher.await_acknowledged()


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
