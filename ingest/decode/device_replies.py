"""What a field device says of a command: {"command_id": "uuid", "outcome": "done"|"refused", "detail"?}."""

from typing import Final
from uuid import UUID

import msgspec

from domain.records import ReplyOutcome
from ingest.decode.canonical_json import Problem


class Reply(msgspec.Struct, frozen=True):
    command_id: UUID
    outcome: ReplyOutcome
    detail: str = ""


_decode: Final = msgspec.json.Decoder(Reply).decode


def decode_reply(payload: bytes, correlation_data: bytes | None) -> Reply | Problem:
    """The correlation data, where the device sends it back, must name the same command."""
    try:
        reply = _decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Problem("malformed_reply", f"The reply cannot be read: {error}.")
    if correlation_data is not None and correlation_data != reply.command_id.bytes:
        return Problem(
            "malformed_reply",
            f"The reply names command {reply.command_id} but its correlation data is another's.",
        )
    return reply
