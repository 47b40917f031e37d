"""`ledger verify` and `ledger head`: whether the ledger is the one that was sealed."""

from dataclasses import dataclass
from pathlib import Path

from domain.ports import StorageUnavailable
from service.records import records_engine
from service.sealing import HEADS_NAME, heads_of
from storage.engines import is_missing
from storage.ledger import Head, SqlLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    sealed: int
    unsealed: int
    head: Head | None
    broken: tuple[str, ...]


def verify(data: Path) -> Verdict:
    """The chain, and every head that was told outside. Raises StorageUnavailable."""
    report = _ledger(data).verify()
    outside = [
        f"seal {head.get('number')} had the hash {str(head.get('hash'))[:16]}... on {head.get('day')},"
        f" as {HEADS_NAME} says; it has another one now, or is gone"
        for head in heads_of(data / HEADS_NAME)
        if report.hashes.get(_number(head)) != head.get("hash")
    ]
    return Verdict(
        sealed=report.sealed,
        unsealed=report.unsealed,
        head=report.head,
        broken=(*report.broken, *outside),
    )


def head(data: Path) -> Head | None:
    """Raises StorageUnavailable."""
    return _ledger(data).head()


def _number(told: dict[str, object]) -> int:
    number = told.get("number")
    return number if isinstance(number, int) else -1


def _ledger(data: Path) -> SqlLedger:
    engine = records_engine(data, role="cli", busy_ms=5_000, once=True, patient=True)
    if is_missing(engine):
        raise StorageUnavailable(f"{data} holds no records: name the data folder with --data")
    return SqlLedger(engine)
