"""Which of the broker's messages are already in the journal, by packet id and content."""

from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.records import Receipts
from ingest.messages import Message

PACKET_IDS: Final = 65_536
DIGEST_BYTES: Final = 8


def digest_of(message: Message) -> bytes:
    """Of topic and payload. The topic cannot hold the zero byte between them."""
    content = blake2b(message.topic.encode(), digest_size=DIGEST_BYTES)
    content.update(b"\0")
    content.update(message.payload)
    return content.digest()


class ReceiptMemory:
    """The last message under each packet id of the present session; another session forgets them."""

    def __init__(self) -> None:
        self.session = ""
        self._digests = np.zeros(PACKET_IDS, "<u8")  # 0: nothing yet

    def array(self) -> NDArray[Any]:
        return self._digests.copy()

    def restore(self, session: str, digests: NDArray[Any]) -> None:
        self.session = session
        self._digests = np.array(digests, "<u8")

    def holds(self, message: Message, digest: bytes) -> bool:
        return message.session == self.session and self._digests[message.packet_id] == _number(
            digest
        )

    def remember(self, message: Message, digest: bytes) -> None:
        self._enter(message.session)
        self._digests[message.packet_id] = _number(digest)

    def replay(self, receipts: Receipts) -> None:
        if not receipts.packet_ids:
            return
        self._enter(receipts.session)
        for packet_id, digest in zip(receipts.packet_ids, receipts.digests, strict=True):
            self._digests[packet_id] = _number(digest)

    def _enter(self, session: str) -> None:
        if session != self.session:
            self.session = session
            self._digests[:] = 0


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "little")
