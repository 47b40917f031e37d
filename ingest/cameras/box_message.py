"""What another maker's box tells, in JSON of our own: one finding a message, over MQTT and HTTP alike.

    {"id": "20261125-000123", "camera": "1", "code": "no_helmet", "at": "2026-11-25T08:00:00+08:00",
     "ended": "...", "score": 0.87, "area": "1号主变间隔", "model": "...",
     "boxes": [{"left": 0.1, "top": 0.2, "right": 0.3, "bottom": 0.6, "what": "head", "concerned": true}],
     "picture": "<base64 of a JPEG or PNG>"}

`id`, `camera`, `code` and `at` are needed. The same id again is the same finding.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from domain.clock import from_datetime

LARGEST_BYTES: Final = 12 * 2**20  # of a message: a picture of 8 MiB in base64, and the words

_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Words = Annotated[str, msgspec.Meta(max_length=200)]
_Part = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class UnusableMessage(ValueError):
    """`reason` is a fixed word, `detail` one sentence for who looks after the box."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class MarkedBox(msgspec.Struct, frozen=True):
    """In parts of the picture."""

    left: _Part
    top: _Part
    right: _Part
    bottom: _Part
    what: Literal["person", "helmet", "head", "other"] = "person"
    score: _Part = 1.0
    concerned: bool = False


class BoxMessage(msgspec.Struct, frozen=True):
    """More fields may stand in it: boxes send much."""

    id: _Word
    camera: _Word
    code: _Word
    at: _Moment
    ended: _Moment | None = None
    score: _Part = 0.0  # 0: it does not say
    area: _Words = ""
    model: _Words = ""
    boxes: Annotated[tuple[MarkedBox, ...], msgspec.Meta(max_length=100)] = ()
    picture: bytes | None = None

    @property
    def at_us(self) -> int:
        return from_datetime(self.at)

    @property
    def ended_us(self) -> int | None:
        return None if self.ended is None else from_datetime(self.ended)


_DECODER: Final = msgspec.json.Decoder(BoxMessage)


def read_box_message(body: bytes) -> BoxMessage:
    """Raises UnusableMessage."""
    if len(body) > LARGEST_BYTES:
        raise UnusableMessage(
            "too_large", f"a message of {len(body)} bytes: up to {LARGEST_BYTES} are taken"
        )
    try:
        message = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise UnusableMessage("malformed_json", f"the message cannot be read: {error}") from error
    if message.ended is not None and message.ended < message.at:
        raise UnusableMessage("ended_before_it_began", "`ended` is before `at`")
    return message
