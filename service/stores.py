"""From settings to the stores: the one place that knows which database holds what."""

from sqlalchemy import Engine

from domain.ports import Telemetry
from service.settings import Settings
from storage.engines import sqlite_engine
from storage.migrate import upgrade
from storage.postgres import postgres_engine
from storage.telemetry_duckdb import DuckDbTelemetry


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


def open_telemetry(settings: Settings) -> Telemetry:
    return DuckDbTelemetry(settings.data / "telemetry.duckdb")


def can_be_shared(settings: Settings) -> bool:
    """Whether several workers can write them."""
    return False
