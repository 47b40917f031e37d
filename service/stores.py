"""From settings to the stores: the one place that knows which database holds what."""

from pathlib import Path

from sqlalchemy import Engine

from domain.ports import KeptTelemetry
from service.settings import Settings, TelemetrySettings
from storage.engines import sqlite_engine
from storage.migrate import upgrade
from storage.postgres import postgres_engine
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_upkeep import Keeping


def open_records_engine(settings: Settings) -> Engine:
    """With the schema of this release. Raises StorageUnavailable."""
    if settings.records.url:
        password = settings.records.password
        engine = postgres_engine(
            settings.records.url, password=password.get_secret_value() if password else None
        )
    else:
        engine = sqlite_engine(
            settings.data / "records.db", busy_ms=settings.records.busy_timeout_ms
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
