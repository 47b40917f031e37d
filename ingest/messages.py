"""What a broker handed us, as it came: the payload is still bytes."""

from dataclasses import dataclass
from typing import NamedTuple

from domain.ids import SourceId


class AckToken(NamedTuple):
    """The right to acknowledge one message, on the connection that brought it and on no other.

    A broker numbers packets anew after a reconnect: an old number would acknowledge another message."""

    generation: int
    packet_id: int


@dataclass(slots=True, kw_only=True)
class Message:
    """One message. Not frozen: freezing costs more than the rest of its making."""

    source_id: SourceId
    session: str  # our session at the broker
    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool  # the broker may have sent it before
    packet_id: int  # 0 with QoS 0
    token: AckToken | None  # None with QoS 0: nothing to acknowledge
    arrival_us: int
    correlation_data: bytes | None = None
