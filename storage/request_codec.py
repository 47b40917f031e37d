"""Requests as the name of their kind and JSON: on the local socket, in the journal and in the audit."""

from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from domain.requests import (
    ChangePassword,
    ProposeSite,
    PutUser,
    ReportFinding,
    Request,
    SignHandover,
    TakeLeave,
)
from storage.text import writable
from storage.typed import converted

_KINDS: Final[Mapping[str, type[Request]]] = {each.__name__: each for each in get_args(Request)}
# what an audit does not keep: a password, and what stands elsewhere: folders, signed pages
# what an audit does not keep: a password, a folder that stands among the site versions, why somebody is away
_LEFT_OUT: Final[Mapping[type[Any], tuple[str, ...]]] = {
    PutUser: ("password",),
    ChangePassword: ("password",),
    ProposeSite: ("files",),
    SignHandover: ("page",),
    TakeLeave: ("private",),
}


class MalformedRequest(ValueError):
    """No request that we know; the message says what is wrong."""


def named(request: Request) -> dict[str, Any]:
    """{"type": "AcknowledgeIncident", "fields": {...}}"""
    return {"type": type(request).__name__, "fields": msgspec.to_builtins(request)}


def request_of(written: Mapping[str, Any]) -> Request:
    """Raises MalformedRequest."""
    kind = _KINDS.get(str(written.get("type")))
    if kind is None:
        known = ", ".join(sorted(_KINDS))
        raise MalformedRequest(f"no request is named {written.get('type')!r}; there are {known}")
    try:
        return converted(kind, written.get("fields"), str_keys=True)
    except msgspec.ValidationError as error:
        raise MalformedRequest(f"{kind.__name__}: {error}") from error


def audited(request: Request) -> str:
    """The fields, less what an audit does not keep."""
    kept = msgspec.to_builtins(request)
    for name in _LEFT_OUT.get(type(request), ()):
        kept[name] = ""
    if isinstance(request, ReportFinding):
        kept["finding"]["opinions"] = ()  # they stand among the findings
    return writable(msgspec.json.encode(kept).decode())
