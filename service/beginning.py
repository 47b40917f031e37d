"""How a data folder begins, and from which site core starts: version 1 and the first user, once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from domain.clock import Clock, system_clock
from domain.paperwork import ApprovalState, Role, SiteVersion, User
from service.local_socket import SOCKET_NAME, AlreadyServed, is_served
from service.passwords import hashed, random_password
from service.site.compiled import compile_into
from service.site.load import load
from service.site.model import Site
from service.site.versions import pack, site_of
from service.wiring import Folders
from storage.engines import sqlite_engine
from storage.migrate import upgrade
from storage.records import SqlRecords

FIRST_USER = "admin"
# one person begins alone; he gives the roles away as soon as there are others
FIRST_ROLES = frozenset(
    {Role.ADMINISTRATOR, Role.DISPATCHER, Role.SAFETY_MANAGER, Role.PARTY_OFFICER}
)

AtBroker = Callable[[Site], Site]


class NoSite(Exception):
    """A data folder without a site, and no folder to take one from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What `run` starts from."""

    compiled: Path
    version: int
    first_password: str | None = None  # of the first user, told once
    differs: bool = False  # the folder that was given is not the version that is effective


def begin(
    data: Path,
    folder: Path | None,
    *,
    at_broker: AtBroker = lambda site: site,
    clock: Clock = system_clock,
) -> Beginning:
    """Raises AlreadyServed, NoSite, BrokenSite, NotPackable, MalformedVersion, StorageUnavailable."""
    if is_served(data / SOCKET_NAME):
        # its file is what the other supervisor would restart core from
        raise AlreadyServed(f"another core serves {data}: stop it, or give another --data")
    if _records_are_lost(data):
        # core says what to do about it, in its own words
        site = load(_needed(folder, data))
        return Beginning(compiled=compile_into(data, at_broker(site)), version=site.version)
    records = _records(data)
    effective = records.effective_site()
    first_password = None
    if effective is None:
        effective, first_password = _first(records, _needed(folder, data), clock)
    compiled = compile_into(data, at_broker(site_of(effective)))
    return Beginning(
        compiled=compiled,
        version=effective.number,
        first_password=first_password,
        differs=folder is not None and pack(folder)[1] != effective.digest,
    )


def compile_effective(data: Path, at_broker: AtBroker = lambda site: site) -> None:
    """Before core starts again: the version that became effective meanwhile."""
    effective = _records(data).effective_site()
    if effective is not None:
        compile_into(data, at_broker(site_of(effective)))


def effective_version(data: Path) -> SiteVersion:
    """Raises NoSite."""
    if not Folders(data).records.exists():
        raise NoSite(f"{data} holds no records: start with `gridwarden run --site DIR`")
    effective = _records(data).effective_site()
    if effective is None:
        raise NoSite(f"{data} holds no site yet: start with `gridwarden run --site DIR`")
    return effective


def _first(records: SqlRecords, folder: Path, clock: Clock) -> tuple[SiteVersion, str | None]:
    load(folder)
    files, digest = pack(folder)
    now_us = clock()
    version = SiteVersion(
        number=1,
        files=files,
        digest=digest,
        state=ApprovalState.EFFECTIVE,
        proposed_by="first start",
        proposed_at_us=now_us,
        effective_at_us=now_us,
    )
    password = None if records.users() else random_password()
    users = [] if password is None else [_first_user(password)]
    records.seed(version, users)
    return version, password


def _first_user(password: str) -> User:
    return User(name=FIRST_USER, password=hashed(password), roles=FIRST_ROLES, must_change=True)


def _needed(folder: Path | None, data: Path) -> Path:
    if folder is None:
        raise NoSite(f"{data} holds no site yet: name a site folder with --site")
    return folder


def _records_are_lost(data: Path) -> bool:
    folders = Folders(data)
    return folders.journal.exists() and not folders.records.exists()


def _records(data: Path) -> SqlRecords:
    engine = sqlite_engine(Folders(data).records, busy_ms=5_000)
    upgrade(engine)
    return SqlRecords(engine)
