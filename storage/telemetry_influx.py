"""The history of readings in InfluxDB 2, through influxdb-client.

A reading is a point of the series of its number at its event time: written again it is the same point, so
what a crash repeats does no harm. How far a journal is applied is a point too, written after the rows.

What InfluxDB answers, and what becomes of it: nobody there, 5xx, 429 and a refused token or bucket are
StorageUnavailable (the projection comes again, not before a `Retry-After`); 413 halves the batch; what 400
and 422 refuse is searched for by halves, put aside with its reason and counted, and the rest stands.
"""

import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import numpy as np
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.dialect import Dialect
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from numpy.typing import NDArray
from urllib3.exceptions import HTTPError

from domain.ports import Counters, StorageUnavailable, TelemetryFacts
from domain.readings import Origin, Readings
from domain.summaries import Resolution, Summaries
from storage import line_protocol
from storage.telemetry_file import LOCAL
from storage.telemetry_upkeep import HOUR_US

LINES_IN_ONE_REQUEST: Final = 10_000
SEARCHES_AT_MOST: Final = 200  # requests spent on finding what one batch has that is refused
_WRITE_MS: Final = (3_000, 15_000)  # to connect, to answer
_QUERY_MS: Final = (2_000, 5_000)  # the console waits
_MOMENT_US: Final = (2**63 - 1) // 1_000 - 1  # InfluxDB counts nanoseconds
_POINTS_NAMED: Final = 40  # more are taken from all of them
_PLAIN: Final = Dialect(header=True, annotations=[])  # type: ignore[no-untyped-call]

Reject = Callable[[Sequence[str], str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxConfig:
    url: str
    org: str
    bucket: str
    token: str
    measurement: str = "reading"  # one for each site that shares the bucket
    ca_file: Path | None = None

    def __repr__(self) -> str:  # without the token
        return f"InfluxConfig({self.url}, org {self.org}, bucket {self.bucket})"


class InfluxTelemetry:
    """Implements domain.ports.KeptTelemetry. Any thread may call."""

    def __init__(
        self,
        config: InfluxConfig,
        counters: Counters,
        reject: Reject,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        """`reject` keeps lines that InfluxDB refuses for ever, with the reason."""
        self._server = _Server(config, monotonic)
        self._lines_of = line_protocol.measurement(config.measurement)
        self._marks_of = line_protocol.measurement(f"{config.measurement}.applied")
        self._config = config
        self._counters = counters
        self._reject = reject
        self._clock = clock
        self._partition = LOCAL
        self._applied: dict[int, int] = {}
        self._lock = Lock()

    def of_partition(self, partition: int) -> Self:
        view = copy(self)
        view._partition = partition
        return view

    def applied_seq(self) -> int:
        """As the bucket says: another worker may have gone on."""
        found = self._server.rows(
            """
from(bucket: bucket) |> range(start: 0)
    |> filter(fn: (r) => r._measurement == measurement and r.partition == partition)
    |> filter(fn: (r) => r._field == "seq")
    |> max() |> group() |> max() |> keep(columns: ["_value"])""",
            measurement=f"{self._config.measurement}.applied",
            partition=_partition_name(self._partition),
        )
        values = found.column("_value", np.int64)
        applied = int(values[0]) if len(values) else 0
        with self._lock:
            self._applied[self._partition] = applied
        return applied

    def write(self, readings: Readings, applied_seq: int) -> None:
        """First the rows, then the mark. Killed in between, the rows come again and change nothing."""
        with self._lock:
            known = self._applied.get(self._partition)
        if applied_seq <= (self.applied_seq() if known is None else known):
            return
        try:
            self._write_rows(self._without_known(readings))
            self._server.write(self._mark(applied_seq))
        except StorageUnavailable:
            with self._lock:
                self._applied.pop(self._partition, None)
            raise
        with self._lock:
            self._applied[self._partition] = applied_seq

    def history(self, point: int, from_us: int, to_us: int) -> Readings:
        found = self._server.rows(
            _FIELDS_OF_ONE + '    |> keep(columns: ["_time", "_value", "_field"])',
            measurement=self._config.measurement,
            point=str(point),
            **_range(from_us, to_us),
        )
        return _readings(found, np.int32(point))

    def downsampled(
        self, point: int, from_us: int, to_us: int, resolution: Resolution
    ) -> Summaries:
        width = int(resolution)
        found = self._server.rows(
            _SUMMARIES,
            measurement=self._config.measurement,
            point=str(point),
            width=width * 1_000,
            **_range(_up(from_us, width), _up(to_us, width)),
        )
        return _summaries(found, width)

    def last(self, point: int) -> Readings:
        return self.latest([point])

    def latest(self, points: Sequence[int]) -> Readings:
        """One question, whatever their number."""
        wanted = np.unique(np.array(list(points), np.int32))
        if not len(wanted):
            return Readings.from_rows([])
        named = " or ".join(f'r.point == "{point}"' for point in wanted.tolist())
        which = f"    |> filter(fn: (r) => {named})\n" if len(wanted) <= _POINTS_NAMED else ""
        found = self._server.rows(
            _FIELDS
            + which
            + '    |> last() |> keep(columns: ["_time", "_value", "_field", "point"])',
            measurement=self._config.measurement,
            **_range(0, _MOMENT_US),
        )
        newest = _readings(found)
        newest = newest.take(np.isin(newest.point, wanted))
        return newest.take(np.argsort(newest.point, kind="stable"))

    def count(self) -> int:
        found = self._server.rows(
            _FIELDS + '    |> filter(fn: (r) => r._field == "quality")\n'
            '    |> count() |> group() |> sum() |> keep(columns: ["_value"])',
            measurement=self._config.measurement,
            **_range(0, _MOMENT_US),
        )
        return int(found.column("_value", np.int64).sum())

    def keep_up(self, now_us: int) -> bool:
        """Retention and order are the server's matter."""
        return False

    def facts(self) -> TelemetryFacts:
        found = self._server.rows(
            _FIELDS + '    |> filter(fn: (r) => r._field == "quality")\n'
            '    |> first() |> group() |> min(column: "_time") |> keep(columns: ["_time"])',
            measurement=self._config.measurement,
            **_range(0, _MOMENT_US),
        )
        times = found.times("_time")
        return TelemetryFacts(
            file_bytes=None, unsorted_rows=0, oldest_us=int(times[0]) if len(times) else None
        )

    def close(self) -> None:
        self._server.close()

    def _mark(self, applied_seq: int) -> list[str]:
        """One point for each hour and partition, overwritten within it; the highest counts."""
        hour_us = self._clock() // HOUR_US * HOUR_US
        name = line_protocol.tag(_partition_name(self._partition))
        return [f"{self._marks_of},partition={name} seq={applied_seq}i {hour_us}"]

    def _write_rows(self, readings: Readings) -> None:
        lines = line_protocol.lines(readings, self._lines_of)
        for begin in range(0, len(lines), LINES_IN_ONE_REQUEST):
            chunk = lines[begin : begin + LINES_IN_ONE_REQUEST]
            self._write_lines(chunk, _Search())

    def _write_lines(self, lines: Sequence[str], search: "_Search") -> None:
        try:
            self._server.write(lines)
        except _TooMuch:
            if len(lines) == 1:
                self._put_aside(lines, "too_large", "the server takes no line of this size")
                return
            self._write_halves(lines, search)
        except _Refused as refused:
            if refused.dropped_as_too_old:
                # the others of the batch are in; which ones are not, retention says
                self._counters.add(
                    "telemetry_rejected", refused.dropped_as_too_old, reason="beyond_retention"
                )
                return
            search.requests += 1
            if len(lines) == 1 or search.requests > SEARCHES_AT_MOST:
                self._put_aside(lines, "refused", refused.message)
                return
            self._write_halves(lines, search)

    def _write_halves(self, lines: Sequence[str], search: "_Search") -> None:
        middle = len(lines) // 2
        self._write_lines(lines[:middle], search)
        self._write_lines(lines[middle:], search)

    def _put_aside(self, lines: Sequence[str], reason: str, message: str) -> None:
        self._counters.add("telemetry_rejected", len(lines), reason=reason)
        self._reject(lines, message)

    def _without_known(self, readings: Readings) -> Readings:
        """HISTORY that stands already, or comes twice, is left out: the first one counts. InfluxDB itself
        would let the last one count."""
        late = readings.origin == Origin.HISTORY
        if not late.any():
            return readings
        live, history = readings.take(~late), readings.take(late)
        keys = _keys(history)
        _, first = np.unique(keys, return_index=True)
        history = history.take(np.sort(first))
        known = np.concatenate([_keys(live), *map(_keys, self._standing(history))])
        return Readings.concat([live, history.take(~np.isin(_keys(history), known))])

    def _standing(self, history: Readings) -> Iterator[Readings]:
        """What stands of these points at these times, an hour at a time."""
        hours = history.event_time // HOUR_US
        for hour in np.unique(hours).tolist():
            times = history.event_time[hours == hour]
            named = np.unique(history.point[hours == hour]).tolist()
            which = " or ".join(f'r.point == "{point}"' for point in named)
            filtered = f"    |> filter(fn: (r) => {which})\n" if len(named) <= _POINTS_NAMED else ""
            found = self._server.rows(
                _FIELDS
                + '    |> filter(fn: (r) => r._field == "quality")\n'
                + filtered
                + '    |> keep(columns: ["_time", "_value", "_field", "point"])',
                measurement=self._config.measurement,
                **_range(int(times.min()), int(times.max()) + 1),
            )
            yield _readings(found)


@dataclass(slots=True)
class _Search:
    """For what is refused in one batch."""

    requests: int = 0


class _TooMuch(Exception):
    """413."""


class _Refused(Exception):
    """400 or 422: the batch, or a part of it, will never be taken."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def dropped_as_too_old(self) -> int:
        _, beyond, dropped = self.message.partition("points beyond retention policy dropped=")
        digits = dropped.split()[0] if beyond and dropped.split() else ""
        return int(digits) if digits.isdigit() else 0


class _Rows:
    """The answer to a Flux query, as columns of text."""

    def __init__(self, text: str) -> None:
        self._columns: dict[str, list[str]] = {}
        rows = 0
        for block in text.split("\r\n\r\n"):
            header, *lines = block.strip("\r\n").split("\r\n")
            names = header.split(",")
            if "error" in names and lines:
                raise StorageUnavailable(f"InfluxDB says: {lines[0].strip(',')}")
            cells = [line.split(",") for line in lines if line]
            for place, name in enumerate(names):
                column = self._columns.setdefault(name, [""] * rows)
                column += [row[place] for row in cells]
            rows += len(cells)
            for column in self._columns.values():
                column += [""] * (rows - len(column))

    def column(self, name: str, dtype: type[np.generic]) -> NDArray[Any]:
        return self.words(name).astype(dtype)

    def words(self, name: str) -> NDArray[np.str_]:
        return np.array(self._columns.get(name, ()), "U")

    def times(self, name: str) -> NDArray[np.int64]:
        """Microseconds since 1970."""
        texts = [text.removesuffix("Z") for text in self._columns.get(name, ())]
        return np.array(texts, "datetime64[us]").astype(np.int64)


class _Server:
    """Requests, and what is to be done about their answers."""

    def __init__(self, config: InfluxConfig, monotonic: Callable[[], float]) -> None:
        self._config = config
        self._monotonic = monotonic
        self._lock = Lock()
        self._client: InfluxDBClient | None = None
        self._not_before = float("-inf")  # the server asked for patience until then

    def write(self, lines: Sequence[str]) -> None:
        """Raises StorageUnavailable, _TooMuch, _Refused."""
        if not lines:
            return
        packed = gzip.compress(line_protocol.body(lines), compresslevel=1)
        with self._asking() as client:
            WriteService(client.api_client).post_write(  # type: ignore[no-untyped-call]
                self._config.org,
                self._config.bucket,
                packed,
                content_encoding="gzip",
                precision="us",
                _request_timeout=_WRITE_MS,
            )

    def rows(self, flux: str, **parameters: object) -> _Rows:
        """`parameters` reach Flux as literals of its syntax tree, never as text of the query."""
        try:
            with self._asking() as client:
                answer = client.query_api().query_raw(
                    flux,
                    org=self._config.org,
                    dialect=_PLAIN,
                    params={"bucket": self._config.bucket, **parameters},
                )
                return _Rows(answer.data.decode())
        except (_Refused, _TooMuch) as refused:
            raise StorageUnavailable(f"{self._where} refuses a question: {refused}") from refused
        except (ValueError, IndexError) as error:
            raise StorageUnavailable(
                f"the answer of {self._where} was not understood: {error}"
            ) from error

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()  # type: ignore[no-untyped-call]

    @contextmanager
    def _asking(self) -> Iterator[InfluxDBClient]:
        wait_s = self._not_before - self._monotonic()
        if wait_s > 0:
            raise StorageUnavailable(f"{self._where} asked us to wait for {wait_s:.0f} s more")
        try:
            yield self._connected()
        except ApiException as error:
            raise self._understood(error) from error
        except (HTTPError, OSError) as error:
            raise StorageUnavailable(f"{self._where} does not answer: {error}") from error

    def _connected(self) -> InfluxDBClient:
        config = self._config
        with self._lock:
            if self._client is None:
                self._client = InfluxDBClient(
                    url=config.url,
                    token=config.token,
                    org=config.org,
                    timeout=_QUERY_MS,  # of writes, each says its own
                    ssl_ca_cert=str(config.ca_file) if config.ca_file else None,
                )
            return self._client

    def _understood(self, error: ApiException) -> Exception:
        message = _message(error)
        match error.status:
            case 401 | 403:
                return StorageUnavailable(
                    f"{self._where} refuses the token ({message}): put one that may read and write"
                    f" bucket {self._config.bucket} into GRIDWARDEN_TELEMETRY__TOKEN"
                )
            case 404:
                return StorageUnavailable(
                    f"{self._where}: {message}; mend GRIDWARDEN_TELEMETRY__ORG and __BUCKET, or make"
                    " the bucket with `gridwarden telemetry setup`"
                )
            case 413:
                return _TooMuch(message)
            case 400 | 422:
                return _Refused(message)
            case 429 | 503:
                wait_s = _retry_after_s(error)
                self._not_before = self._monotonic() + wait_s
                return StorageUnavailable(
                    f"{self._where} is too busy and asks us to wait for {wait_s:.0f} s: {message}"
                )
        return StorageUnavailable(f"{self._where} answers {error.status}: {message}")

    @property
    def _where(self) -> str:
        return f"InfluxDB at {self._config.url}"


_FIELDS: Final = """
from(bucket: bucket) |> range(start: time(v: start), stop: time(v: stop))
    |> filter(fn: (r) => r._measurement == measurement)
"""
_FIELDS_OF_ONE: Final = _FIELDS + "    |> filter(fn: (r) => r.point == point)\n"


def _yield(name: str, field: str, what: str) -> str:
    return (
        f'readings |> filter(fn: (r) => r._field == "{field}") |> window(every: duration(v: width))'
        f' |> {what} |> group() |> keep(columns: ["_time", "_start", "_value"])'
        f' |> yield(name: "{name}")\n'
    )


_SUMMARIES: Final = f"""
readings = {_FIELDS_OF_ONE.strip()}
{_yield("low", "value", "min()")}
{_yield("high", "value", "max()")}
{_yield("mean", "value", "mean()")}
{_yield("first", "value", "first()")}
{_yield("last", "value", "last()")}
{_yield("usable", "value", "count()")}
{_yield("count", "quality", "count()")}
{_yield("quality", "quality", "max()")}
"""


def _summaries(found: _Rows, width: int) -> Summaries:
    results = found.words("result")
    values = found.column("_value", np.float64)
    starts = found.times("_start") if len(results) else np.empty(0, np.int64)
    times = found._columns.get("_time", [])
    start = np.unique(starts[results == "count"])
    columns: dict[str, NDArray[Any]] = {"start": start}
    for name in ("low", "high", "mean", "first", "last"):
        columns[name] = np.full(len(start), np.nan)
    for name in ("low_at", "high_at"):
        columns[name] = start.copy()
    for name in ("usable", "count", "quality"):
        columns[name] = np.zeros(len(start), np.int64)
    for name in set(columns) - {"start", "low_at", "high_at"}:
        mine = results == name
        places = np.searchsorted(start, starts[mine])
        columns[name][places] = values[mine]
        if name in {"low", "high"}:
            texts = [times[row].removesuffix("Z") for row in np.flatnonzero(mine).tolist()]
            columns[f"{name}_at"][places] = np.array(texts, "datetime64[us]").astype(np.int64)
    return Summaries.of_columns(columns)


def _readings(found: _Rows, point: np.int32 | None = None) -> Readings:
    """One reading for each quality that was found, with the other fields of its point and moment."""
    fields = found.words("_field")
    times = found.times("_time")
    points = (
        np.full(len(fields), point, np.int32)
        if point is not None
        else found.column("point", np.int32)
    )
    texts = found.words("_value")

    def of(name: str) -> tuple[NDArray[Any], NDArray[np.str_]]:
        mine = fields == name
        return _key(points[mine], times[mine]), texts[mine]

    keys, quality = of("quality")
    order = np.argsort(keys, kind="stable")
    keys = keys[order]

    def beside(name: str, otherwise: float, dtype: type[np.generic]) -> NDArray[Any]:
        column = np.full(len(keys), otherwise, dtype)
        theirs, said = of(name)
        if len(theirs) and len(keys):
            places = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
            same = keys[places] == theirs
            column[places[same]] = said[same].astype(dtype)
        return column

    value = beside("value", np.nan, np.float64)
    unusable = beside("unusable", np.nan, np.float64)
    infinite = beside("infinite", 0, np.int64)
    value = np.where(np.isnan(value), unusable, value)
    value = np.where(infinite == 0, value, np.where(infinite > 0, np.inf, -np.inf))
    return Readings(
        point=keys["point"].astype(np.int32),
        event_time=keys["event_time"].astype(np.int64),
        arrival_time=beside("arrival", 0, np.int64),
        value=value,
        quality=quality[order].astype(np.uint8),
        origin=beside("origin", 0, np.uint8),
    )


def _keys(readings: Readings) -> NDArray[Any]:
    return _key(readings.point, readings.event_time)


def _key(point: NDArray[np.int32], event_time: NDArray[np.int64]) -> NDArray[Any]:
    keys = np.empty(len(point), [("event_time", np.int64), ("point", np.int32)])
    keys["event_time"] = event_time
    keys["point"] = point
    return keys


def _range(from_us: int, to_us: int) -> Mapping[str, object]:
    start, stop = (min(max(each, 0), _MOMENT_US) for each in (from_us, to_us))
    # Flux refuses an empty range; nothing of ours lies at its last moment
    return {"start": start * 1_000, "stop": max(stop * 1_000, start * 1_000 + 1)}


def _up(moment_us: int, width: int) -> int:
    """The first whole stretch that begins at or after this moment."""
    return -(-moment_us // width) * width


def _partition_name(partition: int) -> str:
    return "local" if partition == LOCAL else str(partition)


def _message(error: ApiException) -> str:
    """What the server says, in a line of bounded length."""
    text = error.body.decode(errors="replace") if isinstance(error.body, bytes) else error.body
    try:
        said = json.loads(text or "")
        text = said["message"] if isinstance(said, dict) and "message" in said else text
    except ValueError:
        pass
    return " ".join(str(text or error.reason or "no reason given").split())[:500]


def _retry_after_s(error: ApiException) -> float:
    """At least a second, at most five minutes; a date in it, and anything else, is ten seconds."""
    said = str(error.headers.get("Retry-After", "")) if error.headers else ""
    return min(300.0, max(1.0, float(said))) if said.isdigit() else 10.0
