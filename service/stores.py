"""From settings to the store of the telemetry, in one place."""

from pathlib import Path

from domain.ports import KeptTelemetry
from service.settings import TelemetrySettings
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_upkeep import Keeping


def open_telemetry(settings: TelemetrySettings, file: Path) -> KeptTelemetry:
    """The store that the settings choose. It connects at its first use; `file` is that of DuckDB."""
    return DuckDbTelemetry(file, keeping(settings))


def keeping(settings: TelemetrySettings) -> Keeping:
    return Keeping(
        raw_days=settings.keep_raw_days,
        minutes_days=settings.keep_minutes_days,
        hours_days=settings.keep_hours_days,
    )
