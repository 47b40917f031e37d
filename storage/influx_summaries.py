"""Summaries by minute and hour in InfluxDB, made by us from what stands there.

Every write says which hours it touched and with which journal number; an hour is summarised when it is over,
and says up to which number it was. So nothing is forgotten by a restart, and a late reading makes its hour
due again. Points of summaries are overwritten, whole hours at a time: made twice they are the same.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.ports import StorageUnavailable
from domain.readings import Readings
from domain.summaries import SUMMARY_COLUMNS, Resolution, Summaries, summarise
from storage import line_protocol
from storage.influx_server import (
    FIELDS,
    InfluxServer,
    Refused,
    Rows,
    TooMuch,
    numbers,
    readings_of,
    span,
)
from storage.telemetry_upkeep import DAY_US, HOUR_US, SETTLED_US

ROWS_IN_ONE_STEP: Final = 30_000
LINES_IN_ONE_REQUEST: Final = 10_000
_LOOK_BACK_US: Final = 40 * DAY_US  # after the first look, which goes back to the beginning
_HOURS_READ_AT_MOST: Final = (
    48  # that a picture takes from the readings because they are not summarised yet
)
_FLOATS: Final = ("low", "high", "mean", "first", "last")
_NAMES: Final = {Resolution.MINUTE: "minutes", Resolution.HOUR: "hours"}


@dataclass(frozen=True, slots=True)
class _Due:
    """An hour, and up to which journal number each partition had touched it when we looked."""

    hour_us: int
    touched: tuple[tuple[str, int], ...]


class InfluxSummaries:
    """`step` from one thread, all else from any."""

    def __init__(
        self,
        server: InfluxServer,
        measurement: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._measurement = measurement
        self._monotonic = monotonic
        self._looked = False
        self._waiting: list[_Due] = []  # hours that are over, the earliest first
        self._due: _Due | None = None  # the hour that is being summarised
        self._slices: list[list[int]] = []  # points of it that are left
        self._done_at: dict[int, float] = {}
        self.again_after_s = 600.0  # a source that is always late makes no hour due all the time

    def touched(self, readings: Readings, partition: str, applied_seq: int) -> list[str]:
        """Lines that go with the mark of what is applied."""
        hours = np.unique(readings.event_time // HOUR_US) * HOUR_US
        return [
            self._upkeep_line(partition, "touched", applied_seq, hour) for hour in hours.tolist()
        ]

    def step(self, now_us: int) -> bool:
        """Some points of the hour that is due; whether more may wait. Raises StorageUnavailable."""
        if self._due is None:
            self._due = self._next_due(now_us)
            if self._due is None:
                return False
            self._slices = self._points_of(self._due.hour_us)
        if self._slices:
            self._summarise(self._due.hour_us, self._slices[0])
            del self._slices[0]
            return True
        self.write(
            [
                self._upkeep_line(partition, "summarised", seq, self._due.hour_us)
                for partition, seq in self._due.touched
            ]
        )
        self._done_at[self._due.hour_us] = self._monotonic()
        self._due = None
        return True

    def read(self, point: int, from_us: int, to_us: int, resolution: Resolution) -> Summaries:
        """What is stored, and from the readings themselves what is not summarised yet."""
        found = self._stored(point, from_us, to_us, resolution)
        due = [each.hour_us for each in self._all_due(from_us - HOUR_US, to_us)]
        hours = sorted(due)[-_HOURS_READ_AT_MOST:]
        if not hours:
            return found
        readings = self._of_points([point], hours[0], hours[-1] + HOUR_US)
        inside = np.isin(readings.event_time // HOUR_US * HOUR_US, hours)
        _, fresh = summarise(readings.take(inside), resolution)
        fresh = fresh.take((fresh.start >= from_us) & (fresh.start < to_us))
        stale = np.isin(found.start // HOUR_US * HOUR_US, hours)
        both = Summaries.concat([found.take(~stale), fresh])
        return both.take(np.argsort(both.start, kind="stable"))

    def _next_due(self, now_us: int) -> _Due | None:
        """The earliest that is over."""
        if not self._waiting:
            begin_us = now_us - _LOOK_BACK_US if self._looked else 0
            self._waiting = [
                each
                for each in self._all_due(begin_us, now_us)
                if each.hour_us + HOUR_US + SETTLED_US <= now_us and self._may_again(each.hour_us)
            ]
            self._looked = True
        return self._waiting.pop(0) if self._waiting else None

    def _may_again(self, hour_us: int) -> bool:
        done_at = self._done_at.get(hour_us)
        return done_at is None or self._monotonic() - done_at >= self.again_after_s

    def _all_due(self, from_us: int, to_us: int) -> list[_Due]:
        found = self._server.rows(
            FIELDS + '    |> keep(columns: ["_time", "_value", "_field", "partition"])',
            measurement=f"{self._measurement}.upkeep",
            **span(from_us, to_us),
        )
        columns = (
            found.times("_time").tolist(),
            found.words("partition").tolist(),
            found.words("_field").tolist(),
            found.column("_value", np.int64).tolist(),
        )
        touched: dict[tuple[int, str], int] = {}
        summarised: dict[tuple[int, str], int] = {}
        for hour, partition, field, seq in zip(*columns, strict=True):
            (touched if field == "touched" else summarised)[hour, partition] = seq
        hours = {
            hour for (hour, name), seq in touched.items() if seq > summarised.get((hour, name), -1)
        }
        return [
            _Due(hour, tuple((name, seq) for (at, name), seq in touched.items() if at == hour))
            for hour in sorted(hours)
        ]

    def _points_of(self, hour_us: int) -> list[list[int]]:
        """Those with readings in this hour, in slices that are read at once."""
        found = self._server.rows(
            FIELDS + '    |> filter(fn: (r) => r._field == "quality")\n'
            '    |> count() |> keep(columns: ["_value", "point"])',
            measurement=self._measurement,
            **span(hour_us, hour_us + HOUR_US),
        )
        counts = zip(found.column("point", np.int64), found.column("_value", np.int64), strict=True)
        slices: list[list[int]] = []
        rows = ROWS_IN_ONE_STEP
        for point, count in sorted((int(point), int(count)) for point, count in counts):
            if rows + count > ROWS_IN_ONE_STEP:
                slices.append([])
                rows = 0
            slices[-1].append(point)
            rows += count
        return slices

    def _summarise(self, hour_us: int, points: Sequence[int]) -> None:
        readings = self._of_points(points, hour_us, hour_us + HOUR_US)
        for resolution, name in _NAMES.items():
            of_point, made = summarise(readings, resolution)
            self.write(
                _lines(of_point, made, line_protocol.measurement(f"{self._measurement}.{name}"))
            )

    def _of_points(self, points: Sequence[int], from_us: int, to_us: int) -> Readings:
        """As far as summaries need them: the value only where it is usable."""
        named = " or ".join(f'r.point == "{point}"' for point in points)
        found = self._server.rows(
            FIELDS + '    |> filter(fn: (r) => r._field == "quality" or r._field == "value")\n'
            f"    |> filter(fn: (r) => {named})\n"
            '    |> keep(columns: ["_time", "_value", "_field", "point"])',
            measurement=self._measurement,
            **span(from_us, to_us),
        )
        return readings_of(found)

    def _stored(self, point: int, from_us: int, to_us: int, resolution: Resolution) -> Summaries:
        found = self._server.rows(
            FIELDS + "    |> filter(fn: (r) => r.point == point)\n"
            '    |> keep(columns: ["_time", "_value", "_field"])',
            measurement=f"{self._measurement}.{_NAMES[resolution]}",
            point=str(point),
            **span(from_us, to_us),
        )
        return _summaries(found)

    def write(self, lines: Sequence[str]) -> None:
        """Of what is too old for the bucket, InfluxDB leaves out these lines and takes the others."""
        for begin in range(0, len(lines), LINES_IN_ONE_REQUEST):
            try:
                self._server.write(lines[begin : begin + LINES_IN_ONE_REQUEST])
            except Refused as refused:
                if not refused.dropped_as_too_old:  # its readings go as well
                    raise StorageUnavailable(f"a summary is refused: {refused}") from refused
            except TooMuch as error:
                raise StorageUnavailable(f"a summary is refused: {error}") from error

    def _upkeep_line(self, partition: str, field: str, seq: int, hour_us: int) -> str:
        name = line_protocol.measurement(f"{self._measurement}.upkeep")
        return f"{name},partition={line_protocol.tag(partition)} {field}={seq}i {hour_us}"


def _lines(points: NDArray[np.int32], made: Summaries, of_measurement: str) -> list[str]:
    columns = [getattr(made, name).tolist() for name in SUMMARY_COLUMNS]
    lines = []
    for point, values in zip(points.tolist(), zip(*columns, strict=True), strict=True):
        row = dict(zip(SUMMARY_COLUMNS, values, strict=True))
        fields = [f"{name}={row[name]}i" for name in ("usable", "count", "quality")]
        if row["usable"]:
            fields += [f"{name}={row[name]!r}" for name in _FLOATS]
            fields += [f"{name}={row[name]}i" for name in ("low_at", "high_at")]
        lines.append(f"{of_measurement},point={point} {','.join(fields)} {row['start']}")
    return lines


def _summaries(found: Rows) -> Summaries:
    fields, times, texts = found.words("_field"), found.times("_time"), found.words("_value")
    start = np.sort(times[fields == "count"])
    columns: dict[str, NDArray[Any]] = {"start": start}
    for name, dtype in SUMMARY_COLUMNS.items():
        if name == "start":
            continue
        column = start.copy() if name.endswith("_at") else np.zeros(len(start), dtype)
        if name in _FLOATS:
            column[:] = np.nan
        mine = fields == name
        column[np.searchsorted(start, times[mine])] = numbers(texts[mine], dtype.type)
        columns[name] = column
    return Summaries.of_columns(columns)
