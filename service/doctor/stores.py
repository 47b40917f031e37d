"""What is kept on this machine: records, journal, telemetry; and the core that may have them open."""

from pathlib import Path
from typing import Final

import duckdb

from domain.ports import StorageUnavailable
from service.doctor.finding import Finding, good, mend, note
from service.local_socket import SOCKET_NAME, CoreUnreachable, RequestRefused, is_served, request
from service.wiring import Folders
from storage.engines import sqlite_engine
from storage.journal import DamagedJournal, SqliteJournal
from storage.migrate import is_current

# a file of an older release has no `sorted_readings`
_COUNT: Final = """
select sum(estimated_size) from duckdb_tables()
where table_name in ('readings', 'sorted_readings')"""


def sqlite_findings(data: Path) -> Finding:
    path = Folders(data).records
    if not path.exists():
        if (data / "journal").is_dir() and any((data / "journal").glob("journal-*.db")):
            return mend(
                "records",
                f"{path} is missing, though the journal is here",
                "bring it back from a backup, or give an empty --data",
            )
        return note("records", "none yet: the first `run` makes them")
    engine = sqlite_engine(path)
    try:
        current = is_current(engine)
    except StorageUnavailable as error:
        return mend("records", f"{error}", "end what locks the file, or bring back a backup")
    finally:
        engine.dispose()
    if current:
        return good("records", f"{path} has this version's tables")
    return mend("records", f"{path} has older tables", "start `gridwarden run` once: it migrates")


def journal_findings(data: Path) -> Finding:
    folder = Folders(data).journal
    if not folder.is_dir():
        return note("journal", "none yet: the first `run` makes it")
    try:
        journal = SqliteJournal(folder)
        newest = journal.last_seq
        read = sum(1 for _ in journal.read(after=max(0, newest - 100)))
    except (StorageUnavailable, DamagedJournal) as error:
        return mend("journal", f"{error}", "keep the file for us and start with a new --data")
    return good("journal", f"newest record {newest}, the last {read} read back well")


def duckdb_findings(data: Path) -> Finding:
    path = Folders(data).telemetry
    if not path.exists():
        return note("telemetry", "none yet: the first `run` makes it")
    if is_served(data / SOCKET_NAME):
        return note("telemetry", f"{path} is open in the running core, which alone may read it")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            counted = connection.execute(_COUNT).fetchone()
    except duckdb.Error as error:
        return mend(
            "telemetry",
            f"{path} cannot be read: {str(error).splitlines()[0]}",
            "end what has it open, or move the file away: `run` makes a new one from the journal on",
        )
    return good("telemetry", f"{path} holds {counted[0] if counted else 0} readings")


def core_findings(data: Path) -> Finding:
    try:
        status = request(data / SOCKET_NAME, "status")
    except CoreUnreachable:
        return note("core", "not running")
    except RequestRefused as error:
        return mend("core", f"runs, but refuses to tell: {error}", "look at its log")
    return good("core", f"runs, journal at record {status.get('journal_seq')}")
