"""Records of the journal as rows of bytes, and back: what was written is what is read.

A row carries a checksum of its parts, so a byte that rotted on the disk is found and not believed.
"""

import zlib
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
import numpy as np

from domain.assets import ActiveLimits
from domain.ids import DeviceId, SourceId
from domain.readings import MalformedReadings, Readings
from domain.records import (
    ClockRebased,
    DeadLetter,
    DeviceReplied,
    LimitsActivated,
    PaperLearned,
    ReadingsArrived,
    Receipts,
    Record,
    ReplyOutcome,
    Requested,
    SourceChanged,
    Ticked,
)
from storage.request_codec import named, request_of
from storage.text import writable
from storage.typed import read_packed

DIGEST_BYTES: Final = 8
_PACKET_ID: Final = np.dtype("<i8")  # wider than MQTT needs: a Kafka offset fits too
_NO_RECEIPTS: Final = Receipts()


class DamagedRecord(ValueError):
    """A stored record that cannot be read back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record as the journal stores it."""

    kind: str
    at_us: int
    source: str
    session: str
    packet_ids: bytes
    digests: bytes
    body: bytes

    def checksum(self) -> int:
        words = f"{self.kind}\x1f{self.at_us}\x1f{self.source}\x1f{self.session}".encode()
        return zlib.crc32(
            self.body, zlib.crc32(self.digests, zlib.crc32(self.packet_ids, zlib.crc32(words)))
        )


class _Source(msgspec.Struct, array_like=True, frozen=True):
    current: bool


class _Rebase(msgspec.Struct, array_like=True, frozen=True):
    point: int
    from_us: int
    to_us: int


class _Reply(msgspec.Struct, array_like=True, frozen=True):
    device_id: str
    command_id: UUID
    outcome: ReplyOutcome
    detail: str


class _Request(msgspec.Struct, array_like=True, frozen=True):
    request_id: UUID
    actor: str
    request: dict[str, Any]


class _DeadLetter(msgspec.Struct, array_like=True, frozen=True):
    reason: str
    detail: str
    topic: str
    payload: bytes | None


def encode(record: Record) -> Row:
    match record:
        case ReadingsArrived():
            return _row(
                "readings", record, record.readings.to_bytes(), record.source_id, record.receipts
            )
        case Ticked():
            return _row("tick", record, b"")
        case SourceChanged():
            return _row("source", record, _pack(_Source(record.current)), record.source_id)
        case LimitsActivated():
            return _row("limits", record, _pack(record.limits))
        case ClockRebased():
            body = _Rebase(record.point, record.from_us, record.to_us)
            return _row("rebase", record, _pack(body), record.source_id)
        case DeviceReplied():
            reply = _Reply(
                record.device_id, record.command_id, record.outcome, writable(record.detail)
            )
            return _row("reply", record, _pack(reply), receipts=record.receipts)
        case Requested():
            asked = _Request(record.request_id, writable(record.actor), named(record.request))
            return _row("request", record, _pack(asked))
        case PaperLearned():
            return _row("paper", record, _pack(record))
        case DeadLetter():
            letter = _DeadLetter(
                record.reason, writable(record.detail), writable(record.topic), record.payload
            )
            return _row("dead_letter", record, _pack(letter), record.source_id, record.receipts)


def decode(row: Row) -> Record:
    """Raises DamagedRecord."""
    try:
        return _decode(row)
    except (msgspec.MsgspecError, MalformedReadings, ValueError) as error:
        raise DamagedRecord(f"a {row.kind!r} record cannot be read: {error}") from error


def _decode(row: Row) -> Record:
    at_us, source_id = row.at_us, SourceId(row.source)
    match row.kind:
        case "readings":
            return ReadingsArrived(
                at_us=at_us,
                source_id=source_id,
                readings=Readings.from_bytes(row.body),
                receipts=_receipts(row),
            )
        case "tick":
            return Ticked(at_us=at_us)
        case "source":
            change = read_packed(_Source, row.body)
            return SourceChanged(at_us=at_us, source_id=source_id, current=change.current)
        case "limits":
            limits = read_packed(ActiveLimits, row.body)
            return LimitsActivated(at_us=at_us, limits=limits)
        case "rebase":
            rebase = read_packed(_Rebase, row.body)
            return ClockRebased(
                at_us=at_us,
                source_id=source_id,
                point=rebase.point,
                from_us=rebase.from_us,
                to_us=rebase.to_us,
            )
        case "reply":
            reply = read_packed(_Reply, row.body)
            return DeviceReplied(
                at_us=at_us,
                device_id=DeviceId(reply.device_id),
                command_id=reply.command_id,
                outcome=reply.outcome,
                detail=reply.detail,
                receipts=_receipts(row),
            )
        case "request":
            asked = read_packed(_Request, row.body)
            return Requested(
                at_us=at_us,
                request_id=asked.request_id,
                actor=asked.actor,
                request=request_of(asked.request),
            )
        case "paper":
            return read_packed(PaperLearned, row.body)
        case "dead_letter":
            letter = read_packed(_DeadLetter, row.body)
            return DeadLetter(
                at_us=at_us,
                source_id=source_id,
                reason=letter.reason,
                detail=letter.detail,
                topic=letter.topic,
                payload=letter.payload,
                receipts=_receipts(row),
            )
        case unknown:
            raise DamagedRecord(f"this release does not know records of kind {unknown!r}")


class _Message(msgspec.Struct, array_like=True, frozen=True):
    row: Row
    checksum: int


def to_bytes(record: Record) -> bytes:
    """One record as one message, for a journal that is a topic."""
    row = encode(record)
    return zlib.compress(_pack(_Message(row, row.checksum())), 1)


def from_bytes(message: bytes) -> Record:
    """Raises DamagedRecord."""
    try:
        kept = read_packed(_Message, zlib.decompress(message))
    except (msgspec.MsgspecError, zlib.error) as error:
        raise DamagedRecord(f"a message of {len(message)} bytes is no record: {error}") from error
    if kept.row.checksum() != kept.checksum:
        raise DamagedRecord(f"the checksum of a {kept.row.kind!r} record does not match")
    return decode(kept.row)


def _row(
    kind: str, record: Record, body: bytes, source: str = "", receipts: Receipts = _NO_RECEIPTS
) -> Row:
    return Row(
        kind=kind,
        at_us=record.at_us,
        source=source,
        session=receipts.session,
        packet_ids=np.array(receipts.packet_ids, _PACKET_ID).tobytes(),
        digests=_joined(receipts.digests),
        body=body,
    )


def _receipts(row: Row) -> Receipts:
    if len(row.digests) % DIGEST_BYTES:
        raise DamagedRecord(f"{len(row.digests)} bytes are no whole number of digests")
    return Receipts(
        session=row.session,
        packet_ids=tuple(np.frombuffer(row.packet_ids, _PACKET_ID).tolist()),
        digests=tuple(
            row.digests[start : start + DIGEST_BYTES]
            for start in range(0, len(row.digests), DIGEST_BYTES)
        ),
    )


def _joined(digests: tuple[bytes, ...]) -> bytes:
    joined = b"".join(digests)
    if any(len(digest) != DIGEST_BYTES for digest in digests):
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes")
    return joined


def _pack(body: Any) -> bytes:
    # msgpack and not JSON: it keeps NaN, infinity and raw bytes
    return msgspec.msgpack.encode(body)
