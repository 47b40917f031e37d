"""Where the bridge puts a message."""

import json

from domain.ids import SourceId
from ingest.kafka import RETAINED, TOPIC, Outgoing
from ingest.messages import Message
from ingest.routing import Router

ROUTER = Router(
    site="s",
    topic="t",
    key_of_point={"E/1": "east", "E/2": "east", "W/1": "west"},
    key_of_device={"siren": "west"},
    partition_of={"east": 1, "west": 2}.get,  # type: ignore[arg-type]
)


def message(
    payload: bytes, topic: str = "gridwarden/s/telemetry/g", retain: bool = False
) -> Message:
    return Message(
        source_id=SourceId("g"), session="", topic=topic, payload=payload, qos=1, retain=retain,
        dup=False, packet_id=1, token=None, arrival_us=0,
    )  # fmt: skip


def said(*points: str) -> bytes:
    return json.dumps(
        {"readings": [{"point": point, "time": n, "value": 1.5} for n, point in enumerate(points)]}
    ).encode()


def routed(one: Message) -> list[Outgoing]:
    return list(ROUTER.route(one))


def test_a_message_of_one_station_goes_on_byte_for_byte() -> None:
    payload = said("E/1", "E/2").replace(b" ", b"  ")
    (only,) = routed(message(payload))
    assert (only.key, only.partition, only.value) == (b"east", 1, payload)
    assert only.headers == {TOPIC: b"gridwarden/s/telemetry/g"}


def test_a_message_that_mixes_stations_is_divided_and_nothing_of_it_is_lost() -> None:
    parts = routed(message(said("E/1", "W/1", "E/2", "nobody/knows")))
    assert {part.key: part.partition for part in parts} == {b"east": 1, b"west": 2}
    readings = [each for part in parts for each in json.loads(part.value or b"")["readings"]]
    assert sorted(each["point"] for each in readings) == ["E/1", "E/2", "W/1", "nobody/knows"]
    assert sorted(each["time"] for each in readings) == [0, 1, 2, 3]


def test_what_cannot_be_read_goes_where_its_topic_goes_to_be_refused_there() -> None:
    for payload in (b"", b"not json", b"[]", b'{"readings": 5}', b'{"readings":[{}]}', b"\xff"):
        (only,) = routed(message(payload))
        assert (only.key, only.value) == (b"gridwarden/s/telemetry/g", payload)


def test_deep_nesting_is_no_harm() -> None:
    payload = b'{"readings":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}"
    (only,) = routed(message(payload))
    assert only.value == payload


def test_the_word_of_a_device_goes_to_its_station() -> None:
    (only,) = routed(message(b"{}", "gridwarden/s/device/siren/reply"))
    assert (only.key, only.partition) == (b"west", 2)


def test_what_stood_at_the_broker_is_marked() -> None:
    (only,) = routed(message(said("E/1"), retain=True))
    assert only.headers[RETAINED] == b"1"
