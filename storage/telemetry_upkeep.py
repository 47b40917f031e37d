"""The upkeep of the telemetry file, in steps that each hold it for a fraction of a second.

A step is one transaction: killed in the middle of it, the file is as before the step. What a step frees the
next ones fill, so the file grows with what is kept and not with what was moved.
"""

from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np

from domain.summaries import Resolution
from storage.telemetry_file import BLOCKS_US, COLUMN_LIST, COLUMNS, joined, pieces

HOUR_US: Final = int(Resolution.HOUR)
DAY_US: Final = 24 * HOUR_US
SETTLED_US: Final = HOUR_US // 12  # after the end of an hour, for what comes a little late
ROWS_IN_ONE_STEP: Final = 150_000
# so many are sorted before their hour is over: a scan of what is not sorted stays short
UNSORTED_AT_MOST: Final = 500_000
_EXPIRED_IN_ONE_STEP_US: Final = 6 * HOUR_US

_TABLES: Final = {Resolution.MINUTE: "minutes", Resolution.HOUR: "hours"}
_NONE: Final = -1  # before every point


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """For how many days of event time readings and their summaries stay."""

    raw_days: int = 31
    minutes_days: int = 93
    hours_days: int = 3_660

    def days(self, table: str) -> int:
        return {
            "sorted_readings": self.raw_days,
            "minutes": self.minutes_days,
            "hours": self.hours_days,
        }[table.removeprefix("gathered_")]


def one_step(connection: duckdb.DuckDBPyConnection, now_us: int, keeping: Keeping) -> bool:
    """Sorts a part of an hour, else lays pieces together, else removes something that is too old; whether
    more may wait."""
    hour_us = _hour_to_sort(connection, now_us)
    if hour_us is not None:
        _sort(connection, hour_us)
        return True
    if any(_gather(connection, table, now_us) for table in BLOCKS_US):
        return True
    return any(
        _expire(connection, table, column, now_us - keeping.days(table) * DAY_US)
        for table, column in (
            ("sorted_readings", "event_time"),
            ("minutes", "start"),
            ("gathered_minutes", "start"),
            ("hours", "start"),
            ("gathered_hours", "start"),
        )
    )


def oldest_us(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Reads a column of everything that is kept: not for every second."""
    return _one(connection, "select min(event_time) from every_reading")


def unsorted_rows(connection: duckdb.DuckDBPyConnection) -> int:
    return _one(connection, "select count(*) from readings") or 0


def _hour_to_sort(connection: duckdb.DuckDBPyConnection, now_us: int) -> int | None:
    """The earliest hour that is over; while too much waits, the earliest there is."""
    oldest = _one(connection, "select min(event_time) from readings")
    if oldest is None:
        return None
    hour_us = oldest // HOUR_US * HOUR_US
    if hour_us + HOUR_US + SETTLED_US <= now_us:
        return hour_us
    return hour_us if unsorted_rows(connection) > UNSORTED_AT_MOST else None


def _sort(connection: duckdb.DuckDBPyConnection, hour_us: int) -> None:
    """The next points of this hour, by point and time."""
    bounds = [hour_us, hour_us + HOUR_US]
    within = "event_time >= ? and event_time < ?"
    through = _through_point(connection, f"from readings where {within}", bounds)
    chosen = f"{within} and point <= {through}"
    connection.begin()
    connection.execute(
        f"create or replace temp table moved as select {COLUMN_LIST} from readings"
        f" where {chosen} order by point, event_time",
        bounds,
    )
    connection.execute("insert into sorted_readings from moved")
    for resolution, table in _TABLES.items():
        made = pieces("from moved", resolution)
        _begin_block_again(connection, table, hour_us)
        connection.execute(f"insert into {table} {made} order by point, start")
    _renew_newest(connection)
    connection.execute(f"delete from readings where {chosen}", bounds)
    connection.commit()
    connection.execute("drop table moved")


def _gather(connection: duckdb.DuckDBPyConnection, table: str, now_us: int) -> bool:
    """The next points of the next block that is over: one piece of each stretch, by point and time. Copied
    first and removed when all are, since DuckDB frees only blocks of which nothing is left."""
    begin_us, done = _gathering(connection, table) or (now_us, _NONE)
    end_us = begin_us + BLOCKS_US[table]
    if end_us + HOUR_US + SETTLED_US > now_us:
        return False
    within = f"from {table} where start >= ? and start < ?"
    bounds = [begin_us, end_us]
    through = _through_point(connection, f"{within} and point > {done}", bounds)
    connection.begin()
    if through is None:
        connection.execute(f"delete {within}", bounds)
        _gather_from(connection, table, end_us, _NONE)
    else:
        made = joined(f"{within} and point > {done} and point <= {through}")
        connection.execute(f"insert into gathered_{table} {made} order by point, start", bounds)
        _gather_from(connection, table, begin_us, through)
    connection.commit()
    return True


def _gathering(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int] | None:
    """Begin of the block and the last point of it that is copied; None where there is nothing yet."""
    found = connection.execute(
        "select begin_us, through_point from gathering where pieces = ?", [table]
    ).fetchone()
    if found is not None:
        return int(found[0]), int(found[1])
    oldest = _one(connection, f"select min(start) from {table}")
    if oldest is None:
        return None
    begin_us = oldest // BLOCKS_US[table] * BLOCKS_US[table]
    connection.execute("insert into gathering values (?, ?, ?)", [table, begin_us, _NONE])
    return begin_us, _NONE


def _gather_from(
    connection: duckdb.DuckDBPyConnection, table: str, begin_us: int, through: int
) -> None:
    connection.execute(
        "update gathering set begin_us = ?, through_point = ? where pieces = ?",
        [begin_us, through, table],
    )


def _begin_block_again(connection: duckdb.DuckDBPyConnection, table: str, hour_us: int) -> None:
    """Where pieces come for a block that is half copied: what is copied would hide them."""
    begin_us, done = _gathering(connection, table) or (hour_us + 1, _NONE)
    if done != _NONE and begin_us <= hour_us < begin_us + BLOCKS_US[table]:
        bounds = [begin_us, begin_us + BLOCKS_US[table]]
        connection.execute(f"delete from gathered_{table} where start >= ? and start < ?", bounds)
        _gather_from(connection, table, begin_us, _NONE)


def _through_point(
    connection: duckdb.DuckDBPyConnection, source: str, bounds: list[int]
) -> int | None:
    """Up to which point one step goes; None where there is no row."""
    found = connection.execute(
        f"select point, count(*) as rows {source} group by point order by point", bounds
    ).fetchnumpy()
    if not len(found["point"]):
        return None
    points, rows = np.asarray(found["point"]), np.asarray(found["rows"])
    within = int(np.searchsorted(np.cumsum(rows), ROWS_IN_ONE_STEP, side="right"))
    return int(points[max(within - 1, 0)])


def _renew_newest(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        f"create or replace temp table newer as {newest('from moved union all from newest')}"
    )
    connection.execute("delete from newest")
    connection.execute("insert into newest from newer")
    connection.execute("drop table newer")


def newest(source: str) -> str:
    """A query for the newest reading of each point in `source`, a query. Not by `arg_max`: of columns it
    passes over a NULL, which is a NaN here, and of rows it makes a zero of -0.0."""
    return f"""
with every as ({source}), newest as (
    select point, max(event_time) as event_time from every group by point
)
select {", ".join(f"every.{name}" for name in COLUMNS)}
from every join newest using (point, event_time)
qualify row_number() over (partition by every.point) = 1"""


def _expire(connection: duckdb.DuckDBPyConnection, table: str, column: str, before_us: int) -> bool:
    before_us = before_us // HOUR_US * HOUR_US
    # with the bound DuckDB looks only into blocks that hold something too old
    oldest = _one(connection, f"select min({column}) from {table} where {column} < {before_us}")
    if oldest is None:
        return False
    until_us = min(before_us, (oldest // HOUR_US + 1) * HOUR_US + _EXPIRED_IN_ONE_STEP_US)
    connection.execute(f"delete from {table} where {column} < {until_us}")
    return True


def _one(connection: duckdb.DuckDBPyConnection, question: str) -> int | None:
    found = connection.execute(question).fetchone()
    return int(found[0]) if found and found[0] is not None else None
