"""The history of readings in one DuckDB file, which this process alone owns.

The table has no key: what arrives live is already told from its repeats at the gate. Only readings that come
late are compared with what stands.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from domain.ports import StorageUnavailable
from domain.readings import Origin, Readings

_COLUMNS: Final = ("point", "event_time", "arrival_time", "value", "quality", "origin")
_LIST: Final = ", ".join(_COLUMNS)
_CREATE: Final = """
create table if not exists readings (
    point integer not null,
    event_time bigint not null,
    arrival_time bigint not null,
    value double,
    quality utinyint not null,
    origin utinyint not null
);
create table if not exists applied (seq bigint not null);
insert into applied select 0 where not exists (from applied);
"""
_INSERT: Final = f"insert into readings select {_LIST} from batch"
# the bounds let DuckDB pass over the blocks whose times cannot match
_INSERT_NEW: Final = f"""
insert into readings select {_LIST} from batch where not exists (
    from readings as known
    where known.event_time between ? and ?
      and known.event_time = batch.event_time and known.point = batch.point
)"""


class DuckDbTelemetry:
    """Implements domain.ports.Telemetry. Opens at the first use, and anew after a fault; any thread may
    call, one at a time."""

    def __init__(self, path: Path, *, memory_limit_mib: int = 256) -> None:
        self._path = path.absolute()
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_limit_mib}MiB",
            "threads": 1,
            "autoinstall_known_extensions": False,  # it would ask the network
            "autoload_known_extensions": False,
        }
        self._lock = Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._file: tuple[int, int] | None = None  # device and inode of the file that is open
        self._applied_seq = 0

    def applied_seq(self) -> int:
        with self._open():
            return self._applied_seq

    def write(self, readings: Readings, applied_seq: int) -> None:
        """One transaction; none at all for what is in already, so catching up may begin too early."""
        with self._open() as connection:
            if applied_seq <= self._applied_seq:
                return
            connection.begin()
            late = readings.origin == Origin.HISTORY
            _insert(connection, _INSERT, readings.take(~late) if late.any() else readings)
            if late.any():
                history = _first_of_each(readings.take(late))
                times = history.event_time
                _insert(connection, _INSERT_NEW, history, [int(times.min()), int(times.max())])
            connection.execute("update applied set seq = ?", [applied_seq])
            connection.commit()
            self._applied_seq = applied_seq

    def history(self, point: int, from_us: int, to_us: int) -> Readings:
        """From `from_us` up to but not including `to_us`, by event time."""
        return self._select(
            "where point = ? and event_time >= ? and event_time < ? order by event_time",
            [point, from_us, to_us],
        )

    def arrived(
        self, from_us: int, to_us: int, points: Sequence[int], limit: int, offset: int
    ) -> Readings:
        """Of these points, in the order of their arrival, from `from_us` up to but not including `to_us`."""
        return self._select(
            "where arrival_time >= ? and arrival_time < ? and list_contains(?, point)"
            " order by arrival_time, rowid limit ? offset ?",
            [from_us, to_us, list(points), limit, offset],
        )

    def last(self, point: int) -> Readings:
        """The newest by event time; empty while there is none."""
        return self._select("where point = ? order by event_time desc limit 1", [point])

    def count(self) -> int:
        with self._open() as connection:
            found = connection.execute("select count(*) from readings").fetchone()
            return int(found[0]) if found else 0

    def close(self) -> None:
        """The next use opens it again."""
        with self._lock:
            self._forget()

    def _select(self, which: str, arguments: list[Any]) -> Readings:
        with self._open() as connection:
            found = connection.execute(f"select {_LIST} from readings {which}", arguments)
            return _readings(found.fetchnumpy())

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The connection, for one caller. After any error it is closed: DuckDB may call the whole database
        invalid after one failed write, and a fresh connection reads what is really there."""
        with self._lock:
            try:
                yield self._connected()
            except (duckdb.Error, OSError) as error:
                self._forget()
                raise StorageUnavailable(f"the telemetry file {self._path}: {error}") from error
            except BaseException:
                self._forget()
                raise

    def _connected(self) -> duckdb.DuckDBPyConnection:
        if self._connection is not None and _identity(self._path) != self._file:
            self._forget()
        if self._connection is None:
            self._connect()
        assert self._connection is not None
        return self._connection

    def _connect(self) -> None:
        if self._file is not None and not self._path.exists():
            # it was here when we began: an empty one in its place would have forgotten everything
            raise FileNotFoundError("it is gone")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(self._path, config=self._config)
        self._connection.begin()
        self._connection.execute(_CREATE)
        self._connection.commit()
        found = self._connection.execute("select seq from applied").fetchone()
        self._applied_seq = int(found[0]) if found else 0
        self._file = _identity(self._path)

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(
                duckdb.Error
            ):  # closing writes a checkpoint, and the disk may still be full
                connection.close()


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


def _readings(columns: dict[str, Any]) -> Readings:
    return Readings(
        point=_column(columns["point"], np.int32),
        event_time=_column(columns["event_time"], np.int64),
        arrival_time=_column(columns["arrival_time"], np.int64),
        value=_column(columns["value"], np.float64),
        quality=_column(columns["quality"], np.uint8),
        origin=_column(columns["origin"], np.uint8),
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
