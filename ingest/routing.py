"""To which partition a message of a gateway or a device belongs: that of the station it speaks of.

A message of one station goes on byte for byte. One that mixes stations is divided by station. What cannot be
read goes where its topic always goes, and is refused there with its reason.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from ingest.decode.canonical_json import LARGEST_BYTES
from ingest.kafka import RETAINED, TOPIC, Outgoing
from ingest.messages import Message


class _Named(msgspec.Struct):
    point: str


class _Mixed(msgspec.Struct):
    readings: list[msgspec.Raw]


_named_of: Final = msgspec.json.Decoder(_Named).decode
_mixed_of: Final = msgspec.json.Decoder(_Mixed).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """Of one site."""

    site: str
    topic: str  # the telemetry topic of Kafka
    key_of_point: Mapping[str, str]
    key_of_device: Mapping[str, str]
    partition_of: Callable[[str], int]  # of a key

    def route(self, message: Message) -> Iterator[Outgoing]:
        """What is larger than an intake takes goes on cut, and is refused there as too large."""
        if len(message.payload) > LARGEST_BYTES:
            message = replace(message, payload=message.payload[: LARGEST_BYTES + 1])
        headers = {TOPIC: message.topic.encode()}
        if message.retain:
            headers[RETAINED] = b"1"
        for key, payload in self._parts(message):
            yield Outgoing(
                topic=self.topic,
                key=key.encode(),
                partition=self.partition_of(key),
                value=payload,
                headers=headers,
            )

    def _parts(self, message: Message) -> Iterator[tuple[str, bytes]]:
        device = self._device_of(message.topic)
        if device is not None:
            yield self.key_of_device.get(device, message.topic), message.payload
            return
        try:
            readings = [bytes(each) for each in _mixed_of(message.payload).readings]
            points = [_named_of(each).point for each in readings]
        except (msgspec.MsgspecError, ValueError, RecursionError):
            yield message.topic, message.payload
            return
        known = [self.key_of_point.get(point) for point in points]
        keys = {key for key in known if key is not None}
        if len(keys) <= 1:
            yield (keys.pop() if keys else message.topic), message.payload
            return
        home = min(keys)  # for points that nobody knows
        by_key: dict[str, list[bytes]] = {}
        for key, reading in zip(known, readings, strict=True):
            by_key.setdefault(key or home, []).append(reading)
        for key, parts in by_key.items():
            yield key, b'{"readings":[' + b",".join(parts) + b"]}"

    def _device_of(self, topic: str) -> str | None:
        begin = f"gridwarden/{self.site}/device/"
        if not topic.startswith(begin):
            return None
        return topic.removeprefix(begin).partition("/")[0]
