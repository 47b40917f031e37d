"""A copy of the telemetry file is that of one moment, whatever is written meanwhile."""

import threading
from pathlib import Path
from typing import Any

import pytest

from domain.ports import StorageUnavailable
from domain.readings import Readings
from service.telemetry_copy import TelemetryCopier
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_file import LOCAL, TelemetryFile
from tests.support.running import until
from tests.support.stored import reading


def _batch(seq: int, rows: int = 100) -> Readings:
    return Readings.from_rows([reading(row, seq * 1_000_000) for row in range(rows)])


def _rows(path: Path) -> tuple[int, int]:
    """Of a copy: how many readings, and up to which number."""
    store = DuckDbTelemetry(path)
    try:
        return store.count(), store.applied_seq()
    finally:
        store.close()


def test_copies_beside_a_writer_are_each_whole(tmp_path: Path) -> None:
    store = DuckDbTelemetry(tmp_path / "telemetry.duckdb")
    store.write(_batch(1), 1)
    stopping = threading.Event()

    def write() -> None:
        seq = 1
        while not stopping.is_set():
            seq += 1
            store.write(_batch(seq), seq)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        applied = [store.copy_to(tmp_path / f"copy-{number}.duckdb")[LOCAL] for number in range(5)]
    finally:
        stopping.set()
        writer.join(30)
    found = [_rows(tmp_path / f"copy-{number}.duckdb") for number in range(5)]
    assert found == [(100 * seq, seq) for seq in applied]
    assert applied == sorted(applied)
    assert applied[-1] > 5
    store.close()


def test_a_file_that_is_written_anew_again_and_again_is_copied_in_one_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDbTelemetry(tmp_path / "telemetry.duckdb")
    store.write(_batch(1), 1)
    real, tries = TelemetryFile._copy, []

    def disturbed(self: TelemetryFile, target: Path) -> None:
        tries.append(target)
        if len(tries) <= 3:
            seq = 1 + len(tries)
            store.write(_batch(seq), seq)
            with self.open() as connection:
                connection.execute("checkpoint")
        real(self, target)

    monkeypatch.setattr(TelemetryFile, "_copy", disturbed)
    assert store.copy_to(tmp_path / "copy.duckdb") == {LOCAL: 4}
    assert len(tries) == 4
    assert _rows(tmp_path / "copy.duckdb") == (400, 4)
    store.close()


def test_core_answers_at_once_and_tells_when_it_is_done(tmp_path: Path) -> None:
    store = DuckDbTelemetry(tmp_path / "telemetry.duckdb")
    store.write(_batch(7), 7)
    copier = TelemetryCopier(store)
    asked = {"to": str(tmp_path / "copy.duckdb")}
    assert copier.answer(asked)["state"] in {"copying", "done"}
    until(lambda: copier.answer(asked)["state"] == "done", "the copy is made")
    assert copier.answer(asked) == {"state": "done", "applied": {"-1": 7}}
    assert _rows(tmp_path / "copy.duckdb") == (100, 7)
    store.close()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    store = DuckDbTelemetry(tmp_path / "telemetry.duckdb")
    store.write(_batch(1), 1)
    copier = TelemetryCopier(store)
    asked = {"to": str(tmp_path / "nowhere" / "copy.duckdb")}
    until(lambda: copier.answer(asked)["state"] == "failed", "it is told")
    assert "cannot be copied" in str(copier.answer(asked)["why"])
    with pytest.raises(StorageUnavailable, match="cannot be copied"):
        store.copy_to(tmp_path / "nowhere" / "copy.duckdb")
    store.write(_batch(2), 2)  # and it goes on
    assert store.count() == 200
    store.close()


def test_a_store_that_is_no_file_is_told(tmp_path: Path) -> None:
    elsewhere: Any = object()
    assert TelemetryCopier(elsewhere).answer({"to": "x"}) == {"state": "elsewhere"}
