"""`migrate`: the records' tables brought up to this release, or back to an older one."""

from dataclasses import dataclass

from service.local_socket import SOCKET_NAME, AlreadyServed, is_served
from service.records import records_engine
from service.settings import Settings
from storage.engines import is_missing
from storage.migrate import downgrade, expect_revision, revision, upgrade
from storage.tables import REVISION


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """How far the records are, and how far this release goes."""

    current: str | None  # None: there are no tables
    target: str = REVISION

    @property
    def is_current(self) -> bool:
        return self.current == self.target


def schema_of(settings: Settings) -> Schema:
    """Raises StorageUnavailable."""
    engine = records_engine(settings.data, settings.records, role="migrate", once=True)
    return Schema(current=None if is_missing(engine) else revision(engine))


def migrate_up(settings: Settings) -> Schema:
    """What `run` does by itself at its start. Raises StorageUnavailable."""
    engine = records_engine(
        settings.data, settings.records, role="migrate", busy_ms=5_000, once=True
    )
    upgrade(engine)
    return Schema(current=revision(engine))


def expect_way_down(settings: Settings, to: str) -> None:
    """Raises UnknownRevision, AlreadyServed."""
    expect_revision(to)
    if is_served(settings.data / SOCKET_NAME):
        # its statements name columns that would be gone
        raise AlreadyServed(f"a core serves {settings.data}: stop `gridwarden run` first")


def migrate_down(settings: Settings, to: str) -> Schema:
    """Tables and columns of later releases go, with what stands in them. Raises UnknownRevision,
    AlreadyServed, StorageUnavailable."""
    expect_way_down(settings, to)
    engine = records_engine(
        settings.data, settings.records, role="migrate", busy_ms=5_000, once=True
    )
    downgrade(engine, to)
    return Schema(current=revision(engine))
