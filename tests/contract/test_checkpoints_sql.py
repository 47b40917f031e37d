"""Checkpoints in the database: whole or not there, the owner's only, and as far back as somebody needs."""

from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from domain.ports import StaleOwner
from storage.checkpoints import Checkpoint
from storage.checkpoints_sql import SqlCheckpoints
from storage.ownership import Owners
from tests.support.records_stores import RecordsStore

SITE = b"the compiled site" * 1_000


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine(busy_ms=5_000)
    yield made
    made.dispose()


@pytest.fixture
def kept(engine: Engine) -> SqlCheckpoints:
    return SqlCheckpoints(engine, "detectors", 3, Owners(engine).claim(3, "a", 1))


def _save(kept: SqlCheckpoints, seq: int, parts: dict[str, bytes] | None = None) -> None:
    arrays = {"hot_since": np.array([seq, -1], np.int64), "value": np.array([np.nan, 1.5])}
    kept.save(seq, arrays, {"seq": seq, "名": "油温"}, parts)


def _seqs(kept: SqlCheckpoints) -> list[int]:
    return [each.seq for each in kept.newest_first()]


def test_there_is_none_at_first(kept: SqlCheckpoints) -> None:
    assert (kept.latest(), kept.newest_seq(), kept.droppable_through()) == (None, 0, 0)


def test_what_was_saved_is_read_back(kept: SqlCheckpoints) -> None:
    _save(kept, 17, {"site": SITE})
    found = kept.latest()
    assert isinstance(found, Checkpoint)
    assert (found.seq, found.meta, found.parts) == (17, {"seq": 17, "名": "油温"}, {"site": SITE})
    assert found.arrays["hot_since"].tolist() == [17, -1]
    assert np.isnan(found.arrays["value"][0])


def test_the_newest_two_are_kept(kept: SqlCheckpoints) -> None:
    for seq in (1, 2, 3):
        _save(kept, seq)
        assert kept.newest_seq() == seq
    assert _seqs(kept) == [3, 2]
    assert kept.droppable_through() == 2


def test_the_one_that_a_projection_needs_is_kept_until_it_does_not(engine: Engine) -> None:
    needed = [25]
    epoch = Owners(engine).claim(0, "a", 1)
    kept = SqlCheckpoints(engine, "detectors", 0, epoch, needed=lambda: needed[0])
    for seq in (10, 20, 30, 40, 50):
        _save(kept, seq)
    assert _seqs(kept) == [50, 40, 20]
    assert kept.droppable_through() == 20
    needed[0] = 45
    _save(kept, 60)
    assert _seqs(kept) == [60, 50, 40]
    needed[0] = 99
    _save(kept, 70)
    assert _seqs(kept) == [70, 60]


def test_a_worker_that_lost_the_partition_leaves_nothing(
    engine: Engine, kept: SqlCheckpoints
) -> None:
    _save(kept, 1)
    now = SqlCheckpoints(engine, "detectors", 3, Owners(engine).claim(3, "b", 2))
    with pytest.raises(StaleOwner):
        _save(kept, 2, {"site": SITE})
    assert _seqs(now) == [1]


def test_partitions_and_names_do_not_mix(engine: Engine) -> None:
    epoch = Owners(engine).claim(0, "a", 1), Owners(engine).claim(1, "a", 1)
    detectors = [SqlCheckpoints(engine, "detectors", p, epoch[p]) for p in (0, 1)]
    intake = SqlCheckpoints(engine, "intake", 0, epoch[0])
    for seq, each in enumerate([*detectors, intake], start=1):
        _save(each, seq, {"site": SITE})
    assert [_seqs(each) for each in (*detectors, intake)] == [[1], [2], [3]]


def test_a_part_goes_when_no_checkpoint_leans_on_it(
    kept: SqlCheckpoints, store: RecordsStore
) -> None:
    _save(kept, 1, {"site": b"old"})
    for seq in (2, 3, 4):
        _save(kept, seq, {"site": SITE})
    assert [each.parts["site"] for each in kept.newest_first()] == [SITE, SITE]
    store.vandalise(
        "delete from checkpoint_parts where length(body) = 3"
    )  # nothing is left to delete
    store.vandalise("update checkpoint_parts set name = 'gone'")
    with capture_logs() as logs:
        assert _seqs(kept) == []
    assert {log["event"] for log in logs} == {"checkpoint_damaged"}


def test_a_damaged_one_is_said_and_passed_over(kept: SqlCheckpoints, store: RecordsStore) -> None:
    _save(kept, 1)
    _save(kept, 2)
    store.vandalise("update checkpoints set body = (select body from checkpoints where seq = 1)")
    with capture_logs() as logs:
        assert _seqs(kept) == [1]
    assert [(log["event"], log["seq"]) for log in logs] == [("checkpoint_damaged", 2)]
    assert kept.newest_seq() == 2


def test_a_checkpoint_written_again_is_the_later_one(kept: SqlCheckpoints) -> None:
    _save(kept, 5)
    kept.save(5, {}, {"again": True})
    found = kept.latest()
    assert found is not None
    assert found.meta == {"again": True}
