"""PostgreSQL as the database of the records: how it is opened, and how long it may keep us waiting.

Every wait has an end. The server is told ours (`statement_timeout`, `lock_timeout`); a server that hangs, or
a network that swallows what we send, is given up on this side a little later.
"""

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import psycopg
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

RV = TypeVar("RV")

OLDEST_SERVER: Final = 15
_POOL: Final[Mapping[str, Any]] = {
    "pool_size": 4,
    "max_overflow": 12,
    "pool_timeout": 5,  # seconds
    "pool_pre_ping": True,  # a connection that died while it lay in the pool costs nobody an error
    "pool_use_lifo": True,
}
_GRACE_S: Final = 1.0  # what we wait beyond the server's own limit
# an SQLSTATE says "not now" or "not you" by its class, or as a whole
_UNAVAILABLE_CLASSES: Final = ("08", "28", "3D", "3F", "40", "53", "55", "57", "58", "F0", "XX")
_UNAVAILABLE_STATES: Final = (
    "25006",  # a standby: the primary is another one now
    "42501",  # no right to a table
    "42P01",  # no such table: another release's records, or none
    "42703",  # no such column: the same
)


class BadRecordsUrl(ValueError):
    """No address of a PostgreSQL database; the message says how one is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited for what."""

    connect_s: int = 3
    statement_ms: int = 10_000
    lock_ms: int = 2_000


def postgres_url(written: str) -> URL:
    """`postgresql://user@host:port/database?sslmode=verify-full`. Raises BadRecordsUrl; the address must
    not hold the password, since an address is shown."""
    try:
        url = make_url(written)
    except (ArgumentError, ValueError) as error:
        raise BadRecordsUrl("write it as postgresql://user@host:5432/database") from error
    if url.get_backend_name() not in {"postgresql", "postgres"} or not url.database:
        raise BadRecordsUrl("write it as postgresql://user@host:5432/database")
    if url.password is not None or "password" in url.query:
        raise BadRecordsUrl(
            "the address must not hold the password: give it in GRIDWARDEN_RECORDS__PASSWORD"
        )
    return url.set(drivername="postgresql+psycopg")


def postgres_engine(
    url: str,
    *,
    password: str | None = None,
    application_name: str = "gridwarden",
    patience: Patience = Patience(),
    pooled: bool = True,
) -> Engine:
    """Opens nothing yet. Without a password libpq looks into its own password file. Not `pooled`: no
    connection stays open. Raises BadRecordsUrl."""
    engine = create_engine(
        postgres_url(url),
        **(_POOL if pooled else {"poolclass": NullPool}),
        connect_args={
            "application_name": application_name,
            "connect_timeout": patience.connect_s,
            "options": _options(patience),
            "client_encoding": "utf8",
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            **({} if password is None else {"password": password}),
        },
    )

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: object, record: object, arguments: list[Any], parameters: dict[str, Any]
    ) -> psycopg.Connection[Any]:
        connection = BoundedConnection.connect(*arguments, **parameters)
        connection.patience_s = patience.statement_ms / 1_000 + _GRACE_S
        return connection

    return engine


def is_unavailability(error: BaseException | None) -> bool:
    """Whether another try may go well, or a person must mend the server; not: a row that it refuses."""
    state = getattr(error, "sqlstate", None)
    if state is None:  # it was said on our side: no connection, or a value that cannot be sent
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return state in _UNAVAILABLE_STATES or state.startswith(_UNAVAILABLE_CLASSES)


class BoundedConnection(psycopg.Connection[Any]):
    """Gives up a server that does not answer. libpq by itself would wait until the network says so."""

    patience_s: float | None = None  # None: as long as it takes

    def wait(
        self, gen: Generator[Any, Any, RV], *arguments: Any, **options: Any
    ) -> RV:  # what psycopg calls for every exchange with the server
        if self.patience_s is None:
            return super().wait(gen, *arguments, **options)
        return super().wait(self._bounded(gen, self.patience_s), *arguments, **options)

    def _bounded(
        self, exchange: Generator[Any, Any, RV], within_s: float
    ) -> Generator[Any, Any, RV]:
        give_up_at = time.monotonic() + within_s
        try:
            wanted = next(exchange)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > give_up_at:
                    self.pgconn.finish()  # what it would still say belongs to nobody
                    raise psycopg.OperationalError(f"no answer for {within_s:g} s")
                wanted = exchange.send(ready)
        except StopIteration as done:
            answer: RV = done.value
            return answer


def _options(patience: Patience) -> str:
    settings = {
        "synchronous_commit": "on",
        "default_transaction_isolation": r"read\ committed",
        "statement_timeout": str(patience.statement_ms),
        "lock_timeout": str(patience.lock_ms),
        # a process of ours that was stopped in the middle must not keep others waiting for its locks
        "idle_in_transaction_session_timeout": str(2 * patience.statement_ms),
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())
