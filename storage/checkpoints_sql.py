"""Checkpoints in the records database, for partitions that move from worker to worker.

The bytes are those of storage.checkpoints. A save checks the owner's epoch: a worker that lost the partition
cannot leave a state behind that the new owner would begin from.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import structlog
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, RowMapping, and_, delete, select

from storage.checkpoints import (
    Checkpoint,
    DamagedCheckpoint,
    checkpoint_bytes,
    checkpoint_parts,
    part_digest,
)
from storage.engines import reading, writing
from storage.inserts import insert
from storage.ownership import expect_owner
from storage.tables import checkpoint_parts as parts_table
from storage.tables import checkpoints

_KEPT: Final = 2
_SEQ: Final = checkpoints.c.seq

log = structlog.get_logger(__name__)


def _never_behind() -> int:
    return 2**63 - 1


class SqlCheckpoints:
    """The checkpoints of one fold (`name`) of one partition. The newest two are kept, and the newest one at
    or before `needed()`: a projection that is behind folds from there."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        partition: int,
        epoch: int,
        needed: Callable[[], int] = _never_behind,
    ) -> None:
        self._engine = engine
        self._name = name
        self._partition = partition
        self._epoch = epoch
        self._needed = needed
        self._digested: dict[str, tuple[bytes, str]] = {}  # the last of each part, and its digest
        self._ours = and_(checkpoints.c.name == name, checkpoints.c.partition == partition)
        self._our_parts = and_(parts_table.c.name == name, parts_table.c.partition == partition)

    @property
    def name(self) -> str:
        return self._name

    def save(
        self,
        seq: int,
        arrays: Mapping[str, NDArray[Any]],
        meta: Mapping[str, Any] | None = None,
        parts: Mapping[str, bytes] | None = None,
    ) -> None:
        """One transaction. Raises StaleOwner, StorageUnavailable; then the older ones still stand."""
        leans_on = {name: (self._digest(name, part), part) for name, part in (parts or {}).items()}
        digests = {name: digest for name, (digest, _) in leans_on.items()}
        body = checkpoint_bytes(seq, arrays, meta or {}, digests)
        needed = self._needed()
        with writing(self._engine) as connection:
            expect_owner(connection, self._partition, self._epoch)
            self._keep_parts(connection, dict(leans_on.values()))
            self._keep(connection, seq, body, sorted(set(digests.values())))
            self._drop(connection, needed)

    def newest_seq(self) -> int:
        """Of the newest, whether it can be read or not; 0 while there is none."""
        return max(self._seqs(), default=0)

    def newest_first(self) -> Iterator[Checkpoint]:
        """Those that can be read; a damaged one is logged and passed over. Raises StorageUnavailable."""
        for seq in reversed(self._seqs()):
            try:
                found = self._read(seq)
            except DamagedCheckpoint as error:
                log.warning(
                    "checkpoint_damaged",
                    name=self._name,
                    partition=self._partition,
                    seq=seq,
                    reason=str(error),
                )
                continue
            if found is not None:
                yield found

    def latest(self) -> Checkpoint | None:
        """The newest that can be read."""
        return next(self.newest_first(), None)

    def droppable_through(self) -> int:
        """The records up to here are not needed by us: the oldest kept one covers them as well. 0 while
        there are not two, for a single one may be damaged."""
        seqs = self._seqs()
        return seqs[0] if len(seqs) >= _KEPT else 0

    def _digest(self, name: str, part: bytes) -> str:
        last, digest = self._digested.get(name, (None, ""))
        if part is not last:
            digest = part_digest(part).hex()
            self._digested[name] = part, digest
        return digest

    def _keep_parts(self, connection: Connection, parts: Mapping[str, bytes]) -> None:
        """Those that are not there yet: one that stays the same is sent once."""
        there = set(connection.scalars(select(parts_table.c.digest).where(self._our_parts)))
        new = [
            {"name": self._name, "partition": self._partition, "digest": digest, "body": part}
            for digest, part in parts.items()
            if digest not in there
        ]
        if new:
            connection.execute(parts_table.insert(), new)

    def _keep(self, connection: Connection, seq: int, body: bytes, digests: list[str]) -> None:
        statement = insert(connection.dialect.name, checkpoints)
        written = statement.on_conflict_do_update(
            index_elements=list(checkpoints.primary_key),
            set_={
                column: statement.excluded[column] for column in ("epoch", "body", "part_digests")
            },
        )
        row = {
            "name": self._name,
            "partition": self._partition,
            "seq": seq,
            "epoch": self._epoch,
            "body": body,
            "part_digests": json.dumps(digests),
        }
        connection.execute(written, row)

    def _drop(self, connection: Connection, needed: int) -> None:
        query = select(_SEQ, checkpoints.c.part_digests).where(self._ours).order_by(_SEQ)
        leaning = {seq: json.loads(digests) for seq, digests in connection.execute(query)}
        seqs = list(leaning)
        # where none is old enough, or nobody knows what is needed, the oldest is the best there is
        needed_one = [seq for seq in seqs if seq <= needed][-1:] or seqs[:1]
        kept = {*seqs[-_KEPT:], *needed_one}
        connection.execute(delete(checkpoints).where(self._ours, _SEQ.not_in(kept)))
        used = {digest for seq in kept for digest in leaning[seq]}
        connection.execute(
            delete(parts_table).where(self._our_parts, parts_table.c.digest.not_in(used))
        )

    def _read(self, seq: int) -> Checkpoint | None:
        with reading(self._engine) as connection:
            query = select(checkpoints.c.body).where(self._ours, checkpoints.c.seq == seq)
            body = connection.execute(query).scalar()
            if body is None:
                return None  # dropped since we looked
            head, arrays = checkpoint_parts(body, seq)
            parts = {name: self._part(connection, digest) for name, digest in head["parts"].items()}
        return Checkpoint(seq=seq, arrays=arrays, meta=head["meta"], parts=parts)

    def _part(self, connection: Connection, digest: str) -> bytes:
        query = select(parts_table).where(self._our_parts, parts_table.c.digest == digest)
        row: RowMapping | None = connection.execute(query).mappings().first()
        if row is None or part_digest(row["body"]).hex() != digest:
            raise DamagedCheckpoint(f"its part {digest} cannot be read")
        body: bytes = row["body"]
        return body

    def _seqs(self) -> list[int]:
        with reading(self._engine) as connection:
            return list(connection.scalars(select(_SEQ).where(self._ours).order_by(_SEQ)))
