"""INSERTs that know ON CONFLICT: the one place where the statements of the two databases differ."""

from typing import Any

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def newest(dialect: str, table: Table, key: str | tuple[str, ...], version: str) -> Executable:
    """Insert, or replace what is older; never back to an older one."""
    statement = insert(dialect, table)
    keys = (key,) if isinstance(key, str) else key
    return statement.on_conflict_do_update(
        index_elements=[table.c[each] for each in keys],
        set_=_all_but(statement, table, keys),
        where=table.c[version] < statement.excluded[version],
    )


def latest(dialect: str, table: Table, key: str) -> Executable:
    """Insert, or replace; for what has no version of its own."""
    statement = insert(dialect, table)
    return statement.on_conflict_do_update(
        index_elements=[table.c[key]], set_=_all_but(statement, table, (key,))
    )


def _all_but(
    statement: sqlite.Insert | postgresql.Insert, table: Table, keys: tuple[str, ...]
) -> dict[str, Any]:
    return {
        column.name: statement.excluded[column.name]
        for column in table.c
        if column.name not in keys
    }
