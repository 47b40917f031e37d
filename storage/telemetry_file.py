"""The DuckDB file of the telemetry: its tables, and its one connection for one caller at a time.

`readings` takes what comes, in order of arrival. `storage.telemetry_upkeep` moves it hour by hour to
`sorted_readings`, where DuckDB passes over every block that does not hold the point asked for, and adds what
it moved to `minutes`, `hours` and `newest`. So each of these speaks of exactly the readings that have left
`readings`, and a question is answered from both. Pieces of a time that is over are gathered once more, by
point, in `gathered_minutes` and `gathered_hours`.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final

import duckdb

from domain.ports import StorageUnavailable
from domain.readings import USABLE_QUALITIES
from domain.summaries import Resolution

LOCAL: Final = -1  # the partition of the one local journal; Kafka's begin at 0
COLUMNS: Final = ("point", "event_time", "arrival_time", "value", "quality", "origin")
COLUMN_LIST: Final = ", ".join(COLUMNS)
# the pieces of so long a time are laid side by side for each point: some thousand rows of it in one place
BLOCKS_US: Final = {"minutes": 24 * Resolution.HOUR, "hours": 30 * 24 * Resolution.HOUR}

_READINGS: Final = """(
    point integer not null,
    event_time bigint not null,
    arrival_time bigint not null,
    value double,
    quality utinyint not null,
    origin utinyint not null
)"""
# one stretch may have several rows, each of other readings: a late one adds a row and changes none
_PIECES: Final = """(
    point integer not null,
    start bigint not null,
    low double,
    low_at bigint,
    high double,
    high_at bigint,
    total double,
    first double,
    first_at bigint,
    last double,
    last_at bigint,
    usable bigint not null,
    count bigint not null,
    quality utinyint not null
)"""
_CREATE: Final = f"""
create table if not exists readings {_READINGS};
create table if not exists sorted_readings {_READINGS};
create table if not exists newest {_READINGS};
create table if not exists minutes {_PIECES};
create table if not exists hours {_PIECES};
create table if not exists gathered_minutes {_PIECES};
create table if not exists gathered_hours {_PIECES};
create view if not exists every_reading as from readings union all from sorted_readings;
-- the block that is being gathered: up to this point its pieces are copied, and count no more where they were
create table if not exists gathering (
    pieces varchar not null, begin_us bigint not null, through_point integer not null
);
create table if not exists applied (seq bigint not null);
-- the files of the first version knew the local journal only
alter table applied add column if not exists partition integer default {LOCAL};
"""
_USABLE: Final = f"""quality in ({", ".join(str(int(each)) for each in sorted(USABLE_QUALITIES))})
        and value is not null and isfinite(value)"""


def pieces(source: str, width: int) -> str:
    """A query for the pieces of stretches that the readings of `source`, a query, make."""
    return f"""
select
    point,
    event_time - ((event_time % {width}) + {width}) % {width} as start,
    min(value) filter (usable) as low,
    arg_min(event_time, value) filter (usable) as low_at,
    max(value) filter (usable) as high,
    arg_max(event_time, value) filter (usable) as high_at,
    sum(value) filter (usable) as total,
    arg_min(value, event_time) filter (usable) as first,
    min(event_time) filter (usable) as first_at,
    arg_max(value, event_time) filter (usable) as last,
    max(event_time) filter (usable) as last_at,
    count(*) filter (usable) as usable,
    count(*) as count,
    max(quality) as quality
from (select point, event_time, value, quality, {_USABLE} as usable from ({source}))
group by point, start"""


def kept(table: str, which: str) -> str:
    """A query for the pieces in `table`, wherever they lie; `which` is a condition."""
    return f"""
    from gathered_{table} where {which}
    union all
    from {table} where {which} and not exists (
        from gathering where gathering.pieces = '{table}' and point <= gathering.through_point
            and start >= gathering.begin_us
            and start < gathering.begin_us + {BLOCKS_US[table]}
    )"""


def joined(source: str) -> str:
    """A query for one piece of each stretch, from the pieces of `source`, a query."""
    return f"""
select
    point,
    start,
    min(low) as low,
    arg_min(low_at, low) as low_at,
    max(high) as high,
    arg_max(high_at, high) as high_at,
    sum(total) as total,
    arg_min(first, first_at) as first,
    min(first_at) as first_at,
    arg_max(last, last_at) as last,
    max(last_at) as last_at,
    sum(usable) as usable,
    sum(count) as count,
    max(quality) as quality
from ({source})
group by point, start"""


_COPIES_BESIDE: Final = 3
_NEVER: Final = "1TB"
_HEAD_BYTES: Final = 3 * 4_096  # DuckDB's main header and its two that name the valid state


class TelemetryFile:
    """Opens at the first use, and anew after a fault."""

    def __init__(self, path: Path, memory_limit_mib: int) -> None:
        self.path = path.absolute()
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
                raise StorageUnavailable(f"the telemetry file {self.path}: {error}") from error
            except BaseException:
                self._forget()
                raise

    def copy_to(self, target: Path) -> dict[int, int]:
        """The file as of one moment, and partition -> applied number of that moment. Others have their
        turns meanwhile, unless somebody writes the file anew again and again. Raises StorageUnavailable."""
        for _ in range(_COPIES_BESIDE):
            applied, head = self._settle()
            try:
                self._copy(target)
            finally:
                head_after = self._unsettle()
            if head_after == head:
                return applied
        with self.open() as connection:
            connection.execute("checkpoint")
            self._copy(target)
            return dict(self.applied)

    def _settle(self) -> tuple[dict[int, int], bytes]:
        """Everything into the main file. From here on commits go beside it and its blocks stay as they are:
        a copy that sees the same head before and after is that of this moment."""
        with self.open() as connection:
            connection.execute("checkpoint")
            connection.execute(f"set checkpoint_threshold = '{_NEVER}'")
            return dict(self.applied), self._head()

    def _unsettle(self) -> bytes:
        with self.open() as connection:
            head = self._head()
            connection.execute("reset checkpoint_threshold")
            return head

    def _head(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(_HEAD_BYTES)

    def _copy(self, target: Path) -> None:
        try:
            shutil.copyfile(self.path, target)
            with target.open("rb") as copied:
                os.fsync(copied.fileno())
        except OSError as error:
            raise StorageUnavailable(
                f"the telemetry file {self.path} cannot be copied: {error}"
            ) from error

    def close(self) -> None:
        with self._lock:
            self._forget()

    def _connected(self) -> duckdb.DuckDBPyConnection:
        if self._connection is not None and _identity(self.path) != self._identity:
            self._forget()
        if self._connection is None:
            self._connect()
        assert self._connection is not None
        return self._connection

    def _connect(self) -> None:
        if self._identity is not None and not self.path.exists():
            # it was here when we began: an empty one in its place would have forgotten everything
            raise FileNotFoundError("it is gone")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(self.path, config=self._config)
        self._connection.begin()
        self._connection.execute(_CREATE)
        self._connection.commit()
        found = self._connection.execute("select partition, seq from applied").fetchall()
        self.applied = {int(partition): int(seq) for partition, seq in found}
        self._identity = _identity(self.path)

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(
                duckdb.Error
            ):  # closing writes a checkpoint, and the disk may still be full
                connection.close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
