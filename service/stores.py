"""From settings to the stores: the one place that knows which database holds what."""

from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from domain.ports import KeptTelemetry
from service.records import records_engine
from service.settings import Settings, TelemetrySettings
from storage.migrate import upgrade
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_upkeep import Keeping

_AMONG_OURSELVES_MS: Final = 5_000  # threads of one process take turns at SQLite's one lock


def open_records_engine(settings: Settings) -> Engine:
    """With the schema of this release, for several threads. Raises StorageUnavailable."""
    engine = records_engine(
        settings.data, settings.records, role="worker", busy_ms=_AMONG_OURSELVES_MS
    )
    upgrade(engine)
    return engine


def open_telemetry(settings: TelemetrySettings, file: Path) -> KeptTelemetry:
    """The store that the settings choose. It connects at its first use; `file` is that of DuckDB."""
    return DuckDbTelemetry(file, keeping(settings))


def keeping(settings: TelemetrySettings) -> Keeping:
    return Keeping(
        raw_days=settings.keep_raw_days,
        minutes_days=settings.keep_minutes_days,
        hours_days=settings.keep_hours_days,
    )


def can_be_shared(settings: Settings) -> bool:
    """Whether several workers can write them."""
    return False
