"""A numbered stream of readings whose every alarm can be computed, and a process that publishes it.

Reading n is of point n mod POINTS in round n div POINTS; a round is STEP_MS long. The publisher keeps
the messages that the broker acknowledged to it and prints how many; what was acknowledged must be stored.
"""

import argparse
import json
import time
from collections import deque
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

POINTS = 100
STEP_MS = 20
READINGS_PER_MESSAGE = 10
HIGH_ROUNDS = 150  # how long a point stays high: 3 s
EPISODE_ROUNDS = 750  # each point is high once in 15 s, the points one after the other
HELD_POINT = "N/held"  # says once that it is high, then nothing: a 60 s on-delay runs


def key_of(point: int) -> str:
    return f"N/{point:03d}"


def value_of(number: int) -> float:
    point, turn = number % POINTS, number // POINTS
    phase = (turn - point * (EPISODE_ROUNDS // POINTS)) % EPISODE_ROUNDS
    high = turn >= point * (EPISODE_ROUNDS // POINTS) and phase < HIGH_ROUNDS
    return (90.0 if high else 50.0) + (number % 7) * 0.125


def time_ms_of(number: int, start_ms: int) -> int:
    return start_ms + number // POINTS * STEP_MS


def message_of(index: int, start_ms: int) -> bytes:
    """The message with the readings from index * READINGS_PER_MESSAGE on."""
    first = index * READINGS_PER_MESSAGE
    return json.dumps(
        {
            "readings": [
                {
                    "point": key_of(number % POINTS),
                    "time": time_ms_of(number, start_ms),
                    "value": value_of(number),
                }
                for number in range(first, first + READINGS_PER_MESSAGE)
            ]
        }
    ).encode()


def held_message(start_ms: int) -> bytes:
    return json.dumps(
        {"readings": [{"point": HELD_POINT, "time": start_ms, "value": 99.0}]}
    ).encode()


def publish(host: str, port: int, topic: str, start_ms: int, messages: int, out: Path) -> None:
    """At the pace of the stream's own time; ends when the broker has acknowledged every message."""
    acknowledged: list[int] = []
    index_of: dict[int, int] = {}  # of the packet ids that are under way: they come again
    said: deque[int] = deque()  # packet ids, by the client's own thread

    def note() -> None:
        while said:
            acknowledged.append(index_of.pop(said.popleft()))

    def send(index: int, payload: bytes) -> None:
        note()
        index_of[client.publish(topic, payload, qos=1).mid] = index

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(500)
    client.on_publish = lambda _client, _data, packet_id, *_: said.append(packet_id)
    client.connect(host, port)
    client.loop_start()
    send(-1, held_message(start_ms))
    for index in range(messages):
        due_ms = time_ms_of(index * READINGS_PER_MESSAGE, start_ms)
        wait_s = due_ms / 1000 - time.time()
        if wait_s > 0:
            time.sleep(wait_s)
        send(index, message_of(index, start_ms))
    give_up_at = time.monotonic() + 60
    while len(acknowledged) + len(said) <= messages:
        if time.monotonic() > give_up_at:
            raise SystemExit(f"{messages + 1 - len(acknowledged) - len(said)} not acknowledged")
        time.sleep(0.01)
    note()
    client.disconnect()
    client.loop_stop()
    out.write_text(json.dumps(sorted(acknowledged)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--start-ms", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    publish(**vars(arguments))


if __name__ == "__main__":
    main()
