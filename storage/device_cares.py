"""Since when each field device is looked after, and its last passed test, among the records."""

from functools import cache
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, Engine, Executable, Integer, Table, select

from domain.changes import Changes
from domain.commands import DeviceCare
from domain.ids import DeviceId
from storage.engines import reading
from storage.inserts import newest
from storage.rows import columns_of
from storage.tables import metadata, words

device_cares: Final = Table(
    "device_cares",
    metadata,
    Column("device_id", words(200), primary_key=True),
    Column("since_us", BigInteger, nullable=False),
    Column("tested_at_us", BigInteger),
    Column("tested_by", words(200), nullable=False),
    Column("version", Integer, nullable=False),
)


def write_device_cares(connection: Connection, changes: Changes) -> None:
    """Each in its newest version, in the caller's transaction. May be repeated."""
    if changes.device_cares:
        newest_of = {each.device_id: each for each in changes.device_cares}
        written = [columns_of(newest_of[key]) for key in sorted(newest_of)]
        connection.execute(_newest(connection.dialect.name), written)


def every_device_care(engine: Engine) -> list[DeviceCare]:
    """Raises StorageUnavailable."""
    query = select(device_cares).order_by(device_cares.c.device_id)
    with reading(engine) as connection:
        return [
            DeviceCare(**{**row, "device_id": DeviceId(row["device_id"])})
            for row in connection.execute(query).mappings()
        ]


@cache
def _newest(dialect: str) -> Executable:
    return newest(dialect, device_cares, "device_id", "version")
