"""The credit ledger in SQL: entries are sealed into a chain after they are committed, and verified."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, func, select

from domain.credit import Account, CreditEntry
from domain.ids import PersonId
from domain.sealing import FIRST, seal_hash
from storage import credit_rows
from storage.engines import Turn, reading, take_turn, writing
from storage.tables import entries, seals
from storage.text import writable


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest seal."""

    number: int
    hash: str
    sealed_at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReport:
    """What a walk along the chain found; `broken` is empty where all is well."""

    sealed: int
    unsealed: int
    head: Head | None
    broken: tuple[str, ...]
    hashes: dict[int, str]  # number -> hash as stored


class SqlLedger:
    """Raises StorageUnavailable where the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def seal(self, at_us: int) -> int:
        """Numbers and chains what is committed and not sealed; how many that were. Again: none."""
        with reading(self._engine) as connection:
            if not _unsealed(connection):
                return 0
        with writing(self._engine) as connection:
            take_turn(connection, Turn.SEAL)  # two workers would give the same number
            waiting = _unsealed(connection)
            head = _head(connection)
            number, previous = (head.number, head.hash) if head else (0, FIRST)
            for entry in waiting:
                number += 1
                made = seal_hash(previous, number, entry)
                connection.execute(
                    seals.insert(),
                    {
                        "number": number,
                        "entry_id": entry.entry_id,
                        "previous": previous,
                        "hash": made,
                        "sealed_at_us": at_us,
                    },
                )
                previous = made
            return len(waiting)

    def head(self) -> Head | None:
        with reading(self._engine) as connection:
            return _head(connection)

    def verify(self) -> LedgerReport:
        """Walks the whole chain and says every place where it does not hold."""
        with reading(self._engine) as connection:
            every = _readable(connection)
            stored = list(connection.execute(select(seals).order_by(seals.c.number)).mappings())
            broken = [*every.broken, *_breaks(stored, every.entries)]
            sealed = {row["entry_id"] for row in stored}
            return LedgerReport(
                sealed=len(stored),
                unsealed=len(every.entries.keys() - sealed),
                head=_head(connection),
                broken=tuple(broken),
                hashes={row["number"]: row["hash"] for row in stored},
            )

    def balances(self, person: PersonId) -> dict[Account, int]:
        """Sums of what counts, in hundredths."""
        query = (
            select(entries.c.account, func.sum(entries.c.points_hundredths))
            .where(entries.c.person_id == writable(person), entries.c.shadow.is_(False))
            .group_by(entries.c.account)
        )
        with reading(self._engine) as connection:
            found = {Account(account): int(points) for account, points in connection.execute(query)}
        return {account: found.get(account, 0) for account in Account}


@dataclass(frozen=True, slots=True)
class _Readable:
    entries: dict[object, CreditEntry]
    broken: list[str]


def _readable(connection: Connection) -> _Readable:
    """A row that is no entry any more must be told, not stop the walk."""
    found: dict[object, CreditEntry] = {}
    broken: list[str] = []
    for row in connection.execute(select(entries)).mappings():
        try:
            found[row["entry_id"]] = credit_rows.entry(row)
        except ValueError as error:
            broken.append(f"entry {row['entry_id']} cannot be read: {error}")
    return _Readable(found, broken)


def _breaks(stored: list[RowMapping], every: dict[object, CreditEntry]) -> Iterator[str]:
    previous = FIRST
    for expected, row in enumerate(stored, start=1):
        number = row["number"]
        if number != expected:
            yield f"seal {expected} is missing: {number} follows {expected - 1}"
            return  # from here on every number is off
        entry = every.get(row["entry_id"])
        if row["previous"] != previous:
            yield f"seal {number} does not follow seal {number - 1}"
        if entry is None:
            yield f"seal {number} is of entry {row['entry_id']}, which is gone"
        elif seal_hash(row["previous"], number, entry) != row["hash"]:
            yield f"seal {number}: entry {entry.entry_id} is not the one that was sealed"
        previous = row["hash"]


def _unsealed(connection: Connection) -> list[CreditEntry]:
    query = (
        select(entries)
        .outerjoin(seals, seals.c.entry_id == entries.c.entry_id)
        .where(seals.c.number.is_(None))
        .order_by(entries.c.recorded_at_us, entries.c.entry_id)
    )
    return [credit_rows.entry(row) for row in connection.execute(query).mappings()]


def _head(connection: Connection) -> Head | None:
    query = select(seals).order_by(seals.c.number.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return Head(number=row["number"], hash=row["hash"], sealed_at_us=row["sealed_at_us"])
