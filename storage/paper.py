"""The feed of changes to people and paper, by which a worker learns what another one decided.

Numbers become visible in their order: who writes paper has the turn until the end of its transaction, so that
a reader who saw a number has seen all before it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Connection, RowMapping, delete, func, select

from domain.changes import Changes
from domain.clock import SECOND_US
from storage import arrangement_rows, credit_rows, rows
from storage.engines import Turn, take_turn
from storage.logbook import watch, watches
from storage.tables import (
    approvals,
    arrangements,
    entries,
    paper_changes,
    reviews,
    site_versions,
    tags,
    tickets,
    users,
)
from storage.text import writable

KEPT_US: Final = 7 * 86_400 * SECOND_US  # a worker that was away for longer begins from the tables


@dataclass(frozen=True, slots=True)
class _Kind:
    """One list of Changes: the column by which its things are known, and how rows become things again."""

    key: Column[Any]
    parsed: Callable[[str], object]
    made: Callable[[RowMapping], Any]


_KINDS: Final[Mapping[str, _Kind]] = {
    "users": _Kind(users.c.name, str, rows.user),
    "tickets": _Kind(tickets.c.ticket_id, UUID, rows.ticket),
    "tags": _Kind(tags.c.tag_id, UUID, rows.tag),
    "approvals": _Kind(approvals.c.approval_id, UUID, rows.approval),
    "site_versions": _Kind(site_versions.c.number, int, rows.site_version),
    "reviews": _Kind(reviews.c.review_id, UUID, credit_rows.review),
    "entries": _Kind(entries.c.entry_id, UUID, credit_rows.entry),
    "watches": _Kind(watches.c.watch_id, UUID, watch),
    "arrangements": _Kind(arrangements.c.arrangement_id, UUID, arrangement_rows.arrangement),
}


def write(connection: Connection, changes: Changes, partition: int | None, at_us: int) -> None:
    """In the transaction of the changes themselves, and last in it."""
    changed = dict.fromkeys(_changed(changes))
    if not changed:
        return
    take_turn(connection, Turn.WRITE_PAPER)
    connection.execute(delete(paper_changes).where(paper_changes.c.at_us < at_us - KEPT_US))
    connection.execute(
        paper_changes.insert(),
        [
            {"kind": kind, "key": key, "partition": partition, "at_us": at_us}
            for kind, key in changed
        ],
    )


def newest(connection: Connection) -> int:
    return connection.execute(select(func.max(paper_changes.c.number))).scalar() or 0


def since(
    connection: Connection, number: int, but_not_of: int | None, limit: int
) -> tuple[int, Changes]:
    query = (
        select(paper_changes)
        .where(paper_changes.c.number > number)
        .order_by(paper_changes.c.number)
        .limit(limit)
    )
    found = list(connection.execute(query).mappings())
    wanted: dict[str, list[str]] = {}
    for row in found:
        if but_not_of is None or row["partition"] != but_not_of:
            wanted.setdefault(row["kind"], []).append(row["key"])
    changes = Changes()
    for name, keys in wanted.items():
        getattr(changes, name).extend(_as_they_stand(connection, name, keys))
    return (found[-1]["number"] if found else number), changes


def _changed(changes: Changes) -> Iterator[tuple[str, str]]:
    for name, kind in _KINDS.items():
        for thing in getattr(changes, name):
            yield name, writable(str(getattr(thing, kind.key.name)))


def _as_they_stand(connection: Connection, name: str, keys: Iterable[str]) -> list[Any]:
    """In the order in which they changed last."""
    kind = _KINDS.get(name)
    if kind is None:
        return []  # of a later release: it matters to workers of that release
    last = {kind.parsed(key): place for place, key in enumerate(keys)}
    query = select(kind.key.table).where(kind.key.in_(list(last)))
    stood = connection.execute(query).mappings().all()
    stood = sorted(stood, key=lambda row: last[row[kind.key.name]])
    return [kind.made(row) for row in stood]
