"""Recordings as CSV: rows of readings by the site's map of columns. What cannot be used is counted."""

import csv
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from domain.clock import from_datetime
from domain.ids import PointKey
from service.site.model import RecordingMap

_EARLIEST_US: Final = from_datetime(datetime(2000, 1, 1, tzinfo=UTC))  # before it, a time is absurd


class MalformedRecording(ValueError):
    """A file that is no such recording; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what the points measured at one moment."""

    time_us: int
    values: tuple[tuple[PointKey, float], ...]


class Recording:
    """One CSV file. `left_out` counts by reason while the rows are read."""

    def __init__(self, path: Path, columns: RecordingMap) -> None:
        """Raises MalformedRecording where the file is empty or has not the columns."""
        self.path = path
        self.left_out: Counter[str] = Counter()
        self._map = columns
        self._header = self._read_header()

    def count(self) -> int:
        """Rows in the file, readable or not."""
        with self.path.open("rb") as file:
            blocks = iter(lambda: file.read(2**20), b"")
            ends, last = 0, b"\n"
            for block in blocks:
                ends += block.count(b"\n")
                last = block[-1:]
        return max(0, ends + (last != b"\n") - 1)

    def rows(self) -> Iterator[Row]:
        """Rows in the order of the file. A moment that occurs twice counts once: the first wins."""
        seen: set[int] = set()
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            next(lines)
            for cells in self._readable(lines):
                row = self._row(cells)
                if row is None:
                    continue
                if row.time_us in seen:
                    self.left_out["time_repeated"] += 1
                    continue
                seen.add(row.time_us)
                yield row

    def begins_at_us(self) -> int | None:
        """The time of the first row that can be used; None without such a row. Counts nothing."""
        first = next(Recording(self.path, self._map).rows(), None)
        return first.time_us if first else None

    def _read_header(self) -> dict[str, int]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                header = next(csv.reader(file), None)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise MalformedRecording(f"{self.path} is no CSV file in UTF-8: {error}") from error
        if not header:
            raise MalformedRecording(f"{self.path} is empty: give a CSV file with a header line")
        wanted = [self._map.time_column, *self._map.columns]
        missing = [name for name in wanted if name not in header]
        if missing:
            raise MalformedRecording(
                f"{self.path} has no column {', '.join(missing)}: it has {', '.join(header)};"
                " mend replay.yaml in the site folder or give another file"
            )
        return {name: header.index(name) for name in wanted}

    def _readable(self, lines: Iterator[list[str]]) -> Iterator[list[str]]:
        while True:
            try:
                cells = next(lines)
            except StopIteration:
                return
            except csv.Error:
                self.left_out["unreadable_row"] += 1
            except UnicodeDecodeError as error:
                raise MalformedRecording(f"{self.path} is not UTF-8: save it as UTF-8") from error
            else:
                if cells:
                    yield cells

    def _row(self, cells: Sequence[str]) -> Row | None:
        if len(cells) <= max(self._header.values()):
            self.left_out["row_too_short"] += 1
            return None
        time_us = self._time(cells[self._header[self._map.time_column]])
        if time_us is None:
            return None
        values = tuple(
            (point, value)
            for column, point in self._map.columns.items()
            if (value := self._value(cells[self._header[column]])) is not None
        )
        return Row(time_us, values) if values else None

    def _time(self, written: str) -> int | None:
        try:
            moment = datetime.fromisoformat(written.strip())
        except ValueError:
            self.left_out["not_a_time"] += 1
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._map.zone)
        time_us = from_datetime(moment)
        if time_us < _EARLIEST_US:
            self.left_out["absurd_time"] += 1
            return None
        return time_us

    def _value(self, written: str) -> float | None:
        if not written.strip():
            self.left_out["empty_cell"] += 1
            return None
        try:
            value = float(written)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.left_out["not_a_number"] += 1
            return None
        return value
