"""The intake of one partition: messages and our own records as they stand in the topic, in; records out.

Its state follows from the partition alone, whatever pieces the messages come in. Whether the source is
current follows from it too: from what the bridges say of themselves, and from the steps of the topic's clock.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.assets import ActiveLimits
from domain.clock import NEVER_US, SECOND_US
from domain.ids import SourceId
from domain.ports import Counters
from domain.records import DeadLetter, Record, Requested, SourceChanged, Ticked
from ingest.intake import Intake, UnreadableIntake
from ingest.kafka import BRIDGE, RECORD, RETAINED, TOPIC, Fetched
from ingest.messages import Message
from ingest.receipts import PACKET_IDS

HEARD_WITHIN_US: Final = 10 * SECOND_US  # a bridge that says nothing for so long is away
GAP_US: Final = 10 * SECOND_US  # a topic in which nothing stands for so long was not written
SETTLED_AFTER_US: Final = 5 * SECOND_US  # after a gap, for what waited outside
FORGET_BRIDGE_US: Final = 86_400 * SECOND_US
ASKED_WITHIN_US: Final = 120 * SECOND_US  # a request that waited longer was told as failed
BRIDGES_AT_MOST: Final = 64
_NAME_CHARS: Final = 100
_KEPT_OF_A_FORGERY: Final = 4_096

DecodeRecord = Callable[[bytes], Record]


class BridgeSays(msgspec.Struct, frozen=True):
    """What a bridge writes into every partition: how its source is."""

    current: bool


_said: Final = msgspec.json.Decoder(BridgeSays).decode


def seal_of(key: bytes, partition: int, value: bytes) -> bytes:
    """Only who holds the key of the site's records writes records: a gateway may write to the topic too. What
    was sealed for one partition is none in another."""
    return hmac.digest(key, partition.to_bytes(4, "big") + value, sha256)


@dataclass(slots=True)
class _Heard:
    current: bool
    at_us: int


class PartitionIntake:
    """One thread."""

    def __init__(
        self, intake: Intake, source_id: SourceId, site: str, partition: int, key: bytes,
        decode: DecodeRecord, counters: Counters,
    ) -> None:  # fmt: skip
        """`decode` raises ValueError for what is no record."""
        self._intake = intake
        self._source_id = source_id
        self._default_topic = f"gridwarden/{site}/telemetry/kafka"
        self._partition = partition
        self._key = key
        self._decode = decode
        self._counters = counters
        self._bridges: dict[str, _Heard] = {}
        self._current = False
        self._last_us = NEVER_US  # of anything that stands in the partition
        self._gap_ended_us = NEVER_US

    def absorb(self, messages: Sequence[Fetched]) -> list[Record]:
        items: list[Message | Record] = []
        for message in messages:
            self._note_gap(message.at_us)
            if BRIDGE in message.headers:
                self._hear(message)
            elif RECORD in message.headers:
                items += self._own(message)
            else:
                items.append(self._foreign(message))
        return self._intake.absorb(items).records

    def activate(self, limits: ActiveLimits) -> None:
        """Those that held where it stands."""
        self._intake.activate(limits)

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and meta for a checkpoint. There are no receipts: an offset comes once."""
        arrays = {name: each.copy() for name, each in self._intake.arrays().items()}
        arrays.pop("receipts")
        bridges = {name: [each.current, each.at_us] for name, each in self._bridges.items()}
        meta = {
            "intake": self._intake.meta(),
            "bridges": dict(sorted(bridges.items())),
            "current": self._current,
            "last_us": self._last_us,
            "gap_ended_us": self._gap_ended_us,
        }
        return arrays, meta

    def restore(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """Raises UnreadableIntake, and then is as it was."""
        try:
            bridges = {
                str(name): _Heard(bool(current), int(at_us))
                for name, (current, at_us) in meta["bridges"].items()
            }
            current, last_us = bool(meta["current"]), int(meta["last_us"])
            gap_ended_us, of_intake = int(meta["gap_ended_us"]), meta["intake"]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnreadableIntake(f"partition state cannot be read: {error!r}") from error
        self._intake.restore({**arrays, "receipts": np.zeros(PACKET_IDS, "<u8")}, of_intake)
        self._bridges, self._current = bridges, current
        self._last_us, self._gap_ended_us = last_us, gap_ended_us

    def _note_gap(self, at_us: int) -> None:
        if at_us - self._last_us > GAP_US:
            self._gap_ended_us = at_us
        self._last_us = max(self._last_us, at_us)

    def _hear(self, message: Fetched) -> None:
        try:
            said = _said(message.value)
        except msgspec.MsgspecError:
            self._counters.add("malformed_bridge_words")
            return
        name = message.headers[BRIDGE].decode(errors="replace")[:_NAME_CHARS]
        if name not in self._bridges and len(self._bridges) >= BRIDGES_AT_MOST:
            self._counters.add("too_many_bridges")
            return
        self._bridges[name] = _Heard(said.current, message.at_us)

    def _own(self, message: Fetched) -> list[Message | Record]:
        seal = seal_of(self._key, self._partition, message.value)
        if not hmac.compare_digest(seal, message.headers[RECORD]):
            return [self._refused(message, "forged_record", "Its seal is not of our key.")]
        try:
            record = self._decode(message.value)
        except ValueError as error:
            return [self._refused(message, "damaged_record", f"{error}.")]
        if isinstance(record, Requested) and message.at_us - record.at_us > ASKED_WITHIN_US:
            return [self._refused(message, "late_request", "It waited for the topic for too long.")]
        record = replace(record, at_us=message.at_us)  # the topic's clock rules its partition
        if not isinstance(record, Ticked):
            return [record]
        return [*self._change_of_source(record.at_us), record]

    def _change_of_source(self, at_us: int) -> list[Message | Record]:
        """Before a tick: whether time may pass for the source. It may not while what would end a delay can
        wait in a bridge, or outside a topic that could not be written."""
        for name in [n for n, b in self._bridges.items() if at_us - b.at_us > FORGET_BRIDGE_US]:
            del self._bridges[name]
        bridged = not self._bridges or any(
            each.current and at_us - each.at_us <= HEARD_WITHIN_US
            for each in self._bridges.values()
        )
        current = bridged and at_us - self._gap_ended_us >= SETTLED_AFTER_US
        if current == self._current:
            return []
        self._current = current
        return [SourceChanged(at_us=at_us, source_id=self._source_id, current=current)]

    def _refused(self, message: Fetched, reason: str, detail: str) -> DeadLetter:
        self._counters.add("dead_letters", source=self._source_id, reason=reason)
        return DeadLetter(
            at_us=message.at_us,
            source_id=self._source_id,
            reason=reason,
            detail=detail,
            topic=self._default_topic,
            payload=message.value[:_KEPT_OF_A_FORGERY]
            if self._intake.keeps(reason, message.at_us)
            else None,
        )

    def _foreign(self, message: Fetched) -> Message:
        topic = message.headers.get(TOPIC)
        return Message(
            source_id=self._source_id,
            session="",
            topic=topic.decode(errors="replace") if topic else self._default_topic,
            payload=message.value,
            qos=0,
            retain=message.headers.get(RETAINED) == b"1",
            dup=False,
            packet_id=0,
            token=None,
            arrival_us=message.at_us,
        )
