"""PostgreSQL, where the records lie there: does it answer, may we do what we must, is it durable."""

import time
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, Engine, text

from domain.ports import StorageUnavailable
from service.doctor.finding import Finding, good, mend, warn
from storage.engines import reading
from storage.migrate import is_current
from storage.postgres import OLDEST_SERVER

_SUBJECT: Final = "PostgreSQL"
_CLOCKS_APART_S: Final = 2.0
_CONNECTIONS_NEEDED: Final = 20  # of core; the console and a second worker take some too


def postgres_findings(engine: Engine) -> Iterator[Finding]:
    """Changes nothing."""
    try:
        with reading(engine) as connection:
            found = [*_server(connection), *_rights(connection), *_durability(connection)]
        found.append(_tables(engine))
    except StorageUnavailable as error:
        yield mend(
            _SUBJECT,
            f"{error}",
            "start it, or mend GRIDWARDEN_RECORDS__URL and GRIDWARDEN_RECORDS__PASSWORD",
        )
    else:
        yield from found


def _asked(connection: Connection, question: str) -> str:
    return str(connection.scalar(text(question)))


def _server(connection: Connection) -> Iterator[Finding]:
    version = int(_asked(connection, "show server_version_num")) // 10_000
    where = f"{connection.engine.url.host}:{connection.engine.url.port or 5432}"
    if version < OLDEST_SERVER:
        yield mend(
            _SUBJECT,
            f"{where} is version {version}",
            f"upgrade it to {OLDEST_SERVER} or newer",
        )
    else:
        yield good(_SUBJECT, f"version {version} answers at {where}")
    encoding = _asked(connection, "show server_encoding")
    if encoding != "UTF8":
        yield mend(
            _SUBJECT,
            f"the database has the encoding {encoding}: names in Chinese cannot be kept",
            "make it anew with ENCODING 'UTF8'",
        )
    if _asked(connection, "select pg_is_in_recovery()") == "True":
        yield mend(
            _SUBJECT,
            f"{where} is a standby: nothing can be written there",
            "name the primary in GRIDWARDEN_RECORDS__URL",
        )
    began = time.time()
    theirs = float(_asked(connection, "select extract(epoch from clock_timestamp())"))
    apart_s = max(began - theirs, theirs - time.time())
    if apart_s > _CLOCKS_APART_S:
        yield warn(
            _SUBJECT,
            f"its clock stands {apart_s:.0f} s beside ours: owners and deadlines are judged by it",
            "let a time service keep the clocks of both machines",
        )
    free = int(
        _asked(
            connection,
            "select current_setting('max_connections')::int - count(*) from pg_stat_activity"
            " where backend_type = 'client backend'",
        )
    )
    if free < _CONNECTIONS_NEEDED:
        yield warn(
            _SUBJECT,
            f"only {free} connections are free, and we may need {_CONNECTIONS_NEEDED}",
            "raise max_connections, or end what holds them",
        )


def _rights(connection: Connection) -> Iterator[Finding]:
    if _asked(connection, "select has_schema_privilege(current_schema(), 'CREATE')") != "True":
        yield mend(
            _SUBJECT,
            f"the user {connection.engine.url.username} may make no tables",
            "make him the owner of the database: ALTER DATABASE ... OWNER TO ...",
        )
    unowned = _asked(
        connection,
        "select count(*) from pg_tables where schemaname = current_schema()"
        " and not pg_has_role(tableowner::name, 'USAGE')",
    )
    if unowned != "0":
        yield mend(
            _SUBJECT,
            f"{unowned} tables belong to another user: they cannot be migrated",
            "REASSIGN OWNED BY that user TO ours",
        )


def _durability(connection: Connection) -> Iterator[Finding]:
    """Asked on a connection of ours, which wants synchronous_commit: a pooler in between may drop that."""
    if _asked(connection, "show fsync") != "on":
        yield mend(
            _SUBJECT,
            "fsync is off: a power cut may destroy the records",
            "set fsync = on in postgresql.conf",
        )
    if _asked(connection, "show full_page_writes") != "on":
        yield mend(
            _SUBJECT,
            "full_page_writes is off: a power cut may destroy the records",
            "set full_page_writes = on in postgresql.conf",
        )
    if _asked(connection, "show synchronous_commit") == "off":
        yield mend(
            _SUBJECT,
            "synchronous_commit is off: it forgets what it acknowledged when the power goes",
            "set synchronous_commit = on at the server, since a pooler drops what we ask for",
        )


def _tables(engine: Engine) -> Finding:
    if is_current(engine):
        return good("records", "PostgreSQL has this version's tables")
    return mend(
        "records",
        "PostgreSQL has no tables yet, or those of an older version",
        "start `gridwarden run` once: it makes or migrates them",
    )
