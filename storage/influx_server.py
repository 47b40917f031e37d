"""Requests to an InfluxDB 2 through influxdb-client, and what is to be done about each of its answers."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.dialect import Dialect
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from numpy.typing import NDArray
from urllib3.exceptions import HTTPError

from domain.ports import StorageUnavailable
from domain.readings import Readings
from storage import line_protocol

LAST_US: Final = (2**63 - 1) // 1_000 - 1  # InfluxDB counts nanoseconds
_WRITE_MS: Final = (3_000, 15_000)  # to connect, to answer
_QUERY_MS: Final = (2_000, 5_000)  # the console waits
_PLAIN: Final = Dialect(header=True, annotations=[])  # type: ignore[no-untyped-call]


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


FIELDS: Final = """
from(bucket: bucket) |> range(start: time(v: start), stop: time(v: stop))
    |> filter(fn: (r) => r._measurement == measurement)
"""
FIELDS_OF_ONE: Final = FIELDS + "    |> filter(fn: (r) => r.point == point)\n"


class TooMuch(Exception):
    """413."""


class Refused(Exception):
    """400 or 422: the batch, or a part of it, will never be taken."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def dropped_as_too_old(self) -> int:
        _, beyond, dropped = self.message.partition("points beyond retention policy dropped=")
        digits = dropped.split()[0] if beyond and dropped.split() else ""
        return int(digits) if digits.isdigit() else 0


class Rows:
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
        return numbers(self.words(name), dtype)

    def words(self, name: str) -> NDArray[np.str_]:
        return np.array(self._columns.get(name, ()), "U")

    def times(self, name: str) -> NDArray[np.int64]:
        """Microseconds since 1970."""
        texts = [text.removesuffix("Z") for text in self._columns.get(name, ())]
        try:
            return np.array(texts, "datetime64[us]").astype(np.int64)
        except ValueError as error:
            raise StorageUnavailable(f"InfluxDB gives a time that is none: {error}") from error


class InfluxServer:
    """Requests, and what is to be done about their answers."""

    def __init__(self, config: InfluxConfig, monotonic: Callable[[], float]) -> None:
        self._config = config
        self._monotonic = monotonic
        self._lock = Lock()
        self._client: InfluxDBClient | None = None
        self._not_before = float("-inf")  # the server asked for patience until then

    def write(self, lines: Sequence[str]) -> None:
        """Raises StorageUnavailable, TooMuch, Refused."""
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

    def rows(self, flux: str, **parameters: object) -> Rows:
        """`parameters` reach Flux as literals of its syntax tree, never as text of the query."""
        try:
            with self._asking() as client:
                answer = client.query_api().query_raw(
                    flux,
                    org=self._config.org,
                    dialect=_PLAIN,
                    params={"bucket": self._config.bucket, **parameters},
                )
                return Rows(answer.data.decode())
        except (Refused, TooMuch) as refused:
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
                return TooMuch(message)
            case 400 | 422:
                return Refused(message)
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


def span(from_us: int, to_us: int) -> Mapping[str, object]:
    start, stop = (min(max(each, 0), LAST_US) for each in (from_us, to_us))
    # Flux refuses an empty range; nothing of ours lies at its last moment
    return {"start": start * 1_000, "stop": max(stop * 1_000, start * 1_000 + 1)}


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


def numbers(texts: NDArray[np.str_], dtype: type[np.generic]) -> NDArray[Any]:
    """Raises StorageUnavailable: another program may have written what is no number of ours."""
    try:
        return texts.astype(dtype)
    except (ValueError, OverflowError) as error:
        raise StorageUnavailable(f"InfluxDB gives what is no number of ours: {error}") from error


def readings_of(found: Rows, point: np.int32 | None = None) -> Readings:
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
        return key_of(points[mine], times[mine]), texts[mine]

    keys, quality = of("quality")
    order = np.argsort(keys, kind="stable")
    keys = keys[order]

    def beside(name: str, otherwise: float, dtype: type[np.generic]) -> NDArray[Any]:
        column = np.full(len(keys), otherwise, dtype)
        theirs, said = of(name)
        if len(theirs) and len(keys):
            places = np.minimum(np.searchsorted(keys, theirs), len(keys) - 1)
            same = keys[places] == theirs
            column[places[same]] = numbers(said[same], dtype)
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
        quality=numbers(quality[order], np.uint8),
        origin=beside("origin", 0, np.uint8),
    )


def keys_of(readings: Readings) -> NDArray[Any]:
    return key_of(readings.point, readings.event_time)


def key_of(point: NDArray[np.int32], event_time: NDArray[np.int64]) -> NDArray[Any]:
    keys = np.empty(len(point), [("event_time", np.int64), ("point", np.int32)])
    keys["event_time"] = event_time
    keys["point"] = point
    return keys
