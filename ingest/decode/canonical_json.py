"""Our own JSON: {"readings": [{"point", "time", "value", "unit"?, "quality"?, "origin"?}, ...]}.

A payload without a fault is read in one step. One with a fault is taken apart: its good readings are
kept, and every fault gets a fixed word and one sentence.
"""

import json
import math
from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

import msgspec

from domain.clock import from_datetime

QualityWord = Literal[
    "good", "questionable", "substituted", "blocked", "not_topical", "invalid", "overflow"
]
OriginWord = Literal["live", "history"]

LARGEST_BYTES: Final = 2**20
_MS_US: Final = 1_000
_LAST_MS: Final = 253_402_300_799_999  # the end of the year 9999: what is later is as absurd
_QUALITY_WORDS: Final = get_args(QualityWord)
_ORIGIN_WORDS: Final = get_args(OriginWord)
_NAME_CHARS: Final = 80  # of a foreign text that we quote


class Reading(msgspec.Struct, gc=False):
    """One reading as the payload says it; point and unit are not yet looked up."""

    point: str
    time: Annotated[int, msgspec.Meta(ge=0, le=_LAST_MS)]  # ms in the payload, us when decoded
    value: float
    unit: str | None = None
    quality: QualityWord = "good"
    origin: OriginWord = "live"


class Problem(NamedTuple):
    """Why something could not be used: a fixed word for the count, a sentence for a person."""

    reason: str
    detail: str


class Decoded(NamedTuple):
    readings: list[Reading]  # their `time` is in microseconds
    problems: list[Problem]


class _Batch(msgspec.Struct, gc=False):
    readings: list[Reading]


class _IsoReading(msgspec.Struct, gc=False):
    point: str
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    value: float
    unit: str | None = None
    quality: QualityWord = "good"
    origin: OriginWord = "live"


class _IsoBatch(msgspec.Struct, gc=False):
    readings: list[_IsoReading]


_decode_batch: Final = msgspec.json.Decoder(_Batch).decode
_decode_iso_batch: Final = msgspec.json.Decoder(_IsoBatch).decode


def decode(payload: bytes) -> Decoded:
    """Never raises: what is wrong stands in `problems`."""
    try:
        readings = _decode_batch(payload).readings
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _decode_iso(payload)
    for reading in readings:
        reading.time *= _MS_US
    return Decoded(readings, [])


def _decode_iso(payload: bytes) -> Decoded:
    try:
        readings = [_of_iso(reading) for reading in _decode_iso_batch(payload).readings]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return take_apart(payload)
    if any(reading.time < 0 for reading in readings):
        return take_apart(payload)
    return Decoded(readings, [])


def _of_iso(said: _IsoReading) -> Reading:
    return Reading(
        said.point, from_datetime(said.time), said.value, said.unit, said.quality, said.origin
    )


def take_apart(payload: bytes) -> Decoded:
    """The slow way, for payloads with a fault; for a payload without one it gives the same."""
    try:
        # the standard parser, because it reads NaN and Infinity: their neighbours can be kept
        document: object = json.loads(payload.decode("utf-8"))
    except RecursionError:
        return _refused("too_deep", "The payload is nested deeper than we read.")
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        return _refused("malformed_json", f"The payload is not JSON: {error}.")
    except ValueError:
        return _refused("not_a_number", "A number in the payload has too many digits.")
    if not isinstance(document, dict):
        return _refused("wrong_type", f"The payload is {_kind(document)}, not an object.")
    if "readings" not in document:
        return _refused("missing_field", "The payload has no field 'readings'.")
    rows = document["readings"]
    if not isinstance(rows, list):
        return _refused("wrong_type", f"The field 'readings' is {_kind(rows)}, not a list.")
    results = [_take_one(number, row) for number, row in enumerate(rows, start=1)]
    return Decoded(
        [result for result in results if isinstance(result, Reading)],
        [result for result in results if isinstance(result, Problem)],
    )


def quoted(text: str) -> str:
    """A foreign text that is safe to print and to store, and short."""
    return repr(text if len(text) <= _NAME_CHARS else text[:_NAME_CHARS] + "…")


def _refused(reason: str, detail: str) -> Decoded:
    return Decoded([], [Problem(reason, detail)])


def _take_one(number: int, row: object) -> Reading | Problem:
    try:
        return _reading(row)
    except _Unusable as fault:
        return Problem(fault.reason, f"Reading {number}: {fault.detail}.")


class _Unusable(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def _reading(row: object) -> Reading:
    if not isinstance(row, dict):
        raise _Unusable("wrong_type", f"it is {_kind(row)}, not an object")
    for name in ("point", "time", "value"):
        if name not in row:
            raise _Unusable("missing_field", f"it has no field '{name}'")
    return Reading(
        _text("point", row["point"]),
        _time_us(row["time"]),
        _value(row["value"]),
        None if row.get("unit") is None else _text("unit", row["unit"]),
        _word("quality", row.get("quality", "good"), _QUALITY_WORDS),
        _word("origin", row.get("origin", "live"), _ORIGIN_WORDS),
    )


def _text(name: str, said: object) -> str:
    if not isinstance(said, str):
        raise _Unusable("wrong_type", f"'{name}' is {_kind(said)}, not a text")
    if not said.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in said):
        raise _Unusable("malformed_json", f"'{name}' holds half of a character")
    return said


def _word(name: str, said: object, words: tuple[str, ...]) -> Any:
    if not isinstance(said, str):
        raise _Unusable("wrong_type", f"'{name}' is {_kind(said)}, not a text")
    if said not in words:
        raise _Unusable("wrong_type", f"'{name}' is {quoted(said)}, not one of {', '.join(words)}")
    return said


def _value(said: object) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise _Unusable("wrong_type", f"'value' is {_kind(said)}, not a number")
    try:
        value = float(said)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise _Unusable("not_a_number", "'value' is NaN, infinite or out of range")
    return value


def _time_us(said: object) -> int:
    if isinstance(said, str):
        time_us = _iso_us(said)
    elif isinstance(said, int) and not isinstance(said, bool):
        time_us = min(said, _LAST_MS) * _MS_US
    else:
        raise _Unusable("wrong_type", f"'time' is {_kind(said)}, not whole milliseconds or a text")
    if time_us < 0:
        raise _Unusable("absurd_time", "'time' is before 1970")
    return time_us


def _iso_us(said: str) -> int:
    try:
        moment = datetime.fromisoformat(said)
    except ValueError as error:
        raise _Unusable("wrong_type", f"'time' {quoted(said)} is not ISO 8601") from error
    if moment.tzinfo is None:
        raise _Unusable("naive_time", f"'time' {quoted(said)} has no offset from UTC")
    return from_datetime(moment)


def _kind(thing: object) -> str:
    match thing:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"
