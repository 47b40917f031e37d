"""What tripped and what it reached, among the records."""

from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Executable,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    Uuid,
    select,
)

from domain.changes import Changes
from domain.disturbances import Disturbance, Reached
from domain.ids import AssetId
from storage.engines import reading
from storage.inserts import newest
from storage.rows import as_json, columns_of
from storage.tables import metadata, words
from storage.typed import read_json

disturbances: Final = Table(
    "disturbances",
    metadata,
    Column("disturbance_id", Uuid, primary_key=True),
    Column("asset_id", words(200), nullable=False),
    Column("station", words(200), nullable=False),
    Column("bay", words(200), nullable=False),
    Column("incident_id", Uuid, nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("known_at_us", BigInteger, nullable=False),
    Column("reached", Text, nullable=False),  # JSON of domain.disturbances.Reached
    Column("version", Integer, nullable=False),
    Index("ix_disturbances_known_at_us", "known_at_us"),
    Index("ix_disturbances_incident_id", "incident_id"),
)


def write_disturbances(connection: Connection, changes: Changes) -> None:
    """Each in its newest version, in the caller's transaction. May be repeated."""
    if changes.disturbances:
        newest_of = {each.disturbance_id: each for each in changes.disturbances}
        written = [_row(newest_of[key]) for key in sorted(newest_of)]
        connection.execute(_newest(connection.dialect.name), written)


def disturbances_since(engine: Engine, since_us: int) -> list[Disturbance]:
    """Known at `since_us` or later, the oldest first. Raises StorageUnavailable."""
    query = (
        select(disturbances)
        .where(disturbances.c.known_at_us >= since_us)
        .order_by(disturbances.c.known_at_us, disturbances.c.disturbance_id)
    )
    with reading(engine) as connection:
        return [_disturbance(row) for row in connection.execute(query).mappings()]


@cache
def _newest(dialect: str) -> Executable:
    return newest(dialect, disturbances, "disturbance_id", "version")


def _row(disturbance: Disturbance) -> dict[str, Any]:
    return columns_of(disturbance) | {"reached": as_json(disturbance.reached)}


def _disturbance(row: RowMapping) -> Disturbance:
    held: dict[str, Any] = dict(row)
    held["asset_id"] = AssetId(held["asset_id"])
    held["reached"] = read_json(tuple[Reached, ...], held["reached"])
    return Disturbance(**held)
