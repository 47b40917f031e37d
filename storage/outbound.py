"""What must leave for Kafka and has not: written with the decision, taken out when Kafka has it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, delete, func, select

from domain.outbound import Outbound, Outlet
from storage.engines import reading, writing
from storage.inserts import insert
from storage.tables import outbound
from storage.text import writable


@dataclass(frozen=True, slots=True)
class Waiting:
    number: int
    item: Outbound


def write(connection: Connection, items: Iterable[Outbound], partition: int) -> None:
    """In the transaction of the decision; a repetition adds nothing while the first one waits."""
    rows = [
        {
            "outbound_id": item.outbound_id,
            "partition": partition,
            "outlet": item.outlet.value,
            "key": writable(item.key),
            "headers": writable(json.dumps(dict(item.headers), ensure_ascii=False)),
            "value": item.value,
            "at_us": item.at_us,
        }
        for item in items
    ]
    if rows:
        connection.execute(insert(connection.dialect.name, outbound).on_conflict_do_nothing(), rows)


class OutboundQueue:
    """Raises StorageUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self, partition: int, at_most: int = 500) -> list[Waiting]:
        """The oldest first. Only the owner of the partition sends: so they leave in order."""
        query = (
            select(outbound)
            .where(outbound.c.partition == partition)
            .order_by(outbound.c.number)
            .limit(at_most)
        )
        with reading(self._engine) as connection:
            return [_waiting(row) for row in connection.execute(query).mappings()]

    def sent(self, numbers: Sequence[int]) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(outbound).where(outbound.c.number.in_(numbers)))

    def depth(self) -> tuple[int, int | None]:
        """How many wait, and the moment of the oldest."""
        with reading(self._engine) as connection:
            query = select(func.count(), func.min(outbound.c.at_us))
            count, oldest = connection.execute(query).one()
            return int(count), oldest


def _waiting(row: RowMapping) -> Waiting:
    return Waiting(
        row["number"],
        Outbound(
            outbound_id=row["outbound_id"],
            outlet=Outlet(row["outlet"]),
            key=row["key"],
            at_us=row["at_us"],
            headers=json.loads(row["headers"]),
            value=row["value"],
        ),
    )
