"""Who decides for which partition of the site's topic.

A claim raises the partition's epoch. Whoever writes for a partition checks its epoch in the same transaction
and keeps it from being claimed until the end of that: what an owner of before still decides is rolled back.
"""

from dataclasses import dataclass
from secrets import token_bytes
from typing import Final

from sqlalchemy import Connection, Engine, RowMapping, select

from domain.ports import StaleOwner
from storage.engines import reading, writing
from storage.inserts import insert
from storage.tables import journal_keys, owners, site_facts
from storage.text import writable

_PARTITIONS: Final = "partitions"
_INSTALLATION: Final = "installation"
_RECORDS: Final = "records"
_KEY_BYTES: Final = 32


class PartitionsChanged(Exception):
    """The site's topic has not as many partitions as it had: a key would move to another one, and with it
    an asset to a worker that does not know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    partition: int
    epoch: int
    worker: str
    claimed_at_us: int


class Owners:
    """Raises StorageUnavailable where the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, partition: int, worker: str, at_us: int) -> int:
        """The epoch that is ours from here on. Waits for a commit of the owner of before."""
        with writing(self._engine) as connection:
            statement = insert(connection.dialect.name, owners)
            claimed = statement.on_conflict_do_update(
                index_elements=[owners.c.partition],
                set_={
                    "epoch": owners.c.epoch + 1,
                    "worker": statement.excluded.worker,
                    "claimed_at_us": statement.excluded.claimed_at_us,
                },
            ).returning(owners.c.epoch)
            row = {
                "partition": partition,
                "epoch": 1,
                "worker": writable(worker),
                "claimed_at_us": at_us,
            }
            return int(connection.execute(claimed, row).scalar_one())

    def owner(self, partition: int) -> Owner | None:
        """None while nobody ever claimed it."""
        query = select(owners).where(owners.c.partition == partition)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
            return _owner(row) if row else None

    def owners(self) -> list[Owner]:
        with reading(self._engine) as connection:
            query = select(owners).order_by(owners.c.partition)
            return [_owner(row) for row in connection.execute(query).mappings()]

    def expect_partitions(self, count: int) -> None:
        """The first call says how many there are for good. Raises PartitionsChanged."""
        stored = self._fact(_PARTITIONS, count)
        if stored != count:
            raise PartitionsChanged(
                f"the site's topic has {count} partitions and had {stored} when the records began: make it"
                f" with {stored} again, or begin with new records"
            )

    def installation(self, number: int) -> int:
        """Whose records these are; the first call says it for good."""
        return self._fact(_INSTALLATION, number)

    def _fact(self, name: str, value: int) -> int:
        """What was said first."""
        with writing(self._engine) as connection:
            keep = insert(connection.dialect.name, site_facts).on_conflict_do_nothing()
            connection.execute(keep, {"name": name, "value": value})
            query = select(site_facts.c.value).where(site_facts.c.name == name)
            return int(connection.execute(query).scalar_one())

    def key(self, name: str = _RECORDS) -> bytes:
        """By default that of our own records in the topic: made once, known to every worker of these
        records."""
        keep = {"name": name, "key": token_bytes(_KEY_BYTES)}
        with writing(self._engine) as connection:
            statement = insert(connection.dialect.name, journal_keys).on_conflict_do_nothing()
            connection.execute(statement, keep)
            query = select(journal_keys.c.key).where(journal_keys.c.name == name)
            return bytes(connection.execute(query).scalar_one())


def expect_owner(connection: Connection, partition: int, epoch: int | None) -> None:
    """Until the end of the transaction the partition stays ours. Raises StaleOwner."""
    query = select(owners.c.epoch).where(owners.c.partition == partition)
    # many may share it; a claim waits. SQLite has one writer anyway
    found = connection.execute(query.with_for_update(read=True)).scalar()
    if found != epoch:
        raise StaleOwner(
            f"partition {partition} is of epoch {found} and was ours in epoch {epoch}: another worker has it"
        )


def _owner(row: RowMapping) -> Owner:
    return Owner(**row)
