"""The history of readings in one DuckDB file, which this process alone owns.

The table has no key: what arrives live is already told from its repeats at the gate. Only readings that come
late are compared with what stands.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import numpy as np
from numpy.typing import NDArray

from domain.ports import TelemetryFacts
from domain.readings import Origin, Readings
from domain.summaries import SUMMARY_COLUMNS, Resolution, Summaries
from storage.telemetry_file import COLUMN_LIST, COLUMNS, LOCAL, TelemetryFile, joined, kept, pieces
from storage.telemetry_upkeep import (
    Keeping,
    newest,
    oldest_us,
    one_step,
    unsorted_rows,
)

_INSERT: Final = f"insert into readings select {COLUMN_LIST} from batch"
# the bounds let DuckDB pass over the blocks whose times cannot match
_INSERT_NEW: Final = f"""
insert into readings select {COLUMN_LIST} from batch where not exists (
    from every_reading as known
    where known.event_time between ? and ?
      and known.event_time = batch.event_time and known.point = batch.point
)"""


def _combined(table: str, width: int) -> str:
    """The stretches, each from all of its pieces."""
    unsorted = pieces(
        "from readings where point = $point and event_time >= $from_us and event_time < $to_us",
        width,
    )
    known = kept(table, "point = $point and start >= $from_us and start < $to_us")
    return f"""
select start, low, low_at, high, high_at, total / usable as mean, first, last, usable, count, quality
from ({joined(f"{known} union all {unsorted}")}) order by start"""


_SUMMARIES: Final = {
    Resolution.MINUTE: _combined("minutes", Resolution.MINUTE),
    Resolution.HOUR: _combined("hours", Resolution.HOUR),
}


class DuckDbTelemetry:
    """Implements domain.ports.KeptTelemetry. Opens at the first use, and anew after a fault; any thread may
    call, one at a time."""

    def __init__(
        self, path: Path, keeping: Keeping | None = None, *, memory_limit_mib: int = 256
    ) -> None:
        self._keeping = keeping or Keeping()
        self._file = TelemetryFile(path, memory_limit_mib)
        self._partition = LOCAL

    def of_partition(self, partition: int) -> Self:
        """The same file, and the same turns."""
        view = copy(self)
        view._partition = partition
        return view

    def applied_seq(self) -> int:
        with self._file.open():
            return self._file.applied.get(self._partition, 0)

    def write(self, readings: Readings, applied_seq: int) -> None:
        """One transaction; none at all for what is in already, so catching up may begin too early."""
        with self._file.open() as connection:
            known = self._file.applied.get(self._partition)
            if applied_seq <= (known or 0):
                return
            connection.begin()
            late = readings.origin == Origin.HISTORY
            _insert(connection, _INSERT, readings.take(~late) if late.any() else readings)
            if late.any():
                history = _first_of_each(readings.take(late))
                times = history.event_time
                _insert(connection, _INSERT_NEW, history, [int(times.min()), int(times.max())])
            connection.execute(
                "insert into applied (seq, partition) values (?, ?)"
                if known is None
                else "update applied set seq = ? where partition = ?",
                [applied_seq, self._partition],
            )
            connection.commit()
            self._file.applied[self._partition] = applied_seq

    def history(self, point: int, from_us: int, to_us: int) -> Readings:
        return self._select(
            "from every_reading where point = ? and event_time >= ? and event_time < ?"
            " order by event_time",
            [point, from_us, to_us],
        )

    def arrived(
        self, from_us: int, to_us: int, points: Sequence[int], limit: int, offset: int
    ) -> Readings:
        """Of these points, in the order of their arrival, from `from_us` up to but not including `to_us`."""
        return self._select(
            "from every_reading where arrival_time >= ? and arrival_time < ?"
            " and list_contains(?, point) order by arrival_time, event_time, point limit ? offset ?",
            [from_us, to_us, list(points), limit, offset],
        )

    def downsampled(
        self, point: int, from_us: int, to_us: int, resolution: Resolution
    ) -> Summaries:
        """What is kept of it, together with what is not sorted yet."""
        width = int(resolution)
        bounds = {"from_us": _up(from_us, width), "to_us": _up(to_us, width), "point": point}
        with self._file.open() as connection:
            found = connection.execute(_SUMMARIES[resolution], bounds)
            return _summaries(found.fetchnumpy())

    def last(self, point: int) -> Readings:
        return self.latest([point])

    def latest(self, points: Sequence[int]) -> Readings:
        of_points = "where point in (select unnest(?::integer[]))"
        found = newest(f"from readings {of_points} union all from newest {of_points}")
        return self._select(f"from ({found}) order by point", [list(points), list(points)])

    def count(self) -> int:
        with self._file.open() as connection:
            found = connection.execute("select count(*) from every_reading").fetchone()
            return int(found[0]) if found else 0

    def keep_up(self, now_us: int) -> bool:
        with self._file.open() as connection:
            return one_step(connection, now_us, self._keeping)

    def facts(self) -> TelemetryFacts:
        with self._file.open() as connection:
            return TelemetryFacts(
                file_bytes=_bytes_of(self._file.path),
                unsorted_rows=unsorted_rows(connection),
                oldest_us=oldest_us(connection),
            )

    def copy_to(self, target: Path) -> dict[int, int]:
        """The whole file as of one moment; partition -> applied number of that moment."""
        return self._file.copy_to(target)

    def close(self) -> None:
        self._file.close()

    def _select(self, which: str, arguments: list[Any]) -> Readings:
        with self._file.open() as connection:
            found = connection.execute(f"select {COLUMN_LIST} {which}", arguments)
            return _readings(found.fetchnumpy())


def _bytes_of(path: Path) -> int:
    """With the log of what is not in the file itself yet."""
    files = (path, path.with_name(f"{path.name}.wal"))
    return sum(each.stat().st_size for each in files if each.exists())


def _up(moment_us: int, width: int) -> int:
    """The first whole stretch that begins at or after this moment."""
    return -(-moment_us // width) * width


def _insert(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    readings: Readings,
    arguments: list[int] | None = None,
) -> None:
    if len(readings):
        connection.register("batch", {name: getattr(readings, name) for name in COLUMNS})
        connection.execute(statement, arguments)


def _first_of_each(readings: Readings) -> Readings:
    """The first reading of each point and event time, in their order."""
    keys = np.empty(len(readings), [("event_time", np.int64), ("point", np.int32)])
    keys["event_time"] = readings.event_time
    keys["point"] = readings.point
    _, first = np.unique(keys, return_index=True)
    return readings.take(np.sort(first))


def _readings(columns: Mapping[str, Any]) -> Readings:
    return Readings(
        point=_column(columns["point"], np.int32),
        event_time=_column(columns["event_time"], np.int64),
        arrival_time=_column(columns["arrival_time"], np.int64),
        value=_column(columns["value"], np.float64),
        quality=_column(columns["quality"], np.uint8),
        origin=_column(columns["origin"], np.uint8),
    )


def _summaries(columns: Mapping[str, Any]) -> Summaries:
    start = columns["start"]
    found = dict(columns)
    for name in ("low_at", "high_at"):
        if np.ma.isMaskedArray(found[name]):  # nothing was usable
            found[name] = np.where(np.ma.getmaskarray(found[name]), start, found[name].data)
    return Summaries.of_columns(
        {name: _column(found[name], dtype.type) for name, dtype in SUMMARY_COLUMNS.items()}
    )


def _column(found: Any, dtype: type[np.generic]) -> NDArray[Any]:
    if np.ma.isMaskedArray(found):  # DuckDB takes NaN for NULL
        found = found.filled(np.nan)
    return np.asarray(found, dtype)
