"""Rows of the records as domain objects, and back. One place, for who writes and for who reads."""

from collections.abc import Iterable, Sequence
from enum import Enum
from math import isnan
from operator import attrgetter
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping

from domain.assets import Priority
from domain.commands import DeviceCommand
from domain.frozen import fields_of
from domain.ids import AssetId, PersonId, TeamId
from domain.incidents import Explanation, Incident, IncidentState
from domain.paperwork import (
    Approval,
    ApprovalState,
    Role,
    SiteVersion,
    Tag,
    TagKind,
    Ticket,
    TicketState,
    TicketType,
    User,
)
from domain.requests import Handled
from domain.responsibility import Answer, Kind, Reason
from storage.request_codec import audited, request_of
from storage.text import writable
from storage.typed import read_json

Columns = dict[str, Sequence[Any]]  # name -> of every row

_T = TypeVar("_T")
_Row = dict[str, Any]
_NOTHING: Final = ""
_AS_THEY_ARE: Final = frozenset({int, bool, bytes, UUID, type(None)})
_JSON: Final = msgspec.json.Encoder()


def stored(value: Any) -> Any:
    """A plain value as a column takes it."""
    if type(value) is str:
        return writable(value)
    if isinstance(value, Enum):
        return value._value_  # the property costs five times as much
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, float) and isnan(value):
        return None
    return value


def columns_of(thing: Any) -> _Row:
    """One column per field, for what has plain fields only."""
    names, values_of = fields_of(thing.__class__)
    plain = _AS_THEY_ARE
    return {
        # most values are: a flood has a million of them
        name: value if type(value) in plain else stored(value)
        for name, value in zip(names, values_of(thing), strict=True)
    }


def columns_of_all(things: Sequence[Any]) -> Columns:
    """Likewise, of one or more of one type; the values are as they are in them."""
    kind: Any = type(things[0])
    names, values_of = fields_of(kind)
    return dict(zip(names, zip(*map(values_of, things), strict=True), strict=True))


def newest_versions(key: str, versions: Iterable[_T]) -> list[_T]:
    """Each thing once: of a flood half are moved again at once. In one order, so that two workers never wait
    for each other."""
    key_of, version_of = attrgetter(key), attrgetter("version")
    of_each: dict[Any, _T] = {}
    for each in versions:
        known = of_each.setdefault(key_of(each), each)
        if version_of(known) < version_of(each):
            of_each[key_of(each)] = each
    return [of_each[each] for each in sorted(of_each, key=_in_order)]


def _in_order(key: Any) -> Any:
    return key.int if isinstance(key, UUID) else key


def as_json(value: Any) -> str:
    return writable(msgspec.json.encode(value).decode())


def all_as_json(values: Sequence[Any]) -> list[str]:
    """One text each: a line ends in no JSON."""
    return _JSON.encode_lines(values).decode().split("\n")[:-1]


def incident_columns(incidents: Sequence[Incident]) -> Columns:
    columns = columns_of_all(incidents)
    del columns["standing"]  # the events themselves say what stands
    answers: Sequence[Answer] = columns["answer"]
    columns["zone_id"] = [each.zone_id for each in answers]
    columns["acting_id"] = [each.acting.person_id if each.acting else None for each in answers]
    for name in ("answer", "because", "found"):
        columns[name] = all_as_json(columns[name])
    return columns


def incident(row: RowMapping, standing: frozenset[UUID]) -> Incident:
    held: _Row = {**row, "standing": standing}
    del held["zone_id"], held["acting_id"]
    held["answer"] = read_json(Answer, held["answer"])
    held["asset_id"] = AssetId(held["asset_id"])
    held["priority"] = Priority(held["priority"])
    held["state"] = IncidentState(held["state"])
    held["kind"] = Kind(held["kind"])
    held["because"] = reasons(held["because"])
    held["found"] = read_json(Explanation, held["found"])
    return Incident(**held)


def command_row(command: DeviceCommand) -> _Row:
    return columns_of(command) | {"because": as_json(command.because)}


def reasons(written: str) -> tuple[Reason, ...]:
    return read_json(tuple[Reason, ...], written)


def ticket_row(ticket: Ticket) -> _Row:
    return columns_of(ticket) | {"asset_ids": as_json(ticket.asset_ids)}


def ticket(row: RowMapping) -> Ticket:
    held: _Row = dict(row)
    held["type"] = TicketType(held["type"])
    held["state"] = TicketState(held["state"])
    held["asset_ids"] = read_json(tuple[AssetId, ...], held["asset_ids"])
    held["team_id"] = TeamId(held["team_id"])
    held["leader"] = PersonId(held["leader"])
    return Ticket(**held)


def tag_row(tag: Tag) -> _Row:
    return columns_of(tag)


def tag(row: RowMapping) -> Tag:
    return Tag(
        **{**row, "kind": TagKind(row["kind"]), "asset_id": AssetId(row["asset_id"])},
    )


def approval_row(approval: Approval) -> _Row:
    return columns_of(approval) | {"summary": as_json(approval.summary)}


def approval(row: RowMapping) -> Approval:
    held: _Row = dict(row)
    held["summary"] = read_json(tuple[str, ...], held["summary"])
    held["state"] = ApprovalState(held["state"])
    return Approval(**held)


def site_version_row(version: SiteVersion) -> _Row:
    return columns_of(version)


def site_version(row: RowMapping) -> SiteVersion:
    return SiteVersion(**{**row, "state": ApprovalState(row["state"])})


def user_row(user: User) -> _Row:
    return columns_of(user) | {
        "roles": as_json(sorted(user.roles)),
        "stations": as_json(sorted(user.stations)),
    }


def user(row: RowMapping) -> User:
    held: _Row = dict(row)
    held["roles"] = read_json(frozenset[Role], held["roles"])
    held["stations"] = read_json(frozenset[str], held["stations"])
    return User(**held)


def audit_row(handled: Handled) -> _Row:
    return {
        "request_id": handled.request_id,
        "at_us": handled.at_us,
        "actor": writable(handled.actor),
        "act": type(handled.request).__name__,
        "request": audited(handled.request),
        "done": handled.done,
        "why": as_json(handled.why) if handled.why else _NOTHING,
        "subject": writable(handled.subject),
    }


def handled(row: RowMapping) -> Handled:
    return Handled(
        request_id=row["request_id"],
        at_us=row["at_us"],
        actor=row["actor"],
        request=request_of({"type": row["act"], "fields": msgspec.json.decode(row["request"])}),
        done=row["done"],
        why=read_json(Reason, row["why"]) if row["why"] else None,
        subject=row["subject"],
    )
