"""A checkpoint is whole or it is not there, and a damaged one is not believed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from domain.ports import StorageUnavailable
from storage.checkpoints import Checkpoints

ARRAYS: dict[str, NDArray[Any]] = {
    "file": np.array([1.5, np.nan, -np.inf]),
    "times": np.array([-(2**63), 2**63 - 1], np.int64),
    "grid": np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3)),
    "digests": np.array([b"12345678"], "S8"),
    "mixed": np.array([(1, 2.5)], [("number", "<i4"), ("value", "<f8")]),
    "none": np.empty(0, np.bool_),
}
META = {"site": "柳塬", "counts": {"late": 3}, "recent": [[1, "a"], None], "full": True}


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_state_comes_back_as_it_was(tmp_path: Path) -> None:
    Checkpoints(tmp_path / "new", "detectors").save(7, ARRAYS, META)
    read = Checkpoints(tmp_path / "new", "detectors").latest()
    assert read is not None
    assert (read.seq, read.meta) == (7, META)
    assert list(read.arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert read.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(read.arrays[name], array)
    read.arrays["times"][0] = 0  # state goes on from here


def test_without_any_there_is_none(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path, "detectors").latest() is None
    assert Checkpoints(tmp_path / "missing", "detectors").latest() is None


def test_every_readable_one_is_given_the_newest_first(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "it")
    assert (list(checkpoints.newest_first()), checkpoints.newest_seq()) == ([], 0)
    checkpoints.save(1, ARRAYS)
    checkpoints.save(2, ARRAYS)
    assert [each.seq for each in checkpoints.newest_first()] == [2, 1]
    _damage(tmp_path / "it-000000000002.checkpoint")
    assert [each.seq for each in checkpoints.newest_first()] == [1]
    assert checkpoints.newest_seq() == 2  # its number is taken all the same


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "detectors")
    for seq in (9, 10, 100):
        checkpoints.save(seq, ARRAYS)
    assert _files(tmp_path) == [
        "detectors-000000000010.checkpoint",
        "detectors-000000000100.checkpoint",
    ]


def test_each_fold_has_its_own(tmp_path: Path) -> None:
    gate, gate_2 = Checkpoints(tmp_path, "gate"), Checkpoints(tmp_path, "gate-2")
    gate.save(1, {})
    for seq in (2, 3, 4):
        gate_2.save(seq, {})
    newest, newest_2 = gate.latest(), gate_2.latest()
    assert newest is not None
    assert newest_2 is not None
    assert (newest.seq, newest_2.seq) == (1, 4)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_damage, id="one-bit"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-9]), id="cut-short"),
        pytest.param(lambda path: path.write_bytes(b"poem" * 100), id="something-else"),
        pytest.param(
            lambda path: path.write_bytes(
                (path.parent / "it-000000000001.checkpoint").read_bytes()
            ),
            id="another-number",
        ),
    ],
)
def test_a_damaged_newest_falls_back_to_the_older_one(tmp_path: Path, damage: Any) -> None:
    checkpoints = Checkpoints(tmp_path, "it")
    checkpoints.save(1, ARRAYS)
    checkpoints.save(2, ARRAYS)
    damage(tmp_path / "it-000000000002.checkpoint")
    with capture_logs() as logs:
        read = checkpoints.latest()
    assert read is not None
    assert read.seq == 1
    (line,) = logs
    assert line["event"] == "checkpoint_damaged"
    assert line["file"].endswith("it-000000000002.checkpoint")


def test_the_journal_stays_as_far_back_as_the_older_one_needs(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "it")
    droppable = [checkpoints.droppable_through()]
    for seq in (5, 8, 13):
        checkpoints.save(seq, {})
        droppable.append(checkpoints.droppable_through())
    assert droppable == [0, 0, 5, 8]


def test_one_that_cannot_be_written_leaves_the_older_ones(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "it")
    checkpoints.save(1, {})
    in_the_way = tmp_path / "it-000000000002.checkpoint"
    in_the_way.mkdir()  # a rename onto a folder fails
    with pytest.raises(StorageUnavailable, match="cannot be written"):
        checkpoints.save(2, {})
    in_the_way.rmdir()
    assert _files(tmp_path) == ["it-000000000001.checkpoint"]
    checkpoints.save(2, {})
    read = checkpoints.latest()
    assert read is not None
    assert read.seq == 2


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.part"))


def test_a_part_is_written_once_and_read_back(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "it")
    limits = b"limits" * 1_000
    checkpoints.save(1, ARRAYS, META, {"limits": limits})
    written = [path.stat().st_mtime_ns for path in _parts(tmp_path)]
    checkpoints.save(2, ARRAYS, META, {"limits": limits})
    assert [path.stat().st_mtime_ns for path in _parts(tmp_path)] == written
    read = Checkpoints(tmp_path, "it").latest()
    assert read is not None
    assert (read.seq, read.meta, read.parts) == (2, META, {"limits": limits})


def test_a_part_goes_when_no_kept_checkpoint_refers_to_it(tmp_path: Path) -> None:
    first, other = Checkpoints(tmp_path, "it"), Checkpoints(tmp_path, "it-2")
    other.save(1, {}, parts={"limits": b"another fold's"})
    first.save(1, {}, parts={"limits": b"old"})
    after_restart = Checkpoints(tmp_path, "it")
    contents = []
    for seq in (2, 3, 4):
        after_restart.save(seq, {}, parts={"limits": b"new"})
        contents.append({path.read_bytes() for path in _parts(tmp_path)})
    assert contents == [
        {b"another fold's", b"old", b"new"},
        {b"another fold's", b"new"},
        {b"another fold's", b"new"},
    ]


def _damage_all(paths: list[Path]) -> None:
    for path in paths:
        _damage(path)


def _remove_all(paths: list[Path]) -> None:
    for path in paths:
        path.unlink()


@pytest.mark.parametrize("lose", [_damage_all, _remove_all], ids=["damaged", "missing"])
@pytest.mark.parametrize(
    ("copies", "found"),
    [pytest.param(1, 2, id="one-of-two-copies"), pytest.param(2, 1, id="both-copies")],
)
def test_a_checkpoint_is_as_good_as_its_part(
    tmp_path: Path, lose: Callable[[list[Path]], None], copies: int, found: int
) -> None:
    checkpoints = Checkpoints(tmp_path, "it")
    checkpoints.save(1, ARRAYS, parts={"limits": b"old"})
    of_old = _parts(tmp_path)
    checkpoints.save(2, ARRAYS, parts={"limits": b"new"})
    lose([path for path in _parts(tmp_path) if path not in of_old][:copies])
    with capture_logs() as logs:
        read = checkpoints.latest()
    assert read is not None
    assert read.seq == found
    assert read.parts == {"limits": {1: b"old", 2: b"new"}[found]}
    events = [line["event"] for line in logs]
    damaged = ["checkpoint_damaged"] if found == 1 else []
    assert events == ["checkpoint_part_damaged"] * copies + damaged


def test_a_part_that_was_lost_is_written_again(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "it")
    limits = b"limits"
    checkpoints.save(1, {}, parts={"limits": limits})
    _remove_all(_parts(tmp_path)[:1])
    checkpoints.save(2, {}, parts={"limits": limits})
    assert [path.read_bytes() for path in _parts(tmp_path)] == [limits] * 2
    _damage_all(_parts(tmp_path))
    Checkpoints(tmp_path, "it").save(3, {}, parts={"limits": limits})
    assert [path.read_bytes() for path in _parts(tmp_path)] == [limits] * 2


def test_objects_that_would_need_pickle_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        Checkpoints(tmp_path, "it").save(1, {"objects": np.array([object()])})
    assert _files(tmp_path) == []
