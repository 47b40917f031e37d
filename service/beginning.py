"""How a data folder begins, and from which site core starts: version 1 and the first user, once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from domain.clock import Clock, system_clock
from domain.paperwork import ApprovalState, Role, SiteVersion, User
from domain.ports import StorageUnavailable
from service.local_socket import SOCKET_NAME, AlreadyServed, is_served
from service.passwords import hashed, random_password
from service.records import records_engine
from service.site.compiled import (
    COMPILED_NAME,
    BrokenCompiledSite,
    compile_into,
    read_compiled,
)
from service.site.load import BrokenSite, load
from service.site.model import Site
from service.site.versions import MalformedVersion, files_of, pack, site_of, unpack
from service.wiring import Folders
from storage.engines import is_missing
from storage.migrate import revision, upgrade
from storage.records import SqlRecords
from storage.tables import REVISION

FIRST_USER = "admin"
# one person begins alone; he gives the roles away as soon as there are others
FIRST_ROLES = frozenset(
    {Role.ADMINISTRATOR, Role.DISPATCHER, Role.SAFETY_MANAGER, Role.PARTY_OFFICER}
)

AtBroker = Callable[[Site], Site]

_BUSY_MS = 5_000

log = structlog.get_logger(__name__)


class NoSite(Exception):
    """A data folder without a site, and no folder to take one from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What `run` starts from."""

    compiled: Path
    version: int
    first_password: str | None = None  # of the first user, told once
    differs: bool = False  # the folder that was given is not the version that is effective
    unusable: str = ""  # why the effective version cannot be used; the site before it goes on


def begin(
    data: Path,
    folder: Path | None,
    *,
    at_broker: AtBroker = lambda site: site,
    clock: Clock = system_clock,
    change_password: bool = True,
) -> Beginning:
    """Raises AlreadyServed, NoSite, BrokenSite, NotPackable, MalformedVersion, StorageUnavailable."""
    if is_served(data / SOCKET_NAME):
        # its file is what the other supervisor would restart core from
        raise AlreadyServed(f"another core serves {data}: stop it, or give another --data")
    if _records_are_lost(data):
        # core says what to do about it, in its own words
        site = load(_needed(folder, data))
        return Beginning(compiled=compile_into(data, at_broker(site)), version=site.version)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)  # it will hold people and password hashes
    records = _records(data)
    effective = records.effective_site() or _first_version(_needed(folder, data), clock)
    unusable = _compile(data, effective, at_broker)
    return Beginning(
        compiled=data / COMPILED_NAME,
        version=effective.number,
        differs=folder is not None and files_of(folder) != unpack(effective.files),
        unusable=unusable,
        # last, as it is told once: what can fail has not failed
        first_password=_seed(records, effective, change_password),
    )


def compile_effective(data: Path, at_broker: AtBroker = lambda site: site) -> None:
    """Before core starts again: the version that became effective meanwhile. A core that watches by the site
    of before is better than none, so this never raises."""
    try:
        effective = stored_records(data).effective_site()
        if effective is None or effective.number <= _compiled_version(data):
            return
        unusable = _compile(data, effective, at_broker)
    except (NoSite, StorageUnavailable, BrokenSite, MalformedVersion, OSError) as error:
        unusable = str(error)
    if unusable:
        log.error("site_version_unusable", reason=unusable)


def _compile(data: Path, version: SiteVersion, at_broker: AtBroker) -> str:
    """Why the version cannot be used; then the site compiled before goes on in its place."""
    try:
        site = site_of(version)
    except (BrokenSite, MalformedVersion) as error:
        # it was checked when it was proposed: another release has other rules
        try:
            before = read_compiled(data / COMPILED_NAME)
        except (BrokenCompiledSite, StorageUnavailable):
            raise error from None
        # under its number, else core would ask for it again and again
        compile_into(data, at_broker(replace(before, version=version.number)))
        return str(error)
    compile_into(data, at_broker(site))
    return ""


def _compiled_version(data: Path) -> int:
    try:
        return read_compiled(data / COMPILED_NAME).version
    except (BrokenCompiledSite, StorageUnavailable):
        return 0


def effective_version(data: Path) -> SiteVersion:
    """Raises NoSite, StorageUnavailable."""
    effective = stored_records(data).effective_site()
    if effective is None:
        raise NoSite(f"{data} holds no site yet: start with `gridwarden run --site DIR`")
    return effective


def stored_records(data: Path) -> SqlRecords:
    """To read, while a core may serve them. Raises NoSite, StorageUnavailable."""
    engine = records_engine(data, role="cli", busy_ms=_BUSY_MS, once=True)
    found = None if is_missing(engine) else revision(engine)
    if found is None:
        raise NoSite(f"{data} holds no records: start with `gridwarden run --site DIR`")
    if found != REVISION:
        raise NoSite(f"{data} is of another release: start `gridwarden run` once, it migrates it")
    return SqlRecords(engine)


def _first_version(folder: Path, clock: Clock) -> SiteVersion:
    load(folder)
    files, digest = pack(folder)
    now_us = clock()
    return SiteVersion(
        number=1,
        files=files,
        digest=digest,
        state=ApprovalState.EFFECTIVE,
        proposed_by="first start",
        proposed_at_us=now_us,
        effective_at_us=now_us,
    )


def _seed(records: SqlRecords, version: SiteVersion, change_password: bool) -> str | None:
    """The first user's password where there was none. Records that hold a site stay as they are."""
    if records.effective_site() is not None:
        return None
    password = None if records.users() else random_password()
    users = [] if password is None else [_first_user(password, change_password)]
    records.seed(version, users)
    return password


def _first_user(password: str, change_password: bool) -> User:
    return User(
        name=FIRST_USER,
        password=hashed(password),
        roles=FIRST_ROLES,
        must_change=change_password,
    )


def _needed(folder: Path | None, data: Path) -> Path:
    if folder is None:
        raise NoSite(f"{data} holds no site yet: name a site folder with --site")
    return folder


def _records_are_lost(data: Path) -> bool:
    return Folders(data).journal.exists() and is_missing(records_engine(data, once=True))


def _records(data: Path) -> SqlRecords:
    engine = records_engine(data, role="supervisor", busy_ms=_BUSY_MS, once=True)
    upgrade(engine, create=is_missing(engine) or not Folders(data).journal.exists())
    return SqlRecords(engine)
