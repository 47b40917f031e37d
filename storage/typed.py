"""Typed values out of JSON, MessagePack and plain dicts, safe among threads.

msgspec keeps what it knows of a dataclass at the class, and does so before it knows all: a second thread that
reads the same class for the first time at that moment ends the process (0.22.0, segmentation fault). So each
kind is prepared once, by one thread at a time. Decoders that a module makes while it is imported are as safe.
"""

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

import msgspec

_T = TypeVar("_T")

_PREPARED: Final[set[Any]] = set()
_preparing: Final = threading.Lock()


@overload
def read_json(kind: type[_T], content: bytes | str) -> _T: ...
@overload
def read_json(kind: object, content: bytes | str) -> Any: ...
def read_json(kind: Any, content: bytes | str) -> Any:
    """Raises msgspec.DecodeError, ValidationError."""
    prepare(kind)
    return msgspec.json.decode(content, type=kind)


def read_packed(kind: type[_T], content: bytes | memoryview) -> _T:
    """Raises msgspec.DecodeError, ValidationError."""
    prepare(kind)
    return msgspec.msgpack.decode(content, type=kind)


def converted(kind: type[_T], value: object, *, str_keys: bool = False) -> _T:
    """Raises msgspec.ValidationError."""
    prepare(kind)
    return msgspec.convert(value, kind, str_keys=str_keys)


def prepare(kind: Any, dec_hook: Callable[[type, Any], Any] | None = None) -> None:
    """Afterwards any thread may read it."""
    if kind in _PREPARED:
        return
    with _preparing:
        msgspec.json.Decoder(kind, dec_hook=dec_hook)
        _PREPARED.add(kind)
