"""From settings to the stores: the one place that knows which database holds what."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine

from domain.clock import system_clock
from domain.ports import Counters, KeptTelemetry
from service.records import records_engine
from service.settings import Settings, TelemetrySettings
from storage.migrate import upgrade
from storage.rejected_lines import RejectedLines
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_upkeep import Keeping

if TYPE_CHECKING:
    from storage.influx_server import InfluxConfig

_AMONG_OURSELVES_MS: Final = 5_000  # threads of one process take turns at SQLite's one lock


def open_records_engine(settings: Settings) -> Engine:
    """With the schema of this release, for several threads. Raises StorageUnavailable."""
    engine = records_engine(
        settings.data, settings.records, role="worker", busy_ms=_AMONG_OURSELVES_MS
    )
    upgrade(engine)
    return engine


def open_telemetry(settings: TelemetrySettings, file: Path, counters: Counters) -> KeptTelemetry:
    """The store that the settings choose. It connects at its first use; `file` is that of DuckDB, and
    beside it lies what InfluxDB refused."""
    if not settings.url:
        return DuckDbTelemetry(file, keeping(settings))
    # the client's modules cost core 20 MB: only who has an InfluxDB pays
    from storage.telemetry_influx import InfluxTelemetry

    refused = RejectedLines(file.with_name("telemetry-rejected"), clock=system_clock)
    return InfluxTelemetry(influx_config(settings), counters, refused)


def influx_config(settings: TelemetrySettings) -> "InfluxConfig":
    from storage.influx_server import InfluxConfig

    assert settings.token is not None  # settings with a url have one
    return InfluxConfig(
        url=settings.url.rstrip("/"),
        org=settings.org,
        bucket=settings.bucket,
        token=settings.token.get_secret_value(),
        measurement=settings.measurement,
        ca_file=settings.ca_file,
    )


def keeping(settings: TelemetrySettings) -> Keeping:
    return Keeping(
        raw_days=settings.keep_raw_days,
        minutes_days=settings.keep_minutes_days,
        hours_days=settings.keep_hours_days,
    )


def can_be_shared(settings: Settings) -> bool:
    """Whether several workers can write them: a server holds each, and no file is one process's alone."""
    return bool(settings.records.url and settings.telemetry.url)
