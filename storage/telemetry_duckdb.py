"""The history of readings in one DuckDB file, which this process alone owns.

The table has no key: what arrives live is already told from its repeats at the gate. Only readings that come
late are compared with what stands.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import duckdb
import numpy as np
from numpy.typing import NDArray

from domain.ports import StorageUnavailable
from domain.readings import USABLE_QUALITIES, Origin, Readings
from domain.summaries import SUMMARY_COLUMNS, Resolution, Summaries

LOCAL: Final = -1  # the partition of the one local journal; Kafka's begin at 0

_COLUMNS: Final = ("point", "event_time", "arrival_time", "value", "quality", "origin")
_LIST: Final = ", ".join(_COLUMNS)
_CREATE: Final = f"""
create table if not exists readings (
    point integer not null,
    event_time bigint not null,
    arrival_time bigint not null,
    value double,
    quality utinyint not null,
    origin utinyint not null
);
create table if not exists applied (seq bigint not null);
-- the files of the first version knew the local journal only
alter table applied add column if not exists partition integer default {LOCAL};
"""
_INSERT: Final = f"insert into readings select {_LIST} from batch"
# the bounds let DuckDB pass over the blocks whose times cannot match
_INSERT_NEW: Final = f"""
insert into readings select {_LIST} from batch where not exists (
    from readings as known
    where known.event_time between ? and ?
      and known.event_time = batch.event_time and known.point = batch.point
)"""
_USABLE: Final = f"""
    quality in ({", ".join(str(int(each)) for each in sorted(USABLE_QUALITIES))})
    and value is not null and not isnan(value)"""
_SUMMARISE: Final = f"""
select
    event_time - ((event_time % $width) + $width) % $width as start,
    min(value) filter (usable) as low,
    arg_min(event_time, value) filter (usable) as low_at,
    max(value) filter (usable) as high,
    arg_max(event_time, value) filter (usable) as high_at,
    avg(value) filter (usable) as mean,
    arg_min(value, event_time) filter (usable) as first,
    arg_max(value, event_time) filter (usable) as last,
    count(*) filter (usable) as usable,
    count(*) as count,
    max(quality) as quality
from (
    select event_time, value, quality, {_USABLE} as usable
    from readings where point = $point and event_time >= $from_us and event_time < $to_us
)
group by start order by start"""


class DuckDbTelemetry:
    """Implements domain.ports.Telemetry. Opens at the first use, and anew after a fault; any thread may
    call, one at a time."""

    def __init__(self, path: Path, *, memory_limit_mib: int = 256) -> None:
        self._file = _File(path.absolute(), memory_limit_mib)
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
            "where point = ? and event_time >= ? and event_time < ? order by event_time",
            [point, from_us, to_us],
        )

    def downsampled(
        self, point: int, from_us: int, to_us: int, resolution: Resolution
    ) -> Summaries:
        width = int(resolution)
        bounds = {"from_us": _up(from_us, width), "to_us": _up(to_us, width)}
        with self._file.open() as connection:
            found = connection.execute(_SUMMARISE, {"point": point, "width": width, **bounds})
            return _summaries(found.fetchnumpy())

    def last(self, point: int) -> Readings:
        return self.latest([point])

    def latest(self, points: Sequence[int]) -> Readings:
        return self._select(
            "where point in (select unnest(?::integer[]))"
            " qualify row_number() over (partition by point order by event_time desc) = 1"
            " order by point",
            [list(points)],
        )

    def count(self) -> int:
        with self._file.open() as connection:
            found = connection.execute("select count(*) from readings").fetchone()
            return int(found[0]) if found else 0

    def close(self) -> None:
        self._file.close()

    def _select(self, which: str, arguments: list[Any]) -> Readings:
        with self._file.open() as connection:
            found = connection.execute(f"select {_LIST} from readings {which}", arguments)
            return _readings(found.fetchnumpy())


class _File:
    """The open file, for one caller at a time."""

    def __init__(self, path: Path, memory_limit_mib: int) -> None:
        self._path = path
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_limit_mib}MiB",
            "threads": 1,
            "autoinstall_known_extensions": False,  # it would ask the network
            "autoload_known_extensions": False,
        }
        self._lock = Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._identity: tuple[int, int] | None = None  # device and inode of the file that is open
        self.applied: dict[int, int] = {}  # partition -> journal number, while it is open

    @contextmanager
    def open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection. After any error it is closed: DuckDB may call the whole database invalid after
        one failed write, and a fresh connection reads what is really there."""
        with self._lock:
            try:
                yield self._connected()
            except (duckdb.Error, OSError) as error:
                self._forget()
                raise StorageUnavailable(f"the telemetry file {self._path}: {error}") from error
            except BaseException:
                self._forget()
                raise

    def close(self) -> None:
        with self._lock:
            self._forget()

    def _connected(self) -> duckdb.DuckDBPyConnection:
        if self._connection is not None and _identity(self._path) != self._identity:
            self._forget()
        if self._connection is None:
            self._connect()
        assert self._connection is not None
        return self._connection

    def _connect(self) -> None:
        if self._identity is not None and not self._path.exists():
            # it was here when we began: an empty one in its place would have forgotten everything
            raise FileNotFoundError("it is gone")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(self._path, config=self._config)
        self._connection.begin()
        self._connection.execute(_CREATE)
        self._connection.commit()
        found = self._connection.execute("select partition, seq from applied").fetchall()
        self.applied = {int(partition): int(seq) for partition, seq in found}
        self._identity = _identity(self._path)

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(
                duckdb.Error
            ):  # closing writes a checkpoint, and the disk may still be full
                connection.close()


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
        connection.register("batch", {name: getattr(readings, name) for name in _COLUMNS})
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


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
