"""Rows of the records as domain objects, and back. One place, for who writes and for who reads."""

from enum import Enum
from math import isnan
from typing import Any, Final
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

_Row = dict[str, Any]
_NOTHING: Final = ""
_AS_THEY_ARE: Final = frozenset({int, bool, bytes, UUID, type(None)})


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


def as_json(value: Any) -> str:
    return writable(msgspec.json.encode(value).decode())


def incident_row(incident: Incident) -> _Row:
    row = columns_of(incident)
    del row["standing"]  # the events themselves say what stands
    answer = incident.answer
    row["answer"] = as_json(answer)
    row["because"] = as_json(incident.because)
    row["found"] = as_json(incident.found)
    row["zone_id"] = answer.zone_id
    row["acting_id"] = answer.acting.person_id if answer.acting else None
    return row


def incident(row: RowMapping, standing: frozenset[UUID]) -> Incident:
    held: _Row = {**row, "standing": standing}
    del held["zone_id"], held["acting_id"]
    held["answer"] = msgspec.json.decode(held["answer"], type=Answer)
    held["asset_id"] = AssetId(held["asset_id"])
    held["priority"] = Priority(held["priority"])
    held["state"] = IncidentState(held["state"])
    held["kind"] = Kind(held["kind"])
    held["because"] = reasons(held["because"])
    held["found"] = msgspec.json.decode(held["found"], type=Explanation)
    return Incident(**held)


def command_row(command: DeviceCommand) -> _Row:
    return columns_of(command) | {"because": as_json(command.because)}


def reasons(written: str) -> tuple[Reason, ...]:
    return msgspec.json.decode(written, type=tuple[Reason, ...])


def ticket_row(ticket: Ticket) -> _Row:
    return columns_of(ticket) | {"asset_ids": as_json(ticket.asset_ids)}


def ticket(row: RowMapping) -> Ticket:
    held: _Row = dict(row)
    held["type"] = TicketType(held["type"])
    held["state"] = TicketState(held["state"])
    held["asset_ids"] = msgspec.json.decode(held["asset_ids"], type=tuple[AssetId, ...])
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
    held["summary"] = msgspec.json.decode(held["summary"], type=tuple[str, ...])
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
    held["roles"] = msgspec.json.decode(held["roles"], type=frozenset[Role])
    held["stations"] = msgspec.json.decode(held["stations"], type=frozenset[str])
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
        why=msgspec.json.decode(row["why"], type=Reason) if row["why"] else None,
        subject=row["subject"],
    )
