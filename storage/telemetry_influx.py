"""The history of readings in InfluxDB 2, through influxdb-client.

A reading is a point of the series of its number at its event time: written again it is the same point, so
what a crash repeats does no harm. How far a journal is applied is a point too, written after the rows.

What InfluxDB answers, and what becomes of it: nobody there, 5xx, 429 and a refused token or bucket are
StorageUnavailable (the projection comes again, not before a `Retry-After`); 413 halves the batch; what 400
and 422 refuse is searched for by halves, put aside with its reason and counted, and the rest stands.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from threading import Lock
from typing import Final, Self

import numpy as np

from domain.ports import Counters, StorageUnavailable, TelemetryFacts
from domain.readings import Origin, Readings
from domain.summaries import Resolution, Summaries
from storage import line_protocol
from storage.influx_server import (
    FIELDS,
    FIELDS_OF_ONE,
    LAST_US,
    InfluxConfig,
    InfluxServer,
    Refused,
    TooMuch,
    keys_of,
    readings_of,
    span,
)
from storage.influx_summaries import InfluxSummaries
from storage.telemetry_file import LOCAL
from storage.telemetry_upkeep import HOUR_US

LINES_IN_ONE_REQUEST: Final = 10_000
SEARCHES_AT_MOST: Final = 200  # requests spent on finding what one batch has that is refused
_POINTS_NAMED: Final = 40  # more are taken from all of them

Reject = Callable[[Sequence[str], str], None]


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
        self._server = InfluxServer(config, monotonic)
        self._summaries = InfluxSummaries(self._server, config.measurement, monotonic)
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
            # whatever the server's clock says: ours gave the mark its time
            FIELDS + '    |> filter(fn: (r) => r.partition == partition and r._field == "seq")\n'
            '    |> max() |> group() |> max() |> keep(columns: ["_value"])',
            measurement=f"{self._config.measurement}.applied",
            partition=_partition_name(self._partition),
            **span(0, LAST_US),
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
            # in one request: what is applied has made its hours due
            self._summaries.write([*self._touched(readings, applied_seq), self._mark(applied_seq)])
        except StorageUnavailable:
            with self._lock:
                self._applied.pop(self._partition, None)
            raise
        with self._lock:
            self._applied[self._partition] = applied_seq

    def history(self, point: int, from_us: int, to_us: int) -> Readings:
        found = self._server.rows(
            FIELDS_OF_ONE + '    |> keep(columns: ["_time", "_value", "_field"])',
            measurement=self._config.measurement,
            point=str(point),
            **span(from_us, to_us),
        )
        return readings_of(found, np.int32(point))

    def downsampled(
        self, point: int, from_us: int, to_us: int, resolution: Resolution
    ) -> Summaries:
        width = int(resolution)
        begin_us, end_us = (min(_up(each, width), LAST_US) for each in (from_us, to_us))
        return self._summaries.read(point, begin_us, end_us, resolution)

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
            FIELDS
            + which
            + '    |> last() |> keep(columns: ["_time", "_value", "_field", "point"])',
            measurement=self._config.measurement,
            **span(0, LAST_US),
        )
        newest = readings_of(found)
        newest = newest.take(np.isin(newest.point, wanted))
        return newest.take(np.argsort(newest.point, kind="stable"))

    def count(self) -> int:
        found = self._server.rows(
            FIELDS + '    |> filter(fn: (r) => r._field == "quality")\n'
            '    |> count() |> group() |> sum() |> keep(columns: ["_value"])',
            measurement=self._config.measurement,
            **span(0, LAST_US),
        )
        return int(found.column("_value", np.int64).sum())

    def keep_up(self, now_us: int) -> bool:
        """Summaries; retention and order are the server's matter."""
        return self._summaries.step(now_us)

    def facts(self) -> TelemetryFacts:
        found = self._server.rows(
            FIELDS + '    |> filter(fn: (r) => r._field == "quality")\n'
            '    |> first() |> group() |> min(column: "_time") |> keep(columns: ["_time"])',
            measurement=self._config.measurement,
            **span(0, LAST_US),
        )
        times = found.times("_time")
        return TelemetryFacts(
            file_bytes=None, unsorted_rows=0, oldest_us=int(times[0]) if len(times) else None
        )

    def close(self) -> None:
        self._server.close()

    def _mark(self, applied_seq: int) -> str:
        """One point for each hour and partition, overwritten within it; the highest counts."""
        hour_us = self._clock() // HOUR_US * HOUR_US
        name = line_protocol.tag(_partition_name(self._partition))
        return f"{self._marks_of},partition={name} seq={applied_seq}i {hour_us}"

    def _touched(self, readings: Readings, applied_seq: int) -> list[str]:
        return self._summaries.touched(readings, _partition_name(self._partition), applied_seq)

    def _write_rows(self, readings: Readings) -> None:
        lines = line_protocol.lines(readings, self._lines_of)
        for begin in range(0, len(lines), LINES_IN_ONE_REQUEST):
            chunk = lines[begin : begin + LINES_IN_ONE_REQUEST]
            self._write_lines(chunk, _Search())

    def _write_lines(self, lines: Sequence[str], search: "_Search") -> None:
        try:
            self._server.write(lines)
        except TooMuch:
            if len(lines) == 1:
                self._put_aside(lines, "too_large", "the server takes no line of this size")
                return
            self._write_halves(lines, search)
        except Refused as refused:
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
        keys = keys_of(history)
        _, first = np.unique(keys, return_index=True)
        history = history.take(np.sort(first))
        known = np.concatenate([keys_of(live), *map(keys_of, self._standing(history))])
        return Readings.concat([live, history.take(~np.isin(keys_of(history), known))])

    def _standing(self, history: Readings) -> Iterator[Readings]:
        """What stands of these points at these times, an hour at a time."""
        hours = history.event_time // HOUR_US
        for hour in np.unique(hours).tolist():
            times = history.event_time[hours == hour]
            named = np.unique(history.point[hours == hour]).tolist()
            which = " or ".join(f'r.point == "{point}"' for point in named)
            filtered = f"    |> filter(fn: (r) => {which})\n" if len(named) <= _POINTS_NAMED else ""
            found = self._server.rows(
                FIELDS
                + '    |> filter(fn: (r) => r._field == "quality")\n'
                + filtered
                + '    |> keep(columns: ["_time", "_value", "_field", "point"])',
                measurement=self._config.measurement,
                **span(int(times.min()), int(times.max()) + 1),
            )
            yield readings_of(found)


@dataclass(slots=True)
class _Search:
    """For what is refused in one batch."""

    requests: int = 0


def _up(moment_us: int, width: int) -> int:
    """The first whole stretch that begins at or after this moment."""
    return -(-moment_us // width) * width


def _partition_name(partition: int) -> str:
    return "local" if partition == LOCAL else str(partition)
